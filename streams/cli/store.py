"""How does an operator fill the case store, make it again, and know that it is right?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from time import monotonic
from typing import Any, Final

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from streams.adapters.case_store.queries import sizes
from streams.adapters.case_store.store import CaseStore
from streams.adapters.prometheus import PrometheusMetrics
from streams.cli.cluster import ask, cluster_options, settings_of
from streams.cli.terminal import say, say_json, terminal
from streams.cli.web_port import runtime_of, web_port_option
from streams.console.metrics_page import shown
from streams.console.sink import Compared, compare, count_debited, count_open_cases, load, plan
from streams.metrics import OF_STORE
from streams.runtime.options import RuntimeOptions
from streams.settings import Settings

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
LINE_EVERY_S: Final = 5.0
store_option = click.option("--store", help="URL of the database. Default: PAYWARDEN_STORE_URL.")


@click.group(
    epilog="""
\b
Examples:
  paywarden store load
  paywarden store load --follow
  paywarden store check
"""
)
def store() -> None:
    """Cases, locks, messages and refused actions in a database (SQLite or PostgreSQL), read from the topics.

    Everything in it that comes from topics can be made again from them.
    """


@store.command("load")
@click.option("--follow", is_flag=True, help="Go on and on, until interrupted.")
@web_port_option
@store_option
@_json
@cluster_options
def load_command(follow: bool, web_port: int | None, store: str | None, as_json: bool, **options: Any) -> None:
    """Read what is new on the topics. It may be killed at any time, and goes on where it was.

    \b
    Examples:
      paywarden store load
      paywarden store load --follow --store postgresql://paywarden@db/cases
    """
    settings = settings_of(options, web_port=web_port)
    runtime = runtime_of(settings)
    with opened_store(settings, store) as opened:
        try:
            read = ask(settings, _loaded(runtime, opened, follow=follow, quiet=as_json))
        except KeyboardInterrupt:
            return
        _told(opened, read, as_json)


@store.command("rebuild")
@click.option("--yes", is_flag=True, help="Do not ask.")
@store_option
@_json
@cluster_options
def rebuild(yes: bool, store: str | None, as_json: bool, **options: Any) -> None:
    """Forget everything that comes from topics and read it again. Local accounts and the like stay.

    Versions and messages that have left their topics meanwhile are gone then; the newest version of every case is kept
    by a compacted topic. Stop whatever else writes the store.

    \b
    Examples:
      paywarden store rebuild --yes
    """
    settings = settings_of(options)
    with opened_store(settings, store) as opened:
        if not (yes or as_json):
            click.confirm("Delete everything in the case store that comes from topics, and read it again?", abort=True)
        runtime = msgspec.structs.replace(settings.runtime(), web_port=0)  # over too soon to be watched
        ask(settings, plan(runtime, {}))  # nothing is deleted for a broker that does not answer
        opened.clear()
        _told(opened, ask(settings, _loaded(runtime, opened, follow=False, quiet=as_json)), as_json)


@store.command("check")
@store_option
@_json
@cluster_options
def check(store: str | None, as_json: bool, **options: Any) -> None:
    """Compare every case with the topic, byte for byte. Exit code 1 if the store is behind or differs.

    \b
    Examples:
      paywarden store check --json
    """
    settings = settings_of(options)
    with opened_store(settings, store) as opened:
        found = ask(settings, compare(settings.runtime(), opened))
        with opened.reading() as connection:
            counts = sizes(connection)
    if as_json:
        say_json(msgspec.json.encode({**found._asdict(), "ok": found.is_true, "rows": counts}))
    else:
        _say_compared(found, counts)
    if not found.is_true:
        raise SystemExit(1)


def _say_compared(found: Compared, counts: dict[str, int]) -> None:
    say(_listed(counts))
    if found.is_true:
        say(f"every one of {found.cases:,} cases is as the topic has it")
        return
    if found.behind:
        say(f"{found.behind:,} records are not read yet: `paywarden store load`")
    for what, ids in (
        ("missing in the store", found.missing),
        ("different in the store", found.different),
        ("only in the store", found.extra),
    ):
        if ids:
            say(f"{len(ids):,} cases are {what}: {', '.join(ids[:5])}{' ...' if len(ids) > 5 else ''}")
    if not found.behind:
        say("`paywarden store rebuild` makes it again from the topics")


@contextmanager
def opened_store(settings: Settings, url: str | None) -> Iterator[CaseStore]:
    """The store, in this release's form."""
    opened = CaseStore(url or settings.secret("store_url"))
    try:
        opened.migrate()
        yield opened
    finally:
        opened.close()


def store_of(ctx: click.Context) -> AbstractContextManager[CaseStore]:
    """The store that the options of the group name: its `ctx.obj` is (url, cluster options)."""
    url, options = ctx.obj
    return opened_store(settings_of(options), url)


async def _loaded(options: RuntimeOptions, opened: CaseStore, *, follow: bool, quiet: bool) -> int:
    metrics = PrometheusMetrics(OF_STORE)
    behind = (await plan(options, await asyncio.to_thread(opened.positions))).behind
    with _progress(behind, quiet) as told:
        looks = (partial(count_open_cases, opened, metrics), partial(count_debited, opened, metrics))
        async with shown(metrics, options, *looks):
            return await load(options, opened, lambda _, read: told(read), follow=follow, metrics=metrics)


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; elsewhere a line now and then, until all that lay there has been read."""
    place = terminal(stderr=True)
    if not (quiet or place.is_terminal):
        yield lines_of_progress(total, partial(say, err=True), monotonic)
        return
    with Progress(
        TextColumn("reading", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=place,
        transient=True,
        disable=quiet,
    ) as progress:
        task = progress.add_task("reading", total=total)
        yield lambda read: progress.update(task, completed=read)


def lines_of_progress(total: int, tell: Callable[[str], None], now_s: Callable[[], float]) -> Callable[[int], None]:
    """Tells at most every `LINE_EVERY_S` seconds how many of `total` records were read, and that they were, once."""
    next_s, is_over = now_s() + LINE_EVERY_S, total == 0

    def told(read: int) -> None:
        nonlocal next_s, is_over
        if is_over or (read < total and now_s() < next_s):
            return
        next_s, is_over = now_s() + LINE_EVERY_S, read >= total
        tell(f"reading: {min(read, total):,} of {total:,} records, {100 * min(read, total) // total} %")

    return told


def _told(opened: CaseStore, read: int, as_json: bool) -> None:
    with opened.reading() as connection:
        counts = sizes(connection)
    if as_json:
        say_json(msgspec.json.encode({"read": read, "rows": counts}))
        return
    say(f"{read:,} records read; the store holds {_listed(counts)}")
    if counts["not_understood"]:
        say(f"{counts['not_understood']:,} records were not understood: the table `refused` says where and why")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
