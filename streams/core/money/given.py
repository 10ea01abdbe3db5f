"""How much of a payment has been given back, by whom, and which refunds are counted in it (rule L12)?

Refunds are counted once each, from the first word of them on: by their payment and their id, because merchants number
refunds each for themselves. A credit of the ledger that is none of them is the bank's own (a chargeback), until a
refund is told of that must be it: one from before the credit.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from streams.contracts.accounts import LedgerPosted
from streams.contracts.payments import Refund, RefundCredited
from streams.core.obligations import COUNTED_MAX, GIVEN_MAX
from streams.core.turn import Turn

_KEY, _MINOR, _TIME, _MARK = 5, 6, 5, 6  # bytes
_ROW = _KEY + 3 * _MINOR + _TIME
_MOST = 256**_MINOR - 1  # 2.8e14 minor units; what is more counts as that


class Given(NamedTuple):
    """Of one payment, in one currency."""

    paid_minor: int = 0  # what it took, as its events told; 0: nobody has said
    refunds_minor: int = 0
    bank_minor: int = 0
    bank_s: int = 0  # when the newest of the bank's credits was booked

    @property
    def total_minor(self) -> int:
        return self.refunds_minor + self.bank_minor


def of(turn: Turn, payment_id: str, currency: str) -> Given:
    """What is remembered: of the last `GIVEN_MAX` payments of which anything was given back."""
    row = _rows(turn).get(_key(payment_id, currency))
    return Given() if row is None else _read(row)


def keep(turn: Turn, payment_id: str, currency: str, given: Given) -> None:
    """Remembers it as the newest; nothing of a payment of which nothing is given back."""
    rows, key = _rows(turn), _key(payment_id, currency)
    rows.pop(key, None)
    if given.total_minor > 0:
        minors = (given.paid_minor, given.refunds_minor, given.bank_minor)
        rows[key] = b"".join(min(each, _MOST).to_bytes(_MINOR) for each in minors) + given.bank_s.to_bytes(_TIME)
    turn.obligations.given = b"".join(each + row for each, row in rows.items())[-GIVEN_MAX * _ROW :]


def credited(turn: Turn, event: LedgerPosted, payment_id: str, minor: int) -> None:
    """So much of a credit of the ledger is no refund that anybody has told of, and no debit too many that is undone."""
    row = of(turn, payment_id, event.currency)
    bank_s = max(row.bank_s, turn.at_ms // 1000)
    keep(turn, payment_id, event.currency, row._replace(bank_minor=row.bank_minor + minor, bank_s=bank_s))


def was_none_of_it(turn: Turn, event: LedgerPosted, payment_id: str, minor: int) -> None:
    """So much of a refund has undone a debit that was one too many: it was never part of the payment."""
    row = of(turn, payment_id, event.currency)
    keep(turn, payment_id, event.currency, row._replace(refunds_minor=max(0, row.refunds_minor - minor)))


def refund(turn: Turn, event: Refund, paid_minor: int) -> Given:
    """One more refund; its money may be here already, as a credit of which nobody could say what it is."""
    row = of(turn, event.payment_id, event.currency)
    bank_minor = row.bank_minor
    if bank_minor >= event.amount_minor and _may_be_here(turn, event, row):
        bank_minor -= event.amount_minor
    row = Given(max(row.paid_minor, paid_minor), row.refunds_minor + event.amount_minor, bank_minor, row.bank_s)
    keep(turn, event.payment_id, event.currency, row)
    _mark(turn, "refund", event.payment_id, event.refund_id)
    return row


def is_here_in_lines(turn: Turn, event: Refund) -> bool:
    """Whether just as much was booked, in however many lines, before anybody told what it is. To be asked first."""
    row = of(turn, event.payment_id, event.currency)
    return row.bank_minor == event.amount_minor and turn.at_ms <= (row.bank_s + turn.policy.lateness_s) * 1000


def first_part_minor(turn: Turn, event: Refund) -> int:
    """How much of a refund that has left may have been booked before; from now on it is counted as a part of that."""
    row = of(turn, event.payment_id, event.currency)
    if not row.bank_minor or row.bank_minor >= event.amount_minor or not _may_be_here(turn, event, row):
        return 0
    keep(turn, event.payment_id, event.currency, row._replace(bank_minor=0))
    return row.bank_minor


def came_to_nothing(turn: Turn, event: Refund) -> None:
    """A refund that was counted has failed or was stopped."""
    if _unmark(turn, "refund", event.payment_id, event.refund_id):
        row = of(turn, event.payment_id, event.currency)
        left_minor = max(0, row.refunds_minor - event.amount_minor)
        keep(turn, event.payment_id, event.currency, row._replace(refunds_minor=left_minor))


def is_counted(turn: Turn, payment_id: str, refund_id: str) -> bool:
    """Whether a refund is one of those that were counted lately."""
    return _name("refund", payment_id, refund_id) in _marks(turn)


def intended(turn: Turn, payment_id: str, refund_id: str) -> None:
    """A refund of ours gives back what was never part of its payment: it is not counted."""
    _mark(turn, "ours", payment_id, refund_id)


def is_ours(turn: Turn, payment_id: str, refund_id: str) -> bool:
    """Whether a refund is one of the last that were intended here."""
    return _name("ours", payment_id, refund_id) in _marks(turn)


def of_purchase(turn: Turn, payment_id: str, refund_id: str) -> None:
    """A refund that the customer has asked for or the merchant has approved."""
    _mark(turn, "bought", payment_id, refund_id)


def is_of_purchase(turn: Turn, payment_id: str, refund_id: str) -> bool:
    """Whether a refund is one of the last of those."""
    return _name("bought", payment_id, refund_id) in _marks(turn)


def _may_be_here(turn: Turn, event: Refund, row: Given) -> bool:
    """No credit comes before its refund was approved or sent; that it is there may be told at any time."""
    return isinstance(event, RefundCredited) or turn.at_ms <= (row.bank_s + turn.policy.lateness_s) * 1000


def _rows(turn: Turn) -> dict[bytes, bytes]:
    kept = turn.obligations.given
    return {kept[at : at + _KEY]: kept[at + _KEY : at + _ROW] for at in range(0, len(kept), _ROW)}


def _read(row: bytes) -> Given:
    paid_minor, refunds_minor, bank_minor = (int.from_bytes(row[at : at + _MINOR]) for at in (0, _MINOR, 2 * _MINOR))
    return Given(paid_minor, refunds_minor, bank_minor, int.from_bytes(row[3 * _MINOR :]))


def _key(payment_id: str, currency: str) -> bytes:
    return blake2b(f"{payment_id}\x1f{currency}".encode(), digest_size=_KEY).digest()


def _marks(turn: Turn) -> list[bytes]:
    kept = turn.obligations.counted
    return [kept[at : at + _MARK] for at in range(0, len(kept), _MARK)]


def _mark(turn: Turn, kind: str, payment_id: str, refund_id: str) -> None:
    _unmark(turn, kind, payment_id, refund_id)
    turn.obligations.counted = (turn.obligations.counted + _name(kind, payment_id, refund_id))[-COUNTED_MAX * _MARK :]


def _unmark(turn: Turn, kind: str, payment_id: str, refund_id: str) -> bool:
    marks, name = _marks(turn), _name(kind, payment_id, refund_id)
    turn.obligations.counted = b"".join(each for each in marks if each != name)
    return name in marks


def _name(kind: str, payment_id: str, refund_id: str) -> bytes:
    return blake2b(f"{kind}\x1f{payment_id}\x1f{refund_id}".encode(), digest_size=_MARK).digest()
