from __future__ import annotations

from typing import Any

import pytest
from support.happenings import MINUTE, NOON, event, paid
from support.play import Player, policy

from streams.contracts.accounts import (
    AccountProfile,
    ActionAcknowledged,
    CaseAction,
    CustomerConfirmed,
    IdentityVerified,
    UserMessage,
)
from streams.contracts.actions import ActionRequested
from streams.contracts.base import from_ms
from streams.contracts.cases import ActionRejected, CaseVersion, NotificationRequested, RemarkRecorded
from streams.contracts.decisions import DecisionAmended
from streams.contracts.payments import PaymentRequested
from streams.core.cases.operator import PERMITTED
from streams.core.score import Score
from streams.core.steps import Effect


def only(kind: type, effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if type(effect) is kind]


class Desk:
    """An account with one held payment and its case, and an operator."""

    def __init__(self, *overrides: str) -> None:
        self.player = Player(policy(*overrides), lambda _: Score(0.95, "m1"))
        effects = self.player.see(paid(NOON, 1, kind=PaymentRequested))
        self.case: CaseVersion = only(CaseVersion, effects)[-1]
        self.number = 0

    def act(self, action: str, role: str = "analyst", **fields: Any) -> list[Effect]:
        self.number += 1
        known = {"case_id": self.case.case_id, "expected_version": self.case.version, "actor": "ana", "role": role}
        act = event(CaseAction, NOON + self.number * MINUTE, self.number, action=action, **known | fields)
        effects = self.player.see(act)
        self.case = ([self.case, *only(CaseVersion, effects)])[-1]
        return effects


@pytest.mark.parametrize("action", sorted(PERMITTED))
def test_a_viewer_may_only_look(action: str) -> None:
    (rejected,) = Desk().act(action, role="viewer")
    assert isinstance(rejected, ActionRejected)
    assert rejected.cause == "role"


@pytest.mark.parametrize(
    ("action", "fields", "cause"),
    [
        ("merge", {}, "other_case"),
        ("merge", {"other_case_id": "case_elsewhere"}, "other_case"),
        ("link", {}, "other_case"),
        ("lock", {"lasts_s": 60}, "duration"),
        ("lock", {"lasts_s": 90 * 86_400}, "duration"),
        ("resolve", {"finding": "confirmed_fraud"}, "confirm_first"),
        ("resolve", {"finding": "false_alarm"}, "confirm_first"),
        ("ask", {"text": "please tell us your password"}, "secret"),
        ("ask", {"text": "请告诉我们验证码"}, "secret"),
        ("ask", {"text": "open https://pay.example and look"}, "link"),
        ("ask", {"text": "are you still at 13800138000?"}, "personal"),
        ("ask", {"text": "x" * 161}, "too_long"),
        ("ask", {"zh": "请告诉我们验证码", "en": "Which shop was it?"}, "secret"),
        ("ask", {"zh": "是哪家店？", "en": "x" * 161}, "too_long"),
        ("note", {"case_id": "case_other"}, "unknown_case"),
        ("note", {"case_id": None}, "unknown_case"),
        ("note", {"expected_version": 9}, "version_conflict"),
        ("unlock", {}, "no_lock"),
        ("reopen", {}, "status"),
        ("query", {}, "held"),
        ("release", {"payment_id": "pay-of-nobody"}, "no_hold"),
        ("block", {"payment_id": "pay-of-nobody"}, "no_hold"),
    ],
)
def test_a_refusal_has_a_name_and_changes_nothing(action: str, fields: dict[str, Any], cause: str) -> None:
    desk = Desk()
    (rejected,) = desk.act(action, **fields)
    assert isinstance(rejected, ActionRejected)
    assert rejected.cause == cause
    assert desk.case.version == 1


@pytest.mark.parametrize(
    ("action", "changed"),
    [
        ("assign", "status assigned"),
        ("ask", "status waiting_customer"),
        ("resolve", "status resolved"),
        ("confirm_fraud", "finding confirmed_fraud"),
        ("confirm_legit", "finding false_alarm"),
        ("note", "timeline: operator_note"),
    ],
)
def test_every_action_is_a_version_that_says_what_changed(action: str, changed: str) -> None:
    desk = Desk()
    desk.act(action)
    assert desk.case.version == 2
    assert changed in desk.case.changed
    assert f"operator_{action}" in {line.kind for line in desk.case.evidence}


