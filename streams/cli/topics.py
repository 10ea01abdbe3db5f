"""Which topics does this deployment have, how are they made, and what is on them right now?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, get_args

import click
import msgspec
from aiokafka import ConsumerRecord
from rich.table import Table
from rich.text import Text

from streams.cli.cluster import BadRequest, ask, cluster_options, settings_of
from streams.cli.rights import Format, render, roles
from streams.cli.terminal import say, say_json, terminal
from streams.contracts.base import from_ms
from streams.contracts.topics import TOPICS, Names, Topic, ingest_changelog, physical
from streams.ingest.source import Source, load_source
from streams.runtime.reading import follow, scan, spans
from streams.runtime.topics_admin import TopicSpec, create_topics, partition_counts, usable_partitions
from streams.settings import Settings


def topic_specs(settings: Settings, *, replay: bool = False) -> list[TopicSpec]:
    """Every topic of the table, as this deployment wants it; `replay` keeps history however old its events are."""
    return [
        TopicSpec(
            physical(settings.names, topic.name),
            settings.partitions,
            settings.replication,
            topic.replay_configs if replay else topic.configs,
        )
        for topic in TOPICS.values()
    ]


async def create_all(settings: Settings, *, replay: bool = False) -> list[str]:
    """Create what is missing; returns the physical names of what was created."""
    return await create_topics(settings.runtime(), topic_specs(settings, replay=replay))


def named(name: str, called: Names) -> Topic:
    """The topic with this logical or physical name. Raises BadRequest."""
    topic = TOPICS.get(name) or next((each for each in TOPICS.values() if physical(called, each.name) == name), None)
    if topic is None:
        raise BadRequest(f"no topic is called {name!r}; `paywarden topics list` shows those that there are.")
    return topic


_INGEST = "Also the topic that keeps the positions of this source's ingest. Repeatable."


@click.group()
def topics() -> None:
    """Create, list and look into the topics of a deployment.

    \b
    Examples:
      paywarden topics create --partitions 12 --replication 3
      paywarden topics list
      paywarden topics tail support.cases --from-beginning --max 5
    """


@topics.command()
@click.option("--partitions", type=click.IntRange(1, 4096), help="Of every topic. Default: PAYWARDEN_PARTITIONS.")
@click.option("--replication", type=click.IntRange(1, 15), help="Default: PAYWARDEN_REPLICATION.")
@click.option("--replay", is_flag=True, help="For history: no retention limit, so that old events survive arrival.")
@click.option("--ingest", "files", multiple=True, type=click.Path(dir_okay=False, path_type=Path), help=_INGEST)
@click.option("--json", "as_json", is_flag=True, help="Print what was created as JSON.")
@cluster_options
def create(
    partitions: int | None,
    replication: int | None,
    replay: bool,
    files: tuple[Path, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Create every topic that is missing. Existing topics are left as they are; `paywarden doctor` compares them.

    The number of partitions is chosen once: an account lives in the partition that its hash names.

    \b
    Examples:
      paywarden topics create
      paywarden topics create --partitions 4 --replay --prefix backfill.
      paywarden topics create --ingest psp.toml
    """
    settings = settings_of(options, partitions=partitions, replication=replication)
    sources = [load_source(file, settings.names) for file in files]
    specs = topic_specs(settings, replay=replay) + ask(settings, _ingest_specs(settings, sources))
    created = set(ask(settings, create_topics(settings.runtime(), specs)))
    if as_json:
        names = [spec.name for spec in specs if spec.name in created]
        say_json(msgspec.json.encode({"created": names, "existed": len(specs) - len(created)}))
        return
    for spec in specs:
        if spec.name in created:
            say(f"created {spec.name} ({spec.partitions} partitions)")
    if len(created) < len(specs):
        say(f"{len(specs) - len(created)} topics existed already; `paywarden doctor` says whether they fit")


