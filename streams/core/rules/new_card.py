"""Is a card used for more than a first use on the day on which it was added?"""

from __future__ import annotations

from typing import ClassVar

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import (
    COLD,
    QUIET,
    Fired,
    NotApplicable,
    RuleResult,
    WarmSection,
    acting_age_days,
    minor_of_home,
)
from streams.core.sections import Amounts

NO_CARD = NotApplicable("the event names no card")
NEVER_ADDED = NotApplicable("no card was ever added here, as far as anybody has told")


class NewCardPolicy(WarmSection, frozen=True, kw_only=True):
    """How long card and device are new, and from which amount on a use of such a card is no small test."""

    BANDS: ClassVar[int] = 2

    card_days: float
    device_days: float
    first_use_minor: Amounts


def new_card(event: Movement, _at_ms: int, features: Features, policy: NewCardPolicy) -> RuleResult:
    """A payment by, or a withdrawal to, a card that was added just now (F27).

    Asks: was a card added within policy.card_days, is this one no older, and how much goes through it?
    Fires when: policy.first_use_minor is reached, alone or together with what else went to somebody new within a day,
        or the device is new or the country never seen /01; both /02.
    Blind to: thieves who wait for a day, of which the owner is told; cards that nobody tells us of when they are added.
        An owner who shops by a new card is asked for a second factor above the limit on its first day.
    Costs: one bounded set of cards and one timestamp per account.
    """
    if features.card_new < 0.0:
        return NO_CARD
    if features.since_card_bound_s < 0.0:
        return NEVER_ADDED
    card_days = features.card_age_days if features.card_new == 0.0 else 0.0
    if max(card_days, features.since_card_bound_s / 86_400.0) > policy.card_days:
        return QUIET
    if policy.cold(features):
        return COLD
    is_strange = _is_strange(features, policy)
    band = is_strange + _is_large(event, features, policy)
    if not band:
        return QUIET
    evidence = {
        "card_age_days": card_days,
        "since_card_bound_s": features.since_card_bound_s,
        "amount": features.amount,
        "first_payees_sum_1d": features.first_payees_sum_1d,
    }
    return Fired(band, ("R30", "R02") if is_strange else ("R30",), evidence)


def _is_strange(features: Features, policy: NewCardPolicy) -> bool:
    """Whether the device is of today, or whoever acts without naming one, or the country is new."""
    return 0.0 <= acting_age_days(features) <= policy.device_days or features.country_new == 1.0


def _is_large(event: Movement, features: Features, policy: NewCardPolicy) -> bool:
    limit = policy.first_use_minor.get(event.currency)
    together = minor_of_home(event, features, features.first_payees_sum_1d)
    return limit is not None and max(event.amount_minor, together) >= limit
