from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login
from support.play import Player, play, policy

from streams.contracts.accounts import ActionAcknowledged, CaseAction, IdentityVerified, UnlockRequested, UserReport
from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.base import Event, from_ms
from streams.contracts.cases import ActionRejected, CaseVersion, NotificationRequested
from streams.contracts.logins import ChallengePassed, CredentialChanged, LoginSucceeded
from streams.core.locks.caps import UNCONFIRMED
from streams.core.obligations import Case
from streams.core.steps import Effect

STRICT_CAPS = "[locks.caps]\nper_rule = 1\ntotal = 1\n"
ASSUMED = '[locks]\nack = "assumed"\n'


def only(kind: type, effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if type(effect) is kind]


EVERYBODY_WAITS = '[locks]\nsoft_lock_applies_to = "everyone"\n'  # else a stranger's guesses lock nobody


def guesses(number: int, account_id: str = "a1") -> list[Event]:
    return [
        login(NOON + i * SECOND, f"{account_id}-{i}", account_id=account_id, device_id="stranger")
        for i in range(number)
    ]


def stolen(account_id: str = "a1") -> Event:
    return event(UserReport, NOON, account_id, account_id=account_id, channel="phone", kind="stolen")


def unlock(case: CaseVersion, second: str | None, **more: str) -> Event:
    return event(
        CaseAction,
        NOON + MINUTE,
        "unlock",
        action="unlock",
        case_id=case.case_id,
        expected_version=case.version,
        actor="bob",
        role="supervisor",
        second_actor=second,
        **more,
    )


def answered(action_id: str, at_ms: int, result: str = "done") -> Event:
    return event(ActionAcknowledged, at_ms, action_id, action_id=action_id, effective_at=from_ms(at_ms), result=result)


def test_beyond_the_cap_a_person_decides_and_one_incident_says_so() -> None:
    player = Player(policy(STRICT_CAPS + '[locks]\nsoft_lock_applies_to = "everyone"\n'))
    effects = [e for account in ("a1", "a2", "a3") for g in guesses(12, account) for e in player.see(g)]
    locked = {command.account_id for command in only(ActionRequested, effects)}
    assert locked == {"a1"}
    incidents = [case for case in only(CaseVersion, effects) if case.case_id.startswith("inc_")]
    assert {(case.case_id, case.case_type, case.subject) for case in incidents} == {
        (incidents[0].case_id, "locks_capped", "partition/0")
    }
    assert [case.version for case in incidents] == [1, 2], "at the first and the tenth refusal"
    ladder = [case for case in only(CaseVersion, effects) if case.entities.account_id == "a3"]
    assert "lock_capped" in {line.kind for line in ladder[-1].evidence}


def test_to_ask_strangers_for_a_second_factor_uses_up_no_cap() -> None:
    """A bot that fails everywhere would else take from others what makes known devices wait."""
    player = Player(policy(STRICT_CAPS))
    accounts = ("a1", "a2", "a3")
    effects = [e for account in accounts for guess in guesses(12, account) for e in player.see(guess)]
    asked = {(each.account_id, each.action) for each in only(ActionRequested, effects)}
    assert asked == {(account, "step_up") for account in accounts}
    assert not [case for case in only(CaseVersion, effects) if case.case_type == "locks_capped"]


def test_an_owner_who_asks_is_believed_and_a_flood_of_owners_is_not() -> None:
    player = Player(policy(STRICT_CAPS))
    effects = [effect for account in ("a1", "a2", "a3") for effect in player.see(stolen(account))]
    commands = only(ActionRequested, effects)
    assert {command.account_id for command in commands if command.action == "freeze"} == {"a1"}
    assert {command.account_id for command in commands if command.action == "end_sessions"} == {"a1", "a2", "a3"}
    assert {command.action for command in only(ActionRequested, effects)} >= {"freeze"}
    opened = {case.entities.account_id for case in only(CaseVersion, effects) if case.flow == "F23"}
    assert opened == {"a1", "a2", "a3"}, "people see every report"
    assert "locks_capped" in {case.case_type for case in only(CaseVersion, effects)}


