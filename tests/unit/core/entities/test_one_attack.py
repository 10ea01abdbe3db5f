"""Does an attack that several entities see end as one case, whoever notices first?"""

from __future__ import annotations

import pytest
from support.entities import Entity, asked, login, policy

from streams.contracts.base import from_ms
from streams.contracts.logins import LoginFailed
from streams.core.entities.attacks import BY_TYPOLOGY
from streams.core.entities.pipeline import next_due_ms
from streams.core.entities.policies import AttackPolicy
from streams.core.risk import ATTACKS, NO_PART, RiskFact, incident_of
from streams.core.signals import Door, signals_of

ATTEMPT = LoginFailed(
    event_id="e",
    source="s",
    occurred_at=from_ms(0),
    account_id="anna",
    ip="203.0.113.7",
    device_id="bot",
    asn=64_500,
    user_agent="curl/8",
    guess_hash="a1b2",
)


def told(door: Door) -> dict[str, str | None]:
    found = signals_of(
        ATTEMPT,
        0,
        flagged=True,
        first=True,
        partition=0,
        next_sequence=lambda: 0,
        policy=policy().entities,
        door=door,
    )
    return {signal.kind: signal.incident_id for signal in found}


@pytest.mark.parametrize(
    ("attacked", "part"),
    [
        ("health", {"account", "device", "ip", "network", "slice", "system", "agent", "guess"}),
        ("guess", {"account", "device", "ip", "network", "slice", "system", "agent"}),
        ("agent", {"account", "device", "ip", "network", "slice", "system"}),
        ("network", {"account", "device", "ip"}),
        ("ip", {"account", "device"}),
        ("account", set()),
    ],
)
def test_an_attack_is_a_part_of_one_on_something_wider_and_never_of_a_narrower_one(attacked: str, part: set[str]):
    incidents = told(Door(incident="inc", attacked=attacked))
    assert set(incidents) == {"account", "device", "ip", "network", "slice", "system", "agent", "guess", "health"}
    assert {kind for kind, incident in incidents.items() if incident} == part


def test_an_attempt_belongs_to_the_widest_attack_that_is_known():
    def look(kind: str, value: str, at_ms: int) -> RiskFact | None:
        return RiskFact(2, incident=f"inc-{kind}", incident_typology="slice_spray") if kind in known else None

    known = {"ip", "device"}
    assert incident_of(look, ATTEMPT, 0) == ("inc-ip", "ip", "slice_spray")
    known = {"ip", "device", "system", "network"}
    assert incident_of(look, ATTEMPT, 0) == ("inc-system", "system", "slice_spray")
    known = set()
    assert incident_of(look, ATTEMPT, 0) == NO_PART


def test_a_case_ends_in_the_wider_one_that_is_recognised_later_and_its_place_stays_contained():
    ip = Entity(policy())
    ip.play(login(f"victim-{number}", number) for number in range(6))
    ip.play([login("lucky", 10, ok=True)])
    ip.play(login(f"victim-{number}", 3_000 + number, incident_id="inc-system") for number in range(4))
    own = ip.cases[0].case_id
    assert {case.case_id for case in ip.cases} == {own}
    newest = ip.cases[-1]
    assert (newest.status, newest.merged_into, newest.incident_id) == ("merged", "inc-system", "inc-system")
    assert newest.counters["accounts_exposed"] == 1, "who was entered stays in the record"
    ip.play(login(f"more-{number}", 3_100 + 10 * number, incident_id="inc-system") for number in range(100))
    assert [action.case_id for action in ip.actions] == [own, "inc-system"]
    assert ip.cases[-1] is newest, "the wider case speaks from now on"
    ip.wait(4_100 + 4_000)
    assert ip.state.spray.threat.case is None
    assert next_due_ms(ip.state) is not None, "the snapshot of the merged case goes some day"


def test_a_place_that_is_recognised_later_opens_none():
    ip = Entity(policy())
    ip.play(login(f"victim-{number}", number, incident_id="inc-system") for number in range(6))
    assert ip.cases == []
    assert {risk.case_id for risk in ip.risks if risk.level == "attack"} == {"inc-system"}
    assert {action.case_id for action in ip.actions} == {"inc-system"}


SLOWER = "[entities.brute_force]\nquiet_s = 7200\nmode = 'observe'\n[entities.otp_abuse]\nquiet_s = 1800\n"


def test_a_case_ends_after_the_time_and_in_the_mode_of_the_detector_that_opened_it() -> None:
    deep, codes = Entity(policy(SLOWER)), Entity(policy(SLOWER))
    deep.play([login("anna", turn * 20) for turn in range(10)])
    codes.play([asked(f"a{turn % 12}", turn * 20, kind="device", value="box") for turn in range(24)])
    assert [case.rules for case in (deep.cases[-1], codes.cases[-1])] == [("brute-force/02",), ("otp-abuse/02",)]
    assert deep.wait(7_000) == []
    (ended,) = deep.wait(8_000)
    assert (ended.status, ended.shadow) == ("closed", True), "it observes, and so does its end"
    (ended,) = codes.wait(2_600)
    assert (ended.status, ended.shadow, ended.evidence[-1].text) == ("closed", False, "no attempt for 1800 s")


def test_every_kind_of_attack_has_its_table_and_counts_where_decisions_look() -> None:
    assert {BY_TYPOLOGY[name].typology for name in BY_TYPOLOGY} == set(ATTACKS)
    for kind in BY_TYPOLOGY.values():
        assert isinstance(getattr(policy().entities, kind.section), AttackPolicy)
