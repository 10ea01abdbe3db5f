"""How does a receiver know that it was us, now, and that nothing was changed?"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import blake2b, sha256
from typing import Final

HEADER: Final = "PayWarden-Signature"


def signature(secrets: Sequence[bytes], at_s: int, body: bytes) -> str:
    """`t=SECONDS,v1=HEX`: HMAC-SHA256 of SECONDS, a full stop and the body; of each secret that is valid now."""
    signed = b"%d." % at_s + body
    return ",".join([f"t={at_s}", *(f"v1={hmac.new(each, signed, sha256).hexdigest()}" for each in secrets)])


def wait_ms(key: str, attempts: int, first_ms: int, longest_ms: int) -> int:
    """How long to wait after so many failed attempts: twice as long each time, of which the upper half is jitter.

    The jitter is a hash of the message, so a restart waits as long and many messages do not come at once.
    """
    whole = min(longest_ms, first_ms * 2 ** min(attempts - 1, 40))
    share = int.from_bytes(blake2b(f"{key}\x1f{attempts}".encode(), digest_size=4).digest()) / 2**32
    return int(whole * (0.5 + share / 2))
