"""Which model decides? The one that the policy of the event's time names, else the one that was configured.

A champion changes like everything else in a policy: at one event time, in every partition, without a restart, and a
replay finds the same model for the same event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from models.artifact import ModelError, folder_of, folder_of_id
from models.serving.model import load_model
from streams.adapters.model_scorer import Answer, Asked, Call, ModelScorer, Unscored, Watched
from streams.core.policy import Policy, PolicySchedule
from streams.core.steps import Prepared
from streams.metrics import MODEL_READY
from streams.ports import Metrics, Scorer

logger = logging.getLogger(__name__)

# Loads the model of a folder, or says why not; never raises in a worker.
Load = Callable[[Path], Asked]


class Champions:
    """The scorers of all policies. A model is loaded when a policy that names it arrives, ahead of its time."""

    def __init__(
        self,
        configured: Asked,
        policies: PolicySchedule,
        load: Load,
        home: Path | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._policies = policies
        self._load = load
        self._home = home
        self._metrics = metrics
        self._scorers: dict[str, Asked] = {"": configured}
        self._learnt: tuple[Policy, ...] = ()
        self._in_force = policies.policies[-1]  # until events say how far they have come
        self._began = self._told = False
        self._learn()

    def score(self, batch: Sequence[Prepared]) -> Sequence[Answer]:
        return self.ask(batch)()

    def ask(self, batch: Sequence[Prepared]) -> Call:
        """Begins with all models that decide in this batch: more than one only where it spans a change."""
        if self._policies.policies is not self._learnt:
            self._learn()
        policies = [self._policies.at(each.at_ms) for each in batch]
        groups: dict[str, list[int]] = {}
        for index, policy in enumerate(policies):
            groups.setdefault(policy.model.champion, []).append(index)
        self._reached(policies)
        if len(groups) == 1:
            (name,) = groups
            return self._scorers[name].ask(batch)
        calls = [(indices, self._scorers[name].ask([batch[at] for at in indices])) for name, indices in groups.items()]
        return partial(_merged, len(batch), calls)

    def _learn(self) -> None:
        """Loads what is named now; a model that no policy names any more is dropped."""
        self._learnt = self._policies.policies
        for name in {policy.model.champion for policy in self._learnt} - self._scorers.keys():
            self._scorers[name] = self._load(folder_of_id(name, self._home))
        kept = {"", *(policy.model.champion for policy in self._learnt)}
        self._scorers = {name: scorer for name, scorer in self._scorers.items() if name in kept}
        self.model_id = self._scorers[self._learnt[-1].model.champion].model_id  # of the newest policy
        if self._in_force not in self._learnt:
            self._in_force, self._began = self._learnt[-1], False
        self._tell()

    def _reached(self, policies: Sequence[Policy]) -> None:
        """Notes which policy is in force as far as events have come; late ones do not take it back."""
        newest = max(policies, key=lambda policy: policy.effective_at, default=self._in_force)
        if not self._began or newest.effective_at > self._in_force.effective_at:
            self._began, self._in_force = True, newest
            self._tell()

    def _tell(self) -> None:
        """Can every model be asked that decides now or will later? What decided before is no matter any more."""
        if self._metrics is None:
            return
        ahead = [policy for policy in self._learnt if policy.effective_at >= self._in_force.effective_at]
        asked = [self._scorers[policy.model.champion] for policy in ahead]
        reasons = [each.reason for each in asked if isinstance(each, Unscored)]
        if self._told or reasons != ["no_model"] * len(asked):
            self._told = True
            self._metrics.set(MODEL_READY, float(all(reason == "no_model" for reason in reasons)))


def _merged(size: int, calls: Sequence[tuple[list[int], Call]]) -> Sequence[Answer]:
    answers: dict[int, Answer] = {}
    for indices, call in calls:
        answers.update(zip(indices, call(), strict=True))
    return [answers[index] for index in range(size)]


def load_scorer(
    folder: Path | None,
    policies: PolicySchedule,
    deadline_s: float | None,
    metrics: Metrics,
    shadow_folders: Sequence[Path] = (),
    home: Path | None = None,
) -> Scorer[Prepared]:
    """The scorer of a worker. A model that cannot be used is one ERROR line and a metric, never the worker's end."""

    def load(each: Path) -> Asked:
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

    def load(each: Path) -> Asked:
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
