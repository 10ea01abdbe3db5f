from __future__ import annotations

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted, UserReport
from streams.contracts.actions import PspCancel, PspQuery, RefundIntended
from streams.contracts.base import Event, Watermark, from_ms, to_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    Code,
    PaymentAuthorized,
    PaymentFailed,
    PaymentPending,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
    PspStatus,
)
from streams.core.obligations import UNKNOWNS_MAX
from streams.core.steps import Effect

BUSY = (Code(source="alipay", code="ACQ.SYSTEM_ERROR"),)
WAITS_S = (5, 10, 30, 60, 300)


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


def asked(effects: list[Effect], since_ms: int = NOON) -> list[int]:
    return [(to_ms(each.occurred_at) - since_ms) // SECOND for each in effects if isinstance(each, PspQuery)]


def said(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if isinstance(each, NotificationRequested)]


def cases(effects: list[Effect]) -> list[tuple[str, str, str]]:
    return [(each.flow, each.priority, each.status) for each in effects if isinstance(each, CaseVersion)]


def answer(at_ms: int, status: str, payment_id: str = "p1") -> Event:
    return paid(at_ms, f"answer-{at_ms}", kind=PspStatus, payment_id=payment_id, status=status)


@pytest.mark.parametrize(
    "unknown",
    [
        paid(NOON, 1, kind=PaymentPending),
        paid(NOON, 1, kind=PaymentFailed, codes=BUSY),
        paid(NOON, 1, kind=PaymentFailed, codes=(Code(source="stripe", code="of tomorrow"),)),
    ],
    ids=["pending", "a code that asks for a query", "a code nobody knows"],
)
def test_an_unknown_outcome_is_asked_about_on_schedule_and_then_given_to_people(unknown: Event) -> None:
    player = Player(policy())
    effects = player.see(unknown) + player.see(mark(NOON + HOUR))
    assert asked(effects) == list(WAITS_S)
    assert said(effects) == ["payment_unknown"]
    assert ("F03", "P3", "classified") in cases(effects)
    assert player.obligations["a1"].unknowns == []


@pytest.mark.parametrize("after_ms", [32 * SECOND, 2 * MINUTE])
def test_who_was_told_not_to_pay_again_hears_that_it_was_reversed(after_ms: int) -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentPending))
    effects += player.see(paid(NOON + after_ms, 2, kind=PaymentReversed, payment_id="p1"))
    assert said(effects + player.see(mark(NOON + HOUR)))[-1:] == ["payment_unknown.failed"]


def test_it_is_never_called_failed() -> None:
    player = Player(policy())
    for number in range(5):  # as many as would open a case of repeated failures
        player.see(paid(NOON + number * SECOND, number, kind=PaymentFailed, codes=BUSY))
    assert {case.flow for case in player.obligations["a1"].cases} == set()


def test_silence_for_a_minute_is_an_unknown_outcome() -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentRequested))
    effects += player.see(mark(NOON + 59 * SECOND))
    assert (asked(effects), said(effects)) == ([], [])
    effects = player.see(mark(NOON + HOUR))
    assert asked(effects) == [60 + wait_s for wait_s in WAITS_S]
    assert said(effects) == ["payment_unknown"]


@pytest.mark.parametrize("kind", [PaymentAuthorized, PaymentSucceeded, PaymentFailed])
def test_an_answer_in_time_ends_the_silence(kind: type[Event]) -> None:
    player = Player(policy())
    player.see(paid(NOON, 1, kind=PaymentRequested))
    effects = player.see(paid(NOON + SECOND, 2, kind=kind, payment_id="p1")) + player.see(mark(NOON + HOUR))
    assert (asked(effects), cases(effects)) == ([], [])
    assert player.obligations["a1"].unknowns == []


@pytest.mark.parametrize(("status", "template"), [("succeeded", "succeeded"), ("failed", "failed")])
def test_an_answer_of_the_provider_ends_the_asking(status: str, template: str) -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentPending)) + player.see(mark(NOON + 20 * SECOND))
    effects += player.see(answer(NOON + 21 * SECOND, status)) + player.see(mark(NOON + HOUR))
    told = [f"payment_unknown.{template}"]  # what called it pending has said to wait
    assert (asked(effects), said(effects), cases(effects)) == ([5, 10], told, [])
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentPending)) + player.see(mark(NOON + 2 * MINUTE))
    effects += player.see(answer(NOON + 2 * MINUTE, status))
    assert said(effects) == ["payment_unknown", f"payment_unknown.{template}"]


