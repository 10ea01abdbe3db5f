"""What does PayWarden say about one failed payment: cause, party at fault, who acts, retry advice, safe words?"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from streams.contracts.base import Count, Currency, Id, Instant, Label, Minor, Output, ShortText, Written
from streams.contracts.cases import CustomerText, Priority
from streams.contracts.payments import Code, Codes

FaultParty = Literal["customer", "merchant", "issuer", "network", "platform", "fraud", "payee", "none", "unknown"]
# never: not with this instrument. query_first: the outcome is unknown; ask before anything else, never charge again.
RetryVerdict = Literal["never", "after_fix", "later", "query_first", "step_up", "n/a"]
# How much may be said: everything, the kind of problem, or only that it did not work.
Disclosure = Literal["plain", "category", "generic"]
MoneyState = Literal["not_moved", "unknown", "moved", "moved_partial"]


class RetryAdvice(Written, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """May this be tried again with the same instrument, from when, and how often?"""

    verdict: RetryVerdict
    not_before: Instant | None = None
    until: Instant | None = None
    attempts_left: Count = 0  # automatic ones; 0: only the customer may try again, if the verdict allows it at all
    because: Label = "policy_default"  # network_rule, vendor_doc, policy_default, budget_used, never_list


class Contact(Written, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The official support of a wallet, card network or gateway, as its profile states it; no other may be named."""

    profile: Label
    name_zh: Label
    name_en: Label
    page: ShortText
    phone: Label | None = None


class PaymentTriaged(Output, frozen=True, kw_only=True, tag="payment.triaged.v1", tag_field="type"):
    """The triage of one failed or unknown movement, published once per event that said so."""

    triage_id: Id
    event_id: Id
    account_id: Id
    payment_id: Id
    subject: Label  # payment, transfer, topup, withdrawal, bill, refund
    shadow: bool = False
    cause: Label
    flow: Label  # F01 ..
    decided_by: Code | None = None  # the code that named the cause; absent when none did
    rank: Literal["deployment", "network_advice", "gateway", "iso8583", "none"] = "none"
    codes: Codes = ()
    unknown_codes: Annotated[tuple[Label, ...], Meta(max_length=16)] = ()  # "source code" pairs that no table knows
    fault_party: FaultParty
    who_acts: Label
    queue: Label  # self_service, technical, accounting, policy, security, none
    priority: Priority
    money_state: MoneyState
    health_scope: Label | None = None
    disclosure: Disclosure
    retry: RetryAdvice
    text: CustomerText
    case_id: Id | None = None  # the case that this failure opened or joined; absent: no ticket is needed
    amount_minor: Minor | None = None
    currency: Currency | None = None
    table: Label  # digest of the decline tables and profiles in force
    contact: Contact | None = None  # who can help besides us; absent where no profile speaks for the payment
