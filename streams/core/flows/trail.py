"""What has happened on this account since somebody came in whom we doubted?

A thief is in for minutes or hours before anybody says so, and most of what happens then is allowed. So it is remembered
from the first suspicious login on, and put on the timeline of the case that says "stolen": whoever works it sees the
login, what was changed, and every movement of money since, whatever was decided about each.

A change on the owner's own device is nobody's doubt, so what follows it is kept apart (`home_trail`). It is part of the
trail from the moment on at which the owner denies the change: whoever held the phone was in since then.

Logins and payments come from different producers, so what was moved is kept for `lateness_s` whoever is in: the login
before it may be heard after it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from streams.contracts.base import Event
from streams.contracts.logins import (
    ChallengePassed,
    CredentialChanged,
    DeviceBound,
    Login,
    LoginSucceeded,
    SessionUsed,
)
from streams.contracts.payments import CardBound, CardUnbound, Movement, TopupCredited, TopupFailed, TopupRequested
from streams.core.cases.book import add_line
from streams.core.cases.timeline import kind_of
from streams.core.features import Features
from streams.core.flows import came
from streams.core.flows.movements import status_after
from streams.core.money.references import hashed
from streams.core.obligations import (
    HOME_TRAIL_BYTES,
    MOVED_BYTES,
    MOVED_MAX,
    TRAIL_BYTES,
    TRAIL_MAX,
    Case,
    Hold,
    Line,
    PaymentState,
    Trace,
    crowded,
    payment_key,
)
from streams.core.observations import PAYMENT, PROOF_MS, Whence
from streams.core.outcome import Outcome
from streams.core.policy import Policy
from streams.core.receivers import receiver_age_days
from streams.core.steps import Prepared
from streams.core.turn import Turn
from streams.core.unlearning import HORIZON_S

DONE: Final = "done although it was blocked"  # text of a line
DONE_LOSS: Final = "done_although_blocked_usd_minor"  # counter of a case
SUSPECT_PAYMENTS: Final = "suspect_payments"  # counter of a case
UNANSWERED: Final = "R26"  # reason of a decision
DAY_MS: Final = 86_400_000
_MONTH_MS: Final = 30 * DAY_MS
_ENTRIES: Final = came.ANSWERABLE | {came.CHANGE}
_NO_FACTORS: Final = frozenset({"password", "payee"})  # changed, second factors go where they went before
INFLOWS = (TopupRequested, TopupCredited, TopupFailed)


def decided(turn: Turn, prepared: Prepared, outcome: Outcome, *, kept_out: bool) -> None:
    """A login that nobody can vouch for begins the trail; what leaves the account afterwards is a part of it.

    `kept_out`: whoever it is gets nowhere with the password alone, for money waits for the second factor as well.
    """
    event = prepared.event
    if prepared.late:
        return
    if isinstance(event, Movement):
        if isinstance(event, INFLOWS):
            return
        is_done = status_after(event) == PaymentState.SUCCEEDED
        if outcome is Outcome.BLOCK and not is_done:
            turn.obligations.stop(payment_key(event.payment_id))
        _asks_for_money(turn, prepared, event)
        if is_done or outcome < Outcome.STEP_UP:
            _gets_money(turn, prepared, event)
        _moved(turn, event, DONE if outcome is Outcome.BLOCK and is_done else outcome.label)
    elif isinstance(event, LoginSucceeded | SessionUsed):
        doubted = outcome >= Outcome.STEP_UP
        if doubted or (isinstance(event, LoginSucceeded) and is_strange(prepared.features, turn.policy)):
            text = f"{outcome.label if doubted else 'new device'}, from {event.ip}"
            place = hashed(event.device_id), hashed(event.ip)
            asked = doubted and not turn.shadow
            is_stopped = kept_out or outcome is Outcome.BLOCK
            stopped = is_stopped and turn.acts and isinstance(event, LoginSucceeded)
            trace = Trace(turn.at_ms, *_named(event), text, None, None, doubted, *place, asked=asked, stopped=stopped)
            trace.unnamed = event.device_id is None and _is_unlike(prepared.features)
            if prepared.is_proved:
                _answer(trace, turn.at_ms)
            _remember(turn, trace)


def _asks_for_money(turn: Turn, prepared: Prepared, event: Movement) -> None:
    """Notes that money is asked for by somebody who was stopped at the door: whoever pays may be in after all.

    What the owner's own card or phone asks for meanwhile says nothing about that, though it may be stopped as well.
    """
    here = _place(turn, event)
    is_elsewhere = prepared.whence is Whence.ELSEWHERE and bool(here.device or here.address)
    for each in _in_question(turn):
        is_there = is_elsewhere if each.address == came.NOWHERE else came.is_same_place(each, here)
        is_known = prepared.whence is Whence.DEVICE and not is_with_stranger(turn, prepared)
        is_owners = is_known and each.device != here.device
        if each.stopped and is_there and not is_owners:
            each.spends = True


def _gets_money(turn: Turn, prepared: Prepared, event: Movement) -> None:
    """Notes that money goes from where somebody is doubted who gave no second factor: they are in, whoever they are."""
    here = _place(turn, event)
    is_owners = prepared.whence is Whence.DEVICE and not is_with_stranger(turn, prepared)
    if not (here.device or here.address):
        return
    for each in _in_question(turn):
        is_copied = each.kind == came.SESSION
        if each.doubted and not each.answered and came.is_same_place(each, here) and (is_copied or not is_owners):
            each.spends, each.stopped = True, False


def done(turn: Turn, event: Movement) -> None:
    """What was blocked is carried out all the same: a part of the trail, for a case that opens later."""
    _moved(turn, event, DONE)


def _moved(turn: Turn, event: Movement, text: str) -> None:
    trace = Trace(turn.at_ms, *_named(event), text, event.amount_minor, event.currency)
    if _fresh(turn):
        _remember(turn, trace)
    if _since_change(turn):
        _remember_at_home(turn, trace)
    kept_ms = turn.policy.lateness_s * 1000
    moved = [each for each in turn.obligations.moved if turn.at_ms - each.at_ms <= kept_ms]
    turn.obligations.moved = _newest([*moved, trace])


def changed(turn: Turn, event: Event, text: str, *, doubted: bool = True) -> None:
    """A change of credentials, a bound device or card; or, which says nothing about who is in, a reset asked for.

    A device that is bound after its own second factor is as good or bad as that factor.
    """
    trace = _change(turn, event, text, doubted=doubted)
    if isinstance(event, DeviceBound):
        proofs = [each for each in _came(turn) if each.answered and came.is_same_place(each, trace)]
        if proofs:
            _answer(trace, min(each.answered_ms for each in proofs))
    _remember(turn, trace)


def is_owners_change(turn: Turn, event: CredentialChanged) -> bool:
    """Whether nobody doubts it although it comes from a new place: the check has asked for it."""
    change = _change(turn, event, "", doubted=True)
    if not is_renewed(turn, change):
        return False
    turn.ctx.owners_ms = max(turn.ctx.owners_ms, change.at_ms)
    return True


def is_cure(turn: Turn, prepared: Prepared, event: CredentialChanged) -> bool:
    """Whether the owner sets a new password because somebody else had the old one, and was kept out.

    On a device that the account knew before, while whoever came within `takeover.change_s` was stopped, or asked for a
    second factor and gave none, and did nothing else. What they ask for afterwards makes no takeover of it.
    """
    before = began_within(turn, turn.policy.rules.takeover.change_s)
    if event.reason != "password" or not before or _is_session_stolen(turn):
        return False
    here = _change(turn, event, "", doubted=False)
    strangers = [each for each in before if each.doubted or not came.is_same_place(each, here)]
    is_kept_out = all(each.kind == came.LOGIN and each.asked and not each.answered for each in strangers)
    is_apart = not any(came.is_same_place(each, here) for each in strangers)
    since_ms = min(each.at_ms for each in before) - PROOF_MS
    if not (is_kept_out and is_apart and 0 < met_ms(turn, prepared) < since_ms):
        return False
    turn.ctx.owners_ms = max(turn.ctx.owners_ms, here.at_ms)
    return True


def _change(turn: Turn, event: Event, text: str, *, doubted: bool) -> Trace:
    factor_stays = isinstance(event, CredentialChanged) and event.reason in _NO_FACTORS
    trace = Trace(turn.at_ms, *_named(event), text, doubted=doubted, factor_stays=factor_stays)
    if isinstance(event, Login):
        trace.device, trace.address = hashed(event.device_id), hashed(event.ip)
    return trace


def changed_at_home(turn: Turn, event: CredentialChanged | CardBound | CardUnbound, text: str) -> None:
    """A change that nobody doubts, until its owner does."""
    _remember_at_home(turn, Trace(turn.at_ms, *_named(event), text))


def tells_of_changes(turn: Turn, case: Case) -> bool:
    """Whether `case` tells of a change at home that is remembered."""
    changes = {trace.event_id for trace in _since_change(turn) if trace.currency is None}
    return any(line.event_id in changes for line in case.lines)


def deny_changes(turn: Turn) -> None:
    """The owner has not made the changes at home: they are doubted, and all since the first one is of the trail."""
    obligations = turn.obligations
    known = {(trace.kind, trace.event_id) for trace in _fresh(turn)}
    since = [trace for trace in _since_change(turn) if (trace.kind, trace.event_id) not in known]
    for trace in since:
        trace.doubted = trace.currency is None
    obligations.trail = sorted([*obligations.trail, *since], key=lambda trace: trace.at_ms)
    obligations.trail_dropped += obligations.home_dropped
    _shorten(turn)
    obligations.home_trail, obligations.home_dropped = [], 0


def answered(turn: Turn, event: ChallengePassed) -> None:
    """The second factor that a login was asked for was given: by the same device, or address where one names none."""
    here = _place(turn, event)
    for trace in _asked_for(turn, here):
        _answer(trace, here.at_ms)
    if doubted_since_ms(turn) is not None or any(came.answers(here, trace) for trace in _unproved(turn)):
        here.answered, here.answered_ms = True, here.at_ms
        _keep(turn, [here])
    checked(turn, turn.obligations.proved_ms)


def let_in(turn: Turn, event: ChallengePassed) -> None:
    """A prompt was approved after too many: it answers nothing, but who was stopped at the door may be in now."""
    for trace in _asked_for(turn, _place(turn, event)):
        trace.stopped = False


def _place(turn: Turn, event: Login | Movement) -> Trace:
    """Where an event comes from, to be compared with what the trail has."""
    return Trace(turn.at_ms, *_named(event), "", device=hashed(event.device_id), address=hashed(event.ip))


def _asked_for(turn: Turn, factor: Trace) -> list[Trace]:
    """Who came in from the place of this second factor, about when it was given."""
    entries = [trace for trace in _came(turn) if abs(trace.at_ms - factor.at_ms) <= PROOF_MS]
    return [trace for trace in entries if trace.kind in came.ANSWERABLE and came.answers(factor, trace)]


def checked(turn: Turn, shown_ms: int) -> None:
    """The owner passed a check of face and document at `shown_ms`: that ends the doubts that somebody vouches for.

    The check shows who stood before the camera, and not whose device it is that came in. So a second factor from there
    has to say the same, before or after the check. While a stranger is left whom nobody vouches for, what the owner has
    changed is the owner's all the same.
    """
    if shown_ms <= 0:
        return
    unvouched = unvouched_until(turn, shown_ms)
    if not unvouched:
        turn.obligations.settled_ms = max(turn.obligations.settled_ms, shown_ms)
    if not any(trace.kind == came.CHANGE for trace in unvouched):
        renewed = [each.at_ms for each in _in_question(turn) if each.kind == came.CHANGE and is_renewed(turn, each)]
        turn.ctx.owners_ms = max(turn.ctx.owners_ms, shown_ms, *renewed)


def unvouched_until(turn: Turn, shown_ms: int) -> list[Trace]:
    """Whoever is doubted until then, and has given no second factor that says more."""
    return [trace for trace in came.unvouched(_in_question(turn)) if trace.at_ms <= shown_ms]


def case_of_changes(turn: Turn, unvouched: list[Trace]) -> Case | None:
    """The newest case that tells of one of these changes."""
    changes = {trace.at_ms for trace in unvouched if trace.kind == came.CHANGE}
    cases = reversed(turn.obligations.cases)
    return next((case for case in cases if any(_is_change(line, changes) for line in case.lines)), None)


def _is_change(line: Line, changes: set[int]) -> bool:
    return line.kind == came.CHANGE and line.at_ms in changes


def is_owners(turn: Turn, device: int, address: int = 0) -> bool:
    """Whether a passed check and a second factor say that this place is the owner's, whoever else is doubted."""
    proved_ms, entries = turn.obligations.proved_ms, _in_question(turn)
    is_recent = proved_ms > 0 and turn.at_ms - proved_ms <= turn.policy.cases.trail_s * 1000
    if not is_recent or not (device or address) or _is_session_stolen(turn):
        return False
    here = Trace(turn.at_ms, "", "", "", device=device, address=address)
    is_proved = any(came.is_same_place(proof, here) for proof in came.proofs_of(entries))
    is_doubted = any(came.is_same_place(each, here) for each in came.unvouched(entries))
    return is_proved and not is_doubted and _was_here(turn, here)


