"""What is decided about one event, and what follows from the verdict?"""

from __future__ import annotations

from typing import Final

import msgspec

from streams.contracts.logins import LoginFailed, LoginSucceeded, PasswordResetRequested
from streams.contracts.payments import Movement
from streams.core import caught
from streams.core.flows import fraud_alert, locked_out, login_risk, paused_cards, trail
from streams.core.flows.movements import status_after
from streams.core.obligations import PaymentState
from streams.core.outcome import Outcome
from streams.core.rules.lists import is_allowed
from streams.core.score import Score, ScoreUnavailable
from streams.core.steps import Prepared
from streams.core.turn import Turn
from streams.core.verdict import decision_of, effect_of, expiry_of, outcome_of, shadowed_of

_NEW_DEVICE: Final = "R02"


def decide_on(turn: Turn, prepared: Prepared, score: Score | ScoreUnavailable) -> bool:
    """The verdict, and what follows from it. True: the movement may not go on yet, or not at all."""
    policy = turn.policy
    heard, shadow = outcome_of(prepared, score, policy)
    if shadow != turn.shadow:
        turn.enforce()  # one rule enforces although the policy observes
    event = prepared.event
    outcome = heard
    stopper = locked_out.stopper_of(turn, prepared) if turn.obligations.locks else None
    if stopper is not None and shadow:
        turn.enforce()  # the lock stands, whatever the policy says today
        outcome, shadow = Outcome.ALLOW, False
    paused = paused_cards.case_of(turn, event) if stopper is None and not shadow else None
    is_stopped = stopper is not None or paused is not None
    asked = _asked_because(turn, prepared)
    if asked and outcome < Outcome.STEP_UP:
        if shadow:
            turn.enforce()
        outcome, shadow = Outcome.STEP_UP, False
    spoken = outcome
    if not is_stopped and fraud_alert.is_held_in_doubt(turn, prepared, outcome, score):
        outcome = Outcome.HOLD
    severity = outcome  # what follows rests on it, whatever is done meanwhile
    outcome = effect_of(prepared, score, outcome, shadow, policy, asked=bool(asked))
    # Only what has not happened yet can wait for an answer.
    waits = outcome > Outcome.ALLOW and isinstance(event, Movement) and status_after(event) == PaymentState.SEEN
    expiry = expiry_of(outcome, prepared.at_ms, policy) if waits and not is_stopped else None
    # Its reasons are those of what was said: the model has asked for no hold.
    decision = decision_of(prepared, score, spoken, shadow, policy, turn.ctx, expiry)
    if outcome is not spoken:
        decision = msgspec.structs.replace(decision, outcome=outcome.label)
    if stopper is not None:
        decision = locked_out.blocked(decision)
    elif paused is not None:
        decision = locked_out.blocked(decision, paused_cards.REASON)
    elif asked and outcome is Outcome.STEP_UP and heard is not outcome:
        decision = locked_out.challenged(decision, asked)
    turn.effects.append(decision)
    if score.shadows:
        turn.effects.extend(shadowed_of(prepared, score, decision, policy))
    verdict = Outcome.BLOCK if is_stopped else outcome
    kept_out = login_risk.is_stranger(turn, prepared)
    trail.decided(turn, prepared, verdict if isinstance(event, Movement) else outcome, kept_out=kept_out)
    if stopper is not None and severity < Outcome.parse(policy.outcome.case_from):
        locked_out.noted(turn, event, stopper)
    elif paused is not None and isinstance(event, Movement):
        paused_cards.noted(turn, event, paused)
    elif severity > Outcome.ALLOW and type(event) is not LoginFailed:
        fraud_alert.after_decision(turn, prepared, severity, decision)
    outcome = verdict
    if isinstance(event, Movement) and not shadow:
        caught.decided(turn, event, outcome)
    return not shadow and (expiry is not None or outcome is Outcome.BLOCK)


def _is_risky_reset(turn: Turn, prepared: Prepared) -> bool:
    """Whether a reset of the password needs a second factor (F19): from a device or network of the owner's it does not.

    Unless somebody is doubted, who may be on one of these.
    """
    if turn.policy.mode != "enforce" or is_allowed(prepared.hits):
        return False
    is_known = prepared.features is not None and prepared.features.login_known == 1.0
    return not is_known or trail.doubted_since_ms(turn) is not None


def _is_from_stolen(prepared: Prepared) -> bool:
    """Whether somebody comes in, or money would leave, from a device that may be the one that was stolen."""
    event = prepared.event
    if not prepared.lost or prepared.late:
        return False
    if isinstance(event, Movement):
        return not isinstance(event, trail.INFLOWS) and status_after(event) == PaymentState.SEEN
    return type(event) is LoginSucceeded


def _asked_because(turn: Turn, prepared: Prepared) -> str:
    """Why a second factor is asked for, whatever rules and model say of this event; empty: it is not."""
    if turn.obligations.locks and locked_out.is_challenged(turn, prepared):
        return locked_out.GUESSED
    if isinstance(prepared.event, PasswordResetRequested) and _is_risky_reset(turn, prepared):
        return _NEW_DEVICE
    if turn.policy.mode == "enforce" and not is_allowed(prepared.hits):
        if _is_from_stolen(prepared):
            return _NEW_DEVICE
        return trail.UNANSWERED if trail.is_asked_again(turn, prepared) else ""
    return ""
