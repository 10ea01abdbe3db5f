"""May this message be sent to this customer now, and what exactly is sent?"""

from __future__ import annotations

from collections.abc import Mapping

from streams.contracts.base import from_ms
from streams.contracts.cases import CustomerText, NotificationRequested
from streams.core import ids, local_time
from streams.core.cases import clocks
from streams.core.messages.render import render
from streams.core.obligations import NOTICES_MAX, Case
from streams.core.turn import Turn

WEEK_MS = 604_800_000
MERCHANT = "merchant/"  # before the id of a merchant, where others have an account
_URGENT = 2  # P1 and P2


def notify(
    turn: Turn,
    template: str,
    parameters: dict[str, str],
    case: Case | None = None,
    *,
    aside: bool = False,
    origin: str = "",
) -> bool:
    """Puts the text on its case, for whoever talks to the customer, and where the turn may act on its way.

    What is said `aside` leaves the case the text that it has. `origin` names what the message comes from if others may
    send the same one; else it is the event or timer. True: it is on its way.
    """
    if case is not None and not aside:
        case.template, case.parameters = template, parameters
    if not turn.may("notification"):
        return False
    if not _within_cap(turn, template):
        turn.ctx.withheld.append(("notification", "capped"))
        return False
    if case is not None:
        clocks.told(case, turn.at_ms)
        turn.change(case, f"message {template}")
    text = told(turn, template, parameters)
    _send(turn, turn.ctx.account_id, origin or turn.origin, template, parameters, text, case)
    return True


def notify_merchant(
    turn: Turn, merchant_id: str, template: str, parameters: dict[str, str], case: Case | None = None
) -> bool:
    """A message to a merchant, where the turn may act. True: it is on its way."""
    if not turn.may("notification"):
        return False
    whom = MERCHANT + merchant_id
    text = render(template, parameters, turn.policy.default_time_zone, turn.ctx.library.messages)
    _send(turn, whom, turn.origin, template, parameters, text, case)
    return True


def _send(
    turn: Turn,
    whom: str,
    origin: str,
    template: str,
    parameters: dict[str, str],
    text: CustomerText,
    case: Case | None,
) -> None:
    turn.effects.append(
        NotificationRequested(
            occurred_at=turn.at,
            notification_id=ids.notification_id(template, whom, origin, "/".join(parameters.values())),
            account_id=whom,
            template=template,
            parameters=parameters,
            zh=text.zh,
            en=text.en,
            not_after=from_ms(turn.at_ms + turn.policy.notifications.not_after_s * 1000),
            case_id=case.case_id if case is not None else None,
            texts=text.texts,
        )
    )


def told(turn: Turn, template: str, parameters: Mapping[str, str]) -> CustomerText:
    """The texts of a message for the owner of this account."""
    return render(template, parameters, zone_of(turn), turn.ctx.library.messages, turn.obligations.holder.language)


def zone_of(turn: Turn) -> str:
    """Profile, else the policy's default."""
    return turn.obligations.holder.time_zone or turn.policy.default_time_zone


def after_quiet_ms(turn: Turn, case: Case, at_ms: int) -> int:
    """When the customer may be told what can wait: `at_ms`, or the end of the quiet hours that it lies in.

    What is urgent and about the customer's safety knows none (domain 7).
    """
    if case.queue == "security" and case.priority <= _URGENT:
        return at_ms
    policy = turn.policy.notifications
    return local_time.after_quiet_ms(at_ms, zone_of(turn), policy.quiet_from_hour, policy.quiet_until_hour)


def _within_cap(turn: Turn, template: str) -> bool:
    """Advice is capped per week; what concerns money or a lock is always said."""
    if turn.ctx.library.messages.template[template].kind != "advice":
        return True
    recent = [sent_ms for sent_ms in turn.obligations.notices if sent_ms > turn.at_ms - WEEK_MS]
    allowed = len(recent) < min(turn.policy.notifications.weekly_cap, NOTICES_MAX)
    if allowed:
        recent.append(turn.at_ms)
    turn.obligations.notices = recent
    return allowed
