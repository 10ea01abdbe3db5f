"""Which lists has somebody named, and what did a shift leave to the next one?"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, delete, func, insert, or_, select

from streams.adapters.case_store.queries import Handover
from streams.adapters.case_store.tables import HANDOVERS, VIEWS


class View(msgspec.Struct, frozen=True):
    """Filters of the queue under a name; `query` is that of the address."""

    owner: str
    name: str
    query: str
    shared: bool


def views(connection: Connection, owner: str) -> tuple[View, ...]:
    """Those of somebody, and those that are shared with everybody."""
    columns = [VIEWS.c[name] for name in View.__struct_fields__]
    mine = or_(VIEWS.c.owner == owner, VIEWS.c.shared)
    rows = connection.execute(select(*columns).where(mine).order_by(VIEWS.c.shared, VIEWS.c.name, VIEWS.c.owner))
    return tuple(View(*row) for row in rows)


def count_of(connection: Connection, owner: str) -> int:
    return connection.scalar(select(func.count()).select_from(VIEWS).where(VIEWS.c.owner == owner)) or 0


def keep(connection: Connection, view: View) -> None:
    """Keeps a view, in the place of one that its owner has given the same name."""
    drop(connection, view.owner, view.name)
    connection.execute(insert(VIEWS), msgspec.structs.asdict(view))


def drop(connection: Connection, owner: str, name: str) -> None:
    connection.execute(delete(VIEWS).where(VIEWS.c.owner == owner, VIEWS.c.name == name))


def note(connection: Connection, handovers: Iterable[Handover]) -> None:
    """Notes what is said about cases that are passed on; the same again changes nothing."""
    for each in handovers:
        connection.execute(delete(HANDOVERS).where(HANDOVERS.c.event_id == each.event_id))
        connection.execute(insert(HANDOVERS), msgspec.structs.asdict(each))
