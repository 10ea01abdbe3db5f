"""Where does a name lead: outside, or into our own network?"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import Executor
from functools import partial
from ipaddress import IPv6Network, ip_address
from typing import Final

# Addresses that carry another one, which may be ours, to whoever translates them: NAT64 (RFC 6052, RFC 8215), 6to4
# (RFC 3056), IPv4-compatible (RFC 4291, 2.5.5.1); and those of a site (RFC 3879).
_CARRYING: Final = tuple(
    IPv6Network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "::/96", "fec0::/10")
)


async def addresses_of(host: str, port: int, asking: Executor | None = None) -> list[str]:
    """What the name resolves to now, asked in a thread of `asking`. Raises OSError if it has no address."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(asking, ask)
    return [str(each[4][0]) for each in found]


def is_public(address: str) -> bool:
    """Whether nothing of ours is there."""
    plain = ip_address(address.partition("%")[0])
    return plain.is_global and not plain.is_multicast and not any(plain in each for each in _CARRYING)
