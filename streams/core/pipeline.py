"""How does an event become decisions, locks, cases and messages? Three steps: prepare, score, decide.

`prepare` sees what was observed of the account and nothing of what was decided; `decide` sees what is owed to the
account and nothing of what was observed. So a batch can be prepared as a whole, scored in one call and decided in
order, and cutting the stream differently never changes a result. Scoring is the shell's, because it knows the model.

Everything here is pure: the two states are changed in place and belong to the caller, and time is an argument.
"""

from __future__ import annotations

from typing import assert_never

from streams.contracts.accounts import (
    AccountErasure,
    AccountProfile,
    ActionAcknowledged,
    CaseAction,
    ContactTaken,
    CustomerConfirmed,
    IdentityVerified,
    LabelRecorded,
    LedgerPosted,
    MerchantApplication,
    ProjectionLagged,
    SocialMention,
    Support,
    SurveyAnswered,
    UnlockRequested,
    UserMessage,
    UserReport,
)
from streams.contracts.base import Event, to_ms
from streams.contracts.logins import (
    ChallengePassed,
    CredentialChanged,
    DeviceBound,
    Login,
    LoginFailed,
    LoginSucceeded,
    PasswordResetRequested,
    SessionUsed,
)
from streams.contracts.payments import CardBound, FeeCharged, Movement, PspStatus, Refund
from streams.core import erasure, ranking, timers, truth
from streams.core.basis import basis_of
from streams.core.cases import attachments, clocks, dialogue, escalation, handed, operator, shelf, timeline
from streams.core.cases.book import version_of
from streams.core.declines import retry
from streams.core.entities.health import failed_trial
from streams.core.familiar import contains
from streams.core.features import features_of
from streams.core.features.pattern import times_usual
from streams.core.flows import (
    advice,
    applications,
    contacts,
    failures,
    fees,
    fraud_alert,
    holds,
    locked_out,
    login_ladder,
    login_risk,
    messages,
    refund_requests,
    repeat_failures,
    reports,
    security_change,
    session_reuse,
    social,
    stale_records,
    trail,
    unknown_outcome,
)
from streams.core.flows.movements import BY_RULE_ONLY, REQUESTS, SUBJECTS, WATCHED, is_firm, is_unread, status_after
from streams.core.incidents import members
from streams.core.learning import band_of
from streams.core.local_time import is_zone
from streams.core.locks import saga, unlock
from streams.core.login_risk import training
from streams.core.login_risk.frequencies import Frequencies
from streams.core.money import (
    charges,
    debit_without_payment,
    expectations,
    orphans,
    over_refunds,
    refunds,
    reservations,
    shared_ids,
    undercharges,
)
from streams.core.obligations import (
    CONTACTS_MAX,
    TIER_MAX,
    Case,
    Command,
    Debit,
    Expectation,
    HeldLock,
    Hold,
    Membership,
    Obligations,
    PaymentState,
    Reserved,
    Suspect,
    Unknown,
    payment_key,
)
from streams.core.observations import MOVEMENTS, Observations, fold, forget_after_ms, seen_key
from streams.core.outcome import Outcome
from streams.core.policy import Policy
from streams.core.risk import RiskView, incident_of
from streams.core.rules import evaluate
from streams.core.rules.lists import blocked
from streams.core.score import Score, ScoreUnavailable
from streams.core.steps import DecideContext, Effect, Prepared
from streams.core.turn import Turn, locks_state, note_tenure, turn_of
from streams.core.verdict import decision_of, expiry_of, outcome_of, shadowed_of

__all__ = ["DecideContext", "Effect", "Prepared", "decide", "fire", "forgets_ms", "next_due_ms", "prepare"]

next_due_ms = timers.next_due_ms


