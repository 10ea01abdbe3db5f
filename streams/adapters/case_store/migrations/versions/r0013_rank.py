"""The queue ranks by loss and deadline, and what nobody has answered in time comes first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_RANK = ["less_urgent", "loss_band", "due_ms", "created_ms", "case_id"]
_FILTERED = ["priority", "worked_day", "assignee", "first_response_due_ms"]
_CHUNK = 10_000
_NEVER_MS = 2**62


def upgrade() -> None:
    op.add_column("cases", sa.Column("loss_band", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("cases", sa.Column("due_ms", sa.BigInteger(), nullable=False, server_default=str(_NEVER_MS)))
    _fill()
    for name, columns, condition in (
        ("cases_ranked", ["stage", *_RANK, *_FILTERED], None),
        ("cases_ranked_in_queue", ["queue", "stage", *_RANK, *_FILTERED], None),
        ("cases_of_assignee", ["assignee", "stage", *_RANK], "assignee IS NOT NULL"),
        ("cases_of_incident", ["incident_id", "stage", *_RANK], "incident_id IS NOT NULL"),
        ("cases_escalated", ["stage", *_RANK], "sub_status = 'escalated'"),
    ):
        op.drop_index(name, "cases")
        where = None if condition is None else sa.text(condition)
        op.create_index(name, "cases", columns, unique=False, sqlite_where=where, postgresql_where=where)


def _fill() -> None:
    """What the columns of before say; whether a message was an answer only the next version tells."""
    connection = op.get_bind()
    cases = sa.table(
        "cases",
        *(sa.column(each, sa.BigInteger()) for each in ("number", "loss_rank", "due_ms", "worked_day", "stage")),
        sa.column("loss_band", sa.Integer()),
        *(sa.column(each, sa.BigInteger()) for each in ("first_response_due_ms", "resolution_due_ms")),
        sa.column("status", sa.String()),
    )
    answered = sa.or_(cases.c.worked_day.is_not(None), cases.c.stage != 0)
    connection.execute(sa.update(cases).where(answered).values(first_response_due_ms=None))
    first, resolution = cases.c.first_response_due_ms, cases.c.resolution_due_ms
    earlier = sa.case((first < resolution, first), else_=resolution)
    due = sa.func.coalesce(earlier, resolution, first, _NEVER_MS)
    connection.execute(sa.update(cases).values(due_ms=due))
    losing = sa.select(cases.c.number, cases.c.loss_rank).where(cases.c.loss_rank < -99).order_by(cases.c.number)
    known = connection.execute(losing).all()
    put = sa.update(cases).where(cases.c.number == sa.bindparam("of")).values(loss_band=sa.bindparam("band"))
    for at in range(0, len(known), _CHUNK):
        chunk = known[at : at + _CHUNK]
        connection.execute(put, [{"of": row.number, "band": -(-row.loss_rank // 100).bit_length()} for row in chunk])
