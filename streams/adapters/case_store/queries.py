"""What does a page, a command or a subscriber ask the case store?"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, get_args

import msgspec
from sqlalchemy import Column, Connection, Select, and_, func, literal_column, not_, or_, select, tuple_, union
from sqlalchemy.sql.elements import ColumnElement

from streams.adapters.case_store.rows import DAY_MS
from streams.adapters.case_store.tables import (
    ATTACHMENTS,
    CASES,
    CONTACTS,
    DONE,
    ESCALATED,
    HANDOVERS,
    LOCK_STATES,
    LOCKS,
    NOTIFICATIONS,
    OF_ENTITIES,
    RECEIPTS,
    REFUSED,
    REJECTIONS,
    REMARKS,
    VERSIONS,
    WAITING,
    WORK,
)
from streams.adapters.case_store.words import Names, find_numbers, holds, no_names, phrases
from streams.contracts.cases import Queue
from streams.core.cases.review import NEVER_MS
from streams.core.locks.transitions import RELEASED

_LOOKED_AT: Final = 200  # newest cases with the words, where only some of the words count
_FOUND: Final = 500  # cases that hold a word, of which the rest is asked
_RANK: Final = (CASES.c.less_urgent, CASES.c.loss_band, CASES.c.due_ms, CASES.c.created_ms, CASES.c.case_id)
_RANK_KINDS: Final = (bool, int, int, int, str)


class BadCursor(Exception):
    """A cursor that no page gave out."""


class CaseLine(msgspec.Struct, frozen=True):
    """A case as one line of a list."""

    number: int
    case_id: str
    version: int
    at_ms: int
    owner: str
    queue: str
    priority: str
    status: str
    sub_status: str | None
    finding: str
    case_type: str
    flow: str
    cause_family: str
    subject: str
    account_id: str | None
    incident_id: str | None
    assignee: str | None
    amount_minor: int | None
    currency: str | None
    money_state: str | None
    created_ms: int
    first_response_due_ms: int | None
    next_update_due_ms: int | None
    resolution_due_ms: int | None
    less_urgent: bool
    loss_rank: int
    loss_band: int
    due_ms: int
    stage: int

    @property
    def loss_usd_minor(self) -> int:
        """What it is expected to lose, in US cents."""
        return -self.loss_rank

    def is_late(self, now_ms: int) -> bool:
        """Whether its first response is overdue."""
        return self.first_response_due_ms is not None and self.first_response_due_ms < now_ms

    @property
    def next_due_ms(self) -> int | None:
        """The deadline that comes first of those that people keep."""
        return None if self.due_ms >= NEVER_MS else self.due_ms


_LINE: Final = tuple(CASES.c[name] for name in CaseLine.__struct_fields__)


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which cases; None is any."""

    queue: str | None = None
    priority: str | None = None
    status: str | None = None
    case_type: str | None = None
    flow: str | None = None
    cause_family: str | None = None
    account_id: str | None = None
    incident_id: str | None = None
    assignee: str | None = None
    unassigned: bool = False  # only what nobody has
    escalated: bool = False  # only what is with the supervisors
    owner: str | None = None
    stage: int | None = WORK  # of tables: WORK, WAITING, DONE
    unworked_day: int | None = None  # days since 1970-01-01: without what an operator worked on that day


class Page(msgspec.Struct, frozen=True):
    """Some lines, and the cursor of what follows them."""

    lines: tuple[CaseLine, ...]
    next_cursor: str | None


class Version(msgspec.Struct, frozen=True):
    """One version of a case as it was published."""

    version: int
    at_ms: int
    body: bytes


class HeldLock(msgspec.Struct, frozen=True):
    """A lock that stands, as one line."""

    account_id: str
    action_id: str
    action: str
    scope: str
    status: str
    reason_class: str
    since_ms: int
    expires_ms: int | None

    def left_ms(self, now_ms: int) -> int | None:
        """How long it still stands; None without an end."""
        return None if self.expires_ms is None else max(0, self.expires_ms - now_ms)


class Answer(msgspec.Struct, frozen=True):
    """Why a request was not carried out."""

    event_id: str
    account_id: str
    case_id: str | None
    at_ms: int
    action: str
    cause: str
    text: str


