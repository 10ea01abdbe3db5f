"""What do simple, explainable questions say about an event?"""

from __future__ import annotations

from streams.core.rules.base import Fired, NotApplicable, Quiet, Rule, RuleResult

__all__ = ["Fired", "NotApplicable", "Quiet", "Rule", "RuleResult"]
