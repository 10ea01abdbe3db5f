"""Lists of incidents, of one person and by time, and pages of busy entities, without a look at every row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    rank = ["stage", "less_urgent", "loss_rank", "created_ms", "case_id"]
    for name, columns, condition in (
        ("cases_by_time", ["at_ms", "case_id"], "shadow IS {false}"),
        ("cases_of_assignee", ["assignee", *rank], "assignee IS NOT NULL"),
        ("cases_of_incident", ["incident_id", *rank], "incident_id IS NOT NULL"),
        ("cases_of_entities", ["stage", "created_ms", "case_id"], "owner = 'entity'"),
    ):
        op.drop_index(name, "cases")
        _partial(name, "cases", columns, condition)
    _partial("entities_by_time", "cases", ["at_ms", "case_id"], "owner = 'entity'")
    for name in ("merchant_id", "payee_id", "card_token", "device_id", "ip"):
        more = ["label", "currency", "amount_minor"] if name == "merchant_id" else []
        op.drop_index(f"activity_of_{name}", "activity")
        _partial(f"activity_of_{name}", "activity", [name, "at_ms", "kind", *more], f"{name} IS NOT NULL")


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    sqlite, postgresql = (sa.text(condition.format(false=false)) for false in ("0", "false"))
    op.create_index(name, table, columns, unique=False, sqlite_where=sqlite, postgresql_where=postgresql)