class Account(msgspec.Struct, frozen=True):
    """What the store knows of an account; bodies are records as published."""

    account_id: str
    lock_state: bytes | None
    cases: tuple[CaseLine, ...]
    notifications: tuple[bytes, ...]
    answers: tuple[Answer, ...]
    erased_ms: int | None


def review_day(connection: Connection) -> int:
    """The day of the newest version, as days since 1970-01-01: the day whose capacity counts (core.cases.review)."""
    newest = connection.scalar(
        select(CASES.c.at_ms).where(CASES.c.shadow.is_(False)).order_by(CASES.c.at_ms.desc()).limit(1)
    )
    return int(newest or 0) // DAY_MS


def worked_on(connection: Connection, day: int, queue: str | None = None) -> int:
    """How many cases operators worked on that day."""
    query = select(func.count()).where(CASES.c.worked_day == day, CASES.c.shadow.is_(False))
    return connection.scalar(query if queue is None else query.where(CASES.c.queue == queue)) or 0


def ranked(
    connection: Connection, filters: Filters, limit: int, cursor: str | None = None, *, now_ms: int | None = None
) -> Page:
    """A page of cases as `core.cases.review` ranks them. Raises BadCursor.

    With `now_ms` those whose first response is overdue come first; the pages that follow go on as of the first one.
    """
    after: tuple[Any, ...] | None = None
    overdue = now_ms is not None
    if cursor is not None:
        since_ms, overdue, *rest = _read_cursor(cursor, (int, bool, *_RANK_KINDS))
        now_ms, after = since_ms if since_ms >= 0 else None, tuple(rest)
    found: list[CaseLine] = []
    # An overdue answer is a matter of the clock, so no index has the order of both: two lists, one after the other.
    for late in (True, False) if overdue else (False,):
        query = select(*_LINE).where(*_conditions(filters)).order_by(*_RANK).limit(limit + 1 - len(found))
        if now_ms is not None:
            is_late = and_(CASES.c.first_response_due_ms.is_not(None), CASES.c.first_response_due_ms < now_ms)
            query = query.where(is_late if late else not_(is_late))
        if after is not None:
            query, after = query.where(tuple_(*_RANK) > tuple_(*after)), None
        found += _lines(connection, query)
        if len(found) > limit:
            break
    if len(found) <= limit:
        return Page(tuple(found), None)
    last = found[limit - 1]
    was_late = now_ms is not None and last.is_late(now_ms)
    place = (last.less_urgent, last.loss_band, last.due_ms, last.created_ms, last.case_id)
    return Page(tuple(found[:limit]), _cursor(-1 if now_ms is None else now_ms, was_late, *place))


def counted(connection: Connection, filters: Filters, most: int | None = None) -> int:
    """How many cases there are; with `most` not more than that are counted."""
    found = select(literal_column("1")).select_from(CASES).where(*_conditions(filters)).limit(most).subquery()
    return connection.scalar(select(func.count()).select_from(found)) or 0


def search(
    connection: Connection,
    asked: str,
    limit: int,
    cursor: str | None = None,
    *,
    names: Names = no_names,
    shadow: bool = False,
) -> Page:
    """Cases that hold every phrase, or what it is a name of, the newest first. Raises BadCursor.

    Those in observe mode are found only with `shadow`.
    """
    below: int | None = None
    if cursor is not None:
        (below,) = _read_cursor(cursor, (int,))
    numbers = find_numbers(connection, asked, limit + 1, below, names)
    query = select(*_LINE).where(CASES.c.number.in_(numbers[:limit])).order_by(CASES.c.number.desc())
    if not shadow:
        query = query.where(CASES.c.shadow.is_(False))
    more = _cursor(numbers[limit - 1]) if len(numbers) > limit else None
    return Page(tuple(_lines(connection, query)), more)


