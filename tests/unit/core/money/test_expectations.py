from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts import payments
from streams.contracts.accounts import AccountProfile, ProjectionLagged
from streams.contracts.actions import PspQuery
from streams.contracts.base import Event, Watermark, from_ms, to_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.core.obligations import EXPECTATIONS_MAX
from streams.core.steps import Effect

CNY = {"currency": "CNY"}
# Wednesday 2026-04-01 12:00 UTC is 20:00 in Shanghai. 4 to 6 April is Qingming, a public holiday.
TAIL: dict[str, tuple[Event, Event, int]] = {
    "F13": (
        paid(NOON, 1, kind=payments.TopupRequested, method="quick_pay", **CNY),
        paid(NOON, 2, kind=payments.TopupCredited, payment_id="p1", **CNY),
        10 * MINUTE,
    ),
    "F14": (
        paid(NOON, 1, kind=payments.WithdrawalRequested, method="bank_transfer", speed="real_time", **CNY),
        paid(NOON, 2, kind=payments.WithdrawalCredited, payment_id="p1", **CNY),
        30 * MINUTE,
    ),
    "F15": (
        paid(NOON, 1, kind=payments.RefundSent, method="wallet_balance", refund_id="r1", **CNY),
        paid(NOON, 2, kind=payments.RefundCredited, payment_id="p1", refund_id="r1", **CNY),
        30 * MINUTE,
    ),
    "F16": (
        paid(NOON, 1, kind=payments.RefundPromised, refund_id="r1", **CNY),
        paid(NOON, 2, kind=payments.RefundSent, payment_id="p1", refund_id="r1", **CNY),
        7 * DAY,
    ),
    "F36": (
        paid(NOON, 1, kind=payments.BillpayDebited, **CNY),
        paid(NOON, 2, kind=payments.BillpayPosted, payment_id="p1", **CNY),
        28 * HOUR,  # the end of Thursday in Shanghai
    ),
}


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


def at(happening: Event, at_ms: int, **fields: Any) -> Event:
    from msgspec.structs import replace

    return replace(happening, occurred_at=from_ms(at_ms), **fields)


def cases(effects: list[Effect]) -> list[tuple[str, str]]:
    return [(each.flow, each.status) for each in effects if isinstance(each, CaseVersion)]


def said(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if isinstance(each, NotificationRequested)]


@pytest.mark.parametrize("flow", TAIL)
def test_late_by_a_moment_is_a_case_and_in_time_is_none(flow: str) -> None:
    begins, keeps, term_ms = TAIL[flow]
    player = Player(policy())
    effects = player.see(begins) + player.see(mark(NOON + term_ms - 1))
    assert cases(effects) == []
    effects = player.see(mark(NOON + term_ms))
    assert cases(effects) == [(flow, "classified")]
    opened = next(each for each in effects if isinstance(each, CaseVersion))
    assert to_ms(opened.created_at) == NOON + term_ms
    assert opened.messages != ()
    effects = player.see(at(keeps, NOON + term_ms + 2 * HOUR))
    assert (flow, "resolved") in cases(effects)
    player = Player(policy())
    effects = player.see(begins) + player.see(at(keeps, NOON + term_ms - 1)) + player.see(mark(NOON + 90 * DAY))
    assert flow not in {found for found, _ in cases(effects)}


def test_a_late_end_within_the_lateness_bound_withdraws_the_case() -> None:
    begins, keeps, term_ms = TAIL["F13"]
    player = Player(policy())
    effects = player.see(begins) + player.see(mark(NOON + term_ms)) + player.see(at(keeps, NOON + term_ms + MINUTE))
    assert cases(effects) == [("F13", "classified"), ("F13", "withdrawn")]
    assert said(effects) == ["topup_not_credited", "topup_not_credited.done"]


def test_a_withdrawal_is_told_of_at_half_of_its_time() -> None:
    begins, _, _ = TAIL["F14"]
    player = Player(policy())
    assert said(player.see(begins) + player.see(mark(NOON + 15 * MINUTE - 1))) == []
    assert said(player.see(mark(NOON + 15 * MINUTE))) == ["withdrawal_delay.slow"]
    effects = player.see(mark(NOON + 30 * MINUTE))
    assert said(effects) == ["withdrawal_delay"]
    assert len([each for each in effects if isinstance(each, PspQuery)]) == 1


