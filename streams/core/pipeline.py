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
from streams.contracts.decisions import Hit
from streams.contracts.logins import (
    ChallengeFailed,
    ChallengePassed,
    CredentialChanged,
    DeviceBound,
    Login,
    LoginFailed,
    LoginSucceeded,
    PasswordResetRequested,
    SessionUsed,
)
from streams.contracts.payments import (
    CardBound,
    CardUnbound,
    Failure,
    FeeCharged,
    MerchantReplied,
    Movement,
    PromoClaimed,
    PromoGranted,
)
from streams.core import erasure, timers, truth
from streams.core.basis import basis_of
from streams.core.cases import (
    attachments,
    clocks,
    counting,
    dialogue,
    escalation,
    handed,
    operator,
    remarks,
    shelf,
    timeline,
)
from streams.core.cases.book import version_of
from streams.core.familiar import contains
from streams.core.features import Features, features_of
from streams.core.features.pattern import times_usual
from streams.core.flows import (
    advice,
    applications,
    contacts,
    decisions,
    early_victims,
    fees,
    fraud_alert,
    holds,
    lifecycle,
    login_help,
    login_ladder,
    login_risk,
    messages,
    perhaps_twice,
    promotions,
    reports,
    right_passwords,
    security_change,
    session_reuse,
    social,
    stale_records,
    stray_answers,
    trail,
    unknown_outcome,
    verification,
    worn_down,
)
from streams.core.flows.movements import BY_RULE_ONLY, SUBJECTS
from streams.core.incidents import members
from streams.core.intake.posts import topic_of
from streams.core.local_time import is_zone
from streams.core.locks import saga, unlock
from streams.core.login_risk import releases, training
from streams.core.login_risk.context import context_of
from streams.core.login_risk.frequencies import Frequencies
from streams.core.money import (
    beyond,
    both_sides,
    broken_promise,
    charges,
    debit_without_payment,
    duplicates,
    expectations,
    orphans,
    reckoning,
    refund_retries,
    refunds,
    remembered,
    reservations,
    undercharges,
    unrated,
)
from streams.core.obligations import (
    APP_VERSION_MAX,
    CONTACTS_MAX,
    TIER_MAX,
    Case,
    Command,
    Debit,
    EarlyVictim,
    Expectation,
    Hold,
    Membership,
    Obligations,
    Reserved,
    RightPassword,
    Suspect,
    Unknown,
)
from streams.core.observations import (
    MOVEMENTS,
    Observations,
    Whence,
    explain,
    fold,
    forget_after_ms,
    guesses_of,
    is_established,
    is_known_context,
    is_known_place,
    is_lost,
    is_proved,
    known_since_ms,
    let_go,
    login_network_ms,
    network_since_ms,
    seen_key,
    trust_word,
    vouch,
    whence,
)
from streams.core.policy import Policy
from streams.core.risk import NO_PART, RiskView, incident_of, testing_incident_of
from streams.core.rules import evaluate
from streams.core.rules.challenge_abuse import is_nagged
from streams.core.rules.lists import blocked
from streams.core.score import Score, ScoreUnavailable
from streams.core.steps import DecideContext, Effect, Prepared
from streams.core.turn import Turn, locks_state, note_tenure, turn_of
from streams.core.unlearning import forget_since, lose_devices
from streams.core.verdict import is_attempt, is_stopped

