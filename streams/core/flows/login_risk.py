"""What follows when the right password came from where the owner never is, and a second factor is not enough?

A second factor can be stolen with the password. So a login of the second band leaves money out limited for a while,
however it answers the challenge, and the owner is told (ASVS 6.3.5). The third band is F21: see `fraud_alert`.
"""

from __future__ import annotations

from streams.core.locks.saga import lock
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.steps import Prepared
from streams.core.turn import Turn
from streams.core.verdict import counted

LOGIN_RISK = "login-risk"
_LIMITS = f"{LOGIN_RISK}/02"


def after_login(turn: Turn, prepared: Prepared) -> None:
    """Limits money out for the time of `locks.cooloff_s` after a login of the second band."""
    if not any(hit.rule == _LIMITS for hit in counted(prepared.hits, turn.policy, turn.shadow)):
        return
    turn.moves("doubted", "rules")
    lasts_s = turn.policy.locks.cooloff_s
    limited = lock(
        turn,
        "limit",
        scope="money_out",
        applies_to="everyone",
        lasts_s=lasts_s,
        reason_class="verification_needed",
        rule=LOGIN_RISK,
    )
    if limited:
        about = {"time": instant(turn.at_ms), "until": instant(turn.at_ms + lasts_s * 1000)}
        notify(turn, "fraud_alert.login_limited", about, None)
