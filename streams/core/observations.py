"""What has been seen of one account, in a size that no input can exceed?"""

from __future__ import annotations

import msgspec

from streams.core.currencies import RateTable


class Basis(msgspec.Struct, frozen=True, gc=False):
    """What the policy contributes to observations: defaults where the account's profile says nothing."""

    time_zone: str = "UTC"
    home_currency: str | None = None  # None: the currency of the account's first movement
    rates: RateTable | None = None
    limits: tuple[int, ...] = (1000, 5000, 10000, 50000)  # major units; amounts just below them count as near-limit
    ladder_forgets_s: int = 86400
    lateness_s: int = 900
