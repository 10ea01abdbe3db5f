"""Is what the ledger tells far behind its time, because it stood still, compared and mended as in time?"""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from support.happenings import NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import PspQuery, RefundCancelled, RefundIntended
from streams.contracts.base import Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import PaymentRequested, PaymentSucceeded, PspStatus

ORDER = {"order_id": "o1", "order_amount_minor": 10_000}
MERCHANT = {"merchant_id": "m1"}
LATE = pytest.mark.parametrize("late_s", [0, 1_200, 7_200, 2 * 86_400], ids=["in time", "20 min", "2 h", "2 days"])


class Story:
    """Payments that are told in time, and a ledger that tells all its lines `late_s` later."""

    def __init__(self, late_s: int) -> None:
        self.player, self.numbers, self.late_s = Player(policy("")), count(), late_s
        self.effects: list[Any] = []
        self.lines: list[Any] = []

    def paid(self, payment_id: str, second: int, **names: Any) -> Story:
        self._told(PaymentRequested, payment_id, second, 10_000, method="wallet_balance", **names)
        return self._told(PaymentSucceeded, payment_id, second + 3, 10_000, method="wallet_balance", **names)

    def booked(self, payment_id: str, second: int, minor: int = 10_000, direction: str = "debit") -> Story:
        about = {"payment_id": payment_id, "amount_minor": minor, "currency": "CNY", "direction": direction}
        number = next(self.numbers)
        self.lines.append(event(LedgerPosted, NOON + second * SECOND, number, entry_id=f"e{number}", **about))
        return self

    def heard(self, answer: str = "succeeded") -> Story:
        """The ledger's lines, what becomes due behind them, and the provider's answer to what it is asked."""
        self._passed(self.late_s)
        for line in self.lines:
            self.effects += self.player.see(line)
        self._passed(self.late_s + 600)
        for asked in [each for each in self.effects if isinstance(each, PspQuery)]:
            self._told(PspStatus, asked.payment_id, self.late_s + 601, 10_000, status=answer, query_id=asked.query_id)
        return self._passed(self.late_s + 1_200)

    def _told(self, kind: Any, payment_id: str | None, second: int, minor: int, **fields: Any) -> Story:
        about = {"payment_id": payment_id, "amount_minor": minor, "currency": "CNY"} | fields
        self.effects += self.player.see(event(kind, NOON + second * SECOND, next(self.numbers), **about))
        return self

    def _passed(self, second: int) -> Story:
        mark = event(Watermark, NOON + second * SECOND, next(self.numbers), account_id="-")
        self.effects += self.player.see(mark)
        return self

    def intents(self) -> list[tuple[str, int]]:
        return [(each.payment_id, each.amount_minor) for each in self.effects if isinstance(each, RefundIntended)]

    def messages(self) -> list[str]:
        return [each.template for each in self.effects if isinstance(each, NotificationRequested)]

    def cases(self) -> dict[str, tuple[str, int | None]]:
        last = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        return {str(each.cause_family): (each.status, each.amount_minor) for each in last.values()}


@LATE
def test_what_is_above_the_order_goes_back(late_s: int) -> None:
    story = Story(late_s).paid("p1", 0, **ORDER).booked("p1", 2, 13_000).heard()
    assert story.cases() == {"amount_mismatch": ("classified", 3_000)}
    assert story.intents() == [("p1", 3_000)]
    assert story.messages() == ["amount_mismatch", "refund_started"]


@LATE
def test_not_where_the_provider_does_not_confirm_the_payment(late_s: int) -> None:
    story = Story(late_s).paid("p1", 0, **ORDER).booked("p1", 2, 13_000).heard("pending")
    assert (story.intents(), story.messages()) == ([], ["amount_mismatch"])


@LATE
def test_what_is_missing_is_accountings(late_s: int) -> None:
    story = Story(late_s).paid("p1", 0).booked("p1", 2, 3_000).heard()
    assert story.cases() == {"undercharge": ("classified", 7_000)}
    assert (story.intents(), story.messages()) == ([], [])


@LATE
def test_parts_that_come_in_one_heap_are_the_whole(late_s: int) -> None:
    story = Story(late_s).paid("p1", 0, **ORDER).booked("p1", 2, 3_000).booked("p1", 40, 7_000).heard()
    assert story.cases() == {}


@LATE
def test_nothing_is_too_much_that_the_same_heap_gives_back(late_s: int) -> None:
    story = Story(late_s).paid("p1", 0, **ORDER).booked("p1", 2, 13_000).booked("p1", 40, 3_000, "credit").heard()
    assert story.cases() == {}


@LATE
def test_a_second_debit_goes_back(late_s: int) -> None:
    story = Story(late_s).paid("p1", 0, **ORDER).booked("p1", 2).booked("p1", 40).heard()
    assert story.cases() == {"duplicate_charge": ("classified", 10_000)}
    assert story.intents() == [("p1", 10_000)]
    assert story.messages() == ["refund_started"]


@LATE
def test_so_does_a_second_payment_of_an_order(late_s: int) -> None:
    story = Story(late_s).paid("p1", 0, **ORDER).paid("p2", 60, **ORDER).booked("p1", 2).booked("p2", 62).heard()
    assert story.intents() == [("p2", 10_000)]
    assert story.messages() == ["refund_started"]


@LATE
def test_and_what_may_be_one_is_a_question(late_s: int) -> None:
    story = Story(late_s).paid("p1", 0, **MERCHANT).paid("p2", 60, **MERCHANT).booked("p1", 2).booked("p2", 62).heard()
    assert (story.intents(), story.messages()) == ([], ["duplicate_charge.probable"])


@LATE
def test_what_the_bank_gives_back_in_the_same_heap_stops_the_refund(late_s: int) -> None:
    """Of what is heard in time the refund has begun; of a heap nobody is told of one that never leaves."""
    story = Story(late_s).paid("p1", 0, **ORDER).booked("p1", 2).booked("p1", 40).booked("p1", 60, 10_000, "credit")
    story.heard()
    cancelled = [each for each in story.effects if isinstance(each, RefundCancelled)]
    assert len(cancelled) == len(story.intents()) == (0 if late_s else 1)
    assert not late_s or story.messages() == []
    assert {status for status, _ in story.cases().values()} == {"resolved"}


def test_a_backlog_is_only_recorded() -> None:
    """Whoever starts to listen weeks later: the clock of what is heard is as old."""
    story = Story(7_200)
    story.player = Player(policy(""), now_ms=NOON + 30 * 86_400 * SECOND)
    story.paid("p1", 0, **ORDER).paid("p2", 60, **ORDER).booked("p1", 2, 13_000).booked("p2", 62).heard()
    assert (story.intents(), story.messages()) == ([], [])
