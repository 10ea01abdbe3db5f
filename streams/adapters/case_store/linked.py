"""What happened on an account, and what links accounts: an address, device, card, payee or merchant?"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, and_, exists, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from streams.adapters.case_store.activity import ENTITY_COLUMNS, Detail, decode_detail
from streams.adapters.case_store.queries import CaseLine, Sought, lines_of
from streams.adapters.case_store.store import decode_case
from streams.adapters.case_store.tables import (
    ACTIVITY,
    CASES,
    CONTACTS,
    DAY_OF,
    LOCK_STATES,
    NOTIFICATIONS,
    OF_ENTITIES,
    VERSIONS,
)
from streams.adapters.case_store.words import numbers_with
from streams.contracts.cases import CaseVersion

_DONE: Final = ACTIVITY.c
_NOTHING: Final = Detail()
_OF_PAYMENTS: Final = ("payment.succeeded", "payment.failed", "payment.pending", "payment.reversed")
_LOOKED_AT: Final = 5_000  # of the busiest entities: what is older says little about who uses them
_PAID: Final = 500
_STEPS: Final = 50  # of one payment
_EXACTLY: Final = 200  # cases that are read to see what their words stand for


class Act(msgspec.Struct, frozen=True):
    """One thing that happened on an account."""

    account_id: str
    at_ms: int
    event_id: str
    kind: str  # payment.failed, login.succeeded, ledger.posted, decision.made, ...
    label: str | None  # codes, outcome, direction: what the kind says more exactly
    subject_id: str | None  # the payment or login
    amount_minor: int | None
    currency: str | None
    merchant_id: str | None
    payee_id: str | None
    card_token: str | None
    device_id: str | None
    ip: str | None
    country: str | None
    order_id: str | None
    detail: Detail


class Link(msgspec.Struct, frozen=True):
    """An account that used an entity."""

    account_id: str
    times: int
    first_ms: int
    last_ms: int
    failures: int


class DayOfMerchant(msgspec.Struct, frozen=True):
    """How often something happened at a merchant on a day, and for how much."""

    day: int  # since 1970-01-01
    kind: str
    label: str  # why it failed, in the words of its source; or nothing
    currency: str | None
    times: int
    amount_minor: int


_ACT = tuple(_DONE[name] for name in Act.__struct_fields__)


def of_account(
    connection: Connection, account_id: str, limit: int, *, begin_ms: int = 0, end_ms: int = 2**62
) -> tuple[Act, ...]:
    """What happened on an account within a time, the newest `limit`, the newest first."""
    query = select(*_ACT).where(_DONE.account_id == account_id, _DONE.at_ms >= begin_ms, _DONE.at_ms <= end_ms)
    return _acts(connection, query.order_by(_DONE.at_ms.desc(), _DONE.event_id.desc()).limit(limit))


def is_known(connection: Connection, account_id: str) -> bool:
    """Whether anything of an account is on record: a case, something that happened, a lock, a message, a contact."""
    tables = (CASES, ACTIVITY, LOCK_STATES, NOTIFICATIONS, CONTACTS)
    return any(connection.scalar(select(exists().where(each.c.account_id == account_id))) for each in tables)


def payments(connection: Connection, asked: Sought, accounts: Collection[str], limit: int) -> tuple[Act, ...]:
    """What became of payments for which everything that was said holds, the newest first, each payment once.

    `accounts`: those that the telephone reference or the account leads to. A time alone names too many.
    """
    wanted: list[ColumnElement[bool]] = [_DONE.kind.in_(_OF_PAYMENTS)]
    if asked.order is not None:
        wanted.append(or_(_DONE.order_id == asked.order, _DONE.subject_id == asked.order))
    if asked.amount_minor is not None:
        wanted.append(_DONE.amount_minor == asked.amount_minor)
    if asked.reference is not None or asked.account_id is not None:
        wanted.append(_DONE.account_id.in_(accounts))
    if len(wanted) == 1:
        return ()
    if asked.currency is not None:
        wanted.append(_DONE.currency == asked.currency)
    if asked.since_ms is not None:
        wanted.append(_DONE.at_ms >= asked.since_ms)
    if asked.until_ms is not None:
        wanted.append(_DONE.at_ms <= asked.until_ms)
    query = select(*_ACT).where(*wanted).order_by(_DONE.at_ms.desc(), _DONE.event_id.desc()).limit(4 * limit)
    found: dict[tuple[str, str], Act] = {}
    for act in _acts(connection, query):
        found.setdefault((act.account_id, act.subject_id or act.event_id), act)
    return tuple(found.values())[:limit]


def of_payment(connection: Connection, account_id: str, payment_id: str) -> tuple[Act, ...]:
    """What happened with one payment of an account, the oldest first."""
    query = select(*_ACT).where(_DONE.account_id == account_id, _DONE.subject_id == payment_id)
    return _acts(connection, query.order_by(_DONE.at_ms, _DONE.event_id).limit(_STEPS))


def of_entity(connection: Connection, kind: str, value: str, limit: int) -> tuple[Act, ...]:
    """What happened with an entity, the newest `limit`, the newest first. `kind` is one of ENTITY_COLUMNS."""
    query = select(*_ACT).where(_DONE[ENTITY_COLUMNS[kind]] == value)
    return _acts(connection, query.order_by(_DONE.at_ms.desc()).limit(limit))


def commands(connection: Connection, entity: str, limit: int) -> tuple[Act, ...]:
    """Blocks and challenges of an entity (kind/value), the newest first: they are kept under its own name."""
    return of_account(connection, entity, limit)


def accounts(connection: Connection, kind: str, value: str, limit: int) -> tuple[tuple[Link, ...], int]:
    """Accounts that used an entity lately, those that used it last first; and how many there are.

    Lately: in the newest `_LOOKED_AT` things that happened with it.
    """
    column = _DONE[ENTITY_COLUMNS[kind]]
    newest = select(_DONE.account_id, _DONE.at_ms, _DONE.kind).where(column == value).order_by(_DONE.at_ms.desc())
    seen = newest.limit(_LOOKED_AT).subquery().c
    failed = func.count().filter(seen.kind.like("%.failed"))
    last = func.max(seen.at_ms)
    query = (
        select(seen.account_id, func.count(), func.min(seen.at_ms), last, failed, func.count().over())
        .group_by(seen.account_id)
        .order_by(last.desc(), seen.account_id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    return tuple(Link(*row[:-1]) for row in rows), int(rows[0][-1]) if rows else 0


def cases_naming(
    connection: Connection, field: str, value: str, limit: int, *, owner: str, since_ms: int = 0
) -> tuple[tuple[CaseLine, ...], int]:
    """Cases of `owner` (account, entity) that name an entity (a field of Entities), and how many there are.

    Of accounts also those about a payment which used it; of the payments the newest `_PAID` are looked at. The newest
    `limit`, the newest first, of those with a version since `since_ms`. Past the newest `_EXACTLY` that hold the words
    of the value every one that does counts, wherever it holds them.
    """
    wanted = (
        CASES.c.shadow.is_(False),
        OF_ENTITIES if owner == "entity" else CASES.c.owner == owner,
        CASES.c.at_ms >= since_ms,
    )
    found, more = set[int](), 0
    with_words = numbers_with(connection, value)
    if with_words is not None:
        holding = with_words.subquery()
        held = select(CASES.c.number).join(holding, holding.c.number == CASES.c.number).where(*wanted)
        newest = held.order_by(CASES.c.number.desc()).limit(_EXACTLY).subquery()
        query = (
            select(CASES.c.number, VERSIONS.c.body)
            .join(newest, newest.c.number == CASES.c.number)
            .join(VERSIONS, and_(CASES.c.case_id == VERSIONS.c.case_id, CASES.c.version == VERSIONS.c.version))
        )
        rows = connection.execute(query).all()
        # The same words may stand for something else there.
        found = {row.number for row in rows if _names(decode_case(row.body), field, value)}
        if len(rows) == _EXACTLY:
            more = (connection.scalar(select(func.count()).select_from(held.subquery())) or 0) - len(rows)
    kind = next((kind for kind, column in ENTITY_COLUMNS.items() if column == field), None)
    if kind is not None and owner == "account":
        newest_acts = select(_DONE.account_id, _DONE.subject_id).where(_DONE[ENTITY_COLUMNS[kind]] == value)
        used = newest_acts.order_by(_DONE.at_ms.desc()).limit(_PAID).subquery()
        paid = (
            select(CASES.c.number)
            .join(used, and_(used.c.account_id == CASES.c.account_id, used.c.subject_id == CASES.c.payment_id))
            .where(*wanted)
            .distinct()
        )
        found |= set(connection.scalars(paid))
    return lines_of(connection, sorted(found, reverse=True)[:limit]), len(found) + more


def at_merchant(connection: Connection, merchant_id: str, begin_day: int) -> tuple[DayOfMerchant, ...]:
    """By day (UTC, since 1970-01-01) from `begin_day` on, kind, label and currency."""
    day, of = DAY_OF, (_DONE.kind, _DONE.label, _DONE.currency)
    query = (
        select(day.label("day"), *of, func.count(), func.coalesce(func.sum(_DONE.amount_minor), 0))
        .where(_DONE.merchant_id == merchant_id, day >= begin_day)
        .group_by(day, *of)
        .order_by(day, *of)
    )
    return tuple(
        DayOfMerchant(int(day), kind, label or "", currency, times, int(amount))
        for day, kind, label, currency, times, amount in connection.execute(query)
    )


def _names(case: CaseVersion, field: str, value: str) -> bool:
    kind = next((kind for kind, column in ENTITY_COLUMNS.items() if column == field), None)
    return getattr(case.entities, field, None) == value or (
        kind is not None and case.entities.entity == f"{kind}/{value}"
    )


def _acts(connection: Connection, query: Select[Any]) -> tuple[Act, ...]:
    return tuple(
        Act(*(*row[:-1], _NOTHING if row[-1] is None else decode_detail(row[-1])))
        for row in map(tuple, connection.execute(query))
    )
