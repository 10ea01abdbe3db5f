"""What became of a payment whose outcome nobody has said (F03)?

Pending, a code that asks for a query, or silence for a minute: the outcome is unknown, which is not failure. The
provider is asked on a schedule, nothing is charged again, and the customer is told to wait. People are asked only when
the schedule is over and the provider still does not know; while an outage is the reason, its case is enough.
"""

from __future__ import annotations

from streams.contracts.actions import PspCancel, PspQuery
from streams.contracts.payments import Movement, PspStatus
from streams.core import ids
from streams.core.cases.book import Draft, open_or_join, set_status
from streams.core.cases.samples import sample
from streams.core.flows.movements import ANSWERS
from streams.core.incidents import members
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.money import arrivals, duplicates, expectations, refunds, remembered
from streams.core.money.completeness import ledger_is_heard, postponed
from streams.core.obligations import (
    UNKNOWNS_BYTES,
    UNKNOWNS_MAX,
    Case,
    Line,
    Owed,
    PaymentState,
    Unknown,
    crowded,
    payment_key,
)
from streams.core.turn import Turn

FAMILY = "payment_unknown"
ANSWER = "psp.status"  # where a code has its source
UNREAD = "integration.unknown_status"
NEEDS = ("payments.transactions",)
STATED_OF = "stated"  # what is remembered of a payment whose code said that its order is paid, or a part of it
SAID_FAILED = "said_failed"  # and of one whose customer was told that it did not complete
ASKED_BY_PEOPLE = "operator_queries"  # counter of a case
_LINE = "operator_query"  # kind of the line that each of them leaves
# Families of the cases that follow a movement to its end and tell its customer; any other is about something else.
_FOLLOWS = frozenset({refunds.NOT_CAPTURED, *(row.case_type for row in expectations.OF_MOVEMENTS)})
_FINAL = {
    PaymentState.SUCCEEDED: "has succeeded",
    PaymentState.FAILED: "has failed",
    PaymentState.REVERSED: "was reversed",
}


def watch(
    turn: Turn, payment_id: str, amount_minor: int | None, currency: str | None, event: Movement | None = None
) -> None:
    """The payment may go on: from now on silence is counted. `event` is its request, where that is at hand."""
    silent_s = turn.policy.unknown.silent_s
    if silent_s and _find(turn, payment_id) is None:
        owed_ms = turn.at_ms + silent_s * 1000
        unknown = Unknown(payment_id, turn.cause, turn.at_ms, 0, owed_ms, owed_ms, amount_minor, currency)
        unknown.marks = members.marks_of(event) if event is not None else b""
        _add(turn, unknown)


def begin(turn: Turn, event: Movement) -> None:
    """Somebody said that the outcome is unknown: the first query comes after the first pause."""
    unknown = _find(turn, event.payment_id)
    if unknown is not None and unknown.asked_ms:
        return
    if unknown is not None:
        turn.obligations.unknowns.remove(unknown)
    waiting = Unknown(event.payment_id, turn.cause, turn.at_ms, turn.at_ms, 0, 0, event.amount_minor, event.currency)
    waiting.marks = unknown.marks if unknown is not None else members.marks_of(event)
    _plan(turn, waiting)
    _add(turn, waiting)


def ask_again(turn: Turn, owed: Owed) -> None:
    """The schedule from now on, for money whose answer came too late to act on; its customer has been told already."""
    if still_asking(turn, owed.payment_id):
        return
    now_ms = max(turn.at_ms, turn.ctx.clock_ms)
    waiting = Unknown(owed.payment_id, turn.cause, now_ms, now_ms, 0, 0, owed.amount_minor, owed.currency, told=True)
    _plan(turn, waiting)
    _add(turn, waiting)


