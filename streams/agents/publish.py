"""Which records does an effect of the core become, and what is counted about it?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from streams.contracts.actions import ActionRequested
from streams.contracts.base import to_ms
from streams.contracts.cases import (
    AccountErased,
    ActionRejected,
    CaseVersion,
    NotificationRequested,
)
from streams.contracts.decisions import DecisionMade
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import TOPICS_OF_TYPE, TYPES, encode, headers_of, key_of
from streams.contracts.signals import (
    AccountForgotten,
    CaseActed,
    EntityBlockAsked,
    EntityObserved,
    EntityRisk,
    FeedsTold,
    HealthBucket,
)
from streams.contracts.topics import CASES_SNAPSHOT, ENTITY_RISK, LOCKS, SIGNALS
from streams.contracts.triage import PaymentTriaged
from streams.core.cases.causes import cause_of, fault_of
from streams.core.cases.shelf import SnapshotDropped
from streams.core.entities.blocks import RULE as OPERATOR
from streams.core.entities.context import EntityEffect
from streams.core.incidents.cases import TYPOLOGY as OUTAGE
from streams.core.incidents.keys import dimension_of
from streams.core.risk import ATTACKS, STALLED_FEED, feed_of
from streams.core.signals import routing_key
from streams.core.steps import Effect, LocksForgotten
from streams.metrics import (
    ACTIONS,
    ACTIONS_RESENT,
    ATTACKS_OPENED,
    BY_ITSELF,
    CASE_CAUSES,
    CASE_FLOWS,
    CASE_THEMES,
    CASE_VERSIONS,
    CASES_CLOSED,
    CASES_MOVED,
    CASES_OPENED,
    CASES_REOPENED,
    CASES_RESOLVED,
    DECISIONS,
    ENTITY_BLOCKS,
    ERASURES,
    FEED_STALLS,
    INCIDENTS_CLOSED,
    INCIDENTS_OPENED,
    LABELS,
    NOTIFICATIONS,
    RULE_HITS,
    SCORE_UNAVAILABLE,
    SCORES,
    TRIAGES,
    UNKNOWN_CODES,
    band_of,
)
from streams.runtime.logic import Emit

Count = Callable[..., None]

_ENDED = frozenset({"closed", "withdrawn", "merged"})
# Of a version's changes.
_RESOLVED = "status resolved"
_REOPENED = frozenset({"reopened", "status reopened"})
_MOVED = "queue "
_TOPICS = {TYPES[tag]: topics for tag, topics in TOPICS_OF_TYPE.items()}


def publish(effect: Effect | EntityEffect, count: Count) -> list[Emit]:
    """The records of one effect: a case goes to its history and to its snapshot, everything else to one topic."""
    if isinstance(effect, SnapshotDropped):
        return [Emit(CASES_SNAPSHOT.name, effect.case_id.encode(), None, to_ms(effect.occurred_at))]
    if isinstance(effect, LocksForgotten):
        return [Emit(LOCKS.name, effect.account_id.encode(), None, to_ms(effect.occurred_at))]
    value, headers, at_ms = encode(effect), headers_of(effect), to_ms(effect.occurred_at)
    key = key_of(effect)
    assert key is not None
    _count(effect, count)
    return [Emit(topic, key, value, at_ms, None, headers) for topic in _TOPICS[type(effect)]]


def publish_notice(notice: NotificationRequested, count: Count, partitions: int) -> list[Emit]:
    """Into the partition of whom it is for: where the owner's other messages are, or those of the merchant."""
    number = partition_of(notice.account_id.encode(), partitions)
    return [emit._replace(partition=number) for emit in publish(notice, count)]


def publish_risk(risk: EntityRisk, partitions: int) -> list[Emit]:
    """Every accounts partition hears about every notable entity."""
    value, headers, at_ms = encode(risk), headers_of(risk), to_ms(risk.occurred_at)
    key = key_of(risk)
    assert key is not None
    return [Emit(ENTITY_RISK.name, key, value, at_ms, number, headers) for number in range(partitions)]


