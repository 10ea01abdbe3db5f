"""Does docs/rules.md say what the rules, their thresholds and the reason codes are?"""

from __future__ import annotations

from pathlib import Path

from streams.adapters.policy_file import load_policy
from streams.core.reasons import REASONS
from streams.core.rules.page import rules_page
from streams.core.rules.registry import RULES

PAGE = Path(__file__).parents[4] / "docs" / "rules.md"


def test_the_page_is_what_the_code_says(pytestconfig):
    page = rules_page(load_policy())
    if pytestconfig.getoption("--update-generated"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "run `make docs`"


def test_every_rule_and_reason_is_on_it():
    page = rules_page(load_policy())
    assert all(f"\n## {rule.slug}\n" in page for rule in RULES)
    assert all(f"\n| {code} | " in page for code in REASONS)
    assert page.count("**Blind to:**") == page.count("**Costs:**") == len(RULES)
