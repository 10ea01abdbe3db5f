"""Where does a request come from, as far as limits are concerned?"""

from __future__ import annotations

from ipaddress import IPv6Network, ip_address
from typing import Final

from fastapi import Request

_PREFIX: Final = 64  # bits of an IPv6 address: whoever has one has all that begin so


def place_of(request: Request) -> str:
    """The address that asks (behind a trusted proxy the one that the proxy names); of IPv6 its network."""
    host = "" if request.client is None else request.client.host
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return str(address)
    mapped = address.ipv4_mapped
    return str(mapped or IPv6Network((int(address), _PREFIX), strict=False))
