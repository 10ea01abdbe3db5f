"""What would the payment system answer to our commands?

A stand-in for demo, simulation and tests: it carries out every action and knows every payment. Pure, so a run without
Kafka gives the same answers as `producers.responder` gives on a cluster.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from producers.feed import Outgoing, outgoing
from streams.contracts.accounts import ActionAcknowledged, LedgerPosted
from streams.contracts.actions import ActionRequested, PspQuery, RefundIntended, RefundRetry
from streams.contracts.base import from_ms, to_ms
from streams.contracts.payments import PspStatus, RefundCredited, RefundSent
from streams.contracts.registry import ANONYMOUS, Refusal, decode

SOURCE: Final = "responder"
DELAY_MS: Final = 2_000
COMMANDS: Final = ("account.actions", "psp.commands")  # the topics that hold commands to the payment system
# The stand-in keeps no books: a simulator that wants another answer than `failed` ends the payment id with it.
DEFAULT_STATUS: Final = "failed"
STATUSES: Final = ("succeeded", "failed", "pending", "not_found")
NO_CURRENCY: Final = "XXX"  # ISO 4217: no currency involved


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


def status(query: PspQuery, delay_ms: int = DELAY_MS) -> PspStatus:
    """What became of a payment: `failed`, unless the payment id ends with `~` and another status."""
    ending = query.payment_id.rpartition("~")[2]
    return PspStatus(
        event_id=f"status-{query.query_id}-{query.attempt}",
        source=SOURCE,
        occurred_at=from_ms(to_ms(query.occurred_at) + delay_ms),
        account_id=query.account_id,
        payment_id=query.payment_id,
        amount_minor=query.amount_minor or 0,
        currency=query.currency or NO_CURRENCY,
        status=ending if ending in STATUSES else DEFAULT_STATUS,
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


def answers(command: msgspec.Struct, delay_ms: int = DELAY_MS) -> tuple[Outgoing, ...]:
    """The input records that a command causes; none for what needs no answer."""
    match command:
        case ActionRequested():
            acknowledged = answer(command, delay_ms)
            return () if acknowledged is None else (outgoing("account.action-acks", acknowledged),)
        case PspQuery():
            return (outgoing("payments.transactions", status(command, delay_ms)),)
        case RefundIntended() | RefundRetry():
            *told, posted = refund(command, delay_ms)
            return (*(outgoing("payments.transactions", event) for event in told), outgoing("ledger.entries", posted))
        case _:
            return ()


def replies(topic: str, value: bytes | None, delay_ms: int = DELAY_MS) -> tuple[Outgoing, ...]:
    """What one record of any output topic (logical name) causes, as `answers` of its command."""
    if topic not in COMMANDS:
        return ()
    command = decode(topic, value)
    if isinstance(command, Refusal):
        raise NotACommand(f"A record of {topic} is none: {command.detail}.")
    return answers(command, delay_ms)
