from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled, RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import PaymentFailed, PaymentRequested, PspStatus
from streams.core.steps import Effect

WALLET = {"method": "wallet_balance", "amount_minor": 10_000, "currency": "CNY"}
SURE = "[unknown]\nsilent_s = 0\n"


def posted(at_ms: int, number: int, direction: str = "debit", amount_minor: int = 10_000, **more: Any) -> Event:
    line = {"entry_id": f"l{number}", "direction": direction, "amount_minor": amount_minor, "currency": "CNY"}
    return event(LedgerPosted, at_ms, number, **line | {"payment_id": "p1"} | more)


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


def failed(at_ms: int = NOON) -> list[Event]:
    return [
        paid(at_ms, 1, kind=PaymentRequested, **WALLET),
        paid(at_ms, 2, kind=PaymentFailed, payment_id="p1", **WALLET),
    ]


def answer(at_ms: int, status: str = "failed") -> Event:
    return paid(at_ms, f"answer{at_ms}", kind=PspStatus, payment_id="p1", status=status, **WALLET)


class Told:
    """What came of the events."""

    def __init__(self, happenings: Iterable[Event]) -> None:
        self.player = Player(policy(SURE))
        self.effects: list[Effect] = []
        for happening in happenings:
            self.effects += self.player.see(happening)

    def newest(self, case_type: str = "debited_not_confirmed") -> CaseVersion | None:
        cases = [each for each in self.effects if isinstance(each, CaseVersion) and each.case_type == case_type]
        return cases[-1] if cases else None

    def only(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.effects if isinstance(each, kind)]


@given(parts=st.lists(st.integers(1, 10_000), min_size=1, max_size=5), before=st.booleans())
def test_a_debit_is_settled_exactly_when_all_of_it_is_back(parts: list[int], before: bool) -> None:
    """Whether the parts come before the case is opened or after."""
    start = NOON + (SECOND if before else 10 * MINUTE)
    back_again = [posted(start + n, n + 2, "credit", part) for n, part in enumerate(parts)]
    told = Told([*failed(), posted(NOON, 1), *([] if before else [mark(start)]), *back_again, mark(NOON + HOUR)])
    case = told.newest()
    back = sum(parts) >= 10_000
    if before:
        assert (case is None) == back
        assert back or (case is not None and case.amount_minor == 10_000 - sum(parts))
    else:
        assert case is not None
        assert (case.status == "withdrawn") == back
        assert case.counters["returned_minor"] == min(10_000, sum(parts))


@pytest.mark.parametrize("at_ms", [NOON, NOON + HOUR], ids=["the same moment", "an hour later by the ledger's clock"])
def test_a_credit_that_is_here_before_its_debit_leaves_nothing_to_explain(at_ms: int) -> None:
    told = Told([*failed(at_ms), posted(at_ms, 2, "credit"), posted(NOON, 1), mark(NOON + DAY)])
    assert told.newest() is None


def test_a_credit_long_before_the_debit_is_not_its() -> None:
    told = Told([*failed(), posted(NOON, 2, "credit"), posted(NOON + HOUR, 1), mark(NOON + DAY)])
    assert told.newest() is not None


def test_part_of_a_credit_that_was_early_leaves_the_rest_to_be_explained() -> None:
    told = Told([*failed(), posted(NOON, 2, "credit", 4_000), posted(NOON, 1), mark(NOON + HOUR)])
    case = told.newest()
    assert case is not None
    assert case.amount_minor == 6_000


def test_what_is_given_back_is_what_is_still_missing() -> None:
    told = Told([*failed(), posted(NOON, 1), mark(NOON + HOUR), posted(NOON + HOUR, 2, "credit", 3_000)])
    told.effects += told.player.see(answer(NOON + HOUR + SECOND))
    (intent,) = told.only(RefundIntended)
    assert intent.amount_minor == 7_000


def test_an_intent_that_has_become_too_large_is_cancelled_and_the_rest_is_for_people() -> None:
    told = Told([*failed(), posted(NOON, 1), mark(NOON + HOUR), answer(NOON + HOUR)])
    told.effects += told.player.see(posted(NOON + HOUR + SECOND, 2, "credit", 3_000))
    assert [each.cause for each in told.only(RefundCancelled)] == ["part_back"]
    told.effects += told.player.see(answer(NOON + 2 * HOUR))
    case = told.newest()
    assert case is not None
    assert case.status == "classified"
    assert len(told.only(RefundIntended)) == 1


def test_one_credit_does_not_end_two_cases() -> None:
    """Charged twice and failed: one of the two is back."""
    events = [*failed(), posted(NOON, 1), posted(NOON + SECOND, 2), mark(NOON + HOUR)]
    told = Told([*events, posted(NOON + HOUR, 3, "credit")])
    statuses = sorted(
        case.status
        for case in (told.newest("duplicate_charge"), told.newest("debited_not_confirmed"))
        if case is not None
    )
    assert statuses == ["classified", "resolved"]
    told.effects += told.player.see(posted(NOON + HOUR + SECOND, 4, "credit"))
    assert {case.status for case in (told.newest("duplicate_charge"), told.newest()) if case is not None} == {
        "resolved"
    }
