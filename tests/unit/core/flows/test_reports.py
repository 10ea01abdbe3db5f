"""What does a report of an unauthorised payment (F25) start?"""

from __future__ import annotations

from support.happenings import HOUR, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import UserReport
from streams.contracts.base import to_ms
from streams.contracts.cases import CaseVersion


def reported(player: Player, number: int) -> CaseVersion:
    at_ms = NOON + HOUR + number * SECOND
    effects = player.see(event(UserReport, at_ms, number, channel="app", kind="unauthorised", payment_id=f"p{number}"))
    return [effect for effect in effects if isinstance(effect, CaseVersion)][-1]


def test_the_law_s_clock_follows_from_the_payment() -> None:
    player = Player(policy())
    player.see(paid(NOON, 1, 64_000))
    case = reported(player, 1)
    assert (case.amount_minor, case.currency) == (64_000, "EUR")
    assert case.sla is not None
    assert case.sla.legal_basis == "PSD2 art. 73"
    assert case.sla.legal_due is not None
    assert to_ms(case.sla.legal_due) > NOON


def test_a_case_that_began_about_nothing_known_gets_its_clock_from_the_next_report() -> None:
    player = Player(policy())
    player.see(paid(NOON, 2, 64_000))
    assert reported(player, 1).currency is None
    assert reported(player, 2).currency == "EUR"


def test_every_reported_payment_is_named() -> None:
    player = Player(policy())
    for number in range(20):
        case = reported(player, number)
    told = [line.text for line in case.evidence if line.kind == "user_report"]
    assert told == [f"not mine: p{number}" for number in range(20)]
    assert case.counters["reported_payments"] == 20
