from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, CustomerConfirmed, LedgerPosted, UserReport
from streams.contracts.actions import PspQuery, RefundCancelled, RefundIntended
from streams.contracts.base import Event, Watermark, from_ms
from streams.contracts.cases import ActionRejected, CaseVersion, NotificationRequested
from streams.contracts.payments import (
    BillpayDebited,
    Code,
    PaymentCaptured,
    PaymentFailed,
    PaymentPending,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
    PspStatus,
    RefundCredited,
    RefundSent,
)
from streams.core.money.references import hashed
from streams.core.obligations import SPENT_KEPT, SPENT_MAX
from streams.core.steps import Effect

WALLET = {"method": "wallet_balance", "currency": "CNY", "amount_minor": 10_000}
SURE = "[unknown]\nsilent_s = 0\n"


def posted(
    at_ms: int, number: int | str, payment_id: str | None = "p1", direction: str = "debit", **more: Any
) -> Event:
    line = {"entry_id": f"l{number}", "direction": direction, "amount_minor": 10_000, "currency": "CNY"}
    return event(LedgerPosted, at_ms, f"{number}", **line | {"payment_id": payment_id} | more)


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


def only(kind: type[Any], effects: list[Effect]) -> list[Any]:
    return [each for each in effects if isinstance(each, kind)]


def answer(at_ms: int, status: str) -> Event:
    return paid(at_ms, f"answer{at_ms}", kind=PspStatus, payment_id="p1", status=status, **WALLET)


