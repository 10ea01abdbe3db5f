"""The owner has passed a check of face and document: who goes on, who is put out, and whose word counts then?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login, paid
from support.play import PHONE, Player, policy, settled

from streams.contracts.accounts import CustomerConfirmed, IdentityVerified, UserReport
from streams.contracts.actions import ActionRequested
from streams.contracts.cases import NotificationRequested
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.logins import ChallengePassed, ChallengeSent, CredentialChanged, LoginFailed, LoginSucceeded
from streams.contracts.payments import TransferRequested
from streams.core.flows.trail import SUSPECT_PAYMENTS
from streams.core.locks.account_states import state_of
from streams.core.steps import Effect

ASSUMED = policy('[locks]\nack = "assumed"\n')
BOX: dict[str, Any] = {"device_id": "box", "ip": "198.51.100.9", "country": "CN"}
ABROAD: dict[str, Any] = {"device_id": "box", "ip": "192.0.2.9", "country": "US"}


def logs_in(player: Player, at_ms: int, where: dict[str, Any] = BOX) -> list[Effect]:
    return player.see(login(at_ms, f"in-{at_ms}", LoginSucceeded, asn=100, user_agent="wallet/5.3", **where))


def changes(player: Player, at_ms: int, what: str, where: dict[str, Any] = BOX) -> list[Effect]:
    return player.see(login(at_ms, f"{what}-{at_ms}", CredentialChanged, reason=what, **where))


def sends(player: Player, at_ms: int, minor: int, where: dict[str, Any] = BOX, to: str = "mule") -> str:
    sent = paid(at_ms, f"t-{at_ms}", minor, TransferRequested, counterparty_id=to, **where)
    return [each.outcome for each in player.see(sent) if type(each) is DecisionMade][-1]


def checked(
    player: Player,
    at_ms: int,
    method: str = "face_and_document",
    *,
    passed: bool = True,
    device_id: str | None = None,
) -> list[Effect]:
    by = {"level": 3, "actor": "idv", "role": "identity_service", "device_id": device_id}
    return player.see(event(IdentityVerified, at_ms, f"id-{at_ms}", method=method, passed=passed, **by))


def says_yes(player: Player, at_ms: int, payment_id: str, device_id: str | None) -> bool:
    said = {"channel": "app", "answer": "yes", "payment_id": payment_id, "device_id": device_id}
    effects = player.see(event(CustomerConfirmed, at_ms, f"yes-{at_ms}", **said))
    return any(type(each) is DecisionAmended and each.outcome == "allow" for each in effects)


def state(player: Player) -> str:
    return state_of(player.obligations["a1"].locks, closed=False)


def commands(effects: list[Effect]) -> list[str]:
    return [each.action for each in effects if type(each) is ActionRequested]


def told(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if type(each) is NotificationRequested]


def taken_over(*, factor: bool = False) -> Player:
    """A new device in the owner's country changes password and telephone, and is stopped with the first transfer."""
    player = settled(ASSUMED)
    logs_in(player, NOON)
    if factor:
        player.see(login(NOON + SECOND, "sms", ChallengePassed, reason="sms", **BOX))
    changes(player, NOON + MINUTE, "password")
    changes(player, NOON + 2 * MINUTE, "phone")
    assert (sends(player, NOON + 3 * MINUTE, 300_000), state(player)) == ("block", "restricted")
    return player


def test_the_check_puts_out_who_came_in_and_the_owner_hears_what_to_set_anew() -> None:
    effects = checked(taken_over(), NOON + HOUR)
    assert sorted(commands(effects)) == ["end_sessions", "limit", "unlock"]
    assert "unlocked.renew.limited" in told(effects)


def test_the_thief_gets_no_further_than_before_the_check_and_the_owner_pays() -> None:
    player = taken_over()
    checked(player, NOON + HOUR)
    assert sends(player, NOON + 2 * HOUR, 5_000, PHONE, "landlord") == "allow"
    assert sends(player, NOON + 3 * HOUR, 20_000) == "block"
    logs_in(player, NOON + 4 * HOUR)
    assert sends(player, NOON + 5 * HOUR, 20_000, to="second") == "block"


@pytest.mark.parametrize(("device", "counts"), [("box", False), (None, False), (PHONE["device_id"], True)])
def test_a_yes_after_the_check_counts_from_a_device_older_than_the_doubt(device: str | None, counts: bool) -> None:
    """Somebody has come in abroad, gave no second factor, and goes on after the owner's check."""
    player = settled(ASSUMED)
    logs_in(player, NOON, ABROAD)
    checked(player, NOON + HOUR)
    held_ms = NOON + 2 * HOUR
    assert sends(player, held_ms, 300_000, ABROAD) == "hold"
    assert says_yes(player, held_ms + MINUTE, f"pt-{held_ms}", device) is counts


