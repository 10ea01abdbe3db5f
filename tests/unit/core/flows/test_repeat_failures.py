"""Does one case follow where a customer struggles, counted by attempts, and does it end when they have paid?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import MINUTE, NOON, SECOND, event, paid
from support.play import play, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import Code, PaymentFailed, PaymentRequested, PaymentSucceeded, PspStatus
from streams.contracts.triage import PaymentTriaged
from streams.core.steps import Effect

CARD: dict[str, Any] = {"card_token": "tok", "method": "card", "network": "visa", "merchant_id": "m1"}
DEBIT: dict[str, Any] = {"direction": "debit", "amount_minor": 1000, "currency": "EUR"}
CODES = (Code(source="iso8583_1987", code="05"),)


def failed(at_ms: int, number: int | str, payment: int | None = None, **fields: Any) -> Event:
    payment_id = f"p{number if payment is None else payment}"
    return paid(at_ms, number, kind=PaymentFailed, payment_id=payment_id, **CARD | {"codes": CODES} | fields)


def requested(at_ms: int, number: int, payment: int = 1) -> Event:
    return paid(at_ms, number, kind=PaymentRequested, payment_id=f"p{payment}", **CARD)


def answered(at_ms: int, number: int, payment: int) -> Event:
    return paid(at_ms, number, kind=PspStatus, status="failed", codes=CODES, payment_id=f"p{payment}", **CARD)


def succeeded(at_ms: int, **fields: Any) -> Event:
    return paid(at_ms, "ok", kind=PaymentSucceeded, **CARD | fields)


def cases(effects: list[Effect]) -> list[tuple[str, str, str | None]]:
    return [(case.case_type, case.status, case.resolution_code) for case in effects if isinstance(case, CaseVersion)]


def left(effects: list[Effect]) -> list[int | None]:
    return [each.retry.attempts_left for each in effects if isinstance(each, PaymentTriaged)]


REPEAT = ("payment_failure.repeat", "classified", None)
PAID = ("payment_failure.repeat", "resolved", "paid")
THREE = [failed(NOON + number * MINUTE, number) for number in range(3)]


@pytest.mark.parametrize("first", ["its own word", "the answer"])
def test_what_the_provider_answers_about_a_failure_is_no_further_attempt(first: str) -> None:
    events: list[Event] = []
    for payment in (1, 2):
        at_ms = NOON + payment * MINUTE
        told = [failed(at_ms, payment * 10, payment), answered(at_ms + SECOND, payment * 10 + 1, payment)]
        if first == "the answer":
            told = [answered(at_ms, payment * 10 + 1, payment), failed(at_ms + SECOND, payment * 10, payment)]
        events += [requested(at_ms - SECOND, payment * 10 + 2, payment)]
        events += told
    effects = play(events, policy())
    assert cases(effects) == []
    assert left(effects) == [2, 2, 1, 1]


@pytest.mark.parametrize("seconds", [(0, 0, 0), (0, 60, 120), (120, 0, 3600)], ids=["at once", "later", "any order"])
def test_who_tells_of_a_failure_once_more_tells_of_no_further_attempt(seconds: tuple[int, ...]) -> None:
    told = zip(seconds, ("payments", "gateway", "provider"), strict=True)
    events = [failed(NOON + after * SECOND, source, payment=1, source=source) for after, source in told]
    effects = play(events, policy())
    assert cases(effects) == []
    assert left(effects) == [2, 2, 2]


def test_a_payment_that_is_asked_for_again_behind_its_failure_is_tried_again() -> None:
    events: list[Event] = []
    for attempt in range(3):
        at_ms = NOON + attempt * MINUTE
        events.append(requested(at_ms, attempt))
        events.append(failed(at_ms + 5 * SECOND, attempt, payment=1))
        events.append(failed(at_ms + 6 * SECOND, f"{attempt}b", payment=1, source="gateway"))
    effects = play(events, policy())
    assert set(cases(effects)) == {REPEAT}
    assert {case.counters["attempts"] for case in effects if isinstance(case, CaseVersion)} == {3}
    assert left(effects) == [2, 2, 1, 1, 0, 0]


def test_a_failure_from_before_it_was_asked_for_again_is_the_one_that_is_known() -> None:
    events = [
        failed(NOON + 5 * SECOND, 1, payment=1),
        requested(NOON + 30 * SECOND, 2),
        failed(NOON + 6 * SECOND, 3, payment=1, source="gateway"),
        requested(NOON + 1 * SECOND, 4),
        failed(NOON + 7 * SECOND, 5, payment=1, source="provider"),
    ]
    assert left(play(events, policy())) == [2, 2, 2]


def test_whoever_tells_of_it_later_may_say_that_its_card_is_never_to_be_tried_again() -> None:
    stolen = (Code(source="iso8583_1987", code="43"),)
    events = [
        failed(NOON, 1),
        failed(NOON + SECOND, 2, payment=1, source="gateway", codes=stolen),
        failed(NOON + MINUTE, 3),
    ]
    told = [each.retry.verdict for each in play(events, policy()) if isinstance(each, PaymentTriaged)]
    assert told[1:] == ["never", "never"]


def test_who_has_paid_in_the_end_needs_no_help() -> None:
    assert cases(play([*THREE, succeeded(NOON + 9 * MINUTE)], policy())) == [REPEAT, PAID]


@pytest.mark.parametrize(
    "other",
    [succeeded(NOON + 9 * MINUTE, merchant_id="m2"), succeeded(NOON + 90 * SECOND)],
    ids=["elsewhere", "before"],
)
def test_a_payment_elsewhere_or_before_the_last_failure_ends_nothing(other: Event) -> None:
    assert cases(play([*THREE, other], policy()))[-1] == REPEAT


def test_a_struggle_whose_case_people_have_to_follow_alone_has_no_further_case() -> None:
    events: list[Event] = []
    for number in range(6):
        at_ms = NOON + number * 5 * MINUTE
        payment: dict[str, Any] = {"payment_id": f"p{number}", "method": "wallet_balance"}
        events += [
            paid(at_ms, number, kind=PaymentRequested, **payment),
            event(LedgerPosted, at_ms + SECOND, number, entry_id=f"l{number}", payment_id=f"p{number}", **DEBIT),
            paid(at_ms + 2 * SECOND, number, kind=PaymentFailed, codes=CODES, **payment),
        ]
    effects = play(events, policy())
    told = [case for case in effects if isinstance(case, CaseVersion) and case.flow == "F09"]
    assert "handed over" in told[-1].changed
    assert len({case.case_id for case in told}) == 1
    said = [each for each in effects if isinstance(each, NotificationRequested)]
    assert [each.template for each in said].count("payment_failure.repeat") == 1
