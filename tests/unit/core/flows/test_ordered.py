"""Does an account stand still for a court or because of money laundering until two people end it?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event, paid
from support.play import Player, policy

from streams.contracts.accounts import (
    AccountProfile,
    Attachment,
    CaseAction,
    IdentityVerified,
    LedgerPosted,
    UserReport,
)
from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.base import from_ms
from streams.contracts.cases import ActionRejected, CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionMade
from streams.contracts.payments import TopupRequested, TransferRequested
from streams.core.steps import Effect

TWO = {"role": "supervisor", "actor": "sue", "second_actor": "bob"}


def only(kind: type, effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if type(effect) is kind]


class Story:
    """One account whose locks nobody has to acknowledge, and its cases by flow."""

    def __init__(self) -> None:
        self.player = Player(policy('[locks]\nack = "assumed"\n'))
        self.cases: dict[str, CaseVersion] = {}
        self.number = 0
        self.see(AccountProfile, NOON - DAY, opened_at=from_ms(NOON - 7 * DAY))

    def see(self, kind: type, at_ms: int, /, **fields: Any) -> list[Effect]:
        self.number += 1
        effects = self.player.pass_until(at_ms) + self.player.see(event(kind, at_ms, self.number, **fields))
        for case in only(CaseVersion, effects):
            self.cases[case.flow] = case
        return effects

    def moves(self, at_ms: int, kind: type = TransferRequested, **more: Any) -> str:
        self.number += 1
        self.player.pass_until(at_ms)
        effects = self.player.see(paid(at_ms, self.number, 5_000, kind, **more))
        return only(DecisionMade, effects)[-1].outcome

    def act(self, at_ms: int, flow: str, action: str, **fields: Any) -> list[Effect]:
        self.player.pass_until(at_ms)
        case = self.player.obligations["a1"].case(self.cases[flow].case_id)
        assert case is not None
        about = {"case_id": case.case_id, "expected_version": case.version}
        return self.see(CaseAction, at_ms, action=action, **{"role": "analyst", "actor": "ana"} | about | fields)

    def opens(self, flow: str) -> None:
        self.see(
            CaseAction, NOON, action="open", flow=flow, text="a letter", actor="ana", role="analyst", expected_version=0
        )

    def is_a_mule(self) -> None:
        self.see(
            LedgerPosted,
            NOON,
            entry_id="in",
            direction="credit",
            amount_minor=480_000,
            currency="EUR",
            counterparty_id="p",
        )
        self.see(
            TransferRequested,
            NOON + 9 * MINUTE,
            payment_id="out",
            amount_minor=460_000,
            currency="EUR",
            counterparty_id="bo",
            device_id="phone",
        )

    def proves_who_it_is(self, at_ms: int) -> list[Effect]:
        fields = {"method": "face_and_document", "level": 3, "passed": True}
        return self.see(IdentityVerified, at_ms, actor="idv", role="identity_service", **fields)

    @property
    def frozen(self) -> list[str]:
        return [held.scope for held in self.player.obligations["a1"].locks if held.action == "freeze"]


def refusals(effects: list[Effect]) -> list[str]:
    return [each.cause for each in only(ActionRejected, effects)]


def test_a_confirmed_mule_stands_still_money_in_too_until_two_people_end_it():
    story = Story()
    story.is_a_mule()
    effects = story.act(NOON + HOUR, "F31", "confirm_fraud")
    asked = [(each.action, each.scope) for each in only(ActionRequested, effects)]
    assert asked == [("freeze", "everything"), ("stop_payouts", "all")]
    assert [each.template for each in only(NotificationRequested, effects)] == ["account_frozen"]
    assert story.moves(NOON + 20 * DAY, counterparty_id="bo") == "block"
    assert story.moves(NOON + 20 * DAY + MINUTE, TopupRequested) == "block"
    assert refusals(story.act(NOON + 21 * DAY, "F31", "unlock")) == ["role"]
    assert not refusals(story.act(NOON + 21 * DAY + MINUTE, "F31", "unlock", **TWO)), "nobody doubts who it is"
    assert not story.frozen


def test_a_confirmed_mules_case_ends_with_its_report_once_the_freeze_has_been_decided_about():
    story = Story()
    story.is_a_mule()
    story.act(NOON + HOUR, "F31", "confirm_fraud")
    report = Attachment(
        reference="https://reports.example/1",
        sha256="ab" * 32,
        kind="aml_report",
        media_type="application/pdf",
        size_bytes=1,
    )
    story.act(NOON + 2 * HOUR, "F31", "attach", attachment=report)
    assert refusals(story.act(NOON + 3 * HOUR, "F31", "resolve")) == ["frozen"]
    story.act(NOON + 4 * HOUR, "F31", "unlock", **TWO)
    assert not refusals(story.act(NOON + 5 * HOUR, "F31", "resolve"))


@pytest.mark.parametrize(
    ("order", "scope", "topup"), [("court", "all", "allow"), ("money_laundering", "everything", "block")]
)
def test_two_people_freeze_for_an_order_and_no_check_of_the_owner_lifts_it(order: str, scope: str, topup: str):
    story = Story()
    story.opens("F21")
    story.act(NOON + MINUTE, "F21", "lock", order=order, text="order 12/2026", **TWO)
    assert story.frozen == [scope]
    story.proves_who_it_is(NOON + 2 * MINUTE)
    assert story.frozen == [scope]
    assert story.moves(NOON + 60 * DAY) == "block"
    assert story.moves(NOON + 60 * DAY + MINUTE, TopupRequested) == topup


@pytest.mark.parametrize(
    ("who", "cause"),
    [
        ({"role": "analyst", "actor": "ana", "second_actor": "bob"}, "role"),
        ({"role": "supervisor", "actor": "sue"}, "second_person"),
        ({"role": "supervisor", "actor": "sue", "second_actor": "Sue"}, "second_person"),
        ({"role": "supervisor", "actor": "sue", "second_actor": "ana", "second_role": "analyst"}, "second_person"),
        (TWO | {"text": " "}, "nothing_said"),
    ],
)
def test_nobody_freezes_for_an_order_alone_or_without_naming_it(who: dict[str, str], cause: str):
    story = Story()
    story.opens("F21")
    assert refusals(story.act(NOON + MINUTE, "F21", "lock", **{"order": "court", "text": "order 12"} | who)) == [cause]
    assert not story.frozen


def test_a_theft_and_an_order_end_together_on_the_case_with_the_order_after_the_owners_check():
    story = Story()
    story.see(UserReport, NOON, channel="phone", kind="stolen")
    story.opens("F21")
    story.act(NOON + MINUTE, "F21", "lock", order="money_laundering", text="order 12", **TWO)
    assert story.frozen == ["everything"], "one freeze, and wider"
    assert refusals(story.act(NOON + 2 * MINUTE, "F21", "unlock", **TWO)) == ["identity"]
    story.proves_who_it_is(NOON + 3 * MINUTE)
    assert refusals(story.act(NOON + 4 * MINUTE, "F23", "unlock", **TWO)) == ["ordered"]
    assert not refusals(story.act(NOON + 5 * MINUTE, "F21", "unlock", **TWO))
    assert not story.frozen


def test_a_freeze_for_an_order_alone_publishes_no_check_to_wait_for():
    story = Story()
    story.opens("F21")
    effects = story.act(NOON + MINUTE, "F21", "lock", order="court", text="order 12", **TWO)
    (lock,) = only(LocksState, effects)[-1].locks
    assert (lock.action, lock.check) == ("freeze", None)
