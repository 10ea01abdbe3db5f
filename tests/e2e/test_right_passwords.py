"""Is everybody told whose password an attacker had, once, and nobody else, whichever agent sees it?

Both agents, enforcing. Names fail at one address, then the attacker comes back with right passwords: while the attack
is seen, when its failures have left their windows, when its case is about to close, was closed by a person while the
address is still held for an attacker's, or never opened because the detector observes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND
from support.scenes import Scene, enforcing

from producers.feed import Outgoing, outgoing
from streams.contracts.accounts import IncidentAction
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.logins import ChallengePassed, Login, LoginFailed, LoginSucceeded

ATTACKER = "203.0.113.7"
NAMES, ENTERED = 12, 3
LAST_FAILURE = 2 * DAY + (NAMES - 1) * 10 * SECOND
EXPOSED = "credential_attack.exposed"


def attempt(at: int, kind: type[Login], victim: int, ip: str, device: str, **fields: Any) -> Outgoing:
    account = f"victim-{victim}"
    event_id = f"{kind.__name__}-{victim}-{at}-{device}"
    return outgoing(
        "auth.logins",
        kind(
            event_id=event_id,
            source="test",
            occurred_at=from_ms(NOON + at),
            account_id=account,
            username=account,
            ip=ip,
            device_id=device or None,
            **fields,
        ),
    )


def spray(*after: int, device: str = "bot") -> Iterator[Outgoing]:
    """Owners at home for a day, a spray on all of them, and right passwords for some so long after its last failure.

    The last owner is at the attacker's address with the own phone: whom the account knows, nobody is told about.
    """
    for victim in range(NAMES):
        yield attempt(victim * SECOND, LoginSucceeded, victim, f"192.0.2.{victim}", f"phone-{victim}")
    for number in range(NAMES):
        yield attempt(2 * DAY + number * 10 * SECOND, LoginFailed, number, ATTACKER, f"{device}-{number}")
    for each in after:
        for victim in range(ENTERED):
            at = LAST_FAILURE + each + victim * SECOND
            yield attempt(at, LoginSucceeded, victim, ATTACKER, f"{device}-again-{victim}")
        yield attempt(LAST_FAILURE + each + MINUTE, LoginSucceeded, NAMES - 1, ATTACKER, f"phone-{NAMES - 1}")


def told(run: Scene) -> Counter[str]:
    return Counter(note.account_id for note in run.notifications if note.template == EXPOSED)


def attack_of(run: Scene) -> CaseVersion:
    (attack,) = [case for case in run.cases if case.case_type == "credential_attack"]
    return attack


VICTIMS = {f"victim-{victim}": 1 for victim in range(ENTERED)}


@pytest.mark.parametrize("minutes", [1, 15, 45, 59])
def test_right_passwords_are_told_once_and_counted_however_long_after_the_last_wrong_one(minutes: int) -> None:
    run = Scene(step_ms=MINUTE).play(spray(minutes * MINUTE), 3 * HOUR)
    assert told(run) == VICTIMS
    attack = attack_of(run)
    assert (attack.status, attack.counters["accounts_exposed"]) == ("closed", ENTERED)


def test_who_is_stopped_again_in_the_same_attack_is_not_told_again() -> None:
    run = Scene(step_ms=MINUTE).play(spray(MINUTE, 15 * MINUTE, 30 * MINUTE), 3 * HOUR)
    again = [each.outcome for each in run.decisions if "-again-" in each.event_id]
    assert again == ["block"] * 3 * ENTERED
    assert told(run) == VICTIMS
    assert attack_of(run).counters["accounts_exposed"] == ENTERED


def closed_by_a_person(case_id: str, version: int) -> Outgoing:
    return outgoing(
        "operator.actions",
        IncidentAction(
            event_id="close",
            source="console",
            occurred_at=from_ms(NOON + LAST_FAILURE + 12 * MINUTE),
            known=False,
            account_id="anonymous:closing",
            entity=f"ip/{ATTACKER}",
            case_id=case_id,
            expected_version=version,
            action="close",
            actor="ana",
            role="analyst",
            text="the address is blocked at the edge now",
        ),
    )


def test_whose_attack_was_closed_by_a_person_are_told_while_the_address_is_held_for_an_attackers() -> None:
    feed = list(spray(15 * MINUTE))
    before = [each for each in feed if each.timestamp_ms <= NOON + LAST_FAILURE]
    open_case = attack_of(Scene(step_ms=MINUTE).play(iter(before)))
    close = closed_by_a_person(open_case.case_id, open_case.version)
    run = Scene(step_ms=MINUTE).play(iter([*before, close, *feed[len(before) :]]), 3 * HOUR)
    assert told(run) == VICTIMS
    closed = attack_of(run)
    assert (closed.resolution_code, closed.counters["accounts_exposed"]) == ("closed_by_a_person", 0)


@pytest.mark.parametrize(
    ("observing", "outcome"), [("entities.password_spray", "block"), ("rules.hostile_address", "allow")]
)
def test_the_agent_that_acts_tells_where_the_other_one_observes(observing: str, outcome: str) -> None:
    policies = enforcing(f'[{observing}]\nmode = "observe"\n')
    run = Scene(policies, step_ms=MINUTE).play(spray(MINUTE), 3 * HOUR)
    again = [each for each in run.decisions if "-again-" in each.event_id]
    assert {each.outcome for each in again} == {outcome}
    assert told(run) == VICTIMS


def test_whoever_came_before_the_attack_was_seen_gets_one_message_though_device_and_address_have_cases() -> None:
    lucky = attempt(2 * DAY + SECOND, LoginSucceeded, 0, ATTACKER, "bot")
    feed = [
        each if each.timestamp_ms < NOON + 2 * DAY else attempt_again(number) for number, each in enumerate(spray())
    ]
    feed.insert(NAMES + 1, lucky)
    run = Scene(step_ms=MINUTE).play(iter(feed), 3 * HOUR)
    messages = {note.notification_id for note in run.notifications if note.template == EXPOSED}
    assert (set(told(run)), len(messages)) == ({"victim-0"}, 1)


def attempt_again(number: int) -> Outgoing:
    """The same failures, all of them from one device."""
    victim = number - NAMES
    return attempt(2 * DAY + victim * 10 * SECOND, LoginFailed, victim, ATTACKER, "bot")


def test_an_owner_who_is_forgetful_on_a_new_phone_away_from_home_is_asked_and_not_kept_out() -> None:
    def slips() -> Iterator[Outgoing]:
        for day in range(3):
            yield attempt(day * DAY, LoginSucceeded, 0, "192.0.2.50", "phone-0")
        for number in range(12):
            yield attempt(3 * DAY + number * 20 * SECOND, LoginFailed, 0, "198.51.100.5", "new")
        yield attempt(3 * DAY + 6 * MINUTE, LoginSucceeded, 0, "198.51.100.5", "new")

    run = Scene(step_ms=30 * SECOND).play(slips(), HOUR)
    assert run.decisions[-1].outcome == "step_up"


def test_a_family_on_a_new_tablet_is_asked_and_not_kept_out() -> None:
    def family() -> Iterator[Outgoing]:
        for day in range(3):
            for one in range(8):
                yield attempt(day * DAY + one * MINUTE, LoginSucceeded, one, "192.0.2.50", f"phone-{one}")
        for one in range(8):
            yield attempt(3 * DAY + one * 2 * MINUTE, LoginSucceeded, one, "192.0.2.50", "tablet")

    run = Scene(step_ms=30 * SECOND).play(family(), HOUR)
    outcomes = [each.outcome for each in run.decisions if each.event_id.endswith("tablet")]
    assert len(outcomes) == 8
    assert not set(outcomes) & {"block", "hold"}


def test_failures_at_one_account_do_not_shut_a_carriers_address() -> None:
    regulars, carrier = 12, "192.0.2.50"

    def neighbours() -> Iterator[Outgoing]:
        for day in range(3):
            for one in range(regulars):
                yield attempt(day * DAY + one * MINUTE, LoginSucceeded, one, carrier, f"phone-{one}")
        for number in range(12):
            yield attempt(3 * DAY + number * 30 * SECOND, LoginFailed, 50, carrier, "")
        for one in range(regulars):
            yield attempt(3 * DAY + 15 * MINUTE + one * SECOND, LoginSucceeded, one, carrier, f"new-{one}")

    run = Scene(step_ms=30 * SECOND).play(neighbours(), HOUR)
    outcomes = [each.outcome for each in run.decisions if "-new-" in each.event_id]
    assert len(outcomes) == regulars
    assert "block" not in outcomes


def burst(victims: int, days: int) -> Iterator[Outgoing]:
    """Owners at home with their phones, then one right password a minute from one address, each by a new device."""
    for day in range(days):
        for victim in range(victims):
            yield attempt(day * DAY + victim * SECOND, LoginSucceeded, victim, f"100.64.{victim}.7", f"phone-{victim}")
    for victim in range(victims):
        at = days * DAY + victim * MINUTE
        yield attempt(at, LoginSucceeded, victim, ATTACKER, f"thief-{victim}")


def test_right_passwords_by_ever_new_devices_at_one_address_are_one_attack_on_a_small_site() -> None:
    run = Scene(step_ms=30 * SECOND).play(burst(16, 4), 2 * HOUR)
    attack = attack_of(run)
    assert (attack.flow, attack.priority, attack.subject) == ("F26", "P1", f"ip/{ATTACKER}")
    assert told(run) == {f"victim-{victim}": 1 for victim in range(16)}
    stopped = [each.outcome for each in run.decisions if "-thief-" in each.event_id]
    assert stopped[:5] == ["allow"] * 5
    assert set(stopped[6:]) == {"step_up"}
    assert {(command.action, command.entity) for command in run.actions} == {("step_up", f"ip/{ATTACKER}")}


@pytest.mark.parametrize(
    ("home", "answers", "is_told"),
    [
        pytest.param(ATTACKER, True, False, id="an owner who is at home there"),
        pytest.param(ATTACKER, False, True, id="a neighbour"),
        pytest.param("100.64.99.7", True, True, id="a stranger with the owner's code"),
        pytest.param("100.64.99.7", False, True, id="a stranger"),
    ],
)
def test_a_second_factor_from_the_attackers_address_is_the_owners_only_where_they_are_at_home(
    home: str, answers: bool, is_told: bool
) -> None:
    owner, at = "victim-20", 4 * DAY + 12 * MINUTE
    new: dict[str, Any] = {"ip": ATTACKER, "device": "new-phone"}

    def strangers_and_an_owner() -> Iterator[Outgoing]:
        for day in range(4):
            yield attempt(day * DAY, LoginSucceeded, 20, home, "phone-20")
        yield from burst(16, 4)
        yield attempt(at, LoginSucceeded, 20, **new)
        if answers:
            yield attempt(at + 20 * SECOND, ChallengePassed, 20, **new, reason="sms")

    feed = sorted(strangers_and_an_owner(), key=lambda each: each.timestamp_ms)
    run = Scene(step_ms=30 * SECOND).play(iter(feed), 2 * HOUR)
    (decision,) = [each for each in run.decisions if each.event_id.endswith("-new-phone") and each.subject == "login"]
    assert decision.outcome == "step_up"
    assert (owner in told(run)) is is_told
    assert {f"victim-{victim}" for victim in range(16)} <= set(told(run))


ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/124.0 Mobile Safari/537.36"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:109.0) Gecko/20100101 Firefox/115.0"
AT_HOME: dict[str, Any] = {"user_agent": ANDROID, "country": "CN", "asn": 4134}
FAR_AWAY: dict[str, Any] = {"user_agent": WINDOWS, "country": "NL", "asn": 60781}


def on_a_busy_site(owners: int, victims: int) -> Iterator[Outgoing]:
    """Half a month of owners at home, then one device far away enters an account every two minutes."""
    for day in range(15):
        for owner in range(owners):
            at = day * DAY + owner * MINUTE
            yield attempt(at, LoginSucceeded, owner, f"100.64.{owner}.7", f"phone-{owner}", **AT_HOME)
    for victim in range(victims):
        yield attempt(15 * DAY + victim * 2 * MINUTE, LoginSucceeded, victim, ATTACKER, "thief", **FAR_AWAY)


def test_the_first_victims_of_a_burst_join_the_attack_and_are_not_locked_any_longer() -> None:
    run = Scene(step_ms=30 * SECOND).play(on_a_busy_site(160, 12), 2 * HOUR)
    attack = attack_of(run)
    victims = [case for case in run.cases if case.flow == "F21"]
    assert len(victims) == 12, [(case.flow, case.rules) for case in run.cases]
    assert {case.incident_id for case in victims} == {attack.case_id}
    restricted = [each for each in run.actions if each.action == "restrict"]
    assert restricted, "before anybody knows of the attack they are restricted, as anybody would be"
    unlocked = [each.account_id for each in run.actions if each.action == "unlock"]
    assert sorted(each.account_id for each in restricted) == sorted(unlocked)
    assert sorted(state.account_id for state in run.locks if state.trigger == "contained") == sorted(unlocked)
    last = {state.account_id: state.state for state in run.locks}
    assert {last[each] for each in unlocked} == {"active"}
    told = Counter(note.template for note in run.notifications if note.account_id in unlocked)
    assert told["unlocked.contained"] == len(unlocked)
