"""What follows when somebody guesses passwords (F20), without locking the owner out?

Strangers and known devices have a counter each. Waits grow with the failures of one side and hold for that side only.
While strangers wait, the password alone is no use on an unknown device: it is asked for a second factor, which the
owner of a new phone has and a guesser has not. When strangers have failed often, that is so for a day, and because a
guess of the password alone is worth nothing then, strangers cannot bring the password itself down. Only known devices
can (NIST SP 800-63B-4 allows at most 100 failures in a row), or whoever guesses at an account that nobody ever entered.
A network that stands for a device lets its owner in, and neighbours share it: its failures ask for a second factor too.
"""

from __future__ import annotations

from streams.contracts.logins import LoginFailed
from streams.core.cases import counting
from streams.core.cases.book import Draft, add_line, open_or_join, set_status
from streams.core.cases.dialogue import CLOSED, begin_anew
from streams.core.flows import login_help
from streams.core.flows.owners_word import TOLD_AGAIN_MS
from streams.core.locks.saga import LADDER, is_capped, lock
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.obligations import SOFT_LOCKS_MAX, Case, Line
from streams.core.steps import Prepared
from streams.core.turn import Turn
from streams.core.verdict import counted

RULE = "login-failures"


def after_failed_login(turn: Turn, prepared: Prepared, event: LoginFailed) -> None:
    """The side that failed waits, longer each time; at the top of the ladder a case opens.

    Unknown devices wait with the password alone: nobody can keep an owner's new phone out by failing in time.
    """
    features = prepared.features
    if features is None or not prepared.guesses:
        return
    policy = turn.policy.locks
    known = features.login_known == 1.0
    failures = int(features.failures_row_known if known else features.failures_row_unknown)
    if not _speaks(turn, prepared, known):
        return
    by_network = known and event.device_id is None
    _join_attack(turn, prepared)
    nobodys = features.login_familiarity < 0.0  # an account that was never entered has no known device to fall back on
    if ((known and not by_network) or nobodys) and prepared.guesses >= policy.disable_at_failures:
        _disable(turn, prepared.guesses, known, prepared.incident)
        return
    if by_network and prepared.guesses >= policy.strangers_failures:
        _challenge(turn, "known_devices")
        return
    wait_s = max((step.wait_s for step in policy.ladder if failures >= step.failures), default=0)
    if wait_s == 0:
        return
    if not known and features.stranger_failures_1d >= policy.strangers_failures:
        _challenge(turn, "unknown_devices")
        return
    if nobodys and turn.acts and _repeated(turn):
        _disable(turn, failures, known, prepared.incident)
        return
    at_top = failures >= policy.ladder[-1].failures
    case = _standing(turn)
    # Every failure of a long attack must not be a version of a case: the first at the top, then every fiftieth.
    if at_top and (case is None or failures % 50 == 0):
        case = open_or_join(turn, _draft(turn, failures, known, prepared.incident))
    applies_to = "known_devices" if known else policy.soft_lock_applies_to
    asks = by_network or applies_to == "unknown_devices"
    locked = lock(
        turn,
        "step_up" if asks else "lock",
        scope=policy.soft_lock_scope,
        applies_to=applies_to,
        lasts_s=wait_s,
        reason_class="account_protection",
        rule=RULE,
        case=case if at_top else None,
        capped=not asks,  # nobody is kept out, and an attack on many accounts must not use up what known devices need
    )
    if at_top and case is not None and case.family == LADDER:
        _rest_or_wake(turn, case, keeps_out=not asks, locked=locked)
    if locked and known and not by_network and failures == policy.ladder[0].failures:
        login_help.waits(turn)
    if locked and at_top and case is not None and _is_news(turn, case, applies_to):
        template = "account_locked.password" if applies_to == "unknown_devices" else "account_locked.own_device"
        if notify(turn, template, {"until": instant(turn.at_ms + wait_s * 1000)}, case):
            case.waits_told[applies_to] = turn.at_ms


def _rest_or_wake(turn: Turn, case: Case, *, keeps_out: bool, locked: bool) -> None:
    """A wait with the password alone keeps nobody out: its case rests, and closes when nobody has waited for a day.

    Strangers make the wait begin anew as often as they like, on as many accounts as they like, and there is nothing to
    decide about it. A device of the owner's that is kept out, or would be but for a cap, is a person's work.
    """
    if keeps_out:
        if case.status == "auto_answered" and (locked or is_capped(case)):
            set_status(turn, case, "classified")
    elif case.version == 0 or case.talk == CLOSED:
        set_status(turn, case, "auto_answered")
    elif locked and case.status == "auto_answered":
        begin_anew(case)


