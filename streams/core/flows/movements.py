"""Which events begin a decision, and what does an event say about the state of its payment?"""

from __future__ import annotations

from streams.contracts import logins, payments
from streams.contracts.base import Event
from streams.contracts.payments import Movement
from streams.core.obligations import PaymentState
from streams.core.observations import BILL, MOVEMENTS, PAYMENT, REFUSALS, TOPUP, TRANSFER, WITHDRAWAL

_NAMES = {PAYMENT: "payment", TRANSFER: "transfer", WITHDRAWAL: "withdrawal", TOPUP: "topup", BILL: "bill"}

# What a decision would be about. Every event of a movement's life may be the first that we see of it.
SUBJECTS: dict[type[Event], str] = {
    **{kind: _NAMES[movement] for kind, movement in MOVEMENTS.items()},
    logins.LoginSucceeded: "login",
    logins.LoginFailed: "login",
    logins.ChallengeSent: "challenge",
    logins.ChallengePassed: "challenge",
    logins.ChallengeFailed: "challenge",
    logins.CredentialChanged: "credential",
    logins.PasswordResetRequested: "credential",
    logins.DeviceBound: "credential",
    logins.SessionUsed: "session",
}
# A debit of these must be followed by success (rule L1). Withdrawals, top-ups and bills have rules of their own.
WATCHED = frozenset({"payment", "transfer"})
# After these somebody has to answer; silence means that the outcome is unknown.
REQUESTS = frozenset({payments.PaymentRequested, payments.TransferRequested})
# With these a customer tries to move money.
TRIES = REQUESTS | {payments.WithdrawalRequested, payments.TopupRequested, payments.BillpayRequested}
# Decided about only when a rule fires: nobody waits for an answer to these.
BY_RULE_ONLY = frozenset({"challenge", "credential", "session"})
AT_THE_DOOR = frozenset({"login", "challenge", "credential", "session"})

STATUS: dict[type[Event], int] = {
    **dict.fromkeys(REFUSALS, PaymentState.FAILED),
    payments.WithdrawalReturned: PaymentState.FAILED,
    payments.PaymentCaptured: PaymentState.SUCCEEDED,
    payments.PaymentSucceeded: PaymentState.SUCCEEDED,
    payments.TransferSucceeded: PaymentState.SUCCEEDED,
    payments.WithdrawalCredited: PaymentState.SUCCEEDED,
    payments.TopupCredited: PaymentState.SUCCEEDED,
    payments.BillpayPosted: PaymentState.SUCCEEDED,
    payments.PaymentReversed: PaymentState.REVERSED,
    payments.TransferReversed: PaymentState.REVERSED,
}
_BY_ANSWER = {
    "succeeded": PaymentState.SUCCEEDED,
    "failed": PaymentState.FAILED,
    "not_found": PaymentState.FAILED,
}
# What a provider may answer; any other word is no answer.
ANSWERS = frozenset({*_BY_ANSWER, "pending"})


def is_unread(event: Movement) -> bool:
    """Whether the provider has answered with a word that nobody here understands: who knows what it means?"""
    return type(event) is payments.PspStatus and event.status not in ANSWERS


def is_firm(event: Movement) -> bool:
    """Whether a final word is somebody's who knows the payment; a provider that does not find it knows nothing."""
    return not (type(event) is payments.PspStatus and event.status == "not_found")


def status_after(event: Movement) -> int:
    """What the event says: seen, succeeded, failed or reversed."""
    if type(event) is payments.PspStatus:
        return _BY_ANSWER.get(event.status, PaymentState.SEEN)
    return STATUS.get(type(event), PaymentState.SEEN)
