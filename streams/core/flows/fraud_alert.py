"""What follows when a payment or login looks like fraud (F21, F23, F24, F31), and on a yes or no?"""

from __future__ import annotations

from typing import Final

from streams.contracts.accounts import CustomerConfirmed
from streams.contracts.base import Event, to_ms
from streams.contracts.decisions import DecisionMade, Hit
from streams.contracts.logins import ChallengeFailed, ChallengeSent, Login, LoginSucceeded, SessionUsed
from streams.contracts.payments import Card, Movement
from streams.core.cases import review
from streams.core.cases.book import Draft, add_line, is_about, open_or_join, raise_to, set_finding, set_status
from streams.core.cases.clocks import WAITING, has_person
from streams.core.cases.dialogue import CLOSED, has_written, heard, take_up
from streams.core.cases.escalation import rest
from streams.core.cases.joining import link, merge
from streams.core.cases.timeline import kind_of
from streams.core.entities.attacks import is_contained
from streams.core.flows import early_victims, locked_out, login_risk, mule, owners_word, right_passwords, trail
from streams.core.flows.holds import end_hold, let_go, time_is_over, wait_for_answer, was_not_made
from streams.core.flows.login_risk import LOGIN_RISK, is_stranger
from streams.core.flows.movements import status_after
from streams.core.flows.owners_word import RISK_FAMILY
from streams.core.locks.account_states import is_frozen
from streams.core.locks.saga import errand, lock, pass_on
from streams.core.messages.notify import notify
from streams.core.messages.render import instant, money
from streams.core.money.references import hashed
from streams.core.obligations import Case, Hold, Line, PaymentState, payment_key
from streams.core.outcome import Outcome
from streams.core.reasons import REASONS
from streams.core.receivers import payee_age_days, receiver_age_days
from streams.core.score import Score, ScoreUnavailable
from streams.core.steps import Prepared
from streams.core.truth import learn_from
from streams.core.turn import Turn
from streams.core.verdict import by_score, counted

TAKEOVER_RULE = "takeover"
TAKEOVER_CASE, TAKEOVER_FAMILY = "account_takeover", "takeover"
SETTINGS_FAMILY: Final = "security_change"  # of changes that nobody doubts, and of what customers write about them
ALERT = "fraud_alert"  # family of the cases that ask: was it you?
UNAUTHORISED: Final = "unauthorised"  # family of the cases about payments that their owner denies
_SIGNS: Final = frozenset({ALERT, RISK_FAMILY, TAKEOVER_FAMILY})  # of somebody else on the account
_DENIABLE: Final = frozenset({ALERT, TAKEOVER_FAMILY, RISK_FAMILY, UNAUTHORISED, SETTINGS_FAMILY})
CONFIRMED: Final = "customer_confirmed"  # line of a case
DENIED: Final = "customer_denied"  # line of a case
PASSED_ON: Final = "passed_on"  # resolution
UNVOUCHED: Final = "fraud_alert.unvouched"  # message
KEPT_OUT: Final = "fraud_alert.kept_out"  # message
PROMPTS: Final = "fraud_alert.prompts"  # message
_SIGNED_IN: Final = "fraud_alert.login"  # message
_STOPPED: Final = "fraud_alert.login_stopped"  # message
# What the owner is told where nobody has given the password.
_NOT_SIGNED_IN: Final[dict[type[Event], str]] = {
    SessionUsed: "fraud_alert.session",
    ChallengeSent: PROMPTS,
    ChallengeFailed: PROMPTS,
}
# Views of one thing, a large amount: below `hold` no two of them are independent of each other.
_AMOUNTS: Final = frozenset(
    {"amount-habit", "new-device-amount", "spending-spike", "cold-amount", "probe", "structuring"}
)
# Rules that say that somebody else may be in: from another place, or after guesses, a change or a theft.
_OF_SOMEBODY_ELSE: Final = frozenset(
    {
        TAKEOVER_RULE,
        LOGIN_RISK,
        "challenge-abuse",
        "compromised-account",
        "dormant-login",
        "hostile-address",
        "impossible-travel",
        "login-failures",
        "new-country",
        "new-device-amount",
        "session-reuse",
    }
)
# Rules that say that an attempt is a part of an attack, whose own case tells of it (F26, F30).
_OF_ATTACKS: Final = frozenset({"card-testing", "hostile-address", "attacked-site"})
MODEL = "model"  # where caps and commands name a rule


def after_decision(turn: Turn, prepared: Prepared, outcome: Outcome, decision: DecisionMade) -> None:
    """Case, hold, restriction and message for an outcome above `allow`; the decision says what is done meanwhile."""
    event = prepared.event
    movement = event if isinstance(event, Movement) else None
    done, case = Outcome.parse(decision.outcome), None
    if outcome >= Outcome.parse(turn.policy.outcome.case_from) or is_stranger(turn, prepared):
        case = _alert(turn, prepared, outcome, decision, movement)
    if movement is not None and decision.expires_at is not None:
        _hold(turn, movement, prepared, done, decision, case)
    if outcome >= Outcome.parse(turn.policy.outcome.notify_from):
        _tell(turn, prepared, movement, outcome, done, case)