def is_proved_place(turn: Turn, login: LoginSucceeded) -> bool:
    """Whether a passed check named its device, or a second factor or a word that counts came from there, within a week.

    What was given before a theft says nothing: the thief may have had it.
    """
    owed, kept_ms = turn.obligations, turn.policy.cases.trail_s * 1000
    here = _place(turn, login)
    is_recent = owed.proved_ms > 0 and turn.at_ms - owed.proved_ms <= kept_ms
    if is_recent and here.device and here.device == owed.proved_device:
        return True
    since_ms = max(owed.unfrozen_ms, owed.fraud_ms, turn.at_ms - kept_ms)
    proofs = came.proofs_of([trace for trace in _came(turn) if trace.at_ms > since_ms])
    return any(came.is_same_place(proof, here) for proof in proofs)


def is_renewed(turn: Turn, change: Trace) -> bool:
    """Whether the owner sets it anew after a check: from where somebody was then, and gave a second factor since.

    Unless somebody else has changed something since, too.
    """
    proved_ms, entries = turn.obligations.proved_ms, _in_question(turn)
    is_soon = proved_ms > 0 and 0 <= change.at_ms - proved_ms <= turn.policy.locks.cooloff_s * 1000
    is_disputed = any(each.kind == came.CHANGE and each.at_ms > proved_ms for each in came.unvouched(entries))
    if not is_soon or is_disputed or not _was_here(turn, change):
        return False
    proofs = [proof for proof in came.proofs_of(entries) if proof.answered_ms > proved_ms]
    return any(came.vouches_for(proof, change) for proof in proofs)


