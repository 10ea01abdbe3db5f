"""Which other services may ask the console's interface?"""

from __future__ import annotations

import json
from datetime import datetime
from typing import get_args

import click

from streams.adapters.case_store import tokens as stored
from streams.adapters.case_store.people import Role
from streams.adapters.case_store.tokens import ApiToken
from streams.adapters.clock import SystemClock
from streams.cli.cluster import BadRequest
from streams.cli.store import store_of
from streams.cli.terminal import say, say_json
from streams.contracts.base import from_ms

_DAY_MS = 86_400_000


@click.group()
def tokens() -> None:
    """Tokens of other services for /api/v1 (docs/api.md).

    \b
    Examples:
      paywarden console tokens add billing --role viewer
      paywarden console tokens revoke billing
    """


@tokens.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(get_args(Role)), required=True, help="viewer reads; the others act, too.")
@click.option("--unmasked", is_flag=True, help="It sees ids of people, cards and devices whole.")
@click.option("--per-minute", type=click.IntRange(1, 60_000), default=600, show_default=True, help="Requests.")
@click.option("--days", type=click.IntRange(1, 3_650), help="How long it is valid. Default: until it is revoked.")
@click.pass_context
def add(ctx: click.Context, name: str, role: Role, unmasked: bool, per_minute: int, days: int | None) -> None:
    """Make a token for NAME and print it, this once; an older one of this name ends.

    \b
    Examples:
      paywarden console tokens add billing --role viewer --unmasked --days 90
    """
    if not 0 < len(name) <= 100 or not name.isascii() or not name.isprintable() or set(name) & {" ", "/"}:
        raise BadRequest("a token's name has 1 to 100 printable ASCII characters, no blank and no slash.")
    now_ms = SystemClock().now_ms()
    given = ApiToken(name, role, unmasked, per_minute, now_ms, None if days is None else now_ms + days * _DAY_MS)
    with store_of(ctx) as opened, opened.writing() as connection:
        text = stored.add_token(connection, given)
    say(f"{name} may ask as {role}; the token is shown only now:", err=True)
    say(text)


@tokens.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def list_tokens(ctx: click.Context, as_json: bool) -> None:
    """Names, roles and ends; the tokens themselves are kept as hashes.

    \b
    Examples:
      paywarden console tokens list --json
    """
    with store_of(ctx) as opened, opened.reading() as connection:
        found = stored.tokens(connection)
    if as_json:
        rows = [
            {
                "name": each.name,
                "role": each.role,
                "unmasked": each.unmasked,
                "per_minute": each.per_minute,
                "added_at": from_ms(each.added_ms).isoformat(),
                "expires_at": _optional(each.expires_ms) and str(_optional(each.expires_ms)),
            }
            for each in found
        ]
        say_json(json.dumps(rows))
        return
    for each in found:
        end = _optional(each.expires_ms)
        ids = "unmasked" if each.unmasked else "masked"
        say(f"{each.role:<11} {ids:<9} {each.per_minute:>6}/min  {'no end' if end is None else end}  {each.name}")
    if not found:
        say("none")


@tokens.command("revoke")
@click.argument("name")
@click.pass_context
def revoke(ctx: click.Context, name: str) -> None:
    """End NAME's token at once.

    \b
    Examples:
      paywarden console tokens revoke billing
    """
    with store_of(ctx) as opened, opened.writing() as connection:
        if not stored.remove_token(connection, name):
            raise BadRequest(f"there is no token {name!r}.")
    say(f"{name}'s token is no more")


def _optional(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else from_ms(at_ms)
