"""Ends that overtake their beginning, ends that only the ledger tells of, and money that is gone after a failure."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled, RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.core.steps import Effect

SUM: dict[str, Any] = {"currency": "CNY", "amount_minor": 10_000}


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


def told(kind: type[Event], after_ms: int, **fields: Any) -> Event:
    return paid(
        NOON + after_ms,
        f"{kind.__name__}{after_ms}",
        kind=kind,
        **({"payment_id": "m1", "method": "card"} | SUM | fields),
    )


def line(direction: str, after_ms: int, **fields: Any) -> Event:
    name = f"{direction}{after_ms}"
    about = {"entry_id": name, "direction": direction, "payment_id": "m1"} | SUM | fields
    return event(LedgerPosted, NOON + after_ms, name, **about)


def see(*happenings: Event) -> list[Effect]:
    player = Player(policy())
    return [effect for happening in (*happenings, mark(NOON + 40 * DAY)) for effect in player.see(happening)]


def told_of(effects: list[Effect]) -> list[tuple[str, str]]:
    """Flow and status of every case, each status once."""
    found = [(each.flow, each.status) for each in effects if isinstance(each, CaseVersion)]
    return list(dict.fromkeys(each for each in found if each[1] not in ("surveyed", "closed")))


def said(effects: list[Effect]) -> list[str]:
    templates = [each.template for each in effects if isinstance(each, NotificationRequested)]
    return [each for each in templates if not each.startswith("case.")]


R1 = {"refund_id": "r1"}


@pytest.mark.parametrize(
    "happenings",
    [
        (told(payments.TopupCredited, SECOND), told(payments.TopupRequested, 0)),
        (
            told(payments.TopupRequested, 0),
            told(payments.TopupCredited, SECOND),
            told(payments.TopupConfirmed, 2 * SECOND),
        ),
        (
            told(payments.TopupRequested, 0),
            told(payments.TopupCredited, 5 * SECOND),
            told(payments.TopupRequested, MINUTE),
        ),
        (told(payments.WithdrawalFailed, SECOND), told(payments.WithdrawalRequested, 0)),
        (told(payments.BillpayPosted, 0), told(payments.BillpayDebited, SECOND)),
        (told(payments.RefundCredited, SECOND, **R1), told(payments.RefundSent, 0, **R1)),
        (told(payments.RefundApproved, 0, **R1), line("credit", HOUR), told(payments.RefundSent, 2 * HOUR, **R1)),
        (line("credit", 0), told(payments.RefundApproved, HOUR, **R1), told(payments.RefundSent, 2 * HOUR, **R1)),
    ],
    ids=[
        "credited, requested",
        "credited, confirmed",
        "requested again",
        "failed, requested",
        "posted, debited",
        "credited, sent",
        "ledger between",
        "ledger first",
    ],
)
def test_an_end_that_was_here_first_is_an_end(happenings: tuple[Event, ...]) -> None:
    effects = see(*happenings)
    assert {flow for flow, _ in told_of(effects)} <= {"F10"}, "a credit without its payment is accounting's"
    assert said(effects) == []


def test_a_refund_that_failed_and_is_sent_once_more_is_waited_for_once_more() -> None:
    effects = see(
        told(payments.RefundSent, 0, **R1),
        told(payments.RefundFailed, HOUR, **R1),
        told(payments.RefundSent, 2 * HOUR, **R1),
    )
    assert ("F15", "classified") in told_of(effects)


def test_the_ledger_ends_a_topup() -> None:
    assert told_of(see(told(payments.TopupRequested, 0), line("credit", SECOND))) == []
    late = see(told(payments.TopupRequested, 0), mark(NOON + HOUR), line("credit", 2 * HOUR))
    assert told_of(late) == [("F13", "classified"), ("F13", "resolved")]
    assert said(late) == ["topup_not_credited", "topup_not_credited.done"]


def test_a_topup_of_which_little_arrives_has_not_arrived() -> None:
    little = see(told(payments.TopupRequested, 0), told(payments.TopupCredited, SECOND, amount_minor=100))
    (opened, *_) = [each for each in little if isinstance(each, CaseVersion)]
    assert (opened.flow, opened.amount_minor) == ("F13", 9_900)
    fee = see(told(payments.TopupRequested, 0), told(payments.TopupCredited, SECOND, amount_minor=9_940))
    assert told_of(fee) == []


def test_a_payout_that_the_ledger_gives_back_is_over() -> None:
    back = see(
        told(payments.WithdrawalRequested, 0), line("debit", SECOND), mark(NOON + 3 * HOUR), line("credit", 4 * HOUR)
    )
    assert told_of(back) == [("F14", "classified"), ("F14", "resolved")]
    assert said(back)[-1] == "withdrawal_delay.returned"


def test_the_providers_word_on_a_topup_and_a_payout() -> None:
    late = (told(payments.TopupRequested, 0), mark(NOON + HOUR))
    failed = see(*late, told(payments.PspStatus, 2 * HOUR, status="failed"))
    assert told_of(failed) == [("F13", "classified"), ("F13", "resolved")]
    taken = see(
        *late,
        told(payments.PspStatus, 2 * HOUR, status="succeeded"),
        told(payments.PspStatus, 3 * HOUR, status="failed"),
        mark(NOON + 4 * HOUR),
    )
    (*_, last) = [each for each in taken if isinstance(each, CaseVersion)]
    assert (last.queue, last.money_state, last.status) == ("accounting", "moved", "classified")
    assert {"topup.confirmed", "psp.status"} <= {each.kind for each in last.evidence}
    late = (told(payments.WithdrawalRequested, 0), line("debit", SECOND), mark(NOON + 3 * HOUR))
    assert ("F14", "resolved") in told_of(see(*late, told(payments.PspStatus, 4 * HOUR, status="succeeded")))
    answered = (*late, told(payments.PspStatus, 4 * HOUR, status="failed"))
    assert told_of(see(*answered)) == [("F14", "classified")], "what was debited is not back"
    assert told_of(see(*answered, line("credit", 5 * HOUR)))[-1] == ("F14", "resolved")


def test_every_refund_of_a_payment_has_a_case_of_its_own() -> None:
    second = {"refund_id": "r2", "amount_minor": 4_000}
    player = Player(policy())
    effects = [
        effect
        for happening in (
            told(payments.RefundSent, 0, **R1, amount_minor=3_000),
            told(payments.RefundSent, SECOND, **second),
            mark(NOON + 20 * DAY),
            told(payments.RefundCredited, 21 * DAY, **second),
        )
        for effect in player.see(happening)
    ]
    last = {each.case_id: each for each in effects if isinstance(each, CaseVersion)}
    assert sorted((each.amount_minor or 0, each.status) for each in last.values()) == [
        (3_000, "classified"),
        (4_000, "resolved"),
    ]
    assert said(effects) == ["refund_late", "refund_late", "refund_late.done"]
    effects = player.see(line("credit", 22 * DAY, amount_minor=3_000))
    assert ("F15", "resolved") in told_of(effects)


def test_one_credit_is_one_of_two_refunds_that_are_alike() -> None:
    effects = see(
        told(payments.RefundSent, 0, **R1),
        told(payments.RefundSent, SECOND, refund_id="r2"),
        line("credit", HOUR),
        mark(NOON + 20 * DAY),
    )
    assert told_of(effects).count(("F15", "classified")) == 1
    assert said(effects).count("refund_late") == 1


@pytest.mark.parametrize(
    ("flow", "happenings"),
    [
        ("F14", (told(payments.WithdrawalRequested, 0), line("debit", 1), told(payments.WithdrawalFailed, MINUTE))),
        ("F14", (told(payments.WithdrawalRequested, 0), line("debit", 1), told(payments.WithdrawalReturned, MINUTE))),
        ("F14", (told(payments.WithdrawalRequested, 0), told(payments.WithdrawalFailed, MINUTE), line("debit", HOUR))),
        ("F36", (told(payments.BillpayRequested, 0), line("debit", 1), told(payments.BillpayFailed, MINUTE))),
        ("F36", (told(payments.BillpayRequested, 0), line("debit", 1))),
        ("F36", (told(payments.BillpayDebited, 0), told(payments.BillpayFailed, MINUTE))),
        (
            "F13",
            (told(payments.TopupRequested, 0), told(payments.TopupConfirmed, 1), told(payments.TopupFailed, MINUTE)),
        ),
    ],
)
def test_what_was_taken_for_what_failed_has_to_come_back(flow: str, happenings: tuple[Event, ...]) -> None:
    assert (flow, "classified") in told_of(see(*happenings))
    assert told_of(see(*happenings, line("credit", 61 * MINUTE))) == []


@pytest.mark.parametrize(
    "taken",
    [
        (told(payments.BillpayRequested, 0), line("debit", 0), told(payments.BillpayFailed, HOUR)),
        (told(payments.BillpayRequested, 0), told(payments.BillpayFailed, HOUR), line("debit", 0)),
        (told(payments.BillpayDebited, 0), told(payments.BillpayFailed, HOUR)),
        (told(payments.TopupRequested, 0), told(payments.TopupConfirmed, 1), told(payments.TopupFailed, HOUR)),
    ],
)
def test_of_what_failed_its_customer_hears_by_the_time_of_the_movement(taken: tuple[Event, ...]) -> None:
    notes = [each for each in see(*taken) if isinstance(each, NotificationRequested) and "time" in each.parameters]
    assert notes
    assert {str(each.parameters["time"])[:16] for each in notes} == {"2026-04-01T12:00"}


def test_what_failed_before_anything_was_taken_is_over() -> None:
    for begins, breaks in (
        (payments.TopupRequested, payments.TopupFailed),
        (payments.WithdrawalRequested, payments.WithdrawalFailed),
        (payments.BillpayRequested, payments.BillpayFailed),
    ):
        assert told_of(see(told(begins, 0), told(breaks, MINUTE))) == []
    assert told_of(see(told(payments.BillpayRequested, 0))) == [], "asked for, and nobody went on with it"


def test_a_failed_payout_is_not_said_to_be_on_its_way() -> None:
    effects = see(told(payments.WithdrawalRequested, 0), line("debit", 1), told(payments.WithdrawalFailed, MINUTE))
    assert said(effects)[-1] == "withdrawal_delay.not_back"


def test_a_refund_ends_a_topup_that_failed() -> None:
    taken = (told(payments.TopupConfirmed, 0), told(payments.TopupFailed, MINUTE))
    assert told_of(see(*taken, told(payments.RefundCredited, HOUR, **R1))) == []
    late = see(*taken, mark(NOON + 30 * DAY), told(payments.RefundCredited, 31 * DAY, **R1))
    assert told_of(late) == [("F13", "classified"), ("F13", "resolved")]


def alike(*more: Event, credited: int = 1) -> list[Effect]:
    """Two refunds of one amount are asked for, approved and sent, and the ledger credits so many."""
    refunds = [
        told(kind, at * HOUR + number * MINUTE, refund_id=f"r{number}")
        for at, kind in enumerate((payments.RefundRequested, payments.RefundApproved, payments.RefundSent))
        for number in (1, 2)
    ]
    came = [line("credit", 5 * HOUR + number * MINUTE) for number in range(credited)]
    return see(*sorted((*refunds, *came, *more), key=lambda each: each.occurred_at))


def ends_of(effects: list[Effect], family: str) -> dict[str, str]:
    """How the cases of one type ended, by what their first line is about."""
    cases = {each.case_id: each for each in effects if isinstance(each, CaseVersion) and each.case_type == family}
    return {each.evidence[0].text: each.status for each in cases.values()}


CAME = "refund_request.done"


@pytest.mark.parametrize("named", ["r1", "r2"])
def test_one_credit_of_two_refunds_that_are_alike_pays_one_of_them(named: str) -> None:
    """Whichever the payment system names, before or after the ledger."""
    for after_ms in (4 * HOUR, 6 * HOUR):
        effects = alike(told(payments.RefundCredited, after_ms, refund_id=named))
        assert said(effects).count(CAME) == 1
        late = ends_of(effects, "refund_late")
        missing = "r1" if named == "r2" else "r2"
        assert len(late) == 1
        assert f"refund {missing}: not there in time" in late
        assert "closed" not in late.values()


def test_both_are_paid_by_two_credits_whatever_is_named() -> None:
    for order in (("r1", "r2"), ("r2", "r1")):
        named = [
            told(payments.RefundCredited, 6 * HOUR + number * MINUTE, refund_id=each)
            for number, each in enumerate(order)
        ]
        for some in ([], named[:1], named):
            effects = alike(*some, credited=2)
            assert said(effects).count(CAME) == 2
            assert ends_of(effects, "refund_late") == {}


def test_when_the_one_that_was_thought_to_be_here_fails_it_was_the_other() -> None:
    effects = alike(told(payments.RefundFailed, 6 * HOUR, refund_id="r1"))
    assert said(effects).count(CAME) == 1
    assert ends_of(effects, "refund_late") == {}
    assert len(ends_of(effects, "refund_failed")) == 1


def test_a_withdrawal_that_failed_is_over_when_its_fee_is_back_as_well() -> None:
    """In whatever order the fee's debit, the failure and the return of the rest are heard."""
    happenings = (
        line("debit", SECOND),
        line("debit", 2 * SECOND, amount_minor=20),
        told(payments.WithdrawalFailed, 3 * SECOND),
        line("credit", 4 * SECOND),
    )
    for order in permutations(happenings):
        begun = (told(payments.WithdrawalRequested, 0), *order)
        assert told_of(see(*begun)) == [("F14", "classified")], [each.event_id for each in order]
        assert told_of(see(*begun, line("credit", MINUTE, amount_minor=20))) == [], [each.event_id for each in order]


