"""What happens in the demo, and when?

Three kinds of input: the *history* of the people whom the stories are about, with the times at which it happened; the
*traffic* of strangers (the shipped login logs and the handbook's population) with its time compressed; and the
*stories*, one after another, each compressed to a few seconds. Everything is a function of the seed and of the time at
which the demo begins.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import chain, count
from types import MappingProxyType
from typing import Final, NamedTuple

from producers.durations import DAY_MS, HOUR_MS, parse_instant
from producers.feed import RANKS, Outgoing, merged, retimed
from producers.inputs import InputOptions, demo_logins, read_inputs
from producers.simulate.catalog import Scenario, scenario

# Event seconds per second of ordinary traffic: 5,000 customers with two payments a day become some 100 to 250 events a
# second, and nobody pays twice within a minute, so that nobody looks hasty because of the compression.
TRAFFIC_SPEED: Final = 240.0
# Half an hour before the first attack in the logs: about seven seconds at the speed above.
LOGS_FROM: Final = "2018-11-02T04:35:00Z"
# Habits come from history, and history can only be told before the present. Later rounds play what needs none.
ROUNDS_WITH_HISTORY: Final = 3
ROUND_S: Final = 80.0
_OPENS_H: Final = 8  # the first day of traffic begins when people begin to pay
_DAYS_PER_SEED: Final = 1000  # so that neighbouring seeds share nobody


class Act(NamedTuple):
    """One story in a round: when it begins, how long it lasts on stage, and who plays in it."""

    scenario: str
    begins_s: float
    lasts_s: float
    habits: bool  # the story is about somebody whose habits are known
    changes: Mapping[str, float]


# Rules compare with what is usual after 14 days at the latest, so that is the length of a history; three people are
# enough for one of them to pay often.
_FEW: Final = MappingProxyType({"customers": 3, "days": 15})
PROGRAMME: Final = (
    Act("password_spray", 1, 7, habits=False, changes={"customers": 40, "days": 1}),
    # Half an hour after the report, here some seconds: the freeze can be lifted then.
    Act("account_takeover", 6, 8, habits=True, changes={**_FEW, "check_minutes": 75}),
    Act("debited_but_failed", 13, 6, habits=False, changes={**_FEW, "answer_minutes": 0}),
    Act("card_testing", 19, 8, habits=False, changes=_FEW),
    Act("lockout_attack", 27, 9, habits=True, changes=_FEW),
    Act("repeat_failures", 35, 4, habits=False, changes=_FEW),
    # What is held waits for an answer: somebody at the console can give it.
    Act("probe_then_large", 40, 4, habits=True, changes={**_FEW, "honours_holds": 1}),
    Act("impossible_travel", 45, 4, habits=True, changes=_FEW),
    # As many customers as payments: in 18 seconds nobody should pay twice.
    Act(
        "gateway_outage",
        50,
        18,
        habits=False,
        changes={"customers": 900, "days": 1, "minutes": 30, "per_minute": 30, "from_minute": 8, "to_minute": 20},
    ),
    Act("dormant_wakeup", 69, 3, habits=True, changes=_FEW),
)


class Scene(NamedTuple):
    """A story with its times, for whoever watches."""

    title: str
    story: str
    expected: str
    begins_ms: int
    ends_ms: int


def history(seed: int, now_ms: int) -> Iterator[Outgoing]:
    """The ordinary past of everybody in the first rounds, up to last midnight; in order of time."""
    midnight_ms = now_ms // DAY_MS * DAY_MS
    return merged(
        [_past(act, seed + round_, midnight_ms) for round_ in range(ROUNDS_WITH_HISTORY) for act in PROGRAMME]
    )


class Strangers(NamedTuple):
    """The ordinary traffic, with its own times."""

    logins: Iterator[Outgoing]
    population: Iterator[Outgoing]


def strangers(seed: int) -> Strangers:
    """Makes the first day of traffic, which takes a second: before anybody waits for it."""
    return Strangers(
        read_inputs(demo_logins(), "logins", InputOptions(start_ms=parse_instant(LOGS_FROM))),
        _begun(_days_of_strangers(seed)),
    )


def live(traffic: Strangers, seed: int, anchor_ms: int, speed: float = 1.0) -> Iterator[Outgoing]:
    """What happens from `anchor_ms` on, without end; `speed` 2 plays everything twice as fast."""
    return heapq.merge(
        *(retimed(records, anchor_ms, TRAFFIC_SPEED * speed) for records in traffic),
        _stories(seed, anchor_ms, speed),
        key=lambda record: (record.timestamp_ms, RANKS[record.topic]),
    )


def scenes(anchor_ms: int, speed: float = 1.0) -> Iterator[Scene]:
    """The stories of `live` with their times, in order, without end; the same whoever plays in them."""
    for _, act, begins_ms, lasts_s in _playbill(anchor_ms, speed):
        told = scenario(act.scenario)
        story = " ".join(told.story.split())
        expected = told.expect.verdict + (" Not detected yet." if told.expect.later else "")
        yield Scene(told.title, story, expected, begins_ms, begins_ms + int(lasts_s * 1000))


def _playbill(anchor_ms: int, speed: float) -> Iterator[tuple[int, Act, int, float]]:
    """(round, act, when it begins, how long it lasts)"""
    for round_ in count():
        for act in PROGRAMME:
            if not act.habits or round_ < ROUNDS_WITH_HISTORY:
                begins_s = (round_ * ROUND_S + act.begins_s) / speed
                yield round_, act, anchor_ms + int(begins_s * 1000), act.lasts_s / speed


def _past(act: Act, seed: int, midnight_ms: int) -> Iterator[Outgoing]:
    """The records of a scenario before its story, moved so that the story would be today; only profiles for those who
    need no habits."""
    told = scenario(act.scenario)
    days = int(act.changes["days"])
    start_ms = midnight_ms - (days + _silent_days(told)) * DAY_MS
    for record in told.records(seed, start_ms, act.changes):
        if record.timestamp_ms >= start_ms + days * DAY_MS:
            return
        if act.habits or record.topic == "account.profiles":
            yield record


def _silent_days(told: Scenario) -> int:
    """Between history and story; part of the dormant one."""
    return int(told.parameters.get("silent_days", 0))


def _story(told: Scenario, act: Act, seed: int) -> list[Outgoing]:
    """The records of a scenario after its history, with the scenario's own times."""
    start_ms = parse_instant(told.start)
    begins_ms = start_ms + (int(act.changes["days"]) + _silent_days(told)) * DAY_MS
    return [record for record in told.records(seed, start_ms, act.changes) if record.timestamp_ms >= begins_ms]


