"""Is this the password, and may it be tried again?"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from hashlib import sha256
from math import ceil
from threading import Lock
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from streams.adapters.case_store.people import KNOWN_MS

LEAST: Final = 12  # characters of a password
MOST: Final = 256
_WINDOW_MS: Final = 15 * 60_000
# Failures within a window after which no more are taken. Guessing one person's password from one place ends at the
# first; the others end guessing from many places, and of many names. All together a window holds fewer keys than are
# remembered, so nobody makes a count forgotten by more tries.
_GUESSES: Final = 5
_OF_A_NAME: Final = 50
_FROM_A_PLACE: Final = 100
_IN_ALL: Final = 2_000
_REMEMBERED: Final = 10_000

_hasher = PasswordHasher()
# Checked for names that nobody has, so that an answer takes as long.
_NOBODY: Final = _hasher.hash("nobody has this password")


def hash_of(password: str) -> str:
    """Argon2id with the library's parameters."""
    return _hasher.hash(password)


def is_right(stored: str | None, password: str) -> bool:
    """Whether `password` is the one that was hashed; takes as long without one."""
    if len(password) > MOST:
        return False
    try:
        return _hasher.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


class Tries:
    """Tries that failed within a quarter of an hour, by what they have in common.

    One that is under way counts as failed until it is known to be right: hashing takes long enough for many others to
    begin meanwhile.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[str, list[int]] = OrderedDict()
        self._lock = Lock()  # pages run in threads

    def begin(self, most: Mapping[str, int], *, now_ms: int) -> int:
        """Counts a try for every key, of which each has its most.

        0 if it may be made, else in how many seconds one may; nothing counts then.
        """
        with self._lock:
            recent = {key: self._recent(key, now_ms) for key in most}
            full = [made[-limit] for key, limit in most.items() if len(made := recent[key]) >= limit]
            if full:
                return max(1, ceil((max(full) + _WINDOW_MS - now_ms) / 1000))
            for key, made in recent.items():
                self._failed[key] = [*made, now_ms]
                self._failed.move_to_end(key)
            while len(self._failed) > _REMEMBERED:
                self._failed.popitem(last=False)
            return 0

    def was_right(self, keys: Iterable[str], *, began_ms: int) -> None:
        """Takes back what `begin` has counted then."""
        with self._lock:
            for key in keys:
                made = self._failed.get(key, [])
                if began_ms in made:
                    made.remove(began_ms)
                if not made:
                    self._failed.pop(key, None)

    def _recent(self, key: str, now_ms: int) -> list[int]:
        return [at for at in self._failed.get(key, ()) if now_ms - at < _WINDOW_MS]


class Doors:
    """Which failures count against whom, so that strangers shut nobody out.

    A browser in which somebody has signed in before has a count of its own (OWASP, device cookies), and so has a place
    from which they have: what others try elsewhere, or under other names, is not held against them there. Places are
    remembered by the case store, browsers by a cookie.
    """

    def __init__(self) -> None:
        self._tries = Tries()

    def signs_in(self, name: str, place: str, *, browser: str = "", is_known: bool = False) -> Mapping[str, int]:
        """What a try to sign in counts for.

        `browser`: the mark of one that is known as the name's, or empty; `is_known`: they have signed in from `place`.
        """
        name = folded(name)
        if browser:
            return {f"browser {browser}": _GUESSES}
        here = {f"name {name} from {place}": _GUESSES}
        if is_known:
            return here
        return here | {f"name {name}": _OF_A_NAME, f"from {place}": _FROM_A_PLACE, "all": _IN_ALL}

    def agrees(self, first: str, second: str) -> Mapping[str, int]:
        """What a try of a second person's password counts for: only who is signed in makes one."""
        return {f"second {folded(second)} of {folded(first)}": _GUESSES}

    def proves(self, name: str) -> Mapping[str, int]:
        """What a try of somebody's own password counts for, of whoever has their session."""
        return {f"own {folded(name)}": _GUESSES}

    def begin(self, most: Mapping[str, int], now_ms: int) -> int:
        """As `Tries.begin`."""
        return self._tries.begin(most, now_ms=now_ms)

    def was_right(self, most: Mapping[str, int], began_ms: int) -> None:
        """Takes a try back that was right."""
        self._tries.was_right(most, began_ms=began_ms)


def marked_browser(name: str, token: str, now_ms: int) -> str:
    """What the cookie of a browser says in which `name` has begun the session of `token`; to be sealed."""
    return f"{now_ms} {sha256(f'browser {token}'.encode()).hexdigest()[:16]} {name}"


def known_browser(said: str, name: str, now_ms: int) -> str:
    """The mark of the browser whose cookie says so, if it is known as that of `name`; else nothing."""
    at_ms, _, rest = said.partition(" ")
    mark, _, whose = rest.partition(" ")
    is_recent = at_ms.isdigit() and now_ms - int(at_ms) < KNOWN_MS
    return mark if is_recent and folded(whose) == folded(name) else ""


def folded(name: str) -> str:
    """What counts are kept under: a name however it is typed."""
    return name.casefold()[:128]
