"""Who waits for a password to be hashed, and for whom does nobody wait?

A hash takes 64 MiB and a tenth of a second of every core on purpose, so hashes stand in line: one is worked out at a
time in a thread of its own, and pages are answered meanwhile. Strangers decide how many of them ask, so whoever is
known has another line, which they cannot make longer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from streams.console import passwords

T = TypeVar("T")

AGAIN_S: Final = 5  # about as long as a whole line takes
_IN_LINE: Final = 24
_OF_ONE: Final = 6  # so one place does not fill the line, and whoever shares it with a slip or two is let in


class LongLine(Exception):
    """So many wait already that one more would wait too long."""


class _Line:
    """One after the other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "passwords")
        self._waiting: Counter[str] = Counter()

    async def do(self, whose: str, work: Callable[[], T]) -> T:
        """What `work` returns. Raises LongLine. To be asked by one event loop."""
        if self._waiting.total() >= _IN_LINE or self._waiting[whose] >= _OF_ONE:
            raise LongLine
        self._waiting[whose] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= Counter({whose: 1})  # which forgets whoever waits no more


class Hashing:
    """The lines of a console: never more than two hashes at once."""

    def __init__(self) -> None:
        self._strangers = _Line()
        self._known = _Line()

    async def is_right(self, stored: str | None, password: str, *, whose: str, is_known: bool) -> bool:
        """As `passwords.is_right`. `whose`: what those have in common who must not fill a line. Raises LongLine."""
        line = self._known if is_known else self._strangers
        return await line.do(whose, lambda: passwords.is_right(stored, password))

    async def hash_of(self, password: str, *, whose: str) -> str:
        """As `passwords.hash_of`, for somebody who is signed in. Raises LongLine."""
        return await self._known.do(whose, lambda: passwords.hash_of(password))