def is_held_in_doubt(turn: Turn, prepared: Prepared, outcome: Outcome, score: Score | ScoreUnavailable) -> bool:
    """Whether a movement that would leave is one that restricts its account all the same, by signals in doubt (F21).

    The first one that shows a thief is what the thief came for: an account is not closed behind it. What is heard too
    late to restrict anything is not held either: nobody could be asked before the hold is over.
    """
    movement = prepared.event
    if not Outcome.parse(turn.policy.outcome.case_from) <= outcome < Outcome.HOLD or not isinstance(movement, Movement):
        return False
    if turn.late or status_after(movement) != PaymentState.SEEN or not _goes_out_in_doubt(turn, prepared, movement):
        return False
    heard = _by_model(turn, prepared, score.value if type(score) is Score else None)
    return _weaker_signals(counted(prepared.hits, turn.policy, turn.shadow), heard)[1] >= 2


def customer_answered(turn: Turn, event: CustomerConfirmed) -> None:
    """Yes releases the held payment, unless the account is frozen; no blocks it and freezes the account.

    Both only from somebody who is known where it is said (`owners_word`).
    """
    owners_word.note_channel(turn, event)
    hold = _hold_meant(turn, event)
    case = _case_meant(turn, event, hold)
    if event.answer == "yes":
        _it_was_me(turn, event, hold, case)
    else:
        _it_was_not_me(turn, event, hold, case)


def _it_was_me(turn: Turn, event: CustomerConfirmed, hold: Hold | None, case: Case | None) -> None:
    """Releases what was asked about, from somebody who is known there; else a line for people to read.

    A freeze ends by a supervisor and a second person, and so does what it has stopped. Where nobody asked, a thief says
    yes too, and whoever is in may be one: while somebody is doubted a yes counts from a device that the account knew
    before, about a payment that was asked for on such a device or before, or after a check of face and document.
    """
    said = "the customer says: it was me"
    if is_frozen(turn.obligations.locks):
        _said(turn, case, f"{said}; the account is frozen, so nothing is released and nothing is learnt")
        return
    is_risk = case is not None and case.family == RISK_FAMILY
    is_change = case is not None and (case.family == SETTINGS_FAMILY or _is_changed_elsewhere(case))
    if case is not None and case.family != ALERT and not is_risk and not is_change:
        _said(turn, case, f"{said}; that is not the question here")
        return
    if not owners_word.is_verified(turn.policy.locks, event.channel):
        _said(turn, case, f"{said}; {owners_word.said_where(turn.policy.locks, event.channel)}: nothing is released")
        return
    if not _vouches(turn, event, hold, is_risk=is_risk):
        _said(turn, case, f"{said}; on no device from before the doubted login or change: nothing is released")
        if case is not None and case.template != UNVOUCHED:
            _ask(turn, UNVOUCHED, {"case_id": case.case_id}, case)
        return
    if hold is not None:
        let_go(turn, hold, "confirmed by the customer")
    if is_change and case is not None:
        _said(turn, case, said)
        if case.status == "auto_answered":  # else somebody has asked about it, and people are at it
            set_status(turn, case, "closed", "customer_confirmed")
        return
    if is_risk and case is not None and hold is not None:
        _said(turn, case, said)  # about this payment; who is in, and the restriction, are other questions
        tell_end(turn, hold, "allow")
        return
    trail.said_owner(turn, case, hold)
    if case is not None:
        _said(turn, case, said)
        if is_risk:  # about who came in
            login_risk.ends_with_logins(turn, login_risk.CONFIRMED)
            return
        set_finding(turn, case, "false_alarm")
        learn_from(turn, case)
        if hold is None and case.is_open and was_not_made(case, event.payment_id):
            notify(turn, "fraud_alert.too_late", {}, case)
            case.surveyed = True  # nobody is asked how it was that a payment was not made
        if not any(waiting.case_id == case.case_id for waiting in turn.obligations.holds):
            set_status(turn, case, "resolved", "customer_confirmed")


def _is_changed_elsewhere(case: Case) -> bool:
    """Whether it asks about one change on a device that is new here: nothing else speaks of a takeover yet."""
    is_asked = case.family == TAKEOVER_FAMILY and case.case_type != TAKEOVER_CASE
    return is_asked and case.status == "auto_answered"


def _vouches(turn: Turn, event: CustomerConfirmed, hold: Hold | None, *, is_risk: bool) -> bool:
    """Whether this yes is one of the owner's.

    On a case that says that somebody else may be in (F21) only a device from before the payment says so, or a check of
    face and document since: the device that asked does not speak for itself.
    """
    known_ms, is_owners = turn.device_since_ms, trail.is_owners(turn, hashed(event.device_id))
    if hold is None:
        return is_owners or trail.is_vouched(turn, known_ms)
    if not is_risk:
        is_owners = is_owners or trail.is_owners(turn, hold.device)
        return is_owners or trail.is_vouched(turn, known_ms, hold.known_ms, asked_ms=hold.since_ms)
    is_known = 0 < known_ms < hold.since_ms or trail.cleared_ms(turn) > hold.since_ms
    return is_known and (is_owners or trail.is_vouched(turn, known_ms))


def release_held(turn: Turn, note: str, *case_ids: str) -> None:
    """A person has found that it was the owner: what these cases of a risky account (F21) hold is let go, and told.

    So it is where only a payment waited because of a collection (F31).
    """
    if is_frozen(turn.obligations.locks):
        return
    for hold in tuple(turn.obligations.holds):
        case = turn.obligations.case(hold.case_id)
        if case is not None and _is_told_of_hold(case) and case.case_id in case_ids:
            let_go(turn, hold, note)
            tell_end(turn, hold, "allow")