def _join_attack(turn: Turn, prepared: Prepared) -> None:
    """An attack may be seen only when the account has its case already."""
    case = _standing(turn) if prepared.incident else None
    if case is not None and not case.incident_id:
        case.incident_id = prepared.incident
        add_line(turn, case, Line(turn.at_ms, "joined_incident", turn.cause, f"part of {prepared.incident}"))


def _is_news(turn: Turn, case: Case, applies_to: str) -> bool:
    """Whether the owner has not heard today that this side waits: anybody may fail once an hour, day and night.

    Nor since they were told that a lock is lifted, gave a second factor, or the case had ended.
    """
    told_ms = case.waits_told.get(applies_to, 0)
    return not told_ms or turn.at_ms - told_ms >= TOLD_AGAIN_MS


def _speaks(turn: Turn, prepared: Prepared, known: bool) -> bool:
    """Whether the rule may act. It judges known devices milder than the ladder, which makes them wait all the same."""
    if known:
        rule = turn.policy.rules.login_failures
        in_earnest = turn.shadow or turn.policy.mode == "enforce"
        return rule.enabled and (rule.mode == "enforce" or (rule.mode == "inherit" and in_earnest))
    return any(hit.rule.startswith(RULE) for hit in counted(prepared.hits, turn.policy, turn.shadow))


def _repeated(turn: Turn) -> bool:
    """Whether the ladder was begun too often; a step further up the same ladder is no new beginning."""
    policy = turn.policy.locks
    began = turn.obligations.soft_locks
    longest_ms = policy.ladder[-1].wait_s * 1000
    if not began or turn.at_ms - began[-1] > longest_ms:
        began.append(turn.at_ms)
        del began[:-SOFT_LOCKS_MAX]
    since_ms = turn.at_ms - policy.hard_lock_window_s * 1000
    return sum(at_ms > since_ms for at_ms in began) >= min(policy.hard_lock_soft_locks, SOFT_LOCKS_MAX)


def _challenge(turn: Turn, applies_to: str) -> None:
    lock(
        turn,
        "step_up",
        scope="login",
        applies_to=applies_to,
        lasts_s=turn.policy.locks.strangers_window_s,
        reason_class="account_protection",
        rule=RULE,
        capped=False,  # a second factor keeps no owner out, and an attack on many accounts is when it is needed
    )


def _disable(turn: Turn, failures: int, known: bool, incident_id: str) -> None:
    case = _standing(turn)
    if case is not None and _says_so(turn, case):
        # Whoever goes on guessing must not keep the case changing under the hands of whoever works it.
        counting.count(turn, case, "failures")
    else:
        case = open_or_join(turn, _draft(turn, failures, known, incident_id))
    disabled = lock(
        turn,
        "lock",
        scope="login",
        applies_to="everyone",
        lasts_s=None,
        reason_class="account_protection",
        rule=RULE,
        case=case,
    )
    if case.family == LADDER:
        _rest_or_wake(turn, case, keeps_out=True, locked=disabled)
    if disabled:
        notify(turn, "account_locked.disabled", {}, case)


def _says_so(turn: Turn, case: Case) -> bool:
    """Whether the case tells already that the password is disabled, or would be but for a cap."""
    disabled = any(
        held.action == "lock" and held.applies_to == "everyone" and not held.due_ms for held in turn.obligations.locks
    )
    return disabled or case.counters.get("failures", 0) >= turn.policy.locks.disable_at_failures or is_capped(case)


def _standing(turn: Turn) -> Case | None:
    since_ms = turn.at_ms - turn.policy.cases.dedupe_window_s * 1000
    for case in turn.obligations.cases:
        if case.family == LADDER and case.shadow == turn.shadow and case.is_open and case.updated_ms >= since_ms:
            return case
    return None


def _draft(turn: Turn, failures: int, known: bool, incident_id: str) -> Draft:
    who = "known" if known else "unknown"
    return Draft(
        case_type="account_locked.password",
        flow="F20",
        family=LADDER,
        queue="security",
        priority=3,
        lines=(Line(turn.at_ms, "login.failed", turn.cause, f"{failures} failed logins in a row by {who} devices"),),
        rules=(RULE,),
        reasons=("R11",),
        counters=(("failures", failures),),
        incident_id=incident_id,
    )
