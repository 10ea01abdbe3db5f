"""Are novelty, habit of hours, logins, travel, labels and entity risk what a person would say?"""

from __future__ import annotations

import math

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, Account, event, label, login, paid

from streams.contracts import accounts, logins, payments
from streams.contracts.base import Event, from_ms
from streams.core.features import FEATURE_NAMES, FEATURES, MISSING
from streams.core.observations import OBSERVED, UNOBSERVED, Basis
from streams.core.risk import RiskFact

HOME = {"device_id": "phone", "ip": "198.51.100.4"}
STRANGER = {"device_id": "bot", "ip": "203.0.113.7"}


@pytest.fixture
def account() -> Account:
    return Account()


def at_home(account: Account, at_ms: int = NOON - DAY) -> None:
    account.see(login(at_ms, f"home{at_ms}", logins.LoginSucceeded, **HOME))


# --- novelty


def test_everything_is_new_once(account):
    context = {"device_id": "d", "ip": "192.0.2.1", "country": "DE", "merchant_id": "m", "card_token": "c"}
    first = account.see(paid(NOON, 1, counterparty_id="y", **context))
    later = account.see(paid(NOON + 2 * DAY, 2, counterparty_id="y", **context))
    for name in ("device", "ip", "network", "country", "merchant", "payee", "card"):
        assert getattr(first, f"{name}_new") == 1.0
        assert getattr(later, f"{name}_new") == 0.0
    assert (later.device_age_days, later.merchant_uses, later.payee_uses) == (2.0, 1.0, 1.0)
    assert (first.merchants_1d, first.devices_7d, later.merchants_1d) == (1.0, 1.0, 1.0)


def test_nothing_is_new_where_nothing_is_said(account):
    features = account.see(paid(NOON, 1))
    assert features.device_new == features.merchant_new == features.payee_age_days == features.ip_new == MISSING


def test_a_terminal_stands_for_a_merchant_that_is_not_named(account):
    account.see(paid(NOON, 1, terminal_id="t9"))
    assert account.look(paid(NOON + 1, 2, terminal_id="t9")).merchant_new == 0.0


@pytest.mark.parametrize(
    ("first", "second", "new"),
    [
        ("192.0.2.1", "192.0.2.200", 0.0),
        ("192.0.2.1", "192.0.3.1", 1.0),
        ("2001:db8:1::1", "2001:db8:1:ffff::2", 0.0),
        ("2001:db8:1::1", "2001:db8:2::1", 1.0),
        ("::ffff:192.0.2.1", "192.0.2.9", 0.0),
        ("not:an:address", "not:an:address", 0.0),
    ],
)
def test_a_network_is_a_24_or_a_48(account, first, second, new):
    account.see(paid(NOON, 1, ip=first))
    assert account.look(paid(NOON + 1, 2, ip=second)).network_new == new


def test_different_merchants_per_hour_and_day(account):
    for number in range(6):
        account.see(paid(NOON + number * 10 * MINUTE, number, merchant_id=f"m{number % 4}"))
    features = account.look(paid(NOON + 75 * MINUTE, "x", merchant_id="m9"))
    assert (features.merchants_1h, features.merchants_1d) == (5.0, 5.0)
    assert account.look(paid(NOON + 95 * MINUTE, "x", merchant_id="m1")).merchants_1h == 2.0


def test_a_device_is_trusted_after_a_login_not_after_a_payment(account):
    account.see(paid(NOON, 1, device_id="d"))
    assert account.look(paid(NOON + 1, 2, device_id="d")).device_trusted == 0.0
    account.see(login(NOON + 2, 1, logins.LoginSucceeded, device_id="d"))
    assert account.look(paid(NOON + 3, 2, device_id="d")).device_trusted == 1.0


# --- account and time


