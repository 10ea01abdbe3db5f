"""Account states: whatever happens in whatever order, is there always a way out, and only the permitted one?"""

from __future__ import annotations

import os
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login, paid
from support.play import Player, policy

from streams.contracts.accounts import (
    AccountProfile,
    ActionAcknowledged,
    CaseAction,
    CustomerConfirmed,
    IdentityVerified,
    LedgerPosted,
    UnlockRequested,
    UserReport,
)
from streams.contracts.actions import ActionRequested, LocksState
from streams.contracts.base import Event, from_ms, to_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.logins import (
    ChallengePassed,
    CredentialChanged,
    DeviceBound,
    LoginFailed,
    LoginSucceeded,
    PasswordResetRequested,
    SessionUsed,
)
from streams.contracts.payments import (
    CardBound,
    PaymentRequested,
    PaymentSucceeded,
    TransferRequested,
    WithdrawalRequested,
)
from streams.core.locks.account_states import (
    ACCOUNT_MOVES,
    ACTIVE,
    ANY,
    CHALLENGED,
    CLOSED,
    FROZEN,
    HARD_LOCK,
    RECOVERING,
    REST,
    RESTRICTED,
    STATES,
    permitted,
    stands,
    state_of,
    state_of_lock,
)
from streams.core.messages.render import instant
from streams.core.pipeline import next_due_ms
from streams.core.steps import Effect

# A word of anybody pauses money out, so that there are more kinds of locks at once.
POLICY = policy('locks.unverified_report = "restrict"')
ENDLESS = {FROZEN, HARD_LOCK}
SOAK = bool(os.environ.get("PAYWARDEN_SOAK"))
HOME: dict[str, Any] = {
    "device_id": "phone",
    "ip": "203.0.113.7",
    "country": "CN",
    "asn": 100,
    "user_agent": "wallet/5",
}
ABROAD: dict[str, Any] = {"ip": "198.51.100.9", "country": "US", "asn": 9}
LATE = st.sampled_from([0, 0, 20 * MINUTE, 2 * DAY])


def test_every_state_can_be_entered_and_left() -> None:
    entered = {move.to for move in ACCOUNT_MOVES} - {REST}
    assert entered | {ACTIVE} == set(STATES)
    assert {move.state for move in ACCOUNT_MOVES} - {ANY} == set(STATES) - {ACTIVE}


def test_only_supervisors_lead_out_of_a_freeze() -> None:
    assert {move.on for move in ACCOUNT_MOVES if move.state == FROZEN} == {"supervisors"}
    triggers = {move.on for move in ACCOUNT_MOVES}
    out = {on for on in triggers for to in STATES if to not in (FROZEN, CLOSED) and permitted(FROZEN, on, to)}
    assert out == {"supervisors"}


def test_what_has_no_end_of_its_own_is_a_persons_work() -> None:
    without_end = {move.state for move in ACCOUNT_MOVES} - {
        move.state for move in ACCOUNT_MOVES if move.on == "expired"
    }
    assert without_end - {ANY, CLOSED} == ENDLESS


