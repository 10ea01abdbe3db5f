"""Which logins become a habit, how much is remembered of them, and can an attacker make himself at home?"""

from __future__ import annotations

import msgspec
import pytest
from support.features import calm
from support.play import policy

from streams.contracts.base import from_ms
from streams.contracts.decisions import Hit
from streams.contracts.logins import ChallengePassed, LoginFailed, LoginSucceeded
from streams.core.features import MISSING, features_of
from streams.core.login_risk import score
from streams.core.login_risk.context import context_of
from streams.core.login_risk.frequencies import (
    ADDRESSES_MAX,
    AGENTS_MAX,
    EPOCH_DAYS,
    ONE_IN,
    SAMPLED_FROM,
    Frequencies,
    count,
)
from streams.core.login_risk.history import DAY_MS, LoginHistory, learn, shares
from streams.core.login_risk.training import is_doubted, train
from streams.core.observations import PROOF_MS, Observations
from streams.core.pipeline import prepare
from streams.core.risk import no_risk

DAY = 20_610
NOON_MS = DAY * DAY_MS + DAY_MS // 2


def login(number=0, at_ms=NOON_MS, kind=LoginSucceeded, ip="203.0.113.1", asn=64_500, country="DE", **more):
    return kind(
        event_id=f"event-{number}",
        source="test",
        occurred_at=from_ms(at_ms),
        account_id="a",
        ip=ip,
        asn=asn,
        country=country,
        **more,
    )


def taught(account, event, frequencies=None, *, doubted=False):
    at_ms = int(event.occurred_at.timestamp() * 1000)
    train(account, event, at_ms, frequencies or Frequencies(), doubted=doubted)
    return account.login_history


def is_known(history, event):
    return bool(history.addresses) and shares(history.addresses, context_of(event).address).of[0] > 0.0


class TestWhoTeaches:
    def test_a_doubted_login_teaches_nothing_without_its_second_factor(self):
        account, frequencies = Observations(), Frequencies()
        thief = login(ip="198.51.100.9")
        assert not is_known(taught(account, thief, frequencies, doubted=True), thief)
        assert frequencies.logins == 0

    def test_its_second_factor_makes_it_count(self):
        account, frequencies = Observations(), Frequencies()
        new_phone = login(ip="198.51.100.9", device_id="new")
        taught(account, new_phone, frequencies, doubted=True)
        proof = login(1, NOON_MS + PROOF_MS, ChallengePassed, ip="198.51.100.9")
        assert is_known(taught(account, proof, frequencies), new_phone)
        assert frequencies.logins == 1

    def test_a_second_factor_too_late_or_from_elsewhere_does_not(self):
        late, elsewhere = Observations(), Observations()
        thief = login(ip="198.51.100.9", device_id="thief")
        taught(late, thief, doubted=True)
        taught(elsewhere, thief, doubted=True)
        proof = login(1, NOON_MS + PROOF_MS + 1, ChallengePassed, ip="198.51.100.9")
        assert not is_known(taught(late, proof), thief)
        owner = login(1, NOON_MS + 1000, ChallengePassed, device_id="own")
        assert not is_known(taught(elsewhere, owner), thief), "the owner proves a payment while a thief is at the door"

    def test_a_second_factor_that_was_told_before_the_login_counts_too(self):
        account = Observations()
        taught(account, login())
        taught(account, login(1, NOON_MS + 1000, ChallengePassed, ip="198.51.100.9"))
        new_phone = login(2, NOON_MS + 2000, ip="198.51.100.9")
        assert is_known(taught(account, new_phone, doubted=True), new_phone)

    @pytest.mark.parametrize("kind", [LoginFailed, ChallengePassed])
    def test_failures_and_stray_challenges_teach_nothing(self, kind):
        frequencies = Frequencies()
        assert taught(Observations(), login(kind=kind), frequencies) is None
        assert frequencies == Frequencies()

    def test_what_comes_too_late_for_a_count_teaches_nothing(self):
        account, frequencies = Observations(), Frequencies()
        for number, at_ms in enumerate((NOON_MS, NOON_MS - 600_000, NOON_MS - DAY_MS)):
            prepare(account, login(number, at_ms), at_ms, no_risk, policy(), number > 0, frequencies)
        assert account.too_late == 1
        assert frequencies.logins == 2


