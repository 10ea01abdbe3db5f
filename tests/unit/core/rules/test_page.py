"""Does the page about rules hold every rule, with its limits, and every reason code?"""

from __future__ import annotations

from streams.adapters.policy_file import load_policy
from streams.core.reasons import REASONS
from streams.core.rules.page import rules_page
from streams.core.rules.registry import RULES


def test_every_rule_and_reason_is_on_it():
    page = rules_page(load_policy())
    assert all(f"\n## {rule.slug}\n" in page for rule in RULES)
    assert all(f"\n| {code} | " in page for code in REASONS)
    assert page.count("**Blind to:**") == page.count("**Costs:**") == len(RULES)
