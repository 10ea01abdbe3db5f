"""Is the table of incident states whole: every state reached, every state left, every way used by the detector?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streams.core.incidents import cases, detector
from streams.core.incidents.transitions import CLOSED, HEALTHY, STATES, TRANSITIONS, step


def reachable(start: str, *, backwards: bool = False) -> set[str]:
    found, fresh = {start}, {start}
    while fresh:
        fresh = {
            (row.before if backwards else row.after)
            for row in TRANSITIONS
            if (row.after if backwards else row.before) in fresh
        } - found
        found |= fresh
    return found


def test_every_state_is_reached_and_every_state_ends_healthy() -> None:
    assert reachable(HEALTHY) == set(STATES)
    assert reachable(HEALTHY, backwards=True) == set(STATES)
    assert CLOSED in reachable("down")


def test_nothing_is_answered_twice_and_what_is_not_in_the_table_is_refused() -> None:
    assert len({(row.before, row.on) for row in TRANSITIONS}) == len(TRANSITIONS)
    with pytest.raises(KeyError):
        step(HEALTHY, "recovered")


def test_the_detector_says_every_word_of_the_table() -> None:
    sources = (Path(each.__file__).read_text(encoding="utf-8") for each in (detector, cases))
    said = set(re.findall(r'(?:move\(incident, |step\(HEALTHY, )"(\w+)"', "".join(sources)))
    assert said == {row.on for row in TRANSITIONS} - {"forgotten"}
