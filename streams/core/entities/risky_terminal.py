"""Which terminals, merchants and devices do late labels call fraudulent, and when did those frauds happen?"""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

import msgspec

from streams.contracts.base import from_ms
from streams.contracts.signals import EntityObserved, EntityRisk, RiskPoint
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.policies import RiskyTerminalDetectorPolicy
from streams.core.entities.threat import ATTACK, ELEVATED, LEVELS, NORMAL
from streams.core.policy import Policy

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState

TYPOLOGY = "risky_terminal"
DAY_S = 86_400
DAY_MS = DAY_S * 1000

# Labels of one day that are kept to the second. A terminal of the handbook's data has at most 11 payments a day; 45
# days of 16 make 4 KiB. A merchant with more is judged by whole days, where one second more or less does not matter.
EXACT_MAX = 16


class LabelDay(msgspec.Struct, array_like=True):
    """Labels of the subjects of one UTC day; the lists are empty once the day has more than EXACT_MAX labels."""

    day: int
    frauds: int = 0
    labels: int = 0
    fraud_s: list[int] = []
    legit_s: list[int] = []
    plain: int = 0  # frauds that their amount does not explain
    plain_s: list[int] = []  # of the seconds in fraud_s those


class LabelRing(msgspec.Struct, array_like=True):
    """Labels by day of their subject, oldest first, at most ring_days of them."""

    days: list[LabelDay] = []
    frauds: int = 0  # in the whole ring
    level: int = NORMAL
    notable: bool = False  # it has been published, so it must be told when the frauds leave the ring
    publish_ms: int = 0  # when the change is published; 0 = nothing to publish


def observe_label(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Frauds at a terminal or merchant, dated by when they happened and known only when their label arrives.

    Asks: of the labelled payments of the last level_days, how many were fraud?
    Fires when: frauds and their share (with prior_labels added) reach elevated_* or attack_*; the dated ring is
    published from the first fraud on, so that decisions count the windows of their own time.
    Blind to: the first week of a compromise, until labels arrive; a label that corrects an earlier one counts twice.
    Costs: at most ring_days days of 16 labels to the second, 4 KiB; one record per change and publish_every_s.
    """
    settings = policy.entities.risky_terminal
    ring = state.labels
    if ring is None:
        ring = state.labels = LabelRing()
    subject_s = (at_ms if signal.subject_at_ms is None else signal.subject_at_ms) // 1000
    if not settings.enabled or subject_s * 1000 > at_ms:  # a subject from the future would empty the ring
        return []
    explained = signal.times_usual is not None and signal.times_usual >= settings.explained_ratio
    fraud = bool(signal.fraud)
    if not _add(ring, subject_s, fraud, fraud and not explained, settings.ring_days):
        return []
    if not (ring.notable or ring.frauds >= settings.notable_frauds):
        return []
    if ctx.barrier_s is not None:
        # The last moment before the next step begins, so that all labels of this step are told in one record.
        ring.publish_ms = ctx.effective_ms(at_ms) - 1
        return []
    if settings.publish_every_s:
        ring.publish_ms = ring.publish_ms or at_ms + settings.publish_every_s * 1000
        return []
    return _publish(state, ring, at_ms, settings, ctx)


def publish_due(state: EntityState, due_ms: int, policy: Policy, ctx: EntityContext) -> list[EntityEffect]:
    """Publishes a changed ring at its time."""
    ring = state.labels
    if ring is None or not ring.publish_ms or ring.publish_ms > due_ms:
        return []
    return _publish(state, ring, due_ms, policy.entities.risky_terminal, ctx)


def _add(ring: LabelRing, subject_s: int, fraud: bool, plain: bool, ring_days: int) -> bool:
    """Counts one label; False if its subject is older than the ring reaches."""
    number, second = divmod(subject_s, DAY_S)
    days = ring.days
    if days and number <= days[-1].day - ring_days:
        return False
    day = next((entry for entry in reversed(days) if entry.day <= number), None)
    if day is None or day.day != number:
        day = LabelDay(number)
        insort(days, day, key=_number)
        while days[0].day <= days[-1].day - ring_days:
            ring.frauds -= days.pop(0).frauds
    day.labels += 1
    day.frauds += fraud
    day.plain += plain
    ring.frauds += fraud
    if day.labels <= EXACT_MAX:
        insort(day.fraud_s if fraud else day.legit_s, second)
        if plain:
            insort(day.plain_s, second)
    elif day.fraud_s or day.legit_s:
        day.fraud_s, day.legit_s, day.plain_s = [], [], []
    return True


def _number(day: LabelDay) -> int:
    return day.day


def _publish(
    state: EntityState, ring: LabelRing, at_ms: int, settings: RiskyTerminalDetectorPolicy, ctx: EntityContext
) -> list[EntityEffect]:
    ring.publish_ms = 0
    oldest = ring.days[-1].day - settings.level_days
    frauds = labels = 0
    for day in ring.days:
        if day.day > oldest:
            frauds += day.frauds
            labels += day.labels
    rate = frauds / (labels + settings.prior_labels)
    ring.level = _level(ring.level, frauds, rate, settings)
    ring.notable = ring.frauds >= settings.notable_frauds
    effective_ms = ctx.effective_ms(at_ms)
    state.risk_version += 1
    state.risk_expires_ms = effective_ms + settings.expires_s * 1000
    return [
        EntityRisk(
            occurred_at=from_ms(at_ms),
            kind=state.kind,
            value=state.value,
            effective_at=from_ms(effective_ms),
            expires_at=from_ms(state.risk_expires_ms),
            level=LEVELS[ring.level],
            typology=TYPOLOGY,
            score=round(rate, 6),
            label_delay_s=settings.delay_s,
            ring=tuple(
                RiskPoint(
                    day=day.day,
                    frauds=day.frauds,
                    labels=day.labels,
                    fraud_s=tuple(day.fraud_s),
                    legit_s=tuple(day.legit_s),
                    plain=day.plain,
                    plain_s=tuple(day.plain_s),
                )
                for day in ring.days
            ),
            version=state.risk_version,
        )
    ]


def _level(before: int, frauds: int, rate: float, settings: RiskyTerminalDetectorPolicy) -> int:
    """The level, which falls only when frauds or rate are below half of what raised it: no flapping at the edge."""
    for level, least, share in (
        (ATTACK, settings.attack_frauds, settings.attack_rate),
        (ELEVATED, settings.elevated_frauds, settings.elevated_rate),
    ):
        if frauds >= least and rate >= share:
            return level
        if before >= level and 2 * frauds >= least and 2 * rate >= share:
            return level
    return NORMAL
