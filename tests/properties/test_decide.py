"""What holds for every stream of events of one account, however hostile?"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from support.events import any_of
from support.play import NO_MODEL, Player, policy

from streams.contracts import accounts, logins, payments
from streams.contracts.accounts import ActionAcknowledged, CaseAction, Support
from streams.contracts.actions import ActionRequested
from streams.contracts.base import Event, Watermark, from_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.decisions import DecisionMade
from streams.contracts.topics import MERGED
from streams.core.obligations import (
    CASES_MAX,
    FINISHED,
    HOLDS_MAX,
    LOCKS_MAX,
    OUTBOX_MAX,
    PAYMENTS_MAX,
    WORST_BYTES,
)
from streams.core.score import Score, ScoreUnavailable
from streams.core.steps import Effect, Prepared

NOON = 1_775_044_800_000
KINDS = sorted(
    {kind for topic in MERGED for kind in topic.types if kind is not Watermark}, key=lambda kind: kind.__name__
)
FEW = st.sampled_from(["p1", "p2", "p3", "x" * 128])
POLICIES = (policy(), policy('mode = "observe"'), policy('[locks]\nack = "assumed"'), policy("[holds]\nhold_s = 5"))


@cache
def happening(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Any valid event of the kind, but of few accounts, payments and moments, so that events meet each other."""
    fields = set(kind.__struct_fields__)

    def closer(event: Any, number: int, at_ms: int, payment_id: str) -> Event:
        changes: dict[str, Any] = {
            "account_id": "ada",
            "known": True,
            "event_id": f"e{number}",
            "occurred_at": from_ms(NOON + at_ms),
        }
        changes |= {name: payment_id for name in ("payment_id", "subject_id") if name in fields}
        changes |= {"currency": "CNY"} if "currency" in fields else {}
        changes |= {"device_id": "phone"} if "device_id" in fields and number % 2 else {}
        return msgspec.structs.replace(event, **changes)

    return st.builds(closer, any_of(kind), st.integers(0, 10**6), st.integers(0, 4 * 3_600_000), FEW)


SOUP = st.lists(st.sampled_from(KINDS).flatmap(happening), max_size=40)


def scores(prepared: Prepared) -> Score | ScoreUnavailable:
    """Some score for every event, from its id alone."""
    number = int(prepared.event.event_id[1:])
    return NO_MODEL if number % 5 == 0 else Score(number % 101 / 100, "m1")


def everything(events: list[Event], number: int = 0) -> tuple[Player, list[Effect]]:
    player = Player(POLICIES[number], scores)
    effects: list[Effect] = []
    for event in events:
        effects += player.see(aimed(event, effects))
    end = Watermark(event_id="end", source="test", occurred_at=from_ms(NOON + 30 * 86_400_000), account_id="-")
    return player, effects + player.see(end)  # every feed has told everything


def aimed(event: Event, effects: list[Effect]) -> Event:
    """The event, about the newest case and command where it can be: operators and payment systems answer us."""
    cases = [effect for effect in effects if isinstance(effect, CaseVersion)]
    commands = [effect for effect in effects if isinstance(effect, ActionRequested)]
    if isinstance(event, ActionAcknowledged) and commands:
        return msgspec.structs.replace(event, action_id=commands[-1].action_id)
    if isinstance(event, CaseAction) and cases:
        version, role = cases[-1].version, "supervisor"
        return msgspec.structs.replace(
            event, case_id=cases[-1].case_id, expected_version=version, role=role, owner="account"
        )
    if isinstance(event, Support) and cases:
        return msgspec.structs.replace(event, case_id=cases[-1].case_id)
    return event


@settings(max_examples=60, deadline=None)
@given(SOUP, st.integers(0, len(POLICIES) - 1))
def test_nothing_raises_and_obligations_stay_bounded(events: list[Event], number: int) -> None:
    player, effects = everything(events, number)
    for owed in player.obligations.values():
        assert len(owed.payments) <= 7 * PAYMENTS_MAX
        assert len(owed.holds) <= HOLDS_MAX
        assert len(owed.locks) <= LOCKS_MAX
        assert len(owed.outbox) <= OUTBOX_MAX
        assert len(owed.cases) <= CASES_MAX
    assert player.stored() <= WORST_BYTES
    for effect in effects:  # every effect is valid on the wire
        assert msgspec.json.decode(msgspec.json.encode(effect), type=type(effect)) == effect


def test_a_flood_of_the_longest_ids_stays_within_the_bytes() -> None:
    """Everything that an account can be made to remember, at once, with ids as long as contracts allow."""
    player = Player(policy(), lambda prepared: Score(0.95, "m1"))
    effects: list[Effect] = []
    largest = 0
    for number in range(3_000):
        event = msgspec.structs.replace(_flood(number), known=True)
        effects = [*effects[-50:], *player.see(aimed(event, effects))]
        if number % 10 == 0:
            largest = max(largest, player.stored())
    assert 5_000 < largest <= WORST_BYTES


_SAID = ("charged twice", "my refund?", "提现没到", "转错人", "盗刷", "电费没到账", "手续费", "the blue one")


