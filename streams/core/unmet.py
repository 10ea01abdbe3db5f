"""What does a movement name that may never go, and that its account therefore does not know yet?

A movement that a rule asks for a second factor, holds or blocks is an attempt: its device, address, network, country
and card, and who was to get the money, stay as new as they were until it is released or carried out. Else whoever does
not answer for the first one is asked for nothing the second time. Attempts still count as different devices, cards or
payees, so each is remembered with what it named.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from streams.contracts.payments import BillpayRequested, Movement
from streams.core.familiar import Familiar, Key, entry_of, key_of, network_key

# Fields of the account, in the order of the keys: where a movement comes from, and where it goes.
CONTEXT: Final = ("devices", "ips", "networks", "countries", "cards")
RECEIVERS: Final = ("merchants", "payees")
DEVICES, IPS, _, COUNTRIES, CARDS, MERCHANTS, PAYEES = range(len(CONTEXT + RECEIVERS))
ATTEMPTS_MAX: Final = 16
Attempts: TypeAlias = bytes
_ENTRY = Struct("<4sI?5s5s5s5s5s5s5s")
_NOTHING: Final = bytes(5)


class Attempt(NamedTuple):
    """A movement that may never go."""

    movement: bytes  # its key in `Observations.seen`
    at_s: int  # seconds since 1970
    answerable: bool  # a second factor lets it go
    keys: tuple[Key, ...]  # one for each of CONTEXT and RECEIVERS; empty: it named none


def shop_of(event: Movement) -> str | None:
    """The merchant of a movement, else its terminal, else the biller of a bill."""
    biller = event.biller_id if type(event) is BillpayRequested else None
    return event.merchant_id or event.terminal_id or biller


def named(event: Movement, *, pays: bool) -> tuple[Key, ...]:
    """The keys of what a movement names, one for each of CONTEXT and RECEIVERS; empty where it names none.

    `pays`: the money goes to somebody; else nobody gets it.
    """
    shop = shop_of(event)
    return (
        key_of(event.device_id) if event.device_id is not None else b"",
        key_of(event.ip) if event.ip is not None else b"",
        network_key(event.ip) if event.ip is not None else b"",
        key_of(event.country) if event.country is not None else b"",
        key_of(event.card_token) if event.card_token is not None else b"",
        key_of(shop) if pays and shop is not None else b"",
        key_of(event.counterparty_id) if pays and event.counterparty_id is not None else b"",
    )


def with_attempt(attempts: Attempts, attempt: Attempt) -> Attempts:
    """`attempts` with one more, the last one; of too many the first is forgotten."""
    entry = _ENTRY.pack(attempt.movement, max(0, min(attempt.at_s, 2**32 - 1)), attempt.answerable, *attempt.keys)
    return (attempts + entry)[-ATTEMPTS_MAX * _ENTRY.size :]


def without_attempt(attempts: Attempts, attempt: Attempt) -> Attempts:
    """`attempts` without this movement."""
    entries = (attempts[at : at + _ENTRY.size] for at in range(0, len(attempts), _ENTRY.size))
    return b"".join([entry for entry in entries if not entry.startswith(attempt.movement)])


def before(attempts: Attempts, at_s: int) -> Attempts:
    """Only what was asked for before `at_s`."""
    entries = (attempts[at : at + _ENTRY.size] for at in range(0, len(attempts), _ENTRY.size))
    return b"".join([entry for entry in entries if _ENTRY.unpack(entry)[1] < at_s])


def each(attempts: Attempts) -> Iterator[Attempt]:
    """What is remembered, in the order of arrival."""
    for movement, at_s, answerable, *keys in _ENTRY.iter_unpack(attempts):
        yield Attempt(movement, at_s, answerable, tuple(b"" if key == _NOTHING else key for key in keys))


def different_too(attempts: Attempts, kind: int, known: Familiar, own: str | None, after_s: int) -> int:
    """How many values only attempts have named since `after_s`, beside `own`: what `familiar.different` leaves out."""
    mine = key_of(own) if own is not None else b""
    keys = {attempt.keys[kind] for attempt in each(attempts) if attempt.at_s > after_s} - {b"", mine}
    entries = (entry_of(known, key) for key in keys)
    return sum(entry is None or entry[1] <= after_s for entry in entries)


def newest_device(attempts: Attempts, devices: Familiar, after_s: int) -> int | None:
    """When the last device that only attempts have named since `after_s` acted first; None: there was none."""
    firsts: dict[Key, int] = {}
    for attempt in each(attempts):
        key = attempt.keys[DEVICES]
        if key and attempt.at_s > after_s and entry_of(devices, key) is None:
            firsts[key] = min(firsts.get(key, attempt.at_s), attempt.at_s)
    return max(firsts.values(), default=None)
