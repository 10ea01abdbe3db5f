"""Which parts make up a running PayWarden? The one place that knows the policy, the model, Faust and the metrics."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from streams.adapters.clock import SystemClock
from streams.adapters.overlay import load_library
from streams.adapters.policy_file import load_schedule
from streams.adapters.prometheus import PrometheusMetrics
from streams.agents.accounts import AccountsLogic
from streams.agents.entities import EntitiesLogic
from streams.contracts.topics import TOPICS, changelog_of
from streams.core.library import Library
from streams.core.policy import PolicySchedule
from streams.core.score import Score, ScoreUnavailable
from streams.core.steps import Prepared
from streams.metrics import WORKER
from streams.ports import Scorer
from streams.runtime.logic import Logic
from streams.runtime.options import AgentOptions
from streams.runtime.worker import Runtime
from streams.settings import Settings

logger = logging.getLogger(__name__)


class RulesOnly:
    """The scorer of a deployment without a model."""

    model_id = "rules-only"
    _answer = ScoreUnavailable("no_model")

    def score(self, batch: Sequence[Prepared]) -> Sequence[Score | ScoreUnavailable]:
        return [self._answer] * len(batch)


def accounts_logic(
    policies: PolicySchedule,
    scorer: Scorer[Prepared] | None = None,
    *,
    barrier_s: int | None = None,
    library: Library | None = None,
) -> AccountsLogic:
    """The accounts agent; without a scorer the rules decide alone. `barrier_s` only in replays that wait."""
    return AccountsLogic(policies, scorer or RulesOnly(), barrier_s, library)


def entities_logic(policies: PolicySchedule, barrier_s: int | None) -> EntitiesLogic:
    """The entities agent; `barrier_s` only in replays that wait at barriers."""
    return EntitiesLogic(policies, barrier_s)


def agents(settings: Settings, policies: PolicySchedule | None = None) -> list[tuple[Logic, AgentOptions]]:
    """Both agents as a worker runs them, under the policies and tables that the settings name.

    Raises PolicyError or TableError.
    """
    policies = policies or load_schedule(settings.policy_files)
    library = load_library(settings.overlay)
    lateness_s = policies.policies[-1].lateness_s
    published = tuple(topic.name for topic in TOPICS.values() if topic.direction == "output")
    signalled = tuple(topic.name for topic in TOPICS.values() if topic.direction == "internal" and topic.types)
    outputs = (*published, *signalled)

    def agent(name: str, pace_ms: int) -> AgentOptions:
        return AgentOptions(
            changelog=changelog_of(name).name,  # type: ignore[arg-type]
            outputs=outputs,
            pace_s=pace_ms / 1000,
            partition=settings.partition(lateness_s),
        )

    return [
        (
            accounts_logic(policies, barrier_s=settings.barrier_s, library=library),
            agent("accounts", settings.pace_ms),
        ),
        (entities_logic(policies, settings.barrier_s), agent("entities", settings.entities_pace_ms)),
    ]


def worker(settings: Settings) -> Runtime:
    """A worker process with both agents. Raises SettingsError, PolicyError or TableError."""
    policies = load_schedule(settings.policy_files)
    for policy in policies.policies:
        logger.info(
            "policy %s (%s), mode %s, in force from %s",
            policy.name,
            policy.policy_hash,
            policy.mode,
            policy.effective_at.isoformat(),
        )
    metrics = PrometheusMetrics()
    metrics.set(WORKER, 1.0, settings.clock, policies.policies[-1].mode)
    return Runtime(
        settings.runtime(),
        agents(settings, policies),
        metrics=metrics,
        exposition=metrics.exposition,
        clock=SystemClock(),
    )
