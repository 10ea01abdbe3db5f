from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import AccountProfile, LedgerPosted
from streams.contracts.actions import RefundIntended
from streams.contracts.base import Event, Watermark, to_ms
from streams.contracts.cases import CaseVersion
from streams.core.money.business_days import ZONES, ends_ms

ZONE_NAMES = sorted(
    {zone.key for zone in ZONES.values()} | {"America/Los_Angeles", "Africa/Cairo", "Australia/Lord_Howe"}
)


def local(zone: str, *when: int) -> int:
    return to_ms(datetime(*when, tzinfo=ZoneInfo(zone)).astimezone(UTC))  # type: ignore[arg-type]


def late_at(begun_ms: int, end_ms: int, profile: AccountProfile | None = None, **fields: Any) -> None:
    """A withdrawal of the next day is late at `end_ms`, and not a moment earlier."""
    player = Player(policy())
    if profile is not None:
        player.see(profile)
    player.see(paid(begun_ms, 2, kind=payments.WithdrawalRequested, speed="next_day", **fields))
    for at_ms, flows in ((end_ms - 1, set()), (end_ms, {"F14"})):
        effects = player.see(event(Watermark, at_ms, at_ms, account_id="-"))
        assert {each.flow for each in effects if isinstance(each, CaseVersion)} == flows


@pytest.mark.parametrize(("hour", "minute"), [(0, 1), (9, 0), (23, 59)])
def test_the_next_day_ends_at_its_midnight_whenever_it_was_asked_for(hour: int, minute: int) -> None:
    begun_ms = local("Asia/Shanghai", 2026, 4, 1, hour, minute)
    late_at(begun_ms, local("Asia/Shanghai", 2026, 4, 3), currency="CNY", method="bank_transfer")


def test_the_next_day_is_one_of_the_customers_clock() -> None:
    begun_ms = local("America/Los_Angeles", 2026, 4, 1, 22, 30)  # in New York it is the second
    where = event(AccountProfile, begun_ms - MINUTE, 1, time_zone="America/Los_Angeles")
    late_at(begun_ms, local("America/Los_Angeles", 2026, 4, 3), where, currency="USD", method="bank_transfer")


def test_a_wallet_that_names_its_calendar_keeps_its_own_clock() -> None:
    begun_ms = local("Asia/Tokyo", 2026, 4, 2, 0, 30)  # in Shanghai it is the first
    where = event(AccountProfile, begun_ms - MINUTE, 1, time_zone="Asia/Tokyo")
    late_at(begun_ms, local("Asia/Shanghai", 2026, 4, 3), where, currency="CNY", method="alipay")


def test_where_it_pays_on_business_days_the_weekend_does_not_count() -> None:
    """Two business days after Thursday 2 April: Friday, and Tuesday after Qingming (Saturday to Monday)."""
    begun_ms = local("Asia/Shanghai", 2026, 4, 2, 12)
    late_at(begun_ms, local("Asia/Shanghai", 2026, 4, 8), currency="CNY", method="wechat_pay")


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 7), 35), ((2026, 10, 31), 37)])
def test_a_day_on_which_clocks_change_is_as_long_as_it_is(day: tuple[int, int, int], hours: int) -> None:
    begun_ms = local("America/New_York", *day, 12)
    assert ends_ms(begun_ms, "1cd", "US") - begun_ms == hours * 60 * MINUTE
    late_at(begun_ms, begun_ms + hours * 60 * MINUTE, currency="USD", method="bank_transfer")


@given(
    at_ms=st.integers(to_ms(datetime(2000, 1, 1, tzinfo=UTC)), to_ms(datetime(2060, 1, 1, tzinfo=UTC))),
    days=st.integers(0, 400),
    zone=st.sampled_from(ZONE_NAMES),
)
def test_calendar_days_end_with_the_day_they_name(at_ms: int, days: int, zone: str) -> None:
    end_ms = ends_ms(at_ms, f"{days}cd", "CN", zone)
    begun, last = (datetime.fromtimestamp(each / 1000, UTC).astimezone(ZoneInfo(zone)) for each in (at_ms, end_ms - 1))
    after = datetime.fromtimestamp(end_ms / 1000, UTC).astimezone(ZoneInfo(zone))
    assert last.date() == begun.date() + timedelta(days=days)
    assert after.date() == last.date() + timedelta(days=1)
    assert at_ms < end_ms


