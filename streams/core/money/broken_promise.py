"""What is asked of a merchant that has not sent the refund that it promised, and what is kept back of it (F16)?

The merchant is reminded, and once its promise is broken it is asked with a deadline; behind that the wallet decides
without it. Where the policy allows it, as much is kept back of the merchant's settlement until the dispute has ended,
and never longer than the date that the command names.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.payments import MerchantReplied
from streams.core.cases import timeline
from streams.core.cases.book import add_line
from streams.core.locks.saga import About, errand, undo_errand
from streams.core.messages.notify import MERCHANT, notify_merchant
from streams.core.messages.render import instant, money
from streams.core.money import times
from streams.core.obligations import Case, Expectation, Line
from streams.core.turn import Turn

RULE: Final = "broken_promise"
_HOLD, _RELEASE = "hold_settlement", "release_settlement"


def remind(turn: Turn, waiting: Expectation) -> None:
    """The merchant hears that its promise is still to be kept."""
    if waiting.merchant_id:
        notify_merchant(turn, waiting.merchant_id, "merchant_refund.reminded", _about(waiting, waiting.owed_ms))


def opened(turn: Turn, case: Case, waiting: Expectation) -> int:
    """A dispute has begun: until when its merchant may answer; 0 where nobody asks it."""
    if not waiting.merchant_id:
        return 0
    case.merchant_id = waiting.merchant_id
    _hold(turn, case, waiting)
    until_ms = times.within(turn, turn.policy.money.broken_promise.answer, waiting.currency).ends_ms(turn.at_ms)
    template, about = "merchant_refund.asked", _about(waiting, until_ms)
    if case.settlement_held_ms:
        template, about = "merchant_refund.held", {**about, "held": instant(case.settlement_held_ms)}
    if not notify_merchant(turn, waiting.merchant_id, template, about, case):
        return 0
    case.answer_due_ms = until_ms
    text = f"{waiting.merchant_id} is asked to send it or to answer until {instant(until_ms)}; then we decide"
    add_line(turn, case, Line(turn.at_ms, "merchant_asked", turn.cause, text))
    return until_ms


def replied(turn: Turn, event: MerchantReplied) -> None:
    """The merchant's answer is on the case, and nothing is waited for any more; what it is worth people decide."""
    timeline.attach(turn, event)
    for case in turn.obligations.cases:
        if case.merchant_id == event.merchant_id and timeline.is_named(case, event):
            case.answer_due_ms = 0


def due(turn: Turn, case: Case) -> None:
    """Its time to answer is over, or its settlement is held no longer: the payment system knows that end itself."""
    turn.only_time = True
    if 0 < case.answer_due_ms <= turn.at_ms:
        case.answer_due_ms = 0
        add_line(turn, case, Line(turn.at_ms, "merchant_silent", turn.cause, "no answer in time: we decide"))
    if 0 < case.settlement_held_ms <= turn.at_ms:
        case.settlement_held_ms = 0
        add_line(turn, case, Line(turn.at_ms, "settlement_free", turn.cause, f"{_HOLD} ended by itself"))


def settle(turn: Turn, case: Case) -> None:
    """A dispute that has ended, however, waits for no answer and holds nothing back."""
    if case.is_open or not case.merchant_due_ms:
        return
    held_ms, case.answer_due_ms, case.settlement_held_ms = case.settlement_held_ms, 0, 0
    if held_ms:
        whom = _reference(case.merchant_id)
        undo_errand(
            turn,
            _HOLD,
            _RELEASE,
            reason_class=case.family,
            rule=RULE,
            case=case,
            until_ms=held_ms,
            about=About(whom),
        )
        text = f"{_RELEASE} for {whom}: the dispute has ended"
        add_line(turn, case, Line(turn.at_ms, "settlement_released", turn.cause, text))


def _hold(turn: Turn, case: Case, waiting: Expectation) -> None:
    rules = turn.policy.money.broken_promise
    if not rules.hold_settlement or case.settlement_held_ms:
        return
    until_ms = times.within(turn, rules.held_most, waiting.currency).ends_ms(turn.at_ms)
    about = About(_reference(waiting.merchant_id), waiting.amount_minor, waiting.currency)
    if errand(turn, _HOLD, reason_class=case.family, rule=RULE, case=case, until_ms=until_ms, about=about):
        case.settlement_held_ms = until_ms
        text = (
            f"{_HOLD} of {money(waiting.amount_minor, waiting.currency)} for {about.entity} until {instant(until_ms)}"
        )
        line = Line(turn.at_ms, "settlement_held", turn.cause, text, waiting.amount_minor, waiting.currency)
        add_line(turn, case, line)


def _about(waiting: Expectation, until_ms: int) -> dict[str, str]:
    return {
        "refund": waiting.subject,
        "payment": waiting.payment_id,
        "amount": money(waiting.amount_minor, waiting.currency),
        "time": instant(waiting.since_ms),
        "deadline": instant(until_ms),
    }


def _reference(merchant_id: str) -> str:
    return MERCHANT + merchant_id
