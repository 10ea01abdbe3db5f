"""Has this account met this device, merchant, payee, address or card before, since when and how often?

Values are remembered as 64-bit hashes: stable across processes, useless to a reader of the state, and too long for a
collision to be made on purpose. Each map is bounded; the one not seen for longest is forgotten first.
"""

from __future__ import annotations

import hashlib
import ipaddress
from functools import lru_cache

# value hash -> [first seen, last seen (seconds since 1970), times seen]; ordered by last seen, the most recent last.
Familiar = dict[int, list[int]]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


# Devices, merchants and addresses come back within minutes, so most events find theirs here (0.1 instead of 1 us).
# 65,536 entries are about 12 MB.
key_of = lru_cache(maxsize=65536)(_hash)
# A movement's id is asked for twice in a row (features, then folding) and rarely again; 32 bits tell 64 ids apart.
movement_key = lru_cache(maxsize=1024)(lambda text: _hash(text) & 0xFFFFFFFF)


@lru_cache(maxsize=65536)
def network_key(ip: str) -> int:
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


def meet(known: Familiar, key: int, at_s: int, cap: int, late: bool) -> None:
    """Remember that `key` was seen. `late`: something newer may be in the map, so its order must be restored."""
    entry = known.pop(key, None)
    if entry is None:
        entry = [at_s, at_s, 1]
    else:
        if at_s > entry[1]:
            entry[1] = at_s
        elif at_s < entry[0]:
            entry[0] = at_s
        entry[2] += 1
    known[key] = entry
    if late:
        ordered = sorted(known.items(), key=_last_seen)
        known.clear()
        known.update(ordered)
    if len(known) > cap:
        del known[next(iter(known))]


def _last_seen(item: tuple[int, list[int]]) -> tuple[int, int]:
    return item[1][1], item[0]


def different(known: Familiar, after_s: int) -> int:
    """How many were last seen after `after_s`."""
    if not known:
        return 0
    found = 0
    for entry in reversed(known.values()):
        if entry[1] <= after_s:
            break
        found += 1
    return found
