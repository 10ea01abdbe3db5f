"""How does a test write down what happened to an account in one line?"""

from __future__ import annotations

from typing import Any

from streams.contracts import accounts, logins, payments
from streams.contracts.base import Event, from_ms, to_ms
from streams.core.features import Features, features_of
from streams.core.observations import DEFAULT_BASIS, Basis, Observations, fold
from streams.core.risk import RiskView, no_risk

NOON = 1_775_044_800_000  # Wednesday 2026-04-01T12:00:00Z
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


def event(kind: type[Event], at_ms: int, number: int | str, /, **fields: Any) -> Event:
    """An event of `kind` with the envelope filled in."""
    known = {"event_id": f"{kind.__name__}-{number}", "source": "test", "account_id": "a1"}
    return kind(**known | {"occurred_at": from_ms(at_ms)} | fields)


def paid(
    at_ms: int, number: int | str, amount_minor: int = 1000, kind: Any = payments.PaymentSucceeded, **fields: Any
) -> Event:
    """A movement; by default a payment that succeeded at once, in euros."""
    given = {"payment_id": f"p{number}", "amount_minor": amount_minor, "currency": "EUR"}
    return event(kind, at_ms, number, **given | fields)


def login(at_ms: int, number: int | str, kind: Any = logins.LoginFailed, **fields: Any) -> Event:
    """Something at the door; by default a failed login from 203.0.113.7."""
    return event(kind, at_ms, number, **{"ip": "203.0.113.7"} | fields)


def label(at_ms: int, payment_id: str, subject_at_ms: int, verdict: str = "fraud") -> Event:
    """A label that arrives at `at_ms` about a payment of `subject_at_ms`."""
    about = {"subject_id": payment_id, "subject_occurred_at": from_ms(subject_at_ms), "label_source": "chargeback"}
    return event(accounts.LabelRecorded, at_ms, payment_id, verdict=verdict, **about)


class Account:
    """One account under test: features, then fold, as the pipeline does."""

    def __init__(self, basis: Basis = DEFAULT_BASIS, risk: RiskView = no_risk) -> None:
        self.observations = Observations()
        self.basis = basis
        self.risk = risk

    def see(self, happening: Event, late: bool = False) -> Features:
        """The features of `happening`, which is then remembered."""
        features = self.look(happening)
        fold(self.observations, happening, to_ms(happening.occurred_at), late, self.basis)
        return features

    def look(self, happening: Event) -> Features:
        """The features of `happening`, without remembering it."""
        return features_of(self.observations, happening, to_ms(happening.occurred_at), self.risk, self.basis)
