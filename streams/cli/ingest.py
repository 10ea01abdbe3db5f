"""How does a topic of an existing system become ours: try a mapping, look at it before and after, and run it?"""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec
from aiokafka import ConsumerRecord
from rich.table import Table
from rich.text import Text

from streams.cli.cluster import BadRequest, ask, cluster_options, settings_of
from streams.cli.terminal import say, say_json, terminal
from streams.contracts.registry import Refusal
from streams.contracts.topics import FOREIGN
from streams.core.personal import kind_of
from streams.ingest.draft import propose, source_name
from streams.ingest.logic import Reader
from streams.ingest.mapping import Facts, Mapped
from streams.ingest.paths import Chain, leaves, spelled
from streams.ingest.source import load_source
from streams.runtime.reading import scan, spans
from streams.runtime.topics_admin import usable_partitions
from streams.settings import Settings

EXIT_MEND = 78
_FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
# Values of a record are shown to whoever runs the command beside the system they come from; long ones say no more.
_WIDEST = 60


@click.group()
def ingest() -> None:
    """Turn the topics of an existing system into canonical events, by one file per source.

    \b
    Examples:
      paywarden ingest draft psp.webhooks > psp.toml       propose a file from what lies there
      paywarden ingest check psp.toml --sample 20          what would become of the newest records?
      paywarden topics create --ingest psp.toml
      paywarden ingest run psp.toml

    docs/connect.md walks through it.
    """


@ingest.command()
@_FILE
@click.option("--instance-id", help="Static membership: stable per process, so that a quick restart moves nothing.")
@click.option("--web-port", type=int, help="Port of /metrics, /healthz and /readyz; 0: none.")
@cluster_options
def run(file: Path, instance_id: str | None, web_port: int | None, **options: Any) -> None:
    """Ingest the source that FILE describes, exactly once, until SIGTERM.

    Start several with the same FILE to share its partitions. What cannot be mapped goes to the dead letters with the
    field's name. Exit codes: 0 stopped, 70 infrastructure (restart it), 78 configuration or state (read the sentence).

    \b
    Examples:
      paywarden ingest run psp.toml
      paywarden ingest run psp.toml --instance-id ingest-0 --web-port 6067
    """
    # Imported here: it pulls in Faust, which the other commands do without.
    from streams.app import ingest as build
    from streams.cli.worker import log_as

    settings = settings_of(options, instance_id=instance_id, web_port=web_port)
    log_as(settings.log_level)
    build(settings, load_source(file, settings.names)).run()


@ingest.command()
@click.argument("topic")
@click.option("--name", help="Of the source. Default: made from the topic's name.")
@click.option("--sample", type=click.IntRange(2, 10_000), default=500, show_default=True, help="How many records.")
@cluster_options
def draft(topic: str, name: str | None, sample: int, **options: Any) -> None:
    """Propose a source file for TOPIC from its newest records, on standard output. Reads only.

    A line that begins with `# ?` or ends with such a remark wants a decision of yours. Values of customers are not
    repeated, only words that many records share.

    \b
    Examples:
      paywarden ingest draft psp.webhooks > psp.toml
      paywarden ingest draft core.public.ledger --sample 2000
    """
    from streams.app import schemas_of

    settings = settings_of(options)
    records = ask(settings, newest(settings, (topic,), sample))
    if not records:
        raise BadRequest(f"{topic} holds no records; a proposal needs some.")
    proposal = propose(topic, name or source_name(topic), [facts_of(each) for each in records],
                       [each.value for each in records], schemas_of(settings))  # fmt: skip
    if proposal is None:
        raise BadRequest(
            f"the records of {topic} are neither JSON objects nor framed by a schema registry that answers; set "
            "PAYWARDEN_SCHEMA_REGISTRY_URL, or write the file by hand with schema_file."
        )
    say(proposal, nl=False)


@ingest.command()
@_FILE
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@cluster_options
def refeed(file: Path, dry_run: bool, **options: Any) -> None:
    """Map the dead letters of FILE's topics again, after the file was mended.

    The events are written to the canonical topics; the foreign topic is only read. What still cannot be mapped becomes
    a new letter. Each letter is fed once, however often this runs.

    \b
    Examples:
      paywarden ingest refeed psp.toml --dry-run
      paywarden ingest refeed psp.toml
    """
    from streams.app import reader_of
    from streams.runtime.refeed import refeed as feed

    settings = settings_of(options)
    source = load_source(file, settings.names)
    reader = reader_of(settings, source)
    topics = [FOREIGN + topic for topic in source.topics]
    fed = ask(settings, feed(settings.runtime(), (), topics, dry_run=dry_run, translate=reader.translate))
    verb = "would be written" if dry_run else "written"
    say(f"{fed.replayed.total():,} records {verb}, {fed.skipped.total():,} skipped")
    for why, count in sorted(fed.skipped.items()):
        say(f"  {count:,} skipped: {why}")


class Sampled(NamedTuple):
    """One record of a sample and what the file makes of it."""

    record: ConsumerRecord
    document: Any
    mapped: list[Mapped] | Refusal


@ingest.command()
@_FILE
@click.option(
    "--sample", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many newest records."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per record.")
