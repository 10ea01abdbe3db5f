"""Is what happened on an account kept once, for a while, not without bound, and gone with the person?"""

from __future__ import annotations

import random
from typing import Any

import pytest
from support.stores import START_MS, case, content, load, record

from streams.adapters.case_store import linked
from streams.adapters.case_store.activity import PER_ACCOUNT, activity_row
from streams.adapters.case_store.queries import Sought
from streams.adapters.case_store.rows import DAY_MS
from streams.adapters.case_store.store import CaseStore
from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import ActionRequested
from streams.contracts.base import Event, Watermark, from_ms
from streams.contracts.cases import AccountErased, Entities
from streams.contracts.decisions import DecisionMade, Hit, Reason
from streams.contracts.logins import LoginFailed, LoginSucceeded
from streams.contracts.payments import (
    Code,
    PaymentFailed,
    PaymentPending,
    PaymentSucceeded,
    RefundCredited,
    RefundRequested,
)

PAYMENTS, LOGINS, DECISIONS, ACTIONS = "payments.transactions", "auth.logins", "fraud.decisions", "account.actions"
IP = "203.0.113.7"


def at(number: int) -> dict[str, Any]:
    return {"occurred_at": from_ms(START_MS + number * 60_000), "source": "test", "event_id": f"e{number}"}


def paid(number: int, account: str = "ada", kind: type[Event] = PaymentSucceeded, **more: Any) -> Event:
    given = {"payment_id": f"pay_{number}", "amount_minor": 1_000, "currency": "CNY", "merchant_id": "mer_1"}
    return kind(**at(number), account_id=account, **(given | more))


def decided(number: int, outcome: str = "hold", **more: Any) -> DecisionMade:
    return DecisionMade(
        occurred_at=from_ms(START_MS + number * 60_000),
        decision_id=f"dec_{number}",
        event_id=f"e{number}",
        account_id="ada",
        subject="payment",
        subject_id=f"pay_{number}",
        outcome=outcome,
        policy="p",
        feature_set="f",
        score=0.75,
        hits=(Hit(rule="velocity/02", outcome="hold"), Hit(rule="quiet/01", outcome="block", shadow=True)),
        reasons=(Reason(code="R01", direction="raises", observed=90_000.0, usual=4_500.0),),
        **more,
    )


def erased(account: str, number: int) -> AccountErased:
    return AccountErased(
        occurred_at=from_ms(START_MS + number * 60_000),
        event_id=f"erase_{account}",
        account_id=account,
        actor="a",
        second_actor="b",
    )


def story() -> list[Any]:
    return [
        record(LOGINS, LoginSucceeded(**at(1), account_id="ada", ip=IP, device_id="dev_1", country="CN")),
        record(PAYMENTS, paid(2, kind=PaymentFailed, codes=(Code(source="iso8583_1987", code="51"),), ip=IP)),
        record(PAYMENTS, paid(3, counterparty_id="bob", card_token="card_1")),
        record(PAYMENTS, paid(4, "bob", ip=IP)),
        record(PAYMENTS, paid(5, kind=RefundCredited, refund_id="ref_1")),
        record(DECISIONS, decided(3)),
        record(
            "ledger.entries",
            LedgerPosted(
                **at(6), account_id="ada", entry_id="l1", direction="debit", amount_minor=1_000, currency="CNY"
            ),
        ),
        record(
            ACTIONS,
            ActionRequested(
                occurred_at=from_ms(START_MS),
                action_id="act_1",
                account_id=f"ip/{IP}",
                entity=f"ip/{IP}",
                action="block_entity",
                reason_class="credential_attack",
                expires_at=from_ms(START_MS + DAY_MS),
                case_id="inc_1",
            ),
        ),
    ]


def test_in_any_order_and_however_often_the_same_rows(store: CaseStore) -> None:
    load(store, story())
    once = content(store)["activity"]
    assert len(once) == len(story())
    chance = random.Random(7)
    for size in (1, 3):
        store.clear()
        shuffled = story() * 2
        chance.shuffle(shuffled)
        load(store, shuffled, size)
        assert content(store)["activity"] == once


