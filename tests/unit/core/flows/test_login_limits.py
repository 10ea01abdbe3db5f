"""What does the owner hear after a login of the second band of its risk?"""

from __future__ import annotations

import msgspec
from support.happenings import DAY, NOON, login
from support.play import NO_MODEL, PHONE, policy, settled

from streams.contracts.actions import ActionRequested
from streams.contracts.cases import NotificationRequested
from streams.contracts.decisions import Hit
from streams.contracts.logins import LoginSucceeded
from streams.core import pipeline
from streams.core.messages.render import instant
from streams.core.steps import DecideContext


def test_the_limit_is_told_with_its_end() -> None:
    enforcing = policy('[locks]\nack = "assumed"\n')
    player = settled(enforcing)
    player.see(login(NOON, "in", LoginSucceeded, asn=100, user_agent="wallet/5.3", **PHONE))
    limiting = msgspec.structs.replace(player.prepared, hits=(Hit(rule="login-risk/02", outcome="step_up"),))
    context = DecideContext("a1", 0, 1, NOON, NOON, player.feeds)
    effects = pipeline.decide(player.obligations["a1"], limiting, NO_MODEL, enforcing, context)
    assert [each.action for each in effects if type(each) is ActionRequested] == ["limit"]
    told = [(each.template, each.parameters) for each in effects if type(each) is NotificationRequested]
    assert told == [("fraud_alert.login_limited", {"time": instant(NOON), "until": instant(NOON + DAY)})]
