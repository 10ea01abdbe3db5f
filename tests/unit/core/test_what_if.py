"""Is what a rule would have done told as it would have happened?"""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from support.product import backtest, story

from streams.contracts.base import from_ms
from streams.contracts.decisions import DecisionMade, Hit
from streams.contracts.registry import decode
from streams.core.outcome import LABELS, Outcome
from streams.core.what_if import WhatIf

T0 = 1_764_547_200_000


def decision(number: int, *hits: Hit, outcome: str = "allow", shadow: bool = True, account: str = "a") -> DecisionMade:
    return DecisionMade(
        occurred_at=from_ms(T0 + number * 600_000),
        decision_id=f"dec_{number}",
        event_id=f"event-{number}",
        account_id=account,
        subject="payment",
        subject_id=f"payment-{number}",
        outcome=outcome,
        shadow=shadow,
        hits=hits,
        policy="hash",
        feature_set="1",
        amount_minor=1_000,
        currency="EUR",
    )


def told(*decisions: DecisionMade, labels: dict[str, str] | None = None) -> WhatIf:
    what_if = WhatIf()
    for number, each in enumerate(decisions):
        what_if.decided(each, T0 + number * 600_000)
    for subject, verdict in (labels or {}).items():
        what_if.labelled(subject, verdict)
    return what_if


def test_a_rule_that_observes_is_counted_with_what_it_would_have_stopped() -> None:
    review, step_up = Hit(rule="velocity/02", outcome="review"), Hit(rule="new-device/01", outcome="step_up")
    found = told(
        decision(0),
        decision(1, review, outcome="review"),
        decision(2, review, step_up, outcome="review", account="b"),
        labels={"payment-1": "fraud", "payment-2": "legit", "payment-9": "fraud"},
    ).report()
    assert (found.decisions, found.observed) == (3, 3)
    velocity, device = found.rules
    assert (velocity.rule, velocity.hits, velocity.changed, velocity.alone, velocity.accounts) == (
        "velocity",
        2,
        2,
        2,
        2,
    )
    assert velocity.outcomes == {"review": 2}
    assert velocity.stopped_minor == {"EUR": 2_000}
    assert (velocity.fraud, velocity.legit, velocity.precision) == (1, 1, 0.5)
    assert (device.changed, device.alone) == (1, 0)  # the other rule would have been stricter anyway
    assert velocity.per_thousand == round(2_000 / 3, 3)


def test_a_rule_that_observes_under_an_enforcing_policy_changes_only_what_was_milder() -> None:
    shadow = Hit(rule="velocity/02", outcome="review", shadow=True)
    found = told(
        decision(0, shadow, outcome="allow", shadow=False),
        decision(1, shadow, Hit(rule="lists/01", outcome="block"), outcome="block", shadow=False),
    ).report()
    by_rule = {each.rule: each for each in found.rules}
    assert by_rule["velocity"].changed == 1
    assert by_rule["lists"].changed == 0  # it enforces already


def test_what_an_allow_list_silenced_would_not_have_counted() -> None:
    silenced = Hit(rule="velocity/02", outcome="review", shadow=True, silenced=True)
    (velocity,) = told(decision(0, silenced)).report().rules
    assert (velocity.hits, velocity.silenced, velocity.changed, velocity.precision) == (1, 1, 0, None)


def test_the_hour_with_most_changes_is_told() -> None:
    hit = Hit(rule="velocity/02", outcome="review")
    (velocity,) = told(*(decision(number, hit) for number in range(9))).report().rules
    assert velocity.peak_hour == 6  # one in ten minutes


@given(st.permutations(range(6)), st.integers(1, 3))
def test_order_and_repetition_change_nothing(order: list[int], times: int) -> None:
    made = [
        decision(number, Hit(rule=f"r{number % 2}/01", outcome=LABELS[1 + number % 5]), account=f"a{number % 3}")
        for number in range(6)
    ]
    once, again = WhatIf(), WhatIf()
    for each in made:
        once.decided(each, T0)
    for number in order * times:
        again.decided(made[number], T0)
    assert once.report() == again.report()


def test_what_is_told_of_observing_is_what_enforcing_does(tmp_path: Path) -> None:
    """The same story twice: the report about the observing run against the decisions of the enforcing one."""

    def decisions(mode: str) -> dict[str, DecisionMade]:
        policy = tmp_path / f"{mode}.toml"
        policy.write_text(f'mode = "{mode}"\n[locks]\nack = "assumed"\n')
        published, _ = backtest(story("account_takeover")[-1_500:], 2, policy)
        found = [
            decode(topic, value or b"")
            for (topic, _), records in published.items()
            if topic == "fraud.decisions"
            for _, value in records
        ]
        return {each.decision_id: each for each in found if isinstance(each, DecisionMade)}

    observed, enforced = decisions("observe"), decisions("enforce")
    assert observed.keys() == enforced.keys()
    what_if = WhatIf()
    for each in observed.values():
        what_if.decided(each, T0)
    stricter = [each for each in enforced.values() if Outcome.parse(each.outcome) > Outcome.ALLOW]
    assert stricter
    rules = what_if.report().rules
    union = {
        each.decision_id
        for each in observed.values()
        if any(hit.rule.rpartition("/")[0] in {rule.rule for rule in rules if rule.changed} for hit in each.hits)
    }
    assert union == {each.decision_id for each in stricter}
    assert sum(rule.alone for rule in rules) <= len(stricter) <= sum(rule.changed for rule in rules)
