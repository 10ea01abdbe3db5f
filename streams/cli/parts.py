"""Which partitions of which agents does a command work on, and what is stored of each?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from models.artifact import ModelError
from streams.adapters.champions import replay_scorer
from streams.adapters.policy_file import load_schedule
from streams.app import agents
from streams.cli.cluster import BadRequest, NotAsItShouldBe
from streams.contracts.topics import Agent, changelog_of, physical
from streams.core.policy import PolicySchedule
from streams.core.steps import Prepared
from streams.ports import Scorer
from streams.runtime.failstop import Refusal
from streams.runtime.logic import Logic
from streams.runtime.options import AgentOptions, RuntimeOptions
from streams.runtime.position import Position
from streams.runtime.rebuild import Rows, position_of, read_rows
from streams.runtime.states import StateFromTheFuture, read_row
from streams.runtime.topics_admin import Layout, layout_of, usable_partitions
from streams.settings import Settings


class Part(NamedTuple):
    """One partition of one agent."""

    logic: Logic
    agent: AgentOptions
    layout: Layout
    number: int

    @property
    def name(self) -> str:
        return f"{self.logic.name}/{self.number}"


async def layouts(
    settings: Settings, scorer: Scorer[Prepared] | None = None, policies: PolicySchedule | None = None
) -> list[tuple[Logic, AgentOptions, Layout]]:
    """Both agents with what they read in this cluster. Raises NotAsItShouldBe if topics are missing or unequal."""
    parts = agents(settings, policies, scorer)
    called = settings.names
    names = {each.topic for logic, _ in parts for each in logic.inputs} | {agent.changelog for _, agent in parts}
    found = await usable_partitions(settings.runtime(), {physical(called, name) for name in names})
    counts = {name: found[physical(called, name)] for name in names if physical(called, name) in found}
    try:
        return [
            (logic, agent, layout_of(logic.name, logic.inputs, (agent.changelog,), counts)) for logic, agent in parts
        ]
    except Refusal as error:
        raise NotAsItShouldBe(str(error)) from error


def scorer_of(settings: Settings) -> Scorer[Prepared]:
    """The worker's model without its deadline: what was decided is owed, so it must be decided again alike."""
    try:
        return replay_scorer(settings.model_dir, load_schedule(settings.policy_files), home=settings.models_dir)
    except ModelError as error:
        raise NotAsItShouldBe(f"{error} It needs the model that the workers have.") from error


def parts_of(
    known: Iterable[tuple[Logic, AgentOptions, Layout]], agent_name: str | None, numbers: tuple[int, ...]
) -> list[Part]:
    """The partitions that were asked for; all of them without a choice. Raises BadRequest."""
    parts = []
    for logic, agent, layout in known:
        if agent_name not in (None, logic.name):
            continue
        if beyond := [number for number in numbers if number >= layout.partitions]:
            raise BadRequest(f"{logic.name} has {layout.partitions} partitions; there is no {beyond[0]}.")
        parts += [Part(logic, agent, layout, number) for number in sorted(set(numbers)) or range(layout.partitions)]
    return parts


async def rows_of(options: RuntimeOptions, part: Part) -> Rows:
    return await read_rows(options, physical(options.names, part.agent.changelog), part.number)


async def rows_of_agent(settings: Settings, agent: Agent, number: int) -> Rows:
    """The newest rows of one partition's changelog, by agent."""
    return await read_rows(settings.runtime(), physical(settings.names, changelog_of(agent).name), number)


def row_of(raw: bytes) -> Any:
    try:
        return read_row(raw)
    except StateFromTheFuture as error:
        raise NotAsItShouldBe(f"{error}. Use the release that wrote it.") from error


def stored_position(rows: Rows) -> Position | None:
    try:
        return position_of(rows)
    except StateFromTheFuture as error:
        raise NotAsItShouldBe(f"{error}. Use the release that wrote it.") from error


class Sizes(NamedTuple):
    """Encoded sizes of states, in bytes."""

    keys: int
    total: int
    median: int
    p95: int
    largest: int


def sizes_of(sizes: Iterable[int]) -> Sizes:
    """Count, sum and quantiles; zeros for nothing."""
    ordered = sorted(sizes)
    if not ordered:
        return Sizes(0, 0, 0, 0, 0)
    last = len(ordered) - 1
    return Sizes(len(ordered), sum(ordered), ordered[last // 2], ordered[int(last * 0.95)], ordered[-1])


def stored_sizes(rows: Rows) -> Sizes:
    return sizes_of(len(raw) for key, raw in rows.items() if not key.startswith(b"\x00"))