def prepare(
    observations: Observations,
    event: Event,
    at_ms: int,
    risk: RiskView,
    policy: Policy,
    late: bool = False,
    frequencies: Frequencies | None = None,
) -> Prepared:
    """Features from before the event and the rules' answers; then the event is folded in.

    Of a movement's many events only the first is scored. An attempt that belongs to no account is not ours to judge.
    `frequencies` are the partition's and learn from trusted logins; without them logins have no risk score.
    """
    if not event.known:
        return Prepared(event, at_ms, late)
    basis = basis_of(policy, at_ms)
    subject = SUBJECTS.get(type(event))
    if subject is None or (isinstance(event, Movement) and _is_known(observations, event)):
        prepared = Prepared(event, at_ms, late, times_usual=_times_usual(observations, event, at_ms))
    else:
        features = features_of(observations, event, at_ms, risk, basis, frequencies)
        age_s = int(features.risk_age_s) if features.risk_age_s >= 0.0 else None
        hits = evaluate(event, at_ms, features, policy) + blocked(event, at_ms, risk, policy.entities.block.outcome)
        incident, attacked = incident_of(risk, event, at_ms) if hits and isinstance(event, Login) else ("", "")
        prepared = Prepared(event, at_ms, late, subject, features, hits, age_s, incident, incident_kind=attacked)
    too_late = observations.too_late
    fold(observations, event, at_ms, late, basis, asked=training.is_asked(prepared.hits, policy))
    if frequencies is not None and isinstance(event, Login) and observations.too_late == too_late:
        doubted = training.is_doubted(prepared.hits, prepared.features, policy)
        training.train(observations, event, at_ms, frequencies, doubted=doubted)
    return prepared


def _times_usual(observations: Observations, event: Event, at_ms: int) -> float | None:
    """Of a fraud label: does the amount explain the fraud, or does it speak of the place where it was spent?"""
    if type(event) is not LabelRecorded or event.verdict != "fraud":
        return None
    return times_usual(observations, to_ms(event.subject_occurred_at), at_ms)


def _is_known(observations: Observations, event: Movement) -> bool:
    """Whether an earlier event of the same movement was scored."""
    return bool(observations.seen) and contains(observations.seen, seen_key(MOVEMENTS[type(event)], event.payment_id))


def decide(
    obligations: Obligations,
    prepared: Prepared,
    score: Score | ScoreUnavailable,
    policy: Policy,
    ctx: DecideContext,
) -> list[Effect]:
    """What is said and done about one event. Timers due before it have fired already."""
    event = prepared.event
    if not event.known:
        return []
    turn = turn_of(obligations, policy, ctx, prepared.at_ms, event.event_id, source=event.source, at=event.occurred_at)
    turn.late = prepared.late
    if isinstance(event, Movement):
        _movement(turn, prepared, event, score)
    elif prepared.features is not None:
        _door(turn, prepared, score)
    else:
        _told(turn, event)
    return _close(turn)


def forgets_ms(observations: Observations, obligations: Obligations) -> int | None:
    """From when on the account may be forgotten; None while something waits for its time."""
    owed_ms = obligations.forgets_ms()
    return None if owed_ms is None else max(owed_ms, forget_after_ms(observations))


def fire(obligations: Obligations, due_ms: int, policy: Policy, ctx: DecideContext) -> list[Effect]:
    """Everything that was promised for `due_ms` or before, in the order (due time, kind, id)."""
    effects: list[Effect] = []
    while (waiting := timers.first_due(obligations, due_ms)) is not None:
        turn = turn_of(obligations, policy, ctx, waiting.due_ms, timers.name_of(ctx.account_id, waiting))
        if isinstance(waiting, HeldLock | Command | Hold):
            turn.enforce()
        match waiting:
            case HeldLock():
                saga.expire(turn, waiting)
            case Command():
                saga.send_again(turn, waiting)
            case Hold():
                holds.end_hold(turn, waiting, waiting.otherwise, "expired")
            case Debit():
                debit_without_payment.due(turn, waiting)
            case shelf.Ended():
                turn.effects.append(shelf.drop(obligations.ended, waiting, turn.at_ms))
            case Unknown():
                unknown_outcome.due(turn, waiting)
            case Expectation() if waiting.kind == charges.CHARGE:
                charges.due(turn, waiting)
            case Expectation() if waiting.kind == charges.UNDERCHARGE:
                undercharges.due(turn, waiting)
            case Expectation() if waiting.kind == orphans.CREDIT:
                orphans.due(turn, waiting)
            case Expectation():
                expectations.due(turn, waiting)
            case Reserved():
                reservations.due(turn, waiting)
            case Suspect():
                members.look_again(turn, waiting)
            case Membership():
                members.ask_again(turn, waiting)
            case timers.Talk():
                dialogue.due(turn, waiting.case)
            case Case():
                escalation.strike(turn, waiting)
            case _:
                assert_never(waiting)
        effects.extend(_close(turn))
    return effects


