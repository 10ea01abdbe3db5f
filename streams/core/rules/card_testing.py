"""Does this attempt belong to a run of card tests?"""

from __future__ import annotations

from typing import ClassVar

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, NotApplicable, RuleResult, band_of
from streams.core.sections import Amounts, RuleSection

NO_RISK = NotApplicable("nothing notable is known about device, address, card range or merchant")


class CardTestingPolicy(RuleSection, frozen=True, kw_only=True):
    """What one account may do alone, and which attempts count at an attacked merchant or card range."""

    BANDS: ClassVar[int] = 2

    cards_1d: tuple[int, ...]
    small_minor: Amounts


def card_testing(event: Movement, _at_ms: int, features: Features, policy: CardTestingPolicy) -> RuleResult:
    """A payment from a device or address, or at a merchant or in a card range, where cards are being tried out (T3).

    Asks: which level has the entity for testing cards, and how many cards did this account itself use in a day?
    Fires when: device or address elevated, or policy.cards_1d[0] cards /01; device or address attacking, a small or
        refused attempt at an attacked merchant or card range, or policy.cards_1d[1] cards /02. At an attacked merchant
        or card range an owner who has had card and device for a day is asked for a second factor: /01.
    Blind to: testers who change device and address with each card; a shared kiosk looks like an attacker.
    Costs: four lookups of entity risk and one bounded set of 16 cards per account.
    """
    actor = max(features.device_testing, features.ip_testing)
    place = max(features.merchant_testing, features.bin_level)
    cards = features.cards_1d
    if actor < 1.0 and place < 2.0 and cards < policy.cards_1d[0]:
        return NO_RISK if actor < 0.0 and place < 0.0 else QUIET
    is_tried = features.failed == 1.0 or event.amount_minor <= policy.small_minor.get(event.currency, -1)
    at_place = 1 if _is_at_home(features) else 2
    bands = {
        "device_testing": min(2, int(features.device_testing)),
        "ip_testing": min(2, int(features.ip_testing)),
        "merchant_testing": at_place if is_tried and features.merchant_testing >= 2.0 else 0,
        "bin_level": at_place if is_tried and features.bin_level >= 2.0 else 0,
        "cards_1d": band_of(cards, policy.cards_1d),
    }
    band = max(bands.values())
    if band <= 0:
        return QUIET
    loudest_first = sorted(bands, key=bands.__getitem__, reverse=True)
    evidence = {name: getattr(features, name) for name in loudest_first}
    return Fired(band, ("R10",), evidence)


def _is_at_home(features: Features) -> bool:
    """Whether card and device are the account's since before today: who tries cards brings them along."""
    known_days = min(features.card_age_days, features.device_age_days)
    return features.device_trusted == 1.0 and known_days >= 1.0
