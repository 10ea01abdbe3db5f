from __future__ import annotations

from typing import Any

import pytest
from support.happenings import MINUTE, NOON, event, paid
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, CustomerConfirmed, IdentityVerified
from streams.contracts.actions import ActionRequested
from streams.contracts.cases import ActionRejected, CaseVersion
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
        ("merge", {}, "not_supported"),
        ("note", {"case_id": "case_other"}, "unknown_case"),
        ("note", {"case_id": None}, "unknown_case"),
        ("note", {"expected_version": 9}, "version_conflict"),
        ("unlock", {}, "no_lock"),
        ("reopen", {}, "status"),
        ("query", {}, "held"),
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
    (amended,) = only(DecisionAmended, Desk().act(action))
    assert (amended.outcome, amended.cause, amended.subject_id) == (outcome, cause, "p1")


def test_an_operator_restricts_and_lifts() -> None:
    desk = Desk()
    assert [command.action for command in only(ActionRequested, desk.act("lock"))] == ["restrict"]
    assert only(ActionRequested, desk.act("unlock"))[-1].action == "unlock"


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
