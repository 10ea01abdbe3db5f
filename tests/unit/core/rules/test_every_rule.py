"""Does every rule keep a rule's promises: narrow, total, pure, documented, shown by a hit and a miss?"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import msgspec
import pytest
from support.features import calm, nothing_known

from streams.adapters.policy_file import load_policy
from streams.contracts import logins, payments
from streams.contracts.base import to_ms
from streams.core.features import FEATURE_NAMES, MISSING
from streams.core.flows.movements import SUBJECTS
from streams.core.reasons import REASONS
from streams.core.rules.base import Fired, NotApplicable, Quiet
from streams.core.rules.program import evaluate, evaluate_all
from streams.core.rules.registry import RULES

GOLDEN = Path(__file__).parents[3] / "golden" / "rules"
POLICY = load_policy()
EVENTS = {kind.__struct_config__.tag: kind for rule in RULES for kind in rule.events}


class Golden(msgspec.Struct, forbid_unknown_fields=True):
    """One file: a story, an event, what differs from an ordinary vector, and what the rule answers (null: quiet)."""

    story: str
    event: dict[str, object]
    features: dict[str, float]
    expect: str | None


def read(rule, name):
    golden = msgspec.json.decode((GOLDEN / rule.slug / name).read_bytes(), type=Golden)
    event = msgspec.convert(golden.event, EVENTS[golden.event["type"]])
    return golden, event, calm(**golden.features)


def verdict(rule, event, features):
    answers = evaluate_all(event, to_ms(event.occurred_at), features, POLICY)
    (answer,) = [answer for answer in answers if answer.rule.partition("/")[0] == rule.slug]
    return answer.rule if answer.verdict != "quiet" else None


def table(rule):
    return getattr(POLICY.rules, rule.section)


def bare(kind):
    """An event of this type with no optional field."""
    fields = {"event_id": "e", "source": "s", "occurred_at": "2026-01-01T00:00:00Z", "account_id": "a"}
    if issubclass(kind, payments.Movement):
        return msgspec.convert(fields | {"payment_id": "p", "amount_minor": 0, "currency": "XTS"}, kind)
    assert issubclass(kind, logins.Login)
    return msgspec.convert(fields | {"ip": "192.0.2.1"}, kind)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.slug)
class TestEveryRule:
    def test_slug_section_function_and_file_have_one_name(self, rule):
        assert rule.section == rule.slug.replace("-", "_") == rule.judge.__name__
        assert rule.judge.__module__ == f"streams.core.rules.{rule.section}"

    def test_has_a_golden_hit(self, rule):
        golden, event, features = read(rule, "hit.json")
        assert re.fullmatch(rf"{rule.slug}/0[1-9]", golden.expect)
        assert verdict(rule, event, features) == golden.expect

    def test_has_a_golden_miss(self, rule):
        golden, event, features = read(rule, "miss.json")
        assert golden.expect in (None, f"{rule.slug}/x00")
        assert verdict(rule, event, features) == golden.expect

    def test_an_ordinary_event_leaves_it_quiet(self, rule):
        for kind in rule.events:
            assert not isinstance(rule.judge(bare(kind), 0, calm(), table(rule)), Fired)

    def test_answers_although_features_are_missing(self, rule):
        for kind in rule.events:
            answer = rule.judge(bare(kind), 0, nothing_known(), table(rule))
            assert isinstance(answer, Quiet | NotApplicable), "what is unknown is no evidence"

    def test_same_answer_twice_and_inputs_left_alone(self, rule):
        _, event, features = read(rule, "hit.json")
        before = msgspec.json.encode((event, features, table(rule)))
        first = rule.judge(event, 0, features, table(rule))
        assert rule.judge(event, 0, features, table(rule)) == first
        assert msgspec.json.encode((event, features, table(rule))) == before

    def test_reasons_are_of_the_fixed_vocabulary_and_evidence_is_finite(self, rule):
        _, event, features = read(rule, "hit.json")
        answer = rule.judge(event, 0, features, table(rule))
        assert isinstance(answer, Fired)
        assert answer.reasons
        assert set(answer.reasons) <= set(REASONS)
        assert answer.evidence
        assert all(abs(value) < 1e18 for value in answer.evidence.values())
        assert 1 <= answer.band <= len(table(rule).outcomes)

    def test_docstring_has_the_four_lines(self, rule):
        text = inspect.getdoc(rule.judge)
        assert re.search(r"\n\nAsks: .+\?\nFires when: .+\nBlind to: .+;.+\.\nCosts: .+\.$", text, re.DOTALL)

    def test_module_opens_with_a_question(self, rule):
        assert inspect.getmodule(rule.judge).__doc__.strip().endswith("?")

    def test_names_only_features_that_exist_and_thresholds_of_its_table(self, rule):
        source = inspect.getsource(inspect.getmodule(rule.judge))
        assert set(re.findall(r"features\.(\w+)", source)) <= set(FEATURE_NAMES)
        common = {"enabled", "mode", "outcomes", "warm_events", "warm_days"}
        thresholds = set(type(table(rule)).__struct_fields__) - common
        assert thresholds <= set(re.findall(r"policy\.(\w+)", source)), "a threshold that nothing reads"
        for name in re.findall(r"policy\.(\w+)", inspect.getdoc(rule.judge)):
            assert name in thresholds, f"the docstring names policy.{name}, which is no threshold of this rule"

    def test_its_table_refuses_bands_without_outcomes(self, rule):
        short = msgspec.structs.replace(table(rule), outcomes=())
        assert list(short.problems())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.slug)
def test_evidence_has_no_mark_for_what_is_missing(rule):
    _, event, features = read(rule, "hit.json")
    hits = evaluate(event, to_ms(event.occurred_at), features, POLICY)
    (hit,) = [hit for hit in hits if hit.rule.startswith(f"{rule.slug}/")]
    assert hit.evidence
    assert MISSING not in hit.evidence.values()


@pytest.mark.parametrize(
    ("features", "first"),
    [
        ({"cards_1d": 9.0, "merchant_testing": 1.0}, ("cards_1d", 9.0)),
        ({"cards_1d": 1.0, "ip_testing": 1.0, "device_testing": -1.0}, ("ip_testing", 1.0)),
        ({"cards_1d": 1.0, "merchant_testing": 2.0, "failed": 1.0}, ("merchant_testing", 2.0)),
        ({"cards_1d": 1.0, "bin_level": 2.0, "merchant_testing": 1.0, "failed": 1.0}, ("bin_level", 2.0)),
    ],
)
def test_a_card_test_is_measured_by_what_speaks_loudest(features, first):
    (rule,) = [rule for rule in RULES if rule.slug == "card-testing"]
    _, event, _ = read(rule, "hit.json")
    (hit,) = evaluate(event, to_ms(event.occurred_at), calm(**features), POLICY)
    assert next(iter(hit.evidence.items())) == first


def test_a_merchant_with_frauds_is_measured_by_its_own_rate():
    (rule,) = [rule for rule in RULES if rule.slug == "risky-terminal"]
    _, event, _ = read(rule, "hit.json")
    features = calm(terminal_fraud_rate_7d=0.0, merchant_fraud_rate_30d=0.9, merchant_labelled=1.0)
    (hit,) = evaluate(event, to_ms(event.occurred_at), features, POLICY)
    assert next(iter(hit.evidence.items())) == ("merchant_fraud_rate_30d", 0.9)


def test_goldens_belong_to_rules():
    assert {path.name for path in GOLDEN.iterdir()} == {rule.slug for rule in RULES}


def test_slugs_are_unique_and_fit_the_wire():
    slugs = [rule.slug for rule in RULES]
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", slug) and len(slug) <= 59 for slug in slugs)


def test_every_rule_has_a_table_and_every_table_a_rule():
    assert set(type(POLICY.rules).__struct_fields__) == {rule.section for rule in RULES}


def test_rules_are_asked_about_exactly_what_is_decided_about():
    assert set().union(*(rule.events for rule in RULES)) == set(SUBJECTS)
