"""What does the store keep of an account's payments, logins, ledger entries, decisions and commands?

One short row for each, never the record: what a timeline shows and what links accounts. Rows are kept for `KEPT_MS`, of
each account the newest `PER_ACCOUNT`, and they go with the account when it is erased. Attempts that belong to no
account of ours, decisions to allow and commands that are sent again make no row.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import ActionRequested
from streams.contracts.base import Event, to_ms
from streams.contracts.decisions import DecisionAmended, DecisionMade, Reason
from streams.contracts.registry import tag_of
from streams.contracts.triage import PaymentTriaged
from streams.core.intake.masking import masked
from streams.core.personal import code_text, kind_of

TOPICS: Final = ("payments.transactions", "auth.logins", "ledger.entries", "fraud.decisions", "account.actions")
KEPT_MS: Final = 30 * 86_400_000  # as long as the topics of inputs keep their records
PER_ACCOUNT: Final = 500
# Which column names what of an entity page.
ENTITY_COLUMNS: Final = {
    "ip": "ip",
    "device": "device_id",
    "card": "card_token",
    "payee": "payee_id",
    "merchant": "merchant_id",
}


class Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    """What only some kinds have."""

    event_id: str | None = None  # of a decision or triage: what it is about
    reasons: tuple[Reason, ...] = ()
    rules: tuple[str, ...] = ()
    evidence: dict[str, dict[str, float]] = {}  # what these rules looked at, by rule
    score: float | None = None
    model_id: str | None = None
    scope: str | None = None
    expires_ms: int | None = None
    money_state: str | None = None
    fault_party: str | None = None
    retry: str | None = None
    case_id: str | None = None
    reason: str | None = None  # class of a command about an entity


_NOTHING: Final = Detail()
_encode = msgspec.json.Encoder().encode
decode_detail = msgspec.json.Decoder(Detail).decode


def activity_row(said: Any) -> dict[str, Any] | None:
    """The row of a record; None if none is kept."""
    match said:
        case DecisionMade(outcome="allow"):
            return None
        case DecisionMade():
            detail = Detail(
                event_id=said.event_id,
                reasons=said.reasons,
                rules=tuple(hit.rule for hit in said.hits if not hit.shadow),
                evidence={hit.rule: hit.evidence for hit in said.hits if hit.evidence and not hit.shadow},
                score=said.score,
                model_id=said.model_id,
                expires_ms=None if said.expires_at is None else to_ms(said.expires_at),
            )
            return _row(said, said.decision_id, said.outcome, detail, subject_id=said.subject_id)
        case DecisionAmended():
            return _row(said, f"{said.decision_id}:{said.cause}", said.outcome, subject_id=said.subject_id)
        case PaymentTriaged():
            detail = Detail(
                event_id=said.event_id,
                money_state=said.money_state,
                fault_party=said.fault_party,
                retry=said.retry.verdict,
                case_id=said.case_id,
            )
            return _row(said, said.triage_id, said.cause, detail, subject_id=said.payment_id)
        case ActionRequested():
            if said.attempt > 1:
                return None
            ends_ms = None if said.expires_at is None else to_ms(said.expires_at)
            detail = Detail(
                scope=said.scope,
                expires_ms=ends_ms,
                case_id=said.case_id,
                rules=() if said.rule is None else (said.rule,),
                reason=None if said.entity is None else said.reason_class,
            )
            return _row(said, said.action_id, said.action, detail)
        case LedgerPosted():
            label = said.direction if said.kind == "posting" else said.kind
            return _row(said, said.event_id, label, subject_id=said.payment_id)
        case Event(known=True):
            if not hasattr(said, "ip") and not hasattr(said, "amount_minor"):
                return None  # a watermark, or that the read model lags
            return _row(said, said.event_id, _said_of(said), subject_id=getattr(said, "payment_id", None))
        case _:
            return None


def _said_of(event: Any) -> str | None:
    """Why it failed, or what was changed, in the words of its source."""
    codes = getattr(event, "codes", ())
    if codes:
        # Of the records as they were sent: what is no code, but a card number in its place, is not kept.
        return ", ".join(f"{code_text(each.source)} {code_text(each.code)}" for each in codes)[:64]
    found: str | None = getattr(event, "status", None) or getattr(event, "reason", None)
    # Why money is asked back, customers write in their own words.
    return None if found is None else masked(found).text[:64]


def _id_in(said: Any, field: str) -> str | None:
    """The id, unless a number or an address stands in its place: nobody may look for such a one either."""
    found: str | None = getattr(said, field, None)
    return None if found is None or kind_of(found) is not None else found


def _row(
    said: Any,
    event_id: str,
    label: str | None,
    detail: Detail = _NOTHING,
    *,
    subject_id: str | None = None,
) -> dict[str, Any]:
    return {
        "account_id": said.account_id,
        "at_ms": to_ms(said.occurred_at),
        "event_id": event_id[:128],
        "kind": tag_of(type(said)).rpartition(".")[0],
        "label": label,
        "subject_id": subject_id,
        "amount_minor": getattr(said, "amount_minor", None),
        "currency": getattr(said, "currency", None),
        "merchant_id": getattr(said, "merchant_id", None),
        "payee_id": _id_in(said, "counterparty_id"),
        "card_token": _id_in(said, "card_token"),
        "device_id": _id_in(said, "device_id"),
        "ip": getattr(said, "ip", None),
        "country": getattr(said, "country", None),
        "detail": None if detail is _NOTHING else _encode(detail).decode(),
        "order_id": _id_in(said, "order_id"),
    }
