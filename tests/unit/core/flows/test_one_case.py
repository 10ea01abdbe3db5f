"""Is one theft one case, with one timeline and one set of clocks, whatever its first signs have opened (F23)?"""

from __future__ import annotations

from typing import Any

from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import NO_MODEL, PHONE, Player, policy, settled

from streams.contracts.accounts import CustomerConfirmed, UserReport
from streams.contracts.base import Event
from streams.contracts.logins import CredentialChanged, LoginSucceeded
from streams.contracts.payments import TransferRequested
from streams.core.obligations import Case
from streams.core.score import Score

ASSUMED = policy('[locks]\nack = "assumed"\n')
THIEF: dict[str, Any] = {"ip": "192.0.2.9", "device_id": "box", "country": "RO"}


def stolen(at_ms: int, channel: str = "phone") -> Event:
    return event(UserReport, at_ms, "stolen", channel=channel, language="en", kind="stolen")


def cases(player: Player) -> list[Case]:
    return list(player.obligations["a1"].cases)


def cashing_out() -> Player:
    """A thief is in, and the account is restricted by what the first transfer shows."""
    player = settled(ASSUMED)
    player._scorer = lambda prepared: Score(0.95, "m") if prepared.subject == "transfer" else NO_MODEL
    player.see(login(NOON, "in", LoginSucceeded, **THIEF))
    player.see(paid(NOON + MINUTE, "out", 90_000, TransferRequested, counterparty_id="mule", **THIEF))
    return player


def test_a_risky_account_that_was_stolen_goes_on_in_the_case_of_the_theft() -> None:
    player = cashing_out()
    (risky,) = cases(player)
    assert risky.flow == "F21"
    player.see(stolen(NOON + HOUR))
    risky, theft = cases(player)
    assert (risky.status, risky.merged_into, theft.flow) == ("merged", theft.case_id, "F23")
    assert {line.event_id for line in risky.lines if line.kind == "transfer.requested"} <= {
        line.event_id for line in theft.lines
    }
    held = player.obligations["a1"].locks
    assert {reason.case_id for each in held for reason in each.reasons} == {theft.case_id}


def test_a_setting_that_a_doubted_stranger_changes_belongs_with_what_the_stranger_has_shown() -> None:
    player = cashing_out()
    (risky,) = cases(player)
    player.see(login(NOON + HOUR, "pw", CredentialChanged, reason="password", **THIEF))
    risky, change = cases(player)
    assert (change.flow, change.priority, change.parent_id) == ("F28", 1, risky.case_id)
    assert risky.priority == 1, "people open what is most urgent first, and find the rest there"
    assert "case.linked" in {line.kind for line in risky.lines}
    player.see(login(NOON + HOUR + MINUTE, "mail", CredentialChanged, reason="email", **THIEF))
    assert [line.kind for line in risky.lines].count("case.linked") == 1
    player.stored()


def test_money_that_a_stranger_asks_for_belongs_with_the_setting_that_was_changed_before() -> None:
    player = settled(ASSUMED)
    player._scorer = lambda prepared: Score(0.95, "m") if prepared.subject == "transfer" else NO_MODEL
    player.see(login(NOON, "pw", CredentialChanged, reason="password", **THIEF))
    player.see(paid(NOON + MINUTE, "out", 90_000, TransferRequested, counterparty_id="mule", **THIEF))
    first, *others = cases(player)
    assert {each.parent_id for each in others} <= {first.case_id}
    assert len([each for each in cases(player) if each.is_open and not each.parent_id]) == 1


def test_what_the_owner_is_asked_about_at_home_is_another_matter() -> None:
    player = cashing_out()
    player.see(login(NOON + HOUR, "pw", CredentialChanged, reason="password", ip="192.0.2.80", device_id="other"))
    assert [case.parent_id for case in cases(player)] == ["", ""]


def test_the_yes_and_no_to_a_linked_case_are_its_own() -> None:
    player = cashing_out()
    (risky,) = cases(player)
    player.see(login(NOON + HOUR, "pw", CredentialChanged, reason="password", **THIEF))
    no = {"channel": "app", "answer": "no", "payment_id": "pout"}
    player.see(event(CustomerConfirmed, NOON + 2 * HOUR, "no", **no))
    assert any(each.action == "freeze" for each in player.obligations["a1"].locks)
    assert risky.finding == "confirmed_fraud"


def test_what_an_older_suspicion_opened_stays_its_own() -> None:
    player = cashing_out()
    player.see(stolen(NOON + 40 * DAY))
    assert [case.status for case in cases(player) if case.flow == "F21"] != ["merged"]


def test_what_is_stopped_while_people_are_at_a_takeover_is_a_line_of_its_case() -> None:
    player = cashing_out()
    player.see(stolen(NOON + HOUR))
    player.see(paid(NOON + 2 * HOUR, "more", 95_000, TransferRequested, counterparty_id="mule2", **THIEF))
    assert [case.flow for case in cases(player) if case.is_open] == ["F23"]


def test_a_theft_that_anybody_reports_after_a_change_at_home_is_one_case_with_it() -> None:
    player = settled(ASSUMED)
    player.see(login(NOON, "pw", CredentialChanged, reason="password", **PHONE))
    player.see(stolen(NOON + 10 * MINUTE, "email"))
    (case,) = cases(player)
    assert (case.flow, case.priority, case.status) == ("F23", 1, "classified")
    assert {"credential.changed", "user_report"} <= {line.kind for line in case.lines}
    assert {each.action for each in player.obligations["a1"].locks} == {"limit"}, "anybody can write there"
