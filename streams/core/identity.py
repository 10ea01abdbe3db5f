"""What does an identity check show: who holds a device, or who somebody is?"""

from __future__ import annotations

from typing import Final

from streams.contracts.accounts import IdentityVerified

# Face and document: what shows that it is the owner, lifts a restriction and lets people end a freeze.
OWNERS_LEVEL: Final = 3
_ONE_TIME_PASSWORD: Final = "otp"
_FACTOR_LEVEL: Final = 1


def level_shown(event: IdentityVerified) -> int:
    """The level of a check. A one-time password shows who holds a telephone, whatever level it is reported with."""
    return min(event.level, _FACTOR_LEVEL) if event.method.lower() == _ONE_TIME_PASSWORD else event.level
