"""Has this terminal or merchant been a place of fraud lately?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, NotApplicable, RuleResult, band_of
from streams.core.sections import RuleSection

NO_LABELS = NotApplicable("no labels have arrived for the terminal or merchant")


class RiskyTerminalPolicy(RuleSection, frozen=True, kw_only=True):
    """Frauds of a window and their share of its labels, per band."""

    frauds_7d: tuple[float, ...]
    rate_7d: float
    frauds_30d: tuple[float, ...]
    rate_30d: float
    merchant_rate_30d: tuple[float, ...]


def risky_terminal(_event: Movement, _at_ms: int, features: Features, policy: RiskyTerminalPolicy) -> RuleResult:
    """Frauds at the terminal, known only after the label delay of 7 days (T12).

    Asks: how many frauds, and which share of its payments, has the terminal had in 7 and 30 days that ended 7 days ago?
    Fires when: frauds reach policy.frauds_7d with rate >= policy.rate_7d, or the same for 30 days, or the merchant's
        rate reaches policy.merchant_rate_30d. Bands /01 /02 by those counts, the highest one counts.
    Blind to: the first week of every compromise, when no label has arrived; a repaired terminal stays suspect.
    Costs: one dated ring per notable terminal, shared by all accounts of the partition.
    """
    labels_30d = features.terminal_labels_30d
    rate_merchant = features.merchant_fraud_rate_30d
    if labels_30d <= 0.0 and rate_merchant <= 0.0:
        return NO_LABELS
    band = band_of(rate_merchant, policy.merchant_rate_30d)
    rate_7d, rate_30d = features.terminal_fraud_rate_7d, features.terminal_fraud_rate_30d
    if rate_7d >= policy.rate_7d:
        # Half a fraud of tolerance: the count is a share times a number of labels.
        band = max(band, band_of(rate_7d * features.terminal_labels_7d + 0.5, policy.frauds_7d))
    if rate_30d >= policy.rate_30d:
        band = max(band, band_of(rate_30d * labels_30d + 0.5, policy.frauds_30d))
    if band == 0:
        return QUIET
    evidence = {
        "terminal_fraud_rate_7d": rate_7d,
        "terminal_labels_7d": features.terminal_labels_7d,
        "terminal_fraud_rate_30d": rate_30d,
        "terminal_labels_30d": labels_30d,
        "merchant_fraud_rate_30d": rate_merchant,
    }
    return Fired(band, ("R08",), evidence)
