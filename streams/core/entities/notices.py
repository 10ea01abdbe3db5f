"""What do people outside hear of what was found out about an entity, and when are they told nothing?"""

from __future__ import annotations

from collections.abc import Mapping

from streams.contracts.base import from_ms
from streams.contracts.cases import NotificationRequested
from streams.core.entities.context import EntityContext
from streams.core.ids import notification_id
from streams.core.messages.render import render
from streams.core.policy import Policy


def notice(
    template: str,
    whom: str,
    case_id: str | None,
    origin: str,
    at_ms: int,
    policy: Policy,
    ctx: EntityContext,
    parameters: Mapping[str, str] | None = None,
) -> NotificationRequested:
    """A message to an account, or to a merchant by its reference. `origin` makes its id."""
    said = dict(parameters or {})
    text = render(template, said, policy.default_time_zone, ctx.messages)
    return NotificationRequested(
        occurred_at=from_ms(at_ms),
        notification_id=notification_id(template, whom, origin),
        account_id=whom,
        template=template,
        parameters=said,
        zh=text.zh,
        en=text.en,
        not_after=from_ms(at_ms + policy.notifications.not_after_s * 1000),
        case_id=case_id,
    )


def may_act(enforced: bool, at_ms: int, policy: Policy, ctx: EntityContext) -> bool:
    """Nothing is sent in mode observe, nor for what happened too long ago: a backfill blocks nobody."""
    return enforced and ctx.now_ms - at_ms <= policy.max_effect_age_s * 1000
