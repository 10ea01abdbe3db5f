"""Has a new version of the app given everybody a new device id?

Then all its users come with unknown devices, the right password, and from where they always are. One attacker cannot
bring that about for others: it needs many accounts whose owners are at home. While it lasts, a new device of that
version is taken for the owner's if it comes from a network (/24, /48) that the account knows, with a system and kind of
device that it knows. From everywhere else it says what it always does, so claiming the version opens no door.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

from streams.contracts.logins import LoginSucceeded
from streams.core.entities.recent import mark
from streams.core.familiar import Tally, key_of, network_key, tallied
from streams.core.login_risk.context import LoginContext
from streams.core.login_risk.history import LoginHistory, shares

WINDOW_S: Final = 3_600
# While it is known, so many of the accounts that it took to notice it show in an hour that it goes on.
_STILL: Final = 0.1
VERSIONS_MAX: Final = 8
_MARK_BYTES: Final = 8
_ACCOUNTS_MAX: Final = 64
_PRODUCT: Final = re.compile(r"([A-Za-z][\w.-]{0,31})/(\d[\w.]{0,15})")
# Parts of a user agent that say which engine draws, not which program it is.
_ENGINES: Final = frozenset({"mozilla", "applewebkit", "gecko", "version", "mobile", "safari", "khtml"})


class Release(msgspec.Struct, array_like=True, gc=False):
    """Who came home with one version lately: at most 64 accounts with new devices, and how many logins in all."""

    began_s: int = 0
    new: bytes = b""
    logins: int = 0
    until_s: int = 0  # a new device of this version says nothing until then


@lru_cache(maxsize=16384)
def version_of(user_agent: str) -> str:
    """The program and its version as the user agent names them, "wallet/5.3"; empty where it names only an engine."""
    named = [f"{name}/{version}" for name, version in _PRODUCT.findall(user_agent) if name.lower() not in _ENGINES]
    return named[-1].lower() if named else ""


def comes_home(login: LoginSucceeded, context: LoginContext, history: LoginHistory, networks: Tally) -> bool:
    """Whether the account knows the network, and a program on such a system and kind of device, and has named one."""
    if context.agent is None or not history.devices or not tallied(networks, network_key(login.ip)):
        return False
    known = shares(history.agents, context.agent)
    return known is not None and known.of[2] > 0.0 and known.of[3] > 0.0


def is_excused(releases: dict[str, Release], login: LoginSucceeded, at_ms: int) -> bool:
    """Whether the version has given everybody a new device."""
    if not releases or login.user_agent is None:
        return False
    release = releases.get(version_of(login.user_agent))
    return release is not None and at_ms // 1000 < release.until_s


def note(
    releases: dict[str, Release],
    login: LoginSucceeded,
    trusted: Tally,
    at_ms: int,
    *,
    accounts: int,
    share: float,
    lasts_s: int,
) -> str:
    """Counts a login of somebody who comes home.

    The version if its new devices are excused from now on, or if the hour that has ended shows that they still come;
    else empty.
    """
    version = version_of(login.user_agent or "")
    if not version or login.device_id is None:
        return ""
    at_s = at_ms // 1000
    release = releases.pop(version, None) or Release(at_s)
    while len(releases) >= VERSIONS_MAX:
        del releases[min(releases, key=lambda each: (releases[each].until_s, releases[each].began_s))]
    releases[version] = release
    is_known, goes_on = at_s < release.until_s, False
    if at_s - release.began_s >= WINDOW_S:
        goes_on = is_known and _resets(release, max(2, int(accounts * _STILL)), share)
        release.began_s, release.new, release.logins = at_s, b"", 0
    release.logins += 1
    if not tallied(trusted, key_of(login.device_id)):
        account = mark(login.account_id).to_bytes(_MARK_BYTES, "little")
        if not _holds(release.new, account) and len(release.new) < _ACCOUNTS_MAX * _MARK_BYTES:
            release.new += account
    if is_known:
        return version if goes_on else ""
    if not _resets(release, accounts, share):
        return ""
    release.until_s = at_s + lasts_s
    return version


def _resets(release: Release, accounts: int, share: float) -> bool:
    """Whether so many accounts came with new devices, and they are this share of the logins."""
    number = len(release.new) // _MARK_BYTES
    return number >= accounts and number >= share * release.logins


def _holds(marks: bytes, own: bytes) -> bool:
    return any(marks[at : at + _MARK_BYTES] == own for at in range(0, len(marks), _MARK_BYTES))
