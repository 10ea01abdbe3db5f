"""What does a merchant hear of an incident of its own (F34), and when?

Once when it begins and once when it is over, however often it comes back in between. The first message goes with the
first counts of the case: before that nobody knows the main error.
"""

from __future__ import annotations

from streams.contracts.cases import NotificationRequested
from streams.core.entities.context import EntityContext, reference
from streams.core.entities.notices import may_act, notice
from streams.core.incidents.keys import dimension_of, parts_of
from streams.core.incidents.state import Incident
from streams.core.incidents.transitions import CLOSED, DOWN
from streams.core.messages.render import code_word, method_word
from streams.core.policy import Policy


def is_merchants(root: str) -> bool:
    """Whether an incident with this root is a merchant's own."""
    return dimension_of(root).startswith("merchant")


def parts(root: str) -> tuple[str, str]:
    """The merchant whose incident this is, and the method that fails there; empty: all of them."""
    own, method = parts_of(root) or (root, "")
    return own.partition(":")[2], method.partition(":")[2]


def tell(incident: Incident, at_ms: int, policy: Policy, ctx: EntityContext) -> NotificationRequested | None:
    """The message that is due now, if one is."""
    if not is_merchants(incident.root) or not may_act(not incident.shadow, at_ms, policy, ctx):
        return None
    if incident.state == CLOSED and incident.told_began and not incident.told_over:
        incident.told_over = True
        return _notice("merchant_incident.over", {}, incident, at_ms, policy, ctx)
    if incident.state != DOWN or incident.told_began:
        return None
    if not incident.told_failures or not incident.codes or not incident.attempts:
        return None
    incident.told_began = True
    said, (_, method) = _measured(incident, at_ms), parts(incident.root)
    if not method:
        return _notice("merchant_incident.began", said, incident, at_ms, policy, ctx)
    said = {"method": method_word(method)} | said
    return _notice("merchant_incident.method.began", said, incident, at_ms, policy, ctx)


def _notice(
    template: str, said: dict[str, str], incident: Incident, at_ms: int, policy: Policy, ctx: EntityContext
) -> NotificationRequested:
    merchant, _ = parts(incident.root)
    whom = reference("merchant", merchant)
    return notice(template, whom, incident.incident_id, incident.incident_id, at_ms, policy, ctx, said)


def _measured(incident: Incident, at_ms: int) -> dict[str, str]:
    """Share of attempts that succeed since it went down, how long that is, and the main error."""
    main = min(incident.codes, key=lambda code: (-incident.codes[code], code))
    return {
        "rate": str(100 * (incident.attempts - incident.failed) // incident.attempts),
        "window": str((at_ms - incident.state_ms) // 1000),
        "code": code_word(main),
    }
