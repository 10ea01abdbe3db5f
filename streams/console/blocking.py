"""How does what an operator does to an address, device, card, payee or merchant become an event?"""

from __future__ import annotations

from typing import Final, NamedTuple, get_args

import msgspec
from sqlalchemy import Connection

from streams.adapters.case_store import linked, queries
from streams.adapters.case_store.linked import Act
from streams.console.actions import NOT_ALLOWED, Outcome, Refused
from streams.console.forms import filled_in, is_personal
from streams.contracts.accounts import BlockedKind, BlockReason, EntityBlock
from streams.contracts.base import from_ms
from streams.contracts.registry import ANONYMOUS
from streams.core.addresses import address_of, plainly
from streams.core.entities.blocks import RULE, command_id
from streams.core.entities.context import reference
from streams.core.ids import digest
from streams.core.roles import ANALYSTS

KINDS: Final[tuple[str, ...]] = get_args(BlockedKind)
REASONS: Final[tuple[str, ...]] = get_args(BlockReason)
# What a page offers. Longer ones, up to the policy's longest, are for the command line.
HOURS: Final = (1, 24, 72, 168, 720)
_HOUR_MS: Final = 3_600_000


class Standing(NamedTuple):
    """The newest thing that an operator has done to an entity."""

    since_ms: int
    until_ms: int
    reason: str


def standing(commands: tuple[Act, ...]) -> Standing | None:
    """The newest operator's block among the commands about an entity, the newest first; it may be over."""
    for each in commands:
        if RULE in each.detail.rules and each.detail.expires_ms is not None:
            return Standing(each.at_ms, each.detail.expires_ms, each.detail.reason or "")
    return None


class Measure(NamedTuple):
    """A block or challenge of an entity as a page shows it."""

    label: str
    at_ms: int
    ends_ms: int | None  # when it does or did end; None: it says nothing of it
    is_lifted: bool  # by people, before its time
    case_id: str | None


def measures(commands: tuple[Act, ...]) -> tuple[Measure, ...]:
    """What was ordered about an entity, the newest first. `commands`: the newest first.

    Of what people order only the newest counts: a further block begins anew, and a lift ends what stands, whoever and
    however many had blocked it. The lift itself is no measure.
    """
    found: list[Measure] = []
    later: Act | None = None  # the next thing that people ordered
    for each in commands:
        ends_ms = each.detail.expires_ms
        if RULE not in each.detail.rules:
            found.append(Measure(each.label or "", each.at_ms, ends_ms, False, each.detail.case_id))
            continue
        if ends_ms is not None and ends_ms > each.at_ms:
            is_cut = later is not None and later.at_ms < ends_ms
            cut_ms = later.at_ms if later is not None and is_cut else ends_ms
            found.append(Measure(each.label or "", each.at_ms, cut_ms, is_cut and _lifts(later), each.detail.case_id))
        later = each
    return tuple(found)


def _lifts(command: Act | None) -> bool:
    return command is not None and command.detail.expires_ms is not None and command.detail.expires_ms <= command.at_ms


def block_of(
    kind: str,
    value: str,
    *,
    wanted: str,
    hours: int,
    reason: str,
    accounts: int,
    actor: str,
    role: str,
    second: str | None,
    at_ms: int,
    form: str,
    second_role: str | None = None,
    source: str = "paywarden-console",
) -> EntityBlock:
    """The event. The same form sent twice is the same event. Raises Refused."""
    if role not in ANALYSTS:
        raise Refused(NOT_ALLOWED)
    value = asked_for(kind, value)
    entity = reference(kind, value)
    try:
        return msgspec.convert(
            {
                "type": "entity.block.v1",
                "event_id": "opr_" + digest("block", actor, entity, wanted, filled_in(form, hours, reason, second)),
                "source": source,
                "occurred_at": from_ms(at_ms),
                "account_id": ANONYMOUS + digest("block", entity),
                "known": False,
                "kind": kind,
                "value": value,
                "wanted": wanted,
                "expires_at": from_ms(at_ms + hours * _HOUR_MS) if wanted == "block" else None,
                "reason": reason,
                "accounts": accounts,
                "actor": actor,
                "role": role,
                "second_actor": second,
                "second_role": second_role,
            },
            EntityBlock,
        )
    except msgspec.ValidationError:
        raise Refused("refused.form") from None


def named(kind: str, value: str) -> str:
    """The entity's value as blocks have it: an address in the one form that is compared."""
    return plainly(value) if kind == "ip" else value


def asked_for(kind: str, value: str) -> str:
    """What somebody has written down to be blocked, as blocks have it.

    Raises Refused for an address that is none, and for the number of a card or person, whatever it is said to be: the
    events have pseudonyms of those, so a block of the number itself would stop nobody and be written down.
    """
    if kind == "ip":
        try:
            return str(address_of(value))
        except ValueError:
            raise Refused("refused.address") from None
    if is_personal(value):
        raise Refused("refused.personal")
    return value


def can_be(kind: str, value: str) -> bool:
    """Whether a block of it would be taken."""
    try:
        return kind in KINDS and bool(asked_for(kind, value))
    except Refused:
        return False


def used_by(connection: Connection, kind: str, value: str) -> int:
    """How many accounts used it in the time that the store keeps."""
    return linked.accounts(connection, kind, named(kind, value), 1)[1]


def outcome_of(connection: Connection, event_id: str, kind: str, value: str, commands: tuple[Act, ...]) -> Outcome:
    """What became of a request: its command, or its refusal."""
    wanted = command_id(kind, named(kind, value), event_id)
    if any(each.event_id == wanted for each in commands):
        return Outcome("done")
    answer = queries.answer(connection, event_id)
    return Outcome("waiting") if answer is None else Outcome("refused", answer.text, answer.cause)
