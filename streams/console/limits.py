"""How often may somebody ask for pages, search and see whole ids? Counted for each person and process."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
from starlette.types import Scope

from streams.console.api.limits import HOUR_MS, MINUTE_MS, Buckets
from streams.console.audit import KINDS, route_of

# Rows of the trail by which a request is more than a page.
_SEARCHES: Final = frozenset({"search", "contact_search", "audit_view", "export"})
_REVEALS: Final = frozenset({"reveal", "attachment_view"})


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say."""

    requests_per_minute: int = 300
    searches_per_minute: int = 60
    reveals_per_hour: int = 60


class TooOften(NamedTuple):
    """A key of the texts that says what, and in how many seconds it may be asked for again."""

    text: str
    wait_s: int


class Throttle:
    """A bucket of each kind for everybody who is signed in; a second session has the same."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets = Buckets()

    def refuses(self, who: str, scope: Scope, now_ms: int) -> TooOften | None:
        """Why this request is one too many; None if it is not, and then it counts."""
        kind = KINDS.get((scope["method"], route_of(scope)))
        if kind in _REVEALS:
            wait_s = self._buckets.take(f"reveal {who}", self._limits.reveals_per_hour, now_ms, HOUR_MS)
            if wait_s:
                return TooOften("refused.reveals", wait_s)
        if kind in _SEARCHES:
            wait_s = self._buckets.take(f"search {who}", self._limits.searches_per_minute, now_ms, MINUTE_MS)
            if wait_s:
                return TooOften("refused.searches", wait_s)
        wait_s = self._buckets.take(f"page {who}", self._limits.requests_per_minute, now_ms, MINUTE_MS)
        return TooOften("refused.requests", wait_s) if wait_s else None
