"""What is the smallest logic whose outputs and state betray every lost, repeated or swapped event?

A counter per account. Each output carries the account's running count and a digest chained over the ids in the order in
which they were counted, so a single hole, repeat or swap changes everything after it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from streams.runtime.logic import Context, Emit, Incoming, Input, Record, Refused, Shown
from streams.runtime.options import AgentOptions, PartitionOptions

COUNTS = "toy.counts"
CHANGELOG = "toy.changelog"
ECHOES = "toy.echoes"
ECHO_CHANGELOG = "toy.echo.changelog"
DEAD_LETTERS = "paywarden.dead-letters"
INPUTS = (Input("toy.first"), Input("toy.second"))
IDLE_MS = 3_600_000


class ToyEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of an account, or a watermark (no id)."""

    at_ms: int
    id: str = ""
    poison: bool = False
    timer_ms: int = 0  # a timer this long after the event


class Count(msgspec.Struct, array_like=True):
    """State of one account."""

    seen: int = 0
    digest: str = ""
    due_ms: int = 0
    last_ms: int = 0


class Counted(msgspec.Struct, frozen=True):
    """One output."""

    id: str
    seen: int
    digest: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ToyEvent).decode
decode_counted = msgspec.json.Decoder(Counted).decode
decode_count = msgspec.msgpack.Decoder(Count).decode


def chained(digest: str, event_id: str) -> str:
    return hashlib.blake2b(f"{digest}/{event_id}".encode(), digest_size=6).hexdigest()


class ToyLogic:
    """Implements `streams.runtime.logic.Logic`."""

    by_source = False

    name = "toy"
    inputs: tuple[Input, ...] = INPUTS
    output = COUNTS

    def read(self, record: Record) -> Incoming | Refused:
        if record.value is None:
            return Refused("empty", "no value")
        try:
            event = _decode(record.value)
        except msgspec.MsgspecError as error:
            return Refused("undecodable", str(error))
        if not event.id:
            return Incoming(None, None, event.at_ms)
        dedupe = hashlib.blake2b(f"{record.topic}/{event.id}".encode(), digest_size=8).digest()
        return Incoming(event, record.key, event.at_ms, dedupe=int.from_bytes(dedupe, "big") >> 1)

    def new(self, key: bytes) -> Count:
        return Count()

    def load(self, key: bytes, raw: bytes) -> Count:
        return decode_count(raw)

    def dump(self, state: Count) -> bytes:
        return msgspec.msgpack.encode(state)

    def new_shared(self) -> None:
        return None

    def load_shared(self, raw: bytes) -> None:
        return None

    def dump_shared(self, shared: None) -> bytes:
        return b""

    def due_ms(self, state: Count) -> int | None:
        return state.due_ms or None

    def forgets_ms(self, state: Count) -> int | None:
        return state.last_ms + IDLE_MS

    def prepare(
        self, state: Count, incoming: Incoming, peek: Callable[[bytes], Any], late: bool, topic: str, shared: Any
    ) -> tuple[bytes | None, Counted, int]:
        event: ToyEvent = incoming.event
        if event.poison:
            raise ValueError("poison")
        state.seen += 1
        state.digest = chained(state.digest, event.id)
        state.last_ms = max(state.last_ms, incoming.at_ms)
        if event.timer_ms:
            state.due_ms = incoming.at_ms + event.timer_ms
        return incoming.key, Counted(event.id, state.seen, state.digest), incoming.at_ms

    def score(self, prepared: Sequence[Any]) -> Sequence[None]:
        return [None] * len(prepared)

    def decide(
        self, state: Count, prepared: tuple[bytes, Counted, int], score: None, context: Context
    ) -> Iterable[Emit]:
        key, counted, at_ms = prepared
        return (Emit(self.output, key, _encode(counted), at_ms),)

    def sweep(self, state: Count, event: Any, context: Context) -> None:
        return None

    def fire(self, key: bytes, state: Count, due_ms: int, context: Context) -> Iterable[Emit]:
        state.due_ms = 0
        return (Emit(self.output, key, _encode(Counted(f"timer:{due_ms}", state.seen, state.digest)), due_ms),)

    def advance(self, from_ms: int, to_ms: int, context: Context) -> Iterable[Emit]:
        return ()

    def gauges(self, shared: Any) -> Iterable[Shown]:
        return ()

    def told(self, clock_ms: int, context: Context) -> Iterable[Emit]:
        return ()


class EchoLogic(ToyLogic):
    """The second hop: counts the outputs of the first, so that it betrays any that was never committed."""

    name = "echo"
    inputs = (Input(COUNTS),)
    output = ECHOES

    def read(self, record: Record) -> Incoming | Refused:
        assert record.value is not None
        event = ToyEvent(at_ms=record.timestamp_ms, id=decode_counted(record.value).id)
        return Incoming(event, record.key, event.at_ms)


def toy_agents(**changes: Any) -> list[tuple[ToyLogic, AgentOptions]]:
    """Both agents; `changes` are options of their partitions."""
    partition = PartitionOptions(**({"merge": "strict", "clock": "replay"} | changes))
    return [
        (ToyLogic(), AgentOptions(changelog=CHANGELOG, outputs=(COUNTS,), partition=partition)),
        (EchoLogic(), AgentOptions(changelog=ECHO_CHANGELOG, outputs=(ECHOES,), pace_s=0.1, partition=partition)),
    ]


def encode_event(event: ToyEvent) -> bytes:
    return _encode(event)


def expected_counts(records: Iterable[Record]) -> dict[bytes, list[Counted]]:
    """What an uninterrupted run publishes per account for `records` without poison, in merge order."""
    rank = {each.topic: place for place, each in enumerate(INPUTS)}
    counts: dict[bytes, list[Counted]] = defaultdict(list)
    for record in sorted(records, key=lambda each: (each.timestamp_ms, rank[each.topic], each.offset)):
        assert record.value is not None
        event = _decode(record.value)
        if event.id:
            assert record.key is not None
            before = counts[record.key]
            digest = chained(before[-1].digest if before else "", event.id)
            before.append(Counted(event.id, len(before) + 1, digest))
    return dict(counts)
