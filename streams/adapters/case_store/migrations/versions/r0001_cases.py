"""The first form: cases, versions, locks, messages, answers, receipts, positions, and the index of words."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def where(condition: str) -> dict[str, Any]:
    return {f"{dialect}_where": sa.text(condition) for dialect in ("sqlite", "postgresql")}


def upgrade() -> None:
    rank = ["stage", "less_urgent", "loss_rank", "created_ms", "case_id", "priority", "worked_day"]
    op.create_table(
        "cases",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.String(length=128), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("shadow", sa.Boolean(), nullable=False),
        sa.Column("queue", sa.String(length=64), nullable=False),
        sa.Column("priority", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("sub_status", sa.String(length=64), nullable=True),
        sa.Column("finding", sa.String(length=64), nullable=False),
        sa.Column("case_type", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("cause_family", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=False),
        sa.Column("account_id", sa.String(length=128), nullable=True),
        sa.Column("payment_id", sa.String(length=128), nullable=True),
        sa.Column("incident_id", sa.String(length=128), nullable=True),
        sa.Column("parent_id", sa.String(length=128), nullable=True),
        sa.Column("assignee", sa.String(length=128), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("money_state", sa.String(length=64), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("first_response_due_ms", sa.BigInteger(), nullable=True),
        sa.Column("next_update_due_ms", sa.BigInteger(), nullable=True),
        sa.Column("resolution_due_ms", sa.BigInteger(), nullable=True),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("less_urgent", sa.Boolean(), nullable=False),
        sa.Column("loss_rank", sa.BigInteger(), nullable=False),
        sa.Column("worked_day", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("cases_by_id", "cases", ["case_id"], unique=True)
    op.create_index("cases_by_time", "cases", ["at_ms"], unique=False)
    op.create_index(
        "cases_by_worked_day",
        "cases",
        ["worked_day"],
        unique=False,
        **where("worked_day IS NOT NULL"),
    )
    op.create_index("cases_of_account", "cases", ["account_id"], unique=False)
    op.create_index(
        "cases_of_assignee",
        "cases",
        ["assignee", "stage"],
        unique=False,
        **where("assignee IS NOT NULL"),
    )
    op.create_index(
        "cases_of_entities",
        "cases",
        ["created_ms"],
        unique=False,
        **where("owner = 'entity'"),
    )
    op.create_index(
        "cases_of_incident",
        "cases",
        ["incident_id"],
        unique=False,
        **where("incident_id IS NOT NULL"),
    )
    op.create_index(
        "cases_of_parent",
        "cases",
        ["parent_id"],
        unique=False,
        **where("parent_id IS NOT NULL"),
    )
    op.create_index("cases_ranked", "cases", rank, unique=False)
    op.create_index("cases_ranked_in_queue", "cases", ["queue", *rank], unique=False)
    op.create_table(
        "gone",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "id"),
    )
    op.create_index("gone_by_time", "gone", ["at_ms"], unique=False)
    op.create_table(
        "lock_states",
        sa.Column("account_id", sa.String(length=128), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_table(
        "locks",
        sa.Column("account_id", sa.String(length=128), nullable=False),
        sa.Column("action_id", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("reason_class", sa.String(length=64), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "action_id"),
    )
    op.create_index("locks_by_end", "locks", ["expires_ms", "account_id"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("notification_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=128), nullable=False),
        sa.Column("case_id", sa.String(length=128), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("notification_id"),
    )
    op.create_index("notifications_of_account", "notifications", ["account_id", "at_ms"], unique=False)
    op.create_index("notifications_of_case", "notifications", ["case_id"], unique=False)
    op.create_table(
        "positions",
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition"),
    )
    op.create_table(
        "receipts",
        sa.Column("event_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=128), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "refused",
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "offset"),
    )
    op.create_table(
        "rejections",
        sa.Column("event_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=128), nullable=False),
        sa.Column("case_id", sa.String(length=128), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("text", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("rejections_of_account", "rejections", ["account_id"], unique=False)
    op.create_index("rejections_of_case", "rejections", ["case_id"], unique=False)
    op.create_table(
        "versions",
        sa.Column("case_id", sa.String(length=128), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "version"),
    )
    if op.get_bind().dialect.name == "sqlite":
        # Words are cut by streams/adapters/case_store/words.py; unicode61 only separates them at blanks.
        op.execute("CREATE VIRTUAL TABLE case_words USING fts5(words, tokenize = 'unicode61 remove_diacritics 0')")
    else:
        op.execute("CREATE TABLE case_words (number bigint PRIMARY KEY, words tsvector NOT NULL)")
        op.execute("CREATE INDEX case_words_by_word ON case_words USING gin (words)")
