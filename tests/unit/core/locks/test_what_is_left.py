"""Is a lock lifted only where nothing stricter is left, and is the owner told only what is true?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON, SECOND, event, login
from support.play import Player, policy

from streams.contracts.accounts import ActionAcknowledged, CaseAction, IdentityVerified, UserReport
from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.base import Event, from_ms
from streams.contracts.cases import ActionRejected, NotificationRequested
from streams.contracts.logins import ChallengePassed, LoginSucceeded
from streams.core.steps import Effect

PAUSING = 'locks.unverified_report = "restrict"'
ASSUMED = f'[locks]\nack = "assumed"\n{PAUSING.removeprefix("locks.")}\n'


def guessed(player: Player, times: int = 5, at_ms: int = NOON) -> None:
    """Sign-in from the owner's own phone waits, or at a hundred the password is disabled."""
    player.see(login(at_ms - HOUR, f"home-{at_ms}", LoginSucceeded, device_id="phone"))
    for number in range(times):
        player.see(login(at_ms + number * SECOND, f"guess-{at_ms}-{number}", device_id="phone"))


def reported(player: Player, channel: str, at_ms: int) -> list[Effect]:
    """By e-mail: money out is paused. By phone: the account is frozen."""
    return player.see(event(UserReport, at_ms, f"{channel}-{at_ms}", channel=channel, kind="stolen"))


def proof(at_ms: int, level: int = 3) -> Event:
    fields = {"method": "face_and_document", "passed": True, "actor": "idv", "role": "identity_service"}
    return event(IdentityVerified, at_ms, f"idv-{at_ms}", level=level, **fields)


def second_factor(at_ms: int) -> Event:
    return login(at_ms, f"otp-{at_ms}", ChallengePassed, device_id="phone", reason="otp")


def unlock(player: Player, at_ms: int, **fields: Any) -> Event:
    case = player.obligations["a1"].cases[0]
    fields = {"actor": "bob", "role": "analyst"} | fields
    fields |= {"action": "unlock", "case_id": case.case_id, "expected_version": case.version}
    return event(CaseAction, at_ms, f"unlock-{at_ms}", **fields)


def told(effects: list[Effect]) -> list[tuple[str, str]]:
    """What the owner hears: template and parameters."""
    notes = [each for each in effects if isinstance(each, NotificationRequested)]
    return [(note.template, " ".join(note.parameters.values())) for note in notes]


def unlocks(effects: list[Effect]) -> list[str]:
    commands = [each for each in effects if isinstance(each, ActionRequested)]
    return [command.scope for command in commands if command.action == "unlock"]


@pytest.mark.parametrize("what", ["restrict", "soft_lock", "hard_lock"])
def test_under_a_freeze_a_proof_opens_nothing_and_promises_nothing(what: str) -> None:
    player = Player(policy(ASSUMED))
    match what:
        case "restrict":
            reported(player, "email", NOON)
        case "soft_lock":
            guessed(player)
        case _:
            guessed(player, 100)
    before = {held.action for held in player.obligations["a1"].locks}
    frozen_ms = NOON + (100 if what == "hard_lock" else 5) * SECOND
    reported(player, "phone", frozen_ms)
    effects = player.see(second_factor(frozen_ms + SECOND)) + player.see(proof(frozen_ms + 2 * SECOND))
    assert unlocks(effects) == []
    assert told(effects) == []
    assert {held.action for held in player.obligations["a1"].locks} == before | {"freeze"}
    player.see(unlock(player, frozen_ms + 3 * SECOND, role="supervisor", second_actor="eve"))
    assert {held.action for held in player.obligations["a1"].locks} == {"limit"}, "two people lift them all"


def test_a_freeze_takes_back_an_unlock_that_was_not_carried_out() -> None:
    player = Player(policy(PAUSING))
    reported(player, "email", NOON)
    assert unlocks(player.see(proof(NOON + MINUTE))) == ["money_out"]
    reported(player, "phone", NOON + 2 * MINUTE)
    assert unlocks(player.pass_until(NOON + HOUR)) == []
    assert {held.action: held.status for held in player.obligations["a1"].locks}["restrict"] == "effective"


def test_a_second_factor_under_a_restriction_says_what_stays_paused() -> None:
    player = Player(policy(ASSUMED))
    reported(player, "email", NOON - MINUTE)
    guessed(player)
    effects = player.see(second_factor(NOON + 10 * SECOND))
    assert unlocks(effects) == ["login"]
    assert told(effects) == [("unlocked.partly", "left.restricted")]


def test_an_analyst_who_opens_the_door_does_not_say_that_money_is_free() -> None:
    player = Player(policy(ASSUMED))
    reported(player, "email", NOON - MINUTE)
    guessed(player)
    effects = player.see(unlock(player, NOON + 10 * SECOND, scope="login"))
    assert told(effects) == [("unlocked.partly", "left.restricted")]
    rest = player.see(unlock(player, NOON + MINUTE))
    assert told(rest) == [("unlocked.by_us", "")]


def test_what_a_stricter_lock_covers_is_not_unlocked_alone() -> None:
    player = Player(policy(ASSUMED, "locks.unfreeze_identity_s = 0"))
    reported(player, "email", NOON)
    reported(player, "phone", NOON + SECOND)
    two = {"role": "supervisor", "second_actor": "eve"}
    effects = player.see(unlock(player, NOON + MINUTE, scope="money_out", **two))
    (refused,) = [each for each in effects if isinstance(each, ActionRejected)]
    assert (refused.cause, unlocks(effects)) == ("covered", [])


def test_limits_that_stand_longer_are_the_ones_that_the_owner_hears_of() -> None:
    player = Player(policy(ASSUMED, "locks.unfreeze_identity_s = 0"))
    reported(player, "phone", NOON)
    effects = player.see(unlock(player, NOON + MINUTE, role="supervisor", second_actor="eve"))
    (limit,) = player.obligations["a1"].locks
    until = from_ms(limit.due_ms).isoformat().replace("+00:00", "Z")
    assert told(effects) == [("unlocked.limited", until)]
    reported(player, "email", NOON + 2 * MINUTE)
    later = player.see(proof(NOON + 3 * MINUTE))
    assert told(later) == [("unlocked.limited", until)], "72 h, not the 24 h that the check alone would have meant"


def test_the_owner_hears_it_when_the_payment_system_has_done_all_of_it() -> None:
    player = Player(policy(PAUSING, "locks.unfreeze_identity_s = 0"))
    reported(player, "email", NOON)
    reported(player, "phone", NOON + SECOND)
    effects = player.see(unlock(player, NOON + 2 * SECOND, role="supervisor", second_actor="eve"))
    assert told(effects) == []
    waiting = [command for command in player.obligations["a1"].outbox if command.action == "unlock"]
    assert len(waiting) == 2

    def answer(action_id: str, second: int, result: str) -> list[Effect]:
        at_ms = NOON + second * SECOND
        fields = {"action_id": action_id, "effective_at": from_ms(at_ms), "result": result}
        return player.see(event(ActionAcknowledged, at_ms, second, **fields))

    assert told(answer(waiting[0].action_id, 3, "done")) == []
    assert told(answer(waiting[1].action_id, 4, "refused")) == []
    done = answer(waiting[1].action_id, 5, "done")
    assert [template for template, _ in told(done)] == ["unlocked.limited"]
    assert [each.state for each in done if isinstance(each, LocksState)] == ["recovering"]