def search_shown(
    connection: Connection,
    asked: str,
    limit: int,
    cursor: str | None,
    shown: Callable[[bytes], str],
    names: Names = no_names,
) -> Page:
    """As `search`, for somebody who may not read everything: only the words that `shown` makes of a body count.

    What is found by other words alone is as if it were not there. Of the cases that hold the phrases it looks at the
    newest _LOOKED_AT at most. Raises BadCursor.
    """
    below: int | None = None
    if cursor is not None:
        (below,) = _read_cursor(cursor, (int,))
    wanted = phrases(asked)
    numbers = find_numbers(connection, asked, _LOOKED_AT, below, names)
    query = select(*_LINE).where(CASES.c.number.in_(numbers), CASES.c.shadow.is_(False))
    found = tuple(_lines(connection, query.order_by(CASES.c.number.desc())))
    lines: list[CaseLine] = []
    for begin in range(0, len(found), limit):
        lines += that_hold(connection, found[begin : begin + limit], wanted, shown, names)
        if len(lines) > limit:
            return Page(tuple(lines[:limit]), _cursor(lines[limit - 1].number))
    # That there is more is told only to whoever was shown something.
    more = _cursor(numbers[-1]) if lines and len(numbers) == _LOOKED_AT else None
    return Page(tuple(lines), more)


