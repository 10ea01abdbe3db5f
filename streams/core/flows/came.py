"""Who came in lately, and what was changed, of which the trail has no line any more?

The trail is short, and anybody who logs in fills it: the thief, and the owner too. What has to make room there is kept
here without words, so that no traffic ends a doubt. Of one kind from one place the first and the last say what those
between them say. Where that is still too much, the oldest loses its place: no second factor vouches for it then.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from streams.core.obligations import CAME_MAX, Trace
from streams.core.unlearning import HORIZON_S

CHANGE: Final = "credential.changed"
SESSION: Final = "session.used"
NOWHERE: Final = -1  # no address has this hash


def kept(entries: list[Trace], at_ms: int, settled_ms: int) -> list[Trace]:
    """These in the order of time, without those that are too old or say nothing of their own.

    Doubts until `settled_ms` are over, and may come back; so they are told apart from those after it.
    """
    recent = [_wordless(each) for each in entries if at_ms - each.at_ms <= HORIZON_S * 1000]
    ends = _ends(sorted(recent, key=lambda each: each.at_ms), settled_ms)
    while len(ends) > CAME_MAX:
        oldest = next(number for number, each in enumerate(ends) if each.address != NOWHERE)
        ends[oldest] = _placeless(ends[oldest])
        ends = _ends(ends, settled_ms)
    return ends


def _ends(entries: list[Trace], settled_ms: int) -> list[Trace]:
    """The first and the last of each kind and place."""
    first: dict[Hashable, Trace] = {}
    last: dict[Hashable, Trace] = {}
    for each in entries:
        said = (_place(each), each.kind, each.doubted, each.answered, each.asked, each.at_ms > settled_ms)
        first.setdefault(said, each)
        last[said] = each
    ends = {id(each) for each in (*first.values(), *last.values())}
    return [each for each in entries if id(each) in ends]


def _place(trace: Trace) -> int:
    """A session is copied with the id of its device, so there the address says who it is."""
    return trace.address if trace.kind == SESSION else trace.device or trace.address


def _wordless(trace: Trace) -> Trace:
    return Trace(
        trace.at_ms,
        trace.kind,
        "",
        "",
        doubted=trace.doubted,
        device=trace.device,
        address=trace.address,
        answered=trace.answered,
        asked=trace.asked,
        answered_ms=trace.answered_ms,
    )


def _placeless(trace: Trace) -> Trace:
    """So few are different that they always fit."""
    kind = SESSION if trace.kind == SESSION else CHANGE
    return Trace(trace.at_ms, kind, "", "", doubted=trace.doubted, address=NOWHERE, asked=trace.doubted)
