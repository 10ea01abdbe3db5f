"""May somebody speak about the absence of events yet, or is a feed behind or stopped that could still bring them?"""

from __future__ import annotations

from streams.core.obligations import Debit, Expectation, Reserved, Retries, Unknown
from streams.core.turn import Turn

# What the runtime calls the moment up to which every input has been read to its end.
IDLE = ""
_LEDGER = "ledger.entries"
LEDGER = (_LEDGER,)  # what has to be heard before somebody speaks of money that is not there, or too much
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
    return _next_look_ms(turn.at_ms, owed_ms, max(ctx.feeds.values(), default=0))


def ledger_is_heard(turn: Turn) -> bool:
    """The ledger has told of something within the last minute, so a debit of a payment would be known."""
    feeds = turn.ctx.feeds
    if _LEDGER not in feeds:
        return False
    return max(feeds[_LEDGER], feeds.get(IDLE, 0)) >= turn.at_ms - turn.policy.unknown.ledger_fresh_s * 1000


def postponed(turn: Turn, waiting: Debit | Expectation | Reserved | Retries | Unknown, needs: tuple[str, ...]) -> bool:
    """While a feed is behind or has stopped, nobody knows what is owed: then `waiting` is looked at again later."""
    later = later_ms(turn, waiting.owed_ms, needs)
    if later:
        waiting.due_ms = later
    return later > 0


def _next_look_ms(at_ms: int, owed_ms: int, told_ms: int) -> int:
    """The first look after `told_ms`, up to which every feed has been heard: earlier ones would find the same.

    The clock may jump over a silent summer. Followed look by look, that would be twenty thousand timers for each debit.
    """
    shortest, longest = PATIENCE_MS
    while True:
        step_ms = min(max(at_ms - owed_ms, shortest), longest)
        if step_ms == longest and told_ms > at_ms:
            return at_ms + ((told_ms - at_ms) // longest + 1) * longest
        at_ms += step_ms
        if at_ms > told_ms:
            return at_ms


def look_later(turn: Turn, kind: str, payment_id: str, amount_minor: int, currency: str) -> bool:
    """Has a payment looked at once the ledger has been heard up to a minute behind now; False: there is no room.

    What explains a line that was told late may lie right behind it: a ledger that stood still has to catch up.
    """
    if any(each.kind == kind and each.payment_id == payment_id for each in turn.obligations.expectations):
        return True
    since_ms = max(turn.at_ms, turn.ctx.clock_ms) if turn.late else turn.at_ms
    owed_ms = since_ms + turn.policy.money.amount_check_s * 1000
    return turn.obligations.expect(
        Expectation(kind, "", payment_id, turn.cause, turn.at_ms, owed_ms, owed_ms, amount_minor, currency)
    )