def _was_here(turn: Turn, here: Trace) -> bool:
    """When the check was passed, and on that device if it names one; else it would vouch for others."""
    device = turn.obligations.proved_device
    if device and here.device and here.device != device:
        return False
    return any(came.is_same_place(each, here) for each in _came(turn) if each.at_ms <= turn.obligations.proved_ms)


def was_kept_out(turn: Turn, case: Case) -> bool:
    """Whether everybody of whom `case` tells was stopped at the door, and nobody else is doubted and has not answered.

    A second factor that came all the same says that somebody is in, and so does money that was asked for there.
    """
    about = _told_of(turn, case)
    others = [trace for trace in _in_question(turn) if trace.doubted and not trace.answered]
    is_out = all(each.stopped and not each.answered and not each.spends for each in (*about, *others))
    return bool(about) and not tells_of_money(case) and is_out


def are_kept_out(turn: Turn) -> bool:
    """Whether all who are doubted were stopped at the door, but for those for whom a second factor vouches."""
    strangers = came.unvouched(_in_question(turn))
    return bool(strangers) and all(trace.stopped and not trace.answered for trace in strangers)


def has_answers(turn: Turn, case: Case) -> bool:
    """Whether `case` tells of logins alone, and a second factor vouches for each of them."""
    about, unvouched = _told_of(turn, case), came.unvouched(_came(turn))
    return bool(about) and not tells_of_money(case) and not any(each in unvouched for each in about)


