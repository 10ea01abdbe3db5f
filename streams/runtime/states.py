"""Where do the states of one partition live between events, and how do their timers, duplicates and undo work?

Every key has one slot. A slot keeps the bytes of its last checkpoint, which are also what the changelog gets, and the
decoded state while it is warm. Poison rolls touched slots back to those bytes; nothing is copied for that in advance.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from streams.runtime.logic import Logic

FORMAT = 1  # of changelog rows; a release reads the next format before any release writes it
DEDUPE_CAP = 256  # event ids remembered per state; 256 x 18 bytes encoded = 4.5 KiB at the very worst


class StateFromTheFuture(Exception):
    """The changelog was written by a newer release than this one can read.

    Operator action: deploy the newer release again. Do not delete the changelog: locks exist nowhere else.
    """


class Row(msgspec.Struct, array_like=True):
    """A state in the changelog. Fields are only ever appended."""

    format: int
    wake_ms: int  # next timer or forget time, 0 for none
    seen: list[int]  # remembered event ids: hash, clock, hash, clock, ...
    state: bytes
    touched_ms: int = 0  # clock when an event last came


class Slot:
    """One key's place."""

    __slots__ = (
        "forgotten",
        "key",
        "not_before_ms",
        "pending",
        "raw",
        "scheduled_ms",
        "seen",
        "state",
        "touched_ms",
        "wake_ms",
    )

    def __init__(self, key: bytes, raw: bytes | None) -> None:
        self.key = key
        self.raw = raw
        self.state: Any = None
        self.seen: dict[int, int] | None = None  # event id hash -> clock when it was seen, oldest first
        self.wake_ms = 0  # next timer or forget time, 0 for none
        self.touched_ms = 0  # clock when an event last came
        self.scheduled_ms = 0  # of the one heap entry that stands for this slot; 0 = none
        self.not_before_ms = 0  # a timer of this state raised and is not tried again before
        self.pending = 0  # events prepared and not yet decided
        self.forgotten = False  # becomes a tombstone at the next checkpoint unless an event comes first


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Row).decode


def read_row(raw: bytes) -> Row:
    """Decode a state row; raises `StateFromTheFuture` for a newer format."""
    row = _decode(raw)
    if row.format > FORMAT:
        raise StateFromTheFuture(f"state has format {row.format}, this release reads up to {FORMAT}")
    return row


