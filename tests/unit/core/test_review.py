"""Do analysts get first what is expected to cost most, whoever said that it is suspicious?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scenes import Scene, enforcing

from producers.feed import outgoing
from streams.adapters.policy_file import default_text
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import PaymentRequested
from streams.core.cases.review import LOSS, at_stake_minor, review_queue
from streams.core.outcome import Outcome
from streams.core.policy import parse_policy

POLICY = parse_policy(default_text(), 'mode = "enforce"\n')
FEE = POLICY.model.costs.fee_minor["USD"]
T0 = 1_772_636_400_000


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 10**7), st.integers(0, 10**7))
def test_more_suspicion_or_more_money_is_never_worth_less(score, other, amount, another):
    (low, high), (small, large) = sorted((score, other)), sorted((amount, another))
    assert at_stake_minor(low, Outcome.REVIEW, small, "USD", POLICY, T0) <= at_stake_minor(
        high, Outcome.REVIEW, large, "USD", POLICY, T0
    )


@pytest.mark.parametrize(
    ("score", "outcome", "probability"),
    [
        (0.95, Outcome.HOLD, 0.95),
        (None, Outcome.HOLD, 0.9),  # a rule alone: as the smallest score that holds
        (0.1, Outcome.REVIEW, 0.7),
        (None, Outcome.NOTIFY, 0.5),  # nobody's threshold: that of the next stricter outcome
        (0.99, Outcome.BLOCK, 0.0),
    ],
)
def test_score_and_rule_speak_as_probabilities(score, outcome, probability):
    found = at_stake_minor(score, outcome, 100_00, "USD", POLICY, T0)
    assert found == pytest.approx(probability * (100_00 + FEE), abs=1)


def test_currencies_are_compared_in_dollars_and_an_unknown_one_says_nothing():
    dollars = at_stake_minor(0.8, Outcome.REVIEW, 100_00, "USD", POLICY, T0)
    yen = at_stake_minor(0.8, Outcome.REVIEW, 100, "JPY", POLICY, T0)
    assert 0 < yen < dollars
    assert at_stake_minor(0.8, Outcome.REVIEW, 100_00, "XAU", POLICY, T0) == 0
    assert at_stake_minor(0.8, Outcome.REVIEW, None, None, POLICY, T0) == 0


class ByAmount:
    """Half a per cent per unit of the amount."""

    model_id = "by-amount-1"

    def score(self, batch):
        from streams.core.score import Score

        return [Score(min(each.event.amount_minor / 20_000, 1.0), self.model_id) for each in batch]


def test_a_case_collects_what_its_payments_expect_to_lose():
    """Two accounts; of the second one only the second payment is looked at."""
    scene = Scene(enforcing("[model.payment]\nstep_up = 0.5\nreview = 0.5\n"), scorer=ByAmount())
    payments = [("a", 120_00), ("b", 20_00), ("b", 150_00), ("b", 160_00)]
    feed = [
        outgoing(
            "payments.transactions",
            PaymentRequested(
                event_id=f"e{number}",
                source="shop",
                occurred_at=from_ms(T0 + number * 1000),
                account_id=account,
                payment_id=f"p{number}",
                amount_minor=amount,
                currency="USD",
            ),
        )
        for number, (account, amount) in enumerate(payments)
    ]
    cases: dict[str, CaseVersion] = {}
    for version in scene.play(feed).all(CaseVersion):
        cases[version.case_id] = version
    queue = review_queue(cases.values(), 100).today
    assert [(case.subject, case.counters[LOSS]) for case in queue] == [
        ("account/b", round(0.75 * (150_00 + FEE)) + round(0.8 * (160_00 + FEE))),
        ("account/a", round(0.6 * (120_00 + FEE))),
    ]
