"""Which model decides? The one that the policy of the event's time names, else the one that was configured.

A champion changes like everything else in a policy: at one event time, in every partition, without a restart, and a
replay finds the same model for the same event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from models.artifact import ModelError, folder_of
from models.serving.model import load_model
from streams.adapters.model_scorer import Answer, ModelScorer, Unscored, Watched
from streams.core.policy import Policy, PolicySchedule
from streams.core.steps import Prepared
from streams.metrics import MODEL_READY
from streams.ports import Metrics, Scorer

logger = logging.getLogger(__name__)

# Loads the model of a folder that a policy names, or says why not; never raises in a worker.
Load = Callable[[Path], Scorer[Prepared]]


class Champions:
    """The scorers of all policies. A model is loaded when a policy that names it arrives, ahead of its time."""

    def __init__(
        self,
        configured: Scorer[Prepared],
        policies: PolicySchedule,
        load: Load,
        home: Path | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._policies = policies
        self._load = load
        self._home = home
        self._metrics = metrics
        self._scorers: dict[str, Scorer[Prepared]] = {"": configured}
        self._learnt: tuple[Policy, ...] = ()
        self._learn()

    def score(self, batch: Sequence[Prepared]) -> Sequence[Answer]:
        if self._policies.policies is not self._learnt:
            self._learn()
        named = [self._policies.at(each.at_ms).model.champion for each in batch]
        groups: dict[str, list[int]] = {}
        for index, name in enumerate(named):
            groups.setdefault(name, []).append(index)
        if len(groups) == 1:
            return self._scorers[named[0]].score(batch)
        answers: dict[int, Answer] = {}
        for name, indices in groups.items():
            answers.update(zip(indices, self._scorers[name].score([batch[index] for index in indices]), strict=True))
        return [answers[index] for index in range(len(batch))]

    def _learn(self) -> None:
        """Loads what is named now; a model that no policy names any more is dropped."""
        self._learnt = self._policies.policies
        for name in {policy.model.champion for policy in self._learnt} - self._scorers.keys():
            self._scorers[name] = self._load(folder_of(Path(name), self._home))
        kept = {"", *(policy.model.champion for policy in self._learnt)}
        self._scorers = {name: scorer for name, scorer in self._scorers.items() if name in kept}
        unscored = [each.reason for each in self._scorers.values() if isinstance(each, Unscored)]
        if self._metrics is not None and unscored != ["no_model"] * len(self._scorers):
            self._metrics.set(MODEL_READY, float(all(reason == "no_model" for reason in unscored)))
        self.model_id = self._scorers[self._learnt[-1].model.champion].model_id  # of the newest policy


def load_scorer(
    folder: Path | None,
    policies: PolicySchedule,
    deadline_s: float | None,
    metrics: Metrics,
    shadow_folders: Sequence[Path] = (),
    home: Path | None = None,
) -> Scorer[Prepared]:
    """The scorer of a worker. A model that cannot be used is one ERROR line and a metric, never the worker's end."""

    def load(each: Path) -> Scorer[Prepared]:
        try:
            found = _announced(each, policies, deadline_s, explains=True, metrics=metrics)
        except ModelError as error:
            logger.error("%s Until then rules decide alone (score_unavailable %s).", error, error.reason)
            return Unscored(error.reason)
        return found

    configured = Unscored() if folder is None else load(folder_of(folder, home))
    champions = Champions(configured, policies, load, home, metrics)
    shadows = []
    for each in shadow_folders:
        try:
            shadows.append(_announced(folder_of(each, home), policies, deadline_s, explains=False))
        except ModelError as error:
            logger.error("%s Until then it is not watched; decisions do not change.", error)
    return Watched(champions, shadows) if shadows else champions


def replay_scorer(
    folder: Path | None, policies: PolicySchedule, shadow_folders: Sequence[Path] = (), home: Path | None = None
) -> Scorer[Prepared]:
    """The scorer of a run that must decide as the workers did: without a deadline, and nothing may be missing.

    Raises ModelError, also for a champion that a policy names.
    """

    def load(each: Path) -> Scorer[Prepared]:
        return ModelScorer(load_model(each), policies)

    configured = Unscored() if folder is None else load(folder_of(folder, home))
    champions = Champions(configured, policies, load, home)
    shadows = [ModelScorer(load_model(folder_of(each, home)), policies, explains=False) for each in shadow_folders]
    return Watched(champions, shadows) if shadows else champions


def _announced(
    folder: Path,
    policies: PolicySchedule,
    deadline_s: float | None,
    *,
    explains: bool,
    metrics: Metrics | None = None,
) -> ModelScorer:
    model = load_model(folder)
    manifest = model.manifest
    role = "champion" if explains else "shadow"
    logger.info("model %s (%s), features %s, %s", manifest.model_id, manifest.family, manifest.feature_set, role)
    return ModelScorer(model, policies, deadline_s, explains=explains, metrics=metrics)
