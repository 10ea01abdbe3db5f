"""Lists of what nobody has: the assignee stands in the indexes of the ranks."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    rank = ["stage", "less_urgent", "loss_rank", "created_ms", "case_id", "priority", "worked_day", "assignee"]
    for name, columns in (("cases_ranked", rank), ("cases_ranked_in_queue", ["queue", *rank])):
        op.drop_index(name, "cases")
        op.create_index(name, "cases", columns, unique=False)
