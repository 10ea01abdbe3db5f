"""Do the clocks of a case strike once, never early, never after its end, in any order of what happens to it?"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, event
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, SurveyAnswered, UserMessage, UserReport
from streams.contracts.base import to_ms
from streams.contracts.cases import CaseVersion, Sla
from streams.contracts.payments import FeeCharged
from streams.core.obligations import FINISHED
from streams.core.policy import Policy
from streams.core.steps import Effect

ASSUMED = '[locks]\nack = "assumed"\n'  # else commands are sent again for weeks
POLICIES = (
    policy(ASSUMED),
    policy(ASSUMED, "[cases]\nprogress_messages_max = 0"),
    policy(ASSUMED, "".join(f"[cases.{each}]\nbusiness_time = true\n" for each in ("P1", "P2", "P3", "P4"))),
)
WORDS = ("what is the blue thing", "my account was hacked, freeze it", "charged twice 12.50 CNY", "手续费")
ACTIONS = ("assign", "ask", "note", "resolve", "reopen", "escalate", "give")
HAPPENINGS = st.one_of(
    st.tuples(st.sampled_from(ACTIONS), st.booleans()),
    st.tuples(st.just("answer"), st.booleans()),
    st.tuples(st.sampled_from(WORDS), st.booleans()),
    st.tuples(st.just("fee"), st.booleans()),
    st.tuples(st.just("stolen"), st.booleans()),
    st.tuples(st.just("rated"), st.booleans()),
)
STEPS = st.one_of(st.integers(0, 10 * MINUTE), st.integers(0, 8 * HOUR), st.integers(0, 4 * DAY))
STORIES = st.lists(st.tuples(STEPS, HAPPENINGS), min_size=1, max_size=10)


def happened(number: int, at_ms: int, what: str, late: bool, newest: list[CaseVersion]) -> Any:
    """The event; `late` ones come out of order, within the lateness bound."""
    at_ms -= 7 * MINUTE if late else 0
    case = newest[number % len(newest)] if newest else None
    about = {"case_id": case.case_id} if case is not None else {}
    if what in ACTIONS:
        who = {"actor": "ana", "role": "supervisor", "expected_version": case.version if case is not None else 1}
        given_to = {"assignee": "bo"} if what == "give" else {}
        action = "assign" if what == "give" else what
        return event(CaseAction, at_ms, number, action=action, **who, **about, **given_to)
    match what:
        case "answer":
            return event(UserMessage, at_ms, number, channel="chat", text="here it is", **about)
        case "fee":
            fee = {"fee_id": f"f{number}", "tariff_id": "none", "amount_minor": 10, "currency": "USD"}
            return event(FeeCharged, at_ms, number, **fee)
        case "stolen":
            return event(UserReport, at_ms, number, kind="stolen", channel="app")
        case "rated":
            return event(SurveyAnswered, at_ms, number, channel="app", score=1, **about)
        case _:
            return event(UserMessage, at_ms, number, channel="chat", text=what)


def told(story: list[Any], policy: Policy, *, saved: bool = False, step_ms: int = 0) -> tuple[Player, list[Effect]]:
    player, effects, at_ms = Player(policy), [], NOON
    for number, (pause_ms, (what, late)) in enumerate(story):
        begins_ms, at_ms = at_ms, at_ms + pause_ms
        while step_ms and begins_ms < at_ms:
            begins_ms = min(at_ms, begins_ms + step_ms)
            effects += player.pass_until(begins_ms)
        effects += player.pass_until(at_ms)
        newest = {each.case_id: each for each in effects if isinstance(each, CaseVersion)}
        effects += player.see(happened(number, at_ms, what, late, list(newest.values())))
        if saved:
            player = Player.revived(player.saved(), policy)
    return player, effects + player.pass_until(at_ms + 15 * DAY)


def due_of(sla: Sla, clock: str) -> Any:
    return getattr(sla, f"{clock}_due")


@settings(max_examples=60, deadline=None)
@given(STORIES, st.sampled_from(POLICIES))
def test_every_strike_is_once_in_time_and_on_a_living_case(story: list[Any], policy: Policy) -> None:
    _, effects = told(story, policy)
    before: dict[str, CaseVersion] = {}
    struck: dict[str, set[str]] = {}
    for case in effects:
        if not isinstance(case, CaseVersion):
            continue
        was, mine = before.get(case.case_id), struck.setdefault(case.case_id, set())
        at_rest = was is not None and was.status in (*FINISHED, "auto_answered")
        raised = any(what.startswith("priority ") for what in case.changed) and not any(
            what.startswith("clock ") for what in case.changed
        )
        if at_rest or raised:
            mine -= {each for each in mine if "legal" not in each}  # the promises begin anew, the law's does not
        if any(what.startswith("message ") for what in case.changed) or (was and was.status == "waiting_customer"):
            mine -= {each for each in mine if each.startswith("clock next_update")}
        for what in case.changed:
            if not what.startswith("clock "):
                continue
            assert what not in mine
            mine.add(what)
            assert case.status not in FINISHED
            assert case.status != "auto_answered"
            assert case.status != "waiting_customer" or "legal" in what
            _, clock, percent = what.split()
            assert case.sla is not None
            due = due_of(case.sla, clock)
            assert case.occurred_at == due if percent == "100%" else case.occurred_at < due
        before[case.case_id] = case


@settings(max_examples=30, deadline=None)
@given(STORIES, st.sampled_from(POLICIES))
def test_a_worker_that_starts_again_and_a_clock_that_walks_tell_the_same(story: list[Any], policy: Policy) -> None:
    player, effects = told(story, policy)
    assert told(story, policy, saved=True)[1] == effects
    assert told(story, policy, step_ms=6 * HOUR)[1] == effects
    open_cases = [case for owed in player.obligations.values() for case in owed.cases if case.is_open]
    assert all(case.due_ms == 0 or case.due_ms > player.clock_ms for case in open_cases)
    assert to_ms(effects[-1].occurred_at) <= player.clock_ms if effects else True
