"""What do decoding, deciding and remembering cost on their own, in memory and without a broker?"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from time import perf_counter, process_time

import msgspec

from producers.feed import Outgoing, outgoing
from producers.load import payment, success
from streams.adapters.policy_file import load_schedule
from streams.agents.accounts import AccountsLogic
from streams.app import accounts_logic
from streams.contracts.base import from_ms
from streams.contracts.logins import LoginSucceeded
from streams.core.steps import Prepared
from streams.ports import Scorer
from streams.runtime.logic import Record
from streams.runtime.options import PartitionOptions
from streams.runtime.partition import Partition

RUN = "bench"
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
BATCH = 200  # records that the worker's transport hands on together, and about what 20 ms of pace make a group
CYCLE = 7  # three payments, each with its end, and a login: four decisions
ROUNDS = 3  # the least of these counts: neighbours only ever make a run slower
# An account with a habit: two or three payments a day for six weeks, 108 in all.
AGED_ACCOUNTS, AGED_EVENTS, AGED_STEP_MS = 200, 252, 4 * 3_600_000


class Rate(msgspec.Struct, kw_only=True):
    """How fast one stage is."""

    events: int
    seconds: float  # on the wall
    cpu_s: float

    @property
    def per_s(self) -> float:
        return self.events / self.seconds if self.seconds else 0.0

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / self.events * 1e6 if self.events else 0.0


class Footprint(msgspec.Struct, kw_only=True):
    """What remembering an account with a habit costs."""

    accounts: int
    events_per_account: int
    state_bytes: int  # changelog row, average
    state_bytes_worst: int
    resident_bytes: int  # memory of one decoded state
    recovered_per_s: int  # rows applied and armed, without reading them from Kafka


def traffic(events: int, accounts: int, step_ms: int) -> Iterator[Outgoing]:
    """Three payments and their ends, then a login, and so on; accounts take turns, event time moves by `step_ms`."""
    for number in range(events):
        at_ms = START_MS + number * step_ms
        turn, place = divmod(number, CYCLE)
        if place == CYCLE - 1:
            yield login(number, turn * 7 % accounts, at_ms)
        else:
            yield (success if place % 2 else payment)(RUN, turn * 3 + place // 2, accounts, at_ms)


def decisions_of(events: int) -> int:
    """How many of the first `events` events of the traffic get a decision."""
    cycles, rest = divmod(events, CYCLE)
    return cycles * (CYCLE + 1) // 2 + (rest + 1) // 2


def login(number: int, account: int, at_ms: int) -> Outgoing:
    """A customer's own login, from the device and address of his payments."""
    return outgoing(
        "auth.logins",
        LoginSucceeded(
            event_id=f"{RUN}-login-{number}",
            source=RUN,
            occurred_at=from_ms(at_ms),
            account_id=f"{RUN}-account-{account}",
            ip=f"10.{account >> 16 & 255}.{account >> 8 & 255}.{account & 255}",
            device_id=f"device-{RUN}-{account}",
            user_agent="bench/1",
            country="DE",
            asn=3320,
        ),
    )


def records_of(feed: Iterator[Outgoing]) -> list[Record]:
    """The feed as one partition would get it."""
    offsets: dict[str, int] = {}
    records = []
    for item in feed:
        offset = offsets[item.topic] = offsets.get(item.topic, -1) + 1
        records.append(Record(item.topic, 0, offset, item.timestamp_ms, item.key, item.value))
    return records


def decoding(records: list[Record]) -> Rate:
    """Bytes to checked events."""
    read = _logic().read
    return least(len(records), lambda: [read(record) for record in records])


def core(records: list[Record]) -> Rate:
    """The engine of one partition: decode, merge, features, rules, decision, encoding of outputs and of states."""
    return least(len(records), lambda: played(records))


def footprint() -> Footprint:
    """Size of the state of accounts with a habit, encoded and decoded."""
    rows = played(records_of(traffic(AGED_ACCOUNTS * AGED_EVENTS, AGED_ACCOUNTS, AGED_STEP_MS // AGED_ACCOUNTS)))
    copies = {key + b"/%d" % copy: raw for copy in range(25) for key, raw in rows.items()}
    began_s = perf_counter()
    recovered = _partition()
    for key, raw in copies.items():
        recovered.restore(key, raw)
    recovered.restored()
    seconds = perf_counter() - began_s
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for key in rows:
        recovered.states.peek(key + b"/0")  # decodes it and keeps it
    resident = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    sizes = [len(raw) for raw in rows.values()]
    return Footprint(
        accounts=AGED_ACCOUNTS,
        events_per_account=AGED_EVENTS,
        state_bytes=sum(sizes) // len(sizes),
        state_bytes_worst=max(sizes),
        resident_bytes=resident // len(rows),
        recovered_per_s=round(len(copies) / seconds),
    )


def _logic(scorer: Scorer[Prepared] | None = None) -> AccountsLogic:
    return accounts_logic(load_schedule(()), scorer)


def _partition(scorer: Scorer[Prepared] | None = None) -> Partition:
    partition = Partition(_logic(scorer), 0, 1, PartitionOptions(merge="live", clock="replay"))
    partition.restored()
    return partition


def played(records: list[Record], scorer: Scorer[Prepared] | None = None) -> dict[bytes, bytes]:
    """Everything through one partition, a group per batch as under load; the states as the changelog then has them."""
    partition = _partition(scorer)
    rows: dict[bytes, bytes | None] = {}
    ends = {each.topic: True for each in partition.inputs}
    for start in range(0, len(records), BATCH):
        by_topic: dict[str, list[Record]] = {}
        for record in records[start : start + BATCH]:
            by_topic.setdefault(record.topic, []).append(record)
        for topic, batch in by_topic.items():
            partition.feed(topic, batch)
        while partition.run(BATCH, ends=ends, now_ms=START_MS + start):
            pass
        group = partition.group(START_MS + start)
        assert group is not None
        rows.update(group.rows)
        partition.committed()
    return {key: raw for key, raw in rows.items() if raw is not None and not key.startswith(b"\x00")}


def least(events: int, work: Callable[[], object]) -> Rate:
    """The cheapest of three runs."""
    rates = []
    for _ in range(ROUNDS):
        began_s, cpu_s = perf_counter(), process_time()
        work()
        rates.append(Rate(events=events, seconds=perf_counter() - began_s, cpu_s=process_time() - cpu_s))
    return min(rates, key=lambda rate: rate.cpu_s)
