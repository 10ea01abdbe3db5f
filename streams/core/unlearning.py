"""What has an account learned since a thief came in, and how does it forget that and no more?

A thief who gave a stolen second factor made device and network known. So the account notes what it learned, and when:
one entry for each value of a tally when it is met for the first time. `Familiar` values have their first time anyway.
Where a burst has pushed out what was noted, nobody can tell any more, and everything of the kind is forgotten: the
owner proves it anew.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from streams.core.familiar import (
    KEY_BYTES,
    Key,
    in_tally,
    joined,
    keys_last,
    keys_of,
    keys_since,
    known_before,
    tallied,
    tally,
    without_entries,
    without_keys,
)
from streams.core.login_risk.history import LoginHistory, forget
from streams.core.unmet import before
from streams.core.windows import DAY, Ring

if TYPE_CHECKING:
    from streams.core.observations import Observations

NOTED_MAX: Final = 24  # x 10 bytes: what a busy account learns in a month
LOST_MAX: Final = 24  # devices that may be stolen, and devices that were forgotten
HORIZON_S: Final = 30 * 86_400
# Tallies of an account, in the order of their number in a note.
TALLIES: Final = ("trusted", "login_networks", "agents", "systems", "login_countries", "networks")
_FIRST_SEEN: Final = ("devices", "ips", "countries", "merchants", "payees", "cards")
_NOTE = Struct("<B5sI")


def learn(obs: Observations, name: str, key: Key, cap: int, at_ms: int) -> None:
    """Counts `key` in the tally `name`, and notes it if it is new there."""
    known = getattr(obs, name)
    if not tallied(known, key):
        _note(obs, TALLIES.index(name), key, at_ms // 1000)
    setattr(obs, name, tally(known, key, cap))


def learned_s(obs: Observations, name: str, key: Key) -> int:
    """When `key` was met for the first time in the tally `name`, which has it; 0: before what the notes tell of."""
    number = TALLIES.index(name)
    notes = [_NOTE.unpack_from(obs.learned, at) for at in range(0, len(obs.learned), _NOTE.size)]
    return max((at_s for kind, noted, at_s in notes if (kind, noted) == (number, key)), default=obs.learned_lost_s)


def forget_since(obs: Observations, since_ms: int) -> None:
    """Nothing that was learned from `since_ms` on is known any more: devices, networks, programs, places, payees."""
    since_s = since_ms // 1000
    notes = [_NOTE.unpack_from(obs.learned, at) for at in range(0, len(obs.learned), _NOTE.size)]
    gone = [frozenset(key for kind, key, at_s in notes if kind == number and at_s >= since_s) for number in range(6)]
    is_lost = obs.learned_lost_s >= since_s > 0
    for name, keys in zip(TALLIES, gone, strict=True):
        setattr(obs, name, b"" if is_lost else without_keys(getattr(obs, name), keys))
    unknown = without_entries(obs.devices, keys_of(known_before(obs.devices, since_s)))
    obs.forgotten = joined(obs.forgotten, unknown, LOST_MAX)
    for name in _FIRST_SEEN:
        setattr(obs, name, known_before(getattr(obs, name), since_s))
    obs.learned = b"".join([_NOTE.pack(*note) for note in notes if note[2] < since_s])
    obs.doubted_ms, obs.doubted_from, obs.doubted_country = 0, (), b""
    obs.proved_ms, obs.proved_from = 0, b""
    obs.attempts = before(obs.attempts, since_s)
    if obs.credential_ms >= since_ms:
        obs.credential_from = ()
    obs.strange = Ring()  # what a thief had sent ahead is no part of what the owner sends
    if obs.place_ms >= since_ms:
        obs.place_ms, obs.place_device = 0, b""
    if obs.login_history is not None:
        devices, networks, agents, systems = gone[:4]
        if is_lost:
            obs.login_history = LoginHistory()
        else:
            forget(obs.login_history, keys_of(obs.ips), networks | systems, agents, devices)


def lose_devices(obs: Observations, since_ms: int, at_ms: int) -> None:
    """After a theft no device is known but the one on which the owner passed the check, if it names one.

    Whichever other one was used within a day before the freeze, or since, may be the one that was stolen; or else the
    one that was used last. So may one that was forgotten with the word of the theft, unless it was first met in that
    time: that is the owner's next one as well as the thief's. And what was lost before is no more found by a further
    theft than by its own check, unless a second factor has made it known before anybody came in.
    """
    kept = obs.checked_device
    if not kept:
        return
    trusted = frozenset(in_tally(obs.trusted))
    gone = (keys_of(obs.devices) | trusted) - {kept}
    before_s = (since_ms - DAY) // 1000
    lost = [key for key in keys_in(obs.lost) if key != kept and key not in trusted]
    forgotten = without_entries(obs.forgotten, keys_of(obs.devices))  # but for what was proved anew since
    for devices in (obs.devices, known_before(forgotten, before_s)):
        others = without_entries(devices, frozenset({kept}))
        used = keys_since(others, before_s) or frozenset(keys_last(others))
        lost += sorted(used - frozenset(lost))
    obs.lost, obs.lost_ms, obs.forgotten = b"".join(lost[-LOST_MAX:]), at_ms, b""
    obs.devices = without_entries(obs.devices, gone)
    obs.trusted = without_keys(obs.trusted, gone)
    if kept not in trusted:  # an account without any would be known by its networks alone
        obs.trusted = tally(obs.trusted, kept, len(trusted) + 1)
    if obs.login_history is not None:
        forget(obs.login_history, keys_of(obs.ips), frozenset(), frozenset(), gone)


def keys_in(keys: bytes) -> list[Key]:
    """The keys that stand one after the other."""
    return [keys[at : at + KEY_BYTES] for at in range(0, len(keys), KEY_BYTES)]


def _note(obs: Observations, number: int, key: Key, at_s: int) -> None:
    if not 0 <= at_s < 2**32:
        return
    notes = [obs.learned[at : at + _NOTE.size] for at in range(0, len(obs.learned), _NOTE.size)]
    notes = [note for note in notes if _NOTE.unpack(note)[2] > at_s - HORIZON_S]
    notes.append(_NOTE.pack(number, key, at_s))
    for lost in notes[:-NOTED_MAX]:
        obs.learned_lost_s = max(obs.learned_lost_s, _NOTE.unpack(lost)[2])
    obs.learned = b"".join(notes[-NOTED_MAX:])
