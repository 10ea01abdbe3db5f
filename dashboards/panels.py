"""How does a question become a panel? The one place that knows Grafana's own library.

A panel has a title, a sentence that says what it means, a unit, where there is a limit the line of that limit, and
where there is an alert a link to what the runbook says about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
)

from streams import metrics as m

Panel = timeseries.Panel | stat.Panel | bargauge.Panel

PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid="prometheus")
RATE: Final = "[$__rate_interval]"
RANGE: Final = "[$__range]"
WIDTH: Final = 24
_GREEN, _AMBER, _RED = "green", "orange", "red"


class Query(str):
    """PromQL with the legend of its series."""

    legend: str

    def __new__(cls, expression: str, legend: str) -> Query:
        made = super().__new__(cls, " ".join(expression.split()))
        made.legend = legend
        return made


def series(
    title: str,
    about: str,
    unit: str,
    *queries: Query,
    limit: float | None = None,
    runbook: str = "",
    stacked: bool = False,
    bars: bool = False,
    names: Mapping[str, str] | None = None,
    most: float | None = None,
) -> timeseries.Panel:
    """Something over time; `limit` is where an alert or a promise is, `runbook` the alert, `names` series by legend."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(PROMETHEUS)
        .unit(unit)
        .min(0)
        .line_width(1)
        .fill_opacity(30 if stacked or bars else 8)
        .show_points(VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if most is not None:
        panel.max(most)
    if bars:
        panel.draw_style(GraphDrawStyle.BARS)
    if stacked:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if limit is not None:
        panel.thresholds(_limits((_RED, limit))).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        )
    for legend, name in (names or {}).items():
        panel.override_by_name(legend, [DynamicConfigValue(id_val="displayName", value=name)])
    _ask(panel, queries, runbook)
    return panel


def number(
    title: str,
    about: str,
    unit: str,
    query: Query,
    *,
    amber: float | None = None,
    red: float | None = None,
    good_above: bool = False,
    runbook: str = "",
    board: str = "",
) -> stat.Panel:
    """One number of now with its recent course: green, and amber and red from these values on (`good_above`: below)."""
    steps = [(colour, value) for colour, value in ((_AMBER, amber), (_RED, red)) if value is not None]
    panel = (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(PROMETHEUS)
        .unit(unit)
        .graph_mode(BigValueGraphMode.AREA)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .no_value("-")
        .thresholds(_limits((_GREEN, red), base=_RED) if good_above and red is not None else _limits(*steps))
    )
    _ask(panel, [query], runbook, board)
    return panel


