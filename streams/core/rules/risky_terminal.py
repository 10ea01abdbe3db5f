"""Has this terminal or merchant been a place of fraud lately?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, NotApplicable, RuleResult, band_of
from streams.core.sections import RuleSection

NO_LABELS = NotApplicable("no frauds are known of the terminal or merchant")


class RiskyTerminalPolicy(RuleSection, frozen=True, kw_only=True):
    """Frauds of a week and their share of its labels; for merchants the share alone, per band."""

    frauds_7d: tuple[float, ...]
    rate_7d: float
    merchant_rate_30d: tuple[float, ...]


def risky_terminal(_event: Movement, _at_ms: int, features: Features, policy: RiskyTerminalPolicy) -> RuleResult:
    """Frauds at the terminal, known only after the label delay of 7 days (T12).

    Asks: how many frauds, and which share of its labels, has the terminal had in the week that ended 7 days ago?
    Fires when: frauds reach policy.frauds_7d and the share policy.rate_7d; or the merchant is held for frauds, and
        its share of 30 days reaches policy.merchant_rate_30d. Bands /01 /02; a last day with good labels only means
        repaired: /01.
    Blind to: the first week of every compromise, when no label has arrived; a repaired terminal stays suspect for days.
    Costs: one dated ring per notable terminal, shared by all accounts of the partition.
    """
    labels, rate = features.terminal_labels_7d, features.terminal_fraud_rate_7d
    merchant_rate = features.merchant_fraud_rate_30d
    if rate <= 0.0 and merchant_rate <= 0.0:
        return NO_LABELS
    band = 0
    if rate >= policy.rate_7d:
        # Half a fraud of tolerance: the count is a share times a number of labels.
        band = band_of(rate * labels + 0.5, policy.frauds_7d)
        if features.terminal_labels_1d > 0.0 and features.terminal_fraud_rate_1d == 0.0:
            band = min(band, 1)
    by_merchant = band_of(merchant_rate, policy.merchant_rate_30d) if features.merchant_labelled >= 1.0 else 0
    if max(band, by_merchant) == 0:
        return QUIET
    evidence = {
        "terminal_fraud_rate_7d": rate,
        "terminal_labels_7d": labels,
        "terminal_fraud_rate_1d": features.terminal_fraud_rate_1d,
        "merchant_fraud_rate_30d": merchant_rate,
    }
    if by_merchant > band:
        evidence = {"merchant_fraud_rate_30d": merchant_rate} | evidence  # what speaks stands first
    return Fired(max(band, by_merchant), ("R08",), evidence)
