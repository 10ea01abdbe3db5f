"""Whose refund has arrived, which one came back, and what is left open: in every order in which it may be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled, RefundIntended
from streams.contracts.base import Event, Watermark, from_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import (
    BillpayDebited,
    BillpayFailed,
    BillpayRequested,
    PaymentFailed,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
    PspStatus,
    RefundApproved,
    RefundCredited,
    RefundFailed,
    RefundPromised,
    RefundSent,
    TopupConfirmed,
    TopupFailed,
    TopupRequested,
    TransferFailed,
    TransferRequested,
)
from streams.core.cases.timeline import kind_of
from streams.core.steps import Effect

WALLET = {"payment_id": "p1", "currency": "CNY", "method": "wallet_balance"}
DONE = {"resolved", "withdrawn", "surveyed", "closed"}


def told(kind: Any, at_ms: int, amount_minor: int = 10_000, **more: Any) -> Event:
    name = f"{kind.__name__} {at_ms} {more.get('refund_id')}"
    return paid(NOON + at_ms, name, amount_minor, kind=kind, **WALLET | more)


def line(direction: str, at_ms: int, amount_minor: int = 10_000, **more: Any) -> Event:
    about = {"entry_id": f"{direction} {at_ms}", "direction": direction, "amount_minor": amount_minor}
    return event(
        LedgerPosted, NOON + at_ms, f"{direction} {at_ms}", payment_id="p1", **{"currency": "CNY"} | about | more
    )


def until(at_ms: int) -> Event:
    return Watermark(event_id=f"w{at_ms}", source="t", occurred_at=from_ms(NOON + at_ms), account_id="-")


def orders(*happenings: Event) -> Iterator[tuple[str, Sequence[Event]]]:
    for order in permutations(happenings):
        yield ", ".join(f"{kind_of(each)} {each.event_id}" for each in order), order


class Account:
    """One account, and everything that came of what was told of it."""

    def __init__(self, *happenings: Event) -> None:
        self.player, self.effects = Player(policy()), list[Effect]()
        self.sees(happenings)

    def sees(self, happenings: Iterable[Event]) -> Account:
        self.effects += [effect for each in happenings for effect in self.player.see(each)]
        return self

    @property
    def cases(self) -> dict[str, CaseVersion]:
        """The last version of each, by type; a second one of a type has a number behind it."""
        last = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        named: dict[str, CaseVersion] = {}
        for case in last.values():
            named[case.case_type if case.case_type not in named else f"{case.case_type} {len(named)}"] = case
        return named

    @property
    def open(self) -> list[str]:
        return sorted(name for name, case in self.cases.items() if case.status not in DONE)

    @property
    def refund_id(self) -> str:
        return next(each.refund_id for each in self.effects if isinstance(each, RefundIntended))

    @property
    def eta(self) -> str:
        """When the first refund of ours should arrive, as the customer is told."""
        told = (each for each in self.effects if isinstance(each, NotificationRequested))
        return next(each.parameters["eta"] for each in told if each.template == "refund_started")

    def messages(self, template: str) -> int:
        return sum(isinstance(each, NotificationRequested) and each.template == template for each in self.effects)


def failed() -> Account:
    """A debit whose payment failed; our refund of it is intended."""
    return Account(
        told(PaymentRequested, 0),
        line("debit", SECOND),
        told(PaymentFailed, 2 * SECOND),
        until(3 * MINUTE),
        told(PspStatus, 4 * MINUTE, status="failed"),
    )


def charged_too_much() -> Account:
    order = {"order_id": "o1", "order_amount_minor": 10_000}
    return Account(
        told(PaymentRequested, 0, **order),
        line("debit", SECOND),
        line("debit", 2 * SECOND, 3_000),
        told(PaymentSucceeded, 3 * SECOND, **order),
        until(2 * MINUTE),
        told(PspStatus, 4 * MINUTE, status="succeeded", **order),
    )


def test_where_the_bank_gives_back_as_much_as_we_do_accounting_hears_of_it() -> None:
    """Of an amount that was charged too much, once our refund has left."""
    begun = charged_too_much()
    ours = {"refund_id": begun.refund_id}
    later = (told(RefundCredited, 6 * MINUTE, 3_000, **ours), line("credit", 7 * MINUTE, 3_000))
    for told_as, order in orders(*later, line("credit", 8 * MINUTE, 3_000)):
        account = charged_too_much().sees([told(RefundSent, 5 * MINUTE, 3_000, **ours), *order])
        assert account.open == ["double_benefit"], told_as
        assert account.sees([line("debit", HOUR, 3_000)]).open == [], told_as


def test_where_only_one_gives_back_what_was_too_much_nobody_has_anything_twice() -> None:
    """Also if the merchant refunds the whole order later."""
    ours = {"refund_id": charged_too_much().refund_id}
    once = (told(RefundCredited, 6 * MINUTE, 3_000, **ours), line("credit", 7 * MINUTE, 3_000))
    for told_as, order in orders(told(RefundSent, 5 * MINUTE, 3_000, **ours), *once):
        account = charged_too_much().sees([*order, line("credit", DAY)])
        assert account.cases.keys() == {"amount_mismatch"}, told_as
        assert account.open == [], told_as


def test_our_refund_is_not_cancelled_when_the_ledger_says_that_it_is_here() -> None:
    ours = {"refund_id": failed().refund_id}
    credit = line("credit", 6 * MINUTE, reference=ours["refund_id"])
    for told_as, order in orders(
        told(RefundSent, 5 * MINUTE, **ours), credit, told(RefundCredited, 7 * MINUTE, **ours)
    ):
        for heard in (order, [credit, *[each for each in order if isinstance(each, RefundSent)]]):
            account = failed().sees([*heard, until(40 * DAY)])
            assert not any(isinstance(each, RefundCancelled) for each in account.effects), told_as
            assert account.cases.keys() == {"debited_not_confirmed"}, told_as
            ends = [each.status for each in account.effects if isinstance(each, CaseVersion) and each.status in DONE]
            assert ends[0] == "resolved", "it was true, and our refund has ended it"


@pytest.mark.parametrize("amount_minor", [10_000, 3_000])
def test_nobody_waits_for_a_refund_of_ours_whose_money_came_before_anything_was_told_of_it(amount_minor: int) -> None:
    """The ledger's credit names nothing. It may be the bank's own, so what has not left is stopped."""
    begin = failed if amount_minor == 10_000 else charged_too_much
    ours = {"refund_id": begin().refund_id}
    sent = told(RefundSent, 5 * MINUTE, amount_minor, **ours)
    credited = told(RefundCredited, 7 * MINUTE, amount_minor, **ours)
    for told_as, order in orders(sent, credited, line("credit", 6 * MINUTE, amount_minor)):
        for heard in (order, [each for each in order if each is not credited]):
            account = begin().sees([*heard, until(40 * DAY)])
            assert account.open == [], told_as
            assert account.messages("refund_late") == 0, told_as
            assert "refund_late" not in account.cases, told_as


def test_a_refund_that_came_back_is_over_when_it_is_made_again_under_another_id() -> None:
    """Of two that came back one; the message that it has arrived is sent once."""
    good = (told(PaymentRequested, 0), line("debit", SECOND), told(PaymentSucceeded, 2 * SECOND))
    came_back = [
        told(kind, HOUR + step * SECOND, 3_000, refund_id=refund_id)
        for refund_id in ("r1", "r2")
        for step, kind in enumerate((RefundApproved, RefundSent, RefundFailed))
    ]
    again = [
        told(kind, 2 * HOUR + step * SECOND, 3_000, refund_id="r3")
        for step, kind in enumerate((RefundApproved, RefundSent, RefundCredited))
    ]
    for told_as, order in orders(*again, line("credit", 2 * HOUR + 3 * SECOND, 3_000)):
        for failures in (came_back[:3], came_back):
            account = Account(*good, *failures, *order)
            assert account.messages("refund_failed.done") == 1, told_as
            assert len(account.open) == len(failures) // 3 - 1, told_as


def test_a_refund_of_ours_that_came_back_is_news_of_its_case() -> None:
    account = failed()
    ours = {"refund_id": account.refund_id}
    account.sees([told(RefundSent, 5 * MINUTE, **ours), told(RefundFailed, HOUR, **ours)])
    assert account.open == ["debited_not_confirmed"]
    assert account.messages("refund_failed") == 1
    by_hand = [told(kind, 2 * HOUR, refund_id="m1") for kind in (RefundApproved, RefundSent, RefundCredited)]
    for told_as, order in orders(*by_hand, line("credit", 2 * HOUR)):
        account = failed().sees([told(RefundSent, 5 * MINUTE, **ours), told(RefundFailed, HOUR, **ours), *order])
        assert account.sees([until(30 * DAY)]).open == [], told_as


def test_one_that_came_back_after_its_payment_turned_out_good_is_nobodys() -> None:
    account = failed()
    ours = {"refund_id": account.refund_id}
    account.sees([told(RefundSent, 5 * MINUTE, **ours), told(PaymentSucceeded, 6 * MINUTE)])
    assert account.open == ["double_benefit"]
    account.sees([told(RefundFailed, HOUR, **ours)])
    assert account.open == []
    assert account.messages("refund_failed") == 0


def test_a_case_that_is_opened_again_says_where_the_money_of_its_new_debit_is() -> None:
    account = failed().sees([line("credit", 20 * MINUTE)])
    assert account.cases["debited_not_confirmed"].money_state == "returned"
    account.sees([line("debit", 21 * MINUTE), until(HOUR)])
    assert account.open == ["debited_not_confirmed"]
    assert account.cases["debited_not_confirmed"].money_state == "moved"


def test_a_debit_that_is_back_needs_nobody_whichever_of_success_and_failure_is_told_first() -> None:
    """In truth it failed, was good, failed for good, and the money came back."""
    steps = (
        line("debit", SECOND),
        told(PaymentFailed, 2 * SECOND),
        told(PaymentSucceeded, 3 * SECOND),
        told(PaymentFailed, 4 * SECOND),
        line("credit", 5 * SECOND),
    )
    for told_as, order in orders(*steps):
        account = Account(told(PaymentRequested, 0), *order, until(3 * DAY))
        assert account.cases == {}, told_as


@pytest.mark.parametrize("undone", [PaymentFailed, PaymentReversed])
def test_what_the_customer_had_twice_by_a_success_is_over_when_that_was_not_the_last_word(undone: Any) -> None:
    steps = (
        line("debit", SECOND),
        told(PaymentFailed, 2 * SECOND),
        line("credit", 5 * SECOND),
        told(PaymentSucceeded, MINUTE),
        told(undone, 2 * MINUTE),
    )
    account = Account(told(PaymentRequested, 0), *steps[:-1])
    assert account.open == ["double_benefit"]
    for told_as, order in orders(*steps):
        assert Account(told(PaymentRequested, 0), *order, until(3 * DAY)).open == [], told_as


def test_a_merchants_refund_that_is_told_before_its_payments_success_gives_nobody_anything_twice() -> None:
    steps = (line("debit", SECOND), told(PaymentSucceeded, 3 * SECOND), line("credit", 5 * SECOND))
    for told_as, order in orders(*steps):
        assert Account(told(PaymentRequested, 0), *order, until(3 * DAY)).cases == {}, told_as


def test_what_was_given_back_twice_stays_when_the_payment_has_failed_after_all() -> None:
    twice = (line("credit", 20 * MINUTE), line("credit", 21 * MINUTE), told(PaymentFailed, HOUR))
    account = Account(told(PaymentRequested, 0), line("debit", SECOND), told(PaymentSucceeded, 2 * SECOND), *twice)
    assert account.open == ["double_benefit"]


def test_a_top_up_that_failed_is_over_when_its_money_is_back_whichever_is_told_first() -> None:
    steps = (
        told(TopupRequested, 0),
        told(TopupConfirmed, SECOND),
        told(TopupFailed, 2 * SECOND),
        told(RefundCredited, 3 * SECOND, refund_id="r1"),
    )
    for told_as, order in orders(*steps):
        assert Account(*order, until(14 * DAY)).cases == {}, told_as


def test_a_bill_that_failed_is_over_when_the_ledger_has_given_it_back_whichever_is_told_first() -> None:
    steps = (
        told(BillpayRequested, 0),
        told(BillpayDebited, SECOND),
        line("debit", SECOND),
        told(BillpayFailed, 3 * SECOND),
        line("credit", 4 * SECOND),
    )
    for told_as, order in orders(*steps):
        assert Account(*order, until(14 * DAY)).cases == {}, told_as


def test_when_the_money_arrives_is_said_by_how_the_payment_was_made() -> None:
    """Who tells of a refund or answers seldom says it: `card` is what an event means that says nothing."""
    begun = (told(PaymentRequested, 0), line("debit", SECOND))
    answer = told(PspStatus, 4 * MINUTE, status="failed", method="card")
    unpaid = Account(*begun, told(PaymentFailed, 2 * SECOND), until(3 * MINUTE), answer)
    twice = Account(*begun, told(PaymentSucceeded, 2 * SECOND), line("debit", 3 * SECOND))
    assert [unpaid.eta, twice.eta] == ["2026-04-01T12:34:00Z", "2026-04-01T12:30:03Z"]


def test_a_refund_to_a_wallet_is_late_after_the_time_of_a_wallet() -> None:
    paid_for = (told(PaymentRequested, 0), line("debit", SECOND), told(PaymentSucceeded, 2 * SECOND))
    sent = [told(kind, HOUR, 3_000, refund_id="r1", method="card") for kind in (RefundApproved, RefundSent)]
    assert Account(*paid_for, *sent, until(HOUR + 29 * MINUTE)).open == []
    assert Account(*paid_for, *sent, until(2 * HOUR)).open == ["refund_late"]


def test_nobody_is_reminded_of_a_date_that_is_past() -> None:
    about = {"refund_id": "r1", "promised_by": from_ms(NOON - DAY)}
    account = Account(told(RefundPromised, HOUR, 3_000, **about), until(2 * HOUR))
    assert account.open == ["refund_dispute"]
    assert account.messages("refund_dispute") == 1
    assert account.messages("refund_dispute.slow") == 0


@pytest.mark.parametrize(
    ("requested", "failed", "basis", "due"),
    [
        (TransferRequested, TransferFailed, "RBI TAT T+1", "2026-04-02T18:30:00+00:00"),
        (PaymentRequested, PaymentFailed, "RBI TAT T+5", "2026-04-09T18:30:00+00:00"),
    ],
)
def test_the_clock_of_the_reserve_bank_counts_from_the_transaction(
    requested: Any, failed: Any, basis: str, due: str
) -> None:
    """A minute before midnight in India; its case opens on the next day."""
    at_ms, inr = 6 * HOUR + 29 * MINUTE, {"currency": "INR", "method": "upi"}
    steps = (told(requested, at_ms, **inr), told(failed, at_ms + 2 * SECOND, **inr))
    account = Account(steps[0], line("debit", at_ms + SECOND, currency="INR"), steps[1], until(8 * HOUR))
    sla = account.cases["debited_not_confirmed"].sla
    assert (sla.legal_basis, sla.legal_due and sla.legal_due.isoformat()) == (basis, due)
