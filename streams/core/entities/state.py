"""What is remembered of one entity?

One struct for every kind: the parts that a kind does not need are None and cost one byte. The format number and the
next due time come first, and fields only append.
"""

from __future__ import annotations

import msgspec

from streams.contracts.signals import EntityKind
from streams.core.cases.shelf import Ended
from streams.core.entities.blocks import Block
from streams.core.entities.brute_force import Target
from streams.core.entities.card_testing import CardTesting
from streams.core.entities.credential_stuffing import Unknown
from streams.core.entities.device_resets import Reset
from streams.core.entities.feeds import FeedWatch
from streams.core.entities.lock_caps import LockCounts
from streams.core.entities.low_and_slow import Slow
from streams.core.entities.merchant_faults import Faults
from streams.core.entities.merchant_refunds import Trade
from streams.core.entities.password_spray import Spray
from streams.core.entities.promo_abuse import Claims
from streams.core.entities.risky_terminal import LabelRing
from streams.core.entities.site_spray import SiteSpray
from streams.core.entities.slice_burst import Burst
from streams.core.entities.social_topic import Posts
from streams.core.incidents.state import HealthCounters

FORMAT = 1


class EntityState(msgspec.Struct, array_like=True):
    """Everything known about one entity; at most 16 KiB, typically below 200 bytes; all health keys 1 MB.

    `streams.core.entities.pipeline` changes it; nobody else does.
    """

    format: int = FORMAT
    due_ms: int = 0  # the next timer; 0 = none
    forget_ms: int = 0  # from when on it may be dropped, if no timer runs
    kind: EntityKind = "health"  # of the first signal, like value
    value: str = ""
    newest_ms: int = 0  # 0: nothing has been observed yet
    risk_version: int = 0
    risk_expires_ms: int = 0
    spray: Spray | None = None
    testing: CardTesting | None = None
    labels: LabelRing | None = None
    site: SiteSpray | None = None
    health: HealthCounters | None = None
    feeds: FeedWatch | None = None
    lock_counts: LockCounts | None = None
    ended: list[Ended] = []  # cases whose snapshot has to go some day
    target: Target | None = None
    unknown: Unknown | None = None
    slow: Slow | None = None
    block: Block | None = None  # of an operator
    burst: Burst | None = None
    reset: Reset | None = None
    claims: Claims | None = None
    topic: Posts | None = None
    trade: Trade | None = None
    faults: Faults | None = None
