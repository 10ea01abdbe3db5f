"""How does a worker ask a model about a batch, and what when the model is slow, fails or is not there?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import msgspec

from models.serving.drift import Drift
from models.serving.model import Model
from models.serving.reasons import because
from streams.core.outcome import Outcome
from streams.core.policy import PolicySchedule
from streams.core.rules.program import outcome_of
from streams.core.score import Because, Score, ScoreUnavailable, Shadow
from streams.core.steps import Prepared
from streams.core.verdict import by_score
from streams.metrics import MODEL_DRIFT, MODEL_SKEW
from streams.ports import Metrics, Scorer

if TYPE_CHECKING:
    import onnxruntime

logger = logging.getLogger(__name__)

Answer = Score | ScoreUnavailable

RULES_ONLY: Final = "rules-only"


class Unscored:
    """The scorer of a deployment whose model cannot be asked, or that has none; the reason is on every decision."""

    model_id = RULES_ONLY

    def __init__(self, reason: str = "no_model") -> None:
        self.reason = reason
        self._answer = ScoreUnavailable(reason)

    def score(self, batch: Sequence[Prepared]) -> Sequence[Answer]:
        return [self._answer] * len(batch)


class ModelScorer:
    """One call per batch. With a deadline the call runs on a thread of its own and is given up when it takes longer.

    Without one (backtest) the same input always has the same scores, however slow the machine.
    """

    def __init__(
        self,
        model: Model,
        policies: PolicySchedule,
        deadline_s: float | None = None,
        *,
        explains: bool = True,
        metrics: Metrics | None = None,
    ) -> None:
        self.model_id = model.manifest.model_id
        self._model = model
        self._subjects = frozenset(model.manifest.subjects)
        self._policies = policies
        self._deadline_s = deadline_s
        self._explains = explains
        self._metrics = metrics
        self._drift = Drift(model.manifest)
        self._thread = None if deadline_s is None else ThreadPoolExecutor(1, thread_name_prefix="model")
        self._running: Future[list[float]] | None = None
        self._trouble = ""

    def score(self, batch: Sequence[Prepared]) -> Sequence[Answer]:
        model, subjects = self._model, self._subjects
        asked = [index for index, each in enumerate(batch) if each.subject in subjects and each.features is not None]
        answers: list[Answer] = [_NOT_ITS_SUBJECT] * len(batch)
        if not asked:
            return answers
        rows = [model.row(batch[index].features) for index in asked]  # type: ignore[arg-type]
        try:
            scores = model.score(rows) if self._thread is None else self._in_time(rows, self._thread)
        except TimeoutError:
            self._unwell("timeout", f"no answer within {self._deadline_s} s")
            for index in asked:
                answers[index] = _TIMEOUT
            return answers
        except Exception as error:
            self._unwell("failed", f"{type(error).__name__}: {error}")
            for index in asked:
                answers[index] = _FAILED
            return answers
        if self._trouble:
            logger.info("model %s answers again", self.model_id)
            self._trouble = ""
        if self._metrics is not None:
            told = self._drift.see(rows, scores)
            for metric, found in ((MODEL_DRIFT, told.psi), (MODEL_SKEW, told.skew)):
                for name, value in found.items():
                    self._metrics.set(metric, value, name)
        for index, value in zip(asked, scores, strict=True):
            answers[index] = Score(value, self.model_id, self._reasons(batch[index], value))
        return answers

    def _reasons(self, prepared: Prepared, score: float) -> tuple[Because, ...]:
        """Only of what will be looked at: the score or a rule that counts takes it above `allow`."""
        if not self._explains:
            return ()
        policy = self._policies.at(prepared.at_ms)
        heard = by_score(prepared.event, prepared.subject, score, policy)
        if heard is Outcome.ALLOW and outcome_of(prepared.hits) is Outcome.ALLOW:
            return ()
        assert prepared.features is not None
        try:
            return because(self._model, prepared.features, score)
        except Exception as error:  # the score stands; only its explanation is missing
            self._unwell("failed", f"its reasons could not be computed ({type(error).__name__}: {error})")
            return ()

    def _in_time(self, rows: list[tuple[float, ...]], thread: ThreadPoolExecutor) -> list[float]:
        import onnxruntime

        if self._running is not None and not self._running.done():
            raise TimeoutError  # the call that was given up still holds the thread; nothing queues behind it
        options: onnxruntime.RunOptions = onnxruntime.RunOptions()
        self._running = thread.submit(self._model.score, rows, options)
        try:
            return self._running.result(self._deadline_s)
        except TimeoutError:
            options.terminate = True
            raise

    def _unwell(self, reason: str, problem: str) -> None:
        """One line when it begins: the metric counts the rest."""
        if self._trouble != reason:
            logger.warning("model %s: %s; rules decide until it answers again", self.model_id, problem)
            self._trouble = reason


class Watched:
    """A champion with models that score the same events and are only published beside it.

    Each has a thread and a deadline of its own: one that is slow or fails has no answer, and the champion's stands.
    """

    def __init__(self, champion: Scorer[Prepared], shadows: Sequence[ModelScorer]) -> None:
        self.model_id = champion.model_id
        self._champion = champion
        self._shadows = tuple(shadows)

    def score(self, batch: Sequence[Prepared]) -> Sequence[Answer]:
        answers = list(self._champion.score(batch))
        for shadow in self._shadows:
            for index, other in enumerate(shadow.score(batch)):
                if type(other) is Score:
                    mine = answers[index]
                    seen = (*mine.shadows, Shadow(shadow.model_id, other.value))
                    answers[index] = msgspec.structs.replace(mine, shadows=seen)
        return answers


_NOT_ITS_SUBJECT = ScoreUnavailable("no_model")
_TIMEOUT = ScoreUnavailable("timeout")
_FAILED = ScoreUnavailable("failed")
