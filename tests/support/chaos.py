"""Who kills, stops and freezes the workers of a product test at random, and starts them again as a supervisor would?"""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from random import Random
from typing import Literal

from kafka import KafkaConsumer, TopicPartition

from streams.contracts.topics import changelog_of, physical
from streams.runtime.failstop import EXIT_INFRASTRUCTURE, EXIT_OK
from support.product import AGENTS, Product
from support.waiting import wait_until

Blow = Literal["kill", "term", "freeze"]
CHANGELOGS = tuple(changelog_of(agent).name for agent in AGENTS)
AIM_S = 10.0
# Several times the member timeout of the workers: who is frozen this long has lost its partitions.
EVICTED_S = 30.0
# What a worker that was struck may end with: killed, stopped in order, fenced, or stopped before Python had begun.
EXPECTED = (-signal.SIGKILL, EXIT_OK, EXIT_INFRASTRUCTURE, -signal.SIGTERM)


class Chaos:
    """Strikes the workers one after the other, at random moments, from a thread of its own while input is written.

    Two of three blows are aimed: they fall when a transaction is open. The others fall at any time, also while the last
    victim still joins its group, so the hardest case, a failure during recovery, comes up as well.
    """

    def __init__(self, product: Product, blows: Counter[Blow], seed: int) -> None:
        self._product = product
        self._random = Random(seed)
        self._blows: list[Blow] = sorted(blows.elements())
        self._random.shuffle(self._blows)
        self._reader = KafkaConsumer(bootstrap_servers=product.cluster.bootstrap)
        self._stable = KafkaConsumer(bootstrap_servers=product.cluster.bootstrap, isolation_level="read_committed")
        self._over = threading.Event()
        self._written = threading.Event()
        self._error: BaseException | None = None
        self.struck: Counter[Blow] = Counter()
        self.fenced = 0  # workers that were frozen inside a transaction and ended themselves after they woke up
        self.exits: Counter[int] = Counter()

    @contextmanager
    def raging(self) -> Iterator[None]:
        """Blows fall until the end of the block; what went wrong in the thread is raised there."""
        thread = threading.Thread(target=self._rage)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
            self._reader.close()
            self._stable.close()
        if self._error is not None:
            raise self._error

    def keep_up(self, share: float) -> None:
        """Hold the feed until this share of the blows has fallen: all of them fall while there is work."""
        self._written.set()
        wanted = int(len(self._blows) * share)
        wait_until(lambda: self._error or self.struck.total() >= wanted, f"{wanted} blows", 120.0)

    def _rage(self) -> None:
        try:
            for number, blow in enumerate(self._blows):
                # The pause is the randomness of the test, not a wait for anything.
                if self._over.wait(self._random.uniform(0.1, 2.0)):
                    return
                self._supervise()
                if number % 3:
                    self._aim()
                self._strike(blow, self._random.choice(sorted(self._product.workers)))
                self.struck[blow] += 1
            while not self._over.wait(0.5):
                self._supervise()
        except BaseException as error:
            self._error = error

    def _aim(self) -> None:
        """Wait for a step of the feed to be written, and for records of the transaction that it leads to.

        The feed goes on only when a step is handled, so workers are at work then, not still starting.
        """
        self._written.wait(120.0)
        self._written.clear()
        before, deadline_s = self._decided(), time.monotonic() + AIM_S
        while self._decided() == before and time.monotonic() < deadline_s:
            if self._over.wait(0.02):
                return

    def _decided(self) -> dict[TopicPartition, int]:
        """Where the decisions end, those in open transactions included."""
        name = physical(self._product.prefix, "fraud.decisions")
        return dict(self._reader.end_offsets([TopicPartition(name, n) for n in range(self._product.partitions)]))

    def _strike(self, blow: Blow, worker: str) -> None:
        if blow == "freeze":
            self._freeze(worker)
        else:
            self._product.workers[worker].send_signal(signal.SIGKILL if blow == "kill" else signal.SIGTERM)
            self._restart(worker)

    def _freeze(self, first: str) -> None:
        """Freeze whoever is inside a transaction until somebody else has taken over; who is not goes on."""
        deadline_s = time.monotonic() + AIM_S
        for worker in cycle(sorted(self._product.workers, key=lambda worker: worker != first)):
            while not self._open() and time.monotonic() < deadline_s:
                if self._over.wait(0.02):
                    return
            if self._froze(worker) or time.monotonic() > deadline_s:
                return

    def _froze(self, worker: str) -> bool:
        """Whether it was inside a transaction, and so slept until the group had given its partitions away."""
        process = self._product.workers[worker]
        process.send_signal(signal.SIGSTOP)
        try:
            before = self._open()
            self._over.wait(2.0 + self._product.hold_ms / 1000)
            stuck = {place for place, end in self._open().items() if before.get(place) == end}
            wait_until(lambda: self._moved(stuck, before), "the partitions of a frozen worker move on", EVICTED_S)
        finally:
            process.send_signal(signal.SIGCONT)
        if stuck:
            with suppress(subprocess.TimeoutExpired):  # it was somebody else's transaction after all
                self.fenced += process.wait(10.0) == EXIT_INFRASTRUCTURE
            self._supervise()
        return bool(stuck)

    def _open(self) -> dict[TopicPartition, int]:
        """The changelogs' partitions with an open transaction, and where it ends by now."""
        names = [physical(self._product.prefix, changelog) for changelog in CHANGELOGS]
        places = [TopicPartition(name, number) for name in names for number in range(self._product.partitions)]
        stable = self._stable.end_offsets(places)
        return {place: end for place, end in self._reader.end_offsets(places).items() if stable[place] < end}

    def _moved(self, stuck: set[TopicPartition], before: dict[TopicPartition, int]) -> bool:
        now = self._open()
        return not any(now.get(place) == before[place] for place in stuck)

    def _restart(self, worker: str) -> None:
        """Wait for the end that a blow must bring, then start the worker again."""
        self._note(worker, self._product.workers[worker].wait(30))
        self._product.start(worker)

    def _supervise(self) -> None:
        """Start again whoever ended itself."""
        for worker, process in list(self._product.workers.items()):
            if (status := process.poll()) is not None:
                self._note(worker, status)
                self._product.start(worker)

    def _note(self, worker: str, status: int) -> None:
        assert status in EXPECTED, f"{worker} ended with {status}:\n{self._product.logs()}"
        self.exits[status] += 1
