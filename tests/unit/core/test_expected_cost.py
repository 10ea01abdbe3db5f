"""Does every payment get the outcome that costs least, and never a milder one for being more suspicious?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.adapters.policy_file import default_text
from streams.contracts.logins import LoginSucceeded
from streams.contracts.payments import PaymentRequested
from streams.core.expected_cost import ATTENDED, cheapest, cost_of, expected_loss_minor
from streams.core.outcome import Outcome
from streams.core.policy import Policy, parse_policy
from streams.core.score import Score
from streams.core.steps import Prepared
from streams.core.verdict import outcome_of

BY_COST = parse_policy(default_text(), 'mode = "enforce"\n[model]\ndecides = "cost"\n')
COSTS = BY_COST.model.costs
SCORES = st.floats(0, 1)
AMOUNTS = st.integers(0, 10**7)
ENVELOPE = {"event_id": "e1", "source": "shop", "occurred_at": datetime(2026, 3, 4, tzinfo=UTC), "account_id": "a-1"}


def paid(amount_minor: int, currency: str = "USD") -> Prepared:
    event = PaymentRequested(**ENVELOPE, payment_id="p1", amount_minor=amount_minor, currency=currency)
    return Prepared(event, 0, subject="payment")


def decided(prepared: Prepared, score: float, policy: Policy = BY_COST) -> Outcome:
    return outcome_of(prepared, Score(score, "m"), policy)[0]


@given(SCORES, AMOUNTS)
def test_nothing_that_is_open_to_it_costs_less(score, amount):
    found = cheapest(score, amount, "USD", COSTS)
    loss = expected_loss_minor(score, amount, "USD", COSTS)
    worth_a_look = loss >= COSTS.review_loss_minor["USD"]
    cost = cost_of(found, score, loss, "USD", COSTS)
    for other in Outcome:
        milder_and_open = other <= found or (other not in ATTENDED and other < Outcome.REVIEW)
        if worth_a_look or milder_and_open:
            assert cost <= cost_of(other, score, loss, "USD", COSTS)
    assert worth_a_look or found not in ATTENDED


@given(SCORES, SCORES, AMOUNTS, AMOUNTS)
def test_more_suspicion_or_more_money_never_gets_a_milder_outcome(score, other, amount, another):
    (low, high), (small, large) = sorted((score, other)), sorted((amount, another))
    assert cheapest(low, small, "USD", COSTS) <= cheapest(high, large, "USD", COSTS)


def test_the_same_score_is_judged_by_what_is_at_stake():
    assert decided(paid(2_00), 0.1) < decided(paid(5_000_00), 0.1)
    assert decided(paid(5_000_00), 0.0) is Outcome.ALLOW
    assert decided(paid(5_000_00), 1.0) is Outcome.BLOCK


def test_without_costs_the_thresholds_decide():
    by_thresholds = parse_policy(default_text(), 'mode = "enforce"\n')
    assert decided(paid(5_000_00), 0.1, by_thresholds) is Outcome.ALLOW
    assert decided(paid(5_000_00, "XAU"), 0.95) is Outcome.HOLD  # no rate: what is at stake cannot be said


def test_a_login_moves_no_money():
    login = Prepared(LoginSucceeded(**ENVELOPE, ip="192.0.2.1"), 0, subject="login")
    assert decided(login, 0.6) is Outcome.ALLOW
    assert decided(login, 0.96) is Outcome.REVIEW


@pytest.mark.parametrize(("loss", "outcome"), [(1, Outcome.REVIEW), (10**9, Outcome.STEP_UP)])
def test_nobody_looks_at_what_is_beyond_the_capacity(loss, outcome):
    text = (
        f'mode = "enforce"\n[model]\ndecides = "cost"\n[model.costs]\nreview_loss_minor = {{ USD = {loss} }}\n'
        "[model.costs.review]\nstops = 0.9\nwork_minor = { USD = 10 }\n"
    )
    assert decided(paid(500_00), 0.2, parse_policy(default_text(), text)) is outcome