def test_age_comes_from_the_profile_and_warmth_from_use(account):
    profile = event(accounts.AccountProfile, NOON, 1, opened_at=from_ms(NOON - 400 * DAY), two_factor=True)
    account.see(profile)
    account.see(paid(NOON + DAY, 1))
    features = account.look(paid(NOON + 2 * DAY, 2))
    assert (features.account_age_days, features.observed_days, features.account_events) == (402.0, 2.0, 1.0)
    assert (features.two_factor, features.vulnerable, features.idle_days) == (1.0, 0.0, 1.0)


def test_an_older_profile_does_not_overwrite_a_newer_one(account):
    account.see(event(accounts.AccountProfile, NOON, 1, vulnerable=True))
    account.see(event(accounts.AccountProfile, NOON - DAY, 2, vulnerable=False))
    assert account.look(paid(NOON, 1)).vulnerable == 1.0


@pytest.mark.parametrize(
    ("zone", "hour", "weekend", "night"),
    [
        ("UTC", 12.0, 0.0, 0.0),
        ("Asia/Shanghai", 20.0, 0.0, 0.0),
        ("America/New_York", 8.0, 0.0, 0.0),
        ("no/such", 12.0, 0, 0),
    ],
)
def test_the_hour_is_the_customers(account, zone, hour, weekend, night):
    account.see(event(accounts.AccountProfile, NOON - DAY, 1, time_zone=zone))
    features = account.look(paid(NOON, 1))
    assert (features.hour, features.weekend, features.night) == (hour, weekend, night)


def test_summer_time_and_weekend_are_local():
    account = Account(Basis(time_zone="Europe/Berlin"))
    friday_night = 1_774_652_400_000  # 2026-03-27T23:00:00Z, Saturday 00:00 in Berlin, still winter time
    assert (account.look(paid(friday_night, 1)).hour, account.look(paid(friday_night, 1)).weekend) == (0.0, 1.0)
    assert account.look(paid(friday_night, 1)).night == 1.0
    assert account.look(paid(friday_night + 2 * DAY, 1)).hour == 1.0  # Monday, summer time since Sunday


def test_night_ends_at_seven(account):
    six = NOON - 5 * HOUR - 1
    assert (account.look(paid(six, 1)).night, account.look(paid(six + 1, 1)).night) == (1.0, 0.0)


def test_distance_from_the_usual_hours_is_circular(account):
    for day in range(10):
        account.see(paid(NOON + 11 * HOUR + day * DAY, day))  # always at 23
    features = account.look(paid(NOON + 14 * HOUR + 10 * DAY, "x"))  # at 2
    assert (features.hour_distance, features.hour_share) == (3.0, 0.0)
    features = account.look(paid(NOON + 12 * HOUR + 10 * DAY, "x"))  # at 0
    assert (features.hour_distance, features.hour_share) == (1.0, 1.0)


# --- the door


def test_failures_of_strangers_and_of_the_owner_are_counted_apart(account):
    at_home(account)
    for number in range(5):
        features = account.see(login(NOON + number * SECOND, f"s{number}", **STRANGER))
    assert (features.login_known, features.failures_row_unknown, features.failures_row_known) == (0.0, 5.0, 0.0)
    features = account.see(login(NOON + MINUTE, "own", **HOME))
    assert (features.login_known, features.failures_row_unknown, features.failures_row_known) == (1.0, 5.0, 1.0)
    assert (features.failures_row, features.stranger_failures_1d, features.login_failures_10m) == (6.0, 5.0, 6.0)


def test_a_success_clears_the_counter_that_it_used(account):
    at_home(account)
    for number in range(5):
        account.see(login(NOON + number, f"s{number}", **STRANGER))
        account.see(login(NOON + number, f"o{number}", **HOME))
    before = account.see(login(NOON + MINUTE, "in", logins.LoginSucceeded, **HOME))
    assert (before.failures_row_known, before.failures_row) == (5.0, 10.0)
    after = account.look(login(NOON + 2 * MINUTE, "x", **STRANGER))
    assert (after.failures_row_known, after.failures_row_unknown, after.failures_row) == (0.0, 6.0, 1.0)
    assert after.stranger_failures_1d == 6.0


