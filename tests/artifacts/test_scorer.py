"""What does a worker answer when its model is late, fails, or is not for this event, and is it ever its end?"""

from __future__ import annotations

import logging
import shutil
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.features import calm
from support.metrics import RecordingMetrics
from support.models import small_model

from models.artifact import ModelError
from models.serving.model import Model, load_model
from streams.adapters.champions import load_scorer, replay_scorer
from streams.adapters.model_scorer import ModelScorer, Watched
from streams.adapters.policy_file import default_text, load_schedule
from streams.contracts.base import from_ms
from streams.contracts.decisions import Hit
from streams.contracts.payments import PaymentRequested
from streams.core.policy import Policy, PolicySchedule, parse_policy
from streams.core.reasons import REASONS
from streams.core.score import Score, ScoreUnavailable
from streams.core.steps import Prepared
from streams.metrics import LABELS, MODEL_READY

AT_MS = 1_772_636_400_000
POLICIES = load_schedule()


def prepared(subject: str = "payment", **features: float) -> Prepared:
    event = PaymentRequested(
        event_id="e",
        source="s",
        occurred_at=from_ms(AT_MS),
        account_id="a",
        payment_id="p",
        amount_minor=5000,
        currency="EUR",
    )
    return Prepared(event, AT_MS, subject=subject, features=calm(**features))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture
def model(folder: Path) -> Model:
    return load_model(folder)


def test_every_event_has_its_own_answer_in_order(model: Model) -> None:
    batch = [prepared(amount_to_usual=ratio, amount=50 * ratio) for ratio in (0.5, 6.0, 0.7)]
    batch.insert(1, prepared("login"))
    low, other, high, lower = ModelScorer(model, POLICIES).score(batch)
    assert other == ScoreUnavailable("no_model"), "a payment model says nothing about a login"
    assert isinstance(low, Score)
    assert isinstance(high, Score)
    assert isinstance(lower, Score)
    assert low.model_id == model.manifest.model_id
    assert high.value > 0.8 > 0.2 > max(low.value, lower.value)


def test_a_deadline_changes_no_score(model: Model) -> None:
    batch = [prepared(amount_to_usual=ratio / 7) for ratio in range(40)]
    assert list(ModelScorer(model, POLICIES, 60).score(batch)) == list(ModelScorer(model, POLICIES).score(batch))


class Stuck:
    """A model that answers when it is let go."""

    def __init__(self, model: Model) -> None:
        self.manifest, self.row = model.manifest, model.row
        self._model = model
        self.let_go = threading.Event()

    def score(self, rows: list[tuple[float, ...]], options: Any = None) -> list[float]:
        assert self.let_go.wait(60)
        return self._model.score(rows)


def test_a_late_answer_is_given_up_and_nothing_queues_behind_it(model: Model, caplog: Any) -> None:
    stuck = Stuck(model)
    scorer = ModelScorer(stuck, POLICIES, 0.01)  # type: ignore[arg-type]
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert list(scorer.score([prepared(), prepared("login")])) == [
                ScoreUnavailable("timeout"),
                ScoreUnavailable("no_model"),
            ]
        stuck.let_go.set()
        assert scorer._running is not None
        scorer._running.result(60)
        scorer._deadline_s = 60
        (answer, _) = scorer.score([prepared(), prepared("login")])
    assert isinstance(answer, Score)
    assert [record.getMessage().split(": ")[-1] for record in caplog.records] == [
        "no answer within 0.01 s; rules decide until it answers again",
        f"model {model.manifest.model_id} answers again",
    ]


class Broken(Stuck):
    def score(self, rows: list[tuple[float, ...]], options: Any = None) -> list[float]:
        raise ValueError("the model answered with something that is no number")


@pytest.mark.parametrize("deadline_s", [None, 60.0])
def test_a_model_that_fails_is_an_answer(model: Model, deadline_s: float | None, caplog: Any) -> None:
    scorer = ModelScorer(Broken(model), POLICIES, deadline_s)  # type: ignore[arg-type]
    for _ in range(2):
        assert list(scorer.score([prepared()])) == [ScoreUnavailable("failed")]
    assert len(caplog.records) == 1
    assert "no number" in caplog.text


