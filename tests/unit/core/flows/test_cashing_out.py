"""How much leaves an account that was taken over, by whatever way the money is asked for?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login, paid
from support.play import NO_MODEL, Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengePassed, CredentialChanged, LoginSucceeded
from streams.contracts.payments import (
    BillpayRequested,
    CardBound,
    PaymentRequested,
    PaymentSucceeded,
    TransferRequested,
    TransferSucceeded,
    WithdrawalRequested,
)
from streams.core.locks.account_states import state_of
from streams.core.outcome import Outcome
from streams.core.score import Score, ScoreUnavailable
from streams.core.steps import Prepared

PHONE: dict[str, Any] = {"device_id": "phone", "ip": "203.0.113.7", "country": "CN"}
THIEF: dict[str, Any] = {"device_id": "box", "ip": "198.51.100.9", "country": "US"}
BALANCE = 60_000  # minor units, of which the usual payment takes 5,000


def lived_in(*overrides: str, scorer: Callable[[Prepared], Score | ScoreUnavailable] = lambda _: NO_MODEL) -> Player:
    player = Player(policy('[locks]\nack = "assumed"\n', *overrides), scorer)
    for day in range(20):
        at_ms = NOON - (40 - day) * DAY
        player.see(login(at_ms, f"home-{day}", LoginSucceeded, asn=100, user_agent="wallet/5.3", **PHONE))
        player.see(paid(at_ms + HOUR, f"home-{day}", 5_000, PaymentSucceeded, merchant_id="m1", **PHONE))
    credit = {"entry_id": "b", "direction": "credit", "amount_minor": BALANCE, "currency": "EUR", "kind": "posting"}
    player.see(event(LedgerPosted, NOON - DAY, "b", **credit))
    return player


def taken_over() -> Player:
    """The right password from nowhere, the owner's SIM, and a new password."""
    player = lived_in()
    player.see(login(NOON, "in", LoginSucceeded, asn=777, user_agent="Firefox", **THIEF))
    player.see(login(NOON + 20 * SECOND, "sms", ChallengePassed, reason="sms", **THIEF))
    player.see(login(NOON + 2 * MINUTE, "new", CredentialChanged, reason="password", **THIEF))
    return player


def verdict(player: Player, movement: Event) -> Outcome:
    made = [each for each in player.see(movement) if type(each) is DecisionMade]
    return Outcome.parse(made[-1].outcome)


def leaves(player: Player, kind: type[Event], amounts: list[int], at_ms: int, **named: Any) -> int:
    """What of these is let go, asked for every ten minutes; a second factor is given whenever it is asked for."""
    gone = 0
    for number, amount in enumerate(amounts):
        then_ms = at_ms + number * 10 * MINUTE
        outcome = verdict(player, paid(then_ms, f"out-{then_ms}", amount, kind, **THIEF, **named))
        player.see(login(then_ms + 20 * SECOND, f"sms-{then_ms}", ChallengePassed, **THIEF))
        gone += amount if outcome < Outcome.HOLD else 0
    return gone


@pytest.mark.parametrize(
    "amounts",
    [[55_000], [1, 55_000], [2_000, 55_000], [12_000, 48_000], [9_000] * 6, [10_000] * 5],
    ids=["at once", "a cent ahead", "a little ahead", "much ahead", "in parts", "tried again"],
)
@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (TransferRequested, {"counterparty_id": "mule"}),
        (TransferRequested, {}),
        (WithdrawalRequested, {"card_token": "mules-card"}),
        (WithdrawalRequested, {}),
        (BillpayRequested, {}),
        (BillpayRequested, {"biller_id": "strangers-bill"}),
        (PaymentRequested, {"merchant_id": "gift-cards"}),
        (PaymentRequested, {}),
    ],
    ids=["payee", "nobody", "card", "no card", "bill", "biller", "shop", "no shop"],
)
def test_nothing_leaves_on_the_day_of_a_takeover(kind, named, amounts) -> None:
    player = taken_over()
    if "card_token" in named:
        player.see(event(CardBound, NOON + 3 * MINUTE, "bound", card_token=named["card_token"], bin="400000"))
    assert leaves(player, kind, amounts, NOON + 5 * MINUTE, **named) == 0
    if sum(amounts) > 40_000:
        assert state_of(player.obligations["a1"].locks) == "restricted"


def test_whom_the_thief_has_paid_a_little_is_nobody_known_two_days_later() -> None:
    """Money goes on to a first payee for as long as somebody is doubted: two signals that say `review` restrict."""
    player = taken_over()
    leaves(player, TransferRequested, [100], NOON + 5 * MINUTE, counterparty_id="mule")
    later_ms = NOON + 2 * DAY + 15 * HOUR  # at night
    assert leaves(player, TransferRequested, [50_000], later_ms, counterparty_id="mule") == 0
    assert state_of(player.obligations["a1"].locks) == "restricted"


