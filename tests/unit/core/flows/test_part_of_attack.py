"""Is a try that an attack explains left to the case of the attack, until it is more than that (F24 beside F26, F30)?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import Player, policy

from streams.contracts.accounts import CustomerConfirmed
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import LoginSucceeded
from streams.contracts.payments import PaymentRequested, PaymentSucceeded
from streams.core.obligations import Case
from streams.core.risk import RiskFact

ASSUMED = '[locks]\nack = "assumed"\n'
RANGE: dict[str, Any] = {"bin": "47775512", "method": "card", "card_token": "t-1", "merchant_id": "m-1"}
TESTER: dict[str, Any] = {"ip": "192.0.2.9", "device_id": "box"}
HOME: dict[str, Any] = {"ip": "198.51.100.4", "device_id": "phone"}


def attacked(kind: str, value: str, _at_ms: int) -> RiskFact | None:
    """A card range, a shop and an address are under attack."""
    if (kind, value) in (("bin", "47775512"), ("merchant", "m-2")):
        return RiskFact(2, typology="card_testing", testing=2, testing_incident="inc_cards")
    if (kind, value) == ("ip", "192.0.2.66"):
        return RiskFact(2, guessing=2, incident="inc_guesses", incident_typology="password_spray")
    return None


def tried(player: Player, at_ms: int = NOON, number: str = "try", **fields: Any) -> Case:
    player.see(paid(at_ms, number, 100, PaymentRequested, **RANGE | TESTER | fields))
    return player.obligations["a1"].cases[0]


def attack() -> Player:
    return Player(policy(ASSUMED), risk=attacked)


def test_it_ends_with_the_attack_and_is_overdue_for_nobody() -> None:
    player = attack()
    case = tried(player)
    assert (case.flow, case.incident_id, case.status) == ("F24", "inc_cards", "auto_answered")
    player.pass_until(NOON + 3 * DAY)
    assert (case.status, case.resolution, case.priority) == ("closed", "answered", 2)


def test_so_does_one_at_an_attacked_shop_alone() -> None:
    case = tried(attack(), bin="999999", merchant_id="m-2")
    assert (case.incident_id, case.status) == ("inc_cards", "auto_answered")


def test_so_does_a_login_that_was_stopped_at_the_address_of_an_attack() -> None:
    player = attack()
    for day in range(5):
        player.see(login(NOON - (5 - day) * DAY, f"home{day}", LoginSucceeded, country="CN", **HOME))
    player.see(login(NOON, "in", LoginSucceeded, ip="192.0.2.66", device_id="box", country="RO"))
    (case,) = player.obligations["a1"].cases
    assert (case.flow, case.incident_id, case.status) == ("F24", "inc_guesses", "auto_answered")


def test_money_that_leaves_all_the_same_is_a_persons_work() -> None:
    player = attack()
    case = tried(player)
    player.see(paid(NOON + MINUTE, "done", 100, PaymentSucceeded, **RANGE | TESTER | {"payment_id": "ptry"}))
    assert case.status == "classified"
    assert "done although it was blocked" in {line.text for line in case.lines}


@pytest.mark.parametrize(("answer", "status"), [("no", "classified"), ("yes", "resolved")])
def test_so_is_what_its_owner_answers(answer: str, status: str) -> None:
    player = attack()
    case = tried(player)
    player.see(event(CustomerConfirmed, NOON + MINUTE, "said", channel="app", answer=answer, payment_id="ptry"))
    assert case.status == status


def test_who_is_stopped_again_weeks_later_is_no_more_work() -> None:
    player = attack()
    case = tried(player)
    player.pass_until(NOON + 3 * DAY)
    assert tried(player, NOON + 4 * DAY, "again") is case
    assert case.status == "auto_answered"


def test_what_the_attack_does_not_explain_wakes_it() -> None:
    player = attack()
    case = tried(player)
    player.see(paid(NOON + HOUR, "other", 100, PaymentRequested, ip="192.0.2.1", device_id="box", merchant_id="m-9"))
    assert case.status == "auto_answered", "nobody was alarmed"
    for number in range(30):
        player.see(paid(NOON + HOUR + number, f"n{number}", 5_000, PaymentRequested, **TESTER, merchant_id="m-9"))
    assert case.status == "classified"


def test_an_owner_with_card_and_phone_from_before_is_asked_for_a_second_factor() -> None:
    player = attack()
    for day in range(5):
        at_ms = NOON - (5 - day) * DAY
        player.see(login(at_ms, f"home{day}", LoginSucceeded, **HOME))
        player.see(paid(at_ms + MINUTE, f"old{day}", 900, card_token="t-1", method="card", **HOME))

    def verdict(number: str, **fields: Any) -> str:
        effects = player.see(paid(NOON, number, 150, PaymentRequested, **RANGE | HOME | fields))
        return next(one.outcome for one in effects if type(one) is DecisionMade)

    assert verdict("own") == "step_up"
    assert verdict("card", card_token="t-2") == "block"
    assert verdict("device", **TESTER) == "block"