@pytest.mark.parametrize("factor", ["before the change", "after it"])
def test_a_second_factor_vouches_for_a_change_only_if_it_was_given_before(factor: str) -> None:
    """After it the thief has changed where it is sent. An owner with a new phone has given it, and is let go on."""
    player = taken_over(factor=factor == "before the change")
    if factor == "after it":
        logs_in(player, NOON + 10 * MINUTE)
        player.see(login(NOON + 11 * MINUTE, "sms", ChallengePassed, reason="sms", **BOX))
    effects = checked(player, NOON + HOUR)
    assert ("end_sessions" in commands(effects)) is (factor == "after it")
    assert (sends(player, NOON + 2 * HOUR, 20_000) == "block") is (factor == "after it")


def test_a_second_factor_after_the_check_ends_the_doubt_about_a_login() -> None:
    player = settled(ASSUMED)
    assert "step_up" in [each.outcome for each in logs_in(player, NOON, ABROAD) if type(each) is DecisionMade]
    checked(player, NOON + HOUR)
    assert sends(player, NOON + HOUR + MINUTE, 3_000, ABROAD) == "step_up"
    logs_in(player, NOON + 2 * HOUR, ABROAD)
    player.see(login(NOON + 2 * HOUR + MINUTE, "sms", ChallengePassed, reason="sms", **ABROAD))
    assert player.obligations["a1"].settled_ms == NOON + HOUR


def test_a_check_that_failed_afterwards_takes_it_back() -> None:
    player = taken_over(factor=True)
    checked(player, NOON + HOUR)
    checked(player, NOON + HOUR + MINUTE, passed=False)
    assert player.obligations["a1"].settled_ms == 0


def test_nobody_is_put_out_where_nobody_is_doubted() -> None:
    """Somebody writes that the account was stolen, and its owner is at home."""
    player = settled(policy('[locks]\nack = "assumed"\nunverified_report = "restrict"\n'))
    player.see(event(UserReport, NOON, "mail", channel="email", kind="stolen"))
    assert state(player) == "restricted"
    effects = checked(player, NOON + HOUR)
    assert sorted(commands(effects)) == ["limit", "unlock"]
    assert "unlocked.limited" in told(effects)


def test_a_one_time_password_is_no_check_of_face_and_document() -> None:
    player = taken_over()
    assert commands(checked(player, NOON + HOUR, "otp")) == []
    assert state(player) == "restricted"


@pytest.mark.parametrize("late_s", [0, 90, 800])
def test_what_was_moved_before_the_login_is_heard_of_is_on_the_list(late_s: int) -> None:
    """Logins and payments come from different producers: the movement is decided about first."""
    player = settled(ASSUMED)
    earlier = NOON - 4 * MINUTE
    sends(player, earlier, 5_000, PHONE, "landlord")
    if not late_s:
        logs_in(player, NOON)
        changes(player, NOON + SECOND, "password")
    sends(player, NOON + MINUTE, 20_000)
    if late_s:
        player.pass_until(NOON + late_s * SECOND)
        logs_in(player, NOON)
        changes(player, NOON + SECOND, "password")
    player.see(event(UserReport, NOON + HOUR, "stolen", channel="phone", kind="stolen"))
    (case,) = [each for each in player.obligations["a1"].cases if each.flow == "F23"]
    moved = [line.at_ms for line in case.lines if line.kind == "transfer.requested"]
    assert (case.counters[SUSPECT_PAYMENTS], moved) == (1, [NOON + MINUTE])


HOME: dict[str, Any] = {"ip": PHONE["ip"], "country": "CN"}
ELSEWHERE: dict[str, Any] = {"ip": "192.0.2.9", "country": "CN"}


def without_devices() -> Player:
    """An account that never named a device, which somebody enters from elsewhere."""
    player = Player(ASSUMED)
    for day in range(20):
        logs_in(player, NOON - (40 - day) * DAY, HOME)
        player.see(paid(NOON - (40 - day) * DAY + HOUR, f"home-{day}", 5000, merchant_id="m1", **HOME))
    logs_in(player, NOON, ELSEWHERE)
    return player


@pytest.mark.parametrize(("where", "counts"), [(ELSEWHERE, False), (HOME, True)])
def test_on_an_account_without_devices_the_network_says_whose_yes_counts(where: dict[str, Any], counts: bool) -> None:
    player = without_devices()
    changes(player, NOON + HOUR, "phone", ELSEWHERE)
    assert "end_sessions" in commands(checked(player, NOON + 2 * HOUR))
    held_ms = NOON + 26 * HOUR
    assert sends(player, held_ms, 300_000, where) == "hold"
    assert says_yes(player, held_ms + MINUTE, f"pt-{held_ms}", None) is counts