def hold_expired(turn: Turn, hold: Hold) -> None:
    """Nobody has answered in time: it becomes what was said, and its owner is told."""
    time_is_over(turn, hold)
    _tell_over(turn, hold)


def _tell_over(turn: Turn, hold: Hold) -> None:
    """Tells the owner who was asked about a payment (F24) that it was not made: the rent may be due."""
    tell_end(turn, hold, hold.otherwise)
    case = turn.obligations.case(hold.case_id)
    if case is None or case.family != ALERT or hold.amount_minor is None or hold.currency is None:
        return
    if hold.outcome == Outcome.HOLD.label and Outcome.parse(hold.otherwise) is Outcome.BLOCK:
        about = {"amount": money(hold.amount_minor, hold.currency), "time": instant(hold.since_ms)}
        _ask(turn, "fraud_alert.not_made", about, case)


def _ask(turn: Turn, template: str, about: dict[str, str], case: Case | None) -> None:
    """Asks the owner something: until they answer nobody tells them that work on it goes on.

    What people have asked meanwhile stays the text of the case.
    """
    aside = case is not None and case.status == WAITING
    if notify(turn, template, about, case, aside=aside) and case is not None:
        case.asked_ms = turn.at_ms


def tell_end(turn: Turn, hold: Hold, outcome: str) -> None:
    """Tells the owner of a risky account (F21), or of a collection (F31), what became of the payment that waited.

    They were told of it. Elsewhere whoever was asked has answered, and an unanswered challenge speaks for itself.
    """
    case = turn.obligations.case(hold.case_id)
    if case is None or not _is_told_of_hold(case) or hold.amount_minor is None or hold.currency is None:
        return
    is_stopped = Outcome.parse(outcome) is Outcome.BLOCK
    if hold.outcome != Outcome.HOLD.label or (is_stopped and _told_lately(turn, case)):
        return
    about = {"amount": money(hold.amount_minor, hold.currency), "time": instant(hold.since_ms)}
    notify(turn, "fraud_alert.stopped" if is_stopped else "fraud_alert.released", about, case, aside=True)


def _is_told_of_hold(case: Case) -> bool:
    """Whether its owner was told of a payment that waits: where payouts are paused that message says enough."""
    return case.family == RISK_FAMILY or (mule.is_mule(case) and not case.payouts_paused_ms)


def _said(turn: Turn, case: Case | None, text: str, kind: str = CONFIRMED) -> None:
    if case is not None:
        add_line(turn, case, Line(turn.at_ms, kind, turn.cause, text))


def _it_was_not_me(turn: Turn, event: CustomerConfirmed, hold: Hold | None, case: Case | None) -> None:
    """Stops what was asked about, and freezes.

    About a payment or case that is not known here it freezes nothing: whoever can write it about any account would
    lock anybody out.
    """
    if hold is not None:
        end_hold(turn, hold, "block", "confirmed", "denied by the customer")
    turn.stands(owners_word.STANDS_S)
    said = "the customer says: it was not me"
    if turn.at != event.occurred_at:
        said += f", at {instant(to_ms(event.occurred_at))}"
    payment_id = event.payment_id or ""
    if mule.is_mule(case) and case is not None:
        # Not the owner's payment: whose money it is stays that case's question, who was in is another's.
        _said(turn, case, said, DENIED)
        payment_id, case = payment_id or case.payment_id, None
    is_known = hold is not None or _is_known(turn, case, payment_id)
    if case is not None and case.family not in _DENIABLE:
        # About a refund or a forgotten password a no says nothing about who was in: people read it.
        _said(turn, case, f"{said}; that is not the question here", DENIED)
        return
    is_sign = case is not None and case.family in (ALERT, RISK_FAMILY) and not payment_id
    if case is not None and is_sign and trail.was_kept_out(turn, case):
        _it_was_an_attack(turn, event, case, said)
        return
    if case is None:
        case = open_or_join(turn, _unknown_payment(turn, payment_id))
    if not is_known:
        said += "; nothing of the kind is known on this account, so nothing is frozen: a person decides"
    _said(turn, case, said, DENIED)
    if not is_known:
        raise_to(turn, case, 1)
        trail.lay(turn, case)
        if owners_word.tells(turn, case, event):
            notify(turn, "unauthorised.received", {"case_id": case.case_id}, case)
        return
    if to_ms(event.occurred_at) <= turn.obligations.unfrozen_ms:
        _said(turn, case, owners_word.GIVEN_BACK, owners_word.NOT_FROZEN)
        return
    if not owners_word.is_believed(turn, event):
        owners_word.wait_for_owner(turn, case, event)
        return
    if not case.is_open:
        take_up(turn, case)  # a freeze has an open case
    set_finding(turn, case, "confirmed_fraud")
    learn_from(turn, case)
    if case.family in (TAKEOVER_FAMILY, SETTINGS_FAMILY):
        is_takeover(turn, case)
    freeze(turn, case, "customer_denied")


def _it_was_an_attack(turn: Turn, event: CustomerConfirmed, case: Case, said: str) -> None:
    """Whoever had the password was stopped at the door: nobody is in, so the owner is not locked out (domain F26).

    The owner is advised to set a new password, once, and the case rests unless people are at it.
    """
    if not owners_word.is_verified(turn.policy.locks, event.channel):
        _said(turn, case, f"{said}; {owners_word.said_where(turn.policy.locks, event.channel)}", DENIED)
        heard(turn, case)
        return
    _said(turn, case, f"{said}; that login was stopped, so nothing is frozen", DENIED)
    if case.finding == "unset":
        set_finding(turn, case, "valuable_alert")
        notify(turn, KEPT_OUT, {}, case)
    if case.is_open and not has_person(case) and not has_written(case):
        rest(turn, case)  # its question is answered; what is seen later wakes it


