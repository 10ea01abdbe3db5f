"""How long does the snapshot of a case stay on its compacted topic after the case has ended?

`support.cases.snapshot` would otherwise keep every case for ever. Whoever owns the case, account or entity, remembers
when it ended and writes a tombstone in its time; a case that is opened again is taken off the list.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from streams.contracts.base import from_ms

KEPT_MS = 90 * 86_400_000
# Cases of one owner that ended within those days. One more, and the oldest loses its snapshot early; its versions are
# on support.cases as long as ever.
ENDED_MAX = 16  # x 45 bytes


class Ended(msgspec.Struct, array_like=True, gc=False):
    """A case that has ended, and when its snapshot goes."""

    case_id: str
    due_ms: int


class SnapshotDropped(msgspec.Struct, frozen=True, gc=False):
    """The effect: a tombstone for the snapshot of this case."""

    occurred_at: datetime
    case_id: str


def shelve(ended: list[Ended], case_id: str, at_ms: int, *, finished: bool) -> SnapshotDropped | None:
    """Notes that a case ended at `at_ms`, or lives again; the tombstone of another that had to make room."""
    for index, known in enumerate(ended):
        if known.case_id == case_id:
            del ended[index]
            break
    if not finished:
        return None
    ended.append(Ended(case_id, at_ms + KEPT_MS))
    return drop(ended, min(ended, key=due_of), at_ms) if len(ended) > ENDED_MAX else None


def drop(ended: list[Ended], gone: Ended, at_ms: int) -> SnapshotDropped:
    """Takes a case off the list; the tombstone to write."""
    ended.remove(gone)
    return SnapshotDropped(from_ms(at_ms), gone.case_id)


def due_of(ended: Ended) -> tuple[int, str]:
    """What comes first goes first."""
    return (ended.due_ms, ended.case_id)
