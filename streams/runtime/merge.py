"""In which order are the buffered records of one partition handled, and when is it safe to go on?"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush, heapreplace
from typing import Final, NamedTuple, Protocol

from streams.runtime.logic import Incoming, Input, Record, Refused

# How long live merging waits for a topic that has unread records elsewhere (Kafka Streams' max.task.idle.ms, KIP-695).
LIVE_WAIT_MS = 500
# A head that is older than this is history that is being caught up with: nobody waits for a verdict, and what a slow
# topic still holds would come as late by all that history. Bounded, because its leader may be gone for good.
RECENT_MS = 60_000
CATCH_UP_WAIT_MS = 30_000


class Entry(NamedTuple):
    """A buffered record with what the logic made of it."""

    record: Record
    result: Incoming | Refused


class Resume(NamedTuple):
    """What a merge needs to know after a restart besides the low position of each topic."""

    high: int = -1  # signals up to this offset were read ...
    frontier_ms: int = 0  # ... and those before this event time were handled
    clocks: tuple[int, ...] = ()  # what each source partition last told; of a merge by topics, each topic's watermark


NOTHING_KNOWN: Final = Resume()


class Merge(Protocol):
    """The order of one partition's inputs."""

    def add(self, topic: str, entries: list[Entry]) -> None: ...

    def buffered(self, topic: str) -> int:
        """How far this topic was read ahead; far enough, and its fetching pauses."""

    @property
    def total(self) -> int:
        """Entries of all topics that are buffered; with none, `take` has nothing to hand out."""

    def take(self, limit: int, ends: dict[str, bool], now_ms: int) -> list[Entry]:
        """At most about `limit` entries that may be handled now, in order."""

    def positions(self) -> dict[str, int]:
        """Per topic the offset up to which everything was taken."""

    @property
    def read_on(self) -> bool:
        """The last `take` moved positions although it handed out nothing."""

    @property
    def whole(self) -> bool:
        """What was handed out so far may be committed: nothing waits that must be committed with it."""

    def resume(self) -> Resume:
        """What a restart must know besides the positions; only while `whole`."""


class TopicMerge:
    """Order by (record timestamp, topic rank, offset): the head with the smallest goes first.

    A topic without a buffered head holds the others back, because its next record may be older than theirs. `strict`
    waits for its next record or its watermark without bound; live merging goes on when the topic is read to its end,
    or after `LIVE_WAIT_MS`, which is `CATCH_UP_WAIT_MS` while it catches up. Topics that do not wait (`Input.waits`
    false) are handed out before everything else.
    """

    def __init__(
        self, inputs: tuple[Input, ...], positions: dict[str, int], resume: Resume = NOTHING_KNOWN, *, strict: bool
    ) -> None:
        self._topics = [each.topic for each in inputs]
        self._waits = [each.waits for each in inputs]
        self._rank = {topic: rank for rank, topic in enumerate(self._topics)}
        self._queues: list[deque[Entry]] = [deque() for _ in inputs]
        self._heads: list[tuple[int, int]] = []  # heap of (record timestamp, rank), one per queue that has a head
        self._empty = {rank for rank, waits in enumerate(self._waits) if waits}
        self.total = 0
        # No later record of the topic is older than this. Kept over a restart, or whatever comes behind the newest
        # watermark, such as an answer to what it moved, would wait for a watermark that may never come.
        known = len(resume.clocks) == len(inputs)
        self._promised = list(resume.clocks) if known else [-1] * len(inputs)
        self._blocked_since: int | None = None
        self._positions = dict(positions)
        self._strict = strict

    def add(self, topic: str, entries: list[Entry]) -> None:
        if not entries:
            return
        rank = self._rank[topic]
        queue = self._queues[rank]
        if self._waits[rank] and not queue:
            heappush(self._heads, (entries[0].record.timestamp_ms, rank))
            self._empty.discard(rank)
        queue.extend(entries)
        self.total += len(entries)

    def buffered(self, topic: str) -> int:
        return len(self._queues[self._rank[topic]])

    def take(self, limit: int, ends: dict[str, bool], now_ms: int) -> list[Entry]:
        taken: list[Entry] = []
        for rank, waits in enumerate(self._waits):
            if not waits:
                self._drain(rank, taken)
        heads = self._heads
        while heads and len(taken) < limit:
            at_ms, rank = heads[0]
            if self._empty and not self._may_pass(at_ms, rank, ends, now_ms):
                break
            queue = self._queues[rank]
            entry = queue.popleft()
            taken.append(entry)
            self._positions[self._topics[rank]] = entry.record.offset
            result = entry.result
            if type(result) is Incoming and result.event is None and result.at_ms > self._promised[rank]:
                self._promised[rank] = result.at_ms
            if queue:
                heapreplace(heads, (queue[0].record.timestamp_ms, rank))
            else:
                heappop(heads)
                self._empty.add(rank)
        if taken:
            self._blocked_since = None
            self.total -= len(taken)
        return taken

    def _drain(self, rank: int, taken: list[Entry]) -> None:
        queue = self._queues[rank]
        if queue:
            taken.extend(queue)
            self._positions[self._topics[rank]] = queue[-1].record.offset
            queue.clear()

    def _may_pass(self, at_ms: int, rank: int, ends: dict[str, bool], now_ms: int) -> bool:
        """Could none of the empty topics still deliver something that goes before (`at_ms`, `rank`)?"""
        head = self._queues[rank][0].result
        # A watermark only moves time to where the promise of an equal one has moved it already: no order among them.
        only_time = type(head) is Incoming and head.event is None
        for other in self._empty:
            promised = self._promised[other]
            if promised > at_ms or (promised == at_ms and (only_time or other > rank)):
                continue
            if not self._strict and ends.get(self._topics[other], False):
                continue
            if self._strict:
                return False
            if self._blocked_since is None:
                self._blocked_since = now_ms
            wait_ms = LIVE_WAIT_MS if now_ms - at_ms < RECENT_MS else CATCH_UP_WAIT_MS
            if now_ms - self._blocked_since < wait_ms:
                return False
        return True

    def positions(self) -> dict[str, int]:
        return self._positions

    @property
    def read_on(self) -> bool:
        return False

    @property
    def whole(self) -> bool:
        return True

    def resume(self) -> Resume:
        return Resume(clocks=tuple(self._promised))


