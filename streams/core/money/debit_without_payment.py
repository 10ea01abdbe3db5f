"""Was the customer debited although the payment is not known to be good (rule L1, flow F10)?"""

from __future__ import annotations

from streams.contracts.accounts import LedgerPosted
from streams.contracts.payments import Movement, PspStatus
from streams.core.cases import handed
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.flows import reports, unknown_outcome
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.money import (
    balance,
    both_sides,
    charges,
    duplicates,
    expectations,
    fee_lines,
    kept_otherwise,
    orphans,
    other_leg,
    prices,
    references,
    refunds,
    remembered,
    reservations,
    returns,
    set_off,
    shared_ids,
    standing,
    times,
    undercharges,
)
from streams.core.money.asking import ask
from streams.core.money.completeness import postponed
from streams.core.obligations import (
    DEBITS_BYTES,
    DEBITS_MAX,
    Case,
    Debit,
    Fee,
    Line,
    Owed,
    PaymentState,
    Spent,
    crowded,
    payment_key,
)
from streams.core.turn import Turn

FAMILY = "debited_not_confirmed"
_AGAIN = "a part of it was debited again"  # line of a case of what its customer has twice
ASKED_AGAIN = "asked_again"  # counter of a case: its provider has answered too late to act on, and was asked again
# The rule is about the absence of events in these feeds, so it may only speak when both have got past its due time.
NEEDS = ("payments.transactions", "ledger.entries")


