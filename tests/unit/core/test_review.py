"""Do analysts get first what is expected to cost most, whoever said that it is suspicious?"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scenes import Scene, enforcing
from support.stores import case

from producers.feed import outgoing
from streams.adapters.policy_file import default_text
from streams.contracts.base import from_ms, to_ms
from streams.contracts.cases import CaseVersion, Sla
from streams.contracts.payments import PaymentRequested
from streams.core.cases.review import (
    LOSS,
    at_stake_minor,
    first_response_due_ms,
    rank_of,
    review_queue,
    taken_over_minor,
)
from streams.core.obligations import Line
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


# -- the order of the queue ----------------------------------------------------------------------------------------

HOUR = 3_600_000


@st.composite
def waiting_cases(draw: st.DrawFn) -> CaseVersion:
    """A case that waits for a person, answered or not, with deadlines around now."""
    due = draw(st.integers(-50, 50)) * HOUR
    return case_version(
        draw(st.uuids()).hex[:12],
        priority=draw(st.sampled_from(["P1", "P2", "P3", "P4"])),
        loss=draw(st.sampled_from([0, 50, 99, 100, 199, 250, 6_400, 100_000, 10**9])),
        first_ms=due,
        resolution_ms=due + draw(st.integers(1, 80)) * HOUR,
        responded=draw(st.booleans()),
    )


def case_version(
    case_id: str, *, priority: str, loss: int, first_ms: int, resolution_ms: int, responded: bool
) -> CaseVersion:
    sla = Sla(
        first_response_due=from_ms(T0 + first_ms),
        next_update_due=from_ms(T0 + first_ms),
        resolution_due=from_ms(T0 + resolution_ms),
        responded=responded,
    )
    return case(case_id, priority=priority, counters={LOSS: loss} if loss else {}, sla=sla, evidence=())


@given(st.lists(waiting_cases(), max_size=30, unique_by=lambda each: each.case_id), st.integers(0, 40), st.randoms())
def test_the_order_is_one_and_the_capacity_only_cuts_it(cases, capacity, random):
    queue = review_queue(cases, capacity, T0)
    shuffled = list(cases)
    random.shuffle(shuffled)
    assert review_queue(shuffled, capacity, T0) == queue
    order = [*queue.today, *queue.beyond]
    assert sorted(each.case_id for each in order) == sorted(each.case_id for each in cases)
    assert len(queue.today) == min(capacity, len(cases))
    assert order == review_queue(cases, 1_000, T0).today
    late = [first_response_due_ms(each) is not None and first_response_due_ms(each) < T0 for each in order]
    assert late == sorted(late, reverse=True), "what nobody has answered in time is first"
    for is_late in (True, False):
        urgent = [each.priority == "P1" for each, was in zip(order, late, strict=True) if was is is_late]
        assert urgent == sorted(urgent, reverse=True)


@given(waiting_cases(), st.integers(0, 10**9), st.integers(1, 40 * 24))
def test_more_to_lose_or_less_time_never_ranks_lower(one, more, sooner_h):
    dearer = msgspec.structs.replace(one, counters={LOSS: one.counters.get(LOSS, 0) + more})
    assert rank_of(dearer, T0) <= rank_of(one, T0)
    sla = msgspec.structs.replace(
        one.sla,
        first_response_due=from_ms(to_ms(one.sla.first_response_due) - sooner_h * HOUR),
        resolution_due=from_ms(to_ms(one.sla.resolution_due) - sooner_h * HOUR),
    )
    assert rank_of(msgspec.structs.replace(one, sla=sla), T0) <= rank_of(one, T0)
    answered = msgspec.structs.replace(one, sla=msgspec.structs.replace(one.sla, responded=True))
    assert rank_of(one, T0) <= rank_of(answered, T0), "an answer never makes a case more urgent"


def test_among_losses_that_are_alike_the_deadline_decides_and_among_others_the_loss():
    def rank(loss, due_h):
        made = case_version("c", priority="P2", loss=loss, first_ms=HOUR, resolution_ms=due_h * HOUR, responded=True)
        return rank_of(made, T0)

    assert rank(700_00, 5) < rank(900_00, 9)  # not twice as much, and due earlier
    assert rank(2_100_00, 9) < rank(700_00, 5)


def test_an_incident_of_many_customers_without_an_expected_loss_is_not_the_last():
    def rank(**fields):
        return rank_of(case(**{"priority": "P2", "owner": "entity"} | fields), T0)

    fraud = rank(owner="account", counters={LOSS: 900_000_00})
    assert rank() < fraud
    assert rank(priority="P3") > fraud
    assert rank(counters={LOSS: 5_00}) > fraud  # where one is known, it is compared


def test_a_stolen_account_is_expected_to_lose_what_has_left_it_once_or_what_the_policy_says():
    def step(kind, amount, text="allow"):
        return Line(T0, kind, "e", text, amount, "USD")

    assert taken_over_minor([], POLICY, T0) == POLICY.model.costs.takeover_minor["USD"]
    trail = [step("transfer.requested", 300_00), step("transfer.succeeded", 300_00), step("payment.requested", 50_00)]
    assert taken_over_minor(trail, POLICY, T0) == 350_00 + 2 * FEE
    stopped = [*trail, step("transfer.requested", 900_00, "block"), step("transfer.failed", 10_00)]
    assert taken_over_minor(stopped, POLICY, T0) == 350_00 + 2 * FEE
    twice = [*trail, step("transfer.requested", 300_00)]
    assert taken_over_minor(twice, POLICY, T0) == 650_00 + 3 * FEE
