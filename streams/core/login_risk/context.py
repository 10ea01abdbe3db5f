"""From what does somebody log in: address, network, country, browser, system, device, distance?

Every value is a short key, made once per string. The user agent is read by ua-parser: 50 us the first time, then from
memory. A feed without system numbers is told apart by network (IPv4 /24, IPv6 /48); without countries, by nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ua_parser import parse

from streams.contracts.logins import Login
from streams.core.familiar import Key, key_of, network_key, number_key

PACE_MS = 10  # round-trip times that lie in the same step of this width are the same distance
_PACES = 255  # 2.5 s and more are one step
_HANDHELD = frozenset({"Android", "iOS", "HarmonyOS", "KaiOS", "Windows Phone", "Tizen", "BlackBerry OS"})


class LoginContext(NamedTuple):
    """The factors of the score, each from the most particular value to the most general one."""

    address: tuple[Key, Key, Key]  # address, autonomous system (else its network), country
    agent: tuple[Key, Key, Key, Key] | None  # the whole string, browser, operating system, kind of device
    device: Key | None
    pace: Key | None  # round-trip time


def context_of(login: Login) -> LoginContext:
    """What the event says about where it comes from."""
    system = number_key(login.asn) if login.asn is not None else network_key(login.ip)
    return LoginContext(
        (key_of(login.ip), system, key_of(login.country or "")),
        _agent(login.user_agent) if login.user_agent is not None else None,
        key_of(login.device_id) if login.device_id is not None else None,
        number_key(min(int(login.rtt_ms / PACE_MS), _PACES)) if login.rtt_ms is not None else None,
    )


@lru_cache(maxsize=16384)  # some 8 MB; most customers of a site share some thousand strings
def _agent(text: str) -> tuple[Key, Key, Key, Key]:
    found = parse(text)
    browser = f"{found.user_agent.family} {found.user_agent.major}" if found.user_agent is not None else ""
    system = f"{found.os.family} {found.os.major}" if found.os is not None else ""
    return key_of(text), key_of(browser), key_of(system), key_of(_kind(text))


def _kind(text: str) -> str:
    found = parse(text)
    device = found.device.family if found.device is not None else ""
    if device == "Spider":
        return "bot"
    if device == "iPad" or "Tablet" in text:
        return "tablet"
    if found.os is None:
        return ""
    return "phone" if found.os.family in _HANDHELD else "computer"