@pytest.mark.logs_errors
@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [("manifest.json", None, "missing"), ("manifest.json", "{}", "corrupt"), ("model.onnx", "x", "corrupt")],
)
def test_a_folder_that_cannot_be_used_means_rules_only(
    tmp_path: Path, name: str, content: str | None, reason: str, caplog: Any
) -> None:
    folder = small_model(tmp_path)
    (folder / name).unlink() if content is None else (folder / name).write_text(content)
    metrics = RecordingMetrics()
    scorer = load_scorer(folder, POLICIES, 0.25, metrics)
    assert list(scorer.score([prepared()])) == [ScoreUnavailable(reason)]
    assert scorer.model_id == "rules-only"
    assert metrics.gauges[MODEL_READY, ()] == 0.0
    assert LABELS["cause"].admits(reason)
    (line,) = caplog.records
    assert line.levelno == logging.ERROR
    assert str(folder) in line.getMessage()


def test_a_good_folder_is_announced(folder: Path) -> None:
    metrics = RecordingMetrics()
    assert load_scorer(folder, POLICIES, 0.25, metrics).model_id == folder.name
    assert metrics.gauges[MODEL_READY, ()] == 1.0
    assert load_scorer(None, POLICIES, 0.25, metrics).model_id == "rules-only"


def test_only_what_somebody_will_look_at_has_reasons(model: Model) -> None:
    high, low = ModelScorer(model, POLICIES).score(
        [prepared(amount_to_usual=6.0, amount=300.0), prepared(amount_to_usual=0.5, amount=25.0)]
    )
    assert isinstance(high, Score)
    assert isinstance(low, Score)
    assert low.reasons == ()
    first = high.reasons[0]
    assert (first.code, first.direction, first.observed, first.usual) == ("R01", "raises", 300.0, 50.0)
    assert all(each.code in REASONS for each in high.reasons)


def test_reasons_are_the_same_again_and_in_any_company(model: Model) -> None:
    event = prepared(amount_to_usual=6.0, amount=300.0, merchant_new=1.0)
    (alone,) = ModelScorer(model, POLICIES).score([event])
    crowd = ModelScorer(model, POLICIES, 60).score([prepared(amount_to_usual=n / 3) for n in range(30)] + [event])
    assert crowd[-1] == alone


def test_a_rule_that_counts_is_reason_to_explain(model: Model) -> None:
    hit = Hit(rule="x/01", outcome="review", reasons=("R04",))
    quiet = prepared(amount_to_usual=1.9, amount=95.0)
    heard, shadowed = ModelScorer(model, POLICIES).score(
        [
            msgspec.structs.replace(quiet, hits=(hit,)),
            msgspec.structs.replace(quiet, hits=(msgspec.structs.replace(hit, shadow=True),)),
        ]
    )
    assert isinstance(heard, Score)
    assert isinstance(shadowed, Score)
    assert heard.value < 0.5, "this is about a score that alone would not be looked at"
    assert heard.reasons
    assert shadowed.reasons == ()


def of_the_day(day: int) -> Prepared:
    return msgspec.structs.replace(prepared(amount_to_usual=6.0), at_ms=AT_MS + day * 86_400_000)


def naming(champion: str, day: int) -> Policy:
    return parse_policy(
        default_text(), f'[model]\nchampion = "{champion}"\n', effective_at=from_ms(AT_MS + day * 86_400_000)
    )


@pytest.mark.logs_errors
def test_the_policy_of_an_events_time_says_which_model_decides(tmp_path: Path, folder: Path) -> None:
    """Also one that is published while the worker runs, and in a batch that spans the change."""
    one, two = small_model(tmp_path, name="one"), small_model(tmp_path, name="two", seed=3)
    policies = PolicySchedule.of((parse_policy(default_text()), naming(one.name, 2)))
    metrics = RecordingMetrics()
    scorer = load_scorer(folder, policies, 60, metrics, home=tmp_path)
    days = [of_the_day(day) for day in (3, 1, 5, 0)]
    assert [answer.model_id for answer in scorer.score(days)] == [one.name, folder.name, one.name, folder.name]
    policies.become(PolicySchedule.of((*policies.policies, naming(two.name, 4), naming("nowhere-1", 8))))
    assert [answer.model_id for answer in scorer.score(days)] == [one.name, folder.name, two.name, folder.name]
    assert list(scorer.score([of_the_day(9)])) == [ScoreUnavailable("missing")]
    assert metrics.gauges[MODEL_READY, ()] == 0.0
    policies.become(PolicySchedule.of(policies.policies[:2]))
    scorer.score(days)
    assert metrics.gauges[MODEL_READY, ()] == 1.0, "the policy that named it was taken back"
    policies.become(PolicySchedule.of((*policies.policies, naming("nowhere-1", 8))))
    with pytest.raises(ModelError, match="nowhere-1"):
        replay_scorer(folder, policies, home=tmp_path)


