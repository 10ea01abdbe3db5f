"""May somebody ask once more? As many times in a while as was said, with as many saved up at most."""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from threading import Lock
from typing import Final

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
_REMEMBERED: Final = 10_000  # names; one that was forgotten begins with a full bucket


class Buckets:
    """A token bucket for each name. Counted per process."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = Lock()  # routes run in threads

    def take(self, name: str, most: int, now_ms: int, while_ms: int = MINUTE_MS) -> int:
        """Takes one of `most` that there are in `while_ms`. 0 if there was one, else in how many seconds there is."""
        with self._lock:
            left, at_ms = self._left.get(name, (float(most), now_ms))
            left = min(float(most), left + max(0, now_ms - at_ms) * most / while_ms)
            wait_s = 0 if left >= 1 else ceil((1 - left) * while_ms / 1000 / most)
            self._left[name] = (left if wait_s else left - 1, now_ms)
            self._left.move_to_end(name)
            if len(self._left) > _REMEMBERED:
                self._left.popitem(last=False)
            return wait_s
