"""Does one case follow where a customer struggles, counted by attempts, and does it end when they have paid?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import MINUTE, NOON, SECOND, paid
from support.play import play, policy

from streams.contracts.base import Event
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import Code, PaymentFailed, PaymentRequested, PaymentSucceeded, PspStatus
from streams.contracts.triage import PaymentTriaged
from streams.core.steps import Effect

CARD: dict[str, Any] = {"card_token": "tok", "method": "card", "network": "visa", "merchant_id": "m1"}
CODES = (Code(source="iso8583_1987", code="05"),)


def failed(at_ms: int, number: int, payment: int | None = None, **fields: Any) -> Event:
    payment_id = f"p{number if payment is None else payment}"
    return paid(at_ms, number, kind=PaymentFailed, codes=CODES, payment_id=payment_id, **CARD | fields)


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
        events += [paid(at_ms - SECOND, payment * 10 + 2, kind=PaymentRequested, payment_id=f"p{payment}", **CARD)]
        events += told
    effects = play(events, policy())
    assert cases(effects) == []
    assert left(effects) == [2, 2, 1, 1]


def test_a_payment_that_fails_again_by_its_own_word_was_tried_again() -> None:
    events = [failed(NOON + number * MINUTE, number, payment=1) for number in range(3)]
    effects = play(events, policy())
    assert cases(effects) == [REPEAT]
    assert left(effects) == [2, 1, 0]


def test_who_has_paid_in_the_end_needs_no_help() -> None:
    assert cases(play([*THREE, succeeded(NOON + 9 * MINUTE)], policy())) == [REPEAT, PAID]


@pytest.mark.parametrize(
    "other",
    [succeeded(NOON + 9 * MINUTE, merchant_id="m2"), succeeded(NOON + 90 * SECOND)],
    ids=["elsewhere", "before"],
)
def test_a_payment_elsewhere_or_before_the_last_failure_ends_nothing(other: Event) -> None:
    assert cases(play([*THREE, other], policy()))[-1] == REPEAT
