"""Is money asked for the second factor that somebody did not give who came in, whatever its payment names?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login, paid
from support.play import PHONE, Player, policy, settled

from streams.contracts.accounts import CaseAction, IdentityVerified, LedgerPosted
from streams.contracts.base import Event
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.logins import ChallengePassed, LoginSucceeded
from streams.contracts.payments import PaymentRequested, PaymentSucceeded, TransferRequested, WithdrawalRequested

BOX: dict[str, Any] = {"device_id": "box", "ip": "198.51.100.9", "country": "US"}
ADDRESS: dict[str, Any] = {"ip": "198.51.100.9"}
MOBILE: dict[str, Any] = {"ip": "192.0.2.77"}
HOME: dict[str, Any] = {"ip": PHONE["ip"]}
KINDS = {
    "transfer": (TransferRequested, {"counterparty_id": "mule"}),
    "payment": (PaymentRequested, {"merchant_id": "gift-cards"}),
    "withdrawal": (WithdrawalRequested, {"card_token": "card"}),
    "nobody": (TransferRequested, {}),
}


def came_in(player: Player | None = None, at_ms: int = NOON - 3 * MINUTE, **more: Any) -> Player:
    """The right password from far away; the second factor that it is asked for does not come."""
    player = player or settled()
    where = BOX | more
    made = player.see(login(at_ms, f"in-{at_ms}", LoginSucceeded, asn=777, user_agent="Firefox", **where))
    assert "step_up" in [each.outcome for each in made if type(each) is DecisionMade]
    return player


def verdict(player: Player, movement: Event) -> str:
    return [each for each in player.see(movement) if type(each) is DecisionMade][-1].outcome


def pays(player: Player, where: dict[str, Any], at_ms: int = NOON, kind: str = "transfer", amount: int = 3_000) -> str:
    of, to = KINDS[kind]
    return verdict(player, paid(at_ms, f"t-{at_ms}", amount, of, **to, **where))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", [BOX, ADDRESS, MOBILE, {}, {"device_id": "other"}], ids=str)
def test_leaving_out_what_would_tell_makes_nobody_the_owner(kind: str, where: dict[str, Any]) -> None:
    player = came_in()
    assert [pays(player, where, NOON + number * MINUTE, kind) for number in range(4)] == ["step_up"] * 4


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(100, 20_000), st.sampled_from([BOX, ADDRESS, MOBILE, {}])), max_size=12))
def test_nothing_leaves_in_parts(parts: list[tuple[int, dict[str, Any]]]) -> None:
    player = came_in()
    for number, (amount, where) in enumerate(parts):
        to = {"counterparty_id": f"mule-{number}"}
        asked = paid(NOON + number * MINUTE, f"p{number}", amount, TransferRequested, **to, **where)
        assert verdict(player, asked) in ("step_up", "hold", "block")
    ended = [each for each in player.pass_until(NOON + DAY) if type(each) is DecisionAmended]
    assert all(each.outcome == "block" for each in ended)


@pytest.mark.parametrize("where", [PHONE, {"device_id": "phone"}, {"device_id": "phone", **MOBILE}, HOME], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_the_owner_is_asked_nothing_for_what_a_stranger_did_not_answer(kind: str, where: dict[str, Any]) -> None:
    """On the own device, or in the own network."""
    assert pays(came_in(), where, kind=kind) == pays(settled(), where, kind=kind) == "allow"


def test_a_stranger_in_the_owners_network_makes_it_nobodys_home_for_payments_without_a_device() -> None:
    player = came_in(ip=PHONE["ip"])
    assert pays(player, {"device_id": "box", **HOME}) == "step_up"
    assert pays(player, HOME, NOON + MINUTE) == "step_up"
    assert pays(player, PHONE, NOON + 2 * MINUTE) == "allow"


def test_who_names_neither_is_who_logged_in_last() -> None:
    player = came_in()
    assert pays(player, {}) == "step_up"
    player.see(login(NOON + MINUTE, "owner", LoginSucceeded, asn=100, user_agent="wallet/5.3", **PHONE))
    assert pays(player, {}, NOON + 2 * MINUTE) == "allow"
    assert pays(player, ADDRESS, NOON + 3 * MINUTE) == "step_up"
    came_in(player, NOON + 4 * MINUTE)
    assert pays(player, {}, NOON + 5 * MINUTE) == "step_up"


@pytest.mark.parametrize("device", [{"device_id": "box"}, {}], ids=["named", "not named"])
def test_the_second_factor_ends_it(device: dict[str, Any]) -> None:
    player = came_in()
    player.see(login(NOON - MINUTE, "otp", ChallengePassed, **ADDRESS, **device))
    for number, where in enumerate((ADDRESS | device, ADDRESS, {})):
        assert pays(player, where, NOON + number * MINUTE, "payment", 1_000) in ("allow", "notify")


def test_the_second_factor_of_somebody_else_does_not_end_it() -> None:
    """The owner's new phone answers; the stranger from before has still given none."""
    player = came_in()
    came_in(player, NOON - 2 * MINUTE, device_id="new-phone", ip="192.0.2.200")
    player.see(login(NOON - MINUTE, "otp", ChallengePassed, device_id="new-phone", ip="192.0.2.200"))
    assert pays(player, ADDRESS) == "step_up"
    assert pays(player, {"device_id": "new-phone", "ip": "192.0.2.200"}, NOON + MINUTE) == "allow"


