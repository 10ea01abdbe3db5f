"""What would this policy have done, rule by rule, had it enforced? Read from the topics, as any subscriber could."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Column, Table

import streams.cli.published_policies  # noqa: F401  # its commands belong to the same group
from streams.cli.cluster import NotAsItShouldBe, ask, cluster_options, settings_of
from streams.cli.policy import policy
from streams.cli.replay import Instant
from streams.cli.terminal import say, say_json, terminal
from streams.contracts.accounts import LabelRecorded
from streams.contracts.base import from_ms, to_ms
from streams.contracts.decisions import DecisionMade
from streams.contracts.registry import decode
from streams.contracts.topics import physical
from streams.core.what_if import Report, RuleEffect, WhatIf
from streams.runtime.options import RuntimeOptions
from streams.runtime.reading import scan, spans, stamped_from
from streams.runtime.topics_admin import usable_partitions

_DECISIONS, _LABELS = "fraud.decisions", "risk.labels"


@policy.command()
@click.option("--since", type=Instant(), help="Only decisions from this date on. Default: all that the topic holds.")
@click.option("--rule", "rules", multiple=True, help="Only this rule, for example velocity. Repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@cluster_options
def report(since: int | None, rules: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Before a rule enforces: what would have happened if it had? Per rule, from the published decisions and labels.

    A decision in mode observe did nothing; one that enforces did what it says. `changed` counts the decisions that the
    rule would have made stricter, `alone` those where no other rule was as strict, `fraud` and `legit` what labels
    (chargebacks, analysts, customers) say about them so far.

    \b
    Examples:
      paywarden policy report
      paywarden policy report --since 2026-11-20 --rule velocity --json
    """
    settings = settings_of(options)
    found = ask(settings, _read(settings.runtime(), since))
    if unknown := set(rules) - {each.rule for each in found.rules}:
        say(f"no hit of {', '.join(sorted(unknown))}", err=True)
    found = found._replace(rules=tuple(each for each in found.rules if not rules or each.rule in rules))
    if as_json:
        say_json(msgspec.json.encode(found._asdict()))
    else:
        _show(terminal(), found)


async def _read(options: RuntimeOptions, since_ms: int | None) -> Report:
    what_if = WhatIf()
    names = {physical(options.names, topic): topic for topic in (_LABELS, _DECISIONS)}
    counts = await usable_partitions(options, names)
    if physical(options.names, _DECISIONS) not in counts:
        raise NotAsItShouldBe(
            f"there is no topic {physical(options.names, _DECISIONS)}; `paywarden topics create` makes it."
        )
    held = await spans(options, counts)
    if since_ms is not None:
        decisions = {tp: span for tp, span in held.items() if names[tp.topic] == _DECISIONS}
        held |= await stamped_from(options, decisions, since_ms)
    async with aclosing(scan(options, {tp: span.begin for tp, span in held.items()})) as records:
        async for record in records:
            said = decode(names[record.topic], record.value or b"")
            if isinstance(said, DecisionMade):
                what_if.decided(said, to_ms(said.occurred_at))
            elif isinstance(said, LabelRecorded):
                what_if.labelled(said.subject_id, said.verdict)
    return what_if.report()


def _show(console: Console, found: Report) -> None:
    if not found.decisions:
        console.print("no decision yet")
        return
    console.print(
        f"{found.decisions:,} decisions from {from_ms(found.first_ms):%Y-%m-%d %H:%M} to "
        f"{from_ms(found.last_ms):%Y-%m-%d %H:%M}, {found.observed:,} of them observed only; "
        f"policies {', '.join(found.policies)}"
    )
    table = Table(
        Column("rule", no_wrap=True),
        "hits",
        "changed",
        "per 1,000",
        "alone",
        "accounts",
        "peak hour",
        "as",
        "money",
        "labels",
    )
    for each in found.rules:
        table.add_row(
            each.rule,
            f"{each.hits:,}",
            f"{each.changed:,}",
            f"{each.per_thousand:,.1f}",
            f"{each.alone:,}",
            f"{each.accounts:,}",
            f"{each.peak_hour:,}",
            ", ".join(f"{number:,} {outcome}" for outcome, number in each.outcomes.items()),
            ", ".join(f"{minor:,} {currency}" for currency, minor in each.stopped_minor.items()),
            _labels(each),
        )
    console.print(table)
    console.print("money: minor units of decisions that would have been step_up or stricter")


def _labels(each: RuleEffect) -> str:
    if each.precision is None:
        return "none"
    return f"{each.fraud:,} fraud, {each.legit:,} legit ({each.precision:.0%})"
