"""A case that was answered by itself waits for another word of its customer: it is nobody's work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    cases = sa.table("cases", sa.column("stage", sa.Integer), sa.column("status", sa.String))
    work, waiting = 0, 1
    op.execute(cases.update().where(cases.c.status == "auto_answered", cases.c.stage == work).values(stage=waiting))
