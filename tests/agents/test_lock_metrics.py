"""What do both agents count about locks, challenged logins and attacks, and what do they show of what stands?"""

from __future__ import annotations

from collections.abc import Iterator

from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login
from support.scenes import Scene

from producers.feed import Outgoing, outgoing
from streams.contracts.accounts import CaseAction, IdentityVerified, UnlockRequested, UserReport
from streams.contracts.base import Event
from streams.contracts.cases import CaseVersion
from streams.contracts.logins import ChallengePassed, LoginFailed, LoginSucceeded
from streams.contracts.topics import MERGED
from streams.metrics import (
    ATTACKS_OPENED,
    LOCK_SECONDS,
    LOCKS_BEGUN,
    LOCKS_STANDING,
    LOGINS,
    OLDEST_LOCK,
    UNLOCK_SECONDS,
    Counter,
    Gauge,
    Histogram,
)

_TOPICS = {kind: topic.name for topic in MERGED for kind in topic.types}


def feed(*events: Event) -> Iterator[Outgoing]:
    return (outgoing(_TOPICS[type(each)], each) for each in sorted(events, key=lambda each: each.occurred_at))


def guesses(number: int, at_ms: int = NOON, account_id: str = "a1") -> list[Event]:
    """From a device that nobody knows."""
    return [
        login(at_ms + i * SECOND, f"{account_id}-{at_ms}-{i}", account_id=account_id, device_id="stranger")
        for i in range(number)
    ]


def slips(number: int) -> list[Event]:
    """From a device that the account knows: strangers are only asked for a second factor."""
    home = login(NOON - HOUR, "home", LoginSucceeded, device_id="phone")
    return [home, *(login(NOON + i * SECOND, f"slip-{i}", device_id="phone") for i in range(number))]


def scene(*events: Event, until_ms: int = NOON + HOUR, step_ms: int = MINUTE) -> Scene:
    last_ms = max(int(each.occurred_at.timestamp() * 1000) for each in events)
    return Scene(partitions=1, step_ms=step_ms).play(feed(*events), max(0, until_ms - last_ms))


def counted(run: Scene, metric: Counter) -> dict[tuple[str, ...], int]:
    return {labels: number for (each, labels), number in run.run.counts.items() if each is metric}


def observed(run: Scene, metric: Histogram) -> dict[tuple[str, ...], list[float]]:
    found: dict[tuple[str, ...], list[float]] = {}
    for (each, value, labels), number in run.run.spreads.items():
        if each is metric:
            found.setdefault(labels, []).extend([value] * number)
    return found


def shown(run: Scene, gauge: Gauge) -> dict[tuple[str, ...], float]:
    (accounts,) = run.run.accounts
    return {each.labels: each.value for each in accounts.gauges if each.gauge is gauge and each.value is not None}


def case_of(run: Scene, flow: str) -> CaseVersion:
    return next(case for case in run.cases if case.flow == flow)


def test_a_soft_lock_is_counted_with_how_long_it_lasted_and_what_ended_it() -> None:
    passed = event(ChallengePassed, NOON + 90 * SECOND, 1, ip="198.51.100.1", device_id="phone")
    run = scene(*slips(10), passed)
    assert counted(run, LOCKS_BEGUN) == {("soft_lock",): 1}, "steps up the ladder are one lock"
    assert set(observed(run, LOCK_SECONDS)) == {("soft_lock", "second_factor")}
    alone = scene(*slips(10), until_ms=NOON + 2 * HOUR)
    assert observed(alone, LOCK_SECONDS) == {("soft_lock", "expired"): [3600.0]}
    assert shown(alone, LOCKS_STANDING) == {}


def test_a_lock_that_stands_is_shown_with_the_day_on_which_it_began() -> None:
    reports = [
        event(UserReport, NOON + day * DAY, f"theft-{day}", account_id=f"a{day}", channel="phone", kind="stolen")
        for day in range(3)
    ]
    run = scene(*reports, until_ms=NOON + 4 * DAY, step_ms=HOUR)
    assert shown(run, LOCKS_STANDING) == {("frozen",): 3}
    assert shown(run, OLDEST_LOCK) == {("frozen",): (NOON - 12 * HOUR) / 1000}


def test_a_mistake_that_people_undo_is_a_false_lock() -> None:
    before = scene(*slips(10), until_ms=NOON + MINUTE)
    case = case_of(before, "F20")
    found = event(
        CaseAction,
        NOON + 5 * MINUTE,
        1,
        action="confirm_legit",
        case_id=case.case_id,
        expected_version=case.version,
        actor="bob",
        role="analyst",
    )
    run = scene(*slips(10), found)
    assert {labels: len(values) for labels, values in observed(run, LOCK_SECONDS).items()} == {
        ("soft_lock", "false_lock"): 1
    }


def test_an_owner_who_asks_waits_until_no_lock_is_left() -> None:
    asked = event(UnlockRequested, NOON + 10 * MINUTE, 1, channel="app")
    proved = event(
        IdentityVerified,
        NOON + 40 * MINUTE,
        1,
        level=3,
        passed=True,
        method="face_and_document",
        actor="kyc",
        role="idv",
    )
    run = scene(*slips(10), asked, proved, until_ms=NOON + 50 * MINUTE)
    assert observed(run, UNLOCK_SECONDS) == {(): [1802.0]}, "two of them until the payment system has done it"


def test_logins_with_the_right_password_are_counted_by_what_was_decided() -> None:
    home = [event(LoginSucceeded, NOON - HOUR + i * MINUTE, i, ip="198.51.100.1", device_id="phone") for i in range(3)]
    stranger = event(LoginSucceeded, NOON + MINUTE, "new", ip="203.0.113.99", device_id="new")
    run = scene(*home, *guesses(6), stranger)
    assert counted(run, LOGINS) == {("allow", "enforce"): 3, ("step_up", "enforce"): 1}


def test_an_attack_is_counted_once_by_its_kind() -> None:
    spray = [
        event(LoginFailed, NOON + i * SECOND, i, account_id=f"user-{i}", username=f"user-{i}", ip="203.0.113.9")
        for i in range(12)
    ]
    assert counted(scene(*spray), ATTACKS_OPENED) == {("password_spray",): 1}


def test_what_stands_is_known_after_a_restart() -> None:
    stolen = event(UserReport, NOON, "theft", channel="phone", kind="stolen")
    (engine,) = scene(stolen).run.accounts
    logic = engine.logic
    kept = logic.load_shared(logic.dump_shared(engine._context.shared))
    assert list(logic.gauges(kept)) == list(engine.gauges)
    assert any(each.value for each in engine.gauges)