def test_elsewhere_it_is_over_after_a_week() -> None:
    player = came_in()
    assert pays(player, MOBILE, NOON + 6 * DAY) == "step_up"
    assert pays(player, MOBILE, NOON + 8 * DAY) == "allow"


@pytest.mark.parametrize("days", [8, 29, 31, 200])
@pytest.mark.parametrize("where", [BOX, ADDRESS, {"device_id": "box"}], ids=str)
def test_where_no_second_factor_came_nothing_is_proved_by_age(days: int, where: dict[str, Any]) -> None:
    player = came_in()
    for day in range(1, days):
        at_ms = NOON + day * DAY
        player.see(login(at_ms, f"own-{day}", LoginSucceeded, asn=100, user_agent="wallet/5.3", **PHONE))
        assert pays(player, PHONE, at_ms + MINUTE, "payment") in ("allow", "notify")
    assert [pays(player, where, NOON + days * DAY + number) for number in range(3)] == ["step_up"] * 3
    came_by = ADDRESS if "ip" in where else BOX
    player.see(login(NOON + days * DAY + MINUTE, "otp", ChallengePassed, **(came_by | where)))
    for day in (days, days + 1, days + 40):
        assert pays(player, where, NOON + day * DAY + HOUR, "payment", 1_000) in ("allow", "notify")
    player.stored()


def test_an_analyst_ends_it() -> None:
    player = came_in()
    assert pays(player, BOX, NOON - 2 * MINUTE, "withdrawal", 55_000) == "hold"
    case = player.obligations["a1"].cases[-1]
    act = {"action": "confirm_legit", "case_id": case.case_id, "expected_version": case.version}
    player.see(event(CaseAction, NOON - MINUTE, "act", role="analyst", actor="ana", **act))
    assert pays(player, ADDRESS) in ("allow", "notify")


def test_the_owners_face_and_document_do_not_say_who_it_was() -> None:
    player = came_in()
    check = {"method": "face_and_document", "level": 3, "passed": True, "actor": "i", "role": "identity_service"}
    player.see(event(IdentityVerified, NOON - MINUTE, "id", **check))
    assert pays(player, ADDRESS) == "step_up"
    assert pays(player, PHONE, NOON + MINUTE) == "allow"


def test_where_nobody_was_asked_nobody_has_failed_to_answer() -> None:
    """A policy that observed yesterday and enforces today asks no owner for what they were never asked for."""
    player = settled(policy('mode = "observe"\n'))
    came_in(player)
    assert pays(player, ADDRESS) == "allow"
    player.policy = policy()
    assert pays(player, ADDRESS, NOON + MINUTE) == "allow"


def test_what_has_happened_and_money_in_are_asked_nothing() -> None:
    player = came_in()
    assert verdict(player, paid(NOON, "done", 3_000, PaymentSucceeded, merchant_id="m1", **ADDRESS)) == "allow"


@pytest.mark.parametrize("where", [ADDRESS, MOBILE, HOME, {}], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_on_a_site_that_never_names_devices_nothing_is_asked_more(kind: str, where: dict[str, Any]) -> None:
    """There the owner in a new network, paying somebody for the first time, looks like anybody."""

    def nameless() -> Player:
        player = Player(policy('[locks]\nack = "assumed"\n'))
        at_home = {"ip": PHONE["ip"], "country": "CN"}
        for day in range(20):
            at_ms = NOON - (40 - day) * DAY
            player.see(login(at_ms, f"h{day}", LoginSucceeded, asn=100, user_agent="wallet/5.3", **at_home))
            player.see(paid(at_ms + HOUR, f"h{day}", 5_000, PaymentSucceeded, merchant_id="m1", **at_home))
        credit = {"entry_id": "b", "direction": "credit", "amount_minor": 60_000, "currency": "EUR", "kind": "posting"}
        player.see(event(LedgerPosted, NOON - DAY, "b", **credit))
        return player

    doubted = nameless()
    far = {"ip": BOX["ip"], "country": "US"}
    doubted.see(login(NOON - 3 * MINUTE, "in", LoginSucceeded, asn=777, user_agent="Firefox", **far))
    assert pays(doubted, where, kind=kind) == pays(nameless(), where, kind=kind)


def test_told_twice_and_in_any_order_it_is_asked_once() -> None:
    """The login that arrives after its payment cannot ask for what is gone; from then on it does."""
    player = settled()
    assert pays(player, ADDRESS, NOON) == "allow"
    came_in(player, NOON - 3 * MINUTE)
    came_in(player, NOON - 3 * MINUTE)
    assert pays(player, ADDRESS, NOON + SECOND) == "step_up"
