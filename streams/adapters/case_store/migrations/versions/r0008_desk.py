"""Contact references, views of the queue, handovers of a shift, and which actions were sent together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "contacts",
        sa.Column("account_id", sa.String(length=128), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "reference"),
    )
    op.create_index("contacts_by_reference", "contacts", ["reference"], unique=False)
    op.create_table(
        "views",
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("query", sa.String(length=512), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name"),
    )
    op.create_table(
        "handovers",
        sa.Column("event_id", sa.String(length=128), nullable=False),
        sa.Column("case_id", sa.String(length=128), nullable=False),
        sa.Column("giver", sa.String(length=128), nullable=False),
        sa.Column("receiver", sa.String(length=128), nullable=True),
        sa.Column("note", sa.String(length=512), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("handovers_to", "handovers", ["receiver", "at_ms"], unique=False)
    op.create_index("handovers_of_case", "handovers", ["case_id"], unique=False)
    op.add_column("sent_actions", sa.Column("batch", sa.String(length=64), nullable=True))
    known = sa.text("batch IS NOT NULL")
    op.create_index("sent_actions_of_batch", "sent_actions", ["batch"], sqlite_where=known, postgresql_where=known)
    known = sa.text("amount_minor IS NOT NULL")
    op.create_index("cases_by_amount", "cases", ["amount_minor"], sqlite_where=known, postgresql_where=known)
