"""A tiny writer of MaxMind's file format, enough for tests: IPv4 networks, maps, texts and numbers."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MARKER = b"\xab\xcd\xefMaxMind.com"


def write_mmdb(path: Path, networks: Mapping[str, Mapping[str, Any]]) -> Path:
    """`networks` must not overlap."""
    nodes: list[list[int | bytes | None]] = [[None, None]]
    for text, record in networks.items():
        network = ipaddress.IPv4Network(text)
        bits = f"{int(network.network_address):032b}"[: network.prefixlen]
        at = 0
        for bit in bits[:-1]:
            following = nodes[at][int(bit)]
            if following is None:
                nodes.append([None, None])
                following = nodes[at][int(bit)] = len(nodes) - 1
            assert isinstance(following, int)
            at = following
        nodes[at][int(bits[-1])] = _encoded(record)
    tree, data = b"", b""
    for node in nodes:
        for side in node:
            value = len(nodes) if side is None else side
            if isinstance(value, bytes):
                value, data = len(nodes) + 16 + len(data), data + value
            tree += value.to_bytes(3, "big")
    metadata = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_767_225_600,
        "database_type": "Test",
        "description": {"en": "made for a test"},
        "ip_version": 4,
        "languages": [],
        "node_count": len(nodes),
        "record_size": 24,
    }
    path.write_bytes(tree + bytes(16) + data + _MARKER + _encoded(metadata))
    return path


def _encoded(value: Any) -> bytes:
    match value:
        case Mapping():
            return bytes([7 << 5 | len(value)]) + b"".join(
                _encoded(key) + _encoded(each) for key, each in value.items()
            )
        case str():
            raw = value.encode()
            assert len(raw) < 29
            return bytes([2 << 5 | len(raw)]) + raw
        case int():
            raw = value.to_bytes(4, "big").lstrip(b"\0")
            return bytes([6 << 5 | len(raw)]) + raw
        case list():
            return bytes([len(value), 11 - 7]) + b"".join(map(_encoded, value))
        case _:
            raise TypeError(value)
