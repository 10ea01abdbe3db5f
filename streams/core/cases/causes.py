"""What is a case counted under when somebody asks what goes wrong most: by its cause, and by whose fault it was?

A version tells its cause in words of many kinds: a unified cause of a failed payment, a family with the order or the
article that tells two cases apart, what a person has chosen. Here it is one of few, so that it can label a metric.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from streams.contracts.cases import CaseVersion, RootCause
from streams.contracts.triage import FaultParty
from streams.core.declines.table import packaged
from streams.core.flows.messages import SAID
from streams.core.intake.topics import SCAMMED, TOPICS
from streams.core.risk import ATTACKS, FEED_STALLED, SOCIAL_TOPIC

_OF_FAILURES: Final = packaged().causes
# What the money rules, the locks, the entities and the checks of an integration call what they find, where no customer
# writes about it under the same name.
_FOUND: Final = frozenset(
    (
        *("takeover", "unauthorised", "account_risk", "ladder", "unlock", "lock_not_confirmed", "locks_capped"),
        *("payment_failure", "hold_not_released", "undercharge", "double_benefit", "orphan_debit", "orphan_credit"),
        *("refund_late", "refund_exceeds_payment", "unknown_code", "social", "inquiry.unread"),
        *("integration.orphan_line", "integration.shared_payment_id", "integration.debit_not_compared"),
        *("integration.unrated_currency", "integration.unknown_tariff", "integration.unknown_status"),
        *("outage", "devices_reset", "risky_terminal", FEED_STALLED, SOCIAL_TOPIC),
    )
)
CAUSES: Final = (
    frozenset(name for name, cause in _OF_FAILURES.items() if cause.is_failure)
    | {topic.case_type for topic in (*TOPICS.values(), SCAMMED)}
    | ATTACKS
    | _FOUND
)
_FAULT: Final[Mapping[FaultParty, RootCause]] = {
    "customer": "customer",
    "merchant": "merchant",
    "issuer": "issuer",
    "network": "provider",
    "platform": "platform",
    "fraud": "fraudster",
}
_CHOSEN: Final[frozenset[str]] = frozenset(get_args(RootCause))


def cause_of(case: CaseVersion) -> str:
    """The cause of the failed payment where there is one, else what was found, else what the customer says."""
    if case.root_cause is not None and case.root_cause in _OF_FAILURES:
        return case.root_cause
    return case.case_type if case.cause_family.startswith(SAID) else case.cause_family


def fault_of(case: CaseVersion) -> RootCause:
    """Whose fault it was: as the person said who resolved the case, else as the cause of the failed payment has it."""
    if case.root_cause in _CHOSEN:
        return case.root_cause  # type: ignore[return-value]
    cause = _OF_FAILURES.get(case.root_cause or "")
    return _FAULT.get(cause.fault_party, "unknown") if cause is not None else "unknown"
