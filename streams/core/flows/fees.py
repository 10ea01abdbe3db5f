"""Was a fee higher than its tariff (F46)? Then the difference goes back.

It goes back once the ledger has it: as a line of its own, or, where none has come in a minute, inside the debit of its
payment. What it was taken on may be told after it: until then it waits as well. A fee in another currency than its
tariff, or on a movement in another one, is compared at the policy's rate, as exactly as rates agree.
"""

from __future__ import annotations

from math import ceil

from streams.contracts.accounts import LedgerPosted
from streams.contracts.payments import FeeCharged, Movement
from streams.core import ids
from streams.core.cases.book import Draft, add_line, open_or_join
from streams.core.cases.samples import sample
from streams.core.cases.timeline import attach
from streams.core.library import tariff_word
from streams.core.messages.notify import notify
from streams.core.messages.render import money
from streams.core.money import (
    arrivals,
    charges,
    completeness,
    debit_without_payment,
    expectations,
    fee_lines,
    references,
    refunds,
    remembered,
)
from streams.core.money.completeness import postponed
from streams.core.money.tariffs import Tariff
from streams.core.obligations import (
    DECORATION_MAX,
    Case,
    Expectation,
    Fee,
    Line,
    Owed,
    PaymentState,
    Spent,
    payment_key,
)
from streams.core.turn import Turn

UNKNOWN_TARIFF = "integration.unknown_tariff"
BOOKING = "fee"  # kind of an expectation: that the ledger books a fee
NO_RATE, NO_BASE = "no_rate", "no_base"  # why a fee was not judged
_ID_MAX = 128  # of the contracts


def charged(turn: Turn, event: FeeCharged) -> None:
    """Compares the fee with what its tariff allows. A tariff that nobody knows is a question for whoever integrates.

    Of a late fee only what the ledger booked for it is told from its payment's price.
    """
    attach(turn, event)
    about, name = _about(event), references.hashed(f"{event.source} fee {event.fee_id}")
    if fee_lines.known(turn, name) or refunds.was_intended(turn, about, name):
        return  # told once more
    fee = Fee(payment_key(about), name, event.amount_minor, event.currency, turn.at_ms)
    fee.fee_id, fee.entry = event.fee_id, event.event_id
    debit = fee_lines.claimed(turn, fee)
    if debit is not None:
        debit_without_payment.was_a_fee(turn, about, debit)
    goes_back = debit is not None and not charges.explained(turn, about, debit)
    tariff = None if event.tariff_id is None else turn.ctx.library.tariffs.get(event.tariff_id)
    if event.tariff_id is not None and tariff is None and not turn.late:
        _unknown(turn, event, event.tariff_id)
    if tariff is not None and not turn.late and not goes_back:
        fee.tariff = tariff.tariff
        base = fee_lines.base_of(turn, about) if event.base_minor is None else (event.base_minor, event.currency)
        if base is not None or not tariff.rate_bp:
            _judge(turn, about, fee, tariff, base)
    if fee.tariff:
        fee.fee_id, fee.entry = fee.fee_id[:DECORATION_MAX], fee.entry if len(fee.entry) <= DECORATION_MAX else ""
    else:
        fee.fee_id = fee.entry = ""
    fee_lines.remember(turn, fee)
    if debit is None:
        charges.look_again(turn, about)  # it may be inside of what was charged too much
        expectations.fee_told(turn, about)


def moved(turn: Turn, event: Movement, status: int) -> None:
    """An event of a movement: fees have waited to hear what they were taken on, or that it is good."""
    is_new = fee_lines.note_base(turn, event)
    if not is_new and status != PaymentState.SUCCEEDED:
        return
    for fee in fee_lines.waiting(turn, event.payment_id):
        tariff = turn.ctx.library.tariffs.get(fee.tariff)
        if tariff is None:  # the overlay of today does not have it
            _done(fee)
        elif fee.above_minor:
            _take_up(turn, event.payment_id, fee, tariff)
        elif is_new:
            _judge(turn, event.payment_id, fee, tariff, fee_lines.base_of(turn, event.payment_id))


