"""What would the payment system answer to our commands?

A stand-in for demo, simulation and tests: it carries out every action and knows every payment. Pure, so a run without
Kafka gives the answers that `producers.responder` gives on a cluster, but for what it has read to be good (`Books`).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import msgspec

from producers.feed import Outgoing, outgoing
from streams.contracts.accounts import ActionAcknowledged, LedgerPosted
from streams.contracts.actions import ActionRequested, PspQuery, RefundIntended, RefundRetry
from streams.contracts.base import from_ms, to_ms
from streams.contracts.payments import (
    BillpayFailed,
    BillpayPosted,
    Movement,
    PaymentCaptured,
    PaymentFailed,
    PaymentReversed,
    PaymentSucceeded,
    PspStatus,
    RefundCredited,
    RefundSent,
    TopupConfirmed,
    TopupCredited,
    TopupFailed,
    TransferFailed,
    TransferReversed,
    TransferSucceeded,
    WithdrawalCredited,
    WithdrawalFailed,
    WithdrawalReturned,
)
from streams.contracts.registry import ANONYMOUS, Refusal, decode

SOURCE: Final = "responder"
DELAY_MS: Final = 2_000
COMMANDS: Final = ("account.actions", "psp.commands")  # the topics that hold commands to the payment system
# Of what it has heard nothing of: a simulator that wants another answer than `failed` ends the payment id with it.
DEFAULT_STATUS: Final = "failed"
STATUSES: Final = ("succeeded", "failed", "pending", "not_found")
NO_CURRENCY: Final = "XXX"  # ISO 4217: no currency involved


_GOOD: Final = frozenset(
    {
        PaymentCaptured,
        PaymentSucceeded,
        TransferSucceeded,
        TopupConfirmed,
        TopupCredited,
        WithdrawalCredited,
        BillpayPosted,
    }
)
_BAD: Final = frozenset(
    {
        PaymentFailed,
        PaymentReversed,
        TransferFailed,
        TransferReversed,
        TopupFailed,
        WithdrawalFailed,
        WithdrawalReturned,
        BillpayFailed,
    }
)
_BOOKED_MAX: Final = 100_000  # good movements: 20 MB


class Books:
    """Which of the last movements are good, as the input says: a file and the stand-in must not contradict each other.

    Only for whoever reads the input as well; on a cluster the stand-in hears commands alone.
    """

    def __init__(self) -> None:
        self._good_since_ms: OrderedDict[tuple[str, str], int] = OrderedDict()

    def hear(self, topic: str, value: bytes | None) -> None:
        """One record of the input; what is no event of a movement says nothing."""
        event = decode(topic, value) if topic == "payments.transactions" else None
        if not isinstance(event, Movement):
            return
        if type(event) in _GOOD:
            self._good_since_ms.setdefault((event.account_id, event.payment_id), to_ms(event.occurred_at))
            if len(self._good_since_ms) > _BOOKED_MAX:
                self._good_since_ms.popitem(last=False)
        elif type(event) in _BAD:
            self._good_since_ms.pop((event.account_id, event.payment_id), None)

    def is_good(self, account_id: str, payment_id: str, at_ms: int) -> bool:
        """Whether a movement was good by then, and has not failed since."""
        since_ms = self._good_since_ms.get((account_id, payment_id))
        return since_ms is not None and since_ms <= at_ms


class NotACommand(RuntimeError):
    """A command topic holds something that no contract describes; answering around it would hide a fault of ours."""


def answer(action: ActionRequested, delay_ms: int = DELAY_MS) -> ActionAcknowledged | None:
    """The acknowledgement, `delay_ms` of event time after the request; the same for every repetition of a request.

    Blocking an entity concerns no account, so nobody waits for an acknowledgement of it.
    """
    if action.action == "block_entity":
        return None
    done_at = from_ms(to_ms(action.occurred_at) + delay_ms)
    return ActionAcknowledged(
        event_id=f"ack-{action.action_id}-{action.attempt}",
        source=SOURCE,
        occurred_at=done_at,
        account_id=action.account_id,
        known=not action.account_id.startswith(ANONYMOUS),
        action_id=action.action_id,
        effective_at=done_at,
        result="done",
    )


def status(query: PspQuery, delay_ms: int = DELAY_MS, books: Books | None = None) -> PspStatus:
    """What became of a payment: what its id ends with after `~`, else `succeeded` if the books say so, or `failed`."""
    ending = query.payment_id.rpartition("~")[2]
    answered_ms = to_ms(query.occurred_at) + delay_ms
    is_good = books is not None and books.is_good(query.account_id, query.payment_id, answered_ms)
    return PspStatus(
        event_id=f"status-{query.query_id}-{query.attempt}",
        source=SOURCE,
        occurred_at=from_ms(answered_ms),
        account_id=query.account_id,
        payment_id=query.payment_id,
        amount_minor=query.amount_minor or 0,
        currency=query.currency or NO_CURRENCY,
        status=ending if ending in STATUSES else "succeeded" if is_good else DEFAULT_STATUS,
        query_id=query.query_id,
    )


def refund(
    intent: RefundIntended | RefundRetry, delay_ms: int = DELAY_MS
) -> tuple[RefundSent, RefundCredited, LedgerPosted]:
    """The refund leaves after one delay and arrives after two, in the ledger too: by then its merchant has funds."""
    began_ms = to_ms(intent.occurred_at)
    fields: dict[str, Any] = {
        "source": SOURCE,
        "account_id": intent.account_id,
        "payment_id": intent.payment_id,
        "refund_id": intent.refund_id,
        "amount_minor": intent.amount_minor,
        "currency": intent.currency,
    }
    return (
        RefundSent(event_id=f"sent-{intent.refund_id}", occurred_at=from_ms(began_ms + delay_ms), **fields),
        RefundCredited(event_id=f"credited-{intent.refund_id}", occurred_at=from_ms(began_ms + 2 * delay_ms), **fields),
        LedgerPosted(
            event_id=f"posted-{intent.refund_id}",
            source=SOURCE,
            occurred_at=from_ms(began_ms + 2 * delay_ms),
            account_id=intent.account_id,
            entry_id=f"{intent.refund_id}-credit",
            direction="credit",
            amount_minor=intent.amount_minor,
            currency=intent.currency,
            payment_id=intent.payment_id,
        ),
    )


def answers(command: msgspec.Struct, delay_ms: int = DELAY_MS, books: Books | None = None) -> tuple[Outgoing, ...]:
    """The input records that a command causes; none for what needs no answer."""
    match command:
        case ActionRequested():
            acknowledged = answer(command, delay_ms)
            return () if acknowledged is None else (outgoing("account.action-acks", acknowledged),)
        case PspQuery():
            return (outgoing("payments.transactions", status(command, delay_ms, books)),)
        case RefundIntended() | RefundRetry():
            *told, posted = refund(command, delay_ms)
            return (*(outgoing("payments.transactions", event) for event in told), outgoing("ledger.entries", posted))
        case _:
            return ()


def replies(
    topic: str, value: bytes | None, delay_ms: int = DELAY_MS, books: Books | None = None
) -> tuple[Outgoing, ...]:
    """What one record of any output topic (logical name) causes, as `answers` of its command."""
    if topic not in COMMANDS:
        return ()
    command = decode(topic, value)
    if isinstance(command, Refusal):
        raise NotACommand(f"A record of {topic} is none: {command.detail}.")
    return answers(command, delay_ms, books)
