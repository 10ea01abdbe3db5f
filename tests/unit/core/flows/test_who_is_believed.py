"""Whose word freezes an account, and what follows from the word of somebody whom nobody knows?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login, paid
from support.play import Player, policy

from streams.contracts.accounts import CaseAction, CustomerConfirmed, IdentityVerified, UserReport
from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.cases import ActionRejected, CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.logins import (
    ChallengePassed,
    CredentialChanged,
    DeviceBound,
    LoginFailed,
    LoginSucceeded,
    PasswordResetRequested,
    SessionUsed,
)
from streams.contracts.payments import PaymentRequested, TransferRequested, TransferSucceeded
from streams.core.score import Score
from streams.core.steps import Effect

ONE_FREEZE = "[locks.caps]\nper_rule = 1\n"
PAUSING = '[locks]\nunverified_report = "restrict"\n'


def only(kind: type, effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if type(effect) is kind]


def actions(effects: list[Effect]) -> set[str]:
    return {command.action for command in only(ActionRequested, effects)}


def told(effects: list[Effect]) -> set[str]:
    return {message.template for message in only(NotificationRequested, effects)}


def denied(player: Player, at_ms: int = NOON, number: int = 1, channel: str = "app", **about: str) -> list[Effect]:
    return player.see(event(CustomerConfirmed, at_ms, number, channel=channel, answer="no", **about))


def stolen(
    player: Player, at_ms: int = NOON + HOUR, channel: str = "app", account_id: str = "a1", number: int | str = 1
) -> list[Effect]:
    return player.see(event(UserReport, at_ms, number, channel=channel, kind="stolen", account_id=account_id))


class TestAnAnswerAboutAnUnknownCase:
    @pytest.mark.parametrize("answer", ["yes", "no"])
    def test_is_no_report_of_theft_and_says_why_nothing_follows(self, answer: str) -> None:
        player = Player(policy())
        about = {"channel": "app", "answer": answer, "case_id": "case_of_nobody"}
        (refused,) = player.see(event(CustomerConfirmed, NOON, 1, **about))
        assert isinstance(refused, ActionRejected)
        assert (refused.action, refused.cause, refused.case_id) == ("confirm", "unknown_case", "case_of_nobody")

    def test_ends_and_confirms_no_other_case(self) -> None:
        player = Player(policy())
        player.see(event(UserReport, NOON, 1, channel="phone", kind="stolen"))
        player.pass_until(NOON + MINUTE)
        effects = denied(player, NOON + MINUTE, case_id="case_of_nobody")
        assert [type(each) for each in effects] == [ActionRejected]

    def test_of_a_payment_that_is_named_as_well_is_an_answer_about_that(self) -> None:
        effects = denied(Player(policy()), payment_id="p1", case_id="case_of_nobody")
        assert {case.flow for case in only(CaseVersion, effects)} == {"F25"}


class TestANoAboutNothing:
    def test_freezes_nobody_however_often_and_opens_an_urgent_case(self) -> None:
        player = Player(policy())
        first = denied(player, payment_id="made-up")
        case = only(CaseVersion, first)[-1]
        assert (case.flow, case.queue, case.priority) == ("F25", "security", "P1")
        assert told(first) == {"unauthorised.received"}
        again = denied(player, NOON + SECOND, 2, payment_id="made-up")
        again += denied(player, NOON + 2 * SECOND, 3)
        again += denied(player, NOON + 3 * SECOND, 4, case_id=case.case_id)
        again += denied(player, NOON + 4 * SECOND, 5, case_id="case_of_somebody_else")
        assert actions(first + again) == set()
        assert only(CaseVersion, again)[-1].case_id == case.case_id

    def test_about_a_payment_of_this_account_freezes(self) -> None:
        player = Player(policy())
        player.see(paid(NOON - HOUR, 1))
        assert "freeze" in actions(denied(player, payment_id="p1"))

    def test_about_a_forgotten_password_is_read_by_people(self) -> None:
        player = Player(policy())
        effects = [e for at in range(12) for e in player.see(login(NOON + at * SECOND, at, LoginFailed, device_id="x"))]
        ladder = only(CaseVersion, effects)[-1]
        said = denied(player, NOON + MINUTE, case_id=ladder.case_id)
        assert actions(said) == set()
        assert "customer_denied" in {line.kind for line in only(CaseVersion, said)[-1].evidence}


class TestAChannelInWhichNobodyIsKnown:
    @pytest.mark.parametrize("channel", ["social", "email", "Web_Form", "fax", "a form that is new today"])
    def test_a_report_locks_nothing_has_people_look_and_asks_the_owner_elsewhere(self, channel: str) -> None:
        player = Player(policy())
        effects = stolen(player, channel=channel)
        assert actions(effects) == set()
        (message,) = only(NotificationRequested, effects)
        assert message.template == "account_takeover.unverified"
        assert ("in the app or by phone" in message.en, "paused" in message.en) == (True, False)
        case = only(CaseVersion, effects)[-1]
        assert (case.flow, case.priority) == ("F23", "P1")
        assert "not_frozen" in {line.kind for line in case.evidence}
        assert "freeze" in actions(stolen(player, NOON + 2 * HOUR, number=2))

    def test_letters_about_many_accounts_keep_nobodys_money_in(self) -> None:
        player = Player(policy())
        effects = [
            effect
            for n in range(300)
            for effect in stolen(player, NOON + n * SECOND, "email", account_id=f"a{n}", number=n)
        ]
        assert (actions(effects), len(only(NotificationRequested, effects))) == (set(), 300)
        assert not [case for case in only(CaseVersion, effects) if case.case_type == "locks_capped"]

    def test_or_pauses_money_out_too_if_the_policy_says_so(self) -> None:
        effects = stolen(Player(policy(PAUSING)), channel="social")
        assert actions(effects) == {"restrict"}
        assert told(effects) == {"account_takeover.paused"}
        assert only(CaseVersion, effects)[-1].priority == "P1"

    def test_a_flood_of_them_tells_the_owner_once_a_day_and_again_when_money_out_is_paused_anew(self) -> None:
        player = Player(policy(PAUSING + 'ack = "assumed"\n'))
        told_at, case = [], None
        for hour in range(30):
            effects = stolen(player, NOON + hour * HOUR, "email", number=hour)
            told_at += [hour] * any(template.startswith("account_takeover") for template in told(effects))
            case = only(CaseVersion, effects)[-1]
        assert told_at == [0, 24]
        fields = {"action": "unlock", "case_id": case.case_id, "expected_version": case.version, "role": "analyst"}
        player.see(event(CaseAction, NOON + 29 * HOUR + MINUTE, "a", actor="ana", **fields))
        again = stolen(player, NOON + 30 * HOUR, "email", number="a")
        assert actions(again) == {"restrict"}
        assert "account_takeover.paused" in told(again)

    @pytest.mark.parametrize(("channel", "times"), [("email", 1), ("app", 3)])
    def test_a_payment_denied_there_again_and_again_is_answered_once_a_day(self, channel: str, times: int) -> None:
        player = Player(policy())
        effects = [
            effect
            for n in range(3)
            for effect in player.see(
                event(UserReport, NOON + n * MINUTE, n, channel=channel, kind="unauthorised", payment_id=f"p{n}")
            )
        ]
        told_of = [message.template for message in only(NotificationRequested, effects)]
        assert told_of == ["unauthorised.received"] * times
        assert "unauthorised.received" not in told(denied(player, NOON + HOUR, 1, "email", payment_id="p7"))

    def test_about_an_account_that_is_frozen_says_nothing_that_is_not_true(self) -> None:
        player = Player(policy('[locks]\nack = "assumed"\n'))
        stolen(player, NOON, "phone", number=1)
        effects = stolen(player, NOON + MINUTE, "email", number=2)
        assert (actions(effects), told(effects)) == (set(), set())
        assert [line.kind for line in only(CaseVersion, effects)[-1].evidence][-2:] == ["user_report", "frozen_already"]

    def test_a_no_there_freezes_nobody_either(self) -> None:
        player = Player(policy())
        player.see(paid(NOON - HOUR, 1))
        said = denied(player, channel="social", payment_id="p1")
        assert (actions(said), told(said)) == (set(), {"account_takeover.unverified"})

    @pytest.mark.parametrize("channel", ["social", "fax"])
    def test_a_yes_there_releases_nothing_and_one_where_the_owner_is_known_does(self, channel: str) -> None:
        player = Player(policy(), lambda _: Score(0.9, "m1"))
        asked = player.see(paid(NOON, 1, kind=PaymentRequested))
        assert [each.outcome for each in only(DecisionMade, asked)] == ["hold"]
        there = player.see(event(CustomerConfirmed, NOON + MINUTE, 2, channel=channel, answer="yes", payment_id="p1"))
        (case,) = only(CaseVersion, there)
        assert only(DecisionAmended, there) == []
        assert (case.finding, case.evidence[-1].kind) == ("unset", "customer_confirmed")
        known = player.see(event(CustomerConfirmed, NOON + HOUR, 3, channel="App", answer="yes", payment_id="p1"))
        assert [each.outcome for each in only(DecisionAmended, known)] == ["allow"]

    def test_a_policy_may_list_one(self) -> None:
        player = Player(policy('[locks]\nverified_channels = ["app", "fax"]\n'))
        assert "freeze" in actions(stolen(player, channel="Fax"))

    def test_the_same_word_where_the_owner_is_known_freezes(self) -> None:
        player = Player(policy())
        stolen(player, channel="social")
        assert "freeze" in actions(stolen(player, NOON + HOUR + MINUTE, "app", number=2))

    @pytest.mark.parametrize("money", ["none", "is asked for", "goes"])
    @pytest.mark.parametrize("channel", ["email", "social", "a form that is new today"])
    def test_only_money_that_went_from_where_nobody_answered_makes_it_credible(self, channel: str, money: str) -> None:
        """Else an e-mail froze everybody whose password leaked, or who once left a code untyped."""
        player = Player(policy())
        for day in range(5):
            player.see(login(NOON - (5 - day) * DAY, f"home{day}", LoginSucceeded, device_id="own"))
        for at in range(6):
            player.see(login(NOON + at * SECOND, at, LoginFailed, device_id="thief", ip="192.0.2.9"))
        player.see(login(NOON + MINUTE, "in", LoginSucceeded, device_id="thief", ip="192.0.2.9"))
        thief: dict[str, Any] = {"device_id": "thief", "ip": "192.0.2.9", "counterparty_id": "mule"}
        if money != "none":
            kind = TransferSucceeded if money == "goes" else TransferRequested
            player.see(paid(NOON + 2 * MINUTE, "grab", 3_000, kind, **thief))
        effects = stolen(player, channel=channel)
        if money == "goes":
            assert "freeze" in actions(effects)
            return
        assert actions(effects) == set()
        (message,) = only(NotificationRequested, effects)
        assert message.template == "account_takeover.unverified"
        assert "in the app or by phone and we freeze your account at once" in message.en
        case = next(each for each in only(CaseVersion, effects) if each.flow == "F23")
        assert (case.priority, case.queue) == ("P1", "security")
        own = player.see(paid(NOON + 2 * HOUR, "own", 3_000, TransferRequested, device_id="own", counterparty_id="mom"))
        assert only(DecisionMade, own)[-1].outcome not in ("block", "step_up")
        assert "freeze" in actions(stolen(player, NOON + 3 * HOUR, "phone", number="known"))

    def test_what_the_owner_pays_elsewhere_bears_no_word_out(self) -> None:
        player = doubted()
        for number, place in enumerate((HOME, HOME | {"ip": "203.0.113.9"})):
            own = paid(NOON + HOUR + number, f"own{number}", 3_000, TransferSucceeded, counterparty_id="mom", **place)
            player.see(own)
        assert "freeze" not in actions(stolen(player, NOON + DAY, "email"))

    def test_a_session_in_other_hands_that_pays_does(self) -> None:
        player = doubted(before_s=20)
        away: dict[str, Any] = {"device_id": "own", "ip": "192.0.2.200", "user_agent": "curl/8.5", "asn": 64666}
        used = player.see(event(SessionUsed, NOON + HOUR, "used", session_id="s", **away))
        assert only(DecisionMade, used)[-1].outcome in ("step_up", "block")
        assert "freeze" not in actions(stolen(player, NOON + HOUR + MINUTE, "email"))
        pays: dict[str, Any] = {"device_id": "own", "ip": "192.0.2.200", "counterparty_id": "mule"}
        player.see(paid(NOON + 2 * HOUR, "grab", 3_000, TransferSucceeded, **pays))
        assert "freeze" in actions(stolen(player, NOON + 3 * HOUR, "email", number=2))


PROOF: dict[str, Any] = {
    "method": "face_and_document", "level": 3, "passed": True, "actor": "idv", "role": "identity_service",
}  # fmt: skip
ABROAD: dict[str, Any] = {"device_id": "new", "ip": "198.51.100.5", "country": "US"}
HOME: dict[str, Any] = {"device_id": "own", "ip": "203.0.113.7"}
THIRD: dict[str, Any] = {"device_id": "third", "ip": "192.0.2.8", "country": "BR"}


def doubted(
    *,
    before_s: int | None = None,
    after_s: int | None = None,
    by: dict[str, Any] = ABROAD,
    where: dict[str, Any] = ABROAD,
) -> Player:
    """An owner of twenty days logs in from abroad on a new phone; the second factor comes so many seconds apart."""
    player = Player(policy('[locks]\nack = "assumed"\n'))
    for day in range(20):
        home = {"device_id": "own", "ip": "203.0.113.7", "country": "CN", "user_agent": "wallet/5.3", "asn": 100}
        player.see(login(NOON - (40 - day) * DAY, f"home{day}", LoginSucceeded, **home))
    if before_s is not None:
        player.see(login(NOON - before_s * SECOND, "sms", ChallengePassed, **by))
    came = player.see(login(NOON, "in", LoginSucceeded, user_agent="wallet/6", asn=900, **where))
    assert [each.outcome for each in only(DecisionMade, came)] == ["step_up" if before_s is None else "notify"]
    if after_s is not None:
        player.see(login(NOON + after_s * SECOND, "sms", ChallengePassed, **by))
    return player


def spends(player: Player, at_ms: int, where: dict[str, Any] = ABROAD) -> None:
    """Money goes from there, though rules ask for a second factor."""
    player.see(paid(at_ms, f"gone-{at_ms}", 3_000, TransferSucceeded, counterparty_id="mom", **where))


class TestASecondFactorThatWasGiven:
    @pytest.mark.parametrize("answer", [{"after_s": 20}, {"before_s": 20}], ids=["after the login", "before it"])
    @pytest.mark.parametrize("bound", [True, False])
    def test_leaves_no_evidence_for_a_word_of_anybody(self, answer: dict[str, Any], bound: bool) -> None:
        """Else a stranger's e-mail froze every owner who had bought a phone within the week."""
        player = doubted(**answer)
        if bound:
            player.see(login(NOON + MINUTE, "bound", DeviceBound, **ABROAD))
        spends(player, NOON + 2 * MINUTE)
        for day in range(1, 7):
            assert "freeze" not in actions(stolen(player, NOON + day * DAY, channel="email", number=day))
        assert "freeze" in actions(stolen(player, NOON + 6 * DAY + HOUR, "phone", number="known"))

    @pytest.mark.parametrize(
        "answer",
        [{}, {"after_s": 20, "by": ABROAD | {"device_id": "own"}}],
        ids=["none", "of another device"],
    )
    def test_has_to_come_and_from_there(self, answer: dict[str, Any]) -> None:
        player = doubted(**answer)
        assert "freeze" not in actions(stolen(player, NOON + HOUR, channel="email"))
        spends(player, NOON + 2 * HOUR)
        assert "freeze" in actions(stolen(player, NOON + DAY, channel="email", number=2))

    def test_that_came_too_late_for_the_login_says_all_the_same_that_its_device_is_the_owners(self) -> None:
        player = doubted(after_s=1_000)
        spends(player, NOON + 2 * HOUR)
        assert "freeze" not in actions(stolen(player, NOON + DAY, channel="email"))

    def test_does_not_answer_for_who_came_before(self) -> None:
        player = doubted()
        spends(player, NOON + MINUTE)
        player.see(login(NOON + HOUR, "mine", LoginSucceeded, user_agent="x", asn=1, **THIRD))
        player.see(login(NOON + HOUR + SECOND, "sms", ChallengePassed, **THIRD))
        assert "freeze" in actions(stolen(player, NOON + DAY, channel="email"))


