"""Is a card that somebody new adds or removes told once, as urgently as it deserves (F27)?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON, SECOND, event, login, paid
from support.play import PHONE, Player, settled

from streams.contracts.accounts import CustomerConfirmed
from streams.contracts.base import Event
from streams.contracts.cases import NotificationRequested
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengePassed, CredentialChanged, LoginSucceeded
from streams.contracts.payments import CardBound, CardUnbound, WithdrawalRequested
from streams.core.obligations import Case
from streams.core.steps import Effect

NEW_PHONE: dict[str, Any] = {**PHONE, "device_id": "new-phone"}
FAR: dict[str, Any] = {"device_id": "box", "ip": "198.51.100.9", "country": "US"}


def came_in(where: dict[str, Any], *, answers: bool = False) -> Player:
    player = settled()
    player.see(login(NOON - HOUR, "in", LoginSucceeded, asn=100, user_agent="wallet/5.3", **where))
    if answers:
        player.see(login(NOON - HOUR + SECOND, "otp", ChallengePassed, **where))
    return player


def card(at_ms: int, name: str, kind: type[Event] = CardBound, **where: str) -> Event:
    return event(kind, at_ms, name, card_token=name, bin="400000", **where)


def told(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if type(each) is NotificationRequested]


def case_of(player: Player) -> Case:
    (case,) = player.obligations["a1"].cases
    assert case.flow == "F27"
    return case


@pytest.mark.parametrize("kind", [CardBound, CardUnbound])
def test_a_card_is_told_and_limits_money_out_after_somebody_new_came_in(kind: type[Event]) -> None:
    player = came_in(FAR)
    assert told(player.see(card(NOON, "c", kind))) == ["security_change.limited"]
    assert [held.action for held in player.obligations["a1"].locks] == ["limit"]


def test_to_change_a_card_on_a_new_phone_is_one_change() -> None:
    player = came_in(NEW_PHONE)
    effects = player.see(card(NOON, "old", CardUnbound)) + player.see(card(NOON + MINUTE, "new"))
    assert told(effects) == ["security_change.limited"]
    assert (case_of(player).priority, case_of(player).status) == (2, "auto_answered")


@pytest.mark.parametrize(("answers", "priority"), [(True, 2), (False, 1)])
def test_who_gave_the_second_factor_is_an_owner_with_a_new_phone(answers: bool, priority: int) -> None:
    player = came_in(FAR, answers=answers)
    player.see(card(NOON, "c"))
    assert case_of(player).priority == priority


def test_a_card_after_a_changed_credential_is_the_pattern_of_a_takeover() -> None:
    player = came_in(FAR, answers=True)
    player.see(login(NOON, "pw", CredentialChanged, reason="password", **FAR))
    player.see(card(NOON + MINUTE, "c"))
    assert [case.priority for case in player.obligations["a1"].cases] == [1]


def test_forty_cards_in_a_row_are_told_now_and_then() -> None:
    player = came_in(FAR)
    effects: list[Effect] = []
    for number in range(40):
        effects += player.see(card(NOON + number * MINUTE, f"c{number}"))
    assert told(effects).count("security_change.limited") == 1
    assert 3 <= told(effects).count("security_change") <= 4
    assert len(player.obligations["a1"].cases) == 1
    player.stored()


AT_HOME = {"device_id": PHONE["device_id"], "ip": PHONE["ip"]}


@pytest.mark.parametrize("kind", [CardBound, CardUnbound])
def test_the_owner_hears_of_a_card_at_home_and_can_say_no(kind: type[Event]) -> None:
    player = settled()
    assert told(player.see(card(NOON, "c", kind, **AT_HOME))) == ["card_change"]
    case = case_of(player)
    assert (case.priority, case.status, player.obligations["a1"].locks) == (4, "auto_answered", [])
    no = {"answer": "no", "channel": "app", "case_id": case.case_id}
    player.see(event(CustomerConfirmed, NOON + HOUR, "no", **no))
    assert [held.action for held in player.obligations["a1"].locks] == ["freeze"]


def test_to_change_a_card_at_home_is_told_once_and_is_over_after_a_quiet_day() -> None:
    player = settled()
    effects = player.see(card(NOON, "old", CardUnbound, **AT_HOME)) + player.see(card(NOON + MINUTE, "new", **AT_HOME))
    assert told(effects) == ["card_change"]
    case = case_of(player)
    player.pass_until(NOON + 48 * HOUR)
    assert not case.is_open


@pytest.mark.parametrize(
    ("where", "is_doubted"),
    [
        (AT_HOME, False),
        ({"device_id": "box", "ip": "198.51.100.9"}, True),
        ({"device_id": "box", "ip": PHONE["ip"]}, True),
        ({"ip": "198.51.100.9"}, True),
        ({"ip": PHONE["ip"]}, False),
        ({}, False),
    ],
)
def test_a_card_from_where_nobody_ever_came_in_is_doubted(where: dict[str, str], is_doubted: bool) -> None:
    player = settled()
    effects = player.see(card(NOON, "c", **where))
    assert told(effects) == (["security_change.limited"] if is_doubted else ["card_change"])
    assert case_of(player).priority == (2 if is_doubted else 4)
    player.stored()


def test_a_payee_after_a_card_at_home_limits_as_the_first_one_does() -> None:
    player = settled()
    player.see(card(NOON, "c", **AT_HOME))
    player.see(login(NOON + MINUTE, "payee", CredentialChanged, reason="payee", **PHONE))
    assert [held.action for held in player.obligations["a1"].locks] == ["limit"]


def withdrawn(at_ms: int, name: str, amount_minor: int, where: dict[str, Any], card_token: str = "new") -> Event:
    return paid(at_ms, name, amount_minor, WithdrawalRequested, card_token=card_token, **where)


def decided(effects: list[Effect]) -> list[str]:
    return [each.outcome for each in effects if type(each) is DecisionMade]


@pytest.mark.parametrize(
    ("amounts", "outcome"), [((4_000,), "allow"), ((30_000,), "step_up"), ((10_000, 10_000), "step_up")]
)
def test_a_card_of_today_is_limited_at_home_in_parts_too(amounts: tuple[int, ...], outcome: str) -> None:
    player = settled()
    player.see(card(NOON, "new", **AT_HOME))
    for number, amount in enumerate(amounts):
        last = decided(player.see(withdrawn(NOON + (number + 1) * MINUTE, str(number), amount, PHONE)))
    assert last == [outcome]


def test_a_card_is_no_new_one_after_its_first_day() -> None:
    player = settled()
    player.see(card(NOON - 25 * HOUR, "new", **AT_HOME))
    fired = player.see(withdrawn(NOON, "w", 30_000, PHONE))
    assert "new-card/01" not in {hit.rule for each in fired if type(each) is DecisionMade for hit in each.hits}


def test_the_card_of_a_phone_of_minutes_is_held_and_that_phone_releases_nothing() -> None:
    player = settled()
    player.see(login(NOON, "in", LoginSucceeded, asn=100, user_agent="wallet/5.3", **NEW_PHONE))
    player.see(card(NOON + MINUTE, "new", device_id="new-phone", ip=PHONE["ip"]))
    assert decided(player.see(withdrawn(NOON + 5 * MINUTE, "w", 30_000, NEW_PHONE))) == ["hold"]
    yes = {"answer": "yes", "channel": "app", "payment_id": "pw", "device_id": "new-phone"}
    player.see(event(CustomerConfirmed, NOON + 6 * MINUTE, "yes", **yes))
    assert [hold.payment_id for hold in player.obligations["a1"].holds] == ["pw"]


@pytest.mark.parametrize(("amount", "outcome"), [(4_000, "step_up"), (30_000, "hold")])
def test_a_card_that_nobody_known_added_opens_nothing(amount: int, outcome: str) -> None:
    player = settled()
    box = {"device_id": "box", "ip": "198.51.100.9"}
    player.see(card(NOON, "new", **box))
    assert decided(player.see(withdrawn(NOON + MINUTE, "w", amount, box | {"country": "RO"}))) == [outcome]
