"""Is this deployment fit to run, and if not, what is to be mended?"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.table import Table
from rich.text import Text

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
    ingest_checks,
    rights_check,
    sample_checks,
    sample_of,
    topic_checks,
)
from streams.cli.cluster import BadRequest, ClusterFailed, NoAnswer, ask, asking, cluster_options, settings_of
from streams.cli.rights import Role, probes_of, roles
from streams.cli.terminal import say_json, terminal
from streams.contracts.topics import MERGED, TOPICS, physical
from streams.core.declines.doubts import doubtful_rows
from streams.core.policy import PolicyError
from streams.core.tables import TableError
from streams.ingest.logic import group_of
from streams.ingest.source import Source, load_source
from streams.runtime.options import RuntimeOptions
from streams.runtime.rights import identity, lacking_rights
from streams.runtime.survey import Survey, TopicFacts, both_ends, survey
from streams.settings import Settings

EXIT_MEND = 78
_INGEST: Final = "Look at what `ingest run` of this source file needs, instead of what a worker needs."
_SAMPLE = 25  # oldest and newest records per partition: a wrong partitioner scatters nearly all of them
_DOUBTS_SHOWN = 5  # of rows of an overlay: one mistake of a spreadsheet is in all of them
_MARKS = {
    "good": Text("ok", "green"),
    "note": Text("note", "cyan"),
    "warn": Text("warn", "yellow"),
    "bad": Text("mend", "red"),
}


@click.command()
@click.option(
    "--web", "pages", multiple=True, metavar="HOST:PORT", help="Ask this worker whether it is ready. Repeatable."
)
@click.option("--ingest", "file", type=click.Path(dir_okay=False, path_type=Path), help=_INGEST)
@click.option("--role", "named", help="Whose rights are asked for. Default: worker, with --ingest that of the source.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@cluster_options
def doctor(pages: tuple[str, ...], file: Path | None, named: str | None, as_json: bool, **options: Any) -> None:
    """Look at everything a worker relies on and say what is wrong, with the next step.

    Brokers, topics and their settings, rights, the partitioner and clocks of producers, which of the 46 flows the
    present feeds allow, policy, decline tables with the overlay folder, packages, workers and their lag. Reads only.
    Run it as the user of a worker, with --ingest as that of the source, or as any other user with its --role: it names
    each right of the role that the user has not. Exit codes: 0 fit (perhaps with warnings), 70 no broker answers, 78
    something must be mended.

    \b
    Examples:
      paywarden doctor
      paywarden doctor --ingest psp.toml
      paywarden doctor --role operator
      paywarden doctor --web 127.0.0.1:6066 --json
    """
    settings = settings_of(options)
    source = None if file is None else load_source(file, settings.names)
    role = _role(settings, source, named)
    checks = [*_packages(), *(_ready(page) for page in pages)]
    if source is None:
        checks = [*_policy(settings), _tables(settings), _places(settings), *checks]
    flows: list[FlowState] = []
    unreachable: ClusterFailed | None = None
    try:
        if source is None:
            more, flows = examine(settings, role)
        else:
            more = examine_ingest(settings, source, role, str(file))
        checks = [*more, *checks]
    except NoAnswer as error:
        unreachable = error
        checks.insert(0, Check("brokers", "bad", error.message, "start one, or set PAYWARDEN_BOOTSTRAP"))
    except ClusterFailed as error:
        unreachable = error
        checks.insert(0, Check("brokers", "bad", error.message, "ask whoever manages the brokers; runbook"))
    if as_json:
        say_json(msgspec.json.encode(_facts(checks, flows)))
    else:
        _print(checks, flows)
    if unreachable is not None:
        raise SystemExit(ClusterFailed.exit_code)
    if any(check.status == "bad" for check in checks):
        raise SystemExit(EXIT_MEND)


def _role(settings: Settings, source: Source | None, named: str | None) -> Role:
    known = {role.name: role for role in roles(settings, () if source is None else (source,))}
    wanted = named or ("worker" if source is None else f"ingest-{source.name}")
    if wanted not in known:
        raise BadRequest(f"there is no role {wanted!r}; there are {', '.join(known)}.")
    return known[wanted]


def examine(settings: Settings, role: Role) -> tuple[list[Check], list[FlowState]]:
    """Everything about the cluster. Raises ClusterFailed if it does not answer."""
    options, called = settings.runtime(), settings.names
    with asking(settings):
        found = survey(options, [physical(called, name) for name in TOPICS])
        lacking = lacking_rights(options, *probes_of(role))
        hidden = _hidden(options, found, {physical(called, name) for name in TOPICS})
    unread = {
        topic.name
        for topic in MERGED
        if (name := physical(called, topic.name)) in hidden or not _readable(found.topics.get(name))
    }
    samples = _samples(settings, found, unread)
    feeds = {topic for topic, sample in samples.items() if sample.records}
    fields = {f"{topic}:{field}" for topic, sample in samples.items() for field in sample.fields}
    states = flow_states(feeds, fields)
    missing = {topic.name for topic in MERGED if physical(called, topic.name) not in found.topics}
    checks = [
        *broker_checks(found),
        rights_check(role, lacking.rights, identity(options), told=_told(found)),
        *topic_checks(found, settings, hidden),
        *sample_checks(samples, settings, SystemClock().now_ms()),
        *feed_checks(states, feeds, missing, unread),
        group_check(found.group, called),
    ]
    return checks, states


def examine_ingest(settings: Settings, source: Source, role: Role, file: str) -> list[Check]:
    """What `paywarden ingest run` relies on. Raises ClusterFailed if the cluster does not answer."""
    options = msgspec.structs.replace(settings.runtime(), app_id=group_of(settings.app_id, source.name))
    probes = probes_of(role)
    with asking(settings):
        found = survey(options, probes.topics)
        lacking = lacking_rights(options, *probes)
    return [
        *broker_checks(found),
        rights_check(role, lacking.rights, identity(options), told=_told(found)),
        *ingest_checks(found, source, settings.names, file, lacking.hidden),
        group_check(found.group, settings.names, f"paywarden ingest run {file}"),
    ]


def _hidden(options: RuntimeOptions, found: Survey, names: set[str]) -> frozenset[str]:
    """Topics that this user may not even describe; those of its role and the others."""
    unseen = names - set(found.topics)
    return lacking_rights(options, dict.fromkeys(unseen, frozenset()), {}).hidden if unseen else frozenset()


def _told(found: Survey) -> bool:
    return any(facts.operations is not None for facts in found.topics.values())


def _readable(facts: TopicFacts | None) -> bool:
    return facts is None or facts.operations is None or not facts.operations.isdisjoint({"READ", "ALL"})


def _samples(settings: Settings, found: Survey, unread: Collection[str]) -> dict[str, Sample]:
    """A few records of every input, judged."""
    called = settings.names
    names = {physical(called, topic.name): topic.name for topic in MERGED if topic.name not in unread}
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
    articles = library.knowledge.articles.values()
    says += f"; {len(articles)} articles, {sum(each.own for each in articles)} of the overlay"
    for tag, locale in library.messages.locales.items():
        says += f"; {tag}: {len(locale.template)} of {len(library.messages.template)} messages"
    doubts = list(doubtful_rows(library.table, library.profiles))
    if doubts:
        step = "write codes as text, with their leading zeros, and sources as your events name them"
        return Check("tables", "warn", "; ".join([*doubts[:_DOUBTS_SHOWN], says]), step)
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
    console = terminal()
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
