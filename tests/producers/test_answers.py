"""Does the stand-in for the payment system answer in event time, and the same whenever it is asked?"""

from __future__ import annotations

import msgspec
import pytest

from producers.answers import Books, answer, answers, status
from producers.load import payment
from streams.contracts.actions import ActionRequested, PspQuery, RefundCancelled, RefundIntended
from streams.contracts.base import from_ms, to_ms
from streams.contracts.payments import Movement, PaymentFailed, PaymentRequested, PaymentSucceeded
from streams.contracts.registry import Refusal, decode, encode, read

AT = 1_767_614_400_000
ACTION = ActionRequested(
    occurred_at=from_ms(AT), action_id="act_1", account_id="a1", action="lock", scope="login", reason_class="security"
)
QUERY = PspQuery(occurred_at=from_ms(AT), query_id="q1", account_id="a1", payment_id="p1")


def test_an_action_is_acknowledged_two_seconds_of_event_time_later() -> None:
    acknowledged = answer(ACTION)
    assert acknowledged is not None
    assert to_ms(acknowledged.occurred_at) == AT + 2_000
    assert (acknowledged.action_id, acknowledged.result) == ("act_1", "done")
    assert acknowledged == answer(ACTION)


def test_a_repetition_is_a_new_event_about_the_same_action() -> None:
    again = answer(msgspec.structs.replace(ACTION, attempt=2))
    assert again is not None
    assert (again.event_id, again.action_id) == ("ack-act_1-2", "act_1")


def test_blocking_an_entity_needs_no_answer() -> None:
    assert answers(msgspec.structs.replace(ACTION, action="block_entity", entity="ip/10.0.0.1")) == ()


@pytest.mark.parametrize(
    ("payment_id", "expected"),
    [("p1", "failed"), ("p1~succeeded", "succeeded"), ("p1~not_found", "not_found"), ("p1~cats", "failed")],
)
def test_the_payment_id_chooses_the_status(payment_id: str, expected: str) -> None:
    assert status(msgspec.structs.replace(QUERY, payment_id=payment_id)).status == expected


def test_what_the_input_says_is_good_has_succeeded_until_it_fails() -> None:
    books, about = Books(), {"account_id": "a1", "payment_id": "p1", "amount_minor": 1, "currency": "EUR"}

    def said(kind: type[Movement], at_ms: int) -> str:
        told = kind(event_id=f"e{at_ms}", source="test", occurred_at=from_ms(at_ms), **about)
        books.hear("payments.transactions", encode(told))
        return status(QUERY, books=books).status

    assert said(PaymentRequested, AT - 2_000) == "failed"
    assert said(PaymentSucceeded, AT - 1_000) == "succeeded"
    assert status(msgspec.structs.replace(QUERY, account_id="a2"), books=books).status == "failed"
    assert status(msgspec.structs.replace(QUERY, occurred_at=from_ms(AT - 4_000)), books=books).status == "failed"
    assert said(PaymentFailed, AT) == "failed"
    books.hear("payments.transactions", b"no event")
    books.hear("ledger.entries", None)


def test_answers_are_records_that_the_contracts_understand() -> None:
    intent = RefundIntended(
        occurred_at=from_ms(AT),
        refund_id="r1",
        account_id="a1",
        payment_id="p1",
        amount_minor=500,
        currency="EUR",
        idempotency_key="refund:p1:e1",
    )
    cancelled = RefundCancelled(
        occurred_at=from_ms(AT), refund_id="r1", account_id="a1", payment_id="p1", cause="late_success"
    )
    records = [record for command in (ACTION, QUERY, intent, cancelled) for record in answers(command)]
    assert not any(isinstance(read(*record[:3]), Refusal) for record in records)
    assert [decode(record.topic, record.value).event_id for record in records] == [
        "ack-act_1-1",
        "status-q1-1",
        "sent-r1",
        "credited-r1",
        "posted-r1",
    ]


def test_load_gives_every_payment_its_own_account_unless_told_otherwise() -> None:
    records = [payment("run", number, 100, AT) for number in range(100)]
    assert len({record.key for record in records}) == 100
    assert len({payment("run", number, 10, AT).key for number in range(100)}) == 10
    assert not any(isinstance(read(*record[:3]), Refusal) for record in records)
