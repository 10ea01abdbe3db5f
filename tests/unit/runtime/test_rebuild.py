"""Is it recognised what is wrong with a state, and is nothing replayed that a worker has not handled?"""

from __future__ import annotations

import msgspec

from streams.runtime.position import POSITION_KEY, Position
from streams.runtime.rebuild import compare, diagnose, moved
from streams.runtime.recovery import Evidence
from streams.runtime.states import FORMAT, Row

IN = "toy.first"


def position(handled: int, partitions: int = 4) -> Position:
    return Position(1, partitions, 5_000, 0, {IN: handled}, {})


def evidence(*, told: int | None = None, begin: int = 0, end: int = 100) -> dict[str, Evidence]:
    return {IN: Evidence(None, told, begin, end)}


def test_an_intact_state_is_replayed_no_further_than_it_is() -> None:
    found = diagnose(position(59), 4, evidence(told=60))
    assert (found.verdict, found.until) == ("intact", {IN: 60})


def test_a_lost_state_goes_as_far_as_the_group_was_told() -> None:
    found = diagnose(None, 4, evidence(told=60))
    assert (found.verdict, found.until) == ("lost", {IN: 60})


def test_nothing_handled_is_nothing_to_rebuild() -> None:
    found = diagnose(None, 4, evidence())
    assert (found.verdict, found.until) == ("fresh", {IN: 0})


def test_a_state_of_other_partitions_takes_the_whole_log() -> None:
    found = diagnose(position(59, partitions=8), 4, evidence(told=60))
    assert (found.verdict, found.until) == ("foreign", {IN: 100})


def test_records_deleted_before_they_were_read_are_a_hole() -> None:
    found = diagnose(position(9), 4, evidence(told=10, begin=30))
    assert found.verdict == "hole"
    assert "20 records" in found.why
    assert moved(position(9), evidence(begin=30)).offsets == {IN: 29}


def test_what_retention_took_behind_the_state_is_no_hole() -> None:
    assert diagnose(position(9), 4, evidence(told=30, begin=30)).verdict == "intact"


def test_another_log_under_the_old_name_is_read_from_its_start() -> None:
    found = diagnose(position(500), 4, evidence(told=501))
    assert found.verdict == "hole"
    assert moved(position(500), evidence()).offsets == {IN: -1}


def row(state: bytes, touched_ms: int = 0) -> bytes:
    return msgspec.msgpack.encode(Row(FORMAT, 0, [], state, touched_ms))


def test_states_are_compared_by_what_they_say() -> None:
    here = {b"same": row(b"1", 5), b"other": row(b"1"), b"gone": row(b"1"), POSITION_KEY: b"x"}
    there = {b"same": row(b"1", 9), b"other": row(b"2"), b"new": row(b"1"), POSITION_KEY: b"y"}
    found = compare(here, there)
    assert found == (1, [b"other"], [b"gone"], [b"new"])
    assert compare(here, here).none
