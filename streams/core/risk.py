"""What do features and rules get to know about an entity (IP, device, BIN, merchant, terminal, the whole site)?"""

from __future__ import annotations

from typing import Protocol

import msgspec


class RiskFact(msgspec.Struct, frozen=True, gc=False):
    """The entity's risk as it was in effect at one moment of event time.

    Counts of labels look back from that moment minus the label delay: `labels_7d` counts the labelled subjects in
    (t - delay - 7 d, t - delay]. Only labels that had arrived when the value took effect are in them.
    """

    level: str  # normal, elevated, attack
    typology: str = ""  # password_spray, card_testing, risky_terminal; empty for a level that has none
    score: float = 0.0
    age_s: int = 0  # since the value took effect
    labels_1d: int = 0
    frauds_1d: int = 0
    labels_7d: int = 0
    frauds_7d: int = 0
    labels_30d: int = 0
    frauds_30d: int = 0
    frauds_early: int = 0  # subjects younger than the delay whose fraud is known already
    fraud_age_s: int = -1  # since the newest known fraud happened; -1 without one


class RiskView(Protocol):
    """Looks an entity up; None for an entity that is not notable at `at_ms`."""

    def __call__(self, kind: str, value: str, at_ms: int, /) -> RiskFact | None: ...


def no_risk(_kind: str, _value: str, _at_ms: int, /) -> RiskFact | None:
    """The view of a partition that has heard of no notable entity."""
    return None