def _is_known(turn: Turn, case: Case | None, payment_id: str) -> bool:
    """Whether this account has seen what is denied; a case that an earlier denial has opened proves nothing."""
    if case is not None and case.family != UNAUTHORISED:
        return True
    named = (payment_id, case.payment_id if case is not None else "")
    return any(each and turn.obligations.recall(payment_key(each)) is not None for each in named)


def freeze(turn: Turn, case: Case, rule: str, actor: str = "rules") -> None:
    """Everything stops until a supervisor and a second person have seen it.

    Within a cap of its own (`locks.caps.OWNERS`): an owner who asks is believed, a flood of reports for many accounts
    is not many owners. A cap stops the freeze and nothing else: whoever is in is thrown out, and what waits is stopped.
    Where nothing is frozen the case says why, and people have it at P1. Whatever the account has learned since somebody
    came in is forgotten, so that a thief's device is no known one when the account is given back.
    """
    raise_to(turn, case, 1)
    if trail.tells_of_changes(turn, case):
        _was_taken_at_home(turn, case)
    trail.lay(turn, case)
    turn.ctx.forgets_ms = trail.came_in_ms(turn, case)
    was_frozen = is_frozen(turn.obligations.locks)
    frozen = lock(
        turn,
        "freeze",
        scope="all",
        applies_to="everyone",
        lasts_s=None,
        reason_class="account_protection",
        rule=rule,
        case=case,
        capped=actor == "rules",  # a person decided about one account
        actor=actor,
    )
    is_capped = not frozen and not was_frozen and turn.acts and not turn.late and not turn.obligations.holder.closed
    if frozen or (is_capped and not case.sessions_ended_ms):
        case.sessions_ended_ms = turn.at_ms
        errand(turn, "end_sessions", reason_class="account_protection", rule=rule, case=case)
        errand(turn, "stop_payouts", reason_class="account_protection", rule=rule, case=case)
    if frozen:
        notify(turn, "account_takeover", {"case_id": case.case_id}, case)
    elif is_capped:
        notify(turn, "account_takeover.review", {"case_id": case.case_id}, case)
    elif not was_frozen:
        case.owed_freeze_ms = turn.at_ms if turn.acts and turn.obligations.holder.closed else 0
        add_line(
            turn,
            case,
            Line(turn.at_ms, owners_word.NOT_FROZEN, turn.cause, f"not frozen: {_why_not(turn)}; a person decides"),
        )
    for hold in tuple(turn.obligations.holds):
        end_hold(turn, hold, "block", "confirmed", "the account is frozen")
    _take_in(turn, case)


def _take_in(turn: Turn, case: Case) -> None:
    """One theft is one case: what its own first signs have opened (F21, F24) ends in the case that freezes.

    What they have locked is held for it from now on.
    """
    if case.case_type != TAKEOVER_CASE:
        return
    since_ms = trail.came_in_ms(turn, case)
    for other in turn.obligations.cases:
        is_sign = other.family in (ALERT, RISK_FAMILY) and other.is_open and other.shadow == case.shadow
        if not is_sign or other is case or other.opened_ms < since_ms:
            continue
        pass_on(turn, other, case)
        moved, other.lines = other.lines, other.lines[:1]  # an account has little room: no line is kept twice
        other.dropped += len(moved) - 1
        for line in moved:
            if line.amount_minor is not None:
                add_line(turn, case, line)
        merge(turn, other, case.case_id)


def join_signs(turn: Turn, case: Case, event: Movement | Login | Card) -> None:
    """One stranger's signs (F21, F24, F27, F28) are one matter: a new case is linked with the first one since then.

    Each goes on, because its question, its hold and its lock are its own. But whoever opens the first one finds the
    others, and it is as urgent as the most urgent of them.
    """
    if case.version or case.parent_id or case.family not in _SIGNS:
        return
    since_ms = trail.strange_since_ms(turn, hashed(event.device_id), hashed(event.ip))
    if since_ms is None:
        return
    for other in turn.obligations.cases:
        is_sign = other.family in _SIGNS and other.is_open and other.shadow == case.shadow
        if is_sign and other is not case and other.opened_ms >= since_ms:
            link(turn, case, other.case_id)
            raise_to(turn, other, case.priority)
            return


def _was_taken_at_home(turn: Turn, case: Case) -> None:
    """A change on the owner's own device was a thief's: so is all that came after it, and each "yes" since then."""
    trail.deny_changes(turn)
    is_takeover(turn, case)
    since_ms = trail.came_in_ms(turn, case)
    for other in turn.obligations.cases:
        said_yes = any(line.kind == CONFIRMED and line.at_ms >= since_ms for line in other.lines)
        if said_yes and other.finding == "false_alarm":
            set_finding(turn, other, "unset")
            link(turn, other, case.case_id)
            if not other.is_open:  # nobody asks for a rating of what was a thief's word
                set_status(turn, other, "closed", PASSED_ON)


def reopened(turn: Turn) -> None:
    """Whoever steals an account can close it, and open it again: what its owner has said meanwhile is done now."""
    for case in tuple(turn.obligations.cases):
        if not case.owed_freeze_ms or not case.is_open or not turn.acts:
            continue
        if turn.at_ms - case.owed_freeze_ms <= owners_word.STANDS_S * 1000:
            freeze(turn, case, "reported_stolen")
        case.owed_freeze_ms = 0


