"""A `Metrics` that remembers, so that a test can say what must have been counted."""

from __future__ import annotations

from collections import defaultdict

from streams.metrics import LABELS, Counter, Gauge, Histogram, Metric


class RecordingMetrics:
    """Stricter than production: a label value outside its closed set is an error here, not `other`."""

    def __init__(self) -> None:
        self.counted: defaultdict[tuple[Counter, tuple[str, ...]], float] = defaultdict(float)
        self.gauges: dict[tuple[Gauge, tuple[str, ...]], float] = {}
        self.observed: defaultdict[tuple[Histogram, tuple[str, ...]], list[float]] = defaultdict(list)

    def add(self, metric: Counter, amount: float = 1, /, *labels: str) -> None:
        self.counted[metric, self._checked(metric, labels)] += amount

    def set(self, metric: Gauge, value: float, /, *labels: str) -> None:
        self.gauges[metric, self._checked(metric, labels)] = value

    def observe(self, metric: Histogram, value: float, /, *labels: str, count: int = 1) -> None:
        self.observed[metric, self._checked(metric, labels)].extend([value] * count)

    def forget(self, metric: Gauge, /, *labels: str) -> None:
        self.gauges.pop((metric, labels), None)

    def total(self, metric: Counter, **labels: str) -> float:
        """The sum over all series of `metric` that carry `labels`."""
        return sum(
            amount
            for (counted, values), amount in self.counted.items()
            if counted is metric and labels.items() <= dict(zip(metric.labels, values, strict=True)).items()
        )

    @staticmethod
    def _checked(metric: Metric, labels: tuple[str, ...]) -> tuple[str, ...]:
        for name, value in zip(metric.labels, labels, strict=True):
            if not LABELS[name].admits(value):
                raise AssertionError(f"{metric.name}: {value!r} is not a value of the label {name!r}")
        return labels
