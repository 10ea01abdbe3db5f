from __future__ import annotations

from typing import Any

import msgspec
import pytest
from support.happenings import DAY, MINUTE, NOON, SECOND, event, login, paid
from support.play import Player, play, policy

from streams.contracts import accounts, logins, payments
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.core import ids
from streams.core.obligations import HOLDS_MAX
from streams.core.score import Score
from streams.core.steps import Effect

THRESHOLDS = "[model.payment]\nnotify = 0.2\nblock = 0.99\n"


def only(kind: type, effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if type(effect) is kind]


def scored(value: float) -> Any:
    return lambda _: Score(value, "m1")


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (0.0, "allow"),
        (0.2, "notify"),
        (0.5, "step_up"),
        (0.7, "review"),
        (0.9, "hold"),
        (0.99, "block"),
        (1.0, "block"),
    ],
)
def test_the_score_alone_can_decide(value: float, outcome: str) -> None:
    (decision,) = only(
        DecisionMade, play([paid(NOON, 1, kind=payments.PaymentRequested)], policy(THRESHOLDS), scored(value))
    )
    assert (decision.outcome, decision.score, decision.model_id) == (outcome, value, "m1")
    assert [reason.code for reason in decision.reasons] == ([] if outcome == "allow" else ["R22"])


def test_without_a_score_rules_decide_and_the_decision_says_so() -> None:
    (decision,) = only(DecisionMade, play([paid(NOON, 1)], policy()))
    assert (decision.score, decision.score_unavailable, decision.model_id) == (None, "no_model", "rules-only")
    assert decision.outcome == "allow"
    careful = policy('[model]\nmissing_score = "review"\n')
    assert only(DecisionMade, play([paid(NOON, 1)], careful))[0].outcome == "review"


def test_a_decision_says_what_it_was_about_and_what_it_did_without() -> None:
    (decision,) = only(DecisionMade, play([paid(NOON, 7, 1234)], policy()))
    assert decision.decision_id == ids.decision_id(0, "a1", ids.origin_of("test", "PaymentSucceeded-7"))
    assert (decision.subject, decision.subject_id, decision.amount_minor, decision.currency) == (
        "payment",
        "p7",
        1234,
        "EUR",
    )
    assert decision.policy == policy().policy_hash
    assert "auth.logins" in decision.completeness.feeds_missing
    assert "payments.transactions" not in decision.completeness.feeds_missing


def test_a_payment_is_decided_about_once() -> None:
    events = [
        paid(NOON, 1, kind=payments.PaymentRequested),
        paid(NOON + 1, 2, kind=payments.PaymentAuthorized, payment_id="p1"),
        paid(NOON + 2, 3, kind=payments.PaymentSucceeded, payment_id="p1"),
        paid(NOON + 3, 4, kind=payments.PaymentReversed, payment_id="p1"),
    ]
    assert len(only(DecisionMade, play(events, policy()))) == 1


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (payments.PaymentPending, "payment"),
        (payments.TransferRequested, "transfer"),
        (payments.TopupRequested, "topup"),
        (payments.WithdrawalRequested, "withdrawal"),
        (payments.BillpayRequested, "bill"),
    ],
)
def test_every_movement_is_decided_about(kind: type, subject: str) -> None:
    assert [d.subject for d in only(DecisionMade, play([paid(NOON, 1, kind=kind)], policy()))] == [subject]


@pytest.mark.parametrize("kind", [logins.LoginSucceeded, logins.LoginFailed])
def test_every_login_is_decided_about(kind: type) -> None:
    (decision,) = only(DecisionMade, play([login(NOON, 1, kind=kind)], policy()))
    assert (decision.subject, decision.subject_id) == ("login", f"{kind.__name__}-1")


def test_a_challenge_is_decided_about_only_when_a_rule_fires() -> None:
    assert play([login(NOON, 1, kind=logins.ChallengePassed)], policy()) == []
    sent = [login(NOON + i * SECOND, i, kind=logins.ChallengeFailed, device_id="d") for i in range(40)]
    assert {d.subject for d in only(DecisionMade, play(sent, policy()))} == {"challenge"}


def test_strangers_to_us_are_not_judged() -> None:
    unknown = {"known": False, "account_id": "anonymous:1"}
    assert play([login(NOON, 1, **unknown), paid(NOON, 1, **unknown)], policy()) == []


def test_what_has_happened_already_cannot_be_held() -> None:
    (decision,) = only(DecisionMade, play([paid(NOON, 1)], policy(), scored(0.95)))
    assert (decision.outcome, decision.expires_at) == ("hold", None)
    (decision,) = only(DecisionMade, play([paid(NOON, 1, kind=payments.PaymentRequested)], policy(), scored(0.95)))
    assert (decision.expires_at, decision.expiry_outcome) == (from_ms(NOON + 7200 * SECOND), "block")


def test_a_passed_challenge_releases_what_waited_for_it() -> None:
    player = Player(policy(), scored(0.6))
    player.see(paid(NOON, 1, kind=payments.PaymentRequested))
    (amended,) = only(DecisionAmended, player.see(login(NOON + MINUTE, 1, kind=logins.ChallengePassed)))
    assert (amended.outcome, amended.cause) == ("allow", "released")
    assert player.pass_until(NOON + DAY) == []


def test_an_unanswered_challenge_ends_as_it_was_stated_to() -> None:
    effects = play([paid(NOON, 1, kind=payments.PaymentRequested)], policy(), scored(0.6), until_ms=NOON + DAY)
    made, amended = only(DecisionMade, effects)[0], only(DecisionAmended, effects)[0]
    assert (amended.outcome, amended.cause, amended.occurred_at) == (made.expiry_outcome, "expired", made.expires_at)
    assert amended.decision_id == made.decision_id