def that_hold(
    connection: Connection,
    lines: Sequence[CaseLine],
    wanted: Sequence[list[str]],
    shown: Callable[[bytes], str],
    names: Names = no_names,
) -> Iterator[CaseLine]:
    """Those of the lines whose case holds the phrases in the words that `shown` makes of its body."""
    bodies = bodies_of(connection, [each.case_id for each in lines])
    return (each for each in lines if each.case_id in bodies and holds(shown(bodies[each.case_id]), wanted, names))


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody on the telephone can say; None: nothing."""

    account_id: str | None = None
    reference: str | None = None  # of a telephone or another channel, as the profile has it
    order: str | None = None  # of an order or a payment
    amount_minor: int | None = None
    currency: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


def sought(connection: Connection, asked: Sought, limit: int) -> tuple[tuple[str, ...], tuple[CaseLine, ...]]:
    """Accounts that are known by the reference or id, and cases for which everything that was said holds."""
    accounts: tuple[str, ...] = ()
    query = select(*_LINE).where(CASES.c.owner == "account", CASES.c.shadow.is_(False))
    if asked.reference is not None:
        reached = select(CONTACTS.c.account_id).where(CONTACTS.c.reference == asked.reference)
        accounts = tuple(connection.scalars(reached.order_by(CONTACTS.c.account_id).limit(limit)))
        query = query.where(CASES.c.account_id.in_(accounts))
    if asked.account_id is not None:
        accounts = tuple(each for each in accounts or (asked.account_id,) if each == asked.account_id)
        query = query.where(CASES.c.account_id == asked.account_id)
    if asked.order is not None:
        query = query.where(CASES.c.number.in_(find_numbers(connection, asked.order, _FOUND)))
    if asked.amount_minor is not None:
        query = query.where(CASES.c.amount_minor == asked.amount_minor)
    if asked.currency is not None:
        query = query.where(CASES.c.currency == asked.currency)
    if asked.since_ms is not None:  # no version is older than its case, and there is an index of versions by time
        query = query.where(CASES.c.at_ms >= asked.since_ms, CASES.c.created_ms >= asked.since_ms)
    if asked.until_ms is not None:
        query = query.where(CASES.c.created_ms <= asked.until_ms)
    order = (CASES.c.stage, CASES.c.created_ms.desc(), CASES.c.case_id)
    return accounts, tuple(_lines(connection, query.order_by(*order).limit(limit)))


class Attached(msgspec.Struct, frozen=True):
    """A file that a case refers to."""

    sha256: str
    reference: str
    kind: str
    media_type: str | None
    size_bytes: int | None
    actor: str
    role: str
    at_ms: int


def attachments(connection: Connection, case_id: str, sha256: str | None = None) -> tuple[Attached, ...]:
    """The files of a case, the oldest first; with a digest that one."""
    query = select(*(ATTACHMENTS.c[name] for name in Attached.__struct_fields__)).where(
        ATTACHMENTS.c.case_id == case_id
    )
    if sha256 is not None:
        query = query.where(ATTACHMENTS.c.sha256 == sha256)
    rows = connection.execute(query.order_by(ATTACHMENTS.c.at_ms, ATTACHMENTS.c.sha256))
    return tuple(Attached(*row) for row in rows)


class Remark(msgspec.Struct, frozen=True):
    """What somebody has said about a case, masked."""

    event_id: str
    case_id: str
    at_ms: int
    action: str
    actor: str
    role: str
    text: str


def remarks(
    connection: Connection, *, case_id: str | None = None, account_id: str | None = None, limit: int = 200
) -> tuple[Remark, ...]:
    """What was said about a case, or about all cases of an account, the newest first."""
    query = select(*(REMARKS.c[name] for name in Remark.__struct_fields__))
    if case_id is not None:
        query = query.where(REMARKS.c.case_id == case_id)
    if account_id is not None:
        query = query.where(REMARKS.c.account_id == account_id)
    rows = connection.execute(query.order_by(REMARKS.c.at_ms.desc(), REMARKS.c.event_id).limit(limit))
    return tuple(Remark(*row) for row in rows)


class Handover(msgspec.Struct, frozen=True):
    """What was said about a case when it was passed on."""

    event_id: str
    case_id: str
    giver: str
    receiver: str | None
    note: str
    at_ms: int


def handed_over(
    connection: Connection, receiver: str | None, since_ms: int, limit: int
) -> tuple[tuple[Handover, CaseLine], ...]:
    """What was passed on to somebody, or to whoever comes next, and is still theirs; of each case the newest note.

    What the core refused was not passed on, and a note counts once the core has told of it.
    """
    table = HANDOVERS
    theirs = table.c.receiver.is_(None) if receiver is None else table.c.receiver == receiver
    holds = CASES.c.assignee.is_(None) if receiver is None else CASES.c.assignee == receiver
    columns = [table.c[name] for name in Handover.__struct_fields__]
    query = (
        select(*columns, *_LINE)
        .join(CASES, CASES.c.case_id == table.c.case_id)
        .where(
            theirs,
            holds,
            table.c.at_ms >= since_ms,
            CASES.c.stage != DONE,
            ~select(REJECTIONS.c.event_id).where(REJECTIONS.c.event_id == table.c.event_id).exists(),
            or_(table.c.note == "", select(REMARKS.c.event_id).where(REMARKS.c.event_id == table.c.event_id).exists()),
        )
        .order_by(table.c.at_ms.desc(), table.c.case_id)
        .limit(limit)
    )
    found: dict[str, tuple[Handover, CaseLine]] = {}
    for row in connection.execute(query):
        note = Handover(*row[: len(columns)])
        found.setdefault(note.case_id, (note, CaseLine(*row[len(columns) :])))
    return tuple(found.values())


def of_entities(connection: Connection, stage: int, limit: int) -> tuple[tuple[CaseLine, int], ...]:
    """Incidents and attacks, the newest first, each with how many cases belong to it."""
    query = select(*_LINE).where(OF_ENTITIES, CASES.c.stage == stage, CASES.c.shadow.is_(False))
    lines = _lines(connection, query.order_by(CASES.c.created_ms.desc(), CASES.c.case_id).limit(limit))
    belonging = (
        select(CASES.c.incident_id, func.count())
        .where(CASES.c.incident_id.in_([line.case_id for line in lines]))
        .group_by(CASES.c.incident_id)
    )
    counts = {row[0]: int(row[1]) for row in connection.execute(belonging)}
    return tuple((line, counts.get(line.case_id, 0)) for line in lines)


def case_body(connection: Connection, case_id: str) -> bytes | None:
    """The newest version of a case as it was published."""
    return connection.scalar(
        select(VERSIONS.c.body)
        .join(CASES, and_(CASES.c.case_id == VERSIONS.c.case_id, CASES.c.version == VERSIONS.c.version))
        .where(CASES.c.case_id == case_id)
    )


def changed(
    connection: Connection, filters: Filters, since_ms: int, limit: int, cursor: str | None = None
) -> tuple[list[bytes], str | None]:
    """Newest versions as published, in the order of their event times from `since_ms` on. Raises BadCursor.

    A case that changes while the pages are read moves to the end: it may come twice, and is never left out.
    """
    order = (CASES.c.at_ms, CASES.c.case_id)
    wanted = _conditions(msgspec.structs.replace(filters, queue=None))
    if filters.queue is not None:
        # As a value and not a column, or SQLite takes the index of the queue and sorts all that is in it.
        wanted.append(CASES.c.queue.concat("") == filters.queue)
    query = (
        select(*order, VERSIONS.c.body)
        .join(VERSIONS, and_(CASES.c.case_id == VERSIONS.c.case_id, CASES.c.version == VERSIONS.c.version))
        .where(*wanted, CASES.c.at_ms >= since_ms)
    )
    return _in_time(connection, query, order, limit, cursor)


def notifications(
    connection: Connection,
    since_ms: int,
    limit: int,
    cursor: str | None = None,
    *,
    account_id: str | None = None,
    case_id: str | None = None,
) -> tuple[list[bytes], str | None]:
    """Messages to customers as published, in the order of their event times. Raises BadCursor."""
    order = (NOTIFICATIONS.c.at_ms, NOTIFICATIONS.c.notification_id)
    query = select(*order, NOTIFICATIONS.c.body).where(NOTIFICATIONS.c.at_ms >= since_ms)
    if account_id is not None:
        query = query.where(NOTIFICATIONS.c.account_id == account_id)
    if case_id is not None:
        query = query.where(NOTIFICATIONS.c.case_id == case_id)
    return _in_time(connection, query, order, limit, cursor)


def lock_state(connection: Connection, account_id: str) -> bytes | None:
    """The newest state of an account's locks as it was published."""
    return connection.scalar(select(LOCK_STATES.c.body).where(LOCK_STATES.c.account_id == account_id))


