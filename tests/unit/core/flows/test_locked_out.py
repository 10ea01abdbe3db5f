"""What leaves a frozen account, and who can let it out?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login, paid
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import CaseAction, CustomerConfirmed, UserReport
from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.cases import ActionRejected, CaseVersion
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.logins import ChallengePassed, LoginSucceeded
from streams.core.score import Score
from streams.core.steps import Effect

HELD, CHALLENGED, GOOD = 0.95, 0.6, 0.01


def only(kind: type, effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if type(effect) is kind]


class Theft:
    """A payment that waits for an answer, then the owner's report."""

    def __init__(self, score: float) -> None:
        self.score = score
        self.player = Player(policy(), lambda _: Score(self.score, "m1"))
        asked = self.player.see(paid(NOON, 1, kind=payments.TransferRequested, device_id="thief"))
        self.alert = next((case for case in only(CaseVersion, asked)), None)
        self.effects = self.player.see(event(UserReport, NOON + MINUTE, 1, channel="phone", kind="stolen"))
        self.score = GOOD


@pytest.mark.parametrize("score", [HELD, CHALLENGED])
def test_a_freeze_ends_what_waits_with_block(score: float) -> None:
    theft = Theft(score)
    assert [(each.subject_id, each.outcome) for each in only(DecisionAmended, theft.effects)] == [("p1", "block")]
    assert theft.player.obligations["a1"].holds == []


def test_a_yes_on_a_frozen_account_is_a_line_and_no_label() -> None:
    theft = Theft(HELD)
    said = event(CustomerConfirmed, NOON + 2 * MINUTE, 1, channel="app", answer="yes", payment_id="p1")
    effects = theft.player.see(said)
    assert only(DecisionAmended, effects) == []
    (case,) = only(CaseVersion, effects)
    assert case.changed == ("timeline: customer_confirmed",)
    assert case.finding == "unset"


def test_one_analyst_releases_nothing_of_a_frozen_account() -> None:
    theft = Theft(HELD)
    assert theft.alert is not None
    case = theft.player.obligations["a1"].case(theft.alert.case_id)
    assert case is not None
    about = {"case_id": case.case_id, "expected_version": case.version, "actor": "ana", "role": "analyst"}
    (rejected,) = only(
        ActionRejected, theft.player.see(event(CaseAction, NOON + 90 * SECOND, 1, action="release", **about))
    )
    assert rejected.cause == "frozen"
    assert "second person" in rejected.text


@pytest.mark.parametrize("kind", [payments.PaymentRequested, payments.TransferRequested, payments.WithdrawalRequested])
def test_money_out_of_a_frozen_account_is_blocked_and_the_case_counts(kind: type) -> None:
    theft = Theft(GOOD)
    versions = []
    for number in range(2, 12):
        effects = theft.player.see(paid(NOON + MINUTE + number * SECOND, number, 900, kind))
        (decision,) = only(DecisionMade, effects)
        assert (decision.outcome, decision.expires_at, decision.reasons[0].code) == ("block", None, "R28")
        versions += only(CaseVersion, effects)
    assert [(case.case_type, case.counters["stopped_by_lock"]) for case in versions] == [
        ("account_takeover", 1),
        ("account_takeover", 10),
    ]
    assert [line.text for line in versions[-1].evidence if line.kind == "stopped_by_lock"] == [
        "payment p11 is blocked: the account is frozen"
    ]


def test_money_in_and_what_has_left_already_are_judged_as_ever() -> None:
    theft = Theft(GOOD)
    for number, kind in enumerate((payments.TopupRequested, payments.PaymentSucceeded), 2):
        (decision,) = only(DecisionMade, theft.player.see(paid(NOON + 2 * MINUTE, number, 900, kind)))
        assert decision.outcome == "allow"


def test_a_login_to_a_frozen_account_is_not_allowed() -> None:
    theft = Theft(GOOD)
    effects = theft.player.see(login(NOON + 2 * MINUTE, 1, LoginSucceeded, device_id="own"))
    (decision,) = only(DecisionMade, effects)
    assert (decision.outcome, decision.reasons[0].code) == ("block", "R28")


@pytest.mark.parametrize("device", ["own", "other"])
def test_with_a_disabled_password_nobody_comes_in(device: str) -> None:
    player = Player(policy())
    for day in range(5):
        player.see(login(NOON - (5 - day) * DAY, f"home{day}", LoginSucceeded, device_id="own"))
    for number in range(100):
        player.see(login(NOON + number * SECOND, number, device_id="own"))
    (decision,) = only(DecisionMade, player.see(login(NOON + HOUR, "in", LoginSucceeded, device_id=device)))
    assert (decision.outcome, decision.reasons[0].code) == ("block", "R28")


