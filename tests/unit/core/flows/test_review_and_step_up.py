"""Does money wait for the second factor that one voice asks for, although another one only asks for a review?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import MINUTE, NOON, SECOND, login, paid
from support.play import NO_MODEL, Player, policy, settled

from streams.contracts.base import Event
from streams.contracts.cases import NotificationRequested
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.logins import ChallengePassed
from streams.contracts.payments import TransferRequested, TransferSucceeded
from streams.core.score import Score

AWAY: dict[str, Any] = {"device_id": "box", "ip": "198.51.100.9", "country": "US"}
HOME: dict[str, Any] = {"device_id": "phone", "ip": "203.0.113.7", "country": "CN"}
RULE = """[[rule]]
name = "own"
asks = "Is this a transfer of more than 5?"
events = ["transfer"]
when = ["amount > 5"]
outcomes = ["{}"]
reasons = ["R01"]
mode = "{}"
"""


def outcome(player: Player, event: Event) -> str:
    return [each for each in player.see(event) if type(each) is DecisionMade][-1].outcome


def part(number: int, kind: type = TransferRequested) -> Event:
    return paid(NOON + number * MINUTE, f"t{number}", 8_000, kind, counterparty_id=f"mule{number}", **AWAY)


def test_no_part_of_a_theft_leaves_because_people_are_to_look_at_it() -> None:
    player = settled()
    assert [outcome(player, part(number)) for number in range(7)] == ["step_up"] * 7
    owed = player.obligations["a1"]
    assert [case.flow for case in owed.cases] == ["F24"]
    assert owed.holds
    ended = [each for each in player.pass_until(NOON + 60 * MINUTE) if type(each) is DecisionAmended]
    assert {each.outcome for each in ended} == {"block"}


def test_the_second_factor_lets_it_go_and_people_look_all_the_same() -> None:
    player = settled()
    for number in range(5):
        player.see(part(number))
    case = player.obligations["a1"].cases[-1]
    effects = player.see(login(NOON + 4 * MINUTE + SECOND, "otp", ChallengePassed, **AWAY))
    assert {each.outcome for each in effects if type(each) is DecisionAmended} == {"allow"}
    assert case.is_open


def test_what_has_happened_is_only_looked_at() -> None:
    player = settled()
    for number in range(4):
        player.see(part(number))
    assert outcome(player, part(4, TransferSucceeded)) == "review"


@pytest.mark.parametrize(("score", "rule", "done"), [(0.6, "review", "step_up"), (0.8, "step_up", "step_up")])
@pytest.mark.parametrize("mode", ["inherit", "enforce"])
def test_the_models_word_counts_like_a_rules(score: float, rule: str, done: str, mode: str) -> None:
    player = settled(policy(RULE.format(rule, mode)))
    player._scorer = lambda _: Score(score, "m")
    assert outcome(player, paid(NOON, "t", 1_000, TransferRequested, counterparty_id="x", **HOME)) == done
    assert player.obligations["a1"].cases


@pytest.mark.parametrize("score", [None, 0.8])
def test_who_is_only_reviewed_is_not_asked(score: float | None) -> None:
    player = settled(policy(RULE.format("review", "inherit")))
    player._scorer = lambda _: NO_MODEL if score is None else Score(score, "m")
    effects = player.see(paid(NOON, "t", 1_000, TransferRequested, counterparty_id="x", **HOME))
    assert [each.outcome for each in effects if type(each) is DecisionMade] == ["review"]
    assert [each.template for each in effects if type(each) is NotificationRequested] == ["fraud_alert.question"]


def test_under_an_observing_policy_only_the_rule_that_enforces_is_heard() -> None:
    """The model, which only observes there, makes nobody wait."""
    player = settled(policy('mode = "observe"\n', RULE.format("review", "enforce")))
    player._scorer = lambda _: Score(0.6, "m")
    assert outcome(player, paid(NOON, "t", 1_000, TransferRequested, counterparty_id="x", **HOME)) == "review"
    assert player.obligations["a1"].holds == []