def heard(turn: Turn, event: Movement, status: int) -> None:
    """Something was said about the payment: a final word ends the waiting, any other ends only the silence."""
    unknown = _find(turn, event.payment_id)
    if unknown is not None:
        if type(event) is PspStatus:
            unknown.missing = event.status == "not_found"
        if status == PaymentState.SEEN:
            if not unknown.asked_ms:
                turn.obligations.unknowns.remove(
                    unknown
                )  # an authorisation is an answer; what follows is another rule's
            return
        turn.obligations.unknowns.remove(unknown)
        if type(event) is PspStatus and unknown.asked_ms:
            unknown.told = True  # by the answer to what called it unknown; to the provider's word nobody else answers
    elif status == PaymentState.SEEN:
        return
    _ended(turn, event.payment_id, status, unknown)


def unread(turn: Turn, event: Movement, state: PaymentState) -> None:
    """The provider answered with a word that nobody here understands: that ends no silence and is no outcome.

    The payment is asked about on, or from now on, and whoever runs the integration sees the word: one example of it
    per partition and week.
    """
    assert isinstance(event, PspStatus)
    turn.ctx.unread.append(ANSWER)
    words = ", ".join(sorted(ANSWERS))
    text = f"psp.status.v1 has the status {event.status[:64]!r}, which is none of {words}: send one of these"
    line = Line(turn.at_ms, "unknown_status", turn.cause, text)  # not about the payment: that has its own
    sample(turn, ANSWER, event.status, case_type=UNREAD, flow="F03", line=line)
    case = _case(turn, event.payment_id)
    if state.status == PaymentState.SEEN and (case is None or not case.is_open):
        begin(turn, event)


def not_found_yet(turn: Turn, event: Movement) -> bool:
    """The provider knows no such payment, but the schedule is not over: it may only be slow to book it."""
    return type(event) is PspStatus and event.status == "not_found" and still_asking(turn, event.payment_id)


def money_back(turn: Turn, payment_id: str, *, told: bool) -> None:
    """The ledger has given it back: nothing is left to ask about. `told`: by its money case, or not the payment's."""
    unknown = _find(turn, payment_id)
    if unknown is not None:
        turn.obligations.unknowns.remove(unknown)
    if not told:
        _end(turn, payment_id, "debit_returned", unknown)


def goes_on(turn: Turn, payment_id: str, family: str) -> None:
    """The payment has a money case by now, which says everything that this one would."""
    case = _case(turn, payment_id)
    if case is not None and case.is_open:
        set_status(turn, case, "merged", family)


def still_asking(turn: Turn, payment_id: str) -> bool:
    """Whether the provider will be asked about this payment again."""
    unknown = _find(turn, payment_id)
    return unknown is not None and unknown.asked_ms > 0


def ask_refusal(turn: Turn, case: Case) -> tuple[str, str] | None:
    """(cause, sentence) if the provider must not be asked now about the payment of this case."""
    if not case.payment_id:
        return "no_payment", "the case names no payment: there is nothing to ask about"
    state = turn.obligations.recall(payment_key(case.payment_id))
    if state is None:
        return "unknown_payment", "the account remembers 64 payments of 30 days, and this one is not among them"
    if state.status in _FINAL:
        return "final", f"the payment {_FINAL[state.status]}: nothing is left to ask"
    if turn.obligations.hold(case.payment_id) is not None:
        return "held", "the payment waits for our own answer: release or block it"
    if turn.policy.mode == "observe":
        return "observing", "the policy observes: nobody is asked"
    if not turn.is_fresh:
        return "too_old", "the action is older than the policy lets effects be"
    since_ms = turn.at_ms - _last_asked_ms(turn, case.payment_id)
    answer_s = turn.policy.unknown.answer_s
    if since_ms < answer_s * 1000:
        return "under_way", f"the provider was asked {max(0, since_ms) // 1000} s ago: give it {answer_s} s to answer"
    most = turn.policy.unknown.operator_queries_max
    if _asked_by_people(turn, case.payment_id) >= most:
        return "budget", f"people have had the provider asked {most} times about this payment, and more is not allowed"
    return None


