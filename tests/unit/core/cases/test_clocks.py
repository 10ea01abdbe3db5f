"""Do the clocks of a case strike when they should, once, and who is told of it?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, UserMessage, UserReport
from streams.contracts.base import to_ms
from streams.contracts.cases import ActionRejected, CaseVersion, NotificationRequested
from streams.contracts.payments import FeeCharged
from streams.core.cases.clocks import Deadline
from streams.core.steps import DecideContext, Effect


class Story:
    """One account, and every version and message that came of it."""

    def __init__(self, *overrides: str) -> None:
        self.player = Player(policy(*overrides))
        self.effects: list[Effect] = []
        self.promises: list[Deadline] = []
        context = self.player._context

        def watched(account_id: str) -> DecideContext:
            moment = context(account_id)
            moment.deadlines = self.promises
            return moment

        self.player._context = watched  # type: ignore[method-assign]

    def writes(self, at_ms: int, text: str = "I do not understand the blue thing", number: int = 1) -> Story:
        self.effects += self.player.see(event(UserMessage, at_ms, number, channel="chat", text=text))
        return self

    def waits(self, at_ms: int) -> Story:
        self.effects += self.player.pass_until(at_ms)
        return self

    def acts(self, at_ms: int, action: str, role: str = "analyst", **fields: Any) -> list[Effect]:
        self.waits(at_ms)
        about = {"case_id": self.case.case_id, "expected_version": self.case.version, "actor": "ana", "role": role}
        act = event(CaseAction, at_ms, f"{action}{at_ms}", action=action, **about | fields)
        effects = self.player.see(act)
        self.effects += effects
        return effects

    @property
    def cases(self) -> list[CaseVersion]:
        return [effect for effect in self.effects if isinstance(effect, CaseVersion)]

    @property
    def case(self) -> CaseVersion:
        return self.cases[-1]

    def struck(self) -> list[tuple[int, str]]:
        """(minutes after noon, what struck) of every clock."""
        return [
            ((to_ms(case.occurred_at) - NOON) // MINUTE, what.removeprefix("clock "))
            for case in self.cases
            for what in case.changed
            if what.startswith("clock ")
        ]

    def said(self) -> list[tuple[int, str]]:
        return [
            ((to_ms(each.occurred_at) - NOON) // MINUTE, each.template)
            for each in self.effects
            if isinstance(each, NotificationRequested) and each.template.startswith("case.progress")
        ]


QUIET = "[cases]\nprogress_messages_max = 0"


def silent(*overrides: str) -> Story:
    """A P3 case that the customer was not told about: a fee of a tariff that nobody knows."""
    story = Story(*overrides)
    fee = event(FeeCharged, NOON, 1, fee_id="f1", tariff_id="none", base_minor=1000, amount_minor=10, currency="CNY")
    story.effects += story.player.see(fee)
    return story


def test_every_clock_strikes_at_50_80_and_100_percent_once() -> None:
    story = silent().waits(NOON + 30 * DAY)
    first = [(30, "first_response 50%"), (48, "first_response 80%"), (60, "first_response 100%")]
    hours = 60
    resolution = [(36 * hours, 50), (57 * hours + 36, 80), (72 * hours, 100)]
    legal = [each for each in story.struck() if "legal" in each[1]]
    rest = [each for each in story.struck() if "legal" not in each[1]]
    assert rest == first + [(at, f"resolution {percent}%") for at, percent in resolution]
    assert legal == []
    assert story.promises == [
        Deadline("first_response", "technical", "missed"),
        Deadline("resolution", "technical", "missed"),
    ]


def test_who_is_told_first_is_not_late() -> None:
    story = Story(QUIET).writes(NOON).waits(NOON + HOUR)
    assert story.struck() == []
    assert story.promises == [Deadline("first_response", story.case.queue, "kept")]


def test_a_message_that_goes_by_itself_is_no_response_where_a_person_has_to() -> None:
    story = Story(QUIET, '[locks]\nack = "assumed"')
    story.effects += story.player.see(event(UserReport, NOON, 1, kind="stolen", channel="app"))
    assert story.case.priority == "P1"
    story.waits(NOON + 4 * MINUTE)
    assert story.struck() == [(2, "first_response 50%"), (4, "first_response 80%")]
    story.acts(NOON + 4 * MINUTE + 1, "assign")
    story.waits(NOON + HOUR)
    assert (5, "first_response 100%") not in story.struck()
    assert Deadline("first_response", "security", "kept") in story.promises


def test_an_overdue_case_goes_to_the_supervisors_with_everything_on_it() -> None:
    story = silent('[cases.supervisors]\ntechnical = "night.shift"').waits(NOON + HOUR)
    assert story.case.assignee == "night.shift"
    assert story.case.sub_status == "escalated"
    assert story.case.priority == "P2"
    assert story.case.evidence[0] == story.cases[0].evidence[0]
    (line,) = [line for line in story.case.evidence if line.kind == "escalated"]
    assert line.text.startswith("to night.shift from nobody: its first response is overdue; it began with: ")
    assert story.case.sla is not None
    assert story.cases[0].sla is not None
    assert story.case.sla.resolution_due == story.cases[0].sla.resolution_due, "the promise stays as it was made"


def test_a_clock_has_one_line_on_the_timeline_and_nobody_has_touched_the_case() -> None:
    story = silent().waits(NOON + 30 * DAY)
    kinds = [line.kind for line in story.case.evidence]
    assert sorted(kinds[1:]) == ["clock.first_response", "clock.resolution", "escalated"]
    (case,) = story.player.obligations["a1"].cases
    assert case.updated_ms == NOON
    assert case.due_ms == 0


def test_only_waiting_for_the_customer_stops_the_clocks() -> None:
    story = silent()
    story.acts(NOON + 10 * MINUTE, "ask")
    story.waits(NOON + 10 * DAY)
    assert story.struck() == []
    story.writes(NOON + 10 * DAY, "order 12345678")
    reply = event(UserMessage, NOON + 10 * DAY, 2, channel="chat", case_id=story.cases[0].case_id)
    story.effects += story.player.see(reply)
    mine = [case for case in story.cases if case.case_id == story.cases[0].case_id]
    assert mine[-1].status == "in_progress"
    assert mine[-1].sla is not None
    assert mine[-1].sla.paused_s == (10 * DAY - 10 * MINUTE) // 1000
    assert to_ms(mine[-1].sla.resolution_due) == NOON + 72 * HOUR + 10 * DAY - 10 * MINUTE


def test_an_answer_in_the_moment_of_the_question_pauses_nothing() -> None:
    story = silent()
    story.acts(NOON + 10 * MINUTE, "ask")
    early = event(UserMessage, NOON + 10 * MINUTE, 2, channel="chat", case_id=story.cases[0].case_id)
    story.effects += story.player.see(early)
    assert story.case.status == "in_progress"
    assert story.case.sla is not None
    assert story.case.sla.paused_s == 0


def test_an_ended_case_has_no_clocks_and_one_that_lives_again_has_new_ones() -> None:
    story = silent()
    story.acts(NOON + MINUTE, "resolve")
    story.waits(NOON + 20 * DAY)
    assert story.struck() == []
    story.acts(NOON + 20 * DAY, "reopen")
    story.waits(NOON + 20 * DAY + 40 * MINUTE)
    assert story.struck() == []  # whoever reopened it is at it
    assert story.case.sla is not None
    assert to_ms(story.case.sla.resolution_due) == NOON + 20 * DAY + 72 * HOUR


def test_the_customer_hears_that_work_goes_on_until_it_ends() -> None:
    story = Story("[cases]\nprogress_messages_max = 3").writes(NOON).waits(NOON + 12 * HOUR)
    step = {"P2": 4 * 60, "P3": 24 * 60, "P4": 24 * 60}[story.case.priority]
    story.waits(NOON + 20 * DAY)
    assert [at for at, _ in story.said()] == [step, 2 * step, 3 * step]
    assert (4 * step, "next_update 100%") in story.struck(), "then people have to write"
    ended = Story().writes(NOON)
    ended.acts(NOON + 30 * MINUTE, "resolve")
    assert ended.waits(NOON + 20 * DAY).said() == []


def test_who_was_never_told_of_a_case_hears_nothing_of_it() -> None:
    assert silent().waits(NOON + 20 * DAY).said() == []


def test_while_the_policy_observes_nobody_is_told_and_no_clock_runs() -> None:
    story = Story('mode = "observe"').writes(NOON).waits(NOON + 20 * DAY)
    assert story.case.shadow
    assert story.struck() == story.said() == []


def test_whoever_read_the_case_before_a_clock_struck_may_act_on_it() -> None:
    story = silent()
    seen = story.case.version
    story.waits(NOON + 50 * MINUTE)
    assert story.case.version == seen + 2
    story.acts(NOON + 51 * MINUTE, "note", expected_version=seen)
    assert not [each for each in story.effects if isinstance(each, ActionRejected)]
    story.acts(NOON + 52 * MINUTE, "note", expected_version=seen)
    (refused,) = [each for each in story.effects if isinstance(each, ActionRejected)]
    assert refused.cause == "version_conflict"


def test_in_business_time_a_clock_stands_still_at_night() -> None:
    story = silent("[cases.P3]\nbusiness_time = true").waits(NOON + 30 * DAY)
    # It begins at 20:00 in Shanghai: the hour is over at ten on the next business day.
    assert story.struck()[2] == (14 * 60, "first_response 100%")


@pytest.mark.parametrize("hours", ["false", "true"])
def test_a_pause_moves_no_deadline_of_a_response_that_is_given(hours: str) -> None:
    story = silent(f"[cases.P3]\nbusiness_time = {hours}")
    promised = _first_due(story)
    story.acts(NOON + 30 * MINUTE, "ask", asks_for=("order",))
    story.waits(NOON + 2 * DAY).writes(NOON + 2 * DAY, "order A2026040112345")
    assert story.case.sla is not None
    assert story.case.sla.paused_s > 0
    assert _first_due(story) == promised
    story.acts(NOON + 3 * DAY, "resolve")
    assert _first_due(story) == promised
    story.acts(NOON + 4 * DAY, "reopen", role="supervisor")
    assert _first_due(story) > NOON + 3 * DAY, "what is open again is promised anew"


def test_a_pause_before_the_first_response_gives_more_time_for_it() -> None:
    story = Story(*(f'[cases.{each}]\nfirst_response_by = "person"' for each in ("P2", "P3", "P4")))
    story.writes(NOON, "提现没到账")
    assert story.case.status == "waiting_customer", "it was asked how much and when"
    promised = _first_due(story)
    story.waits(NOON + HOUR).writes(NOON + HOUR, "昨天，500元", number=2)
    story.acts(NOON + 2 * HOUR, "ask", asks_for=("screenshot",))
    assert _first_due(story) == promised + HOUR
    story.waits(NOON + 30 * DAY)
    assert _first_due(story) == promised + HOUR


def test_that_nobody_has_understood_a_theft_yet_is_no_first_response_to_it() -> None:
    story = Story().writes(NOON, "老公手机丢地铁上了，微信支付宝都登着")
    told = [each.template for each in story.effects if isinstance(each, NotificationRequested)]
    assert (story.case.case_type, story.case.priority, told) == ("inquiry.unread", "P1", ["contact.person"])
    unread = Story().writes(NOON, "忘密码，我妹在用我号")
    assert (unread.case.case_type, unread.case.priority) == ("inquiry.unread", "P2")
    for each in (story, unread):
        assert each.case.sla is not None
        assert not each.case.sla.responded
        each.acts(NOON + MINUTE, "note", text="looked at")
        assert each.case.sla is not None
        assert each.case.sla.responded


def _first_due(story: Story) -> int:
    assert story.case.sla is not None
    return to_ms(story.case.sla.first_response_due)


def test_what_a_case_remembers_of_its_clocks_is_small() -> None:
    story = silent().waits(NOON + 30 * DAY)
    assert story.player.stored() < 1_200


@pytest.mark.parametrize("jump", [MINUTE, HOUR, 7 * DAY])
def test_however_far_time_jumps_the_same_is_told(jump: int) -> None:
    story = Story().writes(NOON)
    at_ms = NOON
    while at_ms < NOON + 7 * DAY:
        at_ms += jump
        story.waits(at_ms)
    assert story.effects == Story().writes(NOON).waits(NOON + 7 * DAY).effects


def test_an_analyst_escalates_and_a_supervisor_gives_it_to_somebody() -> None:
    story = silent()
    deadlines = story.case.sla
    story.acts(NOON + MINUTE, "escalate", queue="accounting", text="this is about money")
    assert (story.case.queue, story.case.assignee, story.case.sub_status) == (
        "accounting",
        "supervisors.accounting",
        "escalated",
    )
    assert "queue technical to accounting" in story.case.changed
    assert story.case.sla == deadlines, "a warm handover keeps the clocks"
    assert story.case.evidence[-1].text.startswith("to supervisors.accounting from nobody: asked for by analyst ana; ")
    (refused,) = story.acts(NOON + 2 * MINUTE, "assign", assignee="bo")
    assert isinstance(refused, ActionRejected)
    assert refused.cause == "role"
    story.acts(NOON + 3 * MINUTE, "assign", role="supervisor", assignee="bo")
    assert (story.case.assignee, story.case.sub_status, story.case.status) == ("bo", None, "assigned")
    story.waits(NOON + 2 * HOUR)
    assert (60, "first_response 100%") in story.struck(), "nobody has begun"
    assert story.case.assignee == "supervisors.accounting"


def test_an_ended_case_is_not_escalated() -> None:
    story = silent()
    story.acts(NOON + MINUTE, "resolve")
    (refused,) = story.acts(NOON + 2 * MINUTE, "escalate")
    assert isinstance(refused, ActionRejected)
    assert refused.cause == "status"


def test_what_can_wait_is_not_said_while_the_customer_sleeps() -> None:
    story = Story().writes(NOON + 11 * HOUR)
    assert story.case.priority in ("P3", "P4")
    story.waits(NOON + 4 * DAY)
    # A day later it is 23:00: the word comes at 8:00, and the one after it a day after that.
    assert [at for at, _ in story.said()][:2] == [44 * 60, 68 * 60]
    assert Deadline("next_update", story.case.queue, "kept") in story.promises
    assert Deadline("next_update", story.case.queue, "missed") not in story.promises
    (moved,) = [each for each in story.cases if "next update after the quiet hours" in each.changed]
    assert moved.sla is not None
    assert to_ms(moved.sla.next_update_due) == NOON + 44 * HOUR
    always = Story("[notifications]\nquiet_until_hour = 22").writes(NOON + 11 * HOUR).waits(NOON + 4 * DAY)
    assert [at for at, _ in always.said()][:2] == [35 * 60, 59 * 60]


def test_where_the_account_is_at_risk_the_customer_hears_of_it_at_night_too() -> None:
    story = Story()
    story.effects += story.player.see(event(UserReport, NOON + 10 * HOUR, 1, channel="app", kind="stolen"))
    story.waits(NOON + 12 * HOUR)
    assert (story.case.queue, story.case.priority) == ("security", "P1")
    assert [at for at, _ in story.said()] == [10 * 60 + 30 * number for number in range(1, 5)]