def _told_of(turn: Turn, case: Case) -> list[Trace]:
    told = {(line.kind, line.at_ms) for line in case.lines}
    return [trace for trace in _came(turn) if (trace.kind, trace.at_ms) in told]


def tells_of_money(case: Case) -> bool:
    """Whether somebody has asked for money as well, as `case` says."""
    return bool(case.payment_id) or any(line.amount_minor is not None for line in case.lines)


def was_owner(turn: Turn, case: Case) -> None:
    """A person has found that it was the owner who came in as `case` tells: that is an answer."""
    _vouch(turn, _told(turn, case))


def said_owner(turn: Turn, case: Case | None, hold: Hold | None) -> None:
    """The owner says that it was them: who asked for the payment, or else who came in as the case tells.

    Of logins from several places it is not known which of them is meant, so they stay in question.
    """
    if hold is not None:
        entries = [trace for trace in _came(turn) if trace.kind != came.CHANGE]
        meant = [trace for trace in entries if hold.device and trace.device == hold.device]
    else:
        meant = _told(turn, case) if case is not None else []
    if len({trace.device or trace.address for trace in meant}) == 1:
        _vouch(turn, meant)


def _told(turn: Turn, case: Case) -> list[Trace]:
    events = {line.event_id for line in case.lines}
    return [trace for trace in turn.obligations.trail if trace.asked and trace.event_id in events]


