"""Does it help an attacker to say less than the owner does, and does it harm an owner who never said more?"""

from __future__ import annotations

from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.happenings import DAY, MINUTE, NOON, SECOND, login
from support.play import Player, policy

from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengePassed, LoginFailed, LoginSucceeded
from streams.core.features import features_of
from streams.core.login_risk.context import context_of
from streams.core.login_risk.frequencies import Frequencies, count
from streams.core.login_risk.history import LoginHistory, is_unlike, learn
from streams.core.login_risk.score import ratio_of
from streams.core.risk import no_risk

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
TODAY = NOON // DAY
OWN = {"device_id": "own", "ip": "198.51.100.7", "asn": 64_500, "country": "DE", "user_agent": IPHONE}
BARE = {"ip": "192.0.2.9"}  # an attacker whose program names nothing


@cache
def everybody():
    """The logins of 150 others, from the same systems and country and with the same program."""
    known, histories = Frequencies(), [LoginHistory() for _ in range(150)]
    for number in range(2_400):
        user = number % 150
        moved = number % 7 == 0
        context = context_of(
            login(
                NOON,
                number,
                LoginSucceeded,
                ip=f"10.{number % 250}.{user}.1" if moved else f"10.251.{user}.1",
                asn=64_500 + user % 5,
                country="DE",
                user_agent=IPHONE,
                device_id=f"device-{user}" if number % 50 else f"new-{number}",
            )
        )
        count(known, context, str(number), TODAY, histories[user])
        learn(histories[user], context, TODAY)
    return msgspec.msgpack.encode(known)


def at_home(days=10, **where):
    """An owner who logged in daily, on a site where many others do."""
    player = Player(policy())
    player.frequencies = msgspec.msgpack.decode(everybody(), type=Frequencies)
    for day in range(days):
        at_ms = NOON - (days - day) * DAY
        player.see(login(at_ms - SECOND, f"proof{day}", ChallengePassed, **(where or OWN)))
        player.see(login(at_ms, f"home{day}", LoginSucceeded, **(where or OWN)))
    return player


def enters(player, at_ms=NOON, name="in", **where):
    told = player.see(login(at_ms, name, LoginSucceeded, **where))
    return next(one for one in told if type(one) is DecisionMade)


def account_of(player):
    (account,) = player.observations.values()
    return account


def learnt(player):
    """Everything that could make somebody known."""
    account = account_of(player)
    history = account.login_history
    return (
        account.trusted,
        account.login_networks,
        account.agents,
        account.systems,
        account.ips,
        account.countries,
        history.addresses,
        history.agents,
        history.devices,
    )


class TestWhoLeavesOutTheDevice:
    @pytest.mark.parametrize("where", [BARE, {**BARE, "asn": 64_500}, {**OWN, "ip": "192.0.2.9", "device_id": None}])
    def test_is_an_unknown_device_and_asked(self, where):
        player = at_home()
        assert enters(player, NOON - MINUTE, "owner", **OWN).outcome == "allow"
        decision = enters(player, **where)
        assert decision.outcome in ("step_up", "block")
        assert any(hit.rule.startswith("login-risk/") for hit in decision.hits)

    def test_scores_no_better_than_with_a_device_of_his_own(self):
        player = at_home()
        account, known = account_of(player), player.frequencies

        def ratio(**where):
            event = login(NOON, "x", LoginSucceeded, **(OWN | {"ip": "192.0.2.9"} | where))
            return features_of(account, event, NOON, no_risk, frequencies=known).login_risk

        assert ratio(device_id=None) >= ratio(device_id="thief's")
        assert ratio(device_id=None, user_agent=None) >= ratio(device_id="thief's")

    def test_makes_nothing_known_however_often_and_from_wherever(self):
        player = at_home()
        before = learnt(player)
        for number in range(30):
            enters(player, NOON + number * DAY, f"in{number}", ip=OWN["ip"] if number % 2 else "192.0.2.9")
        assert learnt(player) == before

    def test_is_known_after_the_second_factor(self):
        player = at_home()
        before = learnt(player)
        enters(player, **BARE)
        player.see(login(NOON + MINUTE, "proof", ChallengePassed, **BARE))
        after = learnt(player)
        assert after != before
        assert len(after[1]) > len(before[1]), "the network"
        assert not is_unlike(
            account_of(player).login_history, context_of(login(NOON, "x", LoginSucceeded, ip="192.0.2.9")), 0
        )

    def test_clears_no_strangers_failures(self):
        player = at_home()
        for number in range(6):
            player.see(login(NOON + number * SECOND, f"f{number}", LoginFailed, **BARE))
        enters(player, NOON + MINUTE, **BARE)
        told = player.see(login(NOON + 2 * MINUTE, "again", LoginFailed, **BARE))
        hits = next(one for one in told if type(one) is DecisionMade).hits
        assert any(hit.evidence.get("failures_row_unknown") == 7.0 for hit in hits)


class TestWhoNeverNamedOne:
    def test_is_never_taken_for_somebody_who_hides_one(self):
        where = {"ip": "198.51.100.7", "asn": 64_500, "country": "DE", "user_agent": IPHONE}
        player = at_home(**where)
        event = login(NOON, "in", LoginSucceeded, **where)
        features = features_of(account_of(player), event, NOON, no_risk, frequencies=player.frequencies)
        assert features.login_unlike == 0.0
        assert features.login_known == 1.0
        assert features.device_new == -1.0

    @given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=12))
    def test_has_the_score_that_there_was_before_anybody_named_any(self, logins):
        """Whatever the history of an account without devices: leaving the device out changes nothing."""
        history, known = LoginHistory(), Frequencies(logins=1_000, users=10)
        events = [
            login(
                NOON + at * DAY,
                f"e{at}",
                LoginSucceeded,
                ip=f"198.51.100.{place}",
                user_agent=IPHONE if named else None,
            )
            for at, (place, named) in enumerate(logins)
        ]
        for at, event in enumerate(events):
            learn(history, context_of(event), at)
        context, day = context_of(events[-1])._replace(agent=None), len(logins)
        unaware = msgspec.structs.replace(history, agents=b"", bare_devices=0.0, bare_agents=0.0)
        ratio = ratio_of(unaware, context, day, known)
        assert ratio_of(msgspec.structs.replace(history, agents=b""), context, day, known) == ratio

    def test_whoever_uses_both_channels_is_asked_less_and_less(self):
        player = at_home()
        ratios = []
        for number in range(6):
            where = {"ip": OWN["ip"], "user_agent": IPHONE}
            at_ms = NOON + number * DAY
            player.see(login(at_ms, f"proof{number}", ChallengePassed, **where))
            event = login(at_ms + SECOND, f"web{number}", LoginSucceeded, **where)
            features = features_of(account_of(player), event, at_ms, no_risk, frequencies=player.frequencies)
            ratios.append(features.login_risk)
            player.see(event)
        assert ratios == sorted(ratios, reverse=True)
        assert ratios[-1] < ratios[0] / 10