def test_a_small_credit_is_not_the_return_of_a_withdrawal_whose_debit_nobody_saw() -> None:
    begun = (told(payments.WithdrawalRequested, 0), line("credit", MINUTE, amount_minor=20))
    assert told_of(see(*begun)) == [("F14", "classified")]


def bill(*more: Event) -> list[Effect]:
    """A bill that is debited and not posted; its provider says a day later that it has failed."""
    return see(
        told(payments.BillpayDebited, 0),
        line("debit", SECOND),
        *more[:-1],
        mark(NOON + 3 * DAY),
        told(payments.PspStatus, 3 * DAY + SECOND, status="failed"),
        *more[-1:],
    )


def sent(effects: list[Effect]) -> list[str]:
    return [type(each).__name__ for each in effects if isinstance(each, RefundIntended | RefundCancelled)]


def test_a_bill_whose_payment_failed_goes_back() -> None:
    effects = bill(line("credit", 3 * DAY + HOUR))
    (intent,) = [each for each in effects if isinstance(each, RefundIntended)]
    assert intent.amount_minor == SUM["amount_minor"]
    assert told_of(effects)[-1] == ("F36", "resolved")


def test_a_bill_that_is_posted_after_all_is_not_given_back() -> None:
    posted = told(payments.BillpayPosted, 3 * DAY + HOUR)
    assert sent(bill(posted)) == ["RefundIntended", "RefundCancelled"]


