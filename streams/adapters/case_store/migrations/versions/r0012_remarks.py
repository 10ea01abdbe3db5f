"""What was said about cases, and cases that are with the supervisors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "remarks",
        sa.Column("case_id", sa.String(length=128), nullable=False),
        sa.Column("event_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=128), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "event_id"),
    )
    op.create_index("remarks_of_account", "remarks", ["account_id", "at_ms"], unique=False)
    op.create_index("remarks_of_event", "remarks", ["event_id"], unique=False)
    escalated = sa.text("sub_status = 'escalated'")
    rank = ["stage", "less_urgent", "loss_rank", "created_ms", "case_id"]
    op.create_index("cases_escalated", "cases", rank, unique=False, sqlite_where=escalated, postgresql_where=escalated)
