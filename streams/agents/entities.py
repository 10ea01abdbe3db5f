"""How does everything that spans accounts run: addresses, devices, card ranges, merchants, terminals, health keys?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from streams.agents.publish import publish, publish_notice, publish_risk
from streams.contracts.cases import NotificationRequested
from streams.contracts.registry import Refusal, decode
from streams.contracts.signals import (
    AccountForgotten,
    CaseActed,
    ClockTold,
    EntityBlockAsked,
    EntityObserved,
    EntityRisk,
    FeedsTold,
    HealthBucket,
)
from streams.contracts.topics import SIGNALS
from streams.core.entities import forgetting, pipeline
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.state import EntityState
from streams.core.library import Library, packaged_library
from streams.core.policy import PolicySchedule
from streams.core.signals import state_key
from streams.runtime.logic import Context, Emit, Incoming, Input, Record, Refused

Heard = EntityObserved | EntityBlockAsked | CaseActed | HealthBucket | FeedsTold | AccountForgotten
_encode = msgspec.msgpack.Encoder().encode
_decode_state = msgspec.msgpack.Decoder(EntityState).decode


class EntitiesLogic:
    """The entities agent; see `streams.runtime.logic.Logic` for what each method promises."""

    name = "entities"
    by_source = True
    # Signals are routed by one key and kept under another, by our own hand: no producer's partitioner to check.
    inputs = (Input(SIGNALS.name, keyed=False),)

    def __init__(self, policies: PolicySchedule, barrier_s: int | None = None, library: Library | None = None) -> None:
        self._policies = policies
        self._messages = (library or packaged_library()).messages
        self._barrier_s = barrier_s

    # -- records and states ------------------------------------------------------------------------------------------

    def read(self, record: Record) -> Incoming | Refused:
        signal = decode(record.topic, record.value)
        if type(signal) is Refusal:
            return Refused(*signal)
        if type(signal) is ClockTold:
            return Incoming(None, None, signal.at_ms, source=signal.partition)
        if type(signal) is AccountForgotten:
            return Incoming(
                signal,
                None,
                signal.at_ms,
                alone=True,
                source=signal.partition,
                sequence=signal.sequence,
                sweeps=_encode(signal.account_id),  # as states hold it: a short id is not found within others
            )
        return Incoming(signal, state_key(signal), signal.at_ms, source=signal.partition, sequence=signal.sequence)

    def new(self, key: bytes) -> EntityState:
        return EntityState()

    def load(self, key: bytes, raw: bytes) -> EntityState:
        return _decode_state(raw)

    def dump(self, state: EntityState) -> bytes:
        return _encode(state)

    def new_shared(self) -> None:
        return None

    def load_shared(self, raw: bytes) -> None:
        return None

    def dump_shared(self, shared: None) -> bytes:
        return b""

    def due_ms(self, state: EntityState) -> int | None:
        return pipeline.next_due_ms(state)

    def forgets_ms(self, state: EntityState) -> int | None:
        return pipeline.forgets_ms(state)

    # -- the three steps, of which only the last has work --------------------------------------------------------------

    def prepare(
        self, state: Any, incoming: Incoming, peek: Callable[[bytes], Any], late: bool, topic: str, shared: Any
    ) -> Heard:
        signal: Heard = incoming.event
        return signal

    def score(self, prepared: Sequence[Any]) -> Sequence[None]:
        return [None] * len(prepared)

    def decide(
        self,
        state: EntityState,
        prepared: Heard,
        score: None,
        context: Context,
    ) -> list[Emit]:
        if isinstance(prepared, AccountForgotten):
            return []  # it is about many states: see `sweep`
        policy = self._policies.at(prepared.at_ms)
        effects = pipeline.observe(state, prepared, policy, self._moment(context))
        return self._publish(effects, context)

    def sweep(self, state: EntityState, event: AccountForgotten, context: Context) -> list[Emit] | None:
        policy = self._policies.at(event.at_ms)
        effects = forgetting.forget(state, event.account_id, event.at_ms, policy)
        return None if effects is None else self._publish(effects, context)

    def fire(self, key: bytes, state: EntityState, due_ms: int, context: Context) -> list[Emit]:
        effects = pipeline.fire(state, due_ms, self._policies.at(due_ms), self._moment(context))
        return self._publish(effects, context)

    def _publish(self, effects: Sequence[EntityEffect], context: Context) -> list[Emit]:
        emits: list[Emit] = []
        for effect in effects:
            if type(effect) is EntityRisk:
                emits += publish_risk(effect, context.partitions)
            elif type(effect) is NotificationRequested:
                emits += publish_notice(effect, context.count, context.partitions)
            else:
                emits += publish(effect, context.count)
        return emits

    def _moment(self, context: Context) -> EntityContext:
        return EntityContext(context.partition, context.partitions, context.now_ms, self._barrier_s, self._messages)

    def advance(self, from_ms: int, to_ms: int, context: Context) -> tuple[()]:
        return ()

    def gauges(self, shared: None) -> tuple[()]:
        return ()

    def told(self, clock_ms: int, context: Context) -> tuple[()]:
        return ()
