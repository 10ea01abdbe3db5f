"""Which id does a thing get, so that replaying the same events gives the same ids?

An id is a hash of what the thing is about (architecture 11), never a random number or a counter. Each source numbers
its events by itself (CloudEvents 1.0, `id`), and payments are named per account: an event's name has its source in it,
a payment's its account. `origin` is what a thing came from: an event so named, or the name of the timer that fired.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NewType

DecisionId = NewType("DecisionId", str)
CaseId = NewType("CaseId", str)
ActionId = NewType("ActionId", str)
NotificationId = NewType("NotificationId", str)

# RFC 4648 base32 in lower case, two digits per entry: thirteen look-ups per id. base64.b32encode also decodes,
# pads and concatenates bytes, which together cost three times as much on the path of every decision.
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(high + low for high in _DIGITS for low in _DIGITS)
# Parts are joined by a byte that cannot occur in an id, so ("ab", "c") and ("a", "bc") differ.
_SEPARATOR = "\x1f"


def digest(*parts: str) -> str:
    """26 characters of base32: BLAKE2b-128 of `parts`, without padding."""
    raw = blake2b(_SEPARATOR.join(parts).encode(), digest_size=16).digest()
    n = int.from_bytes(raw, "big") << 2  # 128 bits fill 26 digits of 5 bits when 2 zero bits follow
    p = _PAIRS
    # Written out because it is a third faster than a loop, and every event pays for it.
    return (
        f"{p[n >> 120]}{p[n >> 110 & 1023]}{p[n >> 100 & 1023]}{p[n >> 90 & 1023]}{p[n >> 80 & 1023]}"
        f"{p[n >> 70 & 1023]}{p[n >> 60 & 1023]}{p[n >> 50 & 1023]}{p[n >> 40 & 1023]}{p[n >> 30 & 1023]}"
        f"{p[n >> 20 & 1023]}{p[n >> 10 & 1023]}{p[n & 1023]}"
    )


def origin_of(source: str, event_id: str) -> str:
    """An event as other ids name it: two sources may use one id."""
    return f"{source}{_SEPARATOR}{event_id}"


def decision_id(partition: int, account_id: str, origin: str) -> DecisionId:
    """The decision about one event; the partition is embedded so that `explain` reads one partition."""
    return DecisionId(f"dec_{partition:04d}_{digest('decision', account_id, origin)}")


def case_id(cause_family: str, account_id: str, payment_id: str, origin: str) -> CaseId:
    """The case that `origin` opened about an account, or about the money of one of its payments (else empty).

    A case that an account had to forget for want of room is opened by another event, so under another id: versions of
    one id have no holes and never begin again.
    """
    return CaseId("case_" + digest("case", cause_family, account_id, payment_id, origin))


def incident_id(cause_family: str, entity: str, opening: str) -> CaseId:
    """The case about many accounts: an attack on or an outage of `entity`, opened at `opening`."""
    return CaseId("inc_" + digest("incident", cause_family, entity, opening))


def action_id(cause: str, account_id: str, origin: str, action: str = "") -> ActionId:
    """The command that `cause` (a case or a rule) gave about an account because of `origin`.

    `action` tells two commands of the same cause and event apart; a command that is sent again keeps its id.
    """
    return ActionId("act_" + digest("action", cause, account_id, origin, action))


def query_id(account_id: str, payment_id: str, origin: str, attempt: str) -> ActionId:
    """One question to the provider about a payment; a question that is repeated is another `attempt`."""
    return ActionId("act_" + digest("psp_query", account_id, payment_id, origin, attempt))


def cancel_id(account_id: str, payment_id: str, origin: str) -> ActionId:
    """The cancelling of a payment whose outcome nobody knew since `origin`."""
    return ActionId("act_" + digest("psp_cancel", account_id, payment_id, origin))


def refund_id(account_id: str, payment_id: str, line: str) -> str:
    """The refund of one line of the ledger: however often it is wanted, it is the same refund."""
    return "rfd_" + digest("refund", account_id, payment_id, line)


def refund_retry_key(account_id: str, payment_id: str, refund_id: str, attempt: int) -> str:
    """One try to make a refund of the merchant's again; a try that is repeated is the same one."""
    return f"refund-retry:{digest('refund_retry', account_id, payment_id, refund_id)}:{attempt}"


def triage_id(account_id: str, origin: str) -> str:
    """The triage of one failure: one per event of an account."""
    return "trg_" + digest("triage", account_id, origin)


def notification_id(template: str, account_id: str, origin: str, about: str = "") -> NotificationId:
    """The message that `template` makes of `origin` for one account; `about`, what it says, tells several apart."""
    return NotificationId("ntf_" + digest("notification", template, account_id, origin, about))


def exposure_origin(at_ms: int) -> str:
    """What the message comes from that an attacker gave the right password at `at_ms`: the UTC day.

    Accounts, addresses, devices and the site each see a part of an attack, and its cases become one only with time:
    whichever of them tells an owner, it is the same message.
    """
    return f"exposed/{at_ms // 86_400_000}"


def erasure_id(account_id: str, actor: str, asked_at: str) -> str:
    """One request to erase an account: asking again later is another request."""
    return "ers_" + digest("erasure", account_id, actor, asked_at)


def proposal_id(text: str, actor: str, proposed_at: str) -> str:
    """A policy as one person proposed it: proposing the same file again later is another proposal."""
    return "pol_" + digest("policy", text, actor, proposed_at)
