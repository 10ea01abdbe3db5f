"""What is left of an order's price when its payments are looked at together?

The one place that adds up, for all payments of an order, what was debited, what was given back (from here, by the
merchant, by the bank) and which of them are still good. One that has failed or was reversed pays for nothing: what
stands of it is on its way back.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.core.money import balance, duplicates, given, refunds
from streams.core.money.remembered import about_of
from streams.core.obligations import Spent, payment_key
from streams.core.turn import Turn


class Leg(NamedTuple):
    """What a payment of the order has taken, and how much of that pays for it."""

    key: int  # `payment_key`
    payment_id: str  # empty where nothing but its debits is remembered
    is_good: bool
    debited_minor: int
    kept_minor: int

    @property
    def gone_minor(self) -> int:
        return self.debited_minor - self.kept_minor


class Order(NamedTuple):
    """The payments of an order beside which a debit of one of them may be one too many."""

    price_minor: int
    twice_minor: int  # what open cases say that the customer has twice of it
    legs: tuple[Leg, ...]

    @property
    def good(self) -> list[Leg]:
        return [leg for leg in self.legs if leg.is_good]

    @property
    def lacking_minor(self) -> int:
        """How much of what was delivered nobody pays, and no case asks for."""
        due_minor = min(self.price_minor, sum(leg.debited_minor for leg in self.good))
        return due_minor - sum(leg.kept_minor for leg in self.legs) - self.twice_minor


def order_of(turn: Turn, payment_id: str, minor: int, currency: str, *, lately: bool = False) -> Order:
    """The order of a payment, of which a debit of `minor` may be one too many.

    What merchants or banks gave back is what was bought coming back, and was paid; but for as much as that debit given
    back `lately` of a good payment: whether it was the debit that was too much is for people to find out.
    """
    keys = duplicates.beside(turn, payment_id) | {payment_key(payment_id)}
    lines = [each for each in turn.obligations.spent if each.payment in keys and _is_of_price(each, currency)]
    price_minor = max((each.order_minor for each in lines), default=0)
    if not price_minor:  # then only equal payments are one too many beside each other
        price_minor = max(minor, _own_price_minor(turn, payment_id, currency))
        keys = {key for key in keys if _costs(price_minor, [each for each in lines if each.payment == key])}
    legs = [_leg(turn, key, [each for each in lines if each.payment == key], minor, lately=lately) for key in keys]
    return Order(price_minor, _twice_minor(turn, keys, currency), tuple(legs))


def excess_minor(turn: Turn, payment_id: str, minor: int, currency: str) -> int:
    """How much of what stands of a payment is more than its order costs, beside the other good ones."""
    order = order_of(turn, payment_id, minor, currency)
    total_minor = sum(leg.kept_minor for leg in order.good) + _leaving_minor(turn, payment_id, currency)
    for leg in order.good:
        if leg.payment_id != payment_id:  # what is one too many there is none here
            asked_minor = balance.asked_minor(turn, leg.payment_id, currency, refunds.DUPLICATE)
            total_minor -= asked_minor - _leaving_minor(turn, leg.payment_id, currency)
    return max(0, total_minor - order.price_minor)


def is_lacking(turn: Turn, payment_id: str) -> bool:
    """Whether a case asks the customer for what another payment of this one's order cost."""
    keys = duplicates.beside(turn, payment_id)
    return any(
        case.is_open and case.family == refunds.DOUBLE_BENEFIT and payment_key(case.payment_id) in keys
        for case in turn.obligations.cases
    )


def _own_price_minor(turn: Turn, payment_id: str, currency: str) -> int:
    """What a payment costs that may be debited in parts; 0: it is not remembered, or in another currency."""
    about = about_of(turn, payment_id)
    return about.amount_minor if about is not None and about.currency == currency else 0


def _costs(price_minor: int, lines: list[Spent]) -> bool:
    """Whether one of these debits of a payment is as much, or all of them together are."""
    minors = [each.amount_minor + each.back_minor for each in lines]
    return price_minor in (*minors, sum(minors))


def _is_of_price(line: Spent, currency: str) -> bool:
    return line.amount_minor >= 0 and not line.fee and line.currency == currency


def _leg(turn: Turn, key: int, lines: list[Spent], minor: int, *, lately: bool) -> Leg:
    payment_id, is_good = _named(turn, key), turn.obligations.is_good(key)
    stands_minor = sum(each.amount_minor for each in lines)
    back_minor = sum(each.back_minor for each in lines)
    row = given.of(turn, payment_id, lines[0].currency) if payment_id and lines else given.Given()
    if not is_good:  # whatever stands is on its way back; a merchant's refund may be why it is good no more
        kept_minor = min(back_minor, row.refunds_minor)
    else:
        kept_minor = stands_minor - _leaving_minor(turn, payment_id, lines[0].currency) if lines else 0
        if lately and row.total_minor >= minor:
            kept_minor = min(kept_minor, stands_minor + back_minor - row.total_minor)
        else:
            kept_minor += min(back_minor, row.total_minor)
    return Leg(key, payment_id, is_good, stands_minor + back_minor, max(0, kept_minor))


def _leaving_minor(turn: Turn, payment_id: str, currency: str) -> int:
    """What refunds of ours that have left will give back of a payment as one too many."""
    about = (payment_id, refunds.DUPLICATE, refunds.SENT, currency)
    return sum(
        owed.amount_minor
        for owed in turn.obligations.owed
        if (owed.payment_id, owed.family, owed.status, owed.currency) == about
    )


def _twice_minor(turn: Turn, keys: set[int], currency: str) -> int:
    """What open cases say that the customer has twice of these payments."""
    ids = {case.payment_id for case in turn.obligations.cases if payment_key(case.payment_id) in keys}
    return sum(balance.asked_minor(turn, each, currency, refunds.DOUBLE_BENEFIT) for each in ids)


def _named(turn: Turn, key: int) -> str:
    """The id of a payment; empty where nothing but its debits is remembered."""
    obligations = turn.obligations
    known = [each.payment_id for each in obligations.lately]
    known += [each.payment_id for each in obligations.expectations]
    known += [each.payment_id for each in obligations.cases]
    return next((each for each in known if payment_key(each) == key), "")
