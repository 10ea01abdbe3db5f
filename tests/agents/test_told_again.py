"""Which message is another one told again, and which only looks like it?"""

from __future__ import annotations

from support.happenings import NOON, event
from support.scenes import enforcing

from streams.app import accounts_logic
from streams.contracts.accounts import LedgerPosted
from streams.contracts.base import Event
from streams.contracts.registry import encode
from streams.runtime.logic import Incoming, Record


def test_two_sources_may_number_their_events_alike() -> None:
    logic = accounts_logic(enforcing())

    def known_as(happening: Event) -> int:
        incoming = logic.read(Record("ledger.entries", 0, 0, NOON, b"a1", encode(happening)))
        assert isinstance(incoming, Incoming)
        return incoming.dedupe

    line = {"entry_id": "l1", "direction": "debit", "amount_minor": 1000, "currency": "EUR", "payment_id": "p1"}
    wallet, bonus = (event(LedgerPosted, NOON, 1, source=source, **line) for source in ("wallet", "bonus"))
    assert known_as(wallet) == known_as(wallet) != known_as(bonus)
