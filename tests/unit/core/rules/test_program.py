"""Does evaluation report what fired, survive a rule that fails, and respect switches and modes of the policy?"""

from __future__ import annotations

import msgspec
import pytest
from support.features import calm

from streams.adapters.policy_file import default_text
from streams.contracts.accounts import UserMessage
from streams.contracts.base import from_ms
from streams.contracts.payments import PaymentRequested
from streams.core.outcome import Outcome
from streams.core.policy import parse_policy
from streams.core.rules import registry
from streams.core.rules.base import Rule
from streams.core.rules.program import evaluate, evaluate_all, mode_of, outcome_of, program_of

AT_MS = 1_772_636_400_000
FAST = {"spend_count_5m": 16.0, "spend_count_1h": 16.0}


def policy(text=""):
    return parse_policy(default_text(), text)


@pytest.fixture
def payment():
    return PaymentRequested(
        event_id="e",
        source="s",
        occurred_at=from_ms(AT_MS),
        account_id="a",
        payment_id="p",
        amount_minor=5000,
        currency="EUR",
    )


def test_an_ordinary_payment_hits_nothing(payment):
    assert evaluate(payment, AT_MS, calm(), policy()) == ()


def test_a_hit_carries_band_outcome_reason_and_evidence(payment):
    (hit,) = evaluate(payment, AT_MS, calm(**FAST), policy())
    assert (hit.rule, hit.outcome, hit.reasons, hit.shadow) == ("velocity/02", "review", ("R04",), False)
    assert hit.evidence == FAST


def test_events_that_no_rule_is_asked_about_cost_nothing():
    message = UserMessage(event_id="e", source="s", occurred_at=from_ms(0), account_id="a", channel="chat")
    assert evaluate(message, 0, calm(**FAST), policy()) == ()
    assert evaluate_all(message, 0, calm(**FAST), policy()) == ()


def test_the_strictest_hit_wins(payment):
    hits = evaluate(payment, AT_MS, calm(**FAST, merchants_1h=6.0), policy())
    assert [hit.rule for hit in hits] == ["velocity/02", "merchant-hopping/01"]
    assert outcome_of(hits) is Outcome.REVIEW
    assert outcome_of(()) is Outcome.ALLOW


def test_a_rule_that_is_switched_off_is_not_asked(payment):
    assert evaluate(payment, AT_MS, calm(**FAST), policy("[rules.velocity]\nenabled = false")) == ()


def test_a_rule_that_observes_is_heard_but_does_not_count(payment):
    watching = policy("mode = 'enforce'\n[rules.velocity]\nmode = 'observe'")
    (hit,) = hits = evaluate(payment, AT_MS, calm(**FAST), watching)
    assert hit.shadow
    assert outcome_of(hits) is Outcome.ALLOW
    assert mode_of(watching, hit) == "observe"


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("mode = 'observe'", "observe"),
        ("mode = 'enforce'", "enforce"),
        ("mode = 'observe'\n[rules.velocity]\nmode = 'enforce'", "enforce"),
        ("mode = 'enforce'\n[rules.velocity]\nmode = 'observe'", "observe"),
    ],
)
def test_the_mode_of_a_rule_goes_before_the_mode_of_the_policy(payment, text, mode):
    one = policy(text)
    (hit,) = evaluate(payment, AT_MS, calm(**FAST), one)
    assert mode_of(one, hit) == mode


class TestDefect:
    @pytest.fixture
    def broken(self, monkeypatch):
        def velocity(event, at_ms, features, section):
            raise ZeroDivisionError("no division today")

        sound = registry.RULES[0]
        broken = (Rule(sound.slug, sound.section, velocity, sound.events), *registry.RULES[1:])
        monkeypatch.setattr("streams.core.rules.program.RULES", broken)
        return policy("[outcome]\nmissing_feature = 'review'")

    def test_it_counts_as_the_policy_says_and_silences_nobody(self, payment, broken):
        hits = evaluate(payment, AT_MS, calm(**FAST, merchants_1h=6.0), broken)
        assert [(hit.rule, hit.outcome) for hit in hits] == [
            ("velocity/err", "review"),
            ("merchant-hopping/01", "step_up"),
        ]

    def test_explain_learns_what_went_wrong(self, payment, broken):
        first = evaluate_all(payment, AT_MS, calm(), broken)[0]
        assert (first.rule, first.verdict) == ("velocity/err", "error")
        assert "no division today" in first.text
        assert "review" in first.text


class TestEverything:
    def test_each_asked_rule_says_something(self, payment):
        one = policy()
        findings = evaluate_all(payment, AT_MS, calm(**FAST), one)
        assert len(findings) == len(program_of(one).steps[PaymentRequested])
        said = {finding.rule: (finding.verdict, finding.text) for finding in findings}
        assert said["velocity/02"] == ("fired", "spend_count_5m=16, spend_count_1h=16")
        assert said["risky-terminal/x00"][0] == "not applicable"
        assert said["amount-habit"] == ("quiet", "")

    def test_both_ways_of_asking_agree(self, payment):
        features = calm(**FAST, amount_to_usual=7.0, amount_z=3.0)
        findings = evaluate_all(payment, AT_MS, features, policy())
        assert tuple(finding.hit for finding in findings if finding.hit) == evaluate(payment, AT_MS, features, policy())


def test_two_policies_are_never_confused(payment):
    strict = policy("[rules.velocity]\nin_5m = [2, 3, 4]\nin_1h = [2, 3, 4]")
    for _ in range(200):
        one = msgspec.structs.replace(strict)
        assert len(evaluate(payment, AT_MS, calm(**FAST), one)) == 1
    assert evaluate(payment, AT_MS, calm(spend_count_5m=2.0), policy()) == ()
    assert len(evaluate(payment, AT_MS, calm(spend_count_5m=2.0), strict)) == 1