def booked(turn: Turn, event: LedgerPosted) -> None:
    """A debit of the ledger: a fee that has waited for it goes back, or is looked for inside of it a minute later."""
    about = remembered.joined(turn, event) if event.direction == "debit" else None
    if about is None:
        return
    for fee in fee_lines.waiting(turn, about):
        tariff = turn.ctx.library.tariffs.get(fee.tariff)
        if fee.above_minor and tariff is not None:
            _take_up(turn, about, fee, tariff)
    mine = fee_lines.of(turn, references.line_of(event))
    for owed in turn.obligations.owed if mine is not None else ():
        if mine is not None and (owed.family, owed.line, owed.entry) == (refunds.FEE, mine.name, ""):
            owed.entry = event.event_id
            refunds.give_back(turn, owed)


def due(turn: Turn, waiting: Expectation) -> None:
    """A minute later, and no line of its own: it is inside the payment's debit, or nobody has booked it.

    Of a payment that is not good all that the ledger took is missing (rule L1), a fee inside of it as well. A fee of no
    payment that nobody has booked is for people.
    """
    if postponed(turn, waiting, completeness.LEDGER):
        return
    turn.obligations.expectations.remove(waiting)
    about = waiting.payment_id
    state = turn.obligations.recall(payment_key(about))
    is_good = state is not None and state.status == PaymentState.SUCCEEDED
    is_open = state is not None and state.status == PaymentState.SEEN and not state.grace_s
    charges.look_again_now(turn, about)
    for fee in fee_lines.waiting(turn, about):
        tariff = turn.ctx.library.tariffs.get(fee.tariff)
        if tariff is None or not fee.above_minor or fee.line:
            continue
        fee.inside = any(
            not each.fee and each.currency == fee.currency and each.amount_minor + each.back_minor >= fee.amount_minor
            for each in remembered.debits_of(turn, fee.payment)
        )
        if fee.inside:
            fee.above_minor = charges.still_inside_minor(turn, about, fee)  # the rest has left as too much, or is back
        if not fee.above_minor:
            _done(fee)
        elif about.startswith(fee_lines.OWN) or ((is_good or is_open) and fee.inside):
            _goes_back(turn, about, fee, tariff, is_booked=fee.inside)


def _about(event: FeeCharged) -> str:
    """What its money goes back under. A fee of no payment is a movement of its own, and its id may be a payment's."""
    own = f"{fee_lines.OWN}{event.fee_id}"
    if len(own) > _ID_MAX:
        own = f"{fee_lines.OWN}{ids.digest('fee', event.fee_id)}"
    return event.payment_id or own


def _judge(turn: Turn, about: str, fee: Fee, tariff: Tariff, base: tuple[int, str] | None) -> None:
    most_minor, exact = _most(turn, fee, tariff, base)
    if most_minor is None:
        turn.ctx.unjudged.append(NO_RATE)
        _done(fee)
        return
    excess_minor = fee.amount_minor - most_minor
    if excess_minor <= (0 if exact else ceil(most_minor * turn.policy.money.fx_tolerance)):
        _done(fee)
        return
    fee.above_minor = excess_minor
    _take_up(turn, about, fee, tariff)


def _take_up(turn: Turn, about: str, fee: Fee, tariff: Tariff) -> None:
    """A fee above its tariff: it goes back if the ledger has booked it, else that is looked into a minute later."""
    if fee.line:
        _goes_back(turn, about, fee, tariff, is_booked=True)
        return
    waiting = turn.obligations.expectations
    if any(each.kind == BOOKING and each.payment_id == about for each in waiting):
        return
    owed_ms = turn.at_ms + turn.policy.money.amount_check_s * 1000
    turn.obligations.expect(  # without room: its line, or its payment's success, has it looked at again
        Expectation(BOOKING, "", about, turn.cause, turn.at_ms, owed_ms, owed_ms, fee.amount_minor, fee.currency)
    )


def _goes_back(turn: Turn, about: str, fee: Fee, tariff: Tariff, *, is_booked: bool) -> None:
    debit = next((each for each in turn.obligations.spent if each.line and each.line == fee.line), None)
    if not _is_back(turn, about, fee, fee.above_minor, debit):
        fee.excess_minor = fee.above_minor
        if debit_without_payment.carve(turn, about, fee):
            _above(turn, about, fee, tariff, is_booked=is_booked)
        else:
            fee.excess_minor = 0
    _done(fee)


