"""How does a worker ask a model about a batch, and what when the model is slow, fails or is not there?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

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
Call = Callable[[], Sequence[Answer]]  # what was begun; fetches the answers, at the latest when the deadline is over

RULES_ONLY: Final = "rules-only"


class Asked(Scorer[Prepared], Protocol):
    """A scorer whose work can begin before its answers are needed."""

    def ask(self, batch: Sequence[Prepared]) -> Call:
        """Begins to score the batch; `score` is `ask(batch)()`."""


class Unscored:
    """The scorer of a deployment whose model cannot be asked, or that has none; the reason is on every decision."""

    model_id = RULES_ONLY

    def __init__(self, reason: str = "no_model") -> None:
        self.reason = reason
        self._answer = ScoreUnavailable(reason)

    def score(self, batch: Sequence[Prepared]) -> Sequence[Answer]:
        return [self._answer] * len(batch)

    def ask(self, batch: Sequence[Prepared]) -> Call:
        """There is nothing to begin."""
        return partial(self.score, batch)


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
        return self.ask(batch)()

    def ask(self, batch: Sequence[Prepared]) -> Call:
        """Begins; the deadline runs from here. Without one all of the work is done when the answers are fetched."""
        model, subjects = self._model, self._subjects
        asked = [index for index, each in enumerate(batch) if each.subject in subjects and each.features is not None]
        if not asked:
            return lambda: [_NOT_ITS_SUBJECT] * len(batch)
        rows = [model.row(batch[index].features) for index in asked]  # type: ignore[arg-type]
        begun = partial(model.score, rows) if self._thread is None else self._begun(rows, self._thread)
        return partial(self._answers, batch, asked, rows, begun)

    def _answers(
        self,
        batch: Sequence[Prepared],
        asked: list[int],
        rows: list[tuple[float, ...]],
        scores_of: Callable[[], list[float]],
    ) -> Sequence[Answer]:
        answers: list[Answer] = [_NOT_ITS_SUBJECT] * len(batch)
        try:
            scores = scores_of()
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

    def _begun(self, rows: list[tuple[float, ...]], thread: ThreadPoolExecutor) -> Callable[[], list[float]]:
        import onnxruntime

        if self._running is not None and not self._running.done():
            return _still_busy  # the call that was given up still holds the thread; nothing queues behind it
        assert self._deadline_s is not None
        ends_s = monotonic() + self._deadline_s
        options: onnxruntime.RunOptions = onnxruntime.RunOptions()
        running = self._running = thread.submit(self._model.score, rows, options)

        def in_time() -> list[float]:
            try:
                return running.result(max(0.0, ends_s - monotonic()))
            except TimeoutError:
                options.terminate = True
                raise

        return in_time

    def _unwell(self, reason: str, problem: str) -> None:
        """One line when it begins: the metric counts the rest."""
        if self._trouble != reason:
            logger.warning("model %s: %s; rules decide until it answers again", self.model_id, problem)
            self._trouble = reason


def _still_busy() -> list[float]:
    raise TimeoutError


class Watched:
    """A champion with models that score the same events and are only published beside it.

    All are asked at once, each on a thread of its own, the champion first, and share one deadline: a batch takes no
    longer with many shadows than with one. One that is slow or fails has no answer, and the champion's stands.
    """

    def __init__(self, champion: Asked, shadows: Sequence[ModelScorer]) -> None:
        self.model_id = champion.model_id
        self._champion = champion
        self._shadows = tuple(shadows)

    def score(self, batch: Sequence[Prepared]) -> Sequence[Answer]:
        decided, *watched = [each.ask(batch) for each in (self._champion, *self._shadows)]
        answers = list(decided())
        for shadow, call in zip(self._shadows, watched, strict=True):
            for index, other in enumerate(call()):
                if type(other) is Score:
                    mine = answers[index]
                    seen = (*mine.shadows, Shadow(shadow.model_id, other.value))
                    answers[index] = msgspec.structs.replace(mine, shadows=seen)
        return answers


_NOT_ITS_SUBJECT = ScoreUnavailable("no_model")
_TIMEOUT = ScoreUnavailable("timeout")
_FAILED = ScoreUnavailable("failed")
