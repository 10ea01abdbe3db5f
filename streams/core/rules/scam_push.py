"""Is the customer being talked into a large transfer to a stranger?"""

from __future__ import annotations

from streams.contracts.payments import Movement
from streams.core.features import Features
from streams.core.rules.base import COLD, QUIET, Fired, NotApplicable, RuleResult, WarmSection, band_of, reaches
from streams.core.sections import Amounts

NO_PAYEE = NotApplicable("the event names no payee")


class ScamPushPolicy(WarmSection, frozen=True, kw_only=True):
    """Multiples of the usual amount per band, the share of the balance, and what is too little to ask about."""

    times_usual: tuple[float, ...]
    balance_share: float
    min_minor: Amounts


def scam_push(event: Movement, _at_ms: int, features: Features, policy: ScamPushPolicy) -> RuleResult:
    """A first transfer to a payee, far above the usual amount: the customer's own hand may be guided (T8).

    Asks: is the payee new, how many times the usual amount is it, does it empty the account, is the holder vulnerable?
    Fires when: new payee, amount >= policy.min_minor and times >= policy.times_usual; one band higher if the holder is
        vulnerable or it takes policy.balance_share of the balance. Bands /01 /02 /03.
    Blind to: scams in small steps; buying a used car looks the same, so the customer is asked before anyone blocks.
    Costs: one bounded set of 24 payees per account.
    """
    if features.payee_new <= 0.0:
        return NO_PAYEE if features.payee_new < 0.0 else QUIET
    if policy.cold(features):
        return COLD
    times = features.amount_to_usual
    if times < policy.times_usual[0] or not reaches(event, policy.min_minor):
        return QUIET
    raised = features.vulnerable == 1.0 or features.balance_share >= policy.balance_share
    band = min(len(policy.times_usual), band_of(times, policy.times_usual) + raised)
    evidence = {
        "amount": features.amount,
        "usual": features.amount / times,
        "balance_share": features.balance_share,
        "vulnerable": features.vulnerable,
    }
    return Fired(band, ("R01", "R03"), evidence)
