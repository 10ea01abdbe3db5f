"""Does comparing two backtests say what would change for people, and refuse what cannot be compared?"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.backtests import payments_file, run
from support.models import small_model

from producers.errors import BadInput

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
    assert (before["missed_minor"], after["missed_minor"]) == ({"EUR": 20_000}, {})
    assert after["stopped_minor"] == {"EUR": 20_000}
    assert (before["customers_stopped_wrongly"], after["customers_stopped_wrongly"]) == (0, 1)
    assert after["cases_opened"] > before["cases_opened"]
    assert after["analyst_minutes"] == 10 * after["cases_opened"]
    largest = found["examples"][0]
    assert (largest["subject_id"], largest["truth"], largest["after"]) == ("78", "fraud", "hold")
    assert "R01" in largest["why"]
    assert found["changed"] == 2


def test_only_the_same_input_is_compared(payments: Path, tmp_path: Path) -> None:
    run(payments, tmp_path / "all")
    with pytest.raises(BadInput, match="different input"):
        run(payments, tmp_path / "some", "--end", "2018-04-20", "--compare", str(tmp_path / "all"))
    with pytest.raises(BadInput, match="no finished backtest"):
        run(payments, tmp_path / "again", "--compare", str(tmp_path))
