"""More debits at once than an account remembers: is nothing given back that was not owed, and nothing forgotten?

The bank, the provider and the ledger of this test share no code with what is tested.
"""

from __future__ import annotations

import heapq
from itertools import count
from random import Random
from typing import Any

import pytest
from support.happenings import HOUR, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import PspQuery, RefundCancelled, RefundIntended
from streams.contracts.base import Event, Watermark, to_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import PaymentFailed, PaymentRequested, PaymentSucceeded, PspStatus
from streams.core.steps import Effect

ENDINGS = ("good", "failed", "returned", "late_good")
ANSWERS = {"good": "succeeded", "failed": "failed", "returned": "failed", "late_good": "pending"}
OVER = ("resolved", "withdrawn", "closed", "surveyed")
SUM: dict[str, Any] = {"amount_minor": 1000, "currency": "CNY"}


class Town:
    """One customer, whose five to fifteen payments end in one of four ways within a few minutes."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.player = Player(policy())
        self.effects: list[Effect] = []
        self.books: dict[str, int] = {}  # what the ledger holds of each payment
        self.endings: dict[str, str] = {}
        self._numbers = count()
        self._ahead: list[tuple[int, int, Event]] = []
        for number in range(self.rng.randrange(5, 16)):
            self._pay(f"p{number}")
        for at_ms in (*range(NOON + 30 * SECOND, NOON + HOUR, 30 * SECOND), NOON + 2 * HOUR):
            self._later(event(Watermark, at_ms, at_ms, account_id="-"))

    def _pay(self, payment_id: str) -> None:
        rng, ending = self.rng, self.rng.choice(ENDINGS)
        self.endings[payment_id], self.books[payment_id] = ending, 0
        asked_ms = NOON + rng.randrange(40) * SECOND
        debited_ms = asked_ms + rng.randrange(1, 40) * SECOND
        self._say(PaymentRequested, asked_ms, payment_id)
        self._book("debit", debited_ms, payment_id)
        self._say(
            PaymentSucceeded if ending == "good" else PaymentFailed,
            asked_ms + rng.randrange(1, 60) * SECOND,
            payment_id,
        )
        if ending == "late_good":
            self._say(PaymentSucceeded, debited_ms + rng.randrange(60, 300) * SECOND, payment_id)
        if ending == "returned":
            self._book("credit", debited_ms + rng.randrange(60, 118) * SECOND, payment_id)

    def _later(self, happening: Event) -> None:
        heapq.heappush(self._ahead, (to_ms(happening.occurred_at), next(self._numbers), happening))

    def _say(self, kind: type[Event], at_ms: int, payment_id: str, **more: Any) -> None:
        name = f"{payment_id}-{next(self._numbers)}"
        self._later(paid(at_ms, name, kind=kind, payment_id=payment_id, method="wallet_balance", **SUM | more))

    def _book(self, direction: str, at_ms: int, payment_id: str, name: str = "") -> None:
        entry = name or f"{direction}-{payment_id}"
        fields = {"entry_id": entry, "direction": direction, "payment_id": payment_id, "source": "ledger"}
        self._later(event(LedgerPosted, at_ms, entry, **fields | SUM))

    def live(self) -> Town:
        while self._ahead:
            at_ms, _, happening = heapq.heappop(self._ahead)
            if isinstance(happening, LedgerPosted) and happening.payment_id is not None:
                self.books[happening.payment_id] += -1000 if happening.direction == "debit" else 1000
            for effect in self.player.see(happening):
                self.effects.append(effect)
                self._answer(effect, at_ms)
        return self

    def _answer(self, effect: Effect, at_ms: int) -> None:
        """The provider answers in seconds, and carries a refund out soon after unless it is cancelled."""
        match effect:
            case PspQuery():
                status = ANSWERS[self.endings[effect.payment_id]]
                self._say(PspStatus, at_ms + self.rng.randrange(1, 5) * SECOND, effect.payment_id, status=status)
            case RefundIntended():
                at_ms += self.rng.randrange(2, 20) * SECOND
                self._book("credit", at_ms, effect.payment_id, effect.refund_id)
            case RefundCancelled():
                self._ahead = [each for each in self._ahead if getattr(each[2], "entry_id", "") != effect.refund_id]
                heapq.heapify(self._ahead)
            case _:
                pass

    def open(self) -> set[str | None]:
        """The payments that people still have a case about."""
        cases = {each.case_id: each for each in self.effects if isinstance(each, CaseVersion)}
        return {each.entities.payment_id for each in cases.values() if each.status not in OVER}


@pytest.mark.parametrize("seed", range(25))
def test_nothing_is_given_back_that_was_not_owed_and_nothing_is_forgotten(seed: int) -> None:
    town = Town(seed).live()
    wanted = {payment: -1000 if "good" in ending else 0 for payment, ending in town.endings.items()}
    assert {payment: net for payment, net in town.books.items() if net > wanted[payment]} == {}, "too much back"
    lost = {payment for payment, net in town.books.items() if net < wanted[payment]}
    assert lost <= town.open()
