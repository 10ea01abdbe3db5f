"""Which of the codes that came back says why the payment failed, and what does it say?

Order (domain 2.3): what the deployment decided itself, then network advice, then the gateway's own code, then the
ISO 8583 code as its network reads it. When none of them is known the answer is `unknown_error`, never a guess: the
caller counts it and asks people to add the code.

Where no code reports a failure, one that says what happened instead (the order is paid already, a part was approved)
decides. An approval in a failure says nothing: nobody knows what happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from streams.contracts.payments import Code
from streams.core.declines.profiles import Profile, Profiles
from streams.core.declines.table import ISO, PRIVATE_USE, UNKNOWN, Cause, DeclineTable, Entry, spelled

Rank = Literal["deployment", "network_advice", "gateway", "iso8583", "none"]
_NEVER_APPROVE = 1  # Visa's category 1 is network advice that travels in the response code itself
_SELLERS = frozenset({"merchant", "platform"})
STATED = frozenset({"already_paid", "approved_partial"})  # causes: no failures, and reason enough for one
_ORDER: tuple[Rank, ...] = ("deployment", "network_advice", "gateway", "iso8583", "none")
_ADVICE = _ORDER.index("network_advice")


class Resolved(msgspec.Struct, frozen=True, gc=False):
    """The answer: the row that decided, or the unknown cause without one."""

    cause: Cause
    entry: Entry | None
    rank: Rank
    unknown: tuple[Code, ...]  # codes that no table knows
    forbidden: bool  # a network rule says: never again with this instrument
    entries: tuple[Entry, ...] = ()  # every code that was understood, the deciding one first


def resolve(table: DeclineTable, profiles: Profiles, codes: Iterable[Code], network: str | None) -> Resolved:
    """The cause behind `codes`. Of two codes of the same rank the first that reports a failure decides.

    What the network advises goes before what its response code says in general: Mastercard's 79, 82 and 83 are never
    tried again but for the advice that comes with them.
    """
    found: list[tuple[int, Entry]] = []
    unknown: list[Code] = []
    for code in codes:
        entry = look_up(table, profiles, code, network)
        if entry is None:
            unknown.append(code)
        else:
            found.append((_ORDER.index(_rank(profiles, entry)), entry))
    found.sort(key=lambda ranked: (not ranked[1].says_failed, ranked[1].cause.cause not in STATED, ranked[0]))
    entries = tuple(entry for _, entry in found)
    is_advised = any(rank == _ADVICE and entry.says_failed for rank, entry in found)
    forbidden = any(
        entry.retryable == "never" and entry.basis == "network_rule" and (rank <= _ADVICE or not is_advised)
        for rank, entry in found
    )
    if not found or not (found[0][1].says_failed or found[0][1].cause.cause in STATED):
        return Resolved(table.causes[UNKNOWN], None, "none", tuple(unknown), forbidden, entries)
    rank, decisive = found[0]
    return Resolved(decisive.cause, decisive, _ORDER[rank], tuple(unknown), forbidden, entries)


def stated(profiles: Profiles, resolved: Resolved) -> Resolved:
    """The same, as what its first code says by itself: to explain an approval, which decides about no failure."""
    if resolved.entry is not None or not resolved.entries:
        return resolved
    entry = resolved.entries[0]
    return msgspec.structs.replace(resolved, cause=entry.cause, entry=entry, rank=_rank(profiles, entry))


def look_up(table: DeclineTable, profiles: Profiles, code: Code, network: str | None) -> Entry | None:
    """The row of one code. An ISO 8583 code is read as its network reads it; private ones only so."""
    if spelled(code.source) != ISO:
        return table.find(code.source, code.code)
    reads = profiles.by_network.get(network or "")
    if reads is not None and reads.iso8583 is not None:
        entry = table.find(reads.iso8583, code.code)
        if entry is not None:
            return entry
    entry = table.find(ISO, code.code)
    return None if entry is not None and code.code in PRIVATE_USE and not entry.own else entry


def without_zeros(table: DeclineTable, profiles: Profiles, code: Code, network: str | None) -> str:
    """The known code that an unknown one would be with the leading zeros that a spreadsheet took; empty: none."""
    if not code.code.isdecimal():
        return ""
    for width in range(len(code.code) + 1, 5):
        padded = code.code.zfill(width)
        if look_up(table, profiles, Code(source=code.source, code=padded), network) is not None:
            return padded
    return ""


def speakers(
    profiles: Profiles, method: str, network: str | None, gateway_id: str | None, codes: Iterable[Code]
) -> tuple[Profile, ...]:
    """Every profile with something to say about a payment: its network, wallet and gateway, each once."""
    asked = (
        profiles.by_network.get(network or ""),
        profiles.by_method.get(method),
        profiles.by_gateway.get(gateway_id or ""),
        *(profiles.by_source.get(spelled(code.source)) for code in codes),
    )
    return tuple({profile.id: profile for profile in asked if profile is not None}.values())


def helper(
    profiles: Profiles, method: str, network: str | None, gateway_id: str | None, codes: Iterable[Code], who_acts: str
) -> Profile | None:
    """Whose official support can help: the customer's wallet or card network, of what a merchant mends the gateway."""
    gateway = profiles.by_gateway.get(gateway_id or "") or next(
        (
            found
            for code in codes
            if (found := profiles.by_source.get(spelled(code.source))) and found.kind == "gateway"
        ),
        None,
    )
    theirs = (profiles.by_method.get(method), profiles.by_network.get(network or ""))
    asked = (gateway, *theirs) if who_acts in _SELLERS else (*theirs, gateway)
    return next((profile for profile in asked if profile is not None), None)


def _rank(profiles: Profiles, entry: Entry) -> Rank:
    if entry.own:
        return "deployment"
    if entry.source in profiles.advice or entry.network_category == _NEVER_APPROVE:
        return "network_advice"
    return "iso8583" if entry.source == ISO or entry.source in profiles.iso8583 else "gateway"
