"""Who tells the owner of a payment that the case of a risky account holds (F21), and whose word lets it go?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import Player, policy, settled

from streams.contracts.accounts import CaseAction, CustomerConfirmed, IdentityVerified, LedgerPosted, UserMessage
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.logins import ChallengePassed, LoginSucceeded
from streams.contracts.payments import WithdrawalRequested
from streams.core.locks.account_states import state_of
from streams.core.steps import Effect

NEW: dict[str, Any] = {"device_id": "new", "ip": "198.51.100.9", "country": "US"}


def told(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if type(each) is NotificationRequested]


def amended(effects: list[Effect]) -> list[str]:
    return [each.outcome for each in effects if type(each) is DecisionAmended]


def lived_in() -> Player:
    player = settled(policy('[locks]\nack = "assumed"\n'))
    player.see(login(NOON, "in", LoginSucceeded, asn=777, user_agent="Firefox", **NEW))
    return player


def withdraws(player: Player) -> list[Effect]:
    """The owner on a new phone abroad, whose second factor has not come, or a thief."""
    effects = player.see(paid(NOON + 3 * MINUTE, "out", 55_000, WithdrawalRequested, card_token="own", **NEW))
    assert [each.outcome for each in effects if type(each) is DecisionMade][-1] == "hold"
    return effects


def says_yes(player: Player, at_ms: int, device: str) -> list[Effect]:
    word = {"channel": "app", "answer": "yes", "payment_id": "pout", "device_id": device}
    return player.see(event(CustomerConfirmed, at_ms, f"yes-{at_ms}", **word))


def acts(player: Player, action: str) -> list[Effect]:
    case = player.obligations["a1"].cases[-1]
    act = {"action": action, "case_id": case.case_id, "expected_version": case.version}
    return player.see(event(CaseAction, NOON + 20 * MINUTE, "act", role="analyst", actor="ana", **act))


def test_the_owner_is_told_that_it_waits_until_when_and_that_it_was_stopped() -> None:
    player = lived_in()
    effects = withdraws(player)
    assert told(effects) == ["account_locked.risk", "fraud_alert.held"]
    held = [each for each in effects if type(each) is NotificationRequested][-1]
    assert "12:03" in held.en
    assert "14:03" in held.en
    effects = player.pass_until(NOON + 2 * HOUR + 4 * MINUTE)
    assert amended(effects) == ["block"]
    assert "fraud_alert.stopped" in told(effects)


def test_a_yes_from_the_phone_of_before_lets_it_go_and_lifts_nothing() -> None:
    player = lived_in()
    withdraws(player)
    effects = says_yes(player, NOON + 5 * MINUTE, "phone")
    assert amended(effects) == ["allow"]
    assert told(effects) == ["fraud_alert.released"]
    assert state_of(player.obligations["a1"].locks) == "restricted"


def test_the_device_that_asked_does_not_vouch_for_itself_until_its_owner_has_shown_face_and_document() -> None:
    player = lived_in()
    withdraws(player)
    player.see(login(NOON + 4 * MINUTE, "sms", ChallengePassed, **NEW))
    effects = says_yes(player, NOON + 5 * MINUTE, "new")
    assert amended(effects) == []
    assert told(effects) == ["fraud_alert.unvouched"]
    check = {"method": "face_and_document", "level": 3, "passed": True, "actor": "idv", "role": "identity_service"}
    player.see(event(IdentityVerified, NOON + 6 * MINUTE, "idv", **check))
    assert amended(says_yes(player, NOON + 7 * MINUTE, "new")) == ["allow"]


@pytest.mark.parametrize("action", ["confirm_legit", "unlock", "release"])
def test_an_analyst_who_finds_the_owner_lets_it_go(action: str) -> None:
    player = lived_in()
    withdraws(player)
    effects = acts(player, action)
    assert amended(effects) == ["allow"]
    assert told(effects)[-1] == "fraud_alert.released"
    assert player.obligations["a1"].holds == []


def test_without_a_restriction_it_is_asked_about() -> None:
    """A cap on locks keeps the restriction away: the question is the only thing that the owner hears."""
    player = lived_in()
    player.limits.stop("total", NOON - HOUR, NOON + DAY)
    assert told(withdraws(player)) == ["fraud_alert.confirm"]
    assert state_of(player.obligations["a1"].locks) == "active"
    assert amended(says_yes(player, NOON + 5 * MINUTE, "new")) == []
    assert amended(says_yes(player, NOON + 6 * MINUTE, "phone")) == ["allow"]


def test_what_is_heard_too_late_to_restrict_anything_is_not_held() -> None:
    player = lived_in()
    later = {"entry_id": "c", "direction": "credit", "amount_minor": 1, "currency": "EUR", "kind": "posting"}
    player.see(event(LedgerPosted, NOON + 2 * HOUR, "c", **later))
    player.see(paid(NOON + 3 * MINUTE, "out", 55_000, WithdrawalRequested, card_token="own", **NEW))
    assert player.obligations["a1"].holds == []
    assert amended(player.pass_until(NOON + DAY)) == []


def proves(player: Player, at_ms: int) -> list[Effect]:
    check = {"method": "face_and_document", "level": 3, "passed": True, "actor": "idv", "role": "identity_service"}
    return player.see(event(IdentityVerified, at_ms, f"face-{at_ms}", **check))


def risky(effects: list[Effect]) -> CaseVersion:
    return [each for each in effects if type(each) is CaseVersion and each.flow == "F21"][-1]


@pytest.mark.parametrize("answer", ["check", "confirm_legit"])
def test_a_case_that_is_answered_rests_closes_by_itself_and_is_never_urgent(answer: str) -> None:
    player = lived_in()
    withdraws(player)
    told_of = proves(player, NOON + 20 * MINUTE) if answer == "check" else acts(player, "confirm_legit")
    assert risky(told_of).status == "auto_answered"
    end = risky(player.pass_until(NOON + 10 * DAY))
    assert (end.status, end.priority, end.sub_status) == ("closed", "P2", None)


def test_the_supervisors_have_it_no_longer_then() -> None:
    player = lived_in()
    withdraws(player)
    assert risky(player.pass_until(NOON + 30 * HOUR)).sub_status == "escalated"
    rested = risky(proves(player, NOON + 31 * HOUR))
    assert (rested.status, rested.sub_status, rested.assignee) == ("auto_answered", None, None)


def test_what_somebody_else_does_after_the_check_wakes_it() -> None:
    player = lived_in()
    withdraws(player)
    proves(player, NOON + 20 * MINUTE)
    other = {"device_id": "other", "ip": "192.0.2.77", "country": "BR"}
    player.see(login(NOON + HOUR, "other", LoginSucceeded, asn=778, user_agent="curl", **other))
    effects = player.see(paid(NOON + 63 * MINUTE, "out2", 55_000, WithdrawalRequested, card_token="x", **other))
    woken = [each for each in effects if type(each) is CaseVersion]
    assert {"classified", "reopened"} & {each.status for each in woken if each.flow == "F21"}


def test_where_the_owner_has_written_people_answer() -> None:
    player = lived_in()
    withdraws(player)
    case = player.obligations["a1"].cases[-1]
    wrote = {"text": "what is this about?", "channel": "app", "case_id": case.case_id}
    player.see(event(UserMessage, NOON + 10 * MINUTE, "ask", **wrote))
    proves(player, NOON + 20 * MINUTE)
    assert case.status == "classified"
