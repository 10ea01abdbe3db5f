"""Do the workers still decide what comes in, as far as what they write shows it?

A console over topics that nobody works on looks alive: its cases are there, and what is pressed waits for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Each of them brings something to decide; entries of a ledger may come in thousands that are none.
ASKING: Final = frozenset({"payments.transactions", "auth.logins"})
_WRITTEN_BY_OTHERS: Final = ASKING | {"ledger.entries", "account.profiles"}
MANY: Final = 20  # a few may be outcomes of what was decided long ago
SILENT_MS: Final = 60_000  # longer than any start and rebalance of a worker takes


class Pulse:
    """Told what was read from topics, it knows since when nothing was decided."""

    def __init__(self) -> None:
        self._waiting = 0
        self._since_ms = 0

    def heard(self, counts: Mapping[str, int], now_ms: int) -> None:
        """So many records were read, by topic."""
        if not counts.keys() <= _WRITTEN_BY_OTHERS:
            self._waiting = 0
            return
        asking = sum(counts.get(topic, 0) for topic in ASKING)
        if asking and not self._waiting:
            self._since_ms = now_ms
        self._waiting += asking

    def silent_since_ms(self, now_ms: int) -> int | None:
        """Since when nothing was decided although much came in; None while that says nothing."""
        is_silent = self._waiting >= MANY and now_ms - self._since_ms >= SILENT_MS
        return self._since_ms if is_silent else None
