"""How does PayWarden start with a warm memory, without having said a word about the past?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Final

import click
import msgspec
from aiokafka import TopicPartition
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from streams.adapters.clock import SystemClock
from streams.adapters.policy_file import load_schedule
from streams.agents.accounts import AccountsLogic
from streams.agents.entities import EntitiesLogic
from streams.agents.history import HistoryFold
from streams.cli.cluster import NotAsItShouldBe, ask, cluster_options, settings_of
from streams.cli.parts import Part, layouts, parts_of, scorer_of
from streams.cli.published_policies import read_history
from streams.cli.replay import Instant
from streams.cli.terminal import say_json, terminal
from streams.contracts.base import from_ms
from streams.contracts.topics import ENTITY_RISK, MERGED, POLICIES, TOPICS, physical
from streams.core.policy import PolicySchedule
from streams.runtime.history import History
from streams.runtime.logic import Emit
from streams.runtime.options import RuntimeOptions
from streams.runtime.position import POSITION_KEY, SHARED_KEY, UNFINISHED, UNFINISHED_KEY
from streams.runtime.reading import Span, spans, stamped_from
from streams.runtime.rebuild import (
    Rows,
    evidence_of,
    mark_unfinished,
    members_of,
    position_of,
    read_rows,
    write_rows,
)
from streams.runtime.topics_admin import partition_counts
from streams.settings import Settings

# What the entities found out in one step counts from the next on; 4,000 payments of the largest file that we know.
_STEP_MS: Final = 3_600_000


class Started(msgspec.Struct, kw_only=True):
    """What became of one partition of one agent."""

    agent: str
    partition: int
    keys: int
    offsets: dict[str, int]  # per input topic the first offset that the worker will read
    rows_written: int = 0


class Report(msgspec.Struct, kw_only=True):
    """What `bootstrap` found and did."""

    written: bool
    handled: int
    from_time: str | None
    until_time: str | None
    not_published: dict[str, int]
    cases_not_opened: dict[str, int]
    dead_letters: int
    poison: int
    partitions: list[Started]


@click.command()
@click.option("--since", type=Instant(), help="Only records from this date on; compacted topics are read as a whole.")
@click.option("--dry-run", is_flag=True, help="Fold and report; write nothing.")
@click.option("--again", is_flag=True, help="Replace the state that an earlier bootstrap wrote.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; implies --yes.")
@cluster_options
def bootstrap(since: int | None, dry_run: bool, again: bool, yes: bool, as_json: bool, **options: Any) -> None:
    """Learn from the history on the input topics, say nothing about it, and hand over to the workers.

    Run it once, before the first worker. Where each input ends when it starts is the hand-over: everything before
    that offset is folded into the states of accounts and entities, with no decision, case, lock or message about it;
    the first record behind it is the first that the workers decide. New records may come in meanwhile.

    Cases that history alone would have opened are not opened: `paywarden backtest` shows them. A debit, refund or
    unknown payment whose deadline lies behind the hand-over is followed as if workers had been there.

    It runs in one process and keeps all states in memory: about 2 KiB for an account that still matters.

    \b
    Examples:
      paywarden bootstrap --dry-run
      paywarden bootstrap --since 2026-09-01 --yes
    """
    settings = settings_of(options)
    policies = ask(settings, _policies(settings))
    parts = parts_of(ask(settings, layouts(settings, scorer_of(settings), policies)), None, ())
    present = ask(settings, _nobody_was_here(settings, parts, again))
    if not (yes or as_json or dry_run):
        click.confirm(f"Write the state of {len(parts)} partitions, before any worker runs?", abort=True)
    with nullcontext() if dry_run else _begun(settings, parts, present) as written:
        report = ask(settings, _bootstrap(settings, policies, parts, present, since, written, quiet=as_json))
    if as_json:
        say_json(msgspec.json.encode(report))
    else:
        _show(report)


async def _policies(settings: Settings) -> PolicySchedule:
    """The files with what was published over them: history is judged as the workers would have."""
    base = load_schedule(settings.policy_files)
    topic = physical(settings.names, POLICIES.name)
    if not await partition_counts(settings.runtime(), [topic]):
        return base
    told, _ = await read_history(settings)
    return told.over(base)


async def _nobody_was_here(settings: Settings, parts: list[Part], again: bool) -> dict[str, Rows]:
    """What the changelogs hold, by part. Raises NotAsItShouldBe where a worker runs or has run."""
    options = settings.runtime()
    if members := await members_of(options):
        raise NotAsItShouldBe(
            f"the group {settings.app_id!r} has {members} live workers: bootstrap comes before the first one. Stop "
            "them; if they have decided anything, their state is worth more than a bootstrap's."
        )
    present: dict[str, Rows] = {}
    for part in parts:
        rows = await read_rows(options, physical(options.names, part.agent.changelog), part.number)
        evidence = await evidence_of(options, part.layout.inputs, part.number, position_of(rows))
        if told := [topic for topic, each in evidence.items() if each.told]:
            raise NotAsItShouldBe(
                f"workers of the group {settings.app_id!r} have handled {told[0]}: their state goes on from there, and "
                "a bootstrap would make them forget whom they locked. To start from nothing on purpose, delete the "
                f"consumer group (kafka-consumer-groups.sh --bootstrap-server {settings.bootstrap} --delete --group "
                f"{settings.app_id}), then use --again."
            )
        if POSITION_KEY in rows and not again:
            raise NotAsItShouldBe(
                f"{part.name} has a state already, from an earlier bootstrap; --again replaces it. If workers have "
                "run within the last days, do not."
            )
        present[part.name] = rows
    return present


@contextmanager
def _begun(settings: Settings, parts: list[Part], present: dict[str, Rows]) -> Iterator[set[str]]:
    """Keep workers from starting on nothing, also when this process dies before it has written a state.

    Yields a set for the names of the parts that were written. What ends with an error before that leaves no mark.
    """
    written: set[str] = set()

    async def mark(*, unfinished: bool) -> None:
        options = settings.runtime()
        for part in parts:
            changelog = physical(options.names, part.agent.changelog)
            await mark_unfinished(options, part.logic.name, changelog, part.number, unfinished=unfinished)

    ask(settings, mark(unfinished=True))
    for part in parts:
        present[part.name] = {**present[part.name], UNFINISHED_KEY: UNFINISHED}
    try:
        yield written
    except BaseException:
        if not written:
            ask(settings, mark(unfinished=False))
        raise


async def _bootstrap(
    settings: Settings,
    policies: PolicySchedule,
    parts: list[Part],
    present: Mapping[str, Rows],
    since_ms: int | None,
    written: set[str] | None,
    *,
    quiet: bool,
) -> Report:
    """Args: written: gets the names of the parts as they are written; None for a report alone."""
    options = settings.runtime()
    accounts = [part for part in parts if part.logic.name == "accounts"]
    entities = [part for part in parts if part.logic.name == "entities"]
    partitions = len(accounts)
    topics = sorted({each.topic for part in parts for each in part.layout.inputs})
    held = await spans(options, {physical(options.names, topic): partitions for topic in topics})
    ends = {
        (topic, number): held[_place(options, topic, number)].end for topic in topics for number in range(partitions)
    }
    told = {each.name for each in MERGED}
    stretches = {
        _place(options, topic, number): held[_place(options, topic, number)]
        for topic in topics
        if topic in told
        for number in range(partitions)
    }
    if since_ms is not None:
        # What a compacted topic holds is true however old it is.
        compacted = {physical(options.names, each.name) for each in TOPICS.values() if each.compacted}
        dated = {tp: span for tp, span in stretches.items() if tp.topic not in compacted}
        stretches |= await stamped_from(options, dated, since_ms)
    assert isinstance(accounts[0].logic, AccountsLogic)
    assert isinstance(entities[0].logic, EntitiesLogic)
    fold = HistoryFold(
        accounts[0].logic,
        entities[0].logic,
        policies,
        options=accounts[0].agent.partition,
        partitions=partitions,
        inputs=accounts[0].layout.inputs,
        now_ms=SystemClock().now_ms(),
    )
    first_ms, last_ms = await _read(options, topics, stretches, fold, quiet=quiet)
    fold.finish()
    report = Report(
        written=written is not None,
        handled=fold.handled,
        from_time=None if first_ms is None else from_ms(first_ms).isoformat(),
        until_time=None if last_ms is None else from_ms(last_ms).isoformat(),
        not_published=dict(sorted(fold.unsaid.items())),
        cases_not_opened=dict(fold.was_open.most_common()),
        dead_letters=sum(map(len, fold.dead_letters.values())),
        poison=len(fold.poison),
        partitions=[],
    )
    # Entities first: whoever sees the state of an accounts partition may rely on the rest.
    for part in (*entities, *accounts):
        until = {each.topic: ends[each.topic, part.number] for each in part.layout.inputs}
        rows = fold.rows(part.logic.name, part.number, until)
        started = Started(
            agent=part.logic.name,
            partition=part.number,
            keys=len(rows.keys() - {POSITION_KEY, SHARED_KEY}),
            offsets=until,
        )
        report.partitions.append(started)
        if written is not None:
            written.add(part.name)
            letters = fold.dead_letters[part.number] if part in accounts else []
            started.rows_written = await _write(options, part, present[part.name], rows, letters)
    report.partitions.sort(key=lambda each: (each.agent, each.partition))
    return report


def _place(options: RuntimeOptions, topic: str, number: int) -> TopicPartition:
    return TopicPartition(physical(options.names, topic), number)


async def _read(
    options: RuntimeOptions,
    topics: list[str],
    stretches: Mapping[TopicPartition, Span],
    fold: HistoryFold,
    *,
    quiet: bool,
) -> tuple[int | None, int | None]:
    """Fold everything, step by step; returns the record times of the first and the last step."""
    names = {physical(options.names, topic): topic for topic in topics}
    first_ms = last_ms = None
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,} of at most {task.total:,} records", markup=False),
        TimeElapsedColumn(),
        console=terminal(stderr=True),
        transient=True,
        disable=quiet,
    ) as progress:
        task = progress.add_task("history", total=sum(span.end - span.begin for span in stretches.values()))
        async with History(options, names, stretches) as history:
            while (next_ms := await history.next_ms()) is not None:
                last_ms = (next_ms // _STEP_MS + 1) * _STEP_MS
                first_ms = next_ms if first_ms is None else first_ms
                fold.fold(await history.before(last_ms), last_ms)
                progress.update(task, completed=fold.handled, description=f"history, {from_ms(last_ms):%Y-%m-%d %H:%M}")
                if (sentence := fold.stop_sentence) is not None:
                    raise NotAsItShouldBe(f"{sentence} Nothing was written.")
                await asyncio.sleep(0)
    return first_ms, last_ms


async def _write(options: RuntimeOptions, part: Part, present: Rows, rows: Rows, letters: list[Emit]) -> int:
    changelog = physical(options.names, part.agent.changelog)
    return await write_rows(options, part.logic.name, changelog, part.number, present, rows, letters)


def _show(report: Report) -> None:
    console = terminal()
    if report.from_time is None:
        console.print("the inputs are empty: there is no history, and the workers start with nothing")
    else:
        console.print(f"{report.handled:,} records, from {report.from_time} to before {report.until_time}")
    table = Table("state of", "keys", "first record that the workers decide")
    for each in report.partitions:
        places = ", ".join(f"{topic} {offset:,}" for topic, offset in each.offsets.items() if topic != ENTITY_RISK.name)
        table.add_row(f"{each.agent}/{each.partition}", f"{each.keys:,}", places)
    console.print(table)
    for topic, number in report.not_published.items():
        console.print(f"not published: {number:,} records of {topic}")
    if report.cases_not_opened:
        cases = ", ".join(f"{number:,} {kind}" for kind, number in report.cases_not_opened.items())
        console.print(f"not opened although history alone would have left them open: {cases}")
    if report.dead_letters:
        console.print(f"{report.dead_letters:,} records could not be handled: paywarden dead-letters list")
    if report.poison:
        console.print(f"{report.poison:,} of these raised and left no trace")
    console.print("written; start the workers" if report.written else "nothing was written (--dry-run)")
    if report.from_time is not None:
        console.print(
            "workers still follow what was under way at the end of history: the first hours may bring cases about the "
            "newest of it, marked shadow until the policy enforces"
        )
