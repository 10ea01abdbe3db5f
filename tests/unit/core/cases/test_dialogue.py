"""What a case and its customer say to each other: questions, reminders, silent ends, surveys, and ratings."""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event
from support.play import Player, policy

from streams.contracts.accounts import AccountProfile, Attachment, CaseAction, SurveyAnswered, UserMessage
from streams.contracts.cases import ActionRejected, CaseVersion, NotificationRequested
from streams.core.steps import Effect

DUPLICATE = "charged twice, 12.50 EUR, order A2026040112345"


class Talk:
    """One account, its one case, and everything that was told."""

    def __init__(self, *overrides: str, text: str = DUPLICATE) -> None:
        self.player = Player(policy(*overrides))
        self.number = 0
        self.effects: list[Effect] = []
        self.says(NOON, text)

    def sees(self, kind: Any, at_ms: int, **fields: Any) -> list[Effect]:
        self.number += 1
        told = self.player.see(event(kind, at_ms, self.number, **fields))
        self.effects += told
        return told

    def says(self, at_ms: int, text: str | None, **fields: Any) -> list[Effect]:
        return self.sees(UserMessage, at_ms, channel="chat", text=text, **fields)

    def acts(self, at_ms: int, action: str, **fields: Any) -> list[Effect]:
        self.passes(at_ms)
        about = {"case_id": self.case.case_id, "expected_version": self.case.version}
        return self.sees(CaseAction, at_ms, action=action, actor="ana", role="analyst", **about | fields)

    def rates(self, at_ms: int, score: int, **fields: Any) -> list[Effect]:
        return self.sees(SurveyAnswered, at_ms, channel="in_app", score=score, **fields)

    def passes(self, at_ms: int) -> list[Effect]:
        told = self.player.pass_until(at_ms)
        self.effects += told
        return told

    @property
    def case(self) -> CaseVersion:
        return [each for each in self.effects if isinstance(each, CaseVersion)][-1]

    @property
    def statuses(self) -> list[str]:
        found: list[str] = []
        for each in self.effects:
            if isinstance(each, CaseVersion) and found[-1:] != [each.status]:
                found.append(each.status)
        return found