def _flood(number: int) -> Event:
    at = from_ms(NOON + number * 700)
    long = f"{number:06d}" + "x" * 122
    envelope = {"event_id": long, "source": "s", "occurred_at": at, "account_id": "a" * 128}
    money = {"payment_id": long, "amount_minor": 10**15, "currency": "CNY", "merchant_id": long, "order_id": "o" * 48}
    codes = tuple(payments.Code(source="s" * 64, code="c" * 64) for _ in range(3))
    kinds: tuple[Event, ...] = (
        payments.PaymentRequested(**envelope, **money),
        accounts.LedgerPosted(
            **envelope, entry_id=long, direction="debit", amount_minor=1, currency="CNY", payment_id=long
        ),
        payments.PaymentFailed(**envelope, **money, codes=codes),
        accounts.UserReport(
            **envelope, channel="c", kind=("unauthorised", "wrong_transfer")[number // 9 % 2], payment_id=long
        ),
        logins.LoginFailed(**envelope, ip="203.0.113.7", device_id=long),
        accounts.CustomerConfirmed(**envelope, channel="c", answer="no"),
        accounts.CaseAction(
            **envelope, action=("assign", "reopen")[number // 9 % 2], expected_version=0, actor="a" * 128, role="x"
        ),
        accounts.UserMessage(
            **envelope, channel="c" * 64, text=f"{_SAID[number // 9 % len(_SAID)]} order A{number:08d}{'9' * 31} 128元"
        ),
        payments.FeeCharged(
            **envelope,
            fee_id=long,
            payment_id=long,
            amount_minor=10**15,
            currency="CNY",
            tariff_id=("wechat_pay_withdrawal", None)[number // 9 % 2],
        ),
    )
    return kinds[number % 9]


def _never_forgotten_open(player: Player, effects: list[Effect]) -> int:
    """Every case that is open by its last version is followed, or its last version gives it to people."""
    newest = {effect.case_id: effect for effect in effects if isinstance(effect, CaseVersion)}
    followed = {case.case_id for owed in player.obligations.values() for case in owed.cases}
    left = [case for case in newest.values() if case.status not in FINISHED and case.case_id not in followed]
    assert all("handed over" in case.changed for case in left)
    return len(left)


@settings(max_examples=60, deadline=None)
@given(SOUP, st.integers(0, len(POLICIES) - 1))
def test_no_open_case_is_forgotten_in_silence(events: list[Event], number: int) -> None:
    _never_forgotten_open(*everything(events, number))


def test_not_even_in_a_flood() -> None:
    player = Player(policy(), lambda prepared: Score(0.95, "m1"))
    effects: list[Effect] = []
    for number in range(400):
        event = msgspec.structs.replace(_flood(number), known=True)
        effects += player.see(aimed(event, effects[-50:]))
    assert _never_forgotten_open(player, effects) > 20


@settings(max_examples=25, deadline=None)
@given(SOUP)
def test_a_replay_says_the_same(events: list[Event]) -> None:
    assert everything(events)[1] == everything(events)[1]


@settings(max_examples=25, deadline=None)
@given(SOUP)
def test_going_on_from_stored_bytes_says_the_same(events: list[Event]) -> None:
    half = len(events) // 2
    straight, stored = Player(POLICIES[0], scores), Player(POLICIES[0], scores)
    for event in events[:half]:
        assert straight.see(event) == stored.see(event)
    for account_id, owed in stored.obligations.items():
        stored.obligations[account_id] = msgspec.msgpack.decode(msgspec.msgpack.encode(owed), type=type(owed))
    for event in events[half:]:
        assert straight.see(event) == stored.see(event)


@settings(max_examples=40, deadline=None)
@given(SOUP)
def test_severity_only_rises_and_versions_have_no_holes(events: list[Event]) -> None:
    newest: dict[str, CaseVersion] = {}
    for effect in everything(events)[1]:
        if not isinstance(effect, CaseVersion):
            continue
        before = newest.get(effect.case_id)
        assert effect.version == (before.version + 1 if before is not None else 1)
        assert before is None or effect.priority <= before.priority
        assert effect.changed
        newest[effect.case_id] = effect


@settings(max_examples=40, deadline=None)
@given(SOUP)
def test_a_payment_has_one_decision_and_every_id_is_used_once(events: list[Event]) -> None:
    unique = list({event.event_id: event for event in events}.values())
    decisions = [effect for effect in everything(unique)[1] if isinstance(effect, DecisionMade)]
    assert len({decision.decision_id for decision in decisions}) == len(decisions)
    movements = [decision.subject_id for decision in decisions if decision.amount_minor is not None]
    assert len(set(movements)) == len(movements)


@settings(max_examples=40, deadline=None)
@given(SOUP, st.integers(0, 39))
def test_an_event_delivered_twice_moves_no_money_and_locks_nothing_new(events: list[Event], which: int) -> None:
    """The runtime drops duplicates; beyond its memory the ids and the payment's own state protect."""
    if not events:
        return
    again = events[which % len(events)]
    player = Player(POLICIES[0], scores)
    first = [effect for event in events for effect in player.see(event)]
    decided = {effect.subject_id for effect in first if isinstance(effect, DecisionMade)}
    for effect in player.see(again):
        if isinstance(effect, DecisionMade) and effect.amount_minor is not None:
            assert effect.subject_id not in decided