def version(connection: Connection, case_id: str, number: int) -> bytes | None:
    """One version of a case as it was published."""
    return connection.scalar(select(VERSIONS.c.body).where(VERSIONS.c.case_id == case_id, VERSIONS.c.version == number))


def versions(connection: Connection, case_id: str, *, after: int = -1, limit: int | None = None) -> tuple[Version, ...]:
    """Versions of a case that are kept, those after `after`, the oldest first."""
    query = (
        select(VERSIONS.c.version, VERSIONS.c.at_ms, VERSIONS.c.body)
        .where(VERSIONS.c.case_id == case_id, VERSIONS.c.version > after)
        .order_by(VERSIONS.c.version)
        .limit(limit)
    )
    return tuple(Version(*row) for row in connection.execute(query))


def children(connection: Connection, incident_id: str, limit: int, begin: int = 0) -> tuple[tuple[CaseLine, ...], int]:
    """Cases that belong to an incident, or were merged into it, as they rank, from place `begin` on; and how many."""
    # Not one condition with "or": each has an index.
    belonging = union(
        *(select(CASES.c.number).where(column == incident_id) for column in (CASES.c.incident_id, CASES.c.parent_id))
    ).subquery()
    query = select(*_LINE).join(belonging, belonging.c.number == CASES.c.number).where(CASES.c.case_id != incident_id)
    total = connection.scalar(select(func.count()).select_from(query.with_only_columns(CASES.c.number).subquery()))
    return tuple(_lines(connection, query.order_by(CASES.c.stage, *_RANK).limit(limit).offset(begin))), total or 0


def locks(connection: Connection, limit: int, cursor: str | None = None) -> tuple[tuple[HeldLock, ...], str | None]:
    """Locks that stand, those that end first before those that do not; the cursor of what follows."""
    ends = func.coalesce(LOCKS.c.expires_ms, 2**62)
    order = (ends, LOCKS.c.account_id, LOCKS.c.action_id)
    query = select(*(LOCKS.c[name] for name in HeldLock.__struct_fields__)).where(LOCKS.c.status != RELEASED)
    if cursor is not None:
        query = query.where(tuple_(*order) > tuple_(*_read_cursor(cursor, (int, str, str))))
    found = [HeldLock(*row) for row in connection.execute(query.order_by(*order).limit(limit + 1))]
    if len(found) <= limit:
        return tuple(found), None
    last = found[limit - 1]
    after = _cursor(2**62 if last.expires_ms is None else last.expires_ms, last.account_id, last.action_id)
    return tuple(found[:limit]), after


def measures(connection: Connection, account_id: str | None) -> tuple[str, ...]:
    """What stands on an account: freeze, restrict, ..."""
    query = select(LOCKS.c.action).where(LOCKS.c.account_id == account_id, LOCKS.c.status != RELEASED)
    return tuple(connection.scalars(query.distinct().order_by(LOCKS.c.action)))


def lines_of(connection: Connection, numbers: Sequence[int]) -> tuple[CaseLine, ...]:
    """The cases with these numbers, the newest first."""
    query = select(*_LINE).where(CASES.c.number.in_(numbers)).order_by(CASES.c.number.desc())
    return tuple(_lines(connection, query))


