"""Does the owner pay on a new phone when the account is given back, and the thief on the stolen one no more?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import PHONE, Player, settled

from streams.contracts.accounts import CaseAction, CustomerConfirmed, IdentityVerified, UserReport
from streams.contracts.cases import NotificationRequested
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengePassed, LoginSucceeded
from streams.contracts.payments import PaymentRequested, TransferRequested, TransferSucceeded, WithdrawalRequested
from streams.core.steps import Effect

STOLEN: dict[str, Any] = PHONE | {"ip": "198.18.5.7"}  # the owner's phone, in the thief's network
NEW: dict[str, Any] = PHONE | {"device_id": "new-phone"}
PLACE = ("device_id", "ip", "country")
CHECK = {"method": "face_and_document", "level": 3, "passed": True, "actor": "idv", "role": "identity_service"}
WAYS = {
    "transfer": (TransferRequested, {"counterparty_id": "mule"}),
    "withdrawal": (WithdrawalRequested, {"card_token": "mules-card"}),
    "card": (PaymentRequested, {"merchant_id": "gift-cards", "card_token": "card"}),
}


def pays(player: Player, at_ms: int, where: dict[str, Any], way: str = "transfer", minor: int = 5_000) -> str:
    kind, to = WAYS[way]
    place = {name: where[name] for name in PLACE}
    effects = player.see(paid(at_ms, f"{way}{at_ms}", minor, kind, **to, **place))
    return next((each.outcome for each in effects if isinstance(each, DecisionMade)), "allow")


def answers(player: Player, at_ms: int, where: dict[str, Any]) -> list[Effect]:
    return player.see(login(at_ms, f"factor{at_ms}", ChallengePassed, reason="sms", asn=100, **where))


def enters(player: Player, at_ms: int, where: dict[str, Any], *, factor: bool) -> None:
    player.see(login(at_ms, f"in{at_ms}", LoginSucceeded, asn=100, user_agent="wallet/5.3", **where))
    if factor:
        answers(player, at_ms + 5_000, where)


def stolen(said: str, *, named: bool = True) -> Player:
    """A thief pays 50.00 on the owner's phone; the owner says so, passes the check on a new one, and has it back."""
    player = settled()
    takes(player, STOLEN)
    if said == "stolen":
        player.see(event(UserReport, NOON + HOUR, 1, channel="phone", kind="stolen"))
    else:
        player.see(event(CustomerConfirmed, NOON + HOUR, 1, channel="phone", answer="no", payment_id="ptheft"))
    is_given_back(player, NOON + 2 * HOUR, "new-phone" if named else None)
    return player


def takes(player: Player, where: dict[str, Any]) -> None:
    for kind in (TransferRequested, TransferSucceeded):
        place = {name: where[name] for name in PLACE}
        player.see(paid(NOON, "theft", 5_000, kind, counterparty_id="mule", **place))


def is_given_back(player: Player, at_ms: int, device: str | None) -> None:
    """The owner of a frozen account passes a check, if it may be on this device, and an hour later two people lift."""
    assert "freeze" in [held.action for held in player.obligations["a1"].locks]
    on = {} if device is None else {"device_id": device}
    player.see(event(IdentityVerified, at_ms, at_ms, **CHECK, **on))
    case = next(each for each in player.obligations["a1"].cases if each.is_open and each.flow in ("F23", "F25"))
    act = {"action": "unlock", "case_id": case.case_id, "expected_version": case.version, "role": "supervisor"}
    player.see(event(CaseAction, at_ms + HOUR, at_ms, actor="bob", second_actor="eve", **act))
    assert "freeze" not in [held.action for held in player.obligations["a1"].locks]


def tries_codes(player: Player, at_ms: int, where: dict[str, Any]) -> None:
    """The thief logs in and answers whatever is asked there: none of it lets money go."""
    enters(player, at_ms, where, factor=True)
    for number, way in enumerate(WAYS):
        asked_ms = at_ms + (number + 1) * HOUR
        assert pays(player, asked_ms, where, way) in ("step_up", "hold", "block")
        effects = answers(player, asked_ms + MINUTE, where)
        assert not [each for each in effects if type(each).__name__ == "DecisionAmended"]


@pytest.mark.parametrize("on", ["new-phone", "newest-phone", None])
def test_a_second_theft_leaves_the_stolen_phone_stolen(on: str | None):
    player = stolen("stolen")
    enters(player, NOON + 4 * HOUR, NEW, factor=True)
    enters(player, NOON + 5 * HOUR, STOLEN, factor=True)
    player.see(event(UserReport, NOON + 6 * HOUR, 2, channel="phone", kind="stolen"))
    is_given_back(player, NOON + 7 * HOUR, on)
    tries_codes(player, NOON + 9 * HOUR, STOLEN)
    own = PHONE | {"device_id": on or "new-phone"}
    enters(player, NOON + DAY, own, factor=True)
    assert pays(player, NOON + DAY + HOUR, own, minor=2_500) in ("allow", "notify", "review")


