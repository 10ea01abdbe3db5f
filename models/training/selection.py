"""Which features does a payments model read, and why not all of them?

Few enough to be explained and small in ONNX; each says something that holds beyond one data set. Left out on purpose:
anything that only a simulator has (cents, a fixed amount), and what repeats a feature that is here already.
"""

from __future__ import annotations

from typing import Final

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "amount": ("amount",),
    "time": ("hour", "weekend", "night"),
    "spending": (
        "spend_count_1d",
        "spend_count_7d",
        "spend_count_30d",
        "spend_mean_1d",
        "spend_mean_7d",
        "spend_mean_30d",
        "since_spend_s",
    ),
    "place, rates": (
        "terminal_labels_7d",
        "terminal_labels_30d",
        "terminal_fraud_rate_1d",
        "terminal_fraud_rate_7d",
        "terminal_fraud_rate_30d",
    ),
    "habit": (
        "amount_to_mean_7d",
        "amount_to_mean_30d",
        "amount_to_max_30d",
        "amount_to_usual",
        "amount_z",
        "amount_to_median",
        "amount_deviations",
    ),
    "large amounts": (
        "spikes_7d",
        "large_7d",
        "large_14d",
        "large_share_14d",
        "since_large_days",
        "largest_to_median_7d",
        "spend_pace_1d",
        "mean_7d_to_30d",
    ),
    "place, run of frauds": (
        "place_rate_7d",
        "place_rate_30d",
        "place_rate_decayed",
        "place_since_fraud_days",
        "place_clean_after",
        "place_fraud_run",
        "place_run_days",
    ),
    "place, not explained by amounts": (
        "place_plain_decayed",
        "place_plain_7d",
        "place_plain_30d",
        "place_plain_run",
        "place_since_plain_days",
        "place_plain_span_days",
    ),
    "proved frauds of the account": (
        "own_frauds_7d",
        "own_frauds_30d",
        "own_large_frauds_30d",
        "since_own_fraud_days",
        "own_fraud_span_days",
    ),
    "novelty and spread": ("merchant_new", "merchant_uses", "merchants_1d", "merchant_spread_7d"),
}
FEATURES_READ: Final[tuple[str, ...]] = tuple(name for names in GROUPS.values() for name in names)