def test_the_account_and_the_entity_tell_the_same_story(store: CaseStore) -> None:
    load(store, story())
    with store.reading() as connection:
        acts = linked.of_account(connection, "ada", 10)
        assert [act.kind for act in acts] == [
            "ledger.posted",
            "refund.credited",
            "payment.succeeded",
            "decision.made",
            "payment.failed",
            "login.succeeded",
        ]
        judged, failed = acts[3], acts[4]
        assert (judged.label, judged.detail.rules, judged.detail.reasons[0].usual) == (
            "hold",
            ("velocity/02",),
            4_500.0,
        )
        assert (failed.label, failed.ip) == ("iso8583_1987 51", IP)
        found, total = linked.accounts(connection, "ip", IP, 10)
        assert total == 2
        assert [(each.account_id, each.times, each.failures) for each in found] == [("bob", 1, 0), ("ada", 2, 1)]
        assert [each.account_id for each in linked.accounts(connection, "payee", "bob", 10)[0]] == ["ada"]
        (block,) = linked.commands(connection, f"ip/{IP}", 10)
        assert (block.label, block.detail.expires_ms, block.detail.case_id) == (
            "block_entity",
            START_MS + DAY_MS,
            "inc_1",
        )
        assert linked.of_account(connection, "ada", 2) == acts[:2]
        assert len(linked.of_account(connection, "ada", 10, begin_ms=START_MS + 5 * 60_000)) == 2


def test_what_is_not_a_story_makes_no_row() -> None:
    stranger = {"account_id": "anonymous:77", "known": False}
    again = ActionRequested(
        occurred_at=from_ms(START_MS), action_id="a", account_id="ada", action="lock", reason_class="x", attempt=2
    )
    for said in (
        decided(1, "allow"),
        LoginFailed(**at(1), ip=IP, **stranger),
        again,
        Watermark(**at(1), account_id="ada"),
    ):
        assert activity_row(said) is None


def test_of_an_account_the_newest_are_kept_and_nothing_for_ever(store: CaseStore) -> None:
    many = [record(PAYMENTS, paid(number)) for number in range(PER_ACCOUNT + 20)]
    load(store, [*many, record(PAYMENTS, paid(0, "bob"))], 100)
    with store.reading() as connection:
        acts = linked.of_account(connection, "ada", 2 * PER_ACCOUNT)
        assert len(acts) == PER_ACCOUNT
        assert acts[-1].event_id == "e20"
        assert len(linked.of_account(connection, "bob", 10)) == 1
    store.forget_before(0, START_MS + 60_000 * PER_ACCOUNT)
    with store.reading() as connection:
        assert len(linked.of_account(connection, "ada", PER_ACCOUNT)) == 20
        assert linked.of_account(connection, "bob", 10) == ()


@pytest.mark.parametrize("receipt_first", [False, True])
def test_an_erased_person_is_in_nobodys_activity(store: CaseStore, receipt_first: bool) -> None:
    later = record(PAYMENTS, paid(9, "bob", ip=IP))  # after the erasure: a new life
    told = [*story(), later]
    receipt = record("support.cases", erased("bob", 8))
    load(store, [receipt, *told] if receipt_first else [*told, receipt], 1)
    with store.reading() as connection:
        assert [act.event_id for act in linked.of_account(connection, "bob", 10)] == ["e9"]
        assert linked.accounts(connection, "payee", "bob", 10) == ((), 0)
        assert "pay_3" in {act.subject_id for act in linked.of_account(connection, "ada", 10)}  # what ada did stays


def test_cases_that_name_exactly_this(store: CaseStore) -> None:
    def named(case_id: str, version: int, owner: Any = "account", **entities: Any) -> Any:
        return record("support.cases.snapshot", case(case_id, version, owner=owner, entities=Entities(**entities)))

    load(
        store,
        [
            *story(),
            named("case_a", 1, account_id="ada", ip=IP),
            named("case_b", 2, account_id="ada", ip=IP + "0"),
            named("case_c", 3, account_id="ada", payment_id="pay_3"),
            named("inc_1", 4, "entity", entity=f"ip/{IP}"),
            named("inc_2", 5, "entity", entity=f"device/{IP}"),
        ],
    )

    def found(field: str, value: str, owner: str = "account", since_ms: int = 0) -> list[str]:
        with store.reading() as connection:
            lines, total = linked.cases_naming(connection, field, value, 10, owner=owner, since_ms=since_ms)
            assert total == len(lines)
            return [line.case_id for line in lines]

    assert found("ip", IP) == ["case_a"]
    assert found("ip", IP, "entity") == ["inc_1"]
    assert found("card_token", "card_1") == ["case_c"]  # it is about a payment with this card
    assert found("payee_id", "bob") == ["case_c"]
    assert found("ip", "198.51.100.1") == found("ip", ".") == []
    assert found("ip", IP, since_ms=START_MS + 60_000) == ["case_a"]
    assert found("ip", IP, since_ms=START_MS + 60_001) == []


