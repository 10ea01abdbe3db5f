"""Are amounts, velocities, habits, refusals and flows what a person would count by hand?"""

from __future__ import annotations

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, Account, event, paid

from streams.contracts import accounts, payments
from streams.contracts.base import from_ms
from streams.core.currencies import RateTable
from streams.core.features import MISSING
from streams.core.observations import SPEND_CAP, Basis

RATES = RateTable(effective_at=from_ms(0), per_unit={"USD": 1.0, "EUR": 0.5, "JPY": 100.0})


@pytest.fixture
def account() -> Account:
    return Account()


def test_first_payment(account):
    features = account.see(paid(NOON, 1, 5000))
    assert (features.kind, features.amount, features.account_events) == (1.0, 50.0, 0.0)
    assert (features.spend_count_1m, features.spend_count_30d, features.spend_sum_1h) == (1.0, 1.0, 50.0)
    assert features.spend_mean_30d == 50.0
    assert features.spend_max_30d == features.amount_to_usual == features.since_spend_s == MISSING


def test_a_window_is_open_at_its_start_and_closed_at_its_end(account):
    account.see(paid(NOON, 1))
    assert account.look(paid(NOON + MINUTE - 1, 2)).spend_count_1m == 2.0
    assert account.look(paid(NOON + MINUTE, 2)).spend_count_1m == 1.0
    assert account.look(paid(NOON + 5 * MINUTE, 2)).spend_count_5m == 1.0
    assert account.look(paid(NOON + HOUR - 1, 2)).spend_sum_1h == 20.0
    assert account.look(paid(NOON + 30 * DAY, 2)).spend_count_30d == 1.0
    assert account.look(paid(NOON, 2)).spend_count_1m == 2.0


def test_a_movement_counts_once_at_its_first_event(account):
    account.see(paid(NOON, 1, kind=payments.PaymentRequested))
    features = account.see(paid(NOON + SECOND, 1, kind=payments.PaymentSucceeded))
    assert features.spend_count_1h == 1.0
    assert account.see(paid(NOON + 2 * SECOND, 2)).spend_count_1h == 2.0
    assert account.observations.events == 2


def test_all_ways_out_count_and_a_top_up_does_not(account):
    for number, kind in enumerate(
        (payments.TransferRequested, payments.WithdrawalRequested, payments.BillpayRequested)
    ):
        account.see(paid(NOON, number, kind=kind))
    account.see(paid(NOON, "in", kind=payments.TopupRequested))
    assert account.look(paid(NOON, 9)).spend_count_1h == 4.0


def test_amount_against_habit(account):
    for day in range(10):
        account.see(paid(NOON + day * DAY, day, 1000))
    features = account.see(paid(NOON + 10 * DAY, "big", 10_000))
    assert features.amount_to_mean_30d == features.amount_to_mean_7d == features.amount_to_max_30d == 10.0
    assert features.amount_to_usual == pytest.approx(10.0, rel=1e-3)
    assert features.amount_z == 20.0
    assert features.spikes_7d == 0.0
    assert account.look(paid(NOON + 11 * DAY, 11)).spikes_7d == 1.0


def test_habit_outlives_the_windows_of_a_dormant_account(account):
    for day in range(10):
        account.see(paid(NOON + day * DAY, day, 1000))
    features = account.look(paid(NOON + 130 * DAY, "wake", 20_000))
    assert features.idle_days == pytest.approx(121.0)
    assert features.amount_to_usual == pytest.approx(20.0, rel=1e-3)
    assert features.amount_to_mean_30d == MISSING
    assert features.spend_max_30d == MISSING


def test_a_refused_amount_is_an_attempt_but_no_habit(account):
    account.see(paid(NOON, 1, 1000))
    account.see(paid(NOON + SECOND, 2, 900_000, kind=payments.PaymentFailed))
    features = account.look(paid(NOON + 2 * SECOND, 3, 1000))
    assert features.spend_count_1h == 3.0
    assert features.amount_to_usual == pytest.approx(1.0, rel=1e-3)


def test_largest_of_30_days_leaves_with_its_window(account):
    account.see(paid(NOON, 1, 9000))
    account.see(paid(NOON + 10 * DAY, 2, 3000))
    account.see(paid(NOON + 29 * DAY, 3, 2000))
    assert account.look(paid(NOON + 29 * DAY, 4)).spend_max_30d == 90.0
    assert account.look(paid(NOON + 30 * DAY, 4)).spend_max_30d == 30.0
    account.see(paid(NOON + 31 * DAY, 4, 100))
    assert account.look(paid(NOON + 32 * DAY, 5)).spend_max_30d == 30.0


def test_small_probe_repetition_and_limits(account):
    account.see(paid(NOON, 1, 90))
    account.see(paid(NOON + MINUTE, 2, 495_000))
    features = account.see(paid(NOON + 2 * MINUTE, 3, 495_000))
    assert features.smallest_1h == 0.9
    assert (features.same_amount_1d, features.near_limit, features.near_limits_1d) == (2.0, 1.0, 2.0)
    assert account.look(paid(NOON + 2 * MINUTE, 4, 500_000)).near_limit == 0.0
    assert account.look(paid(NOON + HOUR, 4, 10_000)).smallest_1h == 4950.0


@pytest.mark.parametrize(("minor", "expected"), [(0, 0.0), (1234, 0.0), (1000, 1.0), (20_000, 2.0), (5000, 1.0)])
def test_round_amounts(account, minor, expected):
    assert account.look(paid(NOON, 1, minor)).round_amount == expected