def ask_now(turn: Turn, case: Case) -> None:
    """A person wants to know now. The schedule, if it still runs, goes on as if nobody had."""
    case.counters[ASKED_BY_PEOPLE] = case.counters.get(ASKED_BY_PEOPLE, 0) + 1
    turn.effects.append(
        PspQuery(
            occurred_at=turn.at,
            query_id=ids.query_id(turn.ctx.account_id, case.payment_id, turn.origin, "operator"),
            account_id=turn.ctx.account_id,
            payment_id=case.payment_id,
            amount_minor=case.amount_minor,
            currency=case.currency,
            attempt=_asked_by_people(turn, case.payment_id),
        )
    )


def due(turn: Turn, unknown: Unknown) -> None:
    """Silence has lasted long enough, the next query is due, the customer is to be told, or the schedule is over."""
    if postponed(turn, unknown, NEEDS):
        return
    at_ms = unknown.owed_ms
    if not unknown.asked_ms:
        unknown.asked_ms = at_ms
    if not unknown.told and at_ms >= unknown.since_ms + turn.policy.unknown.tell_after_s * 1000:
        unknown.told = True
        _tell(turn, unknown)
    members.after_silence(turn, unknown)
    times = _times(turn, unknown)
    if unknown.step < len(times) and at_ms >= times[unknown.step]:
        if unknown.step < len(times) - 1:
            unknown.step += 1
            _ask(turn, unknown)
        elif members.is_hit(turn, unknown.payment_id) and not unknown.missing:
            _ask_later(turn, unknown, times)
        else:
            turn.obligations.unknowns.remove(unknown)
            _give_up(turn, unknown)
            return
    _plan(turn, unknown)


def _cases_of(turn: Turn, payment_id: str) -> list[Case]:
    return [case for case in turn.obligations.cases if case.payment_id == payment_id]


def _asked_by_people(turn: Turn, payment_id: str) -> int:
    return sum(case.counters.get(ASKED_BY_PEOPLE, 0) for case in _cases_of(turn, payment_id))


def _last_asked_ms(turn: Turn, payment_id: str) -> int:
    """When the provider was last asked, by the schedule or by people; 0: never, as far as is known here."""
    lines = (line for case in _cases_of(turn, payment_id) for line in case.lines if line.kind == _LINE)
    asked_ms = max((line.at_ms for line in lines), default=0)
    unknown = _find(turn, payment_id)
    if unknown is not None and unknown.asked_ms and unknown.step:
        asked_ms = max(asked_ms, _times(turn, unknown)[unknown.step - 1])
    return asked_ms


def _times(turn: Turn, unknown: Unknown) -> list[int]:
    """When each query is due, and at the end when the last answer should have come."""
    schedule_s = turn.policy.money.query_schedule_s
    over_s = schedule_s[-1] + turn.policy.unknown.answer_s
    return [unknown.asked_ms + after_s * 1000 for after_s in (*schedule_s, over_s)]


def _ask_later(turn: Turn, unknown: Unknown, times: list[int]) -> None:
    """The last query once more, after as long: while the outage lasts nobody could do anything else."""
    again_ms = unknown.owed_ms + turn.policy.money.query_schedule_s[-1] * 1000
    unknown.asked_ms += again_ms - times[-2]
    unknown.step -= 1
    unknown.rounds += 1


def _plan(turn: Turn, unknown: Unknown) -> None:
    owed_ms = _times(turn, unknown)[unknown.step]
    if not unknown.told:
        owed_ms = min(owed_ms, max(unknown.since_ms + turn.policy.unknown.tell_after_s * 1000, turn.at_ms))
    unknown.owed_ms = unknown.due_ms = owed_ms


def _add(turn: Turn, unknown: Unknown) -> None:
    unknowns = turn.obligations.unknowns
    unknowns.append(unknown)
    while crowded(unknowns, UNKNOWNS_MAX, UNKNOWNS_BYTES):
        oldest = min(unknowns, key=lambda each: (each.since_ms, each.payment_id))
        unknowns.remove(oldest)
        if oldest.asked_ms:
            oldest.missing = False  # its schedule is not over
            _give_up(turn, oldest)