def publish_signal(
    signal: EntityObserved | EntityBlockAsked | CaseActed | HealthBucket | FeedsTold, partitions: int
) -> Emit:
    """The record of a signal; its routing key, not the state key, chooses the partition."""
    key = routing_key(signal)
    return Emit(SIGNALS.name, key, encode(signal), signal.at_ms, partition_of(key, partitions), headers_of(signal))


def publish_forgotten(signals: Iterable[AccountForgotten]) -> list[Emit]:
    """One for each partition of the entities agent, in order."""
    return [
        Emit(SIGNALS.name, b"", encode(signal), signal.at_ms, number, headers_of(signal))
        for number, signal in enumerate(signals)
    ]


def _resolution(case: CaseVersion) -> str:
    word = case.resolution_code or BY_ITSELF
    return word if LABELS["resolution"].admits(word) else BY_ITSELF


def _count(effect: Any, count: Count) -> None:
    mode = "observe" if getattr(effect, "shadow", False) else "enforce"
    match effect:
        case DecisionMade():
            count(DECISIONS, effect.outcome, mode)
            for hit in effect.hits:
                count(RULE_HITS, hit.rule, "observe" if hit.shadow else mode)
            if effect.score is not None:
                count(SCORES, band_of(effect.score))
            elif effect.score_unavailable is not None:
                count(SCORE_UNAVAILABLE, effect.score_unavailable)
        case PaymentTriaged():
            count(TRIAGES, effect.fault_party, effect.retry.verdict)
            for unknown in effect.unknown_codes:
                count(UNKNOWN_CODES, unknown.partition(" ")[0])
            if effect.rank == "none" and not effect.codes:
                count(UNKNOWN_CODES, "none")
        case CaseVersion():
            count(CASE_VERSIONS, effect.queue)
            if effect.version == 1:
                count(CASES_OPENED, effect.queue, effect.priority)
                count(CASE_FLOWS, effect.flow)
                count(CASE_THEMES, cause_of(effect))
                feed = feed_of(STALLED_FEED, effect.subject)
                if feed is not None:
                    count(FEED_STALLS, feed)
                if effect.owner == "entity" and effect.cause_family in ATTACKS:
                    count(ATTACKS_OPENED, effect.cause_family)
            elif effect.status in _ENDED:
                count(CASES_CLOSED, effect.queue, effect.finding)
            if any(each.startswith(_MOVED) for each in effect.changed):
                count(CASES_MOVED, effect.queue)
            if not _REOPENED.isdisjoint(effect.changed):
                count(CASES_REOPENED, effect.queue)
            if _RESOLVED in effect.changed:
                # Cases that end by themselves have many words of their own: a label has few.
                count(CASES_RESOLVED, effect.finding, _resolution(effect))
                count(CASE_CAUSES, effect.queue, fault_of(effect))
            if effect.cause_family == OUTAGE and effect.version == 1:
                count(INCIDENTS_OPENED, dimension_of(effect.subject))
            elif effect.cause_family == OUTAGE and effect.status in _ENDED:
                count(INCIDENTS_CLOSED, dimension_of(effect.subject))
        case ActionRejected(action="entity_block" | "entity_lift"):
            count(ENTITY_BLOCKS, effect.account_id.partition("/")[0], "refused")
        case ActionRequested():
            count(ACTIONS, effect.action, mode)
            if effect.rule == OPERATOR and effect.entity is not None:
                lasts = effect.expires_at is not None and effect.expires_at > effect.occurred_at
                count(ENTITY_BLOCKS, effect.entity.partition("/")[0], "blocked" if lasts else "lifted")
            if effect.attempt > 1:
                count(ACTIONS_RESENT)
        case NotificationRequested():
            count(NOTIFICATIONS, mode)
        case AccountErased():
            count(ERASURES)
        case _:
            pass