def _done(fee: Fee) -> None:
    """Nothing waits for it any more, but its line may come."""
    fee.tariff = fee.fee_id = fee.entry = ""
    fee.above_minor = 0


def _most(turn: Turn, fee: Fee, tariff: Tariff, base: tuple[int, str] | None) -> tuple[int | None, bool]:
    """The largest fee that the tariff allows, in the fee's currency, and whether no rate was needed to know it."""
    policy, base_minor, exact = turn.policy, None, True
    if base is not None and tariff.rate_bp:
        base_minor = policy.to_home(*base, tariff.currency, fee.at_ms)
        exact = base[1] == tariff.currency
    most_minor = tariff.most_minor(base_minor)
    if most_minor is not None and fee.currency != tariff.currency:
        return policy.to_home(most_minor, tariff.currency, fee.currency, fee.at_ms), False
    return most_minor, exact


def _is_back(turn: Turn, about: str, fee: Fee, excess_minor: int, debit: Spent | None) -> bool:
    """Whether as much has come back before anybody asked for it: nothing is owed then."""
    if debit is not None and debit.back_minor >= excess_minor:
        return True
    for minor in (excess_minor, fee.amount_minor):
        told = arrivals.knows(turn, "told", about, minor, fee.currency)
        if told or arrivals.forget(turn, "ledger", about, minor, fee.currency):
            return True
    return False


def _above(turn: Turn, about: str, fee: Fee, tariff: Tariff, *, is_booked: bool) -> None:
    excess_minor, currency, entry = fee.excess_minor, fee.currency, fee.entry or turn.cause
    most_minor = fee.amount_minor - excess_minor
    text = f"fee {fee.fee_id}: {money(fee.amount_minor, currency)}, tariff {tariff.tariff} allows"
    known = _case(turn, about)
    if known is not None and not known.is_open:  # what it was about is over
        known.amount_minor, known.currency = excess_minor, currency
        known.counters.pop(charges.BACK, None)
    elif known is not None and known.currency == currency:  # it is about one more fee
        known.amount_minor = (known.amount_minor or 0) + excess_minor
    case = open_or_join(
        turn,
        Draft(
            case_type=refunds.FEE,
            flow="F46",
            family=refunds.FEE,
            queue="accounting",
            priority=3,
            lines=(
                Line(
                    fee.at_ms,
                    "fee_above_tariff",
                    entry,
                    f"{text} {money(most_minor, currency)}"[:160],
                    excess_minor,
                    currency,
                ),
            ),
            payment_id=about,
            by_payment=True,
            amount_minor=excess_minor,
            currency=currency,
            money_state="moved",
        ),
    )
    owed = Owed(about, entry if is_booked else "", excess_minor, currency, fee.at_ms, refunds.FEE, line=fee.name)
    refunds.owe(turn, owed)
    told = {
        "fee": money(fee.amount_minor, currency),
        "tariff": tariff_word(tariff.tariff),
        "difference": money(excess_minor, currency),
        "case_id": case.case_id,
    }
    if case.currency != currency:
        text = "for a person: fees of one payment in two currencies"
        add_line(turn, case, Line(turn.at_ms, "refund_withheld", turn.cause, text))
        notify(turn, refunds.FEE, told, case)
    elif refunds.give_back(turn, owed) is not None:
        notify(turn, refunds.FEE, told, case)


def _case(turn: Turn, about: str) -> Case | None:
    for case in turn.obligations.cases:
        if (case.family, case.payment_id) == (refunds.FEE, about):
            return case
    return None


def _unknown(turn: Turn, event: FeeCharged, tariff_id: str) -> None:
    text = f"fee {event.fee_id} names tariff {tariff_id}, which no table has"[:160]
    line = Line(turn.at_ms, "unknown_tariff", turn.cause, text, event.amount_minor, event.currency)
    sample(turn, "tariff", tariff_id, case_type=UNKNOWN_TARIFF, flow="F46", line=line)