class SourceMerge:
    """Order by (event time, source partition, sequence), a second of event time at a time.

    A second is handled when the clocks of all source partitions have passed it; live merging also hands it out
    `LIVE_WAIT_MS` after its first signal arrived, and what comes later still is handed out at once. Signals wait here
    between being read and being handled, so the position that is committed is the one before the oldest that waits;
    `resume` lets a restart skip what was handled beyond it. Nothing is handed out that lies more than `ahead_ms` ahead
    of the wall clock, whatever the sources told: it waits for its time. Without `ahead_ms` no wall clock counts.
    """

    def __init__(
        self,
        topic: str,
        partitions: int,
        positions: dict[str, int],
        resume: Resume,
        *,
        strict: bool,
        ahead_ms: int | None = None,
    ) -> None:
        self._topic = topic
        self._strict = strict
        self._ahead_ms = ahead_ms
        self._clocks = list(resume.clocks) or [0] * partitions
        self._waiting: list[tuple[int, int, int, int, Entry]] = []  # heap of (at_ms, source, sequence, offset, entry)
        self._fresh: deque[Entry] = deque()
        self._offsets: set[int] = set()  # of what waits
        self._read = positions.get(topic, -1)  # last offset read since the start
        self._handled_before = resume
        self._frontier_ms = resume.frontier_ms
        self.read_on = False
        self._is_ready = False  # the last `take` left something that may be handed out at once
        self._oldest_arrival: dict[int, int] = {}  # second -> when its first signal arrived (live)

    def add(self, topic: str, entries: list[Entry]) -> None:
        self._fresh.extend(entries)

    def buffered(self, topic: str) -> int:
        """What a slow handler leaves lying. What waits for clocks does not count: they come on the same topic, and who
        stopped reading it would wait for ever."""
        return self.total if self._is_ready else 0

    @property
    def total(self) -> int:
        return len(self._waiting) + len(self._fresh)

    def take(self, limit: int, ends: dict[str, bool], now_ms: int) -> list[Entry]:
        taken: list[Entry] = []
        self.read_on = bool(self._fresh)
        self._sort_in(taken, now_ms)
        if self._read < self._handled_before.high:
            # After a restart the clocks are known already, the signals that waited for them are still being read again:
            # nothing is in order before the last of them is here.
            return taken
        reach_ms = min(self._clocks)
        if not self._strict:
            due = [second for second, since in self._oldest_arrival.items() if now_ms - since >= LIVE_WAIT_MS]
            if due:
                reach_ms = max(reach_ms, (max(due) + 1) * 1000)
        if self._ahead_ms is not None:
            reach_ms = min(reach_ms, now_ms + self._ahead_ms)
        reach_ms = reach_ms // 1000 * 1000
        waiting = self._waiting
        self._is_ready = False
        while waiting and waiting[0][0] < reach_ms:
            if len(taken) >= limit:
                self._is_ready = True
                return taken
            at_ms, _, _, offset, entry = heappop(waiting)
            self._offsets.discard(offset)
            taken.append(entry)
            self._frontier_ms = max(self._frontier_ms, at_ms // 1000 * 1000 + 1000)
        if reach_ms > self._frontier_ms:
            self._frontier_ms = reach_ms
            for second in [second for second in self._oldest_arrival if second * 1000 < reach_ms]:
                del self._oldest_arrival[second]
            # Time itself is handed on, so that timers up to the frontier fire although no signal follows.
            taken.append(Entry(Record(self._topic, -1, -1, reach_ms, None, None), Incoming(None, None, reach_ms)))
        return taken

    def _sort_in(self, taken: list[Entry], now_ms: int) -> None:
        while self._fresh:
            entry = self._fresh.popleft()
            record, result = entry
            before = self._handled_before
            again = record.offset <= before.high
            self._read = max(self._read, record.offset)
            if type(result) is Refused:
                if not again:
                    taken.append(entry)
                continue
            assert type(result) is Incoming
            if result.event is None:
                self._clocks[result.source] = max(self._clocks[result.source], result.at_ms)
                continue
            if again and result.at_ms < before.frontier_ms:
                continue
            if result.at_ms < self._frontier_ms:
                taken.append(entry)  # its second was handed out before it came (live)
                continue
            heappush(self._waiting, (result.at_ms, result.source, result.sequence, record.offset, entry))
            self._offsets.add(record.offset)
            if not self._strict:
                self._oldest_arrival.setdefault(result.at_ms // 1000, now_ms)

    @property
    def whole(self) -> bool:
        """A second may be handed out in parts but is committed as a whole: the frontier lies between seconds."""
        return not self._waiting or self._waiting[0][0] >= self._frontier_ms

    def positions(self) -> dict[str, int]:
        if self._read < 0:
            return {}
        return {self._topic: min(self._offsets) - 1 if self._offsets else self._read}

    def resume(self) -> Resume:
        return Resume(max(self._read, self._handled_before.high), self._frontier_ms, tuple(self._clocks))
