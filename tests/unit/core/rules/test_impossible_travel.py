"""Is a journey that nobody can make noticed, and a network that moves people who sit still left out of it?"""

from __future__ import annotations

from support.happenings import HOUR, NOON, login
from support.play import Player, policy

from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import LoginSucceeded

BERLIN = {"ip": "198.51.100.7", "asn": 64_500, "latitude": 52.52, "longitude": 13.40}
SYDNEY = {"ip": "192.0.2.9", "asn": 64_501, "latitude": -33.87, "longitude": 151.21}
LISTED = policy("[rules.impossible_travel]\nplaceless_systems = [64501]\n")


def journeys(rules, *stays: dict[str, object]) -> list[bool]:
    """For logins an hour apart, each on another device: is it taken for a journey?"""
    player, found = Player(rules), []
    for hour, where in enumerate(stays):
        event = login(NOON + hour * HOUR, hour, LoginSucceeded, device_id=f"device-{hour}", **where)
        made = next(each for each in player.see(event) if type(each) is DecisionMade)
        found.append(any(hit.rule.startswith("impossible-travel/") for hit in made.hits))
    return found


def test_nobody_flies_from_berlin_to_sydney_within_an_hour():
    assert journeys(policy(), BERLIN, SYDNEY) == [False, True]


def test_through_a_listed_system_nobody_has_travelled_neither_there_nor_back():
    assert journeys(LISTED, BERLIN, SYDNEY, BERLIN) == [False, False, False]


def test_a_journey_past_a_listed_system_counts_from_the_last_known_place():
    assert journeys(LISTED, BERLIN, SYDNEY, SYDNEY | {"asn": 64_502}) == [False, False, True]