async def _ingest_specs(settings: Settings, sources: Sequence[Source]) -> list[TopicSpec]:
    """The topics in which ingests keep their positions, with as many partitions as what they read."""
    specs = []
    counts = await partition_counts(settings.runtime(), {topic for source in sources for topic in source.topics})
    for source in sources:
        missing = [topic for topic in source.topics if topic not in counts]
        if missing:
            raise BadRequest(
                f"{source.name} reads {missing[0]!r}, which does not exist or may not be seen by this user."
            )
        found = {counts[topic] for topic in source.topics}
        if len(found) > 1:
            raise BadRequest(
                f"the topics of {source.name} have different numbers of partitions; give each a file of its own."
            )
        changelog = ingest_changelog(source.name)
        name = physical(settings.names, changelog.name)
        specs.append(TopicSpec(name, found.pop(), settings.replication, changelog.configs))
    return specs


@topics.command()
@click.option("--format", "form", required=True, type=click.Choice(get_args(Format)), help="For which tool.")
@click.option("--partitions", type=click.IntRange(1, 4096), help="Of every topic. Default: PAYWARDEN_PARTITIONS.")
@click.option("--replication", type=click.IntRange(1, 15), help="Default: PAYWARDEN_REPLICATION.")
@click.option("--ingest", "files", multiple=True, type=click.Path(dir_okay=False, path_type=Path), help=_INGEST)
@click.option(
    "--principal", "principals", multiple=True, metavar="ROLE=NAME", help="Identity of a role. Default: APP_ID-ROLE."
)
@cluster_options
def export(
    form: Format,
    partitions: int | None,
    replication: int | None,
    files: tuple[Path, ...],
    principals: tuple[str, ...],
    **options: Any,
) -> None:
    """Print topics, their settings, and the rights of every role, for the tool that manages the cluster.

    Roles: worker, one per source file, operator, the systems that write inputs, subscriber, deployment. Nothing asks
    the brokers, except that the topic of a source's positions needs the number of partitions of what it reads.

    \b
    Examples:
      paywarden topics export --format kafka-cli --ingest psp.toml > setup.sh
      paywarden topics export --format strimzi --replication 3 --principal worker=paywarden
      paywarden topics export --format terraform > paywarden.tf.json
    """
    settings = settings_of(options, partitions=partitions, replication=replication)
    sources = [load_source(file, settings.names) for file in files]
    specs = topic_specs(settings)
    if sources:
        specs += ask(settings, _ingest_specs(settings, sources))
    known = {role.name for role in roles(settings, sources)}
    given: dict[str, str] = {}
    for each in principals:
        role, _, principal = each.partition("=")
        if role not in known or not principal:
            raise BadRequest(f"--principal {each}: give ROLE=NAME with one of the roles {', '.join(sorted(known))}.")
        given[role] = principal.removeprefix("User:")
    say(render(form, settings, specs, sources, given), nl=False)


@topics.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@cluster_options
def list_(as_json: bool, **options: Any) -> None:
    """Every topic of the product: whether it exists, its partitions, how many offsets it spans, who writes it.

    Offsets count records and, of what transactions write, a marker for each commit too.

    \b
    Example:
      paywarden topics list --json
    """
    settings = settings_of(options)
    rows = ask(settings, listing(settings))
    if as_json:
        say_json(msgspec.json.encode(rows))
        return
    table = Table("topic", "direction", "partitions", "offsets", "written by")
    for row in rows:
        exists = row["partitions"] is not None
        table.add_row(
            row["name"],
            row["direction"],
            str(row["partitions"]) if exists else Text("missing", "red"),
            f"{row['records']:,}" if exists else "",
            row["owner"],
        )
    terminal().print(table)
    if any(row["partitions"] is None for row in rows):
        say("create what is missing with `paywarden topics create`")


