"""Since when does the account know whoever is to get the money, as the features tell it?"""

from __future__ import annotations

from streams.core.features.catalogue import MISSING, Features
from streams.core.observations import BILL, OUTGOING, TRANSFER, WITHDRAWAL

# Money that names nobody: a site may leave out the shop of a payment, but money that goes to people goes somewhere.
_TO_SOMEBODY = frozenset((TRANSFER, WITHDRAWAL, BILL))


def receiver_age_days(features: Features) -> float:
    """Days since money first went to its payee, else its shop or biller, else since the card of a withdrawal was met.

    0 for who is new, and for money that names nobody; missing (-1) for money that does not leave.
    """
    kind = int(features.kind)
    if kind not in OUTGOING:
        return MISSING
    if features.payee_new >= 0.0:
        return 0.0 if features.payee_new == 1.0 else features.payee_age_days
    if features.merchant_new >= 0.0:
        return 0.0 if features.merchant_new == 1.0 else features.merchant_age_days
    if kind == WITHDRAWAL and features.card_new == 0.0:
        return features.card_age_days
    return 0.0


def payee_age_days(features: Features) -> float:
    """The same of money that goes to people or away from the wallet; missing (-1) for what is paid in shops."""
    is_out = int(features.kind) in _TO_SOMEBODY and features.merchant_new < 0.0
    return receiver_age_days(features) if features.payee_new >= 0.0 or is_out else MISSING