def _movement(turn: Turn, prepared: Prepared, event: Movement, score: Score | ScoreUnavailable) -> None:
    """A payment, transfer, top-up, withdrawal or bill: scored at its first event, followed through the others."""
    obligations = turn.obligations
    key = payment_key(event.payment_id)
    known = obligations.recall(key)
    told = failures.read(turn, event)
    unknown = failures.is_unknown(event, told) or unknown_outcome.not_found_yet(turn, event)
    status = PaymentState.SEEN if unknown else status_after(event)
    said_ms = obligations.said_ms(key)
    is_bad = known is not None and known.status == PaymentState.FAILED
    was_before = status == PaymentState.SUCCEEDED and prepared.at_ms < said_ms
    if is_bad and was_before and not refunds.is_leaving(turn, event.payment_id):
        status = PaymentState.SEEN  # the failure that is known was said later
    if obligations.ended:
        handed.recall(turn, event.payment_id)
    if obligations.cases:
        timeline.attach(turn, event)
    if known is None:
        watched = SUBJECTS.get(type(event), "payment") in WATCHED
        state = PaymentState.of(status, turn.policy.money.grace_s(event.method) if watched else 0)
        if prepared.subject or type(event) in SUBJECTS:
            waits = _decision(turn, prepared, score)
            if type(score) is Score:
                band = band_of(score.value)
                state = state.scored(band)
                if not prepared.late and prepared.features is not None and prepared.features.own_frauds_30d <= 0.0:
                    obligations.ranked = ranking.scored(turn.ctx.ranking, obligations.ranked, band, prepared.at_ms)
            if watched and type(event) in REQUESTS and not waits and not prepared.late:
                unknown_outcome.watch(turn, event.payment_id, event.amount_minor, event.currency, event)
    else:
        # Of a word whose time nobody remembers, what was heard before is taken to be newer than what comes late.
        overtaken = prepared.at_ms <= said_ms if said_ms else prepared.at_ms < turn.ctx.clock_ms
        late = prepared.late and (not said_ms or overtaken)
        if obligations.lately:
            shared_ids.heard(turn, event)
        state = known.after(status, late, overtaken=overtaken)
    if state != known:
        obligations.remember(key, state, prepared.at_ms)
    if status in (PaymentState.SUCCEEDED, PaymentState.FAILED) and state.status == status and is_firm(event):
        obligations.say(key, prepared.at_ms)
    if status != PaymentState.SEEN and obligations.holds:
        holds.drop_hold(turn, event.payment_id)
    if status == PaymentState.SUCCEEDED:
        if obligations.instruments:
            retry.succeeded(obligations.instruments, event)
        if obligations.cases:
            repeat_failures.succeeded(turn, event)
    heard = known is not None and (obligations.unknowns or obligations.cases)
    if is_unread(event):
        if not prepared.late:
            unknown_outcome.unread(turn, event, state)
    elif heard and (not unknown or type(event) is PspStatus):
        unknown_outcome.heard(turn, event, status)  # however late: a final word is one
    if known is None or orphans.may_explain(turn, event):
        charges.requested(turn, event)
        orphans.explained(turn, event, state)  # before anything is said: what was debited is known then
    elif type(event) in charges.CAPTURES and obligations.lately:
        charges.captured(turn, event)
    if obligations.reserved or obligations.cases:
        reservations.moved(turn, event, state)
    if not prepared.late:
        if obligations.failures:
            repeat_failures.forget(turn)
        if unknown and type(event) is not PspStatus:
            unknown_outcome.begin(turn, event)
        if told is not None:
            if told.cause.cause == failures.DEBITED:
                debit_without_payment.claimed(turn, event)
            joined = failed_trial(event) is True and members.after_failure(turn, event)
            again = known is not None and known.status == PaymentState.FAILED
            failures.after_failure(turn, event, told, status, joined=joined, again=again)
    expectations.moved(turn, event)
    if obligations.cases and status in (PaymentState.FAILED, PaymentState.REVERSED):
        reports.came_back(turn, event.payment_id)
    if isinstance(event, Refund):
        stopped = over_refunds.moved(turn, event)
        refunds.refund_moved(turn, event)
        if not stopped:
            refund_requests.moved(turn, event)
    waiting = obligations.debits or obligations.cases or obligations.owed
    was_heard = prepared.late and state == known  # what is late and changes nothing was told before
    if not was_heard and (waiting or (known is not None and known.is_debited)):
        debit_without_payment.payment_moved(turn, event, status, state, known)
    if type(event) is PspStatus and obligations.owed:
        debit_without_payment.answered(turn, event, status)


