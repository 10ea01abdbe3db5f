"""What follows when somebody guesses passwords (F20), without locking the owner out?"""

from __future__ import annotations

from streams.core.cases.book import Draft, open_or_join
from streams.core.locks.saga import lock
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.obligations import Case, Line
from streams.core.steps import Prepared
from streams.core.turn import Turn

RULE = "login-failures"


def after_failed_login(turn: Turn, prepared: Prepared) -> None:
    """The door stays closed for unknown devices, longer with each failure; at the top of the ladder a case opens.

    Known devices keep their own counter and are never locked by strangers' guesses: they are asked for a second factor
    by the decision itself.
    """
    features = prepared.features
    if features is None or features.login_known == 1.0:
        return
    if not any(hit.rule.startswith(RULE) and not hit.shadow for hit in prepared.hits):
        return
    failures = int(features.failures_row_unknown)
    policy = turn.policy.locks
    wait_s = max((step.wait_s for step in policy.ladder if failures >= step.failures), default=0)
    if wait_s == 0:
        return
    at_top = failures >= policy.ladder[-1].failures
    case = _standing(turn)
    # Every failure of a long attack must not be a version of a case: the first at the top, then every fiftieth.
    if at_top and (case is None or failures % 50 == 0):
        case = open_or_join(turn, _draft(turn, failures))
    locked = lock(
        turn,
        "lock",
        scope=policy.soft_lock_scope,
        applies_to=policy.soft_lock_applies_to,
        lasts_s=wait_s,
        reason_class="account_protection",
        rule=RULE,
        case=case if at_top else None,
    )
    if locked and at_top and case is not None:
        notify(turn, "account_locked.password", {"until": instant(turn.at_ms + wait_s * 1000)}, case)


def _standing(turn: Turn) -> Case | None:
    since_ms = turn.at_ms - turn.policy.cases.dedupe_window_s * 1000
    for case in turn.obligations.cases:
        if case.family == "ladder" and case.shadow == turn.shadow and case.is_open and case.updated_ms >= since_ms:
            return case
    return None


def _draft(turn: Turn, failures: int) -> Draft:
    return Draft(
        case_type="account_locked.password",
        flow="F20",
        family="ladder",
        queue="security",
        priority=3,
        lines=(Line(turn.at_ms, "login.failed", turn.cause, f"{failures} failed logins in a row by unknown devices"),),
        rules=(RULE,),
        reasons=("R11",),
        counters=(("failures", failures),),
    )
