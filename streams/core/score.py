"""What does a model answer about one event, and what when it cannot?"""

from __future__ import annotations

import msgspec


class Because(msgspec.Struct, frozen=True, gc=False):
    """One reason of a model for its score, in the vocabulary of `streams.core.reasons`."""

    code: str
    direction: str  # raises, lowers
    observed: float | None = None
    usual: float | None = None  # the customer's own usual value of what was observed


class Shadow(msgspec.Struct, frozen=True, gc=False):
    """The probability of a model that is only watched."""

    model_id: str
    value: float


class Score(msgspec.Struct, frozen=True, gc=False):
    """A probability in [0, 1], rounded to 6 decimals: batch size changes the bits behind them."""

    value: float
    model_id: str
    reasons: tuple[Because, ...] = ()  # strongest first; only of what somebody will look at
    shadows: tuple[Shadow, ...] = ()


class ScoreUnavailable(msgspec.Struct, frozen=True, gc=False):
    """No score, and why; the rules-only part of the policy decides and the decision says so."""

    reason: str  # the label `cause` of the metric: no_model (none configured), missing, timeout, failed, ...
    shadows: tuple[Shadow, ...] = ()
