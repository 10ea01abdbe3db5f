"""Can more risk ever lower an outcome?"""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from support.features import calm

from streams.adapters.policy_file import load_policy
from streams.contracts.base import from_ms
from streams.contracts.logins import ChallengeFailed, LoginFailed, LoginSucceeded
from streams.contracts.payments import PaymentFailed, PaymentRequested, TransferRequested
from streams.core.policy import ScoreThresholds
from streams.core.rules.program import evaluate, outcome_of

POLICY = load_policy()
AT_MS = 1_772_636_400_000
ENVELOPE = {"event_id": "e", "source": "s", "occurred_at": from_ms(AT_MS), "account_id": "a"}
MONEY = ENVELOPE | {"payment_id": "p", "amount_minor": 30_000, "currency": "EUR"}
EVENTS = (
    PaymentRequested(**MONEY),
    PaymentFailed(**MONEY),
    TransferRequested(**MONEY, counterparty_id="c"),
    LoginSucceeded(**ENVELOPE, ip="192.0.2.1"),
    LoginFailed(**ENVELOPE, ip="192.0.2.1"),
    ChallengeFailed(**ENVELOPE, ip="192.0.2.1"),
)
# Features of which more is always riskier. Not listed: payees_1d (one receiver of many senders is the mule), sums of 30
# days (they are the habit), ages and "since" (less is riskier).
COUNTS = (
    "spend_count_5m",
    "spend_count_1h",
    "spend_count_1d",
    "merchants_1h",
    "near_limits_1d",
    "declines_30m",
    "payers_1d",
    "cards_1d",
    "countries_7d",
    "failures_row_known",
    "failures_row_unknown",
    "failing_ips_1h",
    "challenges_1h",
    "challenge_failures_1h",
    "own_frauds_30d",
)
AMOUNTS = (
    "amount_to_usual",
    "amount_z",
    "spend_sum_1d",
    "pass_through_30m",
    "inflow_30m",
    "since_spend_s",
    "hour_distance",
    "travel_km",
    "travel_kmh",
)
FLAGS = ("night", "device_new", "payee_new", "merchant_new", "country_new", "vulnerable", "near_limit")
LEVELS = (
    "site_level",
    "bin_level",
    "ip_guessing",
    "ip_testing",
    "device_guessing",
    "device_testing",
    "merchant_testing",
    "merchant_labelled",
)
SHARES = ("balance_share", "terminal_fraud_rate_1d", "terminal_fraud_rate_7d", "merchant_fraud_rate_30d")
RISING = {
    **dict.fromkeys(COUNTS, st.integers(0, 40).map(float)),
    **dict.fromkeys(AMOUNTS, st.floats(0, 20_000)),
    **dict.fromkeys(FLAGS, st.sampled_from([0.0, 1.0])),
    **dict.fromkeys(LEVELS, st.sampled_from([0.0, 1.0, 2.0])),
    **dict.fromkeys(SHARES, st.floats(0, 1)),
}
OTHER = {
    "terminal_labels_7d": st.integers(0, 30).map(float),
    "terminal_labels_1d": st.integers(0, 9).map(float),
    "since_credential_change_s": st.sampled_from([-1.0, 100.0, 1e6]),
    "device_age_days": st.sampled_from([-1.0, 0.0, 0.5, 90.0]),
    "login_known": st.sampled_from([-1.0, 0.0, 1.0]),
    "smallest_1h": st.sampled_from([-1.0, 0.5, 30.0]),
    "account_age_days": st.sampled_from([1.0, 400.0]),
    "travel_other_device": st.sampled_from([-1.0, 0.0, 1.0]),
}
SITUATIONS = st.fixed_dictionaries(OTHER, optional=RISING)


@given(st.sampled_from(EVENTS), SITUATIONS, st.fixed_dictionaries({}, optional=RISING))
def test_raising_what_is_risky_never_lowers_the_outcome_of_the_rules(event, situation, more):
    features = calm(**situation)
    raised = {name: max(value, before) for name, value in more.items() if (before := getattr(features, name)) >= 0.0}
    before = outcome_of(evaluate(event, AT_MS, features, POLICY))
    after = outcome_of(evaluate(event, AT_MS, msgspec.structs.replace(features, **raised), POLICY))
    assert after >= before


@given(st.floats(0, 1), st.floats(0, 1), st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted))
def test_a_higher_score_never_lowers_the_outcome_of_the_model(score, other, thresholds):
    levels = ScoreThresholds(step_up=thresholds[0], review=thresholds[1], block=thresholds[2])
    low, high = sorted((score, other))
    assert levels.outcome_of(low) <= levels.outcome_of(high)
