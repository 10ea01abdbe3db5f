"""Which values can a field of an event hold? A policy that looks for any other has a mistake in it."""

from __future__ import annotations

import ipaddress
from typing import Any, TypeAlias

import msgspec

from streams.contracts.base import Bin, Country, Currency, Label, Mcc

# What each of these fields is made of; the others hold any id.
_SHAPES: dict[str, tuple[Any, str]] = {
    "app_version": (Label, "has at most 64 characters"),
    "bin": (Bin, "has six to eight digits"),
    "country": (Country, "is two capital letters (ISO 3166-1)"),
    "currency": (Currency, "is three capital letters (ISO 4217)"),
    "mcc": (Mcc, "is four digits (ISO 18245)"),
}

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # RFC 4291, 2.5.5.2: IPv4 addresses as IPv6 sockets see them


def value_problem(field: str, value: str) -> str | None:
    """Why no event can hold this value in that field; of `ip` also networks are known."""
    if field == "ip":
        try:
            network_of(value)
        except ValueError as error:
            return f"{value!r} is neither an address nor a network ({error})"
    elif field in _SHAPES:
        shape, words = _SHAPES[field]
        try:
            msgspec.convert(value, shape)
        except msgspec.ValidationError:
            return f"{value!r} is no {field}, which {words}"
    return None


def network_of(value: str) -> Network:
    """The network in the one form that is compared: of mapped addresses the IPv4 network. Raises ValueError."""
    network = ipaddress.ip_network(value)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        first = network.network_address.ipv4_mapped
        assert first is not None
        return ipaddress.IPv4Network((first, network.prefixlen - _MAPPED.prefixlen))
    return network