def ranking(
    title: str, about: str, unit: str, query: Query, *, runbook: str = "", names: Mapping[str, str] | None = None
) -> bargauge.Panel:
    """Which are the largest over the time that the dashboard shows, as bars."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(about)
        .datasource(PROMETHEUS)
        .unit(unit)
        .min(0)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_limits(base="blue"))
    )
    for legend, name in (names or {}).items():
        panel.override_by_name(legend, [DynamicConfigValue(id_val="displayName", value=name)])
    _ask(panel, [query], runbook, instant=True)
    return panel


def rate(metric: m.Counter, *by: str, selector: str = "", title: str = "", runbook: str = "") -> timeseries.Panel:
    """A counter per second, of all processes together, split by labels."""
    labels = by or metric.labels
    query = f"sum{_by(labels)} (rate({metric.name}{selector}{RATE}))"
    shown = Query(query, legend_of(labels))
    return series(title or title_of(metric), metric.help, units.OpsPerSecond, shown, runbook=runbook)


def total(
    metric: m.Counter,
    *by: str,
    selector: str = "",
    title: str = "",
    runbook: str = "",
    names: Mapping[str, str] | None = None,
) -> timeseries.Panel:
    """How often something rare happened, as bars."""
    labels = by or metric.labels
    query = f"sum{_by(labels)} (increase({metric.name}{selector}{RATE}))"
    shown = Query(query, legend_of(labels))
    about = f"{metric.help} Counted per bar."
    return series(
        title or title_of(metric), about, units.Short, shown, stacked=True, bars=True, runbook=runbook, names=names
    )


def quantiles(
    metric: m.Histogram, *by: str, limit: float | None = None, title: str = "", runbook: str = ""
) -> timeseries.Panel:
    """Median and slow end of a histogram."""
    unit = units.Seconds if metric.name.endswith("_seconds") else units.Short
    queries = [
        Query(
            f"histogram_quantile({share}, sum by ({', '.join(('le', *by))}) (rate({metric.name}_bucket{RATE})))",
            f"p{share * 100:g}" + (f" {legend_of(by)}" if by else ""),
        )
        for share in (0.5, 0.95, 0.99)
    ]
    return series(title or title_of(metric), metric.help, unit, *queries, limit=limit, runbook=runbook)


def value(metric: m.Gauge, *by: str, how: str = "sum", title: str = "", runbook: str = "") -> timeseries.Panel:
    """A gauge, of all processes and partitions together unless split by labels."""
    unit = units.BytesIEC if metric.name.endswith("_bytes") else units.Short
    query = f"{how}{_by(by)} ({metric.name})"
    return series(title or title_of(metric), metric.help, unit, Query(query, legend_of(by)), runbook=runbook)


def age(
    metric: m.Gauge, *by: str, title: str = "", limit: float | None = None, runbook: str = "", how: str = "min"
) -> timeseries.Panel:
    """How long ago a point in time is; `how` chooses among partitions and processes, `min` the oldest."""
    query = f"time() - {how}{_by(by)} ({metric.name})"
    shown = Query(query, legend_of(by))
    about = f"How long ago: {metric.help[:1].lower()}{metric.help[1:]}"
    return series(title or f"{title_of(metric)}, age", about, units.Seconds, shown, limit=limit, runbook=runbook)


def mix(title: str, about: str, metric: m.Counter, label: str, *, limit: float | None = None) -> timeseries.Panel:
    """Which part of all each value of a label is."""
    whole = f"sum (rate({metric.name}{RATE}))"
    query = f"sum by ({label}) (rate({metric.name}{RATE})) / ignoring ({label}) group_left () ({whole} > 0)"
    # Nothing at all is a share of nothing, and no gap.
    shown = Query(f"{query} or 0 * sum by ({label}) (rate({metric.name}{RATE}))", legend_of((label,)))
    return series(title, about, units.PercentUnit, shown, limit=limit, most=1)


def title_of(metric: m.Metric) -> str:
    words = metric.name.removeprefix("paywarden_")
    for unit in ("_total", "_timestamp_seconds", "_seconds", "_bytes", "_info"):
        words = words.removesuffix(unit)
    return words.replace("_", " ").capitalize().replace("psi", "stability index")


def legend_of(labels: Sequence[str]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels) or "all"


def runbook_link(alert: str) -> dashboard.DashboardLink:
    """To the section of the runbook about an alert; `docs` is a variable of each dashboard."""
    return (
        dashboard.DashboardLink(f"Runbook: {alert}")
        .type(DashboardLinkType.LINK)
        .url(f"${{docs}}/runbook.md#{alert.lower()}")
        .target_blank(True)
    )


def board_link(uid: str, title: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(title).type(DashboardLinkType.LINK).url(f"/d/{uid}").keep_time(True)


def _ask(panel: Panel, queries: Sequence[Query], runbook: str, board: str = "", *, instant: bool = False) -> None:
    for number_, query in enumerate(queries):
        asked = (
            prometheus.Dataquery()
            .ref_id(chr(ord("A") + number_))
            .datasource(PROMETHEUS)
            .expr(str(query))
            .legend_format(query.legend)
        )
        panel.with_target(asked.instant() if instant else asked.range())
    links = [runbook_link(runbook)] if runbook else []
    if board:
        links.append(board_link(board, "Look closer"))
    if links:
        panel.links(list(links))


def _limits(*steps: tuple[str, float | None], base: str = _GREEN) -> dashboard.ThresholdsConfig:
    values = [Threshold(color=base, value=None), *(Threshold(color=colour, value=at) for colour, at in steps)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(values)


def _by(labels: Sequence[str]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""