@pytest.mark.parametrize("after_ms", [9 * SECOND, 2 * MINUTE])
def test_who_lacks_the_money_of_a_failed_payment_is_not_told_to_pay_again(after_ms: int) -> None:
    about = {"payment_id": "p1", "amount_minor": 10_000, "currency": "CNY"}
    player = Player(policy())
    player.see(paid(NOON, 1, kind=PaymentFailed, codes=BUSY))
    player.see(event(LedgerPosted, NOON + SECOND, 2, entry_id="e1", direction="debit", **about))
    player.see(mark(NOON + after_ms))
    assert said(player.see(answer(NOON + after_ms, "failed"))) == ["payment_unknown.debited"]


def test_pending_again_changes_nothing() -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentPending))
    for second in range(1, 60, 10):
        effects += player.see(answer(NOON + second * SECOND, "pending"))
        effects += player.see(paid(NOON + second * SECOND, f"again{second}", kind=PaymentPending, payment_id="p1"))
    effects += player.see(mark(NOON + HOUR))
    assert asked(effects) == list(WAITS_S)


def cancelled(effects: list[Effect]) -> list[str]:
    return [each.payment_id for each in effects if isinstance(each, PspCancel)]


def never_found(player: Player, since_ms: int = NOON) -> list[Effect]:
    """Pending, and `not_found` a second after each question."""
    effects = player.see(paid(since_ms, 1, kind=PaymentPending))
    for wait_s in WAITS_S:
        effects += player.see(mark(since_ms + wait_s * SECOND))
        effects += player.see(answer(since_ms + (wait_s + 1) * SECOND, "not_found"))
    return effects


def debit(at_ms: int, direction: str = "debit") -> Event:
    line = {"entry_id": direction, "direction": direction, "amount_minor": 1000, "currency": "EUR", "payment_id": "p1"}
    return event(LedgerPosted, at_ms, direction, **line)


def test_a_payment_that_the_provider_does_not_find_is_cancelled_there_when_the_schedule_is_over() -> None:
    player = Player(policy())
    assert cancelled(never_found(player)) == []
    assert cancelled(player.see(mark(NOON + HOUR))) == ["p1"]


def test_one_that_is_debited_is_not_cancelled_and_refunded_as_well() -> None:
    player = Player(policy())
    player.see(debit(NOON - SECOND))
    effects = never_found(player) + player.see(mark(NOON + 2 * HOUR))
    assert cancelled(effects) == []


def test_while_the_ledger_is_behind_nothing_is_cancelled() -> None:
    player = Player(policy())
    never_found(player)
    player.feeds |= {"ledger.entries": NOON, "payments.transactions": NOON + HOUR}
    effects = player.pass_until(NOON + HOUR)
    assert "payment_unknown.failed" in said(effects)
    assert cancelled(effects) == []


def test_what_was_cancelled_there_is_given_back_by_people_alone() -> None:
    """The provider may reverse the debit that is heard of only now, because it was told to cancel."""
    player = Player(policy())
    effects = never_found(player) + player.see(mark(NOON + 10 * MINUTE)) + player.see(debit(NOON + 11 * MINUTE))
    effects += player.see(mark(NOON + HOUR)) + player.see(answer(NOON + HOUR + SECOND, "failed"))
    assert [each for each in effects if isinstance(each, RefundIntended)] == []
    (case,) = {each.case_id: each for each in effects if isinstance(each, CaseVersion) and each.flow == "F10"}.values()
    assert "for a person: cancelled_there" in [line.text for line in case.evidence]


def test_an_early_not_found_and_silence_is_no_answer() -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentPending)) + player.see(answer(NOON + 6 * SECOND, "not_found"))
    effects += player.see(mark(NOON + HOUR))
    assert (said(effects), cancelled(effects)) == (["payment_unknown"], [])
    assert ("F03", "P3", "classified") in cases(effects)


def test_one_that_made_room_for_others_before_its_schedule_was_over_has_not_failed() -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentPending)) + player.see(answer(NOON + 6 * SECOND, "not_found"))
    for number in range(2, UNKNOWNS_MAX + 2):
        effects += player.see(paid(NOON + 7 * SECOND, number, kind=PaymentPending))
    assert cancelled(effects) == []
    assert [flow for flow, _, _ in cases(effects)] == ["F03"]