def told(at_ms: int, number: str, kind: Any, **fields: Any) -> Event:
    return paid(at_ms, number, kind=kind, **{"payment_id": "p1", "currency": "CNY"} | fields)


def others(since_ms: int) -> list[Event]:
    """Payments enough that nothing but their states is remembered of those before."""
    return [
        paid(
            since_ms + number * HOUR,
            f"o{number}",
            kind=payments.PaymentSucceeded,
            currency="CNY",
            order_id=f"o{number}",
        )
        for number in range(12)
    ]


def refunds_late(player: Player, at_ms: int) -> list[str]:
    effects = player.see(event(Watermark, at_ms, at_ms, account_id="-"))
    return [each.flow for each in effects if isinstance(each, CaseVersion) and each.flow == "F15"]


@pytest.mark.parametrize(("method", "minutes"), [("wallet_balance", 30), ("card", None)])
def test_a_refund_of_weeks_later_goes_where_its_payment_came_from(method: str, minutes: int | None) -> None:
    player = Player(policy())
    script = [told(NOON, "1", payments.PaymentRequested, method=method), told(NOON, "2", payments.PaymentSucceeded)]
    for each in [*script, *others(NOON + HOUR)]:
        player.see(each)
    later_ms = NOON + 20 * DAY
    player.see(told(later_ms, "3", payments.RefundSent, refund_id="r1"))
    assert refunds_late(player, later_ms + 30 * MINUTE - 1) == []
    assert bool(refunds_late(player, later_ms + 30 * MINUTE)) == (minutes is not None)


def test_an_intent_says_where_its_money_goes_and_is_waited_for_as_long_as_that_takes() -> None:
    player = Player(policy())
    debit = event(LedgerPosted, NOON, "d", entry_id="e", direction="debit", amount_minor=1000, currency="CNY")
    script = [
        told(NOON, "1", payments.PaymentRequested, method="alipay"),
        msgspec.structs.replace(debit, payment_id="p1"),
        told(NOON + SECOND, "2", payments.PaymentFailed),
        event(Watermark, NOON + HOUR, "w", account_id="-"),
        told(NOON + HOUR, "3", payments.PspStatus, status="failed"),
    ]
    (intent,) = [effect for each in script for effect in player.see(each) if isinstance(effect, RefundIntended)]
    assert intent.method == "alipay"
    for each in others(NOON + 2 * HOUR):
        player.see(each)
    sent_ms = NOON + DAY
    player.see(told(sent_ms, "4", payments.RefundSent, refund_id=intent.refund_id))
    assert refunds_late(player, sent_ms + 30 * MINUTE - 1) == []
    assert refunds_late(player, sent_ms + 30 * MINUTE) == ["F15"]


@pytest.mark.parametrize(
    ("hour", "end"),
    [
        (23, local("Asia/Shanghai", 2026, 4, 30)),  # after the cut-off: the end of the next day, in Shanghai
        (6, local("Asia/Shanghai", 2026, 4, 28, 8)),  # in the morning: two hours
    ],
)
def test_the_cut_off_is_on_the_clock_of_the_currency_where_nobody_knows_the_customer_s(hour: int, end: int) -> None:
    player = Player(policy())
    begun_ms = local("Asia/Shanghai", 2026, 4, 28, hour)
    about = {"method": "bank_transfer", "currency": "CNY"}
    player.see(paid(begun_ms, 1, kind=payments.TopupRequested, **about))
    for at_ms, flows in ((end - 1, set()), (end, {"F13"})):
        effects = player.see(event(Watermark, at_ms, at_ms, account_id="-"))
        assert {each.flow for each in effects if isinstance(each, CaseVersion)} == flows