@pytest.mark.parametrize("second", ["bob", "Bob", " bob", "\u200bbob", "\uff42ob", None, " "])
def test_the_second_person_is_not_the_first_in_other_clothes(second: str | None) -> None:
    player = Player(policy(ASSUMED))
    case = only(CaseVersion, player.see(stolen()))[-1]
    effects = player.see(unlock(case, second))
    assert [refused.cause for refused in only(ActionRejected, effects)] == ["second_person"]


@pytest.mark.parametrize(
    ("second_role", "refused"),
    [("analyst", ["second_person"]), ("viewer", ["second_person"]), ("supervisor", []), ("admin", []), (None, [])],
)
def test_the_second_person_may_do_it_too_as_far_as_the_event_says_who_they_are(
    second_role: str | None, refused: list[str]
) -> None:
    player = Player(policy(ASSUMED, "locks.unfreeze_identity_s = 0"))
    case = only(CaseVersion, player.see(stolen()))[-1]
    said = {} if second_role is None else {"second_role": second_role}
    effects = player.see(unlock(case, "alice", **said))
    assert [each.cause for each in only(ActionRejected, effects)] == refused


def test_who_unlocked_and_with_whom_stands_on_the_case() -> None:
    player = Player(policy(ASSUMED, "locks.unfreeze_identity_s = 0"))
    case = only(CaseVersion, player.see(stolen()))[-1]
    (version,) = only(CaseVersion, player.see(unlock(case, "alice")))[-1:]
    assert any("bob with alice: unlock" in line.text for line in version.evidence)


def test_a_longer_lock_of_the_same_account_is_no_further_account() -> None:
    effects = play(guesses(12), policy(STRICT_CAPS))
    assert len(only(ActionRequested, effects)) == 6  # every step of the ladder


def test_where_nobody_acknowledges_a_command_counts_as_carried_out() -> None:
    effects = play(guesses(9), policy(ASSUMED), until_ms=NOON + HOUR)
    assert {lock.status for state in only(LocksState, effects) for lock in state.locks} == {"effective"}
    assert all(command.attempt == 1 for command in only(ActionRequested, effects))
    assert only(LocksState, effects)[-1].locks == ()


def test_every_attempt_of_a_command_has_the_same_id() -> None:
    effects = play([stolen()], policy(), until_ms=NOON + 4 * MINUTE)
    freezes = [command for command in only(ActionRequested, effects) if command.action == "freeze"]
    assert [command.attempt for command in freezes] == [1, 2, 3, 4, 5]
    assert len({command.action_id for command in freezes}) == 1


def test_a_refused_command_is_a_p1_case_and_is_sent_again_with_growing_pauses() -> None:
    player = Player(policy())
    freeze = next(command for command in only(ActionRequested, player.see(stolen())) if command.action == "freeze")
    effects = player.see(answered(freeze.action_id, NOON + SECOND, "refused"))
    assert [(case.case_type, case.priority) for case in only(CaseVersion, effects) if case.version == 1] == [
        ("lock_not_confirmed", "P1")
    ]
    sent: list[int] = []
    problems: list[CaseVersion] = []
    for minute in range(1, 6 * 60):
        at_ms = NOON + minute * MINUTE
        effects = player.pass_until(at_ms)
        if any(command.action_id == freeze.action_id for command in only(ActionRequested, effects)):
            sent.append(minute)
            effects += player.see(answered(freeze.action_id, at_ms, "refused"))
        problems += [case for case in only(CaseVersion, effects) if case.case_type == "lock_not_confirmed"]
    pauses = [later - earlier for earlier, later in pairwise(sent)]
    assert pauses == sorted(pauses)
    assert sent[0] <= 2
    assert max(pauses) in (60, 61)
    assert len(sent) < 14
    lines = [line.text for line in problems[-1].evidence if line.kind == "command_refused"]
    assert lines == ["freeze: the payment system answered refused"], "told once, however often it is refused"
    done = player.see(answered(freeze.action_id, NOON + 7 * HOUR))
    assert [lock.status for lock in only(LocksState, done)[-1].locks] == ["effective"]


