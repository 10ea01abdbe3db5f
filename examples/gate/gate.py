"""A gate: publish a payment, wait for PayWarden's decision about it, and never for longer than you can afford.

Reference client for systems that want to wait. It needs aiokafka and nothing of PayWarden: copy it and change it.

    async with Gate("broker:9092", defaults={"card": Default("allow", 0.3), "transfer": Default("hold", 2.0)}) as gate:
        answer = await gate.ask(payment)
        if answer.outcome in ("hold", "block"): ...

What it promises: `ask` returns within the deadline of the payment's method, with the decision or with the default that
you chose for the case that there is none. It raises nothing that a broker can cause. A decision is read only when it is
committed (`read_committed`), so it never takes back what it said. A decision in mode observe is no decision to act on:
the answer is then `allow`, and `observed` says what would have been.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

logger = logging.getLogger("gate")

# Decisions that were made before somebody asked again: a payment that is retried within minutes is answered at once.
REMEMBERED = 10_000


@dataclass(frozen=True)
class Default:
    """What a payment becomes when no decision came within `deadline_s`."""

    outcome: str
    deadline_s: float


@dataclass(frozen=True)
class Answer:
    """What to do with a payment; `by` says who said so."""

    outcome: str  # allow, notify, step_up, review, hold, block
    by: Literal["decision", "observed", "default"]
    waited_s: float
    decision_id: str | None = None
    observed: str | None = None  # mode observe: the outcome that would have been
    expires_at: str | None = None  # of a hold or step-up ...
    expiry_outcome: str | None = None  # ... and what it becomes then


class Gate:
    """One per process. Every process reads all decisions: it cannot know on which partition its payments lie.

    Args:
        bootstrap: brokers, host:port, comma separated.
        defaults: by payment method; "*" is for all others and must be there.
        prefix: of PayWarden's topics in this cluster.
        kafka: further arguments for the clients, such as security_protocol and ssl_context.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        defaults: Mapping[str, Default],
        prefix: str = "",
        payments: str = "payments.transactions",
        kafka: Mapping[str, Any] | None = None,
    ) -> None:
        if "*" not in defaults:
            raise ValueError("defaults: say under '*' what happens to payments of every other method")
        self.late = 0  # decisions that came when nobody waited any more
        self._defaults = dict(defaults)
        self._payments, self._decisions, self._locks_topic = (
            prefix + name for name in (payments, "fraud.decisions", "account.locks")
        )
        reach = {"bootstrap_servers": bootstrap, **(kafka or {})}
        # Idempotent and without linger: sent once, at once.
        self._producer = AIOKafkaProducer(enable_idempotence=True, linger_ms=0, **reach)
        self._consumer = AIOKafkaConsumer(
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=10,
            **reach,
        )
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._decided: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._given_up: OrderedDict[str, None] = OrderedDict()
        self._locks: dict[str, dict[str, Any]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Gate:
        """Ready when all locks are known and no decision can be missed."""
        await self._producer.start()
        await self._consumer.start()
        decisions = await self._partitions(self._decisions)
        locks = await self._partitions(self._locks_topic)
        # Positions are fixed before the first payment is published: its decision lies behind them. Nothing is awaited
        # between assigning and seeking, or the client would begin to choose positions by itself.
        starts = await self._consumer.end_offsets(decisions) | await self._consumer.beginning_offsets(locks)
        self._consumer.assign(list(starts))
        for tp, offset in starts.items():
            self._consumer.seek(tp, offset)
        await self._read_locks(locks)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading is not None:
            self._reading.cancel()
        await self._consumer.stop()
        await self._producer.stop()

    # -- asking ----------------------------------------------------------------------------------------------------

    async def ask(self, payment: Mapping[str, Any]) -> Answer:
        """Publish `payment` (a `payment.requested.v1` or another request) and wait for its decision."""
        began_s = time.monotonic()
        default = self._defaults.get(str(payment.get("method")), self._defaults["*"])
        payment_id = str(payment["payment_id"])
        if (known := self._decided.get(payment_id)) is not None:
            return _answer(known, began_s)
        waiting = self._waiting.get(payment_id)
        if waiting is None:
            waiting = self._waiting[payment_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(default.deadline_s):
                await self.publish(payment)
                return _answer(await asyncio.shield(waiting), began_s)
        except (TimeoutError, KafkaError) as error:
            logger.warning("payment %s goes by default: %s", payment_id, type(error).__name__)
            self._waiting.pop(payment_id, None)
            self._given_up[payment_id] = None
            if len(self._given_up) > REMEMBERED:
                self._given_up.popitem(last=False)
            return Answer(default.outcome, "default", time.monotonic() - began_s)

    async def publish(self, event: Mapping[str, Any]) -> None:
        """Write an event as PayWarden wants it: the key is the account, its murmur2 hash the partition."""
        at_ms = int(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1000)
        value = json.dumps(event, separators=(",", ":")).encode()
        await self._producer.send_and_wait(self._payments, value, event["account_id"].encode(), timestamp_ms=at_ms)

    def locks(self, account_id: str) -> list[dict[str, Any]]:
        """The locks of an account that are in force or commanded, as of the newest record; empty for none."""
        state = self._locks.get(account_id, {})
        now = datetime.now(UTC)
        return [
            lock
            for lock in state.get("locks", [])
            if lock["status"] in ("commanded", "unconfirmed", "effective")
            and ("expires_at" not in lock or datetime.fromisoformat(lock["expires_at"]) > now)
        ]

    # -- reading ---------------------------------------------------------------------------------------------------

    async def _partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in sorted(await self._producer.partitions_for(topic))]

    async def _read_locks(self, tps: list[TopicPartition]) -> None:
        ends = await self._consumer.end_offsets(tps)
        unread = {tp for tp, end in ends.items() if end > 0}
        while unread:
            for records in (await self._consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    self._take(record)
            unread = {tp for tp in unread if await self._consumer.position(tp) < ends[tp]}

    async def _read(self) -> None:
        """As long as the gate is open. While brokers are away nothing comes, and payments go by default."""
        while True:
            try:
                for records in (await self._consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        self._take(record)
            except KafkaError as error:
                logger.warning("decisions cannot be read: %s", error)
                await asyncio.sleep(0.5)

    def _take(self, record: ConsumerRecord) -> None:
        if record.topic == self._locks_topic:
            self._take_locks(record)
            return
        said = json.loads(record.value)
        if said["type"] != "decision.made.v1":
            return  # amendments of holds and shadow models are other types on the same topic
        payment_id = said["subject_id"]
        self._decided[payment_id] = said
        if len(self._decided) > REMEMBERED:
            self._decided.popitem(last=False)
        waiting = self._waiting.pop(payment_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(said)
        elif payment_id in self._given_up:
            del self._given_up[payment_id]
            self.late += 1

    def _take_locks(self, record: ConsumerRecord) -> None:
        account_id = record.key.decode()
        if record.value is None:
            self._locks.pop(account_id, None)
            return
        said = json.loads(record.value)
        if said["version"] >= self._locks.get(account_id, {}).get("version", 0):
            self._locks[account_id] = said


def _answer(said: Mapping[str, Any], began_s: float) -> Answer:
    waited_s = time.monotonic() - began_s
    if said.get("shadow"):
        return Answer("allow", "observed", waited_s, said["decision_id"], said["outcome"])
    return Answer(
        said["outcome"], "decision", waited_s, said["decision_id"], None, said.get("expires_at"),
        said.get("expiry_outcome"),
    )  # fmt: skip


def payment_of(name: str, account_id: str, amount_minor: int, method: str = "card") -> dict[str, Any]:
    """The smallest event that is decided about; docs/contracts.md has all fields."""
    return {
        "type": "payment.requested.v1",
        "event_id": f"{name}-requested",
        "source": "gate-example",
        "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "account_id": account_id,
        "payment_id": name,
        "amount_minor": amount_minor,
        "currency": "EUR",
        "method": method,
    }


async def measure(bootstrap: str, prefix: str, payments: int, per_s: float) -> dict[str, Any]:
    """Round trips of `payments`, begun at a steady pace whether or not the ones before are answered."""
    began = datetime.now(UTC).strftime("%H%M%S")
    async with Gate(bootstrap, prefix=prefix, defaults={"*": Default("allow", 5.0)}) as gate:
        asking = []
        for number in range(payments):
            payment = payment_of(f"gate-{began}-{number}", f"gate-{number % 500}", 1_000 + number % 50)
            asking.append(asyncio.create_task(gate.ask(payment)))
            await asyncio.sleep(1 / per_s)
        answers = await asyncio.gather(*asking)
    waits_ms = sorted(1000 * answer.waited_s for answer in answers if answer.by != "default")
    cuts = statistics.quantiles(waits_ms, n=100) if len(waits_ms) > 1 else [0.0] * 99
    return {
        "payments": payments,
        "per_s": per_s,
        "by_default": sum(answer.by == "default" for answer in answers),
        "p50_ms": round(cuts[49], 1),
        "p95_ms": round(cuts[94], 1),
        "p99_ms": round(cuts[98], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how long a gate waits for decisions.")
    parser.add_argument("--bootstrap", default="127.0.0.1:9092")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--payments", type=int, default=1_000)
    parser.add_argument("--per-second", type=float, default=50.0)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(measure(given.bootstrap, given.prefix, given.payments, given.per_second))))


if __name__ == "__main__":
    main()
