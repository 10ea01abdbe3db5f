"""Did one of the feeds stop or fall behind while the others went on?

Every accounts partition counts what it hears of each feed (`FeedTallies`) and tells it once a while; the entities agent
adds the partitions up (`FeedWatch`), so that a feed that stops is one incident and not one per partition. While it
lasts, the accounts partitions are told: rules about something's absence wait for the feed, and nothing is refunded
because a ledger is silent.

Silence alone is no stall: at night everything is quiet. A feed has stopped when the others have gone on for long
enough without it and have brought many times as much as usually comes between two of its own tellings. An hour in
which nothing came at all counts for none of them: the first login of the morning accuses no payments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from streams.contracts.base import Event, from_ms
from streams.contracts.cases import CaseVersion, Entities, Evidence, Status
from streams.contracts.signals import EntityRisk, FeedsTold, FeedTally
from streams.contracts.topics import MERGED
from streams.core.entities import handling
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.policies import FeedsPolicy
from streams.core.ids import incident_id
from streams.core.policy import Policy
from streams.core.risk import FEED_STALLED, STALLED_FEED, feed_value

# The feeds that everybody's everyday life writes to. Profiles, labels, operators and acknowledgements are silent for
# hours on the best of days.
WATCHED = ("payments.transactions", "auth.logins", "ledger.entries")
_FEED_OF: dict[type[Event], str] = {
    kind: topic.name
    for topic in MERGED
    if topic.name in WATCHED
    for kind in topic.types
    if kind.__name__ != "Watermark"
}

# A feed that is missing for a week was taken away on purpose.
GONE_MS = 7 * 86_400_000
# Tellings after which older ones count half: habits of some hours, so that a quiet Sunday is not judged by a Monday.
HABIT_MAX = 512
# So many tellings between two count as going on; a longer silence of everything counts as no more than that.
TELLINGS_APART = 2
CASE_TYPE = "incident.feed"


class Tally(msgspec.Struct, array_like=True):
    """What one partition heard of one feed since it told last."""

    newest_ms: int = 0
    events: int = 0


class FeedTallies(msgspec.Struct, array_like=True):
    """What an accounts partition has not told yet; part of the partition's state."""

    since_ms: int = 0  # start of the telling; 0: nothing was heard
    feeds: dict[str, Tally] = {}


class FeedCase(msgspec.Struct, array_like=True):
    """The open incident of one feed."""

    case_id: str
    opened_ms: int
    silent_from_ms: int  # newest event of the feed when it was noticed
    version: int = 0
    caught_up_ms: int = 0  # since when the feed is level with the others again; 0: it is not
    told_until_ms: int = 0  # how long the accounts partitions believe it
    worst_ms: int = 0  # how far behind it was at most
    evidence: list[Evidence] = []


class FeedState(msgspec.Struct, array_like=True):
    """How one feed usually comes, and how it stands now."""

    newest_ms: int = 0
    tellings: int = 0  # that brought something fresh
    others: int = 0  # events of the other feeds between those
    silent: int = 0  # events of the other feeds since the last of those
    case: FeedCase | None = None
    without_ms: int = 0  # how long the others have gone on since, without what all were silent for


class FeedWatch(msgspec.Struct, array_like=True):
    """All watched feeds that were ever heard of; at most as many as WATCHED."""

    feeds: dict[str, FeedState] = {}


class Standing(NamedTuple):
    """What may be said about the absence of a feed's events."""

    silent_from_ms: int = 0  # its newest event where it has stopped or is behind; 0: it has not
    known_after_ms: int = 0  # how long it has to say nothing until a stop would be known


def standing(watch: FeedWatch | None, feed: str, policy: FeedsPolicy) -> Standing:
    """How a feed stands. Only others that go on can tell that it does not: nothing is known of one that is alone."""
    state = None if watch is None else watch.feeds.get(feed)
    if watch is None or state is None or not policy.enabled:
        return Standing()
    if state.case is not None:
        return Standing(silent_from_ms=state.case.silent_from_ms)
    is_judged = len(watch.feeds) > 1 and state.tellings >= policy.warm_tellings
    return Standing(known_after_ms=1000 * (policy.stalled_s + TELLINGS_APART * policy.tell_s) if is_judged else 0)