def _door(turn: Turn, prepared: Prepared, score: Score | ScoreUnavailable) -> None:
    """A login, challenge or change of credentials; the last two are decided about only when a rule fires."""
    if prepared.subject not in BY_RULE_ONLY or prepared.hits:
        _decision(turn, prepared, score)
    match prepared.event:
        case LoginFailed():
            login_ladder.after_failed_login(turn, prepared, prepared.event)
        case LoginSucceeded() if prepared.hits:
            login_risk.after_login(turn, prepared)
        case LoginSucceeded():
            advice.after_login(turn, prepared)
        case ChallengePassed():
            if turn.obligations.locks:
                unlock.second_factor_passed(turn, prepared.event)
            holds.challenge_passed(turn, prepared.event)
        case SessionUsed():
            session_reuse.after_use(turn, prepared, prepared.event)
        case CredentialChanged() | DeviceBound() | PasswordResetRequested():
            security_change.after_change(turn, prepared, prepared.event)
        case _:
            pass


def _decision(turn: Turn, prepared: Prepared, score: Score | ScoreUnavailable) -> bool:
    """The verdict, and what follows from it. True: the movement may not go on yet, or not at all."""
    policy = turn.policy
    outcome, shadow = outcome_of(prepared, score, policy)
    if shadow != turn.shadow:
        turn.enforce()  # one rule enforces although the policy observes
    event = prepared.event
    stopper = locked_out.stopper_of(turn, event) if turn.obligations.locks else None
    if stopper is not None and shadow:
        turn.enforce()  # the lock stands, whatever the policy says today
        outcome, shadow = Outcome.ALLOW, False
    # Only what has not happened yet can wait for an answer.
    waits = outcome > Outcome.ALLOW and isinstance(event, Movement) and status_after(event) == PaymentState.SEEN
    expiry = expiry_of(outcome, prepared.at_ms, policy) if waits and stopper is None else None
    decision = decision_of(prepared, score, outcome, shadow, policy, turn.ctx, expiry)
    if stopper is not None:
        decision = locked_out.blocked(decision)
    turn.effects.append(decision)
    if score.shadows:
        turn.effects.extend(shadowed_of(prepared, score, decision, policy))
    verdict = Outcome.BLOCK if stopper is not None else outcome
    trail.decided(turn, prepared, verdict if isinstance(event, Movement) else outcome)
    if stopper is not None and outcome < Outcome.parse(policy.outcome.case_from):
        locked_out.noted(turn, event, stopper)
    elif outcome > Outcome.ALLOW and type(event) is not LoginFailed:
        fraud_alert.after_decision(turn, prepared, outcome, decision)
    outcome = verdict
    return not shadow and (expiry is not None or outcome is Outcome.BLOCK)


