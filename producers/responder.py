"""What does the payment system answer to our commands?

A stand-in for demo, simulation and tests: it carries out every action and knows every payment. `answers` is pure, so a
run without Kafka gives the same answers; `Responder` plays it against a cluster.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from kafka import KafkaConsumer

from producers.feed import Outgoing, outgoing
from producers.writer import KafkaWriter
from streams.contracts.accounts import ActionAcknowledged
from streams.contracts.actions import ActionRequested, PspQuery, RefundIntended
from streams.contracts.base import from_ms, to_ms
from streams.contracts.payments import PspStatus, RefundCredited, RefundSent
from streams.contracts.registry import ANONYMOUS, Refusal, decode
from streams.contracts.topics import logical, physical

SOURCE: Final = "responder"
DELAY_MS: Final = 2_000
COMMANDS: Final = ("account.actions", "psp.commands")
# The stand-in keeps no books: a simulator that wants another answer than `failed` ends the payment id with it.
DEFAULT_STATUS: Final = "failed"
STATUSES: Final = ("succeeded", "failed", "pending", "not_found")
NO_CURRENCY: Final = "XXX"  # ISO 4217: no currency involved


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


def refund(intent: RefundIntended, delay_ms: int = DELAY_MS) -> tuple[RefundSent, RefundCredited]:
    """The refund leaves after one delay and arrives after two."""
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
    )


def answers(command: msgspec.Struct, delay_ms: int = DELAY_MS) -> tuple[Outgoing, ...]:
    """The input records that a command causes; none for what needs no answer."""
    match command:
        case ActionRequested():
            acknowledged = answer(command, delay_ms)
            return () if acknowledged is None else (outgoing("account.action-acks", acknowledged),)
        case PspQuery():
            return (outgoing("payments.transactions", status(command, delay_ms)),)
        case RefundIntended():
            return tuple(outgoing("payments.transactions", event) for event in refund(command, delay_ms))
        case _:
            return ()


class NotACommand(RuntimeError):
    """A command topic holds something that no contract describes; answering around it would hide a fault of ours."""


class Responder(threading.Thread):
    """Answers commands until `stop`; an error ends the thread and is raised by `stop`.

    Commands are read committed, and offsets are committed after the answers are safe: an answer may be sent twice after
    a crash, with the same id.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        prefix: str = "",
        security: Mapping[str, Any] | None = None,
        group_id: str = "paywarden-responder",
        delay_ms: int = DELAY_MS,
    ) -> None:
        super().__init__(name="responder", daemon=True)
        self.answered = 0
        self._prefix = prefix
        self._delay_ms = delay_ms
        self._ending = threading.Event()
        self._error: Exception | None = None
        self._writer = KafkaWriter(bootstrap, prefix=prefix, security=security, linger_ms=0)
        self._consumer = KafkaConsumer(
            *(physical(prefix, name) for name in COMMANDS),
            bootstrap_servers=bootstrap.split(","),
            client_id="paywarden-responder",
            group_id=group_id,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **(security or {}),
        )

    def run(self) -> None:
        try:
            partitions = self._writer.partitions()
            while not self._ending.is_set():
                self._round(partitions)
        except Exception as error:  # the thread has no caller; `stop` hands it on
            self._error = error
        finally:
            self._consumer.close(autocommit=False)
            self._writer.close(flush=self._error is None)

    def stop(self, timeout_s: float = 10.0) -> int:
        """Ends the thread and returns how many records it wrote."""
        self._ending.set()
        self.join(timeout_s)
        if self._error is not None:
            raise self._error
        return self.answered

    def _round(self, partitions: int) -> None:
        polled = self._consumer.poll(timeout_ms=200)
        if not polled:
            return
        for partition, records in polled.items():
            topic = logical(self._prefix, partition.topic)
            for record in records:
                command = decode(topic, record.value)
                if isinstance(command, Refusal):
                    raise NotACommand(f"{partition.topic}[{partition.partition}] at {record.offset}: {command.detail}.")
                for reply in answers(command, self._delay_ms):
                    self._writer.send_keyed(reply, partitions)
                    self.answered += 1
        self._writer.flush()
        self._consumer.commit()