def heard(tallies: FeedTallies, event: Event, at_ms: int, clock_ms: int, policy: FeedsPolicy) -> None:
    """Counts one event. Watermarks do not come here: they say how far a feed was read, not that it is alive.

    `ended_telling` must have been asked for `clock_ms` before.
    """
    feed = _FEED_OF.get(type(event))
    if feed is None:
        return
    if not tallies.since_ms:
        tallies.since_ms = clock_ms - clock_ms % (policy.tell_s * 1000)
    tally = tallies.feeds.get(feed)
    if tally is None:
        tally = tallies.feeds[feed] = Tally()
    tally.events += 1
    tally.newest_ms = max(tally.newest_ms, at_ms)


def ended_telling(
    tallies: FeedTallies, clock_ms: int, partition: int, next_sequence: Callable[[], int], policy: FeedsPolicy
) -> FeedsTold | None:
    """What was heard, if its time has ended at `clock_ms`; the counts begin again."""
    end_ms = tallies.since_ms + policy.tell_s * 1000
    if not tallies.since_ms or clock_ms < end_ms:
        return None
    signal = FeedsTold(
        at_ms=end_ms - 1,  # never at the clock: what is told for a boundary belongs to the step before it
        partition=partition,
        sequence=next_sequence(),
        feeds=tuple(
            FeedTally(feed=feed, newest_ms=tally.newest_ms, events=tally.events)
            for feed, tally in tallies.feeds.items()
        ),
    )
    tallies.since_ms = 0
    tallies.feeds = {}
    return signal