class TestAnAccountThatWasGivenBack:
    def given_back(self) -> Player:
        player = doubted()
        spends(player, NOON + MINUTE)
        assert "freeze" in actions(stolen(player, NOON + HOUR, channel="email"))
        player.see(event(IdentityVerified, NOON + 2 * HOUR, "proof", **PROOF))
        (case,) = [case for case in player.obligations["a1"].cases if case.family == "takeover"]
        player.see(
            event(
                CaseAction, NOON + 3 * HOUR, "unlock", action="unlock", case_id=case.case_id,
                expected_version=case.version, role="supervisor", actor="sue", second_actor="bob", scope="all",
            )
        )  # fmt: skip
        assert not any(held.action == "freeze" for held in player.obligations["a1"].locks)
        return player

    def confirm(self, player: Player, at_ms: int) -> list[Effect]:
        (case,) = [case for case in player.obligations["a1"].cases if case.family == "takeover"]
        return player.see(
            event(
                CaseAction, at_ms, "confirm", action="confirm_fraud", case_id=case.case_id,
                expected_version=case.version, role="analyst", actor="ana",
            )
        )  # fmt: skip

    def test_is_frozen_by_no_word_of_anybody_however_often(self) -> None:
        player = self.given_back()
        for day in range(1, 7):
            effects = stolen(player, NOON + day * DAY, channel="email", number=f"day-{day}")
            assert actions(effects) & {"freeze", "restrict"} == set()

    @pytest.mark.parametrize("joins", ["a change", "a login"])
    def test_is_frozen_when_an_analyst_confirms_that_the_thief_is_back(self, joins: str) -> None:
        """The case of the first theft is open still, and the second one is on it, or only on the trail."""
        player = self.given_back()
        back_ms = NOON + 7 * HOUR
        player.see(login(back_ms, "again", LoginSucceeded, user_agent="wallet/6", asn=900, **ABROAD))
        if joins == "a change":
            player.see(login(back_ms + MINUTE, "sms again", ChallengePassed, **ABROAD))
            player.see(login(back_ms + 2 * MINUTE, "new", CredentialChanged, reason="password", **ABROAD))
        assert {"freeze", "end_sessions", "stop_payouts"} <= actions(self.confirm(player, back_ms + HOUR))

    @pytest.mark.parametrize("writes", [True, False])
    def test_and_is_told_why_not_when_nothing_has_come_since(self, writes: bool) -> None:
        player = self.given_back()
        if writes:
            stolen(player, NOON + 4 * HOUR, channel="email", number="anybody")
        effects = self.confirm(player, NOON + 5 * HOUR)
        assert actions(effects) == set()
        case = only(CaseVersion, effects)[-1]
        assert case.finding == "confirmed_fraud"
        assert "nothing has come since" in (case.evidence[-1].text or "")


