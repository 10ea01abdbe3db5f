"""How much of what was debited has come back, and which case does that end?

A credit is shared out among what waits for money of its payment: first to what it fits exactly, a refund of ours before
everything else. Part of the money ends nothing: the case says how much is back, and stays.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.contracts.accounts import LedgerPosted
from streams.core.cases.book import add_line, set_status
from streams.core.flows import refund_requests, unknown_outcome
from streams.core.library import reason_word
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.money import (
    balance,
    beyond,
    charges,
    corrections,
    duplicates,
    expectations,
    given,
    in_parts,
    over_refunds,
    refunds,
    remembered,
    set_off,
)
from streams.core.obligations import Case, Debit, Line, Owed, PaymentState, payment_key
from streams.core.turn import Turn

BEFORE = "returned_before_minor"  # what came back before it was opened, and is no part of its amount
# Which case a credit ends first when several of a payment wait for the same amount: what was charged too much, then
# what should not have been charged at all.
ENDS = {
    refunds.DUPLICATE: "charge_corrected",
    refunds.MISMATCH: "charge_corrected",
    refunds.FEE: "charge_corrected",
    refunds.NOT_CAPTURED: "debit_returned",
}


class Claim(NamedTuple):
    """One thing that waits for money, and how much of its own currency is still missing."""

    family: str
    about: Case | Debit
    missing_minor: int
    currency: str


def credited(turn: Turn, event: LedgerPosted, payment_id: str) -> None:
    """Money of this payment came back."""
    corrections.gone(turn, event.reference)
    claims = _claims(turn, payment_id)
    undisputed_minor = _undisputed(turn, event, payment_id, claims)
    back = set_off.credited(turn, event, payment_id)
    is_refund = given.is_counted(turn, payment_id, event.reference or "")
    if back.early_minor and not (back.forgotten and (claims or is_refund)):
        beyond.look_later(turn, payment_id, event.currency)
    if refunds.brought_twice(turn, event, payment_id):
        lacking_minor = _lacking_minor(turn, event, payment_id, back.early_minor)
        twice_minor = back.twice_minor if lacking_minor is None else min(back.twice_minor, lacking_minor)
        if twice_minor:
            text = "our refund came although all that was debited is back"
            both = Owed(payment_id, turn.cause, twice_minor, event.currency, turn.at_ms, refunds.DOUBLE_BENEFIT)
            refunds.double_benefit(turn, both, text)
        expectations.credited(turn, event, payment_id)
        expectations.is_here(turn, payment_id, event.reference or "")
        set_off.not_early(turn, payment_id)
        return
    named = refunds.arrived(turn, event)
    first = refunds.preferred(turn, payment_id, event.amount_minor, named)
    beyond_minor = 0 if named else expectations.beyond_minor(turn, event, payment_id)
    arrived = expectations.credited(turn, event, payment_id)
    if arrived == "" and not (claims or named or is_refund):
        arrived = in_parts.credited(turn, event, payment_id)
    if named and not arrived:
        expectations.is_here(turn, payment_id, named)
    told_of_ours = arrived is None and expectations.was_ours(turn, event, payment_id)
    if arrived:
        of_purchase = given.is_of_purchase(turn, payment_id, arrived)
    else:
        of_purchase = expectations.was_of_purchase(turn, event, payment_id)
    is_ours = bool(named) or told_of_ours or given.is_ours(turn, payment_id, arrived or "")
    counted = arrived == "" and given.is_counted(turn, payment_id, event.reference or "")  # it is said to be all here
    is_part = counted and _is_part_of_more(turn, event, payment_id)
    of_merchant = (arrived != "" and not is_ours) or is_part
    of_purchase = of_purchase or (counted and given.is_of_purchase(turn, payment_id, event.reference or ""))
    if arrived is not None and not (named and not arrived):
        refund_requests.credited(turn, event, payment_id, arrived)
    exact = (event.amount_minor, event.currency)
    claims.sort(key=lambda each: (each.family != first, (each.missing_minor, each.currency) != exact))
    pool_minor, missing = event.amount_minor, False
    told_of = of_merchant or counted
    asked_for = _is_asked_for(turn, event, claims, of_merchant=told_of, of_purchase=of_purchase)
    if not is_ours and not (asked_for and not (told_of and _is_part_of_more(turn, event, payment_id))):
        pool_minor = max(0, event.amount_minor - undisputed_minor)
    rest_minor, took = event.amount_minor - pool_minor, set[str]()
    about = remembered.about_of(turn, payment_id)
    converted = about is not None and about.currency != event.currency  # it comes back at the rate of another day
    for claim in claims:
        worth = turn.policy.to_home(pool_minor, event.currency, claim.currency, turn.at_ms)
        if not worth:
            missing = True  # nothing is left of the credit, or nobody knows the rate
            continue
        left_minor = max(0, claim.missing_minor - worth)
        is_converted = claim.currency != event.currency or converted
        if is_converted and left_minor <= claim.missing_minor * turn.policy.money.fx_tolerance:
            left_minor = 0
        pool_minor -= min(pool_minor, _share(pool_minor, worth, claim.missing_minor))
        missing = missing or left_minor > 0
        took.add(claim.family)
        _came(turn, event, claim, left_minor)
    pool_minor += rest_minor
    expectations.moved_money(turn, event, payment_id, told=arrived is None)
    refunds.bill_settled(turn, payment_id)
    asked_minor = balance.asked_minor(turn, payment_id, event.currency, refunds.DOUBLE_BENEFIT)
    twice_minor = expectations.twice_minor(turn, event, payment_id, asked_minor)
    if twice_minor:
        both = Owed(payment_id, turn.cause, twice_minor, event.currency, turn.at_ms, refunds.DOUBLE_BENEFIT)
        refunds.double_benefit(turn, both, "a top-up credited once more")
        return
    if beyond_minor and not claims and not is_ours:
        both = Owed(payment_id, turn.cause, beyond_minor, event.currency, turn.at_ms, refunds.DOUBLE_BENEFIT)
        refunds.double_benefit(turn, both, f"more than refund {event.reference} was to bring"[:160])
        set_off.not_early(turn, payment_id)
    elif arrived == "" and not named and not first:
        expectations.unclaimed(turn, event, payment_id, claimed=bool(took - {refunds.NOT_CAPTURED}))
    if arrived == "" and not is_part:
        given.credited(turn, event, payment_id, max(0, pool_minor - back.twice_minor))
    elif is_part:
        charges.look_again(turn, payment_id)  # it was counted as here before: what seemed too much may be less
    elif not is_ours:
        given.was_none_of_it(turn, event, payment_id, event.amount_minor - pool_minor)
    if claims and not missing:
        unknown_outcome.money_back(turn, payment_id, told=not any(_is_unsaid(each) for each in claims))
        if not is_ours:  # a refund of ours says nothing about the payment
            _all_back(turn, payment_id)
    good = (
        not took
        and turn.obligations.is_good(payment_key(payment_id))
        and not duplicates.is_paid_otherwise(turn, payment_id)
    )
    names_ours = given.is_ours(turn, payment_id, event.reference or "")
    is_again = names_ours and arrived == "" and not (named or of_purchase)  # what came for it before was the bank's
    if (good and not of_merchant and not back.early_minor) and (
        refunds.arrives_after_all(turn, event, payment_id) or is_again
    ):
        both = Owed(payment_id, turn.cause, event.amount_minor, event.currency, turn.at_ms, refunds.DOUBLE_BENEFIT)
        refunds.double_benefit(turn, both, refunds.BOTH_GAVE, by_success=True)
        if named:
            expectations.was_another(turn, event, payment_id)
        return
    if pool_minor and back.early_minor:
        # A merchant's refund of a good payment is that: what the customer has twice is known already, or by L12. What
        # it brings beyond the debits stays early, and is compared when the ledger has told all of them.
        of_good = of_merchant and back.twice_minor > 0 and turn.obligations.is_good(payment_key(payment_id))
        is_known = of_good and (asked_minor > 0 or back.forgotten)
        if is_known or (back.forgotten and _was_expected(turn, event, payment_id, pool_minor)):
            set_off.not_early(turn, payment_id)
        elif not of_good:
            early_minor, twice_minor = min(pool_minor, back.early_minor), min(pool_minor, back.twice_minor)
            if is_ours and not (claims or of_purchase):
                lacking_minor = _lacking_minor(turn, event, payment_id, back.early_minor)
                twice_minor = twice_minor if lacking_minor is None else min(pool_minor, lacking_minor)
            _too_much(turn, event, payment_id, early_minor, twice_minor, is_ours=is_ours)


def _lacking_minor(turn: Turn, event: LedgerPosted, payment_id: str, early_minor: int) -> int | None:
    """What a good payment lacks now and no case asks for; None of another one, or if nobody can say.

    A refund of ours takes also the one debit out that its customer owes.
    """
    due = balance.due_minor(turn, payment_id, event.currency)
    if due is None or not turn.obligations.is_good(payment_key(payment_id)):
        return None
    asked_minor = balance.asked_minor(turn, payment_id, event.currency, refunds.DOUBLE_BENEFIT)
    return max(0, due + early_minor - balance.stands_minor(turn, payment_id, event.currency) - asked_minor)


def _was_expected(turn: Turn, event: LedgerPosted, payment_id: str, pool_minor: int) -> bool:
    """The line of a reversal that has ended the case before; the debit itself has made room for others."""
    for case in turn.obligations.cases:
        if case.family not in ENDS or case.payment_id != payment_id or case.money_state != "returned":
            continue
        back_minor = case.counters.get(charges.BACK, 0) + pool_minor
        if case.currency == event.currency and back_minor <= (case.amount_minor or 0):
            case.counters[charges.BACK] = back_minor
            return True
    return False


def _too_much(
    turn: Turn, event: LedgerPosted, payment_id: str, pool_minor: int, twice_minor: int, *, is_ours: bool
) -> None:
    """Nothing waits for it and no debit is left that it could undo: where one was given back, it was so twice.

    Of a good payment the debit itself remembers what was refunded: a chargeback that comes as well is money twice.
    What refunds alone exceed is for security (rule L12). What a top-up brings is compared with what was asked for.
    """
    if expectations.is_good_topup(turn, payment_id):
        return
    ended = [case for case in turn.obligations.cases if case.payment_id == payment_id]
    is_good = turn.obligations.is_good(payment_key(payment_id))
    if any(case.family in ENDS and case.money_state == "returned" for case in ended):
        text = "credited although all that was debited is back"
    elif twice_minor and not is_good and (is_ours or refunds.has_left_too(turn, payment_id)):
        pool_minor, text = twice_minor, "credited although all that was debited is back"
    elif twice_minor and is_good and not over_refunds.is_open(turn, payment_id):
        pool_minor, text = twice_minor, "credited once more: what was paid had come back before"
    else:
        return
    both = Owed(payment_id, turn.cause, pool_minor, event.currency, turn.at_ms, refunds.DOUBLE_BENEFIT)
    refunds.double_benefit(turn, both, text)
    set_off.not_early(turn, payment_id)


def _all_back(turn: Turn, payment_id: str) -> None:
    """What the ledger has given back within the grace is as good as reversed: nobody waits for its success."""
    key = payment_key(payment_id)
    state = turn.obligations.recall(key)
    waits = any(debit.payment_id == payment_id for debit in turn.obligations.debits)
    if state is not None and not waits and state.status != PaymentState.SUCCEEDED:
        turn.obligations.remember(key, state.after(PaymentState.REVERSED), turn.at_ms)
        turn.obligations.say(key, turn.at_ms)  # a success from before is no news of that money


def settle(turn: Turn, case: Case, template: str) -> None:
    """The case is over, because the payment is confirmed or the money is back; whoever was told hears the end."""
    # Within the lateness bound a debit without payment was never true; after that it was, and now it is over.
    soon = turn.at_ms <= case.opened_ms + turn.policy.lateness_s * 1000
    refunded = any(line.kind == refunds.REFUND_INTENDED for line in case.lines)
    withdrawn = soon and case.family == refunds.NOT_CAPTURED and not refunded
    case.money_state = "confirmed" if template == "debit_confirmed" else "returned"
    set_status(turn, case, "withdrawn" if withdrawn else "resolved", template)
    if case.template in ("", template) or case.amount_minor is None or case.currency is None:
        return
    about = {"amount": money(case.amount_minor, case.currency), "time": instant(case.lines[0].at_ms)}
    if template == "debit_confirmed":
        template, about = _confirmed(turn, case, case.amount_minor, case.currency, about)
    notify(turn, template, about, case)


def _confirmed(
    turn: Turn, case: Case, told_minor: int, currency: str, about: dict[str, str]
) -> tuple[str, dict[str, str]]:
    """What its customer hears of a payment that is good after all, where something else was taken or is going back."""
    price = balance.price_of(turn, case.payment_id, currency)
    due_minor = balance.due_minor(turn, case.payment_id, currency)
    priced = about if price is None else {**about, "amount": money(price, currency)}
    if balance.asked_minor(turn, case.payment_id, currency, refunds.DOUBLE_BENEFIT):
        return "debit_confirmed.refunded", {**priced, "case_id": case.case_id}
    about = about if due_minor == told_minor else priced
    if price is None or due_minor is None:
        return "debit_confirmed", about
    asked_minor = balance.asked_minor(turn, case.payment_id, currency, refunds.DUPLICATE, refunds.FEE)
    stands_minor = balance.stands_minor(turn, case.payment_id, currency) - asked_minor
    if stands_minor in (due_minor, 0):
        return "debit_confirmed", about
    return "debit_confirmed.differs", {**about, "debited": money(stands_minor, currency), "case_id": case.case_id}


def _claims(turn: Turn, payment_id: str) -> list[Claim]:
    found: list[Claim] = []
    for family in ENDS:
        if family == refunds.NOT_CAPTURED:
            found += [
                Claim(family, debit, debit.amount_minor, debit.currency)
                for debit in turn.obligations.debits
                if debit.payment_id == payment_id
            ]
        for case in turn.obligations.cases:
            if case.family != family or case.payment_id != payment_id:
                continue
            missing_minor = (case.amount_minor or 0) - case.counters.get(charges.BACK, 0)
            if missing_minor > 0 and case.currency is not None and case.is_open:
                found.append(Claim(family, case, missing_minor, case.currency))
    return found


def _is_unsaid(claim: Claim) -> bool:
    """Whether it is a debit without its payment of which the customer has not been told as such."""
    return claim.family == refunds.NOT_CAPTURED and not (isinstance(claim.about, Case) and claim.about.template)


def _undisputed(turn: Turn, event: LedgerPosted, payment_id: str, claims: list[Claim]) -> int:
    """What stands of a payment's debits beside what is asked back, in the currency of a credit of it."""
    debits = remembered.debits_of(turn, payment_key(payment_id))
    standing_minor = sum(_worth(turn, event, each.amount_minor, each.currency) for each in debits)
    return max(0, standing_minor - sum(_worth(turn, event, each.missing_minor, each.currency) for each in claims))


