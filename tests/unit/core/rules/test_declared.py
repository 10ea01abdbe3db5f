"""Are rules, lists and snoozes of the policy file asked, heard, silenced and expired like the table says?"""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest
from support.features import calm

from streams.adapters.policy_file import default_text
from streams.contracts.base import from_ms, to_ms
from streams.contracts.logins import LoginSucceeded
from streams.contracts.payments import PaymentRequested, TransferRequested
from streams.core.flows.movements import SUBJECTS
from streams.core.policy import PolicyError, parse_policy
from streams.core.rules.declared import EVENTS_OF, DeclaredRule
from streams.core.rules.lists import List, Snooze
from streams.core.rules.program import evaluate, evaluate_all, mode_of
from streams.core.score import Score
from streams.core.steps import Prepared
from streams.core.verdict import outcome_of

AT_MS = 1_772_636_400_000
FAST = {"spend_count_5m": 16.0, "spend_count_1h": 16.0}  # velocity/02: review

RULE = """
[[rule]]
name = "night-vouchers"
asks = "Is somebody buying vouchers at night?"
events = ["payment"]
when = ['mcc = "5947" and night = 1', 'mcc = "5947" and night = 1 and amount > 100']
outcomes = ["step_up", "hold"]
reasons = ["R17", "R04"]
mode = "{mode}"
"""
LIST = """
[[list]]
name = "{name}"
field = "{field}"
outcome = "{outcome}"
mode = "{mode}"
entries = [{entries}]
"""
SNOOZE = """
[[snooze]]
rule = "velocity"
field = "account_id"
value = "a"
until = 2026-03-05T00:00:00Z
why = "payroll"
"""


def policy(*texts):
    return parse_policy(default_text(), 'mode = "enforce"\n' + "".join(texts))


def a_list(entries, *, name="known", field="device_id", outcome="block", mode="inherit"):
    return LIST.format(name=name, field=field, outcome=outcome, mode=mode, entries=entries)


def a_snooze(field, value):
    return SNOOZE.replace('"account_id"', f'"{field}"').replace('"a"', f'"{value}"')


def payment(kind=PaymentRequested, **fields):
    given = {"payment_id": "p", "amount_minor": 5000, "currency": "EUR", "account_id": "a"} | fields
    return kind(event_id="e", source="s", occurred_at=from_ms(AT_MS), **given)


def rules(hits):
    return [(hit.rule, hit.outcome, hit.shadow, hit.silenced) for hit in hits]


def verdict(hits, score, one):
    return outcome_of(Prepared(payment(), AT_MS, subject="payment", hits=hits), Score(score, "m"), one)[0].label


def test_every_subject_can_be_asked_about():
    assert set(EVENTS_OF) == set(SUBJECTS.values())
    assert all(EVENTS_OF.values())


@pytest.mark.parametrize(
    ("amount", "expected"), [(50.0, "night-vouchers/01"), (101.0, "night-vouchers/02")], ids=["mild", "strict"]
)
def test_the_strictest_band_that_holds_answers(amount, expected):
    features = calm(night=1.0, amount=amount)
    (hit,) = evaluate(payment(mcc="5947"), AT_MS, features, policy(RULE.format(mode="inherit")))
    assert (hit.rule, hit.reasons) == (expected, ("R17", "R04"))
    assert hit.evidence["night"] == 1.0


def test_it_is_silent_about_other_events_and_other_values():
    one = policy(RULE.format(mode="inherit"))
    features = calm(night=1.0)
    assert evaluate(payment(TransferRequested, mcc="5947"), AT_MS, features, one) == ()
    assert evaluate(payment(mcc="5411"), AT_MS, features, one) == ()
    assert evaluate(payment(), AT_MS, features, one) == ()


@pytest.mark.parametrize(
    ("mode", "shadow", "acts"),
    [("observe", True, "observe"), ("inherit", False, "enforce"), ("enforce", False, "enforce")],
)
def test_modes_are_those_of_every_rule(mode, shadow, acts):
    one = policy(RULE.format(mode=mode))
    (hit,) = evaluate(payment(mcc="5947"), AT_MS, calm(night=1.0), one)
    assert hit.shadow is shadow
    assert mode_of(one, hit) == acts