def test_money_of_a_bill_that_the_bank_gave_back_by_itself_is_not_given_back_again() -> None:
    effects = bill(line("credit", 3 * DAY + HOUR))
    assert sent(effects) == ["RefundIntended", "RefundCancelled"]  # it had not been sent
    early = bill(line("credit", 2 * DAY), told(payments.PspStatus, 4 * DAY, status="failed"))
    assert sent(early) == []


@pytest.mark.parametrize("more", [line("debit", MINUTE, amount_minor=500), line("credit", MINUTE, amount_minor=500)])
def test_what_else_was_taken_for_a_bill_is_for_people(more: Event) -> None:
    assert sent(bill(more, told(payments.PspStatus, 4 * DAY, status="failed"))) == []


def missing(effects: list[Effect]) -> dict[str, int | None]:
    """Amounts of the open cases by flow."""
    last = {each.case_id: each for each in effects if isinstance(each, CaseVersion)}
    ended = ("resolved", "withdrawn", "surveyed", "closed", "merged")
    return {str(each.flow): each.amount_minor for each in last.values() if each.status not in ended}


PART: dict[str, Any] = {"refund_id": "r1", "amount_minor": 2_500}
FAILED = [
    ("F13", payments.TopupRequested, payments.TopupFailed),
    ("F14", payments.WithdrawalRequested, payments.WithdrawalReturned),
    ("F36", payments.BillpayRequested, payments.BillpayFailed),
]