__all__ = ["DecideContext", "Effect", "Prepared", "decide", "fire", "forgets_ms", "learn", "next_due_ms", "prepare"]

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
    attack = testing_incident_of(risk, event, at_ms) if isinstance(event, Movement) else NO_PART
    about = None
    if isinstance(event, SocialMention) and not late:
        about = topic_of(event, at_ms, policy.intake)
        attack = social.topic_case(risk, event, about, at_ms)
    if subject is None or (isinstance(event, Movement) and _is_known(observations, event)):
        prepared = Prepared(
            event,
            at_ms,
            late,
            incident=attack.case_id,
            incident_kind=attack.kind,
            incident_typology=attack.typology,
            times_usual=_times_usual(observations, event, at_ms),
            established=isinstance(event, UserReport | CustomerConfirmed | AccountProfile)
            and is_established(observations, at_ms, policy.locks.established_days, policy.locks.established_payments),
            device_since_ms=known_since_ms(observations, event.device_id)
            if isinstance(event, CustomerConfirmed)
            else 0,
            at_home=_is_at_home(observations, event),
            by_stranger=isinstance(event, CardBound | CardUnbound) and not is_known_place(observations, event),
            about=about,
        )
    else:
        features = features_of(observations, event, at_ms, risk, basis, frequencies)
        age_s = int(features.risk_age_s) if features.risk_age_s >= 0.0 else None
        hits = evaluate(event, at_ms, features, policy) + blocked(event, at_ms, risk, policy.entities.block.outcome)
        if hits and isinstance(event, Login):
            attack = incident_of(risk, event, at_ms)
        lost = isinstance(event, Movement | Login) and is_lost(observations, event)
        release = ""
        if type(event) is LoginSucceeded and frequencies is not None and not late:
            release = _released(observations, event, at_ms, policy, frequencies)
        prepared = Prepared(
            event,
            at_ms,
            late,
            subject,
            features,
            hits,
            age_s,
            attack.case_id,
            guesses=guesses_of(observations, event) if type(event) is LoginFailed else 0,
            incident_kind=attack.kind,
            incident_typology=attack.typology,
            release=release,
            is_proved=type(event) is LoginSucceeded and is_proved(observations, event, at_ms),
            whence=whence(observations, event) if isinstance(event, Movement) else Whence.UNTOLD,
            network_since_ms=network_since_ms(observations, event)
            if isinstance(event, Movement | CredentialChanged)
            else 0,
            login_network_ms=login_network_ms(observations, event)
            if isinstance(event, Movement | CredentialChanged)
            else 0,
            at_home=_is_at_home(observations, event),
            nagged=_is_nagged(observations, event, at_ms, features, policy, lost=lost),
            lost=lost,
        )
    is_worn_down = prepared.nagged and isinstance(event, ChallengePassed)
    too_late = observations.too_late
    asked = prepared.lost or training.is_asked(prepared.hits, policy)
    answerable = prepared.lost or training.is_answerable(prepared.hits)
    fold(
        observations,
        event,
        at_ms,
        late,
        basis,
        asked=asked,
        answerable=answerable,
        guessed=_is_guessed(event, prepared.hits),
        worn_down=is_worn_down,
        stopped=is_stopped(prepared.hits),
        attempted=isinstance(event, Movement) and (prepared.lost or is_attempt(prepared.hits, policy)),
    )
    if frequencies is not None and isinstance(event, Login) and observations.too_late == too_late and not is_worn_down:
        doubted = prepared.lost or training.is_doubted(prepared.hits, prepared.features, policy)
        training.train(observations, event, at_ms, frequencies, doubted=doubted)
    return prepared


def _is_nagged(
    observations: Observations, event: Event, at_ms: int, features: Features, policy: Policy, *, lost: bool
) -> bool:
    """Whether a second factor says nothing of who is there: asked for too often, or given on a stolen device."""
    if not isinstance(event, ChallengePassed | ChallengeFailed):
        return False
    if lost and isinstance(event, ChallengePassed) and at_ms - observations.lost_ms <= policy.cases.trail_s * 1000:
        return True
    return is_nagged(event, features, policy.rules.challenge_abuse)


def _is_guessed(event: Event, hits: tuple[Hit, ...]) -> bool:
    """Whether a login without a device is asked in earnest because somebody guessed from where it comes from."""
    if type(event) is not LoginSucceeded or event.device_id is not None:
        return False
    asked = [hit for hit in hits if hit.rule.startswith(f"{login_ladder.RULE}/")]
    return training.is_answerable(tuple(asked))