class Together(Stuck):
    """A model that answers only while all the others are asked as well."""

    def __init__(self, model: Model, barrier: threading.Barrier) -> None:
        super().__init__(model)
        self._barrier = barrier

    def score(self, rows: list[tuple[float, ...]], options: Any = None) -> list[float]:
        self._barrier.wait(20)
        return self._model.score(rows)


def test_a_shadow_changes_nothing_of_the_champions_answer(tmp_path: Path, model: Model) -> None:
    """Whichever of two that disagree decides, the answer is its own, with the other's score beside it."""
    other = load_model(small_model(tmp_path, name="other", places=True))
    batch = [
        prepared(amount_to_usual=times, amount=50 * times, place_rate_30d=rate)
        for times, rate in ((0.5, 0.0), (0.5, 0.3), (6.0, 0.0), (6.0, 0.3))
    ]
    apart: set[bool] = set()
    for champion, shadow in ((model, other), (other, model)):
        alone = list(ModelScorer(champion, POLICIES).score(batch))
        watched = Watched(ModelScorer(champion, POLICIES), [ModelScorer(shadow, POLICIES, explains=False)])
        answers = list(watched.score(batch))
        assert [msgspec.structs.replace(each, shadows=()) for each in answers] == alone
        for answer in answers:
            assert isinstance(answer, Score)
            (seen,) = answer.shadows
            assert seen.model_id == shadow.manifest.model_id
            if abs(seen.value - answer.value) > 0.1:
                apart.add(seen.value > answer.value)
    assert apart == {True, False}, "they disagree in both directions, so there was something to leak"


def test_shadows_are_asked_together_with_the_champion(model: Model) -> None:
    """One after the other, each would cost a deadline of its own."""
    barrier = threading.Barrier(4)
    champion, *shadows = [ModelScorer(Together(model, barrier), POLICIES, 60) for _ in range(4)]  # type: ignore[arg-type]
    (answer,) = Watched(champion, shadows).score([prepared()])
    assert isinstance(answer, Score)
    assert len(answer.shadows) == 3


def test_shadows_that_are_stuck_have_no_answer_and_the_champions_stands(model: Model) -> None:
    stuck = [Stuck(model) for _ in range(3)]
    shadows = [ModelScorer(each, POLICIES, 0.01) for each in stuck]  # type: ignore[arg-type]
    watched = Watched(ModelScorer(model, POLICIES, 60), shadows)
    assert list(watched.score([prepared()])) == list(ModelScorer(model, POLICIES).score([prepared()]))
    for each in stuck:
        each.let_go.set()


@pytest.mark.logs_errors
def test_ready_is_about_the_models_that_decide_now_or_later(tmp_path: Path) -> None:
    """A configured folder that is gone is no alarm where the policy's champion has taken over."""
    good, metrics = small_model(tmp_path), RecordingMetrics()
    policies = PolicySchedule.of((parse_policy(default_text()), naming(good.name, 2)))
    scorer = load_scorer(tmp_path / "gone", policies, 60, metrics, home=tmp_path)
    assert metrics.gauges[MODEL_READY, ()] == 1.0, "before any event nothing says that the old policy still counts"
    assert list(scorer.score([of_the_day(1)])) == [ScoreUnavailable("missing")]
    assert metrics.gauges[MODEL_READY, ()] == 0.0, "it does"
    scorer.score([of_the_day(3)])
    assert metrics.gauges[MODEL_READY, ()] == 1.0
    scorer.score([of_the_day(1)])
    assert metrics.gauges[MODEL_READY, ()] == 1.0, "one event is late"


@pytest.mark.logs_errors
def test_another_model_in_the_approved_ones_folder_does_not_decide(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """It is whole and sealed, only not what the policy names; and a folder where the worker runs is not looked at."""
    approved, other = small_model(tmp_path / "trained", name="one"), small_model(tmp_path / "trained", name="two")
    home = tmp_path / "models"
    shutil.copytree(other, home / approved.name)
    shutil.copytree(approved, tmp_path / "here" / approved.name)
    monkeypatch.chdir(tmp_path / "here")
    policies = PolicySchedule.of((naming(approved.name, 0),))
    scorer = load_scorer(None, policies, 60, RecordingMetrics(), home=home)
    assert list(scorer.score([of_the_day(1)])) == [ScoreUnavailable("corrupt")]
    assert f"it holds another model, {other.name}" in caplog.text
    assert list(load_scorer(None, policies, 60, RecordingMetrics()).score([of_the_day(1)])) == [
        ScoreUnavailable("missing")
    ]
