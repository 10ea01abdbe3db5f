"""What does an accounts partition know about one notable entity, as of an event's time?

A value counts only from its `effective_at` on, so the few newest versions are kept: an event that is a little late, or
a value that takes effect at the next step of a replay, changes nothing.
"""

from __future__ import annotations

from bisect import bisect_right

import msgspec

from streams.contracts.base import to_ms
from streams.contracts.signals import EntityRisk, RiskPoint
from streams.core.entities.label_history import history_of
from streams.core.risk import GUESSING, LABELLED, TESTING, RiskFact

FORMAT = 1
DAY_S = 86_400
# One in effect, one for the next step, one for late events.
VERSIONS_MAX = 3
TYPOLOGIES_MAX = 6
_LEVEL = {"normal": 0, "elevated": 1, "attack": 2}


class RiskVersion(msgspec.Struct, array_like=True):
    """One published value. The ring is kept as running totals, so that a window costs two binary searches."""

    effective_ms: int
    expires_ms: int
    version: int
    level: int
    score: float
    typology: str
    delay_s: int = 0
    seconds: list[int] = []  # when labelled subjects happened, rising
    labels: list[int] = []  # labels up to and including that second
    frauds: list[int] = []
    incident: str = ""
    plain: list[int] = []
    shared: bool = False


class RiskState(msgspec.Struct, array_like=True):
    """Versions of one entity by effective time, oldest first, at most VERSIONS_MAX of each typology."""

    format: int = FORMAT
    due_ms: int = 0  # no timers; every state starts alike
    versions: list[RiskVersion] = []

    def apply(self, risk: EntityRisk) -> bool:
        """Adds a published value; False for one that is known already."""
        effective_ms = to_ms(risk.effective_at)
        typology = risk.typology or ""
        same = [entry for entry in self.versions if entry.typology == typology]
        if any((effective_ms, risk.version) <= (entry.effective_ms, entry.version) for entry in same):
            return False
        seconds, labels, frauds, plain = _totals(risk.ring)
        added = RiskVersion(
            effective_ms=effective_ms,
            expires_ms=to_ms(risk.expires_at),
            version=risk.version,
            level=_LEVEL[risk.level],
            score=risk.score,
            typology=typology,
            delay_s=risk.label_delay_s,
            seconds=seconds,
            labels=labels,
            frauds=frauds,
            incident=risk.case_id or "",
            plain=plain,
            shared=risk.shared,
        )
        # Of several values for the same moment only the newest can ever count.
        kept = [entry for entry in same if entry.effective_ms < effective_ms][1 - VERSIONS_MAX :]
        others = [entry for entry in self.versions if entry.typology != typology]
        if len({entry.typology for entry in others}) >= TYPOLOGIES_MAX:
            others = others[1:]
        self.versions = sorted([*others, *kept, added], key=_effective)
        return True

    def fact(self, at_ms: int) -> RiskFact | None:
        """What was in effect at `at_ms`: levels, by typology and the highest, and the labels of that time's windows.

        A window of w days is (t - delay - w, t - delay]; the delay of labels came with the value.
        """
        best: RiskVersion | None = None
        ring: RiskVersion | None = None
        seen: set[str] = set()
        guessing = testing = labelled = 0
        incident = incident_typology = testing_incident = ""
        for entry in reversed(self.versions):
            if entry.effective_ms > at_ms or entry.typology in seen:
                continue
            seen.add(entry.typology)
            if at_ms >= entry.expires_ms:
                continue
            if best is None or (entry.level, entry.score) > (best.level, best.score):
                best = entry
            if entry.seconds:
                ring = entry
            if entry.typology in GUESSING:
                guessing = max(guessing, min(entry.level, 1) if entry.shared else entry.level)
                if not incident:
                    incident, incident_typology = entry.incident, entry.typology
            elif entry.typology in TESTING:
                testing = max(testing, entry.level)
                testing_incident = testing_incident or entry.incident
            elif entry.typology in LABELLED:
                labelled = max(labelled, entry.level)
        if best is None:
            return None
        counts = (0, 0, 0, 0, 0, 0) if ring is None else _windows(ring, at_ms // 1000 - ring.delay_s)
        age_s = (at_ms - best.effective_ms) // 1000
        history = None if ring is None else history_of(ring, at_ms // 1000)
        levels = (guessing, testing, labelled)
        return RiskFact(
            best.level,
            best.score,
            best.typology or None,
            age_s,
            *counts,
            *levels,
            incident,
            history,
            testing_incident,
            incident_typology,
            best.incident,
        )

    def forgets_ms(self) -> int:
        """From when on nothing of the state can be in effect."""
        return max((entry.expires_ms for entry in self.versions), default=0)


def _windows(ring: RiskVersion, end_s: int) -> tuple[int, int, int, int, int, int]:
    """(labels, frauds) of the 1, 7 and 30 days that end at `end_s`."""
    seconds, labels, frauds = ring.seconds, ring.labels, ring.frauds
    newest = bisect_right(seconds, end_s)
    if not newest:
        return (0, 0, 0, 0, 0, 0)
    all_labels, all_frauds = labels[newest - 1], frauds[newest - 1]
    counts = []
    for days in (1, 7, 30):
        before = bisect_right(seconds, end_s - days * DAY_S, hi=newest)
        counts.append(all_labels - (labels[before - 1] if before else 0))
        counts.append(all_frauds - (frauds[before - 1] if before else 0))
    return (counts[0], counts[1], counts[2], counts[3], counts[4], counts[5])


def _effective(entry: RiskVersion) -> tuple[int, int]:
    return (entry.effective_ms, entry.version)


def _totals(ring: tuple[RiskPoint, ...]) -> tuple[list[int], list[int], list[int], list[int]]:
    """The ring as rising seconds with running totals; a day without seconds counts as a whole from its start on."""
    moments: list[tuple[int, int, int, int]] = []
    for point in ring:
        start_s = point.day * DAY_S
        if len(point.fraud_s) + len(point.legit_s) == point.labels:
            plain_s = list(point.plain_s)
            for second in point.fraud_s:
                is_plain = second in plain_s
                if is_plain:
                    plain_s.remove(second)
                moments.append((start_s + second, 1, 1, int(is_plain)))
            moments += [(start_s + second, 1, 0, 0) for second in point.legit_s]
        else:
            moments.append((start_s, point.labels, point.frauds, point.plain))
    moments.sort()
    seconds: list[int] = []
    labels: list[int] = []
    frauds: list[int] = []
    plain: list[int] = []
    all_labels = all_frauds = all_plain = 0
    for second, more_labels, more_frauds, more_plain in moments:
        all_labels += more_labels
        all_frauds += more_frauds
        all_plain += more_plain
        seconds.append(second)
        labels.append(all_labels)
        frauds.append(all_frauds)
        plain.append(all_plain)
    return seconds, labels, frauds, plain
