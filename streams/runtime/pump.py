"""When does an agent handle what was fetched, and when does it commit?

One pump per agent. It works in slices of one partition, so that fetching, the other agent and the pages get their
turns. It commits when the pace allows or a group is full: all partitions together, one transaction each. While the
brokers work on a commit the next group grows; a second commit waits for the first.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from aiokafka import ConsumerRecord
from faust.types.tuples import TP

from streams import metrics as catalogue
from streams.ports import Clock, Metrics
from streams.runtime.commit import Pace, commit_group
from streams.runtime.failstop import TooManyDeadLetters, Unreachable
from streams.runtime.logic import Logic, Record
from streams.runtime.open_group import Group
from streams.runtime.options import AgentOptions, RuntimeOptions
from streams.runtime.ownership import Owned, Ownership
from streams.runtime.topics_admin import Layout
from streams.runtime.transport import BatchConsumer

logger = logging.getLogger(__name__)

# Gauges and the hint of an idle partition: often enough for a scrape every few seconds.
HOUSEKEEPING_S = 1.0


class Pump:
    """Runs the partitions of one agent."""

    def __init__(
        self,
        logic: Logic,
        layout: Layout,
        options: RuntimeOptions,
        agent: AgentOptions,
        *,
        consumer: Callable[[], BatchConsumer],
        metrics: Metrics,
        clock: Clock,
        worker: str,
    ) -> None:
        self.logic = logic
        self.layout = layout
        self.ownership = Ownership(logic, layout, options, agent, metrics)
        self.serving = False  # between take-over and revocation
        self.last_commit_s = clock.monotonic_s()
        self._options = options
        self._agent = agent
        self._consumer_of = consumer
        self._metrics = metrics
        self._clock = clock
        self._worker = worker.encode()
        self._pace = Pace(agent.pace_s, options.idle_pace_factor, options.busy_pace_factor)
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()  # handling, committing and changes of ownership exclude each other
        self._idle_s = clock.monotonic_s()  # when no input waited
        self._open = 0  # records handled and ticks made since the last commit began
        self._committing: asyncio.Task[None] | None = None
        self._paused: set[TP] = set()
        self._ticked_s = self._kept_house_s = clock.monotonic_s()

    # -- input -----------------------------------------------------------------------------------------------------

    def take_in(self, tp: TP, topic: str, batch: list[ConsumerRecord]) -> bool:
        """Buffer a fetched batch; False if this partition is not ours, so that nobody answers for it."""
        owned = self.ownership.held.get(tp.partition)
        if owned is None or not self.serving:
            return False
        records = self._consumer_of().accept(tp, batch)
        if records:
            number = tp.partition
            owned.engine.feed(
                topic,
                [
                    Record(topic, number, each.offset, each.timestamp, each.key, each.value, each.headers)
                    for each in records
                ],
            )
            self._wake.set()
        return True

    def wake(self) -> None:
        """Something was fetched, perhaps nothing: ends may have been reached."""
        self._wake.set()

    # -- ownership -------------------------------------------------------------------------------------------------

    async def hold_still(self) -> None:
        """The group rebalances: commit what is open while this worker is still the owner, then wait."""
        async with self._turn:
            if self.serving:
                self.serving = False
                await self._commit()
                await self._committed()

    async def own(self, numbers: Collection[int]) -> None:
        """Give back what is lost, take over what is new, keep the rest as it is, and serve."""
        async with self._turn:
            held, consumer = self.ownership.held, self._consumer_of()
            for tp in await self.ownership.give_back(set(held) - set(numbers)):
                consumer.forget(tp)
            for tp, offset in (await self.ownership.take(set(numbers) - set(held))).items():
                consumer.want(tp, offset)
                topic = next(topic for topic, source in held[tp.partition].sources.items() if source == tp)
                if topic in held[tp.partition].engine.positions:
                    consumer.mark_durable(tp, offset)
            self._paused.clear()  # Faust resumes everything after a rebalance
            self._metrics.set(catalogue.PARTITIONS_OWNED, len(held), self.logic.name)
            self.last_commit_s = self._clock.monotonic_s()
            self.serving = True
            self._wake.set()

    async def close(self) -> None:
        """Commit what is open and let go of everything."""
        await self.hold_still()
        async with self._turn:
            await self.ownership.give_back(list(self.ownership.held))

    # -- work ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Handle and commit until cancelled."""
        while True:
            await self._wait()
            busy = True
            while busy:
                async with self._turn:
                    busy = self.serving and await self._work()

    async def _wait(self) -> None:
        tick_s = self._options.tick_s
        paced = self._open and self._committing is None  # the end of a commit wakes by itself
        timeout_s = min(tick_s, self._pace.wait_s(self._clock.monotonic_s(), busy=False)) if paced else tick_s
        try:
            await asyncio.wait_for(self._wake.wait(), timeout_s)
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    async def _work(self) -> bool:
        """One slice of every partition, and the begin of a commit if one is due; returns whether to go on at once."""
        if self._committing is not None and self._committing.done():
            await self._committed()  # a commit that failed ends the process now, whether or not more comes in
        self._tick()
        handled = await self._slices()
        self._apply_back_pressure()
        if self._open >= self._options.group_records or self._due_to_commit(busy=handled > 0):
            await self._commit()
        if not handled and self._clock.monotonic_s() - self._kept_house_s >= HOUSEKEEPING_S:
            self._keep_house()
        return handled > 0

    async def _slices(self) -> int:
        handled = 0
        at_end = self._consumer_of().at_end
        for owned in self.ownership.held.values():
            if not owned.engine.backlog:
                continue
            ends = {topic: at_end(tp) for topic, tp in owned.sources.items()}
            done = owned.engine.run(self._options.slice_records, ends=ends, now_ms=self._clock.now_ms())
            if done:
                handled += done
                await asyncio.sleep(0)  # fetched batches, the other agent, pages and signals come in between
        self._open += handled
        return handled

    def _tick(self) -> None:
        """Live, the clock of an idle partition follows the wall clock; in replay the events alone move it."""
        now_s = self._clock.monotonic_s()
        if self._agent.partition.clock != "live" or now_s - self._ticked_s < self._options.idle_tick_s:
            return
        self._ticked_s = now_s
        at_end, now_ms = self._consumer_of().at_end, self._clock.now_ms()
        for owned in self.ownership.held.values():
            if not owned.engine.backlog and all(at_end(tp) for tp in owned.sources.values()):
                owned.engine.tick(now_ms)
                self._open += 1

    def _apply_back_pressure(self) -> None:
        """Stop fetching what is buffered far ahead: a merge may wait for one input while another one floods in."""
        consumer, above, below = self._consumer_of(), self._options.pause_above, self._options.resume_below
        for owned in self.ownership.held.values():
            if owned.engine.backlog <= above and not self._paused:
                continue
            buffered = owned.engine.buffered
            for topic, tp in owned.sources.items():
                size = buffered(topic)
                if size > above:
                    if tp not in self._paused:
                        self._paused.add(tp)
                        consumer.pause_partitions({tp})
                elif size < below and tp in self._paused:
                    self._paused.discard(tp)
                    consumer.resume_partitions({tp})

    # -- commit ----------------------------------------------------------------------------------------------------

    def _due_to_commit(self, *, busy: bool) -> bool:
        if self._committing is not None and not self._committing.done():
            return False
        held = self.ownership.held.values()
        if not self._open and not any(owned.engine.waits_to_tell for owned in held):
            return False
        wait_s = self._pace.wait_s(self._clock.monotonic_s(), busy=busy)
        return wait_s <= 0.0 and all(owned.engine.whole for owned in held)

    async def _commit(self) -> None:
        """Close the groups of all partitions and begin to commit them, once the commit before is done."""
        await self._committed()
        now_ms = self._clock.now_ms()
        self._open = 0
        groups: list[tuple[Owned, Group]] = []
        for owned in self.ownership.held.values():
            group = owned.engine.group(now_ms)
            if group is not None:
                groups.append((owned, group))
        self._log_poison()
        if groups:
            self._committing = asyncio.create_task(self._make_durable(groups, now_ms))
            self._committing.add_done_callback(lambda _: self._wake.set())

    async def _committed(self) -> None:
        """Wait for the commit that is under way; raises what it raised."""
        if self._committing is not None:
            await self._committing
            self._committing = None

    async def _make_durable(self, groups: list[tuple[Owned, Group]], now_ms: int) -> None:
        """One transaction per partition that has something to say; then the world may know."""
        began_s = self._clock.monotonic_s()
        stamps = (("published_at_ms", str(now_ms).encode()), ("worker", self._worker))
        try:
            async with asyncio.timeout(self._options.commit_deadline_s):
                await asyncio.gather(*(self._publish(owned, group, stamps) for owned, group in groups))
        except BaseException as error:
            self._metrics.add(catalogue.COMMIT_FAILURES, 1, self.logic.name)
            if not isinstance(error, TimeoutError):
                raise
            raise Unreachable(
                f"a transaction of {self.logic.name} was not committed within {self._options.commit_deadline_s:.0f} s. "
                "The brokers are slow or unreachable, or this machine has too little CPU. Nothing of it is visible; "
                "restart it, and it goes on after its last commit."
            ) from error
        ended_s = self._clock.monotonic_s()
        self._pace.committed(ended_s, ended_s - began_s)
        self.last_commit_s = ended_s
        consumer = self._consumer_of()
        for owned, group in groups:
            owned.engine.committed()
            for topic, offset in group.offsets.items():
                if offset >= 0:
                    consumer.mark_durable(owned.sources[topic], offset + 1)
        self._record(groups, ended_s - began_s)
        for owned, _ in groups:
            if (sentence := owned.engine.stop_sentence) is not None:
                raise TooManyDeadLetters(sentence)

    async def _publish(self, owned: Owned, group: Group, stamps: tuple[tuple[str, bytes], ...]) -> None:
        await commit_group(
            owned.producer,
            group,
            number=owned.number,
            changelog=self.ownership.changelog,
            names=self._options.names,
            spread=self.layout.spread,
            stamps=stamps,
            hold_s=self._options.hold_s,
        )

    # -- telling ---------------------------------------------------------------------------------------------------

    def _record(self, groups: list[tuple[Owned, Group]], took_s: float) -> None:
        metrics, name, now_ms = self._metrics, self.logic.name, self._clock.now_ms()
        metrics.observe(catalogue.COMMIT_SECONDS, took_s, name)
        latencies: Counter[int] = Counter()
        for owned, group in groups:
            number = str(owned.number)
            metrics.add(catalogue.COMMITS, 1, name)
            metrics.observe(catalogue.GROUP_RECORDS, group.handled, name)
            metrics.set(catalogue.LAST_COMMIT, now_ms / 1000, name, number)
            metrics.set(catalogue.CLOCK, group.clock_ms / 1000, name, number)
            for (metric, labels), count in group.counts.items():
                metrics.add(metric, count, *labels)
            for (histogram, value, labels), count in group.spreads.items():
                metrics.observe(histogram, value, *labels, count=count)
            if self._agent.partition.clock == "live":
                latencies.update((now_ms - at_ms) // 5 for at_ms in group.event_times)  # by 5 ms, the first bucket / 5
        for fifths, count in latencies.items():
            metrics.observe(catalogue.LATENCY, fifths * 0.005, name, count=count)

    def _log_poison(self) -> None:
        for owned in self.ownership.held.values():
            poison = owned.engine.poison
            while poison:
                record, error = poison.pop()
                # Where, but not the message: it may quote the customer's data.
                logger.error(
                    "%s set aside %s/%d offset %d, on which it raised %s; fix it, then `paywarden dead-letters "
                    "replay`\n%s",
                    self.logic.name,
                    record.topic,
                    record.partition,
                    record.offset,
                    type(error).__name__,
                    "".join(traceback.format_tb(error.__traceback__)).rstrip(),
                )

    def _keep_house(self) -> None:
        """Gauges, and the group's hint for partitions where only transaction markers follow what is durable."""
        self._kept_house_s = self._clock.monotonic_s()
        consumer, metrics, name = self._consumer_of(), self._metrics, self.logic.name
        if not (self.lag or self._unread):
            self._idle_s = self._kept_house_s
        for owned in self.ownership.held.values():
            number, positions = str(owned.number), owned.engine.positions
            metrics.set(catalogue.STATE_KEYS, len(owned.engine.states), name, number)
            metrics.set(catalogue.STATE_BYTES, owned.engine.states.encoded_bytes, name, number)
            for shown in owned.engine.gauges:
                if shown.value is None:
                    metrics.forget(shown.gauge, *shown.labels, number)
                else:
                    metrics.set(shown.gauge, shown.value, *shown.labels, number)
            for topic, heard_ms in owned.engine.feeds.items():
                if topic in owned.sources:
                    metrics.set(catalogue.FEED, heard_ms / 1000, name, topic, number)
            for topic, tp in owned.sources.items():
                metrics.set(catalogue.LAG, consumer.lag(tp), name, topic, number)
                if not self._open and topic in positions:
                    consumer.pass_markers(tp)

    @property
    def lag(self) -> int:
        consumer = self._consumer_of()
        return sum(consumer.lag(tp) for owned in self.ownership.held.values() for tp in owned.sources.values())

    @property
    def _unread(self) -> int:
        """Inputs of which nothing was fetched since this worker owns them, so that their lag is unknown."""
        consumer = self._consumer_of()
        held = self.ownership.held.values()
        return sum(not consumer.is_known(tp) for owned in held for tp in owned.sources.values())

    @property
    def stalled_s(self) -> float:
        """How long input has waited without a commit. A strict merge may wait for a watermark as long as it likes."""
        if not self.serving or self._agent.partition.merge == "strict" or not (self.lag or self._unread):
            return 0.0
        return self._clock.monotonic_s() - max(self.last_commit_s, self._idle_s)

    def facts(self) -> dict[str, Any]:
        """For the pages."""
        return {
            "serving": self.serving,
            "partitions": sorted(self.ownership.held),
            "lag": self.lag,
            "unread_inputs": self._unread,
            "paused": len(self._paused),
            "since_commit_s": round(self._clock.monotonic_s() - self.last_commit_s, 1),
        }
