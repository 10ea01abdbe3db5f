"""What do simple, explainable questions say about an event?"""

from __future__ import annotations

from streams.core.rules.base import Fired, NotApplicable, Quiet, Rule, RuleResult
from streams.core.rules.program import Finding, evaluate, evaluate_all, mode_of, outcome_of
from streams.core.rules.registry import RULES

__all__ = [
    "RULES",
    "Finding",
    "Fired",
    "NotApplicable",
    "Quiet",
    "Rule",
    "RuleResult",
    "evaluate",
    "evaluate_all",
    "mode_of",
    "outcome_of",
]
