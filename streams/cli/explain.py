"""Why did PayWarden decide as it did about one event? What was published, and what is found by computing it again."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click
import msgspec
from aiokafka import TopicPartition
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from producers.errors import BadInput
from producers.feed import Barrier, expand, stepped
from producers.inputs import Format, InputOptions, read_inputs
from streams.adapters.geo_database import load_places
from streams.adapters.model_scorer import Unscored
from streams.adapters.policy_file import load_schedule
from streams.agents.offline import OfflineRun, Published
from streams.agents.watching import WatchingLogic
from streams.app import agents, entities_logic
from streams.cli.backtest_results import STEP_MS
from streams.cli.cluster import BadRequest, ask, cluster_options, settings_of
from streams.cli.replay import Duration
from streams.cli.terminal import say_json, terminal
from streams.contracts.base import from_ms
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import decode
from streams.contracts.topics import physical
from streams.core.features import FEATURE_SET, FEATURES
from streams.core.features.catalogue import FeatureSpec
from streams.core.policy import PolicySchedule
from streams.core.reasons import REASONS
from streams.core.rules import Finding, evaluate_all
from streams.core.steps import Prepared
from streams.runtime.reading import scan, spans
from streams.runtime.rebuild import replayed
from streams.runtime.topics_admin import layout_of, usable_partitions
from streams.settings import Settings, load_settings

DECISIONS = "fraud.decisions"
_ID = re.compile(r"dec_(\d{4,})_[a-z2-7]{26}")


class Told(msgspec.Struct):
    """What was published about one event."""

    decision: DecisionMade
    amendments: list[DecisionAmended] = msgspec.field(default_factory=list)


class Recomputed(msgspec.Struct):
    """What computing it again shows."""

    prepared: Prepared
    findings: tuple[Finding, ...]
    usual: dict[str, float]  # median over the account's earlier events of the same subject
    policy: str


def partition_in(decision_id: str) -> int:
    """The partition that a decision's id embeds. Raises BadRequest."""
    match = _ID.fullmatch(decision_id)
    if match is None:
        raise BadRequest(f"{decision_id!r} is not the id of a decision; they look like dec_0003_ and 26 letters.")
    return int(match[1])


def told_of(decision_id: str, values: Iterable[bytes | None]) -> Told | None:
    """The decision and its amendments among the values of `fraud.decisions`."""
    found: Told | None = None
    needle = decision_id.encode()
    for value in values:
        if value is None or needle not in value:
            continue
        event = decode(DECISIONS, value)
        if isinstance(event, DecisionMade) and event.decision_id == decision_id:
            found = Told(event)
        elif isinstance(event, DecisionAmended) and event.decision_id == decision_id and found is not None:
            found.amendments.append(event)
    return found


def recomputed(watching: WatchingLogic, policies: PolicySchedule) -> Recomputed | None:
    """What the watched run found, or None if the event did not come by."""
    prepared = watching.found
    if prepared is None:
        return None
    assert prepared.features is not None
    policy = policies.at(prepared.at_ms)
    earlier = [each.features for each in watching.earlier if each.subject == prepared.subject and each.features]
    usual: dict[str, float] = {}
    for spec in FEATURES:
        values = [value for each in earlier if (value := getattr(each, spec.name)) != spec.missing]
        if values:
            usual[spec.name] = statistics.median(values)
    findings = evaluate_all(prepared.event, prepared.at_ms, prepared.features, policy)
    return Recomputed(prepared, findings, usual, policy.policy_hash)


# -- from Kafka --------------------------------------------------------------------------------------------------------


async def published(settings: Settings, decision_id: str) -> Told | None:
    """Read the one partition that the id names."""
    options, number = settings.runtime(), partition_in(decision_id)
    name = physical(settings.names, DECISIONS)
    counts = await usable_partitions(options, [name])
    if counts.get(name, 0) <= number:
        raise BadRequest(f"{name} has no partition {number}: is this decision of another deployment?")
    tp = TopicPartition(name, number)
    start = (await spans(options, {name: number + 1}))[tp].begin
    async with aclosing(scan(options, {tp: start})) as records:
        return told_of(
            decision_id, [each.value async for each in records if each.value and decision_id.encode() in each.value]
        )


async def again(settings: Settings, decision: DecisionMade, policies: PolicySchedule) -> Recomputed | None:
    """Run the account's history from the input topics, up to the event."""
    options, called = settings.runtime(), settings.names
    number = partition_in(decision.decision_id)
    watching = WatchingLogic(
        policies,
        Unscored(),
        settings.barrier_s,
        account_id=decision.account_id,
        event_id=decision.event_id,
        alone=decision.subject != "login",
        pseudonym_key=settings.secret("pseudonym_key"),
        places=load_places(settings.geo_databases),
    )
    counts = await usable_partitions(options, {physical(called, each.topic) for each in watching.inputs})
    by_topic = {
        each.topic: counts[name] for each in watching.inputs if (name := physical(called, each.topic)) in counts
    }
    layout = layout_of("accounts", watching.inputs, (), by_topic)
    spanned = await spans(options, {physical(called, each.topic): layout.partitions for each in layout.inputs})
    until = {each.topic: spanned[TopicPartition(physical(called, each.topic), number)].end for each in layout.inputs}
    (_, agent), *_ = agents(settings)
    await replayed(
        options,
        watching,
        agent,
        layout.inputs,
        number,
        layout.partitions,
        until,
        enough=lambda: watching.found is not None,
    )
    return recomputed(watching, policies)


