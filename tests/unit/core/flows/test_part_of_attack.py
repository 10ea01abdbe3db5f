"""Is a try that an attack explains left to the case of the attack, until it is more than that (F24 beside F26, F30)?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import Player, policy

from streams.contracts.accounts import CustomerConfirmed
from streams.contracts.cases import NotificationRequested
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengePassed, CredentialChanged, LoginSucceeded
from streams.contracts.payments import PaymentRequested, PaymentSucceeded
from streams.core.obligations import Case
from streams.core.risk import RiskFact

ASSUMED = '[locks]\nack = "assumed"\n'
LENIENT = '[rules.hostile_address]\noutcomes = ["step_up", "review"]\n'
RANGE: dict[str, Any] = {"bin": "47775512", "method": "card", "card_token": "t-1", "merchant_id": "m-1"}
TESTER: dict[str, Any] = {"ip": "192.0.2.9", "device_id": "box"}
ATTACKER: dict[str, Any] = {"ip": "192.0.2.66", "device_id": "box", "country": "RO"}
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
    _, case = stopped_at_the_address_of_an_attack()
    assert (case.flow, case.incident_id, case.status) == ("F24", "inc_guesses", "auto_answered")


def stopped_at_the_address_of_an_attack(more: str = "") -> tuple[Player, Case]:
    player = Player(policy(ASSUMED, more), risk=attacked)
    for day in range(5):
        player.see(login(NOON - (5 - day) * DAY, f"home{day}", LoginSucceeded, country="CN", **HOME))
    player.see(login(NOON, "in", LoginSucceeded, **ATTACKER))
    (case,) = player.obligations["a1"].cases
    return player, case


def denied(player: Player, case: Case, number: str = "no", channel: str = "app") -> list[str]:
    """The messages that a "no" brings about."""
    said = {"channel": channel, "answer": "no", "case_id": case.case_id}
    effects = player.see(event(CustomerConfirmed, player.clock_ms + MINUTE, number, **said))
    return [each.template for each in effects if type(each) is NotificationRequested]


def is_frozen(player: Player) -> bool:
    return any(held.action == "freeze" for held in player.obligations["a1"].locks)


class TestANoToALoginThatWasStopped:
    """Domain F26: victims of an attack are not locked."""

    def test_confirms_the_attack_and_advises_a_new_password_once(self) -> None:
        player, case = stopped_at_the_address_of_an_attack()
        assert denied(player, case) == ["fraud_alert.kept_out"]
        assert (case.finding, case.status) == ("valuable_alert", "auto_answered")
        assert "customer_denied" in {line.kind for line in case.lines}
        assert denied(player, case, "again") == []
        assert player.obligations["a1"].locks == []
        player.pass_until(NOON + 3 * DAY)
        assert (case.status, case.finding) == ("closed", "valuable_alert")
        player.stored()

    def test_said_where_nobody_is_known_it_is_for_people_and_no_evidence(self) -> None:
        player, case = stopped_at_the_address_of_an_attack()
        assert denied(player, case, channel="email") == []
        assert (case.finding, case.status) == ("unset", "classified")
        assert not is_frozen(player)

    def test_freezes_where_a_second_factor_came_from_there_all_the_same(self) -> None:
        player, case = stopped_at_the_address_of_an_attack()
        player.see(login(NOON + MINUTE, "code", ChallengePassed, **ATTACKER))
        denied(player, case)
        assert is_frozen(player)

    def test_freezes_where_somebody_else_came_in_whom_nobody_vouches_for(self) -> None:
        player, case = stopped_at_the_address_of_an_attack()
        player.see(login(NOON + HOUR, "pw", CredentialChanged, reason="password", ip="192.0.2.7", device_id="box2"))
        denied(player, case)
        assert is_frozen(player)

    def test_freezes_where_money_was_asked_for_from_there(self) -> None:
        player, case = stopped_at_the_address_of_an_attack()
        for number in range(30):
            player.see(paid(NOON + HOUR + number, f"n{number}", 5_000, PaymentRequested, **ATTACKER, merchant_id="m-9"))
        denied(player, case)
        assert is_frozen(player)

    def test_freezes_where_it_was_let_in(self) -> None:
        player, case = stopped_at_the_address_of_an_attack(LENIENT)
        assert case.flow == "F24"
        denied(player, case)
        assert is_frozen(player)


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
