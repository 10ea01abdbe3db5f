"""What follows when the right password came from where the owner never is, and a second factor is not enough?

A second factor can be stolen with the password. So a login of the second band leaves money out limited for a while,
however it answers the challenge, and the owner is told (ASVS 6.3.5). The third band is F21: see `fraud_alert`.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.cases import CaseVersion, Entities, Evidence
from streams.core.ids import incident_id
from streams.core.locks.saga import lock
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.steps import Prepared
from streams.core.turn import Turn

LOGIN_RISK = "login-risk"
DEVICES_RESET: Final = "devices_reset"  # type, family and line of the case about a release
_LIMITS = f"{LOGIN_RISK}/02"


def after_login(turn: Turn, prepared: Prepared) -> None:
    """Limits money out for the time of `locks.cooloff_s` after a login of the second band."""
    if not any(hit.rule == _LIMITS and not hit.shadow for hit in prepared.hits):
        return
    turn.moves("doubted", "rules")
    limited = lock(
        turn,
        "limit",
        scope="money_out",
        applies_to="everyone",
        lasts_s=turn.policy.locks.cooloff_s,
        reason_class="verification_needed",
        rule=LOGIN_RISK,
    )
    if limited:
        notify(turn, "fraud_alert.login", {"time": instant(turn.at_ms)}, None)


def after_release(turn: Turn, prepared: Prepared) -> None:
    """One case for the technical queue, whichever partition sees it first: the id is the version's and the week's."""
    policy = turn.policy.rules.login_risk
    week = turn.at_ms // (policy.release_s * 1000)
    subject = f"app_version/{prepared.release}"
    text = f"{prepared.release} gives customers at home new device ids: no second factor for that alone until then"
    turn.effects.append(
        CaseVersion(
            occurred_at=turn.at,
            case_id=incident_id(DEVICES_RESET, subject, str(week)),
            version=1,
            changed=("opened",),
            case_type=DEVICES_RESET,
            flow="F35",
            cause_family=DEVICES_RESET,
            shadow=turn.shadow,
            queue="technical",
            priority="P2",
            subject=subject,
            entities=Entities(entity=subject),
            rules=(LOGIN_RISK,),
            evidence=(Evidence(at=turn.at, kind=DEVICES_RESET, event_id=turn.cause, text=text),),
            counters={"accounts": policy.release_accounts},
            created_at=turn.at,
            detected_at=turn.at,
        )
    )
