"""What does the page docs/rules.md say? Everything on it comes from the registry, the docstrings and the policy."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from streams.core.policy import Policy
from streams.core.reasons import REASONS
from streams.core.rules.base import Rule
from streams.core.rules.registry import RULES

_HEAD = """\
# Rules

Generated from the rules' docstrings, `streams/core/policy.default.toml` and `streams/core/reasons.py`; do not edit.
`make docs` writes it again.

Each rule asks one question about one event, knowing what was true before it. Its answer is on the decision:
`velocity/02` is the rule and its band, `velocity/x00` means not applicable, `velocity/err` that the rule failed and
counted as `outcome.missing_feature`. Band numbers are never used again for something else. When several rules fire,
the strictest outcome wins: allow < notify < step_up < review < hold < block. A review lets money go, so beside a
`step_up` the payment or login waits for the second factor, and the case opens all the same. `paywarden explain`
prints all answers.

Thresholds are in the policy, one table per rule. `mode = "observe"` lets a rule speak without counting: new rules
start that way. Amounts are in minor units; currencies that are not listed are converted.
"""


def rules_page(policy: Policy) -> str:
    """The whole page, as it is for `policy`."""
    parts = [_HEAD, _overview(policy)]
    parts += [_rule(rule, getattr(policy.rules, rule.section)) for rule in RULES]
    parts.append(_reasons())
    return "\n".join(parts)


def _overview(policy: Policy) -> str:
    rows = ["| rule | question | outcomes by band |", "|---|---|---|"]
    for rule in RULES:
        question = (inspect.getdoc(inspect.getmodule(rule.judge)) or "").splitlines()[0]
        outcomes = " · ".join(getattr(policy.rules, rule.section).outcomes)
        rows.append(f"| [{rule.slug}](#{rule.slug}) | {question} | {outcomes} |")
    return "\n".join(rows) + "\n"


def _rule(rule: Rule, section: Any) -> str:
    summary, _, rest = (inspect.getdoc(rule.judge) or "").partition("\n\n")
    lines = [f"## {rule.slug}", "", summary, ""]
    for line in rest.splitlines():
        if line.startswith("    "):
            lines[-1] += " " + line.strip()
        else:
            name, _, text = line.partition(": ")
            lines.append(f"* **{name}:** {text}")
    events = ", ".join(sorted(f"`{kind.__struct_config__.tag}`" for kind in rule.events))  # type: ignore[attr-defined]
    lines += [f"* **Asked about:** {events}", "", "```toml", f"[rules.{rule.section}]"]
    lines += [f"{name} = {_toml(getattr(section, name))}" for name in section.__struct_fields__]
    return "\n".join([*lines, "```", ""])


def _reasons() -> str:
    rows = [
        "## Reason codes",
        "",
        "Analysts see the code with its text. Customers see text of the class only: it says nothing about the rule.",
        "",
        "| code | reason | zh | en | customer class |",
        "|---|---|---|---|---|",
    ]
    rows += [
        f"| {reason.code} | {reason.slug} | {reason.zh} | {reason.en} | {reason.safe} |" for reason in REASONS.values()
    ]
    return "\n".join(rows) + "\n"


# Amount tables are completed for every currency when a policy is read; the page shows those that people think in.
_SHOWN = ("CNY", "EUR", "USD")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {value[name]}" for name in _SHOWN if name in value) + " }"
    return str(value)
