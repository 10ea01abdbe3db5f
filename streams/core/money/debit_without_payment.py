"""Was the customer debited although the payment is not known to be good (rule L1, flow F10)?"""

from __future__ import annotations

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import PspQuery
from streams.contracts.payments import Movement
from streams.core import ids
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.obligations import DEBITS_MAX, Case, Debit, Line, PaymentState, payment_key
from streams.core.turn import Turn

FAMILY = "debited_not_confirmed"
# The rule is about the absence of events in these feeds, so it may only speak when both have got past its due time.
NEEDS = ("payments.transactions", "ledger.entries")
# What the runtime calls the moment up to which every input has been read to its end.
IDLE = ""
# A feed that is behind is looked at again after as long as it has been waited for, within these bounds: at once where
# the other feed is a second away; six times an hour where it stands still, which for 10,000 open debits is 17 timers
# a second of event time.
PATIENCE_MS = (1_000, 600_000)


def posted(turn: Turn, event: LedgerPosted) -> None:
    """A debit starts the clock unless the payment is known to be good; a credit stops it.

    However late they come: a ledger that stood still tells hours in a heap. Of a late debit the payment must be known,
    so that a backfill of old entries alone opens nothing.
    """
    payment_id = event.payment_id
    if payment_id is None or event.kind != "posting":
        return
    if event.direction == "credit":
        _settled(turn, payment_id, "debit_returned", Line(turn.at_ms, "ledger_credit", turn.cause, "money came back"))
        return
    state = turn.obligations.recall(payment_key(payment_id))
    if state is None and turn.late:
        return
    if state is not None and (state.status == PaymentState.SUCCEEDED or state.grace_s == 0):
        return
    debits = turn.obligations.debits
    if any(debit.entry == event.event_id for debit in debits):
        return
    grace_s = state.grace_s if state is not None else turn.policy.money.grace_s("other")
    owed_ms = turn.at_ms + grace_s * 1000
    # Whatever explains a late debit may lie right behind it.
    due_ms = max(turn.at_ms, turn.ctx.clock_ms) + grace_s * 1000 if turn.late else owed_ms
    debits.append(Debit(payment_id, event.event_id, turn.at_ms, owed_ms, due_ms, event.amount_minor, event.currency))
    if len(debits) > DEBITS_MAX:
        judge(turn, min(debits, key=lambda debit: debit.due_ms))


def payment_moved(turn: Turn, event: Movement, state: PaymentState) -> None:
    """Success or reversal stops the clock; a movement with rules of its own (withdrawals) is none of ours."""
    if state.grace_s == 0:
        turn.obligations.debits = [debit for debit in turn.obligations.debits if debit.payment_id != event.payment_id]
    elif state.status == PaymentState.SUCCEEDED:
        _settled(turn, event.payment_id, "debit_confirmed")
    elif state.status == PaymentState.REVERSED:
        _settled(turn, event.payment_id, "debit_returned")


def due(turn: Turn, debit: Debit) -> None:
    """The grace is over. While a feed is behind or has stopped, nobody knows, and nothing is said."""
    ctx = turn.ctx
    idle_ms = ctx.feeds.get(IDLE, 0)
    if any(max(ctx.feeds.get(feed, 0), idle_ms) < debit.owed_ms or ctx.is_stalled(feed, turn.at_ms) for feed in NEEDS):
        shortest, longest = PATIENCE_MS
        debit.due_ms = turn.at_ms + min(max(turn.at_ms - debit.owed_ms, shortest), longest)
        return
    judge(turn, debit)


def judge(turn: Turn, debit: Debit) -> None:
    """Opens the money case, asks the provider, tells the customer."""
    turn.obligations.debits.remove(debit)
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
                    "debited, and the payment is not confirmed",
                    debit.amount_minor,
                    debit.currency,
                ),
            ),
            payment_id=debit.payment_id,
            by_payment=True,
            amount_minor=debit.amount_minor,
            currency=debit.currency,
            money_state="moved",
        ),
    )
    if not turn.may("query"):
        return
    turn.effects.append(
        PspQuery(
            occurred_at=turn.at,
            query_id=ids.action_id(case.case_id, turn.ctx.account_id, debit.entry, "psp_query"),
            account_id=turn.ctx.account_id,
            payment_id=debit.payment_id,
            amount_minor=debit.amount_minor,
            currency=debit.currency,
        )
    )
    answer_ms = turn.at_ms + turn.policy.cases.priority(f"P{case.priority}").next_update_s * 1000
    notify(
        turn,
        FAMILY,
        {
            "amount": money(debit.amount_minor, debit.currency),
            "time": instant(debit.at_ms),
            "eta": instant(answer_ms),
            "case_id": case.case_id,
        },
        case,
    )


def _settled(turn: Turn, payment_id: str, template: str, line: Line | None = None) -> None:
    """The debit is explained. A case that was opened before the explanation came is withdrawn or resolved.

    `line` is for the timeline where nobody else writes one.
    """
    obligations = turn.obligations
    if obligations.debits:
        obligations.debits = [debit for debit in obligations.debits if debit.payment_id != payment_id]
    case = _case(turn, payment_id)
    if case is None:
        return
    if line is not None:
        add_line(turn, case, line)
    if not case.is_open or turn.late:
        return
    # Within the lateness bound the case was never true; after that it was, and now it is over.
    withdrawn = turn.at_ms <= case.opened_ms + turn.policy.lateness_s * 1000
    case.money_state = "confirmed" if template == "debit_confirmed" else "returned"
    set_status(turn, case, "withdrawn" if withdrawn else "resolved", template)
    told = case.template == FAMILY
    if told and case.amount_minor is not None and case.currency is not None:
        about = {"amount": money(case.amount_minor, case.currency), "time": instant(case.lines[0].at_ms)}
        notify(turn, template, about, case)


def _case(turn: Turn, payment_id: str) -> Case | None:
    for case in turn.obligations.cases:
        if case.family == FAMILY and case.payment_id == payment_id:
            return case
    return None
