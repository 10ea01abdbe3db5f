"""How do Faust, the agents and the pages become one process that starts, rebalances and ends in order?"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, Protocol

import faust
import uvloop
from faust.types.tuples import TP

from streams import metrics as catalogue
from streams.contracts.topics import physical
from streams.ports import Clock, Metrics
from streams.runtime.collector import look_rarely
from streams.runtime.failstop import EXIT_OK, Refusal, Unreachable, WrongPartitions, fail_stop, stop_process
from streams.runtime.faust_client import faust_kwargs
from streams.runtime.health import Exposition, Health, Pages, judge
from streams.runtime.logic import Logic
from streams.runtime.options import AgentOptions, RuntimeOptions
from streams.runtime.pump import Pump
from streams.runtime.rights import check_rights, knock
from streams.runtime.topics_admin import layout_of, partition_counts
from streams.runtime.transport import RawBatchSchema, use_batches

logger = logging.getLogger(__name__)

# Batches between the fetch and the agent, which only buffers them: it never fills, back-pressure is the pump's.
STREAM_BATCHES = 4_096
REQUEST_S = 90.0
# SIGTERM to exit is promised within 3 s; leaving the group politely may take this much of it.
GOODBYE_S = 1.5
# Who waits for its group says so as often.
STILL_JOINING_S = 30.0


class WorkerApp(faust.App):  # type: ignore[misc]
    """Faust's application, except that a crash anywhere in it ends the process instead of stopping it gracefully."""

    def _crash(self, reason: BaseException) -> None:
        if not self._stopped.is_set():
            if not isinstance(reason, Refusal):
                stop_process(reason)
            self._last_words = asyncio.get_running_loop().create_task(refuse(self, reason))
            return
        super()._crash(reason)


async def refuse(app: faust.App, error: Refusal) -> NoReturn:
    """End the process for good: leave the group, whose other members need not wait for one that will not come back."""
    with suppress(Exception):
        async with asyncio.timeout(GOODBYE_S):
            await app.consumer.leave_group()
    stop_process(error)


def faust_app(options: RuntimeOptions) -> WorkerApp:
    """An application with the settings that the runtime relies on."""
    membership = {"consumer_group_instance_id": options.instance_id} if options.instance_id else {}
    return WorkerApp(
        options.app_id,
        datadir=Path(tempfile.gettempdir()) / "paywarden-faust",  # Faust insists on one; nothing is kept there
        value_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=1,  # keeps Faust's own, co-partitioning assignor although there are no tables
        stream_wait_empty=False,  # Faust would wait for acknowledgements that are never given
        broker_session_timeout=options.member_timeout_s,
        broker_request_timeout=max(REQUEST_S, options.member_timeout_s),  # Faust refuses less
        broker_heartbeat_interval=options.member_timeout_s / 6,
        broker_rebalance_timeout=options.rebalance_timeout_s,
        broker_max_poll_interval=options.rebalance_timeout_s,
        broker_commit_interval=options.group_offsets_s,
        consumer_max_fetch_size=options.fetch_max_bytes,
        **membership,
        **faust_kwargs(options),
    )


class Companion(Protocol):
    """Something that all agents of a process depend on and that lies on a topic of its own, in no partition's order."""

    @property
    def reads(self) -> Collection[str]:
        """Logical names of the topics that it reads."""

    async def catch_up(self) -> None:
        """Know everything that is known now; awaited before the worker joins its group."""

    async def keep_up(self) -> None:
        """Know what comes later, in time; an error ends the process, returning does not."""