class TestWhatIsNoEvidence:
    def test_a_reset_that_anybody_can_ask_for_makes_no_word_credible(self) -> None:
        player = Player(policy())
        for day in range(5):
            player.see(login(NOON - (5 - day) * DAY, f"home{day}", LoginSucceeded, device_id="own"))
        player.see(login(NOON, "reset", PasswordResetRequested, device_id="stranger", ip="192.0.2.9"))
        assert actions(stolen(player, channel="email")) == set()

    def test_nor_does_a_command_that_nobody_acknowledges(self) -> None:
        player = Player(policy(PAUSING))
        stolen(player, NOON, channel="email")
        cases = only(CaseVersion, player.pass_until(NOON + HOUR))
        assert "lock_not_confirmed" in {case.case_type for case in cases}
        assert "freeze" not in actions(stolen(player, NOON + 2 * HOUR, channel="email", number=2))

    def test_nobody_keeps_an_owner_out_by_writing_every_day(self) -> None:
        player = Player(policy(PAUSING))
        stolen(player, NOON, channel="email")
        proof = {"method": "face_and_document", "level": 3, "passed": True, "actor": "idv", "role": "identity_service"}
        player.see(event(IdentityVerified, NOON + HOUR, 1, **proof))
        for day in range(1, 7):
            effects = stolen(player, NOON + day * DAY, channel="email", number=1 + day)
            assert actions(effects) & {"restrict", "freeze"} == set()
            assert "account_takeover.unverified" not in told(effects)
        assert "freeze" in actions(stolen(player, NOON + 7 * DAY, number=9))


