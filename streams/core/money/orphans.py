"""Does a line of the ledger belong to a payment that anybody has told of (rule L2)?

A debit or credit that names a payment, an order or a payee is about a payment, whose event should be here within
minutes. Lines that name nothing are other bookings: fees, interest, corrections. So is a credit that names who sent it.
"""

from __future__ import annotations

from streams.contracts.accounts import LedgerPosted
from streams.contracts.payments import Movement, Refund
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.cases.samples import sample
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.money import charges, references, remembered
from streams.core.money.completeness import postponed
from streams.core.obligations import (
    Case,
    Debit,
    Expectation,
    Line,
    PaymentState,
    Spent,
    payment_key,
)
from streams.core.turn import Turn

CREDIT = "orphan_credit"  # kind of an expectation: that an event explains a credit
DEBIT = "orphan_debit"  # family of the case about debits whose payment is not even named
NEEDS = ("payments.transactions", "ledger.entries")
_SAMPLE = "integration.orphan_line"


def waits_s(turn: Turn) -> int:
    """How long a debit whose payment nobody has told of may wait for it."""
    return turn.policy.money.orphan_s or turn.policy.money.grace_s("other")


def is_about_a_payment(turn: Turn, event: LedgerPosted) -> bool:
    """Whether a debit that names no payment that is known has to be explained."""
    named = event.order_id is not None or event.counterparty_id is not None
    return event.direction == "debit" and named and turn.policy.money.orphan_s > 0 and not turn.late


def credited(turn: Turn, event: LedgerPosted, payment_id: str) -> None:
    """A credit of a payment that nobody has told of: somebody should, soon."""
    if turn.late or event.counterparty_id is not None or not turn.policy.money.orphan_s:
        return
    obligations, key = turn.obligations, payment_key(payment_id)
    told = obligations.recall(key) is not None or any(case.payment_id == payment_id for case in obligations.cases)
    waiting = any(debit.payment_id == payment_id for debit in obligations.debits)
    if told or waiting or any(each.payment == key and each.amount_minor > 0 for each in obligations.spent):
        return
    expectations = obligations.expectations
    if any(each.kind == CREDIT and each.payment_id == payment_id for each in expectations):
        return
    owed_ms = turn.at_ms + turn.policy.money.orphan_s * 1000
    waiting_for = Expectation(
        CREDIT, "", payment_id, turn.cause, turn.at_ms, owed_ms, owed_ms, event.amount_minor, event.currency
    )
    if not obligations.expect(waiting_for):
        _open_credit(turn, waiting_for)


def debited(turn: Turn, payment_id: str) -> None:
    """A debit explains a credit of the same payment that was here before it."""
    _drop_credit(turn, payment_id)


def may_explain(turn: Turn, event: Movement) -> bool:
    """Whether a later event of a payment names what a debit without payment names: its request may be forgotten."""
    if isinstance(event, Refund) or not any(
        not each.payment and each.amount_minor > 0 for each in turn.obligations.spent
    ):
        return False
    named = event.order_id is not None or event.counterparty_id is not None or event.merchant_id is not None
    return named and remembered.about_of(turn, event.payment_id) is None


def explained(turn: Turn, event: Movement, state: PaymentState) -> bool:
    """The first event of a payment: lines of it that waited for one wait no longer, and its own grace begins.

    Whether there were lines that had named no payment; these are compared with others now.
    """
    obligations = turn.obligations
    if not obligations.spent and not obligations.debits and not obligations.expectations:
        return False
    _drop_credit(turn, event.payment_id)
    claimed = charges.claimed(turn, event)
    key = payment_key(event.payment_id)
    if not state.is_debited and remembered.debits_of(turn, key):
        obligations.remember(key, state.debited(), turn.at_ms)
    names = {each.name for each in claimed}
    for debit in obligations.debits:
        mine = debit.payment_id == event.payment_id or (references.hashed(debit.entry), debit.line) in names
        if debit.orphan and mine:
            debit.payment_id, debit.orphan = event.payment_id, False
            debit.owed_ms = debit.due_ms = max(debit.at_ms, turn.at_ms) + state.grace_s * 1000
    case = _case(turn)
    if case is not None and claimed:
        _close(turn, case, event, state, claimed)
    return bool(claimed)


