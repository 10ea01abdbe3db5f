"""How long does the snapshot of a case stay on its compacted topic after the case has ended?

`support.cases.snapshot` would otherwise keep every case for ever. Whoever owns the case, account or entity, remembers
when it ended and writes a tombstone in its time; a case that is opened again is taken off the list. One that was handed
over to people (`streams.core.cases.book.hand_over`) counts as ended, but makes no room for others.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from streams.contracts.base import from_ms

KEPT_MS = 90 * 86_400_000
# Cases of one owner that ended within those days. One more, and the oldest loses its snapshot early; its versions are
# on support.cases as long as ever.
ENDED_MAX = 16  # x 48 bytes
HANDED_BYTES = 640  # of all that is kept of handed over money cases; x 35 to 160: the oldest is left to people for good


_encoded = msgspec.msgpack.Encoder().encode


class Handed(msgspec.Struct, array_like=True, gc=False):
    """What is kept of the case about a payment's money when it is handed over: enough to end it (`cases.handed`)."""

    payment_id: str
    kind: int  # place of its family in `cases.handed.KINDS`
    opened_ms: int
    version: int
    lines: int  # how many it told
    amount_minor: int
    currency: str
    marks: int  # priority, whether it is a shadow, whether its customer was told
    back_minor: int = 0  # how much of the amount is back
    before_minor: int = 0  # what came back before it was opened


class Ended(msgspec.Struct, array_like=True, gc=False):
    """A case that has ended, and when its snapshot goes."""

    case_id: str
    due_ms: int
    handed_over: bool = False  # it has not ended, but people alone follow it now
    money: Handed | None = None  # of one that was handed over, as long as there is room
    # Of one that was handed over: no refund of the account leaves without a person, because it is a dispute, or about a
    # payment that nobody here can name. Of rows from before this was noted nobody knows.
    stops_refunds: bool = True


class SnapshotDropped(msgspec.Struct, frozen=True, gc=False):
    """The effect: a tombstone for the snapshot of this case."""

    occurred_at: datetime
    case_id: str


def shelve(
    ended: list[Ended],
    case_id: str,
    at_ms: int,
    *,
    finished: bool,
    handed_over: bool = False,
    money: Handed | None = None,
    stops_refunds: bool = True,
) -> SnapshotDropped | None:
    """Notes that a case ended or was handed over at `at_ms`, or lives again; the tombstone of one that made room."""
    for index, known in enumerate(ended):
        if known.case_id == case_id:
            del ended[index]
            break
    if not finished and not handed_over:
        return None
    ended.append(Ended(case_id, at_ms + KEPT_MS, handed_over, money, stops_refunds))
    if money is not None:
        _make_room(ended)
    if len(ended) <= ENDED_MAX:
        return None
    gone = min(ended, key=lambda each: (each.handed_over, each.money is not None, due_of(each)))
    if not gone.handed_over:
        return drop(ended, gone, at_ms)
    ended.remove(gone)  # rather a snapshot that stays for ever than one that goes while people work on its case
    return None


def _make_room(ended: list[Ended]) -> None:
    kept = [each for each in ended if each.money is not None]
    while len(_encoded([each.money for each in kept])) > HANDED_BYTES:
        left = kept.pop(0)
        left.money, left.stops_refunds = None, True


def drop(ended: list[Ended], gone: Ended, at_ms: int) -> SnapshotDropped:
    """Takes a case off the list; the tombstone to write."""
    ended.remove(gone)
    return SnapshotDropped(from_ms(at_ms), gone.case_id)


def due_of(ended: Ended) -> tuple[int, str]:
    """What comes first goes first."""
    return (ended.due_ms, ended.case_id)
