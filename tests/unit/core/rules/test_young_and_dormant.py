"""Is an account judged that is too young, or too long asleep, to have habits?"""

from __future__ import annotations

import pytest
from support.features import calm
from support.happenings import DAY, NOON, login, paid
from support.play import Player, policy

from streams.adapters.policy_file import load_policy
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import LoginSucceeded
from streams.contracts.payments import PaymentRequested, PaymentSucceeded
from streams.core.rules.base import COLD, Fired
from streams.core.rules.takeover import takeover

OWN = {"device_id": "old phone", "ip": "198.51.100.7", "asn": 64_500, "country": "DE", "user_agent": "Firefox/1.0"}
NEW = OWN | {"device_id": "new phone", "ip": "192.0.2.9", "asn": 64_501}


def wakes(after_days: int, **where: str) -> str:
    player = Player(policy())
    for day in range(4):
        player.see(login(NOON + day * DAY, day, LoginSucceeded, **OWN))
    effects = player.see(login(NOON + (4 + after_days) * DAY, "wakes", LoginSucceeded, **where))
    hits = next(each for each in effects if type(each) is DecisionMade).hits
    return " ".join(hit.rule for hit in hits)


@pytest.mark.parametrize(
    ("days", "where", "asked"),
    [
        (120, NEW, True),
        (120, {**NEW, "device_id": None}, True),
        (20, NEW, False),
        (120, OWN, False),
        (120, NEW | {"ip": "198.51.100.9"}, False),
        (120, OWN | {"ip": "192.0.2.9"}, False),
    ],
    ids=["all is new", "no device", "awake", "as ever", "known network", "known device"],
)
def test_a_dormant_account_is_asked_where_neither_device_nor_network_is_known(days, where, asked):
    assert ("dormant-login/01" in wakes(days, **where)) is asked


@pytest.mark.parametrize("pays", [PaymentRequested, PaymentSucceeded])
def test_a_payment_from_a_network_makes_nobody_at_home_there(pays):
    player = Player(policy())
    for day in range(4):
        player.see(login(NOON + day * DAY, day, LoginSucceeded, **OWN))
    player.see(paid(NOON + 120 * DAY, 1, 100, pays, ip=NEW["ip"], merchant_id="m1"))
    effects = player.see(login(NOON + 121 * DAY, "wakes", LoginSucceeded, **NEW))
    assert next(each for each in effects if type(each) is DecisionMade).outcome == "step_up"


def test_an_account_that_nobody_ever_entered_is_not_asked_for_being_new():
    effects = Player(policy()).see(login(NOON, "first", LoginSucceeded, **NEW))
    assert next(each for each in effects if type(each) is DecisionMade).outcome == "allow"


@pytest.mark.parametrize("suspected", ["ip_level", "device_level", "ip_guessing", "device_guessing"])
def test_a_young_account_is_judged_by_what_others_suffered(suspected):
    table = load_policy().rules.takeover
    taken = {
        "device_age_days": 0.0, "since_credential_change_s": 60.0, "payee_new": 1.0, "balance_share": 0.9,
        "account_events": 1.0, "observed_days": 0.5,
    }  # fmt: skip
    event = paid(NOON, 1, device_id="thief")
    assert takeover(event, NOON, calm(**taken), table) is COLD
    found = takeover(event, NOON, calm(**taken, **{suspected: 1.0}), table)
    assert isinstance(found, Fired)
    assert found.band == 3
