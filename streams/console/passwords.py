"""Is this the password, and may it be tried again?"""

from __future__ import annotations

from collections import OrderedDict
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
    """Failed sign-ins by name and by address: five in a quarter of an hour, then none for as long."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, list[int]] = OrderedDict()

    def allows(self, *keys: str, now_ms: int) -> bool:
        return all(len(self._recent(key, now_ms)) < _TRIES for key in keys)

    def failed(self, *keys: str, now_ms: int) -> None:
        for key in keys:
            self._failed[key] = [*self._recent(key, now_ms), now_ms][-_TRIES:]
            self._failed.move_to_end(key)
        while len(self._failed) > _REMEMBERED:
            self._failed.popitem(last=False)

    def _recent(self, key: str, now_ms: int) -> list[int]:
        return [at for at in self._failed.get(key, ()) if now_ms - at < _WINDOW_MS]
