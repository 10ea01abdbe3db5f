"""What happened on accounts lately, one short row for each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "activity",
        sa.Column("account_id", sa.String(length=128), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=True),
        sa.Column("subject_id", sa.String(length=128), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("merchant_id", sa.String(length=128), nullable=True),
        sa.Column("payee_id", sa.String(length=128), nullable=True),
        sa.Column("card_token", sa.String(length=128), nullable=True),
        sa.Column("device_id", sa.String(length=128), nullable=True),
        sa.Column("ip", sa.String(length=45), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "at_ms", "event_id"),
        sqlite_with_rowid=False,
    )
    for name in ("merchant_id", "payee_id", "card_token", "device_id", "ip"):
        known = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"activity_of_{name}", "activity", [name, "at_ms"], sqlite_where=known, postgresql_where=known)