def test_off_is_off():
    one = policy(RULE.format(mode="off"), a_list("{ value = 'd' }", mode="off"))
    assert evaluate(payment(mcc="5947", device_id="d"), AT_MS, calm(night=1.0), one) == ()


def test_a_listed_value_is_a_hit():
    one = policy(a_list("{ value = 'd' }"))
    assert rules(evaluate(payment(device_id="d"), AT_MS, calm(), one)) == [("list-known/01", "block", False, False)]
    assert evaluate(payment(device_id="other"), AT_MS, calm(), one) == ()
    assert evaluate(payment(), AT_MS, calm(), one) == ()


def test_an_entry_ends_at_its_event_time():
    one = policy(a_list(f"{{ value = 'd', until = {from_ms(AT_MS).isoformat()} }}"))
    assert evaluate(payment(device_id="d"), AT_MS - 1, calm(), one) != ()
    assert evaluate(payment(device_id="d"), AT_MS, calm(), one) == ()


@pytest.mark.parametrize(
    ("ip", "found"),
    [
        ("203.0.113.9", True),
        ("203.0.114.9", False),
        ("198.51.100.7", True),
        ("2001:db8:1::5", True),
        ("2001:db8:2::5", False),
        ("::ffff:203.0.113.9", True),
        ("::ffff:cb00:7109", True),
        ("::ffff:203.0.114.9", False),
        ("192.0.2.77", True),
        ("192.0.2.78", False),
        ("not an address", False),
    ],
)
def test_addresses_may_be_listed_by_network(ip, found):
    one = policy(
        a_list(
            "{ value = '203.0.113.0/24' }, { value = '198.51.100.7' }, { value = '2001:db8:1::/48' }, "
            "{ value = '::ffff:192.0.2.77' }",
            field="ip",
        )
    )
    assert bool(evaluate(payment(ip=ip), AT_MS, calm(), one)) is found


def test_logins_are_listed_too():
    one = policy(a_list("{ value = 'curl/8' }", field="user_agent"))
    login = LoginSucceeded(
        event_id="e", source="s", occurred_at=from_ms(AT_MS), account_id="a", ip="192.0.2.1", user_agent="curl/8"
    )
    assert [hit.rule for hit in evaluate(login, AT_MS, calm(kind=6.0), one)] == ["list-known/01"]


def test_an_allow_list_silences_rules_and_model():
    one = policy(a_list("{ value = 'd' }", outcome="allow"))
    hits = evaluate(payment(device_id="d"), AT_MS, calm(**FAST), one)
    assert rules(hits) == [("velocity/02", "review", True, True), ("list-known/01", "allow", False, False)]
    assert verdict(hits, 0.99, one) == "allow"
    assert verdict((), 0.99, one) == "hold"


def test_an_allow_list_that_observes_silences_nothing():
    one = policy(a_list("{ value = 'd' }", outcome="allow", mode="observe"))
    hits = evaluate(payment(device_id="d"), AT_MS, calm(**FAST), one)
    assert rules(hits) == [("velocity/02", "review", False, False), ("list-known/01", "allow", True, False)]
    assert verdict(hits, 0.0, one) == "review"


def test_a_block_list_is_stricter_than_an_allow_list():
    one = policy(a_list("{ value = 'd' }", outcome="allow"), a_list("{ value = 'm' }", name="bad", field="merchant_id"))
    hits = evaluate(payment(device_id="d", merchant_id="m"), AT_MS, calm(), one)
    assert verdict(hits, 0.0, one) == "block"


def test_a_snooze_silences_one_rule_for_one_value_until_its_date():
    one = policy(SNOOZE)
    until_ms = to_ms(msgspec.convert("2026-03-05T00:00:00Z", type=datetime))
    features = calm(**FAST, merchants_1h=6.0)

    def silenced(account, at_ms):
        return [hit.rule for hit in evaluate(payment(account_id=account), at_ms, features, one) if hit.silenced]

    assert silenced("a", until_ms - 1) == ["velocity/02"]
    assert silenced("a", until_ms) == []
    assert silenced("b", until_ms - 1) == []