class TestANoAboutATheft:
    def test_freezes_however_late_it_is_heard(self) -> None:
        player = Player(policy())
        player.see(paid(NOON, 1))
        player.pass_until(NOON + HOUR)
        assert "freeze" in actions(denied(player, NOON + MINUTE, payment_id="p1"))

    def test_is_over_when_two_people_have_given_the_account_back_since(self) -> None:
        player = Player(policy("[locks]\nunfreeze_identity_s = 0\n"))
        player.see(paid(NOON - HOUR, 1))
        case = only(CaseVersion, stolen(player, NOON))[-1]
        two = {"actor": "ana", "second_actor": "bob", "role": "supervisor", "expected_version": case.version}
        player.see(event(CaseAction, NOON + 5 * MINUTE, 1, action="unlock", case_id=case.case_id, **two))
        effects = denied(player, NOON + 2 * MINUTE, payment_id="p1")
        assert "freeze" not in actions(effects)
        assert "not_frozen" in {line.kind for line in only(CaseVersion, effects)[-1].evidence}


class TestCapsOfFreezes:
    def test_new_accounts_that_are_reported_stolen_keep_no_old_one_from_its_freeze(self) -> None:
        player = Player(policy(ONE_FREEZE))
        for week in range(8):
            player.see(paid(NOON - (60 - 7 * week) * DAY, f"{week}", account_id="victim"))
            player.see(paid(NOON - (60 - 7 * week) * DAY + MINUTE, f"{week}b", account_id="victim"))
        junk = [stolen(player, NOON + at * SECOND, account_id=f"junk{at}", number=at) for at in range(20)]
        assert sum("freeze" in actions(effects) for effects in junk) == 1
        assert "freeze" in actions(stolen(player, account_id="victim", number="real"))

    def test_whoever_is_over_a_cap_has_an_urgent_case_and_knows_what_to_do(self) -> None:
        player = Player(policy(ONE_FREEZE))
        stolen(player, account_id="first", number=0)
        effects = stolen(player, account_id="second", number=1)
        assert actions(effects) == {"end_sessions", "stop_payouts"}
        assert told(effects) == {"account_takeover.review"}
        (case,) = [each for each in only(CaseVersion, effects) if each.entities.account_id == "second"]
        assert (case.flow, case.priority) == ("F23", "P1")

    def test_a_burst_is_one_incident_that_counts(self) -> None:
        player = Player(policy(ONE_FREEZE))
        effects = [e for at in range(101) for e in stolen(player, NOON + at * SECOND, account_id=f"a{at}", number=at)]
        incidents = [case for case in only(CaseVersion, effects) if case.case_type == "locks_capped"]
        assert [(case.version, case.counters["refused"]) for case in incidents] == [(1, 1), (2, 10), (3, 100)]
        assert len({case.case_id for case in incidents}) == 1
        assert {state.account_id for state in only(LocksState, effects)} == {"a0"}