def _why_not(turn: Turn) -> str:
    if turn.obligations.holder.closed:
        return "the account is closed"
    return "the policy observes" if turn.policy.mode != "enforce" else "it is heard too late to act on"


def was_owner(turn: Turn, case: Case) -> None:
    """An analyst found that it was the owner: what the case tells of is no sign of a takeover, or doubted, any more.

    On a case that says that somebody else may be in; and not under a freeze, about whose end two people agree. Who came
    in after the newest that the case tells of has been seen by nobody, and is doubted as before.
    """
    if is_frozen(turn.obligations.locks):
        return
    trail.was_owner(turn, case)
    about_it = case.family in (TAKEOVER_FAMILY, RISK_FAMILY)
    if not about_it and not any(rule.startswith(f"{TAKEOVER_RULE}/") for rule in case.rules):
        return
    told_ms = trail.told_ms(case)
    turn.obligations.legit_ms = max(turn.obligations.legit_ms, told_ms)
    if not trail.is_another_in(turn):  # else a thief's payment would need one sign more
        turn.ctx.owners_ms = told_ms


def is_takeover(turn: Turn, case: Case, movement: Movement | None = None) -> None:
    """A case that began with a change of settings is one of a takeover now, with all that has happened since."""
    if case.family == SETTINGS_FAMILY:
        case.family = TAKEOVER_FAMILY
    if case.case_type != TAKEOVER_CASE:
        case.case_type, case.flow = TAKEOVER_CASE, "F23"
        turn.change(case, "account_takeover")
    if movement is not None and not case.payment_id:
        is_about(case, movement)
    _wake(turn, case)
    trail.lay(turn, case)
    _loses(turn, case)


def done(turn: Turn, event: Movement) -> None:
    """A blocked movement was carried out: the payment system hears too late, or does not listen.

    The case of the takeover counts it and is expected to lose it; one that rested because it was stopped does no more.
    """
    if not turn.obligations.was_stopped(payment_key(event.payment_id)):
        return
    for case in turn.obligations.cases:
        if case.family == ALERT and case.status == "auto_answered":
            line = Line(turn.at_ms, kind_of(event), turn.cause, trail.DONE, event.amount_minor, event.currency)
            add_line(turn, case, line)
            _wake(turn, case)
    cases = [case for case in turn.obligations.cases if case.case_type == TAKEOVER_CASE and case.is_open]
    if not cases:
        trail.done(turn, event)
    lost = review.at_stake_minor(1.0, Outcome.ALLOW, event.amount_minor, event.currency, turn.policy, turn.at_ms)
    for case in cases:
        # A sum, no line for each: a short timeline would lose for them how the thief came in.
        turn.change(case, trail.DONE)
        case.counters[trail.DONE_LOSS] = case.counters.get(trail.DONE_LOSS, 0) + lost
        _loses(turn, case)


def _loses(turn: Turn, case: Case) -> None:
    """What its trail says, or what has left although it was blocked: the trail is short, the sum is the case's own."""
    lost = review.taken_over_minor(turn.obligations.trail, turn.policy, turn.at_ms)
    lost = max(lost, case.counters.get(trail.DONE_LOSS, 0))
    if lost > case.counters.get(review.LOSS, 0):
        case.counters[review.LOSS] = lost


