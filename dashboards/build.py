"""Which files do the dashboards and the page about metrics consist of, and are they current?

`make dashboards` (`python -m dashboards.build`) writes them, `--check` says whether they are what the code says.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import dashboard as sdk
from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.boards import BOARDS
from dashboards.boards.board import Board
from dashboards.panels import WIDTH, Panel, board_link
from streams import metrics as m

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = "dashboards/grafana/dashboards"
METRICS_PAGE: Final = "docs/metrics.md"
# Where Grafana finds the pages of docs/ (docker-compose.yml puts them there); another place is typed in on top.
DOCS: Final = "/public/paywarden"

QUESTIONS: Final[dict[m.Question, str]] = {
    "flow": "Are events flowing?",
    "late": "Are we late?",
    "sane": "Are we deciding sanely?",
    "people": "Are people coping?",
    "shown": "Does everybody get to see it?",
}


def dashboard_of(board: Board) -> models.Dashboard:
    """The dashboard as Grafana's library describes it: a row to a question, its panels side by side below."""
    built = (
        sdk.Dashboard(board.title)
        .uid(board.uid)
        .description(board.about)
        .tags(["paywarden"])
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .time(board.since, "now")
        .refresh("10s")
        .timezone("browser")
        .version(1)
        .with_variable(
            sdk.TextBoxVariable("docs").label("Runbook at").description("Folder of runbook.md.").default_value(DOCS)
        )
        .links([board_link(f"paywarden-{each().name}", each().title.partition(": ")[2]) for each in BOARDS])
    )
    for row in board.rows:
        built.with_row(sdk.Row(row.question))
        for panel in placed(row.panels):
            built.with_panel(panel)
    found = built.build()
    for number, each in enumerate(found.panels or (), start=1):
        each.id_val = number
    return found


def placed(panels: Sequence[Panel]) -> Iterator[Panel]:
    """Side by side, a number a sixth and everything else a third of a line; what is left of a line goes to the wide."""
    lines: list[list[Panel]] = [[]]
    for panel in panels:
        if sum(map(_width, lines[-1])) + _width(panel) > WIDTH:
            lines.append([])
        lines[-1].append(panel)
    if len({_width(panel) for panel in panels}) == 1:  # then no line is left with one alone
        share, more = divmod(len(panels), len(lines))
        rest = iter(panels)
        lines = [list(islice(rest, share + (number < more))) for number in range(len(lines))]
    for line in lines:
        yield from _filled(line)


def _width(panel: Panel) -> int:
    return WIDTH // 6 if isinstance(panel, stat.Panel) else WIDTH // 3


def _filled(line: Sequence[Panel]) -> Iterator[Panel]:
    wide = [panel for panel in line if not isinstance(panel, stat.Panel)] or line
    left = WIDTH - sum(map(_width, line))
    height = 8 if wide is not line or not isinstance(line[0], stat.Panel) else 4
    for panel in line:
        more = 0
        if panel in wide:
            place = wide.index(panel)
            more = left // len(wide) + (place < left % len(wide))
        yield panel.span(_width(panel) + more).height(height)


def board_json(board: Callable[[], Board]) -> str:
    """The file of one dashboard."""
    text = json.dumps(dashboard_of(board()), cls=JSONEncoder, indent=1, ensure_ascii=False, sort_keys=True)
    return text + "\n"


def metrics_page() -> str:
    """docs/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "Generated from `streams/metrics.py` and `dashboards/boards.py` by `make docs`. Labels are closed sets; a",
        f"value outside its set is shown as `{m.OTHER}`. Counters move after the commit of the group that they count.",
        "Points in time are timestamps: an age is `time() - metric`. The Prometheus client's own `process_*` and",
        "`python_*` come on top.",
        "",
        "| process | shows | where |",
        "|---|---|---|",
        "| `paywarden worker`, `paywarden ingest run` | what the others do not | `PAYWARDEN_WEB_PORT`, else 6066 |",
        "| `paywarden console` | `paywarden_console_*`, `paywarden_store_*` | `--web-port`; none by default |",
        "| `paywarden store load --follow` | `paywarden_store_*` | `--web-port`; none by default |",
        "| `paywarden webhooks run` | `paywarden_webhook_*` | `--web-port`; none by default |",
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
    lines += [
        "",
        "## Dashboards",
        "",
        "`dashboards/grafana` holds them and their provisioning, `dashboards/prometheus` scraping, recording rules",
        "(`recording.yml`), alerts (`alerts.yml`) and the tests of both. Each panel says what it means; a panel about",
        "something that alerts has the limit as a line and a link to the [runbook](runbook.md). Prometheus scrapes",
        "workers by name, and whatever else `dashboards/prometheus/services/*.yml` lists:",
        "",
        "```yaml",
        "- targets: [console.internal:6067]",
        "  labels: {service: console}",
        "```",
        "",
        "| dashboard | questions |",
        "|---|---|",
    ]
    for board in BOARDS:
        made = board()
        lines.append(f"| {made.title} | {' '.join(row.question for row in made.rows)} |")
    return "\n".join(lines) + "\n"


# Path from the root of the repository: what it must hold.
FILES: Final[dict[str, Callable[[], str]]] = {
    **{f"{FOLDER}/paywarden-{board.__name__}.json": partial(board_json, board) for board in BOARDS},
    METRICS_PAGE: metrics_page,
}


def main(arguments: list[str]) -> int:
    stale = [path for path, text in FILES.items() if not (ROOT / path).exists() or (ROOT / path).read_text() != text()]
    gone = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / FOLDER).glob("*.json"))
        if path.relative_to(ROOT).as_posix() not in FILES
    ]
    if "--check" in arguments:
        for path in (*stale, *gone):
            print(f"{path} is not what the code says: run make dashboards")
        return 1 if stale or gone else 0
    for path in stale:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(FILES[path]())
        print(f"wrote {path}")
    for path in gone:
        (ROOT / path).unlink()
        print(f"removed {path}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
