"""How many different members did a week have, in a size that does not grow with them?

A theta sketch per day: of the members' hashes, which are spread evenly, only the smallest are kept. While there is room
the count is exact; afterwards the share of all hashes that lies below the largest one kept says how many there were
(Dasgupta et al., "A Framework for Estimating Stream Expression Cardinalities", 2016).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from streams.core.entities.recent import MARK_BITS

_SPACE = float(1 << MARK_BITS)


def keep(smallest: list[int], member: int, most: int) -> None:
    """Adds the hash of a member to a rising list of at most `most`."""
    if len(smallest) >= most and member >= smallest[-1]:
        return
    if member in smallest:
        return
    insort(smallest, member)
    del smallest[most:]


def different(parts: Sequence[Sequence[int]], most: int) -> int:
    """How many different members the parts have together; within about 1 / sqrt(most) of the truth."""
    union = {member for part in parts for member in part}
    full = [part[-1] for part in parts if len(part) >= most]
    if not full:
        return len(union)
    theta = min(full)
    return round(sum(member < theta for member in union) / (theta / _SPACE))