def _alert(turn: Turn, prepared: Prepared, outcome: Outcome, decision: DecisionMade, movement: Movement | None) -> Case:
    """One case for what this event shows: a takeover, a risky account, a mule, or a payment to ask about."""
    enforced = counted(prepared.hits, turn.policy, turn.shadow)
    slugs = _rules_of(enforced, Outcome.HOLD)
    strict = outcome >= Outcome.parse(turn.policy.outcome.restrict_from)
    taken_over = strict and TAKEOVER_RULE in slugs
    # Two independent strong signals (F21): two rules, or one rule and the model, each at least at `hold`.
    heard = _by_model(turn, prepared, decision.score)
    passes, others = slugs & mule.RULES, slugs - mule.RULES
    signals = len(others) + bool(passes) + (heard >= Outcome.HOLD)
    risky, strange = strict and signals >= 2, is_stranger(turn, prepared)
    if strange:  # the right password by somebody who is nothing like the owner is enough
        slugs, risky = slugs | {LOGIN_RISK}, True
    if not risky and movement is not None and _goes_out_in_doubt(turn, prepared, movement):
        slugs, signals = _weaker_signals(enforced, heard)
        risky = signals >= 2
    if taken_over:
        case_type, flow, family, priority = TAKEOVER_CASE, "F23", TAKEOVER_FAMILY, 1
    elif risky:
        case_type, flow, family, priority = "account_locked.risk", "F21", RISK_FAMILY, 2
    elif _is_passing_on(turn, prepared, enforced, others):
        case_type, flow, family, priority = mule.CASE, mule.FLOW, mule.CASE, 2
    else:
        case_type, flow, family, priority = ALERT, "F24", ALERT, 2
    is_explained = bool(prepared.incident and slugs) and slugs <= _OF_ATTACKS
    stopped = _was_stopped(decision, movement) or (strange and turn.acts)
    if family in (ALERT, RISK_FAMILY) and stopped and not is_explained and _goes_on(turn):
        case_type, flow, family, priority = TAKEOVER_CASE, "F23", TAKEOVER_FAMILY, 1
    began = trail.lines(turn) if taken_over else ()
    case = open_or_join(
        turn,
        Draft(
            case_type=case_type,
            flow=flow,
            family=family,
            queue="security",
            priority=priority,
            lines=(*began, _line(turn, prepared, decision, movement)),
            payment=movement,
            payment_id=movement.payment_id if movement is not None else "",
            amount_minor=movement.amount_minor if movement is not None else None,
            currency=movement.currency if movement is not None else None,
            rules=tuple(hit.rule for hit in prepared.hits if not hit.shadow),  # people see what others say, too
            reasons=tuple(reason.code for reason in decision.reasons),
            incident_id=prepared.incident,
        ),
    )
    if isinstance(prepared.event, Movement | Login):
        join_signs(turn, case, prepared.event)
    if movement is not None:
        amount = (movement.amount_minor, movement.currency)
        loss = review.at_stake_minor(decision.score, outcome, *amount, turn.policy, prepared.at_ms)
        if loss:
            case.counters[review.LOSS] = case.counters.get(review.LOSS, 0) + loss
    if taken_over:
        is_takeover(turn, case, movement)
    elif case.family == RISK_FAMILY:
        _wake(turn, case)  # it rests once its owner has shown who they are
    elif case.family == ALERT:
        _rest_with_attack(turn, case, rests=is_explained and stopped)
    # Where an attack is contained at its place, and its login stopped, its victims are not locked for a right password.
    is_victim = movement is None and is_contained(prepared.incident_typology, turn.policy) and not taken_over
    if (taken_over or risky) and not is_victim:
        keeps_known = not taken_over and _is_kept_out(turn, prepared)
        reason = _safe_class(decision)
        restricted = lock(
            turn,
            "restrict",
            scope="money_out",
            applies_to="unknown_devices" if keeps_known else "everyone",
            lasts_s=turn.policy.locks.restrict_s,
            reason_class=reason,
            rule=TAKEOVER_RULE if taken_over else _decisive(slugs),
            case=case,
        )
        if keeps_known and movement is not None:
            _tell_of_stopped(turn, movement, decision, case)
        elif restricted and keeps_known:
            notify(turn, "account_locked.sign_in", {"time": instant(turn.at_ms)}, case)
        elif restricted:
            notify(turn, "account_locked.risk", {"reason": reason}, case)
        if restricted and type(prepared.event) is LoginSucceeded and not taken_over:
            early_victims.restricted(turn, case, prepared.event)
    elif family == mule.CASE:
        mule.suspected(turn, case)
        if passes and mule.is_pause_due(turn, case, passes, prepared.event, prepared.features):
            mule.pause_payouts(turn, case, min(passes))
    return case


def _goes_on(turn: Turn) -> bool:
    """Whether people are at a takeover of this account: what is stopped meanwhile is a line of its case."""
    since_ms = turn.at_ms - turn.policy.cases.dedupe_window_s * 1000
    return any(
        case.case_type == TAKEOVER_CASE
        and case.is_open
        and case.shadow == turn.shadow
        and case.finding != "false_alarm"
        and case.updated_ms >= since_ms
        for case in turn.obligations.cases
    )


def _is_kept_out(turn: Turn, prepared: Prepared) -> bool:
    """Whether the password alone has let nobody in: what the owner is known by goes on paying.

    Whoever asks for money from the other side of the door meanwhile is in no better than before.
    """
    if isinstance(prepared.event, Movement):
        is_unknown = locked_out.payer(turn, prepared, prepared.event) == "unknown_devices"
        return is_unknown and trail.are_kept_out(turn)
    return type(prepared.event) is LoginSucceeded and not _is_known_side(prepared)


def _tell_of_stopped(turn: Turn, movement: Movement, decision: DecisionMade, case: Case) -> None:
    """The restriction was told when the stranger came; now they have asked for money, in vain."""
    if Outcome.parse(decision.outcome) is Outcome.BLOCK and not _told_lately(turn, case):
        about = {"amount": money(movement.amount_minor, movement.currency), "time": instant(turn.at_ms)}
        notify(turn, "fraud_alert.stopped", about, case, aside=True)


def _is_known_side(prepared: Prepared) -> bool:
    return prepared.features is not None and prepared.features.login_known == 1.0


def _was_stopped(decision: DecisionMade, movement: Movement | None) -> bool:
    if decision.shadow:
        return False
    status = status_after(movement) if movement is not None else PaymentState.SEEN
    is_blocked = Outcome.parse(decision.outcome) is Outcome.BLOCK and status != PaymentState.SUCCEEDED
    return is_blocked or status == PaymentState.FAILED


def _rest_with_attack(turn: Turn, case: Case, *, rests: bool) -> None:
    """What an attack explains, and what was stopped, is worked on in the case of the attack: its own one rests.

    It closes after a quiet day, as the attack does. Whoever answers or writes makes it a person's work, and so does
    whatever else is put on it, or is done although it was stopped.
    """
    if not rests:
        _wake(turn, case)
    elif case.version == 0 or case.talk == CLOSED:
        set_status(turn, case, "auto_answered")


def _wake(turn: Turn, case: Case) -> None:
    if case.status == "auto_answered":
        set_status(turn, case, "classified")