@cluster_options
def check(file: Path, sample: int, as_json: bool, **options: Any) -> None:
    """Show the newest records of FILE's topics before and after the mapping. Reads only.

    Lists what would become a dead letter and why, and the fields that no rule looks at. Exit codes: 0 every record is
    written or skipped on purpose, 78 some would be dead letters or the file is wrong.

    \b
    Example:
      paywarden ingest check psp.toml --sample 100 --json
    """
    from streams.app import reader_of

    settings = settings_of(options)
    source = load_source(file, settings.names)
    reader = reader_of(settings, source)
    records = ask(settings, newest(settings, source.topics, sample))
    sampled = [Sampled(record, *reader.read(facts_of(record), record.value)) for record in records]
    if as_json:
        for each in sampled:
            say_json(msgspec.json.encode(_as_facts(each, reader)))
    else:
        _show(sampled, reader)
    if any(isinstance(each.mapped, Refusal) for each in sampled):
        raise SystemExit(EXIT_MEND)


def facts_of(record: ConsumerRecord) -> Facts:
    """What a mapping may know about a record besides its document."""
    return Facts(record.topic, record.key, record.timestamp, tuple(record.headers))


async def newest(settings: Settings, topics: tuple[str, ...], most: int) -> list[ConsumerRecord]:
    """About `most` of the newest records of foreign topics, evenly from their partitions, by record time."""
    options = settings.runtime()
    counts = await usable_partitions(options, topics)
    if missing := [topic for topic in topics if topic not in counts]:
        raise BadRequest(f"there is no topic {missing[0]!r} on {settings.bootstrap}, or this user may not see it.")
    spanned = await spans(options, counts)
    share = -(-most // len(spanned))
    starts = {tp: max(span.begin, span.end - share) for tp, span in spanned.items() if span.end > span.begin}
    found: list[ConsumerRecord] = []
    if starts:
        async with aclosing(scan(options, starts)) as records:
            found = [record async for record in records]
    return sorted(found, key=lambda record: record.timestamp)[-most:]


def _show(sampled: list[Sampled], reader: Reader) -> None:
    console = terminal()
    if not sampled:
        console.print(f"{', '.join(reader.source.topics)}: no records yet")
        return
    for each in sampled:
        console.print(_before_and_after(each))
    console.print(_summary(sampled))
    unmapped = Counter(
        chain for each in sampled if each.document is not None for chain in reader.unmapped(each.document)
    )
    if unmapped:
        table = Table("no rule looks at", "in records")
        for chain, times in sorted(unmapped.items(), key=lambda item: (-item[1], item[0])):
            table.add_row(spelled(chain), str(times))
        console.print(table)
        console.print("that is fine if they are not wanted; [unmapped] ignore = [...] says so")


def _before_and_after(each: Sampled) -> Table:
    record, mapped = each.record, each.mapped
    table = Table(
        "before", "", "after", "", title=f"{record.topic}/{record.partition}/{record.offset}", title_justify="left"
    )
    before = [(spelled(chain), _short(_at(each.document, chain))) for chain in sorted(leaves(each.document))]
    after: list[tuple[str | Text, str]]
    if isinstance(mapped, Refusal):
        after = [(Text("dead letter", "red"), mapped.reason), ("", mapped.detail)]
    elif not mapped:
        after = [(Text("skipped", "cyan"), "")]
    else:
        after = [
            row
            for one in mapped
            for row in (
                (Text("topic", "green"), one.topic),
                *((k, _short(v)) for k, v in msgspec.json.decode(one.value).items()),
            )
        ]
    for number in range(max(len(before), len(after))):
        left = before[number] if number < len(before) else ("", "")
        right = after[number] if number < len(after) else ("", "")
        table.add_row(*left, *right)
    return table


def _at(document: Any, chain: Chain) -> Any:
    for name in chain:
        if isinstance(document, list | tuple):
            document = document[0] if document else None
        elif isinstance(document, dict):
            document = document.get(name)
    return document


def _short(value: Any) -> str:
    """The value for a person at a screen, who need not see whole card, identity and telephone numbers."""
    if (kind := kind_of(str(value))) is not None:
        return f"<{kind}>"
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _summary(sampled: list[Sampled]) -> str:
    written = sum(1 for each in sampled if each.mapped and not isinstance(each.mapped, Refusal))
    refused = Counter(each.mapped.detail for each in sampled if isinstance(each.mapped, Refusal))
    skipped = len(sampled) - written - refused.total()
    text = f"{len(sampled)} records: {written} written, {skipped} skipped, {refused.total()} dead letters"
    return text + "".join(f"\n  {times} x {detail}" for detail, times in refused.most_common(10))


def _as_facts(each: Sampled, reader: Reader) -> dict[str, Any]:
    record, mapped = each.record, each.mapped
    refused = isinstance(mapped, Refusal)
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "events": [] if isinstance(mapped, Refusal) else [msgspec.Raw(one.value) for one in mapped],
        "refused": {"reason": mapped.reason, "detail": mapped.detail} if isinstance(mapped, Refusal) else None,
        "skipped": not refused and not mapped,
        "unmapped": [] if each.document is None else sorted(spelled(each) for each in reader.unmapped(each.document)),
    }
