"""How is a state made again when it is lost?"""

from __future__ import annotations

import asyncio
from typing import Any

import click
import msgspec
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from streams.cli.cluster import NotAsItShouldBe, ask, cluster_options, settings_of
from streams.cli.parts import Part, layouts, parts_of, rows_of, scorer_of, stored_position, stored_sizes
from streams.cli.state import state
from streams.cli.terminal import say_json, terminal
from streams.contracts.topics import physical
from streams.runtime.options import RuntimeOptions
from streams.runtime.position import POSITION_KEY, Position
from streams.runtime.rebuild import (
    Diagnosis,
    Difference,
    compare,
    diagnose,
    evidence_of,
    members_of,
    moved,
    replayed,
    write_rows,
)
from streams.settings import Settings

_SHOWN = 20  # keys named when two states differ, before "and N more"


class Outcome(msgspec.Struct, kw_only=True):
    """What became of one partition."""

    agent: str
    partition: int
    verdict: str
    why: str
    done: str  # kept, moved, rebuilt, compared
    handled: int = 0
    keys: int = 0
    rows_written: int = 0
    poison: int = 0
    same: int = 0
    changed: int = 0
    missing: int = 0
    added: int = 0
    examples: list[str] = msgspec.field(default_factory=list)


@state.command()
@click.option("--partition", "numbers", multiple=True, type=click.IntRange(min=0), help="Only these. Repeatable.")
@click.option(
    "--agent", "agent_name", type=click.Choice(["accounts", "entities"]), help="Only the states of one agent."
)
@click.option("--from-beginning", is_flag=True, help="Make every state again, also where nothing seems wrong.")
@click.option("--compare", "comparing", is_flag=True, help="Write nothing; say how a rebuilt state would differ.")
@click.option("--fence", is_flag=True, help="Go on although workers are listed: those that live are fenced off.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array; implies --yes.")
@cluster_options
def rebuild(
    numbers: tuple[int, ...],
    agent_name: str | None,
    from_beginning: bool,
    comparing: bool,
    fence: bool,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Make states again from the inputs that Kafka still holds, with outputs off. Stop all workers first.

    A partition whose changelog is lost, or is of another number of partitions, is replayed from the start of the log
    up to what was handled. Where only records were deleted before they were read, the state is kept and the hole is
    accepted. A partition with nothing wrong is left alone, unless --from-beginning is given.

    What was learnt from records that retention has deleted is not learnt again: compare first, and restore the inputs
    from an archive if it matters. Up to a second of outputs before a loss may be published once more, with the same
    ids.

    \b
    Examples:
      paywarden state rebuild --compare
      paywarden state rebuild --yes
      paywarden state rebuild --agent accounts --partition 3 --from-beginning
    """
    settings = settings_of(options)
    if not (comparing or fence) and (members := ask(settings, members_of(settings.runtime()))):
        raise NotAsItShouldBe(
            f"the group {settings.app_id!r} has {members} live workers. Stop them first. One with a static membership "
            f"stays listed for {settings.member_timeout_s:.0f} s after its end; --fence does not wait for that."
        )
    parts = parts_of(ask(settings, layouts(settings, scorer_of(settings))), agent_name, numbers)
    if not (yes or as_json or comparing):
        click.confirm(f"Rewrite the state of {len(parts)} partitions where it is broken?", abort=True)
    outcomes = ask(settings, _rebuild_all(settings, parts, from_beginning, comparing, quiet=as_json))
    if as_json:
        say_json(msgspec.json.encode(outcomes))
    else:
        _report(outcomes)
    if comparing and any(each.changed or each.missing or each.added for each in outcomes):
        raise SystemExit(1)


async def _rebuild_all(
    settings: Settings, parts: list[Part], from_beginning: bool, comparing: bool, *, quiet: bool
) -> list[Outcome]:
    outcomes = []
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,} records", markup=False),
        TimeElapsedColumn(),
        console=terminal(stderr=True),
        transient=True,
        disable=quiet,
    ) as progress:
        for part in parts:
            outcomes.append(await _rebuild(settings.runtime(), part, from_beginning, comparing, progress))
            await asyncio.sleep(0)
    return outcomes


async def _rebuild(
    options: RuntimeOptions, part: Part, from_beginning: bool, comparing: bool, progress: Progress
) -> Outcome:
    present = await rows_of(options, part)
    position = stored_position(present)
    evidence = await evidence_of(options, part.layout.inputs, part.number, position)
    found = diagnose(position, part.layout.partitions, evidence)
    outcome = Outcome(agent=part.logic.name, partition=part.number, verdict=found.verdict, why=found.why, done="kept")
    changelog = physical(options.names, part.agent.changelog)
    if found.verdict == "hole" and not from_beginning and not comparing:
        assert position is not None
        rows = {**present, POSITION_KEY: msgspec.msgpack.encode(moved(position, evidence))}
        outcome.done, outcome.keys = "moved", stored_sizes(rows).keys
        outcome.rows_written = await write_rows(options, part.logic.name, changelog, part.number, present, rows)
        return outcome
    if found.verdict == "fresh" or (found.verdict == "intact" and not from_beginning and not comparing):
        outcome.keys = stored_sizes(present).keys
        return outcome
    total = sum(max(0, end - evidence[topic].begin) for topic, end in found.until.items())
    task = progress.add_task(part.name, total=total)
    rebuilt = await replayed(
        options,
        part.logic,
        part.agent,
        part.layout.inputs,
        part.number,
        part.layout.partitions,
        found.until,
        clock_ms=_clock(position, found),
        told=lambda handled: progress.update(task, completed=handled),
    )
    progress.remove_task(task)
    outcome.handled, outcome.keys, outcome.poison = rebuilt.handled, stored_sizes(rebuilt.rows).keys, rebuilt.poison
    difference = compare({} if found.verdict == "foreign" else present, rebuilt.rows)
    _note(outcome, difference)
    if comparing:
        outcome.done = "compared"
        return outcome
    outcome.done = "rebuilt"
    outcome.rows_written = await write_rows(options, part.logic.name, changelog, part.number, present, rebuilt.rows)
    return outcome


def _clock(position: Position | None, found: Diagnosis) -> int:
    """How far event time had come by idling; a state of other partitions says nothing about that."""
    return 0 if position is None or found.verdict == "foreign" else position.clock_ms


def _note(outcome: Outcome, difference: Difference) -> None:
    outcome.same = difference.same
    outcome.changed, outcome.missing, outcome.added = map(
        len, (difference.changed, difference.missing, difference.added)
    )
    for word, keys in (
        ("changed", difference.changed),
        ("only now", difference.missing),
        ("only rebuilt", difference.added),
    ):
        outcome.examples += [f"{word}: {key.decode(errors='replace')}" for key in keys[:_SHOWN]]


def _report(outcomes: list[Outcome]) -> None:
    console = terminal()
    table = Table("state of", "found", "done", "records", "keys", "same", "changed", "only now", "only rebuilt")
    for each in outcomes:
        counts = (each.handled, each.keys, each.same, each.changed, each.missing, each.added)
        table.add_row(f"{each.agent}/{each.partition}", each.verdict, each.done, *(f"{count:,}" for count in counts))
    console.print(table)
    for each in outcomes:
        if each.verdict not in ("intact", "fresh"):
            console.print(f"{each.agent}/{each.partition}: {each.why}")
        if each.poison:
            console.print(f"{each.agent}/{each.partition}: {each.poison} records raised and left no trace")
        for example in each.examples[:_SHOWN]:
            console.print(f"{each.agent}/{each.partition} {example}")
    if all(each.done == "kept" for each in outcomes):
        console.print("nothing was wrong; --from-beginning makes the states again all the same")