def test_a_refusal_dated_before_our_clock_is_not_answered_at_once() -> None:
    player = Player(policy())
    freeze = next(command for command in only(ActionRequested, player.see(stolen())) if command.action == "freeze")
    player.pass_until(NOON + 10 * SECOND)
    player.see(answered(freeze.action_id, NOON - 20 * MINUTE, "refused"))
    again = only(ActionRequested, player.pass_until(NOON + 50 * SECOND))
    assert "freeze" not in {command.action for command in again}


def freed(player: Player) -> ActionRequested:
    """A freeze that two people have lifted; the command."""
    player.see(stolen())
    for command in list(player.obligations["a1"].outbox):
        player.see(answered(command.action_id, NOON + SECOND))
    case = player.obligations["a1"].cases[0]
    effects = player.see(act("unlock", case, NOON + MINUTE, role="supervisor", second_actor="alice"))
    (unlock,) = [command for command in only(ActionRequested, effects) if command.action == "unlock"]
    return unlock


def act(action: str, case: Case, at_ms: int, **fields: Any) -> Event:
    fields = {"actor": "bob", "role": "analyst"} | fields
    return event(
        CaseAction,
        at_ms,
        f"{action}-{at_ms}",
        action=action,
        case_id=case.case_id,
        expected_version=case.version,
        **fields,
    )


def test_an_unlock_that_was_refused_is_sent_again_by_itself_and_by_one_person() -> None:
    player = Player(policy("locks.unfreeze_identity_s = 0"))
    unlock = freed(player)
    player.see(answered(unlock.action_id, NOON + 2 * MINUTE, "refused"))
    by_itself = only(ActionRequested, player.pass_until(NOON + 10 * MINUTE))
    assert unlock.action_id in {command.action_id for command in by_itself}
    player.see(answered(unlock.action_id, NOON + 10 * MINUTE, "refused"))
    case = player.obligations["a1"].cases[0]
    effects = player.see(act("unlock", case, NOON + 11 * MINUTE))  # two people have decided already
    assert only(ActionRejected, effects) == []
    (again,) = [command for command in only(ActionRequested, effects) if command.action == "unlock"]
    assert (again.action_id, again.action, again.scope) == (unlock.action_id, "unlock", "all")
    assert "unlock commanded again: operator (analyst)" in {
        line.text for version in only(CaseVersion, effects) for line in version.evidence
    }
    done = player.see(answered(unlock.action_id, NOON + 12 * MINUTE))
    assert "freeze" not in {lock.action for lock in only(LocksState, done)[-1].locks}


@pytest.mark.parametrize("again", ["report", "confirm_fraud"])
def test_a_freeze_that_was_refused_is_commanded_again_by_whoever_says_so_again(again: str) -> None:
    player = Player(policy())
    freeze = next(command for command in only(ActionRequested, player.see(stolen())) if command.action == "freeze")
    player.see(answered(freeze.action_id, NOON + SECOND, "refused"))
    player.pass_until(NOON + 5 * HOUR)
    if again == "report":
        said = event(UserReport, NOON + 5 * HOUR, "again", channel="phone", kind="stolen")
    else:
        said = act("confirm_fraud", player.obligations["a1"].cases[0], NOON + 5 * HOUR)
    effects = player.see(said)
    assert freeze.action_id in {command.action_id for command in only(ActionRequested, effects)}
    assert "commanded_again" in {line.kind for case in only(CaseVersion, effects) for line in case.evidence}
    player.see(answered(freeze.action_id, NOON + 5 * HOUR + SECOND))
    last = player.see(event(UserReport, NOON + 6 * HOUR, "once more", channel="phone", kind="stolen"))
    assert "freeze" not in {command.action for command in only(ActionRequested, last)}, "it is carried out"


def test_a_persons_lock_that_was_refused_is_commanded_again_by_a_person_and_not_by_rules() -> None:
    player = Player(policy())
    player.see(event(UserReport, NOON, "mine", channel="phone", kind="unauthorised"))
    case = player.obligations["a1"].cases[0]
    (wanted,) = only(ActionRequested, player.see(act("lock", case, NOON + SECOND)))
    player.see(answered(wanted.action_id, NOON + 2 * SECOND, "refused"))
    effects = player.see(act("lock", case, NOON + 3 * SECOND))
    assert only(ActionRejected, effects) == []
    assert [command.action_id for command in only(ActionRequested, effects)] == [wanted.action_id]
    mailed = player.see(event(UserReport, NOON + 4 * SECOND, "mail", channel="email", kind="stolen"))
    assert only(ActionRequested, mailed) == []


