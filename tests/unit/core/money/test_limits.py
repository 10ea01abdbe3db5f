from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.happenings import NOON, event, paid
from support.play import play, policy

from streams.contracts.accounts import AccountProfile
from streams.contracts.base import from_ms
from streams.contracts.payments import Code, PaymentFailed
from streams.contracts.triage import PaymentTriaged
from streams.core.messages.render import MESSAGES
from streams.core.money.business_days import ZONES, next_period_ms

SURE = "[unknown]\nsilent_s = 0\n"


def triage(source: str, code: str, tier: str | None = None, **more: Any) -> PaymentTriaged:
    fields = {"codes": (Code(source=source, code=code),), "method": "alipay", "currency": "CNY", "amount_minor": 30_000}
    happened = [
        event(AccountProfile, NOON - 1, 0, tier=tier),
        paid(NOON, 1, kind=PaymentFailed, **fields | more),
    ]
    (found,) = [each for each in play(happened, policy(SURE)) if isinstance(each, PaymentTriaged)]
    return found


@pytest.mark.parametrize(
    ("code", "resets_at", "name"),
    [
        ("ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", datetime(2026, 4, 1, 16, tzinfo=UTC), "daily"),
        ("ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR", datetime(2026, 4, 30, 16, tzinfo=UTC), "monthly"),
    ],
)
def test_the_code_says_which_limit_and_the_region_when_it_resets(code: str, resets_at: datetime, name: str) -> None:
    found = triage("alipay", code)
    assert found.retry.not_before == resets_at
    assert f"it would go above the {name} limit, which resets at 16:00 UTC" in found.text.en


@pytest.mark.parametrize(
    ("tier", "template", "resets_at"),
    [
        ("I", "payment_failure.limit.life.named", None),
        ("II", "payment_failure.limit.named", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        (None, "payment_failure.reason", None),
        ("x" * 64, "payment_failure.reason", None),
    ],
)
def test_the_tier_of_the_account_says_whether_waiting_helps(
    tier: str | None, template: str, resets_at: datetime | None
) -> None:
    found = triage("alipay", "ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT", tier)
    assert (found.text.template, found.retry.not_before) == (template, resets_at)
    assert found.retry.verdict == "after_fix"


def test_an_amount_above_the_limit_by_itself_is_not_told_to_wait() -> None:
    static = {"channel": "static_qr", "amount_minor": 60_000}
    found = triage("unionpay_online", "33", **static)
    assert (found.text.template, found.retry.not_before) == ("payment_failure.limit.payment.named", None)
    assert "Static QR code, per day: CNY 500.00" in found.text.en
    assert "静态二维码单日限额（CNY 500.00）" in found.text.zh
    assert triage("unionpay_online", "33", amount_minor=60_000).text.template == "payment_failure.reason"


def test_a_way_of_paying_with_one_limit_of_its_own_was_refused_because_of_it() -> None:
    found = triage("unionpay_online", "33", channel="static_qr")
    assert found.text.template == "payment_failure.limit.named"
    assert found.retry.not_before == datetime(2026, 4, 1, 16, tzinfo=UTC)
    assert "CNY 500.00" in found.text.zh


def test_a_limit_that_no_profile_states_has_no_amount() -> None:
    found = triage("alipay", "ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR")
    assert found.text.template == "payment_failure.limit"
    stated = triage("alipay", "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", channel="static_qr")
    assert stated.text.template == "payment_failure.limit.named"


def test_a_limit_that_nobody_can_name_keeps_its_sentence_and_counts_are_daily() -> None:
    assert triage("iso8583_1987", "61", method="card").text.template == "payment_failure.reason"
    assert triage("iso8583_1987", "65", method="card").retry.not_before == datetime(2026, 4, 1, 16, tzinfo=UTC)


def test_no_text_says_how_much_of_a_limit_is_left() -> None:
    """Payments elsewhere count as well: a large one may be refused while most of the limit is there."""
    texts = [each for name, each in MESSAGES.template.items() if ".limit" in name and "failure" in name]
    assert len(texts) == 7
    for text in texts:
        assert not any(word in text.en for word in ("reached", "used up", "left", "remaining"))
        assert not any(word in text.zh for word in ("已达", "用完", "剩余"))


@given(
    at_ms=st.integers(0, 4_000_000_000_000),
    per=st.sampled_from(["day", "month", "year"]),
    calendar=st.sampled_from([*ZONES]),
)
def test_a_period_begins_at_midnight_of_its_region_and_never_before_now(at_ms: int, per: Any, calendar: str) -> None:
    next_ms = next_period_ms(at_ms, per, calendar)
    local = from_ms(next_ms).astimezone(ZONES[calendar])
    assert next_ms > at_ms
    assert next_ms - at_ms <= {"day": 25, "month": 32 * 24, "year": 367 * 24}[per] * 3_600_000
    assert (local.hour, local.minute) == (0, 0)
    assert per == "day" or local.day == 1
    assert per != "year" or local.month == 1
