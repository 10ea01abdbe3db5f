"""What does a model answer about one event, and what when it cannot?"""

from __future__ import annotations

import msgspec


class Score(msgspec.Struct, frozen=True, gc=False):
    """A probability in [0, 1], rounded to 6 decimals: batch size changes the bits behind them."""

    value: float
    model_id: str


class ScoreUnavailable(msgspec.Struct, frozen=True, gc=False):
    """No score, and why; the rules-only part of the policy decides and the decision says so."""

    reason: str  # the label `cause` of the metric: no_model (none configured), missing, timeout, failed, ...