def test_many_cases_hide_no_finding_and_are_counted(store: CaseStore) -> None:
    named = Entities(entity="merchant/mer_9", merchant_id="mer_9")
    found = case("inc_9", owner="entity", entities=named)
    many = [
        case(f"case_{n}", 2, entities=Entities(account_id=f"acc-{n}", merchant_id="mer_9"), shadow=n < 10)
        for n in range(310)
    ]
    load(store, [record("support.cases.snapshot", each) for each in (found, *many)])
    with store.reading() as connection:
        incidents, told = linked.cases_naming(connection, "merchant_id", "mer_9", 50, owner="entity")
        cases, total = linked.cases_naming(connection, "merchant_id", "mer_9", 50, owner="account")
    assert ([each.case_id for each in incidents], told) == (["inc_9"], 1)
    assert ([each.case_id for each in cases], total) == ([f"case_{n}" for n in range(309, 259, -1)], 300)


def test_a_merchants_days(store: CaseStore) -> None:
    load(store, [*story(), record(PAYMENTS, paid(1_500, "eve"))])
    with store.reading() as connection:
        found = linked.at_merchant(connection, "mer_1", START_MS // DAY_MS - 1)
        first, second = START_MS // DAY_MS, (START_MS + 1_500 * 60_000) // DAY_MS
        counts = {(each.day, each.kind): (each.times, each.amount_minor) for each in found}
        assert counts == {
            (first, "payment.failed"): (1, 1_000),
            (first, "payment.succeeded"): (2, 2_000),
            (first, "refund.credited"): (1, 1_000),
            (second, "payment.succeeded"): (1, 1_000),
        }
        assert [each.label for each in found if each.kind == "payment.failed"] == ["iso8583_1987 51"]
        assert linked.at_merchant(connection, "mer_1", second) == found[-1:]


def test_a_card_number_in_place_of_a_code_is_not_kept() -> None:
    codes = (Code(source="stripe", code="4111 1111 1111 1111"), Code(source="5555555555554444", code="51"))
    row = activity_row(paid(1, kind=PaymentFailed, codes=codes))
    assert row is not None
    assert row["label"] == "stripe card~hidden, card~hidden 51"
    for written, kept in (("4111111111111111", None), ("zhang@example.com", None), ("order-88120", "order-88120")):
        row = activity_row(paid(1, order_id=written, counterparty_id=written, device_id=written, card_token=written))
        assert row is not None
        assert {row[name] for name in ("order_id", "payee_id", "device_id", "card_token")} == {kept}


def test_what_a_customer_gives_as_a_reason_is_masked() -> None:
    why = "twice on my card 4111 1111 1111 1111, pwd: sunny19"
    row = activity_row(paid(1, kind=RefundRequested, refund_id="r1", reason=why))
    assert row is not None
    assert row["label"] == "twice on my card [card], pwd: [code]"


@pytest.mark.parametrize(
    ("asked", "accounts", "wanted"),
    [
        (Sought(order="ord_1"), (), ["pay_9"]),
        (Sought(order="pay_3"), (), ["pay_3"]),
        (Sought(order="ord_2"), (), []),
        (Sought(amount_minor=4_517, currency="CNY"), (), ["pay_9"]),
        (Sought(amount_minor=4_517, currency="USD"), (), []),
        (Sought(amount_minor=1_000, currency="CNY", since_ms=START_MS + 3 * 60_000), (), ["pay_4", "pay_3"]),
        (Sought(amount_minor=1_000, currency="CNY", until_ms=START_MS + 2 * 60_000), (), ["pay_2"]),
        (Sought(reference="tel.1"), ("bob",), ["pay_4"]),
        (Sought(reference="tel.2"), (), []),
        (Sought(account_id="eve", order="ord_1"), ("eve",), ["pay_9"]),
        (Sought(since_ms=START_MS, until_ms=START_MS + DAY_MS), (), []),  # a time alone names half the town
    ],
)
def test_payments_are_found_by_what_somebody_can_say(
    store: CaseStore, asked: Sought, accounts: tuple[str, ...], wanted: list[str]
) -> None:
    pending = paid(9, "eve", PaymentPending, order_id="ord_1", amount_minor=4_517)
    late = paid(10, "eve", PaymentFailed, payment_id="pay_9", order_id="ord_1", amount_minor=4_517)
    load(store, [*story(), record(PAYMENTS, pending), record(PAYMENTS, late)])
    with store.reading() as connection:
        found = linked.payments(connection, asked, accounts, 10)
    assert [act.subject_id for act in found] == wanted
    if wanted == ["pay_9"]:
        assert [(act.kind, act.order_id) for act in found] == [("payment.failed", "ord_1")], "the newest word on it"
