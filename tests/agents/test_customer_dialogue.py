"""Is what passes between cases and customers counted by the accounts agent?"""

from __future__ import annotations

from support.happenings import DAY, HOUR, MINUTE, NOON, event
from support.scenes import Scene

from producers.feed import outgoing
from streams.contracts.accounts import CaseAction, SurveyAnswered, UserMessage
from streams.metrics import (
    CASE_FLOWS,
    CASE_THEMES,
    CUSTOMER_DIALOGUE,
    MESSAGES_ANSWERED,
    MESSAGES_READ,
    SURVEY_RATINGS,
    Counter,
)


def test_questions_reminders_ends_and_ratings_are_counted() -> None:
    text = "收银机报错，付不了款"
    feed = [outgoing("support.requests", event(UserMessage, NOON, 1, channel="chat", text=text))]
    run = Scene(partitions=1, step_ms=HOUR, responder=False).play(feed, 15 * DAY)
    (case_id,) = {case.case_id for case in run.cases}
    assert run.cases[-1].status == "closed"
    counted = {labels[0]: number for (each, labels), number in run.run.counts.items() if each is CUSTOMER_DIALOGUE}
    assert counted == {"asked": 1, "reminded": 2, "closed_unanswered": 1}
    about = {"case_id": case_id, "expected_version": 1, "actor": "ana", "role": "analyst"}
    feed += [
        outgoing("operator.actions", event(CaseAction, NOON + MINUTE, 2, action="resolve", **about)),
        outgoing("support.requests", event(SurveyAnswered, NOON + HOUR, 3, channel="chat", score=1, case_id=case_id)),
    ]
    run = Scene(partitions=1, step_ms=HOUR, responder=False).play(feed, DAY)
    assert (run.cases[-1].status, run.cases[-1].csat) == ("reopened", 1)
    rated = {labels[0]: number for (each, labels), number in run.run.counts.items() if each is SURVEY_RATINGS}
    assert rated == {"1": 1}


def test_texts_are_counted_by_who_understood_them_and_cases_by_what_they_are_about() -> None:
    texts = ("忘记密码了怎么登录", "重复扣款 扣了我两次 128元", "qwrt zzz", "")
    feed = [
        outgoing(
            "support.requests",
            event(UserMessage, NOON + number * HOUR, number, account_id=f"a{number}", channel="chat", text=text),
        )
        for number, text in enumerate(texts, start=1)
    ]
    run = Scene(partitions=1, step_ms=HOUR, responder=False).play(feed, 5 * HOUR)

    def counted(metric: Counter) -> dict[str, int]:
        return {labels[0]: number for (each, labels), number in run.run.counts.items() if each is metric}

    readers = counted(MESSAGES_READ)
    assert sum(readers.values()) == 3  # an empty text is not read
    assert readers["person"] == 1
    assert run.run.counts[MESSAGES_ANSWERED, ()] == 1
    assert counted(CASE_FLOWS) == {"F19": 1, "F12": 1, "F42": 1}
    assert counted(CASE_THEMES) == {"login_issue": 1, "duplicate_charge": 1, "inquiry.unread": 1}