# -- from files --------------------------------------------------------------------------------------------------------


def from_files(
    paths: tuple[Path, ...],
    file_format: Format,
    decision: DecisionMade,
    policies: PolicySchedule,
    *,
    partitions: int,
    barrier_ms: int,
) -> Recomputed | None:
    """Run the backtest's agents over the files, up to the event."""
    settings = load_settings()
    watching = WatchingLogic(
        policies,
        Unscored(),
        barrier_ms // 1000,
        account_id=decision.account_id,
        event_id=decision.event_id,
        alone=False,
        pseudonym_key=settings.secret("pseudonym_key"),
        places=load_places(settings.geo_databases),
    )

    def sink(_: Published) -> None:
        """Nobody listens."""

    entities = entities_logic(policies, barrier_ms // 1000)
    run = OfflineRun(watching, entities, partitions, sink, partition_of_key=partition_of)
    feed = stepped(read_inputs(paths, file_format, InputOptions()), barrier_ms, 0)
    for item in expand(feed, partitions):
        if isinstance(item, Barrier):
            run.settle()
            if watching.found is not None:
                break
        else:
            run.write(item.topic, item.partition, item.key, item.value, item.timestamp_ms)
    run.settle()
    return recomputed(watching, policies)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error


# -- showing -----------------------------------------------------------------------------------------------------------


def tree_of(told: Told, more: Recomputed | None) -> Tree:
    """The decision as a tree: what it is, what fired, what else was asked, why, and what became of it."""
    decision = told.decision
    score = decision.score_unavailable if decision.score is None else f"{decision.score:.2f}"
    tree = Tree(
        Text.assemble(
            (decision.outcome, "bold"),
            f"{' (observed only)' if decision.shadow else ''}  decision {decision.decision_id}  "
            f"policy {decision.policy}  model {decision.model_id} ({score})  features {decision.feature_set}",
        )
    )
    tree.add(
        f"{decision.subject} {decision.subject_id} of {decision.account_id}, "
        f"{decision.occurred_at:%Y-%m-%d %H:%M:%S} UTC, event {decision.event_id}"
    )
    rules = tree.add("rules")
    for hit in decision.hits:
        evidence = ", ".join(f"{name}={value:g}" for name, value in hit.evidence.items())
        fired = f"  fired: {hit.outcome}{' (observes)' if hit.shadow else ''}  {evidence}"
        rules.add(Text.assemble((hit.rule, "red"), fired))
    if more is not None:
        known = {hit.rule for hit in decision.hits}
        for finding in more.findings:
            if finding.verdict == "quiet" or finding.rule in known:
                continue
            rules.add(f"{finding.rule}  {finding.verdict}: {finding.text}")
        quiet = [finding.rule for finding in more.findings if finding.verdict == "quiet"]
        if quiet:
            rules.add(Text(f"quiet: {', '.join(quiet)}", "dim"))
    if decision.reasons:
        reasons = tree.add("reasons, strongest first")
        for reason in decision.reasons:
            entry = REASONS.get(reason.code)
            words = f"{entry.zh} / {entry.en}" if entry is not None else ""
            observed = "" if reason.observed is None else f"  observed {reason.observed:g}"
            usual = "" if reason.usual is None else f", usual {reason.usual:g}"
            reasons.add(f"{reason.code}  {words}{observed}{usual}")
    lacking = decision.completeness
    if lacking.feeds_missing:
        tree.add(f"decided without the feeds {', '.join(lacking.feeds_missing)}")
    if lacking.entity_risk_age_s is not None:
        tree.add(f"oldest entity risk used: {lacking.entity_risk_age_s} s")
    if decision.expires_at is not None:
        tree.add(f"ends by itself {decision.expires_at:%Y-%m-%d %H:%M:%S} UTC as {decision.expiry_outcome}")
    for amendment in told.amendments:
        tree.add(f"{amendment.cause} {amendment.occurred_at:%Y-%m-%d %H:%M:%S} UTC: {amendment.outcome}")
    return tree


def remarks(told: Told, more: Recomputed | None) -> list[str]:
    """Why the recomputation may not be what the worker saw."""
    decision = told.decision
    if more is None:
        return ["its event is no longer on the input topics (or not in the files): only what was published is shown"]
    found = []
    if more.policy != decision.policy:
        found.append(
            f"it was decided with policy {decision.policy} and is recomputed with {more.policy}: rules may answer "
            "differently; name the file that was in force with --policy"
        )
    if decision.feature_set != FEATURE_SET:
        found.append(f"recomputed with feature set {FEATURE_SET}: another release")
    if more.prepared.hits != decision.hits:
        found.append(
            "the rules answer differently now: another policy or release, history that retention has deleted, or "
            "entity risk that had not arrived when it was decided"
        )
    return found


def _known(prepared: Prepared, spec: FeatureSpec) -> float | None:
    """The value of a feature; None where it is missing, whatever number stands for that inside."""
    value: float = getattr(prepared.features, spec.name)
    return None if value == spec.missing else value


def features_table(more: Recomputed) -> Table:
    """Value, what is usual for the account, and what it means."""
    table = Table(
        "feature", "value", "usual", "unit", "meaning", title="features before the event", title_justify="left"
    )
    for spec in FEATURES:
        value = _known(more.prepared, spec)
        usual = more.usual.get(spec.name)
        table.add_row(
            spec.name,
            "missing" if value is None else f"{value:g}",
            "" if usual is None else f"{usual:g}",
            spec.unit,
            spec.meaning,
        )
    return table


def as_json(told: Told, more: Recomputed | None) -> bytes:
    """Everything, for a script."""
    facts: dict[str, Any] = {
        "decision": told.decision,
        "amendments": told.amendments,
        "reasons": {
            reason.code: {"zh": known.zh, "en": known.en}
            for reason in told.decision.reasons
            if (known := REASONS.get(reason.code)) is not None
        },
        "recomputed": None,
        "remarks": remarks(told, more),
    }
    if more is not None:
        facts["recomputed"] = {
            "policy": more.policy,
            "event": more.prepared.event,
            "at": from_ms(more.prepared.at_ms),
            "findings": [
                {"rule": each.rule, "verdict": each.verdict, "text": each.text, "hit": each.hit}
                for each in more.findings
            ],
            "features": {
                spec.name: {"value": _known(more.prepared, spec), "usual": more.usual.get(spec.name)}
                for spec in FEATURES
            },
        }
    return msgspec.json.encode(facts)


@click.command()
@click.argument("decision_id")
@click.option("--file", "decisions", type=click.Path(path_type=Path), help="decisions.jsonl of a backtest, not Kafka.")
@click.option("--input", "inputs", multiple=True, type=click.Path(path_type=Path), help="With --file: the backtest's.")
@click.option("--format", "file_format", type=click.Choice(["fdh", "logins", "jsonl"]), help="Of --input.")
@click.option("--partitions", type=click.IntRange(1, 4096), default=4, show_default=True, help="Of the backtest.")
@click.option("--barrier", "barrier_ms", type=Duration(), help="Of the backtest. Default: as its own.")
@click.option(
    "--policy", "policy_files", multiple=True, type=click.Path(path_type=Path), help="That was in force then."
)
@click.option("--published-only", is_flag=True, help="Do not compute it again: quick on a long log.")
@click.option("--features/--no-features", default=True, show_default=True, help="The table of features.")
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
@cluster_options
def explain(
    decision_id: str,
    decisions: Path | None,
    inputs: tuple[Path, ...],
    file_format: Format | None,
    partitions: int,
    barrier_ms: int | None,
    policy_files: tuple[Path, ...],
    published_only: bool,
    features: bool,
    wants_json: bool,
    **options: Any,
) -> None:
    """Show why the decision DECISION_ID is what it is: outcome, rules and their evidence, reasons, features.

    What was published is read from the one partition that the id names. What every other rule said, and the features,
    are computed again by running the account's history up to the event.

    \b
    Examples:
      paywarden explain dec_0003_aeb4kyqf2q5c6rjzt3n7mxoqvi
      paywarden explain dec_0003_aeb4kyqf2q5c6rjzt3n7mxoqvi --published-only --json
      paywarden explain dec_0001_... --file out/decisions.jsonl --input events.jsonl --format jsonl
    """
    partition_in(decision_id)
    if inputs and (decisions is None or file_format is None):
        raise click.UsageError("--input goes with --file and --format.")
    if decisions is not None:
        told = told_of(decision_id, _lines(decisions))
        policies = load_schedule(policy_files)
        more = None
        if told is not None and inputs and file_format is not None and not published_only:
            step_ms = STEP_MS[file_format] if barrier_ms is None else barrier_ms
            more = from_files(inputs, file_format, told.decision, policies, partitions=partitions, barrier_ms=step_ms)
    else:
        settings = settings_of(options)
        policies = load_schedule(policy_files or settings.policy_files)
        told = ask(settings, published(settings, decision_id))
        more = None
        if told is not None and not published_only:
            more = ask(settings, again(settings, told.decision, policies))
    if told is None:
        where = str(decisions) if decisions is not None else f"{DECISIONS}, which keeps 7 days by default"
        raise BadRequest(f"there is no decision {decision_id} in {where}.")
    if wants_json:
        say_json(as_json(told, more))
        return
    console = terminal()
    console.print(tree_of(told, more), highlight=False)
    if more is not None and features:
        console.print(features_table(more))
    if not published_only:
        for remark in remarks(told, more):
            console.print(f"note: {remark}", highlight=False)