def _vouch(turn: Turn, entries: list[Trace]) -> None:
    for trace in entries:
        _answer(trace, turn.at_ms)
        turn.ctx.vouched_ms.append(trace.at_ms)


def _answer(trace: Trace, at_ms: int) -> None:
    if not trace.answered:
        trace.answered, trace.answered_ms = True, at_ms


def came_in_ms(turn: Turn, case: Case) -> int:
    """Since when somebody else may have been in; where no suspicious login tells, so long before as the policy says."""
    told = [trace.at_ms for trace in _came(turn) if turn.at_ms - trace.at_ms <= _MONTH_MS]
    told += [line.at_ms for line in case.lines if line.kind in _ENTRIES]
    if told:
        return min(told) - PROOF_MS  # the second factor may have been told before the login that it was for
    return min(case.opened_ms, turn.at_ms) - turn.policy.locks.forgets_s * 1000


def is_vouched(turn: Turn, *known_ms: int, asked_ms: int = 0) -> bool:
    """Whether one of these devices says that this is no thief who came in lately; `is_owners` may say it as well.

    `known_ms`: since when the account has known each device; 0: it does not. `asked_ms`: when it was asked for. While
    nobody is doubted everybody is the owner. What came before two people gave the account back, or before a passed
    check where somebody vouched for it (`checked`), is nobody's doubt any more. Where a session is used by somebody who
    did not answer, its device is copied with it and vouches for nothing.
    """
    since_ms = doubted_since_ms(turn)
    if since_ms is None:
        return True
    vouching = (asked_ms,) if _is_session_stolen(turn) else (asked_ms, *known_ms)
    return any(0 < each < since_ms for each in vouching)


def _is_session_stolen(turn: Turn) -> bool:
    return any(trace.doubted and not trace.answered and trace.kind == came.SESSION for trace in _in_question(turn))


def doubted_since_ms(turn: Turn) -> int | None:
    """Since when somebody whom we doubt may have been in, within `cases.trail_s`; None: nobody is doubted."""
    entries = _in_question(turn)
    if not any(trace.doubted for trace in entries):
        return None
    return min(trace.at_ms for trace in entries) - PROOF_MS


def is_answered(turn: Turn, came_ms: int) -> bool:
    """Whether somebody vouches for the login that came then."""
    return any(trace.answered and trace.at_ms == came_ms and trace.kind == came.LOGIN for trace in _came(turn))


def is_unanswered(turn: Turn) -> bool:
    """Whether there is a doubt that no second factor has answered."""
    return any(trace.doubted and not trace.answered for trace in _in_question(turn))


def has_spent(turn: Turn, since_ms: int) -> bool:
    """Whether somebody who is doubted since then gave no second factor, and money went from there all the same.

    An owner with a new phone is doubted too, and answers. Whoever has the second factor as well may be a thief; but
    that is for somebody to say who is known.
    """
    entries = [each for each in _in_question(turn) if each.doubted and not each.answered and each.at_ms > since_ms]
    return any(_is_in(each) for each in entries)


def are_let_nowhere(turn: Turn) -> bool:
    """Whether all who are doubted came with the password alone, and no money has gone from there.

    Also where a score has not stopped them at the door: what they ask for waits for the second factor.
    """
    strangers = came.unvouched(_in_question(turn))
    return bool(strangers) and all(each.kind == came.LOGIN and each.asked and not _is_in(each) for each in strangers)


def _is_in(trace: Trace) -> bool:
    return trace.spends and not trace.stopped