def test_a_payment_that_ends_by_itself_waits_no_longer() -> None:
    player = Player(policy(), scored(0.95))
    player.see(paid(NOON, 1, kind=payments.PaymentRequested))
    player.see(paid(NOON + SECOND, 2, kind=payments.PaymentFailed, payment_id="p1"))
    assert only(DecisionAmended, player.pass_until(NOON + DAY)) == []


def test_one_hold_too_many_ends_the_oldest_by_its_default() -> None:
    events = [paid(NOON + i, i, kind=payments.PaymentRequested) for i in range(HOLDS_MAX + 1)]
    amended = only(DecisionAmended, play(events, policy(), scored(0.95)))
    assert [(each.subject_id, each.outcome) for each in amended] == [("p0", "block")]


def test_held_payments_of_a_week_are_one_case() -> None:
    events = [paid(NOON + i * DAY, i, kind=payments.PaymentRequested) for i in range(3)]
    versions = [case for case in only(CaseVersion, play(events, policy(), scored(0.95))) if "opened" in case.changed]
    assert len(versions) == 1


def test_a_message_does_not_go_out_late_and_has_an_end() -> None:
    asked = [paid(NOON, 1, kind=payments.PaymentRequested)]
    (message,) = only(NotificationRequested, play(asked, policy(), scored(0.95)))
    assert message.not_after == from_ms(NOON + 86_400 * SECOND)
    assert only(NotificationRequested, play(asked, policy(), scored(0.95), now_ms=NOON + DAY)) == []


def test_advice_is_capped_per_week() -> None:
    events = [paid(NOON + i * MINUTE, i, kind=payments.PaymentRequested) for i in range(20)]
    capped = policy(THRESHOLDS, "[notifications]\nweekly_cap = 2\n[rules.velocity]\nenabled = false\n")
    messages = only(NotificationRequested, play(events, capped, scored(0.3)))
    assert [message.template for message in messages if message.template != "payment_unknown"] == [
        "fraud_alert.notice"
    ] * 2


def test_a_burst_of_stopped_payments_is_one_message() -> None:
    at = [NOON, NOON + MINUTE, NOON + 2 * MINUTE, NOON + 11 * MINUTE]
    events = [paid(at_ms, i, kind=payments.PaymentRequested) for i, at_ms in enumerate(at)]
    messages = only(NotificationRequested, play(events, policy(THRESHOLDS), scored(1.0)))
    assert [each.occurred_at for each in messages if each.template == "fraud_alert.stopped"] == [
        from_ms(NOON),
        from_ms(NOON + 11 * MINUTE),
    ]


@pytest.mark.parametrize("score", [0.9, 1.0], ids=["hold", "block"])
@pytest.mark.parametrize("kind", [payments.PaymentSucceeded, payments.PaymentFailed])
def test_of_what_has_happened_nobody_is_told_that_it_waits_or_was_stopped(kind: type, score: float) -> None:
    effects = play([paid(NOON, 1, kind=kind)], policy(THRESHOLDS), scored(score))
    told = {each.template for each in only(NotificationRequested, effects)}
    assert not told & {"fraud_alert.confirm", "fraud_alert.stopped"}


def test_a_burst_of_questionable_payments_is_one_question_and_the_next_one_counts_them() -> None:
    at = [NOON + number * MINUTE for number in range(20)] + [NOON + 31 * MINUTE]
    events = [paid(at_ms, i, kind=payments.PaymentRequested) for i, at_ms in enumerate(at)]
    quiet = policy(THRESHOLDS, "[rules.velocity]\nenabled = false")
    messages = only(NotificationRequested, play(events, quiet, scored(0.75)))
    asked = [each for each in messages if each.template.startswith("fraud_alert.question")]
    assert [(each.template, each.occurred_at) for each in asked] == [
        ("fraud_alert.question", from_ms(NOON)),
        ("fraud_alert.questions", from_ms(NOON + 31 * MINUTE)),
    ]
    assert asked[1].parameters["count"] == "20"
    assert "20" in asked[1].en
    assert "20" in asked[1].zh


def test_free_text_never_reaches_a_case() -> None:
    player = Player(policy(), scored(0.95))
    case = only(CaseVersion, player.see(paid(NOON, 1, kind=payments.PaymentRequested)))[0]
    said = event(
        accounts.UserMessage, NOON + SECOND, 1, channel="chat", case_id=case.case_id, text="my card is 4111 1111"
    )
    (version,) = only(CaseVersion, player.see(said))
    assert version.evidence[-1].kind == "user.message"
    assert b"4111" not in msgspec.json.encode(version)


def test_an_event_older_than_the_bound_is_shown_and_does_nothing() -> None:
    player = Player(policy(), scored(0.95))
    player.see(paid(NOON, 1, kind=payments.PaymentRequested))
    player.pass_until(NOON + 60 * MINUTE)
    late = event(accounts.CustomerConfirmed, NOON + MINUTE, 1, channel="in_app", payment_id="p1", answer="yes")
    effects = player.see(late)
    assert {type(effect) for effect in effects} == {CaseVersion}


def test_accounts_do_not_touch_each_other() -> None:
    player = Player(policy(), scored(0.95))
    player.see(paid(NOON, 1, kind=payments.PaymentRequested))
    other = event(
        accounts.CustomerConfirmed, NOON + 1, 1, account_id="a2", channel="in_app", payment_id="p1", answer="yes"
    )
    assert player.see(other) == []
