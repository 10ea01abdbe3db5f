"""How far is a movement of money after one more event about it?

A payment, transfer, top-up, withdrawal or bill is told of by many events, in any order and more than once. Its first
event is decided about; each is read beside what was known before it, moves the state of the movement, and then answers
those that wait for it: holds, questions to the provider, failures, lines of the ledger, refunds and promises.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from streams.contracts.payments import (
    Movement,
    PaymentPending,
    PspStatus,
    Refund,
    RefundCredited,
    RefundFailed,
    RefundSent,
)
from streams.core import ranking
from streams.core.cases import handed, timeline
from streams.core.declines import retry
from streams.core.declines.resolve import STATED, Resolved
from streams.core.entities.health import failed_trial
from streams.core.flows import (
    after_all,
    attempts,
    decisions,
    failures,
    fees,
    fraud_alert,
    holds,
    paused_cards,
    refund_abuse,
    refund_requests,
    repeat_failures,
    reports,
    unknown_outcome,
)
from streams.core.flows.movements import REQUESTS, SUBJECTS, WATCHED, is_firm, is_unread, status_after
from streams.core.incidents import members
from streams.core.learning import band_of
from streams.core.money import (
    arrivals,
    beyond,
    both_sides,
    charges,
    debit_without_payment,
    duplicates,
    expectations,
    given,
    kept_otherwise,
    orphans,
    other_leg,
    over_refunds,
    prices,
    refund_retries,
    refunds,
    reservations,
    shared_ids,
    unrated,
)
from streams.core.obligations import PaymentState, payment_key
from streams.core.score import Score, ScoreUnavailable
from streams.core.steps import Prepared
from streams.core.turn import Turn

_FINAL: Final = (PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.REVERSED)


class _Word(NamedTuple):
    """An event about a movement, read beside what was known before it."""

    event: Movement
    at_ms: int
    late: bool  # beyond the lateness bound
    refusal: Resolved | None  # what its codes mean, if it failed
    is_unknown: bool  # it says that nobody knows the outcome yet
    status: int  # what it says of the movement, of PaymentState
    said_ms: int  # when the newest final word was said; 0: nobody remembers one
    known: PaymentState | None  # the movement before it; None: it is the first
    is_news: bool = True  # False: what is known is newer, or somebody knew better


def heard(turn: Turn, prepared: Prepared, event: Movement, score: Score | ScoreUnavailable) -> None:
    """Answers everything that waits for `event`. Changes the turn."""
    obligations = turn.obligations
    word = _read(turn, prepared, event)
    if word.known is None:
        unrated.heard(turn, event)
    if obligations.ended:
        handed.recall(turn, event.payment_id)
    if obligations.stopped and word.status == PaymentState.SUCCEEDED:
        fraud_alert.done(turn, event)
    if obligations.cases:
        timeline.attach(turn, event)
    if obligations.tried:
        attempts.asked_again(turn, event)
    state = _begun(turn, word, prepared, score) if word.known is None else _gone_on(turn, word, word.known)
    key = payment_key(event.payment_id)
    if state != word.known:
        obligations.remember(key, state, word.at_ms)
    was_good = word.known is not None and word.known.status == PaymentState.SUCCEEDED
    if state.status == PaymentState.SUCCEEDED and not (was_good or word.late):
        turn.ctx.trade = "sale"
    if word.status in _FINAL and state.status in (word.status, PaymentState.REVERSED) and is_firm(event):
        obligations.say(key, word.at_ms)
    _end_waits(turn, word, state)
    _explain_lines(turn, word, state)
    if not word.late:
        _triage(turn, word)
    _settle(turn, word, state)


def _read(turn: Turn, prepared: Prepared, event: Movement) -> _Word:
    obligations = turn.obligations
    key = payment_key(event.payment_id)
    known = obligations.recall(key)
    said_ms = obligations.said_ms(key)
    if known is not None and _says_nothing_new(turn, event, known, said_ms):
        return _Word(event, prepared.at_ms, prepared.late, None, False, PaymentState.SEEN, said_ms, known, False)
    refusal = failures.read(turn, event)
    is_unknown = failures.is_unknown(event, refusal) or unknown_outcome.not_found_yet(turn, event)
    says_nothing = is_unknown or expectations.is_only_paid(turn, event)
    status = PaymentState.SEEN if says_nothing else status_after(event)
    return _Word(event, prepared.at_ms, prepared.late, refusal, is_unknown, status, said_ms, known)


def _says_nothing_new(turn: Turn, event: Movement, known: PaymentState, said_ms: int) -> bool:
    """Of a success and a failure the one that happened later counts, whichever is heard first.

    Where a payment is good nobody says otherwise who does not find it or waited for its outcome; nor does whoever
    waited before it failed. A success stops a refund that has not left, however old it is.
    """
    says, is_good = status_after(event), known.status == PaymentState.SUCCEEDED
    if type(event) is PaymentPending:
        return is_good or (known.status != PaymentState.SEEN and turn.at_ms <= said_ms)
    if is_good:
        is_undone_before = says == PaymentState.REVERSED and turn.at_ms < said_ms
        has_failed_before = says == PaymentState.FAILED and _is_overtaken(turn, turn.at_ms, said_ms)
        return not is_firm(event) or has_failed_before or is_undone_before
    is_bad = known.status in (PaymentState.FAILED, PaymentState.REVERSED)
    was_before = says == PaymentState.SUCCEEDED and turn.at_ms < said_ms
    return is_bad and was_before and not refunds.can_be_stopped(turn, event.payment_id)


def _is_overtaken(turn: Turn, at_ms: int, said_ms: int) -> bool:
    """Whether the last final word is newer. Of a word whose time nobody remembers what came before is the newer."""
    return at_ms <= said_ms if said_ms else at_ms < turn.ctx.clock_ms


def _begun(turn: Turn, word: _Word, prepared: Prepared, score: Score | ScoreUnavailable) -> PaymentState:
    """The state of a movement that nobody knew. It is decided about, and watched if somebody has to answer."""
    event = word.event
    watched = SUBJECTS.get(type(event), "payment") in WATCHED
    state = PaymentState.of(word.status, turn.policy.money.grace_s(event.method) if watched else 0)
    if not prepared.subject and type(event) not in SUBJECTS:
        return state
    waits = decisions.decide_on(turn, prepared, score)
    if type(score) is Score:
        band = band_of(score.value)
        state = state.scored(band)
        if not word.late and prepared.features is not None and prepared.features.own_frauds_30d <= 0.0:
            obligations = turn.obligations
            obligations.ranked = ranking.scored(turn.ctx.ranking, obligations.ranked, band, word.at_ms)
    if watched and type(event) in REQUESTS and not waits and not word.late:
        unknown_outcome.watch(turn, event.payment_id, event.amount_minor, event.currency, event)
    return state


def _gone_on(turn: Turn, word: _Word, known: PaymentState) -> PaymentState:
    """The state after a further event."""
    if turn.obligations.lately:
        shared_ids.heard(turn, word.event)
    if type(word.event) in REQUESTS and known.status == PaymentState.FAILED:
        duplicates.tried_again(turn, word.event)
    overtaken = _is_overtaken(turn, word.at_ms, word.said_ms)
    return known.after(word.status, word.late and (not word.said_ms or overtaken), overtaken=overtaken)


def _end_waits(turn: Turn, word: _Word, state: PaymentState) -> None:
    """Holds, counted failures and questions to the provider."""
    obligations, event = turn.obligations, word.event
    if word.status != PaymentState.SEEN and obligations.holds:
        holds.drop_hold(turn, event.payment_id)
    if word.status == PaymentState.SUCCEEDED:
        if obligations.instruments:
            retry.succeeded(obligations.instruments, event)
        if obligations.cases:
            repeat_failures.succeeded(turn, event)
        if word.known is not None and word.known.status == PaymentState.FAILED:
            after_all.succeeded(turn, event)
        if obligations.arrived:
            unknown_outcome.succeeded(turn, event)
    if is_unread(event):
        if not word.late:
            unknown_outcome.unread(turn, event, state)
        return
    is_waited_for = word.known is not None and (obligations.unknowns or obligations.cases)
    if is_waited_for and (not word.is_unknown or type(event) is PspStatus):
        unknown_outcome.heard(turn, event, word.status)  # however late: a final word is one


def _explain_lines(turn: Turn, word: _Word, state: PaymentState) -> None:
    """What the ledger has said and nobody could explain, before anything is said about the movement."""
    obligations, event = turn.obligations, word.event
    paused_cards.paid_by(turn, event)
    names_more = word.known is not None and prices.names_more(turn, event)
    explains = word.known is None or orphans.may_explain(turn, event) or prices.tells_price(turn, event)
    if explains or names_more:
        prices.requested(turn, event)
        has_claimed = orphans.explained(turn, event, state)
        was_good = word.known is not None and word.known.status == PaymentState.SUCCEEDED
        if names_more and was_good and not has_claimed:
            duplicates.named_late(turn, event)
    elif obligations.lately:
        prices.told_more(turn, event)
    fees.moved(turn, event, word.status)
    if obligations.reserved or obligations.cases:
        reservations.moved(turn, event, state)


def _triage(turn: Turn, word: _Word) -> None:
    """What is said and done about a failure, or about an outcome that nobody knows."""
    event = word.event
    if turn.obligations.failures:
        repeat_failures.forget(turn)
    if word.is_unknown and type(event) is not PspStatus:
        unknown_outcome.begin(turn, event)
    if word.refusal is None:
        return
    if word.refusal.cause.cause in STATED:
        arrivals.note(turn, unknown_outcome.STATED_OF, event.payment_id)
    if word.refusal.cause.cause == failures.DEBITED:
        debit_without_payment.claimed(turn, event)
    joined = failed_trial(event) is True and members.after_failure(turn, event)
    failures.after_failure(turn, event, word.refusal, word.status, joined=joined)


def _settle(turn: Turn, word: _Word, state: PaymentState) -> None:
    """Promises, refunds, and debits without their payment."""
    obligations, event = turn.obligations, word.event
    if word.is_news:
        expectations.moved(turn, event)
    elif status_after(event) == PaymentState.FAILED:
        both_sides.had_failed(turn, event)
    if obligations.cases:
        reports.moved(turn, event, word.status, state)
    if isinstance(event, Refund):
        stopped = over_refunds.moved(turn, event)
        if isinstance(event, RefundSent | RefundCredited):
            kept_otherwise.moved(turn, event)
        refunds.refund_moved(turn, event)
        if isinstance(event, RefundFailed):
            refund_retries.ours_failed(turn, event)
            other_leg.came_back(turn, event)
        else:
            other_leg.moved(turn, event.payment_id)
        if isinstance(event, RefundFailed) or not given.is_ours(turn, event.payment_id, event.refund_id):
            charges.look_once_more(turn, event.payment_id)
        if not stopped:
            refund_requests.moved(turn, event)
        refund_abuse.seen(turn, event)
    waiting = obligations.debits or obligations.cases or obligations.owed
    was_told = word.late and state == word.known  # what is late and changes nothing was told before
    if not was_told and (waiting or (word.known is not None and word.known.is_debited)):
        debit_without_payment.payment_moved(turn, event, word.status, state, word.known)
    if word.status == PaymentState.FAILED or beyond.is_about_a_topup(event):
        beyond.told(turn, event)
    if word.status != PaymentState.FAILED and obligations.cases:
        beyond.succeeded(turn, event.payment_id)
    if type(event) is PspStatus and obligations.owed:
        debit_without_payment.answered(turn, event, word.status)
