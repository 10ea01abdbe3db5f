"""Where does a name lead: outside, or into our own network?"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address


async def addresses_of(host: str, port: int) -> list[str]:
    """What the name resolves to now. Raises OSError if it has no address."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def is_public(address: str) -> bool:
    """Whether nothing of ours is there."""
    plain = ip_address(address.partition("%")[0])
    return plain.is_global and not plain.is_multicast
