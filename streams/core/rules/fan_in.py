"""Is money being collected from many people and sent on?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import QUIET, Fired, RuleResult, band_of, minor_of_home
from streams.core.sections import Amounts, RuleSection


class FanInPolicy(RuleSection, frozen=True, kw_only=True):
    """Senders in a day per band, the few who receive, and what in and out have to come to beside each other."""

    payers_1d: tuple[int, ...]
    payees_max: float
    passed_share: float
    senders_share: float
    min_minor: Amounts


def fan_in(event: Movement, _at_ms: int, features: Features, policy: FanInPolicy) -> RuleResult:
    """Many first senders, few receivers within a day, and what leaves is what they sent (T5).

    Asks: how many people who never sent anything before sent money in a day, does it leave, and to how many?
    Fires when: senders reach policy.payers_1d while receivers <= policy.payees_max, they sent policy.min_minor
        together, a policy.passed_share of it is asked for within the day, and what leaves is theirs to a
        policy.senders_share: this movement, and what was carried out. Bands /01 /02 by senders; who sent a hundredth
        of it or less is none.
    Blind to: collections spread over days; a mule who sends a small part on, or who has really spent a multiple of it.
        A whip-round for a present looks the same.
    Costs: the 64 last senders, 24 receivers and twice 32 amounts of a day per account; a sender is first if not among
        them, so that no crowd of strangers makes another one look familiar.
    """
    payers = features.first_payers_1d
    if payers < policy.payers_1d[0] or features.payees_1d > policy.payees_max:
        return QUIET
    came, leaves = features.first_payers_sum_1d, features.gone_sum_1d
    least = policy.min_minor.get(event.currency)
    if least is None or minor_of_home(event, features, came) < least:
        return QUIET
    if features.spend_sum_1d < policy.passed_share * came or came < policy.senders_share * leaves:
        return QUIET
    evidence = {
        "first_payers_1d": payers,
        "first_payers_sum_1d": came,
        "spend_sum_1d": features.spend_sum_1d,
        "gone_sum_1d": leaves,
        "payees_1d": features.payees_1d,
    }
    return Fired(band_of(payers, policy.payers_1d), ("R31",), evidence)