def test_a_lifted_freeze_takes_back_what_it_wanted_done_to_sessions_and_payouts() -> None:
    player = Player(policy("locks.unfreeze_identity_s = 0"))
    player.see(stolen())
    player.see(act("unlock", player.obligations["a1"].cases[0], NOON + SECOND, role="supervisor", second_actor="alice"))
    assert {command.action for command in player.obligations["a1"].outbox} == {"unlock", "limit"}


def test_a_lock_that_waits_for_nothing_is_commanded_anew_when_somebody_asks() -> None:
    # States of releases that took a refusal for the last word.
    player = Player(policy("locks.unfreeze_identity_s = 0"))
    freed(player)
    owed = player.obligations["a1"]
    owed.outbox = []
    (again,) = only(ActionRequested, player.see(act("unlock", owed.cases[0], NOON + HOUR)))
    assert (again.action, again.scope, again.attempt) == ("unlock", "all", 1)
    done = player.see(answered(again.action_id, NOON + HOUR))
    assert "freeze" not in {lock.action for lock in only(LocksState, done)[-1].locks}


def test_locks_of_one_case_end_by_commands_of_their_own() -> None:
    player = Player(policy("locks.unfreeze_identity_s = 0", 'locks.unverified_report = "restrict"'))
    player.see(event(UserReport, NOON, "mail", channel="email", kind="stolen"))
    player.see(event(UserReport, NOON + SECOND, "phone", channel="phone", kind="stolen"))
    case = player.obligations["a1"].cases[0]
    assert {held.action for held in player.obligations["a1"].locks} == {"restrict", "freeze"}
    effects = player.see(act("unlock", case, NOON + MINUTE, role="supervisor", second_actor="alice"))
    unlocks = [command for command in only(ActionRequested, effects) if command.action == "unlock"]
    assert {command.scope for command in unlocks} == {"all", "money_out"}
    assert len({command.action_id for command in unlocks}) == 2


def test_an_answer_to_nothing_changes_nothing() -> None:
    player = Player(policy())
    player.see(stolen())
    assert player.see(answered("act_unknown", NOON + SECOND)) == []


def test_a_freeze_makes_other_locks_superfluous() -> None:
    player = Player(policy())
    player.see(stolen())
    effects = [effect for guess in guesses(12) for effect in player.see(guess)]
    assert only(LocksState, effects) == []


def test_nothing_is_resent_for_a_lock_that_is_over() -> None:
    effects = play(guesses(5), policy(), until_ms=NOON + HOUR)
    assert [command.attempt for command in only(ActionRequested, effects)] == [1]  # 30 s, re-sending starts at 60 s


def test_whoever_is_locked_finds_the_way_out_of_an_observing_policy() -> None:
    player = Player(policy(EVERYBODY_WAITS))
    for guess in guesses(9):
        player.see(guess)
    player.policy = policy('mode = "observe"')
    proof = event(
        IdentityVerified, NOON + MINUTE, 1, method="otp", level=1, passed=True, actor="idv", role="identity_service"
    )
    effects = player.see(proof)
    (unlock,) = only(ActionRequested, effects)
    assert unlock.action == "unlock"
    assert only(NotificationRequested, effects) == [], "the owner is told when it is true"
    done = player.see(answered(unlock.action_id, NOON + 2 * MINUTE))
    assert only(LocksState, done)[-1].locks == ()
    assert [message.template for message in only(NotificationRequested, done)] == ["unlocked"]


def test_a_failed_identity_check_lifts_nothing() -> None:
    player = Player(policy())
    for guess in guesses(9):
        player.see(guess)
    proof = event(
        IdentityVerified, NOON + MINUTE, 1, method="otp", level=4, passed=False, actor="idv", role="identity_service"
    )
    effects = player.see(proof)
    assert [effect for effect in effects if type(effect) in (ActionRequested, LocksState, NotificationRequested)] == []
    (appeal,) = only(CaseVersion, effects)
    assert (appeal.case_type, appeal.flow, appeal.counters) == ("unlock_request", "F22", {"checks_failed": 1})


