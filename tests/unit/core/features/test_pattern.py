"""Do the features of the latest amounts and of proved frauds equal what their catalogue rows say?"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, NOON, Account, label, paid

from streams.core.features.pattern import times_usual
from streams.core.observations import Basis

EUROS = Basis(home_currency="EUR")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40 * HOUR), st.integers(0, 20_000)), min_size=1, max_size=90),
    st.integers(0, 9 * DAY),
    st.integers(0, 90_000),
)
def test_amounts_against_their_median(happened, pause, minor):
    account, at, paid_before = Account(EUROS), NOON, []
    for number, (step, amount) in enumerate(happened):
        at += step
        account.see(paid(at, number, amount))
        paid_before.append((at, amount))
    at += pause
    found = account.look(paid(at, "now", minor))
    latest = [(then, amount) for then, amount in paid_before if at - 30 * DAY < then][-64:]
    ordered = sorted(amount for _, amount in latest)
    if len(latest) < 5:
        assert (found.amount_to_median, found.large_7d, found.large_14d) == (-1.0, 0.0, 0.0)
        return
    median = ordered[len(ordered) // 2]
    if not median:
        assert found.amount_to_median == -1.0
        return
    spread = (ordered[3 * len(ordered) // 4] - ordered[len(ordered) // 4]) / 1.349
    large = [then for then, amount in latest if amount > 3 * median]
    week = [(then, amount) for then, amount in latest if then > at - 7 * DAY]
    fortnight = [then for then, _ in latest if then > at - 14 * DAY]
    assert found.amount_to_median == pytest.approx(minor / median)
    deviations = (minor - median) / max(spread, 0.1 * median)
    assert found.amount_deviations == pytest.approx(min(50.0, max(0.0, deviations)))
    assert found.large_7d == sum(then > at - 7 * DAY for then in large)
    assert found.large_14d == sum(then > at - 14 * DAY for then in large)
    assert found.since_large_days == (pytest.approx((at - large[-1]) / DAY) if large else -1.0)
    assert found.largest_to_median_7d == (pytest.approx(max(amount for _, amount in week) / median) if week else -1.0)
    assert found.large_share_14d == (pytest.approx(found.large_14d / len(fortnight)) if fortnight else -1.0)


def habit(account: Account, until: int) -> None:
    """Ten euros twice a day, for ten days before `until`."""
    for number in range(20):
        account.see(paid(until - (20 - number) * 12 * HOUR, f"h{number}", 1000, merchant_id=f"m{number % 4}"))


def test_pace_trend_and_spread():
    account = Account(EUROS)
    habit(account, NOON)
    found = account.look(paid(NOON, "now", 1000))
    assert found.spend_pace_1d == pytest.approx(1 * 10 / 20)  # one in (t - 1 d, t]; the other is exactly a day old
    assert found.mean_7d_to_30d == pytest.approx(1.0)
    assert found.merchant_spread_7d == pytest.approx(4 / 13)
    fresh = Account(EUROS).look(paid(NOON, "first", 1000))
    assert (fresh.spend_pace_1d, fresh.mean_7d_to_30d, fresh.merchant_spread_7d) == (-1.0, -1.0, -1.0)


def test_a_proved_fraud_is_large_or_not_by_the_accounts_own_median():
    account = Account(EUROS)
    habit(account, NOON)
    account.see(paid(NOON, "stolen", 5000))
    account.see(paid(NOON + HOUR, "shop", 1000))
    assert times_usual(account.observations, NOON, NOON + 7 * DAY) == pytest.approx(5.0)
    assert times_usual(account.observations, NOON + HOUR, NOON + 7 * DAY) == pytest.approx(1.0)
    assert times_usual(account.observations, NOON + 1, NOON + 7 * DAY) is None, "nothing was paid at that moment"
    before = account.look(paid(NOON + 7 * DAY, "now", 1000))
    assert (before.own_large_frauds_30d, before.since_own_fraud_days) == (0.0, -1.0)
    for subject, at in (("pstolen", NOON), ("pshop", NOON + HOUR)):
        account.see(label(NOON + 7 * DAY + 2 * HOUR, subject, at))
    found = account.look(paid(NOON + 8 * DAY, "later", 1000))
    assert found.own_frauds_30d == 2.0
    assert found.own_large_frauds_30d == 1.0
    assert found.since_own_fraud_days == pytest.approx(8 - 1 / 24)
    assert found.own_fraud_span_days == pytest.approx(8.0)
    gone = account.look(paid(NOON + 40 * DAY, "much later", 1000))
    assert (gone.own_large_frauds_30d, gone.since_own_fraud_days) == (0.0, -1.0)
