"""Is this the owner who speaks, so that an account may be frozen or a payment released on a word?

Only where people are known (`locks.verified_channels`). What comes through any other channel could be anybody's: it
opens a case for a person and asks the owner to say it where people are known. A channel that the policy lists nowhere
is no exception, and is counted: a new form on a web site must not become a way to freeze anybody before somebody has
thought about it.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.accounts import Support
from streams.core.cases.book import add_line, raise_to
from streams.core.cases.dialogue import heard, take_up
from streams.core.flows import trail
from streams.core.locks.account_states import is_frozen
from streams.core.locks.saga import is_held_for, lock
from streams.core.messages.notify import notify
from streams.core.obligations import Case, Line
from streams.core.policy import LocksPolicy
from streams.core.turn import Turn

NOT_FROZEN: Final = "not_frozen"  # line of a case
FROZEN_ALREADY: Final = "frozen_already"  # line of a case
GIVEN_BACK: Final = "not frozen: the account was given back to its owner after this was said"
# A theft stays true however late its report is heard; what is older than this is a history that is read again.
STANDS_S: Final = 7 * 86_400
RISK_FAMILY: Final = "account_risk"  # of cases that say themselves that somebody else may be in (F21)
TOLD_AGAIN_MS: Final = 86_400_000  # about the same, in one case, what anybody may bring about
_SHOWN: Final = 32  # characters of a channel's name in a case


def is_verified(policy: LocksPolicy, channel: str) -> bool:
    """Whether it is known there who speaks."""
    return channel.lower() in policy.verified_channels


def said_where(policy: LocksPolicy, channel: str) -> str:
    """Half a sentence about a channel in which nobody is known, for the people who read the case."""
    known = channel.lower() in policy.unverified_channels
    why = "where nobody checks who writes" if known else "a channel that the policy does not list"
    return f"said in {channel[:_SHOWN]}, {why}"


def note_channel(turn: Turn, event: Support) -> None:
    """Counts a word through a channel that the policy lists neither as verified nor as unverified."""
    locks = turn.policy.locks
    if event.channel.lower() not in (*locks.verified_channels, *locks.unverified_channels):
        turn.ctx.unlisted += 1


def is_believed(turn: Turn, event: Support) -> bool:
    """Whether a word of the owner freezes: it came where people are known, or what happened here says the same.

    Domain F23: at once on a report through a verified channel, or with evidence of risk. Evidence for a word of anybody
    is that somebody got in and asks for money. A login that was let nowhere is none, or whoever has a password could
    have its owner frozen by an e-mail, and so could anybody whose owner once left a code untyped; nor is a doubted
    login whose second factor came, which is an owner with a new phone far more often than a thief. What was before the
    owner passed a check, or got the account back, is over.
    """
    if is_verified(turn.policy.locks, event.channel):
        return True
    since_ms = trail.cleared_ms(turn)
    if trail.has_spent(turn, since_ms):
        return True
    return not trail.are_let_nowhere(turn) and any(
        case.is_open
        and case.family == RISK_FAMILY
        and case.finding == "unset"
        and trail.tells_of_money(case)
        and case.shadow == turn.shadow
        and max(case.opened_ms, case.alerted_ms) > since_ms
        for case in turn.obligations.cases
    )


def tells(turn: Turn, case: Case, event: Support) -> bool:
    """Whether its owner is written to because of this word; notes that it is.

    Where nobody is known once a day for each case, for there anybody may write about anybody as often as they like.
    """
    lately = case.asked_ms > 0 and turn.at_ms - case.asked_ms < TOLD_AGAIN_MS
    if lately and not is_verified(turn.policy.locks, event.channel):
        return False
    case.asked_ms = turn.at_ms
    return True


def wait_for_owner(turn: Turn, case: Case, event: Support) -> None:
    """An urgent case and a question to the owner; money out is paused only where the policy says so.

    Anybody can write there about anybody, so that by itself it must not keep money in: e-mails alone would do so for as
    many accounts as the caps allow.

    The owner is told when money out is paused, and else once a day. Under a freeze nothing is left to wait for.
    """
    locks = turn.policy.locks
    raise_to(turn, case, 1)
    if is_frozen(turn.obligations.locks):
        text = f"the account is frozen already: {said_where(locks, event.channel)}"
        add_line(turn, case, Line(turn.at_ms, FROZEN_ALREADY, turn.cause, text))
        return
    _take_to_people(turn, case)
    proved_ms = turn.obligations.proved_ms
    if proved_ms > 0 and turn.at_ms - proved_ms <= turn.policy.cases.trail_s * 1000:
        # Else whoever writes every day would keep an owner's money in for ever.
        text = f"nothing is locked: {said_where(locks, event.channel)}, and the owner has lately proved who it is"
        add_line(turn, case, Line(turn.at_ms, NOT_FROZEN, turn.cause, text))
        return
    text = f"not frozen: {said_where(locks, event.channel)}; ask the owner through another one"
    add_line(turn, case, Line(turn.at_ms, NOT_FROZEN, turn.cause, text))
    scope, applies_to, paused = "money_out", "everyone", False
    if locks.unverified_report == "restrict":
        stood = is_held_for(turn, case, "restrict", scope, applies_to)
        locked = lock(
            turn,
            "restrict",
            scope=scope,
            applies_to=applies_to,
            lasts_s=locks.restrict_s,
            reason_class="verification_needed",
            rule="reported_unverified",
            case=case,
        )
        paused = locked and not stood
    if tells(turn, case, event) or paused:
        template = "account_takeover.paused" if paused else "account_takeover.unverified"
        notify(turn, template, {"case_id": case.case_id}, case)


def _take_to_people(turn: Turn, case: Case) -> None:
    """Somebody has to look at it, whatever has answered or ended it before."""
    if case.is_open:
        heard(turn, case)
    else:
        take_up(turn, case)