def _released(
    observations: Observations, event: LoginSucceeded, at_ms: int, policy: Policy, frequencies: Frequencies
) -> str:
    history = observations.login_history
    if history is None or not releases.comes_home(event, context_of(event), history, observations.login_networks):
        return ""
    rule = policy.rules.login_risk
    return releases.note(
        frequencies.releases,
        event,
        observations.trusted,
        at_ms,
        accounts=rule.release_accounts,
        share=rule.release_share,
        lasts_s=rule.release_s,
    )


def _times_usual(observations: Observations, event: Event, at_ms: int) -> float | None:
    """Of a fraud label: does the amount explain the fraud, or does it speak of the place where it was spent?"""
    if type(event) is not LabelRecorded or event.verdict != "fraud":
        return None
    return times_usual(observations, to_ms(event.subject_occurred_at), at_ms)


def _is_known(observations: Observations, event: Movement) -> bool:
    """Whether an earlier event of the same movement was scored."""
    return bool(observations.seen) and contains(observations.seen, seen_key(MOVEMENTS[type(event)], event.payment_id))


def _is_at_home(observations: Observations, event: Event) -> bool:
    """Whether nothing says that a second factor, or a payment that may have asked for one, was a stranger's."""
    if isinstance(event, ChallengePassed | ChallengeFailed):
        return is_known_context(observations, event)
    if not isinstance(event, Movement) or not (isinstance(event, Failure) or event.challenge_provider_id):
        return False
    return whence(observations, event) is not Whence.ELSEWHERE


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
    turn.late, turn.established = prepared.late, prepared.established
    turn.device_since_ms, turn.at_home = prepared.device_since_ms, prepared.at_home
    if isinstance(event, Movement):
        lifecycle.heard(turn, prepared, event, score)
    elif prepared.features is not None:
        _door(turn, prepared, score)
    else:
        _told(turn, prepared)
    if obligations.cases and isinstance(event, Movement | LedgerPosted | FeeCharged):
        reckoning.look_later(turn, _payment_of(turn, event))
    return _close(turn)


def learn(observations: Observations, ctx: DecideContext, at_ms: int) -> None:
    """What was decided of an event at `at_ms` and changes what `prepare` sees of the account next."""
    if ctx.forgets_ms is not None:
        forget_since(observations, ctx.forgets_ms)
    if ctx.stolen_ms:
        lose_devices(observations, ctx.stolen_ms, at_ms)
    for payment_id in ctx.released:
        let_go(observations, payment_id, at_ms)
    if ctx.vouched_ms:
        vouch(observations, ctx.vouched_ms, at_ms)
        if observations.login_history is not None:
            training.vouch(observations.login_history, ctx.vouched_ms, at_ms)
    if ctx.pardoned or ctx.owners_ms:
        trust_word(observations, at_ms, ctx.pardoned, ctx.owners_ms)
    if ctx.explained_ms:
        explain(observations, ctx.explained_ms)


def _payment_of(turn: Turn, event: Movement | LedgerPosted | FeeCharged) -> str:
    """The payment that it is about, as far as anybody knows."""
    return (remembered.joined(turn, event) if isinstance(event, LedgerPosted) else event.payment_id) or ""


def forgets_ms(observations: Observations, obligations: Obligations) -> int | None:
    """From when on the account may be forgotten; None while something waits for its time."""
    owed_ms = obligations.forgets_ms()
    return None if owed_ms is None else max(owed_ms, forget_after_ms(observations))


