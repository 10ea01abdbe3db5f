from __future__ import annotations

from typing import Any

import pytest
from support.play import policy

from streams.contracts.base import from_ms
from streams.core.cases.book import Draft, add_line, open_or_join, set_status, version_of
from streams.core.obligations import CASES_MAX, Case, HeldLock, Line, Obligations
from streams.core.steps import DecideContext
from streams.core.turn import Turn, turn_of

NOON, DAY = 1_775_044_800_000, 86_400_000


def turn_at(obligations: Obligations, at_ms: int = NOON, cause: str = "e1", *overrides: str) -> Turn:
    ctx = DecideContext("ada", 0, 1, at_ms, at_ms, {})
    return turn_of(obligations, policy(*overrides), ctx, at_ms, cause)


def draft(family: str = "fraud_alert", event_id: str = "e1", at_ms: int = NOON, **fields: Any) -> Draft:
    given = {
        "case_type": family,
        "flow": "F24",
        "family": family,
        "queue": "security",
        "priority": 3,
        "lines": (Line(at_ms, "x", event_id, ""),),
    }
    return Draft(**given | fields)


def test_the_same_cause_within_seven_days_is_one_case() -> None:
    obligations = Obligations()
    first = open_or_join(turn_at(obligations), draft())
    assert open_or_join(turn_at(obligations, NOON + 6 * DAY, "e2"), draft(event_id="e2")) is first
    assert open_or_join(turn_at(obligations, NOON + 14 * DAY, "e3"), draft(event_id="e3")) is not first


def test_every_payment_has_its_own_money_case_and_keeps_its_id() -> None:
    obligations = Obligations()
    one = open_or_join(turn_at(obligations), draft("debit", by_payment=True, payment_id="p1"))
    two = open_or_join(turn_at(obligations), draft("debit", by_payment=True, payment_id="p2"))
    late = open_or_join(turn_at(obligations, NOON + 60 * DAY), draft("debit", by_payment=True, payment_id="p1"))
    assert one is late
    assert one.case_id != two.case_id


def test_a_money_case_that_was_forgotten_comes_back_under_another_id() -> None:
    """Its versions begin again; under the old id readers would take them for versions that they have."""
    obligations = Obligations()
    first = open_or_join(turn_at(obligations), draft("debit", by_payment=True, payment_id="p0"))
    for number in range(1, CASES_MAX + 1):
        turn = turn_at(obligations, NOON + 30 * DAY, f"e{number}")
        open_or_join(turn, draft("debit", by_payment=True, payment_id=f"p{number}"))
    assert first not in obligations.cases
    again = open_or_join(turn_at(obligations, NOON + 60 * DAY, "e0"), draft("debit", by_payment=True, payment_id="p0"))
    assert again.case_id != first.case_id


def test_severity_only_rises() -> None:
    obligations = Obligations()
    case = open_or_join(turn_at(obligations), draft(priority=2))
    open_or_join(turn_at(obligations, cause="e2"), draft(priority=4, event_id="e2"))
    assert case.priority == 2
    turn = turn_at(obligations, cause="e3")
    open_or_join(turn, draft(priority=1, event_id="e3"))
    assert case.priority == 1
    assert "priority P2 to P1" in turn.changed[case.case_id][1]


@pytest.mark.parametrize(
    ("fields", "vulnerable", "priority"),
    [
        ({"amount_minor": 499_999, "currency": "CNY"}, False, 3),
        ({"amount_minor": 500_000, "currency": "CNY"}, False, 2),
        ({"amount_minor": 70_000, "currency": "USD"}, False, 2),
        ({"amount_minor": 10**15, "currency": "XTS"}, False, 3),  # no rate, so nobody can say that it is large
        ({}, True, 2),
        ({"amount_minor": 500_000, "currency": "CNY", "priority": 1}, True, 1),
    ],
)
def test_large_amounts_and_vulnerable_customers_come_first(
    fields: dict[str, Any], vulnerable: bool, priority: int
) -> None:
    obligations = Obligations()
    obligations.holder.vulnerable = vulnerable
    assert open_or_join(turn_at(obligations), draft(**fields)).priority == priority


def test_a_finished_case_is_reopened_by_the_same_cause() -> None:
    obligations = Obligations()
    case = open_or_join(turn_at(obligations), draft())
    set_status(turn_at(obligations), case, "resolved", "operator")
    open_or_join(turn_at(obligations, NOON + DAY, "e2"), draft(event_id="e2"))
    assert case.status == "reopened"


def test_the_same_event_twice_is_one_line() -> None:
    obligations = Obligations()
    case = open_or_join(turn_at(obligations), draft())
    turn = turn_at(obligations)
    open_or_join(turn, draft())
    assert len(case.lines) == 1
    assert turn.changed == {}


def test_late_lines_take_their_place_behind_the_opening_one() -> None:
    obligations = Obligations()
    case = open_or_join(turn_at(obligations), draft())
    for at_ms, event_id in ((NOON + 5, "e3"), (NOON - 9, "e2")):
        add_line(turn_at(obligations), case, Line(at_ms, "x", event_id, ""))
    assert [line.event_id for line in case.lines] == ["e1", "e2", "e3"]


def test_a_long_timeline_keeps_its_beginning_and_counts_what_it_drops() -> None:
    obligations = Obligations()
    case = open_or_join(turn_at(obligations), draft())
    for number in range(200):
        add_line(turn_at(obligations), case, Line(NOON + number, "x", f"line-{number}", "text"))
    assert case.lines[0].event_id == "e1"
    assert case.lines[-1].event_id == "line-199"
    assert len(case.lines) + case.dropped == 201
    assert len(case.lines) <= 50


