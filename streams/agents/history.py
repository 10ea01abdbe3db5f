"""What do the agents know after a history that is told to nobody?

The same engines as the workers', over all partitions in one process. Every effect counts as too old to be sent, so no
lock, command or message comes into being that only a broker would have had to carry. What the agents tell each other
stays in memory; bad records are kept for the dead letters; everything else that they would say is counted and dropped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from streams.agents.accounts import Account, AccountsLogic, Shared
from streams.agents.entities import EntitiesLogic
from streams.contracts.registry import encode
from streams.contracts.signals import ClockTold
from streams.contracts.topics import DEAD_LETTERS, ENTITY_RISK, SIGNALS
from streams.core.entities.state import EntityState
from streams.core.flows.owners_word import STANDS_S
from streams.core.handover import unsay, unsay_entity, unsay_risk
from streams.core.policy import PolicySchedule
from streams.runtime.logic import Emit, Input, Record
from streams.runtime.options import PartitionOptions
from streams.runtime.partition import Partition
from streams.runtime.position import POSITION_KEY, read_position

Rows = dict[bytes, bytes]
# Between two groups: large enough that per-group work vanishes, small enough that their emits take little memory.
_SLICE: Final = 5_000
# Longer than `told_every_ms`, so that every group tells its clock: there is no broker to spare.
_TICK_MS: Final = 1_000


class HistoryFold:
    """Both agents over a history, with nothing said.

    Args:
        policies: by the event's time, as everywhere.
        inputs: of the accounts agent, as far as their topics exist.
        now_ms: wall clock at the hand-over; no event may be later.
    """

    def __init__(
        self,
        accounts: AccountsLogic,
        entities: EntitiesLogic,
        policies: PolicySchedule,
        *,
        options: PartitionOptions,
        partitions: int,
        inputs: Iterable[Input],
        now_ms: int,
    ) -> None:
        self.handled = 0
        self.unsaid: Counter[str] = Counter()  # records that were not published, by topic
        self.was_open: Counter[str] = Counter()  # cases that nobody was told of and that were open at the end
        self.dead_letters: dict[int, list[Emit]] = defaultdict(list)  # by partition; of the accounts agent
        self.poison: list[tuple[Record, Exception]] = []
        self._policies = policies
        # Live, because then an effect's age is the wall clock's; ahead of it by what would still be young enough.
        told = msgspec.structs.replace(options, merge="live", clock="live")
        ordered = msgspec.structs.replace(told, merge="strict")
        self.accounts = [Partition(accounts, number, partitions, told, inputs) for number in range(partitions)]
        self.entities = [Partition(entities, number, partitions, ordered) for number in range(partitions)]
        self._wall_ms = now_ms
        # So old that nothing of it is acted on: no effect of a policy, and no report of theft, which stands longer.
        oldest_s = max(STANDS_S, *(policy.max_effect_age_s for policy in policies.policies))
        self._now_ms = now_ms + oldest_s * 1000 + 1
        self._told_ms = self._now_ms
        self._rows: dict[tuple[str, int], Rows] = defaultdict(dict)
        self._between: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self._offsets: Counter[tuple[str, int]] = Counter()
        for engine in (*self.accounts, *self.entities):
            engine.restored()

    def fold(self, records: Mapping[tuple[str, int], list[Record]], until_ms: int) -> None:
        """Take in what lies on the inputs, by (logical topic, partition), up to record time `until_ms`."""
        for (topic, number), each in records.items():
            self.accounts[number].feed(topic, each)
        for engine in self.accounts:
            self._run(engine)
            # As a worker's idle partition: all clocks follow, or the entities would wait for a quiet one.
            engine.tick(min(until_ms, self._wall_ms))
            self._take(engine)
        self._run_entities()

    def finish(self) -> None:
        """The history is at its end, and from now on everything is said."""
        self.fold({}, self._wall_ms)
        # Signals younger than the clock of the quietest partition still wait for it; nothing older will follow.
        last_ms = max(engine.clock_ms for engine in self.accounts) + 1_000
        for number in range(len(self.entities)):
            for source in range(len(self.accounts)):
                told = ClockTold(at_ms=last_ms, partition=source, sequence=0)
                self._note(Emit(SIGNALS.name, b"", encode(told), last_ms, number), number)
        self._run_entities()
        for engine in self.accounts:
            self._hear(engine, ENTITY_RISK.name)
            self._run(engine)
        for engine in self.accounts:
            engine.revise(self._unsay, _silent)
            self._take(engine)
        for engine in self.entities:
            engine.revise(self._unsay_entity, lambda shared: shared)
            self._take(engine)

    def rows(self, agent: str, number: int, ends: Mapping[str, int]) -> Rows:
        """What the changelog of one partition has to hold, with a position from which the inputs are read at `ends`."""
        rows = self._rows[agent, number]
        position = read_position(rows[POSITION_KEY])
        offsets = {topic: end - 1 for topic, end in ends.items() if end > 0}
        high = offsets.get(SIGNALS.name, -1) if agent == "entities" else position.high
        moved = msgspec.structs.replace(position, offsets=offsets, high=high)
        return {**rows, POSITION_KEY: msgspec.msgpack.encode(moved)}

    @property
    def stop_sentence(self) -> str | None:
        """Why this history must not be folded, or None: too much of it cannot be handled."""
        return next((each for engine in self.accounts if (each := engine.stop_sentence) is not None), None)

    # -- between the agents ----------------------------------------------------------------------------------------

    def _run_entities(self) -> None:
        for engine in self.entities:
            self._hear(engine, SIGNALS.name)
            self._run(engine)
        for engine in self.accounts:
            self._hear(engine, ENTITY_RISK.name)

    def _hear(self, engine: Partition, topic: str) -> None:
        engine.feed(topic, self._between.pop((topic, engine.number), []))

    def _run(self, engine: Partition) -> None:
        at_end = {each.topic: True for each in engine.inputs}
        while handled := engine.run(_SLICE, ends=at_end, now_ms=self._now_ms):
            if engine.logic.name == "accounts":
                self.handled += handled
            self._take(engine)

    def _take(self, engine: Partition) -> None:
        """What would have been committed: states are kept, words are not."""
        self._told_ms += _TICK_MS
        group = engine.group(self._told_ms)
        if group is None:
            return
        rows = self._rows[engine.logic.name, engine.number]
        for key, value in group.rows:
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value
        for emit in group.emits:
            self._note(emit, engine.number)
        engine.committed()
        self.poison += engine.poison
        engine.poison.clear()

    def _note(self, emit: Emit, source: int) -> None:
        number = source if emit.partition is None else emit.partition
        if emit.topic in (SIGNALS.name, ENTITY_RISK.name):
            place = (emit.topic, number)
            record = Record(emit.topic, number, self._offsets[place], emit.timestamp_ms, emit.key, emit.value)
            self._offsets[place] += 1
            self._between[place].append(record)
        elif emit.topic == DEAD_LETTERS.name:
            self.dead_letters[source].append(emit)
        else:
            self.unsaid[emit.topic] += 1

    # -- the hand-over ---------------------------------------------------------------------------------------------

    def _unsay(self, key: bytes, state: Any) -> bool:
        if type(state) is Account:
            self.was_open.update(unsay(state.obligations))
        else:
            unsay_risk(state)
        return True

    def _unsay_entity(self, key: bytes, state: EntityState) -> bool:
        self.was_open.update(unsay_entity(state, self._policies.at(state.newest_ms).entities))
        return True


def _silent(shared: Shared) -> Shared:
    """Of what belongs to the partition: counts go on, what was said about locks, codes and outages was not said."""
    shared.health.joined = {}
    return Shared(health=shared.health, feeds=shared.feeds, frequencies=shared.frequencies)
