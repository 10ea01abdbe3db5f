"""Payments are found by their order and amount before there is a case about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("activity", sa.Column("order_id", sa.String(length=128), nullable=True))
    for name, columns in (
        ("activity_of_order_id", ["order_id"]),
        ("activity_of_subject_id", ["subject_id"]),
        ("activity_by_amount", ["amount_minor", "at_ms"]),
    ):
        known = sa.text(f"{columns[0]} IS NOT NULL")
        op.create_index(name, "activity", columns, unique=False, sqlite_where=known, postgresql_where=known)
