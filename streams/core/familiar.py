"""Has this account met this device, merchant, payee, address or card before, since when and how often?

Values are remembered as hashes: stable across processes, useless to a reader of the state. Three containers, all of
them immutable byte strings that are stored as they are and cost nothing while empty, bounded by the cap that each
addition gives, the one not seen for longest forgotten first:

* `Familiar`, 15 bytes per value: key, first and last time it was seen, how often. `meet`, `entry_of`, `different`.
* `Tally`, 9 bytes per value: key and how often. For what is only asked "known?" and "which share?". `tally`, `tallied`.
* `Keys`, 4 bytes per value: for ids whose like was counted before. `remember`, `contains`.

Keys of the first two have 40 bits: among 48 remembered merchants one new one in 2e10 is taken for an old one. Making
such a collision on purpose needs the value to collide with, and who has that can send it as it is. Keys of movements
have 32: among 64 remembered movements one new one in 7e7 is taken for a repetition.
"""

from __future__ import annotations

import hashlib
import ipaddress
from functools import lru_cache
from struct import Struct
from typing import TypeAlias

from streams.core.addresses import address_of

Familiar: TypeAlias = bytes
Tally: TypeAlias = bytes
Keys: TypeAlias = bytes
Key: TypeAlias = bytes  # of one value in the first two

KEY_BYTES = 5
_ENTRY = Struct("<IIH")  # first seen, last seen (seconds since 1970), times seen
_ENTRY_BYTES = KEY_BYTES + _ENTRY.size
_LAST = Struct("<I")
_LAST_FROM_END = 6
_USES_MOST = 2**16 - 1
_TALLY = Struct("<I")
TALLY_BYTES = KEY_BYTES + _TALLY.size
_TALLY_MOST = 2**32 - 1
_SECOND_MOST = 2**32 - 1  # in 2106
_MOVEMENT_BYTES = 4


def _hash(text: str, length: int = KEY_BYTES) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=length).digest()


# Devices, merchants and addresses come back within minutes, so most events find theirs here (0.1 instead of 1 us).
# 65,536 entries are about 12 MB.
key_of = lru_cache(maxsize=65536)(_hash)


@lru_cache(maxsize=1024)  # a movement's id is asked for twice in a row (features, then folding) and rarely again
def movement_key(movement_id: str) -> bytes:
    """Key of a movement's, refund's or entry's id in `Keys`."""
    return _hash(movement_id, _MOVEMENT_BYTES)


@lru_cache(maxsize=65536)
def network_key(ip: str) -> bytes:
    """Key of the IPv4 /24 or IPv6 /48 that `ip` is in: what one household or office usually keeps."""
    if ":" not in ip:
        return _hash(ip.rpartition(".")[0])
    try:
        address = ipaddress.IPv6Address(ip)
    except ValueError:
        return _hash(ip)
    mapped = address.ipv4_mapped
    if mapped is not None:
        return _hash(str(mapped).rpartition(".")[0])
    return _hash(f"{int(address) >> 80:x}::/48")


@lru_cache(maxsize=65536)
def network_of(ip: str) -> str:
    """The network of `network_key` in words: 203.0.113.0/24, 2001:db8:1::/48; what is no address is its own."""
    try:
        address = address_of(ip)
    except ValueError:
        return ip
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def number_key(number: int) -> bytes:
    """Key of something that is a number of at most 40 bits already, an autonomous system for example."""
    return number.to_bytes(KEY_BYTES, "little")


def find(known: bytes, key: bytes, size: int) -> int:
    """Where the entry of `key` begins, -1 if nowhere; entries have `size` bytes and begin with their key."""
    at = known.find(key)
    while at > 0 and at % size:  # these bytes happen to stand across two fields
        at = known.find(key, at + 1)
    return at


def meet(known: Familiar, key: bytes, at_s: int, cap: int, late: bool) -> Familiar:
    """`known` after `key` was seen. `late`: something newer may be in it, so its order must be restored."""
    if not 0 <= at_s <= _SECOND_MOST:
        at_s = max(0, min(at_s, _SECOND_MOST))
    at = find(known, key, _ENTRY_BYTES) if known else -1
    if at < 0:
        known += key + _ENTRY.pack(at_s, at_s, 1)
    else:
        first, last, uses = _ENTRY.unpack_from(known, at + KEY_BYTES)
        entry = key + _ENTRY.pack(
            at_s if at_s < first else first,
            at_s if at_s > last else last,
            uses + 1 if uses < _USES_MOST else uses,
        )
        known = known[:at] + known[at + _ENTRY_BYTES :] + entry
    if late and len(known) > _ENTRY_BYTES:
        entries = sorted(_entries(known, _ENTRY_BYTES), key=_last_seen)
        known = b"".join(entries)
    return known[-cap * _ENTRY_BYTES :]


def _last_seen(entry: bytes) -> tuple[int, bytes]:
    return _ENTRY.unpack_from(entry, KEY_BYTES)[1], entry


def entry_of(known: Familiar, key: bytes) -> tuple[int, int, int] | None:
    """(first seen, last seen, times seen) of one value: seconds since 1970, and at most 65,535 times."""
    at = find(known, key, _ENTRY_BYTES)
    return None if at < 0 else _ENTRY.unpack_from(known, at + KEY_BYTES)