def due(turn: Turn, waiting: Expectation) -> None:
    """Nobody has explained the credit in time: accounting should."""
    if postponed(turn, waiting, NEEDS):
        return
    turn.obligations.expectations.remove(waiting)
    _open_credit(turn, waiting)


def opened(turn: Turn, debit: Debit) -> Case | None:
    """The case about a debit whose payment is not named; None where it is named, and the money case of F10 says it.

    Either way whoever runs the integration hears of it: one example per partition and week.
    """
    line = _line(debit.at_ms, debit.entry, debit.amount_minor, debit.currency, "debit without any event of its payment")
    sample(turn, "ledger", DEBIT, case_type=_SAMPLE, flow="F10", line=line)
    if debit.payment_id:
        return None
    known = _case(turn)
    count = known.counters.get("lines", 0) + 1 if known is not None else 1
    return open_or_join(
        turn,
        Draft(
            case_type=DEBIT,
            flow="F10",
            family=DEBIT,
            queue="accounting",
            priority=2,
            lines=(line,),
            amount_minor=debit.amount_minor,
            currency=debit.currency,
            money_state="moved",
            counters=(("lines", count),),
        ),
    )


def _open_credit(turn: Turn, waiting: Expectation) -> None:
    """No word to the customer: the money may not be theirs."""
    line = _line(
        waiting.since_ms,
        waiting.entry,
        waiting.amount_minor,
        waiting.currency,
        "credit without any event of its payment",
    )
    open_or_join(
        turn,
        Draft(
            case_type=CREDIT,
            flow="F10",
            family=CREDIT,
            queue="accounting",
            priority=3,
            lines=(line,),
            payment_id=waiting.payment_id,
            by_payment=True,
            amount_minor=waiting.amount_minor,
            currency=waiting.currency,
            money_state="unexplained",
        ),
    )


def _drop_credit(turn: Turn, payment_id: str) -> None:
    for waiting in turn.obligations.expectations:
        if waiting.kind == CREDIT and waiting.payment_id == payment_id:
            turn.obligations.expectations.remove(waiting)
            break
    for case in turn.obligations.cases:
        if case.family == CREDIT and case.payment_id == payment_id and case.is_open:
            soon = turn.at_ms <= case.opened_ms + turn.policy.lateness_s * 1000
            set_status(turn, case, "withdrawn" if soon else "resolved", "credit_explained")


def _close(turn: Turn, case: Case, event: Movement, state: PaymentState, claimed: list[Spent]) -> None:
    """Lines of the case that this payment explains; with the last one it ends. A payment that is not good is F10's."""
    lines = {each.entry: each.line for each in claimed}
    mine = [line for line in case.lines if line.kind == _KIND and references.hashed(line.event_id) in lines]
    if not mine:
        return
    case.counters["lines"] = max(0, case.counters.get("lines", 0) - len(mine))
    text = f"explained by payment {event.payment_id}"[:160]
    add_line(turn, case, Line(turn.at_ms, "payment_known", turn.cause, text, event.amount_minor, event.currency))
    for line in mine:
        if state.status == PaymentState.SUCCEEDED:
            notify(turn, "debit_confirmed", {"amount": money(*_sum(line)), "time": instant(line.at_ms)}, case)
        elif state.grace_s and state.status != PaymentState.REVERSED:
            due_ms = turn.at_ms + state.grace_s * 1000
            debit = Debit(event.payment_id, line.event_id, line.at_ms, due_ms, due_ms, *_sum(line))
            debit.line = lines[references.hashed(line.event_id)]
            turn.obligations.debits.append(debit)
    if not case.counters["lines"]:
        soon = turn.at_ms <= case.opened_ms + turn.policy.lateness_s * 1000
        set_status(turn, case, "withdrawn" if soon else "resolved", "debit_explained")


def _sum(line: Line) -> tuple[int, str]:
    return line.amount_minor or 0, line.currency or ""


_KIND = "ledger_line"


def _line(at_ms: int, entry: str, amount_minor: int, currency: str, text: str) -> Line:
    return Line(at_ms, _KIND, entry, text, amount_minor, currency)


def _case(turn: Turn) -> Case | None:
    return next((case for case in turn.obligations.cases if case.family == DEBIT and case.is_open), None)
