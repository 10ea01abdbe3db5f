"""Which parts make up a running PayWarden? The one place that knows the policy, the model, Faust and the metrics."""

from __future__ import annotations

import logging
import ssl

import msgspec

from streams.adapters.champions import load_scorer
from streams.adapters.clock import SystemClock
from streams.adapters.geo_database import load_places
from streams.adapters.model_scorer import Unscored
from streams.adapters.overlay import load_library
from streams.adapters.policy_file import load_schedule, parse_published
from streams.adapters.prometheus import PrometheusMetrics
from streams.adapters.schema_registry import SchemaRegistry
from streams.agents.accounts import AccountsLogic
from streams.agents.entities import EntitiesLogic
from streams.agents.policy_feed import PolicyFeed
from streams.contracts.topics import (
    DEAD_LETTERS,
    ENTITY_RISK,
    SIGNALS,
    TOPICS,
    changelog_of,
    ingest_changelog,
)
from streams.core.library import Library
from streams.core.personal import DEMO_KEY
from streams.core.policy import PolicySchedule
from streams.core.policy_history import PolicyHistory
from streams.core.steps import Prepared
from streams.ingest.documents import Documents
from streams.ingest.logic import IngestLogic, Reader, group_of
from streams.ingest.mapping import Mapper, needs_key
from streams.ingest.source import Source
from streams.metrics import OF_WORKERS, WORKER
from streams.ports import Places, Scorer
from streams.runtime.logic import Logic
from streams.runtime.options import AgentOptions, PartitionOptions
from streams.runtime.worker import Runtime
from streams.settings import Settings, SettingsError

logger = logging.getLogger(__name__)


def accounts_logic(
    policies: PolicySchedule,
    scorer: Scorer[Prepared] | None = None,
    *,
    barrier_s: int | None = None,
    library: Library | None = None,
    pseudonym_key: str = DEMO_KEY,
    places: Places | None = None,
) -> AccountsLogic:
    """The accounts agent; without a scorer the rules decide alone. `barrier_s` only in replays that wait."""
    return AccountsLogic(policies, scorer or Unscored(), barrier_s, library, pseudonym_key, places)


def entities_logic(policies: PolicySchedule, barrier_s: int | None, library: Library | None = None) -> EntitiesLogic:
    """The entities agent; `barrier_s` only in replays that wait at barriers."""
    return EntitiesLogic(policies, barrier_s, library)


def agents(
    settings: Settings, policies: PolicySchedule | None = None, scorer: Scorer[Prepared] | None = None
) -> list[tuple[Logic, AgentOptions]]:
    """Both agents as a worker runs them, under the policies and tables that the settings name.

    Raises PolicyError or TableError.
    """
    policies = policies or load_schedule(settings.policy_files)
    library = load_library(settings.overlay)
    lateness_s = policies.policies[-1].lateness_s
    published = tuple(topic.name for topic in TOPICS.values() if topic.direction == "output")
    outputs = (*published, SIGNALS.name, ENTITY_RISK.name)

    def agent(name: str, pace_ms: int) -> AgentOptions:
        return AgentOptions(
            changelog=changelog_of(name).name,  # type: ignore[arg-type]
            outputs=outputs,
            pace_s=pace_ms / 1000,
            partition=settings.partition(lateness_s),
        )

    return [
        (
            accounts_logic(
                policies,
                scorer,
                barrier_s=settings.barrier_s,
                library=library,
                pseudonym_key=settings.secret("pseudonym_key"),
                places=load_places(settings.geo_databases),
            ),
            agent("accounts", settings.pace_ms),
        ),
        (entities_logic(policies, settings.barrier_s, library), agent("entities", settings.entities_pace_ms)),
    ]


def reader_of(settings: Settings, source: Source) -> Reader:
    """What reads the records of `source`. Raises SourceError or SettingsError."""
    key = settings.secret("pseudonym_key")
    if needs_key(source) and not key:
        raise SettingsError(
            "PAYWARDEN_PSEUDONYM_KEY: the source file makes pseudonyms; set a secret key and never change it."
        )
    return Reader(Documents(source, schemas_of(settings)), Mapper(source, key))


def schemas_of(settings: Settings) -> SchemaRegistry | None:
    """The schema registry of the deployment, if it has one. Raises SettingsError."""
    if not settings.schema_registry_url:
        return None
    return SchemaRegistry(
        settings.schema_registry_url,
        username=settings.schema_registry_username,
        password=settings.secret("schema_registry_password"),
        context=ssl.create_default_context(cafile=settings.ssl_ca_file or None),
    )


def ingest(settings: Settings, source: Source) -> Runtime:
    """A process that ingests one source. Raises SourceError or SettingsError.

    It has a group and transactions of its own, so that sources start, stop and are guarded one by one.
    """
    metrics = PrometheusMetrics(OF_WORKERS)
    metrics.set(WORKER, 1.0, settings.clock, "enforce")
    options = settings.runtime()
    return Runtime(
        msgspec.structs.replace(options, app_id=group_of(settings.app_id, source.name)),
        [(IngestLogic(reader_of(settings, source)), ingest_options(settings, source))],
        metrics=metrics,
        exposition=metrics.exposition,
        clock=SystemClock(),
    )


def ingest_options(settings: Settings, source: Source) -> AgentOptions:
    """How the agent of one source runs."""
    return AgentOptions(
        changelog=ingest_changelog(source.name).name,
        spread=(*sorted({plan.topic for plan in source.plans.values()}), DEAD_LETTERS.name),
        pace_s=settings.pace_ms / 1000,
        # No timers and no waiting: events alone move time, and the topics of one source are merged as they come.
        partition=PartitionOptions(
            clock="replay",
            dead_letter_share=settings.ingest_dead_letter_share,
            any_count=True,
            feed_again="paywarden ingest refeed FILE",
        ),
    )


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
    metrics, clock = PrometheusMetrics(OF_WORKERS), SystemClock()
    metrics.set(WORKER, 1.0, settings.clock, policies.policies[-1].mode)
    deadline_s = settings.model_deadline_ms / 1000
    scorer = load_scorer(
        settings.model_dir, policies, deadline_s, metrics, settings.shadow_model_dirs, settings.models_dir
    )
    return Runtime(
        settings.runtime(),
        agents(settings, policies, scorer),
        metrics=metrics,
        exposition=metrics.exposition,
        clock=clock,
        companions=(PolicyFeed(settings.runtime(), policies, PolicyHistory(parse_published), clock),),
    )
