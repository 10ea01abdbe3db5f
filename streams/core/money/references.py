"""Under which numbers does the account remember orders, payees and lines of the ledger?

48 bits of a hash are enough to tell apart the few that one account remembers.
"""

from __future__ import annotations

from hashlib import blake2b

from streams.contracts.accounts import LedgerPosted
from streams.contracts.payments import BillpayRequested, Movement
from streams.core.observations import MOVEMENTS, PAYMENT

_NUMBER_BITS = 48  # of what is remembered of an order; above them is the kind of movement that it is one of


def hashed(reference: str | None) -> int:
    """48 bits of a reference; 0 for none."""
    if reference is None:
        return 0
    return int.from_bytes(blake2b(reference.encode(), digest_size=6).digest(), "big") or 1


def payee_of(event: Movement) -> str | None:
    """Who is paid, of a bill its biller."""
    return event.counterparty_id or event.merchant_id or (event.biller_id if type(event) is BillpayRequested else None)


def order_of(event: Movement) -> int:
    """Which order a movement is of. No payment shares one with a payout, bill, top-up or transfer of the same number.

    Of a payment just the number, as a line of the ledger has it that names no movement.
    """
    number, kind = hashed(event.order_id), MOVEMENTS.get(type(event), PAYMENT)
    return number if not number or kind == PAYMENT else kind << _NUMBER_BITS | number


def number_of(order: int) -> int:
    """The number of an order without the kind of movement that it is one of."""
    return order & (1 << _NUMBER_BITS) - 1


def line_of(event: LedgerPosted) -> int:
    """48 bits of what tells this line of the ledger from all others, whichever event told of it.

    An entry may have several lines, and the entries of two ledgers may have one number.
    """
    about = f"{event.direction} {event.amount_minor} {event.payment_id} {event.order_id}"
    return hashed(f"{event.source} {event.entry_id} {about}")