def test_a_refusal_is_one_whoever_tells_of_it_until_it_is_asked_for_again(account):
    for second, source in enumerate(("payments", "gateway", "provider")):
        features = account.see(paid(NOON + second * SECOND, source, kind=payments.PaymentFailed, payment_id="p1"))
        assert (features.declines_30m, features.declines_1d, features.declines_row) == (1.0, 1.0, 1.0)
    account.see(paid(NOON + MINUTE, 2, kind=payments.PaymentRequested, payment_id="p1"))
    features = account.see(paid(NOON + MINUTE + SECOND, 2, kind=payments.PaymentFailed, payment_id="p1"))
    assert (features.declines_30m, features.declines_1d, features.declines_row) == (2.0, 2.0, 2.0)


def test_refusals(account):
    account.see(paid(NOON, 1, kind=payments.PaymentRequested))
    account.see(paid(NOON + SECOND, 1, kind=payments.PaymentFailed))
    features = account.see(paid(NOON + MINUTE, 2, kind=payments.PaymentFailed))
    assert (features.failed, features.declines_30m, features.declines_row) == (1.0, 2.0, 2.0)
    assert features.decline_share_1d == 1.0
    assert features.since_decline_s == 59.0
    account.see(paid(NOON + 2 * MINUTE, 3))
    features = account.look(paid(NOON + 31 * MINUTE, 4))
    assert (features.declines_row, features.declines_30m, features.declines_1d) == (0.0, 0.0, 2.0)


def test_a_burst_beyond_the_cap_says_so(account):
    for number in range(SPEND_CAP):
        account.see(paid(NOON + number, number))
    assert account.look(paid(NOON + HOUR, "x")).spend_truncated == 0.0
    account.see(paid(NOON + HOUR, "x"))
    features = account.look(paid(NOON + HOUR, "y"))
    assert (features.spend_truncated, features.spend_count_1d) == (1.0, SPEND_CAP + 1.0)
    assert account.look(paid(NOON + 31 * DAY, "z")).spend_truncated == 0.0


def test_other_currencies_are_converted_by_rate_and_exponent():
    account = Account(Basis(home_currency="EUR", rates=RATES))
    assert account.see(paid(NOON, 1, 1000, currency="USD")).amount == 5.0
    features = account.see(paid(NOON + 1, 2, 1000, currency="JPY"))
    assert (features.amount, features.spend_sum_1d) == (5.0, 10.0)


def test_a_currency_without_rate_is_counted_apart():
    account = Account(Basis(home_currency="EUR", rates=RATES))
    account.see(paid(NOON, 1, 1000))
    features = account.see(paid(NOON + 1, 2, 77, currency="XAF"))
    assert (features.amount, features.amount_z, features.same_amount_1d) == (MISSING, MISSING, MISSING)
    assert (features.spend_count_1h, features.spend_sum_1h, features.spend_mean_1d) == (2.0, 10.0, 10.0)
    assert account.look(paid(NOON + 2, 3, 1000)).unpriced_1d == 1.0


def test_the_first_currency_is_home_until_the_profile_says_otherwise(account):
    account.see(paid(NOON, 1, 500, currency="JPY"))
    assert account.look(paid(NOON, 2, 500, currency="JPY")).amount == 500.0
    account.see(event(accounts.AccountProfile, NOON + 1, 1, home_currency="EUR"))
    features = account.look(paid(NOON + 2, 3, 500))
    assert (features.amount, features.spend_sum_1d, features.spend_truncated) == (5.0, 5.0, 1.0)


def test_money_that_runs_through(account):
    account.see(paid(NOON, "t1", 100_000, kind=payments.TopupRequested))
    account.see(paid(NOON + SECOND, "t1", 100_000, kind=payments.TopupCredited))
    posted = {"entry_id": "e1", "direction": "credit", "amount_minor": 100_000, "currency": "EUR", "payment_id": "pt1"}
    account.see(event(accounts.LedgerPosted, NOON + 2 * SECOND, 1, **posted))  # the same money, told by the ledger
    features = account.see(paid(NOON + 10 * MINUTE, 1, 90_000, kind=payments.WithdrawalRequested))
    assert (features.inflow_30m, features.inflow_1d) == (1000.0, 1000.0)
    assert (features.pass_through_30m, features.balance_share) == (0.9, 0.9)
    assert features.since_topup_s == 599.0
    assert account.look(paid(NOON + HOUR, 2)).pass_through_30m == MISSING


def test_senders_of_money_are_counted_and_a_refund_is_no_new_money(account):
    account.see(paid(NOON, 1, 5000))
    for number in range(3):
        posted = {"entry_id": f"e{number}", "direction": "credit", "amount_minor": 700, "currency": "EUR"}
        account.see(event(accounts.LedgerPosted, NOON + number, number, counterparty_id=f"payer{number}", **posted))
    back = {"entry_id": "e9", "direction": "credit", "amount_minor": 5000, "currency": "EUR", "payment_id": "p1"}
    account.see(event(accounts.LedgerPosted, NOON + 9, 9, **back))
    features = account.look(paid(NOON + 10, 2))
    assert (features.payers_1d, features.inflow_1d) == (3.0, 21.0)


def test_refunds_count_once_each(account):
    for number, (payment, refund) in enumerate((("p1", "r1"), ("p1", "r1"), ("p1", "r2"), ("p2", "r1"))):
        asked = paid(NOON + number, number, kind=payments.RefundRequested, payment_id=payment, refund_id=refund)
        account.see(asked)
    # Numbers of refunds are the merchants' own: two payments may each have a refund "r1".
    assert account.look(paid(NOON + MINUTE, 9)).refunds_30d == 3.0
