"""Do attacks on logins stay one incident, and does nobody use the locks against their owners?

Both agents over made-up traffic, enforcing. The numbers are the promise; the volume per victim is scaled to a test.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND
from support.scenes import Scene, enforcing

from producers.feed import Outgoing, outgoing
from producers.simulate.catalog import scenario
from streams.contracts.base import from_ms, to_ms
from streams.contracts.logins import Login, LoginFailed, LoginSucceeded

VICTIMS = 500
HAMMERED = pytest.mark.xdist_group("hammered")  # played once


def attempt(
    kind: type[Login], at_ms: int, number: int | str, account: str, ip: str, device: str | None = None
) -> Outgoing:
    return outgoing(
        "auth.logins",
        kind(
            event_id=f"{kind.__name__}-{number}",
            source="test",
            occurred_at=from_ms(at_ms),
            account_id=account,
            username=account,
            ip=ip,
            device_id=device,
        ),
    )


def home(victim: int) -> str:
    return f"198.51.{victim // 250}.{victim % 250}"


def weapon() -> Iterator[Outgoing]:
    """1,000 addresses fail on 500 accounts for a day; the owners log in at home, at any hour some on a new device."""
    dice = random.Random(3)
    moments: list[tuple[int, type[Login], int, str, str]] = []
    for victim in range(VICTIMS):
        moments.append((victim * SECOND, LoginSucceeded, victim, home(victim), f"phone-{victim}"))
        start = HOUR + dice.randrange(30 * MINUTE)
        for _ in range(44):  # more than the ladder has steps, and more than the strangers' limit
            robot = dice.randrange(1_000)
            moments.append((start, LoginFailed, victim, f"10.{robot // 250}.{robot % 250}.9", f"bot-{robot}"))
            start += dice.randrange(10, 50) * MINUTE
        for hour in (4, 11, 20):
            at = hour * HOUR + dice.randrange(HOUR)
            moments.append((at, LoginSucceeded, victim, home(victim), f"phone-{victim}"))
        if victim % 5 == 0:
            at = HOUR + victim // 5 % 23 * HOUR + dice.randrange(HOUR)
            moments.append((at, LoginSucceeded, victim, f"192.0.2.{victim % 250}", f"new-{victim}"))
    for number, (at, kind, victim, ip, device) in enumerate(sorted(moments, key=lambda each: each[0])):
        name = f"new-{number}" if device.startswith("new-") else number
        yield attempt(kind, NOON + at, name, f"v{victim}", ip, device)


@cache
def hammered() -> Scene:
    return Scene().play(weapon(), 2 * DAY)


@HAMMERED
def test_a_known_device_is_never_locked_out_by_strangers() -> None:
    run = hammered()
    owners = [
        decision
        for decision in run.decisions
        if to_ms(decision.occurred_at) > NOON + HOUR and re.fullmatch(r"LoginSucceeded-\d+", decision.event_id)
    ]
    assert len(owners) == 3 * VICTIMS
    assert {decision.outcome for decision in owners} == {"allow"}, "every login of a known device goes through"
    accounts = [command for command in run.actions if command.entity is None]
    assert {(command.action, command.applies_to) for command in accounts} == {("step_up", "unknown_devices")}
    places = [(command.action, command.entity) for command in run.actions if command.entity is not None]
    assert {action for action, _ in places} <= {"step_up", "block_entity"}
    blocked = {entity for action, entity in places if action == "block_entity"}
    owners_places = re.compile(r"/(phone-|new-|198\.51\.|192\.0\.2\.)")
    assert not [entity for entity in blocked if owners_places.search(entity)], "only where the attackers come from"


@HAMMERED
def test_an_owner_on_a_new_device_gets_in_with_a_second_factor_at_any_hour() -> None:
    """No decision shuts the owner out, no command that stands does, and the one is never milder than the other."""
    run = hammered()
    locks = run.locks
    came = [decision for decision in run.decisions if decision.event_id.startswith("LoginSucceeded-new-")]
    assert len(came) == VICTIMS // 5
    assert len({to_ms(decision.occurred_at) // HOUR for decision in came}) >= 23
    assert {decision.outcome for decision in came} <= {"allow", "notify", "step_up"}
    standing = {lock.action_id: (lock.action, lock.applies_to) for state in locks for lock in state.locks}
    assert set(standing.values()) == {("step_up", "unknown_devices")}
    asked = 0
    for decision in came:
        before = [
            state
            for state in locks
            if state.account_id == decision.account_id and state.occurred_at < decision.occurred_at
        ]
        if before and before[-1].state != "active":
            assert decision.outcome == "step_up"
            asked += 1
    assert asked > VICTIMS // 20
    assert {state.state for state in locks} == {"active", "challenged"}, "strangers bring no password down"


@HAMMERED
def test_every_lock_of_the_attack_ends_by_itself() -> None:
    newest = {state.account_id: state for state in hammered().locks}
    assert {state.state for state in newest.values()} == {"active"}


ADDRESSES = 10_000


def spray() -> Iterator[Outgoing]:
    """Two hours of people who mistype, then 10,000 addresses with two tries on one account each, within ten minutes."""
    number = 0
    for minute in range(0, 120, 10):
        yield attempt(LoginFailed, NOON + minute * MINUTE, number, f"clerk-{minute}", f"203.0.113.{minute}")
        number += 1
    for robot in range(ADDRESSES):
        at_ms = NOON + 2 * HOUR + robot * 60
        for _ in range(2):
            number += 1
            ip = f"10.{robot // 65_536}.{robot // 256 % 256}.{robot % 256}"
            yield attempt(LoginFailed, at_ms, number, f"account-{robot}", ip)


def test_a_spray_from_ten_thousand_addresses_is_one_incident_and_locks_nobody() -> None:
    run = Scene(enforcing(), step_ms=5_000).play(spray(), MINUTE)
    (incident,) = [case for case in run.cases if case.case_type == "credential_attack"]
    assert (incident.subject, incident.priority) == ("health/site", "P1")
    assert to_ms(incident.created_at) - (NOON + 2 * HOUR) <= 5 * MINUTE
    assert incident.counters["usernames"] > ADDRESSES // 2
    assert {command.action for command in run.actions} == {"step_up"}
    assert {command.entity for command in run.actions} == {"health/site"}
    assert run.locks == []
    assert run.notifications == [], "nobody's password was right"


@pytest.mark.stress
@pytest.mark.parametrize(
    ("name", "subject"),
    [("one_network", "health/site"), ("one_guess", "guess/spring-2026"), ("credential_stuffing", "health/site")],
)
def test_what_site_network_system_program_and_password_see_at_once_opens_one_case(name: str, subject: str) -> None:
    """In steps of five seconds, as in a live worker, nothing has to be merged afterwards."""
    story = scenario(name)
    run = Scene(step_ms=5_000).play(story.records(7, None, {"days": 2, "customers": 80}), 10 * MINUTE)
    assert [case.subject for case in run.cases if case.case_type == "credential_attack"] == [subject]


def test_a_bad_rule_is_stopped_in_total_and_an_incident_says_so() -> None:
    """A ladder that locks at the first failure, in four partitions that are each allowed half of everything."""
    bad = (
        '[locks]\nladder = [{ failures = 1, wait_s = 3600 }]\nsoft_lock_applies_to = "everyone"\n'
        "[locks.caps]\nper_rule = 60\ntotal = 100\npartition_share = 0.5\n"
        "[rules.login_failures]\nfailures = [1, 2, 3]\n[entities.site_attack]\nenabled = false\n"
    )
    people = (
        attempt(LoginFailed, NOON + number * SECOND, number, f"person-{number}", home(number), f"phone-{number}")
        for number in range(400)
    )
    run = Scene(enforcing(bad), partitions=4, step_ms=5_000).play(people, MINUTE)
    locked = {command.account_id for command in run.actions if command.entity is None}
    assert 60 <= len(locked) <= 60 + 5, "the cap of the rule, and what was under way in one step"
    incidents = [case for case in run.cases if case.case_type == "locks_capped"]
    assert [(case.subject, case.priority, case.owner) for case in incidents] == [
        ("locks/login-failures", "P1", "entity")
    ]
    assert run.run.counts[_capped("total")] == 400 - len(locked)


def _capped(cap: str) -> tuple[object, tuple[str, ...]]:
    from streams.metrics import LOCKS_CAPPED

    return (LOCKS_CAPPED, (cap,))
