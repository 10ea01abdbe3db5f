"""Do `paywarden cases`, `incidents` and `locks` show the newest versions, the urgent first, and what was asked for?"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from streams.cli import listings
from streams.contracts.actions import Lock, LocksState
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, Evidence
from streams.core.cases.review import LOSS
from streams.runtime.options import RuntimeOptions

NOW = from_ms(1_767_571_200_000)


def case(number: int, **fields: Any) -> CaseVersion:
    given: dict[str, Any] = {
        "occurred_at": NOW,
        "case_id": f"case_{number}",
        "version": 1,
        "changed": (),
        "case_type": "payment_failure.repeat",
        "flow": "F09",
        "cause_family": "payment_failure",
        "queue": "technical",
        "priority": "P3",
        "subject": f"account/{number}",
        "created_at": NOW + timedelta(seconds=number),
        "detected_at": NOW,
    }
    return CaseVersion(**(given | fields))


OUTAGE = case(
    7,
    case_type="incident.channel",
    flow="F35",
    cause_family="outage",
    owner="entity",
    priority="P1",
    subject="gateway:g1",
    sub_status="down",
    counters={"users": 1_200, "failures": 2_000},
    codes=("iso8583_1987/96",),
)
FOUND = [
    case(1),
    case(2, status="closed"),
    case(3, priority="P1", queue="security"),
    OUTAGE,
    case(8, incident_id="case_7"),
]


def lock(number: int, **fields: Any) -> Lock:
    given: dict[str, Any] = {
        "action_id": f"act_{number}",
        "action": "lock",
        "scope": "login",
        "status": "effective",
        "reason_class": "guessing",
        "since": NOW,
    }
    return Lock(**(given | fields))


FREEZE = lock(3, action="freeze", scope="all", reason_class="theft", applies_to="everyone")
LOCKED = [
    LocksState(
        occurred_at=NOW,
        account_id="a1",
        version=4,
        locks=(lock(1, expires_at=NOW + timedelta(hours=2)), lock(2, status="lifting")),
    ),
    LocksState(occurred_at=NOW, account_id="a2", version=1, locks=(FREEZE,)),
    LocksState(occurred_at=NOW, account_id="a3", version=1, locks=(lock(4, expires_at=NOW + timedelta(hours=1)),)),
    LocksState(occurred_at=NOW, account_id="a4", version=2, was="soft_lock", trigger="expired", actor="time"),
    LocksState(occurred_at=NOW + timedelta(minutes=5), account_id="a5", version=3),
]


@pytest.fixture(autouse=True)
def topics(monkeypatch: pytest.MonkeyPatch) -> None:
    async def newest(options: RuntimeOptions) -> list[CaseVersion]:
        return list(FOUND)

    async def newest_locks(options: RuntimeOptions) -> list[LocksState]:
        return list(LOCKED)

    monkeypatch.setattr(listings, "newest", newest)
    monkeypatch.setattr(listings, "newest_locks", newest_locks)


def run(command: Any, *arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def ids(command: Any, *arguments: str) -> list[str]:
    return [json.loads(line)["case_id"] for line in run(command, "--json", *arguments).splitlines()]


def test_the_urgent_come_first_and_what_ended_is_left_out() -> None:
    assert ids(listings.cases) == ["case_3", "case_7", "case_1", "case_8"]
    assert ids(listings.cases, "--all") == ["case_3", "case_7", "case_1", "case_2", "case_8"]
    assert ids(listings.cases, "--max", "2") == ["case_7", "case_8"]


def test_filters() -> None:
    assert ids(listings.cases, "--queue", "security") == ["case_3"]
    assert ids(listings.cases, "--priority", "P1") == ["case_3", "case_7"]
    assert ids(listings.cases, "--incident", "case_7") == ["case_7", "case_8"]
    assert "no such case" in run(listings.cases, "--queue", "policy")


def test_the_review_queue_is_todays_by_expected_loss_within_the_capacity(monkeypatch: pytest.MonkeyPatch) -> None:
    def alert(number: int, loss: int, **fields: Any) -> CaseVersion:
        given: dict[str, Any] = {"queue": "security", "priority": "P2", "counters": {LOSS: loss}}
        return case(number, **(given | fields))

    worked = Evidence(at=NOW, kind="operator_note", event_id="e", text="analyst jo: note")
    yesterday = msgspec.structs.replace(worked, at=NOW - timedelta(days=1))
    found = [
        alert(1, 100),
        alert(2, 900, evidence=(yesterday,)),
        alert(3, 500),
        alert(4, 0, priority="P1"),
        alert(5, 9_999, status="resolved"),
        alert(6, 9_999, status="waiting_customer"),
        alert(7, 9_999, shadow=True),
        alert(8, 9_999, evidence=(worked,)),
        case(9),
    ]

    async def newest(options: RuntimeOptions) -> list[CaseVersion]:
        return found

    monkeypatch.setattr(listings, "newest", newest)
    assert ids(listings.cases, "--by", "loss") == ["case_4", "case_2", "case_3", "case_1"]
    assert ids(listings.cases, "--by", "loss", "--capacity", "3") == ["case_4", "case_2"]
    told = run(listings.cases, "--by", "loss", "--capacity", "3")
    for words in ("9.00", "2 to look at on 2026-01-05, 1 of 3 were worked on", "2 wait beyond", "USD 6.00"):
        assert words in told
    found.clear()
    assert "nothing to look at" in run(listings.cases, "--by", "loss")


def test_incidents_say_what_is_down_and_whom_it_concerns() -> None:
    told = run(listings.incidents)
    for word in ("gateway:g1", "down", "P1", "1,200", "2,000", "iso8583_1987/96", "case_7"):
        assert word in told
    assert ids(listings.incidents) == ["case_7"]


def test_json_is_the_contract() -> None:
    line = run(listings.incidents, "--json").strip()
    assert msgspec.json.decode(line, type=CaseVersion) == OUTAGE


@pytest.mark.parametrize("command", [listings.cases, listings.incidents, listings.locks])
def test_ids_and_what_it_is_about_are_whole_on_a_narrow_terminal(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {"case_id": "case_" + "3" * 26, "subject": "issuer+gateway:" + "7" * 12 + "+" + "8" * 6}
    account = "customer-" + "5" * 23
    found = [msgspec.structs.replace(OUTAGE, **whole, codes=("iso8583_1987/96", "iso8583_1987/91"))]
    held = [msgspec.structs.replace(LOCKED[0], account_id=account)]

    async def newest(options: RuntimeOptions) -> list[CaseVersion]:
        return found

    async def newest_locks(options: RuntimeOptions) -> list[LocksState]:
        return held

    monkeypatch.setattr(listings, "newest", newest)
    monkeypatch.setattr(listings, "newest_locks", newest_locks)
    told = CliRunner().invoke(command, (), env={"COLUMNS": "80"}).output
    assert max(map(len, told.splitlines())) <= 80
    for words in [account] if command is listings.locks else whole.values():
        assert words in told


def locked(*arguments: str) -> list[str]:
    return [json.loads(line)["account_id"] for line in run(listings.locks, "--json", *arguments).splitlines()]


def test_locks_that_end_first_are_first_and_what_was_released_is_left_out() -> None:
    assert locked() == ["a3", "a1", "a2"]
    assert locked("--action", "freeze") == ["a2"]
    assert locked("--account", "a1") == ["a1"]
    assert locked("--account", "a4") == []
    told = run(listings.locks)
    for words in ("01:00:00", "by people", "freeze", "theft", "everyone"):
        assert words in told
    assert "released" not in told
    assert "3 more: --max" in run(listings.locks, "--max", "1")


def test_accounts_that_are_free_again_follow_and_say_what_ended_their_lock() -> None:
    # As they lie on the topic: a lock that has ended is in no list of locks any more.
    assert locked("--all") == ["a3", "a1", "a2", "a5", "a4"]
    assert locked("--all", "--account", "a4") == ["a4"]
    assert locked("--all", "--action", "freeze") == ["a2"]
    told = run(listings.locks, "--all")
    for words in ("released", "was soft_lock", "by expired (time)"):
        assert words in told
    assert "1 more: --max" in run(listings.locks, "--all", "--max", "5")


def test_that_nothing_is_locked_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such lock" in run(listings.locks, "--account", "a4")

    async def newest_locks(options: RuntimeOptions) -> list[LocksState]:
        return []

    monkeypatch.setattr(listings, "newest_locks", newest_locks)
    assert "nothing is locked" in run(listings.locks)