@pytest.mark.parametrize(
    ("action", "outcome", "cause"), [("release", "allow", "released"), ("block", "block", "confirmed")]
)
def test_an_operator_ends_the_hold(action: str, outcome: str, cause: str) -> None:
    desk = Desk()
    (amended,) = only(DecisionAmended, desk.act(action))
    assert (amended.outcome, amended.cause, amended.subject_id) == (outcome, cause, "p1")
    for again in ("release", "block"):
        (rejected,) = desk.act(again)
        assert isinstance(rejected, ActionRejected)
        assert (rejected.cause, rejected.text.partition(":")[0]) == ("no_hold", "there is no hold")


def test_an_operator_restricts_and_lifts() -> None:
    desk = Desk()
    assert [command.action for command in only(ActionRequested, desk.act("lock"))] == ["restrict"]
    assert only(ActionRequested, desk.act("unlock"))[-1].action == "unlock"


@pytest.mark.parametrize(("result", "refused"), [("done", False), ("refused", True)])
def test_that_a_command_was_carried_out_makes_nobodys_next_action_fail(result: str, refused: bool) -> None:
    """A refused one is something that whoever acts on the case has to know first."""
    desk = Desk()
    (restrict,) = only(ActionRequested, desk.act("lock"))
    read = desk.case.version
    at_ms = NOON + desk.number * MINUTE + 1
    named = {"action_id": restrict.action_id, "effective_at": from_ms(at_ms), "result": result}
    desk.case = only(CaseVersion, desk.player.see(event(ActionAcknowledged, at_ms, "ack", **named)))[-1]
    assert desk.case.version > read
    effects = desk.act("unlock", expected_version=read)
    assert [each.cause for each in only(ActionRejected, effects)] == (["version_conflict"] if refused else [])


def test_nothing_is_locked_while_the_policy_observes() -> None:
    (rejected,) = Desk('mode = "observe"').act("lock")
    assert isinstance(rejected, ActionRejected)
    assert rejected.cause == "observing"


def test_entity_cases_are_somebody_elses() -> None:
    assert Desk().act("note", owner="entity") == []


def frozen(desk: Desk) -> None:
    """The customer says no: the account is frozen because of the desk's case."""
    desk.number += 1
    no = event(
        CustomerConfirmed, NOON + desk.number * MINUTE, "no", channel="app", case_id=desk.case.case_id, answer="no"
    )
    desk.case = only(CaseVersion, desk.player.see(no))[-1]
    assert [held.action for held in desk.player.obligations["a1"].locks] == ["freeze"]


def checked(desk: Desk, level: int = 3, *, passed: bool = True) -> None:
    """The identity service has looked at whoever wants the account back."""
    desk.number += 1
    told = {"method": "face_and_document", "level": level, "passed": passed, "actor": "idv", "role": "identity_service"}
    seen = event(IdentityVerified, NOON + desk.number * MINUTE, f"idv{desk.number}", **told)
    desk.case = only(CaseVersion, desk.player.see(seen))[-1]


def test_a_freeze_ends_only_after_its_owner_was_looked_at() -> None:
    desk = Desk()
    frozen(desk)
    two = {"role": "supervisor", "second_actor": "ben"}
    for level, passed in ((None, True), (2, True), (3, False)):
        if level is not None:
            checked(desk, level, passed=passed)
        (rejected,) = only(ActionRejected, desk.act("unlock", **two))
        assert rejected.cause == "identity"
        assert "face and document within 24 h" in rejected.text
    checked(desk)
    checked(desk, 1, passed=False)  # the newest answer counts, and this one says: perhaps somebody else
    assert only(ActionRejected, desk.act("unlock", **two))[0].cause == "identity"
    checked(desk, 4)
    desk.number += 24 * 60 + 1
    assert only(ActionRejected, desk.act("unlock", **two))[0].cause == "identity"
    checked(desk)
    assert "unlock" in {command.action for command in only(ActionRequested, desk.act("unlock", **two))}