def _worth(turn: Turn, event: LedgerPosted, minor: int, currency: str) -> int:
    return turn.policy.to_home(minor, currency, event.currency, turn.at_ms) or 0


def _is_asked_for(
    turn: Turn, event: LedgerPosted, claims: list[Claim], *, of_merchant: bool, of_purchase: bool
) -> bool:
    """Whether a credit that is no refund of ours may be what is asked back: exactly as much, or the bank's part of it.

    What is more is a refund of the merchant's, of which nothing may have been told yet. One of which something was told
    gives back what is undisputed first, and ends nothing for which a refund of ours has left. One that the customer has
    asked for or the merchant approved is of what was bought: it is always as much as a whole duplicate, and never one;
    nor is one of the whole price.
    """
    asked_minor = sum(_worth(turn, event, each.missing_minor, each.currency) for each in claims)
    if not of_merchant:
        return event.amount_minor <= asked_minor
    exact = [each for each in claims if (each.missing_minor, each.currency) == (event.amount_minor, event.currency)]
    wanted = exact or (claims if event.amount_minor == asked_minor else [])
    is_whole = event.amount_minor == balance.price_of(turn, event.payment_id or "", event.currency)
    return bool(wanted) and not any(
        _has_left(turn, each) or (of_purchase and (each.family == refunds.DUPLICATE or is_whole)) for each in wanted
    )