def test_a_merchant_is_reminded_after_two_days_and_disputed_with_after_seven() -> None:
    player = Player(policy())
    player.see(TAIL["F16"][0])
    assert said(player.see(mark(NOON + 2 * DAY))) == ["refund_dispute.waits"], "nobody says who it is to be"
    assert said(player.see(mark(NOON + 7 * DAY))) == ["refund_dispute"]


def test_who_is_told_that_the_merchant_was_reminded_has_a_merchant_that_was() -> None:
    player = Player(policy())
    player.see(paid(NOON, 1, kind=payments.RefundPromised, refund_id="r1", merchant_id="m1", **CNY))
    assert said(player.see(mark(NOON + 2 * DAY))) == ["refund_dispute.slow", "merchant_refund.reminded"]


def test_the_date_that_a_merchant_gave_counts() -> None:
    player = Player(policy())
    promised = paid(NOON, 1, kind=payments.RefundPromised, refund_id="r1", promised_by=from_ms(NOON + 20 * DAY), **CNY)
    assert cases(player.see(promised) + player.see(mark(NOON + 20 * DAY - 1))) == []
    assert cases(player.see(mark(NOON + 20 * DAY))) == [("F16", "classified")]


def test_a_bill_is_looked_at_a_day_before_it_is_due() -> None:
    player = Player(policy())
    bill = paid(NOON, 1, kind=payments.BillpayDebited, bill_due_at=from_ms(NOON + 26 * HOUR), **CNY)
    assert cases(player.see(bill) + player.see(mark(NOON + 2 * HOUR - 1))) == []
    assert cases(player.see(mark(NOON + 2 * HOUR))) == [("F36", "classified")]


@pytest.mark.parametrize("due_h", [-2, 8, 24])
def test_a_bill_that_is_paid_in_its_last_hours_has_its_time_all_the_same(due_h: int) -> None:
    player = Player(policy())
    due_at = from_ms(NOON + due_h * HOUR)
    effects = player.see(paid(NOON, 1, kind=payments.BillpayDebited, bill_due_at=due_at, **CNY))
    effects += player.see(mark(NOON + HOUR))
    effects += player.see(paid(NOON + 2 * HOUR, 2, kind=payments.BillpayPosted, payment_id="p1", **CNY))
    assert cases(effects) == []


def test_a_refund_to_a_card_has_business_days() -> None:
    """Three business days from Wednesday in Shanghai: Thursday, Friday, and Tuesday after Qingming."""
    player = Player(policy())
    sent = paid(NOON, 1, kind=payments.RefundSent, method="debit_card", refund_id="r1", **CNY)
    end_ms = NOON + 6 * DAY + 4 * HOUR
    assert cases(player.see(sent) + player.see(mark(end_ms - 1))) == []
    assert cases(player.see(mark(end_ms))) == [("F15", "classified")]


def test_the_terms_of_a_wallet_go_before_the_policy() -> None:
    player = Player(policy())
    sent = paid(NOON, 1, kind=payments.RefundSent, method="wechat_pay", refund_id="r1", **CNY)
    assert cases(player.see(sent) + player.see(mark(NOON + 20 * MINUTE))) == [("F15", "classified")]


def test_a_bank_transfer_after_the_cut_off_has_until_tomorrow() -> None:
    player = Player(policy('default_time_zone = "Asia/Shanghai"'))
    late = paid(NOON + 3 * HOUR, 1, kind=payments.TopupRequested, method="bank_transfer", **CNY)  # 23:00
    assert cases(player.see(late) + player.see(mark(NOON + 28 * HOUR - 1))) == []
    assert cases(player.see(mark(NOON + 28 * HOUR))) == [("F13", "classified")]  # midnight after tomorrow


def test_what_failed_is_not_waited_for() -> None:
    player = Player(policy())
    player.see(TAIL["F14"][0])
    player.see(paid(NOON + SECOND, 2, kind=payments.WithdrawalReturned, payment_id="p1", **CNY))
    assert cases(player.see(mark(NOON + DAY))) == []


def test_a_stalled_feed_makes_nothing_late() -> None:
    player = Player(policy())
    for begins, _, _ in TAIL.values():
        player.see(begins)
    assert cases(player.pass_until(NOON + 40 * HOUR)) == []