def test_a_late_success_clears_only_what_was_before_it(account):
    at_home(account)
    for number in range(6):
        account.see(login(NOON + number * MINUTE, number, **HOME))
    account.see(login(NOON + 3 * MINUTE + 1, "late", logins.LoginSucceeded, **HOME))
    assert account.look(login(NOON + 6 * MINUTE, "x", **HOME)).failures_row_known == 3.0


def test_the_ladder_forgets_and_the_nist_counter_does_not(account):
    for number in range(100):
        account.see(login(NOON + number * HOUR, number, **STRANGER))
    features = account.look(login(NOON + 100 * HOUR, "x", **STRANGER))
    assert (features.failures_row_unknown, features.failures_row) == (24.0, 101.0)


def test_failing_addresses_and_challenges(account):
    for number in range(12):
        account.see(login(NOON + number * MINUTE, number, ip=f"203.0.113.{number % 5}"))
    features = account.look(login(NOON + 12 * MINUTE, "x", ip="203.0.113.77"))
    assert (features.failing_ips_1h, features.login_failures_1h, features.login_failures_10m) == (6.0, 13.0, 10.0)
    account.see(login(NOON, 1, logins.ChallengeSent))
    features = account.see(login(NOON + SECOND, 1, logins.ChallengeFailed))
    assert (features.challenges_1h, features.challenge_failures_1h, features.failed) == (1.0, 1.0, 1.0)


def test_without_a_device_the_network_makes_a_login_known(account):
    account.see(login(NOON, 1, logins.LoginSucceeded, ip="198.51.100.4"))
    assert account.look(login(NOON + 1, 2, ip="198.51.100.9")).login_known == 1.0
    assert account.look(login(NOON + 1, 2, ip="198.51.101.9")).login_known == 0.0


def test_familiarity_is_the_share_of_earlier_logins(account):
    for number in range(4):
        usual = {"ip": "198.51.100.4", "user_agent": "A", "asn": 1, "country": "DE"}
        account.see(login(NOON + number, number, logins.LoginSucceeded, **usual))
    assert account.look(login(NOON + 9, "x", **usual)).login_familiarity == 1.0
    features = account.look(login(NOON + 9, "x", **usual | {"user_agent": "B", "asn": 2}))
    assert (features.login_familiarity, features.agent_new, features.asn_new) == (0.5, 1.0, 1.0)


def test_what_was_changed_lately(account):
    account.see(login(NOON, 1, logins.CredentialChanged, **HOME))
    account.see(login(NOON + SECOND, 1, logins.PasswordResetRequested, **HOME))
    account.see(login(NOON + 2 * SECOND, 1, logins.DeviceBound, **HOME))
    account.see(event(payments.CardBound, NOON + 3 * SECOND, 1, card_token="c"))
    account.see(login(NOON + 4 * SECOND, 1, logins.LoginSucceeded, **HOME))
    features = account.look(paid(NOON + 10 * SECOND, 1, card_token="c", device_id="phone"))
    since = (features.since_credential_change_s, features.since_password_reset_s, features.since_device_bound_s)
    assert since == (10.0, 9.0, 8.0)
    assert (features.since_card_bound_s, features.since_login_s, features.since_topup_s) == (7.0, 6.0, MISSING)
    assert (features.card_new, features.device_new, features.device_trusted) == (0.0, 0.0, 1.0)