def _stories(seed: int, anchor_ms: int, speed: float) -> Iterator[Outgoing]:
    """All rounds; a story is made when its turn comes, and stories may overlap."""
    pending: deque[Outgoing] = deque()
    for round_, act, begins_ms, lasts_s in _playbill(anchor_ms, speed):
        while pending and pending[0].timestamp_ms < begins_ms:
            yield pending.popleft()
        told = scenario(act.scenario)
        story = _story(told, act, seed + round_)
        span_s = (story[-1].timestamp_ms - story[0].timestamp_ms) / 1000
        pending = deque(merged([iter(pending), retimed(story, begins_ms, span_s / lasts_s)]))


def _begun(records: Iterator[Outgoing]) -> Iterator[Outgoing]:
    return chain([next(records)], records)


def _days_of_strangers(seed: int) -> Iterator[Outgoing]:
    """One day of the population after another, from morning on, each of other people: history would not be theirs."""
    told = scenario("population")
    start_ms = parse_instant(told.start)
    for day in count():
        begins_ms = start_ms + day * DAY_MS
        opens_ms = begins_ms + (_OPENS_H * HOUR_MS if day == 0 else 0)
        profiles: dict[bytes, Outgoing] = {}  # told when somebody first appears: 5,000 at once would be a flood
        for record in told.records(seed * _DAYS_PER_SEED + day, begins_ms, {"days": 1}):
            if record.timestamp_ms >= begins_ms + DAY_MS:
                break  # what is left of the last payments, and a week later the truth about all of them
            if record.topic == "account.profiles":
                profiles[record.key] = record
            elif record.timestamp_ms >= opens_ms:
                profile = profiles.pop(record.key, None)
                if profile is not None:
                    yield profile._replace(timestamp_ms=record.timestamp_ms)
                yield record