async def listing(settings: Settings) -> list[dict[str, Any]]:
    """One row per topic of the table. `records` is the span of offsets, which counts transaction markers too."""
    options, called = settings.runtime(), settings.names
    counts = await partition_counts(options, (physical(called, name) for name in TOPICS))
    spanned = await spans(options, counts)
    rows = []
    for topic in TOPICS.values():
        name = physical(called, topic.name)
        held = [span.end - span.begin for tp, span in spanned.items() if tp.topic == name]
        rows.append(
            {
                "name": name,
                "direction": topic.direction,
                "partitions": counts.get(name),
                "records": sum(held),
                "owner": topic.owner,
                "about": topic.about,
            }
        )
    return rows


@topics.command()
@click.argument("name")
@click.option("--from-beginning", is_flag=True, help="What is there already, not only what comes.")
@click.option("--max", "most", type=click.IntRange(min=1), help="Stop after this many records.")
@click.option("--follow/--no-follow", default=None, help="Wait for more. Default: unless --from-beginning is given.")
@click.option("--committed/--uncommitted", default=True, show_default=True, help="As subscribers must read, or all.")
@click.option("--key", help="Only records with this key: a case, an account.")
@click.option("--type", "types", multiple=True, help="Only of this type, case.version.v1 for example; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per record.")
@cluster_options
def tail(
    name: str,
    from_beginning: bool,
    most: int | None,
    follow: bool | None,
    committed: bool,
    key: str | None,
    types: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Print the records of topic NAME (with or without the deployment's prefix); --max counts those that are printed.

    \b
    Examples:
      paywarden topics tail fraud.decisions
      paywarden topics tail paywarden.dead-letters --from-beginning --max 3 --json
      paywarden topics tail support.cases --from-beginning --key case_x --type case.version.v1
    """
    settings = settings_of(options)
    topic = named(name, settings.names)
    waits = not from_beginning if follow is None else follow
    try:
        ask(settings, _tail(settings, topic, from_beginning, most, waits, committed, (key, types), as_json))
    except KeyboardInterrupt:
        raise SystemExit(0) from None


async def _tail(
    settings: Settings,
    topic: Topic,
    from_beginning: bool,
    most: int | None,
    waits: bool,
    committed: bool,
    wanted: tuple[str | None, tuple[str, ...]],
    as_json: bool,
) -> None:
    options, name = settings.runtime(), physical(settings.names, topic.name)
    counts = await usable_partitions(options, [name])
    if not counts:
        raise BadRequest(f"{name} does not exist; create it with `paywarden topics create`.")
    spanned = await spans(options, counts, committed=committed)
    starts = {tp: span.begin if from_beginning else span.end for tp, span in spanned.items()}
    read = follow if waits else scan
    shown = 0
    async with aclosing(read(options, starts, committed=committed)) as records:
        async for record in records:
            if not is_wanted(record, *wanted):
                continue
            if as_json:
                say_json(as_line(record))
            else:
                say(as_text(record))
            shown += 1
            if shown == most:
                break


class _Tagged(msgspec.Struct):
    type: str


def is_wanted(record: ConsumerRecord, key: str | None, types: Collection[str]) -> bool:
    """Whether it has this key (None: any) and one of these types (none: any); a deletion has no type."""
    if key is not None and _text(record.key) != key:
        return False
    if not types:
        return True
    try:
        return record.value is not None and msgspec.json.decode(record.value, type=_Tagged).type in types
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def as_line(record: ConsumerRecord) -> str:
    """One JSON object: where the record lies, and its value as JSON if it is."""
    value: Any = None
    if record.value is not None:
        try:
            value = msgspec.Raw(record.value) if msgspec.json.decode(record.value) is not None else None
        except msgspec.DecodeError:
            value = {"bytes": len(record.value)}
    place = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp,
        "key": _text(record.key),
        "headers": {key: _text(each) for key, each in record.headers},
        "value": value,
    }
    return msgspec.json.encode(place).decode()


def as_text(record: ConsumerRecord) -> str:
    """One line for a person."""
    value = "(deleted)" if record.value is None else record.value.decode(errors="replace")
    return (
        f"{record.partition}/{record.offset} {from_ms(record.timestamp):%Y-%m-%d %H:%M:%S} {_text(record.key)} {value}"
    )


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="replace")
