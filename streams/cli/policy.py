"""What would this policy file change, and is it fit to be used?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.artifact import folder_of_id
from streams.adapters.clock import SystemClock
from streams.adapters.policy_file import load_policy
from streams.cli.terminal import say_json, terminal
from streams.core.policy import Policy
from streams.core.policy_doubts import Doubt, doubts
from streams.settings import load_settings

# Arrays of tables, which are shown as tables of their own; and what differs in every file.
_TABLES = frozenset({"rule", "list", "snooze", "effective_at", "policy_hash"})


@click.group()
def policy() -> None:
    """Policy files: thresholds, declared rules, lists and snoozes; and how they come into force.

    \b
    Examples:
      paywarden policy check policy.toml
      paywarden policy publish policy.toml --actor mei --role analyst --why "night vouchers"
      paywarden policy history
      paywarden policy check policy.toml --against policy-of-last-week.toml
      paywarden backtest FILE --format jsonl --policy policy.toml --out out/    # what it would have decided
    """


@policy.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    show_default="the packaged default",
    help="Another policy file to compare with.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def check(file: Path, against: Path | None, as_json: bool) -> None:
    """Read a policy file as a worker would, and say what it changes; exit 78 with one sentence if it is refused.

    What is allowed and probably a mistake is told as a doubt: snoozes and list entries that have ended, conditions
    that always hold, networks that are half the internet, a champion that is not among the models here.

    \b
    Example:
      paywarden policy check policy.toml
    """
    wanted, present = load_policy(file), load_policy(against)
    changes = differences(present, wanted)
    found = doubts_about(wanted)
    if as_json:
        say_json(
            json.dumps(
                {
                    "name": wanted.name,
                    "hash": wanted.policy_hash,
                    "effective_at": wanted.effective_at.isoformat(),
                    "mode": wanted.mode,
                    "changes": [{"key": key, "from": old, "to": new} for key, old, new in changes],
                    "rules": [each.name for each in wanted.declared],
                    "lists": {each.name: len(each.entries) for each in wanted.lists},
                    "snoozes": len(wanted.snoozes),
                    "doubts": [doubt._asdict() for doubt in found],
                }
            )
        )
        return
    show_policy(terminal(), wanted, changes, str(against) if against else "the packaged default")
    show_doubts(terminal(), found)


def doubts_about(wanted: Policy) -> list[Doubt]:
    """What to look at again before it is published; the champion is looked for where a worker here would."""
    found = list(doubts(wanted, SystemClock().now_ms()))
    champion = wanted.model.champion
    if champion and not folder_of_id(champion, load_settings().models_dir).is_dir():
        found.append(
            Doubt(
                "model.champion",
                f"no model {champion} is among those here, and where there is none rules decide alone",
                "correct it, or see that every worker's PAYWARDEN_MODELS_DIR has it (`paywarden models list`)",
            )
        )
    return found


def show_doubts(console: Console, found: list[Doubt]) -> None:
    """A line each, after what the reader asked for."""
    for doubt in found:
        console.print(Text(f"doubt: {doubt}", style="yellow"))


def differences(present: Policy, wanted: Policy) -> list[tuple[str, Any, Any]]:
    """(key, value in `present`, value in `wanted`) of every key outside rule, list and snooze tables that differs."""
    old, new = _flat(msgspec.to_builtins(present)), _flat(msgspec.to_builtins(wanted))
    return [(key, old.get(key), new.get(key)) for key in sorted(old | new) if old.get(key) != new.get(key)]


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for name, value in table.items():
        if not prefix and name in _TABLES:
            continue
        if isinstance(value, dict):
            keys |= _flat(value, f"{prefix}{name}.")
        else:
            keys[f"{prefix}{name}"] = value
    return keys


def show_policy(console: Console, wanted: Policy, changes: list[tuple[str, Any, Any]], base: str) -> None:
    """What the policy is, what it changes, and whatever it holds beyond keys."""
    console.print(
        Text.assemble(
            (wanted.name, "bold"),
            f"  hash {wanted.policy_hash}  mode {wanted.mode}  in force from event time "
            f"{wanted.effective_at.isoformat()}",
        )
    )
    if changes:
        table = Table("key", "from", "to", title=f"differs from {base}", title_justify="left")
        for key, old, new in changes:
            table.add_row(key, _shown(old), _shown(new))
        _print(console, table)
    else:
        console.print(f"No key differs from {base}.")
    if wanted.declared:
        table = Table("rule", "asked about", "mode", "fires when", "outcome", title="declared rules")
        for declared in wanted.declared:
            for band, (text, outcome) in enumerate(zip(declared.when, declared.outcomes, strict=True), start=1):
                events = ", ".join(declared.events)
                table.add_row(f"{declared.name}/{band:02d}", events, declared.mode, text, outcome)
        _print(console, table)
    if wanted.lists:
        table = Table("list", "field", "outcome", "mode", "entries", "first to expire", title="lists")
        for each in wanted.lists:
            dates = sorted(entry.until for entry in each.entries if entry.until is not None)
            first = dates[0].isoformat() if dates else "none"
            table.add_row(each.name, each.field, each.outcome, each.mode, str(len(each.entries)), first)
        _print(console, table)
    if wanted.snoozes:
        table = Table("rule", "for", "until", "why", title="snoozes")
        for snooze in wanted.snoozes:
            table.add_row(snooze.rule, f"{snooze.field} {snooze.value}", snooze.until.isoformat(), snooze.why)
        _print(console, table)


def _print(console: Console, table: Table) -> None:
    """Nothing is cut off: a condition that cannot be read to its end cannot be checked."""
    for column in table.columns:
        column.overflow = "fold"
    console.print(table)


def _shown(value: Any) -> str:
    return "absent" if value is None else json.dumps(value)
