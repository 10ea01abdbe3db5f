"""Which events tell something about which entity, and which are silent?"""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import pytest
from support.entities import START_MS, policy

from streams.contracts.accounts import LabelRecorded, LedgerPosted, SocialMention
from streams.contracts.base import Event, from_ms
from streams.contracts.logins import ChallengeFailed, LoginFailed, LoginSucceeded
from streams.contracts.payments import (
    Code,
    PaymentAuthorized,
    PaymentFailed,
    PaymentRequested,
    PaymentSucceeded,
    PspStatus,
)
from streams.contracts.signals import EntityObserved, HealthBucket, SignalEvent
from streams.core.declines.card_data import refusal_of_card
from streams.core.entities.card_testing import is_sampled
from streams.core.intake.topics import TOPICS
from streams.core.library import packaged_library
from streams.core.signals import order_of, routing_key, signals_of, state_key

ENTITIES = policy().entities
ENVELOPE: dict[str, Any] = {
    "event_id": "event",
    "source": "test",
    "occurred_at": from_ms(START_MS),
    "account_id": "account",
}
CARD = ENVELOPE | {
    "payment_id": "payment",
    "amount_minor": 150,
    "currency": "USD",
    "card_token": "card",
    "device_id": "device",
    "ip": "203.0.113.7",
    "merchant_id": "merchant",
    "bin": "45717360",
    "terminal_id": "terminal",
}

LARGE = CARD | {"amount_minor": 9_900, "event_id": next(f"e{n}" for n in range(99) if not is_sampled(f"e{n}"))}


def told(event: Event, first: bool = True, flagged: bool = False, at_ms: int = START_MS) -> list[EntityObserved]:
    numbers = count(10)
    return signals_of(
        event,
        at_ms,
        flagged=flagged,
        first=first,
        partition=3,
        next_sequence=lambda: next(numbers),
        policy=ENTITIES,
        refusal=refusal_of_card(event, packaged_library()),
    )


def subjects(signals: list[EntityObserved]) -> list[str]:
    return [f"{signal.kind}/{signal.value} {signal.what}" for signal in signals]


def test_a_failed_login_is_told_to_address_device_site_account_and_network():
    event = LoginFailed(**ENVELOPE, ip="203.0.113.7", device_id="device", username="Anna")
    assert subjects(told(event)) == [
        "ip/203.0.113.7 login_failed",
        "device/device login_failed",
        "health/site login_failed",
        "account/account login_failed",
        "network/203.0.113.0/24 login_failed",
    ]
    assert {signal.username for signal in told(event)} == {"Anna"}


def test_a_success_is_told_to_the_site_only_if_it_was_suspicious():
    event = LoginSucceeded(**ENVELOPE, ip="203.0.113.7")
    assert subjects(told(event)) == ["ip/203.0.113.7 login_succeeded"]
    assert subjects(told(event, flagged=True))[1] == "health/site login_succeeded"


def test_a_payment_that_names_only_a_terminal_is_silent():
    event = PaymentSucceeded(**ENVELOPE, payment_id="p", amount_minor=5_716, currency="EUR", terminal_id="3156")
    assert told(event) == []


def test_a_small_card_payment_is_told_to_everything_and_a_large_one_not_to_the_merchant():
    assert subjects(told(PaymentRequested(**CARD))) == [
        "device/device payment",
        "ip/203.0.113.7 payment",
        "merchant/merchant payment",
        "bin/45717360 payment",
    ]
    assert subjects(told(PaymentRequested(**LARGE))) == [
        "device/device payment",
        "ip/203.0.113.7 payment",
    ]


def post(flow: str, **fields: Any) -> list[Any]:
    event = SocialMention(**(ENVELOPE | {"channel": "social", "reach": 700} | fields))
    return signals_of(
        event,
        START_MS,
        flagged=False,
        first=False,
        partition=0,
        next_sequence=lambda: 1,
        policy=ENTITIES,
        about=TOPICS.get(flow),
        case_id="case_1",
    )


def test_a_post_is_told_to_what_it_is_about():
    (signal,) = post("F12")
    assert (signal.kind, signal.value, signal.what, signal.reach) == ("topic", "duplicate_charge", "posted", 700)
    assert (signal.urgent, signal.case_id) == (True, "case_1")
    assert state_key(signal) == routing_key(signal) == b"topic/duplicate_charge"
    shop, flow = post("F46", merchant_id="shop")
    assert (shop.value, shop.merchant_id, shop.urgent) == ("fee_issue/shop", "shop", False)
    assert (flow.value, flow.merchant_id) == ("fee_issue", "shop"), "those that name no merchant are added to it there"
    long, _ = post("F46", merchant_id="m" * 128)
    assert len(f"topic/{long.value}") <= 128


@pytest.mark.parametrize("flow", ["F42", "F44", "unread"])
def test_a_post_about_no_one_thing_is_silent(flow: str):
    assert post(flow) == []


