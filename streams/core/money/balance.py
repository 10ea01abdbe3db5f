"""What should a payment cost its customer, and what has it cost so far? The one place that adds it up.

Both are in one currency, as far as the ledger's lines are remembered. What its merchant gave back is no correction: it
was charged, and given back.
"""

from __future__ import annotations

from streams.core.money import expectations, fee_lines, given
from streams.core.obligations import SPENT_KEPT, Case, Lately, Spent, payment_key
from streams.core.turn import Turn


def missing_minor(case: Case) -> int:
    """What a money case still asks back."""
    return (case.amount_minor or 0) - case.counters.get(expectations.BACK, 0)


def asked_minor(turn: Turn, payment_id: str, currency: str, *families: str) -> int:
    """What open cases of these families ask back of a payment."""
    return sum(
        missing_minor(case)
        for case in turn.obligations.cases
        if case.is_open and case.family in families and (case.payment_id, case.currency) == (payment_id, currency)
    )


def asked_worth(turn: Turn, payment_id: str, currency: str, *families: str) -> int:
    """The same in whatever currency they ask: a debit goes back in the currency that was debited."""
    return sum(
        turn.policy.to_home(missing_minor(case), case.currency or currency, currency, turn.at_ms) or 0
        for case in turn.obligations.cases
        if case.is_open and case.family in families and case.payment_id == payment_id
    )


def over_minor(turn: Turn, payment_id: str, limit_minor: int, currency: str, *, with_fees: bool = False) -> int | None:
    """How much more than `limit_minor` a payment was charged and nobody has corrected; None without a rate.

    Its fees are left out. One without a line of its own may be a part of another debit: `with_fees` leaves it in.
    """
    key = payment_key(payment_id)
    total = back_minor = 0
    for each in _debits(turn, key):
        if each.fee:
            continue
        stands = turn.policy.to_home(each.amount_minor, each.currency, currency, turn.at_ms)
        if stands is None:
            return None
        total += stands
        back_minor += each.back_minor if each.currency == currency else 0
    back_minor = max(0, back_minor - corrected_minor(turn, payment_id, currency))
    by_merchant = min(back_minor, limit_minor, by_merchant_minor(turn, payment_id, currency))
    inside_minor = 0 if with_fees else fee_lines.inside_minor(turn, key, currency)
    over = max(0, total - inside_minor) + by_merchant - limit_minor
    return over - min(max(0, over), _rebooked_minor(turn, key, currency))


def _rebooked_minor(turn: Turn, key: int, currency: str) -> int:
    """Fees whose own lines are wholly back: a later debit of their payment may hold them, booked again as one line."""
    lines = [each for each in _debits(turn, key) if each.currency == currency]
    newest_ms = max((each.at_ms for each in lines if each.amount_minor and not each.fee), default=0)
    return sum(each.back_minor for each in lines if each.fee and not each.amount_minor and each.at_ms < newest_ms)


def charged_minor(turn: Turn, payment_id: str, currency: str) -> int | None:
    """What the ledger has debited for a payment without its fees, given back or not; None if nobody can say.

    That is so without a rate, or where an older debit of it may have made room for others.
    """
    if _may_be_forgotten(turn, payment_id):
        return None
    total = 0
    for each in _debits(turn, payment_key(payment_id)):
        if each.fee:
            continue
        minor = turn.policy.to_home(each.amount_minor + each.back_minor, each.currency, currency, turn.at_ms)
        if minor is None:
            return None
        total += minor
    return total


def price_of(turn: Turn, payment_id: str, currency: str) -> int | None:
    """The amount of a payment that is one of the last, and of its order if that is less."""
    about = _about(turn, payment_id)
    if about is None or about.currency != currency:
        return None
    return about.amount_minor if about.order_minor is None else min(about.amount_minor, about.order_minor)


