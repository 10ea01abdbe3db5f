"""Is this deployment fit to run, and if not, what is to be mended?"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from streams.adapters.clock import SystemClock
from streams.adapters.flow_feeds import FlowState, flow_states
from streams.adapters.geo_database import load_places
from streams.adapters.overlay import load_library
from streams.adapters.packaging import collisions
from streams.adapters.policy_file import load_schedule
from streams.cli.checkup import (
    Check,
    Found,
    Sample,
    broker_checks,
    feed_checks,
    group_check,
    sample_checks,
    sample_of,
    topic_checks,
)
from streams.cli.cluster import ClusterFailed, ask, asking, cluster_options, settings_of
from streams.contracts.topics import MERGED, TOPICS, physical
from streams.core.declines.table import TableError
from streams.core.policy import PolicyError
from streams.runtime.survey import Survey, both_ends, survey
from streams.settings import Settings

EXIT_MEND = 78
_SAMPLE = 25  # oldest and newest records per partition: a wrong partitioner scatters nearly all of them
_MARKS = {"good": "[green]ok[/]", "note": "[cyan]note[/]", "warn": "[yellow]warn[/]", "bad": "[red]mend[/]"}


@click.command()
@click.option(
    "--web", "pages", multiple=True, metavar="HOST:PORT", help="Ask this worker whether it is ready. Repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@cluster_options
def doctor(pages: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Look at everything a worker relies on and say what is wrong, with the next step.

    Brokers, topics and their settings, rights, the partitioner and clocks of producers, which of the 46 flows the
    present feeds allow, policy, decline tables with the overlay folder, packages, workers and their lag. Reads only.
    Exit codes: 0 fit (perhaps with warnings), 70 no broker answers, 78 something must be mended.

    \b
    Examples:
      paywarden doctor
      paywarden doctor --web 127.0.0.1:6066 --json
    """
    settings = settings_of(options)
    checks = [*_policy(settings), _tables(settings), _places(settings), *_packages(), *(_ready(page) for page in pages)]
    flows: list[FlowState] = []
    unreachable: ClusterFailed | None = None
    try:
        more, flows = examine(settings)
        checks = [*more, *checks]
    except ClusterFailed as error:
        unreachable = error
        checks.insert(0, Check("brokers", "bad", error.message, "start one, or set PAYWARDEN_BOOTSTRAP"))
    if as_json:
        click.echo(msgspec.json.encode(_facts(checks, flows)).decode())
    else:
        _print(checks, flows)
    if unreachable is not None:
        raise SystemExit(ClusterFailed.exit_code)
    if any(check.status == "bad" for check in checks):
        raise SystemExit(EXIT_MEND)


def examine(settings: Settings) -> tuple[list[Check], list[FlowState]]:
    """Everything about the cluster. Raises ClusterFailed if it does not answer."""
    options, called = settings.runtime(), settings.names
    with asking(settings):
        found = survey(options, [physical(called, name) for name in TOPICS])
    samples = _samples(settings, found)
    feeds = {topic for topic, sample in samples.items() if sample.records}
    fields = {f"{topic}:{field}" for topic, sample in samples.items() for field in sample.fields}
    states = flow_states(feeds, fields)
    missing = {topic.name for topic in MERGED if physical(called, topic.name) not in found.topics}
    checks = [
        *broker_checks(found),
        *topic_checks(found, settings),
        *sample_checks(samples, settings, SystemClock().now_ms()),
        *feed_checks(states, feeds, missing),
        group_check(found.group, called),
    ]
    return checks, states


def _samples(settings: Settings, found: Survey) -> dict[str, Sample]:
    """A few records of every input, judged."""
    called = settings.names
    names = {physical(called, topic.name): topic.name for topic in MERGED}
    spanned = {tp: span for tp, span in found.spans.items() if tp.topic in names}
    records = ask(settings, both_ends(settings.runtime(), spanned, _SAMPLE))
    return {
        names[name]: sample_of(
            names[name],
            (Found(each.partition, each.key, each.value, each.timestamp) for each in records.get(name, ())),
            facts.partitions,
        )
        for name, facts in found.topics.items()
        if name in names
    }


def _policy(settings: Settings) -> Iterator[Check]:
    try:
        schedule = load_schedule(settings.policy_files)
    except PolicyError as error:
        yield Check("policy", "bad", str(error), "runbook: PolicyError")
        return
    for policy in schedule.policies:
        meaning = "decides and acts" if policy.mode == "enforce" else "no action or message is sent"
        yield Check("policy", "good", f"{policy.policy_hash}, mode {policy.mode} ({meaning})")


def _tables(settings: Settings) -> Check:
    """The decline tables, profiles and texts, with the deployment's overlay folder over them."""
    try:
        library = load_library(settings.overlay)
    except TableError as error:
        return Check("tables", "bad", str(error), "runbook: TableError")
    own = sum(entry.own for entry in library.table.entries.values())
    over = f"{own} codes of the overlay {settings.overlay}" if settings.overlay is not None else "no overlay"
    says = f"{len(library.table.entries)} codes, {len(library.profiles.by_id)} profiles, {over} ({library.digest})"
    return Check("tables", "good", says)


def _places(settings: Settings) -> Check:
    """The files that tell country and autonomous system of an address."""
    try:
        load_places(settings.geo_databases)
    except TableError as error:
        return Check("places", "bad", str(error), "runbook: TableError")
    if not settings.geo_databases:
        return Check("places", "good", "no file: logins have the country and system that their producers name")
    return Check("places", "good", f"{len(settings.geo_databases)} files of addresses")


def _packages() -> Iterator[Check]:
    problems = collisions()
    for problem in problems:
        yield Check("packages", "bad", problem, "reinstall in an environment of its own")
    if not problems:
        yield Check("packages", "good", "streams, models and producers are ours")


def _ready(page: str) -> Check:
    """What a worker's own page says."""
    url = f"http://{page}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return Check("worker pages", "good", f"{page}: {_why(answer.read())}")
    except urllib.error.HTTPError as error:
        return Check("worker pages", "warn", f"{page}: not ready, {_why(error.read())}", "runbook: PaywardenNotReady")
    except OSError as error:
        return Check(
            "worker pages", "warn", f"{page}: no answer ({error})", "is a worker running with this --web-port?"
        )


def _why(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body).get("why", ""))
    except (msgspec.DecodeError, AttributeError):
        return "an answer that is not a worker's"


def _facts(checks: list[Check], flows: list[FlowState]) -> dict[str, Any]:
    return {
        "ok": not any(check.status == "bad" for check in checks),
        "checks": checks,
        "flows": [
            {
                "id": each.flow.id,
                "name": each.flow.name,
                "watched": each.flow.watched,
                "off": each.off,
                "feeds_missing": each.feeds_missing,
                "fields_missing": each.fields_missing,
            }
            for each in flows
        ],
    }


def _print(checks: list[Check], flows: list[FlowState]) -> None:
    console = Console()
    table = Table("", "what", "found", "next step")
    for check in checks:
        table.add_row(_MARKS[check.status], check.name, check.says, check.next_step)
    console.print(table)
    off = [each for each in flows if each.off and each.flow.watched]
    if off:
        switched = Table("flow", "off, because this feed is missing", title="what missing feeds switch off")
        for each in off:
            switched.add_row(f"{each.flow.id} {each.flow.name}", ", ".join(each.feeds_missing))
        console.print(switched)
    bad = sum(check.status == "bad" for check in checks)
    console.print(f"{bad} to mend" if bad else "fit to run", style="red" if bad else "green")