def test_a_change_from_a_network_of_today_is_doubted_where_no_device_is_named() -> None:
    """Whoever is in has logged in from there a minute before."""
    player = without_devices()
    changes(player, NOON + 2 * MINUTE, "password", ELSEWHERE)
    changes(player, NOON + 3 * MINUTE, "phone", HOME)
    lines = [line.text for line in player.obligations["a1"].trail if line.kind == "credential.changed"]
    assert lines == ["password changed from 192.0.2.9", "phone changed from 203.0.113.7"]


NEW: dict[str, Any] = PHONE | {"device_id": "phone-2"}


def gives_factor(player: Player, at_ms: int, where: dict[str, Any] = NEW) -> None:
    player.see(login(at_ms, f"otp-{at_ms}", ChallengePassed, reason="otp", **where))


def moved() -> Player:
    """The owner has a new phone and no old one, changes the password on it, and is stopped with the rent."""
    player = settled(ASSUMED)
    logs_in(player, NOON, NEW)
    changes(player, NOON + MINUTE, "password", NEW)
    assert (sends(player, NOON + 3 * MINUTE, 300_000, NEW, "landlord"), state(player)) == ("block", "restricted")
    return player


@pytest.mark.parametrize("first", ["the factor", "the new password"])
def test_an_owner_with_a_new_phone_is_through_with_one_check_a_factor_and_a_new_password(first: str) -> None:
    player = moved()
    assert "unlocked.renew.limited" in told(checked(player, NOON + HOUR))
    if first == "the new password":
        changes(player, NOON + HOUR + MINUTE, "password", NEW)
    logs_in(player, NOON + HOUR + 2 * MINUTE, NEW)
    gives_factor(player, NOON + HOUR + 3 * MINUTE)
    if first == "the factor":
        changes(player, NOON + HOUR + 4 * MINUTE, "password", NEW)
    held_ms = NOON + 2 * HOUR
    assert (sends(player, held_ms, 300_000, NEW, "landlord"), state(player)) == ("hold", "recovering")
    assert says_yes(player, held_ms + MINUTE, f"pt-{held_ms}", "phone-2")


def test_who_follows_what_the_answer_to_a_yes_says_is_through() -> None:
    """A day after the change: sign in with a second factor, pass the check, answer again."""
    player = settled(ASSUMED)
    logs_in(player, NOON, NEW)
    changes(player, NOON + MINUTE, "password", NEW)
    held_ms = NOON + 29 * HOUR
    assert sends(player, held_ms, 300_000, NEW, "landlord") == "hold"
    assert not says_yes(player, held_ms + MINUTE, f"pt-{held_ms}", "phone-2")
    logs_in(player, held_ms + 2 * MINUTE, NEW)
    gives_factor(player, held_ms + 3 * MINUTE)
    checked(player, held_ms + 4 * MINUTE)
    assert says_yes(player, held_ms + 5 * MINUTE, f"pt-{held_ms}", "phone-2")


@pytest.mark.parametrize("changed", [False, True])
def test_a_stranger_who_never_answers_keeps_nobody_out_who_does(changed: bool) -> None:
    """Somebody has the password, comes in, is asked, and gives nothing: once an hour before, and once after."""
    player = settled(ASSUMED)
    logs_in(player, NOON, ABROAD)
    logs_in(player, NOON + HOUR, NEW)
    gives_factor(player, NOON + HOUR + MINUTE)
    if changed:
        changes(player, NOON + HOUR + 2 * MINUTE, "password", NEW)
    sends(player, NOON + 2 * HOUR, 300_000, NEW, "landlord")
    checked(player, NOON + 3 * HOUR)
    for day in (1, 4):
        logs_in(player, NOON + day * DAY - HOUR, ABROAD)
        held_ms = NOON + day * DAY
        assert (sends(player, held_ms, 300_000, NEW, f"new-{day}"), state(player) == "restricted") == ("hold", False)
        assert says_yes(player, held_ms + MINUTE, f"pt-{held_ms}", "phone-2")
        assert sends(player, held_ms + HOUR, 20_000, ABROAD) >= "step_up"