def _ask(turn: Turn, unknown: Unknown) -> None:
    unknown.missing = False  # the answer to the last question counts
    if not turn.may("query"):
        return
    turn.effects.append(
        PspQuery(
            occurred_at=turn.at,
            query_id=ids.query_id(
                turn.ctx.account_id, unknown.payment_id, unknown.entry, str(unknown.step + unknown.rounds)
            ),
            account_id=turn.ctx.account_id,
            payment_id=unknown.payment_id,
            amount_minor=unknown.amount_minor,
            currency=unknown.currency,
            attempt=unknown.step + unknown.rounds,
        )
    )


def _tell(turn: Turn, unknown: Unknown) -> None:
    is_said = arrivals.knows(turn, STATED_OF, unknown.payment_id)  # that it is paid already: nothing to wait for
    if unknown.amount_minor is None or unknown.currency is None or is_said:
        return
    final_ms = _times(turn, unknown)[-1]
    notify(turn, FAMILY, {**_about(unknown.amount_minor, unknown.currency, unknown.since_ms), "eta": instant(final_ms)})


def _give_up(turn: Turn, unknown: Unknown) -> None:
    """The schedule is over. Not found five minutes later is an end; anything else is for people."""
    key = payment_key(unknown.payment_id)
    if unknown.missing:
        state = turn.obligations.recall(key)
        if state is not None:
            turn.obligations.remember(key, state.after(PaymentState.FAILED), turn.at_ms)
        _cancel(turn, unknown, state)
        refunds.answered(turn, unknown.payment_id, PaymentState.FAILED)
        _ended(turn, unknown.payment_id, PaymentState.FAILED, unknown)
        return
    if turn.obligations.is_with_people(unknown.payment_id) or _following(turn, unknown.payment_id):
        return  # its money case is being worked already
    draft = Draft(
        case_type=FAMILY,
        flow="F03",
        family=FAMILY,
        queue="technical",
        priority=3,
        lines=(
            Line(
                unknown.since_ms,
                "outcome_unknown",
                unknown.entry,
                f"no final answer after {unknown.step + unknown.rounds} status queries",
                unknown.amount_minor,
                unknown.currency,
            ),
        ),
        payment_id=unknown.payment_id,
        by_payment=True,
        amount_minor=unknown.amount_minor,
        currency=unknown.currency,
        money_state="unknown",
        counters=(("queries", unknown.step + unknown.rounds),),
    )
    open_or_join(turn, draft)


def _cancel(turn: Turn, unknown: Unknown, state: PaymentState | None) -> None:
    """It must not arrive at the provider after all. What was debited already goes back as a refund, and not twice.

    While the ledger is not heard nobody knows. An order that is paid already would be cancelled with it.
    """
    is_paid = arrivals.knows(turn, STATED_OF, unknown.payment_id) or duplicates.is_order_paid(turn, unknown.payment_id)
    if is_paid or not ledger_is_heard(turn):
        return
    is_debited = (state is not None and state.is_debited) or any(
        debit.payment_id == unknown.payment_id for debit in turn.obligations.debits
    )
    if is_debited or not turn.may("query"):
        return
    turn.effects.append(
        PspCancel(
            occurred_at=turn.at,
            cancel_id=ids.cancel_id(turn.ctx.account_id, unknown.payment_id, unknown.entry),
            account_id=turn.ctx.account_id,
            payment_id=unknown.payment_id,
            amount_minor=unknown.amount_minor,
            currency=unknown.currency,
        )
    )
    arrivals.note(turn, refunds.CANCELLED_THERE, unknown.payment_id)