def test_travel(account):
    berlin, sydney = {"latitude": 52.52, "longitude": 13.40}, {"latitude": -33.87, "longitude": 151.21}
    account.see(login(NOON, 1, logins.LoginSucceeded, **HOME | berlin))
    features = account.look(login(NOON + HOUR, 2, logins.LoginSucceeded, **STRANGER | sydney))
    assert features.travel_km == pytest.approx(16_090, rel=0.01)
    assert features.travel_kmh == pytest.approx(features.travel_km)
    assert features.travel_other_device == 1.0
    assert account.look(paid(NOON, 1, **berlin)).travel_kmh == 0.0
    assert account.look(paid(NOON, 1, **sydney)).travel_kmh == 100_000.0
    assert account.look(paid(NOON, 1)).travel_km == MISSING


def test_the_journey_of_a_login_is_known_until_somebody_proves_themselves(account):
    berlin, sydney = {"latitude": 52.52, "longitude": 13.40}, {"latitude": -33.87, "longitude": 151.21}
    account.see(login(NOON, 1, logins.LoginSucceeded, **HOME | berlin))
    assert account.look(paid(NOON + MINUTE, 1)).journey_km == MISSING
    account.see(login(NOON + HOUR, 2, logins.LoginSucceeded, **STRANGER | sydney))
    account.see(login(NOON + 2 * HOUR, 3, logins.LoginSucceeded, **STRANGER | sydney))  # staying there changes nothing
    features = account.look(paid(NOON + 3 * HOUR, 1))
    assert features.journey_km == pytest.approx(16_090, rel=0.01) == features.journey_kmh
    assert account.look(paid(NOON + 26 * HOUR, 1)).journey_km == MISSING
    account.see(login(NOON + 3 * HOUR, 4, logins.ChallengePassed, **STRANGER))
    assert account.look(paid(NOON + 4 * HOUR, 1)).journey_km == MISSING


# --- labels, entity risk, lateness


def test_labels_count_from_their_arrival_on_and_can_be_taken_back(account):
    account.see(paid(NOON, 1))
    assert account.look(paid(NOON + 7 * DAY, 2)).own_frauds_30d == 0.0
    account.see(label(NOON + 7 * DAY, "p1", NOON))
    account.see(label(NOON + 8 * DAY, "p1", NOON))  # chargeback after the customer's own report: one fraud
    features = account.look(paid(NOON + 8 * DAY, 2))
    assert (features.own_frauds_7d, features.own_frauds_30d) == (1.0, 1.0)
    assert account.look(paid(NOON + 14 * DAY, 2)).own_frauds_7d == 0.0
    account.see(label(NOON + 9 * DAY, "p1", NOON, "legit"))
    assert account.look(paid(NOON + 9 * DAY, 2)).own_frauds_30d == 0.0


def test_entity_risk_is_asked_at_the_events_time():
    asked = []

    def risk(kind: str, value: str, at_ms: int) -> RiskFact | None:
        asked.append((kind, value, at_ms))
        if kind == "terminal":
            return RiskFact(level=2, score=0.9, age_s=60, labels_7d=4, frauds_7d=1, labels_30d=10, frauds_30d=5)
        return RiskFact(level=1, age_s=90) if kind == "ip" else None

    account = Account(risk=risk)
    features = account.see(paid(NOON, 1, terminal_id="t", merchant_id="m", ip="192.0.2.1", device_id="d", bin="411111"))
    assert {kind for kind, _, _ in asked} == {"terminal", "merchant", "ip", "device", "bin"}
    assert {at for _, _, at in asked} == {NOON}
    assert (features.terminal_level, features.terminal_fraud_rate_7d, features.terminal_fraud_rate_30d) == (
        2.0,
        0.25,
        0.5,
    )
    assert (features.terminal_fraud_rate_1d, features.ip_level, features.merchant_level) == (0.0, 1.0, MISSING)
    assert features.risk_age_s == 90.0


def test_beyond_the_lateness_bound_an_event_is_only_counted(account):
    account.see(paid(NOON, 1))
    account.see(paid(NOON - HOUR, 2), late=True)
    account.see(paid(NOON - MINUTE, 3), late=True)  # late for its partition's clock, not for this account
    assert account.observations.too_late == 1
    assert account.look(paid(NOON, 4)).spend_count_1d == 3.0


