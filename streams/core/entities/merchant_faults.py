"""What does a merchant hear of single payments that fail by what the merchant has to mend (F05)?

What fails more often than usual is an incident, of which `streams.core.incidents.merchants` tells. A wrong set-up that
few customers meet is none, and yet nobody but the merchant can mend it.
"""

from __future__ import annotations

import msgspec

from streams.contracts.cases import NotificationRequested
from streams.contracts.signals import EntityObserved
from streams.core.entities.context import EntityContext, reference
from streams.core.entities.notices import may_act, notice
from streams.core.library import name_word
from streams.core.messages.render import code_word
from streams.core.policy import Policy


class Faults(msgspec.Struct, array_like=True):
    """When a merchant was last told of each cause: of those that are a merchant's to mend, a handful."""

    told: dict[str, int] = {}


def observe_fault(
    faults: Faults, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[NotificationRequested]:
    """The message to the merchant, unless it has heard of this cause within `merchant_faults.every_s`."""
    settings, cause, code = policy.entities.merchant_faults, signal.cause, signal.code
    is_on = settings.enabled and policy.mode == "enforce"
    if cause is None or code is None or not may_act(is_on, at_ms, policy, ctx):
        return []
    since_ms = at_ms - settings.every_s * 1000
    faults.told = {known: told_ms for known, told_ms in faults.told.items() if told_ms > since_ms}
    if cause in faults.told:
        return []
    faults.told[cause] = at_ms
    said = {"payment": signal.payment_id or "", "cause": name_word(cause), "code": code_word(code)}
    whom = reference(signal.kind, signal.value)
    return [notice("merchant_failure", whom, None, signal.event_id, at_ms, policy, ctx, said)]
