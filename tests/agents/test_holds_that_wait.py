"""Where the payment system honours a hold: does a person's answer end it, and is the payment watched to its end?"""

from __future__ import annotations

from support.happenings import HOUR, MINUTE, NOON, event
from support.scenes import Scene

from producers.feed import Outgoing, outgoing
from producers.simulate.catalog import scenario
from streams.contracts.accounts import CaseAction
from streams.contracts.decisions import DecisionAmended


def told() -> list[Outgoing]:
    """As the demo tells it."""
    changes = {"customers": 3, "days": 15, "honours_holds": 1}
    return list(scenario("probe_then_large").records(7, NOON, changes))


def answered(action: str) -> Scene:
    """The story, and a minute later what an analyst says about the payment that waits."""
    feed = told()
    waiting = Scene(step_ms=MINUTE).play(feed, MINUTE)
    (case,) = [each for each in waiting.cases if each.flow == "F24"]
    assert waiting.all(DecisionAmended) == []
    wanted = event(
        CaseAction,
        max(record.timestamp_ms for record in feed) + 2 * MINUTE,
        1,
        account_id=case.entities.account_id,
        action=action,
        case_id=case.case_id,
        expected_version=case.version,
        actor="ana",
        role="analyst",
    )
    return Scene(step_ms=MINUTE).play([*feed, outgoing("operator.actions", wanted)], HOUR)


def test_a_person_lets_the_payment_go_and_nothing_is_left_to_do_about_its_money() -> None:
    run = answered("release")
    assert [(each.outcome, each.cause) for each in run.all(DecisionAmended)] == [("allow", "released")]
    assert {case.flow for case in run.cases} == {"F24"}


def test_a_person_blocks_the_payment() -> None:
    run = answered("block")
    assert [(each.outcome, each.cause) for each in run.all(DecisionAmended)] == [("block", "confirmed")]
