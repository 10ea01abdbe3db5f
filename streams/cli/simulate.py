"""How is a scenario played, into Kafka or into a file?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Table

from producers.errors import BadInput
from producers.simulate.catalog import Scenario, scenario, scenarios
from producers.sources import fdh, jsonl
from streams.cli.outputs import OutFile
from streams.cli.replay import Instant, report, target_of, target_options, write_records
from streams.cli.terminal import say, say_json, terminal


@click.command(
    epilog="""
\b
Examples:
  paywarden simulate --list
  paywarden simulate account_takeover --prefix history.
  paywarden simulate normal_day --shift now --speed 3600
  paywarden simulate card_testing --set cards=80 --seed 3 --out cards.jsonl
  paywarden simulate population --out week.csv --format fdh
"""
)
@click.argument("name", metavar="SCENARIO", required=False)
@click.option("--list", "listing", is_flag=True, help="List the scenarios and leave.")
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True, help="Same seed, same bytes.")
@click.option("--start", type=Instant(), help="First day, UTC. Default: the scenario's own.")
@click.option("--set", "changes", multiple=True, metavar="NAME=NUMBER", help="Change a parameter. Repeatable.")
@click.option("--out", type=OutFile(), help="Write a file instead of Kafka.")
@click.option("--format", "file_format", type=click.Choice(["jsonl", "fdh"]), default="jsonl", show_default=True)
@target_options
def simulate(
    name: str | None,
    listing: bool,
    seed: int,
    start: int | None,
    changes: tuple[str, ...],
    out: Path | None,
    file_format: str,
    **options: Any,
) -> None:
    """Play SCENARIO: a seeded story of customers, systems and attackers, told as events."""
    if listing:
        _list(as_json=options["as_json"])
        return
    if name is None:
        raise click.UsageError("Name a scenario, or use --list.")
    if out is None and file_format == "fdh":
        raise click.UsageError("--format fdh is a file format; name the file with --out.")
    target = target_of(options)
    chosen = scenario(name)
    parameters = _changes(changes)
    if out is not None:
        _write_file(out, file_format, chosen, seed, start, parameters, as_json=target.as_json)
        return
    records = chosen.records(seed, start, parameters)
    if options["settle_ms"] is None:
        target = msgspec.structs.replace(target, settle_ms=chosen.settle_ms)
    report(write_records(target, records, f"simulate {chosen.name}"), as_json=target.as_json)
    if not target.as_json:
        say(f"expected: {chosen.expect.verdict}")


def _write_file(
    out: Path,
    file_format: str,
    chosen: Scenario,
    seed: int,
    start_ms: int | None,
    parameters: dict[str, float],
    *,
    as_json: bool,
) -> None:
    # Whoever asks for what cannot be played keeps the file that is there.
    try:
        if file_format == "fdh":
            count = fdh.write(out, chosen.rows(seed, start_ms, parameters))
        else:
            count = jsonl.write(out, chosen.records(seed, start_ms, parameters))
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror or error}; name a file that can.") from error
    if as_json:
        say_json(msgspec.json.encode({"file": str(out), "records": count}))
        return
    say(f"{count:,} {'payments' if file_format == 'fdh' else 'records'} in {out}")
    if file_format == "jsonl":
        say(f"expected where the policy enforces: {chosen.expect.verdict}")
        say(f"to see it: paywarden backtest {out} --format jsonl --settle {chosen.settle} --out FOLDER")


def _list(*, as_json: bool) -> None:
    if as_json:
        say_json(msgspec.json.encode(list(scenarios().values())))
        return
    table = Table("scenario", "what happens", "expected")
    for found in scenarios().values():
        table.add_row(found.name, found.title, found.expect.verdict)
    terminal().print(table)


def _changes(texts: tuple[str, ...]) -> dict[str, float]:
    changes = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            changes[name] = float(value)
        except ValueError:
            equals = ""
        if not equals or not math.isfinite(changes[name]):
            raise BadInput(f"--set takes NAME=NUMBER, not {text!r}.")
    return changes
