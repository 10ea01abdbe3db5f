"""Does the language of declared rules say what it reads, treat the unknown as unknown, and refuse the rest?"""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
from support.features import calm

from streams.core.rules.expression import LENGTH_MAX, ExpressionError, parse_condition

EVENT = SimpleNamespace(country="CN", mcc="5947", merchant_id=None)
# A feature of the ordinary vector that nobody knows, and one that is known.
UNKNOWN, TRUE, FALSE = "since_login_s > 1", "night = 0", "night = 1"


def holds(text, **features):
    return parse_condition(text).holds(EVENT, calm(night=0.0, since_login_s=-1.0, **features))


@pytest.mark.parametrize("written", ["203.0.113.5", "::ffff:203.0.113.5", "::ffff:cb00:7105"])
@pytest.mark.parametrize("ip", ["203.0.113.5", "::ffff:203.0.113.5", "::FFFF:CB00:7105"])
def test_an_address_is_the_same_however_it_is_written(ip, written):
    event = SimpleNamespace(ip=ip)
    assert parse_condition(f"ip = '{written}'").holds(event, calm()) is True
    assert parse_condition(f"ip in ('{written}', '192.0.2.1')").holds(event, calm()) is True
    assert parse_condition("ip = '203.0.113.6'").holds(event, calm()) is False


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('mcc = "5947"', True),
        ("mcc = '5947' and country != 'DE'", True),
        ("country in ('DE', 'FR')", False),
        ("country not in ('DE', 'FR')", True),
        ("amount in (49, 50)", True),
        ("amount > 49 and amount < 51", True),
        ("amount >= 50 and amount <= 50 and amount != 49.99", True),
        ("amount * 2 - 1 = 99", True),
        ("amount - 1 * 2 = 48", True),
        ("(amount - 1) * 2 = 98", True),
        ("amount / spend_mean_7d = 1", True),
        ("amount-1>48", True),
        ("amount > -1", True),
        ("not night = 1", True),
        ("night = 1 or night = 0 and amount = 50", True),
        ("known(mcc) and not known(merchant_id)", True),
        ("known(amount)", True),
        ("known(since_login_s)", False),
    ],
)
def test_it_says(text, answer):
    assert holds(text) is answer


@pytest.mark.parametrize(
    "text",
    [
        UNKNOWN,
        f"not {UNKNOWN}",
        "since_login_s + 1 > 0",
        "amount / (night * 2) > 1",
        f"not amount * {'9' * 200} * {'9' * 200} > 1",
        "merchant_id = 'm'",
        "merchant_id != 'm'",
        "merchant_id in ('m')",
        "merchant_id not in ('m')",
    ],
)
def test_what_is_missing_makes_it_unknown(text):
    assert holds(text) is None


def test_and_or_not_follow_kleene():
    values = {TRUE: True, FALSE: False, UNKNOWN: None}
    rank = {False: 0, None: 1, True: 2}  # Kleene's and is the least of its parts, his or the greatest
    for a, b, c in itertools.product(values, repeat=3):
        parts = [values[a], values[b], values[c]]
        assert holds(f"{a} and {b} and {c}") is min(parts, key=rank.__getitem__)
        assert holds(f"{a} or {b} or {c}") is max(parts, key=rank.__getitem__)


def test_the_features_it_looks_at_are_its_evidence():
    condition = parse_condition("amount > 10 and (amount_z > 2 or since_login_s > 1) and mcc = '5947'")
    assert condition.features == ("amount", "amount_z", "since_login_s")
    assert condition.evidence(calm(since_login_s=-1.0)) == {"amount": 50.0, "amount_z": 0.1}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it ends too early"),
        ("amount >", "it ends too early"),
        ("amount", "it is a number, not a condition"),
        ("'x'", "it is a text, not a condition"),
        ("amuont > 3", "there is neither a feature nor a field 'amuont'"),
        ("amount > 'x'", "'>' compares a number with a text"),
        ("country > 'A'", "only = and != do"),
        ("country + 1 > 0", "'+' needs a number and got a text"),
        ("amount and night = 1", "'and' needs a condition and got a number"),
        ("not amount", "'not' needs a condition and got a number"),
        ("amount in (1, 'x')", "values of another kind"),
        ("(amount > 1) = (night = 1)", "compares a condition with a condition"),
        ("amount > 3 $ 4", "'$' at character 12 means nothing here"),
        ("amount = = 3", "'=' at character 10 is not expected there"),
        ("__import__('os')", "'_' at character 1 means nothing here"),
        ("amount.__class__ = 1", "'.' at character 7 means nothing here"),
        ("mcc = '59'", "'59' is no mcc, which is four digits"),
        ("country in ('DE', 'fr')", "'fr' is no country"),
        ("'eur' != currency", "'eur' is no currency"),
        ("ip = '10.0.0.0/8'", "networks belong on a [[list]]"),
        ("ip = 'home'", "neither an address nor a network"),
        (f"amount < {'9' * 400}", "a number of 400 digits"),
        ("amount > 1 " + "or amount > 1 " * 50, f"at most {LENGTH_MAX} are read"),
    ],
)
def test_it_refuses(text, sentence):
    with pytest.raises(ExpressionError) as refusal:
        parse_condition(text)
    assert sentence in str(refusal.value)


def test_the_deepest_that_fits_is_read():
    depth = (LENGTH_MAX - len("night=0")) // 2
    assert holds("(" * depth + "night=0" + ")" * depth) is True