def fire(obligations: Obligations, due_ms: int, policy: Policy, ctx: DecideContext) -> list[Effect]:
    """Everything that was promised for `due_ms` or before, in the order (due time, kind, id)."""
    effects: list[Effect] = []
    while (waiting := timers.first_due(obligations, due_ms)) is not None:
        turn = turn_of(obligations, policy, ctx, waiting.due_ms, timers.name_of(ctx.account_id, waiting))
        if isinstance(waiting, timers.Ending | Command | Hold | RightPassword):
            turn.enforce()
        match waiting:
            case timers.Ending():
                saga.expire(turn, waiting.lock)
            case Command():
                saga.send_again(turn, waiting)
            case Hold():
                fraud_alert.hold_expired(turn, waiting)
            case Debit():
                debit_without_payment.due(turn, waiting)
            case shelf.Ended():
                turn.effects.append(shelf.drop(obligations.ended, waiting, turn.at_ms))
            case Unknown():
                unknown_outcome.due(turn, waiting)
            case Expectation() if waiting.kind == charges.CHARGE:
                charges.due(turn, waiting)
            case Expectation() if waiting.kind == duplicates.ONE_TOO_MANY:
                duplicates.due(turn, waiting)
            case Expectation() if waiting.kind == duplicates.ATTEMPT:
                duplicates.attempt_due(turn, waiting)
            case Expectation() if waiting.kind == charges.UNDERCHARGE:
                undercharges.due(turn, waiting)
            case Expectation() if waiting.kind == both_sides.BOTH_SIDES:
                both_sides.due(turn, waiting)
            case Expectation() if waiting.kind == beyond.BEYOND:
                beyond.due(turn, waiting)
            case Expectation() if waiting.kind == orphans.CREDIT:
                orphans.due(turn, waiting)
            case Expectation() if waiting.kind == fees.BOOKING:
                fees.due(turn, waiting)
            case Expectation() if waiting.kind == promotions.GRANT:
                promotions.due(turn, waiting)
            case Expectation():
                case = expectations.due(turn, waiting)
                if case is not None and case.family == refunds.BILL and waiting.taken:
                    refunds.unposted(turn, waiting)
            case Reserved():
                reservations.due(turn, waiting)
            case Suspect():
                members.look_again(turn, waiting)
            case Membership():
                members.ask_again(turn, waiting)
            case EarlyVictim():
                early_victims.look_again(turn, waiting)
            case RightPassword():
                right_passwords.look(turn, waiting)
            case timers.Talk():
                dialogue.due(turn, waiting.case)
            case timers.Reckoning():
                reckoning.due(turn, waiting.case)
            case timers.MerchantDue():
                broken_promise.due(turn, waiting.case)
            case timers.RetryDue():
                refund_retries.due(turn, waiting.case)
            case timers.Untold():
                counting.tell(turn, waiting.case)
            case Case():
                escalation.strike(turn, waiting)
            case _:
                assert_never(waiting)
        if isinstance(waiting, Debit | Unknown | Expectation):
            reckoning.look_later(turn, waiting.payment_id)
        effects.extend(_close(turn))
    return effects


def _door(turn: Turn, prepared: Prepared, score: Score | ScoreUnavailable) -> None:
    """A login, challenge or change of credentials; the last two are decided about only when a rule fires.

    Except a reset of the password: whoever carries it out waits for whether it takes a second factor.
    """
    if prepared.subject not in BY_RULE_ONLY or prepared.hits or isinstance(prepared.event, PasswordResetRequested):
        decisions.decide_on(turn, prepared, score)
    match prepared.event:
        case LoginFailed():
            login_ladder.after_failed_login(turn, prepared, prepared.event)
        case LoginSucceeded() if prepared.hits:
            login_risk.after_login(turn, prepared)
        case LoginSucceeded():
            advice.after_login(turn, prepared, prepared.event)
        case ChallengePassed() if prepared.nagged:
            worn_down.after_answer(turn, prepared, prepared.event)
        case ChallengePassed():
            trail.answered(turn, prepared.event)
            turn.obligations.forget_waits()
            verification.after_passed(turn)
            holds.challenge_passed(turn, prepared.event)
            if turn.obligations.locks:
                unlock.second_factor_passed(turn, prepared.event)
            login_risk.ends_with_logins(turn, login_risk.FACTOR_GIVEN)
        case ChallengeFailed():
            verification.after_failed(turn, prepared, prepared.event)
        case SessionUsed():
            session_reuse.after_use(turn, prepared, prepared.event)
        case PasswordResetRequested():
            security_change.after_change(turn, prepared, prepared.event)
            login_help.reset_requested(turn)
        case CredentialChanged() | DeviceBound():
            security_change.after_change(turn, prepared, prepared.event)
        case _:
            pass