def is_asked_again(turn: Turn, prepared: Prepared) -> bool:
    """Whether money would leave through somebody who came in, was asked for a second factor, and gave none.

    From a device that has logged in, or from where its owner logs in, it is the owner's, unless whoever did not answer
    is there. Who names neither device nor address is whoever logged in last. After `cases.trail_s` only the very place
    from where no second factor came is asked for one, however old that is; where so many came that it is not known any
    more, so is whatever the account has met since. On accounts that were never entered with a device nobody can tell
    one from the other: there the rules judge alone.
    """
    event = prepared.event
    if not isinstance(event, Movement) or isinstance(event, INFLOWS) or prepared.late:
        return False
    unanswered = [trace for trace in _in_question(turn) if trace.asked and not trace.answered]
    unproved = _unproved(turn)
    if not (unanswered or unproved) or prepared.whence is Whence.UNTOLD or status_after(event) != PaymentState.SEEN:
        return False
    if is_with_stranger(turn, prepared):
        return True
    if prepared.whence is Whence.DEVICE:  # a session is copied with its device
        address = hashed(event.ip)
        sessions = [trace.address for trace in unanswered if trace.kind == came.SESSION]
        return (address != 0 and address in sessions) or came.NOWHERE in sessions
    here, is_elsewhere = _place(turn, event), prepared.whence is Whence.ELSEWHERE
    if is_elsewhere and unanswered and not is_of_before(turn, prepared, event):
        return True
    if here.device and any(trace.device == here.device for trace in (*unanswered, *unproved)):
        return True
    anywhere = [trace for trace in unproved if trace.address == came.NOWHERE]
    if anywhere and (is_elsewhere or here.device) and not _is_older(turn, prepared, event, anywhere):
        return True
    return is_elsewhere and any(came.is_same_place(trace, here) for trace in unproved)


def is_with_stranger(turn: Turn, prepared: Prepared) -> bool:
    """Whether it comes from the address of somebody in doubt, where no owner logged in before, whatever it names.

    The id of an owner's device may be copied: that the account has met the network, and no login of this device from
    there waits for its second factor, says that it is the owner, or else a factor that names both. Where the stranger
    leaves out the device that the account always names, what is asked for there without one may be theirs.
    """
    event = prepared.event
    if not isinstance(event, Movement | CredentialChanged) or event.ip is None:
        return False
    lately = _in_question(turn)
    entries = [*lately, *(each for each in _unproved(turn) if each not in lately)]
    doubted = [each for each in came.unvouched(entries) if each.kind == came.LOGIN and not each.answered]
    if not doubted:  # as of nearly every account
        return False
    here = _place(turn, event)
    strangers = [each for each in doubted if each.address == here.address and each.device != (here.device or None)]
    if not strangers or 0 < prepared.login_network_ms < min(each.at_ms for each in strangers):
        return False
    if not here.device:
        return any(each.unnamed for each in strangers)
    own = [each for each in _came(turn) if (each.device, each.address) == (here.device, here.address)]
    if any(each in own for each in came.proofs_of(lately)):
        return False
    if any(each.kind == came.LOGIN and each.doubted and not each.answered for each in own):
        return True
    is_met = prepared.login_network_ms > 0 or (prepared.features is not None and prepared.features.network_new == 0.0)
    return not is_met and any(each in lately for each in strangers)


def is_of_before(turn: Turn, prepared: Prepared, event: Movement) -> bool:
    """Whether the account knows who asks for money, or what for, from payments since before anybody was doubted.

    A device that has paid for longer than a new one, and is not the one in doubt and not where that is: the owner may
    never have logged in there since we listen. Where neither device nor address is named, a card that is held to a
    terminal, or money to somebody who got some before: a subscription goes on, and a thief gains nothing by it.
    """
    strangers = [trace for trace in _in_question(turn) if trace.doubted and not trace.answered]
    return _is_older(turn, prepared, event, strangers)


def _is_older(turn: Turn, prepared: Prepared, event: Movement, strangers: list[Trace]) -> bool:
    features = prepared.features
    if features is None or not strangers or _is_session_stolen(turn):
        return False
    since_ms = min(trace.at_ms for trace in strangers) - round(turn.policy.rules.takeover.device_days * DAY_MS)

    def is_known(age_days: float) -> bool:
        return age_days > 0.0 and prepared.at_ms - round(age_days * DAY_MS) < since_ms

    if event.device_id is not None:
        device, address = hashed(event.device_id), hashed(event.ip)
        is_there = any(trace.device == device or (address and trace.address == address) for trace in strangers)
        return not is_there and is_known(features.device_age_days)
    if event.ip is not None:
        return False
    is_repeated = is_known(receiver_age_days(features))
    if int(features.kind) != PAYMENT:
        return is_repeated
    return is_known(features.card_age_days) and (is_repeated or event.terminal_id is not None)


def strange_since_ms(turn: Turn, device: int, address: int) -> int | None:
    """Since when somebody whom we doubt has been in from this place, within a month; None: nobody there is doubted."""
    if not (device or address):
        return None
    here = Trace(turn.at_ms, "", "", "", device=device, address=address)
    since_ms = max(_settled_ms(turn), turn.at_ms - _MONTH_MS)
    entries = [trace for trace in _came(turn) if trace.at_ms > since_ms and came.is_same_place(trace, here)]
    return min(trace.at_ms for trace in entries) if any(trace.doubted for trace in entries) else None


