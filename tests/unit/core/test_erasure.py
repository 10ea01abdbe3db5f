from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, MINUTE, NOON, event, paid
from support.play import Player, policy

from streams.contracts.accounts import AccountErasure, CaseAction, LedgerPosted, UserReport
from streams.contracts.base import Event, to_ms
from streams.contracts.cases import AccountErased, ActionRejected, CaseVersion
from streams.contracts.payments import PaymentRequested
from streams.core.cases.shelf import SnapshotDropped
from streams.core.erasure import remains
from streams.core.score import Score
from streams.core.steps import Effect, LocksForgotten


def erasure(at_ms: int, **fields: Any) -> Event:
    asked = {"actor": "mei", "role": "supervisor", "second_actor": "jo", "why": "the customer asked"}
    return event(AccountErasure, at_ms, 99, **asked | fields)


def only(kind: type, effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if type(effect) is kind]


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"role": "analyst"}, "role"),
        ({"second_actor": "mei"}, "second_person"),
        ({"second_actor": " MEI "}, "second_person"),
        ({"second_actor": "\u200b"}, "second_person"),
        ({"second_actor": "m\u0435i"}, "second_person"),  # a Cyrillic letter
        ({"second_actor": "\u041c\u0415\u0406"}, "second_person"),
    ],
)
def test_two_people_erase_and_one_of_them_is_a_supervisor(fields: dict[str, Any], cause: str) -> None:
    player = Player(policy())
    player.see(paid(NOON, 1))
    (rejected,) = player.see(erasure(NOON + MINUTE, **fields))
    assert isinstance(rejected, ActionRejected)
    assert (rejected.action, rejected.cause, rejected.event_id) == ("erase", cause, "AccountErasure-99")


def test_an_account_that_is_frozen_stays_known() -> None:
    player = Player(policy())
    player.see(event(UserReport, NOON, 1, channel="app", kind="stolen"))
    (rejected,) = only(ActionRejected, player.see(erasure(NOON + MINUTE)))
    assert rejected.cause == "locked"
    assert "freeze" in rejected.text
    assert player.obligations["a1"].locks


def test_an_open_case_is_resolved_first_and_then_its_snapshot_goes() -> None:
    player = Player(policy(), lambda _: Score(0.95, "m1"))
    case = only(CaseVersion, player.see(paid(NOON, 1, kind=PaymentRequested)))[-1]
    (rejected,) = only(ActionRejected, player.see(erasure(NOON + MINUTE)))
    assert (rejected.cause, case.case_id in rejected.text) == ("open_case", True)
    for number, action in enumerate(("block", "resolve")):
        desk = {"case_id": case.case_id, "expected_version": case.version, "actor": "ana", "role": "analyst"}
        acted = player.see(event(CaseAction, NOON + (2 + number) * MINUTE, number, action=action, **desk))
        case = only(CaseVersion, acted)[-1]
    effects = player.see(erasure(NOON + DAY, event_id="again"))
    (receipt,) = only(AccountErased, effects)
    assert (receipt.event_id, receipt.case_ids) == ("again", (case.case_id,))
    assert receipt.forgotten["payments"] == receipt.forgotten["cases"] == 1
    assert [gone.case_id for gone in only(SnapshotDropped, effects)] == [case.case_id]
    assert [gone.account_id for gone in only(LocksForgotten, effects)] == ["a1"]


def test_money_that_is_on_its_way_is_followed_first() -> None:
    player = Player(policy())
    player.see(paid(NOON, 1, kind=PaymentRequested))
    debit = {"entry_id": "l1", "direction": "debit", "amount_minor": 1000, "currency": "EUR", "payment_id": "p1"}
    player.see(event(LedgerPosted, NOON + 1_000, 1, **debit))
    (rejected,) = only(ActionRejected, player.see(erasure(NOON + 2_000)))
    assert rejected.cause == "money"


def test_what_remains_is_a_mark() -> None:
    player = Player(policy())
    player.see(paid(NOON, 1))
    obligations = player.obligations["a1"]
    obligations.locks_version = 4
    observations, owed = remains(obligations, to_ms(erasure(NOON + DAY).occurred_at))
    assert (observations.erased_ms, observations.events, observations.first_ms) == (NOON + DAY, 0, -1)
    assert (owed.locks_version, owed.payments) == (4, b"")
