"""How soon do people and rules answer, were cases in the right queue, and were they really over?"""

from __future__ import annotations

from support.happenings import DAY, HOUR, MINUTE, NOON, event
from support.scenes import Scene

from producers.feed import Outgoing, outgoing
from producers.simulate.catalog import scenario
from streams.contracts.accounts import CaseAction, SurveyAnswered, UserMessage
from streams.contracts.cases import CaseVersion
from streams.metrics import (
    CASES_MOVED,
    CASES_REOPENED,
    DEBIT_BACK_SECONDS,
    DEBIT_FOUND_SECONDS,
    FIRST_RESPONSE_SECONDS,
    Counter,
    Histogram,
)


def written(text: str) -> Outgoing:
    return outgoing("support.requests", event(UserMessage, NOON, 1, channel="chat", text=text))


CHARGED_TWICE, STOLEN = written("重复扣款 扣了我两次 128元"), written("我的账户被盗了，快帮我冻结")


def counted(run: Scene, metric: Counter) -> dict[tuple[str, ...], int]:
    return {labels: number for (each, labels), number in run.run.counts.items() if each is metric}


def observed(run: Scene, metric: Histogram) -> list[tuple[tuple[str, ...], float]]:
    return [
        (labels, value)
        for (each, value, labels), number in run.run.spreads.items()
        for _ in range(number)
        if each is metric
    ]


def played(message: Outgoing, *acts: tuple[str, int, dict[str, str]]) -> Scene:
    """What a customer has written, and then what an analyst does with its case: (action, when, more fields)."""
    feed, run = [message], Scene(partitions=1, step_ms=MINUTE, responder=False).play([message], MINUTE)
    for number, (action, after_ms, more) in enumerate(acts, start=2):
        newest = run.cases[-1]
        about = {"case_id": newest.case_id, "expected_version": newest.version, "actor": "ana", "role": "analyst"}
        wanted = event(CaseAction, NOON + after_ms, number, action=action, **about, **more)
        feed.append(outgoing("operator.actions", wanted))
        run = Scene(partitions=1, step_ms=MINUTE, responder=False).play(feed, MINUTE)
    return run


def test_the_first_response_is_measured_from_when_the_case_was_opened() -> None:
    before = played(STOLEN)
    queue = before.cases[-1].queue
    assert before.cases[-1].sla is not None
    already = observed(before, FIRST_RESPONSE_SECONDS)
    run = played(STOLEN, ("note", 7 * MINUTE, {"text": "looked at"}), ("note", 9 * MINUTE, {"text": "again"}))
    given = observed(run, FIRST_RESPONSE_SECONDS)
    assert [each for each in given if each not in already] == [((queue,), 420.0)]


def test_a_case_that_is_passed_to_another_queue_was_in_the_wrong_one() -> None:
    run = played(CHARGED_TWICE, ("escalate", 5 * MINUTE, {"queue": "security"}))
    assert run.cases[-1].queue == "security"
    assert counted(run, CASES_MOVED) == {("security",): 1}
    assert counted(played(CHARGED_TWICE, ("escalate", 5 * MINUTE, {})), CASES_MOVED) == {}


def test_whoever_opens_a_case_again_it_was_not_over() -> None:
    resolved = ("resolve", 5 * MINUTE, {})
    assert counted(played(CHARGED_TWICE, resolved), CASES_REOPENED) == {}
    by_people = played(CHARGED_TWICE, resolved, ("reopen", 8 * MINUTE, {}))
    queue = by_people.cases[-1].queue
    assert by_people.cases[-1].status == "reopened"
    assert counted(by_people, CASES_REOPENED) == {(queue,): 1}


def test_a_low_rating_is_one_of_them() -> None:
    (case_id,) = {case.case_id for case in Scene(partitions=1, responder=False).play([CHARGED_TWICE], HOUR).cases}
    about = {"case_id": case_id, "expected_version": 1, "actor": "ana", "role": "analyst"}
    feed = [
        CHARGED_TWICE,
        outgoing("operator.actions", event(CaseAction, NOON + MINUTE, 2, action="resolve", **about)),
        outgoing("support.requests", event(SurveyAnswered, NOON + HOUR, 3, channel="chat", score=1, case_id=case_id)),
    ]
    run = Scene(partitions=1, step_ms=HOUR, responder=False).play(feed, DAY)
    assert sum(counted(run, CASES_REOPENED).values()) == 1


def test_a_debit_without_its_payment_is_found_and_back_within_a_time() -> None:
    told = scenario("debited_but_failed")
    run = Scene(step_ms=MINUTE).play(told.records(7, NOON, {"customers": 3, "days": 2}), HOUR)
    cases = [case for case in run.all(CaseVersion) if case.cause_family == "debited_not_confirmed"]
    found, back = [], []
    for case in cases:
        (debit,) = [line.at for line in case.evidence if line.kind == "ledger_debit"]
        if case.version == 1:
            found.append((case.detected_at - debit).total_seconds())
        if "status resolved" in case.changed:
            back.append((case.occurred_at - debit).total_seconds())
    assert len(found) == len(back) > 0
    assert sorted(observed(run, DEBIT_FOUND_SECONDS)) == [((), each) for each in sorted(found)]
    assert sorted(observed(run, DEBIT_BACK_SECONDS)) == [((), each) for each in sorted(back)]
    assert 0 < min(found) < min(back)