def line(connection: Connection, case_id: str) -> CaseLine | None:
    """One case as a line of a list."""
    found = _lines(connection, select(*_LINE).where(CASES.c.case_id == case_id))
    return found[0] if found else None


def account(connection: Connection, account_id: str, limit: int = 50) -> Account | None:
    """What is known of an account; None if nothing is, not even that it was forgotten."""
    state = connection.scalar(select(LOCK_STATES.c.body).where(LOCK_STATES.c.account_id == account_id))
    lines = _lines(
        connection,
        select(*_LINE).where(CASES.c.account_id == account_id).order_by(CASES.c.created_ms.desc()).limit(limit),
    )
    notices = connection.scalars(
        select(NOTIFICATIONS.c.body)
        .where(NOTIFICATIONS.c.account_id == account_id)
        .order_by(NOTIFICATIONS.c.at_ms.desc(), NOTIFICATIONS.c.notification_id)
        .limit(limit)
    ).all()
    said = answers(connection, account_id=account_id, limit=limit)
    erased = connection.scalar(select(func.max(RECEIPTS.c.at_ms)).where(RECEIPTS.c.account_id == account_id))
    if state is None and not lines and not notices and not said and erased is None:
        return None
    return Account(account_id, state, tuple(lines), tuple(notices), said, erased)


def answers(
    connection: Connection, *, case_id: str | None = None, account_id: str | None = None, limit: int = 20
) -> tuple[Answer, ...]:
    """Requests about a case or an account that were refused, the newest first."""
    table = REJECTIONS
    query = select(*(table.c[name] for name in Answer.__struct_fields__))
    if case_id is not None:
        query = query.where(table.c.case_id == case_id)
    if account_id is not None:
        query = query.where(table.c.account_id == account_id)
    rows = connection.execute(query.order_by(table.c.at_ms.desc(), table.c.event_id).limit(limit))
    return tuple(Answer(*row) for row in rows)


def answer(connection: Connection, event_id: str) -> Answer | None:
    """Why the request with this id was refused; None if it was not, or not yet."""
    table = REJECTIONS
    row = connection.execute(
        select(*(table.c[name] for name in Answer.__struct_fields__)).where(table.c.event_id == event_id)
    ).first()
    return None if row is None else Answer(*row)


def notices_of_case(connection: Connection, case_id: str, limit: int = 20) -> tuple[bytes, ...]:
    """Messages to the customer that a case sent, the oldest first."""
    query = (
        select(NOTIFICATIONS.c.body)
        .where(NOTIFICATIONS.c.case_id == case_id)
        .order_by(NOTIFICATIONS.c.at_ms, NOTIFICATIONS.c.notification_id)
        .limit(limit)
    )
    return tuple(connection.scalars(query).all())


def newest_bodies(connection: Connection, limit: int) -> Iterator[bytes]:
    """The newest versions, as published, of the accounts' cases that were stored last."""
    newest = (
        select(CASES.c.case_id, CASES.c.version)
        .where(CASES.c.owner == "account")
        .order_by(CASES.c.number.desc())
        .limit(limit)
        .subquery()
    )
    found = and_(newest.c.case_id == VERSIONS.c.case_id, newest.c.version == VERSIONS.c.version)
    yield from connection.scalars(select(VERSIONS.c.body).join(newest, found))


_NEWEST: Final = select(CASES.c.case_id, VERSIONS.c.body).join(
    VERSIONS, and_(CASES.c.case_id == VERSIONS.c.case_id, CASES.c.version == VERSIONS.c.version)
)


def bodies_of(connection: Connection, case_ids: Sequence[str]) -> dict[str, bytes]:
    """The newest versions of these cases as they were published, by case id; one page of them at most."""
    query = _NEWEST.where(CASES.c.case_id.in_(case_ids))
    return {row.case_id: row.body for row in connection.execute(query)}


def bodies(connection: Connection) -> Iterator[tuple[str, bytes]]:
    """Every case's newest version as it was published, by case id."""
    query = _NEWEST.order_by(CASES.c.case_id)
    for row in connection.execution_options(yield_per=1_000).execute(query):
        yield row.case_id, row.body