def _ended(turn: Turn, payment_id: str, status: int, unknown: Unknown | None) -> None:
    """The outcome is known. Nobody is told to pay again whose order is paid already, or whose money is not back."""
    if status == PaymentState.SUCCEEDED:
        _end(turn, payment_id, f"{FAMILY}.succeeded", unknown)
        return
    if duplicates.is_order_paid(turn, payment_id):
        _end(turn, payment_id, f"{FAMILY}.order_paid", unknown)
        return
    is_stated = status == PaymentState.FAILED and arrivals.knows(turn, STATED_OF, payment_id)
    if status == PaymentState.REVERSED and unknown is not None and unknown.asked_ms:
        unknown.told = True  # the answer to what called it pending said so; a failure has an answer of its own
    is_debited = remembered.paid(turn, payment_id) is not None
    template = f"{FAMILY}.debited" if is_debited else f"{FAMILY}.failed"
    is_told = _end(turn, payment_id, template, None if is_stated else unknown)
    if is_told and status == PaymentState.FAILED:
        arrivals.note(turn, SAID_FAILED, payment_id)


def _end(turn: Turn, payment_id: str, template: str, unknown: Unknown | None) -> bool:
    """The case, if it came to one, is over. True: whoever was told to wait has heard the end."""
    case = _case(turn, payment_id)
    if case is not None and case.is_open:
        case.money_state = "confirmed" if template == f"{FAMILY}.succeeded" else "not_captured"
        withdrawn = turn.at_ms <= case.opened_ms + turn.policy.lateness_s * 1000
        is_known = case.amount_minor is not None and case.currency is not None
        if case.amount_minor is not None and case.currency is not None:
            notify(turn, template, _about(case.amount_minor, case.currency, case.lines[0].at_ms), case)
        set_status(turn, case, "withdrawn" if withdrawn else "resolved", template)
        return is_known
    if unknown is None or not unknown.told or _is_told_by_its_case(turn, payment_id):
        return False
    if unknown.amount_minor is None or unknown.currency is None:
        return False
    notify(turn, template, _about(unknown.amount_minor, unknown.currency, unknown.since_ms))
    return True


def succeeded(turn: Turn, event: Movement) -> None:
    """Whoever was told that the payment did not complete, and may pay again, hears that it has after all.

    From its money case, where one is open.
    """
    if not arrivals.forget(turn, SAID_FAILED, event.payment_id):
        return
    if not _is_told_by_its_case(turn, event.payment_id):
        notify(turn, f"{FAMILY}.succeeded", _about(event.amount_minor, event.currency, turn.at_ms))


def taken_back(turn: Turn, event: Movement) -> None:
    """The same of whoever was told that nothing was charged, where nobody else says so."""
    unknown, case = _find(turn, event.payment_id), _case(turn, event.payment_id)
    is_said = arrivals.knows(turn, SAID_FAILED, event.payment_id) or (unknown is not None and unknown.told)
    if not is_said and not (case is not None and case.is_open):
        notify(turn, f"{FAMILY}.succeeded", _about(event.amount_minor, event.currency, turn.at_ms))


def _following(turn: Turn, payment_id: str) -> list[Case]:
    cases = turn.obligations.cases
    return [case for case in cases if case.is_open and case.payment_id == payment_id and case.family in _FOLLOWS]


def _is_told_by_its_case(turn: Turn, payment_id: str) -> bool:
    """Whether the customer has heard from the money case of the payment, and hears the end from it."""
    return any(case.template for case in _following(turn, payment_id))


def _about(amount_minor: int, currency: str, at_ms: int) -> dict[str, str]:
    return {"amount": money(amount_minor, currency), "time": instant(at_ms)}


def _find(turn: Turn, payment_id: str) -> Unknown | None:
    return next((each for each in turn.obligations.unknowns if each.payment_id == payment_id), None)


def _case(turn: Turn, payment_id: str) -> Case | None:
    return next(
        (case for case in turn.obligations.cases if case.family == FAMILY and case.payment_id == payment_id), None
    )
