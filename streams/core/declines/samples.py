"""Was this unknown code put before people lately? Ten thousand failures with a new code are one case, not as many."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

SAMPLES_MAX = 256  # codes; more are counted and shown on each triage, but open no case of their own
AGAIN_MS = 7 * 86_400_000


class Samples(msgspec.Struct, array_like=True):
    """Unknown codes of one partition and when each was last sampled; part of the partition's state."""

    taken: dict[int, int] = msgspec.field(default_factory=dict)

    def take(self, source: str, code: str, at_ms: int) -> bool:
        """Whether to open a case about this code now: once a week."""
        key = int.from_bytes(blake2b(f"{source}\x1f{code}".encode(), digest_size=6).digest(), "big")
        taken = self.taken.get(key)
        if taken is not None and at_ms < taken + AGAIN_MS:
            return False
        if taken is None and len(self.taken) >= SAMPLES_MAX:
            self.taken = {known: when for known, when in self.taken.items() if at_ms < when + AGAIN_MS}
            if len(self.taken) >= SAMPLES_MAX:
                return False
        self.taken[key] = at_ms
        return True