class Runtime:
    """One worker process: every agent on the partitions that the group gives it."""

    def __init__(
        self,
        options: RuntimeOptions,
        agents: Sequence[tuple[Logic, AgentOptions]],
        *,
        metrics: Metrics,
        exposition: Exposition,
        clock: Clock,
        companions: Sequence[Companion] = (),
    ) -> None:
        self._options = options
        self._companions = tuple(companions)
        self._agents = tuple(agents)
        self._metrics = metrics
        self._clock = clock
        self._pages = Pages(self.health, exposition)
        self._pumps: list[Pump] = []
        self._app: WorkerApp | None = None
        self._assigned = 0
        self._joined = asyncio.Event()

    def run(self) -> NoReturn:
        """Work until SIGTERM or SIGINT; never returns."""
        look_rarely()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(self._run())
            except Exception as error:
                stop_process(error)
        raise AssertionError("unreachable: _run ends the process")

    async def _run(self) -> NoReturn:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if self._options.web_port:
            await self._pages.start(self._options.web_host, self._options.web_port)
        if self._options.security.protocol != "PLAINTEXT":
            await knock(self._options)
            await asyncio.to_thread(check_rights, self._options, self._needed_rights())
        for companion in self._companions:
            await companion.catch_up()
        app = self._app = faust_app(self._options)
        use_batches(app, self._options, self._on_fetched)
        await self._add_agents(app)
        app.on_partitions_revoked.connect(self._on_partitions_revoked)
        app.on_rebalance_complete.connect(self._on_rebalance_complete)
        tasks = [loop.create_task(self._guarded(pump.run())) for pump in self._pumps]
        tasks += [loop.create_task(self._guarded(companion.keep_up())) for companion in self._companions]
        tasks.append(loop.create_task(self._guarded(self._wait_for_the_group())))
        starting = loop.create_task(app.start())
        starting.add_done_callback(_fail_if_raised)
        await stop.wait()
        logger.info("stopping: committing what is open")
        for pump in self._pumps:
            await pump.close()
        for task in tasks:
            task.cancel()
        await self._leave(app, starting)

    async def _leave(self, app: WorkerApp, starting: asyncio.Task[Any]) -> NoReturn:
        """Everything is durable. Leave the group if that is quick; if not, the member timeout does it."""
        try:
            async with asyncio.timeout(GOODBYE_S):
                if app.started:
                    await app.consumer.commit()
                    await app.stop()
        except (TimeoutError, asyncio.CancelledError):
            logger.info("left the group without saying goodbye")
        starting.cancel()
        logging.shutdown()
        os._exit(EXIT_OK)  # what still runs is Faust's idle machinery, which takes another second to end by itself

    async def _guarded(self, running: Coroutine[Any, Any, None]) -> None:
        async with self._ending():
            await running

    @asynccontextmanager
    async def _ending(self) -> AsyncIterator[None]:
        """As `fail_stop`; a refusal leaves the group first."""
        assert self._app is not None
        with fail_stop():
            try:
                yield
            except Refusal as error:
                await refuse(self._app, error)

    # -- agents ----------------------------------------------------------------------------------------------------

    async def _add_agents(self, app: WorkerApp) -> None:
        called = self._options.names
        names = {each.topic for logic, _ in self._agents for each in logic.inputs}
        names |= {topic for _, agent in self._agents for topic in (agent.changelog, *agent.outputs, *agent.spread)}
        found = await partition_counts(self._options, {physical(called, name) for name in names})
        counts = {name: found[physical(called, name)] for name in names if physical(called, name) in found}
        for logic, agent in self._agents:
            layout = layout_of(logic.name, logic.inputs, (agent.changelog, *agent.outputs), counts, agent.spread)
            pump = Pump(
                logic,
                layout,
                self._options,
                agent,
                consumer=lambda: app.consumer,
                metrics=self._metrics,
                clock=self._clock,
                worker=self._options.instance_id or f"{socket.gethostname()}:{os.getpid()}",
            )
            self._pumps.append(pump)
            self._add_agent(app, pump)

    def _needed_rights(self) -> dict[str, frozenset[str]]:
        """READ and WRITE by physical topic, over all agents and companions."""
        needed = {
            physical(self._options.names, topic): frozenset({"READ"})
            for companion in self._companions
            for topic in companion.reads
        }
        for logic, agent in self._agents:
            reads = (*(each.topic for each in logic.inputs), agent.changelog)
            writes = (*agent.outputs, *agent.spread, agent.changelog)
            for right, topics in (("READ", reads), ("WRITE", writes)):
                for topic in topics:
                    name = physical(self._options.names, topic)
                    needed[name] = needed.get(name, frozenset()) | {right}
        return needed

    def _add_agent(self, app: WorkerApp, pump: Pump) -> None:
        called = self._options.names
        logical = {physical(called, each.topic): each.topic for each in pump.layout.inputs}
        channel = app.topic(*logical, schema=RawBatchSchema(), maxsize=STREAM_BATCHES)

        @app.agent(channel, name=pump.logic.name)  # type: ignore[untyped-decorator]
        async def feed(stream: Any) -> None:
            async for event in stream.noack().events():
                with fail_stop():
                    message = event.message
                    current = message.generation_id == app.consumer_generation_id
                    tp = TP(message.topic, message.partition)
                    if not (current and pump.take_in(tp, logical[tp.topic], event.value)):
                        app.consumer.threw_away()

    def _on_fetched(self) -> None:
        for pump in self._pumps:
            pump.wake()

    # -- rebalancing -----------------------------------------------------------------------------------------------

    async def _wait_for_the_group(self) -> None:
        """aiokafka asks again without end and says nothing: a worker that is never taken in would look alive."""
        group, most_s = self._options.app_id, self._options.join_s
        began_s = self._clock.monotonic_s()
        while (left_s := most_s - (self._clock.monotonic_s() - began_s)) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._joined.wait(), min(STILL_JOINING_S, left_s))
                return
            waited_s = self._clock.monotonic_s() - began_s
            logger.warning("not in the group %s after %.0f s: nothing is read yet", group, waited_s)
        raise Unreachable(
            f"the group {group} has not taken this worker in within {most_s:.0f} s, so it reads nothing. The brokers "
            "wait for a member that has ended, or do not answer. Restart it; with PAYWARDEN_INSTANCE_ID a worker that "
            "is started again takes its own place and waits for nobody."
        )

    async def _on_partitions_revoked(self, app: WorkerApp, revoked: set[TP], **_: Any) -> None:
        """Awaited by Faust while this worker is still the owner of `revoked`."""
        del app, revoked
        async with self._ending():
            await asyncio.gather(*(pump.hold_still() for pump in self._pumps))
            await self._consumer_commit()

    async def _on_rebalance_complete(self, app: WorkerApp, **_: Any) -> None:
        """Awaited by Faust after an assignment, before it seeks and lets records flow."""
        async with self._ending():
            self._metrics.add(catalogue.REBALANCES)
            assigned = app.consumer.assignment()
            self._joined.set()
            numbers = [self._numbers_of(pump, assigned) for pump in self._pumps]
            await asyncio.gather(*(pump.own(each) for pump, each in zip(self._pumps, numbers, strict=True)))
            self._assigned = sum(map(len, numbers))
            await self._consumer_commit()

    async def _consumer_commit(self) -> None:
        assert self._app is not None
        await self._app.consumer.commit()

    def _numbers_of(self, pump: Pump, assigned: set[TP]) -> set[int]:
        """The partition numbers that `pump` now owns; all its inputs must agree."""
        topics = [physical(self._options.names, each.topic) for each in pump.layout.inputs]
        by_topic = {topic: {tp.partition for tp in assigned if tp.topic == topic} for topic in topics}
        numbers = by_topic[topics[0]]
        if any(each != numbers for each in by_topic.values()):
            raise WrongPartitions(
                f"agent {pump.logic.name} was assigned different partition numbers of its inputs: {by_topic}. Do all "
                "workers of this group run the same release and see the same topics? Restart them all."
            )
        return numbers

    # -- health ----------------------------------------------------------------------------------------------------

    def health(self) -> Health:
        app = self._app
        rebalancing = app is None or not self._pumps or bool(app.rebalancing)
        ready, alive, why = judge(
            rebalancing=rebalancing,
            assigned=self._assigned,
            serving=all(pump.serving for pump in self._pumps),
            stalled_s=0.0 if rebalancing else max(pump.stalled_s for pump in self._pumps),
            most_stalled_s=self._options.stalled_s,
        )
        self._metrics.set(catalogue.READY, float(ready))
        return Health(ready, alive, why, {} if rebalancing else {p.logic.name: p.facts() for p in self._pumps})


def _fail_if_raised(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        stop_process(error)
