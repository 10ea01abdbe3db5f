"""Is a card that somebody new adds or removes told once, as urgently as it deserves (F27)?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON, SECOND, event, login
from support.play import PHONE, Player, settled

from streams.contracts.base import Event
from streams.contracts.cases import NotificationRequested
from streams.contracts.logins import ChallengePassed, CredentialChanged, LoginSucceeded
from streams.contracts.payments import CardBound, CardUnbound
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


def card(at_ms: int, name: str, kind: type[Event] = CardBound) -> Event:
    return event(kind, at_ms, name, card_token=name, bin="400000")


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
    assert told(settled().see(card(NOON, "c", kind))) == [], "of the owner nothing is said"


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
