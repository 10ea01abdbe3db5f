"""What does an owner hear who is asked about a payment that waits: was it you (F24)?"""

from __future__ import annotations

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import CustomerConfirmed
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionAmended
from streams.contracts.payments import PaymentRequested
from streams.core.obligations import HOLDS_MAX
from streams.core.policy import Policy
from streams.core.score import Score
from streams.core.steps import Effect

HELD = Score(0.95, "m1")


def asked(rules: Policy | None = None) -> tuple[Player, list[Effect]]:
    """A payment that the model holds."""
    player = Player(rules or policy(), lambda _: HELD)
    return player, player.see(paid(NOON, 1, 90_000, PaymentRequested))


def told(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if type(each) is NotificationRequested]


def says(player: Player, at_ms: int, answer: str, payment_id: str = "p1") -> list[Effect]:
    word = {"channel": "app", "answer": answer, "payment_id": payment_id}
    return player.see(event(CustomerConfirmed, at_ms, f"{answer}-{at_ms}", **word))


def test_the_question_says_until_when_a_yes_counts() -> None:
    _, effects = asked()
    question = next(each for each in effects if type(each) is NotificationRequested)
    assert (question.template, question.parameters["until"]) == ("fraud_alert.confirm", "2026-04-01T14:00:00Z")
    assert "14:00" in question.en


def test_who_does_not_answer_hears_that_it_was_not_made_and_nothing_of_work_that_goes_on() -> None:
    player, _ = asked()
    assert told(player.pass_until(NOON + 2 * HOUR - SECOND)) == []
    assert told(player.pass_until(NOON + 2 * HOUR)) == ["fraud_alert.not_made"]
    assert told(player.pass_until(NOON + 20 * DAY)) == []


def test_where_time_lets_it_go_nothing_is_said() -> None:
    player, _ = asked(policy('[holds]\nhold_expiry = "allow"\n'))
    assert told(player.pass_until(NOON + 20 * DAY)) == []


def test_a_yes_after_that_is_told_that_it_came_too_late_and_nobody_asks_how_it_was() -> None:
    player, _ = asked()
    player.pass_until(NOON + 2 * HOUR)
    effects = says(player, NOON + 3 * HOUR, "yes")
    assert told(effects) == ["fraud_alert.too_late"]
    assert not [each for each in effects if type(each) is DecisionAmended]
    assert [each for each in effects if type(each) is CaseVersion][-1].status == "resolved"
    assert told(says(player, NOON + 4 * HOUR, "yes")) == [], "said once"
    assert told(player.pass_until(NOON + 20 * DAY)) == []


def test_a_no_after_that_still_freezes() -> None:
    player, _ = asked()
    player.pass_until(NOON + 2 * HOUR)
    assert told(says(player, NOON + 3 * HOUR, "no")) == ["account_takeover"]


@pytest.mark.parametrize(("late", "template"), [("p1", "fraud_alert.too_late"), ("p2", None)])
def test_of_two_payments_the_one_that_was_released_was_not_too_late(late: str, template: str | None) -> None:
    player, _ = asked()
    player.see(paid(NOON + 90 * MINUTE, 2, 90_000, PaymentRequested))
    player.pass_until(NOON + 2 * HOUR)
    effects = says(player, NOON + 150 * MINUTE, "yes", late)
    assert told(effects) == ([template] if template else [])
    amended = [(each.subject_id, each.outcome) for each in effects if type(each) is DecisionAmended]
    assert amended == ([] if template else [("p2", "allow")])


def test_what_one_payment_too_many_ends_is_told_as_well() -> None:
    player, _ = asked()
    effects = []
    for number in range(2, HOLDS_MAX + 2):
        effects = player.see(paid(NOON + number * SECOND, number, 90_000, PaymentRequested))
    assert told(effects) == ["fraud_alert.not_made", "fraud_alert.confirm"]
