"""Security settings or the bound card change: who is told, and what if it may not be the owner (F27, F28)?

The owner hears of every change of a credential (ASVS 5.0, 6.3.7). A change by a device that the account has only just
met, or within a day of a suspicious login, also limits money out for a while and has a case. After a quiet day it
closes by itself; but where there is more than this one change it is the pattern of a takeover (T1) before its payment,
and people look at once.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.logins import CredentialChanged, DeviceBound, PasswordResetRequested
from streams.contracts.payments import CardBound
from streams.core.cases.book import Draft, open_or_join, set_status
from streams.core.cases.timeline import kind_of
from streams.core.flows import trail
from streams.core.flows.fraud_alert import TAKEOVER_FAMILY
from streams.core.locks.saga import lock
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.obligations import Line, Trace
from streams.core.steps import Prepared
from streams.core.turn import Turn

RULE = "security-change"
# What `reason` of a changed credential may say, as messages call it; anything else is "settings".
SETTINGS: Final = frozenset({"password", "phone", "email", "second_factor", "payee"})


def after_change(
    turn: Turn, prepared: Prepared, event: CredentialChanged | DeviceBound | PasswordResetRequested
) -> None:
    """A credential was changed, a device bound, or a reset asked for: the latter two are remembered if suspicious.

    Anybody can ask for a reset of anybody's password. So a request is a line of a trail that has begun, never its
    beginning: else a stranger could have an owner's own change of password, or a word of anybody's, taken for a theft.
    """
    if prepared.late:
        return
    suspicious = bool(_before(turn)) or trail.is_strange(prepared.features, turn.policy)
    if isinstance(event, CredentialChanged):
        what = event.reason if event.reason in SETTINGS else "settings"
        if suspicious:
            _doubt(turn, event, "F28", "security_change", 3, what, f"{what} changed from {event.ip}")
        else:
            notify(turn, "security_change", {"setting": f"setting.{what}"})
    elif isinstance(event, PasswordResetRequested):
        if _before(turn):
            trail.changed(turn, event, f"from {event.ip}", doubted=False)
    elif suspicious:
        trail.changed(turn, event, f"from {event.ip}")


def card_bound(turn: Turn, event: CardBound) -> None:
    """A card was added: within a day of a suspicious login it may be a thief's, to bring money in or out."""
    if _before(turn):
        _doubt(turn, event, "F27", "card_change", 2, "card", "a card was added")


def _doubt(
    turn: Turn, event: CredentialChanged | CardBound, flow: str, case_type: str, priority: int, what: str, text: str
) -> None:
    is_pattern = any(trace.doubted for trace in _before(turn))
    case = open_or_join(
        turn,
        Draft(
            case_type=case_type,
            flow=flow,
            family=TAKEOVER_FAMILY,  # if it becomes one, it is the same case
            queue="security",
            priority=1 if is_pattern else priority,
            lines=(
                *trail.lines(turn),
                Line(turn.at_ms, kind_of(event), turn.cause, text),
            ),
            rules=(RULE,),
        ),
    )
    trail.changed(turn, event, text)
    lasts_s = turn.policy.locks.cooloff_s
    # An analyst's word ends what the case has locked, in whatever order the two are delivered.
    is_owners = case.finding == "false_alarm" and turn.at_ms <= turn.obligations.legit_ms
    limited = not is_owners and lock(
        turn,
        "limit",
        scope="money_out",
        applies_to="everyone",
        lasts_s=lasts_s,
        reason_class="verification_needed",
        rule=RULE,
        case=case,
    )
    parameters = {"setting": f"setting.{what}"}
    if limited:
        told = notify(
            turn, "security_change.limited", parameters | {"until": instant(turn.at_ms + lasts_s * 1000)}, case
        )
    else:
        told = notify(turn, "security_change", parameters, case)
    if is_pattern:
        if case.status == "auto_answered":
            set_status(turn, case, "classified")
    elif case.version == 0 and (told or turn.shadow):
        set_status(turn, case, "auto_answered")


def _before(turn: Turn) -> list[Trace]:
    return trail.began_within(turn, turn.policy.rules.takeover.change_s)