def test_where_there_is_no_room_routine_goes_first() -> None:
    obligations = Obligations()
    case = open_or_join(turn_at(obligations), draft())
    add_line(turn_at(obligations), case, Line(NOON + 1, "login.succeeded", "login", "text"))
    for number in range(2, 100):
        add_line(turn_at(obligations), case, Line(NOON + number, "acknowledged", f"line-{number}", "lock: done"))
    assert case.dropped
    assert [line.event_id for line in case.lines[:2]] == ["e1", "login"]


def test_what_people_did_goes_last_whichever_case_of_the_account_it_is_on() -> None:
    obligations = Obligations()
    worked = open_or_join(turn_at(obligations), draft("takeover"))
    acts = ("operator_note", "operator_ask", "operator_release", "operator_confirm_legit")
    for number, kind in enumerate(acts):
        add_line(turn_at(obligations), worked, Line(NOON + 1 + number, kind, f"act-{number}", "analyst ann: done"))
        add_line(turn_at(obligations), worked, Line(NOON + 1 + number, "hold_released", f"made-{number}", "text"))
    other = open_or_join(turn_at(obligations, NOON + 50, "e2"), draft("repeat_failures", "e2"))
    for number in range(60, 100):
        line = Line(NOON + number, "payment.failed", f"line-{number}", "declined once more")
        add_line(turn_at(obligations, NOON + number), other, line)
        assert other.lines[-1] is line  # whoever reads the version that tells it finds it there
    assert other.dropped
    assert {line.kind for line in worked.lines} >= set(acts)


def test_one_case_too_many_joins_the_newest_of_its_queue() -> None:
    obligations = Obligations()
    for number in range(CASES_MAX - 1):
        open_or_join(turn_at(obligations, NOON + number), draft(f"family-{number}", queue="security"))
    money = open_or_join(turn_at(obligations, NOON + 50), draft("money", queue="accounting"))
    taken = open_or_join(turn_at(obligations, NOON + 60, "e9"), draft("another", event_id="e9", queue="accounting"))
    assert taken is money
    assert len(obligations.cases) == CASES_MAX


def full_of_money(obligations: Obligations) -> list[Case]:
    """Every place taken by the open case of another payment, none of them stale."""
    return [
        open_or_join(
            turn_at(obligations, NOON + n, f"e{n}"),
            draft("debit", f"e{n}", by_payment=True, payment_id=f"p{n}", queue="accounting"),
        )
        for n in range(CASES_MAX)
    ]


def test_the_money_of_one_payment_never_joins_the_case_of_another() -> None:
    obligations = Obligations()
    cases = full_of_money(obligations)
    turn = turn_at(obligations, NOON + 60, "e99")
    new = open_or_join(turn, draft("debit", "e99", by_payment=True, payment_id="p99", queue="accounting"))
    assert (new.payment_id, len(obligations.cases)) == ("p99", CASES_MAX)
    assert cases[0] not in obligations.cases
    assert cases[0].is_open
    assert cases[0].lines[-1].kind == "handed_over"
    assert turn.changed[cases[0].case_id][1] == ["handed over"]
    assert turn.ctx.handed_over == ["accounting"]


def test_what_another_queue_has_to_work_gets_a_case_of_its_own() -> None:
    obligations = Obligations()
    full_of_money(obligations)
    report = open_or_join(turn_at(obligations, NOON + 60, "e99"), draft("unauthorised", "e99", queue="security"))
    assert report.family == "unauthorised"
    assert report in obligations.cases


def test_money_and_what_a_lock_stands_on_are_the_last_to_go() -> None:
    obligations = Obligations()
    locked = open_or_join(turn_at(obligations, NOON, "e0"), draft("takeover", "e0", priority=4))
    advice = open_or_join(turn_at(obligations, NOON + 1, "e1"), draft("repeat_failures", "e1", priority=4))
    obligations.locks.append(HeldLock("act", "freeze", "all", "everyone", "active", "risk", NOON, 0, locked.case_id))
    for number in range(2, CASES_MAX + 1):
        money = draft("debit", f"e{number}", by_payment=True, payment_id=f"p{number}", queue="accounting", priority=4)
        open_or_join(turn_at(obligations, NOON + number, f"e{number}"), money)
    assert advice not in obligations.cases
    assert locked in obligations.cases
    assert sum(case.by_payment for case in obligations.cases) == CASES_MAX - 1


def test_finished_cases_make_room_first() -> None:
    obligations = Obligations()
    cases = [open_or_join(turn_at(obligations, NOON + n), draft(f"family-{n}")) for n in range(CASES_MAX)]
    set_status(turn_at(obligations, NOON + 40), cases[3], "resolved")
    fresh = open_or_join(turn_at(obligations, NOON + 50, "e9"), draft("another", event_id="e9"))
    assert fresh in obligations.cases
    assert cases[3] not in obligations.cases


def test_deadlines_follow_the_priority() -> None:
    obligations = Obligations()
    case = open_or_join(turn_at(obligations), draft(priority=3))
    later = turn_at(obligations, NOON + DAY, "e2")
    open_or_join(later, draft(priority=1, event_id="e2"))
    version = version_of(later, case, ["x"])
    assert version.sla is not None
    assert version.sla.resolution_due == from_ms(NOON + DAY + 14_400_000)  # 4 hours from when it became P1
    assert version.created_at == from_ms(NOON)


def test_a_shadow_never_joins_a_real_case() -> None:
    obligations = Obligations()
    real = open_or_join(turn_at(obligations), draft())
    shadow = open_or_join(turn_at(obligations, NOON, "e2", 'mode = "observe"'), draft(event_id="e2"))
    assert shadow is not real
    assert isinstance(shadow, Case)
    assert shadow.shadow
