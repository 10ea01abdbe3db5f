"""What does it take to own a partition: fence whoever had it, recover its state, and give it back in order?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from time import monotonic

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import TransactionalIdAuthorizationFailed
from faust.types.tuples import TP

from streams import metrics as catalogue
from streams.contracts.topics import physical
from streams.ports import Metrics
from streams.runtime.commit import producer_for
from streams.runtime.failstop import LostState
from streams.runtime.logic import Logic
from streams.runtime.options import AgentOptions, RuntimeOptions
from streams.runtime.partition import Partition
from streams.runtime.recovery import first_offset, gather_evidence, read_changelog
from streams.runtime.rights import identity, missing_right
from streams.runtime.topics_admin import Layout

logger = logging.getLogger(__name__)


class Owned:
    """One partition of one agent in this process: its engine, its producer, and where its input lies."""

    def __init__(self, engine: Partition, producer: AIOKafkaProducer, sources: Mapping[str, TP]) -> None:
        self.engine = engine
        self.producer = producer
        self.sources = dict(sources)  # logical input topic -> where it lies in Kafka

    @property
    def number(self) -> int:
        return self.engine.number


class Ownership:
    """The partitions of one agent that this process owns."""

    def __init__(
        self, logic: Logic, layout: Layout, options: RuntimeOptions, agent: AgentOptions, metrics: Metrics
    ) -> None:
        self.held: dict[int, Owned] = {}
        self.changelog = physical(options.names, agent.changelog)
        self._logic = logic
        self._layout = layout
        self._options = options
        self._agent = agent
        self._metrics = metrics

    def sources_of(self, number: int) -> dict[str, TP]:
        called = self._options.names
        return {each.topic: TP(physical(called, each.topic), number) for each in self._layout.inputs}

    async def take(self, numbers: Iterable[int]) -> dict[TP, int]:
        """Become the owner of `numbers`; returns where to read each of their inputs from.

        Fence first, read then: until the previous owner is fenced, the end of the changelog may still move.
        """
        new = sorted(numbers)
        if not new:
            return {}
        began_s = monotonic()
        producers = {number: producer_for(self._options, self._logic.name, number) for number in new}
        try:
            await asyncio.gather(*(producer.start() for producer in producers.values()))
        except TransactionalIdAuthorizationFailed as error:
            prefix = f"{self._options.app_id}.{self._logic.name}."
            raise missing_right(
                identity(self._options), f"WRITE transactionalId {prefix} (ids with this prefix)"
            ) from error
        fenced_s = monotonic()
        engines = {
            number: Partition(
                self._logic, number, self._layout.partitions, self._agent.partition, inputs=self._layout.inputs
            )
            for number in new
        }
        rows = await read_changelog(engines, self.changelog, self._options)
        read_s = monotonic()
        starts = await self._starts(engines)
        for number, engine in engines.items():
            self.held[number] = Owned(engine, producers[number], self.sources_of(number))
        took_s = monotonic() - began_s
        self._metrics.add(catalogue.RECOVERY_ROWS, rows, self._logic.name)
        self._metrics.observe(catalogue.RECOVERY_SECONDS, took_s, self._logic.name, count=len(new))
        logger.info(
            "%s owns %s: fenced in %.2f s, %d rows read in %.2f s, ready after %.2f s",
            self._logic.name,
            new,
            fenced_s - began_s,
            rows,
            read_s - fenced_s,
            took_s,
        )
        return starts

    async def _starts(self, engines: Mapping[int, Partition]) -> dict[TP, int]:
        handled: dict[TopicPartition, int | None] = {}
        for number, engine in engines.items():
            if engine.unfinished or (len(engine.states) and not engine.positioned):
                raise LostState(
                    f"{self.changelog}/{number} holds a state that is not whole: a bootstrap or rebuild was "
                    "interrupted. Run `paywarden bootstrap --again`, or `paywarden state rebuild` if workers have "
                    "run before; then start the workers."
                )
            positions = engine.positions
            for topic, tp in self.sources_of(number).items():
                handled[TopicPartition(tp.topic, number)] = positions.get(topic)
        evidence = await gather_evidence(handled, self._options)
        return {
            TP(tp.topic, tp.partition): first_offset(f"{tp.topic}/{tp.partition}", each, self._options.app_id)
            for tp, each in evidence.items()
        }

    async def give_back(self, numbers: Iterable[int]) -> list[TP]:
        """Let go of `numbers`, whose open groups are committed; returns the inputs that are no longer ours."""
        lost = [self.held.pop(number) for number in numbers]
        await asyncio.gather(*(owned.producer.stop() for owned in lost))
        for owned in lost:
            for gauge in (catalogue.LAST_COMMIT, catalogue.CLOCK, catalogue.STATE_KEYS, catalogue.STATE_BYTES):
                self._metrics.forget(gauge, self._logic.name, str(owned.number))
            for shown in owned.engine.gauges:
                self._metrics.forget(shown.gauge, *shown.labels, str(owned.number))
            for topic in owned.sources:
                for gauge in (catalogue.LAG, catalogue.FEED):
                    self._metrics.forget(gauge, self._logic.name, topic, str(owned.number))
        return [tp for owned in lost for tp in owned.sources.values()]
