"""How does a running worker hear of a published policy before the first event that it decides?

It reads `paywarden.policies` to its end before it joins its group, and again and again afterwards. If that takes
longer than half of the time between an approval and its effect, the worker ends itself: it could not know any more
whether the policy that it decides by is the right one.
"""

from __future__ import annotations

import asyncio
import logging

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from streams.contracts.base import to_ms
from streams.contracts.policies import PolicyProposed
from streams.contracts.registry import Refusal, decode
from streams.contracts.topics import POLICIES, physical
from streams.core.policy import PolicySchedule
from streams.core.policy_history import LEAD, PolicyHistory, Said
from streams.ports import Clock
from streams.runtime.failstop import Unreachable
from streams.runtime.options import RuntimeOptions
from streams.runtime.reading import reader
from streams.runtime.topics_admin import partition_counts

logger = logging.getLogger(__name__)

KNOWN_WITHIN_S = LEAD.total_seconds() / 2
POLL_S = 2.0


class HeardTooLate(Exception):
    """A policy came into force before this worker knew it. Restart it: it then reads all policies first."""


class PolicyFeed:
    """Keeps `policies` as the topic says; `base` is what the worker was started with."""

    def __init__(self, options: RuntimeOptions, policies: PolicySchedule, history: PolicyHistory, clock: Clock) -> None:
        self._options = options
        self._policies = policies
        self._base = msgspec.structs.replace(policies)
        self._history = history
        self._clock = clock
        self._consumer: AIOKafkaConsumer | None = None  # None: not caught up yet, or there is no topic

    @property
    def reads(self) -> tuple[str, ...]:
        return (POLICIES.name,)

    async def catch_up(self) -> None:
        """Read everything that is there. A cluster without the topic has no published policies."""
        topic = physical(self._options.names, POLICIES.name)
        count = (await partition_counts(self._options, [topic])).get(topic, 0)
        if not count:
            logger.info("there is no topic %s: policies come from files only", topic)
            return
        consumer = reader(self._options)
        await consumer.start()
        tps = [TopicPartition(topic, number) for number in range(count)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        await self._look(consumer)
        self._consumer = consumer

    async def keep_up(self) -> None:
        """Read what is published from now on."""
        while self._consumer is not None:
            await asyncio.sleep(POLL_S)
            try:
                async with asyncio.timeout(KNOWN_WITHIN_S - POLL_S):
                    await self._look(self._consumer)
            except TimeoutError:
                raise Unreachable(
                    f"the brokers did not show the end of {POLICIES.name} within {KNOWN_WITHIN_S:.0f} s, so a policy "
                    "may come into force that this worker has not heard of. Restart it: it reads all policies first."
                ) from None

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        """Everything up to where the topic ends now."""
        for tp, end in (await consumer.end_offsets(list(consumer.assignment()))).items():
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(tp, timeout_ms=100)).get(tp, ()):
                    self.hear(record, running=self._consumer is not None)

    def hear(self, record: ConsumerRecord, *, running: bool) -> None:
        """Take in one record. Raises HeardTooLate for a change whose time has come, once events are decided."""
        said = decode(POLICIES.name, record.value or b"")
        if isinstance(said, Refusal):
            logger.error("offset %d of %s is no record of a policy: %s", record.offset, record.topic, said.detail)
            return
        assert isinstance(said, Said)
        why = self._history.tell(said)
        if why is not None:
            logger.warning("policy %s by %s does not count: %s", said.proposal_id, said.actor, why)
            return
        if isinstance(said, PolicyProposed):
            return
        self._policies.become(self._history.over(self._base))
        changes = self._history.changes
        if changes and changes[-1].effective_at == said.effective_at:
            now = changes[-1].proposal_id or "of the start"
            logger.info("policy %s in force from %s on (%s: %s)", now, said.effective_at, said.actor, said.why)
        else:
            logger.info(
                "policy %s is withdrawn before it was in force (%s: %s)", said.proposal_id, said.actor, said.why
            )
        if running and to_ms(said.effective_at) <= self._clock.now_ms():
            raise HeardTooLate(f"policy {said.proposal_id} changed before this worker heard of it")