class Life(RuleBasedStateMachine):
    """One account, everything that can happen to it, and the payment system's answers, some of them missing."""

    def __init__(self) -> None:
        super().__init__()
        self.player = Player(POLICY)
        self.history: list[tuple[str, Any]] = []
        self.at_ms = NOON
        self.number = 0
        self.state = ACTIVE
        self.cases: dict[str, CaseVersion] = {}
        self.unanswered: list[str] = []
        self.told: list[Effect] = []
        self.commands: dict[str, tuple[str, ...]] = {}
        self.mule_paused = False  # since its owner was asked where the money comes from
        self.payments = ["p1"]

    def see(self, happening: Event, late_ms: int = 0) -> None:
        self.let_time_pass(to_ms(happening.occurred_at))
        if late_ms:
            happening = msgspec.structs.replace(happening, occurred_at=from_ms(self.at_ms - late_ms))
        self.history.append(("see", happening))
        self.take(self.player.see(happening))

    def wait(self, ms: int) -> None:
        self.at_ms += ms
        self.let_time_pass(self.at_ms)

    def let_time_pass(self, until_ms: int) -> None:
        """Timer by timer, so that what is told can be compared with what is at that moment.

        A replay takes the same steps: where a timer waits for a feed, a leap of all feeds at once is another history.
        """
        while (owed := self.player.obligations.get("a1")) is not None:
            due_ms = next_due_ms(owed)
            if due_ms is None or due_ms > until_ms:
                break
            self.passes(due_ms)
        self.passes(until_ms)

    def passes(self, until_ms: int) -> None:
        self.history.append(("wait", until_ms))
        self.take(self.player.pass_until(until_ms))

    def take(self, effects: list[Effect]) -> None:
        self.told += effects
        for effect in effects:
            if isinstance(effect, CaseVersion):
                self.cases[effect.case_id] = effect
            elif isinstance(effect, ActionRequested):
                self.unanswered.append(effect.action_id)
                what = (effect.action, effect.scope, effect.applies_to, str(effect.expires_at))
                assert self.commands.setdefault(effect.action_id, what) == what, "one id, one command"
            elif isinstance(effect, LocksState):
                assert effect.was in (None, self.state)
                assert permitted(self.state, effect.trigger or "", effect.state), (self.state, effect)
                assert effect.actor or effect.state == self.state
                assert effect.event_id
                if self.state == FROZEN != effect.state != CLOSED:
                    assert effect.actor in ("supervisor", "admin")
                if self.mule_paused and effect.trigger in ("identity_proved", "second_factor", "expired"):
                    mules = [case for case in self.player.obligations["a1"].cases if case.family == "mule_account"]
                    paused = any(to_ms(effect.occurred_at) < case.payouts_paused_ms + DAY for case in mules)
                    assert not paused or effect.state in (RESTRICTED, HARD_LOCK, FROZEN, CLOSED), effect
                self.state = effect.state
            elif isinstance(effect, NotificationRequested) and effect.template == "mule_account":
                self.mule_paused = True
        for effect in effects:
            if isinstance(effect, ActionRequested) and effect.action == "unlock":
                self.nothing_stricter_stands_over(effect)
            elif isinstance(effect, NotificationRequested) and effect.template.startswith("unlocked"):
                self.is_true(effect)

    def nothing_stricter_stands_over(self, unlock: ActionRequested) -> None:
        """A payment system may keep one flag for each scope."""
        owed = self.player.obligations["a1"]
        sent = [command.lock for command in owed.outbox if command.action_id == unlock.action_id]
        for lifted in [held for held in owed.locks if held.action_id in sent]:  # none: it has expired meanwhile
            for held in owed.locks:
                if stands(held) and (held.scope == unlock.scope or "all" in (held.scope, unlock.scope)):
                    assert STATES.index(state_of_lock(held)) <= STATES.index(state_of_lock(lifted)), (held, unlock)

    def is_true(self, message: NotificationRequested) -> None:
        locks = self.player.obligations["a1"].locks
        kept = max((STATES.index(state_of_lock(held)) for held in locks), default=0)  # what is not released yet, too
        match message.template:
            case "unlocked" | "unlocked.renew" | "unlocked.by_us":
                assert kept <= STATES.index(CHALLENGED)
            case "unlocked.limited" | "unlocked.renew.limited" | "unlocked.by_us.limited":
                assert kept == STATES.index(RECOVERING)
                limits = [held.due_ms for held in locks if state_of_lock(held) == RECOVERING]
                assert instant(max(limits)) == message.parameters["until"]
            case _:
                assert message.parameters == {"left": f"left.{self.state}"}
                assert STATES.index(RECOVERING) < kept < STATES.index(FROZEN)

    def next(self, kind_: type[Event], /, **fields: Any) -> Event:
        self.number += 1
        self.at_ms += SECOND
        return event(kind_, self.at_ms, self.number, **fields)

    def door(self, kind: type[Event], **fields: Any) -> Event:
        self.number += 1
        self.at_ms += SECOND
        return login(self.at_ms, self.number, kind, **fields)

    @initialize(days=st.sampled_from([0, 1, 8]))
    def begin(self, days: int) -> None:
        """A new account, one that was entered once, or one with a history from which somebody else stands out."""
        for _ in range(days):
            self.at_ms += DAY // 2
            self.see(self.door(LoginSucceeded, **HOME))
            if days > 1:
                self.pay(PaymentSucceeded, 5_000, HOME, merchant_id="m1")

    def pay(self, kind: type[Event], amount_minor: int, where: dict[str, Any], **fields: Any) -> None:
        self.number += 1
        self.at_ms += SECOND
        about = {key: where[key] for key in ("device_id", "ip", "country")}
        self.see(paid(self.at_ms, self.number, amount_minor, kind, **about, **fields))
        self.payments.append(f"p{self.number}")

    @rule(device=st.sampled_from(["phone", "stranger"]), times=st.sampled_from([1, 4, 9, 100]))
    def guess(self, device: str, times: int) -> None:
        for _ in range(times):
            self.see(self.door(LoginFailed, device_id=device))

    @rule(device=st.sampled_from(["phone", "stranger"]))
    def enter(self, device: str) -> None:
        self.see(self.door(LoginSucceeded, device_id=device))

    @rule()
    def second_factor(self) -> None:
        self.see(self.door(ChallengePassed, device_id="stranger", reason="otp"))

    @rule(
        kind=st.sampled_from([PaymentRequested, TransferRequested, WithdrawalRequested]),
        amount_minor=st.sampled_from([100, 6_000, 50_000]),
        by=st.sampled_from(["phone", "stranger"]),
        to=st.sampled_from(["m1", "x", "y"]),
    )
    def money_leaves(self, kind: type[Event], amount_minor: int, by: str, to: str) -> None:
        where = HOME if by == "phone" else ABROAD | {"device_id": by}
        whom = {"merchant_id" if kind is PaymentRequested else "counterparty_id": to}
        self.pay(kind, amount_minor, where, **whom)

    @rule(
        device=st.sampled_from(["stranger", "another"]),
        change=st.sampled_from([None, "password", "phone"]),
        factor=st.booleans(),
        takes=st.sampled_from([0, 200, 45_000]),
    )
    def thief(self, device: str, change: str | None, factor: bool, takes: int) -> None:
        """Comes in, perhaps with the second factor, changes something and takes what there is (T1, F21)."""
        where = ABROAD | {"device_id": device}
        self.see(self.door(LoginSucceeded, **where))
        if factor:
            self.see(self.door(ChallengePassed, **where))
        if change:
            self.see(self.door(CredentialChanged, reason=change, **where))
        if takes:
            self.pay(TransferRequested, takes, where, counterparty_id=f"mule{self.number}")

    @rule(what=st.sampled_from(["device", "session", "reset", "card"]), device=st.sampled_from(["phone", "stranger"]))
    def something_is_set(self, what: str, device: str) -> None:
        match what:
            case "device":
                self.see(self.door(DeviceBound, device_id=device))
            case "session":
                self.see(self.door(SessionUsed, **ABROAD | {"device_id": "elsewhere", "user_agent": "curl/8"}))
            case "reset":
                self.see(self.door(PasswordResetRequested, **ABROAD | {"device_id": device}))
            case _:
                self.see(self.next(CardBound, card_token=f"card{self.number}", device_id=device))

    @rule(
        late_ms=st.sampled_from([20 * MINUTE, 2 * DAY]),
        what=st.sampled_from(["passed", "failed", "unlock", "factor", "login", "change", "answer"]),
    )
    def is_heard_late(self, late_ms: int, what: str) -> None:
        proof = {"method": "face_and_document", "level": 3, "actor": "idv", "role": "identity_service"}
        match what:
            case "passed" | "failed":
                happening = self.next(IdentityVerified, passed=what == "passed", **proof)
            case "unlock":
                happening = self.next(UnlockRequested, channel="app")
            case "factor":
                happening = self.door(ChallengePassed, device_id="phone", reason="otp")
            case "login":
                happening = self.door(LoginSucceeded, **ABROAD | {"device_id": "stranger"})
            case "change":
                happening = self.door(CredentialChanged, reason="password", **ABROAD | {"device_id": "stranger"})
            case _:
                if not self.unanswered:
                    return
                action_id = self.unanswered.pop(0)
                fields = {"action_id": action_id, "effective_at": from_ms(self.at_ms), "result": "done"}
                happening = self.next(ActionAcknowledged, **fields)
        self.see(happening, late_ms)

    @rule(kind=st.sampled_from(["stolen", "unauthorised"]), channel=st.sampled_from(["phone", "email"]), late_ms=LATE)
    def report(self, kind: str, channel: str, late_ms: int = 0) -> None:
        self.see(self.next(UserReport, channel=channel, kind=kind), late_ms)

    @rule(device=st.sampled_from(["phone", "stranger"]), channel=st.sampled_from(["phone", "email"]))
    def be_taken_over(self, device: str, channel: str) -> None:
        """Several locks at once, which is when one of them is lifted under another."""
        self.guess(device, 9)
        self.report("stolen", "email")
        self.report("stolen", channel)

    @rule(email=st.booleans())
    def pass_money_on(self, email: bool) -> None:
        """Sixteen people pay in, all of it is to leave, and perhaps the account tells strange things about itself."""
        for n in range(16):
            entry = {"entry_id": f"in{self.number}", "direction": "credit", "counterparty_id": f"payer{n}"}
            self.see(self.next(LedgerPosted, amount_minor=1_000, currency="EUR", **entry))
        about = {"payment_id": f"out{self.number}", "amount_minor": 16_000, "currency": "EUR"}
        self.see(self.next(TransferRequested, counterparty_id=f"boss{self.number}", **about))
        if email:
            self.wait(13 * HOUR)
            self.report("stolen", "email")
            self.identity(3, True)

    @rule(
        answer=st.sampled_from(["yes", "no"]),
        channel=st.sampled_from(["app", "email"]),
        pick=st.randoms(use_true_random=False),
        late_ms=LATE,
    )
    def confirm(self, answer: str, channel: str, pick: Any, late_ms: int) -> None:
        """About a payment that the account knows, or about the first one, which it may never have seen."""
        about = {"payment_id": pick.choice(self.payments), "device_id": "phone"}
        self.see(self.next(CustomerConfirmed, channel=channel, answer=answer, **about), late_ms)

    @rule(level=st.integers(1, 4), passed=st.booleans())
    def identity(self, level: int, passed: bool) -> None:
        fields = {
            "method": "face_and_document",
            "level": level,
            "passed": passed,
            "actor": "idv",
            "role": "identity_service",
        }
        self.see(self.next(IdentityVerified, **fields))

    @rule()
    def appeal(self) -> None:
        self.see(self.next(UnlockRequested, channel="app"))

    @rule(
        action=st.sampled_from(
            [
                *("lock", "unlock", "confirm_fraud", "confirm_legit", "resolve", "ask", "merge", "reopen"),
                *("release", "block", "assign", "escalate"),
            ]
        ),
        role=st.sampled_from(["viewer", "analyst", "supervisor"]),
        second=st.sampled_from([None, "ana", "bob"]),
        scope=st.sampled_from([None, "login", "money_out", "all"]),
        pick=st.randoms(use_true_random=False),
    )
    def operator(self, action: str, role: str, second: str | None, scope: str | None, pick: Any) -> None:
        if not self.cases:
            return
        case = self.cases[pick.choice(sorted(self.cases))]
        fields = {"action": action, "case_id": case.case_id, "expected_version": case.version, "role": role}
        if action in ("lock", "unlock"):
            fields["scope"] = scope
        elif action == "ask":
            fields["asks_for"] = ("documents",)
        elif action == "merge":
            fields["other_case_id"] = pick.choice(sorted(self.cases))
        if action in ("unlock", "confirm_legit", "resolve", "merge"):  # people may decide that money leaves
            self.mule_paused = False
        self.see(self.next(CaseAction, actor="ana", second_actor=second, **fields))

    @rule(action=st.sampled_from(["resolve", "ask"]))
    def end_the_case_of_a_lock(self, action: str) -> None:
        """By a person who has done with it, or by a customer who does not answer."""
        owed = self.player.obligations.get("a1")
        for held in owed.locks if owed is not None else ():
            if held.due_ms == 0 and held.case_id in self.cases:
                case = self.cases[held.case_id]
                fields = {"action": action, "case_id": case.case_id, "expected_version": case.version}
                asks_for = ("documents",) if action == "ask" else ()
                self.see(self.next(CaseAction, actor="ana", role="analyst", asks_for=asks_for, **fields))
                self.wait(15 * DAY)
                break

    @rule(done=st.booleans())
    def answer(self, done: bool) -> None:
        if self.unanswered:
            action_id = self.unanswered.pop(0)
            result = "done" if done else "refused"
            fields = {"action_id": action_id, "effective_at": from_ms(self.at_ms), "result": result}
            self.see(self.next(ActionAcknowledged, **fields))

    @rule(ms=st.sampled_from([MINUTE, HOUR, DAY, 15 * DAY]))
    def time_passes(self, ms: int) -> None:
        self.wait(ms)

    @rule()
    def close(self) -> None:
        if self.number > 40:  # most lives should be longer than their first event
            self.see(self.next(AccountProfile, language="en", closed_at=from_ms(self.at_ms)))

    @rule()
    def reopen(self) -> None:
        self.see(self.next(AccountProfile, language="en"))

    @invariant()
    def what_was_told_is_what_is(self) -> None:
        owed = self.player.obligations.get("a1")
        if owed is not None:
            assert state_of(owed.locks, owed.holder.closed) == self.state

    @invariant()
    def every_lock_ends_or_is_somebodys_work(self) -> None:
        owed = self.player.obligations.get("a1")
        for held in owed.locks if owed is not None else ():
            if held.due_ms == 0 and stands(held):
                case = owed.case(held.case_id)
                if any(each.case_id == held.case_id and each.handed_over for each in owed.ended):
                    continue  # one of too many: people alone follow it
                # Also where it waits for its customer: silence must not end it.
                assert case is not None, held
                assert case.is_open, (held, case)
                assert case.status != "auto_answered", "its clocks stand still"

    @invariant()
    def what_the_payment_system_has_not_done_is_asked_for_again(self) -> None:
        owed = self.player.obligations.get("a1")
        if owed is not None:
            asked = {command.lock for command in owed.outbox}
            assert {held.action_id for held in owed.locks if held.status != "effective"} <= asked

    def teardown(self) -> None:
        again = Player(POLICY)
        effects: list[Effect] = []
        for what, value in self.history:
            effects += again.see(value) if what == "see" else again.pass_until(value)
        assert effects == self.told, "a replay gives the same states"
        # Time alone leads out of everything but what a person must look at.
        while self.unanswered:
            self.answer(True)
        self.wait(8 * DAY)
        assert self.state in (ACTIVE, CLOSED, *ENDLESS)
        # Whatever it has refused before: once the payment system does as it is asked, it does what was decided.
        while self.unanswered:
            self.answer(True)
        owed = self.player.obligations.get("a1")
        assert owed is None or {held.status for held in owed.locks} <= {"effective"}


