"""How are other services told of cases, and what could not be delivered?"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from streams.adapters.case_store import outbox, queries
from streams.adapters.case_store.outbox import Message
from streams.adapters.case_store.store import CaseStore
from streams.adapters.clock import SystemClock
from streams.adapters.prometheus import PrometheusMetrics
from streams.cli.cluster import BadRequest, ask, cluster_options, settings_of
from streams.cli.store import opened_store, store_option
from streams.cli.terminal import say, say_json
from streams.cli.web_port import runtime_of, web_port_option
from streams.cli.worker import log_as
from streams.console.metrics_page import shown
from streams.console.webhooks.delivery import look_at_queues, message_of, run
from streams.console.webhooks.endpoints import Endpoint, load_endpoints
from streams.metrics import OF_WEBHOOKS
from streams.runtime.options import RuntimeOptions

_config = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="TOML file of the endpoints (docs/api.md).",
)
_endpoint = click.option("--endpoint", help="Only of this one.")


@click.group(
    epilog="""
\b
Examples:
  paywarden webhooks run --config webhooks.toml
  paywarden webhooks dead list
"""
)
def webhooks() -> None:
    """Post each version of a case to other services: signed, in order, again until they take it."""


@webhooks.command("run")
@_config
@web_port_option
@store_option
@cluster_options
def run_command(config: Path, web_port: int | None, store: str | None, **options: Any) -> None:
    """Read the topics and post, until interrupted. It may be killed at any time.

    \b
    Examples:
      paywarden webhooks run --config webhooks.toml
      paywarden webhooks run --config webhooks.toml --web-port 6068
    """
    settings = settings_of(options, web_port=web_port)
    runtime = runtime_of(settings)
    log_as(settings.log_level)
    for noisy in ("alembic", "httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    endpoints = load_endpoints(config)
    with opened_store(settings, store) as opened:
        say(f"posting to {', '.join(each.name for each in endpoints)}")
        try:
            ask(settings, _running(runtime, opened, endpoints, config))
        except KeyboardInterrupt:
            return


async def _running(options: RuntimeOptions, store: CaseStore, endpoints: Sequence[Endpoint], config: Path) -> None:
    metrics = PrometheusMetrics(OF_WEBHOOKS)
    try:
        async with shown(metrics, options, partial(look_at_queues, store, metrics, endpoints)):
            await run(options, store, endpoints, config, SystemClock(), metrics)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


@webhooks.command("status")
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@cluster_options
def status(store: str | None, as_json: bool, **options: Any) -> None:
    """How many messages wait and how many were given up, by endpoint.

    \b
    Examples:
      paywarden webhooks status --json
    """
    with opened_store(settings_of(options), store) as opened, opened.reading() as connection:
        found = outbox.counts(connection)
    if as_json:
        say_json(json.dumps({name: {"waiting": waits, "dead": dead} for name, (waits, dead) in found.items()}))
        return
    for name, (waits, dead) in sorted(found.items()):
        say(f"{waits:>8,} waiting {dead:>8,} given up  {name}")
    if not found:
        say("nothing waits")


@webhooks.group("dead")
def dead() -> None:
    """Messages that no attempt brought to their endpoint.

    \b
    Examples:
      paywarden webhooks dead list
    """


@dead.command("list")
@_endpoint
@store_option
@cluster_options
def list_dead(endpoint: str | None, store: str | None, **options: Any) -> None:
    """The oldest hundred, with the last problem.

    \b
    Examples:
      paywarden webhooks dead list --endpoint billing
    """
    with opened_store(settings_of(options), store) as opened, opened.reading() as connection:
        _must_be_known(endpoint, outbox.endpoints(connection))
        found = outbox.given_up(connection, endpoint)
    for each in found:
        what = each.idempotency_key if each.type == "case.version.v1" else each.type
        say(f"{each.number:>8}  {each.endpoint}  {what}  {each.attempts} attempts: {each.problem}")
    if not found:
        say("none")


@dead.command("replay")
@_endpoint
@click.option("--number", type=click.IntRange(1), help="Only the message with this number.")
@store_option
@cluster_options
def replay_dead(endpoint: str | None, number: int | None, store: str | None, **options: Any) -> None:
    """Try them again, from the first attempt; a running `webhooks run` posts them.

    \b
    Examples:
      paywarden webhooks dead replay --endpoint billing
    """
    with opened_store(settings_of(options), store) as opened, opened.writing() as connection:
        _must_be_known(endpoint, outbox.endpoints(connection))
        count = outbox.try_again(connection, SystemClock().now_ms(), endpoint=endpoint, number=number)
    say(f"{count:,} will be tried again")


@webhooks.command("replay")
@click.argument("case_id")
@click.option("--from-version", type=click.IntRange(0), default=0, show_default=True)
@click.option("--endpoint", required=True, help="Whom to tell: an endpoint that `webhooks run` has served.")
@store_option
@cluster_options
def replay(case_id: str, from_version: int, endpoint: str, store: str | None, **options: Any) -> None:
    """Post the versions of CASE_ID again that the case store has, with the same keys; a running `webhooks run` does it.

    \b
    Examples:
      paywarden webhooks replay case_x --from-version 3 --endpoint billing
    """
    with opened_store(settings_of(options), store) as opened, opened.writing() as connection:
        found = queries.versions(connection, case_id, after=from_version - 1)
        if not found:
            raise BadRequest(
                f"the case store has no version of {case_id} from {from_version} on: `paywarden store load`."
            )
        _must_be_known(endpoint, outbox.endpoints(connection))
        messages = [message_of("support.cases", each.body, ("case.version.v1",)) for each in found]
        kept = [msgspec.structs.replace(each, is_replay=True) for each in messages if isinstance(each, Message)]
        outbox.put(connection, endpoint, kept, SystemClock().now_ms())
    say(f"{len(kept):,} versions will be posted again")


def _must_be_known(endpoint: str | None, known: Sequence[str]) -> None:
    """Raises BadRequest for a name that nothing was ever read or queued for."""
    if endpoint is not None and endpoint not in known:
        served = ", ".join(known) or "none yet: start it with the file of the endpoints first"
        raise BadRequest(f"no endpoint is called {endpoint!r}; `webhooks run` has served {served}.")
