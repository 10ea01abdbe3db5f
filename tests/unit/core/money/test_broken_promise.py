"""A merchant did not send the refund that it promised: what is it asked, and what is kept back of its settlement?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, event, paid
from support.play import Player, policy

from streams.contracts.accounts import AccountProfile, ActionAcknowledged, CaseAction, LedgerPosted
from streams.contracts.actions import ActionRequested, RefundRetry
from streams.contracts.base import Event, Watermark, from_ms, to_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    Code,
    MerchantReplied,
    RefundApproved,
    RefundCredited,
    RefundFailed,
    RefundPromised,
    RefundSent,
)
from streams.core.steps import Effect

HELD = "[money.broken_promise]\nhold_settlement = true\n"
UNANSWERED = "[locks]\nack = 'assumed'\n"
BROKEN = NOON + 7 * DAY
MONEY = {"payment_id": "p1", "refund_id": "r1", "currency": "CNY", "merchant_id": "m-2"}


def refund(kind: type[Event], at_ms: int, minor: int = 45_000, **more: Any) -> Event:
    return paid(at_ms, f"{kind.__name__}-{at_ms}", minor, kind=kind, **(MONEY | more))


def reply(answer: str, at_ms: int, merchant_id: str = "m-2", refund_id: str = "r1") -> Event:
    about = {"merchant_id": merchant_id, "payment_id": "p1", "refund_id": refund_id, "answer": answer}
    return event(MerchantReplied, at_ms, f"reply-{at_ms}", **about)


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


class Dispute:
    """A promise that was broken at BROKEN."""

    def __init__(self, rules: str = HELD, before: Sequence[Event] = (), **promise: Any) -> None:
        self.player = Player(policy(rules, UNANSWERED))
        self.effects: list[Effect] = []
        self.see(*before, refund(RefundPromised, NOON, **promise), mark(BROKEN))

    def see(self, *happenings: Event) -> list[Effect]:
        new = [effect for each in happenings for effect in self.player.see(each)]
        self.effects += new
        return new

    @property
    def case(self) -> CaseVersion:
        return [each for each in self.effects if isinstance(each, CaseVersion) and each.flow == "F16"][-1]

    @property
    def commands(self) -> list[ActionRequested]:
        return [each for each in self.effects if isinstance(each, ActionRequested)]

    @property
    def asked(self) -> list[str]:
        """What the merchant was told."""
        notices = [each for each in self.effects if isinstance(each, NotificationRequested)]
        return [each.template for each in notices if each.account_id == "merchant/m-2"]

    def lines(self, kind: str) -> list[str]:
        return [line.text for line in self.case.evidence if line.kind == kind]


def test_the_merchant_is_reminded_and_asked_with_a_deadline_behind_which_we_decide() -> None:
    dispute = Dispute(rules="")
    assert dispute.asked == ["merchant_refund.reminded", "merchant_refund.asked"]
    assert dispute.case.entities.merchant_id == "m-2"
    assert "2026-04-10T12:00:00Z" in dispute.lines("merchant_asked")[0]
    told = [each for each in dispute.effects if isinstance(each, NotificationRequested)][-1]
    assert (told.template, told.parameters["eta"]) == ("refund_dispute", "2026-04-11T12:00:00Z")
    assert dispute.case.sla is not None
    assert dispute.case.sla.resolution_due == from_ms(BROKEN + 3 * DAY)
    dispute.see(mark(BROKEN + 2 * DAY - 1))
    assert dispute.lines("merchant_silent") == []
    dispute.see(mark(BROKEN + 2 * DAY))
    assert len(dispute.lines("merchant_silent")) == 1
    assert dispute.commands == []


@pytest.mark.parametrize("answer", ["accepted", "refused", "asks_for_evidence"])
def test_an_answer_ends_the_waiting_for_it_and_nothing_else(answer: str) -> None:
    dispute = Dispute()
    dispute.see(reply(answer, BROKEN + HOUR), reply(answer, BROKEN + 2 * HOUR), mark(BROKEN + 3 * DAY))
    assert dispute.lines("merchant.replied")[0] == f"the merchant answers: {answer}"
    assert dispute.lines("merchant_silent") == []
    assert [each.action for each in dispute.commands] == ["hold_settlement"]


def test_what_another_merchant_answers_or_of_another_refund_is_no_answer() -> None:
    dispute = Dispute()
    dispute.see(reply("refused", BROKEN + HOUR, merchant_id="m-9"), reply("refused", BROKEN + HOUR, refund_id="r2"))
    dispute.see(mark(BROKEN + 2 * DAY))
    assert len(dispute.lines("merchant_silent")) == 1


def test_a_settlement_is_held_only_where_the_policy_says_so_and_for_as_much_as_is_open() -> None:
    dispute = Dispute()
    (hold,) = dispute.commands
    assert (hold.action, hold.entity, hold.amount_minor, hold.currency, hold.case_id, hold.expires_at) == (
        "hold_settlement",
        "merchant/m-2",
        45_000,
        "CNY",
        dispute.case.case_id,
        from_ms(BROKEN + 30 * DAY),
    )
    assert dispute.asked[-1] == "merchant_refund.held"
    assert dispute.lines("settlement_held") == [
        "hold_settlement of CNY 450.00 for merchant/m-2 until 2026-05-08T12:00:00Z"
    ]


def by_hand(action: str, at_ms: int, version: int, case_id: str, **more: Any) -> Event:
    said = {"actor": "u1", "role": "supervisor", "expected_version": version, "case_id": case_id, "action": action}
    return event(CaseAction, at_ms, f"{action}-{at_ms}", **(said | more))


def decided(dispute: Dispute, at_ms: int) -> Event:
    return by_hand("resolve", at_ms, dispute.case.version, dispute.case.case_id, resolution="no_action")


def in_ledger(dispute: Dispute, at_ms: int) -> Event:
    line = {"entry_id": "c1", "direction": "credit", "amount_minor": 45_000, "currency": "CNY", "payment_id": "p1"}
    return event(LedgerPosted, at_ms, "c1", **line)


ENDS = {
    "sent": lambda _, at_ms: refund(RefundSent, at_ms),
    "credited": lambda _, at_ms: refund(RefundCredited, at_ms),
    "failed": lambda _, at_ms: refund(RefundFailed, at_ms),
    "in the ledger": in_ledger,
    "decided": decided,
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("after_ms", [MINUTE, 9 * DAY])
def test_however_the_dispute_ends_the_settlement_is_released_once(end: str, after_ms: int) -> None:
    dispute = Dispute()
    dispute.see(mark(BROKEN + after_ms))
    over = ENDS[end](dispute, BROKEN + after_ms)
    dispute.see(over, over, mark(BROKEN + 60 * DAY))
    hold, release = dispute.commands
    assert (release.action, release.entity, release.case_id) == ("release_settlement", "merchant/m-2", hold.case_id)
    assert release.action_id != hold.action_id
    assert to_ms(release.occurred_at) == BROKEN + after_ms
    assert len(dispute.lines("settlement_released")) == 1
    assert dispute.lines("settlement_free") == []


FUNDS = (Code(source="alipay", code="ACQ.SELLER_BALANCE_NOT_ENOUGH"),)


@pytest.mark.parametrize("approved", [False, True])
def test_the_settlement_of_a_merchant_without_funds_pays_for_the_next_try(approved: bool) -> None:
    """Its dispute and its hold go on, the refund is tried again, and when it leaves both end."""
    dispute = Dispute()
    if approved:
        dispute.see(refund(RefundApproved, BROKEN + MINUTE))
    dispute.see(refund(RefundFailed, BROKEN + HOUR, codes=FUNDS))
    assert (dispute.case.status, dispute.lines("refund.failed")) == ("classified", ["refund.failed"])
    tries = [each for each in dispute.see(mark(BROKEN + 3 * HOUR)) if isinstance(each, RefundRetry)]
    assert [(each.refund_id, each.attempt) for each in tries] == [("r1", 1), ("r1", 1)]
    assert [each.action for each in dispute.commands] == ["hold_settlement"]
    dispute.see(refund(RefundSent, BROKEN + 4 * HOUR))
    assert dispute.case.status == "resolved"
    assert [each.action for each in dispute.commands] == ["hold_settlement", "release_settlement"]


def test_another_open_dispute_of_the_account_keeps_the_next_try_back() -> None:
    promised = refund(RefundPromised, NOON - MINUTE, payment_id="p2", refund_id="r2")
    dispute = Dispute(before=[promised])
    effects = dispute.see(refund(RefundFailed, BROKEN + HOUR, codes=FUNDS), mark(BROKEN + 3 * HOUR))
    assert not any(isinstance(each, RefundRetry) for each in effects)


@pytest.mark.parametrize(("late_ms", "is_told"), [(4 * HOUR, True), (8 * DAY, False)])
def test_who_heard_that_nothing_was_sent_hears_that_it_had_been(late_ms: int, is_told: bool) -> None:
    """What is told days late is no news for anybody."""
    dispute = Dispute(rules="")
    new = dispute.see(mark(BROKEN + late_ms), refund(RefundSent, BROKEN - DAY))
    messages = [each for each in new if isinstance(each, NotificationRequested)]
    words = [each for each in messages if each.template == "refund_dispute.done"]
    assert [to_ms(each.occurred_at) for each in words] == [BROKEN + late_ms] * is_told
    assert dispute.case.status == "withdrawn"


def test_an_end_that_is_told_late_releases_it_too() -> None:
    dispute = Dispute()
    dispute.see(mark(BROKEN + 2 * HOUR), refund(RefundCredited, BROKEN + HOUR), mark(BROKEN + DAY))
    assert [each.action for each in dispute.commands] == ["hold_settlement", "release_settlement"]


def test_a_hold_that_nobody_ends_is_over_on_its_date_and_nothing_is_sent() -> None:
    dispute = Dispute()
    dispute.see(mark(BROKEN + 30 * DAY), refund(RefundSent, BROKEN + 31 * DAY))
    assert [each.action for each in dispute.commands] == ["hold_settlement"]
    assert dispute.lines("settlement_free") == ["hold_settlement ended by itself"]


def test_nothing_is_held_while_the_policy_observes_or_where_nobody_knows_the_merchant() -> None:
    watching = Dispute('mode = "observe"\n' + HELD)
    assert (watching.commands, watching.asked) == ([], [])
    nameless = Dispute(merchant_id=None)
    assert (nameless.commands, nameless.asked) == ([], [])


class Answered(Dispute):
    """The same where the payment system acknowledges."""

    def __init__(self) -> None:
        self.player = Player(policy(HELD))
        self.effects = []
        self.see(refund(RefundPromised, NOON), mark(BROKEN))

    def acknowledge(self, command: ActionRequested, at_ms: int) -> list[Effect]:
        done = {"action_id": command.action_id, "effective_at": from_ms(at_ms), "result": "done"}
        return self.see(event(ActionAcknowledged, at_ms, f"ack-{command.action_id}-{at_ms}", **done))


def test_a_hold_is_sent_again_under_its_id_until_it_is_acknowledged() -> None:
    dispute = Answered()
    dispute.see(mark(BROKEN + 5 * MINUTE))
    holds = dispute.commands
    assert len(holds) > 1
    assert {each.action_id for each in holds} == {holds[0].action_id}
    assert {(each.amount_minor, each.entity) for each in holds} == {(45_000, "merchant/m-2")}
    dispute.acknowledge(holds[0], BROKEN + 5 * MINUTE + 1)
    dispute.see(mark(BROKEN + DAY))
    assert len(dispute.commands) == len(holds)


def test_a_hold_that_was_never_acknowledged_is_not_sent_behind_its_release() -> None:
    dispute = Answered()
    dispute.see(refund(RefundSent, BROKEN + MINUTE))
    at = dispute.commands.index(next(each for each in dispute.commands if each.action == "release_settlement"))
    dispute.see(mark(BROKEN + HOUR))
    later = dispute.commands[at:]
    assert {each.action for each in later} == {"release_settlement"}
    assert len({each.action_id for each in later}) == 1
    assert len(later) > 1
    dispute.see(mark(BROKEN + 31 * DAY))
    told = len(dispute.commands)
    dispute.see(mark(BROKEN + 40 * DAY))
    assert len(dispute.commands) == told, "behind its date nothing is held that could be released"


def test_who_closes_the_account_leaves_the_merchant_its_settlement() -> None:
    dispute = Answered()
    dispute.see(refund(RefundSent, BROKEN + MINUTE))
    dispute.see(event(AccountProfile, BROKEN + 2 * MINUTE, "gone", closed_at=from_ms(BROKEN + 2 * MINUTE)))
    sent = len(dispute.commands)
    dispute.see(mark(BROKEN + HOUR))
    assert len(dispute.commands) > sent


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["sent", "credited", "failed", "promised", "decided", "reopened", "reply", "time", "again"]),
        st.integers(1, 3 * DAY),
    ),
    max_size=12,
)


@given(_STEPS)
def test_whatever_happens_each_hold_is_ended_at_most_once_and_never_before_it_began(
    steps: list[tuple[str, int]],
) -> None:
    dispute, at_ms = Dispute(), BROKEN
    last: Event = mark(BROKEN)
    for step, after_ms in steps:
        at_ms += after_ms
        case = dispute.case
        match step:
            case "promised":
                last = refund(RefundPromised, at_ms)
            case "reply":
                last = reply("accepted", at_ms)
            case "reopened":
                last = by_hand("reopen", at_ms, case.version, case.case_id)
            case "time":
                last = mark(at_ms)
            case "again":
                pass
            case _:
                last = ENDS[step](dispute, at_ms)
        dispute.see(last)
        standing = 0
        for command in dispute.commands:
            standing += 1 if command.action == "hold_settlement" else -1
            assert standing in (0, 1)
        if dispute.case.status in ("resolved", "closed", "withdrawn", "surveyed"):
            held = dispute.player.obligations["a1"].case(dispute.case.case_id)
            assert held is None or not held.settlement_held_ms
    assert len({each.action_id for each in dispute.commands}) == len(dispute.commands)


def elsewhere(at_ms: int, minor: int = 45_000, refund_id: str = "x") -> list[Event]:
    """A refund of the merchant's under another id, from its approval to the customer's account."""
    told = [
        refund(kind, at_ms + step * MINUTE, minor, refund_id=refund_id)
        for step, kind in enumerate((RefundApproved, RefundSent, RefundCredited))
    ]
    line = {"entry_id": f"l-{at_ms}", "direction": "credit", "amount_minor": minor, "currency": "CNY"}
    booked = event(LedgerPosted, at_ms + 2 * MINUTE, refund_id, payment_id="p1", reference=refund_id, **line)
    return [*told[:2], booked, told[2]]


def sale() -> Event:
    return paid(NOON - DAY, "sale", 45_000, payment_id="p1", currency="CNY", merchant_id="m-2")


@pytest.mark.parametrize("heard", ["told", "booked", "both"])
def test_a_merchant_that_has_refunded_all_of_it_under_another_id_has_kept_its_promise(heard: str) -> None:
    given_back = elsewhere(NOON + 3 * DAY)
    if heard != "both":
        given_back = [each for each in given_back if isinstance(each, LedgerPosted) == (heard == "booked")]
    player = Player(policy(HELD, UNANSWERED))
    story = [sale(), refund(RefundPromised, NOON), *given_back, mark(BROKEN + DAY)]
    assert not [
        each for happening in story for each in player.see(happening) if isinstance(each, CaseVersion | ActionRequested)
    ]


def test_a_dispute_ends_and_its_settlement_is_free_once_all_is_refunded_under_another_id() -> None:
    dispute = Dispute(before=[sale()])
    dispute.see(*elsewhere(BROKEN + HOUR))
    assert [each.action for each in dispute.commands] == ["hold_settlement", "release_settlement"]
    assert dispute.case.resolution_code == "refund_dispute.done"


def test_a_refund_of_a_part_under_another_id_leaves_the_promise_of_another_part() -> None:
    dispute = Dispute(before=[sale()], minor=20_000)
    dispute.see(*elsewhere(BROKEN + HOUR, 20_000))
    assert dispute.case.resolution_code is None
    dispute.see(*elsewhere(BROKEN + 2 * HOUR, 25_000, "y"))
    assert dispute.case.resolution_code == "refund_dispute.done"


def test_who_has_had_a_promised_refund_in_parts_hears_that_all_of_it_is_here() -> None:
    dispute = Dispute()
    for hour, minor in ((1, 20_000), (2, 25_000)):
        line = {"entry_id": f"l-{hour}", "direction": "credit", "amount_minor": minor, "currency": "CNY"}
        dispute.see(event(LedgerPosted, BROKEN + hour * HOUR, hour, payment_id="p1", reference="r1", **line))
    told = [each for each in dispute.effects if isinstance(each, NotificationRequested)][-1]
    assert (told.template, told.parameters["amount"]) == ("refund_late.done", "CNY 450.00")