def different(known: Familiar, after_s: int) -> int:
    """How many were last seen after `after_s`."""
    end = len(known)
    while end and _LAST.unpack_from(known, end - _LAST_FROM_END)[0] > after_s:
        end -= _ENTRY_BYTES
    return (len(known) - end) // _ENTRY_BYTES


def newest_first(known: Familiar, after_s: int) -> int | None:
    """When the newest of those that were last seen after `after_s` was first seen; None if none was."""
    newest, end = None, len(known)
    while end and _LAST.unpack_from(known, end - _LAST_FROM_END)[0] > after_s:
        end -= _ENTRY_BYTES
        first: int = _ENTRY.unpack_from(known, end + KEY_BYTES)[0]
        newest = first if newest is None else max(newest, first)
    return newest


def tally(known: Tally, key: bytes, cap: int) -> Tally:
    """`known` after `key` was seen once more; the last arrival is the last to be forgotten."""
    at = find(known, key, TALLY_BYTES)
    if at < 0:
        known += key + _TALLY.pack(1)
    else:
        uses = _TALLY.unpack_from(known, at + KEY_BYTES)[0]
        entry = key + _TALLY.pack(uses + 1 if uses < _TALLY_MOST else uses)
        known = known[:at] + known[at + TALLY_BYTES :] + entry
    return known[-cap * TALLY_BYTES :]


def tallied(known: Tally, key: bytes) -> int:
    """How often `key` was seen; 0 for never, or not for long."""
    at = find(known, key, TALLY_BYTES)
    return 0 if at < 0 else _TALLY.unpack_from(known, at + KEY_BYTES)[0]


def known_before(known: Familiar, at_s: int) -> Familiar:
    """Only what was first seen before `at_s`."""
    entries = _entries(known, _ENTRY_BYTES)
    return b"".join([entry for entry in entries if _ENTRY.unpack_from(entry, KEY_BYTES)[0] < at_s])


def keys_of(known: Familiar) -> frozenset[Key]:
    """What is remembered."""
    return frozenset(entry[:KEY_BYTES] for entry in _entries(known, _ENTRY_BYTES))


def keys_since(known: Familiar, after_s: int) -> frozenset[Key]:
    """What was last seen after `after_s`."""
    entries = _entries(known, _ENTRY_BYTES)
    return frozenset(entry[:KEY_BYTES] for entry in entries if _last_seen(entry)[0] > after_s)


def keys_last(known: Familiar) -> list[Key]:
    """What was seen last, if anything was."""
    return [known[-_ENTRY_BYTES:][:KEY_BYTES]] if known else []


def without_entries(known: Familiar, gone: frozenset[Key]) -> Familiar:
    """`known` without these."""
    return _without(known, gone, _ENTRY_BYTES)


def joined(known: Familiar, more: Familiar, cap: int) -> Familiar:
    """What is in either: since it was first seen in one, until it was last seen in the other."""
    entries: dict[Key, tuple[int, int, int]] = {}
    for at in range(0, len(both := known + more), _ENTRY_BYTES):
        key = both[at : at + KEY_BYTES]
        first, last, uses = _ENTRY.unpack_from(both, at + KEY_BYTES)
        earlier = entries.get(key, (first, last, 0))
        entries[key] = min(first, earlier[0]), max(last, earlier[1]), min(uses + earlier[2], _USES_MOST)
    in_order = sorted([key + _ENTRY.pack(*each) for key, each in entries.items()], key=_last_seen)
    return b"".join(in_order[-cap:])


def in_tally(known: Tally) -> list[Key]:
    """What is counted, the last arrival last."""
    return [entry[:KEY_BYTES] for entry in _entries(known, TALLY_BYTES)]


def without_keys(known: Tally, gone: frozenset[Key]) -> Tally:
    """`known` without these."""
    return _without(known, gone, TALLY_BYTES)


def halved(known: Tally, times: int) -> Tally:
    """Every count halved so often; what comes to nothing is forgotten."""
    entries = _entries(known, TALLY_BYTES)
    left = ((entry[:KEY_BYTES], _TALLY.unpack_from(entry, KEY_BYTES)[0] >> times) for entry in entries)
    return b"".join([key + _TALLY.pack(uses) for key, uses in left if uses])


def remember(keys: Keys, key: bytes, cap: int) -> Keys:
    """`keys` with one more, which must not be in it yet."""
    return (keys + key)[-cap * len(key) :]


def contains(keys: Keys, key: bytes) -> bool:
    """Whether `key` was remembered and not yet forgotten."""
    return find(keys, key, len(key)) >= 0


def without_movement(keys: Keys, key: bytes) -> Keys:
    """`keys` without this one."""
    at = find(keys, key, len(key))
    return keys if at < 0 else keys[:at] + keys[at + len(key) :]


def place_of(keys: Keys, key: bytes) -> int:
    """Which of the keys it is, counted from 0; -1 if none."""
    at = find(keys, key, len(key))
    return at // len(key) if at >= 0 else -1


def _without(known: bytes, gone: frozenset[Key], size: int) -> bytes:
    return b"".join([entry for entry in _entries(known, size) if entry[:KEY_BYTES] not in gone])


def _entries(known: bytes, size: int) -> list[bytes]:
    return [known[at : at + size] for at in range(0, len(known), size)]
