"""Does the gate count as alerts what the policy makes of scores and amounts, also where it decides by cost?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from support.models import history, small_model

from models.artifact import read_artifact, write_artifact
from models.serving.model import Model, load_model
from models.training.fit import NotEnough, Plan
from models.training.gate import Comparison, compared
from models.training.history import load_history
from streams.adapters.policy_file import load_policy
from streams.cli.features import END_OF_TIME_MS

Gate = Callable[..., Comparison]
# Thresholds that no score reaches: whatever is an alert is one because of the costs.
BY_COST = """
[model]
decides = "cost"
[model.payment]
notify = 0.99991
step_up = 0.99992
review = 0.99993
hold = 0.99994
block = 0.99995
[model.costs]
review_loss_minor = { EUR = 1000 }
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    """One that never alarms anybody, and one that tells frauds and lets analysts look at them."""
    folder = tmp_path_factory.mktemp("models")
    good = read_artifact(small_model(folder, name="good"))
    calm = msgspec.structs.replace(good.manifest, name="calm", calibration=((0.0, 0.00001), (1.0, 0.00001)))
    wary = msgspec.structs.replace(good.manifest, name="wary", calibration=((0.0, 0.0), (1.0, 0.2)))
    made = (write_artifact(folder, each, good.onnx, good.parity, "") for each in (calm, wary))
    first, second = map(load_model, made)
    return first, second


@pytest.fixture
def gate(models: tuple[Model, Model], tmp_path: Path) -> Gate:
    told = load_history(Path(history(tmp_path)))
    plan = Plan(END_OF_TIME_MS, weeks=2)

    def ask(currency: str | None, review_loss_minor: int = 1000) -> Comparison:
        file = tmp_path / "policy.toml"
        file.write_text(BY_COST.replace("1000", str(review_loss_minor)))
        return compared(*models, told, plan, load_policy(file).model, currency)

    return ask


def test_a_better_model_that_gives_analysts_more_work_by_cost_stays_where_it_is(gate: Gate) -> None:
    found = gate("EUR")
    assert found.candidate.measured.average_precision > found.champion.measured.average_precision
    assert found.champion.alert_share == 0.0
    assert found.candidate.alert_share > 0.0
    (problem,) = found.problems
    assert problem.startswith(f"alerts about {found.candidate.alert_share:.3%} of payments")


def test_what_is_too_small_for_an_analyst_is_no_alert(gate: Gate) -> None:
    assert gate("EUR", 1_000_000).problems == (), "then the better model passes"
    assert gate("EUR", 1_000_000).candidate.alert_share == 0.0


def test_amounts_are_in_the_units_of_their_currency(gate: Gate) -> None:
    """The same number of yen is worth less than a hundredth of as many euros."""
    assert gate("JPY").candidate.alert_share < gate("EUR").candidate.alert_share


def test_without_a_rate_thresholds_decide_and_without_a_currency_nobody(gate: Gate) -> None:
    assert gate("XXX").candidate.alert_share == 0.0
    with pytest.raises(NotEnough, match="--currency"):
        gate(None)