TestLife = pytest.mark.timeout(3_600 if SOAK else 600)(Life.TestCase)
TestLife.settings = settings(max_examples=2_000 if SOAK else 60, stateful_step_count=20, deadline=None)


@pytest.mark.parametrize("state", sorted(ENDLESS))
def test_what_time_does_not_end_a_person_does(state: str) -> None:
    player = Player(POLICY)
    if state == FROZEN:
        effects = player.see(event(UserReport, NOON, 1, channel="phone", kind="stolen"))
    else:
        effects = [
            effect
            for number in range(100)
            for effect in player.see(login(NOON + number * SECOND, number, device_id="stranger"))
        ]
    states = [effect for effect in effects if isinstance(effect, LocksState)]
    assert states[-1].state == state
    assert states[-1].state_ends_at is None
    at_ms = NOON + 10 * MINUTE
    if state == FROZEN:
        case = [effect for effect in effects if isinstance(effect, CaseVersion)][-1]
        proof = {"method": "face_and_document", "level": 3, "passed": True, "actor": "idv"}
        effects = player.see(event(IdentityVerified, at_ms, 2, role="identity_service", **proof))
        case = [effect for effect in effects if isinstance(effect, CaseVersion)][-1]
        fields = {"action": "unlock", "case_id": case.case_id, "expected_version": case.version, "actor": "ana"}
        effects = player.see(event(CaseAction, at_ms, 3, role="supervisor", second_actor="bob", **fields))
    else:
        fields = {"method": "face_and_document", "level": 3, "passed": True, "actor": "idv"}
        effects = player.see(event(IdentityVerified, at_ms, 2, role="identity_service", **fields))
    moved = [effect for effect in effects if isinstance(effect, LocksState)][-1]
    assert (moved.was, moved.state) == (state, "recovering")
    (later,) = [effect for effect in player.pass_until(at_ms + 4 * DAY) if isinstance(effect, LocksState)][-1:]
    assert later.state == ACTIVE
