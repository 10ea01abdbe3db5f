"""What does an approver have to see of a proposal: what it changes, what is doubtful, what a backtest said?"""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from streams.adapters.policy_file import load_policy, parse_published
from streams.cli.backtest_compare import People, compare
from streams.cli.cluster import BadRequest
from streams.cli.policy import differences, doubts_about, show_doubts, show_policy
from streams.contracts.policies import PolicyProposed, Trial
from streams.core.policy import Policy
from streams.core.policy_doubts import Doubt
from streams.core.policy_history import PolicyHistory


class Base(NamedTuple):
    """What a proposal takes the place of, as far as the topic tells."""

    policy: Policy
    name: str
    published: bool


def in_force(told: PolicyHistory, at: datetime) -> Base:
    """The published policy in force at `at`, else the packaged default: nobody here knows the files of the workers."""
    for change in reversed(told.changes):
        if change.effective_at <= at:
            if change.policy is None:
                break
            return Base(change.policy, f"{change.policy.name} ({change.proposal_id}), which is in force", True)
    return Base(load_policy(None), "the packaged default", False)


def review(console: Console, proposal: PolicyProposed, told: PolicyHistory, now: datetime) -> None:
    """The proposal as its approver should read it."""
    base = in_force(told, now)
    wanted = parse_published(proposal.text, now)
    console.print(f"{proposal.proposal_id} by {proposal.actor} ({proposal.role}): {proposal.why}", markup=False)
    show_policy(console, wanted, differences(base.policy, wanted), base.name)
    if proposal.trial is not None:
        seen = f"a backtest of {proposal.trial.inputs_sha256[:12]}"
        console.print(f"{seen}: {proposal.trial.changed:,} movements get another outcome", markup=False)
        console.print(_of_trial(proposal.trial))
    found = [*doubts_about(wanted), *_about_the_date(proposal), *_about_the_change(base, wanted)]
    show_doubts(console, [*found, *_about_the_trial(proposal)])


def trial_of(before: Path, after: Path, wanted: Policy) -> Trial:
    """The comparison of two backtests. Raises BadInput or BadRequest: `after` was not decided under `wanted`."""
    found = compare(before, after, minutes_per_case=0)
    if found.after.policy != wanted.policy_hash:
        raise BadRequest(
            f"{after} was decided under policy {found.after.policy}, and the file is {wanted.policy_hash}: run "
            "`paywarden backtest` with --policy and this file."
        )
    return Trial(
        inputs_sha256=msgspec.json.decode((after / "summary.json").read_bytes())["inputs_sha256"],
        changed=found.changed,
        before=_counts(found.before),
        after=_counts(found.after),
    )


def _counts(people: People) -> dict[str, int]:
    return {name: value for name, value in msgspec.to_builtins(people).items() if type(value) is int}


def _of_trial(trial: Trial) -> Table:
    table = Table("for people", "before", "after")
    for name, value in trial.after.items():
        earlier = trial.before.get(name, 0)
        if earlier or value:
            table.add_row(name.replace("_", " "), f"{earlier:,}", f"{value:,}")
    return table


def _about_the_change(base: Base, wanted: Policy) -> list[Doubt]:
    if wanted.mode == "enforce" or (base.published and base.policy.mode == "observe"):
        return []
    if base.published:
        what = "it ends enforcement: nothing is locked, stopped or told any more"
    else:
        what = "it observes, and takes the place of the files that workers were started with, whatever their mode"
    return [Doubt("mode", what, 'write mode = "enforce" if that is not meant')]


def _about_the_date(proposal: PolicyProposed) -> list[Doubt]:
    if "effective_at" not in tomllib.loads(proposal.text):
        return []
    what = "the file's date does not count: a published policy is in force from the time of its approval on"
    return [Doubt("effective_at", what, "leave it out, and approve with --in if it shall begin later")]


def _about_the_trial(proposal: PolicyProposed) -> list[Doubt]:
    if proposal.trial is not None:
        return []
    remedy = "run `paywarden backtest` with both policies and publish with --before and --after"
    return [Doubt("trial", "no backtest says what it changes for people", remedy)]
