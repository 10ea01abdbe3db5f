"""Which address is meant? An IPv4 address may also be written the way IPv6 sockets see it: `::ffff:203.0.113.5`."""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(text: str) -> Address:
    """The address in the one form that is compared: of a mapped one (RFC 4291, 2.5.5.2) the IPv4 address.

    Raises ValueError for what is no address.
    """
    address = ipaddress.ip_address(text)
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def is_address(text: str) -> bool:
    """Whether it is one address, in whatever form."""
    try:
        address_of(text)
    except ValueError:
        return False
    return True


def plainly(ip: str) -> str:
    """`ip` as it is usually written, so that texts can be compared; what is no address stays as it is."""
    if ":" not in ip:
        return ip
    try:
        return str(address_of(ip))
    except ValueError:
        return ip
