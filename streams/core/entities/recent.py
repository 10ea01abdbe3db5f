"""Which distinct members (user names, cards) did an entity show lately, in a size that a flood cannot exceed?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

# Thresholds of the detectors are far below: an entity with 64 distinct members in a window has long been noticed.
MEMBERS_MAX = 64
ATTEMPTS_MAX = 64
MARK_BITS = 48


def mark(text: str) -> int:
    """48 bits that stand for `text`: nobody can choose two names that collide, and no name is kept."""
    return int.from_bytes(blake2b(text.encode(), digest_size=MARK_BITS // 8).digest(), "big")


def is_sampled(text: str, one_in: int) -> bool:
    """Whether `text` is one of every so many, chosen by nobody: by a hash."""
    return mark(text) % one_in == 0


def see(members: dict[int, int], member: int, at_ms: int, limit: int = MEMBERS_MAX) -> None:
    """Moves `member` to the end of `members`, which are kept oldest first; the oldest makes room."""
    members.pop(member, None)
    members[member] = at_ms
    if len(members) > limit:
        del members[next(iter(members))]


def forget_before(members: dict[int, int], oldest_ms: int) -> None:
    """Drops members last seen at or before `oldest_ms`."""
    while members:
        member = next(iter(members))
        if members[member] > oldest_ms:
            return
        del members[member]


def spread(members: Iterable[int], origins: Mapping[int, int], most: int) -> int:
    """How many members there are if one origin may contribute at most `most`; one without origin is its own.

    An attack that one origin explains is that origin's case; the wider entity counts what is left.
    """
    found = Counter(origins.get(member, member) for member in members)
    return sum(min(count, most) for count in found.values())


class Tally:
    """Codes that one attempt adds to a list of `ms * 4 + code`: what happened, in one integer."""

    GOOD = 0  # an attempt that was not refused (yet)
    REFUSED_LATER = 1  # the refusal of an attempt that was counted before
    REFUSED = 2  # an attempt and its refusal at once


def tally(attempts: list[int], at_ms: int, code: int, oldest_ms: int) -> None:
    """Adds an attempt and drops what is at or before `oldest_ms`, or too much."""
    attempts.append(at_ms * 4 + code)
    drop = max(0, len(attempts) - ATTEMPTS_MAX)
    while attempts[drop] // 4 <= oldest_ms:
        drop += 1
    del attempts[:drop]


def _codes(attempts: list[int]) -> Iterator[int]:
    return (entry & 3 for entry in attempts)


def counts(attempts: list[int]) -> tuple[int, int]:
    """(attempts, refusals) of the list."""
    later = refused = 0
    for code in _codes(attempts):
        later += code == Tally.REFUSED_LATER
        refused += code != Tally.GOOD
    return len(attempts) - later, refused