def test_whoever_fails_three_checks_is_let_in_by_a_person_only() -> None:
    player = Player(policy())
    for guess in guesses(9):
        player.see(guess)

    def check(number: int, passed: bool) -> list[Effect]:
        at_ms = NOON + MINUTE + number * SECOND
        fields = {"method": "otp", "level": 1, "actor": "idv", "role": "identity_service"}
        return player.see(event(IdentityVerified, at_ms, number, passed=passed, **fields))

    for number in range(3):
        check(number, False)
    assert only(ActionRequested, check(3, True)) == []


def test_a_second_factor_lifts_a_soft_lock() -> None:
    player = Player(policy(ASSUMED, EVERYBODY_WAITS))
    for guess in guesses(9):
        player.see(guess)
    effects = player.see(login(NOON + MINUTE, 1, ChallengePassed, device_id="new-phone", reason="otp"))
    assert [command.action for command in only(ActionRequested, effects)] == ["unlock"]
    (state,) = only(LocksState, effects)
    assert (state.was, state.trigger, state.state, state.actor) == ("soft_lock", "second_factor", "active", "owner")


def test_a_known_device_waits_for_its_own_failures_only() -> None:
    player = Player(policy(ASSUMED))
    player.see(login(NOON - HOUR, 0, LoginSucceeded, device_id="phone"))
    own = [login(NOON + number * SECOND, f"own-{number}", device_id="phone") for number in range(5)]
    effects = [effect for failure in own for effect in player.see(failure)]
    (command,) = only(ActionRequested, effects)
    assert (command.action, command.applies_to) == ("lock", "known_devices")
    assert (command.expires_at - command.occurred_at).total_seconds() == 30


def test_the_password_is_disabled_at_a_hundred_failures_of_known_devices() -> None:
    player = Player(policy(ASSUMED))
    player.see(login(NOON - HOUR, 0, LoginSucceeded, device_id="phone"))
    for number in range(100):
        effects = player.see(login(NOON + number * SECOND, f"own-{number}", device_id="phone"))
    (state,) = only(LocksState, effects)
    assert (state.state, state.state_ends_at) == ("hard_lock", None)
    assert "account_locked.disabled" in {note.template for note in only(NotificationRequested, effects)}
    proof = event(
        IdentityVerified,
        NOON + HOUR,
        1,
        method="face_and_document",
        level=3,
        passed=True,
        actor="idv",
        role="identity_service",
    )
    last = only(LocksState, player.see(proof))[-1]
    assert (last.state, last.trigger) == ("recovering", "identity_proved")


def test_a_lock_made_by_mistake_is_undone_by_the_analyst_who_finds_out() -> None:
    player = Player(policy(ASSUMED))
    ladder = [case for guess in guesses(12) for case in only(CaseVersion, player.see(guess))][-1]
    act = event(
        CaseAction,
        NOON + MINUTE,
        "mistake",
        action="confirm_legit",
        case_id=ladder.case_id,
        expected_version=ladder.version,
        actor="ana",
        role="analyst",
    )
    effects = player.see(act)
    assert [command.action for command in only(ActionRequested, effects)] == ["unlock"]
    (state,) = only(LocksState, effects)
    assert (state.trigger, state.actor, state.state) == ("false_lock", "analyst", "active")
    assert [note.template for note in only(NotificationRequested, effects)] == ["unlocked.by_us"]


def test_an_appeal_is_a_case_with_a_deadline_and_ends_with_the_last_lock() -> None:
    player = Player(policy(ASSUMED))
    for guess in guesses(9):
        player.see(guess)
    asked = event(UnlockRequested, NOON + MINUTE, "please", channel="app")
    (appeal,) = [case for case in only(CaseVersion, player.see(asked)) if case.flow == "F22"]
    assert (appeal.priority, appeal.queue) == ("P2", "security")
    assert appeal.sla is not None
    ended = player.pass_until(NOON + 2 * HOUR)
    resolved = [case for case in only(CaseVersion, ended) if case.case_id == appeal.case_id][-1]
    assert (resolved.status, resolved.resolution_code) == ("resolved", "unlocked")


