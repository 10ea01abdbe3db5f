"""What does an identity check show: who holds a device, or who somebody is?"""

from __future__ import annotations

from typing import Final

from streams.contracts.accounts import IdentityVerified

# Face and document: what shows that it is the owner, lifts a restriction and lets people end a freeze.
OWNERS_LEVEL: Final = 3
# The most that a method can show, whatever level it is reported with: a one-time password who holds a telephone, a face
# or a document by itself that they are like the owner's. What is in no row is no check of who somebody is.
_MOST: Final = {"otp": 1, "face": 2, "document": 2, "face_and_document": 4}


def level_shown(event: IdentityVerified) -> int:
    """The level of a check; 0 by a method that proves nothing."""
    return min(event.level, _MOST.get(event.method.lower(), 0))
