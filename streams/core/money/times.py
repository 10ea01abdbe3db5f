"""How long may a top-up, a payout or a refund take, by what wallet, network and policy say, and by whose days?"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from streams.contracts.payments import Movement, PspStatus, Refund
from streams.core.declines.profiles import Profile
from streams.core.local_time import hour_and_weekday
from streams.core.money.business_days import Within
from streams.core.obligations import PaymentState, payment_key
from streams.core.turn import Turn

_UNSAID = "card"  # what an event means that names no method
BALANCE: Final = "wallet_balance"  # a method
_REFUND_TO = {BALANCE: "balance", "card": "credit_card"}


def within(turn: Turn, term: str, currency: str, profile: Profile | None = None) -> Within:
    """`term` by the days of the profile that states it, or of the currency; on the customer's clock if nobody says."""
    if profile is not None and profile.calendar is not None:
        return Within(term, profile.calendar)
    return Within(term, turn.policy.money.calendar_of(currency), turn.obligations.holder.time_zone)


def topup(turn: Turn, event: Movement) -> Within:
    """By how it is funded; a bank transfer after the cut-off hour takes longer.

    The hour is that of the customer's clock where the profile of the account names one, else of the currency's region.
    """
    policy = turn.policy.money
    late = within(turn, policy.topup_after_cutoff, event.currency)
    hour, _ = hour_and_weekday(turn.at_ms, late.clock)
    if event.method == "bank_transfer" and hour >= policy.topup_cutoff_hour:
        return late
    return _topup_from(turn, event, policy.topup)


def withdrawal(turn: Turn, event: Movement) -> Within:
    """By the speed that was promised."""
    speed = getattr(event, "speed", "ordinary")
    terms = turn.policy.money.withdrawal
    for profile in _wallets(turn, event):
        if speed in profile.withdrawal:
            return within(turn, profile.withdrawal[speed], event.currency, profile)
    return within(turn, terms.get(speed, terms["other"]), event.currency)


def refund(turn: Turn, event: Movement) -> Within:
    """The wallet's own time, else the gateway's, which carries the refund, else the card network's.

    The provider's answers and what is told of refunds seldom say how the payment was made: then our intent knows it, or
    it is remembered of the payment.
    """
    method = event.method
    if method == _UNSAID and isinstance(event, PspStatus | Refund):
        method = _intended(turn, event) or method_of(turn, event.payment_id) or method
    return by_method(turn, method, event.currency, event.gateway_id, event.network)


def of_payment(turn: Turn, payment_id: str, currency: str) -> Within:
    """How long a refund takes where no event says it: by how the payment was made, as far as that is remembered."""
    method = method_of(turn, payment_id)
    if method:
        return by_method(turn, method, currency)
    return within(turn, turn.policy.money.refund["other"], currency)


def by_method(
    turn: Turn, method: str, currency: str, gateway_id: str | None = None, network: str | None = None
) -> Within:
    """How long a refund to this method takes."""
    profiles, terms = turn.ctx.library.profiles, turn.policy.money.refund
    place = _REFUND_TO.get(method, method)
    wallet = profiles.by_method.get(method)
    if wallet is not None and wallet.passes_through:
        place = "credit_card"  # the token of a card: its money goes where the card's goes
    for profile in (wallet, profiles.by_gateway.get(gateway_id or ""), profiles.by_network.get(network or "")):
        if profile is not None and profile.refund:
            place = "balance" if profile.kind == "wallet" and place not in profile.refund else place
            term = profile.refund.get(place) or profile.refund.get("other") or terms["other"]
            return within(turn, term, currency, profile)
    return within(turn, terms.get(place, terms["other"]), currency)


def method_of(turn: Turn, payment_id: str) -> str:
    """How one of the last payments was made; empty: by card, or it is forgotten.

    Of a payment whose details are forgotten its grace is remembered, which the policy has by method.
    """
    about = next((each for each in turn.obligations.lately if each.payment_id == payment_id), None)
    if about is not None:
        return _named(turn, about.how >> 1)
    state, graces = turn.obligations.recall(payment_key(payment_id)), turn.policy.money.debit_without_payment_s
    if state is None or not state.grace_s:
        return ""
    like = [method for method, grace_s in graces.items() if PaymentState.of(0, grace_s).grace_s == state.grace_s]
    return like[0] if len(like) == 1 and like[0] != "other" else ""


def short(method: str) -> int:
    """15 bits of a method, 0 of a card: what is remembered of an intent."""
    return 0 if method in (_UNSAID, "") else _short(method)


def _intended(turn: Turn, event: PspStatus | Refund) -> str:
    """How the payment was made whose refund was intended here."""
    if not isinstance(event, Refund):
        return ""
    return next((_named(turn, each.how) for each in turn.obligations.owed if each.refund_id == event.refund_id), "")


def _named(turn: Turn, how: int) -> str:
    named = (*turn.ctx.library.profiles.by_method, *turn.policy.money.refund, *_REFUND_TO)
    return next((method for method in named if how and _short(method) == how), "")


def how_of(event: Movement, *, is_transfer: bool) -> int:
    """What is remembered of how a payment is made: 15 bits of its method, none of a card, and one of its kind."""
    return short(event.method) << 1 | is_transfer


def _short(method: str) -> int:
    return int.from_bytes(blake2b(method.encode(), digest_size=2).digest()) >> 1


def _wallets(turn: Turn, event: Movement) -> list[Profile]:
    """Whose balance is loaded or paid out: the method names it, or where the method is a card, the gateway does."""
    profiles = turn.ctx.library.profiles
    asked = (profiles.by_method.get(event.method), profiles.by_gateway.get(event.gateway_id or ""))
    return [profile for profile in asked if profile is not None]


def _topup_from(turn: Turn, event: Movement, terms: Mapping[str, str]) -> Within:
    """By funding method; a top-up that names only its wallet came from the card that is bound there."""
    for profile in _wallets(turn, event):
        own = profile.topup.get(event.method)
        if own is None and event.method in profile.methods:
            own = profile.topup.get("bank_card") or profile.topup.get("bank_transfer")
        if own is not None:
            return within(turn, own, event.currency, profile)
    return within(turn, terms.get(event.method) or terms["other"], event.currency)


def to_balance(turn: Turn, currency: str) -> Within:
    """How long what was taken of a balance may take back to it."""
    terms = turn.policy.money.refund
    return within(turn, terms.get("balance", terms["other"]), currency)
