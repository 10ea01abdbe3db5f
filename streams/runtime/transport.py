"""How do records travel from Kafka to an agent in batches, without one of them getting lost on the way?

Stock Faust 0.15.3 builds several asyncio tasks for every record. Here the records that were fetched together from one
partition travel as one stream event whose value is the list of them.

One rule replaces Faust's acknowledgements: for every partition the consumer knows the next offset it *wants*, which
moves only when a batch is accepted by its owner. Whatever is thrown away before that (by a rebalance, by a cleared
queue) is read again, because every seek goes to the wanted offset. What is fetched twice is trimmed on acceptance.

Private names of faust-streaming 0.15.3, aiokafka 0.14.0 and mode-streaming 0.7.1 are used here and only here; the
crash tests decide when the three versions may be raised.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, NamedTuple

import faust
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from streams.runtime.failstop import LostInput
from streams.runtime.options import RuntimeOptions
from streams.runtime.pace import keep_pace

logger = logging.getLogger(__name__)

# While no partition may be fetched, or the end of one is not yet known, look again soon: a resumed partition does not
# wake a fetch that already waits for others.
IMPATIENT_S = 0.02
PATIENT_S = 0.2


class Reach(NamedTuple):
    """How far one topic-partition was read, as of the last fetch."""

    position: int  # next offset that aiokafka will hand out: behind everything fetched, markers included
    stable_end: int  # last stable offset: the end, for a read_committed reader


class RawBatchSchema(faust.Schema):  # type: ignore[misc]
    """Hands the list of records to the agent untouched; decoding is the logic's business."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        return None

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        return message.value


class BatchConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust's thread around aiokafka: other fetch settings, and every fetch also reports how far it reached."""

    options: RuntimeOptions
    _paced: Any = None  # the aiokafka fetcher that keeps the pace already; it exists once the consumer has started

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust hard-codes these. Isolation: it reads uncommitted outside its own exactly-once mode, and a second hop
        # would act on signals of aborted transactions.
        consumer._isolation_level = "read_committed"
        # Nothing may guess an offset: the first start seeks to the beginning, a hole stops the worker.
        consumer._auto_offset_reset = "none"
        consumer._fetch_min_bytes = self.options.fetch_min_bytes
        consumer._fetch_max_wait_ms = self.options.fetch_max_wait_ms
        return consumer

    async def fetch(
        self, active: frozenset[TP], timeout_s: float
    ) -> tuple[dict[TopicPartition, list[ConsumerRecord]], dict[TP, Reach]]:
        """Fetch from `active`. The reach is taken in the same step of this thread, so it matches the records."""
        result: tuple[dict[TopicPartition, list[ConsumerRecord]], dict[TP, Reach]] = await self.call_thread(
            self._fetch_and_look, active, timeout_s
        )
        return result

    async def _fetch_and_look(
        self, active: frozenset[TP], timeout_s: float
    ) -> tuple[dict[TopicPartition, list[ConsumerRecord]], dict[TP, Reach]]:
        consumer = self._ensure_consumer()
        if self._paced is not consumer._fetcher:
            self._paced = consumer._fetcher
            keep_pace(self._paced, self.options.fetch_max_wait_ms / 1000)
        records = await self._fetch_records(consumer, active, timeout=timeout_s)
        return records, _reaches(consumer)

    async def seek_all(self, offsets: Mapping[TP, int]) -> None:
        await self.call_thread(self._seek_all, dict(offsets))

    async def _seek_all(self, offsets: dict[TP, int]) -> None:
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        for tp, offset in offsets.items():
            if driver.ensure_aiokafka_TP(tp) in assigned:
                consumer.seek(driver.ensure_aiokafka_TP(tp), offset)

    async def commit_hint(self, offsets: Mapping[TP, int]) -> None:
        await self.call_thread(self._commit_hint, dict(offsets))

    async def _commit_hint(self, offsets: dict[TP, int]) -> None:
        await self._ensure_consumer().commit(
            {driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
        )

    async def leave_group(self) -> None:
        """Tell the group at once that this member is gone; a static one stays until its timeout."""
        await self.call_thread(self._leave_group)

    async def _leave_group(self) -> None:
        await self._ensure_consumer()._coordinator._maybe_leave_group()

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's livelock detector knows only its own acknowledgements; liveness is `health`'s business."""


def _reaches(consumer: AIOKafkaConsumer) -> dict[TP, Reach]:
    subscription = consumer._subscription.subscription
    assignment = None if subscription is None else subscription.assignment
    if assignment is None:
        return {}
    reaches = {}
    for tp in assignment.tps:
        state = assignment.state_value(tp)
        if state.has_valid_position and state.lso is not None:
            reaches[TP(tp.topic, tp.partition)] = Reach(state.position, state.lso)
    return reaches


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer with batches, wanted offsets, and group offsets that only a committed transaction moves."""

    options: RuntimeOptions
    on_fetched: Callable[[], None]
    thread_class: type[BatchConsumerThread]
    _thread: BatchConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._wanted: dict[TP, int] = {}
        self._began: dict[TP, int] = {}
        self._durable: dict[TP, int] = {}
        self._told_group: dict[TP, int] = {}
        self._fetched: dict[TP, int] = {}  # behind the last record handed to Faust
        self._reach: dict[TP, Reach] = {}
        self._must_seek = False
        self._resumed = asyncio.Event()
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return self.thread_class(self, loop=self.loop, beacon=self.beacon)

    # -- what the owner of a partition says ------------------------------------------------------------------------

    def want(self, tp: TP, offset: int) -> None:
        """Read `tp` from `offset`, at the seek that ends the running rebalance."""
        self._wanted[tp] = self._began[tp] = offset
        self._forget_reach(tp)

    def accept(self, tp: TP, records: list[ConsumerRecord]) -> list[ConsumerRecord]:
        """The part of a batch that was not accepted before; the caller now answers for it."""
        wanted = self._wanted.get(tp)
        if wanted is None:
            return []
        if records[0].offset < wanted:
            records = [record for record in records if record.offset >= wanted]
        if records:
            self._wanted[tp] = records[-1].offset + 1
        return records

    def _forget_reach(self, tp: TP) -> None:
        """How far `tp` was read says nothing after a seek: believed, it would let `pass_markers` skip records."""
        self._fetched.pop(tp, None)
        self._reach.pop(tp, None)

    def threw_away(self) -> None:
        """Something fetched was not accepted: read from the wanted offsets again."""
        self._must_seek = True

    def forget(self, tp: TP) -> None:
        """`tp` belongs to somebody else now."""
        for each in (self._wanted, self._began, self._durable, self._told_group, self._fetched, self._reach):
            each.pop(tp, None)

    def mark_durable(self, tp: TP, next_offset: int) -> None:
        """Everything before `next_offset` is in a committed transaction; the group's offset may follow."""
        if next_offset > self._durable.get(tp, 0):
            self._durable[tp] = next_offset

    def pass_markers(self, tp: TP) -> None:
        """If only transaction markers follow what is durable, the group's offset may pass them."""
        reach = self._reach.get(tp)
        if reach is not None and self.at_end(tp) and self._durable.get(tp) == self._wanted.get(tp):
            self._durable[tp] = self._wanted[tp] = reach.position

    # -- what the owner of a partition asks ------------------------------------------------------------------------

    def at_end(self, tp: TP) -> bool:
        """Was everything that is stable in `tp` accepted, as of the last fetch?"""
        reach = self._reach.get(tp)
        return (
            reach is not None
            and reach.position >= reach.stable_end
            and self._fetched.get(tp, -1) <= self._wanted.get(tp, -1)
        )

    def is_known(self, tp: TP) -> bool:
        """Whether a fetch has told where `tp` ends."""
        return tp in self._reach

    def lag(self, tp: TP) -> int:
        """Records and markers between the committed position and the end; 0 once all that was fetched is durable.

        0 as well while nobody knows: ask `is_known`.
        """
        reach = self._reach.get(tp)
        if reach is None:
            return 0
        wanted = self._wanted.get(tp, 0)
        durable = self._durable.get(tp, self._began.get(tp, wanted))
        covered = reach.position if durable >= wanted >= self._fetched.get(tp, 0) else durable
        return max(0, reach.stable_end - covered)

    async def leave_group(self) -> None:
        """Give the partitions of a dynamic member to the others now, not after the member timeout."""
        await self._thread.leave_group()

    # -- group offsets ---------------------------------------------------------------------------------------------

    def ack(self, message: Any) -> bool:
        """Inert. Faust itself acks events that it skips around a rebalance; that must not move offsets."""
        return False

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Inert. Faust notes every offset that it was not handed, to step over it when it counts acknowledgements.

        It is handed one message per batch, so that would be a tree of all offsets, sorted anew at each batch.
        """

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Tell the group what is durable. A hint for lag tools and refusals: a failure is harmless."""
        assigned = self.assignment()
        offsets = {
            tp: offset
            for tp, offset in self._durable.items()
            if tp in assigned and offset > self._told_group.get(tp, 0)
        }
        if not offsets:
            return False
        try:
            await self._thread.commit_hint(offsets)
        except (KafkaError, IllegalStateError) as error:  # a rebalance runs, or a broker moves: the next one will do
            logger.info("group offsets not committed, they follow later: %r", error)
            return False
        self._told_group.update(offsets)
        return True

    # -- pausing: decided by the runtime alone, from what the partitions have buffered -----------------------------

    def on_buffer_full(self, tp: TP) -> None:
        """Faust's own back-pressure, which would fight with the runtime's over the set of active partitions."""

    def on_buffer_drop(self, tp: TP) -> None:
        """See `on_buffer_full`."""

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        super().resume_partitions(tps)
        self._resumed.set()

    # -- delivery --------------------------------------------------------------------------------------------------

    async def perform_seek(self) -> None:
        """Go to the wanted offsets, never to the group's."""
        self._must_seek = False
        assigned = self.assignment()
        offsets = {tp: offset for tp, offset in self._wanted.items() if tp in assigned}
        for tp, offset in offsets.items():
            self._forget_reach(tp)
            self._read_offset[tp] = offset or None
        await self._thread.seek_all(offsets)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
            if self.should_stop:
                return
        if self._must_seek:
            await self.perform_seek()
        generation = self.app.consumer_generation_id  # before the fetch: it may outlive a whole rebalance
        fetched = await self._fetch()
        if not fetched:
            return
        for tp, records in fetched.items():
            # A partition that was paused while the fetch was under way is delivered too: aiokafka has moved on.
            size = self.options.batch_records
            for start in range(0, len(records), size):
                if self._is_stale(generation):
                    self.threw_away()
                    return
                batch = records[start : start + size]
                yield tp, _message_of(tp, batch, generation)
        self.on_fetched()

    async def _fetch(self) -> dict[TP, list[ConsumerRecord]]:
        active = frozenset(self._get_active_partitions())
        if not active:  # an empty set would mean "all" to aiokafka
            self._resumed.clear()
            await self._wait_for_resume()
            return {}
        assigned = self._active_partitions | self._paused_partitions
        impatient = bool(self._paused_partitions) or not self._reach.keys() >= assigned
        generation = self.app.consumer_generation_id
        try:
            records, reach = await self._thread.fetch(active, IMPATIENT_S if impatient else PATIENT_S)
        except NoOffsetForPartitionError:
            # No offset in the group, and nothing may guess one: aiokafka asked before the take-over said where to read.
            self.threw_away()
            return {}
        except OffsetOutOfRangeError as error:
            raise LostInput(
                f"offsets {error.args[0]} are outside of their topics: records were deleted before this worker read "
                "them. Restore the input, or run `paywarden state rebuild`."
            ) from error
        if self.should_stop:
            return {}
        if self._is_stale(generation):
            self.threw_away()
            return {}
        self._reach = reach
        fetched = {TP(tp.topic, tp.partition): each for tp, each in records.items()}
        for tp, each in fetched.items():
            self._fetched[tp] = each[-1].offset + 1
        if not fetched:
            self.on_fetched()
        return fetched

    async def _wait_for_resume(self) -> None:
        try:
            await asyncio.wait_for(self._resumed.wait(), PATIENT_S)
        except TimeoutError:
            return

    def _is_stale(self, generation: int) -> bool:
        """Did a rebalance overtake what was fetched?"""
        return not self.flow_active or self.app.consumer_generation_id != generation


def _message_of(tp: TP, batch: list[ConsumerRecord], generation: int) -> ConsumerMessage:
    last = batch[-1]
    return ConsumerMessage(
        topic=tp.topic,
        partition=tp.partition,
        offset=last.offset,
        timestamp=(last.timestamp or 0) / 1000.0,
        timestamp_type=last.timestamp_type,
        headers=(),
        key=None,
        value=batch,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        tp=tp,
        generation_id=generation,
    )


def use_batches(app: faust.App, options: RuntimeOptions, on_fetched: Callable[[], None]) -> None:
    """Install the transport on `app`, before its consumer exists. `on_fetched` is called after every fetch."""
    thread = type("Thread", (BatchConsumerThread,), {"options": options})
    consumer = type(
        "Consumer",
        (BatchConsumer,),
        {"options": options, "on_fetched": staticmethod(on_fetched), "thread_class": thread},
    )
    transport = type("Transport", (driver.Transport,), {"Consumer": consumer})
    app.transport = transport(app.conf.broker_consumer, app)