def test_a_late_acknowledgement_still_ends_the_waiting_and_its_case() -> None:
    player = Player(policy())
    effects = player.see(stolen())
    effects += player.pass_until(NOON + 10 * MINUTE)
    waiting = {command.action_id for command in only(ActionRequested, effects)}
    (case_id,) = {case.case_id for case in only(CaseVersion, effects) if case.case_type == "lock_not_confirmed"}
    player.pass_until(NOON + 3 * HOUR)  # far beyond the lateness bound
    for action_id in sorted(waiting):
        effects = player.see(answered(action_id, NOON + 2 * SECOND))
    (last,) = [case for case in only(CaseVersion, effects) if case.case_id == case_id]
    assert (last.status, last.resolution_code) == ("resolved", "acknowledged_late")
    later = player.pass_until(NOON + 9 * HOUR)
    assert only(ActionRequested, later) == []  # nothing is sent again
    assert case_id not in {case.case_id for case in only(CaseVersion, later)}


def test_who_answers_each_repetition_of_a_command_is_heard_once_and_not_after_the_end() -> None:
    player = Player(policy())
    effects = player.see(stolen()) + player.pass_until(NOON + 3 * HOUR)
    first, *others = sorted({command.action_id for command in only(ActionRequested, effects)})

    def answers(action_id: str) -> list[CaseVersion]:
        told = []
        for _ in range(20):
            at_ms = player.clock_ms + SECOND
            word = {"action_id": action_id, "effective_at": from_ms(at_ms), "result": "done"}
            told += player.see(event(ActionAcknowledged, at_ms, f"{action_id}-{at_ms}", **word))
        return [case for case in only(CaseVersion, told) if case.case_type == UNCONFIRMED]

    assert len(answers(first)) == 1
    ended = [case for action_id in others for case in answers(action_id)]
    assert (len(ended), ended[-1].status) == (len(others), "resolved")
    assert answers(first) == []