def messages(effects: list[Effect]) -> list[tuple[str, int]]:
    """(template, days since noon); that work goes on is said by the clocks."""
    sent = [each for each in effects if isinstance(each, NotificationRequested)]
    return [
        (each.template, int(each.occurred_at.timestamp() * 1000 - NOON) // DAY)
        for each in sent
        if not each.template.startswith("case.progress")
    ]


def test_who_does_not_answer_is_reminded_twice_and_then_the_case_closes() -> None:
    talk = Talk()
    asked = talk.acts(NOON, "ask", asks_for=("screenshot", "time"))
    (question,) = [each for each in asked if isinstance(each, NotificationRequested)]
    assert question.en.startswith("To go on with case")
    assert "a screenshot of what you see, the time" in question.en
    told = talk.passes(NOON + 40 * DAY)
    assert messages(told) == [("case.reminder", 3), ("case.reminder", 7), ("case.unanswered", 14)]
    reminder = next(each for each in told if isinstance(each, NotificationRequested))
    assert "a screenshot of what you see, the time" in reminder.en
    assert "15 Apr" in reminder.en  # the day on which it closes
    assert (talk.case.status, talk.case.resolution_code) == ("closed", "no_answer")
    assert [line.kind for line in talk.case.evidence].count("customer.reminded") == 2


@pytest.mark.parametrize(
    "text",
    [
        "提现五千三天没到账",
        "withdrew 2000 on friday, it is not in my bank",
        "提现的钱去哪了",
        "where is my refund of 120",
        "退款一百二在哪",
        "how long do withdrawals take? asking because my 2000 left on friday and my bank shows zero",
    ],
)
def test_a_message_about_missing_money_goes_to_people_if_nobody_answers(text: str) -> None:
    talk = Talk(text=text)
    assert talk.case.status == "waiting_customer"
    told = talk.passes(NOON + 20 * DAY)
    reminders = [each for each in told if isinstance(each, NotificationRequested) and "reminder" in each.template]
    assert {each.template for each in reminders} == {"case.reminder.missing"}
    assert "we go on with case" in reminders[0].en
    assert talk.statuses[:2] == ["waiting_customer", "in_progress"]
    assert "closed" not in talk.statuses
    assert "money_missing" in talk.case.reason_codes
    assert "customer.silent" in {line.kind for line in talk.case.evidence}


@pytest.mark.parametrize("text", ["我想申请退款", "I want a refund", "please refund my order"])
def test_a_wish_for_a_refund_that_names_no_order_may_end_in_silence(text: str) -> None:
    talk = Talk(text=text)
    assert talk.case.status == "waiting_customer"
    talk.passes(NOON + 20 * DAY)
    assert (talk.case.status, talk.case.resolution_code) == ("closed", "no_answer")


def test_a_question_that_a_person_has_asked_about_missing_money_may_end_in_silence() -> None:
    talk = Talk(text="提现五千三天没到账")
    talk.acts(NOON + MINUTE, "assign")
    talk.acts(NOON + HOUR, "ask", asks_for=("time",))
    talk.passes(NOON + 20 * DAY)
    assert (talk.case.status, talk.case.resolution_code) == ("closed", "no_answer")


def test_money_that_is_less_while_a_payment_hangs_is_worked_at_once() -> None:
    talk = Talk(text="付款页面一直转圈，结果卡里的钱少了")
    assert (talk.case.flow, talk.case.priority, talk.case.status) == ("F10", "P2", "classified")


@pytest.mark.parametrize("named", [True, False])
def test_an_answer_ends_the_waiting_and_the_reminders(named: bool) -> None:
    talk = Talk()
    talk.acts(NOON, "ask")
    told = talk.says(NOON + 4 * DAY, "the blue one", case_id=talk.case.case_id if named else None)
    assert (talk.case.status, talk.case.version) == ("in_progress", 4)
    assert messages(told) == [("case.reminder", 3)]
    assert messages(talk.passes(NOON + 90 * DAY)) == []
    assert talk.case.status == "in_progress"  # people's, and their clocks'


def test_a_screenshot_alone_is_an_answer() -> None:
    talk = Talk()
    talk.acts(NOON, "ask", asks_for=("screenshot",))
    shot = Attachment(reference="blob/1", sha256="0" * 64, kind="image")
    talk.says(NOON + HOUR, None, attachments=(shot,))
    assert talk.case.status == "in_progress"


def test_what_was_written_before_the_question_is_no_answer() -> None:
    talk = Talk()
    talk.acts(NOON + 10 * MINUTE, "ask")
    talk.says(NOON + 9 * MINUTE, "hurry up please", case_id=talk.case.case_id)
    assert talk.case.status == "waiting_customer"


def test_another_matter_is_no_answer() -> None:
    talk = Talk()
    asked = talk.acts(NOON, "ask")
    first = asked[-1]
    assert isinstance(first, CaseVersion)
    talk.says(NOON + HOUR, "my account was hacked, freeze it")
    assert (talk.case.flow, talk.case.priority, talk.case.case_id != first.case_id) == ("F23", "P1", True)
    assert messages(talk.passes(NOON + 4 * DAY)) == [("case.reminder", 3)]


def test_of_two_cases_that_wait_none_is_guessed() -> None:
    talk = Talk()
    talk.acts(NOON, "ask")
    talk.says(NOON + MINUTE, "my refund for order B2026040112345 has not come")
    talk.acts(NOON + MINUTE, "ask")
    talk.says(NOON + HOUR, "the blue one")
    waiting = [case for case in talk.player.obligations["a1"].cases if case.status == "waiting_customer"]
    assert len(waiting) == 2


def test_asked_once_more_the_time_begins_again() -> None:
    talk = Talk()
    talk.acts(NOON, "ask")
    talk.acts(NOON + 6 * DAY, "ask")
    told = talk.passes(NOON + 40 * DAY)
    assert messages(told) == [("case.reminder", 9), ("case.reminder", 13), ("case.unanswered", 20)]


def test_details_that_nobody_can_begin_without_are_waited_for() -> None:
    talk = Talk(text="提现没到账")
    assert (talk.case.status, messages(talk.effects)) == ("waiting_customer", [("contact.asked", 0)])
    talk.says(NOON + DAY, "昨天，500元")
    assert (talk.case.status, talk.case.amount_minor) == ("in_progress", 50_000)


def test_security_begins_without_the_details() -> None:
    talk = Talk(text="someone else used my card, I did not make this payment")
    assert (talk.case.flow, talk.case.status, messages(talk.effects)) == ("F25", "classified", [("contact.asked", 0)])


def test_an_answer_after_the_end_opens_the_case_again_for_a_week_and_twice() -> None:
    talk = Talk()
    case_id = talk.case.case_id
    talk.acts(NOON, "ask")
    talk.passes(NOON + 20 * DAY)
    talk.says(NOON + 20 * DAY, "here it is", case_id=case_id)
    assert (talk.case.case_id, talk.case.status, talk.case.resolution_code) == (case_id, "reopened", None)
    talk.acts(NOON + 20 * DAY, "resolve")
    talk.says(NOON + 22 * DAY, "no, it is not", case_id=case_id)
    assert (talk.case.case_id, talk.case.status) == (case_id, "reopened")
    talk.acts(NOON + 22 * DAY, "resolve")
    talk.says(NOON + 22 * DAY + HOUR, "and again", case_id=case_id)
    assert talk.case.case_id != case_id  # a person reads it


def test_after_the_window_an_ended_case_stays_ended() -> None:
    talk = Talk()
    case_id = talk.case.case_id
    talk.acts(NOON, "ask")
    talk.passes(NOON + 22 * DAY)
    talk.says(NOON + 22 * DAY, "here it is", case_id=case_id)
    assert talk.case.case_id != case_id


def test_thanks_open_nothing() -> None:
    talk = Talk()
    talk.acts(NOON, "resolve")
    case_id = talk.case.case_id
    talk.says(NOON + HOUR, "thank you, great service, well done", case_id=case_id)
    assert talk.player.obligations["a1"].cases[0].status == "resolved"


def test_an_answered_question_is_over_after_a_day() -> None:
    talk = Talk(text="I forgot my password")
    talk.passes(NOON + 40 * DAY)
    assert talk.statuses == ["auto_answered", "closed"]
    assert talk.case.resolution_code == "answered"
    assert messages(talk.effects) == [("answer.F19", 0)]


def test_a_resolved_case_is_rated_once_and_closed() -> None:
    talk = Talk()
    talk.acts(NOON, "resolve")
    assert messages(talk.passes(NOON + 2 * DAY)) == [("case.survey", 1)]
    talk.rates(NOON + 2 * DAY, 5)
    assert (talk.case.status, talk.case.csat, talk.case.resolution_code) == ("closed", 5, "operator")
    talk.rates(NOON + 3 * DAY, 1, case_id=talk.case.case_id)
    assert (talk.case.status, talk.case.csat) == ("closed", 5)
    assert talk.passes(NOON + 60 * DAY) == []


def test_without_a_rating_it_closes_all_the_same() -> None:
    talk = Talk()
    talk.acts(NOON, "resolve")
    talk.passes(NOON + 60 * DAY)
    assert talk.statuses == ["classified", "resolved", "surveyed", "closed"]
    assert talk.case.csat is None
    assert (talk.case.occurred_at.timestamp() * 1000 - NOON) / DAY == 8


@pytest.mark.parametrize("score", [1, 2])
def test_a_low_rating_opens_the_case_again_once_for_the_supervisors(score: int) -> None:
    talk = Talk()
    talk.acts(NOON, "resolve")
    talk.rates(NOON + 2 * DAY, score, case_id=talk.case.case_id)
    assert (talk.case.status, talk.case.assignee, talk.case.priority) == ("reopened", "supervisors.accounting", "P1")
    assert talk.case.sub_status == "escalated"
    talk.acts(NOON + 3 * DAY, "resolve")
    talk.rates(NOON + 4 * DAY, 1, case_id=talk.case.case_id)
    told = talk.passes(NOON + 60 * DAY)
    assert messages(told) == []
    assert (talk.case.status, talk.case.csat) == ("closed", score)


def test_a_rating_before_the_survey_is_taken_and_nobody_is_asked() -> None:
    talk = Talk()
    talk.acts(NOON, "resolve")
    talk.rates(NOON + HOUR, 4, case_id=talk.case.case_id)
    assert messages(talk.passes(NOON + 60 * DAY)) == []
    assert (talk.case.status, talk.case.csat) == ("closed", 4)


def test_one_customer_is_asked_once_in_30_days() -> None:
    talk = Talk()
    talk.acts(NOON, "resolve")
    talk.says(NOON + 9 * DAY, "charged twice for order B2026040112345, 5 EUR")
    talk.acts(NOON + 9 * DAY, "resolve")
    talk.says(NOON + 35 * DAY, "charged twice for order C2026040112345, 5 EUR")
    talk.acts(NOON + 35 * DAY, "resolve")
    talk.passes(NOON + 60 * DAY)
    assert [each for each in messages(talk.effects) if each[0] == "case.survey"] == [
        ("case.survey", 1),
        ("case.survey", 36),
    ]
    assert {case.status for case in talk.player.obligations["a1"].cases} == {"closed"}


@pytest.mark.parametrize(
    "override",
    ['[cases.survey]\nqueues = ["technical"]', '[cases.survey]\nnot_flows = ["F12"]', 'mode = "observe"'],
)
def test_where_none_is_due_the_case_closes_after_its_window(override: str) -> None:
    talk = Talk(override)
    talk.acts(NOON, "resolve")
    assert messages(talk.passes(NOON + 60 * DAY)) == []
    assert talk.statuses == ["classified", "resolved", "closed"]


def test_a_closed_account_is_not_asked() -> None:
    talk = Talk()
    talk.acts(NOON, "resolve")
    talk.sees(AccountProfile, NOON + HOUR, closed_at=talk.case.occurred_at)
    assert messages(talk.passes(NOON + 60 * DAY)) == []


@pytest.mark.parametrize("action", ["ask", "resolve"])
def test_an_ended_case_is_reopened_before_anything_else(action: str) -> None:
    talk = Talk()
    talk.acts(NOON, "resolve")
    (refused,) = talk.acts(NOON + HOUR, action)
    assert isinstance(refused, ActionRejected)
    assert refused.cause == "status"


def test_an_observing_policy_waits_and_closes_but_writes_to_nobody() -> None:
    talk = Talk('mode = "observe"')
    talk.acts(NOON, "ask")
    assert messages(talk.passes(NOON + 20 * DAY)) == []
    assert talk.case.status == "closed"