def test_strangers_to_us_leave_no_trace(account):
    account.see(login(NOON, 1, known=False))
    assert account.observations.first_ms == -1


def test_every_input_type_is_observed_or_left_out_on_purpose():
    released, waiting = set(), [Event]
    while waiting:
        kind = waiting.pop()
        below = kind.__subclasses__()
        waiting.extend(below)
        if not below and kind.__module__.startswith("streams.contracts."):
            released.add(kind)
    assert released == OBSERVED | UNOBSERVED
    assert not OBSERVED & UNOBSERVED


def test_every_event_has_a_whole_vector(account):
    for happening in (
        event(accounts.ProjectionLagged, NOON, 1, as_of=from_ms(NOON), lag_s=3),
        event(payments.FeeCharged, NOON, 1, fee_id="f", amount_minor=1, currency="EUR"),
        login(NOON, 1, logins.SessionUsed),
        paid(NOON, 1, kind=payments.PspStatus, status="pending"),
    ):
        features = account.see(happening)
        assert all(math.isfinite(getattr(features, name)) for name in FEATURE_NAMES)
        assert features.kind == 0.0
        for spec in FEATURES:
            value = getattr(features, spec.name)
            assert value >= 0.0 or value == spec.missing, f"{spec.name} is {value}, which its row does not know"


def test_failures_go_on_counting_until_a_success_however_old_they_are(account):
    """Times of failures are relative to a base that moves; what it passes is not forgotten and not counted twice."""
    own, bot = {"device_id": "phone"}, {"device_id": "bot"}
    account.see(login(NOON, "in", logins.LoginSucceeded, **own))
    account.see(login(NOON + MINUTE, "old", **bot))
    account.see(login(NOON + HOUR, "again", logins.LoginSucceeded, **own))
    for number in range(3):
        account.see(login(NOON + (number + 2) * HOUR, number, **(own, bot)[number % 2]))
    features = account.see(login(NOON + 120 * DAY, "late", **bot))
    assert (features.failures_row, features.login_failures_1d, features.failing_ips_1h) == (4.0, 1.0, 1.0)
    account.see(login(NOON + 120 * DAY + MINUTE, "home", logins.LoginSucceeded, **own))
    assert account.see(login(NOON + 240 * DAY, "next", **own)).failures_row == 1.0


def test_labels_of_movements_from_before_the_account_was_met_count_by_their_own_time(account):
    account.see(paid(NOON, 1))
    for days in (20, 36, 38, 300):
        account.see(label(NOON + HOUR, f"p-{days}", NOON - days * DAY))
    account.see(label(NOON + HOUR, "future", NOON + 900 * DAY))
    features = account.look(paid(NOON + HOUR, 2))
    assert (features.own_frauds_7d, features.own_frauds_30d) == (1.0, 3.0)
    assert features.spend_count_1d == 2.0


def test_the_last_refusal_is_told_however_old_it_is(account):
    account.see(paid(NOON, 1, kind=payments.PaymentFailed))
    for months in (2, 4):
        features = account.see(paid(NOON + months * 60 * DAY, months, kind=payments.PaymentRequested))
        assert (features.since_decline_s, features.declines_row) == (months * 60 * DAY / 1000, 1.0)
    account.see(paid(NOON + 240 * DAY + HOUR, 5))
    features = account.look(paid(NOON + 480 * DAY, 6))
    assert (features.since_decline_s, features.declines_row) == (480 * DAY / 1000, 0.0)


def test_a_fraud_that_was_forgotten_can_be_told_again(account):
    account.see(label(NOON, "p1", NOON - DAY))
    account.see(paid(NOON + 60 * DAY, 2))
    account.see(label(NOON + 60 * DAY, "p1", NOON + 59 * DAY))
    assert account.look(paid(NOON + 60 * DAY, 3)).own_frauds_7d == 1.0
