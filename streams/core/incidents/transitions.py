"""Which states does an incident go through? The table that the code loads, the page draws and the tests walk."""

from __future__ import annotations

from typing import NamedTuple


class Transition(NamedTuple):
    """One way from a state to the next, and what is said about it."""

    before: str
    on: str
    after: str
    why: str
    ending: str = ""  # the resolution of a case that ends with it


HEALTHY, FLUCTUATING, DOWN, RECOVERING, CLOSED = STATES = (
    "healthy",
    "fluctuating",
    "down",
    "recovering",
    "closed",
)

TRANSITIONS = (
    Transition(HEALTHY, "alarmed", FLUCTUATING, "more failures than chance explains"),
    Transition(FLUCTUATING, "calmed", HEALTHY, "it was nothing", "false_alarm"),
    Transition(FLUCTUATING, "subsided", HEALTHY, "it was never enough for an outage", "recovered"),
    Transition(FLUCTUATING, "eased", HEALTHY, "answers come as fast as usual again", "recovered"),
    Transition(FLUCTUATING, "explained", HEALTHY, "it has another root", "joined_incident"),
    Transition(FLUCTUATING, "confirmed", DOWN, "many customers fail"),
    Transition(DOWN, "recovered", RECOVERING, "attempts succeed again"),
    Transition(DOWN, "withdrawn", HEALTHY, "its feed was silent, and not it", "feed_stalled"),
    Transition(DOWN, "deserted", CLOSED, "nobody tries any more", "recovered"),
    Transition(FLUCTUATING, "ended_by_people", HEALTHY, "people say that it is nothing", "false_alarm"),
    Transition(DOWN, "ended_by_people", CLOSED, "people say that it is over", "recovered"),
    Transition(DOWN, "retired", CLOSED, "people say that it is out of service", "out_of_service"),
    Transition(RECOVERING, "ended_by_people", CLOSED, "people say that it is over", "recovered"),
    Transition(RECOVERING, "relapsed", DOWN, "failures are back"),
    Transition(RECOVERING, "quiet", CLOSED, "quiet for long enough", "recovered"),
    Transition(CLOSED, "confirmed", DOWN, "failures are back soon after: the same incident"),
    Transition(CLOSED, "forgotten", HEALTHY, "what comes now is a new incident"),
)
_AFTER = {(row.before, row.on): row for row in TRANSITIONS}


def step(state: str, on: str) -> Transition:
    """The way from `state` on `on`. Raises KeyError for one that the table does not have: a bug, not bad data."""
    return _AFTER[state, on]


def allows(state: str, on: str) -> bool:
    """Whether the table has a way from `state` on `on`."""
    return (state, on) in _AFTER


def diagram() -> str:
    """The table as a Mermaid state diagram, for the page."""
    rows = [f"    {row.before} --> {row.after}: {row.on}" for row in TRANSITIONS]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {HEALTHY}", *rows])