def _is_passing_on(turn: Turn, prepared: Prepared, hits: list[Hit], others: set[str]) -> bool:
    """Whether the question is where the money comes from (F31), and not whether it was the owner.

    An owner who passes a large sum on breaks their own habits too, so a rule about amounts or payees beside it says no
    more. Only what speaks of somebody else asks who it is.
    """
    case_from = Outcome.parse(turn.policy.outcome.case_from)
    if not others:
        return mule.is_seen(hits, case_from)
    is_another = (
        bool(_rules_of(hits, case_from) & _OF_SOMEBODY_ELSE)
        or trail.is_strange(prepared.features, turn.policy)
        or trail.doubted_since_ms(turn) is not None
    )
    return mule.is_seen(hits, Outcome.HOLD) and not is_another


def _by_model(turn: Turn, prepared: Prepared, score: float | None) -> Outcome:
    """What the score alone asks for; where the policy observes and one rule enforces, the model only observes."""
    if score is None or (turn.policy.mode != "enforce" and not turn.shadow):
        return Outcome.ALLOW
    return by_score(prepared.event, prepared.subject, score, turn.policy)


def _rules_of(hits: list[Hit], least: Outcome) -> set[str]:
    return {hit.rule.rpartition("/")[0] for hit in hits if Outcome.parse(hit.outcome) >= least}


def _weaker_signals(hits: list[Hit], heard: Outcome) -> tuple[set[str], int]:
    """The rules, and how many independent signals they and the model are, where somebody is doubted.

    `review` is enough, which lets the money go, and of many receivers `step_up`: they are no habit of somebody who has
    just come in. The rules about the amount are one signal.
    """
    passes = _rules_of(hits, Outcome.STEP_UP) & mule.RULES
    others = _rules_of(hits, Outcome.REVIEW) - mule.RULES
    number = len(others - _AMOUNTS) + bool(others & _AMOUNTS) + bool(passes) + (heard >= Outcome.REVIEW)
    return passes | others, number


def _goes_out_in_doubt(turn: Turn, prepared: Prepared, movement: Movement) -> bool:
    """Whether money goes to somebody met no sooner than a login or change in doubt, from a device like that.

    To people, to the card of a withdrawal, or nobody knows where; while no second factor has answered the doubt to a
    shop or biller as well, as T1 asks: gift cards are money, but an owner on a new phone shops too. Whoever is in pays
    a small amount first: who was met while somebody is doubted is a first payee for as long.
    """
    features, since_ms = prepared.features, trail.doubted_since_ms(turn)
    if features is None or since_ms is None:
        return False
    unanswered = trail.is_unanswered(turn)
    known_days = receiver_age_days(features) if unanswered else payee_age_days(features)
    if known_days < 0.0 or prepared.at_ms - round(known_days * trail.DAY_MS) < since_ms:
        return False
    is_owners = trail.is_owners(turn, hashed(movement.device_id), hashed(movement.ip))
    return not is_owners and not trail.is_vouched(turn, trail.met_ms(turn, prepared))


def _line(turn: Turn, prepared: Prepared, decision: DecisionMade, movement: Movement | None) -> Line:
    rules = ", ".join(hit.rule for hit in prepared.hits if not hit.shadow)
    score = "" if decision.score is None else f"; score {decision.score:.3f}"
    text = f"{decision.outcome}{': ' + rules if rules else ''}{score}"[:160]
    kind = kind_of(prepared.event)
    if movement is None:
        return Line(prepared.at_ms, kind, turn.cause, text)
    return Line(prepared.at_ms, kind, turn.cause, text, movement.amount_minor, movement.currency)


def _hold(
    turn: Turn, movement: Movement, prepared: Prepared, outcome: Outcome, decision: DecisionMade, case: Case | None
) -> None:
    if decision.shadow:
        return
    holds, at_ms = turn.policy.holds, prepared.at_ms
    lasts_s = holds.hold_s if outcome is Outcome.HOLD else holds.step_up_s
    case_id = case.case_id if case is not None else ""
    crowded_out = wait_for_answer(
        turn,
        Hold(
            movement.payment_id,
            decision.decision_id,
            outcome.label,
            at_ms + lasts_s * 1000,
            decision.expiry_outcome or "block",
            case_id,
            movement.amount_minor,
            movement.currency,
            since_ms=at_ms,
            device=hashed(movement.device_id),
            known_ms=trail.met_ms(turn, prepared),
        ),
    )
    if crowded_out is not None:
        _tell_over(turn, crowded_out)


def _tell(
    turn: Turn, prepared: Prepared, movement: Movement | None, severity: Outcome, outcome: Outcome, case: Case | None
) -> None:
    if movement is None:
        _tell_of_login(turn, prepared, case, severity=max(severity, outcome), is_asked=outcome is Outcome.STEP_UP)
        return
    if case is not None and case.family == RISK_FAMILY and outcome is Outcome.HOLD:
        _tell_of_hold(turn, prepared, movement, case)
        return
    if case is not None and mule.is_mule(case) and turn.obligations.hold(movement.payment_id) is not None:
        if _is_told_of_hold(case):
            about = {"amount": money(movement.amount_minor, movement.currency), "time": instant(prepared.at_ms)}
            notify(turn, "mule_account.held", about | _until(turn, prepared) | {"case_id": case.case_id}, case)
        return
    if case is not None and case.family != ALERT:
        return  # the restriction's own message says enough
    when = instant(turn.at_ms)
    about = {"amount": money(movement.amount_minor, movement.currency), "time": when}
    status = status_after(movement)
    if status != PaymentState.SEEN and outcome >= Outcome.HOLD:
        outcome = Outcome.REVIEW  # it has happened: nothing waits, and nothing was stopped
    match outcome:
        case Outcome.NOTIFY if status == PaymentState.FAILED:
            pass  # nothing left the account, and the app has said so
        case Outcome.NOTIFY:
            notify(turn, "fraud_alert.notice", about, case)
        case Outcome.REVIEW if not may_ask(turn, case):
            pass
        case Outcome.REVIEW if case is not None and case.unasked:
            count, case.unasked = case.unasked + 1, 0
            notify(turn, "fraud_alert.questions", about | {"count": str(count)}, case)
        case Outcome.REVIEW:
            notify(turn, "fraud_alert.question", about, case)
        case Outcome.HOLD:
            _ask(turn, "fraud_alert.confirm", about | _until(turn, prepared), case)
        case Outcome.BLOCK if _told_lately(turn, case):
            pass
        case Outcome.BLOCK:
            notify(turn, "fraud_alert.stopped", about, case)
        case Outcome.STEP_UP | Outcome.ALLOW:
            pass  # the challenge itself is what the customer sees


