"""May this token ask once more? As many requests a minute as it was given, with as many saved up at most."""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from typing import Final

_MINUTE_MS: Final = 60_000
_REMEMBERED: Final = 10_000  # tokens; one that was forgotten begins with a full bucket


class Buckets:
    """A token bucket for each name. Counted per process."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, name: str, per_minute: int, now_ms: int) -> int:
        """Takes one. 0 if there was one, else in how many seconds there will be."""
        left, at_ms = self._left.get(name, (float(per_minute), now_ms))
        left = min(float(per_minute), left + max(0, now_ms - at_ms) * per_minute / _MINUTE_MS)
        wait_s = 0 if left >= 1 else ceil((1 - left) * 60 / per_minute)
        self._left[name] = (left if wait_s else left - 1, now_ms)
        self._left.move_to_end(name)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        return wait_s
