"""The report of a merchant with many payments is counted in the order of its index, day by day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    known = sa.text("merchant_id IS NOT NULL")
    op.drop_index("activity_of_merchant_id", "activity")
    by_time: list[str | sa.TextClause] = ["merchant_id", "at_ms", "kind"]
    day = sa.text("(at_ms / 86400000)")
    by_day: list[str | sa.TextClause] = ["merchant_id", day, "kind", "label", "currency", "amount_minor"]
    for name, columns in (("activity_of_merchant_id", by_time), ("activity_of_merchant_by_day", by_day)):
        op.create_index(name, "activity", columns, unique=False, sqlite_where=known, postgresql_where=known)
