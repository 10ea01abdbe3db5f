"""Do answers take longer than they usually do?

Detector D of domain 3.2: the logarithm of the 95th percentile of each window against its own moving mean and variance.
A window is a minute, or as many minutes as it takes to hold answers enough.
"""

from __future__ import annotations

import math

import msgspec

LEAST_MEASURED = 20  # answers in a window; fewer make no percentile
LONGEST_MS = 3_600_000  # of a window: what took longer is of several times of the day
WARM_WINDOWS = 30
_ALPHA = 0.05  # a memory of about twenty windows
# Classes are a factor of two wide, so a percentile inside one is known to a tenth of an octave at best.
_LEAST_DEVIATION = 0.1


class Speed(msgspec.Struct, array_like=True):
    """Durations of one key; spans are counts by class of `streams.core.entities.health.SPANS_S`."""

    spans: list[int] = []  # of the running window
    mean: float = 0.0  # of log2 of the 95th percentile, in classes
    variance: float = 0.0
    windows: int = 0
    slow: int = 0  # windows in a row above the limit
    late: float = 0.0  # share of the last slow window that was slower than twice the usual percentile
    measured: int = 0  # answers in it
    short_ms: int = 0  # since when the running window has too few answers; 0: it has just begun

    @property
    def lately(self) -> tuple[float, float]:
        """Answers of the last slow window, and how many of them were late."""
        return self.measured, self.late * self.measured


def measure(speed: Speed, spans: tuple[int, ...]) -> None:
    """Adds the durations of a bucket."""
    if len(speed.spans) != len(spans):
        speed.spans = list(spans)
    else:
        speed.spans = [have + more for have, more in zip(speed.spans, spans, strict=True)]


def end_minute(speed: Speed, at_ms: int, sigmas: float) -> None:
    """Judges the window, if it holds enough now that a minute has ended. A slow one does not become the normal."""
    measured = sum(speed.spans)
    if measured < LEAST_MEASURED:
        _go_on(speed, at_ms)
        return
    spans, speed.spans, speed.short_ms = speed.spans, [], 0
    p95 = percentile(spans, 0.95)
    deviation = max(_LEAST_DEVIATION, math.sqrt(speed.variance))
    if speed.windows >= WARM_WINDOWS and p95 > speed.mean + sigmas * deviation:
        speed.slow += 1
        usual = min(len(spans), math.ceil(speed.mean) + 1)
        speed.late = sum(spans[usual:]) / measured
        speed.measured = measured
        return
    speed.slow = 0
    speed.windows += 1
    alpha = max(_ALPHA, 1.0 / speed.windows)
    change = p95 - speed.mean
    speed.mean += alpha * change
    speed.variance = (1.0 - alpha) * (speed.variance + alpha * change * change)


def _go_on(speed: Speed, at_ms: int) -> None:
    """The window goes on, an hour at most; then nobody can say how fast it is."""
    speed.short_ms = speed.short_ms or at_ms
    if at_ms - speed.short_ms >= LONGEST_MS:
        speed.spans, speed.slow, speed.short_ms = [], 0, 0


def percentile(spans: list[int], share: float) -> float:
    """Where `share` of the measured lies, in classes; within a class evenly spread."""
    rest = share * sum(spans)
    for number, count in enumerate(spans):
        if count and rest <= count:
            return number + rest / count
        rest -= count
    return float(len(spans))
