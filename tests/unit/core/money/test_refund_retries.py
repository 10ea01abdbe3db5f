"""A refund failed because its merchant had no funds: when is it tried again, and when never?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, event, paid
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, LedgerPosted, UserReport
from streams.contracts.actions import RefundCancelled, RefundIntended, RefundRetry
from streams.contracts.base import Event, Watermark, to_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    Code,
    PaymentReversed,
    RefundApproved,
    RefundCredited,
    RefundFailed,
    RefundSent,
)
from streams.core.steps import Effect

MONEY = {"payment_id": "p1", "refund_id": "r1", "currency": "CNY", "merchant_id": "m-2"}
FUNDS = (Code(source="alipay", code="ACQ.SELLER_BALANCE_NOT_ENOUGH"),)
OBSERVE = 'mode = "observe"\n'


def refund(kind: type[Event], at_ms: int, minor: int = 45_000, **more: Any) -> Event:
    return paid(at_ms, f"{kind.__name__}-{at_ms}-{more}", minor, kind=kind, **(MONEY | more))


def no_funds(at_ms: int, **more: Any) -> Event:
    return refund(RefundFailed, at_ms, **({"codes": FUNDS} | more))


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


def credit(at_ms: int) -> Event:
    line = {"entry_id": f"l-{at_ms}", "direction": "credit", "amount_minor": 45_000, "currency": "CNY"}
    return event(LedgerPosted, at_ms, f"credit-{at_ms}", payment_id="p1", reference="r1", **line)


def closed(case: CaseVersion, at_ms: int) -> Event:
    said = {"actor": "olga", "role": "supervisor", "expected_version": case.version, "case_id": case.case_id}
    return event(CaseAction, at_ms, "closed", action="resolve", resolution="no_action", **said)


class Refused:
    """A refund that failed for want of funds at NOON."""

    def __init__(self, rules: str = "", *, bought: bool = True) -> None:
        self.player = Player(policy(rules))
        self.effects: list[Effect] = []
        if bought:
            self.see(paid(NOON - DAY, "sale", 45_000, payment_id="p1", currency="CNY", merchant_id="m-2"))
        self.see(no_funds(NOON))

    def see(self, *happenings: Event) -> list[RefundRetry]:
        new = [effect for each in happenings for effect in self.player.see(each)]
        self.effects += new
        return [each for each in new if isinstance(each, RefundRetry)]

    def hours(self, since_ms: int, number: int) -> list[RefundRetry]:
        """The tries while nothing happens but that so many hours pass."""
        return self.see(*(mark(since_ms + hour * HOUR) for hour in range(1, number + 1)))

    @property
    def tries(self) -> list[RefundRetry]:
        return [each for each in self.effects if isinstance(each, RefundRetry)]

    @property
    def case(self) -> CaseVersion:
        return [each for each in self.effects if isinstance(each, CaseVersion) and each.flow == "F17"][-1]

    @property
    def said(self) -> str:
        return next((line.text for line in self.case.evidence if line.kind == "refund_retry"), "")

    @property
    def messages(self) -> list[str]:
        """What the customer was told of the refund."""
        told = [each.template for each in self.effects if isinstance(each, NotificationRequested)]
        return [template for template in told if template.startswith("refund_failed")]


def test_an_hour_later_the_same_refund_is_tried_again() -> None:
    refused = Refused()
    assert refused.see(mark(NOON + HOUR - 1)) == []
    (retry,) = refused.see(mark(NOON + HOUR))
    assert (retry.payment_id, retry.refund_id, retry.amount_minor, retry.currency) == ("p1", "r1", 45_000, "CNY")
    assert (retry.attempt, retry.case_id, to_ms(retry.occurred_at)) == (1, refused.case.case_id, NOON + HOUR)
    assert refused.said == "try 1, at most 23 more"
    assert not [each for each in refused.effects if isinstance(each, RefundIntended | RefundCancelled)]


def test_a_try_that_failed_is_followed_by_another_one_an_hour_behind_its_failure() -> None:
    refused = Refused()
    (first,) = refused.see(mark(NOON + HOUR))
    assert refused.see(no_funds(NOON + HOUR + MINUTE), mark(NOON + 2 * HOUR)) == []
    (second,) = refused.see(mark(NOON + 2 * HOUR + MINUTE))
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.idempotency_key != second.idempotency_key
    assert first.refund_id == second.refund_id


def test_a_try_that_nobody_has_answered_is_the_same_one_when_it_is_sent_again() -> None:
    tries = Refused().hours(NOON, 3)
    assert [each.attempt for each in tries] == [1, 1, 1]
    assert len({each.idempotency_key for each in tries}) == 1


def test_its_customer_hears_once_what_it_waits_for() -> None:
    refused = Refused()
    for hour in range(1, 4):
        refused.see(mark(NOON + hour * (HOUR + MINUTE)), no_funds(NOON + hour * (HOUR + MINUTE) + 1))
    assert len(refused.tries) == 3
    assert refused.messages == ["refund_failed.funds"]


@pytest.mark.parametrize("answers", [True, False])
def test_it_is_tried_as_often_as_its_code_allows_and_then_it_is_for_people(answers: bool) -> None:
    refused = Refused()
    for at_ms in range(NOON, NOON + 8 * DAY, HOUR):
        refused.see(*([no_funds(at_ms + MINUTE)] if answers else []), mark(at_ms + HOUR + MINUTE))
    assert len(refused.tries) == 24
    assert refused.said == "for a person: its merchant still has no funds"
    assert (refused.case.queue, refused.case.resolution_code) == ("accounting", None)


def test_a_failure_after_the_last_try_starts_no_further_ones() -> None:
    refused = Refused()
    refused.hours(NOON, 30)
    refused.see(no_funds(NOON + 2 * DAY))
    assert refused.hours(NOON + 2 * DAY, 30) == []


@pytest.mark.parametrize("what", ["sent", "sent late", "credited", "booked", "closed"])
def test_nothing_is_tried_behind_its_end(what: str) -> None:
    refused = Refused()
    at_ms = NOON + HOUR + MINUTE
    refused.see(mark(NOON + HOUR))
    if what == "sent late":
        refused.see(mark(at_ms + 50 * MINUTE))
    ends = {"credited": refund(RefundCredited, at_ms), "booked": credit(at_ms), "closed": closed(refused.case, at_ms)}
    refused.see(ends.get(what, refund(RefundSent, at_ms)))
    assert refused.hours(at_ms, 30) == []


def test_a_refund_that_left_and_came_back_once_more_is_tried_with_what_is_left_of_its_tries() -> None:
    refused = Refused()
    refused.hours(NOON, 20)
    refused.see(refund(RefundSent, NOON + 20 * HOUR + 1), no_funds(NOON + 20 * HOUR + MINUTE))
    tries = refused.hours(NOON + 20 * HOUR + MINUTE, 10)
    assert [each.attempt for each in tries] == [2, 2, 2, 2]


def test_what_is_told_once_more_or_out_of_order_moves_nothing() -> None:
    refused = Refused()
    refused.see(no_funds(NOON + 5 * MINUTE, source="elsewhere"), refund(RefundSent, NOON - MINUTE))
    (first,) = refused.see(mark(NOON + HOUR))
    refused.see(no_funds(NOON + 50 * MINUTE))  # of before the try
    (again,) = refused.see(mark(NOON + 2 * HOUR))
    assert again.idempotency_key == first.idempotency_key


def test_a_refund_that_fails_for_another_reason_is_tried_no_more_and_needs_another_account() -> None:
    refused = Refused()
    refused.see(mark(NOON + HOUR), no_funds(NOON + HOUR + MINUTE, codes=()))
    assert refused.hours(NOON + HOUR + MINUTE, 5) == []
    assert refused.messages == ["refund_failed.funds", "refund_failed"]


def test_where_the_policy_observes_nothing_is_tried() -> None:
    assert Refused(OBSERVE).hours(NOON, 30) == []


def test_no_try_leaves_before_the_ledger_is_heard_up_to_its_hour() -> None:
    refused = Refused()
    late = no_funds(NOON + HOUR + MINUTE, payment_id="p2", refund_id="other")
    assert refused.see(late) == []  # the payments are ahead of the ledger
    assert [each.refund_id for each in refused.see(mark(NOON + HOUR + 20 * MINUTE))] == ["r1"]


def test_while_the_account_is_under_dispute_nothing_leaves() -> None:
    refused = Refused()
    refused.see(event(UserReport, NOON + MINUTE, "report", kind="unauthorised", channel="app"))
    assert refused.hours(NOON, 3) == []
    assert refused.said in ("not tried for now: dispute", "not tried for now: frozen")


@pytest.mark.parametrize("bought", [True, False])
def test_one_that_is_made_again_under_another_id_is_not_tried_as_well(bought: bool) -> None:
    refused = Refused(bought=bought)
    refused.see(refund(RefundApproved, NOON + MINUTE, refund_id="r2"))
    assert refused.hours(NOON, 3) == []
    refused.see(refund(RefundCredited, NOON + 4 * HOUR, refund_id="r2"))
    assert refused.hours(NOON + 4 * HOUR, 3) == []


def test_one_that_was_kept_back_goes_on_when_nothing_keeps_it_back_any_more() -> None:
    refused = Refused()
    refused.see(refund(RefundApproved, NOON + MINUTE, refund_id="r2"))
    assert refused.hours(NOON, 3) == []
    refused.see(refund(RefundFailed, NOON + 3 * HOUR + MINUTE, refund_id="r2"))
    assert [each.refund_id for each in refused.hours(NOON + 3 * HOUR + MINUTE, 1)] == ["r1"]


def test_of_two_refunds_of_one_payment_the_second_is_tried_once_the_first_try_is_answered() -> None:
    refused = Refused(bought=False)
    refused.see(no_funds(NOON + MINUTE, refund_id="r2"))
    assert [each.refund_id for each in refused.hours(NOON + MINUTE, 2)] == ["r1", "r1"]
    refused.see(no_funds(NOON + 2 * HOUR + 2 * MINUTE))
    assert [each.refund_id for each in refused.hours(NOON + 2 * HOUR + MINUTE, 1)] == ["r2"]


def test_one_of_a_part_ends_with_the_refund_of_all_under_another_id() -> None:
    refused = Refused()
    refused.see(no_funds(NOON + MINUTE, refund_id="part", minor=4_000))
    cases = {each.case_id for each in refused.effects if isinstance(each, CaseVersion) and each.flow == "F17"}
    assert len(cases) == 2
    refused.see(*(refund(kind, NOON + 2 * MINUTE, refund_id="r2") for kind in (RefundApproved, RefundSent)))
    refused.see(refund(RefundCredited, NOON + 3 * MINUTE, refund_id="r2"))
    last = {each.case_id: each.status for each in refused.effects if isinstance(each, CaseVersion)}
    assert {last[each] for each in cases} == {"resolved"}
    assert refused.messages.count("refund_failed.done") == 2
    assert refused.hours(NOON + 3 * MINUTE, 3) == []


class Ours(Refused):
    """The second payment of an order goes back by itself, and that failed for want of funds at NOON."""

    def __init__(self) -> None:
        self.player, self.effects = Player(policy("")), []
        for number, at_ms in enumerate((NOON - 2 * HOUR, NOON - HOUR)):
            about = {"payment_id": f"o{number}", "currency": "CNY", "merchant_id": "m-2", "order_id": "q"}
            self.see(paid(at_ms, f"sale-{number}", 45_000, **about), self.line(at_ms + 1, f"o{number}", "debit"))
        (self.refund_id,) = [each.refund_id for each in self.effects if isinstance(each, RefundIntended)]
        self.see(self.ours(RefundSent, NOON - HOUR + MINUTE), self.ours(RefundFailed, NOON, codes=FUNDS))

    def line(self, at_ms: int, payment_id: str, direction: str, **more: Any) -> Event:
        line = {"entry_id": f"l-{at_ms}", "direction": direction, "amount_minor": 45_000, "currency": "CNY"}
        return event(LedgerPosted, at_ms, f"line-{at_ms}", payment_id=payment_id, **line, **more)

    def ours(self, kind: type[Event], at_ms: int, **more: Any) -> Event:
        return refund(kind, at_ms, **({"payment_id": "o1", "refund_id": self.refund_id} | more))

    @property
    def duplicate(self) -> CaseVersion:
        return [each for each in self.effects if isinstance(each, CaseVersion) and each.flow == "F12"][-1]


def test_a_refund_of_ours_waits_for_the_merchants_funds_as_well() -> None:
    ours = Ours()
    assert ours.messages == ["refund_failed.funds"], "its customer can mend nothing"
    tries = ours.hours(NOON, 2)
    assert [(each.payment_id, each.amount_minor, each.attempt) for each in tries] == [("o1", 45_000, 1)] * 2
    assert tries[0].case_id == ours.duplicate.case_id
    ours.see(ours.ours(RefundFailed, NOON + 2 * HOUR + MINUTE, codes=FUNDS))
    assert [each.attempt for each in ours.hours(NOON + 2 * HOUR + MINUTE, 1)] == [2]
    assert ours.messages == ["refund_failed.funds"]


@pytest.mark.parametrize("what", ["sent", "credited", "booked"])
def test_a_refund_of_ours_that_has_left_is_tried_no_more(what: str) -> None:
    ours, at_ms = Ours(), NOON + HOUR + MINUTE
    ours.see(mark(NOON + HOUR))
    ends = {
        "sent": ours.ours(RefundSent, at_ms),
        "credited": ours.ours(RefundCredited, at_ms),
        "booked": ours.line(at_ms, "o1", "credit", reference=ours.refund_id),
    }
    ours.see(ends[what])
    assert ours.hours(at_ms, 30) == []
    if what != "booked":
        ours.see(ours.line(NOON + 2 * DAY, "o1", "credit", reference=ours.refund_id))
    assert ours.duplicate.resolution_code == "charge_corrected"


def test_a_refund_of_ours_that_turns_out_to_be_wrong_is_tried_no_more() -> None:
    ours = Ours()
    ours.see(paid(NOON + MINUTE, "reversed", 45_000, kind=PaymentReversed, payment_id="o0", currency="CNY"))
    assert [each.refund_id for each in ours.effects if isinstance(each, RefundCancelled)] == [ours.refund_id]
    assert ours.hours(NOON, 5) == []
    assert ours.duplicate.resolution_code == "charge_explained"


@pytest.mark.parametrize("reason", ["no funds for a day", "no account"])
def test_a_refund_of_ours_that_cannot_be_made_is_for_people(reason: str) -> None:
    ours = Ours()
    if reason == "no account":
        ours.see(ours.ours(RefundFailed, NOON + MINUTE))
        assert ours.messages == ["refund_failed.funds", "refund_failed"]
        assert ours.hours(NOON + MINUTE, 5) == []
    else:
        assert len(ours.hours(NOON, 30)) == 24
        last = [line.text for line in ours.duplicate.evidence if line.kind == "refund_retry"]
        assert last == ["for a person: its merchant still has no funds"]
    assert ours.duplicate.resolution_code is None


def test_that_a_refund_of_ours_had_left_may_be_told_behind_its_failure() -> None:
    ours = Ours()
    ours.see(ours.ours(RefundSent, NOON - MINUTE))
    assert len(ours.hours(NOON, 2)) == 2


_HAPPENINGS = st.sampled_from(["failed", "failed late", "sent", "credited", "booked", "nothing", "nothing"])


@given(st.lists(st.tuples(_HAPPENINGS, st.integers(1, 90)), max_size=40))
def test_whatever_is_told_of_it_a_new_try_follows_a_failure_only_and_all_are_at_most_24(
    told: list[tuple[str, int]],
) -> None:
    refused, at_ms, answered, is_over = Refused(), NOON, True, False
    keys: list[str] = []
    for what, minutes in told:
        at_ms += minutes * MINUTE
        for retry in refused.see(mark(at_ms)):
            assert not is_over
            assert answered or retry.idempotency_key == keys[-1]
            answered = False
            keys.append(retry.idempotency_key)
        match what:
            case "failed" | "failed late":
                refused.see(no_funds(at_ms - (5 * MINUTE if what == "failed late" else 0)))
                answered, is_over = True, False
            case "sent":
                refused.see(refund(RefundSent, at_ms))
                answered, is_over = True, True
            case "credited" | "booked":
                refused.see(refund(RefundCredited, at_ms) if what == "credited" else credit(at_ms))
                is_over = True
            case _:
                pass
    assert len(keys) <= 24
    assert {each.refund_id for each in refused.tries} <= {"r1"}
