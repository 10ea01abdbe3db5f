"""What happened on an account, and what links accounts: an address, device, card, payee or merchant?"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, and_, func, select

from streams.adapters.case_store.activity import ENTITY_COLUMNS, Detail, decode_detail
from streams.adapters.case_store.queries import CaseLine, lines_of
from streams.adapters.case_store.store import decode_case
from streams.adapters.case_store.tables import ACTIVITY, CASES, VERSIONS
from streams.adapters.case_store.words import find_numbers
from streams.contracts.cases import CaseVersion

_DONE: Final = ACTIVITY.c
_NOTHING: Final = Detail()


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


def of_entity(connection: Connection, kind: str, value: str, limit: int) -> tuple[Act, ...]:
    """What happened with an entity, the newest `limit`, the newest first. `kind` is one of ENTITY_COLUMNS."""
    query = select(*_ACT).where(_DONE[ENTITY_COLUMNS[kind]] == value)
    return _acts(connection, query.order_by(_DONE.at_ms.desc()).limit(limit))


def commands(connection: Connection, entity: str, limit: int) -> tuple[Act, ...]:
    """Blocks and challenges of an entity (kind/value), the newest first: they are kept under its own name."""
    return of_account(connection, entity, limit)


def accounts(connection: Connection, kind: str, value: str, limit: int) -> tuple[tuple[Link, ...], int]:
    """Accounts that used an entity, those that used it last first; and how many there are."""
    column = _DONE[ENTITY_COLUMNS[kind]]
    failed = func.count().filter(_DONE.kind.like("%.failed"))
    last = func.max(_DONE.at_ms)
    query = (
        select(_DONE.account_id, func.count(), func.min(_DONE.at_ms), last, failed)
        .where(column == value)
        .group_by(_DONE.account_id)
        .order_by(last.desc(), _DONE.account_id)
        .limit(limit)
    )
    total = connection.scalar(select(func.count(_DONE.account_id.distinct())).where(column == value)) or 0
    return tuple(Link(*row) for row in connection.execute(query)), total


def cases_naming(connection: Connection, field: str, value: str, limit: int) -> tuple[CaseLine, ...]:
    """Cases that name an entity (a field of Entities), or that are about a payment which used it, the newest first."""
    numbers = set(find_numbers(connection, value, 4 * limit, None))
    query = (
        select(CASES.c.number, VERSIONS.c.body)
        .join(VERSIONS, and_(CASES.c.case_id == VERSIONS.c.case_id, CASES.c.version == VERSIONS.c.version))
        .where(CASES.c.number.in_(numbers), CASES.c.shadow.is_(False))
    )
    # Words that begin alike are found too: only what says exactly this is meant.
    found = {row.number for row in connection.execute(query) if _names(decode_case(row.body), field, value)}
    kind = next((kind for kind, column in ENTITY_COLUMNS.items() if column == field), None)
    if kind is not None:
        paid = (
            select(CASES.c.number)
            .join(ACTIVITY, and_(_DONE.account_id == CASES.c.account_id, _DONE.subject_id == CASES.c.payment_id))
            .where(_DONE[ENTITY_COLUMNS[kind]] == value, CASES.c.shadow.is_(False))
            .distinct()
            .limit(limit)
        )
        found |= set(connection.scalars(paid))
    return lines_of(connection, sorted(found, reverse=True)[:limit])


def at_merchant(connection: Connection, merchant_id: str, begin_ms: int, day_ms: int) -> tuple[DayOfMerchant, ...]:
    """By day since `begin_ms`, kind and currency."""
    named = (_DONE.at_ms // day_ms).label("day")
    query = (
        select(named, _DONE.kind, _DONE.currency, func.count(), func.coalesce(func.sum(_DONE.amount_minor), 0))
        .where(_DONE.merchant_id == merchant_id, _DONE.at_ms >= begin_ms)
        .group_by(named, _DONE.kind, _DONE.currency)
        .order_by(named)
    )
    return tuple(DayOfMerchant(int(row[0]), row[1], row[2], row[3], int(row[4])) for row in connection.execute(query))


def failures_at(connection: Connection, merchant_id: str, begin_ms: int, limit: int) -> tuple[tuple[str, int], ...]:
    """What payments failed with at a merchant since `begin_ms`, the most frequent first."""
    times = func.count()
    query = (
        select(_DONE.label, times)
        .where(_DONE.merchant_id == merchant_id, _DONE.at_ms >= begin_ms, _DONE.kind.like("%.failed"))
        .group_by(_DONE.label)
        .order_by(times.desc(), _DONE.label)
        .limit(limit)
    )
    return tuple((row[0] or "", row[1]) for row in connection.execute(query))


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
