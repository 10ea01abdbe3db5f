"""Is a customer who is worn down by prompts noticed, and one who only logs in often left in peace?"""

from __future__ import annotations

import pytest
from support.happenings import DAY, MINUTE, NOON, login
from support.play import Player, policy

from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengeSent, LoginSucceeded

HOME = {"device_id": "phone", "ip": "198.51.100.7"}
STRANGER = {"device_id": "bot", "ip": "203.0.113.9"}


@pytest.mark.parametrize(
    ("reason", "where", "asked"),
    [("push", STRANGER, [4, 5]), ("push", HOME, []), ("sms", STRANGER, [])],
    ids=["a stranger's prompts", "on the own phone", "codes"],
)
def test_a_strangers_fourth_prompt_within_an_hour_is_one_too_many(reason, where, asked):
    player = Player(policy())
    player.see(login(NOON - DAY, "home", LoginSucceeded, **HOME))
    found = []
    for number in range(1, 6):
        effects = player.see(login(NOON + number * 3 * MINUTE, number, ChallengeSent, reason=reason, **where))
        if any(type(each) is DecisionMade and each.outcome == "step_up" for each in effects):
            found.append(number)
    assert found == asked
