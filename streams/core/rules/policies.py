"""Which thresholds does each rule have? One table of the policy file per rule."""

from __future__ import annotations

from streams.core.sections import Section


class RulesPolicy(Section, frozen=True, kw_only=True):
    """The tables `rules.*`: one field per rule, named like the rule's file."""