def test_where_nobody_checks_identities_two_people_end_a_freeze() -> None:
    desk = Desk("locks.unfreeze_identity_s = 0")
    frozen(desk)
    lifted = desk.act("unlock", role="supervisor", second_actor="ben")
    assert "unlock" in {command.action for command in only(ActionRequested, lifted)}


def test_a_case_is_not_resolved_while_its_freeze_stands_and_the_sentence_says_the_way_out() -> None:
    desk = Desk()
    frozen(desk)
    (rejected,) = only(ActionRejected, desk.act("resolve", role="supervisor"))
    assert rejected.cause == "frozen"
    assert "a supervisor and a second person unlock it first" in rejected.text
    checked(desk)
    desk.act("unlock", role="supervisor", second_actor="ben")
    desk.act("resolve")
    assert desk.case.status == "resolved"


def test_a_yes_after_a_no_does_not_resolve_the_case_of_a_frozen_account() -> None:
    desk = Desk()
    frozen(desk)
    yes = event(CustomerConfirmed, NOON + 2 * MINUTE, "yes", channel="app", case_id=desk.case.case_id, answer="yes")
    version = only(CaseVersion, desk.player.see(yes))[-1]
    assert (version.status, version.finding) == (desk.case.status, "confirmed_fraud")
    assert version.evidence[-1].kind == "customer_confirmed"


def test_of_two_who_claim_the_same_case_the_first_has_it_and_the_second_is_told() -> None:
    desk = Desk()
    seen = desk.case.version
    desk.act("assign", if_unassigned=True)
    (behind,) = desk.act("assign", actor="ben", if_unassigned=True, expected_version=seen)
    assert behind.cause == "version_conflict"
    (taken,) = desk.act("assign", actor="ben", if_unassigned=True)
    assert (taken.cause, taken.text) == ("taken", "ana has the case")
    assert desk.case.assignee == "ana"
    desk.act("assign", actor="ben")  # whoever does not ask for a free one takes it over, as before
    assert desk.case.assignee == "ben"


def test_a_case_that_has_ended_is_claimed_and_put_back_by_nobody() -> None:
    desk = Desk()
    desk.act("resolve")
    for action, fields in (("assign", {"if_unassigned": True}), ("put_back", {})):
        (rejected,) = desk.act(action, **fields)
        assert rejected.cause == "status"


@pytest.mark.parametrize(("actor", "role"), [("ana", "analyst"), ("sun", "supervisor")])
def test_whoever_has_a_case_passes_it_on_or_puts_it_back_and_so_does_a_supervisor(actor: str, role: str) -> None:
    desk = Desk()
    desk.act("assign")
    for fields in ({"action": "assign", "assignee": "cai"}, {"action": "put_back"}):
        (rejected,) = desk.act(**fields, actor="ben")
        assert (rejected.cause, "somebody else has" in rejected.text) == ("role", True)
    desk.act("put_back", actor=actor, role=role)
    assert (desk.case.assignee, desk.case.status) == (None, "classified")
    (nobody,) = desk.act("put_back", role="supervisor")
    assert nobody.cause == "unassigned"
    desk.act("assign")
    desk.act("assign", actor=actor, role=role, assignee="cai")
    assert desk.case.assignee == "cai"
    assert desk.case.evidence[-1].text == f"{role} {actor}: assign to cai"


def test_what_was_said_is_told_masked_once_it_was_carried_out_and_never_of_what_was_refused() -> None:
    desk = Desk()
    (said,) = only(RemarkRecorded, desk.act("note", text="  the owner called from 13800138000  "))
    assert (said.action, said.actor, said.text, said.hidden) == (
        "note",
        "ana",
        "the owner called from [phone]",
        ("phone",),
    )
    assert said.event_id == desk.case.evidence[-1].event_id
    (said,) = only(RemarkRecorded, desk.act("note", text="the owner called from [phone]"))  # as the console writes it
    assert (said.text, said.hidden) == ("the owner called from [phone]", ("phone",))
    assert only(RemarkRecorded, desk.act("note", text="   ")) == []
    assert only(RemarkRecorded, desk.act("put_back", text="for the next shift")) == []  # nobody has it


