"""How does a payment wait for an answer, and how does the waiting end?"""

from __future__ import annotations

from streams.contracts.decisions import DecisionAmended
from streams.contracts.logins import ChallengePassed
from streams.core.cases.book import add_line
from streams.core.flows import unknown_outcome
from streams.core.locks.account_states import is_frozen
from streams.core.money.references import hashed
from streams.core.obligations import HOLDS_MAX, Case, Hold, Line
from streams.core.turn import Turn

_EXPIRED = "expired"  # cause of an amended decision, and end of the kind of its line


def wait_for_answer(turn: Turn, hold: Hold) -> Hold | None:
    """Remembers the hold. The one that was forgotten for it, ended by its stated default as time would have done."""
    holds, oldest = turn.obligations.holds, None
    if len(holds) >= HOLDS_MAX:
        oldest = min(holds, key=lambda waiting: waiting.due_ms)
        time_is_over(turn, oldest, "too many payments are waiting")
    holds.append(hold)
    return oldest


def time_is_over(turn: Turn, hold: Hold, note: str | None = None) -> None:
    """Nobody has answered: the hold becomes what was said."""
    end_hold(turn, hold, hold.otherwise, _EXPIRED, note)


def was_not_made(case: Case, payment_id: str | None) -> bool:
    """Whether time has stopped this payment of the case, or one of its payments, as far as its timeline goes back."""
    named = f" payment {payment_id} " if payment_id else " payment "
    return any(
        line.kind == f"hold_{_EXPIRED}" and named in line.text and line.text.endswith(": block") for line in case.lines
    )


def end_hold(turn: Turn, hold: Hold, outcome: str, cause: str, note: str | None = None) -> None:
    """The hold becomes `outcome`: released, confirmed, or expired by its stated default."""
    obligations = turn.obligations
    obligations.holds.remove(hold)
    turn.effects.append(
        DecisionAmended(
            occurred_at=turn.at,
            decision_id=hold.decision_id,
            account_id=turn.ctx.account_id,
            subject_id=hold.payment_id,
            outcome=outcome,
            cause=cause,
            note=note,
        )
    )
    if outcome == "allow":
        unknown_outcome.watch(turn, hold.payment_id, hold.amount_minor, hold.currency)
    case = obligations.case(hold.case_id)
    if case is not None:
        text = f"{hold.outcome} of payment {hold.payment_id} {cause}: {outcome}"
        add_line(turn, case, Line(turn.at_ms, f"hold_{cause}", turn.cause, text))


def let_go(turn: Turn, hold: Hold, note: str) -> None:
    """Somebody who is known says that it may go: the account knows from now on where it came from, too."""
    turn.ctx.released.append(hold.payment_id)
    end_hold(turn, hold, "allow", "released", note)


def challenge_passed(turn: Turn, event: ChallengePassed) -> None:
    """Releases what waits for a challenge: only what was asked for before it, and from the same device.

    A pass that is older says nothing about the payment, one of another device nothing about who asked; and whoever
    has a second factor may be who has stolen the account, so while it is frozen nothing is released.
    """
    if turn.late or is_frozen(turn.obligations.locks):
        return
    device = hashed(event.device_id)
    for hold in tuple(turn.obligations.holds):
        same = not hold.device or not device or hold.device == device
        if hold.outcome == "step_up" and hold.since_ms <= turn.at_ms and same:
            end_hold(turn, hold, "allow", "released", "the challenge was passed")


def drop_hold(turn: Turn, payment_id: str) -> None:
    """The payment ended by itself, so there is nothing left to answer."""
    hold = turn.obligations.hold(payment_id)
    if hold is not None:
        turn.obligations.holds.remove(hold)
