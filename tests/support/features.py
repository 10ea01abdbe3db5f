"""Which feature vector has an ordinary event of a warm account? Tests change what they are about."""

from __future__ import annotations

import msgspec

from streams.core.features import FEATURES, Features

# An afternoon payment of 50 at a known shop on the owner's phone, like every other day; nothing notable known.
_CALM = {
    "kind": 1.0,
    "amount": 50.0,
    "account_events": 120.0,
    "account_age_days": 400.0,
    "observed_days": 60.0,
    "idle_days": 0.5,
    "hour": 15.0,
    "hour_share": 0.2,
    "hour_distance": 0.0,
    "spend_count_1m": 1.0,
    "spend_count_5m": 1.0,
    "spend_count_1h": 1.0,
    "spend_count_1d": 2.0,
    "spend_count_7d": 14.0,
    "spend_count_30d": 60.0,
    "spend_sum_1h": 50.0,
    "spend_sum_1d": 100.0,
    "spend_sum_7d": 700.0,
    "spend_sum_30d": 3000.0,
    "spend_mean_1d": 50.0,
    "spend_mean_7d": 50.0,
    "spend_mean_30d": 50.0,
    "spend_max_30d": 120.0,
    "since_spend_s": 43_200.0,
    "amount_to_mean_7d": 1.0,
    "amount_to_mean_30d": 1.0,
    "amount_to_max_30d": 0.4,
    "amount_to_usual": 1.0,
    "amount_z": 0.1,
    "same_amount_1d": 1.0,
    "near_limit": 0.0,
    "near_limits_1d": 0.0,
    "round_amount": 1.0,
    "device_new": 0.0,
    "device_age_days": 60.0,
    "device_trusted": 1.0,
    "merchant_new": 0.0,
    "merchant_age_days": 30.0,
    "merchant_uses": 4.0,
    "merchants_1h": 1.0,
    "merchants_1d": 2.0,
    "devices_7d": 1.0,
    "cards_1d": 1.0,
}


def calm(**changes: float) -> Features:
    """The ordinary vector with `changes`; everything that nobody names is missing, or zero where nothing is missing."""
    values = {spec.name: 0.0 if spec.missing is None else spec.missing for spec in FEATURES} | _CALM | changes
    return msgspec.convert(values, Features)


def nothing_known() -> Features:
    """Every feature missing that can be, and zero else: the first event of an account, with no optional field."""
    return Features(*(0.0 if spec.missing is None else spec.missing for spec in FEATURES))
