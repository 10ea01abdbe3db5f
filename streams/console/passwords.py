"""Is this the password, and may it be tried again?"""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from threading import Lock
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST: Final = 12  # characters of a password
MOST: Final = 256
_TRIES: Final = 5
_WINDOW_MS: Final = 15 * 60_000
_REMEMBERED: Final = 10_000  # names and addresses; beyond, the oldest are forgotten

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
    """Sign-ins by name and by address: five that fail in a quarter of an hour, then none for as long.

    One that is under way counts as failed until it is known to be right: hashing takes long enough for many others to
    begin meanwhile.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[str, list[int]] = OrderedDict()
        self._lock = Lock()  # pages run in threads

    def begin(self, *keys: str, now_ms: int) -> int:
        """Counts a try for every key. 0 if it may be made, else in how many seconds one may; nothing counts then."""
        with self._lock:
            recent = {key: self._recent(key, now_ms) for key in keys}
            full = [made[0] for made in recent.values() if len(made) >= _TRIES]
            if full:
                return max(1, ceil((max(full) + _WINDOW_MS - now_ms) / 1000))
            for key, made in recent.items():
                self._failed[key] = [*made, now_ms]
                self._failed.move_to_end(key)
            while len(self._failed) > _REMEMBERED:
                self._failed.popitem(last=False)
            return 0

    def was_right(self, *keys: str, began_ms: int) -> None:
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
