"""What does PayWarden remember?"""

from __future__ import annotations

from typing import Any

import click
import msgspec
from rich.table import Table

from streams.cli.cluster import BadRequest, ask, cluster_options, settings_of
from streams.cli.parts import Part, layouts, parts_of, row_of, rows_of, stored_position, stored_sizes
from streams.cli.terminal import say_json, terminal
from streams.contracts.base import from_ms
from streams.contracts.partitioning import partition_of
from streams.core.risk import SITE_KIND
from streams.core.signals import HEALTH_ROUTE
from streams.runtime.position import Position
from streams.runtime.rebuild import Rows
from streams.settings import Settings


@click.group()
def state() -> None:
    """Look into the states of accounts and entities, or make them again from the inputs.

    \b
    Examples:
      paywarden state inspect
      paywarden state inspect customer-17
      paywarden state rebuild --compare
    """


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
        return part, await rows_of(settings.runtime(), part)

    part, rows = ask(settings, look())
    raw = rows.get(key)
    if raw is None:
        raise BadRequest(f"{part.name} remembers nothing of {key.decode()!r}.")
    row = row_of(raw)
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
        say_json(msgspec.json.encode({**facts, "state": value}))
        return
    console = terminal()
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


def _show_all(settings: Settings, agent_name: str | None, numbers: tuple[int, ...], as_json: bool) -> None:
    async def look() -> list[tuple[Part, Rows]]:
        parts = parts_of(await layouts(settings), agent_name, numbers)
        return [(part, await rows_of(settings.runtime(), part)) for part in parts]

    found = [(part, stored_position(rows), rows) for part, rows in ask(settings, look())]
    if as_json:
        say_json(msgspec.json.encode([_summary(*each) for each in found]))
        return
    console = terminal()
    table = Table("state of", "event-time clock", "keys", "bytes", "median", "p95", "largest")
    for part, position, rows in found:
        sizes = stored_sizes(rows)
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


def _summary(part: Part, position: Position | None, rows: Rows) -> dict[str, Any]:
    return {
        "agent": part.logic.name,
        "partition": part.number,
        "partitions": None if position is None else position.partitions,
        "clock_ms": None if position is None else position.clock_ms,
        "offsets": {} if position is None else position.offsets,
        "feeds": {} if position is None else position.feeds,
        "sizes": stored_sizes(rows)._asdict(),
    }