def _tell_of_hold(turn: Turn, prepared: Prepared, movement: Movement, case: Case) -> None:
    """The restriction says nothing of the payment that waits; where none came about, it is asked about like any other.

    A restriction may be kept from the account by a cap.
    """
    hold = turn.obligations.hold(movement.payment_id)
    if hold is None:
        return
    about = {"amount": money(movement.amount_minor, movement.currency), "time": instant(prepared.at_ms)}
    if any(reason.case_id == case.case_id for held in turn.obligations.locks for reason in held.reasons):
        notify(turn, "fraud_alert.held", about | {"until": instant(hold.due_ms)}, case, aside=True)
    else:
        _ask(turn, "fraud_alert.confirm", about | _until(turn, prepared), case)


def _until(turn: Turn, prepared: Prepared) -> dict[str, str]:
    """By when an answer counts."""
    return {"until": instant(prepared.at_ms + turn.policy.holds.hold_s * 1000)}


def _tell_of_login(turn: Turn, prepared: Prepared, case: Case | None, *, severity: Outcome, is_asked: bool) -> None:
    """In an attack, of a right password only, whatever is known of the attack elsewhere.

    Its own case may end, or never open, while the place is still held for an attacker's: so who is stopped or asked
    there is told from here. Of those who were let in, or came before the attack was seen, its case tells.
    """
    entered = type(prepared.event) is LoginSucceeded
    if severity < Outcome.STEP_UP:
        return
    if prepared.incident and not (entered and _is_known_side(prepared)):
        if entered:
            # The text of a restriction says how to get out of it, and stays the case's.
            aside = case is not None and case.family != ALERT
            right_passwords.entered(turn, prepared, case, aside=aside, is_asked=is_asked)
        return
    if severity < Outcome.REVIEW:
        return
    if (case is None or case.family == ALERT) and may_ask(turn, case):
        signed_in = _SIGNED_IN if severity < Outcome.BLOCK else _STOPPED
        template = _NOT_SIGNED_IN.get(type(prepared.event), signed_in)
        told = notify(turn, template, {"time": instant(turn.at_ms)}, case)
        turn.ctx.told_right = told and entered


def _told_lately(turn: Turn, case: Case | None) -> bool:
    """Whether the customer knows already that payments are being stopped; notes that they are told now if not."""
    if case is None:
        return False
    if case.stopped_told_ms and turn.at_ms - case.stopped_told_ms < turn.policy.notifications.stopped_again_s * 1000:
        return True
    case.stopped_told_ms = turn.at_ms
    return False


def may_ask(turn: Turn, case: Case | None) -> bool:
    """Whether it is time for a question: the last one covers the burst, the next one counts what it missed."""
    if case is None:
        return True
    if case.asked_ms and turn.at_ms - case.asked_ms < turn.policy.notifications.asked_again_s * 1000:
        case.unasked += 1
        return False
    case.asked_ms = turn.at_ms
    return True


def _safe_class(decision: DecisionMade) -> str:
    """The class of the strongest reason that a customer may be told."""
    for reason in decision.reasons:
        known = REASONS.get(reason.code)
        if known is not None:
            return known.safe
    return "unusual_activity"


def _hold_meant(turn: Turn, event: CustomerConfirmed) -> Hold | None:
    if event.payment_id is not None:
        return turn.obligations.hold(event.payment_id)
    waiting = [hold for hold in turn.obligations.holds if hold.case_id == event.case_id]
    return waiting[-1] if waiting else None


def _case_meant(turn: Turn, event: CustomerConfirmed, hold: Hold | None) -> Case | None:
    for case_id in (event.case_id or "", hold.case_id if hold is not None else ""):
        case = turn.obligations.case(case_id)
        if case is not None:
            return case
    for case in reversed(turn.obligations.cases):
        if case.queue == "security" and case.payment_id == (event.payment_id or ""):
            return case
    return None


def _decisive(slugs: set[str]) -> str:
    """What the caps on locks count, so that a bad model is stopped like a bad rule: without it nothing were locked."""
    return min(slugs) if len(slugs) > 1 or LOGIN_RISK in slugs else MODEL


def _unknown_payment(turn: Turn, payment_id: str) -> Draft:
    return Draft(
        case_type="unauthorised_txn",
        flow="F25",
        family=UNAUTHORISED,
        queue="security",
        priority=1,
        lines=(Line(turn.at_ms, "denied", turn.cause, "a payment that nobody had asked about is denied"),),
        payment_id=payment_id,
    )
