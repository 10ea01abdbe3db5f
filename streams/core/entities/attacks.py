"""Which kinds of attack are there, what are they called, and whose numbers does a case of each follow?

Attacks on logins differ in how they are noticed, and in nothing of what follows: so they are rows here, and the
detectors only look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from streams.core.entities.policies import AttackPolicy
from streams.core.entities.threat import AttackKind, Threat
from streams.core.policy import Policy

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState


def _on_logins(typology: str, section: str = "", *, exposes: bool = True) -> AttackKind:
    return AttackKind(
        typology,
        "credential_attack",
        "F26",
        f"{typology.replace('_', '-')}/02",
        section=section or typology,
        scope="login",
        members="usernames",
        exposes=exposes,
        joins=True,
    )


PASSWORD_SPRAY: Final = _on_logins("password_spray")
BRUTE_FORCE: Final = _on_logins("brute_force")
CREDENTIAL_BURST: Final = _on_logins("credential_burst")
OTP_ABUSE: Final = _on_logins("otp_abuse", exposes=False)
SITE_SPRAY: Final = _on_logins("site_spray", "site_attack")
SLICE_SPRAY: Final = _on_logins("slice_spray", "slice_attack")
CREDENTIAL_STUFFING: Final = _on_logins("credential_stuffing")
GUESS_SPRAY: Final = _on_logins("guess_spray", "guess_attack")
LOW_AND_SLOW: Final = _on_logins("low_and_slow")
CARD_TESTING: Final = AttackKind(
    "card_testing",
    "card_testing",
    "F30",
    "card-testing/02",
    section="card_testing",
    scope="all",
    members="cards",
    joins=True,
)
PROMO_ABUSE: Final = AttackKind(
    "promo_abuse",
    "promo_abuse",
    "F32",
    "promo-abuse/01",
    section="promo_abuse",
    scope="all",
    members="accounts",
    queue="policy",
    priority=3,
)
MERCHANT_REFUNDS: Final = AttackKind(
    "merchant_refunds",
    "refund_abuse",
    "F33",
    "merchant-refunds/01",
    section="merchant_refunds",
    scope="all",
    members="accounts",
    attempts="refunds",
    attempt="refund that is too many",
    refused="without_sale",
    queue="security",
    priority=3,
    is_risk=False,
    closes_open=True,
)

BY_TYPOLOGY: Final = {
    kind.typology: kind
    for kind in (
        PASSWORD_SPRAY,
        BRUTE_FORCE,
        CREDENTIAL_BURST,
        OTP_ABUSE,
        SITE_SPRAY,
        SLICE_SPRAY,
        CREDENTIAL_STUFFING,
        GUESS_SPRAY,
        LOW_AND_SLOW,
        CARD_TESTING,
        PROMO_ABUSE,
        MERCHANT_REFUNDS,
    )
}


def is_contained(typology: str, policy: Policy) -> bool:
    """Whether attacks of this kind are challenged or blocked at their place, and not only recorded."""
    attack = BY_TYPOLOGY.get(typology)
    if attack is None:
        return False
    settings: AttackPolicy = getattr(policy.entities, attack.section)
    return settings.enforced(policy.mode) and settings.containment != "none"


class Watched(Protocol):
    """A part of an entity's state under which an attack may be going on."""

    threat: Threat


def parts_of(state: EntityState) -> tuple[tuple[Watched | None, AttackKind], ...]:
    """The parts of a state that may have a case, and whose numbers the case follows if it does not say."""
    return (
        (state.spray, PASSWORD_SPRAY),
        (state.target, BRUTE_FORCE),
        (state.site, SITE_SPRAY),
        (state.slow, LOW_AND_SLOW),
        (state.testing, CARD_TESTING),
        (state.claims, PROMO_ABUSE),
        (state.trade, MERCHANT_REFUNDS),
    )
