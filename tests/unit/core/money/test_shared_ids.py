"""What tells two payments apart, and what happens where nothing does."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from support.happenings import HOUR, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundCancelled, RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import PaymentFailed, PaymentRequested, PaymentSucceeded, PspStatus
from streams.core import timers
from streams.core.obligations import Debit, Unknown
from streams.core.steps import Effect

WALLET = {"method": "wallet_balance", "amount_minor": 1000, "currency": "CNY"}
ENTRY = {"entry_id": "l1", "direction": "debit", "amount_minor": 1000, "currency": "CNY"}
ID = re.compile(rb'"(?:decision|case|action|query|notification|triage|refund)_id":"([^"]+)"')


def life(source: str, **of: Any) -> list[Event]:
    """A payment that fails and stands debited until the provider says that it failed; all ids are the same for all."""
    payment = {"payment_id": "order-1", "source": source, **of}
    return [
        event(PaymentRequested, NOON, 1, **payment | WALLET | {"order_id": f"{source} {of}"[:40]}),
        event(PaymentFailed, NOON + 5 * SECOND, 2, **payment | WALLET),
        event(LedgerPosted, NOON + 6 * SECOND, 3, **payment | ENTRY),
        event(PspStatus, NOON + HOUR, 4, **payment | WALLET | {"status": "failed"}),
    ]


def played(*happenings: Event, until_ms: int = NOON + 2 * HOUR) -> list[Effect]:
    player = Player(policy())
    effects: list[Effect] = []
    marks = [event(Watermark, at_ms, at_ms, account_id="-") for at_ms in (NOON + HOUR // 2, until_ms)]
    for each in sorted((*happenings, *marks), key=lambda each: each.occurred_at):
        effects += player.see(each)
    player.stored()
    return effects


def ids_of(effects: list[Effect]) -> set[bytes]:
    return {found[1] for each in effects for found in ID.finditer(msgspec.json.encode(each))}


def test_accounts_and_sources_may_use_the_same_payment_and_event_ids() -> None:
    lives = [
        (source, account, life(source, account_id=account)) for account in ("a", "b") for source in ("north", "south")
    ]
    apart = {(source, account): ids_of(played(*events)) for source, account, events in lives}
    for mine in apart.values():
        kinds = {each.split(b"_")[0].split(b"/")[0] for each in mine}
        assert kinds == {b"dec", b"case", b"act", b"ntf", b"trg", b"rfd"}
    named = [each for mine in apart.values() for each in mine]
    assert len(named) == len(set(named))
    together = played(*(each for source, _, events in lives if source == "north" for each in events))
    assert ids_of(together) == apart["north", "a"] | apart["north", "b"]


def test_timers_are_named_after_their_account_and_line() -> None:
    debit = Debit("order-1", "e3", NOON, NOON, NOON, 1000, "CNY", line=1)
    other = msgspec.structs.replace(debit, line=2)  # the same event id from another ledger
    waiting = (debit, other, Unknown("order-1", "e1", NOON, 0, NOON, NOON, None, None))
    names = [timers.name_of(account, each) for account in ("a", "b") for each in waiting]
    assert len(names) == len(set(names))


def test_whoever_tells_of_a_payment_tells_of_the_same_one() -> None:
    """The payment system, the ledger and the provider are three sources."""
    asked, failed, debit, answer = life("shop")
    heard = [
        asked,
        failed,
        *(msgspec.structs.replace(each, source=f"s{at}") for at, each in enumerate((debit, answer))),
    ]
    assert [each.amount_minor for each in played(*heard) if isinstance(each, RefundIntended)] == [1000]


def test_where_two_payments_of_an_account_bear_one_id_people_decide() -> None:
    for other in ({"merchant_id": "m2"}, {"counterparty_id": "p2"}, {"order_id": "o2"}, {"currency": "EUR"}):
        first = {"payment_id": "order-1", "merchant_id": "m1", "order_id": "o1"}
        _, failed, debit, answer = life("shop")
        first_asked = event(PaymentRequested, NOON, 1, **first | WALLET)
        again = event(PaymentRequested, NOON + SECOND, 5, source="other", **first | WALLET | other)
        effects = played(first_asked, again, failed, debit, answer)
        assert not [each for each in effects if isinstance(each, RefundIntended)]
        cases = {each.case_type: each for each in effects if isinstance(each, CaseVersion)}
        assert "other" in cases["integration.shared_payment_id"].evidence[0].text
        money = cases["debited_not_confirmed"]
        assert "for a person: shared_id" in [each.text for each in money.evidence]
        assert money.status != "closed"
        assert not [each for each in effects if isinstance(each, NotificationRequested) and "refund" in each.template]


def test_a_payment_that_is_asked_for_again_is_the_same_one() -> None:
    """With another amount as well: the second request may have a tip in it."""
    asked, failed, debit, answer = life("shop")
    again = msgspec.structs.replace(asked, event_id="again", source="other", amount_minor=1100)
    effects = played(asked, again, failed, debit, answer)
    assert [each.amount_minor for each in effects if isinstance(each, RefundIntended)] == [1000]


def test_an_intent_is_held_when_another_payment_with_its_id_is_noticed_before_it_has_left() -> None:
    asked, failed, debit, answer = life("shop")
    again = event(PaymentRequested, NOON + HOUR + SECOND, 5, payment_id="order-1", order_id="o2", **WALLET)
    effects = played(asked, failed, debit, answer, again)
    (intent,) = [each for each in effects if isinstance(each, RefundIntended)]
    (cancelled,) = [each for each in effects if isinstance(each, RefundCancelled)]
    assert (cancelled.refund_id, cancelled.cause) == (intent.refund_id, "shared_id")
    money = {each.case_type: each for each in effects if isinstance(each, CaseVersion)}["debited_not_confirmed"]
    assert "for a person: shared_id" in [each.text for each in money.evidence]
    assert [each.template for each in effects if isinstance(each, NotificationRequested)][-1] == "refund_checked"


def test_the_debit_remembers_the_order_of_a_payment_that_others_have_pushed_out() -> None:
    asked, failed, debit, answer = life("shop")
    others: list[Event] = []
    for number in range(8):
        payment = {"payment_id": f"other-{number}", "order_id": f"other-{number}"} | WALLET
        others.append(event(PaymentRequested, NOON + (10 + number) * SECOND, f"r{number}", **payment))
        line = ENTRY | {"entry_id": f"o{number}", "payment_id": f"other-{number}"}
        others.append(event(LedgerPosted, NOON + (10 + number) * SECOND, f"l{number}", **line))
        others.append(event(PaymentSucceeded, NOON + (10 + number) * SECOND, f"s{number}", **payment))
    again = event(PaymentRequested, NOON + 60 * SECOND, 5, payment_id="order-1", order_id="o2", **WALLET)
    effects = played(asked, failed, debit, *others, again, answer)
    assert not [each for each in effects if isinstance(each, RefundIntended)]