def test_an_analysts_question_reaches_the_customer_and_stays_on_the_case_that_waits() -> None:
    desk = Desk()
    effects = desk.act("ask", text="Which shop was it?", asks_for=("order", "screenshot"))
    (sent,) = only(NotificationRequested, effects)
    assert sent.template == "case.question.both"
    for text in (sent.en, desk.case.messages[0].en):
        assert "the order number, a screenshot of what you see. Which shop was it?" in text
    assert "Which shop was it?" in sent.zh
    assert desk.case.status == "waiting_customer"
    assert desk.case.evidence[-1].text == "analyst ana: ask for order, screenshot"
    reminded = desk.player.pass_until(NOON + 4 * 1_440 * MINUTE)
    assert any("Which shop was it?" in each.en for each in only(NotificationRequested, reminded))
    assert "Which shop was it?" in only(CaseVersion, reminded)[-1].messages[0].en


@pytest.mark.parametrize("asks_for", [(), ("order",)])
def test_each_customer_is_asked_and_reminded_in_the_own_language(asks_for: tuple[str, ...]) -> None:
    desk = Desk()
    (sent,) = only(
        NotificationRequested, desk.act("ask", zh="是哪家\n店？", en="Which shop was it?", asks_for=asks_for)
    )
    told = only(NotificationRequested, desk.player.pass_until(NOON + 4 * 1_440 * MINUTE))
    reminded = [each for each in told if each.template.startswith("case.reminder")]
    assert reminded
    for each in (sent, *reminded, desk.case.messages[0]):
        assert ("是哪家 店？" in each.zh, "Which shop" in each.zh) == (True, False)
        assert ("Which shop was it?" in each.en, "哪家" in each.en) == (True, False)


def test_the_case_keeps_both_texts_of_what_its_customer_was_asked() -> None:
    (remark,) = only(RemarkRecorded, Desk().act("ask", zh="是哪家店", en="Which shop was it?"))
    assert remark.text == "是哪家店 / Which shop was it?"


