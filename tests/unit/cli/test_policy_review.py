"""Does whoever approves a policy see what it changes, what it ends, and what a backtest said?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from support.backtests import payments_file, run

from streams.adapters.policy_file import load_policy, parse_published
from streams.cli.cluster import BadRequest
from streams.cli.policy_review import review, trial_of
from streams.contracts.policies import PolicyApproved, PolicyProposed, Trial
from streams.core.policy_history import PolicyHistory

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def proposal(name: str, text: str, trial: Trial | None = None) -> PolicyProposed:
    return PolicyProposed(
        occurred_at=NOW,
        proposal_id=f"pol_{name}",
        actor="mei",
        role="analyst",
        why="because",
        name=name,
        policy_hash="h",
        text=f'name = "{name}"\n{text}',
        trial=trial,
    )


def seen(wanted: PolicyProposed, *in_force: PolicyProposed, later: timedelta = timedelta(hours=1)) -> str:
    told = PolicyHistory(parse_published)
    for each in in_force:
        assert told.tell(each) is None
        soon = NOW + timedelta(minutes=1)
        approval = PolicyApproved(
            occurred_at=NOW,
            proposal_id=each.proposal_id,
            actor="jo",
            role="supervisor",
            why="fine",
            effective_at=soon,
        )
        assert told.tell(approval) is None
    console = Console(width=300, color_system=None)
    with console.capture() as captured:
        review(console, wanted, told, NOW + later)
    return captured.get()


def test_it_is_compared_with_what_is_in_force() -> None:
    old = proposal("old", 'mode = "enforce"\n[rules.velocity]\nin_5m = [2, 4, 6]\n')
    told = seen(proposal("new", 'mode = "enforce"\n[rules.velocity]\nin_5m = [3, 4, 6]\n'), old)
    assert "differs from old (pol_old), which is in force" in told
    assert "rules.velocity.in_5m" in told
    assert "[2, 4, 6]" in told
    assert "policy key mode" not in told


def test_the_end_of_enforcement_is_told() -> None:
    old = proposal("old", 'mode = "enforce"\n')
    assert "it ends enforcement" in seen(proposal("new", ""), old)
    assert "takes the place of the files that workers were started with" in seen(proposal("new", ""))
    assert "takes the place of the files" in seen(proposal("new", ""), old, later=timedelta(0))  # not in force yet
    assert "policy key mode" not in seen(proposal("new", 'mode = "enforce"\n'))
    assert "policy key mode" not in seen(proposal("new", ""), proposal("old", ""))


def test_a_date_in_the_file_is_no_plan() -> None:
    """It comes into force when it is approved, and not when its author thought."""
    dated = proposal("later", "effective_at = 2027-01-01T00:00:00Z\n")
    assert "effective_at: the file's date does not count" in seen(dated)
    assert "effective_at" not in seen(proposal("now", ""))


def test_what_a_backtest_said_is_shown_and_its_lack_too(tmp_path: Path) -> None:
    payments = payments_file(tmp_path, [f"{n},7,{n % 3},20.00,{n * 32_400},0,0" for n in range(40)])
    file = tmp_path / "p.toml"
    file.write_text(
        'name = "loud"\n[[rule]]\nname = "any"\nasks = "Is it anything?"\nevents = ["payment"]\n'
        'when = ["amount > 10"]\noutcomes = ["review"]\nreasons = ["R17"]\nmode = "inherit"\n'
    )
    wanted = load_policy(file)
    run(payments, tmp_path / "now")
    run(payments, tmp_path / "new", "--policy", str(file))
    trial = trial_of(tmp_path / "now", tmp_path / "new", wanted)
    assert trial.changed == trial.after["alerts"] - trial.before["alerts"] == 40
    told = seen(proposal("loud", "", trial))
    assert f"{trial.changed:,} movements get another outcome" in told
    assert "no backtest" not in told
    assert "no backtest says what it changes" in seen(proposal("loud", ""))
    with pytest.raises(BadRequest, match="was decided under policy"):
        trial_of(tmp_path / "new", tmp_path / "now", wanted)
