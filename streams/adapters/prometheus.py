"""How is the metric catalogue recorded and shown to Prometheus?

Recording is a dictionary update; the families of prometheus_client are built when somebody scrapes. That keeps counting
out of the cost of an event and lets a whole group be observed at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import product
from math import prod

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from streams.core.learning import BANDS_FROM, average_precision
from streams.metrics import (
    LABELLED_SCORES,
    LABELS,
    METRICS,
    MODEL_AVERAGE_PRECISION,
    MODEL_CARD_PRECISION,
    OTHER,
    RANKED_ACCOUNTS,
    Counter,
    Gauge,
    Histogram,
    Metric,
    Shape,
    Values,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST

Labels = tuple[str, ...]

_FEW = 64
_FEW_SPREADS = 60  # each of them is a dozen series


class _Spread:
    """Counts per bucket of one histogram series; the last one is beyond every bound."""

    __slots__ = ("counts", "total")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * (buckets + 1)
        self.total = 0.0


class PrometheusMetrics(Collector):
    """The `Metrics` of a worker, on a registry of its own: importing a library never adds series to it.

    Written by one thread, the event loop; scraped from any. A scrape goes over copies: `dict.copy` is one step for
    others, while `list(items())` makes a tuple per entry, and the collection of garbage in between may run Python.
    """

    def __init__(self, catalogue: Iterable[Metric] = METRICS) -> None:
        self._values: dict[Counter | Gauge, dict[Labels, float]] = {}
        self._spreads: dict[Histogram, dict[Labels, _Spread]] = {}
        self._catalogue = tuple(catalogue)
        for metric in self._catalogue:
            if isinstance(metric, Histogram):
                known = _known(metric, _FEW_SPREADS)
                self._spreads[metric] = {labels: _Spread(len(metric.buckets)) for labels in known}
            elif isinstance(metric, Counter):
                self._values[metric] = dict.fromkeys(_known(metric, _FEW), 0.0)
            elif isinstance(metric, Gauge):
                self._values[metric] = {}
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    def add(self, metric: Counter, amount: float = 1, /, *labels: str) -> None:
        series = self._values[metric]
        key = labels if labels in series else self._admit(metric, labels)
        series[key] = series.get(key, 0.0) + amount

    def set(self, metric: Gauge, value: float, /, *labels: str) -> None:
        series = self._values[metric]
        series[labels if labels in series else self._admit(metric, labels)] = value

    def observe(self, metric: Histogram, value: float, /, *labels: str, count: int = 1) -> None:
        series = self._spreads[metric]
        spread = series.get(labels)
        if spread is None:
            spread = series.setdefault(self._admit(metric, labels), _Spread(len(metric.buckets)))
        spread.counts[bisect_left(metric.buckets, value)] += count
        spread.total += value * count

    def forget(self, metric: Gauge, /, *labels: str) -> None:
        self._values[metric].pop(labels, None)

    def exposition(self) -> bytes:
        """The page that /metrics serves, of type `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Family]:
        self._judge_model()
        for metric in self._catalogue:
            if isinstance(metric, Histogram):
                yield self._histogram(metric)
            elif isinstance(metric, Counter | Gauge):
                family = (CounterMetricFamily if isinstance(metric, Counter) else GaugeMetricFamily)(
                    metric.name, metric.help, labels=metric.labels
                )
                for labels, value in self._values[metric].copy().items():
                    family.add_metric(labels, value)
                yield family

    def _judge_model(self) -> None:
        """Average and card precision from what has been counted; done when somebody asks, not for every label."""
        ranked = self._values.get(RANKED_ACCOUNTS, {}).copy()
        if sum(ranked.values()):
            self.set(MODEL_CARD_PRECISION, ranked.get(("fraud",), 0.0) / sum(ranked.values()))
        counted = self._values.get(LABELLED_SCORES)
        if counted is None:
            return
        told = counted.copy()
        bands = [[told.get((str(start), truth), 0.0) for truth in ("fraud", "legit")] for start in BANDS_FROM]
        found = average_precision([frauds for frauds, _ in bands], [sum(band) for band in bands])
        if found is not None:
            self.set(MODEL_AVERAGE_PRECISION, found)

    def _histogram(self, metric: Histogram) -> Family:
        family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, spread in self._spreads[metric].copy().items():
            running = 0
            buckets = []
            for bound, count in zip([*map(str, map(float, metric.buckets)), "+Inf"], spread.counts, strict=True):
                running += count
                buckets.append((bound, running))
            family.add_metric(labels, buckets, sum_value=spread.total)
        return family

    def _admit(self, metric: Metric, labels: Labels) -> Labels:
        """The labels of a new series, as they may be shown."""
        if len(labels) != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, not {len(labels)} of them")
        series = self._spreads[metric] if isinstance(metric, Histogram) else self._values[metric]  # type: ignore[index]
        return tuple(
            value
            if allowed.admits(value) and not (isinstance(allowed, Shape) and len(series) >= allowed.most)
            else OTHER
            for allowed, value in zip((LABELS[name] for name in metric.labels), labels, strict=True)
        )


def _known(metric: Metric, most: int) -> Iterator[Labels]:
    """The series that exist from the start: a counter that appears with its first failure has no increase to alert on.

    Only where all labels are closed and few; the rest would be hundreds of zeros.
    """
    allowed = [LABELS[name] for name in metric.labels]
    closed = [sorted(label.values) for label in allowed if isinstance(label, Values)]
    if len(closed) == len(allowed) and prod(map(len, closed)) <= most:
        yield from product(*closed)