@pytest.mark.parametrize(
    ("at_ms", "device", "released"),
    [
        (NOON + MINUTE, "phone", True),
        (NOON + MINUTE, None, True),
        (NOON + MINUTE, "other", False),
        (NOON - 10 * MINUTE, "phone", False),
        (NOON - DAY, "phone", False),
    ],
)
def test_only_a_newer_pass_of_the_same_device_releases(at_ms: int, device: str | None, released: bool) -> None:
    player = Player(policy(), lambda _: Score(CHALLENGED, "m1"))
    player.see(paid(NOON, 1, kind=payments.PaymentRequested, device_id="phone"))
    player.see(paid(NOON + SECOND, 2, kind=payments.PaymentRequested, device_id="phone"))
    amended = only(DecisionAmended, player.see(login(at_ms, 1, ChallengePassed, device_id=device)))
    assert [each.outcome for each in amended] == (["allow"] * 2 if released else [])


def frozen(effects: list[Effect]) -> bool:
    return any(each.action == "freeze" for each in only(ActionRequested, effects))


@pytest.mark.parametrize("late_s", [60, 901, 3600, 2 * 86_400])
def test_a_theft_report_freezes_however_late_it_is_heard(late_s: int) -> None:
    player = Player(policy())
    player.see(login(NOON, 1, LoginSucceeded, device_id="own"))
    effects = player.see(event(UserReport, NOON - late_s * SECOND, 1, channel="phone", kind="stolen"))
    assert frozen(effects)
    assert [each.attempt for each in only(ActionRequested, player.pass_until(NOON + SECOND))] == []
    by_the_clock = Player(policy(), now_ms=NOON + late_s * SECOND)
    assert frozen(by_the_clock.see(event(UserReport, NOON, 1, channel="phone", kind="stolen")))


@pytest.mark.parametrize(
    ("overrides", "days", "why"),
    [('mode = "observe"', 0, "the policy observes"), ("", 30, "it is heard too late to act on")],
)
def test_where_nothing_may_be_frozen_the_case_says_so(overrides: str, days: int, why: str) -> None:
    player = Player(policy(overrides), now_ms=NOON + days * DAY)
    effects = player.see(event(UserReport, NOON, 1, channel="phone", kind="stolen"))
    assert not frozen(effects)
    (case,) = only(CaseVersion, effects)
    assert case.priority == "P1"
    assert f"not frozen: {why}; a person decides" in [line.text for line in case.evidence]


def test_a_report_from_before_the_account_was_given_back_freezes_nothing() -> None:
    player = Player(policy("[locks]\nunfreeze_identity_s = 0\nack = 'assumed'"))
    effects = player.see(event(UserReport, NOON, 1, channel="phone", kind="stolen"))
    case = only(CaseVersion, effects)[-1]
    about = {"case_id": case.case_id, "expected_version": case.version, "actor": "sue", "second_actor": "bob"}
    player.see(event(CaseAction, NOON + HOUR, 2, action="unlock", role="supervisor", **about))
    assert player.obligations["a1"].unfrozen_ms == NOON + HOUR
    known = player.obligations["a1"].case(case.case_id)
    assert known is not None
    about["expected_version"] = known.version
    again = player.see(event(CaseAction, NOON + HOUR + SECOND, 3, action="unlock", role="supervisor", **about))
    assert [each.cause for each in only(ActionRejected, again)] == ["recovering"]
    assert [held.action for held in player.obligations["a1"].locks if held.status != "lifting"] == ["limit"]
    assert not frozen(player.see(event(UserReport, NOON + MINUTE, 2, channel="phone", kind="stolen")))
    assert frozen(player.see(event(UserReport, NOON + 2 * HOUR, 3, channel="phone", kind="stolen")))


def test_an_analyst_who_confirms_a_takeover_freezes() -> None:
    player = Player(policy("[locks.caps]\nper_rule = 1"), now_ms=NOON + 30 * DAY)
    case = only(CaseVersion, player.see(event(UserReport, NOON, 1, channel="phone", kind="stolen")))[-1]
    player._now_ms = None
    about = {"case_id": case.case_id, "expected_version": case.version, "actor": "ana", "role": "analyst"}
    effects = player.see(event(CaseAction, NOON + MINUTE, 1, action="confirm_fraud", **about))
    assert frozen(effects)
    assert [(each.state, each.actor) for each in only(LocksState, effects)] == [("frozen", "analyst")]


def test_a_cap_stops_the_freeze_and_nothing_else() -> None:
    player = Player(policy("[locks.caps]\nper_rule = 1"))
    player.see(event(UserReport, NOON, 1, channel="phone", kind="stolen", account_id="a0"))
    effects = player.see(event(UserReport, NOON, 2, channel="phone", kind="stolen"))
    assert [each.action for each in only(ActionRequested, effects)] == ["end_sessions", "stop_payouts"]
    assert "lock_capped" in [line.kind for line in only(CaseVersion, effects)[-1].evidence]
    assert only(ActionRequested, player.see(event(UserReport, NOON + SECOND, 3, channel="phone", kind="stolen"))) == []