def test_who_was_told_to_pay_again_hears_that_it_was_paid_after_all() -> None:
    player = Player(policy())
    effects = never_found(player) + player.see(mark(NOON + 10 * MINUTE))
    assert said(effects)[-1] == "payment_unknown.failed"
    late = player.see(paid(NOON + 11 * MINUTE, 9, kind=PaymentSucceeded, payment_id="p1"))
    again = player.see(paid(NOON + 12 * MINUTE, 10, kind=PaymentSucceeded, payment_id="p1"))
    assert said(late + again) == ["payment_unknown.succeeded"]


@pytest.mark.parametrize("at_ms", [NOON + SECOND, NOON + 3 * SECOND], ids=["from before", "from after"])
def test_pending_is_no_news_of_a_payment_that_is_good(at_ms: int) -> None:
    player = Player(policy())
    player.see(paid(NOON, 1, kind=PaymentRequested))
    player.see(paid(NOON + 2 * SECOND, 2, kind=PaymentSucceeded, payment_id="p1"))
    effects = player.see(paid(at_ms, 3, kind=PaymentPending, payment_id="p1")) + player.see(mark(NOON + 2 * HOUR))
    assert (asked(effects), said(effects), cases(effects)) == ([], [], [])


def test_who_does_not_find_a_good_payment_makes_it_no_worse() -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentRequested)) + player.see(debit(NOON + SECOND))
    effects += player.see(paid(NOON + 2 * SECOND, 2, kind=PaymentSucceeded, payment_id="p1"))
    for minute in (3, 60):
        effects += player.see(answer(NOON + minute * MINUTE, "not_found")) + player.see(
            mark(NOON + 2 * minute * MINUTE)
        )
    assert (said(effects), cases(effects)) == ([], [])


def test_an_order_that_is_paid_already_is_neither_cancelled_nor_to_be_paid_again() -> None:
    player = Player(policy())
    paid_already = (Code(source="alipay", code="ACQ.TRADE_HAS_SUCCESS"),)
    effects = player.see(paid(NOON, 1, kind=PaymentFailed, codes=paid_already))
    for wait_s in WAITS_S:
        effects += player.see(mark(NOON + wait_s * SECOND))
        effects += player.see(answer(NOON + (wait_s + 1) * SECOND, "not_found"))
    effects += player.see(mark(NOON + HOUR))
    assert (said(effects), cancelled(effects)) == ([], [])
    assert asked(effects) == list(WAITS_S)


@pytest.mark.parametrize("status", ["pending", "failed", "succeeded"])
def test_what_the_provider_knows_is_not_cancelled(status: str) -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentPending)) + player.see(answer(NOON + 6 * SECOND, status))
    assert cancelled(effects + player.see(mark(NOON + 2 * HOUR))) == []


def test_a_payment_that_the_provider_does_not_find_has_failed_only_when_the_schedule_is_over() -> None:
    player = Player(policy())
    effects = never_found(player)
    assert said(effects) == ["payment_unknown"]
    effects += player.see(mark(NOON + HOUR))
    assert asked(effects) == list(WAITS_S)
    assert said(effects) == ["payment_unknown", "payment_unknown.failed"]
    assert cases(effects) == []


@pytest.mark.parametrize(
    ("after_ms", "priority", "status"),
    [(10 * MINUTE, "P3", "withdrawn"), (2 * HOUR, "P2", "resolved")],  # by then its first response was missed
)
def test_late_success_ends_the_case_and_tells_the_customer(after_ms: int, priority: str, status: str) -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentPending)) + player.see(mark(NOON + 10 * MINUTE))
    effects += player.see(paid(NOON + after_ms, 2, kind=PaymentSucceeded, payment_id="p1"))
    assert cases(effects)[-1] == ("F03", priority, status)
    assert said(effects)[-1] == "payment_unknown.succeeded"


def test_a_code_that_says_debited_and_failed_is_a_money_case_at_once() -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentFailed, codes=(Code(source="unionpay_online", code="75"),)))
    assert cases(effects) == [("F10", "P2", "classified")]
    assert len(asked(effects)) == 1
    line = {"entry_id": "l", "direction": "debit", "amount_minor": 1000, "currency": "EUR", "payment_id": "p1"}
    effects = player.see(event(LedgerPosted, NOON + SECOND, 1, **line)) + player.see(mark(NOON + DAY))
    assert {flow for flow, _, _ in cases(effects)} == {"F10"}, "the ledger's line joins the case"
    assert len(player.obligations["a1"].cases) == 1


