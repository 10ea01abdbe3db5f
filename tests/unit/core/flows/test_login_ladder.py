"""Whom do failed logins keep out, and can a stranger keep the owner out?"""

from __future__ import annotations

from support.happenings import DAY, MINUTE, NOON, login
from support.play import Player, policy

from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.logins import LoginFailed, LoginSucceeded

OWN = {"device_id": "own", "ip": "198.51.100.7"}
NEIGHBOUR = {"ip": "198.51.100.99"}  # in the owner's /24


def at_home(days=5, **where):
    """An account whose owner logged in daily."""
    player = Player(policy())
    for day in range(days):
        player.see(login(NOON - (days - day) * DAY, f"home{day}", LoginSucceeded, **(where or OWN)))
    return player


def fail(player, times, every_ms=MINUTE, at_ms=NOON, name="f", **where):
    """What failures in a row bring about."""
    effects = []
    for number in range(times):
        effects += player.see(login(at_ms + number * every_ms, f"{name}{number}", LoginFailed, **where))
    return effects


def locked_out(effects):
    """To whom locks of the login applied."""
    return {one.applies_to for one in effects if type(one) is ActionRequested and one.action == "lock"}


def states(effects):
    return [one.state for one in effects if type(one) is LocksState]


class TestStrangers:
    def test_a_neighbour_without_a_device_never_keeps_out_an_owner_who_names_one(self):
        player = at_home()
        effects = fail(player, 101, **NEIGHBOUR)
        assert locked_out(effects) == {"unknown_devices"}
        assert states(effects)[-1] == "challenged"
        own = fail(player, 5, at_ms=NOON + 102 * MINUTE, **OWN)
        assert locked_out(own) == {"known_devices"}, "the owner's own failures still count"

    def test_the_network_stands_for_a_device_where_none_was_ever_named(self):
        player = at_home(ip="198.51.100.7")
        assert locked_out(fail(player, 5, ip="198.51.100.7")) == {"known_devices"}