@pytest.mark.parametrize(("device", "counts"), [(None, True), ("phone-2", True), ("box", False), ("phone", False)])
def test_a_check_vouches_for_the_device_on_which_it_was_passed(device: str | None, counts: bool) -> None:
    """Two came in, one of them gave a second factor, and the check may have been passed on either, or on another."""
    player = settled(ASSUMED)
    logs_in(player, NOON, ABROAD)
    logs_in(player, NOON + HOUR, NEW)
    gives_factor(player, NOON + HOUR + MINUTE)
    checked(player, NOON + 3 * HOUR, device_id=device)
    held_ms = NOON + DAY
    assert sends(player, held_ms, 300_000, NEW, "landlord") == "hold"
    assert says_yes(player, held_ms + MINUTE, f"pt-{held_ms}", "phone-2") is counts
    assert says_yes(player, held_ms + 2 * MINUTE, f"pt-{held_ms}", PHONE["device_id"]) is not counts


def test_a_factor_that_the_thief_has_sent_elsewhere_vouches_for_nobody() -> None:
    """The thief goes on as the message asks the owner to."""
    player = taken_over()
    checked(player, NOON + HOUR)
    logs_in(player, NOON + HOUR + MINUTE)
    gives_factor(player, NOON + HOUR + 2 * MINUTE, BOX)
    changes(player, NOON + HOUR + 3 * MINUTE, "password")
    assert (sends(player, NOON + 2 * HOUR, 300_000), state(player)) == ("block", "restricted")


@pytest.mark.parametrize("again", [False, True])
def test_what_the_owner_sets_anew_counts_unless_the_thief_goes_on_changing(again: bool) -> None:
    """The thief on another device has the password alone, and the owner a new phone."""
    player = settled(ASSUMED)
    logs_in(player, NOON)
    changes(player, NOON + MINUTE, "password")
    logs_in(player, NOON + 2 * MINUTE, NEW)
    assert (sends(player, NOON + 5 * MINUTE, 300_000, NEW, "landlord"), state(player)) == ("block", "restricted")
    checked(player, NOON + HOUR)
    if again:
        logs_in(player, NOON + HOUR + SECOND)
        changes(player, NOON + HOUR + 2 * SECOND, "payee")
    logs_in(player, NOON + HOUR + MINUTE, NEW)
    gives_factor(player, NOON + HOUR + 2 * MINUTE)
    changes(player, NOON + HOUR + 3 * MINUTE, "password", NEW)
    assert sends(player, NOON + 2 * HOUR, 300_000, NEW, "landlord") == ("block" if again else "hold")


@pytest.mark.parametrize(("prompts", "is_out"), [(1, False), (9, True)])
def test_a_prompt_that_was_approved_after_many_vouches_for_nobody(prompts: int, is_out: bool) -> None:
    player = settled(ASSUMED)
    logs_in(player, NOON, ABROAD)
    for number in range(prompts):
        player.see(login(NOON + (number + 1) * SECOND, f"p{number}", ChallengeSent, reason="push", **ABROAD))
    player.see(login(NOON + 30 * SECOND, "approved", ChallengePassed, reason="push", **ABROAD))
    changes(player, NOON + MINUTE, "phone", ABROAD)
    effects = checked(player, NOON + HOUR)
    assert ("end_sessions" in commands(effects)) is is_out


def test_who_comes_in_after_the_check_is_not_vouched_for_by_it() -> None:
    player = moved()
    checked(player, NOON + HOUR)
    logs_in(player, NOON + 2 * HOUR)
    gives_factor(player, NOON + 2 * HOUR + MINUTE, BOX)
    changes(player, NOON + 2 * HOUR + 2 * MINUTE, "password")
    assert (sends(player, NOON + 3 * HOUR, 300_000), state(player)) == ("block", "restricted")


@pytest.mark.parametrize(("after_ms", "locked"), [(HOUR, True), (30 * HOUR, False)])
def test_a_check_without_a_restriction_puts_out_who_changed_things(after_ms: int, locked: bool) -> None:
    player = settled(ASSUMED)
    logs_in(player, NOON)
    changes(player, NOON + MINUTE, "password")
    assert (state(player) == "recovering") is True
    player.pass_until(NOON + after_ms)
    assert bool(player.obligations["a1"].locks) is locked
    effects = checked(player, NOON + after_ms)
    assert commands(effects) == ["end_sessions"]
    assert told(effects) == ["identity.renew"]


def test_a_check_that_ends_the_wait_of_a_forgotten_password_says_what_to_set_anew() -> None:
    """The thief has changed it, and the owner types the old one."""
    player = settled(ASSUMED)
    logs_in(player, NOON)
    changes(player, NOON + MINUTE, "password")
    for number in range(10):
        player.see(login(NOON + HOUR + number * MINUTE, f"f{number}", LoginFailed, reason="wrong_password", **PHONE))
    assert state(player) == "soft_lock"
    effects = checked(player, NOON + HOUR + 11 * MINUTE)
    assert sorted(commands(effects)) == ["end_sessions", "unlock"]
    assert "unlocked.renew.limited" in told(effects)