def _is_part_of_more(turn: Turn, event: LedgerPosted, payment_id: str) -> bool:
    """Whether a credit names a refund, and refunds of its payment are more: what it is equal to it is by chance."""
    named = given.is_counted(turn, payment_id, event.reference or "")
    return named and given.of(turn, payment_id, event.currency).refunds_minor > event.amount_minor


def _has_left(turn: Turn, claim: Claim) -> bool:
    return any(
        (owed.payment_id, owed.family, owed.status) == (claim.about.payment_id, claim.family, refunds.SENT)
        for owed in turn.obligations.owed
    )


def _share(pool_minor: int, worth_minor: int, missing_minor: int) -> int:
    """What a claim takes out of the pool, in the pool's currency, rounded up."""
    return pool_minor if worth_minor <= missing_minor else -(-pool_minor * missing_minor // worth_minor)


def _tell(turn: Turn, debit: Debit) -> None:
    """A transfer to a wrong payee is over: the money was back before anybody had to ask for it."""
    if debit.tells:
        amount = money(debit.amount_minor + debit.back_minor, debit.currency)
        about = {"amount": amount, "time": instant(debit.at_ms), "reason": reason_word(debit.tells)}
        notify(turn, "transfer_failure.returned", about)


def _came(turn: Turn, event: LedgerPosted, claim: Claim, left_minor: int) -> None:
    match claim.about:
        case Debit() as debit:
            if left_minor:
                debit.back_minor += debit.amount_minor - left_minor
                debit.amount_minor = left_minor
            else:
                turn.obligations.debits.remove(debit)
                _tell(turn, debit)
        case Case() as case:
            came_minor = claim.missing_minor - left_minor
            if case.family == refunds.FEE:
                refunds.fee_back(turn, case.payment_id, came_minor, left_minor)
            else:
                refunds.money_back(turn, case.payment_id, case.family, left_minor, came_minor)
            case.counters[charges.BACK] = (case.amount_minor or 0) - left_minor
            text = "part of the money came back" if left_minor else "money came back"
            line = Line(turn.at_ms, "ledger_credit", turn.cause, text, event.amount_minor, event.currency)
            add_line(turn, case, line)
            if not left_minor:
                settle(turn, case, ENDS[case.family])