def test_the_money_case_is_the_only_one_when_a_debit_is_known() -> None:
    player = Player(policy())
    wallet = {"method": "wallet_balance"}
    effects = player.see(paid(NOON, 1, kind=PaymentRequested, **wallet))
    line = {"entry_id": "l", "direction": "debit", "amount_minor": 1000, "currency": "EUR", "payment_id": "p1"}
    effects += player.see(event(LedgerPosted, NOON + SECOND, 1, **line))
    effects += player.see(paid(NOON + 2 * SECOND, 2, kind=PaymentPending, payment_id="p1", **wallet))
    effects += player.see(mark(NOON + HOUR))
    assert {flow for flow, _, _ in cases(effects)} == {"F10"}
    assert asked(effects, NOON + 2 * SECOND) == list(WAITS_S), "no extra query by the money rule"


def test_a_stalled_feed_pauses_everything() -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentPending)) + player.pass_until(NOON + HOUR)
    assert (asked(effects), said(effects), cases(effects)) == ([], [], [])
    effects = player.see(mark(NOON + 2 * HOUR))
    assert len(asked(effects)) >= 1


def test_observing_asks_nobody() -> None:
    player = Player(policy('mode = "observe"'))
    effects = player.see(paid(NOON, 1, kind=PaymentPending)) + player.see(mark(NOON + HOUR))
    assert (asked(effects), said(effects)) == ([], [])
    assert cases(effects) == [("F03", "P3", "classified")]


def test_too_many_are_given_to_people_rather_than_forgotten() -> None:
    player = Player(policy())
    effects: list[Effect] = []
    for number in range(UNKNOWNS_MAX + 2):
        effects += player.see(paid(NOON + number, number, kind=PaymentPending))
    assert [flow for flow, _, _ in cases(effects)] == ["F03"] * 2
    assert len(player.obligations["a1"].unknowns) == UNKNOWNS_MAX


def test_a_held_payment_is_not_silent_until_it_is_released() -> None:
    from streams.contracts.logins import ChallengePassed
    from streams.core.score import Score

    player = Player(policy(), lambda prepared: Score(0.6, "m"))
    effects = player.see(paid(NOON, 1, kind=PaymentRequested)) + player.see(mark(NOON + 5 * MINUTE))
    assert asked(effects) == []
    passed = event(ChallengePassed, NOON + 6 * MINUTE, 1, ip="203.0.113.7")
    effects = player.see(passed) + player.see(mark(NOON + 8 * MINUTE))
    assert asked(effects, NOON + 6 * MINUTE) == [65, 70, 90, 120]
    assert from_ms(NOON) < effects[-1].occurred_at


@pytest.mark.parametrize("before", [PaymentRequested, PaymentPending])
def test_an_answer_that_nobody_understands_is_none_and_whoever_runs_the_integration_sees_it(
    before: type[Event],
) -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=before))
    effects += player.see(answer(NOON + SECOND, "SUCCESS")) + player.see(answer(NOON + 2 * SECOND, "SUCCESS"))
    (told,) = [each for each in effects if isinstance(each, CaseVersion) and each.version == 1]
    assert (told.case_type, told.queue, told.flow) == ("integration.unknown_status", "technical", "F03")
    (line,) = [each for each in told.evidence if each.kind == "unknown_status"]
    assert "'SUCCESS', which is none of failed, not_found, pending, succeeded" in line.text
    effects += player.see(mark(NOON + HOUR))
    assert len(asked(effects)) == len(WAITS_S), "it is asked about as if nobody had answered"
    unknown = [each for each in effects if isinstance(each, CaseVersion) and each.cause_family == "payment_unknown"]
    assert [each.status for each in unknown][-1] == "classified"


@pytest.mark.parametrize("end", [PaymentSucceeded, PaymentFailed])
def test_an_answer_that_nobody_understands_changes_no_outcome_that_is_known(end: type[Event]) -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentRequested)) + player.see(paid(NOON, 2, kind=end, payment_id="p1"))
    effects += player.see(answer(NOON + SECOND, "settled")) + player.see(mark(NOON + HOUR))
    assert asked(effects) == []
    assert {each.cause_family for each in effects if isinstance(each, CaseVersion)} == {"integration.unknown_status"}


