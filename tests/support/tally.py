"""A logic that knows nothing of payments: it counts events per key, so a lost, repeated or swapped one shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from streams.contracts.partitioning import partition_of
from streams.runtime.logic import Context, Emit, Incoming, Input, Record, Refused, Shown

PARTITIONS = 4


class Ping(msgspec.Struct, frozen=True):
    """The toy's event. `alarm_s` arms a timer; `poison` makes the named step raise."""

    key: str
    id: str
    at_ms: int
    alarm_s: int = 0
    poison: str = ""
    watermark: bool = False


class Count(msgspec.Struct, array_like=True):
    """Order dependent on purpose: `trace` changes when two events swap."""

    seen: int = 0
    decided: int = 0
    trace: int = 0
    last_ms: int = 0
    alarm_ms: int = 0
    alarm_poison: bool = False


class Shared(msgspec.Struct, array_like=True):
    total: int = 0


_decode = msgspec.json.Decoder(Ping).decode
_encode = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Count).decode
_unpack_shared = msgspec.msgpack.Decoder(Shared).decode


class TallyLogic:
    """Counts pings; emits one record per event with what was known before and after."""

    name = "accounts"
    by_source = False
    inputs = (Input("pings"), Input("pongs"), Input("risk", waits=False, keyed=False))
    keeps_ms = 3_600_000

    def read(self, record: Record) -> Incoming | Refused:
        try:
            ping = _decode(record.value or b"")
        except msgspec.DecodeError:
            return Refused("undecodable", "not a ping")
        if ping.watermark:
            return Incoming(None, None, ping.at_ms)
        dedupe = int.from_bytes(ping.id.encode()[-8:].rjust(8, b"\0")) if ping.id else 0
        return Incoming(ping, ping.key.encode(), ping.at_ms, dedupe, moves_clock=record.topic != "risk")

    def new(self, key: bytes) -> Count:
        return Count()

    def load(self, key: bytes, raw: bytes) -> Count:
        return _unpack(raw)

    def dump(self, state: Count) -> bytes:
        return _pack(state)

    def new_shared(self) -> Shared:
        return Shared()

    def load_shared(self, raw: bytes) -> Shared:
        return _unpack_shared(raw)

    def dump_shared(self, shared: Shared) -> bytes:
        return _pack(shared)

    def due_ms(self, state: Count) -> int | None:
        return state.alarm_ms or None

    def forgets_ms(self, state: Count) -> int | None:
        return state.last_ms + self.keeps_ms if state.last_ms else None

    def prepare(
        self, state: Any, incoming: Incoming, peek: Callable[[bytes], Any], late: bool, topic: str, shared: Any
    ) -> tuple[Ping, int, bool]:
        ping = incoming.event
        if ping.poison == "prepare":
            state.seen += 1_000
            raise ValueError("poison in prepare")
        before = state.seen
        state.seen += 1
        state.trace = (state.trace * 31 + len(ping.id) + sum(ping.id.encode())) % 1_000_003
        state.last_ms = max(state.last_ms, ping.at_ms)
        return ping, before, late

    def score(self, prepared: Sequence[Any]) -> Sequence[float]:
        return [before / 10 for _, before, _ in prepared]

    def decide(self, state: Any, prepared: tuple[Ping, int, bool], score: Any, context: Context) -> Iterator[Emit]:
        ping, before, late = prepared
        state.decided += 1
        context.shared.total += 1
        if ping.poison == "decide":
            raise ValueError("poison in decide")
        if ping.alarm_s:
            state.alarm_ms = ping.at_ms + ping.alarm_s * 1000
            state.alarm_poison = ping.poison == "alarm"
        value = _encode([ping.key, ping.id, before, state.decided, late, score, context.shared.total])
        yield Emit("out", ping.key.encode(), value, ping.at_ms)

    def sweep(self, state: Count, event: Any, context: Context) -> None:
        return None

    def fire(self, key: bytes, state: Count, due_ms: int, context: Context) -> Iterator[Emit]:
        if state.alarm_poison:
            raise ValueError("poison in an alarm")
        state.alarm_ms = 0
        yield Emit("out", key, _encode([key.decode(), "alarm", due_ms, context.clock_ms]), due_ms)

    def advance(self, from_ms: int, to_ms: int, context: Context) -> Iterator[Emit]:
        return iter(())

    def gauges(self, shared: Any) -> Iterator[Shown]:
        return iter(())

    def told(self, clock_ms: int, context: Context) -> Iterator[Emit]:
        return iter(())


def key_in(partition: int, number: int = 0, partitions: int = PARTITIONS) -> str:
    """The `number`-th key of the form k<n> that hashes to `partition`."""
    found = -1
    n = 0
    while True:
        if partition_of(f"k{n}".encode(), partitions) == partition:
            found += 1
            if found == number:
                return f"k{n}"
        n += 1


def record(topic: str, offset: int, ping: Ping, *, partition: int = 0, timestamp_ms: int | None = None) -> Record:
    """The record that a producer would write for `ping`."""
    return Record(
        topic,
        partition,
        offset,
        ping.at_ms if timestamp_ms is None else timestamp_ms,
        None if ping.watermark else ping.key.encode(),
        _encode(ping),
    )