def watch_feeds(
    watch: FeedWatch, signal: FeedsTold, at_ms: int, next_version: Callable[[], int], policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Adds one partition's telling and says which feeds have stopped or are level again."""
    settings = policy.entities.feeds
    before_ms = max((state.newest_ms for state in watch.feeds.values()), default=0)
    for told in signal.feeds:
        if told.feed in WATCHED:
            state = watch.feeds.setdefault(told.feed, FeedState())
            state.newest_ms = max(state.newest_ms, told.newest_ms)
    if not settings.enabled or not watch.feeds:
        return []
    newest_ms = max(state.newest_ms for state in watch.feeds.values())
    went_on_ms = min(newest_ms - before_ms, settings.tell_s * 1000 * TELLINGS_APART)
    events = {told.feed: told.events for told in signal.feeds}
    effects: list[EntityEffect] = []
    for feed, state in list(watch.feeds.items()):
        others = sum(number for other, number in events.items() if other != feed and other in WATCHED)
        behind_ms = newest_ms - state.newest_ms
        fresh = feed in events and behind_ms < settings.stalled_s * 1000
        _count(state, others, went_on_ms, fresh)
        if state.case is None:
            if _has_stopped(state, behind_ms, settings):
                effects.append(_open(feed, state, behind_ms, at_ms, policy))
        else:
            state.case.worst_ms = max(state.case.worst_ms, behind_ms)
            closed = _closes(feed, state, fresh, behind_ms, at_ms, policy)
            if closed is not None:
                effects.append(closed)
                if closed.resolution_code == "gone":
                    del watch.feeds[feed]
        if state.case is not None:
            effects += _tell(feed, state.case, at_ms, next_version, settings, ctx)
    return effects


def _count(state: FeedState, others: int, went_on_ms: int, fresh: bool) -> None:
    state.silent += others
    state.without_ms += went_on_ms
    if not fresh:
        return
    if state.case is None:  # what an incident looks like is no habit
        state.tellings += 1
        state.others += state.silent
        if state.tellings >= HABIT_MAX:
            state.tellings //= 2
            state.others //= 2
    state.silent = 0
    state.without_ms = 0


def _has_stopped(state: FeedState, behind_ms: int, settings: FeedsPolicy) -> bool:
    return (
        state.tellings >= settings.warm_tellings
        and min(behind_ms, state.without_ms) >= settings.stalled_s * 1000
        and state.silent >= settings.times_usual * max(1.0, state.others / state.tellings)
    )


def _open(feed: str, state: FeedState, behind_ms: int, at_ms: int, policy: Policy) -> CaseVersion:
    entity = feed_value(feed)
    case = state.case = FeedCase(
        case_id=incident_id(FEED_STALLED, entity, str(state.newest_ms)),
        opened_ms=at_ms,
        silent_from_ms=state.newest_ms,
        worst_ms=behind_ms,
    )
    text = f"nothing new of {feed} while {state.silent} events of the other feeds came"
    _note(case, state.newest_ms, "last_event", f"newest event of {feed}")
    _note(case, at_ms, FEED_STALLED, text)
    _note(case, at_ms, "absence_rules_paused", "rules about something's absence wait for this feed; no refunds")
    return _version(feed, state, case, ("opened",), at_ms, "classified", policy)


def _closes(feed: str, state: FeedState, fresh: bool, behind_ms: int, at_ms: int, policy: Policy) -> CaseVersion | None:
    """The last version once the feed has kept level for `close_after_s`, or has been missing for a week."""
    case = state.case
    if case is None:
        return None
    settings = policy.entities.feeds
    if fresh:
        case.caught_up_ms = case.caught_up_ms or at_ms
        if at_ms - case.caught_up_ms < settings.close_after_s * 1000:
            return None
        _note(case, at_ms, "caught_up", f"level again; at most {case.worst_ms // 1000} s behind")
        ending = "caught_up"
    else:
        if behind_ms >= settings.stalled_s * 1000:
            case.caught_up_ms = 0
        if at_ms - case.opened_ms < GONE_MS:
            return None
        _note(case, at_ms, "gone", "silent for a week: not waited for any longer")
        ending = "gone"
    state.case = None
    return _version(feed, state, case, ("status",), at_ms, "closed", policy, ending)


def _tell(
    feed: str,
    case: FeedCase,
    at_ms: int,
    next_version: Callable[[], int],
    settings: FeedsPolicy,
    ctx: EntityContext,
) -> list[EntityEffect]:
    """Tells the accounts partitions to wait, again when less than half of the time is left; silence lets it expire."""
    hold_ms = settings.stalled_s * 1000
    if case.told_until_ms - at_ms >= hold_ms // 2:
        return []
    effective_ms = ctx.effective_ms(at_ms)
    case.told_until_ms = ctx.effective_ms(effective_ms + hold_ms)  # in steps until one begins: no holes between two
    return [
        EntityRisk(
            occurred_at=from_ms(at_ms),
            kind=STALLED_FEED,
            value=feed_value(feed),
            effective_at=from_ms(effective_ms),
            expires_at=from_ms(case.told_until_ms),
            level="elevated",
            typology=FEED_STALLED,
            version=next_version(),
        )
    ]


def _note(case: FeedCase, at_ms: int, kind: str, text: str) -> None:
    case.evidence.append(Evidence(at=from_ms(at_ms), kind=kind, event_id=case.case_id, text=text[:256]))


def _version(
    feed: str,
    state: FeedState,
    case: FeedCase,
    changed: tuple[str, ...],
    at_ms: int,
    status: Status,
    policy: Policy,
    ending: str | None = None,
) -> CaseVersion:
    case.version += 1
    entity = feed_value(feed)
    promise = policy.cases.P2
    return CaseVersion(
        occurred_at=from_ms(at_ms),
        case_id=case.case_id,
        version=case.version,
        changed=changed,
        case_type=CASE_TYPE,
        flow="F35",
        cause_family=FEED_STALLED,
        owner="entity",
        queue="technical",
        priority="P2",
        status=status,
        finding="outage" if ending is not None else "unset",
        category="technical",
        confidence=1.0,  # counted, not guessed
        subject=entity,
        entities=Entities(entity=entity),
        evidence=tuple(case.evidence),
        counters={"behind_s": case.worst_ms // 1000, "events_of_others": state.silent},
        sla=handling.sla_of(promise, case.opened_ms, at_ms),
        resolution_code=ending,
        created_at=from_ms(case.opened_ms),
        detected_at=from_ms(case.opened_ms),
    )