class TestDoubt:
    def test_an_address_under_suspicion_is_enough(self):
        assert is_doubted((), calm(ip_level=1.0), policy())
        assert is_doubted((), calm(device_level=2.0), policy())
        assert not is_doubted((), calm(ip_level=0.0), policy())

    def test_a_rule_counts_from_step_up_on(self):
        assert is_doubted((Hit(rule="login-failures/01", outcome="step_up"),), calm(), policy())
        assert is_doubted((Hit(rule="login-failures/01", outcome="step_up", shadow=True),), calm(), policy())
        assert not is_doubted((Hit(rule="new-country/01", outcome="notify"),), calm(), policy())

    def test_the_scores_own_doubt_counts_only_where_somebody_is_asked(self):
        own = Hit(rule="login-risk/01", outcome="step_up")
        assert is_doubted((own,), calm(), policy())
        assert not is_doubted((own,), calm(), policy('mode = "observe"\n'))
        blocked = Hit(rule="login-risk/03", outcome="block")
        assert is_doubted((blocked,), calm(), policy('mode = "observe"\n')), "a stranger is a stranger in any mode"


class TestSize:
    def test_a_history_of_ever_new_values_stays_small_and_keeps_what_is_general(self):
        history = LoginHistory()
        for number in range(5_000):
            event = login(
                ip=f"203.0.{number // 250}.{number % 250}",
                user_agent=f"Mozilla/5.0 (X11; Linux x86_64; rv:1.0) Gecko/20100101 Firefox/1.0 build {number}",
                device_id=f"device-{number}",
                rtt_ms=float(number % 3_000),
            )
            learn(history, context_of(event), DAY + number // 500)
        assert len(msgspec.msgpack.encode(history)) <= 480
        assert shares(history.addresses, context_of(event).address).of[1:] == pytest.approx([1.0, 1.0])
        agent = context_of(event).agent
        assert agent is not None
        assert shares(history.agents, agent).of[2:] == pytest.approx([1.0, 1.0])

    def test_frequencies_of_ever_new_values_stay_small(self):
        frequencies = Frequencies()
        for number in range(60_000):
            event = login(
                ip=f"10.{number // 62_500}.{number // 250 % 250}.{number % 250}",
                asn=number,
                country=chr(65 + number % 26) + chr(65 + number // 26 % 26),
                user_agent=f"Firefox/{number % 1_500}.0 (build {number % 3_000})",
                rtt_ms=number % 4_000,
            )
            count(frequencies, context_of(event), f"event-{number}", DAY, LoginHistory())
        assert len(frequencies.addresses) // 9 == ADDRESSES_MAX
        assert len(frequencies.agents) // 9 == AGENTS_MAX
        assert len(msgspec.msgpack.encode(frequencies)) <= 14 * 1024

    def test_beyond_some_thousand_logins_one_in_sixteen_is_counted(self):
        frequencies = Frequencies()
        for number in range(SAMPLED_FROM + 32_000):
            count(frequencies, context_of(login(asn=number % 4)), f"event-{number}", DAY, LoginHistory())
        assert frequencies.logins == pytest.approx(SAMPLED_FROM + 32_000 / ONE_IN, rel=0.05)
        assert frequencies.users == frequencies.logins
        quarter = frequencies.address_counts(context_of(login(asn=0)).address)[1] / frequencies.logins
        assert quarter == pytest.approx(0.25, abs=0.02)

    def test_counts_halve_every_ninety_days_and_vanish(self):
        frequencies = Frequencies()
        for number in range(100):
            count(frequencies, context_of(login()), f"event-{number}", DAY, LoginHistory())
        count(frequencies, context_of(login(asn=1)), "later", DAY + EPOCH_DAYS, LoginHistory())
        assert (frequencies.logins, frequencies.users) == (51, 51)
        assert frequencies.address_counts(context_of(login()).address) == (51, 50, 51)
        count(frequencies, context_of(login(asn=1)), "much later", DAY + 50 * EPOCH_DAYS, LoginHistory())
        assert frequencies.logins == 1
        assert frequencies.address_counts(context_of(login()).address)[1] == 0


def test_the_order_of_a_days_logins_does_not_matter(monkeypatch):
    monkeypatch.setattr(score, "SITE_LOGINS", 1)
    day = [
        login(number, NOON_MS + number, device_id=f"d{number % 2}", rtt_ms=10.0 * (number % 3)) for number in range(8)
    ]
    probe = login("probe", NOON_MS + DAY_MS, ip="203.0.113.77", device_id="d1", rtt_ms=5.0)
    told = []
    for order in (day, day[:1] + day[:0:-1]):
        account, frequencies = Observations(), Frequencies()
        for event in order:
            taught(account, event, frequencies)
        told.append(features_of(account, probe, NOON_MS + DAY_MS, no_risk, frequencies=frequencies).login_risk)
    assert told[0] != MISSING
    assert told[0] == pytest.approx(told[1], rel=1e-6)
