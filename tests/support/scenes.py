"""What do both agents, enforcing, make of a feed without a broker? A whole run, sorted by what was published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from producers.answers import replies
from producers.feed import Barrier, Outgoing, expand, stepped
from producers.simulate.catalog import scenario
from streams.agents.offline import OfflineRun, Published
from streams.app import accounts_logic, entities_logic
from streams.contracts.actions import ActionRequested, LocksState, PspQuery
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import Refusal, decode
from streams.contracts.topics import TOPICS
from streams.core.policy import PolicySchedule, parse_policy
from streams.core.steps import Prepared
from streams.ports import Scorer
from streams.runtime.logic import Emit

DEFAULT = files("streams.core").joinpath("policy.default.toml").read_text(encoding="utf-8")
HALF_HOUR_MS = 1_800_000


@cache
def enforcing(*overrides: str) -> PolicySchedule:
    """The packaged policy, acting, with TOML texts laid over it."""
    return PolicySchedule.of((parse_policy(DEFAULT, 'mode = "enforce"\n', *overrides),))


class Scene:
    """One run. What was published is decoded: whatever the contracts refuse fails the test here."""

    def __init__(
        self,
        policies: PolicySchedule | None = None,
        *,
        partitions: int = 2,
        step_ms: int = HALF_HOUR_MS,
        responder: bool = True,
        scorer: Scorer[Prepared] | None = None,
    ) -> None:
        self.records: list[Published] = []
        self.partitions, self.step_ms = partitions, step_ms
        policies = policies or enforcing()
        self.run = OfflineRun(
            accounts_logic(policies, scorer, barrier_s=step_ms // 1000),
            entities_logic(policies, step_ms // 1000),
            partitions,
            self.records.append,
            partition_of_key=partition_of,
            respond=answer if responder else None,
        )

    def play(self, feed: Iterable[Outgoing], settle_ms: int = 0) -> Scene:
        """Writes everything, step by step, and goes on for `settle_ms` of event time."""
        for item in expand(stepped(feed, self.step_ms, settle_ms), self.partitions):
            if isinstance(item, Barrier):
                self.run.settle()
            else:
                self.run.write(item.topic, item.partition, item.key, item.value, item.timestamp_ms)
        self.run.settle()
        return self

    def all(self, kind: type[Any]) -> list[Any]:
        """Everything of one type that was published, in order."""
        tag = kind.__struct_config__.tag
        return [
            event for topic, event in self._events() if event.__struct_config__.tag == tag and "snapshot" not in topic
        ]

    def told(self) -> list[Any]:
        """Everything that subscribers read, in order: once, and without what the agents tell each other."""
        return [
            event for topic, event in self._events() if TOPICS[topic].direction == "output" and "snapshot" not in topic
        ]

    def _events(self) -> Iterable[tuple[str, Any]]:
        for published in self.records:
            emit = published.emit
            if emit.value is None or emit.topic == "paywarden.dead-letters":
                continue
            event = decode(emit.topic, emit.value)
            assert type(event) is not Refusal, event
            yield emit.topic, event

    @property
    def decisions(self) -> list[DecisionMade]:
        return self.all(DecisionMade)

    @property
    def amendments(self) -> list[DecisionAmended]:
        return self.all(DecisionAmended)

    @property
    def actions(self) -> list[ActionRequested]:
        return self.all(ActionRequested)

    @property
    def locks(self) -> list[LocksState]:
        return self.all(LocksState)

    @property
    def notifications(self) -> list[NotificationRequested]:
        return self.all(NotificationRequested)

    @property
    def queries(self) -> list[PspQuery]:
        return self.all(PspQuery)

    @property
    def versions(self) -> list[CaseVersion]:
        return self.all(CaseVersion)

    @property
    def cases(self) -> list[CaseVersion]:
        """The newest version of every case, in the order in which they opened."""
        return list({case.case_id: case for case in self.versions}.values())

    @property
    def dead_letters(self) -> list[dict[str, Any]]:
        found = [each.emit for each in self.records if each.emit.topic == "paywarden.dead-letters"]
        return [msgspec.json.decode(emit.value) for emit in found if emit.value is not None]


def answer(emit: Emit) -> list[tuple[str, bytes, bytes, int]]:
    """The payment system's answers."""
    return [(each.topic, each.key, each.value, each.timestamp_ms) for each in replies(emit.topic, emit.value)]


def scene(name: str, changes: Mapping[str, float] | None = None, *, seed: int = 7) -> Scene:
    """One scenario of the catalogue, played to its end."""
    story = scenario(name)
    return Scene().play(story.records(seed, None, changes), story.settle_ms)
