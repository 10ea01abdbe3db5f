"""Can people work on an outage, an attack and a release, and does the counting go on whatever they say?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON
from support.play import policy

from streams.contracts.cases import ActionRejected, CaseVersion, RemarkRecorded
from streams.contracts.signals import CaseActed, EntityRisk
from streams.core.entities import pipeline
from streams.core.entities.card_testing import CardTesting
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.device_resets import Reset
from streams.core.entities.state import EntityState
from streams.core.entities.threat import AttackCase, Threat
from streams.core.incidents.state import HealthCounters, Incident
from streams.core.incidents.transitions import CLOSED, DOWN

CONTEXT = EntityContext(0, 1, NOON)
WORKED = {
    "outage": ("health", "gateway:g1"),
    "attack": ("ip", "203.0.113.9"),
    "release": ("health", "release/wallet/6.0"),
}


class Desk:
    """One case of an entity, two hours old and quiet since, and whoever works on it."""

    def __init__(self, kind: str) -> None:
        self.kind, self.value = WORKED[kind]
        self.state = EntityState(newest_ms=NOON)
        self.number = 0
        if kind == "outage":
            known = Incident(
                "inc_1", self.value, "failures", NOON - 2 * HOUR, DOWN, NOON, NOON - HOUR, 1, expires_ms=NOON + HOUR
            )
            self.state.health = HealthCounters(incidents={self.value: known})
        elif kind == "release":
            self.state.reset = Reset("inc_1", "wallet/6.0", NOON - 2 * HOUR, NOON - HOUR, version=1)
        else:
            case = AttackCase(
                "inc_1", NOON - 2 * HOUR, NOON - HOUR, NOON + HOUR, 1, typology="card_testing", rule="card-testing/02"
            )
            self.state.testing = CardTesting(threat=Threat(case=case))

    def acts(self, action: str, role: str = "analyst", **fields: Any) -> list[EntityEffect]:
        self.number += 1
        given = {"actor": "ana", "event_id": f"opr_{self.number}", "case_id": "inc_1", "expected_version": 1} | fields
        signal = CaseActed(
            at_ms=NOON + self.number * MINUTE,
            partition=0,
            sequence=self.number,
            kind=self.kind,  # type: ignore[arg-type]
            value=self.value,
            action=action,  # type: ignore[arg-type]
            role=role,
            **given,
        )
        return pipeline.observe(self.state, signal, policy(), CONTEXT)


def of(kind: type, effects: list[EntityEffect]) -> Any:
    (found,) = [each for each in effects if isinstance(each, kind)]
    return found


@pytest.mark.parametrize("kind", WORKED)
def test_people_take_it_on_say_what_it_is_and_end_it(kind: str) -> None:
    desk = Desk(kind)
    taken = of(CaseVersion, desk.acts("assign"))
    assert (taken.assignee, taken.status, taken.sla.responded) == ("ana", "assigned", True)
    noted = desk.acts("note", text="called 13800138000")
    assert of(RemarkRecorded, noted).text == "called [phone]"
    assert of(CaseVersion, desk.acts("root_cause", root_cause="provider")).root_cause == "provider"
    told = of(CaseVersion, desk.acts("statement", zh="渠道故障。", en="The provider is down."))
    assert (told.messages[0].zh, told.messages[0].en) == ("渠道故障。", "The provider is down.")
    ended = desk.acts("close", text="the provider says that it is mended")
    version = of(CaseVersion, ended)
    assert (version.status, version.assignee, version.root_cause) == ("closed", "ana", "provider")
    assert version.evidence[-1].text.startswith("analyst ana: close")
    if kind == "outage":
        assert of(EntityRisk, ended).closed
        assert desk.state.health is not None
        assert desk.state.health.incidents["gateway:g1"].state == CLOSED, "what comes back soon is the same incident"
    assert of(ActionRejected, desk.acts("assign")).cause in ("status", "unknown_case")


@pytest.mark.parametrize("kind", WORKED)
@pytest.mark.parametrize(
    ("action", "fields", "cause"),
    [
        ("assign", {"role": "viewer"}, "role"),
        ("assign", {"assignee": "lin"}, "role"),
        ("note", {}, "nothing_said"),
        ("close", {"text": " "}, "nothing_said"),
        ("root_cause", {}, "nothing_said"),
        ("statement", {"zh": "好"}, "nothing_said"),
        ("statement", {"zh": "拨打13800138000", "en": "call us"}, "personal"),
        ("statement", {"zh": "好", "en": "Sign in at wallet-help.top to get your refund."}, "link"),
        ("statement", {"zh": "退款请加我们的微信。", "en": "good"}, "elsewhere"),
        ("statement", {"zh": "请把收到的验证码和密码发给我们", "en": "good"}, "secret"),
        ("statement", {"zh": "好", "en": "Transfer your money to our safe account."}, "money"),
        ("statement", {"zh": "好", "en": "You are paid back at 1.2.3.4/pay"}, "link"),
        ("note", {"text": "x", "expected_version": 9}, "version_conflict"),
        ("note", {"text": "x", "case_id": "inc_other"}, "unknown_case"),
    ],
)
def test_a_refusal_has_a_name_and_changes_nothing(kind: str, action: str, fields: dict[str, Any], cause: str) -> None:
    effects = Desk(kind).acts(action, **fields)
    assert of(ActionRejected, effects).cause == cause
    assert len(effects) == 1


def test_one_person_has_it_until_a_supervisor_gives_it_away_and_the_same_event_is_one() -> None:
    desk = Desk("outage")
    desk.acts("assign")
    assert of(ActionRejected, desk.acts("assign", actor="lin")).cause == "taken"
    given = of(CaseVersion, desk.acts("assign", "supervisor", actor="sun", assignee="lin", event_id="opr_x"))
    assert given.assignee == "lin"
    assert desk.acts("assign", "supervisor", actor="sun", assignee="lin", event_id="opr_x") == []


def test_an_attack_that_goes_on_is_not_over_because_somebody_says_so() -> None:
    desk = Desk("attack")
    assert desk.state.testing is not None
    assert desk.state.testing.threat.case is not None
    desk.state.testing.threat.case.last_ms = NOON
    assert of(ActionRejected, desk.acts("close", text="done")).cause == "under_way"