class States:
    """The keyed states of one partition."""

    def __init__(self, logic: Logic, *, lateness_ms: int, resident: int, durable: bool = True) -> None:
        self._logic = logic
        self._durable = durable
        self._lateness_ms = lateness_ms
        self._resident = resident
        self._slots: dict[bytes, Slot] = {}
        self._timers: list[tuple[int, bytes]] = []
        self._warm: dict[bytes, Slot] = {}
        self._cooling: dict[bytes, Slot] = {}
        self._touched: dict[bytes, Slot] = {}  # since the last checkpoint
        self._dirty: dict[bytes, None] = {}  # since rows were taken
        self._oldest_ms = 0  # an event id seen before this need not be remembered
        self.encoded_bytes = 0  # of all states, as of the last checkpoint; 0 where nothing is durable

    # -- restoring and looking ---------------------------------------------------------------------------------------

    def restore(self, key: bytes, raw: bytes | None) -> None:
        """Apply one changelog row; the last one of a key wins."""
        if raw is None:
            self._slots.pop(key, None)
        else:
            self._slots[key] = Slot(key, raw)

    def arm(self) -> None:
        """All rows are restored: schedule what they wait for."""
        for slot in self._slots.values():
            if slot.raw is not None:
                slot.wake_ms = read_row(slot.raw).wake_ms
                self._schedule(slot)
                self.encoded_bytes += len(slot.raw)

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, key: object) -> bool:
        return key in self._slots

    def peek(self, key: bytes) -> Any:
        """The state of `key` for reading, or None."""
        slot = self._slots.get(key)
        return None if slot is None else self.warm(slot)

    def encoded(self) -> Iterable[tuple[bytes, bytes]]:
        """Key and encoded state of every key, as of the last checkpoint."""
        for key, slot in self._slots.items():
            if slot.raw is not None:
                yield key, read_row(slot.raw).state

    def warm(self, slot: Slot) -> Any:
        """The decoded state of `slot`, which stays decoded for the next `resident` others."""
        if slot.state is None:
            if slot.raw is None:
                slot.state, slot.seen = self._logic.new(slot.key), {}
            else:
                row = read_row(slot.raw)
                slot.state = self._logic.load(slot.key, row.state)
                slot.seen = dict(zip(row.seen[::2], row.seen[1::2], strict=True))
                due_ms = self._logic.due_ms(slot.state)
                slot.touched_ms = row.touched_ms
                slot.not_before_ms = row.wake_ms if due_ms is not None and row.wake_ms > due_ms else 0
        self._warm[slot.key] = slot
        return slot.state

    # -- touching ----------------------------------------------------------------------------------------------------

    def open(self, key: bytes, clock_ms: int, settled_ms: int) -> Slot | None:
        """The slot of `key` for an event that moves the clock to `clock_ms`.

        None: between `settled_ms`, up to which everything due has happened, and the event a timer of this key fires or
        its state outlives itself. That must happen first, or it would depend on whether anything else moved the clock.
        """
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = Slot(key, None)
        if 0 < slot.wake_ms <= clock_ms and clock_ms > settled_ms:
            return None
        self.warm(slot)
        slot.forgotten = False
        slot.touched_ms = clock_ms
        self._touched[key] = slot
        return slot

    def _outlived(self, slot: Slot, state: Any, clock_ms: int) -> bool:
        if self._logic.due_ms(state) is not None:
            return False
        forgets_ms = self._forgets_ms(slot, state)
        return 0 < forgets_ms <= clock_ms

    def _forgets_ms(self, slot: Slot, state: Any) -> int:
        """When `state` has outlived itself, 0 for never.

        Not within the lateness bound after an event: the engine relies on it to prepare that much time as a whole.
        """
        forgets_ms = self._logic.forgets_ms(state)
        return 0 if forgets_ms is None else max(forgets_ms, slot.touched_ms + self._lateness_ms + 1)

    def seen_before(self, slot: Slot, dedupe: int, clock_ms: int) -> bool:
        """Is this event a duplicate? Remembers it if not, for the lateness bound."""
        if not dedupe:
            return False
        seen = slot.seen
        assert seen is not None
        oldest_ms = clock_ms - self._lateness_ms
        seen_ms = seen.get(dedupe)
        if seen_ms is not None and seen_ms >= oldest_ms:
            return True
        seen.pop(dedupe, None)  # so that the order of the dict is the order of age
        if len(seen) >= DEDUPE_CAP:
            del seen[next(iter(seen))]
        seen[dedupe] = clock_ms
        return False

    # -- timers ------------------------------------------------------------------------------------------------------

    @property
    def next_wake_ms(self) -> int | None:
        """No state waits for anything earlier than this."""
        return self._timers[0][0] if self._timers else None

    def pop_due(self, to_ms: int) -> Slot | None:
        """The next slot that waits for a time at or before `to_ms`, in (time, key) order."""
        timers = self._timers
        while timers and timers[0][0] <= to_ms:
            at_ms, key = heapq.heappop(timers)
            slot = self._slots.get(key)
            if slot is None or slot.scheduled_ms != at_ms:
                continue
            slot.scheduled_ms = 0
            if slot.wake_ms <= at_ms:
                return slot
            self._schedule(slot)
        return None

    def due_ms(self, slot: Slot, to_ms: int) -> int | None:
        """When the timer of `slot` that must fire now was due, or None; forgets a state that has outlived itself."""
        state = self.warm(slot)
        due_ms = self._logic.due_ms(state)
        if due_ms is not None and max(due_ms, slot.not_before_ms) <= to_ms:
            self._touched[slot.key] = slot
            slot.not_before_ms = 0
            return due_ms
        if slot.pending:
            return None  # the decision that is still to come reschedules it
        if self._outlived(slot, state, to_ms):
            self._touched[slot.key] = slot
            slot.state, slot.seen, slot.wake_ms, slot.forgotten = self._logic.new(slot.key), {}, 0, True
        else:
            self.reschedule(slot, state)
        return None

    def reschedule(self, slot: Slot, state: Any) -> None:
        """Note what `state` now waits for."""
        wake_ms = self._logic.due_ms(state)
        if wake_ms is None:
            wake_ms = self._forgets_ms(slot, state)
        elif wake_ms < slot.not_before_ms:
            wake_ms = slot.not_before_ms
        slot.wake_ms = wake_ms
        if wake_ms and (slot.scheduled_ms == 0 or wake_ms < slot.scheduled_ms):
            self._schedule(slot)

    def keys(self) -> list[bytes]:
        return list(self._slots)

    def revise(self, key: bytes, change: Callable[[bytes, Any], bool]) -> None:
        """Let `change` alter the state of `key` without an event; it says whether it did."""
        slot = self._slots[key]
        state = self.warm(slot)
        if change(key, state):
            self._touched[key] = slot
            self.reschedule(slot, state)

    def holding(self, part: bytes) -> list[Slot]:
        """The slots whose states contain `part`, decoded, in the order of their keys; the bytes of all are searched."""
        found: list[Slot] = []
        for key, slot in self._slots.items():
            is_newer = slot.state is not None and (key in self._touched or not self._durable)
            raw = self._logic.dump(slot.state) if is_newer else slot.raw
            if raw is not None and part in raw:
                found.append(slot)
        for slot in found:
            self.warm(slot)
        return sorted(found, key=lambda slot: slot.key)

    def changed(self, slot: Slot) -> None:
        """The state of `slot` was changed by an event that is not its own: it keeps its age."""
        self._touched[slot.key] = slot
        self.reschedule(slot, slot.state)

    def put_off(self, key: bytes, to_ms: int) -> None:
        """Do not wake `key` before `to_ms`, whatever its state says."""
        slot = self._slots[key]
        self.warm(slot)
        self._touched[key] = slot
        slot.not_before_ms = slot.wake_ms = to_ms
        self._schedule(slot)

    def _schedule(self, slot: Slot) -> None:
        """Put the one heap entry that stands for this slot; an older, later one becomes void."""
        if slot.wake_ms:
            slot.scheduled_ms = slot.wake_ms
            heapq.heappush(self._timers, (slot.wake_ms, slot.key))

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def checkpoint(self, clock_ms: int) -> int:
        """Make the touched states the ones that poison rolls back to; returns how many were forgotten."""
        self._oldest_ms = clock_ms - self._lateness_ms
        forgotten = 0
        for key, slot in self._touched.items():
            if slot.forgotten:
                forgotten += 1
                del self._slots[key]
                self._warm.pop(key, None)
                self._cooling.pop(key, None)
            if not self._durable:
                continue
            self.encoded_bytes -= len(slot.raw or b"")
            if not slot.forgotten:
                slot.raw = self._dump(slot)
                self.encoded_bytes += len(slot.raw)
            self._dirty[key] = None
        self._touched.clear()
        return forgotten

    def _dump(self, slot: Slot) -> bytes:
        assert slot.seen is not None
        seen: list[int] = []
        for dedupe, at_ms in slot.seen.items():
            if at_ms >= self._oldest_ms:
                seen += (dedupe, at_ms)
        return _encode(Row(FORMAT, slot.wake_ms, seen, self._logic.dump(slot.state), slot.touched_ms))

    def roll_back(self) -> None:
        """Undo every touch since the last checkpoint."""
        for key, slot in self._touched.items():
            slot.state = slot.seen = None
            slot.pending = 0
            slot.forgotten = False
            if slot.raw is None:
                del self._slots[key]
                self._warm.pop(key, None)
            else:
                slot.wake_ms = read_row(slot.raw).wake_ms
                self._schedule(slot)
        self._touched.clear()

    def take_rows(self) -> list[tuple[bytes, bytes | None]]:
        """The changelog rows of everything that changed since they were last taken; None is a tombstone."""
        rows: list[tuple[bytes, bytes | None]] = []
        for key in self._dirty:
            slot = self._slots.get(key)
            rows.append((key, None if slot is None else slot.raw))
        self._dirty.clear()
        return rows

    def cool(self) -> None:
        """Keep between one and two times `resident` states decoded, the others as bytes.

        What was touched since the last checkpoint has no bytes yet: it is dirty, and stays.
        """
        if len(self._warm) > self._resident:
            for key, slot in self._cooling.items():
                if key in self._touched:
                    self._warm[key] = slot
                elif key not in self._warm:
                    if not self._durable:
                        slot.raw = self._dump(slot)
                    slot.state = slot.seen = None
            self._cooling, self._warm = self._warm, {}
