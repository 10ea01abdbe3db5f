"""How often does anybody log in from such an address, network, browser or distance?

One table per accounts partition, of the trusted logins of its accounts: partitions hold accounts by hash, so each of
them has a fair sample of all (ADR 0021). Bounded by caps on values, by halving every 90 days, and by looking at one
login in 16 once there are enough of them.
"""

from __future__ import annotations

from zlib import crc32

import msgspec

from streams.core.familiar import TALLY_BYTES, Key, Tally, halved, tallied, tally
from streams.core.login_risk.context import LoginContext
from streams.core.login_risk.history import LoginHistory, news, withheld
from streams.core.login_risk.releases import Release

EPOCH_DAYS = 90
SAMPLED_FROM = 4_096  # logins; until then every one counts
ONE_IN = 16
ADDRESSES_MAX = 256  # an address with one login in 256 stays
SYSTEMS_MAX = 256
COUNTRIES_MAX = 64
AGENTS_MAX = 512
BROWSERS_MAX = 256
PLATFORMS_MAX = 128
KINDS_MAX = 8
PACES_MAX = 64


class Frequencies(msgspec.Struct, array_like=True, gc=False):
    """Counts of trusted logins; at most 18 KiB. Changed by `count`, while events are prepared, and by nobody else."""

    epoch: int = 0  # number of the 90 days since 1970 that are being counted
    logins: int = 0
    users: int = 0  # who logged in during those 90 days, and half of the ones before
    with_agent: int = 0
    with_pace: int = 0
    addresses: Tally = b""
    systems: Tally = b""
    countries: Tally = b""
    agents: Tally = b""
    browsers: Tally = b""
    platforms: Tally = b""
    kinds: Tally = b""
    paces: Tally = b""
    with_device: int = 0  # logins of people who had named a device before
    new_devices: int = 0  # ... and now came with another one
    returning: int = 0  # logins of people who had logged in before
    new_addresses: int = 0  # ... and now came from another address
    bare_devices: int = 0  # logins without a device of people who had named one before
    bare_agents: int = 0  # logins without a user agent of people who had named one before
    releases: dict[str, Release] = {}  # versions of programs that come home with new devices; at most 8

    def address_counts(self, keys: tuple[Key, Key, Key]) -> tuple[int, int, int]:
        """Logins from this address, this system, this country."""
        address, system, country = keys
        return tallied(self.addresses, address), tallied(self.systems, system), tallied(self.countries, country)

    def agent_counts(self, keys: tuple[Key, Key, Key, Key]) -> tuple[int, int, int, int]:
        """Logins with this user agent, browser, operating system, kind of device."""
        agent, browser, platform, kind = keys
        return (
            tallied(self.agents, agent),
            tallied(self.browsers, browser),
            tallied(self.platforms, platform),
            tallied(self.kinds, kind),
        )

    @property
    def general_addresses(self) -> int:
        """How many different systems and countries there are."""
        return (len(self.systems) + len(self.countries)) // TALLY_BYTES

    @property
    def general_agents(self) -> int:
        """How many different browsers, operating systems and kinds of device there are."""
        return (len(self.browsers) + len(self.platforms) + len(self.kinds)) // TALLY_BYTES


def count(known: Frequencies, context: LoginContext, event_id: str, day: int, history: LoginHistory) -> None:
    """One trusted login more; `history` is the account's from before it."""
    epoch = day // EPOCH_DAYS
    if epoch > known.epoch:
        _halve(known, epoch - known.epoch)
        known.epoch = epoch
    if known.logins >= SAMPLED_FROM and crc32(event_id.encode()) % ONE_IN:
        return
    known.logins += 1
    if not history.addresses or history.day // EPOCH_DAYS < epoch:
        known.users += 1
    address, system, country = context.address
    known.addresses = tally(known.addresses, address, ADDRESSES_MAX)
    known.systems = tally(known.systems, system, SYSTEMS_MAX)
    known.countries = tally(known.countries, country, COUNTRIES_MAX)
    if context.agent is not None:
        agent, browser, platform, kind = context.agent
        known.with_agent += 1
        known.agents = tally(known.agents, agent, AGENTS_MAX)
        known.browsers = tally(known.browsers, browser, BROWSERS_MAX)
        known.platforms = tally(known.platforms, platform, PLATFORMS_MAX)
        known.kinds = tally(known.kinds, kind, KINDS_MAX)
    is_new = news(history, context)
    if is_new.address is not None:
        known.returning += 1
        known.new_addresses += is_new.address
    if is_new.device is not None:
        known.with_device += 1
        known.new_devices += is_new.device
    left_out = withheld(history, context)
    known.bare_devices += left_out.device
    known.bare_agents += left_out.agent
    if context.pace is not None:
        known.with_pace += 1
        known.paces = tally(known.paces, context.pace, PACES_MAX)


_TOTALS = (
    "logins",
    "users",
    "with_agent",
    "with_pace",
    "with_device",
    "new_devices",
    "returning",
    "new_addresses",
    "bare_devices",
    "bare_agents",
)


def _halve(known: Frequencies, times: int) -> None:
    times = min(times, 32)
    for name in _TOTALS:
        setattr(known, name, getattr(known, name) >> times)
    for name in ("addresses", "systems", "countries", "agents", "browsers", "platforms", "kinds", "paces"):
        setattr(known, name, halved(getattr(known, name), times))
