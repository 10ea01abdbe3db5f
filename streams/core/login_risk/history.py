"""From where did this customer log in so far, in a few bytes that never grow?

A remembered context is its keys and a weight: one for each login, half as much after 90 days, which is what the six
months that matter come to (domain 5.1). Weights are as of a whole day, so the order of a day's logins is of no account.
When there are too many contexts, the lightest gives up its particular value and keeps the general ones: a customer
whose address changes daily is still known by network and country.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp2
from struct import Struct
from typing import NamedTuple, TypeAlias

import msgspec

from streams.core.familiar import Key, find
from streams.core.login_risk.context import LoginContext

Habit: TypeAlias = bytes  # entries of some keys and a weight

HALF_LIFE_DAYS = 90.0
DAY_MS = 86_400_000
# Of each login context 4 bytes are kept of a key: among ten, one new value in 4e8 is taken for a known one.
KEY_BYTES = 4
ADDRESSES_MAX = 10  # x 16 bytes
AGENTS_MAX = 6  # x 20
DEVICES_MAX = 6  # x 8
PACES_MAX = 8  # x 8
ALWAYS_BELOW = 0.5  # logins
_FORGOTTEN = 1 / 16  # a single login of a year ago
_WEIGHT_BYTES = 4
_ENTRIES = tuple(Struct(f"<{levels * KEY_BYTES}sf") for levels in range(5))  # keys of so many levels, and a weight


class LoginHistory(msgspec.Struct, array_like=True, gc=False):
    """What an account's trusted logins came from; at most about 450 bytes, of most customers below 120."""

    day: int = 0  # of the weights
    addresses: Habit = b""
    agents: Habit = b""
    devices: Habit = b""
    paces: Habit = b""
    # The last login that was asked for a second factor: it counts when the factor is given.
    doubted_ms: int = 0
    doubted: tuple[Key, ...] = ()
    # The last second factor, for systems that ask for it before they tell of the login: when, and from which address.
    proved_ms: int = 0
    proved: Key = b""
    # Logins whose device or address was new then, weighed like the others; the first one is none.
    new_devices: float = 0.0
    new_addresses: float = 0.0
    # Logins that named no device, or no user agent, of a customer who has named one; weighed like the others.
    bare_devices: float = 0.0
    bare_agents: float = 0.0
    proved_device: Key = b""  # of the last second factor; empty: it named none

    def logins(self, day: int) -> float:
        """How many logins are remembered, each by its weight on that day."""
        return sum(memoryview(self.addresses).cast("f")[3::4].tolist()) * faded(day - self.day)


def faded(days: int) -> float:
    """What is left of a weight after so many days."""
    return exp2(-max(0, days) / HALF_LIFE_DAYS)


def learn(history: LoginHistory, context: LoginContext, day: int) -> None:
    """One trusted login more."""
    fade, weight = faded(day - history.day), faded(history.day - day)
    history.day = max(history.day, day)
    is_new = news(history, context)
    history.new_addresses = history.new_addresses * fade + (weight if is_new.address else 0.0)
    history.new_devices = history.new_devices * fade + (weight if is_new.device else 0.0)
    _note_bare(history, context, fade, weight)
    device = () if context.device is None else (context.device,)
    pace = () if context.pace is None else (context.pace,)
    history.addresses = _with(history.addresses, 3, context.address, weight, fade, ADDRESSES_MAX, 1)
    history.agents = _with(history.agents, 4, context.agent or (), weight, fade, AGENTS_MAX, 2)
    history.devices = _with(history.devices, 1, device, weight, fade, DEVICES_MAX)
    history.paces = _with(history.paces, 1, pace, weight, fade, PACES_MAX)


def forget(
    history: LoginHistory,
    addresses: frozenset[Key],
    systems: frozenset[Key],
    agents: frozenset[Key],
    devices: frozenset[Key],
) -> None:
    """Keeps of addresses only `addresses`, and nothing of the systems, agents and devices that are named.

    What has given up its address goes with its system; a second factor that was given is none any more.
    """

    def short(keys: frozenset[Key]) -> frozenset[bytes]:
        return frozenset(key[:KEY_BYTES] for key in keys)

    kept, gone = short(addresses) | {bytes(KEY_BYTES)}, short(systems)
    history.addresses = _those(
        history.addresses, 3, lambda own: own[:KEY_BYTES] in kept and own[KEY_BYTES : 2 * KEY_BYTES] not in gone
    )
    agents, devices = short(agents), short(devices)
    history.agents = _those(history.agents, 4, lambda own: own[:KEY_BYTES] not in agents)
    history.devices = _those(history.devices, 1, lambda own: own not in devices)
    history.doubted_ms, history.doubted, history.proved_ms, history.proved = 0, (), 0, b""
    most = history.logins(history.day)
    history.bare_devices, history.bare_agents = min(history.bare_devices, most), min(history.bare_agents, most)
    history.new_devices, history.new_addresses = min(history.new_devices, most), min(history.new_addresses, most)


