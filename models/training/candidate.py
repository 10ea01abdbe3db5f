"""Is there a better model in what has been learnt since the champion was made?

The candidate is trained on what was known when the last mature weeks began, so that these weeks can judge it and the
champion alike. Only what passes the gate is put beside the other models; nothing here makes it decide.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from models.artifact import CARD_FILE
from models.serving.model import Model, load_model
from models.standing import GATE_FILE, Gate, Judged
from models.training.fit import Plan, folds_of, treated
from models.training.gate import Comparison, Side, compared
from models.training.history import History
from models.training.make import make
from streams.core.policy import ModelPolicy


def propose(
    home: Path,
    history: History,
    champion: Model,
    plan: Plan,
    *,
    holdout_weeks: int,
    families: Sequence[str],
    data: str,
    policy: ModelPolicy,
    currency: str | None,
    told: Callable[[str], None],
) -> tuple[Comparison, Path | None]:
    """Trains, compares, and moves what passes into `home`; returns the comparison and where it is now, if anywhere.

    The name, what is scored and what the gate counts as alerts are those of the champion and the policy. Raises
    NotEnough, NotAlike, ModelError.
    """
    history = history.until(plan.until_ms)
    judging = replace(plan, weeks=holdout_weeks, unlabelled=treated(history, plan))
    learning = replace(judging, until_ms=folds_of(history, judging)[0].starts_ms, weeks=plan.weeks)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".candidate-", dir=home) as workshop:
        made = make(
            Path(workshop),
            history,
            learning,
            name=champion.manifest.name,
            families=families,
            subjects=champion.manifest.subjects,
            data=data,
            policy=policy,
            currency=currency,
            told=told,
        )
        candidate = load_model(made)
        found = compared(champion, candidate, history, judging, policy, currency)
        if found.problems:
            return found, None
        gate = Gate(
            since=found.since,
            until=found.until,
            payments=found.payments,
            frauds=found.frauds,
            champion=_judged(found.champion, champion),
            candidate=_judged(found.candidate, candidate),
        )
        (made / GATE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(gate), indent=2) + b"\n")
        with (made / CARD_FILE).open("a", encoding="utf-8") as card:
            card.write(_page(gate))
        there = home / made.name
        if there.exists():  # the same history makes the same model; only its gate is new
            shutil.rmtree(there)
        os.replace(made, there)
    return found, there


def _judged(side: Side, model: Model) -> Judged:
    return Judged(
        model=side.model_id,
        average_precision=round(side.measured.average_precision, 4),
        card_precision_100=round(side.measured.card_precision, 4),
        brier=round(side.measured.brier, 6),
        alert_share=round(side.alert_share, 6),
        parity_difference=model.manifest.parity_difference,
    )


def _page(gate: Gate) -> str:
    lines = [
        "",
        "## Against the champion",
        "",
        f"{gate.payments:,} payments with {gate.frauds:,} frauds, {gate.since:%Y-%m-%d} to {gate.until:%Y-%m-%d}, that",
        "neither was trained on:",
        "",
        "| | model | AP | CP@100 | Brier | alerts | parity |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {side.model} | {side.average_precision:.3f} | {side.card_precision_100:.3f} | {side.brier:.5f} "
        f"| {side.alert_share:.3%} | {side.parity_difference:.0e} |"
        for name, side in (("champion", gate.champion), ("candidate", gate.candidate))
    ]
    return "\n".join(lines) + "\n"
