"""A refund that was approved and is not here: is it waited for once, first to be sent and then to arrive?"""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import PaymentRequested, PaymentSucceeded, RefundApproved, RefundCredited, RefundSent

ABOUT: dict[str, Any] = {"payment_id": "p1", "amount_minor": 10_000, "currency": "CNY"}
METHODS = pytest.mark.parametrize("method", ["wallet_balance", "credit_card"])


class Story:
    """A payment to m1 of which r1 is approved at noon."""

    def __init__(self, method: str = "wallet_balance") -> None:
        self.player, self.numbers, self.method = Player(policy()), count(), method
        self.effects: list[Any] = []
        self.heard: list[Event] = []
        self._see(PaymentRequested, -DAY, method=method, merchant_id="m1")
        self.booked(-DAY, "debit")
        self._see(PaymentSucceeded, -DAY, method=method, merchant_id="m1")
        self.refund(RefundApproved, 0)

    def refund(self, kind: Any, at_ms: int, minor: int = 10_000) -> Story:
        return self._see(kind, at_ms, refund_id="r1", method=self.method, merchant_id="m1", amount_minor=minor)

    def booked(self, at_ms: int, direction: str = "credit", minor: int = 10_000) -> Story:
        return self._see(
            LedgerPosted, at_ms, entry_id=f"e{next(self.numbers)}", direction=direction, amount_minor=minor
        )

    def until(self, at_ms: int) -> Story:
        self.effects += self.player.see(event(Watermark, NOON + at_ms, next(self.numbers), account_id="-"))
        return self

    def _see(self, kind: Any, at_ms: int, **fields: Any) -> Story:
        return self.hear(event(kind, NOON + at_ms, next(self.numbers), **ABOUT | fields))

    def hear(self, happening: Event) -> Story:
        self.heard.append(happening)
        self.effects += self.player.see(happening)
        return self

    def messages(self) -> list[str]:
        told = [each.template for each in self.effects if isinstance(each, NotificationRequested)]
        return [each for each in told if each.startswith("refund")]

    def cases(self) -> dict[str, tuple[str, int | None]]:
        last = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        return {str(each.case_type): (str(each.status), each.amount_minor) for each in last.values()}


@METHODS
def test_one_that_is_never_sent_is_one_case(method: str) -> None:
    story = Story(method).until(30 * DAY)
    assert story.cases() == {"refund_dispute": ("classified", 10_000)}
    assert story.messages() == ["refund_dispute.slow", "refund_dispute"]


@METHODS
def test_one_that_is_sent_a_day_later_is_not_late(method: str) -> None:
    story = Story(method).until(DAY).refund(RefundSent, DAY).until(DAY + 29 * MINUTE)
    story.booked(DAY + 29 * MINUTE).refund(RefundCredited, DAY + 29 * MINUTE).until(30 * DAY)
    assert (story.cases(), story.messages()) == ({}, [])


def test_once_it_is_sent_it_takes_its_time() -> None:
    story = Story().until(DAY).refund(RefundSent, DAY).until(DAY + 30 * MINUTE - 1)
    assert story.cases() == {}
    assert story.until(DAY + 30 * MINUTE).cases() == {"refund_late": ("classified", 10_000)}
    assert story.until(30 * DAY).messages() == ["refund_late"]


def test_one_that_is_sent_after_the_dispute_is_waited_for_from_then_on() -> None:
    story = Story().until(8 * DAY).refund(RefundSent, 8 * DAY)
    assert story.cases() == {"refund_dispute": ("resolved", 10_000)}
    assert story.until(8 * DAY + HOUR).cases()["refund_late"] == ("classified", 10_000)


def test_one_that_arrives_unannounced_ends_it() -> None:
    story = Story().until(8 * DAY).booked(8 * DAY).until(30 * DAY)
    assert story.cases()["refund_dispute"][0] in ("resolved", "closed", "surveyed")
    assert "refund_late" not in story.cases()


def test_of_one_that_is_sent_in_parts_the_rest_is_the_dispute() -> None:
    story = Story().until(8 * DAY).refund(RefundSent, 8 * DAY, 4_000)
    assert story.cases() == {"refund_dispute": ("classified", 6_000)}
    story.booked(8 * DAY, minor=4_000).refund(RefundCredited, 8 * DAY + MINUTE, 4_000).until(9 * DAY)
    assert story.cases() == {"refund_dispute": ("classified", 6_000)}


def test_a_part_that_has_left_and_does_not_arrive_is_late_beside_a_promise_of_the_rest() -> None:
    story = Story().refund(RefundSent, HOUR, 4_000).until(2 * HOUR)
    assert story.cases() == {"refund_late": ("classified", 4_000)}
    assert story.until(8 * DAY).cases()["refund_dispute"] == ("classified", 6_000)


@pytest.mark.parametrize("twice", [RefundSent, RefundCredited])
def test_a_part_of_which_is_told_once_more_is_no_other_part(twice: Any) -> None:
    story = Story().refund(RefundSent, HOUR, 4_000).booked(HOUR, minor=4_000)
    story.refund(RefundCredited, HOUR + MINUTE, 4_000)
    (again,) = [each for each in story.heard if isinstance(each, twice)]
    story.until(HOUR + 20 * MINUTE).hear(again)
    assert story.until(8 * DAY).cases() == {"refund_dispute": ("classified", 6_000)}
