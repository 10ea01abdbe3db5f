"""How is the console started, and who may sign in?"""

from __future__ import annotations

import json
import logging
from typing import Any, get_args

import click

from streams.adapters.case_store import people
from streams.adapters.case_store.people import Role, User
from streams.adapters.clock import SystemClock
from streams.adapters.overlay import load_library
from streams.adapters.policy_file import load_schedule
from streams.cli.cluster import BadRequest, ask, cluster_options, settings_of
from streams.cli.console_audit import audit
from streams.cli.console_tokens import tokens
from streams.cli.store import opened_store, store_of, store_option
from streams.cli.terminal import say, say_json
from streams.cli.web_port import runtime_of, web_port_option
from streams.cli.worker import log_as
from streams.console import passwords
from streams.console.limits import Limits
from streams.console.oidc import OidcOptions
from streams.console.serving import serve
from streams.console.sink import plan
from streams.settings import Settings


@click.group(
    invoke_without_command=True,
    epilog="""
\b
Examples:
  paywarden console users add mei --role supervisor
  paywarden console --port 8080
""",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="Port; 0: any.")
@click.option("--https", is_flag=True, help="It is reached by HTTPS (a proxy): cookies are sent over nothing else.")
@web_port_option
@store_option
@cluster_options
@click.pass_context
def console(
    ctx: click.Context,
    /,
    host: str,
    port: int,
    https: bool,
    web_port: int | None,
    store: str | None,
    **options: Any,
) -> None:
    """Pages for analysts: queue, cases, incidents, locks, accounts, search; actions go to Kafka as events.

    It follows the topics into the case store itself; one console or `store load --follow` per store is enough.
    """
    ctx.obj = (store, options)
    if ctx.invoked_subcommand is not None:
        return
    settings = settings_of(options, web_port=web_port)
    runtime = runtime_of(settings)
    log_as(settings.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    library = load_library(settings.overlay)
    with opened_store(settings, store) as opened:
        ask(settings, plan(runtime, opened.positions()))  # says in one sentence what is missing
        with opened.reading() as connection:
            nobody = not people.users(connection)
        if nobody:
            say("nobody can sign in yet: paywarden console users add NAME --role admin")
        say(f"console on http://{host}:{port}")
        serve(
            opened,
            runtime,
            host,
            port,
            https=https,
            proxies=settings.console_proxies,
            secret=settings.secret("pseudonym_key"),
            limits=Limits(
                requests_per_minute=settings.console_requests_per_minute,
                searches_per_minute=settings.console_searches_per_minute,
                reveals_per_hour=settings.console_reveals_per_hour,
            ),
            oidc=_oidc_of(settings),
            library=library,
            capacity=load_schedule(settings.policy_files).policies[-1].model.costs.reviews_per_day,
        )


console.add_command(tokens)
console.add_command(audit)


@console.group()
def users() -> None:
    """Local accounts: who may sign in, in which role.

    \b
    Examples:
      paywarden console users add mei --role supervisor
    """


@users.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(get_args(Role)), required=True)
@click.option("--password-file", type=click.File(), help="Its first line is the password; - is standard input.")
@click.pass_context
def add(ctx: click.Context, name: str, role: Role, password_file: Any) -> None:
    """Add NAME, or give NAME another role and password; sessions under the name end.

    \b
    Examples:
      paywarden console users add mei --role supervisor
    """
    if not people.is_name(name):
        raise BadRequest("a name has 1 to 128 printable characters, no slash and no blanks around them.")
    if password_file is None:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = password_file.readline().rstrip("\r\n")
    if not passwords.LEAST <= len(password) <= passwords.MOST:
        raise BadRequest(f"a password has {passwords.LEAST} to {passwords.MOST} characters.")
    user = User(name, role, passwords.hash_of(password), SystemClock().now_ms())
    with store_of(ctx) as opened, opened.writing() as connection:
        people.put_user(connection, user)
    say(f"{name} may sign in as {role}")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def list_users(ctx: click.Context, as_json: bool) -> None:
    """Names and roles; passwords are kept as hashes and never shown.

    \b
    Examples:
      paywarden console users list --json
    """
    with store_of(ctx) as opened, opened.reading() as connection:
        found = people.users(connection)
    if as_json:
        say_json(json.dumps([{"name": each.name, "role": each.role} for each in found]))
        return
    for each in found:
        say(f"{each.role:<11} {each.name}")
    if not found:
        say("nobody")


@users.command("remove")
@click.argument("name")
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Remove NAME and end the sessions under the name.

    \b
    Examples:
      paywarden console users remove mei
    """
    with store_of(ctx) as opened, opened.writing() as connection:
        if not people.remove_user(connection, name):
            raise BadRequest(f"there is no user {name!r}.")
    say(f"{name} is removed")


def _oidc_of(settings: Settings) -> OidcOptions | None:
    if not settings.oidc_issuer:
        return None
    found = OidcOptions(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.secret("oidc_client_secret"),
        redirect_url=settings.oidc_redirect_url,
        role_claim=settings.oidc_role_claim,
        name_claim=settings.oidc_name_claim,
        roles=settings.oidc_roles,
    )
    found.check()
    return found
