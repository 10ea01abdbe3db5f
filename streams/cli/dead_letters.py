"""What was set aside, why, and how is it fed again once the cause is mended?"""

from __future__ import annotations

from collections import Counter, deque
from contextlib import aclosing
from typing import Any, NamedTuple

import click
import msgspec
from rich.table import Column, Table

from streams.cli.cluster import ask, cluster_options, settings_of
from streams.cli.terminal import say, say_json, terminal
from streams.contracts.base import from_ms
from streams.contracts.registry import REASONS
from streams.contracts.topics import FOREIGN
from streams.runtime.options import RuntimeOptions
from streams.runtime.refeed import Letter, letters, refeed

_reason = click.option(
    "--reason", "reasons", multiple=True, type=click.Choice(list(REASONS)), help="Only letters with it. Repeatable."
)
_topic = click.option(
    "--topic", "topics", multiple=True, help="Only letters from this input (logical name). Repeatable."
)


class Listing(NamedTuple):
    """The newest letters, and how many there are of each kind."""

    newest: list[Letter]
    kinds: dict[tuple[str, str], int]  # reason, topic


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Records that could not be handled: look at them, and feed them again when the cause is mended.

    \b
    Examples:
      paywarden dead-letters list --reason wrong_partition
      paywarden dead-letters replay --topic payments.transactions --dry-run
    """


@dead_letters.command(name="list")
@_reason
@_topic
@click.option(
    "--max", "most", type=click.IntRange(min=0), default=20, show_default=True, help="How many of the newest."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per letter, as it lies on the topic.")
@cluster_options
def list_(reasons: tuple[str, ...], topics: tuple[str, ...], most: int, as_json: bool, **options: Any) -> None:
    """How many letters of each reason there are, and the newest of them. Values are never shown.

    \b
    Examples:
      paywarden dead-letters list
      paywarden dead-letters list --reason undecodable --topic auth.logins --max 5 --json
    """
    settings = settings_of(options)
    found = ask(settings, listing(settings.runtime(), reasons, topics, most))
    if as_json:
        for each in found.newest:
            say_json(msgspec.json.encode(_facts(each)))
        return
    console = terminal()
    if not found.kinds:
        console.print("no dead letters")
        return
    kinds = Table(Column("reason", no_wrap=True), Column("topic", overflow="fold"), "letters", "meaning")
    for (reason, topic), count in sorted(found.kinds.items(), key=lambda item: -item[1]):
        why = REASONS.get(reason)  # type: ignore[call-overload]
        kinds.add_row(reason, topic, f"{count:,}", "" if why is None else why.about)
    console.print(kinds)
    # Lines of their own, at any width: place and reason are there to be copied, and a table would squeeze the detail.
    for letter in found.newest:
        told = letter.letter
        when = f"{from_ms(told.timestamp_ms):%Y-%m-%d %H:%M:%S}" if told.timestamp_ms >= 0 else "without a time"
        say(f"{told.topic}/{told.partition}/{told.offset}  {told.reason}  {when}  {told.size:,} bytes")
        begins = "" if told.begins is None else f" (begins like {told.begins})"
        say(f"    {told.detail}{begins}")
    foreign = sorted({topic for _, topic in found.kinds if topic.startswith(FOREIGN)})
    if len(foreign) < len({topic for _, topic in found.kinds}):
        say("docs/runbook.md explains each reason; feed them again with `paywarden dead-letters replay`")
    if foreign:
        say(f"those of {', '.join(foreign)}: mend the source's file, then `paywarden ingest refeed FILE`")


async def listing(options: RuntimeOptions, reasons: tuple[str, ...], topics: tuple[str, ...], most: int) -> Listing:
    """All letters counted; the `most` newest by record time kept."""
    kinds: Counter[tuple[str, str]] = Counter()
    kept: dict[int, deque[Letter]] = {}  # by partition, each in the order of its topic
    async with aclosing(letters(options, reasons, topics)) as found:
        async for letter in found:
            kinds[letter.letter.reason, letter.letter.topic] += 1
            kept.setdefault(letter.partition, deque(maxlen=most)).append(letter)
    newest = sorted((each for queue in kept.values() for each in queue), key=lambda each: each.letter.timestamp_ms)
    return Listing(newest[len(newest) - most :] if most < len(newest) else newest, dict(kinds))


def _facts(letter: Letter) -> dict[str, Any]:
    return {"partition": letter.partition, "offset": letter.offset, "letter": letter.letter}


@dead_letters.command()
@_reason
@_topic
@click.option("--dry-run", is_flag=True, help="Only say what would be fed again.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
@cluster_options
def replay(reasons: tuple[str, ...], topics: tuple[str, ...], dry_run: bool, as_json: bool, **options: Any) -> None:
    """Write the original records to their topics again, with the same key and time.

    Mend the cause first: a record that is still refused becomes a new letter. The original is read from its topic; if
    it is gone, the letter's own copy is used, provided that nothing in it was hidden (docs/privacy.md). A letter is
    fed once, however often this runs: the broker remembers it for as long as it keeps consumer group offsets (7 days
    by default).

    \b
    Examples:
      paywarden dead-letters replay --reason unknown_type --dry-run
      paywarden dead-letters replay --reason wrong_partition --topic payments.transactions
    """
    settings = settings_of(options)
    fed = ask(settings, refeed(settings.runtime(), reasons, topics, dry_run=dry_run))
    if as_json:
        say_json(msgspec.json.encode({"dry_run": dry_run, "replayed": fed.replayed, "skipped": fed.skipped}))
        return
    verb = "would be fed again" if dry_run else "fed again"
    say(f"{fed.replayed.total():,} {verb}, {fed.skipped.total():,} skipped")
    for reason, count in sorted(fed.replayed.items()):
        say(f"  {count:,} {verb}: {reason}")
    for why, count in sorted(fed.skipped.items()):
        say(f"  {count:,} skipped: {why}")
