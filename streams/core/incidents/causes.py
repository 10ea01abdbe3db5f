"""Whose fault is a failure as far as outages are concerned: the channel's, the merchant's, or nobody's?

Only channel and merchant failures count as failures of health keys. Empty accounts, refusals without a reason,
suspicion of fraud and failed authentication rise for reasons of their own (payday, an issuer's new rule, card testing,
a broken authentication service) and have meters of their own, so that payday pages nobody.
"""

from __future__ import annotations

from typing import Literal

from streams.contracts.payments import Codes
from streams.core.declines.resolve import resolve
from streams.core.library import Library

Group = Literal["channel", "merchant", "funds", "refusal", "fraud", "authentication", "customer"]
# In the order in which a bucket counts them.
METERED: tuple[Group, ...] = ("funds", "refusal", "fraud", "authentication")

_GROUPS: dict[str, Group] = {
    "insufficient_funds": "funds",
    "retry_later_advised": "funds",
    "do_not_honor": "refusal",
    "generic_decline": "refusal",
    "issuer_policy": "refusal",
    "call_issuer": "refusal",
    "suspected_fraud": "fraud",
    "stolen_or_lost_card": "fraud",
    "pickup_card": "fraud",
    "security_violation": "fraud",
    "authentication_required": "authentication",
    "authentication_failed": "authentication",
    "authentication_service_error": "authentication",
}
_CHANNEL = frozenset({"issuer", "gateway", "network", "platform"})


def group_of_cause(cause: str, health_scope: str) -> Group:
    """The group of a unified cause with its health scope (domain 2.2)."""
    group = _GROUPS.get(cause)
    if group is not None:
        return group
    if health_scope in _CHANNEL:
        return "channel"
    return "merchant" if health_scope == "merchant" else "customer"


def group_of_codes(codes: Codes, network: str | None, library: Library) -> Group:
    """The group of a failure by its codes; a failure without a code that is known is the gateway's."""
    cause = resolve(library.table, library.profiles, codes, network).cause
    return group_of_cause(cause.cause, cause.health_scope or "")