def escalated_cases(connection: Connection) -> dict[str, int]:
    """How many open cases wait for a supervisor, by queue."""
    query = select(CASES.c.queue, func.count()).where(ESCALATED, CASES.c.stage == WORK).group_by(CASES.c.queue)
    return {row[0]: row[1] for row in connection.execute(query)}


class Backlog(msgspec.Struct, frozen=True):
    """What open cases of one kind are about: minor units by currency, and since when the oldest is open."""

    amounts: dict[str, int]
    oldest_ms: int | None


def backlog(connection: Connection, queue: Queue, cause_family: str) -> Backlog:
    """Of the cases of this family that are not resolved or ended. The queue leads to an index."""
    columns = (CASES.c.currency, func.sum(CASES.c.amount_minor), func.min(CASES.c.created_ms))
    wanted = (CASES.c.queue == queue, CASES.c.stage.in_((WORK, WAITING)), CASES.c.cause_family == cause_family)
    query = select(*columns).where(*wanted)
    rows = [tuple(row) for row in connection.execute(query.group_by(CASES.c.currency))]
    amounts = {currency: int(amount) for currency, amount, _ in rows if currency is not None and amount is not None}
    return Backlog(amounts, min((since_ms for _, _, since_ms in rows), default=None))


def open_cases(connection: Connection) -> dict[tuple[str, str], int]:
    """How many cases are not resolved or ended, by queue and priority."""
    of = (CASES.c.queue, CASES.c.priority)
    # That the queues are named leads SQLite to the index that has everything; without, it looks at every case.
    wanted = (CASES.c.queue.in_(get_args(Queue)), CASES.c.stage.in_((WORK, WAITING)))
    query = select(*of, func.count()).where(*wanted).group_by(*of)
    return {(queue, priority): count for queue, priority, count in connection.execute(query)}


def sizes(connection: Connection) -> dict[str, int]:
    """How many of each there are."""
    tables = {"cases": CASES, "versions": VERSIONS, "accounts_with_locks": LOCK_STATES, "messages": NOTIFICATIONS}
    more = {"refusals": REJECTIONS, "erasures": RECEIPTS, "not_understood": REFUSED}
    return {
        name: connection.scalar(select(func.count()).select_from(table)) or 0 for name, table in (tables | more).items()
    }


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    # What is in observe mode is DONE, so only there it has to be looked for.
    wanted: list[ColumnElement[bool]] = [] if filters.stage in (WORK, WAITING) else [CASES.c.shadow.is_(False)]
    for name in (
        "queue",
        "priority",
        "status",
        "case_type",
        "flow",
        "cause_family",
        "account_id",
        "incident_id",
        "assignee",
        "stage",
    ):
        value = getattr(filters, name)
        if value is not None:
            wanted.append(CASES.c[name] == value)
    if filters.owner is not None:
        wanted.append(OF_ENTITIES if filters.owner == "entity" else CASES.c.owner == filters.owner)
    if filters.escalated:
        wanted.append(ESCALATED)
    if filters.unassigned:
        wanted.append(CASES.c.assignee.is_(None))
    if filters.unworked_day is not None:
        wanted.append(or_(CASES.c.worked_day.is_(None), CASES.c.worked_day != filters.unworked_day))
    return wanted


def _in_time(
    connection: Connection, query: Select[Any], order: tuple[Column[int], Column[str]], limit: int, cursor: str | None
) -> tuple[list[bytes], str | None]:
    if cursor is not None:
        query = query.where(tuple_(*order) > tuple_(*_read_cursor(cursor, (int, str))))
    rows = connection.execute(query.order_by(*order).limit(limit + 1)).all()
    more = _cursor(*rows[limit - 1][:2]) if len(rows) > limit else None
    return [row.body for row in rows[:limit]], more


def _lines(connection: Connection, query: Select[Any]) -> list[CaseLine]:
    return [CaseLine(*row) for row in connection.execute(query)]


def _cursor(*key: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _read_cursor(cursor: str, kinds: tuple[type, ...]) -> tuple[Any, ...]:
    try:
        raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        key: tuple[Any, ...] = msgspec.json.decode(raw, type=tuple[kinds])  # type: ignore[valid-type]
    except (ValueError, msgspec.DecodeError):
        raise BadCursor("this cursor is none that a page gave out; begin again without it") from None
    return key
