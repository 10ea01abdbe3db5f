"""What does a rule answer, and which events may it be asked about?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import msgspec

from streams.contracts import logins, payments
from streams.core.features import Features
from streams.core.sections import Amounts, Count, RuleSection


class Fired(msgspec.Struct, frozen=True, gc=False):
    """The pattern is there, in this band (1 is the mildest), for these reasons and on this evidence.

    The first number of the evidence that is not missing is what was observed for the first reason; `usual`, if it is
    there, is what the customer usually does.
    """

    band: int
    reasons: tuple[str, ...]
    evidence: dict[str, float]


class Quiet(msgspec.Struct, frozen=True, gc=False):
    """The pattern is not there."""


class NotApplicable(msgspec.Struct, frozen=True, gc=False):
    """The question makes no sense here; `why` completes the sentence "not applicable: ..."."""

    why: str


RuleResult: TypeAlias = Fired | Quiet | NotApplicable
# One object for all quiet answers: the common case allocates nothing.
QUIET = Quiet()

# (event, at_ms, features, the rule's own table of the policy) -> RuleResult. Any: each rule narrows the event and the
# table to what it declares; the registry pairs them.
Judge: TypeAlias = Callable[[Any, int, Features, Any], RuleResult]


class Rule(NamedTuple):
    """A registered rule: `slug` on the wire, `section` in the policy file, the events it is asked about."""

    slug: str
    section: str
    judge: Judge
    events: frozenset[type]


# A movement is judged at its first event, whichever that is: systems differ in what they publish.
SPENDING = frozenset(
    {
        payments.PaymentRequested,
        payments.PaymentAuthorized,
        payments.PaymentCaptured,
        payments.PaymentSucceeded,
        payments.PaymentPending,
        payments.PaymentFailed,
        payments.TransferRequested,
        payments.TransferSucceeded,
        payments.TransferFailed,
        payments.WithdrawalRequested,
        payments.WithdrawalSent,
        payments.WithdrawalCredited,
        payments.WithdrawalFailed,
        payments.BillpayRequested,
        payments.BillpayDebited,
        payments.BillpayPosted,
        payments.BillpayFailed,
    }
)
# Money that leaves our reach at once: to another person or to a bank account.
PAYOUTS = frozenset(
    {
        payments.TransferRequested,
        payments.TransferSucceeded,
        payments.WithdrawalRequested,
        payments.WithdrawalSent,
        payments.WithdrawalCredited,
    }
)
TOPUPS = frozenset({payments.TopupRequested, payments.TopupConfirmed, payments.TopupCredited, payments.TopupFailed})
FAILURES = frozenset(
    {
        payments.PaymentFailed,
        payments.TransferFailed,
        payments.TopupFailed,
        payments.WithdrawalFailed,
        payments.BillpayFailed,
    }
)
LOGINS = frozenset({logins.LoginSucceeded, logins.LoginFailed})
ARRIVALS = frozenset({logins.LoginSucceeded})
CHALLENGES = frozenset({logins.ChallengeSent, logins.ChallengePassed, logins.ChallengeFailed})
SESSIONS = frozenset({logins.SessionUsed})
CHANGES = frozenset({logins.CredentialChanged, logins.PasswordResetRequested, logins.DeviceBound})


class WarmSection(RuleSection, frozen=True, kw_only=True):
    """Table of a rule about what is new: everything is new to an account that we have just met, so it waits."""

    warm_events: Count
    warm_days: Count

    def cold(self, features: Features) -> bool:
        """Whether the account is too young to us for the word "new" to mean anything."""
        return features.account_events < self.warm_events or features.observed_days < self.warm_days


COLD = NotApplicable("the account is not warm yet")
NO_AMOUNT = NotApplicable("no amount in a currency that the policy has a rate for")


def band_of(value: float, thresholds: tuple[float, ...]) -> int:
    """How many of the rising thresholds `value` reaches: 0 is none, otherwise the band."""
    band = 0
    for threshold in thresholds:
        if value < threshold:
            break
        band += 1
    return band


def reaches(event: payments.Movement, table: Amounts) -> bool:
    """Whether the amount is at least what the table asks of its currency; False for a currency without amount."""
    least = table.get(event.currency)
    return least is not None and event.amount_minor >= least


def acting_age_days(features: Features) -> float:
    """Days since the device was met that acts, or since the one that must be taken for it; -1 where there is none."""
    return features.device_age_days if features.device_age_days >= 0.0 else features.acting_device_age_days


def minor_of_home(event: payments.Movement, features: Features, home: float) -> float:
    """An amount in major units of the home currency, in minor units of the event's: by the event's own rate.

    Features speak the home currency, policies list amounts by the event's. -1 where the event gives no rate.
    """
    if features.amount <= 0.0 or home < 0.0:
        return -1.0
    return home * event.amount_minor / features.amount
