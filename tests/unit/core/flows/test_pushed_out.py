"""Does traffic end a doubt? The trail is short, and whoever is in can log in as often as they like."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login, paid
from support.play import PHONE, Player, policy, settled

from streams.contracts.accounts import CustomerConfirmed, IdentityVerified, UserReport
from streams.contracts.actions import ActionRequested
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.logins import ChallengePassed, CredentialChanged, LoginSucceeded
from streams.contracts.payments import TransferRequested
from streams.core.flows import came
from streams.core.obligations import CAME_MAX, Trace
from streams.core.steps import Effect

ASSUMED = policy('[locks]\nack = "assumed"\n')
THIEF: dict[str, Any] = {"device_id": "box", "ip": "198.51.100.9", "country": "CN"}
ABROAD: dict[str, Any] = {"device_id": "tablet", "ip": "192.0.2.9", "country": "US"}


def logs_in(player: Player, at_ms: int, where: dict[str, Any] = THIEF) -> list[Effect]:
    return player.see(login(at_ms, f"in-{at_ms}", LoginSucceeded, asn=100, user_agent="wallet/5.3", **where))


def changes(player: Player, at_ms: int, what: str, where: dict[str, Any] = THIEF) -> list[Effect]:
    return player.see(login(at_ms, f"{what}-{at_ms}", CredentialChanged, reason=what, **where))


def sends(player: Player, at_ms: int, minor: int, where: dict[str, Any] = THIEF) -> str:
    sent = paid(at_ms, f"t-{at_ms}", minor, TransferRequested, counterparty_id="mule", **where)
    return [each.outcome for each in player.see(sent) if type(each) is DecisionMade][-1]


def checked(player: Player, at_ms: int) -> list[Effect]:
    by = {"method": "face_and_document", "level": 3, "actor": "idv", "role": "identity_service"}
    return player.see(event(IdentityVerified, at_ms, f"id-{at_ms}", passed=True, **by))


def is_released(player: Player, at_ms: int, payment_id: str, device_id: str | None) -> bool:
    said = {"channel": "app", "answer": "yes", "payment_id": payment_id, "device_id": device_id}
    effects = player.see(event(CustomerConfirmed, at_ms, f"yes-{at_ms}", **said))
    return any(type(each) is DecisionAmended and each.outcome == "allow" for each in effects)


def taken_over(more: str) -> Player:
    """Somebody changes password and telephone on a new device, and goes on in a way that fills the trail."""
    player = settled(ASSUMED)
    logs_in(player, NOON)
    changes(player, NOON + MINUTE, "phone")
    changes(player, NOON + MINUTE + SECOND, "password")
    if more == "changes":
        logs_in(player, NOON + 2 * MINUTE)
        player.see(login(NOON + 2 * MINUTE + SECOND, "sms", ChallengePassed, reason="sms", **THIEF))
    for number in range(20):
        at_ms = NOON + 5 * MINUTE + number * 10 * SECOND
        if more == "changes":
            changes(player, at_ms, ("email", "payee", "password", "second_factor")[number % 4])
        elif more == "devices":
            logs_in(player, at_ms, THIEF | {"device_id": f"box-{number}"})
        elif more == "logins":
            logs_in(player, at_ms)
    return player


MORE = ["nothing", "logins", "changes", "devices"]


@pytest.mark.parametrize("more", MORE)
def test_the_owners_check_puts_out_whoever_fills_the_trail(more: str) -> None:
    player = taken_over(more)
    assert sends(player, NOON + 20 * MINUTE, 300_000) == "block"
    effects = checked(player, NOON + HOUR)
    assert "end_sessions" in [each.action for each in effects if type(each) is ActionRequested]
    assert sends(player, NOON + 2 * HOUR, 20_000) == "block"


@pytest.mark.parametrize("more", MORE)
def test_a_day_later_the_yes_of_that_device_releases_nothing(more: str) -> None:
    player = taken_over(more)
    later = NOON + DAY + 3 * HOUR
    assert sends(player, later, 300_000) == "hold"
    assert not is_released(player, later + MINUTE, f"pt-{later}", "box")


def asked_before_the_owners_logins() -> Player:
    player = settled(ASSUMED)
    logs_in(player, NOON, PHONE | {"device_id": "phone-2"})
    logs_in(player, NOON + HOUR, ABROAD)
    for number in range(20):
        logs_in(player, NOON + 2 * HOUR + number * MINUTE, PHONE | {"device_id": "phone-2"})
    return player


def test_the_owners_own_logins_do_not_hide_who_was_asked_and_gave_nothing() -> None:
    player = asked_before_the_owners_logins()
    assert sends(player, NOON + 6 * HOUR, 3_000, ABROAD) == "step_up"
    held_ms = NOON + 7 * HOUR
    assert sends(player, held_ms, 300_000, ABROAD) == "hold"
    assert not is_released(player, held_ms + MINUTE, f"pt-{held_ms}", "tablet")


def test_the_list_of_a_theft_has_who_was_asked_whatever_the_owner_does_then() -> None:
    player = asked_before_the_owners_logins()
    player.see(event(UserReport, NOON + 8 * HOUR, "stolen", channel="phone", kind="stolen"))
    (case,) = [each for each in player.obligations["a1"].cases if each.flow == "F23"]
    entries = [line.text.split(",")[0] for line in case.lines if line.kind == "login.succeeded"]
    assert entries[:2] == ["new device", "step_up"]


ENTRIES = st.builds(
    Trace,
    st.integers(0, 10**6).map(lambda each: NOON + each),
    st.sampled_from(["login.succeeded", "session.used", "device.bound", "credential.changed", "card.bound"]),
    st.just("id" * 40),
    st.just("text"),
    doubted=st.booleans(),
    device=st.integers(0, 40),
    address=st.integers(0, 40),
    answered=st.booleans(),
    asked=st.booleans(),
    stopped=st.booleans(),
)


@settings(max_examples=100, deadline=None)
@given(entries=st.lists(ENTRIES, max_size=60), settled_ms=st.sampled_from([0, NOON + 5 * 10**5]))
def test_what_is_kept_is_little_and_tells_since_when_and_until_when_somebody_is_doubted(
    entries: list[Trace], settled_ms: int
) -> None:
    some = came.kept(entries, NOON + DAY, settled_ms)
    one_by_one: list[Trace] = []
    for each in entries:
        one_by_one = came.kept([*one_by_one, each], NOON + DAY, settled_ms)
    for kept in (some, one_by_one):
        assert len(kept) <= CAME_MAX
        assert not any(each.event_id or each.text for each in kept)
        assert doubted(kept, settled_ms) == doubted(entries, settled_ms)


def test_whoever_answered_stays_answered_without_a_place_and_vouches_for_nobody_else() -> None:
    own = Trace(NOON, "login.succeeded", "id", "text", doubted=True, device=99, address=99, answered=True, asked=True)
    own.answered_ms = NOON + MINUTE
    strangers = [
        Trace(NOON + n * MINUTE, "login.succeeded", "id", "t", doubted=True, asked=True, device=n, address=n)
        for n in range(1, 41)
    ]
    kept = came.kept([own, *strangers], NOON + DAY, 0)
    assert [each.at_ms for each in kept if each.answered] == [NOON]
    assert kept[0].address == came.NOWHERE
    assert came.unvouched(kept) == kept[1:]


def test_doubts_that_are_over_make_room_for_new_ones_however_many_have_lost_their_place() -> None:
    kept: list[Trace] = []
    kinds = ["login.succeeded", "session.used", "credential.changed"]
    for number in range(160):
        at_ms = NOON + number * MINUTE
        settled_ms = NOON + number // 40 * 40 * MINUTE  # a check in between, again and again
        kind, is_doubted = kinds[number % 3], number % 5 > 0
        stopped = is_doubted and number % 3 == 0 and number % 2 > 0
        place = {"device": number + 1, "address": number + 1}
        entry = Trace(at_ms, kind, "id", "text", doubted=is_doubted, asked=is_doubted, stopped=stopped, **place)
        kept = came.kept([*kept, entry], at_ms, settled_ms)
        assert len(kept) <= CAME_MAX


def doubted(entries: list[Trace], after_ms: int) -> list[int]:
    """Since when and until when somebody is doubted, later than this."""
    times = [each.at_ms for each in entries if each.doubted and each.at_ms > after_ms]
    return [min(times), max(times)] if times else []