def test_explain_tells_of_lists_and_snoozes():
    one = policy(SNOOZE, a_list("{ value = 'd' }"))
    told = {finding.rule: finding.verdict for finding in evaluate_all(payment(device_id="d"), AT_MS, calm(**FAST), one)}
    assert told["velocity/02"] == "snoozed"
    assert told["list-known/01"] == "fired"


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        (RULE.format(mode="on"), "rule", "invalid enum value 'on'"),
        (RULE.format(mode="off").replace("night =", "nigth ="), "rule.night-vouchers.when", "neither a feature nor"),
        (RULE.format(mode="off").replace('"step_up", ', ""), "rule.night-vouchers.when", "2 conditions but 1 outcomes"),
        (
            RULE.format(mode="off").replace('["step_up", "hold"]', '["hold", "step_up"]'),
            "rule.night-vouchers.outcomes",
            "a higher band has a milder outcome",
        ),
        (RULE.format(mode="off").replace("R17", "R99"), "rule.night-vouchers.reasons", "no reason R99"),
        (RULE.format(mode="off").replace("night-vouchers", "velocity"), "rule.velocity", "this name is taken"),
        (RULE.format(mode="off").replace("night-vouchers", "list-x"), "rule.list-x", "this name is taken"),
        (RULE.format(mode="off") * 2, "rule.night-vouchers", "this name is taken"),
        (RULE.format(mode="off").replace('["payment"]', '["dance"]'), "rule", "invalid enum value 'dance'"),
        (a_list("{ value = 'd' }") * 2, "list.known", "two lists have this name"),
        (a_list("{ value = 'd' }").replace("known", "blocked-ip"), "list.blocked-ip.name", "what people block"),
        (a_list("{ value = 'd' }, { value = 'd' }"), "list.known.entries", "'d' is listed twice"),
        (
            a_list("{ value = '203.0.113.5' }, { value = '203.0.113.5/32', until = 2020-01-01T00:00:00Z }", field="ip"),
            "list.known.entries",
            "'203.0.113.5/32' is listed twice",
        ),
        (
            a_list("{ value = '2001:db8::1' }, { value = '2001:DB8:0::1' }", field="ip"),
            "list.known.entries",
            "'2001:DB8:0::1' is listed twice",
        ),
        (
            a_list("{ value = '203.0.113.0/24' }, { value = '::ffff:203.0.113.0/120' }", field="ip"),
            "list.known.entries",
            "is listed twice",
        ),
        (a_list("{ value = '203.0.113.7/24' }", field="ip"), "list.known.entries", "has host bits set"),
        (a_list("{ value = 'd', until = 2026-01-01T00:00:00 }"), "list.known.entries", "without an offset"),
        (SNOOZE.replace("velocity", "velocty"), "snooze.rule", "there is no rule 'velocty'"),
        (SNOOZE.replace("00Z", "00"), "snooze.velocity.until", "without an offset"),
        (a_snooze("ip", "not an ip"), "snooze.velocity.value", "neither an address nor a network"),
        (a_snooze("ip", "203.0.113.7/24"), "snooze.velocity.value", "has host bits set"),
        (a_snooze("mcc", "59"), "snooze.velocity.value", "'59' is no mcc, which is four digits"),
        (a_list("{ value = 'de' }", field="country"), "list.known.entries", "two capital letters"),
        (a_list("{ value = '4111' }", field="bin"), "list.known.entries", "six to eight digits"),
        (a_list(f"{{ value = '{'x' * 65}' }}", field="app_version"), "list.known.entries", "at most 64 characters"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(text, where, problem):
    with pytest.raises(PolicyError) as refusal:
        policy(text)
    assert refusal.value.where.startswith(where)
    assert problem in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "where", "text"),
    [
        (Snooze, "snooze.velocity", a_snooze("ip", "not an ip")),
        (List, "list.known", a_list("{ value = 'not an ip' }", field="ip")),
        (DeclaredRule, "rule.night-vouchers", RULE.format(mode="observe").replace("night =", "nigth =")),
    ],
)
def test_what_a_check_forgets_is_refused_before_a_worker_meets_it(monkeypatch, kind, where, text):
    monkeypatch.setattr(kind, "problems", lambda _self: iter(()))
    with pytest.raises(PolicyError, match="a worker cannot put it to use") as refusal:
        policy(SNOOZE, a_list("{ value = 'd' }", name="fine"), text)
    assert refusal.value.where == where
