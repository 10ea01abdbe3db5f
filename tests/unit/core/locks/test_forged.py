"""What does whoever writes forged, replayed or reordered events to the inputs get out of the locks? Nothing."""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON, SECOND, event, login
from support.play import Player, policy

from streams.contracts.accounts import (
    ActionAcknowledged,
    CaseAction,
    CustomerConfirmed,
    IdentityVerified,
    UserReport,
)
from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.base import Event, from_ms
from streams.contracts.cases import ActionRejected, CaseVersion
from streams.contracts.logins import ChallengePassed, CredentialChanged, LoginSucceeded
from streams.contracts.registry import decode, encode
from streams.core.steps import Effect


def only(kind: type, effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if type(effect) is kind]


def guesses(account_id: str = "a1") -> list[Event]:
    """Ten wrong passwords of a stranger: a soft lock from the fifth on."""
    return [
        login(NOON + n * SECOND, f"{account_id}-{n}", account_id=account_id, device_id="stranger") for n in range(10)
    ]


def played(*events: Event) -> tuple[Player, list[Effect]]:
    player = Player(policy('[locks]\nsoft_lock_applies_to = "everyone"\n'))  # else strangers are only asked
    return player, [effect for each in events for effect in player.see(each)]


def held(player: Player, account_id: str = "a1") -> list[tuple[str, str]]:
    return [(lock.action, lock.status) for lock in player.obligations[account_id].locks]


def answer(account_id: str, action_id: str, at_ms: int, result: str = "done") -> Event:
    fields = {"action_id": action_id, "effective_at": from_ms(at_ms), "result": result}
    return event(ActionAcknowledged, at_ms, f"{action_id}-{at_ms}-{result}", account_id=account_id, **fields)


def passed(at_ms: int, number: str = "1", reason: str | None = "otp") -> Event:
    return login(at_ms, number, ChallengePassed, device_id="stranger", reason=reason)


def checked(at_ms: int, ok: bool = True) -> Event:
    fields = {"method": "face_and_document", "level": 3, "passed": ok, "actor": "idv", "role": "identity_service"}
    return event(IdentityVerified, at_ms, f"{at_ms}-{ok}", **fields)


def test_an_acknowledgement_of_another_account_or_of_nothing_changes_nothing() -> None:
    player, effects = played(*guesses("a1"), *guesses("a2"))
    command = next(each for each in only(ActionRequested, effects) if each.account_id == "a1")
    before = held(player, "a1"), held(player, "a2")
    assert player.see(answer("a2", command.action_id, NOON + MINUTE)) == []
    assert player.see(answer("a2", "act_made_up", NOON + MINUTE, "unknown_account")) == []
    assert (held(player, "a1"), held(player, "a2")) == before


def test_a_refusal_that_is_forged_after_the_answer_takes_nothing_back() -> None:
    player, effects = played(*guesses())
    commands = only(ActionRequested, effects)
    player.see(answer("a1", commands[-1].action_id, NOON + 20 * SECOND))
    before = held(player)
    assert ("lock", "effective") in before
    assert player.see(answer("a1", commands[-1].action_id, NOON + 30 * SECOND, "refused")) == []
    assert held(player) == before


def test_a_second_factor_from_before_the_lock_does_not_lift_it_however_late_it_is_delivered() -> None:
    player, _ = played(*guesses())
    before = held(player)
    player.see(passed(NOON - MINUTE, "replayed"))
    assert held(player) == before
    player.see(passed(NOON + MINUTE, "real"))
    assert {status for _, status in held(player)} == {"lifting"}


@pytest.mark.parametrize("reason", ["x" * 64, "otp\nX-Injected: 1", "<script>alert(1)</script>", "\u202eotp", "", None])
def test_what_the_factor_is_called_cannot_break_the_command(reason: str | None) -> None:
    player, _ = played(*guesses())
    if reason == "":
        reason = "\u200b"  # the contract refuses the empty word
    (command,) = only(ActionRequested, player.see(passed(NOON + MINUTE, "odd", reason)))
    assert decode("account.actions", encode(command)) == command
    assert command.rule == "second factor"


def test_an_identity_check_from_before_the_freeze_is_no_proof_and_an_old_one_does_not_undo_a_newer_failure() -> None:
    player, _ = played(event(UserReport, NOON, 1, channel="phone", kind="stolen"))
    (frozen,) = player.obligations["a1"].locks
    player.see(checked(NOON - MINUTE))
    assert frozen.proved_ms == 0
    player.see(checked(NOON + 10 * MINUTE, ok=False))
    player.see(checked(NOON + 5 * MINUTE))
    assert frozen.proved_ms < 0
    player.see(checked(NOON + 15 * MINUTE))
    assert frozen.proved_ms == NOON + 15 * MINUTE


def test_an_operator_names_the_case_of_another_account_in_vain() -> None:
    player, effects = played(*guesses("a1"), *guesses("a2"))
    case = next(each for each in only(CaseVersion, effects) if each.entities.account_id == "a1")
    before = held(player, "a1"), held(player, "a2")
    for action in ("unlock", "lock", "resolve", "confirm_legit"):
        asked = {"case_id": case.case_id, "expected_version": 1, "actor": "eve", "role": "admin", "action": action}
        (rejected,) = player.see(event(CaseAction, NOON + MINUTE, action, account_id="a2", **asked))
        assert isinstance(rejected, ActionRejected)
        assert rejected.cause == "unknown_case"
    assert (held(player, "a1"), held(player, "a2")) == before


def test_a_thief_who_says_yes_ends_no_case_in_which_nobody_asked() -> None:
    home = [
        login(NOON - (n + 2) * 24 * HOUR, f"home-{n}", LoginSucceeded, device_id="phone", ip="192.0.2.9")
        for n in range(40)
    ]
    changed = [
        login(NOON + n * MINUTE, f"changed-{n}", CredentialChanged, device_id="new", ip="198.51.100.9", reason=what)
        for n, what in enumerate(("password", "phone"))
    ]
    entered = login(NOON - MINUTE, "entered", LoginSucceeded, device_id="new", ip="198.51.100.9")
    player, effects = played(*reversed(home), entered, *changed)
    case = only(CaseVersion, effects)[-1]
    assert (case.flow, case.priority) == ("F28", "P1")
    for number, named in enumerate(({}, {"case_id": case.case_id})):
        at_ms = NOON + (10 + number) * MINUTE
        player.see(event(CustomerConfirmed, at_ms, f"yes-{number}", channel="in_app", answer="yes", **named))
    kept = player.obligations["a1"].case(case.case_id)
    assert kept is not None
    assert kept.is_open
    assert kept.finding == "unset"
    assert held(player), "money out stays limited"


def test_a_lock_that_was_replayed_is_the_same_lock() -> None:
    player, effects = played(*guesses())
    commands = only(ActionRequested, effects)
    again = [effect for each in guesses() for effect in player.see(each)]
    assert {each.action_id for each in only(ActionRequested, again)} <= {each.action_id for each in commands}
    assert only(LocksState, again) == []
