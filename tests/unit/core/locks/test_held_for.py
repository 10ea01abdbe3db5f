"""Where several cases ask for one lock: does what ends it for one of them leave it standing for the others?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, IdentityVerified, LedgerPosted, UserReport
from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.base import to_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengePassed, CredentialChanged, LoginFailed, LoginSucceeded
from streams.contracts.payments import TransferRequested
from streams.core.locks.account_states import stands
from streams.core.obligations import REASONS_MAX
from streams.core.steps import Effect

POLICY = policy('[locks]\nack = "assumed"\nunverified_report = "restrict"\n')
START = NOON + 10 * MINUTE  # of the mule's pause
AFTER_FREEZE_S = POLICY.locks.cooling_s


def only(kind: type, effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if type(effect) is kind]


class Story:
    """One account, what happens to it, and its cases by flow."""

    def __init__(self) -> None:
        self.player = Player(POLICY)
        self.cases: dict[str, CaseVersion] = {}
        self.number = 0

    def see(self, kind: type, at_ms: int, /, **fields: Any) -> list[Effect]:
        self.number += 1
        return self.took(self.player.see(event(kind, at_ms, self.number, **fields)))

    def took(self, effects: list[Effect]) -> list[Effect]:
        for case in only(CaseVersion, effects):
            self.cases[case.flow] = case
        return effects

    def wait(self, at_ms: int) -> list[Effect]:
        return self.took(self.player.pass_until(at_ms))

    def is_a_mule(self) -> Story:
        for n in range(16):
            entry = {"entry_id": f"in{n}", "direction": "credit", "counterparty_id": f"payer{n}"}
            self.see(LedgerPosted, NOON + n * MINUTE // 2, amount_minor=4_000, currency="EUR", **entry)
        self.pays(START, "boss")
        return self

    def pays(self, at_ms: int, to: str) -> str:
        self.number += 1
        effects = self.took(self.player.see(paid(at_ms, self.number, 15_900, TransferRequested, counterparty_id=to)))
        return only(DecisionMade, effects)[-1].outcome

    def writes_an_email(self, at_ms: int) -> list[Effect]:
        return self.see(UserReport, at_ms, channel="email", kind="stolen")

    def proves_who_it_is(self, at_ms: int) -> list[Effect]:
        self.wait(at_ms)
        fields = {"method": "face_and_document", "level": 3, "passed": True}
        return self.see(IdentityVerified, at_ms, actor="idv", role="identity_service", **fields)

    def act(self, at_ms: int, flow: str, action: str, role: str = "analyst", **fields: Any) -> list[Effect]:
        self.wait(at_ms)
        case = self.cases[flow]
        fields |= {"case_id": case.case_id, "expected_version": case.version}
        return self.see(CaseAction, at_ms, action=action, actor="ana", role=role, **fields)

    @property
    def restricted_until(self) -> list[int]:
        return [held.due_ms for held in self.player.obligations["a1"].locks if held.action == "restrict"]


def test_a_mule_that_writes_about_itself_and_proves_who_it_is_still_pays_nothing_out() -> None:
    story = Story().is_a_mule()
    (ends_ms,) = story.restricted_until
    story.writes_an_email(START + 13 * HOUR)
    (later_ms,) = story.restricted_until
    assert later_ms > ends_ms
    passed = story.proves_who_it_is(START + 14 * HOUR)
    assert only(NotificationRequested, passed) == []
    # The pause of the mule's case ends sooner, and the payment system is told so.
    (command,) = only(ActionRequested, passed)
    assert (command.action, to_ms(command.expires_at)) == ("restrict", ends_ms)
    assert story.restricted_until == [ends_ms]
    assert story.pays(START + 15 * HOUR, "boss2") == "block"
    story.wait(START + 27 * HOUR)  # nobody has decided, so it goes on
    assert story.pays(START + 27 * HOUR, "boss3") == "block"


def test_it_goes_on_at_its_own_end_while_a_longer_lock_of_another_case_stands() -> None:
    story = Story().is_a_mule()
    story.writes_an_email(START + 13 * HOUR)
    story.wait(START + 25 * HOUR)
    assert {line.kind for line in story.cases["F31"].evidence} >= {"lock_prolonged"}
    assert story.cases["F31"].sub_status == "escalated"
    story.proves_who_it_is(START + 26 * HOUR)
    assert story.pays(START + 27 * HOUR, "boss2") == "block"


@pytest.mark.parametrize("legitimate", ["F23", "F31"])
def test_who_says_that_one_case_is_legitimate_undoes_what_that_case_locked(legitimate: str) -> None:
    story = Story().is_a_mule()
    ends = {"F31": story.restricted_until[0]}
    story.writes_an_email(START + 13 * HOUR)
    ends["F23"] = story.restricted_until[0]
    (other,) = {"F23", "F31"} - {legitimate}
    told = story.act(START + 14 * HOUR, legitimate, "confirm_legit")
    assert story.restricted_until == [ends[other]]
    assert only(NotificationRequested, told) == []
    assert "not for this case any more" in story.cases[legitimate].evidence[-1].text
    told = story.act(START + 15 * HOUR, other, "confirm_legit")
    assert story.restricted_until == []
    assert [message.template for message in only(NotificationRequested, told)] == ["unlocked.by_us"]


def test_a_pause_that_comes_while_a_longer_lock_stands_outlives_it() -> None:
    story = Story()
    story.see(UserReport, NOON - HOUR, channel="app", kind="unauthorised", payment_id="p9")
    story.act(NOON - MINUTE, "F25", "lock", lasts_s=20 * 86_400)
    (longest_ms,) = story.restricted_until
    story.is_a_mule()
    assert story.restricted_until == [longest_ms]  # nothing is commanded twice
    assert "lock_joined" in {line.kind for line in story.cases["F31"].evidence}
    passed = story.proves_who_it_is(START + HOUR)
    assert [command.action for command in only(ActionRequested, passed)] == ["restrict"]
    assert story.restricted_until == [START + POLICY.locks.restrict_s * 1000]
    assert story.pays(START + 2 * HOUR, "boss2") == "block"
    # However long the other lock was to stand: the pause of one case has its own bound.
    story.wait(START + (POLICY.locks.mule_pause_s + 3_600) * 1000)
    assert story.restricted_until == []


@pytest.mark.parametrize(("mule", "template"), [(False, "account_locked.risk"), (True, "mule_account")])
def test_whom_an_analyst_restricts_is_told_so_once(mule: bool, template: str) -> None:
    story = Story()
    if mule:
        story.is_a_mule().act(START + MINUTE, "F31", "unlock")
    else:
        story.see(UserReport, NOON, channel="app", kind="unauthorised", payment_id="p9")
    flow = "F31" if mule else "F25"
    locked = story.act(START + 2 * MINUTE, flow, "lock")
    assert [message.template for message in only(NotificationRequested, locked)] == [template]
    assert only(NotificationRequested, story.act(START + 3 * MINUTE, flow, "lock")) == []


def proof(level: int) -> dict[str, Any]:
    method = "face_and_document" if level == 3 else "otp"
    return {"method": method, "level": level, "passed": True, "actor": "idv", "role": "identity_service"}


def test_a_login_that_an_analyst_locked_is_told_with_its_way_out_and_no_second_factor_opens_it() -> None:
    story = Story()
    story.see(UserReport, NOON, channel="app", kind="unauthorised", payment_id="p9")
    locked = story.act(NOON + MINUTE, "F25", "lock", scope="login", lasts_s=86_400)
    (message,) = only(NotificationRequested, locked)
    assert (message.template, message.parameters["reason"]) == ("account_locked.login", "account_protection")
    (state,) = only(LocksState, locked)
    assert (state.state, state.trigger, state.actor) == ("soft_lock", "guessed", "analyst")
    # The ladder locks for its own reason meanwhile: its way out opens what is its own.
    for n in range(12):
        story.took(story.player.see(login(NOON + (2 + n) * MINUTE, f"f{n}", LoginFailed, device_id="phone")))
    passed = story.took(story.player.see(login(NOON + HOUR, "sms", ChallengePassed, device_id="phone")))
    passed += story.see(IdentityVerified, NOON + 2 * HOUR, **proof(1))
    assert not [command for command in only(ActionRequested, passed) if command.applies_to == "everyone"]
    assert "unlocked" not in {message.template for message in only(NotificationRequested, passed)}
    assert any(held.action == "lock" and held.applies_to == "everyone" for held in story.player.obligations["a1"].locks)
    (unlock,) = only(ActionRequested, story.see(IdentityVerified, NOON + 3 * HOUR, **proof(3)))
    assert (unlock.action, unlock.scope, unlock.applies_to) == ("unlock", "login", "everyone")


def test_an_analysts_login_lock_outlives_the_longer_wait_that_the_ladder_had_for_the_same_case() -> None:
    story = Story()
    story.took(story.player.see(login(NOON - DAY, "home", LoginSucceeded, device_id="x")))  # else it is only asked
    for n in range(12):
        story.took(story.player.see(login(NOON + n * MINUTE, f"f{n}", LoginFailed, device_id="x")))
    story.act(NOON + 20 * MINUTE, story_flow(story), "lock", scope="login", lasts_s=86_400)
    story.took(story.player.see(login(NOON + HOUR, "sms", ChallengePassed, device_id="x")))
    assert [held.by_person for held in story.player.obligations["a1"].locks if stands(held)] == [True]


def story_flow(story: Story) -> str:
    """Of the case of the ladder."""
    return next(flow for flow, case in story.cases.items() if case.queue == "security")


def test_an_analyst_may_lock_for_a_second_case_and_is_told_that_it_stands_for_the_first() -> None:
    story = Story()
    story.see(UserReport, NOON, channel="app", kind="unauthorised", payment_id="p9")
    story.act(NOON + MINUTE, "F25", "lock")
    story.see(UserReport, NOON + 2 * MINUTE, channel="app", kind="wrong_transfer", payment_id="p8")
    story.act(NOON + 3 * MINUTE, "F41", "lock")
    assert story.cases["F41"].evidence[-1].kind == "lock_joined"
    story.act(NOON + 4 * MINUTE, "F25", "confirm_legit")
    assert len(story.restricted_until) == 1
    story.act(NOON + 5 * MINUTE, "F41", "confirm_legit")
    assert story.restricted_until == []


def test_the_limits_after_a_freeze_outlast_other_limits_that_come_and_are_lifted() -> None:
    story = Story()
    for day in range(20):
        home = {"device_id": "phone", "ip": "203.0.113.7", "country": "CN"}
        story.took(story.player.see(login(NOON - (40 - day) * DAY, f"d{day}", LoginSucceeded, **home)))
    story.see(UserReport, NOON, channel="phone", kind="stolen")
    story.proves_who_it_is(NOON + HOUR)
    lifted_ms = NOON + 2 * HOUR
    story.act(lifted_ms, "F23", "unlock", role="supervisor", second_actor="bob")
    agreed_ms = lifted_ms + AFTER_FREEZE_S * 1000
    changed_ms = agreed_ms - 5 * HOUR
    abroad = {"device_id": "thief", "ip": "198.51.100.9", "country": "US"}
    for n, kind in enumerate((LoginSucceeded, ChallengePassed, CredentialChanged)):
        story.took(story.player.see(login(changed_ms + n * MINUTE, f"t{n}", kind, reason="password", **abroad)))
    (limit,) = story.player.obligations["a1"].locks
    assert (limit.action, limit.due_ms > agreed_ms) == ("limit", True)
    story.act(changed_ms + 10 * MINUTE, "F23", "unlock")
    assert [(held.action, held.due_ms) for held in story.player.obligations["a1"].locks] == [("limit", agreed_ms)]
    ended = only(LocksState, story.wait(agreed_ms + MINUTE))
    assert [(each.state, each.trigger) for each in ended] == [("active", "expired")]


def test_beyond_the_bound_the_reason_goes_that_ends_first() -> None:
    story = Story()
    flows, scopes = ("F25", "F41", "F19", "F40"), ("money_out", "login", "all")
    at_ms, hours = NOON, 100
    for n, flow in enumerate(flows):
        about = {"flow": flow, "text": "said at the counter", "payment_id": f"p{n}"}
        story.see(CaseAction, at_ms, action="open", actor="ana", role="analyst", expected_version=0, **about)
        for scope in scopes:
            at_ms, hours = at_ms + MINUTE, hours - 5
            story.act(at_ms, flow, "lock", scope=scope, lasts_s=hours * 3_600)
    locks = story.player.obligations["a1"].locks
    assert [held.scope for held in locks] == list(scopes)
    assert sum(len(held.also) for held in locks) == REASONS_MAX
    last = story.cases[flows[-1]].case_id
    assert not any(held.is_for(last) for held in locks)