def _told(turn: Turn, event: Event) -> None:
    """Everything that is not decided about: answers, reports, operators, the ledger, the profile.

    What comes later than the lateness bound is shown on the timeline of its case; only facts that stay true however
    late they are still count.
    """
    if isinstance(event, Support) and not turn.late:
        turn.obligations.contacts = [*turn.obligations.contacts, turn.at_ms][-CONTACTS_MAX:]
    match event:
        case ActionAcknowledged():
            saga.acknowledge(turn, event)
        case UserReport():
            reports.reported(turn, event)
        case CaseAction() if event.owner == "account":
            operator.act(turn, event)
        case ContactTaken():
            contacts.taken(turn, event)
        case AccountErasure():
            erasure.asked(turn, event)
        case AccountProfile():
            _profile(turn, event)
        case LabelRecorded():
            _labelled(turn, event)
        case LedgerPosted():
            debit_without_payment.posted(turn, event)
        case _ if turn.late:
            timeline.attach(turn, event)
        case UserMessage():
            messages.wrote(turn, event)
        case FeeCharged():
            fees.charged(turn, event)
        case CardBound():
            security_change.card_bound(turn, event)
        case ProjectionLagged():
            stale_records.lagged(turn, event)
        case CustomerConfirmed():
            fraud_alert.customer_answered(turn, event)
        case IdentityVerified():
            unlock.identity_verified(turn, event)
        case UnlockRequested():
            unlock.unlock_requested(turn, event)
        case SurveyAnswered():
            dialogue.rated(turn, event)
        case SocialMention():
            social.mentioned(turn, event)
        case MerchantApplication():
            applications.applied(turn, event)
        case _:
            timeline.attach(turn, event)
    if isinstance(event, Support) and event.attachments:
        attachments.of_customer(turn, event)


def _labelled(turn: Turn, event: LabelRecorded) -> None:
    truth.learn(turn, event.subject_id, event.verdict, to_ms(event.subject_occurred_at))
    timeline.attach(turn, event)


def _profile(turn: Turn, event: AccountProfile) -> None:
    """The newest profile counts, in whatever order they come; of one that is late only what nobody knew yet.

    A day of closing that has not come yet closes nothing, and a newer profile without one opens the account again.
    """
    holder = turn.obligations.holder
    if turn.at_ms < holder.told_ms:
        return
    holder.told_ms = turn.at_ms
    holder.language = event.language
    holder.time_zone = event.time_zone if event.time_zone is not None and is_zone(event.time_zone) else ""
    holder.vulnerable = event.vulnerable
    holder.tier = event.tier if event.tier is not None and len(event.tier) <= TIER_MAX else ""
    closed = event.closed_at is not None and to_ms(event.closed_at) <= turn.at_ms
    if turn.late or closed == holder.closed:
        return
    if closed:
        saga.close(turn)
    else:
        saga.reopen(turn)


def _close(turn: Turn) -> list[Effect]:
    """One version of every case that changed, and the locks if they did: last, so that they tell the whole turn."""
    if turn.recalled:
        handed.let_go(turn)
    members.link_cases(turn)
    for case, changed in turn.changed.values():
        if case not in turn.recalled:  # whoever has it counts its promises
            dialogue.settle(turn, case)
            turn.ctx.deadlines += clocks.wind(case, turn.policy, turn.at_ms)
        turn.effects.append(version_of(turn, case, changed))
        handed_over = case.is_open and turn.obligations.case(case.case_id) is None
        room = shelf.shelve(
            turn.obligations.ended,
            case.case_id,
            turn.at_ms,
            finished=not case.is_open,
            handed_over=handed_over,
            money=handed.kept_of(case) if handed_over else None,
        )
        if room is not None:
            turn.effects.append(room)
    if turn.locks_changed:
        turn.effects.append(locks_state(turn))
        note_tenure(turn)
    return turn.effects
