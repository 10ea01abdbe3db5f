"""What does PayWarden remember, and how is that made again when it is lost?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from models.artifact import ModelError
from streams.adapters.champions import replay_scorer
from streams.adapters.policy_file import load_schedule
from streams.app import agents
from streams.cli.cluster import BadRequest, NotAsItShouldBe, ask, cluster_options, settings_of
from streams.contracts.base import from_ms
from streams.contracts.partitioning import partition_of
from streams.contracts.topics import physical
from streams.core.policy import PolicySchedule
from streams.core.risk import SITE_KIND
from streams.core.signals import HEALTH_ROUTE
from streams.core.steps import Prepared
from streams.ports import Scorer
from streams.runtime.failstop import Refusal
from streams.runtime.logic import Logic
from streams.runtime.options import AgentOptions, RuntimeOptions
from streams.runtime.position import POSITION_KEY, SHARED_KEY, Position
from streams.runtime.rebuild import (
    Diagnosis,
    Difference,
    Rows,
    compare,
    diagnose,
    evidence_of,
    members_of,
    moved,
    position_of,
    read_rows,
    replayed,
    write_rows,
)
from streams.runtime.states import StateFromTheFuture, read_row
from streams.runtime.topics_admin import Layout, layout_of, partition_counts
from streams.settings import Settings

_SHOWN = 20  # keys named when two states differ, before "and N more"


class Part(NamedTuple):
    """One partition of one agent."""

    logic: Logic
    agent: AgentOptions
    layout: Layout
    number: int

    @property
    def name(self) -> str:
        return f"{self.logic.name}/{self.number}"


@click.group()
def state() -> None:
    """Look into the states of accounts and entities, or make them again from the inputs.

    \b
    Examples:
      paywarden state inspect
      paywarden state inspect customer-17
      paywarden state rebuild --compare
    """


async def layouts(
    settings: Settings, scorer: Scorer[Prepared] | None = None, policies: PolicySchedule | None = None
) -> list[tuple[Logic, AgentOptions, Layout]]:
    """Both agents with what they read in this cluster. Raises NotAsItShouldBe if topics are missing or unequal."""
    parts = agents(settings, policies, scorer)
    called = settings.names
    names = {each.topic for logic, _ in parts for each in logic.inputs} | {agent.changelog for _, agent in parts}
    found = await partition_counts(settings.runtime(), {physical(called, name) for name in names})
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


# -- inspect -----------------------------------------------------------------------------------------------------------


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


def plain(value: Any) -> Any:
    """A state as JSON would show it: structs by field name, what is empty or zero left out."""
    if isinstance(value, msgspec.Struct):
        fields = ((name, plain(getattr(value, name))) for name in value.__struct_fields__)
        return {name: each for name, each in fields if each not in (None, "", 0, False, [], {}, ())}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def shown(name: str, value: Any) -> str:
    """One value for a person: times as times, long things cut."""
    if isinstance(value, int) and name.endswith("_ms") and value > 10**11:
        return f"{from_ms(value):%Y-%m-%d %H:%M:%S}"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 300 else f"{text[:280]} ... ({len(text):,} characters; --json shows all)"


@state.command()
@click.argument("account", required=False)
@click.option("--entity", metavar="KIND/VALUE", help="Instead of an account: for example ip/203.0.113.7, or health.")
@click.option("--partition", "numbers", multiple=True, type=click.IntRange(min=0), help="Only these. Repeatable.")
@click.option(
    "--agent", "agent_name", type=click.Choice(["accounts", "entities"]), help="Only the states of one agent."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@cluster_options
def inspect(
    account: str | None,
    entity: str | None,
    numbers: tuple[int, ...],
    agent_name: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Read states from the changelogs: of one ACCOUNT, of one entity, or how far and how large they all are.

    What is read is what was committed last; workers are not disturbed.

    \b
    Examples:
      paywarden state inspect
      paywarden state inspect customer-17 --json
      paywarden state inspect --entity ip/203.0.113.7
      paywarden state inspect --agent accounts --partition 3
    """
    if account is not None and entity is not None:
        raise click.UsageError("Name an account or an --entity, not both.")
    settings = settings_of(options)
    if account is not None:
        _show_one(settings, "accounts", account.encode(), account.encode(), as_json)
    elif entity is not None:
        kind = entity.partition("/")[0]
        route = HEALTH_ROUTE if kind in (SITE_KIND, HEALTH_ROUTE.decode()) else entity.encode()
        _show_one(settings, "entities", entity.encode(), route, as_json)
    else:
        _show_all(settings, agent_name, numbers, as_json)


