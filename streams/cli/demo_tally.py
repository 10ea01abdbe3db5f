"""What can be read from the topics while the demo runs?

Everything the demo shows comes from here, and everything here comes from a `read_committed` consumer: what a subscriber
of a real deployment would see, at the time at which it would see it.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Container, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from kafka import KafkaConsumer, TopicPartition

from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.base import to_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionMade
from streams.contracts.registry import Refusal, decode
from streams.contracts.signals import DeadLetter
from streams.contracts.topics import MERGED, Naming, logical, physical

INPUTS: Final = tuple(topic.name for topic in MERGED)
OUTPUTS: Final = (
    "fraud.decisions",
    "account.actions",
    "account.locks",
    "support.cases",
    "customer.notifications",
    "paywarden.dead-letters",
)
# Long enough for a steady p95 at 100 decisions a second, short enough to show what is happening now.
_LATENCIES: Final = 2_000
_SECONDS: Final = 60
# The feed brings something to decide every second; a busy machine takes up to half a minute for it.
_SILENCE_S: Final = 45.0
# Look, then pause: not every broker lets a fetch wait for data, and a client that asks again at once would take a core
# from the worker. The pause is part of the latency that is shown.
_PAUSE_S: Final = 0.04
_POLL_MS: Final = 10


class Opened(NamedTuple):
    """A case and when its first version was seen."""

    seen_s: float
    case: CaseVersion


class Tally:
    """Counts of what was read. One thread writes, another reads: every field is replaced or appended to as a whole."""

    def __init__(self) -> None:
        self.began_s = time.monotonic()
        self.live_from_ms: int | None = None  # decisions about older events say nothing about latency
        self.live_from_s: float | None = None
        self.events = 0
        self.decisions: Counter[str] = Counter()
        self.decided_s = 0.0  # when a decision was read last
        self.actions: Counter[str] = Counter()
        self.locks: dict[str, str] = {}  # action id -> reason class
        self.locked_accounts: set[str] = set()  # now
        self.cases: dict[str, Opened] = {}
        self.notifications = 0
        self.dead_letters: Counter[str] = Counter()
        self.unreadable = 0
        self.latencies_ms: deque[int] = deque(maxlen=_LATENCIES)
        self.first_case_s: float | None = None
        self.per_second: Counter[int] = Counter()  # events by second since the beginning
        self._acted: set[str] = set()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began_s

    def rate(self, over_s: int = 5) -> float:
        """Events per second lately, whole seconds only."""
        now = int(self.seconds)
        return sum(self.per_second[second] for second in range(now - over_s, now)) / over_s

    def rates(self) -> list[int]:
        """Events in each of the last seconds of the live feed; the flood of history would dwarf them."""
        now = int(self.seconds)
        first = now if self.live_from_s is None else int(self.live_from_s) + 1
        return [self.per_second[second] for second in range(max(first, now - _SECONDS), now)]

    @property
    def silent_s(self) -> float | None:
        """How long nothing was decided although the live feed plays; None while that says nothing."""
        if self.live_from_s is None:
            return None
        silent_s = self.seconds - max(self.decided_s, self.live_from_s)
        return silent_s if silent_s > _SILENCE_S else None

    def latency_ms(self, share: float) -> int | None:
        """From an event to the moment at which its decision could be read; None before there is one."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None

    def take(self, topic: str, value: bytes | None, seen_ms: int) -> None:
        """Counts one record of `topic` (logical name)."""
        if topic in INPUTS:
            self.events += 1
            self.per_second[int(self.seconds)] += 1
            return
        event = decode(topic, value)
        match event:
            case DecisionMade():
                self.decisions[event.outcome] += 1
                self.decided_s = self.seconds
                at_ms = to_ms(event.occurred_at)
                if self.live_from_ms is not None and at_ms >= self.live_from_ms:
                    self.latencies_ms.append(seen_ms - at_ms)
            case ActionRequested():
                if event.action_id not in self._acted:  # the same command may be sent again
                    self._acted.add(event.action_id)
                    self.actions[event.action] += 1
            case LocksState():
                for lock in event.locks:
                    self.locks.setdefault(lock.action_id, lock.reason_class)
                (self.locked_accounts.add if event.locks else self.locked_accounts.discard)(event.account_id)
            case CaseVersion():
                known = self.cases.get(event.case_id)
                self.cases[event.case_id] = Opened(known.seen_s if known else self.seconds, event)
                if self.first_case_s is None:
                    self.first_case_s = self.seconds
            case NotificationRequested():
                self.notifications += 1
            case DeadLetter():
                self.dead_letters[event.reason] += 1
            case Refusal():
                self.unreadable += 1
            case _:
                pass  # amendments of decisions, refused operator actions: shown nowhere

    def newest(self, count: int) -> list[Opened]:
        """The cases that opened last, newest first."""
        return heapq.nlargest(count, tuple(self.cases.values()), key=lambda each: each.seen_s)

    def opened_since(self, seen: Container[str]) -> list[Opened]:
        """The cases that are not among `seen`, oldest first."""
        return [each for case_id, each in tuple(self.cases.items()) if case_id not in seen]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What `--summary FILE` holds."""

    events: int
    decisions: int
    locks: int
    cases: int
    dead_letters: int
    notifications: int
    first_case_s: float | None
    ready_s: float | None
    seconds: float
    decisions_by_outcome: dict[str, int]
    cases_by_type: dict[str, int]
    actions: dict[str, int]
    latency_p50_ms: int | None
    latency_p95_ms: int | None
    console: str | None  # its address, if it opened


def summary_of(tally: Tally, ready_s: float | None, console: str | None) -> Summary:
    """The counts of a finished demo."""
    return Summary(
        events=tally.events,
        decisions=tally.decisions.total(),
        locks=len(tally.locks),
        cases=len(tally.cases),
        dead_letters=tally.dead_letters.total(),
        notifications=tally.notifications,
        first_case_s=None if tally.first_case_s is None else round(tally.first_case_s, 1),
        ready_s=None if ready_s is None else round(ready_s, 1),
        seconds=round(tally.seconds, 1),
        decisions_by_outcome=dict(tally.decisions),
        cases_by_type=dict(Counter(opened.case.case_type for opened in tally.cases.values())),
        actions=dict(tally.actions),
        latency_p50_ms=tally.latency_ms(0.5),
        latency_p95_ms=tally.latency_ms(0.95),
        console=console,
    )


class Reader(threading.Thread):
    """Reads inputs and outputs from their beginning into a tally, until `stop`; what it raises, `stop` raises."""

    def __init__(
        self,
        tally: Tally,
        bootstrap: str,
        *,
        prefix: Naming,
        partitions: int,
        now_ms: Callable[[], int],
        security: Mapping[str, Any],
    ) -> None:
        super().__init__(name="reader", daemon=True)
        self.error: Exception | None = None
        self._tally, self._prefix, self._now_ms = tally, prefix, now_ms
        self._ending = threading.Event()
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap.split(","),
            client_id="paywarden-demo",
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            check_crcs=False,  # this client computes them in Python: a third of its time, for bytes from this machine
            **security,
        )
        self._consumer.assign(
            [
                TopicPartition(physical(prefix, name), number)
                for name in (*INPUTS, *OUTPUTS)
                for number in range(partitions)
            ]
        )

    def run(self) -> None:
        try:
            while self._round() or not self._ending.is_set():
                time.sleep(_PAUSE_S)
        except Exception as error:  # the thread has no caller; whoever watches it hands it on
            self.error = error
        finally:
            self._consumer.close(autocommit=False)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Reads what is there, then ends."""
        self._ending.set()
        self.join(timeout_s)

    def _round(self) -> bool:
        polled = self._consumer.poll(timeout_ms=_POLL_MS, max_records=5_000)
        now_ms = self._now_ms()
        for partition, records in polled.items():
            topic = logical(self._prefix, partition.topic)
            for record in records:
                self._tally.take(topic, record.value, now_ms)
        return bool(polled)