@pytest.mark.parametrize(
    ("language", "texts", "is_sent"),
    [
        ("zh-CN", {"zh": "是哪家店？"}, True),
        ("zh-CN", {"en": "Which shop?"}, False),
        ("en", {"en": "Which shop?"}, True),
        ("en", {"zh": "是哪家店？"}, False),
        ("fr", {"en": "Which shop?"}, False),
        ("fr", {"zh": "是哪家店？", "en": "Which shop?"}, True),
        (None, {"en": "Which shop?"}, False),
        (None, {"zh": "是哪家店？", "en": "Which shop?"}, True),
    ],
)
def test_one_text_of_a_question_is_enough_only_for_who_reads_it(
    language: str | None, texts: dict[str, str], is_sent: bool
) -> None:
    desk = Desk()
    if language is not None:
        desk.player.see(event(AccountProfile, NOON + MINUTE // 2, 90, language=language))
    effects = desk.act("ask", **texts)
    assert [each.cause for each in only(ActionRejected, effects)] == ([] if is_sent else ["language"])
    for each in only(NotificationRequested, effects):
        assert all(text in each.zh + each.en for text in texts.values())


@pytest.mark.parametrize(("scope", "action"), [("money_out", "restrict"), ("login", "lock"), ("all", "restrict")])
def test_a_person_chooses_what_is_locked_and_for_how_long_and_lifts_that_alone(scope: str, action: str) -> None:
    desk = Desk()
    (command,) = only(ActionRequested, desk.act("lock", scope=scope, lasts_s=7200))
    assert (command.action, command.scope, command.applies_to) == (action, scope, "everyone")
    assert command.expires_at is not None
    assert (command.expires_at - desk.case.occurred_at).total_seconds() == 7200
    (stands,) = only(ActionRejected, desk.act("lock", scope=scope, lasts_s=7200))
    assert stands.cause == "stands"
    other = "login" if scope != "login" else "money_out"
    (none,) = only(ActionRejected, desk.act("unlock", scope=other))
    assert none.cause == "no_lock"
    assert only(ActionRequested, desk.act("unlock", scope=scope))[-1].action == "unlock"


def test_a_resolution_says_what_it_was_how_it_ended_and_whose_it_was() -> None:
    desk = Desk()
    desk.act("resolve", finding="valuable_alert", resolution="explained", root_cause="customer")
    case = desk.case
    assert (case.status, case.finding, case.resolution_code, case.root_cause) == (
        "resolved", "valuable_alert", "explained", "customer",
    )  # fmt: skip
    assert case.evidence[-1].text == "analyst ana: resolve: valuable alert, explained, cause customer"


def opened(desk: Desk, flow: str = "F40", **fields: Any) -> CaseVersion:
    """A second case of the account, opened by hand."""
    about = {"case_id": None, "expected_version": 0, "flow": flow, "text": "found while reading the log"} | fields
    before = desk.case
    effects = desk.act("open", **about)
    found, desk.case = only(CaseVersion, effects), before
    assert found, effects
    return found[-1]


def test_a_case_is_opened_by_hand_and_says_by_whom_and_why() -> None:
    desk = Desk()
    case = opened(desk)
    assert (case.flow, case.queue, case.status) == ("F40", "security", "classified")
    assert "operator_open" in {line.kind for line in case.evidence}
    for fields, cause in (
        ({"flow": "F99"}, "unknown_flow"),
        ({"text": " "}, "nothing_said"),
        ({"role": "viewer"}, "role"),
    ):
        about = {"case_id": None, "expected_version": 0, "flow": "F40", "text": "why"} | fields
        (rejected,) = desk.act("open", **about)
        assert rejected.cause == cause


def test_a_merged_case_ends_in_the_other_and_one_that_money_or_a_lock_hangs_on_never_does() -> None:
    desk = Desk()
    other = opened(desk)
    (rejected,) = desk.act("merge", other_case_id=other.case_id)
    assert (rejected.cause, "held" in rejected.text) == ("bound", True)
    held, desk.case = desk.case, other
    effects = desk.act("merge", other_case_id=held.case_id)
    ended, goes_on = (
        next(each for each in only(CaseVersion, effects) if each.case_id == one.case_id) for one in (other, held)
    )
    assert (ended.status, ended.merged_into) == ("merged", held.case_id)
    assert "case.merged" in {line.kind for line in goes_on.evidence}


def test_linked_cases_say_so_and_stay_what_they_are() -> None:
    desk = Desk()
    other = opened(desk)
    effects = desk.act("link", other_case_id=other.case_id)
    assert desk.case.case_id == other.case_id or desk.case.parent_id == other.case_id
    mine = next(each for each in only(CaseVersion, effects) if each.case_id != other.case_id)
    assert (mine.parent_id, mine.status) == (other.case_id, "classified")
    desk.case = mine
    desk.act("link", other_case_id="inc_elsewhere")
    assert desk.case.parent_id == "inc_elsewhere"


def test_what_is_with_the_supervisors_is_claimed_by_one_of_them_and_by_nobody_else() -> None:
    desk = Desk()
    desk.act("escalate")
    assert (desk.case.assignee, desk.case.sub_status) == ("supervisors.security", "escalated")
    (taken,) = desk.act("assign", if_unassigned=True)
    assert taken.cause == "taken"
    desk.act("assign", actor="sun", role="supervisor", if_unassigned=True)
    assert (desk.case.assignee, desk.case.sub_status) == ("sun", None)
    (late,) = desk.act("assign", actor="jo", role="supervisor", if_unassigned=True)
    assert late.cause == "taken"


def test_a_customers_words_are_told_masked_on_the_case_that_they_opened() -> None:
    player = Player(policy())
    wrote = event(UserMessage, NOON, "m", channel="app", text="I was charged twice, card 4111 1111 1111 1111")
    effects = player.see(wrote)
    (said,), (case,) = only(RemarkRecorded, effects), only(CaseVersion, effects)
    assert (said.case_id, said.action, said.actor) == (case.case_id, "message", "customer")
    assert said.text == "I was charged twice, card [card]"
