"""How is a policy put in force while workers run, by two people, and taken back by one?"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from aiokafka import TopicPartition
from rich.console import Console
from rich.table import Column, Table

from streams.adapters.clock import SystemClock
from streams.adapters.policy_file import load_policy, parse_published
from streams.cli.cluster import BadRequest, NotAsItShouldBe, ask, cluster_options, send, settings_of
from streams.cli.outputs import OutFile
from streams.cli.policy import policy
from streams.cli.policy_review import review, trial_of
from streams.cli.said_why import said_why
from streams.cli.terminal import say, say_json, terminal
from streams.contracts.base import from_ms, to_ms
from streams.contracts.policies import PolicyApproved, PolicyProposed, PolicyRolledBack
from streams.contracts.registry import POLICY_KEY, Refusal, decode, encode
from streams.contracts.topics import POLICIES, physical
from streams.core.ids import proposal_id as proposal_id_of
from streams.core.policy_history import AHEAD_MAX, APPROVERS, LEAD, PROPOSERS, PolicyHistory, Said
from streams.runtime.reading import scan
from streams.runtime.topics_admin import usable_partitions
from streams.settings import Settings

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
# More than the lead, so that a record that takes a moment to be written still counts.
SOON_S = int(LEAD.total_seconds()) + 15


def who(roles: frozenset[str]) -> Callable[[CommandT], CommandT]:
    """Options that say who does it and why; they are part of the record."""

    def decorate(command: CommandT) -> CommandT:
        for option in (
            said_why,
            click.option("--role", type=click.Choice(sorted(roles)), required=True, help="The role you act in."),
            click.option("--actor", required=True, help="Who you are."),
        ):
            command = option(command)
        return command

    return decorate


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_soon = click.option(
    "--in",
    "in_s",
    type=click.IntRange(SOON_S, int(AHEAD_MAX.total_seconds())),
    default=SOON_S,
    show_default=True,
    help="Seconds until it is in force.",
)


@policy.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@who(PROPOSERS)
@click.option("--before", type=_FOLDER, help="A backtest under the policy that is in force now.")
@click.option("--after", type=_FOLDER, help="A backtest of the same input under FILE: the approver sees both.")
@cluster_options
def publish(
    file: Path, actor: str, role: str, why: str, before: Path | None, after: Path | None, **cluster: Any
) -> None:
    """Propose a policy file to the running workers. Nothing changes until a second person approves it.

    With --before and --after the proposal carries what two backtests say would change for people.

    \b
    Examples:
      paywarden policy publish policy.toml --actor mei --role analyst --why "night vouchers, case 4711"
      paywarden policy publish policy.toml --before out/now --after out/new --actor mei --role analyst --why "..."
    """
    if (before is None) != (after is None):
        raise BadRequest("--before and --after go together: what changes is told by two backtests.")
    settings = settings_of(cluster)
    wanted = load_policy(file)
    text = file.read_text(encoding="utf-8")
    now = _now()
    record = PolicyProposed(
        occurred_at=now,
        proposal_id=proposal_id_of(text, actor, now.isoformat()),
        actor=actor,
        role=role,
        why=why,
        name=wanted.name,
        policy_hash=wanted.policy_hash,
        text=text,
        trial=None if before is None or after is None else trial_of(before, after, wanted),
    )
    told = _write(settings, record)
    say(f"{record.proposal_id} proposed: policy {wanted.name}, hash {wanted.policy_hash}")
    review(terminal(), record, told, now)
    say(f"somebody else looks at it and puts it in force: paywarden policy approve {record.proposal_id}")


@policy.command("show")
@click.argument("proposal_id")
@click.option("--text", "as_text", is_flag=True, help="The file as it was proposed, and nothing else.")
@cluster_options
def show_proposal(proposal_id: str, as_text: bool, **cluster: Any) -> None:
    """What a proposal changes against what is in force now, what is doubtful about it, and what its backtest said.

    \b
    Examples:
      paywarden policy show pol_...
      paywarden policy show pol_... --text > proposed.toml
    """
    settings = settings_of(cluster)
    told, _ = ask(settings, read_history(settings))
    proposal = _proposed(told, proposal_id)
    if as_text:
        say(proposal.text, nl=False)
    else:
        review(terminal(), proposal, told, _now())


def _proposed(told: PolicyHistory, proposal_id: str) -> PolicyProposed:
    if proposal_id not in told.proposals:
        raise BadRequest(f"{proposal_id} was never proposed; `paywarden policy history` lists what was.")
    return told.proposals[proposal_id]


@policy.command()
@click.argument("proposal_id")
@who(APPROVERS)
@_soon
@cluster_options
def approve(proposal_id: str, actor: str, role: str, why: str, in_s: int, **cluster: Any) -> None:
    """Put a proposal in force: events from then on are decided under it, in every partition.

    `policy show` tells what it changes, and so does this command when it is done: `policy rollback` takes it back. A
    proposal's id stands for its content, so nobody can change what you have seen.

    \b
    Examples:
      paywarden policy show pol_...
      paywarden policy approve pol_... --actor jo --role supervisor --why "backtest looks right"
    """
    now = _now()
    told = _write(
        settings_of(cluster),
        PolicyApproved(
            occurred_at=now,
            proposal_id=proposal_id,
            actor=actor,
            role=role,
            why=why,
            effective_at=now + timedelta(seconds=in_s),
        ),
    )
    review(terminal(), told.proposals[proposal_id], told, now)  # what is in force now is what it replaces
    say(f"{proposal_id} is in force for events from {(now + timedelta(seconds=in_s)).isoformat()} on")


@policy.command()
@who(APPROVERS)
@_soon
@cluster_options
def rollback(actor: str, role: str, why: str, in_s: int, **cluster: Any) -> None:
    """Take the newest policy back: what was in force before it is in force again. One person may do this.

    A policy that would come into force later than this roll-back is withdrawn: it never does.

    \b
    Example:
      paywarden policy rollback --actor jo --role supervisor --why "locks twice as many"
    """
    settings = settings_of(cluster)
    history = ask(settings, read_history(settings))[0]
    now = _now()
    effective_at = now + timedelta(seconds=in_s)
    newest = history.newest(effective_at)
    if not newest:
        raise BadRequest("No published policy is in force, so there is nothing to take back.")
    record = PolicyRolledBack(
        occurred_at=now, proposal_id=newest, actor=actor, role=role, why=why, effective_at=effective_at
    )
    told = _write(settings, record)
    if told.changes and told.changes[-1].effective_at == effective_at:
        say(f"{newest} is taken back for events from {effective_at.isoformat()} on")
    else:
        say(f"{newest} is withdrawn: it never comes into force")


@policy.command()
@click.option("--out", type=OutFile(), help="Write the records to a .jsonl file.")
@click.option("--json", "as_json", is_flag=True, help="Print the history as JSON.")
@cluster_options
def history(out: Path | None, as_json: bool, **cluster: Any) -> None:
    """What was in force when, what waits for approval, and what did not count.

    With --out the records become a file that `backtest`, `explain` and a worker take as a policy file: decisions of the
    past are then made under the policies of the past.

    \b
    Examples:
      paywarden policy history
      paywarden policy history --out policies.jsonl
      paywarden backtest FILE --format jsonl --policy policies.jsonl --out out/
    """
    settings = settings_of(cluster)
    told, records = ask(settings, read_history(settings))
    if out is not None:
        if out.suffix != ".jsonl":
            raise BadRequest(f"{out} must end in .jsonl: that is how a policy file is known to be a history.")
        out.write_bytes(b"".join(encode(record) + b"\n" for record in records))
        say(f"wrote {len(records)} records to {out}")
        return
    if as_json:
        say_json(json.dumps(_as_json(told)))
        return
    _show(terminal(), told)


async def read_history(settings: Settings) -> tuple[PolicyHistory, list[Said]]:
    """Everything that was published, and what it means. Raises NotAsItShouldBe without the topic."""
    options = settings.runtime()
    topic = physical(settings.names, POLICIES.name)
    count = (await usable_partitions(options, [topic])).get(topic, 0)
    if not count:
        raise NotAsItShouldBe(f"there is no topic {topic}; `paywarden topics create` makes it.")
    history, records = PolicyHistory(parse_published), []
    async with aclosing(scan(options, {TopicPartition(topic, number): 0 for number in range(count)})) as found:
        async for each in found:
            said = decode(POLICIES.name, each.value or b"")
            if not isinstance(said, Refusal):
                history.tell(said)
                records.append(said)
    return history, records


def _write(settings: Settings, record: Said) -> PolicyHistory:
    """Publish the record unless it would not count, and see that it does; returns the history with it."""
    history, _ = ask(settings, read_history(settings))
    if (why := history.tell(record)) is not None:
        raise BadRequest(f"{why}.")
    ask(settings, send(settings, POLICIES.name, record, POLICY_KEY, to_ms(record.occurred_at)))
    history, _ = ask(settings, read_history(settings))
    for refused, why in history.refused:
        if refused == record:
            raise BadRequest(f"somebody was faster: {why}.")
    return history


def soon() -> datetime:
    """When a change that is said now is in force, unless somebody asks for a later time."""
    return _now() + timedelta(seconds=SOON_S)


def _now() -> datetime:
    return from_ms(SystemClock().now_ms())


def _as_json(told: PolicyHistory) -> dict[str, Any]:
    changes = [
        {
            "effective_at": change.effective_at.isoformat(),
            "proposal_id": change.proposal_id or None,
            "policy": change.policy.policy_hash if change.policy else None,
            "name": change.policy.name if change.policy else None,
            "champion": (change.policy.model.champion or None) if change.policy else None,
            "actors": change.actor,
            "why": change.why,
        }
        for change in told.changes
    ]
    waiting = [msgspec.to_builtins(each) | {"text": None} for each in told.waiting()]
    refused = [{"proposal_id": record.proposal_id, "actor": record.actor, "why": why} for record, why in told.refused]
    withdrawn = [{"proposal_id": each.proposal_id or None, "actors": each.actor} for each in told.withdrawn]
    return {"changes": changes, "waiting": waiting, "withdrawn": withdrawn, "refused": refused}


def _show(console: Console, told: PolicyHistory) -> None:
    if not (told.changes or told.proposals):
        console.print("No policy was ever published; workers decide by the files that they were started with.")
        return
    names = ("in force from", "policy", "hash", "by", "why")
    table = Table(*(Column(name, overflow="fold") for name in names), title="changes")
    for change in told.changes:
        policy, name = change.policy, change.proposal_id
        table.add_row(
            change.effective_at.isoformat(timespec="seconds"),
            f"{policy.name} ({name})" if policy else "as the workers were started",
            policy.policy_hash if policy else "",
            change.actor,
            change.why,
        )
    console.print(table)
    for proposal in told.waiting():
        console.print(
            f"waits for approval: {proposal.proposal_id}, {proposal.name} by {proposal.actor}: {proposal.why}"
        )
    for each in told.withdrawn:
        what = f"the roll-back of {each.takes_back}" if each.takes_back else each.proposal_id
        console.print(f"withdrawn before it was in force: {what} by {each.actor}: {each.why}")
    for record, why in told.refused:
        console.print(f"does not count: {record.proposal_id} by {record.actor}: {why}")