def is_doubted_since(turn: Turn, since_ms: int) -> bool:
    """Whether somebody whom we doubt came in, or changed something, after `since_ms`."""
    return any(trace.doubted and trace.at_ms > since_ms for trace in _came(turn))


def is_another_in(turn: Turn) -> bool:
    """Whether somebody is doubted who is on none of the devices that nobody doubts any more.

    Who uses a session is on whatever device it was copied from.
    """
    over_ms = _settled_ms(turn)
    devices = {trace.device for trace in _came(turn) if trace.device and trace.at_ms <= over_ms}
    return any(
        trace.doubted and (trace.kind == came.SESSION or trace.device not in devices) for trace in _in_question(turn)
    )


def told_ms(case: Case) -> int:
    """Until when a case tells who came in and what they did: its newest alert, login or change; 0: it tells nothing."""
    return max(case.alerted_ms, max((line.at_ms for line in case.lines if line.kind in _ENTRIES), default=0))


def cleared_ms(turn: Turn) -> int:
    """Until when nothing that came bears out a word of anybody: the owner has passed a check since, or more."""
    return max(_settled_ms(turn), turn.obligations.proved_ms)


def _settled_ms(turn: Turn) -> int:
    """Until when no doubt counts any more.

    Two people gave the account back, its owner passed a check and somebody vouched for who came in, or an analyst found
    that it was the owner.
    """
    return max(turn.obligations.unfrozen_ms, turn.obligations.legit_ms, turn.obligations.settled_ms)


def _in_question(turn: Turn) -> list[Trace]:
    """Who came in and what was changed since then, within `cases.trail_s`."""
    kept_ms, since_ms = turn.policy.cases.trail_s * 1000, _settled_ms(turn)
    return [trace for trace in _came(turn) if trace.at_ms > since_ms and turn.at_ms - trace.at_ms <= kept_ms]


def _came(turn: Turn) -> list[Trace]:
    """Who came in and what was changed, whether the trail still has a line about it or not."""
    return [*turn.obligations.came, *(trace for trace in turn.obligations.trail if trace.currency is None)]


def _unproved(turn: Turn) -> list[Trace]:
    """Logins since the last doubt was settled that were asked for a second factor, and gave none, however old."""
    since_ms = _settled_ms(turn)
    return came.unproved([trace for trace in _came(turn) if trace.at_ms > since_ms])


def began_within(turn: Turn, seconds: int) -> list[Trace]:
    """Who came in and what was changed within the last so many seconds."""
    entries = [trace for trace in _came(turn) if trace.kind != came.FACTOR]
    return [trace for trace in entries if turn.at_ms - trace.at_ms <= seconds * 1000]


def lines(turn: Turn) -> tuple[Line, ...]:
    """How a case begins that says who was in: with the login. What has its turn just now has a line of its own."""
    return tuple(Line(*msgspec.structs.astuple(trace)[:6]) for trace in _fresh(turn) if trace.event_id != turn.cause)


def lay(turn: Turn, case: Case) -> None:
    """Puts all of it on the timeline of `case`; what is there already stays once."""
    for line in lines(turn):
        add_line(turn, case, line)
    moved = (
        sum(trace.currency is not None and trace.text != DONE for trace in turn.obligations.trail)
        + turn.obligations.trail_dropped
    )
    if moved:
        case.counters[SUSPECT_PAYMENTS] = moved


def met_ms(turn: Turn, prepared: Prepared) -> int:
    """Since when the account has known who moves money, from its logins; 0: it does not.

    That is the device, or the network that stands for one. A network counts after as long as a device is new, for no
    trail begins with a login from a new one.
    """
    features, since_ms = prepared.features, prepared.network_since_ms
    if is_with_stranger(turn, prepared):
        return 0
    if since_ms:
        return since_ms + round(turn.policy.rules.takeover.device_days * DAY_MS)
    if features is None or features.device_trusted != 1.0 or features.device_age_days <= 0.0:
        return 0
    return prepared.at_ms - round(features.device_age_days * DAY_MS)


def is_strange(features: Features | None, policy: Policy) -> bool:
    """Whether it comes from a device that an account with a history has only just met."""
    takeover = policy.rules.takeover
    return (
        features is not None and 0.0 <= features.device_age_days <= takeover.device_days and not takeover.cold(features)
    )


