"""How does what an operator does become an event, and what became of it?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer

from streams.adapters.case_store.queries import Answer
from streams.contracts.accounts import CaseAction
from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import encode, headers_of
from streams.contracts.topics import physical
from streams.core.cases.operator import PERMITTED
from streams.core.ids import digest
from streams.core.obligations import FINISHED
from streams.runtime.clients import aiokafka_kwargs
from streams.runtime.options import RuntimeOptions
from streams.runtime.topics_admin import partition_counts

TOPIC: Final = "operator.actions"
# In the order in which a page offers them.
OFFERED: Final = (
    "assign",
    "note",
    "ask",
    "confirm_legit",
    "confirm_fraud",
    "release",
    "block",
    "lock",
    "unlock",
    "refund",
    "resolve",
    "reopen",
)


class Refused(Exception):
    """The console does not even send it. The message is a key of the texts."""


def offered(case: CaseVersion, role: str) -> tuple[str, ...]:
    """What somebody with this role may ask for on this case; the core answers what the page cannot know."""
    if case.owner != "account" or case.shadow:
        return ()
    closed = case.status in FINISHED
    return tuple(
        name
        for name in OFFERED
        if role in PERMITTED[name] and (name in ("note", "reopen") if closed else name != "reopen")
    )


def action_of(
    case: CaseVersion,
    name: str,
    *,
    actor: str,
    role: str,
    second: str | None,
    text: str,
    version: int,
    at_ms: int,
    form: str,
) -> CaseAction:
    """The event. The same form sent twice is the same event. Raises Refused."""
    if name not in offered(case, role):
        raise Refused("refused.role")
    account_id = case.entities.account_id
    if account_id is None:
        raise Refused("refused.no_account")
    try:
        return msgspec.convert(
            {
                "type": "case.action.v1",
                "event_id": "opr_" + digest("operator", actor, case.case_id, name, str(version), form),
                "source": "paywarden-console",
                "occurred_at": from_ms(at_ms),
                "account_id": account_id,
                "action": name,
                "case_id": case.case_id,
                "expected_version": version,
                "actor": actor,
                "role": role,
                "second_actor": second,
                "text": text or None,
            },
            CaseAction,
        )
    except msgspec.ValidationError:
        raise Refused("refused.form") from None


class Sender:
    """Writes actions to the topic that the accounts agent reads."""

    def __init__(self, options: RuntimeOptions) -> None:
        self._options = options
        self._name = physical(options.names, TOPIC)
        self._producer: AIOKafkaProducer | None = None
        self._partitions = 0

    async def start(self) -> None:
        self._partitions = (await partition_counts(self._options, [self._name])).get(self._name, 0)
        self._producer = AIOKafkaProducer(enable_idempotence=True, **aiokafka_kwargs(self._options))
        await self._producer.start()

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def __call__(self, action: CaseAction, at_ms: int) -> None:
        """Returns when the brokers have it."""
        assert self._producer is not None
        key = action.account_id.encode()
        await self._producer.send_and_wait(
            self._name,
            encode(action),
            key,
            partition=partition_of(key, self._partitions),
            timestamp_ms=at_ms,
            headers=list(headers_of(action)),
        )


class Outcome(NamedTuple):
    """What became of an action that was sent."""

    state: Literal["waiting", "done", "refused"]
    why: str = ""


def outcome_of(event_id: str, case: CaseVersion, answers: Iterable[Answer]) -> Outcome:
    """Done if a line of the case says so, refused if an answer does."""
    if any(line.event_id == event_id for line in case.evidence):
        return Outcome("done")
    for answer in answers:
        if answer.event_id == event_id:
            return Outcome("refused", answer.text)
    return Outcome("waiting")
