"""Does the owner's "it was me" end the question about a login, so that the same one raises nothing again?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import PHONE, Player, settled

from streams.contracts.accounts import CaseAction, CustomerConfirmed
from streams.contracts.base import Event
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import LoginFailed, LoginSucceeded
from streams.contracts.payments import TransferRequested
from streams.core.obligations import Case

ABROAD: dict[str, Any] = {"device_id": "tablet", "ip": "198.51.100.9", "country": "US"}
ON_TABLET: dict[str, Any] = {"asn": 777, "user_agent": "Firefox", **ABROAD}


def verdict(player: Player, asked: Event) -> str:
    return [each for each in player.see(asked) if type(each) is DecisionMade][-1].outcome


def comes_in(player: Player, at_ms: int) -> str:
    return verdict(player, login(at_ms, f"in-{at_ms}", LoginSucceeded, **ON_TABLET))


def looked_at(player: Player) -> Case:
    """A login in doubt, in the fourth country of a week, which has a case."""
    for number, country in enumerate(("FR", "DE")):
        where = {"device_id": "phone", "ip": f"192.0.{number}.1", "country": country}
        player.see(login(NOON - DAY + number * HOUR, f"trip-{number}", LoginSucceeded, asn=number, **where))
    assert comes_in(player, NOON) in ("review", "step_up")
    (case,) = [each for each in player.obligations["a1"].cases if each.is_open and each.family == "fraud_alert"]
    return case


def says(player: Player, case: Case, device: str | None = "phone", channel: str = "app", answer: str = "yes") -> None:
    word = {"channel": channel, "answer": answer, "case_id": case.case_id, "device_id": device}
    player.see(event(CustomerConfirmed, NOON + MINUTE, "word", **word))


def finds(player: Player, case: Case, action: str) -> None:
    act = {"action": action, "case_id": case.case_id, "expected_version": case.version}
    player.see(event(CaseAction, NOON + MINUTE, "act", role="analyst", actor="ana", **act))


@pytest.mark.parametrize("who", ["owner", "analyst"])
def test_the_same_login_raises_nothing_again(who: str) -> None:
    player = settled()
    case = looked_at(player)
    says(player, case) if who == "owner" else finds(player, case, "confirm_legit")
    assert comes_in(player, NOON + HOUR) == "allow"
    pays = paid(NOON + 2 * HOUR, "t", 3_000, TransferRequested, counterparty_id="friend", **ABROAD)
    assert verdict(player, pays) == "allow"
    assert case.status in ("resolved", "closed") or who == "analyst"


@pytest.mark.parametrize(
    ("device", "channel", "answer"),
    [("tablet", "app", "yes"), (None, "app", "yes"), ("phone", "email", "yes"), ("phone", "app", "no")],
)
def test_the_word_of_whoever_came_in_or_of_anybody_ends_nothing(device: str | None, channel: str, answer: str) -> None:
    player = settled()
    says(player, looked_at(player), device, channel, answer)
    assert comes_in(player, NOON + HOUR) != "allow"
    assert not player.observations["a1"].trusted.count(b"tablet")
    pays = paid(NOON + 2 * HOUR, "t", 3_000, TransferRequested, counterparty_id="friend", **ABROAD)
    assert verdict(player, pays) in ("step_up", "hold", "block")


def test_where_two_came_in_the_owner_does_not_vouch_for_both() -> None:
    player = settled()
    case = looked_at(player)
    elsewhere: dict[str, Any] = {
        "asn": 9,
        "user_agent": "curl",
        "device_id": "box",
        "ip": "100.64.0.1",
        "country": "BR",
    }
    assert verdict(player, login(NOON + 30_000, "thief", LoginSucceeded, **elsewhere)) != "allow"
    says(player, case)
    assert verdict(player, login(NOON + HOUR, "thief-2", LoginSucceeded, **elsewhere)) != "allow"


def test_a_yes_to_a_payment_is_one_to_its_device() -> None:
    player = settled()
    assert comes_in(player, NOON - HOUR) == "step_up"
    pays = paid(NOON, "t", 100, TransferRequested, counterparty_id="friend", **ABROAD)
    assert verdict(player, pays) == "step_up"
    word = {"channel": "app", "answer": "yes", "payment_id": "pt", "device_id": "phone"}
    player.see(event(CustomerConfirmed, NOON + MINUTE, "word", **word))
    again = paid(NOON + 2 * MINUTE, "u", 100, TransferRequested, counterparty_id="friend", **ABROAD)
    assert verdict(player, again) == "allow"


@pytest.mark.parametrize(("scope", "waits"), [(None, False), ("money_out", True)])
def test_whom_a_person_lets_in_begins_anew_at_the_own_door(scope: str | None, waits: bool) -> None:
    """Whether the wait is over or not: else one more slip after it would be the tenth, and an hour."""
    player = settled()
    for number in range(9):
        at_ms = NOON - 9 * MINUTE + number * MINUTE
        player.see(login(at_ms, f"f{number}", LoginFailed, reason="bad_password", **PHONE))
    player.pass_until(NOON + 2 * HOUR)

    def acts(name: str, **more: Any) -> None:
        cases = player.obligations["a1"].cases
        seen = (
            {"case_id": cases[-1].case_id, "expected_version": cases[-1].version} if cases else {"expected_version": 0}
        )
        act = {"role": "analyst", "actor": "ana", "action": name}
        player.see(event(CaseAction, NOON + 2 * HOUR, name, **act, **(seen | more)))

    acts("open", flow="F20", text="called us")
    acts("lock")
    acts("unlock", scope=scope)
    player.see(login(NOON + 3 * HOUR, "f9", LoginFailed, reason="bad_password", **PHONE))
    assert bool([held for held in player.obligations["a1"].locks if held.action == "lock"]) == waits
