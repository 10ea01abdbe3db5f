"""When is a customer advised to make the account safer, without being asked (F29)?

When the owner is in on a known device, nothing speaks against the login, and it or the profile shows a gap: a leaked
password, an old app, no second factor. The last one matters right after strangers have guessed at the password, and
where money moves regularly. Once a week at most; what cannot wait (a leaked password, a vulnerable app) follows other
advice all the same, each of the two once a week. Milder advice is within the cap on all advice.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.logins import LoginSucceeded
from streams.core.features import Features
from streams.core.messages.notify import notify
from streams.core.policy import AdvicePolicy
from streams.core.steps import Prepared
from streams.core.turn import Turn

_LEAKED: Final = "advice.password_leaked"
_UPDATE_NOW: Final = "advice.update_now"


def after_login(turn: Turn, prepared: Prepared, login: LoginSucceeded) -> None:
    """A login that nothing speaks against."""
    features = prepared.features
    if features is None or features.login_known != 1.0:
        return
    template = _most_pressing(turn, features, login)
    if template is None or not _is_due(turn, template) or not notify(turn, template, {}):
        return
    obligations = turn.obligations
    if template == _LEAKED:
        obligations.leak_told_ms = turn.at_ms
        obligations.urged = obligations.urged and not _is_time(turn, obligations.advised_ms)
    else:
        obligations.urged = template == _UPDATE_NOW
    obligations.advised_ms = turn.at_ms


def _most_pressing(turn: Turn, features: Features, login: LoginSucceeded) -> str | None:
    policy = turn.policy.advice
    version = login.app_version or turn.obligations.holder.app_version
    if login.password_leaked:
        return _LEAKED
    if version in policy.vulnerable_app_versions:
        return _UPDATE_NOW
    outdated = is_outdated(version, policy.minimum_app_versions)
    if _lacks_second_factor(features, policy):
        return "advice.two_factor_and_update" if outdated else "advice.two_factor"
    return "advice.update" if outdated else None


def _lacks_second_factor(features: Features, policy: AdvicePolicy) -> bool:
    """Whether it is known to be off, and somebody is after the account or there is something to be had."""
    at_risk = features.stranger_failures_1d > 0.0 or features.spend_count_30d >= policy.payments_30d
    return features.two_factor == 0.0 and at_risk


def _is_due(turn: Turn, template: str) -> bool:
    obligations = turn.obligations
    if template == _LEAKED:
        return _is_time(turn, obligations.leak_told_ms)
    return _is_time(turn, obligations.advised_ms) or (template == _UPDATE_NOW and not obligations.urged)


def _is_time(turn: Turn, told_ms: int) -> bool:
    return not told_ms or turn.at_ms - told_ms >= turn.policy.notifications.advised_again_s * 1000


def is_outdated(version: str, minimum: tuple[str, ...]) -> bool:
    """Whether the version is below the minimum of its program; one that is not made of numbers is below none."""
    program, _, numbers = version.rpartition("/")
    own = _numbers(numbers)
    for each in minimum:
        named, _, least = each.rpartition("/")
        if named == program:
            return own is not None and own < (_numbers(least) or ())
    return False


def _numbers(version: str) -> tuple[int, ...] | None:
    """8.4.0 and 8.4 are the same version."""
    parts = version.split(".")
    if not all(part.isascii() and part.isdecimal() for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