def _is_unlike(features: Features | None) -> bool:
    return features is not None and features.login_unlike == 1.0


def _fresh(turn: Turn) -> list[Trace]:
    """The trail from the first entry on that is not too old, or nothing.

    A login or change that was doubted is remembered for as long as the account can forget what it has learned since: a
    thief who was asked for a second factor, and had it, may wait for weeks. Where none came they may wait for longer,
    and stay known without a line.
    """
    obligations, at_ms = turn.obligations, turn.at_ms
    quiet_ms = turn.policy.cases.trail_s * 1000
    doubted_ms = max(quiet_ms, HORIZON_S * 1000)
    for number, trace in enumerate(obligations.trail):
        if trace.currency is None and at_ms - trace.at_ms <= (doubted_ms if trace.doubted else quiet_ms):
            if number:
                old, obligations.trail = obligations.trail[:number], obligations.trail[number:]
                _outlive(turn, old)
            return obligations.trail
    old, obligations.trail, obligations.trail_dropped = obligations.trail, [], 0
    _outlive(turn, old)
    return obligations.trail


def _outlive(turn: Turn, old: list[Trace]) -> None:
    lasting = [trace for trace in old if trace.currency is None and trace.asked and not trace.answered]
    if lasting:
        _keep(turn, lasting)


def _since_change(turn: Turn) -> list[Trace]:
    """What is kept from the first change at home on that is not too old, or nothing."""
    obligations, kept_ms = turn.obligations, turn.policy.cases.trail_s * 1000
    for number, trace in enumerate(obligations.home_trail):
        if trace.currency is None and turn.at_ms - trace.at_ms <= kept_ms:
            if number:
                obligations.home_trail = obligations.home_trail[number:]
            return obligations.home_trail
    obligations.home_trail, obligations.home_dropped = [], 0
    return obligations.home_trail


def _named(event: Event) -> tuple[str, str]:
    return kind_of(event), event.event_id


def _remember(turn: Turn, trace: Trace) -> None:
    turn.obligations.trail = _with(turn, _fresh(turn), trace)
    _shorten(turn)


def _shorten(turn: Turn) -> None:
    """The trail is as long as it may be: movements that go are counted, who came in is remembered elsewhere."""
    obligations = turn.obligations
    gone = _make_room(obligations.trail, TRAIL_BYTES)
    entries = [each for each in gone if each.currency is None]
    obligations.trail_dropped += len(gone) - len(entries)
    if entries:
        _keep(turn, entries)


def _keep(turn: Turn, entries: list[Trace]) -> None:
    turn.obligations.came = came.kept([*turn.obligations.came, *entries], turn.at_ms, _settled_ms(turn))


def _remember_at_home(turn: Turn, trace: Trace) -> None:
    trail = turn.obligations.home_trail = _with(turn, _since_change(turn), trace)
    turn.obligations.home_dropped += sum(each.currency is not None for each in _make_room(trail, HOME_TRAIL_BYTES))


def _with(turn: Turn, trail: list[Trace], trace: Trace) -> list[Trace]:
    """The trail with one more in the order of time, and what was moved since, if it is heard late and is the first."""
    moved = [] if trail and trail[0].at_ms <= trace.at_ms else turn.obligations.moved
    known = {(each.kind, each.event_id) for each in trail}
    since = [each for each in moved if each.at_ms >= trace.at_ms and (each.kind, each.event_id) not in known]
    return sorted([*trail, trace, *since], key=lambda each: each.at_ms)


def _newest(moved: list[Trace]) -> list[Trace]:
    while crowded(moved, MOVED_MAX, MOVED_BYTES):
        moved.pop(0)
    return moved


def _make_room(trail: list[Trace], most_bytes: int) -> list[Trace]:
    """What had to go.

    The first line says how it began. What is left of the others says who came in, what it cost, and that there was
    more.
    """
    gone = []
    while crowded(trail, TRAIL_MAX, most_bytes):
        gone.append(trail.pop(min(range(1, len(trail)), key=lambda number: _worth(trail, number))))
    return gone


def _worth(trail: list[Trace], number: int) -> int:
    """Of two that are worth the same the older one goes."""
    trace = trail[number]
    if trace.currency is not None:
        return 1 if trace.text == Outcome.BLOCK.label else 2
    if not trace.doubted:
        is_again = trace.device != 0 and any(each.device == trace.device for each in trail[:number])
        return 0 if is_again else 3
    return 4 if trace.answered else 5