@pytest.mark.parametrize(("flow", "begun", "failed"), FAILED)
@pytest.mark.parametrize("order", [*permutations(("sent", "booked", "credited"))], ids="-".join)
def test_a_refunded_part_of_what_a_failed_movement_took_ends_nothing(
    flow: str, begun: type[Event], failed: type[Event], order: tuple[str, ...]
) -> None:
    at = {what: (40 + 10 * number) * SECOND for number, what in enumerate(order)}
    refund = [
        told(payments.RefundSent, at["sent"], **PART),
        line("credit", at["booked"], reference="r1", amount_minor=2_500),
        told(payments.RefundCredited, at["credited"], **PART),
    ]
    refund.sort(key=lambda each: each.occurred_at)
    effects = see(told(begun, 0), line("debit", 5 * SECOND), told(failed, 30 * SECOND), *refund)
    assert missing(effects) == {flow: 7_500}


def test_a_part_that_only_the_payment_system_tells_of_leaves_the_rest() -> None:
    begun = [told(payments.TopupRequested, 0), told(payments.TopupConfirmed, 5 * SECOND)]
    failed = told(payments.TopupFailed, 30 * SECOND)
    effects = see(
        *begun, failed, told(payments.RefundSent, MINUTE, **PART), told(payments.RefundCredited, HOUR, **PART)
    )
    assert missing(effects) == {"F13": 7_500}
    assert "topup_not_credited.part" not in said(effects), "nothing of it has been credited"


