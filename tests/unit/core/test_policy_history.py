"""Do published policies come into force as two people said, in one order, and back by one?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from streams.adapters.policy_file import load_history, load_schedule, parse_published
from streams.contracts.base import to_ms
from streams.contracts.policies import PolicyApproved, PolicyProposed, PolicyRolledBack
from streams.contracts.registry import encode
from streams.core.policy import Policy, PolicyError
from streams.core.policy_history import AHEAD_MAX, LEAD, PolicyHistory

T0 = datetime(2026, 3, 4, 12, tzinfo=UTC)
SOON = LEAD + timedelta(seconds=1)
END_OF_DATES = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
MISTYPED = """
[[snooze]]
rule = "velocity"
field = "ip"
value = "203.0.113"
until = 2031-01-01T00:00:00Z
why = "x"
"""


@pytest.fixture
def history() -> PolicyHistory:
    return PolicyHistory(parse_published)


def hours(count: int) -> timedelta:
    return timedelta(hours=count)


def proposed(
    name: str, *, at: datetime = T0, actor: str = "mei", role: str = "analyst", text: str = ""
) -> PolicyProposed:
    return PolicyProposed(
        occurred_at=at,
        proposal_id=f"pol_{name}",
        actor=actor,
        role=role,
        why="because",
        name=name,
        policy_hash="h",
        text=f'name = "{name}"\n{text}',
    )


def approved(
    name: str, *, at: datetime = T0, actor: str = "jo", role: str = "supervisor", **fields: object
) -> PolicyApproved:
    given = {"effective_at": at + SOON, "why": "fine"} | fields
    return PolicyApproved(occurred_at=at, proposal_id=f"pol_{name}", actor=actor, role=role, **given)  # type: ignore[arg-type]


def rolled_back(
    name: str, *, at: datetime = T0, role: str = "admin", effective_at: datetime | None = None
) -> PolicyRolledBack:
    return PolicyRolledBack(
        occurred_at=at,
        proposal_id=f"pol_{name}",
        actor="jo",
        role=role,
        why="no",
        effective_at=effective_at or at + SOON,
    )


def names_at(history: PolicyHistory, *times: datetime) -> list[str]:
    schedule = history.over(load_schedule())
    return [schedule.at(to_ms(time)).name for time in times]


def test_nothing_changes_until_a_second_person_agrees(history: PolicyHistory) -> None:
    assert history.tell(proposed("a")) is None
    assert names_at(history, T0 + hours(9)) == ["default"]
    assert [each.proposal_id for each in history.waiting()] == ["pol_a"]
    assert history.tell(approved("a")) is None
    assert names_at(history, T0 + SOON - timedelta(milliseconds=1), T0 + SOON) == ["default", "a"]
    assert history.waiting() == []


def test_the_newest_change_is_in_force_and_old_events_keep_theirs(history: PolicyHistory) -> None:
    for number, name in enumerate("ab"):
        history.tell(proposed(name))
        history.tell(approved(name, at=T0 + hours(number)))
    assert names_at(history, T0, T0 + hours(1), T0 + hours(2)) == ["default", "a", "b"]


def test_roll_backs_walk_back_to_what_workers_were_started_with(history: PolicyHistory) -> None:
    for number, name in enumerate("ab"):
        history.tell(proposed(name))
        history.tell(approved(name, at=T0 + hours(number)))
    assert history.tell(rolled_back("b", at=T0 + hours(2))) is None
    assert history.tell(rolled_back("a", at=T0 + hours(3))) is None
    assert names_at(history, *(T0 + hours(n) + SOON for n in range(4))) == ["a", "b", "a", "default"]
    assert history.tell(rolled_back("a", at=T0 + hours(4))) == "pol_a is not the newest policy"


def test_a_change_to_come_is_withdrawn_and_others_come_into_force(history: PolicyHistory) -> None:
    for record in (proposed("a"), approved("a"), proposed("b"), approved("b", effective_at=T0 + hours(48))):
        assert history.tell(record) is None
    assert history.newest(T0 + hours(1)) == "pol_b"
    assert history.tell(rolled_back("b", at=T0 + hours(1))) is None
    assert names_at(history, T0, T0 + hours(1), T0 + hours(50)) == ["default", "a", "a"]
    assert [each.proposal_id for each in history.withdrawn] == ["pol_b"]
    assert history.waiting() == []
    assert history.tell(proposed("c")) is None
    assert history.tell(approved("c", at=T0 + hours(1))) is None
    assert names_at(history, T0 + hours(1), T0 + hours(2), T0 + hours(50)) == ["a", "c", "c"]


def test_the_first_change_is_withdrawn_and_files_of_the_start_hold(history: PolicyHistory) -> None:
    for record in (proposed("a"), approved("a", effective_at=T0 + hours(48)), rolled_back("a")):
        assert history.tell(record) is None
    assert names_at(history, T0, T0 + hours(50)) == ["default", "default"]
    assert history.newest(T0 + hours(1)) == ""


def test_a_policy_whose_time_has_come_is_ended_and_not_withdrawn(history: PolicyHistory) -> None:
    effective_at = T0 + SOON + timedelta(seconds=10)
    history.tell(proposed("a"))
    history.tell(approved("a", effective_at=effective_at))
    said = T0 + timedelta(seconds=20)
    assert history.tell(rolled_back("a", at=said)) is None
    assert names_at(history, effective_at - timedelta(seconds=1), effective_at, said + SOON) == [
        "default",
        "a",
        "default",
    ]
    assert history.withdrawn == []


def test_a_planned_roll_back_happens_sooner(history: PolicyHistory) -> None:
    for record in (proposed("a"), approved("a"), rolled_back("a", at=T0 + hours(1), effective_at=T0 + hours(300))):
        assert history.tell(record) is None
    assert history.newest(T0 + hours(2)) == "pol_a"
    assert history.tell(rolled_back("a", at=T0 + hours(2))) is None
    assert names_at(history, T0 + hours(1), T0 + hours(3), T0 + hours(301)) == ["a", "default", "default"]
    assert [change.proposal_id for change in history.changes] == ["pol_a", ""]


def test_a_planned_roll_back_goes_with_the_policy_that_never_comes(history: PolicyHistory) -> None:
    planned = rolled_back("a", effective_at=T0 + hours(90))
    for record in (proposed("a"), approved("a", effective_at=T0 + hours(48)), planned, rolled_back("a")):
        assert history.tell(record) is None
    assert (history.changes, len(history.withdrawn)) == ([], 2)


def test_a_change_in_the_millisecond_of_a_file_of_the_start_takes_its_place(
    history: PolicyHistory, tmp_path: Path
) -> None:
    file = tmp_path / "spring.toml"
    file.write_text('name = "spring"\neffective_at = 2026-03-04T15:30:00Z\n')
    history.tell(proposed("a"))
    history.tell(approved("a", effective_at=datetime(2026, 3, 4, 15, 30, 0, 10, tzinfo=UTC)))
    assert history.over(load_schedule([file])).at(to_ms(T0 + hours(4))).name == "a"


def test_a_policy_keeps_its_hash_whenever_it_comes_into_force(history: PolicyHistory) -> None:
    history.tell(proposed("a"))
    history.tell(approved("a"))
    (change,) = history.changes
    assert change.policy is not None
    assert change.policy.policy_hash == parse_published(proposed("a").text, T0).policy_hash
    assert change.policy.effective_at == T0 + SOON


def test_files_of_the_start_come_back_with_their_own_dates(history: PolicyHistory, tmp_path: Path) -> None:
    file = tmp_path / "spring.toml"
    file.write_text('name = "spring"\neffective_at = 2026-03-04T15:30:00Z\n')
    base = load_schedule([file])
    history.tell(proposed("a"))
    history.tell(approved("a"))
    history.tell(rolled_back("a", at=T0 + hours(1)))
    schedule = history.over(base)
    found = [schedule.at(to_ms(T0 + hours(n) + SOON)).name for n in (-1, 0, 1, 2, 3, 4)]
    assert found == ["default", "a", "default", "default", "default", "spring"]


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([proposed("a", role="viewer")], "role viewer may not propose"),
        ([proposed("a"), proposed("a")], "was proposed before"),
        ([approved("a")], "was never proposed"),
        ([proposed("a"), approved("a", role="analyst")], "role analyst may not put a policy in force"),
        ([proposed("a"), approved("a", actor="mei")], "a second person must approve"),
        ([proposed("a"), approved("a", effective_at=T0 + LEAD - timedelta(seconds=1))], "before every worker knows"),
        ([proposed("a"), approved("a"), approved("a", at=T0 + hours(1))], "was approved before"),
        ([proposed("a"), proposed("b"), approved("a", at=T0 + hours(1)), approved("b")], "a later change is in force"),
        ([proposed("a", text="mod = 1"), approved("a")], "this release cannot read the proposal"),
        ([proposed("a", text=MISTYPED), approved("a")], "neither an address nor a network"),
        ([proposed("a", text="x = " + "[" * 5000 + "]" * 5000), approved("a")], "nested more than 16 deep"),
        (
            [proposed("a"), approved("a", effective_at=T0 + AHEAD_MAX + timedelta(seconds=1))],
            "it would be in force more than 30 days after it was said",
        ),
        (
            [
                proposed("a"),
                msgspec.structs.replace(approved("a"), occurred_at=END_OF_DATES, effective_at=END_OF_DATES),
            ],
            "before every worker knows",
        ),
        (
            [proposed("a"), approved("a"), rolled_back("a", effective_at=T0 + AHEAD_MAX + timedelta(seconds=1))],
            "it would be in force more than 30 days after it was said",
        ),
        (
            [proposed("a"), approved("a"), proposed("b"), approved("b", at=T0 + timedelta(microseconds=10))],
            "a later change is in force",
        ),
        (
            [proposed("a"), approved("a", effective_at=T0 + hours(9)), rolled_back("a"), approved("a")],
            "approved before",
        ),
        ([proposed("a"), approved("a"), proposed("b"), rolled_back("b")], "pol_b is not the newest policy"),
        ([proposed("a"), rolled_back("a")], "is not the newest policy"),
        (
            [proposed("a"), approved("a"), rolled_back("a", at=T0 + hours(1), role="analyst")],
            "role analyst may not put",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_breaks_a_rule_changes_nothing_and_says_why(
    history: PolicyHistory, records: list[PolicyProposed], why: str
) -> None:
    *before, last = records
    assert [history.tell(record) for record in before] == [None] * len(before)
    changes = list(history.changes)
    assert why in str(history.tell(last))
    assert history.changes == changes
    assert history.refused[-1][0] == last


@pytest.mark.parametrize(
    "actor",
    [
        *("mei", "Mei", "MEI ", " mei", "\uff4dei", "me\u200bi", " ", "mei.", "m-e-i", "m\u00e9i", "m\u0435i"),
        *("me\ufe0fi", "m\u034fei", "\u3164mei", "mei\U000e0101", "\u2800"),  # what nobody sees
    ],
)
def test_another_spelling_is_no_second_person(history: PolicyHistory, actor: str) -> None:
    history.tell(proposed("a"))
    assert history.tell(approved("a", actor=actor)) == "a second person must approve a proposal"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("\u738b\u4f1f", "\u738b\u82b3"),
        ("\u092e\u0940\u0928\u093e", "\u092e\u0928"),
        ("user-1", "user-2"),
        ("mei@a", "mei@b"),
    ],
    ids=["Chinese", "vowels of an Indian script", "numbers", "companies"],
)
def test_names_that_look_different_are_two_people(history: PolicyHistory, first: str, second: str) -> None:
    history.tell(proposed("a", actor=first))
    assert history.tell(approved("a", actor=second)) is None


def test_whatever_a_reader_raises_is_a_refusal() -> None:
    def parse(_text: str, _effective_at: datetime) -> Policy:
        raise MemoryError("of a release that cannot")

    history = PolicyHistory(parse)
    history.tell(proposed("a"))
    assert history.tell(approved("a")) == (
        "this release cannot read the proposal (MemoryError: of a release that cannot)"
    )


def test_a_history_is_a_policy_file(history: PolicyHistory, tmp_path: Path) -> None:
    records = [proposed("a"), approved("a"), proposed("b"), rolled_back("a", at=T0 + hours(1))]
    for record in records:
        history.tell(record)
    file = tmp_path / "policies.jsonl"
    file.write_bytes(b"".join(encode(record) + b"\n" for record in records))
    assert [change.proposal_id for change in load_history(file).changes] == ["pol_a", ""]
    schedule = load_schedule([file])
    assert schedule.starts_ms == history.over(load_schedule()).starts_ms


def test_a_broken_history_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "policies.jsonl"
    file.write_bytes(encode(proposed("a")) + b"\n" + msgspec.json.encode({"type": "policy.x.v1"}))
    with pytest.raises(PolicyError, match=r"line 2 of .*policies\.jsonl is no record of a policy"):
        load_schedule([file])
