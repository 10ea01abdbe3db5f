"""May somebody speak about the absence of events yet, or is a feed behind or stopped that could still bring them?"""

from __future__ import annotations

from streams.core.turn import Turn

# What the runtime calls the moment up to which every input has been read to its end.
IDLE = ""
# A feed that is behind is looked at again after as long as it has been waited for, within these bounds: at once where
# the other feed is a second away; six times an hour where it stands still, which for 10,000 open debits is 17 timers
# a second of event time.
PATIENCE_MS = (1_000, 600_000)


def later_ms(turn: Turn, owed_ms: int, needs: tuple[str, ...]) -> int:
    """When to look again because one of the feeds has not got past `owed_ms` or has stopped; 0: none is."""
    ctx = turn.ctx
    idle_ms = ctx.feeds.get(IDLE, 0)
    if not any(max(ctx.feeds.get(feed, 0), idle_ms) < owed_ms or ctx.is_stalled(feed, turn.at_ms) for feed in needs):
        return 0
    shortest, longest = PATIENCE_MS
    return turn.at_ms + min(max(turn.at_ms - owed_ms, shortest), longest)