def test_a_refund_request_is_a_case_until_the_money_is_there() -> None:
    player = Player(policy())
    player.see(paid(NOON - HOUR, 0, payment_id="p1", **CNY))
    refund = {"refund_id": "r1", "payment_id": "p1", "method": "wallet_balance"} | CNY
    effects = player.see(paid(NOON, 1, kind=payments.RefundRequested, **refund))
    assert cases(effects) == [("F15", "classified")]
    effects = player.see(paid(NOON + HOUR, 2, kind=payments.RefundFailed, **refund))
    assert cases(effects)[-1] == ("F17", "classified")
    effects = player.see(paid(NOON + DAY, 3, kind=payments.RefundCredited, **refund))
    assert sorted(cases(effects))[-2:] == [("F17", "classified"), ("F17", "resolved")]
    assert ("F15", "resolved") in cases(effects)
    assert {"refund_failed.done", "refund_request.done"} <= set(said(effects))


def test_records_that_lag_are_one_case_and_one_word() -> None:
    player = Player(policy())
    effects: list[Effect] = []
    for minute, lag_s in enumerate((61, 90, 300, 60)):
        at_ms = NOON + minute * MINUTE
        lagged = event(ProjectionLagged, at_ms, minute, as_of=from_ms(at_ms - lag_s * SECOND), lag_s=lag_s)
        effects += player.see(lagged)
    assert cases(effects) == [("F18", "classified"), ("F18", "resolved")]
    assert said(effects) == ["stale_record"]


def test_the_law_is_on_the_case() -> None:
    player = Player(policy())
    begins, _, term_ms = TAIL["F13"]
    (case,) = [each for each in player.see(begins) + player.see(mark(NOON + term_ms)) if isinstance(each, CaseVersion)]
    assert case.sla is not None
    assert (case.sla.legal_basis, case.sla.legal_due) == ("PBoC Order 2020-5", from_ms(NOON + term_ms + 15 * DAY))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(TAIL)), st.integers(-3, 3), st.booleans()),
        min_size=1,
        max_size=EXPECTATIONS_MAX,
    ),
    st.lists(st.integers(1, 9 * DAY), max_size=6),
)
def test_no_timer_is_missed_and_none_is_early(plans: list[tuple[str, int, bool]], looks: list[int]) -> None:
    """Ends around their deadline by milliseconds, looks at any time: a case exactly where the end came too late."""
    player = Player(policy("[money.refund_abuse]\nwithout_sale = 100\n"))  # refunds of what nobody sold here
    happenings: list[Event] = []
    wanted = set()
    for number, (flow, delta_ms, comes) in enumerate(plans):
        begins, keeps, term_ms = TAIL[flow]
        ids = {"payment_id": f"p{number}"} | ({"refund_id": f"r{number}"} if flow in ("F15", "F16") else {})
        happenings.append(at(begins, NOON, event_id=f"b{number}", **ids))
        happenings.append(at(mark(NOON), NOON + term_ms, event_id=f"a{number}"))  # every feed is there
        if comes:
            happenings.append(at(keeps, NOON + term_ms + delta_ms, event_id=f"k{number}", **ids))
        if not comes or delta_ms >= 0:  # what is due at a moment is looked at before what happens then
            wanted.add((flow, f"p{number}"))
    happenings += [at(mark(NOON + look), NOON + look, event_id=f"w{look}") for look in looks]
    happenings.sort(key=lambda each: (to_ms(each.occurred_at), each.event_id[0]))
    effects = [each for happening in happenings for each in player.see(happening)]
    effects += player.see(mark(NOON + 60 * DAY))
    opened = {
        (each.flow, each.entities.payment_id): to_ms(each.created_at)
        for each in effects
        if isinstance(each, CaseVersion) and each.version == 1
    }
    # A refund that is sent in fulfilment of a promise begins a wait of its own, which nobody ends here.
    promised = {("F15", f"p{number}") for number, (flow, _, comes) in enumerate(plans) if flow == "F16" and comes}
    assert set(opened) - promised == wanted
    for flow, payment_id in wanted:
        assert opened[flow, payment_id] == NOON + TAIL[flow][2]


def test_a_zone_that_nobody_knows_is_the_policys() -> None:
    player = Player(policy())
    player.see(event(AccountProfile, NOON - DAY, 0, time_zone="Moon/Base", language="en"))
    asked = paid(NOON, 1, kind=payments.TopupRequested, method="bank_transfer", **CNY)
    assert cases(player.see(asked) + player.see(mark(NOON + 30 * DAY))) != []