def due_minor(turn: Turn, payment_id: str, currency: str) -> int | None:
    """What a good payment costs its customer, with the fees that its tariffs allow; None if nobody can say.

    Nobody can of one of which nothing but fees was debited. Where coupons pay a part of which the ledger does not tell,
    no more than was debited.
    """
    lines = _debits(turn, payment_key(payment_id))
    price = price_of(turn, payment_id, currency)
    is_foreign = any(each.currency != currency for each in lines)
    charged = None if price is None or is_foreign else once_minor(turn, payment_id, currency, price)
    if price is None or charged is None or all(each.fee for each in lines):
        return None
    own_minor = sum(each.amount_minor + each.back_minor - fee_lines.excess_of(turn, each) for each in lines if each.fee)
    inside_minor = fee_lines.inside_minor(turn, payment_key(payment_id), currency, allowed=True)
    if charged >= price or not turn.policy.money.undercharges:  # else the fee is missing as well as the rest
        inside_minor = max(0, min(inside_minor, charged - price))
    return (price if turn.policy.money.undercharges else min(price, charged)) + own_minor + inside_minor


def pays_nothing(turn: Turn, key: int) -> bool:
    """Whether an open case says that the customer has all that a good payment costs twice, or will have.

    Another payment of its order is then no second one.
    """
    for case in turn.obligations.cases:
        if case.is_open and case.family == expectations.DOUBLE_BENEFIT and payment_key(case.payment_id) == key:
            due = due_minor(turn, case.payment_id, case.currency or "")
            return due is not None and due <= (case.amount_minor or 0)
    return False


def once_minor(turn: Turn, payment_id: str, currency: str, price: int) -> int | None:
    """What was charged for a payment, without whole debits that were one too many or are undone; None as above.

    Where all of them are undone, no more than its price: as if one of them stood.
    """
    charged = charged_minor(turn, payment_id, currency)
    if charged is None:
        return None
    lines = [each for each in _debits(turn, payment_key(payment_id)) if not each.fee]
    back_minor = sum(each.back_minor for each in lines if each.currency == currency)
    back_minor -= by_merchant_minor(turn, payment_id, currency)
    back_minor -= corrected_minor(turn, payment_id, currency, *expectations.TOO_MUCH)
    undone = max(0, back_minor) + asked_minor(turn, payment_id, currency, expectations.DUPLICATE)
    return max(charged - undone, min(charged, price))


def stands_minor(turn: Turn, payment_id: str, currency: str) -> int:
    """What the ledger has debited for a payment, fees included, and not given back."""
    lines = _debits(turn, payment_key(payment_id))
    return sum(each.amount_minor for each in lines if each.currency == currency)


def corrected_minor(turn: Turn, payment_id: str, currency: str, *families: str) -> int:
    """What has come back of a payment under cases (of these families) that asked for it: no refund of the purchase."""
    return sum(
        case.counters.get(expectations.BACK, 0)
        for case in turn.obligations.cases
        if (case.payment_id, case.currency) == (payment_id, currency) and (not families or case.family in families)
    )


def by_merchant_minor(turn: Turn, payment_id: str, currency: str) -> int:
    """What refunds of the merchant's have brought back of a payment."""
    refunds_minor = given.of(turn, payment_id, currency).refunds_minor
    return max(0, refunds_minor - expectations.under_way_minor(turn, payment_id, currency)) if refunds_minor else 0


def _debits(turn: Turn, key: int) -> list[Spent]:
    return [each for each in turn.obligations.spent if each.payment == key and each.amount_minor >= 0]


def _about(turn: Turn, payment_id: str) -> Lately | None:
    return next((each for each in turn.obligations.lately if each.payment_id == payment_id), None)


def _may_be_forgotten(turn: Turn, payment_id: str) -> bool:
    spent, about = turn.obligations.spent, _about(turn, payment_id)
    return len(spent) >= SPENT_KEPT and (about is None or spent[0].at_ms > about.at_ms)
