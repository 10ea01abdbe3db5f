"""Does comparing two backtests say what would change for people, and refuse what cannot be compared?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.backtests import payments_file, run
from support.models import small_model

from producers.errors import BadInput
from streams.cli.backtest import backtest
from streams.cli.backtest_compare import compare
from streams.contracts.decisions import DecisionMade
from streams.contracts.registry import encode

DAY_S = 86_400
STRICT = 'mode = "enforce"\nmax_effect_age_s = 604800\n[model.payment]\nstep_up = 0.4\nreview = 0.5\nhold = 0.6\n'


@pytest.fixture
def payments(tmp_path: Path) -> Path:
    """Customer 7 has a habit of 20 and is robbed of 200 once; customer 8 treats himself once, honestly."""
    rows = []
    for day in range(40):
        rows.append((day * DAY_S + 36_000, 7, 200.0 if day == 39 else 20.0, int(day == 39)))
        rows.append((day * DAY_S + 40_000, 8, 180.0 if day == 38 else 18.0, 0))
    lines = [f"{n},{who},{n % 3},{amount:.2f},{at},{bad},{bad}" for n, (at, who, amount, bad) in enumerate(rows)]
    return payments_file(tmp_path, lines)


def test_what_a_stricter_policy_does_to_people(payments: Path, tmp_path: Path) -> None:
    model = small_model(tmp_path / "models")
    strict = tmp_path / "strict.toml"
    strict.write_text(STRICT + "[rules.amount_habit]\nenabled = false\n[rules.spending_spike]\nenabled = false\n")
    lax = tmp_path / "lax.toml"
    lax.write_text(strict.read_text().replace("0.4", "0.97").replace("0.5", "0.98").replace("0.6", "0.99"))
    run(payments, tmp_path / "lax", "--model", str(model), "--policy", str(lax))
    found = run(
        payments, tmp_path / "new", "--model", str(model), "--policy", str(strict), "--compare", str(tmp_path / "lax")
    )["compared"]
    assert isinstance(found, dict)
    before, after = found["before"], found["after"]
    assert (before["frauds_stopped"], after["frauds_stopped"]) == (0, 1)
    assert (before["frauds_challenged"], after["frauds_challenged"]) == (1, 0)
    assert (before["challenged_minor"], after["challenged_minor"]) == ({"EUR": 20_000}, {})
    assert before["frauds_missed"] == after["frauds_missed"] == 0, "who is challenged is not missed"
    assert after["stopped_minor"] == {"EUR": 20_000}
    assert (before["customers_stopped_wrongly"], after["customers_stopped_wrongly"]) == (0, 1)
    assert after["cases_opened"] > before["cases_opened"]
    assert after["analyst_minutes"] == 10 * after["cases_opened"]
    largest = found["examples"][0]
    assert (largest["subject_id"], largest["truth"], largest["after"]) == ("78", "fraud", "hold")
    assert "R01" in largest["why"]
    assert found["changed"] == 2


@pytest.mark.parametrize(("outcome", "did"), [("step_up", "challenged"), ("notify", "notified")])
def test_honest_people_who_are_challenged_or_told_are_counted_and_shown(
    outcome: str, did: str, payments: Path, tmp_path: Path
) -> None:
    """Nothing is stopped before or after; what changes is what an honest payment of 180 goes through."""
    model = small_model(tmp_path / "models")
    quiet = 'mode = "enforce"\n[rules.amount_habit]\nenabled = false\n[rules.spending_spike]\nenabled = false\n'
    for name, score in (("lax", 0.99), ("new", 0.1)):
        step_up = score if outcome == "step_up" else 1.0
        levels = f"notify = {score}\nstep_up = {step_up}\nreview = 1.0\nhold = 1.0\nblock = 1.0\n"
        (tmp_path / f"{name}.toml").write_text(f"{quiet}[model.payment]\n{levels}")
    given = ("--model", str(model), "--policy")
    run(payments, tmp_path / "lax", *given, str(tmp_path / "lax.toml"))
    more = (*given, str(tmp_path / "new.toml"), "--compare", str(tmp_path / "lax"))
    found = run(payments, tmp_path / "new", *more)["compared"]
    assert isinstance(found, dict)
    before, after = found["before"], found["after"]
    assert (before[f"honest_{did}"], before[f"customers_{did}_wrongly"], before[did]) == (0, 0, 0)
    assert after[f"honest_{did}"] >= 1
    assert 1 <= after[f"customers_{did}_wrongly"] <= 2
    assert after[did] == after[f"honest_{did}"] + after[f"frauds_{did}"]
    assert (before["frauds_missed"], after["frauds_missed"], after[f"frauds_{did}"]) == (1, 0, 1)
    assert after["frauds_stopped"] == 0, "a challenge may be passed"
    assert {each["truth"] for each in found["examples"]} == {"fraud", "legit"}
    result = CliRunner().invoke(
        backtest,
        [str(payments), "--format", "fdh", "--partitions", "2", "--out", str(tmp_path / "new"), *more],
        catch_exceptions=False,
    )
    assert {"challenged": "honest payments challenged", "notified": "honest payments with a notice"}[
        did
    ] in result.output


def test_the_largest_frauds_leave_room_for_the_honest_among_the_examples(tmp_path: Path) -> None:
    """Twenty frauds of 900 and one honest payment of 3 that is stopped from now on."""
    for name, outcome in (("old", "allow"), ("new", "hold")):
        folder = tmp_path / name
        folder.mkdir()
        decisions = [decided(f"f{n}", 90_000, outcome) for n in range(20)] + [decided("honest", 300, outcome)]
        (folder / "decisions.jsonl").write_bytes(b"\n".join(decisions) + b"\n")
        for empty in ("cases.jsonl", "actions.jsonl"):
            (folder / empty).touch()
        (folder / "labels.csv").write_text(
            "subject_id,verdict\nhonest,legit\n" + "".join(f"f{n},fraud\n" for n in range(20))
        )
        summary = {"records": 21, "from": "a", "to": "b", "inputs_sha256": "c", "model": "m", "policy": ["p"]}
        (folder / "summary.json").write_text(json.dumps(summary))
    found = compare(tmp_path / "old", tmp_path / "new", 10.0)
    assert len(found.examples) == 10
    assert found.examples[-1].subject_id == "honest"


def decided(payment: str, amount_minor: int, outcome: str) -> bytes:
    return encode(
        DecisionMade(
            decision_id=f"d-{payment}",
            event_id=payment,
            account_id="a",
            subject="payment",
            subject_id=payment,
            occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
            outcome=outcome,  # type: ignore[arg-type]
            policy="p",
            feature_set="f",
            amount_minor=amount_minor,
            currency="EUR",
        )
    )


def test_only_the_same_input_is_compared(payments: Path, tmp_path: Path) -> None:
    run(payments, tmp_path / "all")
    more = payments.read_text().replace("200.00", "600.00")
    (tmp_path / "dearer").mkdir()
    dearer = payments_file(tmp_path / "dearer", more.splitlines()[1:])
    with pytest.raises(BadInput, match=r"different input \(content\)"):
        run(dearer, tmp_path / "dearer-out", "--compare", str(tmp_path / "all"))
    with pytest.raises(BadInput, match="different input"):
        run(payments, tmp_path / "some", "--end", "2018-04-20", "--compare", str(tmp_path / "all"))
    with pytest.raises(BadInput, match="no finished backtest"):
        run(payments, tmp_path / "again", "--compare", str(tmp_path))