def _those(habit: Habit, levels: int, wanted: Callable[[bytes], bool]) -> Habit:
    entry = _ENTRIES[levels]
    return b"".join([entry.pack(own, left) for own, left in entry.iter_unpack(habit) if wanted(own)])


def _note_bare(history: LoginHistory, context: LoginContext, fade: float, weight: float) -> None:
    """Counts a login that leaves something out. Of whoever has named nothing yet, all logins so far did."""
    so_far = 0.0 if history.devices and history.agents else history.logins(history.day) * fade
    bare = history.bare_devices * fade if history.devices else so_far
    history.bare_devices = bare + weight if context.device is None else bare
    bare = history.bare_agents * fade if history.agents else so_far
    history.bare_agents = bare + weight if context.agent is None else bare


class Withheld(NamedTuple):
    """What a login leaves out although the customer is known by it."""

    device: bool
    agent: bool


def withheld(history: LoginHistory, context: LoginContext) -> Withheld:
    """A program that is told to say less must not be taken for one that has nothing to say."""
    return Withheld(
        context.device is None and bool(history.devices),
        context.agent is None and bool(history.agents),
    )


def always_names(history: LoginHistory, day: int) -> Withheld:
    """What the customer names in every login, so far as is remembered: one without it 90 days ago is an exception."""
    fade = faded(day - history.day)
    return Withheld(
        bool(history.devices) and history.bare_devices * fade < ALWAYS_BELOW,
        bool(history.agents) and history.bare_agents * fade < ALWAYS_BELOW,
    )


def is_unlike(history: LoginHistory, context: LoginContext, day: int) -> bool:
    """Whether the login leaves out what this customer has always named: it is by an unknown device then."""
    left_out, always = withheld(history, context), always_names(history, day)
    return (left_out.device and always.device) or (left_out.agent and always.agent)


class News(NamedTuple):
    """What of a login is new to the customer; None where there is nothing to compare it with."""

    address: bool | None
    device: bool | None


def news(history: LoginHistory, context: LoginContext) -> News:
    """Whether address and device were never seen in a trusted login, as far as is remembered."""
    return News(
        _is_new(history.addresses, 3, context.address[0]) if history.addresses else None,
        _is_new(history.devices, 1, context.device) if history.devices and context.device is not None else None,
    )


def _is_new(habit: Habit, levels: int, key: Key) -> bool:
    return find(habit, key[:KEY_BYTES], levels * KEY_BYTES + _WEIGHT_BYTES) < 0


class Shares(NamedTuple):
    """How much of the weight has each of some keys, and the weight."""

    of: list[float]
    weight: float  # as of the history's day


def shares(habit: Habit, keys: Sequence[Key]) -> Shares | None:
    """None where nothing is remembered."""
    if not habit:
        return None
    step = len(keys) + 1
    weights = memoryview(habit).cast("f")[step - 1 :: step].tolist()
    words = memoryview(habit).cast("I")
    weight = sum(weights)
    found = []
    for level, key in enumerate(keys):
        wanted = int.from_bytes(key[:KEY_BYTES], "little")
        own = 0.0
        for value, each in zip(words[level::step].tolist(), weights):  # noqa: B905 (a tenth of the time)
            if value == wanted:
                own += each
        found.append(own / weight)
    return Shares(found, weight)


def _with(
    habit: Habit, levels: int, keys: Sequence[Key], weight: float, fade: float, most: int, particular: int = 0
) -> Habit:
    """`habit` faded, with one login from `keys` if there are any; of the first, `particular` many may be given up."""
    if not keys and (not habit or fade == 1.0):
        return habit
    entry = _ENTRIES[levels]
    entries = {value: left for value, was in entry.iter_unpack(habit) if (left := was * fade) >= _FORGOTTEN}
    if keys:
        own = b"".join([key[:KEY_BYTES] for key in keys])
        entries[own] = entries.get(own, 0.0) + weight
        while len(entries) > most:
            _make_room(entries, own, particular * KEY_BYTES)
    return b"".join([entry.pack(value, left) for value, left in entries.items()])


def _make_room(entries: dict[bytes, float], own: bytes, particular: int) -> None:
    """One entry less: the lightest joins its like under what is general about them, or goes if it has none."""
    others = [entry for entry in entries if entry != own]
    lightest = min(others, key=entries.__getitem__)  # of equals the one seen first
    lost = entries.pop(lightest)
    if not particular:
        return
    general = bytes(particular) + lightest[particular:]
    alike = [entry for entry in others if entry != lightest and entry[particular:] == lightest[particular:]]
    if alike:
        joined = general if general in alike else min(alike, key=entries.__getitem__)
        entries[general] = entries.pop(joined) + lost
