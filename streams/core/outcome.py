"""How severe is a verdict? Outcomes are ordered, and when several voices disagree the strictest wins."""

from __future__ import annotations

import enum


class Outcome(enum.IntEnum):
    """allow < notify < step_up < review < hold < block."""

    ALLOW = 0
    NOTIFY = 1
    STEP_UP = 2
    REVIEW = 3
    HOLD = 4
    BLOCK = 5

    @property
    def label(self) -> str:
        """The word on the wire and in the policy file."""
        return LABELS[self]

    @classmethod
    def parse(cls, label: str) -> Outcome:
        """The outcome that `label` names; an unknown word is a programming or policy error and raises ValueError."""
        try:
            return _BY_LABEL[label]
        except KeyError:
            raise ValueError(f"{label!r} is no outcome; use one of {', '.join(LABELS)}") from None


LABELS = tuple(outcome.name.lower() for outcome in Outcome)
_BY_LABEL = dict(zip(LABELS, Outcome, strict=True))