class Story:
    """A wallet payment that was debited and failed; the money case is open and the provider has been asked."""

    def __init__(self, *overrides: str, amount_minor: int = 10_000, debits: int = 1) -> None:
        self.player = Player(policy(SURE, *overrides))
        self.money = WALLET | {"amount_minor": amount_minor}
        self.effects: list[Effect] = []
        self.see(paid(NOON, 1, kind=PaymentRequested, **self.money))
        for number in range(1, debits + 1):
            self.see(posted(NOON + SECOND, number, amount_minor=amount_minor // debits))
        self.see(paid(NOON + 2 * SECOND, 2, kind=PaymentFailed, payment_id="p1", **self.money))
        self.see(mark(NOON + 5 * MINUTE))

    def see(self, happening: Event) -> list[Effect]:
        found = self.player.see(happening)
        self.effects += found
        return found

    @property
    def owed(self) -> Any:
        return self.player.obligations["a1"]

    def withheld(self) -> list[str]:
        return [line.text for case in self.owed.cases for line in case.lines if line.kind == "refund_withheld"]


def test_what_the_provider_calls_failed_goes_back_once() -> None:
    story = Story()
    assert only(RefundIntended, story.effects) == [], "nobody has confirmed the failure yet"
    (intent,) = only(RefundIntended, story.see(answer(NOON + HOUR, "failed")))
    assert (intent.amount_minor, intent.currency, intent.payment_id) == (10_000, "CNY", "p1")
    assert intent.idempotency_key == f"refund:p1:{intent.refund_id}"
    assert only(RefundIntended, story.see(answer(NOON + 2 * HOUR, "failed"))) == []
    assert "refund_started" in [each.template for each in only(NotificationRequested, story.effects)]


def test_the_ledgers_credit_ends_it() -> None:
    story = Story()
    story.see(answer(NOON + HOUR, "failed"))
    (owed,) = story.owed.owed
    story.see(paid(NOON + 2 * HOUR, 5, kind=RefundSent, payment_id="p1", refund_id=owed.refund_id, **WALLET))
    story.see(posted(NOON + 3 * HOUR, 2, direction="credit"))
    assert story.owed.owed == []
    assert only(RefundCancelled, story.effects) == []
    assert only(CaseVersion, story.effects)[-1].status == "resolved"


@pytest.mark.parametrize("others", [0, 24, 40], ids=["at once", "after 24 lines", "after 40 debits"])
@pytest.mark.parametrize("back", [False, True], ids=["still owed", "given back"])
def test_a_line_of_the_ledger_that_is_told_again_is_given_back_once(others: int, back: bool) -> None:
    """Under another event id, when the ledger's last lines and the account's last debits are others."""
    story = Story()
    story.see(answer(NOON + HOUR, "failed"))
    if back:
        refund = {"payment_id": "p1", "refund_id": story.owed.owed[0].refund_id} | WALLET
        story.see(paid(NOON + HOUR + SECOND, 3, kind=RefundSent, **refund))
        story.see(posted(NOON + HOUR + MINUTE, "back", direction="credit"))
    for number in range(others):
        direction, payment_id = ("credit", None) if others == 24 else ("debit", f"other{number}")
        line = {"direction": direction, "amount_minor": 100 + number, "counterparty_id": f"x{number}"}
        story.see(posted(NOON + 2 * HOUR + number * SECOND, f"o{number}", payment_id, **line))
        about = WALLET | {"amount_minor": 100 + number, "payment_id": f"other{number}"}
        if direction == "debit":
            story.see(paid(NOON + 2 * HOUR + number * SECOND, f"o{number}", **about))
    told = {"entry_id": "l1", "direction": "debit", "amount_minor": 10_000, "currency": "CNY", "payment_id": "p1"}
    story.see(event(LedgerPosted, NOON + 3 * HOUR, "redelivered", **told))
    story.see(mark(NOON + 4 * HOUR))
    story.see(answer(NOON + 5 * HOUR, "failed"))
    assert len(only(RefundIntended, story.effects)) == 1
    assert flows(story.effects)["F10"] == ("resolved" if back else "classified")


def test_two_ledgers_may_number_their_events_and_entries_alike() -> None:
    effects: list[Effect] = []
    player = Player(policy(SURE))
    effects += player.see(paid(NOON, 1, kind=PaymentRequested, **WALLET))
    for ledger, amount_minor in (("wallet", 10_000), ("bonus", 7_000), ("gift", 7_000)):
        line = {"source": ledger, "entry_id": "1", "amount_minor": amount_minor}
        effects += player.see(posted(NOON + SECOND, 1, **line))
    effects += player.see(paid(NOON + 2 * SECOND, 2, kind=PaymentFailed, payment_id="p1", **WALLET))
    effects += player.see(mark(NOON + 5 * MINUTE))
    effects += player.see(answer(NOON + 10 * MINUTE, "failed"))
    intents = only(RefundIntended, effects)
    assert sorted(each.amount_minor for each in intents) == [7_000, 7_000, 10_000]
    assert len({each.refund_id for each in intents}) == len({each.idempotency_key for each in intents}) == 3


def test_the_refunds_of_two_accounts_are_two_although_everything_else_has_one_name() -> None:
    intents: list[RefundIntended] = []
    player = Player(policy(SURE))
    for account_id in ("a1", "a2"):
        for happening in (
            paid(NOON, 1, kind=PaymentRequested, account_id=account_id, **WALLET),
            posted(NOON + SECOND, 1, account_id=account_id),
            paid(NOON + 2 * SECOND, 2, kind=PaymentFailed, payment_id="p1", account_id=account_id, **WALLET),
        ):
            player.see(happening)
    player.see(mark(NOON + 5 * MINUTE))
    for account_id in ("a1", "a2"):
        said = paid(NOON + HOUR, 3, kind=PspStatus, payment_id="p1", status="failed", account_id=account_id, **WALLET)
        intents += only(RefundIntended, player.see(said))
    assert len({each.refund_id for each in intents}) == len({each.idempotency_key for each in intents}) == 2


@pytest.mark.parametrize("status", ["succeeded", "pending"])
def test_any_other_answer_gives_nothing_back(status: str) -> None:
    assert only(RefundIntended, Story().see(answer(NOON + HOUR, status))) == []


def test_a_late_success_cancels_what_has_not_left() -> None:
    story = Story()
    story.see(answer(NOON + HOUR, "failed"))
    effects = story.see(paid(NOON + 2 * HOUR, 3, kind=PaymentSucceeded, payment_id="p1", **WALLET))
    (cancelled,) = only(RefundCancelled, effects)
    assert cancelled.cause == "late_success"
    assert only(CaseVersion, effects)[-1].status == "resolved"


def test_a_late_success_after_the_refund_left_is_a_double_benefit() -> None:
    story = Story()
    story.see(answer(NOON + HOUR, "failed"))
    (owed,) = story.owed.owed
    story.see(paid(NOON + 2 * HOUR, 4, kind=RefundSent, payment_id="p1", refund_id=owed.refund_id, **WALLET))
    effects = story.see(paid(NOON + 3 * HOUR, 3, kind=PaymentSucceeded, payment_id="p1", **WALLET))
    assert only(RefundCancelled, effects) == []
    assert ("double_benefit", "accounting") in {(each.case_type, each.queue) for each in only(CaseVersion, effects)}


def test_a_reversal_that_comes_first_cancels_the_refund() -> None:
    story = Story()
    story.see(answer(NOON + HOUR, "failed"))
    (cancelled,) = only(RefundCancelled, story.see(posted(NOON + 2 * HOUR, 9, direction="credit")))
    assert cancelled.cause == "money_back"


def test_an_amount_above_the_limit_is_for_a_person() -> None:
    story = Story(amount_minor=100_001)
    assert only(RefundIntended, story.see(answer(NOON + HOUR, "failed"))) == []
    assert story.withheld() == ["for a person: amount"]


def test_a_frozen_account_is_for_a_person() -> None:
    story = Story()
    story.see(event(UserReport, NOON + 30 * MINUTE, 1, channel="app", kind="stolen"))
    assert only(RefundIntended, story.see(answer(NOON + HOUR, "failed"))) == []
    assert story.withheld() == ["for a person: frozen"]


def test_a_dispute_is_for_a_person() -> None:
    story = Story()
    story.see(event(UserReport, NOON + 30 * MINUTE, 1, channel="app", kind="unauthorised"))
    story.see(answer(NOON + HOUR, "failed"))
    assert story.withheld() == ["for a person: dispute"]


def test_the_fourth_of_a_month_is_for_a_person() -> None:
    story = Story("[money]\nauto_refunds_per_30d = 1\n")
    story.owed.auto_refunds = [NOON - DAY]
    story.see(answer(NOON + HOUR, "failed"))
    assert story.withheld() == ["for a person: too_many"]


def test_observing_moves_no_money() -> None:
    story = Story('mode = "observe"')
    assert only(RefundIntended, story.see(answer(NOON + HOUR, "failed"))) == []
    assert story.withheld() == ["for a person: observing"]


def test_an_answer_that_comes_too_late_is_asked_for_again() -> None:
    story = Story()
    story.see(mark(NOON + HOUR))
    assert only(RefundIntended, story.see(answer(NOON + 6 * MINUTE, "failed"))) == []
    assert story.withheld() == ["for a person: late"]
    assert len(only(PspQuery, story.see(mark(NOON + HOUR + 6 * SECOND)))) == 1
    assert len(only(RefundIntended, story.see(answer(NOON + HOUR + 11 * SECOND, "failed")))) == 1
    assert only(PspQuery, story.see(mark(NOON + DAY))) == []


def test_answers_that_always_come_too_late_leave_it_to_people() -> None:
    story = Story()
    for number in range(1, 6):
        story.see(mark(NOON + number * HOUR))
        story.see(answer(NOON + number * MINUTE + 6 * MINUTE, "failed"))
    assert len(only(PspQuery, story.effects)) <= 1 + 5, "one schedule more"
    assert only(RefundIntended, story.effects) == []
    assert only(CaseVersion, story.effects)[-1].status not in ("resolved", "withdrawn")


def never_found(story: Story) -> list[Effect]:
    """Pending, then `not_found` to every question of the schedule."""
    effects = story.see(paid(NOON + 6 * MINUTE, "pending", kind=PaymentPending, payment_id="p1", **WALLET))
    for wait_s in (5, 10, 30, 60, 300):
        effects += story.see(mark(NOON + 6 * MINUTE + wait_s * SECOND))
        effects += story.see(answer(NOON + 6 * MINUTE + (wait_s + 1) * SECOND, "not_found"))
    return effects + story.see(mark(NOON + HOUR))


def test_what_the_provider_does_not_find_to_the_end_goes_back() -> None:
    story = Story()
    (intent,) = only(RefundIntended, never_found(story))
    assert intent.amount_minor == 10_000


def test_the_guards_hold_for_what_the_provider_does_not_find() -> None:
    story = Story()
    story.see(event(UserReport, NOON + 5 * MINUTE + 1, 1, channel="app", kind="stolen"))
    assert only(RefundIntended, never_found(story)) == []
    assert story.withheld() == ["for a person: frozen"]


@pytest.mark.parametrize(
    ("amount_minor", "role", "second", "refused"),
    [
        (200_000, "analyst", None, None),
        (600_000, "analyst", "kim", "role"),
        (600_000, "supervisor", None, "second_person"),
        (600_000, "supervisor", "kim", None),
    ],
)
def test_an_operator_gives_back_within_limits(
    amount_minor: int, role: str, second: str | None, refused: str | None
) -> None:
    story = Story(amount_minor=amount_minor)
    story.see(answer(NOON + HOUR, "failed"))
    (case,) = story.owed.cases
    action = {"case_id": case.case_id, "expected_version": case.version, "actor": "lee", "role": role}
    effects = story.see(event(CaseAction, NOON + 2 * HOUR, 1, action="refund", second_actor=second, **action))
    assert [each.cause for each in only(ActionRejected, effects)] == ([refused] if refused else [])
    assert len(only(RefundIntended, effects)) == (refused is None)


def test_a_second_analyst_is_not_enough_for_a_large_amount() -> None:
    story = Story(amount_minor=600_000)
    story.see(answer(NOON + HOUR, "failed"))
    (case,) = story.owed.cases
    two = {"actor": "lee", "role": "supervisor", "second_actor": "kim", "second_role": "analyst"}
    asked = event(
        CaseAction, NOON + 2 * HOUR, 1, action="refund", case_id=case.case_id, expected_version=case.version, **two
    )
    assert [each.cause for each in only(ActionRejected, story.see(asked))] == ["second_person"]


def test_what_an_operator_may_give_back_alone_is_meant_of_the_payment_and_not_of_each_debit() -> None:
    story = Story(amount_minor=600_000, debits=2)
    story.see(answer(NOON + HOUR, "failed"))
    (case,) = story.owed.cases
    action = {"case_id": case.case_id, "expected_version": case.version, "actor": "lee"}
    alone = event(CaseAction, NOON + 2 * HOUR, 1, action="refund", role="analyst", **action)
    assert [each.cause for each in only(ActionRejected, story.see(alone))] == ["role"]
    two = event(CaseAction, NOON + 3 * HOUR, 2, action="refund", role="supervisor", second_actor="kim", **action)
    assert [each.amount_minor for each in only(RefundIntended, story.see(two))] == [300_000, 300_000]


@pytest.mark.parametrize("meanwhile", ["nothing", "other cases", "many notes"])
def test_what_has_come_back_already_counts_in_what_one_may_give_back_alone(meanwhile: str) -> None:
    """One debit after the other, each below the limit; whatever else the account and its case have to remember."""
    story = Story(amount_minor=450_000)
    story.see(answer(NOON + HOUR, "failed"))

    def acts(at_ms: int, number: int, action: str, role: str, second: str | None = None, **more: Any) -> list[Effect]:
        case = next(each for each in story.owed.cases if each.is_open and each.payment_id == "p1")
        act = {"case_id": case.case_id, "expected_version": case.version, "actor": "lee", "role": role}
        return story.see(event(CaseAction, at_ms, number, action=action, second_actor=second, **act, **more))

    (first,) = only(RefundIntended, acts(NOON + 2 * HOUR, 1, "refund", "analyst"))
    story.see(posted(NOON + 3 * HOUR, "back", direction="credit", amount_minor=450_000, reference=first.refund_id))
    if meanwhile == "other cases":
        for number in range(4):
            at_ms, about = NOON + 3 * HOUR + (number + 1) * MINUTE, WALLET | {"payment_id": f"o{number}"}
            story.see(paid(at_ms, f"o{number}", kind=PaymentRequested, **about))
            story.see(posted(at_ms + SECOND, f"o{number}", f"o{number}"))
            story.see(paid(at_ms + 2 * SECOND, f"o{number}f", kind=PaymentFailed, **about))
        story.see(mark(NOON + 4 * HOUR))
    story.see(posted(NOON + 5 * HOUR, "later", amount_minor=450_000))
    story.see(mark(NOON + 6 * HOUR))
    for number in range(30 if meanwhile == "many notes" else 0):
        acts(NOON + 6 * HOUR + number * SECOND, 100 + number, "note", "analyst", text=f"looked at it again {number}")
    effects = acts(NOON + 7 * HOUR, 2, "refund", "analyst")
    assert [each.cause for each in only(ActionRejected, effects)] == ["role"]
    assert len(only(RefundIntended, acts(NOON + 8 * HOUR, 3, "refund", "supervisor", "kim"))) == 1


def test_nor_are_several_currencies_a_way_around_it() -> None:
    player = Player(policy(SURE))
    about = WALLET | {"amount_minor": 900_000, "payment_id": "p1"}
    player.see(paid(NOON, 1, kind=PaymentRequested, **about))
    player.see(posted(NOON + SECOND, 1, amount_minor=490_000))
    player.see(posted(NOON + SECOND, 2, amount_minor=65_000, currency="USD"))
    player.see(paid(NOON + 2 * SECOND, 2, kind=PaymentFailed, **about))
    player.see(mark(NOON + 5 * MINUTE))
    player.see(answer(NOON + HOUR, "failed"))
    (case,) = player.obligations["a1"].cases
    action = {"case_id": case.case_id, "expected_version": case.version, "actor": "lee", "role": "analyst"}
    refused = player.see(event(CaseAction, NOON + 2 * HOUR, 1, action="refund", **action))
    assert [each.cause for each in only(ActionRejected, refused)] == ["role"]


@pytest.mark.parametrize(("amount_minor", "given"), [(100_000, 2), (160_000, 0)])
def test_so_is_what_is_given_back_without_a_person(amount_minor: int, given: int) -> None:
    story = Story(amount_minor=amount_minor, debits=2)
    assert len(only(RefundIntended, story.see(answer(NOON + HOUR, "failed")))) == given
    assert story.withheld() == ([] if given else ["for a person: amount"])


@pytest.mark.parametrize(
    ("verdict", "guards"), [("confirm_fraud", ["abuse"]), ("confirm_legit", [])], ids=["fraud", "by mistake"]
)
def test_whoever_was_found_out_has_no_refund_by_itself_however_many_cases_came_after(
    verdict: str, guards: list[str]
) -> None:
    story = Story(amount_minor=10_001)
    act = {"case_id": story.owed.cases[0].case_id, "actor": "ana", "role": "analyst"}
    for number, action in enumerate(["confirm_fraud", verdict, "resolve"]):
        version = story.owed.cases[0].version
        story.see(event(CaseAction, NOON + HOUR + number, number, action=action, expected_version=version, **act))
    for number in range(8):
        at_ms, about = NOON + (2 + number) * HOUR, WALLET | {"payment_id": f"o{number}"}
        story.see(paid(at_ms, f"o{number}", kind=PaymentRequested, **about))
        story.see(posted(at_ms + SECOND, f"o{number}", f"o{number}"))
        story.see(paid(at_ms + 2 * SECOND, f"o{number}f", kind=PaymentFailed, **about))
        story.see(mark(at_ms + 10 * MINUTE))
        story.see(posted(at_ms + 20 * MINUTE, f"o{number}b", f"o{number}", direction="credit"))
    story.effects.clear()
    for happening in (*tried(9, NOON + DAY), mark(NOON + DAY + 10 * MINUTE)):
        story.see(happening)
    said = WALLET | {"payment_id": "p9", "status": "failed"}
    story.see(paid(NOON + DAY + HOUR, "last", kind=PspStatus, **said))
    assert act["case_id"] not in [case.case_id for case in story.owed.cases], "it has made room"
    assert story.withheld() == [f"for a person: {guard}" for guard in guards]
    assert len(only(RefundIntended, story.effects)) == (not guards)


# -- duplicates and amounts --------------------------------------------------------------------------------------------

ORDER = {"order_id": "o1", "merchant_id": "m1"} | WALLET


def bought(number: int, at_ms: int, **fields: Any) -> list[Event]:
    about = ORDER | fields
    money = {"amount_minor": about["amount_minor"], "currency": about["currency"]}
    return [
        paid(at_ms, f"{number}r", kind=PaymentRequested, payment_id=f"p{number}", **about),
        posted(at_ms + SECOND, f"d{number}", f"p{number}", **money),
        paid(at_ms + 2 * SECOND, f"{number}s", kind=PaymentSucceeded, payment_id=f"p{number}", **about),
    ]


def tried(number: int, at_ms: int) -> list[Event]:
    """Debited, and failed."""
    ends = paid(at_ms + 2 * SECOND, f"{number}f", kind=PaymentFailed, payment_id=f"p{number}", **ORDER)
    return [*bought(number, at_ms)[:2], ends]


def flows(effects: list[Effect]) -> dict[str, str]:
    return {each.flow: each.status for each in only(CaseVersion, effects)}


def run(*events: Event, overrides: str = "") -> list[Effect]:
    player = Player(policy(SURE, overrides))
    return [effect for happening in (*events, mark(NOON + DAY)) for effect in player.see(happening)]


def test_two_debits_of_one_order_are_a_certain_duplicate_and_the_later_goes_back() -> None:
    effects = run(*bought(1, NOON), *bought(2, NOON + 5 * HOUR))
    assert flows(effects) == {"F12": "classified"}
    (intent,) = only(RefundIntended, effects)
    assert intent.payment_id == "p2"
    (case,) = {each.case_id for each in only(CaseVersion, effects)}
    assert intent.case_id == case
    ended = run(*bought(1, NOON), *bought(2, NOON + HOUR), posted(NOON + 2 * HOUR, "back", "p2", direction="credit"))
    assert flows(ended) == {"F12": "resolved"}


_CAPTURED = {
    "before the debits": ["requested", "captured", "debit", "debit"],
    "between them": ["requested", "debit", "captured", "debit"],
    "behind them": ["requested", "debit", "debit", "captured"],
    "told twice": ["requested", "captured", "captured", "debit", "debit"],
}


def captured_twice(script: list[str], captured_minor: int, *debits: int, **fields: Any) -> list[Effect]:
    """What goes back of an authorised amount of 100.00 of which `captured_minor` is captured."""
    about, minors, events = ORDER | fields, iter(debits), list[Event]()
    for number, what in enumerate(script):
        at_ms = NOON + number * SECOND
        if what == "debit":
            events.append(posted(at_ms, f"d{number}", amount_minor=next(minors)))
            continue
        kind = PaymentRequested if what == "requested" else PaymentCaptured
        amount_minor = 10_000 if kind is PaymentRequested else captured_minor
        events.append(paid(at_ms, number, kind=kind, **about | {"payment_id": "p1", "amount_minor": amount_minor}))
    return run(*events, mark(NOON + 2 * MINUTE), answer(NOON + 5 * MINUTE, "succeeded"))


@pytest.mark.parametrize("script", _CAPTURED.values(), ids=_CAPTURED)
@pytest.mark.parametrize("order_minor", [None, 10_000])
def test_what_was_captured_once_and_debited_twice_goes_back_as_a_whole(
    script: list[str], order_minor: int | None
) -> None:
    effects = captured_twice(script, 8_000, 8_000, 8_000, order_amount_minor=order_minor)
    assert [each.amount_minor for each in only(RefundIntended, effects)] == [8_000]
    assert flows(effects) == {"F12": "classified"}


@pytest.mark.parametrize(
    ("captured_minor", "debits"), [(5_000, (5_000, 5_000)), (8_000, (8_000, 2_000)), (3_000, (3_000, 3_000, 3_000))]
)
def test_parts_of_what_was_authorised_are_captured_one_after_the_other(
    captured_minor: int, debits: tuple[int, ...]
) -> None:
    effects = captured_twice(["requested", "captured", *["debit"] * len(debits)], captured_minor, *debits)
    assert only(RefundIntended, effects) == []


@pytest.mark.parametrize("ledger_s", [-10, 0, 10], ids=["ledger ahead", "together", "ledger behind"])
@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize("order_minor", [None, "whole"])
def test_each_shipment_is_captured_and_debited_for_itself(ledger_s: int, parts: int, order_minor: str | None) -> None:
    """The payment is called good each time, with what was captured last."""
    whole = ORDER | {"payment_id": "p1", "amount_minor": parts * 10_000}
    part = ORDER | {"payment_id": "p1"}
    if order_minor:
        whole["order_amount_minor"] = parts * 10_000
    told = [paid(NOON, "asked", kind=PaymentRequested, **whole)]
    for number in range(parts):
        at_ms = NOON + (number + 1) * HOUR
        told.append(paid(at_ms, f"{number}", kind=PaymentCaptured, **part))
        told.append(paid(at_ms + SECOND, f"{number}", kind=PaymentSucceeded, **part))
        told.append(posted(at_ms + ledger_s * SECOND, f"d{number}"))
        told.append(mark(at_ms + 10 * MINUTE))
    told.sort(key=lambda each: each.occurred_at)
    assert only(RefundIntended, run(*told)) == []
    assert only(CaseVersion, run(*told)) == []


@pytest.mark.parametrize("minors", [(10_000, 10_000), (6_000, 12_000, 12_000), (1_000, 9_000), (9_000, 1_000)])
@pytest.mark.parametrize(
    ("captured_s", "good_s"),
    [(3, 1), (100, 1), (0, 140), (0, 600), (600, 1)],
    ids=["capture behind", "far behind", "success behind", "all captures before", "all successes before"],
)
def test_shipments_cost_the_same_in_whatever_order_captures_and_successes_are_heard(
    minors: tuple[int, ...], captured_s: int, good_s: int
) -> None:
    """Each word of a part has its own time and is heard so many seconds after it."""
    about = ORDER | {"payment_id": "p1"}
    asked = paid(NOON, "asked", kind=PaymentRequested, **about | {"amount_minor": sum(minors)})
    heard = [(NOON, asked)]
    for number, minor in enumerate(minors):
        at_ms, part = NOON + (number + 1) * MINUTE, about | {"amount_minor": minor}
        captured = paid(at_ms, f"{number}", kind=PaymentCaptured, **part)
        good = paid(at_ms + SECOND, f"{number}", kind=PaymentSucceeded, **part)
        heard.append((at_ms - SECOND, posted(at_ms - SECOND, f"d{number}", amount_minor=minor)))
        heard += [(at_ms + captured_s * SECOND, captured), (at_ms + good_s * SECOND, good)]
    effects = run(*(each for _, each in sorted(heard, key=lambda each: each[0])), mark(NOON + HOUR))
    assert only(RefundIntended, effects) == []
    last = {case.case_id: case.status for case in only(CaseVersion, effects)}
    assert set(last.values()) <= {"resolved", "withdrawn"}


@pytest.mark.parametrize("apart_s", [0, 2, 6, 30])
@pytest.mark.parametrize(
    ("sources", "cases"), [(("payments", "payments"), {}), (("payments", "gateway"), {"F11": "classified"})]
)
def test_a_second_shipment_is_one_that_the_same_source_tells_of(
    apart_s: int, sources: tuple[str, str], cases: dict[str, str]
) -> None:
    """Two sources that tell of equal captures tell of one: its second debit is explained by nothing."""
    about = ORDER | {"payment_id": "p1"}
    told = [
        paid(NOON, "asked", kind=PaymentRequested, **about | {"amount_minor": 20_000}),
        posted(NOON + SECOND, "d0"),
        posted(NOON + 3 * SECOND, "d1"),
        *(
            paid(NOON + (2 + n * apart_s) * SECOND, n, kind=PaymentCaptured, source=each, **about)
            for n, each in enumerate(sources)
        ),
        paid(NOON + 40 * SECOND, "good", kind=PaymentSucceeded, **about),
    ]
    effects = run(*sorted(told, key=lambda each: each.occurred_at), mark(NOON + 10 * MINUTE))
    assert only(RefundIntended, effects) == []
    assert flows(effects) == cases


@pytest.mark.parametrize(("debits", "back"), [((8_000, 8_000), [8_000]), ((5_000, 5_000), [])])
def test_a_part_that_is_good_and_debited_twice_goes_back_where_it_can_be_no_other_part(
    debits: tuple[int, ...], back: list[int]
) -> None:
    about = ORDER | {"payment_id": "p1", "amount_minor": debits[0]}
    told = [
        paid(NOON, "asked", kind=PaymentRequested, payment_id="p1", **ORDER),
        paid(NOON + SECOND, "one", kind=PaymentCaptured, **about),
        paid(NOON + 2 * SECOND, "good", kind=PaymentSucceeded, **about),
        *(posted(NOON + (3 + at) * SECOND, f"d{at}", amount_minor=minor) for at, minor in enumerate(debits)),
        mark(NOON + 10 * MINUTE),
    ]
    effects = run(*told)
    assert [each.amount_minor for each in only(RefundIntended, effects)] == back
    assert flows(effects) == {"F12" if back else "F11": "classified"}


def test_an_order_that_is_paid_at_the_second_attempt_is_paid_once() -> None:
    effects = run(
        *tried(1, NOON), *bought(2, NOON + 30 * SECOND), mark(NOON + 5 * MINUTE), answer(NOON + 10 * MINUTE, "failed")
    )
    assert flows(effects) == {"F10": "classified"}
    assert [each.payment_id for each in only(RefundIntended, effects)] == ["p1"], "the debit of the good one stays"


@pytest.mark.parametrize("sent", [False, True], ids=["nothing intended", "refund of the first has left"])
def test_when_the_first_attempt_succeeds_after_all_one_of_the_two_goes_back(sent: bool) -> None:
    happened = [*tried(1, NOON), *bought(2, NOON + 30 * SECOND), mark(NOON + 5 * MINUTE)]
    late = paid(NOON + 20 * MINUTE, "1s", kind=PaymentSucceeded, payment_id="p1", **ORDER)
    if sent:
        happened.append(answer(NOON + 10 * MINUTE, "failed"))
        (intent,) = only(RefundIntended, run(*happened))
        left = {"refund_id": intent.refund_id, "payment_id": "p1"} | WALLET
        happened.append(paid(NOON + 11 * MINUTE, "sent", kind=RefundSent, **left))
    back = posted(NOON + HOUR, "back", "p1", direction="credit")
    effects = run(*happened, late, back)
    assert [each.payment_id for each in only(RefundIntended, effects)] == ["p1"]
    assert "late_success" not in [each.cause for each in only(RefundCancelled, effects)]
    ends = {each.case_type: each.status for each in only(CaseVersion, effects)}
    assert ends.pop("debited_not_confirmed") in ("resolved", "withdrawn")
    assert ends == {"duplicate_charge": "resolved"}, "nobody has anything twice"


def test_an_order_whose_first_attempt_came_back_is_paid_by_the_second_alone() -> None:
    back = posted(NOON + MINUTE, "back", "p1", direction="credit")
    late = paid(NOON + 20 * MINUTE, "1s", kind=PaymentSucceeded, payment_id="p1", **ORDER)
    assert flows(run(*tried(1, NOON), *bought(2, NOON + 30 * SECOND), back, late)) == {}


def test_an_order_that_two_payments_share_is_no_duplicate() -> None:
    shared = {"order_amount_minor": 20_000}
    assert flows(run(*bought(1, NOON, **shared), *bought(2, NOON + MINUTE, **shared))) == {}
    less = {"order_amount_minor": 15_000}
    assert flows(run(*bought(1, NOON, **less), *bought(2, NOON + MINUTE, **less))) == {"F12": "classified"}


def test_two_orders_at_one_merchant_in_minutes_are_a_question() -> None:
    effects = run(*bought(1, NOON), *bought(2, NOON + 5 * MINUTE, order_id="o2"))
    assert flows(effects) == {"F12": "classified"}
    assert only(RefundIntended, effects) == []
    assert "duplicate_charge.probable" in [each.template for each in only(NotificationRequested, effects)]


@pytest.mark.parametrize(
    ("answer", "channel", "ends"),
    [("yes", "app", "both_real"), ("no", "app", None), ("yes", "email", None)],
    ids=["both are real", "one is too many", "said by anybody"],
)
def test_who_says_that_both_are_real_ends_the_question(answer: str, channel: str, ends: str | None) -> None:
    player = Player(policy(SURE))
    two = (*bought(1, NOON), *bought(2, NOON + 5 * MINUTE, order_id="o2"), mark(NOON + HOUR))
    (case_id,) = {case.case_id for each in two for case in only(CaseVersion, player.see(each))}
    about = {"case_id": case_id, "channel": channel, "answer": answer}
    effects = player.see(event(CustomerConfirmed, NOON + HOUR, "both", **about))
    (case,) = only(CaseVersion, effects)  # a no says nothing about theft
    assert (case.case_id, case.resolution_code) == (case_id, ends)
    assert only(NotificationRequested, effects) == []


@pytest.mark.parametrize(
    ("gap_ms", "fields"),
    [
        (11 * MINUTE, {"order_id": "o2"}),
        (MINUTE, {"order_id": "o2", "mcc": "4111"}),
        (MINUTE, {"order_id": "o2", "merchant_id": "m2"}),
        (MINUTE, {"order_id": "o2", "amount_minor": 9_999}),
    ],
    ids=["later", "transit", "another merchant", "another amount"],
)
def test_what_is_ordinary_is_no_duplicate(gap_ms: int, fields: dict[str, Any]) -> None:
    assert flows(run(*bought(1, NOON), *bought(2, NOON + gap_ms, **fields))) == {}


def test_an_order_that_is_paid_in_parts_is_no_duplicate() -> None:
    parts = [
        paid(NOON, 1, kind=PaymentRequested, order_amount_minor=20_000, **ORDER),
        posted(NOON + SECOND, 1),
        posted(NOON + 2 * SECOND, 2),
        paid(NOON + 3 * SECOND, 2, kind=PaymentSucceeded, payment_id="p1", **ORDER),
    ]
    assert flows(run(*parts)) == {}


@pytest.mark.parametrize(
    ("asked", "debits", "owed"),
    [
        ({}, (5_000, 5_000), {}),  # captured in two equal parts
        ({}, (5_000, 5_000, 5_000), {"F12": 5_000}),
        ({}, (10_000, 10_000), {"F12": 10_000}),
        ({"order_amount_minor": 5_000, "amount_minor": 5_000}, (3_000, 3_000), {"F11": 1_000}),
        ({"order_amount_minor": 5_000, "amount_minor": 5_000}, (5_000, 5_000), {"F12": 5_000}),
    ],
)
@pytest.mark.parametrize("others", [0, 6], ids=["at once", "between others"])
@pytest.mark.parametrize("named", [True, False], ids=["with an order", "without"])
def test_equal_parts_are_one_too_many_only_above_the_amount(
    asked: dict[str, int], debits: tuple[int, ...], owed: dict[str, int], others: int, named: bool
) -> None:
    about = (ORDER if named else WALLET) | asked
    amount_minor = about.pop("amount_minor")
    happened: list[Event] = [paid(NOON, 1, amount_minor, kind=PaymentRequested, **about)]
    happened.append(paid(NOON + SECOND, "1s", amount_minor, payment_id="p1", **about))
    for number, debit_minor in enumerate(debits):
        happened.append(posted(NOON + (2 + 10 * number) * SECOND, number, amount_minor=debit_minor))
        for other in range(others if number == 0 else 0):
            at_ms = NOON + (3 + other) * SECOND
            about = WALLET | {"amount_minor": 50 + other, "order_id": f"other{other}"}
            happened.append(paid(at_ms, f"other{other}", kind=PaymentRequested, **about))
    effects = run(*happened)
    found = {each.flow: each.amount_minor for each in only(CaseVersion, effects) if each.entities.payment_id == "p1"}
    assert found == owed
    intents = [each.amount_minor for each in only(RefundIntended, effects)]
    assert intents == [minor for flow, minor in owed.items() if flow == "F12"]


def test_a_success_below_what_was_debited_is_accountings() -> None:
    for more in ({}, {"order_amount_minor": 10_000}):
        request, line = paid(NOON, 1, kind=PaymentRequested, **ORDER | more), posted(NOON + SECOND, 1)
        ends = paid(NOON + SECOND, 2, payment_id="p1", **ORDER | {"amount_minor": 6_000})
        for happened in ((request, line, ends), (request, ends, line)):
            effects = run(*happened)
            (case,) = {(each.flow, each.amount_minor) for each in only(CaseVersion, effects)}
            assert case == ("F11", 4_000)
            assert only(RefundIntended, effects) == only(NotificationRequested, effects) == []
            assert flows(run(*happened, posted(NOON + HOUR, "back", direction="credit", amount_minor=4_000))) == {
                "F11": "resolved"
            }


@pytest.mark.parametrize(
    ("first", "second", "back"),
    [
        ({"order_amount_minor": 10_000}, {"order_amount_minor": 10_000, "amount_minor": 9_900}, (9_900, "CNY")),
        ({"order_amount_minor": 15_000}, {"order_amount_minor": 15_000, "amount_minor": 6_000}, (1_000, "CNY")),
        ({"order_amount_minor": 16_000}, {"order_amount_minor": 16_000, "amount_minor": 6_000}, None),
        ({}, {"amount_minor": 9_900}, None),  # nobody has said what the order costs: perhaps it is two parts of it
        ({}, {"amount_minor": 1_408, "currency": "USD"}, (1_408, "USD")),  # the same at the policy's rate
        ({"order_amount_minor": 10_000}, {"amount_minor": 1_400, "currency": "USD"}, (1_400, "USD")),
    ],
)
def test_an_order_is_paid_twice_also_with_another_amount_or_currency(
    first: dict[str, Any], second: dict[str, Any], back: tuple[int, str] | None
) -> None:
    effects = run(*bought(1, NOON, **first), *bought(2, NOON + MINUTE, **second))
    intents = [(each.payment_id, each.amount_minor, each.currency) for each in only(RefundIntended, effects)]
    assert intents == ([("p2", *back)] if back else [])
    assert flows(effects) == ({"F12": "classified"} if back else {})


def test_an_order_that_is_paid_twice_is_found_between_many_other_payments() -> None:
    """As many within the ten minutes as are remembered; afterwards the usual few are."""
    others = [
        happening
        for number in range(SPENT_MAX - 2)
        for happening in bought(
            10 + number, NOON + (10 + 3 * number) * SECOND, order_id=f"y{number}", amount_minor=500 + number
        )
    ]
    effects = run(*bought(1, NOON), *others, *bought(2, NOON + 5 * MINUTE))
    assert [each.payment_id for each in only(RefundIntended, effects)] == ["p2"]
    player = Player(policy(SURE))
    for happening in (*others, posted(NOON + HOUR, "last", "p99", amount_minor=77)):
        player.see(happening)
    assert len(player.obligations["a1"].spent) == SPENT_KEPT


def test_more_than_the_order_says_is_the_wrong_amount_and_the_difference_goes_back() -> None:
    happened = [
        paid(NOON, 1, kind=PaymentRequested, order_amount_minor=8_000, **ORDER),
        posted(NOON + SECOND, 1),
        paid(NOON + 2 * SECOND, 2, kind=PaymentSucceeded, payment_id="p1", **ORDER),
        mark(NOON + 5 * MINUTE),
        answer(NOON + 10 * MINUTE, "succeeded"),
    ]
    effects = run(*happened)
    assert flows(effects) == {"F11": "classified"}
    (intent,) = only(RefundIntended, effects)
    assert intent.amount_minor == 2_000
    back = posted(NOON + HOUR, 2, direction="credit", amount_minor=2_000)
    assert flows(run(*happened, back)) == {"F11": "resolved"}


@pytest.mark.parametrize(
    ("asked", "confirmed", "excess_minor"),
    [(1, 10_000, 9_999), (10_000, 500, 9_500), (8_000, 10_000, 2_000), (100, 100, 9_900), (6_600, None, 3_400)],
    ids=["a_cent_first", "less_behind", "a_little_less_first", "major_units", "far_below"],
)
def test_a_doubtful_amount_of_an_order_is_for_people(asked: int, confirmed: int | None, excess_minor: int) -> None:
    effects = run(
        paid(NOON, 1, kind=PaymentRequested, order_amount_minor=asked, **ORDER),
        posted(NOON + SECOND, 1),
        paid(NOON + 2 * SECOND, 2, kind=PaymentSucceeded, payment_id="p1", order_amount_minor=confirmed, **ORDER),
        mark(NOON + 5 * MINUTE),
        answer(NOON + 10 * MINUTE, "succeeded"),
    )
    assert flows(effects) == {"F11": "classified"}
    assert only(CaseVersion, effects)[-1].amount_minor == excess_minor
    assert only(RefundIntended, effects) == only(NotificationRequested, effects) == []


def test_parts_of_an_order_in_major_units_are_no_duplicates() -> None:
    first = bought(1, NOON, amount_minor=4_000, order_amount_minor=100)
    effects = run(*first, *bought(2, NOON + MINUTE, amount_minor=6_000, order_amount_minor=100))
    assert only(RefundIntended, effects) == []


def test_without_an_order_s_amount_a_debit_above_the_payment_is_for_people() -> None:
    happened = [
        paid(NOON, 1, kind=PaymentRequested, **ORDER),
        posted(NOON + SECOND, 1, amount_minor=70_000),
        paid(NOON + 2 * SECOND, 2, kind=PaymentSucceeded, payment_id="p1", **ORDER),
        mark(NOON + 5 * MINUTE),
    ]
    effects = run(*happened, answer(NOON + 10 * MINUTE, "succeeded"))
    assert flows(effects) == {"F11": "classified"}
    assert only(RefundIntended, effects) == only(NotificationRequested, effects) == []
    back = posted(NOON + HOUR, 2, direction="credit", amount_minor=60_000)
    assert flows(run(*happened, back)) == {"F11": "resolved"}


@pytest.mark.parametrize(("told_ms", "cases"), [(2 * SECOND, {}), (100 * SECOND, {"F11": "withdrawn"})])
def test_what_was_captured_above_the_request_is_no_wrong_amount(told_ms: int, cases: dict[str, str]) -> None:
    happened = [
        paid(NOON, 1, kind=PaymentRequested, **ORDER),
        posted(NOON + SECOND, 1, amount_minor=12_000),
        *([mark(NOON + 90 * SECOND)] if told_ms > MINUTE else []),
        paid(NOON + told_ms, 2, kind=PaymentSucceeded, payment_id="p1", **ORDER | {"amount_minor": 12_000}),
    ]
    assert flows(run(*happened)) == cases


@pytest.mark.parametrize(
    ("order", "debit", "owed"),
    [
        ((10_000, "USD"), (71_000, "CNY"), None),  # 100.00 dollars at the policy's rate
        ((10_000, "USD"), (75_000, "CNY"), (563, "USD")),  # 5 % above it
        ((10_000, "JPY"), (47_333, "CNY"), None),
        ((10_000, "JPY"), (20_667, "KWD"), None),  # a currency without and one with three digits
        ((100_000, "CNY"), (70_000, "USD"), (397_000, "CNY")),  # five times as much
    ],
)
@pytest.mark.parametrize("claimed", [False, True], ids=["named", "claimed"])
def test_an_order_s_number_is_of_the_order_s_currency(
    order: tuple[int, str], debit: tuple[int, str], owed: tuple[int, str] | None, claimed: bool
) -> None:
    amount_minor, currency = order
    about = ORDER | {"amount_minor": amount_minor, "currency": currency, "order_amount_minor": amount_minor}
    line = posted(NOON + SECOND, 1, None if claimed else "p1", amount_minor=debit[0], currency=debit[1], order_id="o1")
    request = paid(NOON, 1, kind=PaymentRequested, **about)
    happened = [
        *((line, request) if claimed else (request, line)),
        paid(NOON + 2 * SECOND, 2, kind=PaymentSucceeded, payment_id="p1", **about),
        mark(NOON + 5 * MINUTE),
    ]
    cases = only(CaseVersion, run(*happened))
    assert {(each.flow, each.amount_minor, each.currency) for each in cases} == ({("F11", *owed)} if owed else set())


def test_an_amount_put_right_within_the_minute_is_none() -> None:
    assert (
        flows(
            run(
                paid(NOON, 1, kind=PaymentRequested, order_amount_minor=10_000, **ORDER),
                posted(NOON + SECOND, 1, amount_minor=12_000),
                posted(NOON + 2 * SECOND, 2, direction="credit", amount_minor=12_000),
                posted(NOON + 3 * SECOND, 3),
                paid(NOON + 4 * SECOND, 2, kind=PaymentSucceeded, payment_id="p1", **ORDER),
            )
        )
        == {}
    )


@pytest.mark.parametrize(
    "line",
    [{"order_id": "o1"}, {"counterparty_id": "m1"}],
    ids=["by order", "by payee, amount and time"],
)
def test_a_debit_that_names_no_payment_is_joined(line: dict[str, str]) -> None:
    happened = [
        paid(NOON, 1, kind=PaymentRequested, **ORDER),
        posted(NOON + SECOND, 1, None, **line),
        paid(NOON + 2 * SECOND, 2, kind=PaymentFailed, payment_id="p1", **ORDER),
    ]
    (case,) = {each.entities.payment_id for each in only(CaseVersion, run(*happened))}
    assert case == "p1"


def test_a_debit_that_fits_nothing_is_no_debit_of_the_payment() -> None:
    stray = posted(NOON + SECOND, 1, None, counterparty_id="m1", amount_minor=77)
    happened = [paid(NOON, 1, kind=PaymentRequested, **ORDER), stray]
    happened.append(paid(NOON + 2 * SECOND, 2, kind=PaymentFailed, payment_id="p1", **ORDER))
    assert "debited_not_confirmed" not in flows(run(*happened))


def test_no_reference_is_nothing_to_join_by() -> None:
    assert hashed(None) == 0 != hashed("") != hashed("x")


def test_a_refund_that_the_payment_system_calls_credited_is_here_when_the_ledger_says_so() -> None:
    story = Story()
    story.see(answer(NOON + HOUR, "failed"))
    (owed,) = story.owed.owed
    refund = {"payment_id": "p1", "refund_id": owed.refund_id} | WALLET
    story.see(paid(NOON + 2 * HOUR, 4, kind=RefundSent, **refund))
    story.see(paid(NOON + 3 * HOUR, 5, kind=RefundCredited, **refund))
    assert [each.status for each in story.owed.owed] == ["sent"]
    story.see(posted(NOON + 4 * HOUR, 6, "p1", direction="credit", reference=owed.refund_id))
    assert story.owed.owed == []


@pytest.mark.parametrize("again", [False, True], ids=["kept", "debited again"])
def test_success_after_the_money_came_back_is_a_double_benefit_until_it_is_taken_again(again: bool) -> None:
    story = Story()
    story.see(posted(NOON + HOUR, 2, direction="credit"))
    story.see(paid(NOON + 2 * HOUR, 3, kind=PaymentSucceeded, payment_id="p1", **WALLET))
    if again:
        story.see(posted(NOON + 3 * HOUR, 4))
    statuses = {each.case_type: each.status for each in only(CaseVersion, story.effects)}
    assert statuses == {"debited_not_confirmed": "resolved", "double_benefit": "resolved" if again else "classified"}


def test_twenty_debits_at_once_lose_no_money_and_give_nothing_back_unseen() -> None:
    """More than an account can follow: each debit has a case of its own; what is followed no more is people's."""
    player = Player(policy(SURE))
    effects: list[Effect] = []
    for number in range(20):
        at_ms = NOON + number * MINUTE
        effects += player.see(paid(at_ms, number, kind=PaymentRequested, **WALLET))
        effects += player.see(posted(at_ms + SECOND, number, f"p{number}"))
    effects += player.see(mark(NOON + HOUR))
    newest = {case.case_id: case for case in only(CaseVersion, effects)}
    assert sorted(case.entities.payment_id for case in newest.values()) == sorted(f"p{n}" for n in range(20))
    assert sum(case.amount_minor or 0 for case in newest.values()) == 20 * 10_000
    owed = player.obligations["a1"]
    left = [case for case in newest.values() if owed.case(case.case_id) is None]
    assert left
    assert all(case.evidence[-1].kind in ("handed_over", "refund_withheld") for case in left)
    for number in range(20):
        at_ms = NOON + HOUR + number * MINUTE
        said = paid(at_ms, f"said{number}", kind=PspStatus, payment_id=f"p{number}", status="failed", **WALLET)
        effects += player.see(said)
    followed = newest.keys() - {case.case_id for case in left}
    assert {intent.case_id for intent in only(RefundIntended, effects)} <= followed
    (gone, *_) = left
    asked = {"case_id": gone.case_id, "expected_version": gone.version, "actor": "ana", "role": "analyst"}
    (refused,) = only(ActionRejected, player.see(event(CaseAction, NOON + DAY, 1, action="refund", **asked)))
    assert refused.cause == "handed_over"


def debited(payment_id: str, at_ms: int) -> list[Event]:
    about = WALLET | {"payment_id": payment_id}
    return [
        paid(at_ms, f"{payment_id}.requested", kind=PaymentRequested, **about),
        posted(at_ms + SECOND, f"{payment_id}/{at_ms}", payment_id),
        paid(at_ms + 2 * SECOND, f"{payment_id}.failed", kind=PaymentFailed, **about),
        mark(at_ms + 5 * MINUTE),
    ]


TRIED = [
    paid(NOON - 20 * MINUTE + number * MINUTE, f"try{number}", kind=PaymentFailed, payment_id=f"t{number}", **WALLET)
    for number in range(3)
]
CARD_USED = [event(UserReport, NOON - MINUTE, 1, channel="app", kind="unauthorised")]
BILLED = [paid(NOON - DAY, "bill", kind=BillpayDebited, payment_id="b1", **WALLET), mark(NOON - MINUTE)]


@pytest.mark.parametrize(
    ("before", "leaves"),
    [
        pytest.param(TRIED, True, id="failed three times"),
        pytest.param(debited("p2", NOON - HOUR), True, id="money of another payment"),
        pytest.param(debited("p1", NOON - HOUR) + debited("p2", NOON - 30 * MINUTE), False, id="money of this payment"),
        pytest.param(BILLED, False, id="money of which nothing is kept"),
        pytest.param(CARD_USED, False, id="dispute"),
    ],
)
def test_a_case_that_people_have_taken_over_stops_what_may_be_about_it(before: list[Event], leaves: bool) -> None:
    player = Player(policy(SURE, '[cases]\nopen_max = 1\n[money]\nbill = "1h"\n'))
    happened = [*before, *debited("p1", NOON), answer(NOON + HOUR, "failed")]
    effects = [each for happening in happened for each in player.see(happening)]
    assert any("handed over" in case.changed for case in only(CaseVersion, effects)), "otherwise this tests nothing"
    assert len(only(RefundIntended, effects)) == leaves


@pytest.mark.parametrize(("method", "days"), [("wallet_balance", 0), ("alipay", 0), ("card", 0), ("debit_card", 6)])
def test_a_refund_s_arrival_is_promised_by_how_the_payment_was_made(method: str, days: int) -> None:
    """Of which `card` says nothing: it is what an answer means that names no method."""
    story = Story()
    about = {"payment_id": "p1", "status": "failed"} | WALLET | {"method": method}
    effects = story.player.see(paid(NOON + HOUR, "answer", kind=PspStatus, **about))
    (note,) = [each for each in only(NotificationRequested, effects) if each.template == "refund_started"]
    arrives = datetime.fromisoformat(str(note.parameters["eta"]))
    assert (arrives - from_ms(NOON + HOUR)).days == days


REVERSED = paid(NOON + 6 * MINUTE, "undone", kind=PaymentReversed, payment_id="p1", **WALLET)


def test_a_reversal_is_a_promise_that_the_ledger_keeps() -> None:
    story = Story()
    told = [each.template for each in only(NotificationRequested, story.see(REVERSED))]
    assert told == ["debit_reversed"]
    assert only(CaseVersion, story.effects)[-1].status not in ("resolved", "withdrawn")
    told = [
        each.template for each in only(NotificationRequested, story.see(posted(NOON + HOUR, 2, direction="credit")))
    ]
    assert told == ["debit_returned"]
    assert only(CaseVersion, story.effects)[-1].status == "resolved"


def test_a_reversal_without_its_credit_stays_with_people() -> None:
    story = Story()
    story.see(REVERSED)
    assert only(RefundIntended, story.see(answer(NOON + HOUR, "failed"))) == [], "it is said to be on its way"
    story.see(mark(NOON + 30 * DAY))
    case = only(CaseVersion, story.effects)[-1]
    assert (case.status in ("resolved", "withdrawn"), case.money_state) == (False, "reversed")
    assert "debit_returned" not in {each.template for each in only(NotificationRequested, story.effects)}
    order = {"case_id": case.case_id, "expected_version": case.version, "action": "refund"}
    act = event(CaseAction, NOON + 30 * DAY, 1, **order, actor="ana", role="analyst")
    assert len(only(RefundIntended, story.see(act))) == 1


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([paid(NOON, 1, kind=PaymentSucceeded, **WALLET), posted(NOON + 1, 1), REVERSED], id="it was good"),
        pytest.param(
            [paid(NOON, 1, kind=PaymentRequested, **WALLET), posted(NOON + 1, 1), REVERSED], id="in the grace"
        ),
        pytest.param([paid(NOON, 1, kind=PaymentRequested, **WALLET), REVERSED, posted(NOON + 1, 1)], id="before it"),
    ],
)
@pytest.mark.parametrize("comes_back", [True, False])
def test_a_reversal_that_nobody_had_a_case_about_has_the_term_of_a_refund(
    script: list[Event], comes_back: bool
) -> None:
    player = Player(policy(SURE))
    effects = [each for event in script for each in player.see(event)]
    assert only(CaseVersion, effects) == []
    if comes_back:
        player.see(posted(NOON + HOUR, 2, direction="credit"))
    effects = player.see(mark(NOON + 30 * DAY))
    assert {each.cause_family for each in only(CaseVersion, effects)} == (
        set() if comes_back else {"debited_not_confirmed"}
    )
    told = {each.template for each in only(NotificationRequested, effects)}
    assert {each for each in told if each.startswith("debit")} == (set() if comes_back else {"debit_reversed.late"})


def test_without_a_ledger_the_reversal_is_all_there_is() -> None:
    player = Player(policy(SURE))
    debited = (Code(source="unionpay_online", code="42"),)
    effects = player.see(paid(NOON, 1, kind=PaymentFailed, codes=debited, **WALLET)) + player.see(REVERSED)
    assert only(CaseVersion, effects)[-1].status == "withdrawn"