@pytest.mark.parametrize("days", [3, 10, 25])
def test_a_phone_of_some_days_is_as_lost_as_an_old_one(days: int):
    player, young = settled(), PHONE | {"device_id": "young"}
    for day in range(days, 0, -1):
        enters(player, NOON - day * DAY, young, factor=day == days)
    taken = young | {"ip": STOLEN["ip"]}
    takes(player, taken)
    player.see(event(UserReport, NOON + HOUR, 1, channel="phone", kind="stolen"))
    is_given_back(player, NOON + 2 * HOUR, "new-phone")
    enters(player, NOON + 4 * HOUR, NEW, factor=True)
    assert pays(player, NOON + 5 * HOUR, NEW, minor=2_500) in ("allow", "notify", "review")
    tries_codes(player, NOON + 6 * HOUR, taken)
    player.stored()


def test_the_owners_new_phone_of_the_day_of_the_theft_is_only_new_where_the_check_was_passed_elsewhere():
    player = settled()
    takes(player, STOLEN)
    enters(player, NOON + 30 * MINUTE, NEW, factor=True)
    player.see(event(UserReport, NOON + HOUR, 1, channel="phone", kind="stolen"))
    is_given_back(player, NOON + 2 * HOUR, "laptop")
    enters(player, NOON + 4 * HOUR, NEW, factor=True)
    assert pays(player, NOON + 5 * HOUR, NEW, minor=2_500) in ("allow", "notify", "review")
    tries_codes(player, NOON + 6 * HOUR, STOLEN)


@pytest.mark.parametrize("said", ["stolen", "no"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["no login", "login", "codes"])
def test_the_thief_is_paid_nothing_from_the_stolen_phone(said: str, way: str, how: str):
    player = stolen(said)
    enters(player, NOON + 4 * HOUR, NEW, factor=True)
    if how != "no login":
        enters(player, NOON + 5 * HOUR, STOLEN, factor=how == "codes")
    for at_ms in (NOON + 6 * HOUR, NOON + DAY, NOON + 5 * DAY):
        assert pays(player, at_ms, STOLEN, way) in ("step_up", "hold", "block")
        if how == "codes":
            effects = answers(player, at_ms + MINUTE, STOLEN)
            assert not [each for each in effects if type(each).__name__ == "DecisionAmended"]


@pytest.mark.parametrize("said", ["stolen", "no"])
def test_the_owner_pays_on_the_new_phone(said: str):
    player = stolen(said)
    enters(player, NOON + 4 * HOUR, NEW, factor=True)
    enters(player, NOON + 5 * HOUR, STOLEN, factor=False)
    for day in range(3):
        at_ms = NOON + day * DAY + 6 * HOUR
        place = {name: NEW[name] for name in PLACE}
        effects = player.see(paid(at_ms, f"shop{day}", 2_500, PaymentRequested, merchant_id="m1", **place))
        made = [each.outcome for each in effects if isinstance(each, DecisionMade)]
        assert all(outcome in ("allow", "notify", "review") for outcome in made)


def test_the_owner_is_told_that_codes_were_given_on_the_stolen_phone():
    player = stolen("stolen")
    enters(player, NOON + 5 * HOUR, STOLEN, factor=False)
    told = [each.template for each in answers(player, NOON + 5 * HOUR + MINUTE, STOLEN) if _is_told(each)]
    assert told == ["fraud_alert.stolen_code"]


def _is_told(effect: Effect) -> bool:
    return isinstance(effect, NotificationRequested)


def test_a_phone_that_was_found_again_is_known_by_a_check_on_it():
    player = stolen("stolen")
    player.see(event(IdentityVerified, NOON + 5 * HOUR, 2, device_id="phone", **CHECK))
    enters(player, NOON + 6 * HOUR, PHONE, factor=True)
    assert player.prepared.nagged is False
    assert pays(player, NOON + 7 * HOUR, PHONE, "transfer", 2_500) in ("allow", "notify", "review")


def test_where_the_check_names_no_device_the_owners_own_phone_stays_known():
    player = stolen("no", named=False)
    place = {name: PHONE[name] for name in PLACE}
    effects = player.see(paid(NOON + 5 * HOUR, "shop", 2_500, PaymentRequested, merchant_id="m1", **place))
    assert [each.outcome for each in effects if isinstance(each, DecisionMade)] in ([], ["allow"])