@pytest.mark.parametrize(
    ("kind", "named"),
    [(TransferRequested, {}), (WithdrawalRequested, {"card_token": "mules-card"}), (BillpayRequested, {})],
    ids=["nobody", "card", "bill"],
)
def test_the_movement_that_restricts_an_account_in_doubt_does_not_leave_it_itself(kind, named) -> None:
    """No rule of them holds: the amount, the device and the country each say `review`, which lets money go."""
    player = lived_in()
    player.see(login(NOON, "in", LoginSucceeded, asn=777, user_agent="Firefox", **THIEF))
    effects = player.see(paid(NOON + 3 * MINUTE, "out", 55_000, kind, **THIEF, **named))
    made = next(each for each in effects if type(each) is DecisionMade)
    assert {hit.outcome for hit in made.hits} == {"review"}
    assert (made.outcome, made.expiry_outcome) == ("hold", "block")
    assert state_of(player.obligations["a1"].locks) == "restricted"
    assert {reason.code for reason in made.reasons}.isdisjoint({"R22"}), "the model has said nothing"
    hold = player.obligations["a1"].hold(made.subject_id)
    assert hold is not None
    assert hold.case_id == player.obligations["a1"].locks[0].case_id


@pytest.mark.parametrize(
    ("change", "kind", "score"),
    [
        (False, WithdrawalRequested, NO_MODEL),
        (False, WithdrawalRequested, Score(0.99, "m")),
        (True, TransferRequested, NO_MODEL),
    ],
    ids=["rules", "model", "takeover"],
)
def test_rules_and_a_model_on_trial_hurt_nobody_while_one_rule_enforces(change, kind, score) -> None:
    """Its `review` lets money go. All the others observe, so they neither hold the payment nor restrict the account."""
    trial = 'mode = "observe"\n', '[rules.amount_habit]\nmode = "enforce"\n'
    player = lived_in(*trial, scorer=lambda each: score if each.subject == "withdrawal" else NO_MODEL)
    player.see(login(NOON, "in", LoginSucceeded, asn=777, user_agent="Firefox", **THIEF))
    if change:
        player.see(login(NOON + MINUTE, "new", CredentialChanged, reason="password", **THIEF))
    effects = player.see(paid(NOON + 3 * MINUTE, "out", 55_000, kind, **THIEF))
    made = next(each for each in effects if type(each) is DecisionMade)
    assert len(made.hits) > 1
    assert (made.outcome, made.shadow) == ("review", False)
    assert not player.obligations["a1"].locks
    assert [case.flow for case in player.obligations["a1"].cases if not case.shadow] == ["F24"]


def test_the_owner_is_not_held_for_it_on_the_phone_from_before_the_doubt() -> None:
    player = lived_in()
    player.see(login(NOON, "in", LoginSucceeded, asn=777, user_agent="Firefox", **THIEF))
    abroad = PHONE | {"country": "JP", "ip": "192.0.2.9"}
    effects = player.see(paid(NOON + 3 * MINUTE, "own", 55_000, WithdrawalRequested, card_token="own-card", **abroad))
    made = next(each for each in effects if type(each) is DecisionMade)
    assert {hit.outcome for hit in made.hits} == {"review", "step_up"}, "two signals, as the thief's"
    assert made.outcome == "step_up", "she is asked, and people look"
    assert not player.obligations["a1"].locks


def test_a_payment_that_was_held_makes_nobody_known_and_one_that_went_does() -> None:
    """The owner is talked into a large transfer: trying again is no way around the question, an answered one is."""
    player = lived_in()

    def asks(number: int, at_ms: int) -> Outcome:
        return verdict(
            player, paid(at_ms, f"car-{number}", 50_000, TransferRequested, counterparty_id="dealer", **PHONE)
        )

    first = asks(1, NOON)
    assert first >= Outcome.HOLD
    assert asks(2, NOON + 10 * MINUTE) >= Outcome.HOLD
    went = paid(NOON + HOUR, "car-2", 50_000, TransferSucceeded, counterparty_id="dealer", **PHONE)
    player.see(went)
    assert "scam-push" not in {
        hit.rule.partition("/")[0]
        for each in player.see(
            paid(NOON + 2 * DAY, "car-3", 50_000, TransferRequested, counterparty_id="dealer", **PHONE)
        )
        if type(each) is DecisionMade
        for hit in each.hits
    }


def test_an_owner_with_a_new_phone_and_password_pays_as_ever_and_a_friend_for_a_second_factor_or_an_answer() -> None:
    """What is known stays known on a new phone: shops of before, payees of before, the bound card, the old bill."""
    player = lived_in()
    friend = {"counterparty_id": "friend"}
    player.see(paid(NOON - 3 * DAY, "friend", 5_000, TransferSucceeded, **friend, **PHONE))
    new = PHONE | {"device_id": "phone-2"}
    player.see(login(NOON, "in", LoginSucceeded, asn=100, user_agent="wallet/5.3", **new))
    player.see(login(NOON + 20 * SECOND, "sms", ChallengePassed, **new))
    player.see(login(NOON + 2 * MINUTE, "new", CredentialChanged, reason="password", **new))
    known = [(PaymentRequested, {"merchant_id": "m1"}), (TransferRequested, friend)]
    for number, (kind, named) in enumerate(known * 2):
        at_ms = NOON + HOUR + number * HOUR
        assert verdict(player, paid(at_ms, f"own-{number}", 5_000, kind, **named, **new)) <= Outcome.STEP_UP
    assert state_of(player.obligations["a1"].locks) in ("active", "recovering")