def _told(turn: Turn, prepared: Prepared) -> None:
    """Everything that is not decided about: answers, reports, operators, the ledger, the profile.

    What comes later than the lateness bound is shown on the timeline of its case; only facts that stay true however
    late they are still count.
    """
    event = prepared.event
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
            if turn.obligations.fees:
                fees.booked(turn, event)
        case FeeCharged():
            unrated.heard(turn, event)
            fees.charged(turn, event)
        case CustomerConfirmed() if stray_answers.is_stray(turn, event):
            stray_answers.refused(turn, event)
        case CustomerConfirmed() if perhaps_twice.is_asked(turn, event):
            perhaps_twice.answered(turn, event)
        case CustomerConfirmed(answer="no"):
            fraud_alert.customer_answered(turn, event)
        case IdentityVerified():
            unlock.identity_verified(turn, event)
        case UnlockRequested():
            unlock.unlock_requested(turn, event)
        case PromoGranted():
            promotions.granted(turn, event)
        case MerchantReplied():
            broken_promise.replied(turn, event)
        case _ if turn.late:
            timeline.attach(turn, event)
        case UserMessage():
            messages.wrote(turn, event)
        case CardBound() | CardUnbound():
            security_change.card_changed(turn, event, by_stranger=prepared.by_stranger)
        case PromoClaimed():
            promotions.claimed(turn, event)
        case ProjectionLagged():
            stale_records.lagged(turn, event)
        case CustomerConfirmed():
            fraud_alert.customer_answered(turn, event)
        case SurveyAnswered():
            dialogue.rated(turn, event)
        case SocialMention():
            social.mentioned(turn, event, prepared)
        case MerchantApplication():
            applications.applied(turn, event)
        case _:
            timeline.attach(turn, event)
    if isinstance(event, Support) and event.attachments:
        attachments.of_customer(turn, event)
    if isinstance(event, Support) and event.text and not turn.late:
        remarks.of_customer(turn, event)


def _labelled(turn: Turn, event: LabelRecorded) -> None:
    value = None
    if event.amount_minor is not None and event.currency is not None:
        value = event.amount_minor, event.currency
    truth.learn(turn, event.subject_id, event.verdict, to_ms(event.subject_occurred_at), value)
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
    holder.tier = _short(event.tier, TIER_MAX)
    holder.app_version = _short(event.app_version, APP_VERSION_MAX)
    closed = event.closed_at is not None and to_ms(event.closed_at) <= turn.at_ms
    if turn.late or closed == holder.closed:
        return
    if closed:
        saga.close(turn)
    else:
        saga.reopen(turn)
        fraud_alert.reopened(turn)


def _short(label: str | None, most: int) -> str:
    """The label where it has a size that an account can keep."""
    return label if label is not None and len(label) <= most else ""


def _close(turn: Turn) -> list[Effect]:
    """One version of every case that changed, and the locks if they did: last, so that they tell the whole turn."""
    if turn.recalled:
        handed.let_go(turn)
    members.link_cases(turn)
    for case, _ in tuple(turn.changed.values()):
        broken_promise.settle(turn, case)
        refund_retries.settle(case)
    for case, changed in turn.changed.values():
        if case not in turn.recalled:  # whoever has it counts its promises
            dialogue.settle(turn, case)
            wound = clocks.wind(case, turn.policy, turn.at_ms)
            turn.ctx.deadlines += wound.kept
            if wound.response_ms is not None:
                turn.ctx.responses.append((case.queue, wound.response_ms))
        turn.effects.append(version_of(turn, case, changed))
        handed_over = case.is_open and turn.obligations.case(case.case_id) is None
        money = handed.kept_of(case) if handed_over else None
        room = shelf.shelve(
            turn.obligations.ended,
            case.case_id,
            turn.at_ms,
            finished=not case.is_open,
            handed_over=handed_over,
            money=money,
            stops_refunds=refunds.stops_refunds(case) or (case.by_payment and money is None),
        )
        if room is not None:
            turn.effects.append(room)
    if turn.locks_changed:
        turn.effects.append(locks_state(turn))
        note_tenure(turn)
    return turn.effects
