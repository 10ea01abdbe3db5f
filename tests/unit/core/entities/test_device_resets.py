"""Is a release that resets device ids one case of all partitions, and does it end by itself a day after it ended?"""

from __future__ import annotations

from support.happenings import DAY, HOUR, MINUTE, NOON
from support.play import policy

from streams.contracts.base import to_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.signals import EntityObserved
from streams.core.cases.shelf import KEPT_MS
from streams.core.entities import pipeline
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.state import EntityState
from streams.core.handover import unsay_entity

CONTEXT = EntityContext(0, 1, NOON)


def tells(state: EntityState, at_ms: int, partition: int = 0) -> list[EntityEffect]:
    signal = EntityObserved(
        at_ms=at_ms,
        partition=partition,
        sequence=at_ms,
        kind="health",
        value="release/wallet/6.0",
        event_id=f"in-{at_ms}",
        account_id="a1",
        what="devices_reset",
    )
    return pipeline.observe(state, signal, policy(), CONTEXT)


def ends(state: EntityState) -> tuple[int, list[EntityEffect]]:
    due_ms = pipeline.next_due_ms(state)
    assert due_ms is not None
    return due_ms, pipeline.fire(state, due_ms, policy(), CONTEXT)


def test_several_partitions_and_hours_are_one_case_that_closes_a_day_after_the_last() -> None:
    state = EntityState()
    (opened,) = tells(state, NOON)
    assert isinstance(opened, CaseVersion)
    assert (opened.queue, opened.owner, opened.flow, opened.status) == ("technical", "entity", "F35", "classified")
    assert tells(state, NOON + MINUTE, partition=1) == []
    assert tells(state, NOON + 20 * HOUR, partition=2) == []
    due_ms, (closed,) = ends(state)
    assert due_ms == NOON + 20 * HOUR + DAY
    assert isinstance(closed, CaseVersion)
    assert (closed.case_id, closed.version, closed.status) == (opened.case_id, 2, "closed")
    assert closed.resolution_code == "devices_stable"
    assert pipeline.next_due_ms(state) == to_ms(closed.occurred_at) + KEPT_MS  # the snapshot's, and nothing else


def test_what_comes_back_afterwards_is_another_case() -> None:
    state = EntityState()
    (first,) = tells(state, NOON)
    ends(state)
    (again,) = tells(state, NOON + 2 * DAY)
    assert isinstance(first, CaseVersion)
    assert isinstance(again, CaseVersion)
    assert first.case_id != again.case_id


def test_one_that_nobody_was_told_of_is_told_when_it_goes_on() -> None:
    state = EntityState()
    tells(state, NOON)
    assert unsay_entity(state, policy().entities) == ["devices_reset"]
    assert pipeline.next_due_ms(state) is None
    (told,) = tells(state, NOON + HOUR)
    assert isinstance(told, CaseVersion)
