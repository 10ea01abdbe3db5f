"""How does what an operator does become an event, and what became of it?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, get_args

import msgspec
from aiokafka import AIOKafkaProducer

from streams.adapters.case_store.queries import Answer
from streams.console.forms import filled_in, is_personal, written
from streams.contracts.accounts import CaseAction, ContactTaken, EntityBlock, IncidentAction
from streams.contracts.actions import Lock
from streams.contracts.base import from_ms, to_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import encode, headers_of
from streams.contracts.topics import physical
from streams.core.cases.operator import PERMITTED
from streams.core.ids import digest
from streams.core.intake.topics import TOPICS
from streams.core.obligations import FINISHED
from streams.core.roles import SUPERVISORS
from streams.runtime.clients import aiokafka_kwargs
from streams.runtime.options import RuntimeOptions
from streams.runtime.topics_admin import partition_counts

TOPIC: Final = "operator.actions"
# In the order in which a page offers them.
ActionName = Literal[
    "assign",
    "put_back",
    "escalate",
    "note",
    "ask",
    "confirm_legit",
    "confirm_fraud",
    "release",
    "block",
    "lock",
    "unlock",
    "refund",
    "query",
    "resolve",
    "reopen",
    "merge",
    "link",
]
ATTACH: Final = "attach"  # not offered as a button: it needs more than a text
ATTACH_WITH: Final = "attachment"
OFFERED: Final[tuple[ActionName, ...]] = get_args(ActionName)
# What stands on the account is the core's to say when somebody asks for it.
_ANY: Final = frozenset({"lock"})


NOT_ALLOWED: Final = "refused.role"
_NEVER: Final = frozenset({"why.entity", "why.shadow", "why.role", "why.not_yours"})


class Refused(Exception):
    """The console does not even send it. The message is a key of the texts."""


class Choice(NamedTuple):
    """An action as the page offers it; `why` is the key of the text that says why not, or empty."""

    name: str
    why: str


def choices(
    case: CaseVersion, actor: str, role: str, held: Sequence[Lock], now_ms: int, *, may_hold: bool = True
) -> tuple[Choice, ...]:
    """Every action, and why somebody with this role may not ask for it on this case now.

    `held`: the locks that stand on the account; `may_hold`: whether a payment may wait because of this case. The core
    answers what a page cannot know, and has the last word.
    """
    measures = frozenset(lock.action for lock in held)
    freeze = next((lock for lock in held if lock.action == "freeze"), None)
    found = []
    for name in OFFERED:
        why = _why_not(case, name, actor, role, measures)
        if not why and name in ("release", "block") and not may_hold:
            why = "why.no_hold"
        if not why and freeze is not None:
            why = _why_frozen(case, name, freeze, now_ms)
        found.append(Choice(name, why))
    return tuple(found)


def _why_frozen(case: CaseVersion, name: str, freeze: Lock, now_ms: int) -> str:
    """What a freeze that stands forbids, as far as its record says so."""
    if name == "unlock" and freeze.check is not None:
        is_checked = freeze.check_until is not None and now_ms <= to_ms(freeze.check_until)
        return "" if is_checked else "why.no_check"
    if name in ("lock", "release"):
        return "why.frozen_all"
    if name == "resolve" and freeze.status != "lifting" and freeze.action_id in case.actions:
        return "why.freeze_first"
    return ""


def _why_not(case: CaseVersion, name: str, actor: str, role: str, measures: frozenset[str]) -> str:
    if case.owner != "account":
        return "why.entity"
    if case.shadow:
        return "why.shadow"
    if role not in PERMITTED[name]:
        return "why.role"
    is_closed = case.status in FINISHED
    if is_closed and name not in ("note", "reopen", "link", ATTACH):
        return "why.closed"
    if not is_closed and name == "reopen":
        return "why.open"
    if name == "query" and case.entities.payment_id is None:
        return "why.no_payment"
    if name == "put_back" and case.assignee is None:
        return "why.unassigned"
    if name == "put_back" and case.assignee != actor and role not in SUPERVISORS:
        return "why.not_yours"
    if name == "unlock" and not measures:
        return "why.no_lock"
    if name == "unlock" and "freeze" in measures and role not in SUPERVISORS:
        return "why.freeze"
    return ""


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
    second_role: str | None = None,
    **more: object,
) -> CaseAction:
    """The event. The same form sent twice is the same event, with another text in it it is another one.

    `more` are fields of some actions. Raises Refused.
    """
    is_known = name in OFFERED or (name == ATTACH and ATTACH_WITH in more)
    why = _why_not(case, name, actor, role, _ANY) if is_known else "why.role"
    if why:
        raise Refused(NOT_ALLOWED if why in _NEVER else "refused.status")
    account_id = case.entities.account_id
    if account_id is None:
        raise Refused("refused.no_account")
    said = filled_in(form, text, second, sorted(more.items()))
    try:
        return msgspec.convert(
            {
                "type": "case.action.v1",
                "event_id": "opr_" + digest("operator", actor, case.case_id, name, str(version), said),
                "source": "paywarden-console",
                "occurred_at": from_ms(at_ms),
                "account_id": account_id,
                "action": name,
                "case_id": case.case_id,
                "expected_version": version,
                "actor": actor,
                "role": role,
                "second_actor": second,
                "second_role": second_role,
                "text": written(text) or None,
                **more | {name: written(str(more[name])) for name in ("zh", "en") if name in more},
            },
            CaseAction,
        )
    except msgspec.ValidationError:
        raise Refused("refused.form") from None


def opening_of(
    account_id: str, *, flow: str, payment_id: str, text: str, actor: str, role: str, at_ms: int, form: str
) -> CaseAction:
    """The event by which somebody opens a case about an account by hand. Raises Refused."""
    if role not in PERMITTED["open"]:
        raise Refused(NOT_ALLOWED)
    if flow not in TOPICS:
        raise Refused("refused.flow")
    if not text.strip():
        raise Refused("refused.nothing_said")
    if is_personal(payment_id):
        raise Refused("refused.personal")
    try:
        return msgspec.convert(
            {
                "type": "case.action.v1",
                "event_id": "opr_"
                + digest("operator", actor, account_id, "open", "", filled_in(form, flow, payment_id, text)),
                "source": "paywarden-console",
                "occurred_at": from_ms(at_ms),
                "account_id": account_id,
                "action": "open",
                "expected_version": 0,
                "actor": actor,
                "role": role,
                "flow": flow,
                "payment_id": payment_id or None,
                "text": written(text),
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

    async def __call__(self, action: CaseAction | ContactTaken | EntityBlock | IncidentAction, at_ms: int) -> None:
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
    why: str = ""  # in English, as the core says it
    cause: str = ""  # of a refusal: the word for it in either language


def outcome_of(event_id: str, case: CaseVersion, answers: Iterable[Answer]) -> Outcome:
    """Done if a line of the case says so, refused if an answer does."""
    if any(line.event_id == event_id for line in case.evidence):
        return Outcome("done")
    for answer in answers:
        if answer.event_id == event_id:
            return Outcome("refused", answer.text, answer.cause)
    return Outcome("waiting")