def test_in_a_replay_by_steps_nobody_is_expected_to_answer_before_the_step_has_ended() -> None:
    player = Player(policy(), barrier_s=1800)
    step_ms = (NOON // (30 * MINUTE) + 1) * 30 * MINUTE
    effects = player.see(stolen()) + player.pass_until(step_ms)
    assert {command.attempt for command in only(ActionRequested, effects)} == {1}
    assert not [case for case in only(CaseVersion, effects) if case.case_type == "lock_not_confirmed"]
    silent = player.pass_until(step_ms + 90 * SECOND)
    assert {command.attempt for command in only(ActionRequested, silent)} == {2}


def test_the_case_of_a_freeze_shows_that_the_check_is_done_and_that_the_customer_waits() -> None:
    player = Player(policy(ASSUMED))
    player.see(stolen())
    checked = event(
        IdentityVerified,
        NOON + MINUTE,
        "idv",
        method="face_and_document",
        level=4,
        passed=True,
        actor="idv",
        role="identity",
    )
    asked = event(UnlockRequested, NOON + 2 * MINUTE, "please", channel="phone")
    player.see(checked)
    effects = player.see(asked)
    (version,) = [case for case in only(CaseVersion, effects) if case.flow == "F23"]
    assert [line.text for line in version.evidence[-2:]] == [
        "identity check level 4 passed",
        "the customer asks for the account, by phone",
    ]
    assert only(ActionRequested, effects) == []


def test_an_appeal_against_lower_limits_alone_is_answered_when_they_end() -> None:
    player = Player(policy("locks.unfreeze_identity_s = 0"))
    unlock = freed(player)
    player.see(answered(unlock.action_id, NOON + 2 * MINUTE))
    player.see(event(UnlockRequested, NOON + 3 * MINUTE, "please", channel="app"))
    (limit,) = player.obligations["a1"].outbox
    player.see(answered(limit.action_id, NOON + 4 * MINUTE))
    (appeal,) = [case for case in player.obligations["a1"].cases if case.flow == "F22"]
    assert appeal.is_open, "nothing has been lifted since it was asked for"
    player.pass_until(NOON + 73 * HOUR)
    assert (appeal.status, appeal.resolution) == ("resolved", "unlocked")


def test_a_payment_system_that_confirms_nothing_is_one_incident_and_no_flood_of_cases() -> None:
    """A morning on which everybody renews the password; a theft has its own case all the same."""
    player = Player(policy())
    owners = [f"a{number}" for number in range(40)]
    for number, owner in enumerate(owners):
        player.see(login(NOON - 2 * DAY + number, f"in-{owner}", LoginSucceeded, account_id=owner, device_id=owner))
    changes = [
        login(NOON + number, f"pw-{owner}", CredentialChanged, account_id=owner, device_id=owner, reason="password")
        for number, owner in enumerate(owners)
    ]
    effects = [effect for change in changes for effect in player.see(change)]
    assert {each.action for each in only(ActionRequested, effects)} == {"limit"}
    player.see(event(UserReport, NOON + SECOND, "theft", account_id="b1", channel="phone", kind="stolen"))
    urgent = [
        each for each in only(CaseVersion, player.pass_until(NOON + 20 * MINUTE)) if each.case_type == UNCONFIRMED
    ]
    own = {each.entities.account_id for each in urgent if each.entities.account_id}
    assert (len(own), "b1" in own) == (6, True)
    incident = [each for each in urgent if each.subject == "partition/0"]
    assert len({each.case_id for each in incident}) == 1
    assert [(each.version, each.priority, each.queue, each.counters["refused"]) for each in incident] == [
        (1, "P1", "technical", 6),
        (2, "P1", "technical", 15),
    ]
    silent = next(owner for owner in owners if owner not in own)
    (change_case,) = player.obligations[silent].cases
    assert "command_unconfirmed" in [line.kind for line in change_case.lines]


def test_nobody_is_sent_after_a_lock_that_is_over() -> None:
    player = Player(policy())
    effects = [effect for guess in guesses(10) for effect in player.see(guess)]
    effects += player.pass_until(NOON + 3 * HOUR)
    cases = [case for case in only(CaseVersion, effects) if case.case_type == "lock_not_confirmed"]
    assert cases[0].priority == "P1"
    assert (cases[-1].status, cases[-1].resolution_code) == ("resolved", "lock_over")


def test_a_lock_that_was_lifted_is_missed_until_its_unlock_is_confirmed() -> None:
    player = Player(policy())
    effects = player.see(stolen()) + player.pass_until(NOON + 10 * MINUTE)
    (case_id,) = {case.case_id for case in only(CaseVersion, effects) if case.case_type == UNCONFIRMED}
    freeze = next(command for command in only(ActionRequested, effects) if command.action == "freeze")
    for action_id in {command.action_id for command in only(ActionRequested, effects)} - {freeze.action_id}:
        player.see(answered(action_id, NOON + 11 * MINUTE))
    (missed,) = [case for case in player.obligations["a1"].cases if case.case_id == case_id]
    assert missed.is_open
    (theft,) = [case for case in player.obligations["a1"].cases if case.flow == "F23"]
    checked = {"method": "face_and_document", "level": 4, "passed": True, "actor": "idv", "role": "identity"}
    player.see(event(IdentityVerified, NOON + 12 * MINUTE, "idv", **checked))
    lift = {"action": "unlock", "case_id": theft.case_id, "expected_version": theft.version, "actor": "bob"}
    lifted = player.see(event(CaseAction, NOON + 13 * MINUTE, "lift", role="supervisor", second_actor="eve", **lift))
    (unlock,) = [command for command in only(ActionRequested, lifted) if command.action == "unlock"]
    assert missed.is_open
    for command in [unlock, *only(ActionRequested, player.see(answered(unlock.action_id, NOON + 14 * MINUTE)))]:
        player.see(answered(command.action_id, NOON + 15 * MINUTE))
    assert (missed.status, missed.resolution) == ("resolved", "lock_over")


def test_a_lock_that_is_over_ends_no_case_about_another_one() -> None:
    player = Player(policy())
    effects = [effect for guess in guesses(10) for effect in player.see(guess)]
    effects += player.see(stolen()) + player.pass_until(NOON + 3 * HOUR)
    cases = [case for case in only(CaseVersion, effects) if case.case_type == "lock_not_confirmed"]
    assert cases[-1].status not in ("resolved", "closed")