def failure(code: str, **fields: Any) -> PaymentFailed:
    return PaymentFailed(**(LARGE | {"network": "visa"} | fields), codes=(Code(source="iso8583_1987", code=code),))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("code", ["14", "54", "N7", "59", "46"])
def test_a_refusal_for_the_cards_data_is_told_to_merchant_and_card_range_whatever_the_amount(code: str, first: bool):
    signals = told(failure(code), first)
    assert [signal.kind for signal in signals] == ["device", "ip", "merchant", "bin"]
    assert {signal.refusal for signal in signals} == {"bad_data"}
    assert {signal.ip for signal in signals[2:]} == {"203.0.113.7"}


@pytest.mark.parametrize(("code", "refusal"), [("91", "excused"), ("51", "excused"), ("05", None), ("new", None)])
def test_an_outage_an_empty_account_and_a_refusal_without_a_reason_are_not_about_the_cards_data(code: str, refusal):
    signals = told(failure(code))
    assert [signal.kind for signal in signals] == ["device", "ip"]
    assert {signal.refusal for signal in signals} == {refusal}
    assert bool(told(failure(code), first=False)) is (refusal is None)


def test_a_number_that_does_not_exist_has_no_token_and_is_told():
    assert len(told(failure("14", card_token=None))) == 4
    assert told(failure("51", card_token=None)) == []


def test_some_ordinary_payments_are_told_to_merchant_and_card_range_to_be_compared_with():
    events = [PaymentRequested(**(CARD | {"amount_minor": 9_900, "event_id": f"event-{n}"})) for n in range(400)]
    wide = [event.event_id for event in events if len(told(event)) == 4]
    assert wide == [event.event_id for event in events if is_sampled(event.event_id)]
    assert 60 < len(wide) < 140


@pytest.mark.parametrize("event", [PaymentAuthorized(**CARD), PaymentSucceeded(**CARD)])
def test_later_good_news_of_a_payment_is_silent(event: Event):
    assert told(event, first=False) == []


def test_a_refusal_is_told_even_after_the_request():
    assert {(signal.what, signal.first) for signal in told(PaymentFailed(**CARD), first=False)} == {
        ("payment_failed", False)
    }


@pytest.mark.parametrize(
    "event",
    [
        PaymentRequested(**(CARD | {"method": "wallet_balance"})),
        PaymentRequested(**(CARD | {"card_token": None})),
        PspStatus(**CARD, status="failed"),
        ChallengeFailed(**ENVELOPE, ip="203.0.113.7"),
        LedgerPosted(**ENVELOPE, entry_id="e", direction="debit", amount_minor=1, currency="USD"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_no_detector_uses_is_silent(event: Event):
    assert told(event) == []


def test_labels_are_told_to_terminal_and_merchant_and_frauds_to_the_device_too():
    label = ENVELOPE | {
        "subject_id": "payment",
        "label_source": "chargeback",
        "subject_occurred_at": from_ms(START_MS - 1),
        "terminal_id": "terminal",
        "merchant_id": "merchant",
        "device_id": "device",
    }
    assert subjects(told(LabelRecorded(**label, verdict="legit"))) == [
        "terminal/terminal label",
        "merchant/merchant label",
    ]
    fraud = told(LabelRecorded(**label, verdict="fraud"))
    assert subjects(fraud)[-1] == "device/device label"
    assert {(signal.fraud, signal.subject_at_ms) for signal in fraud} == {(True, START_MS - 1)}


def test_a_text_that_is_no_address_is_not_an_entity():
    assert subjects(told(PaymentRequested(**(CARD | {"ip": "x" * 256}))))[0] == "device/device payment"
    assert "ip" not in {signal.kind for signal in told(PaymentRequested(**(CARD | {"ip": ""})))}


def test_signals_are_numbered_without_holes_and_valid_on_the_wire():
    signals = told(PaymentRequested(**CARD))
    assert [signal.sequence for signal in signals] == [10, 11, 12, 13]
    assert {(signal.partition, signal.at_ms) for signal in signals} == {(3, START_MS)}
    for signal in signals:
        assert msgspec.json.decode(msgspec.json.encode(signal), type=SignalEvent) == signal


def test_routing_and_state_keys():
    login = LoginFailed(**ENVELOPE, ip="203.0.113.7")
    address, site, _, network = told(login)
    assert (routing_key(address), state_key(address)) == (b"ip/203.0.113.7", b"ip/203.0.113.7")
    assert (routing_key(site), state_key(site)) == (b"health", b"health/site")
    assert (routing_key(network), state_key(network)) == (b"network/203.0.113.0/24", b"network/203.0.113.0/24")
    bucket = HealthBucket(at_ms=START_MS, partition=0, sequence=1, bucket_ms=START_MS, trials=())
    assert (routing_key(bucket), state_key(bucket)) == (b"health", b"health")
    assert order_of(bucket) < order_of(address)
