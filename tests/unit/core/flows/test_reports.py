"""What does a report of an unauthorised payment (F25) or of a wrong transfer (F41) start?"""

from __future__ import annotations

import pytest
from support.happenings import HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, LedgerPosted, UserReport
from streams.contracts.actions import RefundIntended
from streams.contracts.base import Event, Watermark, to_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionMade
from streams.contracts.payments import (
    PaymentRequested,
    PspStatus,
    TransferFailed,
    TransferRequested,
    TransferReversed,
    TransferSucceeded,
)
from streams.core.steps import Effect


def reported(player: Player, number: int) -> CaseVersion:
    at_ms = NOON + HOUR + number * SECOND
    effects = player.see(event(UserReport, at_ms, number, channel="app", kind="unauthorised", payment_id=f"p{number}"))
    return [effect for effect in effects if isinstance(effect, CaseVersion)][-1]


def says(player: Player, payment: str, channel: str = "app") -> list[Effect]:
    return player.see(event(UserReport, NOON + HOUR, payment, channel=channel, kind="unauthorised", payment_id=payment))


def pays(player: Player, number: int, card: str) -> DecisionMade:
    effects = player.see(paid(NOON + 2 * HOUR + number * SECOND, number, 2_000, PaymentRequested, card_token=card))
    return next(each for each in effects if isinstance(each, DecisionMade))


def carded() -> Player:
    player = Player(policy())
    for number, card in enumerate(("red", "blue")):
        player.see(paid(NOON + number * SECOND, number, 2_000, card_token=card))
    return player


def test_the_card_of_a_reported_payment_pays_nothing_more_and_the_other_one_does() -> None:
    player = carded()
    effects = says(player, "p0")
    assert [each.template for each in effects if isinstance(each, NotificationRequested)] == ["unauthorised.paused"]
    stopped = pays(player, 10, "red")
    assert (stopped.outcome, stopped.reasons[0].code, stopped.expires_at) == ("block", "R29", None)
    assert pays(player, 11, "blue").outcome == "allow"


def test_the_card_pays_again_when_it_was_the_owner_after_all() -> None:
    player = carded()
    case = next(each for each in says(player, "p0") if isinstance(each, CaseVersion))
    act = {"actor": "ana", "role": "analyst", "action": "confirm_legit", "expected_version": case.version}
    player.see(event(CaseAction, NOON + HOUR + SECOND, 1, case_id=case.case_id, **act))
    assert pays(player, 10, "red").outcome == "allow"


def test_no_card_is_paused_by_somebody_who_may_be_anybody_nor_for_a_payment_that_nobody_remembers() -> None:
    player = carded()
    for payment, channel in (("p0", "email"), ("p99", "app")):
        told = [each.template for each in says(player, payment, channel) if isinstance(each, NotificationRequested)]
        assert told == ["unauthorised.received"]
    assert pays(player, 10, "red").outcome == "allow"


def test_the_law_s_clock_follows_from_the_payment() -> None:
    player = Player(policy())
    player.see(paid(NOON, 1, 64_000))
    case = reported(player, 1)
    assert (case.amount_minor, case.currency) == (64_000, "EUR")
    assert case.sla is not None
    assert case.sla.legal_basis == "PSD2 art. 73"
    assert case.sla.legal_due is not None
    assert to_ms(case.sla.legal_due) > NOON


def test_a_case_about_a_payment_that_was_never_seen_has_the_clock_of_what_the_account_pays_in() -> None:
    assert reported(Player(policy()), 1).currency is None
    player = Player(policy())
    player.see(paid(NOON, 2, 64_000, merchant_id="m1"))
    case = reported(player, 1)
    assert (case.amount_minor, case.currency) == (None, "EUR")
    assert case.sla is not None
    assert case.sla.legal_basis == "PSD2 art. 73"
    assert reported(player, 2).amount_minor == 64_000


def test_every_reported_payment_is_named() -> None:
    player = Player(policy())
    for number in range(20):
        case = reported(player, number)
    told = [line.text for line in case.evidence if line.kind == "user_report"]
    assert told == [f"not mine: p{number}" for number in range(20)]
    assert case.counters["reported_payments"] == 20


def sent(at_ms: int, kind: type[Event]) -> Event:
    return paid(at_ms, kind.__name__, 1_000, kind, payment_id="p1", counterparty_id="bob", method="wallet_balance")


def booked(at_ms: int, direction: str, minor: int = 1_000) -> Event:
    line = {"entry_id": f"{direction}{at_ms}", "amount_minor": minor, "currency": "EUR", "payment_id": "p1"}
    return event(LedgerPosted, at_ms, f"{direction}{at_ms}", direction=direction, **line)


WRONG = event(UserReport, NOON + 20 * SECOND, "wrong", channel="app", kind="wrong_transfer", payment_id="p1")
HEARD = event(
    LedgerPosted, NOON + 25 * SECOND, "other", entry_id="o", direction="credit", amount_minor=1, currency="EUR"
)
RETURNED = "wrong_transfer.returned"


def wrong_transfer(*events: Event) -> list[Effect]:
    """What comes of a transfer that went to the wrong person and of `events` after that."""
    player = Player(policy())
    return [effect for each in (sent(NOON, TransferRequested), *events) for effect in player.see(each)]


def words(effects: list[Effect]) -> list[str]:
    return [
        each.template for each in effects if isinstance(each, NotificationRequested) if each.template[:5] == "wrong"
    ]


@pytest.mark.parametrize("undone", [TransferFailed, TransferReversed])
def test_a_wrong_transfer_is_mended_when_the_ledger_has_given_it_back_and_not_before(undone: type[Event]) -> None:
    debited = (booked(NOON + SECOND, "debit"), WRONG, sent(NOON + 30 * SECOND, undone))
    assert words(wrong_transfer(*debited)) == ["wrong_transfer"]
    halves = [booked(NOON + (60 + half) * SECOND, "credit", 500) for half in range(2)]
    assert words(wrong_transfer(*debited, halves[0])) == ["wrong_transfer"]
    assert words(wrong_transfer(*debited, *halves)) == ["wrong_transfer", RETURNED]


def test_the_debit_of_a_wrong_transfer_that_has_failed_goes_back_by_itself() -> None:
    failed = sent(NOON + 30 * SECOND, TransferFailed)
    later = event(Watermark, NOON + 50 * MINUTE, "mark", account_id="-")
    answer = paid(NOON + HOUR, "answer", 1_000, PspStatus, payment_id="p1", status="failed")
    effects = wrong_transfer(booked(NOON + SECOND, "debit"), WRONG, failed, later, answer)
    assert [each.amount_minor for each in effects if isinstance(each, RefundIntended)] == [1_000]


def test_a_wrong_transfer_that_failed_before_anything_was_taken_was_never_sent() -> None:
    failed = sent(NOON + 30 * SECOND, TransferFailed)
    assert words(wrong_transfer(WRONG, HEARD, failed)) == ["wrong_transfer", RETURNED]
    assert words(wrong_transfer(WRONG, failed)) == ["wrong_transfer"], "nobody has heard the ledger"


def test_one_that_went_through_after_all_is_to_be_mended_again() -> None:
    failed, through = sent(NOON + 30 * SECOND, TransferFailed), sent(NOON + 90 * SECOND, TransferSucceeded)
    effects = wrong_transfer(WRONG, HEARD, failed, through)
    assert words(effects) == ["wrong_transfer", RETURNED, "wrong_transfer"]
    assert [each.status for each in effects if isinstance(each, CaseVersion)][-1] == "reopened"
