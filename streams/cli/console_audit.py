"""Who did and saw what in the console, and is the record of it whole?"""

from __future__ import annotations

import re

import click

from streams.adapters.case_store import trail
from streams.adapters.case_store.trail import Entry, account_subject
from streams.adapters.clock import SystemClock
from streams.cli.cluster import BadRequest
from streams.cli.store import store_of
from streams.cli.terminal import say, say_json


@click.group()
def audit() -> None:
    """The trail of sign-ins, actions, views, reveals and exports (docs/console.md).

    \b
    Examples:
      paywarden console audit verify
      paywarden console audit export > trail.jsonl
    """


@audit.command("export")
@click.option("--after", type=click.IntRange(0), default=0, show_default=True, help="Rows after this number.")
@click.option("--account", help="Rows about this account only; the trail does not hold its id.")
@click.option("--by", required=True, help="Who exports: the export is a row itself.")
@click.pass_context
def export(ctx: click.Context, after: int, account: str | None, by: str) -> None:
    """Print rows as JSON lines, the oldest first.

    \b
    Examples:
      paywarden console audit export --by lin --after 10000 > trail.jsonl
      paywarden console audit export --by lin --account customer-70021
    """
    wanted = None if account is None else account_subject(account)
    with store_of(ctx) as opened:
        with opened.writing() as connection:
            entry = Entry(
                at_ms=SystemClock().now_ms(), actor=f"cli/{by}", role="", kind="export", subject=wanted or "audit"
            )
            trail.append(connection, entry)
        with opened.reading() as connection:
            for row in trail.rows(connection, after):
                if wanted is None or row.subject == wanted:
                    say_json(trail.line_of(row))


@audit.command("verify")
@click.option("--noted", help="NUMBER:HASH, as an earlier `verify` printed it: shows that no row was cut off since.")
@click.pass_context
def verify(ctx: click.Context, noted: str | None) -> None:
    """Follow the chain of hashes. Exit code 1 if a row was changed, removed or moved. Note what it prints elsewhere.

    \b
    Examples:
      paywarden console audit verify
      paywarden console audit verify --noted 1042:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    """
    if noted is not None and not re.fullmatch("[0-9]{1,18}:[0-9a-f]{64}", noted):
        raise BadRequest("--noted is NUMBER:HASH, as an earlier `verify` printed it.")
    place = None
    if noted is not None:
        number, _, its_hash = noted.partition(":")
        place = (int(number), its_hash)
    with store_of(ctx) as opened, opened.reading() as connection:
        found = trail.check(connection, place)
    if found.broken:
        say(f"the trail is broken: {found.broken}. Keep a copy of the database, and look at its backups.")
        raise SystemExit(1)
    say(f"{found.count:,} rows follow each other")
    say(f"{found.count}:{found.head}")