def _show_one(settings: Settings, agent_name: str, key: bytes, route: bytes, as_json: bool) -> None:
    async def look() -> tuple[Part, Rows]:
        known = await layouts(settings)
        partitions = next(layout.partitions for logic, _, layout in known if logic.name == agent_name)
        (part,) = parts_of(known, agent_name, (partition_of(route, partitions),))
        return part, await _rows(settings.runtime(), part)

    part, rows = ask(settings, look())
    raw = rows.get(key)
    if raw is None:
        raise BadRequest(f"{part.name} remembers nothing of {key.decode()!r}.")
    row = _row(raw)
    value = plain(part.logic.load(key, row.state))
    facts = {
        "key": key.decode(),
        "partition": part.number,
        "bytes": len(raw),
        "wake_ms": row.wake_ms,
        "touched_ms": row.touched_ms,
        "remembered_events": len(row.seen) // 2,
    }
    if as_json:
        click.echo(msgspec.json.encode({**facts, "state": value}).decode())
        return
    console = Console()
    console.print(
        f"{part.name}  {len(raw):,} bytes, last touched {shown('_ms', row.touched_ms)}, "
        f"next timer or forgetting {shown('_ms', row.wake_ms) if row.wake_ms else 'never'}"
    )
    sections = value if agent_name == "accounts" else {"entity": value}
    for section, fields in sections.items():
        table = Table(section, "value", title=section, title_justify="left", show_header=False)
        for name, each in fields.items():
            table.add_row(name, shown(name, each))
        console.print(table)


async def _rows(options: RuntimeOptions, part: Part) -> Rows:
    return await read_rows(options, physical(options.names, part.agent.changelog), part.number)


def _row(raw: bytes) -> Any:
    try:
        return read_row(raw)
    except StateFromTheFuture as error:
        raise NotAsItShouldBe(f"{error}. Use the release that wrote it.") from error


def _position(rows: Rows) -> Position | None:
    try:
        return position_of(rows)
    except StateFromTheFuture as error:
        raise NotAsItShouldBe(f"{error}. Use the release that wrote it.") from error


def _show_all(settings: Settings, agent_name: str | None, numbers: tuple[int, ...], as_json: bool) -> None:
    async def look() -> list[tuple[Part, Rows]]:
        parts = parts_of(await layouts(settings), agent_name, numbers)
        return [(part, await _rows(settings.runtime(), part)) for part in parts]

    found = [(part, _position(rows), rows) for part, rows in ask(settings, look())]
    if as_json:
        click.echo(msgspec.json.encode([_summary(*each) for each in found]).decode())
        return
    console = Console()
    table = Table("state of", "event-time clock", "keys", "bytes", "median", "p95", "largest")
    for part, position, rows in found:
        sizes = _sizes(rows)
        clock = "no position" if position is None else shown("_ms", position.clock_ms)
        table.add_row(part.name, clock, *(f"{each:,}" for each in sizes))
    console.print(table)
    if numbers:
        for part, position, _ in found:
            offsets = Table("input", "last offset handled", "newest event", title=part.name, title_justify="left")
            for topic, offset in ({} if position is None else position.offsets).items():
                assert position is not None
                offsets.add_row(topic, f"{offset:,}", shown("_ms", position.feeds.get(topic, 0)))
            console.print(offsets)


def _sizes(rows: Rows) -> Sizes:
    return sizes_of(len(raw) for key, raw in rows.items() if key not in (POSITION_KEY, SHARED_KEY))


def _summary(part: Part, position: Position | None, rows: Rows) -> dict[str, Any]:
    return {
        "agent": part.logic.name,
        "partition": part.number,
        "partitions": None if position is None else position.partitions,
        "clock_ms": None if position is None else position.clock_ms,
        "offsets": {} if position is None else position.offsets,
        "feeds": {} if position is None else position.feeds,
        "sizes": _sizes(rows)._asdict(),
    }


# -- rebuild -----------------------------------------------------------------------------------------------------------


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
        click.echo(msgspec.json.encode(outcomes).decode())
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
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,} records"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
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
    present = await _rows(options, part)
    position = _position(present)
    evidence = await evidence_of(options, part.layout.inputs, part.number, position)
    found = diagnose(position, part.layout.partitions, evidence)
    outcome = Outcome(agent=part.logic.name, partition=part.number, verdict=found.verdict, why=found.why, done="kept")
    changelog = physical(options.names, part.agent.changelog)
    if found.verdict == "hole" and not from_beginning and not comparing:
        assert position is not None
        rows = {**present, POSITION_KEY: msgspec.msgpack.encode(moved(position, evidence))}
        outcome.done, outcome.keys = "moved", _sizes(rows).keys
        outcome.rows_written = await write_rows(options, part.logic.name, changelog, part.number, present, rows)
        return outcome
    if found.verdict == "fresh" or (found.verdict == "intact" and not from_beginning and not comparing):
        outcome.keys = _sizes(present).keys
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
    outcome.handled, outcome.keys, outcome.poison = rebuilt.handled, _sizes(rebuilt.rows).keys, rebuilt.poison
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
    console = Console()
    table = Table("state of", "found", "done", "records", "keys", "same", "changed", "only now", "only rebuilt")
    for each in outcomes:
        counts = (each.handled, each.keys, each.same, each.changed, each.missing, each.added)
        table.add_row(f"{each.agent}/{each.partition}", each.verdict, each.done, *(f"{count:,}" for count in counts))
    console.print(table)
    for each in outcomes:
        if each.verdict not in ("intact", "fresh"):
            console.print(f"{each.agent}/{each.partition}: {each.why}", markup=False)
        if each.poison:
            console.print(
                f"{each.agent}/{each.partition}: {each.poison} records raised and left no trace", markup=False
            )
        for example in each.examples[:_SHOWN]:
            console.print(f"{each.agent}/{each.partition} {example}", markup=False)
    if all(each.done == "kept" for each in outcomes):
        console.print("nothing was wrong; --from-beginning makes the states again all the same")
