"""Does every name in alerts, dashboards and runbook exist, and does every alert tell an operator what to do?"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams import metrics as catalogue
from streams.contracts.registry import REASONS
from streams.metrics import LABELS, METRICS, Histogram, Metric, Values
from streams.runtime import failstop

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "dashboards/prometheus"
RULES = [rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
CASES = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
OVERVIEW = json.loads((ROOT / "dashboards/grafana/dashboards/paywarden-overview.json").read_text())
EXPOSED = {
    metric.name + suffix: metric
    for metric in METRICS
    for suffix in (("_bucket", "_sum", "_count") if isinstance(metric, Histogram) else ("",))
}


def queries() -> list[str]:
    panels = [target["expr"] for panel in OVERVIEW["panels"] for target in panel.get("targets", [])]
    series = [series["series"] for case in CASES for series in case["input_series"]]
    return [*(rule["expr"] for rule in RULES), *panels, *series]


def anchors(page: Path) -> set[str]:
    """The anchors of a page, as code hosts derive them from its headings."""
    headings = re.findall("^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub("[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("query", queries())
def test_metrics_and_labels_of_a_query_exist(query: str) -> None:
    for name, _, selector in re.findall(r"(paywarden_[a-z_]+)(\{([^}]*)\})?", query):
        assert name in EXPOSED, f"{name} is in no row of streams/metrics.py"
        allowed = {*EXPOSED[name].labels, "le", "job", "instance"}
        for label, operator, values in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', selector):
            assert label in allowed, f"{name} has no label {label}"
            known = LABELS.get(label)
            if isinstance(known, Values):
                for value in values.split("|") if operator == "=~" else [values]:
                    assert known.admits(value), f"{label} is never {value!r}"


def test_every_metric_has_a_panel() -> None:
    shown = " ".join(target["expr"] for panel in OVERVIEW["panels"] for target in panel.get("targets", []))
    assert [metric.name for metric in METRICS if metric.name not in shown] == []


def test_the_dashboard_asks_the_five_questions() -> None:
    assert [panel["title"] for panel in OVERVIEW["panels"] if panel["type"] == "row"] == [
        "Are events flowing?",
        "Are we late?",
        "Are we deciding sanely?",
        "Are people coping?",
        "Does everybody get to see it?",
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
class TestEveryAlert:
    def test_has_a_severity_and_a_summary(self, rule: dict[str, Any]) -> None:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]

    def test_leads_to_its_section_of_the_runbook(self, rule: dict[str, Any]) -> None:
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert anchor == rule["alert"].lower()
        assert anchor in anchors(ROOT / page)

    def test_is_shown_firing_and_silent(self, rule: dict[str, Any]) -> None:
        expected = [
            bool(check.get("exp_alerts"))
            for case in CASES
            for check in case["alert_rule_test"]
            if check["alertname"] == rule["alert"]
        ]
        assert set(expected) == {True, False}


def test_every_metric_is_recorded_somewhere() -> None:
    """A row that nobody writes is a flat line that looks like health."""
    rows = {name: value for name, value in vars(catalogue).items() if isinstance(value, Metric)}
    used: set[str] = set()
    for path in sorted((ROOT / "streams").rglob("*.py")):
        if path.name == "metrics.py" or path.parent.name == "contracts":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Name(name) | ast.Attribute(attr=name):
                    used.add(name)
    assert rows.keys() - used == set()


def test_every_refusal_of_a_worker_is_in_the_runbook() -> None:
    refusals = {kind.__name__ for kind in failstop.Refusal.__subclasses__()}
    others = {"StateFromTheFuture", "ForeignPartitionCount", "PolicyError", "SettingsError"}
    assert {name.lower() for name in refusals | others} <= anchors(ROOT / "docs/runbook.md")


def test_every_reason_of_a_dead_letter_is_in_the_runbook() -> None:
    assert REASONS.keys() <= anchors(ROOT / "docs/runbook.md")


@pytest.mark.parametrize(
    "page", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "CONTRIBUTING.md", ROOT / "README.md"], ids=str
)
def test_links_between_our_pages_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {path}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to #{anchor} of {file.name}"