NEW_CODE = paid(NOON, "new", kind=PaymentPending, payment_id="p1", codes=(Code(source="alipay", code="of tomorrow"),))
NOT_MINE = event(UserReport, NOON, "mine", channel="app", kind="unauthorised", payment_id="p1")
WRONG_PAYEE = event(UserReport, NOON, "wrong", channel="app", kind="wrong_transfer", payment_id="p1")


@pytest.mark.parametrize("opens", [NEW_CODE, NOT_MINE, WRONG_PAYEE], ids=["new code", "not mine", "wrong payee"])
@pytest.mark.parametrize(("kind", "end"), [(PaymentSucceeded, "succeeded"), (PaymentFailed, "failed"), (None, "")])
def test_whoever_was_told_to_wait_hears_the_end_whatever_else_is_asked_about_the_payment(
    opens: Event, kind: type[Event] | None, end: str
) -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentRequested)) + player.see(opens)
    effects += player.see(mark(NOON + 3 * MINUTE))
    if kind is not None:
        effects += player.see(paid(NOON + 3 * MINUTE, 2, kind=kind, payment_id="p1"))
    effects += player.see(mark(NOON + HOUR))
    expected = ["payment_unknown", f"payment_unknown.{end}"] if end else ["payment_unknown"]
    assert [template for template in said(effects) if template.startswith("payment_unknown")] == expected
    opened = [each for each in effects if isinstance(each, CaseVersion) and each.cause_family == "payment_unknown"]
    assert bool(opened) == (kind is None)


@pytest.mark.parametrize(("after_ms", "queried"), [(100 * SECOND, False), (10 * MINUTE, True)], ids=["asked", "a case"])
def test_whoever_was_told_to_wait_hears_that_the_ledger_has_given_the_money_back(after_ms: int, queried: bool) -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentRequested, method="card")) + player.see(debit(NOON + 2 * SECOND))
    effects += player.see(mark(NOON + after_ms)) + player.see(debit(NOON + after_ms, "credit"))
    effects += player.see(mark(NOON + 6 * HOUR))
    assert said(effects) == ["payment_unknown", "debit_returned"]
    assert (cases(effects) != []) == queried
    assert all(not case.is_open for case in player.obligations["a1"].cases)


def test_nobody_hears_of_a_return_who_was_told_nothing() -> None:
    player = Player(policy())
    effects = player.see(paid(NOON, 1, kind=PaymentRequested, method="card")) + player.see(debit(NOON + 2 * SECOND))
    effects += player.see(debit(NOON + 30 * SECOND, "credit")) + player.see(mark(NOON + HOUR))
    assert (said(effects), cases(effects)) == ([], [])


def beside(minor: int, merchant: str, kind: type[Event] = PaymentSucceeded) -> Event:
    """Another payment of the order of 10.00 at a minute and a half."""
    named = {"order_id": "o1", "order_amount_minor": 1_000, "merchant_id": merchant}
    return paid(NOON + 90 * SECOND, "other", minor, kind, **named)


@pytest.mark.parametrize("by_word", [False, True], ids=["not found", "failed"])
@pytest.mark.parametrize(
    ("other", "is_paid"),
    [
        (beside(1_000, "m1"), True),
        (beside(600, "m1"), False),
        (beside(1_000, "m2"), False),
        (beside(1_000, "m1", PaymentFailed), False),
    ],
    ids=["paid", "paid in part", "an order of another merchant", "failed too"],
)
def test_nobody_pays_again_or_cancels_what_another_payment_has_paid(
    other: Event, *, is_paid: bool, by_word: bool
) -> None:
    player, order = Player(policy()), {"order_id": "o1", "order_amount_minor": 1_000, "merchant_id": "m1"}
    effects = player.see(paid(NOON, 1, kind=PaymentRequested, **order)) + player.see(mark(NOON + 80 * SECOND))
    effects += player.see(other)
    if by_word:
        effects += player.see(paid(NOON + 2 * MINUTE, "end", kind=PaymentFailed, payment_id="p1", **order))
    else:
        for wait_s in WAITS_S:
            effects += player.see(mark(NOON + (60 + wait_s) * SECOND))
            effects += player.see(answer(NOON + (61 + wait_s) * SECOND, "not_found"))
        effects += player.see(mark(NOON + 8 * MINUTE))
    assert said(effects) == ["payment_unknown", f"payment_unknown.{'order_paid' if is_paid else 'failed'}"]
    assert cancelled(effects) == ([] if is_paid or by_word else ["p1"])
