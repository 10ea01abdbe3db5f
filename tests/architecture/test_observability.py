"""Does every name in alerts, dashboards and runbook exist, and does every alert tell an operator what to do?"""

from __future__ import annotations

import ast
import copy
import json
import re
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from support.prometheus import ALERTS, DASHBOARDS, FOLDER, RECORDED, expressions_of_dashboards

from streams import metrics as catalogue
from streams.contracts.registry import REASONS
from streams.metrics import LABELS, METRICS, Histogram, Metric, Values
from streams.runtime import failstop

ROOT = Path(__file__).parents[2]
CASES = [
    case
    for page in ("alerts_test.yml", "alerts_days_test.yml")
    for case in yaml.safe_load((FOLDER / page).read_text())["tests"]
]
EXPOSED = {
    metric.name + suffix: metric
    for metric in METRICS
    for suffix in (("_bucket", "_sum", "_count") if isinstance(metric, Histogram) else ("",))
}
PANELS = [
    pytest.param(board, panel, id=f"{board['uid']}: {panel['title']}")
    for board in DASHBOARDS
    for panel in board["panels"]
    if panel["type"] != "row"
]
BOUNDARIES = r"paywarden:[a-z_]+:[a-z0-9_]+"


def queries() -> list[str]:
    series = [series["series"] for case in CASES for series in case["input_series"]]
    return [*(rule["expr"] for rule in (*ALERTS, *RECORDED)), *expressions_of_dashboards(), *series]


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
    """By itself or through a recording rule."""
    shown = " ".join(expressions_of_dashboards())
    shown += " ".join(rule["expr"] for rule in RECORDED if rule["record"] in shown)
    assert [
        metric.name for metric in METRICS if not re.search(rf"\b{metric.name}(_bucket|_count|_sum)?\b", shown)
    ] == []


def test_what_is_recorded_is_used_and_what_is_used_is_recorded() -> None:
    recorded = {rule["record"] for rule in RECORDED}
    used = {name for query in queries() for name in re.findall(BOUNDARIES, query)}
    assert used == recorded


def test_there_is_a_dashboard_for_each_part_and_each_leads_to_the_others() -> None:
    uids = {f"paywarden-{name}" for name in ("overview", "fraud", "payments", "logins", "cases", "health")}
    assert {board["uid"] for board in DASHBOARDS} == uids
    for board in DASHBOARDS:
        assert {link["url"] for link in board["links"]} == {f"/d/{uid}" for uid in uids}


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board["uid"])
class TestEveryDashboard:
    def test_asks_one_question_a_row_and_answers_it(self, board: dict[str, Any]) -> None:
        kinds = [panel["type"] == "row" for panel in board["panels"]]
        assert kinds[0]
        assert not kinds[-1]
        assert not any(row and following for row, following in pairwise(kinds))
        assert all(panel["title"].endswith("?") for panel in board["panels"] if panel["type"] == "row")

    def test_fills_its_lines_and_overlaps_nowhere(self, board: dict[str, Any]) -> None:
        taken: set[tuple[int, int]] = set()
        for place in (panel["gridPos"] for panel in board["panels"]):
            cells = set(product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])))
            assert not cells & taken
            taken |= cells
        height = max(y for _, y in taken) + 1
        assert len(taken) == 24 * height

    def test_is_what_the_library_of_its_grafana_reads(self, board: dict[str, Any]) -> None:
        register_default_plugins()
        read = Dashboard.from_json(copy.deepcopy(board))
        again = json.loads(json.dumps(read, cls=JSONEncoder))
        assert [sorted(panel) for panel in again["panels"]] == [sorted(panel) for panel in board["panels"]]
        assert again == board


@pytest.mark.parametrize(("board", "panel"), PANELS)
class TestEveryPanel:
    def test_says_what_it_means_in_which_unit(self, board: dict[str, Any], panel: dict[str, Any]) -> None:
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["legendFormat"] for target in panel["targets"])

    def test_leads_to_what_exists(self, board: dict[str, Any], panel: dict[str, Any]) -> None:
        for url in (link["url"] for link in panel.get("links") or ()):
            if url.startswith("/d/"):
                assert url.removeprefix("/d/") in {each["uid"] for each in DASHBOARDS}
            else:
                page, _, anchor = url.partition("#")
                assert page == "${docs}/runbook.md"
                assert anchor in {rule["alert"].lower() for rule in ALERTS}


def test_every_alert_is_reached_from_a_panel() -> None:
    """Who sees a line cross its limit finds out what to do."""
    linked = {
        link["url"].partition("#")[2]
        for board in DASHBOARDS
        for panel in board["panels"]
        for link in panel.get("links") or ()
    }
    # What is misplaced by intent and a process that is gone have no course that a panel could show.
    elsewhere = {"paywardenprivilegedmisplaced", "paywardenservicedown"}
    assert {rule["alert"].lower() for rule in ALERTS} - linked == elsewhere


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
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
