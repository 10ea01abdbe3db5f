"""Which events tell the life of a payment, transfer, top-up, withdrawal, refund, bill, card, promotion or fee?"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from streams.contracts.base import (
    Bin,
    Country,
    Currency,
    Event,
    Id,
    Instant,
    Ip,
    Label,
    Latitude,
    Longitude,
    Mcc,
    Minor,
    ShortText,
)


class Code(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One answer code as its source gave it; leading zeros matter, so it is text."""

    source: Label  # for example iso8583_1987, stripe, alipay: the sources of the decline table
    code: Label


Codes = Annotated[tuple[Code, ...], Meta(max_length=16)]


class Movement(Event, frozen=True, kw_only=True, tag_field="type"):
    """Fields that every movement of money may carry; `payment_id` names the movement in all of its events.

    Within its account, whatever `source` tells of it, the ledger and the provider included. Who hands out ids that are
    unique per merchant or gateway only puts that in front of them.
    """

    payment_id: Id
    amount_minor: Minor
    currency: Currency
    method: Label = "card"  # card, wallet_balance, bank_transfer, qr, ...
    order_id: Id | None = None
    order_amount_minor: Minor | None = None
    merchant_id: Id | None = None
    terminal_id: Id | None = None
    mcc: Mcc | None = None
    counterparty_id: Id | None = None  # the payee of a transfer or payout
    card_token: Id | None = None  # never a card number
    bin: Bin | None = None
    issuer_id: Id | None = None
    gateway_id: Id | None = None
    network: Label | None = None
    device_id: Id | None = None
    ip: Ip | None = None
    country: Country | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    region: Label | None = None
    channel: Label | None = None
    app_version: Label | None = None
    challenge_provider_id: Id | None = None  # who asked the customer for a second factor: a 3-D Secure server, SMS, ...


class Failure(Movement, frozen=True, kw_only=True, tag_field="type"):
    """A movement that was refused or got lost, with every code that came back."""

    codes: Codes = ()
    message: ShortText | None = None


class PaymentRequested(Movement, frozen=True, kw_only=True, tag="payment.requested.v1", tag_field="type"):
    """The customer asked to pay; nothing has moved."""


class PaymentAuthorized(Movement, frozen=True, kw_only=True, tag="payment.authorized.v1", tag_field="type"):
    """The issuer reserved the amount."""


class PaymentCaptured(Movement, frozen=True, kw_only=True, tag="payment.captured.v1", tag_field="type"):
    """The merchant claimed the reserved amount."""


class PaymentSucceeded(Movement, frozen=True, kw_only=True, tag="payment.succeeded.v1", tag_field="type"):
    """The payment is final and good."""


class PaymentFailed(Failure, frozen=True, kw_only=True, tag="payment.failed.v1", tag_field="type"):
    """The payment is final and was refused."""


class PaymentPending(Failure, frozen=True, kw_only=True, tag="payment.pending.v1", tag_field="type"):
    """The outcome is unknown: a timeout or an answer that asks us to query."""


class PaymentReversed(Movement, frozen=True, kw_only=True, tag="payment.reversed.v1", tag_field="type"):
    """The payment was undone."""


class PspStatus(Failure, frozen=True, kw_only=True, tag="psp.status.v1", tag_field="type"):
    """The payment service provider's answer to a status query."""

    status: Label  # succeeded, failed, pending, not_found
    query_id: Id | None = None


class TransferRequested(Movement, frozen=True, kw_only=True, tag="transfer.requested.v1", tag_field="type"):
    """The customer asked to send money to `counterparty_id`."""


class TransferSucceeded(Movement, frozen=True, kw_only=True, tag="transfer.succeeded.v1", tag_field="type"):
    """The payee has the money."""


class TransferFailed(Failure, frozen=True, kw_only=True, tag="transfer.failed.v1", tag_field="type"):
    """The transfer was refused."""


class TransferReversed(Movement, frozen=True, kw_only=True, tag="transfer.reversed.v1", tag_field="type"):
    """The transfer was undone."""


class TopupRequested(Movement, frozen=True, kw_only=True, tag="topup.requested.v1", tag_field="type"):
    """The customer asked to load the wallet."""


class TopupConfirmed(Movement, frozen=True, kw_only=True, tag="topup.confirmed.v1", tag_field="type"):
    """The channel confirmed the money."""


class TopupCredited(Movement, frozen=True, kw_only=True, tag="topup.credited.v1", tag_field="type"):
    """The wallet shows the money."""


class TopupFailed(Failure, frozen=True, kw_only=True, tag="topup.failed.v1", tag_field="type"):
    """The top-up was refused."""


class WithdrawalRequested(Movement, frozen=True, kw_only=True, tag="withdrawal.requested.v1", tag_field="type"):
    """The customer asked to pay out to the bank."""

    speed: Label = "ordinary"  # real_time, ordinary, next_day


