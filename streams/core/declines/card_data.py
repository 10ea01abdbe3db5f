"""Does a refusal say that the card's data were guessed or stolen, that the card was not the reason, or neither?"""

from __future__ import annotations

from streams.contracts.base import Event
from streams.contracts.payments import Failure
from streams.contracts.signals import Refusal
from streams.core.declines.resolve import resolve
from streams.core.library import Library

# What an issuer answers when a number was made up or bought. A refusal without a reason (05) is none of them: outages
# and empty accounts look the same.
_BAD_DATA = frozenset(
    {
        "invalid_card_number",
        "incorrect_cvv",
        "expired_card",
        "account_closed_or_invalid",
        "stolen_or_lost_card",
        "pickup_card",
        "suspected_fraud",
        "security_violation",
    }
)
_EXCUSED = frozenset(
    {
        "insufficient_funds",
        "limit_amount_exceeded",
        "limit_count_exceeded",
        "merchant_limit_exceeded",
        "issuer_unavailable",
        "network_timeout",
        "network_error",
        "processing_error",
        "platform_error",
        "rate_limited",
        "cutoff_in_process",
        "merchant_config_error",
        "integration_error",
        "authentication_service_error",
    }
)


def refusal_of_card(event: Event, library: Library) -> Refusal | None:
    """What the codes of a failed card payment say about the card; None: nothing that helps."""
    if not isinstance(event, Failure) or event.method != "card":
        return None
    cause = resolve(library.table, library.profiles, event.codes, event.network).cause.cause
    if cause in _BAD_DATA:
        return "bad_data"
    return "excused" if cause in _EXCUSED else None