def posted(turn: Turn, event: LedgerPosted) -> None:
    """A debit starts the clock unless the payment is known to be good; a credit stops it.

    However late they come: a ledger that stood still tells hours in a heap. Of a late debit the payment must be known,
    so that a backfill of old entries alone opens nothing.
    """
    if event.kind != "posting":
        reservations.posted(turn, event)
        return
    line = references.line_of(event)
    if turn.obligations.booked(line) or remembered.is_known(turn, line):
        return  # told once more, later than the runtime remembers, or under another event id
    if turn.obligations.reserved or turn.obligations.cases:
        reservations.posted(turn, event)
    payment_id = remembered.joined(turn, event)
    if payment_id is None:
        if event.direction == "credit":
            set_off.credited_ahead(turn, event)
        elif orphans.is_about_a_payment(turn, event):
            charges.debited(turn, event, "")
            _wait(turn, event, "", event.amount_minor, orphans.waits_s(turn), orphan=True)
        return
    if turn.obligations.ended:
        handed.recall(turn, payment_id, debit=event.direction == "debit")
    if event.direction == "credit":
        returns.credited(turn, event, payment_id)
        kept_otherwise.credited(turn, event, payment_id)
        other_leg.moved(turn, payment_id)
        reports.came_back(turn, payment_id, event.amount_minor)
        orphans.credited(turn, event, payment_id)
        undercharges.undone(turn, payment_id)
        charges.undone(turn, payment_id)
        both_sides.booked(turn, payment_id)
        return
    if refunds.was_intended(turn, payment_id, line):
        return  # told once more, after so many others that only what became of it is remembered
    orphans.debited(turn, payment_id)
    key = payment_key(payment_id)
    state = turn.obligations.recall(key)
    if not charges.is_fee(turn, event, payment_id) and _taken_again(turn, event, payment_id):
        if state is not None and state.status == PaymentState.SUCCEEDED:
            charges.taken_again(turn, event, payment_id)
        return
    left_minor = charges.debited(turn, event, payment_id)
    expectations.debited(turn, event, payment_id)
    undercharges.debited(turn, event, payment_id, state)
    both_sides.booked(turn, payment_id)
    if state is not None and not state.is_debited:
        turn.obligations.remember(key, state.debited(), turn.at_ms)
    fee = fee_lines.of(turn, line)
    if fee is not None and not fee.inside:  # what was inside the payment's own debit was left out there
        left_minor -= min(left_minor, fee.excess_minor)  # flow F46 gives that back
    explains_itself = fee is not None and payment_id.startswith(fee_lines.OWN)
    if not left_minor or (state is None and (turn.late or explains_itself)):
        return
    if state is not None and state.status == PaymentState.SUCCEEDED and not state.is_debited:
        _paid_after_all(turn, payment_id)
    is_undone = state is not None and bool(state.grace_s) and _undoes(turn, state, key)
    if is_undone:  # undone already, says its payment: the ledger should say so too
        until_ms = times.of_payment(turn, payment_id, event.currency).ends_ms(turn.at_ms)
        debit = _wait(turn, event, payment_id, left_minor, max(1, (until_ms - turn.at_ms) // 1000), orphan=False)
        debit.undone = True
        return
    if state is not None and (state.status == PaymentState.SUCCEEDED or state.grace_s == 0):
        return
    case = _case(turn, payment_id)
    if case is not None and case.is_open:
        if state is None or not state.is_debited:
            refunds.booked(turn, payment_id, event.event_id, line)
            text = "the ledger's debit"
        elif case.currency == event.currency:
            text = "one more debit"
            case.amount_minor = (case.amount_minor or 0) + left_minor
            owed = Owed(payment_id, event.event_id, left_minor, event.currency, turn.at_ms, FAMILY, line=line)
            refunds.owe(turn, owed)
            ask(turn, case, payment_id, event.event_id, left_minor, event.currency)
        else:
            text = "one more debit, in another currency"
        add_line(turn, case, Line(turn.at_ms, "ledger_debit", turn.cause, text, event.amount_minor, event.currency))
        return
    grace_s = state.grace_s if state is not None else orphans.waits_s(turn)
    debit = _wait(turn, event, payment_id, left_minor, grace_s, orphan=state is None)
    debit.again = state is not None and (state.is_debited or state.status == PaymentState.REVERSED)


def _undoes(turn: Turn, state: PaymentState, key: int) -> bool:
    """The ledger may tell of a debit behind the reversal that undoes it. A reversal undoes one, and none from after it.

    The clocks of payments and ledger may differ as much as amounts wait for each other.
    """
    if state.status != PaymentState.REVERSED or state.is_debited:
        return False
    said_ms = turn.obligations.said_ms(key)
    return not said_ms or turn.at_ms <= said_ms + turn.policy.money.amount_check_s * 1000


def _wait(turn: Turn, event: LedgerPosted, payment_id: str, amount_minor: int, grace_s: int, *, orphan: bool) -> Debit:
    """Begins the grace of a debit."""
    owed_ms = turn.at_ms + grace_s * 1000
    # Whatever explains a late debit may lie right behind it.
    due_ms = max(turn.at_ms, turn.ctx.clock_ms) + grace_s * 1000 if turn.late else owed_ms
    debit = Debit(payment_id, event.event_id, turn.at_ms, owed_ms, due_ms, amount_minor, event.currency, orphan=orphan)
    debit.line = references.line_of(event)
    fee = fee_lines.of(turn, debit.line)
    debit.back_minor = (
        event.amount_minor
        - amount_minor
        - (0 if fee is None else min(fee.excess_minor, event.amount_minor - amount_minor))
    )
    _add(turn, debit)
    return debit


def _add(turn: Turn, debit: Debit) -> None:
    debits = turn.obligations.debits
    debits.append(debit)
    while crowded(debits, DEBITS_MAX, DEBITS_BYTES):
        # Its grace is not over: people have a case, and the customer is told nothing that may not be so.
        judge(turn, min(debits, key=lambda debit: (not debit.undone, debit.due_ms)), early=True)


def payment_moved(turn: Turn, event: Movement, status: int, state: PaymentState, known: PaymentState | None) -> None:
    """Success or reversal stops the clock; a movement with rules of its own (withdrawals) is none of ours.

    `status` is what the event says, `known` what was known of the payment before.
    """
    if state.grace_s == 0:
        turn.obligations.debits = [debit for debit in turn.obligations.debits if debit.payment_id != event.payment_id]
        if status == PaymentState.SUCCEEDED and type(event) is not PspStatus:
            duplicates.confirmed(turn, event, known)
            refunds.succeeded(turn, event)
        if status == PaymentState.SUCCEEDED and known is not None and known.status != status:
            both_sides.succeeded(turn, event.payment_id)
        elif status == PaymentState.FAILED and state.status == status:
            refunds.failed_after_all(turn, event.payment_id)
            if known is not None and known.status == PaymentState.SUCCEEDED:
                duplicates.good_no_more(turn, event.payment_id)
                other_leg.good_no_more(turn, event.payment_id)
    elif status == PaymentState.SUCCEEDED:
        duplicates.confirmed(turn, event, known)
        undercharges.confirmed(turn, event)
        refunds.succeeded(turn, event)
        if known is not None:
            _after_the_money(turn, event, known)
            if known.status != PaymentState.SUCCEEDED:
                _paid_after_all(turn, event.payment_id)
        _settled(turn, event.payment_id, "debit_confirmed")
    elif status == PaymentState.FAILED:
        if known is not None and known.status == PaymentState.SUCCEEDED and state.status == status:
            refunds.failed_after_all(turn, event.payment_id)
            duplicates.good_no_more(turn, event.payment_id)
            other_leg.good_no_more(turn, event.payment_id)
            undercharges.undone(turn, event.payment_id, for_good=True)
            _contradicted(turn, event, state)
    elif status == PaymentState.REVERSED:
        refunds.failed_after_all(turn, event.payment_id)
        duplicates.good_no_more(turn, event.payment_id)
        other_leg.good_no_more(turn, event.payment_id)
        undercharges.undone(turn, event.payment_id, for_good=True)
        if _is_promised(turn, event, known):
            return
        refunds.money_back(turn, event.payment_id)
        later = [
            debit
            for debit in turn.obligations.debits
            if debit.payment_id == event.payment_id and debit.again and debit.at_ms > turn.at_ms
        ]
        _settled(turn, event.payment_id, "debit_returned")
        turn.obligations.debits += later  # a reversal undoes what was there, in event time


def _is_promised(turn: Turn, event: Movement, known: PaymentState | None) -> bool:
    """Where the ledger has told of a debit a reversal is a promise, which the ledger's credit keeps.

    What people and customers were told of stays open until then; else the debit waits for as long as a refund takes.
    A debit that only a code has told of has nothing but the reversal to end it.
    """
    left = standing.left(turn, event)
    case = _case(turn, event.payment_id)
    is_open = case is not None and case.is_open
    told = known is not None and known.is_debited
    if left is None and not (is_open and told):
        return False
    refunds.reversed_(turn, event.payment_id)
    owed_ms = times.refund(turn, event).ends_ms(max(turn.at_ms, turn.ctx.clock_ms))
    waiting = [debit for debit in turn.obligations.debits if debit.payment_id == event.payment_id]
    for debit in waiting:
        if not (debit.again and debit.at_ms > turn.at_ms):  # a reversal undoes what was there, in event time
            debit.undone, debit.orphan, debit.owed_ms, debit.due_ms = True, False, owed_ms, owed_ms
    if is_open and case is not None:
        if case.money_state != refunds.REVERSED:
            case.money_state = refunds.REVERSED
            turn.change(case, "reversed")
            if case.template and case.amount_minor is not None and case.currency is not None:
                about = {"amount": money(case.amount_minor, case.currency), "time": instant(case.lines[0].at_ms)}
                notify(turn, "debit_reversed", {**about, "eta": instant(owed_ms), "case_id": case.case_id}, case)
    elif left is not None and not waiting:
        debit = Debit(event.payment_id, turn.cause, left.at_ms, owed_ms, owed_ms, left.amount_minor, left.currency)
        debit.undone, debit.line = True, left.line
        _add(turn, debit)
    return True


def _contradicted(turn: Turn, event: Movement, state: PaymentState) -> None:
    """The payment was good and has failed since: what stands of its debits waits for its explanation once more.

    As long as any debit does, the provider is asked again at its end, and people decide.
    """
    left = standing.left(turn, event)
    if left is None:
        return
    owed_ms = turn.at_ms + state.grace_s * 1000
    due_ms = max(turn.at_ms, turn.ctx.clock_ms) + state.grace_s * 1000 if turn.late else owed_ms
    debit = Debit(event.payment_id, turn.cause, left.at_ms, owed_ms, due_ms, left.amount_minor, left.currency)
    debit.contradicted, debit.line = True, left.line
    _add(turn, debit)


def _after_the_money(turn: Turn, event: Movement, known: PaymentState) -> None:
    """Success after the money, or a part of it, came back: the customer has both."""
    case = _case(turn, event.payment_id)
    waiting = [debit for debit in turn.obligations.debits if debit.payment_id == event.payment_id]
    told = refunds.by_success_minor(turn, event.payment_id)
    if told or known.status == PaymentState.SUCCEEDED or duplicates.is_paid_otherwise(turn, event.payment_id):
        return
    if case is not None and case.is_open:
        back_minor = case.counters.get(charges.BACK, 0) + case.counters.get(returns.BEFORE, 0)
    elif waiting or (case is not None and case.money_state == "returned"):
        # What one of several debits has brought back is twice, whatever another one still waits for.
        is_known = balance.due_minor(turn, event.payment_id, event.currency) is not None
        ended = case if case is not None and case.money_state == "returned" and (is_known or not waiting) else None
        back_minor = sum(debit.back_minor for debit in waiting)
        back_minor += (ended.amount_minor or 0) if ended is not None else 0
    else:
        back_minor = event.amount_minor if known.status == PaymentState.REVERSED and known.is_debited else 0
    twice = refunds.twice_minor(turn, event.payment_id, back_minor, event.currency) if back_minor else 0
    if twice > 0:
        both = Owed(event.payment_id, turn.cause, twice, event.currency, turn.at_ms, refunds.DOUBLE_BENEFIT)
        refunds.double_benefit(turn, both, "the money was back when the payment succeeded", by_success=True)
        if case is None or not case.is_open or not case.template:  # else that one tells its end
            _take_back(turn, event, refunds.case_of(turn, both))


def _take_back(turn: Turn, event: Movement, case: Case | None) -> None:
    """Whoever was told that it did not complete, or saw the money come back, hears that it is good after all."""
    minor = balance.price_of(turn, event.payment_id, event.currency) or event.amount_minor
    lines = remembered.debits_of(turn, payment_key(event.payment_id))
    debited_ms = min((each.at_ms for each in lines), default=turn.at_ms)
    about = {"amount": money(minor, event.currency), "time": instant(debited_ms)}
    if case is not None:
        notify(turn, "debit_confirmed.refunded", {**about, "case_id": case.case_id}, case, aside=True)


def _paid_after_all(turn: Turn, payment_id: str) -> None:
    """This payment is good and debited: of another one of its order the customer has nothing twice any more.

    Only where nothing is left of the other's debits, or of what it costs; together with one that still stands this one
    is a duplicate.
    """
    price = remembered.paid(turn, payment_id)
    about = remembered.about_of(turn, payment_id)
    if price is None or about is None or not about.order:
        return
    for case in turn.obligations.cases:
        other = remembered.about_of(turn, case.payment_id) if case.family == refunds.DOUBLE_BENEFIT else None
        if other is None or not case.is_open or case.payment_id == payment_id or other.order != about.order:
            continue
        stands = remembered.paid(turn, case.payment_id) is not None
        if case.currency != price.currency or (stands and not balance.pays_nothing(turn, payment_key(case.payment_id))):
            continue
        # What was credited beyond every debit is twice whoever has paid.
        paid_minor = min(price.amount_minor, case.counters.get(refunds.BY_SUCCESS, 0))
        if not paid_minor:
            continue
        left_minor = (case.amount_minor or 0) - paid_minor
        if left_minor > 0:
            case.amount_minor = left_minor
            case.counters[refunds.BY_SUCCESS] -= paid_minor
        text = f"its order is paid by payment {payment_id}"[:160]
        add_line(turn, case, Line(turn.at_ms, "paid_otherwise", turn.cause, text, price.amount_minor, price.currency))
        if left_minor <= 0:
            case.money_state = "confirmed"
            set_status(turn, case, "resolved", "paid_otherwise")
        return  # one debit pays once


def _taken_again(turn: Turn, event: LedgerPosted, payment_id: str) -> bool:
    """Accounting has taken back what the customer had twice, or a part of it: that debit needs no explanation."""
    for case in turn.obligations.cases:
        if case.family != refunds.DOUBLE_BENEFIT or case.payment_id != payment_id or not case.is_open:
            continue
        left_minor = (case.amount_minor or 0) - event.amount_minor
        is_topup = expectations.is_good_topup(turn, payment_id)
        if case.currency != event.currency or (left_minor < 0 and remembered.paid(turn, payment_id) is not None):
            return False
        if is_topup and left_minor >= 0:
            set_off.taken(turn, event, payment_id)
        if left_minor > 0:
            case.amount_minor = left_minor
            line = Line(turn.at_ms, "ledger_debit", turn.cause, _AGAIN, event.amount_minor, event.currency)
            add_line(turn, case, line)
        else:
            if left_minor and not turn.obligations.is_good(payment_key(payment_id)):
                set_off.was_ahead(turn, event, payment_key(payment_id), case.amount_minor or 0)
            elif not left_minor and not is_topup:
                set_off.not_early(turn, payment_id)  # the case was about those as well
            case.money_state = "confirmed"
            set_status(turn, case, "resolved", "debited_again")
        return left_minor >= 0  # more than that is compared with the payment's amount, as any debit
    return False


def was_a_fee(turn: Turn, payment_id: str, debit: Spent) -> None:
    """What was taken for a part of what the customer has twice, debited again, is a fee: all of that is twice still."""
    about = (debit.at_ms, _AGAIN, debit.amount_minor, debit.currency)
    for case in turn.obligations.cases:
        mine = (case.family, case.payment_id) == (refunds.DOUBLE_BENEFIT, payment_id) and case.is_open
        if mine and any((line.at_ms, line.text, line.amount_minor, line.currency) == about for line in case.lines):
            case.amount_minor = (case.amount_minor or 0) + debit.amount_minor
            text, kind = "what was debited is a fee", refunds.DOUBLE_BENEFIT
            add_line(turn, case, Line(turn.at_ms, kind, turn.cause, text, debit.amount_minor, debit.currency))


def carve(turn: Turn, payment_id: str, fee: Fee) -> bool:
    """A debit that waits for its payment is a fee, and its excess goes back by itself: the rest waits on.

    False: all of it is on its way back already, because its payment is not good.
    """
    obligations = turn.obligations
    if fee.line or fee.inside:
        expectations.carve(turn, payment_id, fee.excess_minor, fee.currency)
    for debit in tuple(obligations.debits):
        # What is looked into again after a success or a reversal is one debit of all that stands.
        is_all = debit.contradicted or debit.undone
        if fee.line and debit.payment_id == payment_id and (debit.line == fee.line or is_all):
            debit.amount_minor -= min(debit.amount_minor, fee.excess_minor)
            if not debit.amount_minor:
                obligations.debits.remove(debit)
            return True
    case = _case(turn, payment_id)
    is_all = case is not None and refunds.CONTRADICTED in case.counters
    for owed in tuple(obligations.owed):
        if not fee.line or (owed.payment_id, owed.family) != (payment_id, FAMILY):
            continue
        if owed.line != fee.line and not is_all:
            continue
        if owed.status != refunds.OWED:
            return False
        owed.amount_minor -= min(owed.amount_minor, fee.excess_minor)
        if not owed.amount_minor:
            obligations.owed.remove(owed)
        if case is not None and case.is_open and case.currency == fee.currency:
            case.amount_minor = max(0, (case.amount_minor or 0) - fee.excess_minor)
    return True


def due(turn: Turn, debit: Debit) -> None:
    """The grace is over. While a feed is behind or has stopped, nobody knows, and nothing is said."""
    if postponed(turn, debit, NEEDS):
        return
    judge(turn, debit)


def answered(turn: Turn, event: PspStatus, status: int) -> None:
    """The provider's final word about money that is owed. On one that came late nothing is sent: it is asked again.

    Once per case. If that answer is late as well, or none comes, the case has said already that people decide.
    """
    for owed in refunds.answered(turn, event.payment_id, status, event):
        case = refunds.case_of(turn, owed)
        if case is not None and ASKED_AGAIN not in case.counters:
            case.counters[ASKED_AGAIN] = 1
            unknown_outcome.ask_again(turn, owed)


def claimed(turn: Turn, event: Movement) -> None:
    """A code says it outright: debited, and the payment did not complete. No grace for that."""
    known = next((debit for debit in turn.obligations.debits if debit.payment_id == event.payment_id), None)
    if known is None:
        if _case(turn, event.payment_id) is not None:
            return
        known = Debit(
            event.payment_id, turn.cause, turn.at_ms, turn.at_ms, turn.at_ms, event.amount_minor, event.currency, False
        )
        turn.obligations.debits.append(known)
    judge(turn, known)


def judge(turn: Turn, debit: Debit, *, early: bool = False) -> None:
    """Opens the money case, asks the provider, tells the customer; not while it is `early`."""
    turn.obligations.debits.remove(debit)
    nameless = orphans.opened(turn, debit) if debit.orphan else None
    if nameless is not None:
        if not early and turn.at_ms > turn.obligations.unpriced_ms + prices.LAGS_MS:
            _tell(turn, debit, nameless)  # nobody can be asked about a payment without a name
        return
    if _is_with_its_payment(turn, debit):
        return
    if debit.posted and not (debit.contradicted or debit.undone):
        debit.amount_minor -= charges.given_up(turn, debit.payment_id, debit.currency)
        debit.amount_minor = min(debit.amount_minor, _standing_minor(turn, debit))
        if debit.amount_minor <= 0:
            return
    known, about = _case(turn, debit.payment_id), remembered.about_of(turn, debit.payment_id)
    back_minor = debit.back_minor
    if known is not None and not known.is_open:  # what it was about is over: from here on it is about this debit
        known.counters.pop(charges.BACK, None)
        known.counters.pop(returns.BEFORE, None)
        known.counters.pop(refunds.CONTRADICTED, None)
    elif known is not None and known.currency == debit.currency:  # it is about one more debit
        known.amount_minor = (known.amount_minor or 0) + debit.amount_minor
        back_minor += known.counters.get(returns.BEFORE, 0)
    case = open_or_join(
        turn,
        Draft(
            case_type=FAMILY,
            flow="F10",
            family=FAMILY,
            queue="accounting",
            priority=2,
            lines=(
                Line(
                    debit.at_ms,
                    "ledger_debit",
                    debit.entry,
                    _what(debit) + (_EARLY if early else ""),
                    debit.amount_minor,
                    debit.currency,
                ),
            ),
            payment_id=debit.payment_id,
            by_payment=True,
            amount_minor=debit.amount_minor,
            currency=debit.currency,
            money_state="moved",
            movement="transfer" if about is not None and about.how & 1 else "",
            counters=(
                *(((returns.BEFORE, back_minor),) if back_minor else ()),
                *(((refunds.CONTRADICTED, 1),) if debit.contradicted else ()),
            ),
        ),
    )
    unknown_outcome.goes_on(turn, debit.payment_id, FAMILY)
    entry = debit.entry if debit.posted else ""
    owed = Owed(debit.payment_id, entry, debit.amount_minor, debit.currency, debit.at_ms, FAMILY, line=debit.line)
    owed.not_before_ms = debit.owed_ms if early else 0
    refunds.owe(turn, owed)
    asked = unknown_outcome.still_asking(turn, debit.payment_id)  # the provider is being asked already
    asked = asked or ask(turn, case, debit.payment_id, debit.entry, debit.amount_minor, debit.currency)
    if asked and not early and not shared_ids.is_shared(turn, debit.payment_id):
        _tell(turn, debit, case)


def _standing_minor(turn: Turn, debit: Debit) -> int:
    """What the books still hold for it beside what else waits for money of its payment; its own where they do not know.

    A credit that was taken to correct the payment's amount was the money of a debit that is looked into as a whole.
    """
    payment_id, currency = debit.payment_id, debit.currency
    lines = remembered.debits_of(turn, payment_key(payment_id))
    if not lines or balance.charged_minor(turn, payment_id, currency) is None:
        return debit.amount_minor
    others = [each for each in turn.obligations.debits if (each.payment_id, each.currency) == (payment_id, currency)]
    families = (refunds.DUPLICATE, refunds.MISMATCH, refunds.FEE, FAMILY)
    asked_minor = balance.asked_minor(turn, payment_id, currency, *families)
    stands_minor = balance.stands_minor(turn, payment_id, currency)
    return stands_minor - asked_minor - sum(each.amount_minor for each in others)


def _is_with_its_payment(turn: Turn, debit: Debit) -> bool:
    """Fees that were booked by themselves are missing with their payment: nobody knows them as payments of their own.

    True: this debit is one, and is looked into when its payment's is.
    """
    for each in tuple(turn.obligations.debits):
        if (each.payment_id, each.currency) != (debit.payment_id, debit.currency):
            continue
        if _is_fee(turn, debit) and not _is_fee(turn, each):
            _add_up(each, debit)
            return True
        if _is_fee(turn, each):
            turn.obligations.debits.remove(each)
            _add_up(debit, each)
    return False


def _is_fee(turn: Turn, debit: Debit) -> bool:
    fee = fee_lines.of(turn, debit.line)
    return fee is not None and not fee.tariff


def _add_up(debit: Debit, fee: Debit) -> None:
    debit.amount_minor += fee.amount_minor
    debit.back_minor += fee.back_minor


_EARLY = "; its time is not over: too many debits of this account wait at once"


def _what(debit: Debit) -> str:
    if debit.undone:
        return "debited and reversed, and the ledger has not given it back"
    if debit.contradicted:
        return "debited, and the payment failed after it had succeeded"
    if debit.orphan:
        return "debited, and no event of the payment came"
    return "debited, and the payment is not confirmed"


def _tell(turn: Turn, debit: Debit, case: Case) -> None:
    answer_ms = turn.at_ms + turn.policy.cases.priority(f"P{case.priority}").next_update_s * 1000
    notify(
        turn,
        "debit_reversed.late" if debit.undone else FAMILY,
        {
            "amount": money(debit.amount_minor, debit.currency),
            "time": instant(debit.at_ms),
            "eta": instant(answer_ms),
            "case_id": case.case_id,
        },
        case,
    )


def _settled(turn: Turn, payment_id: str, template: str) -> None:
    """The debit is explained. A case that was opened before the explanation came is withdrawn or resolved."""
    obligations = turn.obligations
    if obligations.debits:
        obligations.debits = [debit for debit in obligations.debits if debit.payment_id != payment_id]
    for case in tuple(obligations.cases):
        if case.family == FAMILY and case.payment_id == payment_id and case.is_open:  # however late the explanation is
            returns.settle(turn, case, template)


def _case(turn: Turn, payment_id: str) -> Case | None:
    for case in turn.obligations.cases:
        if case.family == FAMILY and case.payment_id == payment_id:
            return case
    return None
