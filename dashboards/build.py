"""What does the Grafana overview show? Five questions, a row each, a panel per metric of the catalogue.

`python dashboards/build.py` writes the files, `--check` says whether they are current. A metric without a panel cannot
exist, because the panels are made from the catalogue; what deserves more than the default gets it in `SPECIAL`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from streams import metrics as m

Panel = dict[str, Any]

ROOT: Final = Path(__file__).parent.parent
OVERVIEW: Final = "dashboards/grafana/dashboards/paywarden-overview.json"
METRICS_PAGE: Final = "docs/metrics.md"

QUESTIONS: Final[dict[m.Question, str]] = {
    "flow": "Are events flowing?",
    "late": "Are we late?",
    "sane": "Are we deciding sanely?",
    "people": "Are people coping?",
    "shown": "Does everybody get to see it?",
}
_DATASOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
_WIDTH, _HEIGHT, _COLUMNS = 8, 7, 24
_RATE: Final = "[$__rate_interval]"
_MISTAKES: Final = f'sum by (lock) (increase({m.LOCK_SECONDS.name}_count{{end="false_lock"}}[1d]))'


def _panel(title: str, about: str, unit: str, *queries: tuple[str, str], **defaults: float) -> Panel:
    return {
        "type": "timeseries",
        "title": title,
        "description": about,
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": {"unit": unit, **defaults}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + number), "expr": query, "legendFormat": legend, "datasource": _DATASOURCE}
            for number, (query, legend) in enumerate(queries)
        ],
    }


def _legend(labels: tuple[str, ...]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels) or "all"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""


def _title(metric: m.Metric) -> str:
    words = metric.name.removeprefix("paywarden_")
    for unit in ("_total", "_timestamp_seconds", "_seconds", "_bytes"):
        words = words.removesuffix(unit)
    return words.replace("_", " ").capitalize()


def _default(metric: m.Metric) -> Panel:
    """The panel that a metric gets by its kind."""
    if isinstance(metric, m.Counter):
        query = f"sum{_by(metric.labels)} (rate({metric.name}{_RATE}))"
        return _panel(_title(metric), metric.help, "ops", (query, _legend(metric.labels)), min=0)
    if isinstance(metric, m.Histogram):
        unit = "s" if metric.name.endswith("_seconds") else "short"
        labels = ("le", *metric.labels)
        return _panel(
            _title(metric),
            metric.help,
            unit,
            *(
                (
                    f"histogram_quantile({share}, sum{_by(labels)} (rate({metric.name}_bucket{_RATE})))",
                    f"p{share * 100:g} {_legend(metric.labels)}",
                )
                for share in (0.5, 0.95, 0.99)
            ),
            min=0,
        )
    coarse = tuple(label for label in metric.labels if label != "partition")
    if metric.name.endswith("_timestamp_seconds"):
        query = f"time() - min{_by(coarse)} ({metric.name})"
        return _panel(f"{_title(metric)} age", f"{metric.help} The worst partition.", "s", (query, _legend(coarse)))
    unit = "bytes" if metric.name.endswith("_bytes") else "short"
    return _panel(_title(metric), metric.help, unit, (f"sum{_by(coarse)} ({metric.name})", _legend(coarse)), min=0)


def _share(title: str, about: str, part: m.Counter, whole: m.Counter, label: str) -> Panel:
    query = (
        f"sum by ({label}) (rate({part.name}{_RATE})) / ignoring ({label}) group_left () "
        f"sum (rate({whole.name}{_RATE}))"
    )
    return _panel(title, about, "percentunit", (query, _legend((label,))), min=0)


# Panels beside the default ones: shares and differences that no single metric shows.
SPECIAL: Final[dict[m.Question, tuple[Panel, ...]]] = {
    "flow": (
        _share(
            "Dead letters, share",
            "Set aside, of all records. The worker stops itself at the configured limit.",
            m.DEAD_LETTERS,
            m.EVENTS,
            "reason",
        ),
    ),
    "late": (),
    "sane": (
        _share("Outcome mix", "Of all decisions.", m.DECISIONS, m.DECISIONS, "outcome"),
        _share("Decided without a score", "Rules only, by cause.", m.SCORE_UNAVAILABLE, m.DECISIONS, "cause"),
        _share(
            "Logins, by outcome",
            "Of those with the right password; step_up: challenged.",
            m.LOGINS,
            m.LOGINS,
            "outcome",
        ),
        _panel(
            "False locks, share",
            "Undone as a mistake, of the locks that began within a day.",
            "percentunit",
            (f"{_MISTAKES} / sum by (lock) (increase({m.LOCKS_BEGUN.name}[1d]))", "{{lock}}"),
            min=0,
        ),
    ),
    "people": (
        _panel(
            "Cases open",
            "Opened less ended, since the workers started.",
            "short",
            (f"sum by (queue) ({m.CASES_OPENED.name}) - sum by (queue) ({m.CASES_CLOSED.name})", "{{queue}}"),
        ),
        _share("Findings", "Of the cases that ended: false alarms.", m.CASES_CLOSED, m.CASES_CLOSED, "finding"),
    ),
    "shown": (),
}


def overview() -> dict[str, Any]:
    """The dashboard as Grafana loads it."""
    panels: list[Panel] = []
    top = 0
    for question, title in QUESTIONS.items():
        panels.append({"type": "row", "title": title, "collapsed": False, "gridPos": _place(0, top, _COLUMNS, 1)})
        top += 1
        content = [*SPECIAL[question], *(_default(metric) for metric in m.METRICS if metric.question == question)]
        for number, panel in enumerate(content):
            row, column = divmod(number, _COLUMNS // _WIDTH)
            panels.append({**panel, "gridPos": _place(column * _WIDTH, top + row * _HEIGHT, _WIDTH, _HEIGHT)})
        top += -(-len(content) // (_COLUMNS // _WIDTH)) * _HEIGHT
    return {
        "uid": "paywarden-overview",
        "title": "PayWarden overview",
        "tags": ["paywarden"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "10s",
        "timezone": "browser",
        "panels": [{"id": number, **panel} for number, panel in enumerate(panels, start=1)],
    }


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def overview_json() -> str:
    return json.dumps(overview(), indent=1, ensure_ascii=False) + "\n"


def metrics_page() -> str:
    """docs/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "Generated from `streams/metrics.py` by `make docs`. Labels are closed sets; a value outside its set is shown",
        f"as `{m.OTHER}`. Counters move after the commit of the group that they count. Points in time are timestamps:",
        "an age is `time() - metric`. The Prometheus client's own `process_*` and `python_*` come on top.",
    ]
    for question, title in QUESTIONS.items():
        lines += ["", f"## {title}", "", "| metric | kind | labels | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels) or '–'} | {metric.help} |"
            for metric in m.METRICS
            if metric.question == question
        ]
    lines += ["", "## Labels", "", "| label | values |", "|---|---|"]
    for name, allowed in m.LABELS.items():
        values = (
            ", ".join(f"`{value}`" for value in sorted(allowed.values))
            if isinstance(allowed, m.Values)
            else f"of the form `{allowed.pattern.pattern}`, at most {allowed.most} series".replace("|", "\\|")
        )
        lines.append(f"| {name} | {values} |")
    return "\n".join(lines) + "\n"


# Path from the root of the repository: what it must hold.
FILES: Final[dict[str, Callable[[], str]]] = {OVERVIEW: overview_json, METRICS_PAGE: metrics_page}


def main(arguments: list[str]) -> int:
    stale = [path for path, text in FILES.items() if not (ROOT / path).exists() or (ROOT / path).read_text() != text()]
    if "--check" in arguments:
        for path in stale:
            print(f"{path} is not what the catalogue says: run make dashboards")
        return 1 if stale else 0
    for path in stale:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(FILES[path]())
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
