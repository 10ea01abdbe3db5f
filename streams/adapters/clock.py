"""What does the machine say the time is? The one place that asks it."""

from __future__ import annotations

import time


class SystemClock:
    """The `Clock` of a worker."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()