def test_what_goes_back_of_a_fee_is_no_return_of_the_payout() -> None:
    about: dict[str, Any] = {"payment_id": "m1", "fee_id": "f1", "tariff_id": "alipay_withdrawal"}
    fee = event(payments.FeeCharged, NOON + 7 * SECOND, "fee", **about | SUM | {"amount_minor": 50})
    lines = [line("debit", 5 * SECOND), line("debit", 6 * SECOND, amount_minor=50)]
    player = Player(policy())
    heard = [effect for each in (told(payments.WithdrawalRequested, 0), *lines, fee) for effect in player.see(each)]
    (intent,) = [each for each in heard if isinstance(each, RefundIntended)]
    refund: dict[str, Any] = {"refund_id": intent.refund_id, "amount_minor": intent.amount_minor}
    for each in (
        told(payments.WithdrawalReturned, 30 * SECOND),
        told(payments.RefundSent, 40 * SECOND, **refund),
        line("credit", 50 * SECOND, reference=intent.refund_id, amount_minor=intent.amount_minor),
        told(payments.RefundCredited, MINUTE, **refund),
        mark(NOON + 40 * DAY),
    ):
        heard += player.see(each)
    assert missing(heard) == {"F14": 10_000 + 50 - intent.amount_minor}


@pytest.mark.parametrize(("flow", "begun", "failed"), FAILED[1:])
@pytest.mark.parametrize("after_ms", [0, 20 * DAY], ids=["waited for", "a case"])
def test_every_line_of_a_failed_movement_has_to_come_back(
    flow: str, begun: type[Event], failed: type[Event], after_ms: int
) -> None:
    """The lines are heard behind the failure, the fee's first; the second at once, or when people have a case."""
    player = Player(policy())
    heard: list[Effect] = []
    for each in (
        told(begun, 0),
        told(failed, 20 * SECOND),
        line("debit", 25 * SECOND, amount_minor=10),
        mark(NOON + after_ms),
        line("debit", after_ms + 30 * SECOND),
        mark(NOON + after_ms + 40 * DAY),
    ):
        heard += player.see(each)
    assert missing(heard) == {flow: 10_010}


@pytest.mark.parametrize(
    ("begun", "done"),
    [
        (payments.WithdrawalRequested, payments.WithdrawalCredited),
        (payments.BillpayRequested, payments.BillpayPosted),
    ],
)
@pytest.mark.parametrize(
    ("lines", "back"), [((5_000, 5_000), {}), ((10_000, 10_000), {"F12": 10_000}), ((12_500,), {"F11": 2_500})]
)
def test_the_lines_of_a_payout_or_bill_come_to_its_amount(
    begun: type[Event], done: type[Event], lines: tuple[int, ...], back: dict[str, int]
) -> None:
    booked = [line("debit", (5 + number) * SECOND, amount_minor=minor) for number, minor in enumerate(lines)]
    effects = see(told(begun, 0), *booked, told(done, MINUTE))
    assert missing(effects) == back
