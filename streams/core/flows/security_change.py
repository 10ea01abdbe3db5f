"""Security settings or the bound card change: who is told, and what if it may not be the owner (F27, F28)?

The owner hears of every change of a credential (ASVS 5.0, 6.3.7). A change limits money out for a while and has a case,
so that a single "no, that was not me" freezes the account: whoever holds the owner's own phone is a thief sometimes.
After a quiet day, or a "yes", it closes by itself. A new password on the owner's own device after a stranger was kept
out is what we ask for, and limits nothing. A card that is added or removed has such a case, too, and its limit
is that of the rule `new-card`. By a device that the account has only just met, by none in a network that nobody logged
in from, or within a day of a suspicious login, it is doubted: where there is more than this one change it is the
pattern of a takeover (T1) before its payment, and people look at once. A young account on a device of its
first day is being set up: its owner is told and no more, for any first device is known a minute after its first
login.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.logins import CredentialChanged, DeviceBound, PasswordResetRequested
from streams.contracts.payments import CardBound, CardUnbound
from streams.core.cases.book import Draft, open_or_join, set_status
from streams.core.cases.dialogue import CLOSED
from streams.core.cases.timeline import kind_of
from streams.core.features import Features
from streams.core.flows import trail
from streams.core.flows.fraud_alert import SETTINGS_FAMILY, TAKEOVER_FAMILY, join_signs
from streams.core.locks.saga import lock
from streams.core.messages.notify import notify
from streams.core.messages.render import instant
from streams.core.obligations import Case, Line, Trace
from streams.core.steps import Prepared
from streams.core.turn import Turn

RULE = "security-change"
AT_HOME: Final = "security-change-at-home"
CARD_AT_HOME: Final = "card-change-at-home"
_Card = CardBound | CardUnbound
_CARDS: Final = frozenset({"card.bound", "card.unbound"})
# What `reason` of a changed credential may say, as messages call it; anything else is "settings".
SETTINGS: Final = frozenset({"password", "phone", "email", "second_factor", "payee"})
# Changed as a part of paying: a limit each time would be a limit every day.
_EVERYDAY: Final = frozenset({"payee"})


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
    suspicious = suspicious or trail.is_with_stranger(turn, prepared)
    if isinstance(event, CredentialChanged):
        what = event.reason if event.reason in SETTINGS else "settings"
        text = f"{what} changed from {event.ip}"
        if trail.is_owners_change(turn, event):
            _at_home(turn, event, what, f"{text}, after the owner's check and a second factor from there")
        elif trail.is_cure(turn, prepared, event):
            _at_home(turn, event, what, f"{text}, on a device from before a login that was kept out", limits=False)
        elif suspicious or _is_from_elsewhere(turn, event, prepared):
            _doubt(turn, event, "F28", "security_change", 3, what, text)
        elif _is_established(turn, prepared.features):
            is_named = event.device_id is not None
            _at_home(turn, event, what, f"{text}, on a known device" if is_named else f"{text}, in a known network")
        else:
            notify(turn, "security_change", {"setting": f"setting.{what}"})
    elif isinstance(event, PasswordResetRequested):
        if _before(turn):
            trail.changed(turn, event, f"from {event.ip}", doubted=False)
    elif suspicious:
        trail.changed(turn, event, f"from {event.ip}")


def card_changed(turn: Turn, event: _Card, *, by_stranger: bool) -> None:
    """A card was added or removed: by a stranger, or within a day of a suspicious login, it may be a thief's doing.

    A thief brings money in or out by it. `by_stranger`: from where nobody ever came in.
    """
    text = "a card was added" if isinstance(event, CardBound) else "a card was removed"
    if by_stranger or _before(turn):
        _doubt(turn, event, "F27", "card_change", 2, "card", text)
    else:
        case = _open_at_home(turn, event, text, flow="F27", case_type="card_change", priority=4, rule=CARD_AT_HOME)
        told = not _is_told(turn, case, event) and notify(turn, "card_change", {}, case)
        _rest(turn, case, told=told)


def _at_home(turn: Turn, event: CredentialChanged, what: str, text: str, *, limits: bool = True) -> None:
    """Where the account is at home: nobody is doubted, and the owner can say no to it.

    No cap counts these limits: they follow every such change and are nobody's judgement, and a morning on which many
    customers renew their passwords must not use up what stops thieves. `limits` is false where we have asked for it.
    """
    is_limited = limits and what in turn.policy.locks.limited_settings
    is_limited = is_limited and not (what in _EVERYDAY and _has_changed_lately(turn))
    case = _open_at_home(turn, event, text, flow="F28", case_type="security_change", priority=3, rule=AT_HOME)
    lasts_s = turn.policy.locks.cooloff_s
    limited = is_limited and lock(
        turn,
        "limit",
        scope="money_out",
        applies_to="everyone",
        lasts_s=lasts_s,
        reason_class="account_protection",
        rule=AT_HOME,
        case=case,
        capped=False,
    )
    parameters = {"setting": f"setting.{what}"}
    if limited:
        until = instant(turn.at_ms + lasts_s * 1000)
        told = notify(turn, "security_change.at_home_limited", parameters | {"until": until}, case)
    else:
        told = notify(turn, "security_change.at_home", parameters, case)
    _rest(turn, case, told=told)


def _open_at_home(
    turn: Turn, event: CredentialChanged | _Card, text: str, *, flow: str, case_type: str, priority: int, rule: str
) -> Case:
    case = open_or_join(
        turn,
        Draft(
            case_type=case_type,
            flow=flow,
            family=SETTINGS_FAMILY,
            queue="security",
            priority=priority,
            lines=(Line(turn.at_ms, kind_of(event), turn.cause, text),),
            rules=(rule,),
        ),
    )
    trail.changed_at_home(turn, event, text)
    return case


def _rest(turn: Turn, case: Case, *, told: bool) -> None:
    """Whoever has been told is asked: the case waits for a word."""
    was_over = case.version == 0 or case.talk == CLOSED
    if was_over and (told or turn.shadow):
        set_status(turn, case, "auto_answered")


def _is_from_elsewhere(turn: Turn, event: CredentialChanged, prepared: Prepared) -> bool:
    """Whether it names no device and comes from a network that no login of an account with a history came from.

    Where the network stands for a device, it has to be as old as a device: whoever is in has logged in just before.
    """
    features, takeover = prepared.features, turn.policy.rules.takeover
    if event.device_id is not None or features is None or not _was_entered(features) or takeover.cold(features):
        return False
    known_ms = prepared.at_ms - prepared.network_since_ms
    is_new = prepared.network_since_ms > 0 and known_ms <= takeover.device_days * trail.DAY_MS
    return is_new or features.network_new == 1.0


def _is_established(turn: Turn, features: Features | None) -> bool:
    """Whether somebody known made it, and that means something: account or device is not of today."""
    if features is None or not _was_entered(features):
        return False
    takeover = turn.policy.rules.takeover
    return features.device_age_days > takeover.device_days or not takeover.cold(features)


def _was_entered(features: Features) -> bool:
    """Whether logins tell who is known. Without any nobody can say, and everybody would be a stranger."""
    return features.login_known == 1.0 or features.login_familiarity >= 0.0


def _has_changed_lately(turn: Turn) -> bool:
    """Whether the owner has had the case of a change at home within the joining window, and has not denied it."""
    since_ms = turn.at_ms - turn.policy.cases.dedupe_window_s * 1000
    return any(
        AT_HOME in case.rules and case.family == SETTINGS_FAMILY and case.shadow == turn.shadow
        for case in turn.obligations.cases
        if case.alerted_ms >= since_ms
    )


def _doubt(
    turn: Turn, event: CredentialChanged | _Card, flow: str, case_type: str, priority: int, what: str, text: str
) -> None:
    is_pattern = any(_is_sign(trace, event) for trace in _before(turn))
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
    join_signs(turn, case, event)
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
    is_told = _is_told(turn, case, event)
    if limited:
        told = notify(
            turn, "security_change.limited", parameters | {"until": instant(turn.at_ms + lasts_s * 1000)}, case
        )
    else:
        told = not is_told and notify(turn, "security_change", parameters, case)
    if is_pattern:
        if case.status == "auto_answered":
            set_status(turn, case, "classified")
    elif case.version == 0 and (told or turn.shadow):
        set_status(turn, case, "auto_answered")


def _is_sign(trace: Trace, event: CredentialChanged | _Card) -> bool:
    """Whether what came before makes it the pattern of a takeover.

    A card is changed by removing one and adding another: that is one change. Who gave the second factor and then
    changes a card is an owner with a new phone far more often than a thief.
    """
    if not isinstance(event, _Card):
        return trace.doubted
    return trace.doubted and not trace.answered and trace.kind not in _CARDS


def _is_told(turn: Turn, case: Case, event: CredentialChanged | _Card) -> bool:
    """Whether the owner has just heard of a card; notes that they hear it now. Forty cards are not forty messages."""
    if not isinstance(event, _Card):
        return False
    again_ms = turn.policy.notifications.stopped_again_s * 1000
    if case.card_told_ms and turn.at_ms - case.card_told_ms < again_ms:
        return True
    case.card_told_ms = turn.at_ms
    return False


def _before(turn: Turn) -> list[Trace]:
    return trail.began_within(turn, turn.policy.rules.takeover.change_s)
