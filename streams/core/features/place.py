"""What do late labels tell about the terminal, else the merchant, where this is paid? (family place)"""

from __future__ import annotations

from streams.core.features.catalogue import MISSING
from streams.core.risk import RiskFact

# Added to every rate, so that one fraud among two labels is no certainty: four labels at one per cent.
_PRIOR_LABELS = 4.0
_PRIOR_FRAUDS = 0.04
_DAY_S = 86_400
_NOTHING = (MISSING,) * 13


def place(fact: RiskFact | None) -> tuple[float, ...]:
    """place_rate_7d .. place_plain_span_days."""
    history = None if fact is None else fact.history
    if fact is None or history is None:
        return _NOTHING
    return (
        _shrunk(fact.frauds_7d, fact.labels_7d),
        _shrunk(fact.frauds_30d, fact.labels_30d),
        _shrunk(history.frauds, history.labels),
        _shrunk(history.plain, history.labels),
        _days(history.since_fraud_s),
        float(history.clean_after),
        float(history.run),
        _days(history.run_s),
        float(history.plain_7d),
        float(history.plain_30d),
        float(history.run_plain),
        _days(history.since_plain_s),
        _days(history.first_plain_s),
    )


def _shrunk(frauds: float, labels: float) -> float:
    return (frauds + _PRIOR_FRAUDS) / (labels + _PRIOR_LABELS)


def _days(seconds: int) -> float:
    return MISSING if seconds < 0 else seconds / _DAY_S
