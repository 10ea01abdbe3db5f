"""How does an address name a person, card or device without telling who that is?

What stands in links, forms and addresses is sealed under a key of the deployment: the same thing always has the same
reference, and without the key nothing can be read out of one, tried out or made up (AES-SIV, RFC 5297). Nothing has to
be kept to read it again, so what is forgotten needs no forgetting here.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

MARK: Final = "~"  # begins a reference: no id of ours does
_BLOCK: Final = 32  # so that the length of a reference hardly tells that of an id
_LONGEST: Final = 1_024


class References:
    """Makes and reads references. Whoever has the secret can read all of them."""

    def __init__(self, secret: bytes) -> None:
        self._sealed = AESSIV(blake2b(secret, digest_size=64, person=b"console refs").digest())

    def of(self, kind: str, value: str) -> str:
        """The reference of a thing of this kind; another kind has another one."""
        raw = value.encode("utf-8", "surrogatepass")
        raw += b"\0" * (-len(raw) % _BLOCK)
        sealed = self._sealed.encrypt(raw or b"\0" * _BLOCK, [kind.encode()])
        return MARK + urlsafe_b64encode(sealed).decode().rstrip("=")

    def opened(self, kind: str, reference: str) -> str | None:
        """What it stands for; None if it is no reference of this kind and deployment."""
        if not reference.startswith(MARK) or len(reference) > _LONGEST or not reference.isascii():
            return None
        text = reference.removeprefix(MARK)
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            raw = self._sealed.decrypt(sealed, [kind.encode()])
        except (ValueError, InvalidTag):
            return None
        return raw.rstrip(b"\0").decode("utf-8", "surrogatepass")