class WithdrawalSent(Movement, frozen=True, kw_only=True, tag="withdrawal.sent.v1", tag_field="type"):
    """The payout left us."""


class WithdrawalCredited(Movement, frozen=True, kw_only=True, tag="withdrawal.credited.v1", tag_field="type"):
    """The bank credited the payout."""


class WithdrawalReturned(Failure, frozen=True, kw_only=True, tag="withdrawal.returned.v1", tag_field="type"):
    """The bank sent the payout back."""


class WithdrawalFailed(Failure, frozen=True, kw_only=True, tag="withdrawal.failed.v1", tag_field="type"):
    """The payout was refused."""


class Refund(Movement, frozen=True, kw_only=True, tag_field="type"):
    """A step in the life of refund `refund_id` of payment `payment_id`."""

    refund_id: Id
    reason: ShortText | None = None


class RefundRequested(Refund, frozen=True, kw_only=True, tag="refund.requested.v1", tag_field="type"):
    """The customer asked for money back. Told once more, with what was missing, it is checked once more."""

    paid_at: Instant | None = None  # when the payment was made, as the payment system knows it
    evidence: Annotated[tuple[Id, ...], Meta(max_length=16)] = ()  # references of what the customer has sent with it


class RefundApproved(Refund, frozen=True, kw_only=True, tag="refund.approved.v1", tag_field="type"):
    """The refund was agreed to."""


class RefundPromised(Refund, frozen=True, kw_only=True, tag="refund.promised.v1", tag_field="type"):
    """The merchant gave a date."""

    promised_by: Instant | None = None


class RefundSent(Refund, frozen=True, kw_only=True, tag="refund.sent.v1", tag_field="type"):
    """The refund left us."""


class RefundCredited(Refund, frozen=True, kw_only=True, tag="refund.credited.v1", tag_field="type"):
    """The customer has the refund."""


class RefundFailed(Refund, frozen=True, kw_only=True, tag="refund.failed.v1", tag_field="type"):
    """The refund came back."""

    codes: Codes = ()
    message: ShortText | None = None


class BillpayRequested(Movement, frozen=True, kw_only=True, tag="billpay.requested.v1", tag_field="type"):
    """The customer asked to pay a bill of `biller_id`."""

    biller_id: Id | None = None
    bill_due_at: Instant | None = None


class BillpayDebited(Movement, frozen=True, kw_only=True, tag="billpay.debited.v1", tag_field="type"):
    """The customer's money left for the biller."""

    bill_due_at: Instant | None = None


class BillpayPosted(Movement, frozen=True, kw_only=True, tag="billpay.posted.v1", tag_field="type"):
    """The biller has booked the payment."""


class BillpayFailed(Failure, frozen=True, kw_only=True, tag="billpay.failed.v1", tag_field="type"):
    """The biller or the channel refused."""


class Card(Event, frozen=True, kw_only=True, tag_field="type"):
    """A card joined or left the wallet."""

    card_token: Id
    bin: Bin | None = None
    issuer_id: Id | None = None
    device_id: Id | None = None
    ip: Ip | None = None


class CardBound(Card, frozen=True, kw_only=True, tag="card.bound.v1", tag_field="type"):
    """A card was added."""


class CardUnbound(Card, frozen=True, kw_only=True, tag="card.unbound.v1", tag_field="type"):
    """A card was removed."""


class Promo(Event, frozen=True, kw_only=True, tag_field="type"):
    """A promotion reached or was asked for by the customer."""

    promo_id: Id
    amount_minor: Minor | None = None
    currency: Currency | None = None
    payment_id: Id | None = None
    device_id: Id | None = None


class PromoGranted(Promo, frozen=True, kw_only=True, tag="promo.granted.v1", tag_field="type"):
    """The promotion was credited."""


class PromoClaimed(Promo, frozen=True, kw_only=True, tag="promo.claimed.v1", tag_field="type"):
    """The customer claimed the promotion."""


class FeeCharged(Event, frozen=True, kw_only=True, tag="fee.charged.v1", tag_field="type"):
    """A fee was taken under tariff `tariff_id`."""

    fee_id: Id
    amount_minor: Minor
    currency: Currency
    tariff_id: Id | None = None
    payment_id: Id | None = None
    base_minor: Minor | None = None  # what the fee was computed on, if not the amount of `payment_id`; in `currency`


class MerchantReplied(Event, frozen=True, kw_only=True, tag="merchant.replied.v1", tag_field="type"):
    """The merchant answered a refund request or dispute."""

    merchant_id: Id
    payment_id: Id | None = None
    refund_id: Id | None = None
    case_id: Id | None = None
    answer: Label  # accepted, refused, asks_for_evidence
