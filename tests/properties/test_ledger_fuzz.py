"""Is money conserved whatever the order of requests, debits, failures, late successes, reversals and refunds?

A model of a payment system and its ledger plays against the core: it answers queries, carries refund intents out (or
refuses to), doubles and delays messages. The books are the model's; what is checked is what the core made of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.happenings import MINUTE, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import PspQuery, RefundCancelled, RefundIntended
from streams.contracts.base import Watermark
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import (
    PaymentFailed,
    PaymentPending,
    PaymentRequested,
    PaymentSucceeded,
    PspStatus,
    RefundCredited,
    RefundSent,
)
from streams.core.steps import Effect

PAYMENTS = st.integers(0, 2)
AMOUNT = 10_000
POLICY = """
[money]
auto_refunds_per_30d = 3
"""


class Books(RuleBasedStateMachine):
    """Three payments of one customer; time only moves forward."""

    @initialize()
    def begin(self) -> None:
        self.player = Player(policy(POLICY))
        self.now_ms = NOON
        self.number = 0
        self.net: Counter[str] = Counter()  # what the customer is short of, per payment
        self.debits: Counter[str] = Counter()
        self.final: dict[str, str] = {}
        self.requested: set[str] = set()
        self.intents: dict[str, RefundIntended] = {}
        self.cancelled: set[str] = set()
        self.sent: set[str] = set()
        self.credited: set[str] = set()
        self.cases: dict[str, CaseVersion] = {}
        self.queries: list[PspQuery] = []
        self.last: list[Any] = []

    # -- what may happen ---------------------------------------------------------------------------------------------

    @rule(number=PAYMENTS)
    def request(self, number: int) -> None:
        payment_id = f"p{number}"
        if payment_id not in self.requested:
            self.requested.add(payment_id)
            self.say(PaymentRequested, payment_id)

    @rule(number=PAYMENTS)
    def debit(self, number: int) -> None:
        payment_id = f"p{number}"
        if payment_id in self.requested and not self.debits[payment_id]:
            self.debits[payment_id] += 1
            self.net[payment_id] += AMOUNT
            self.post(payment_id, "debit")

    @rule(number=PAYMENTS)
    def fail(self, number: int) -> None:
        self.end(f"p{number}", PaymentFailed, "failed")

    @rule(number=PAYMENTS)
    def pend(self, number: int) -> None:
        if f"p{number}" in self.requested and f"p{number}" not in self.final:
            self.say(PaymentPending, f"p{number}")

    @rule(number=PAYMENTS)
    def succeed(self, number: int) -> None:
        """Also after a failure: late success."""
        payment_id = f"p{number}"
        if self.final.get(payment_id) in (None, "failed") and payment_id in self.requested:
            self.final[payment_id] = "succeeded"
            self.say(PaymentSucceeded, payment_id)

    @rule(number=PAYMENTS)
    def reverse(self, number: int) -> None:
        payment_id = f"p{number}"
        if self.net[payment_id] > 0 and self.final.get(payment_id) == "failed":
            self.net[payment_id] -= AMOUNT
            self.post(payment_id, "credit")

    @rule()
    def answer(self) -> None:
        """The provider answers what it was asked."""
        for query in self.queries:
            status = self.final.get(query.payment_id, "pending")
            self.say(PspStatus, query.payment_id, status=status, query_id=query.query_id)
        self.queries = []

    @rule()
    def send_refunds(self) -> None:
        """An intent that was not cancelled leaves; a cancelled one never does."""
        for refund_id, intent in list(self.intents.items()):
            if refund_id in self.cancelled or refund_id in self.sent:
                continue
            self.sent.add(refund_id)
            self.say(RefundSent, intent.payment_id, refund_id=refund_id, amount_minor=intent.amount_minor)

    @rule()
    def credit_refunds(self) -> None:
        for refund_id in sorted(self.sent - self.credited):
            intent = self.intents[refund_id]
            self.credited.add(refund_id)
            self.net[intent.payment_id] -= intent.amount_minor
            self.post(intent.payment_id, "credit")
            self.say(RefundCredited, intent.payment_id, refund_id=refund_id, amount_minor=intent.amount_minor)

    @rule()
    def double(self) -> None:
        """The last message comes once more; the runtime drops it, and beyond its memory the core must not mind."""
        if self.last:
            self.take(self.player.see(self.last[-1]))

    @rule(minutes=st.sampled_from([1, 3, 40, 120]))
    def wait(self, minutes: int) -> None:
        self.now_ms += minutes * MINUTE
        self.take(self.player.see(event(Watermark, self.now_ms, f"w{self.number}", account_id="-")))

    # -- what must hold ----------------------------------------------------------------------------------------------

    @invariant()
    def at_most_one_refund_per_debit(self) -> None:
        per_payment = Counter(intent.payment_id for intent in self.intents.values())
        for payment_id, refunds in per_payment.items():
            assert refunds <= self.debits[payment_id], payment_id
            assert self.final.get(payment_id) is not None, "nothing is given back before the end is known"

    @invariant()
    def no_refund_of_a_payment_that_is_known_to_be_good(self) -> None:
        for refund_id, intent in self.intents.items():
            if self.final.get(intent.payment_id) == "succeeded" and refund_id not in self.sent:
                assert refund_id in self.cancelled

    def teardown(self) -> None:
        """Everything is played to its end: then the books agree, or a case says that they do not."""
        if not hasattr(self, "player"):
            return
        for payment_id in self.requested - set(self.final):
            self.end(payment_id, PaymentFailed, "failed")
        for _ in range(6):
            self.answer()
            self.send_refunds()
            self.credit_refunds()
            self.wait(120)
        open_cases: defaultdict[str, set[str]] = defaultdict(set)
        for case in self.cases.values():
            if case.status not in ("resolved", "withdrawn", "closed") and case.entities.payment_id is not None:
                open_cases[case.entities.payment_id].add(case.cause_family)
        for payment_id, final in self.final.items():
            short = self.net[payment_id]
            paid = AMOUNT * self.debits[payment_id] if final == "succeeded" else 0
            money = open_cases[payment_id] & {"debited_not_confirmed", "double_benefit"}
            if short == paid:
                assert not money, f"{payment_id}: the books agree and a money case is open"
            else:
                assert money, f"{payment_id}: {short} instead of {paid}, and no case says so"

    # -- helpers -----------------------------------------------------------------------------------------------------

    def end(self, payment_id: str, kind: Any, final: str) -> None:
        if payment_id in self.requested and payment_id not in self.final:
            self.final[payment_id] = final
            self.say(kind, payment_id)

    def say(self, kind: Any, payment_id: str, **fields: Any) -> None:
        about = {"payment_id": payment_id, "amount_minor": AMOUNT, "currency": "CNY", "method": "wallet_balance"}
        self.send(kind, **about | fields)

    def post(self, payment_id: str, direction: str) -> None:
        line = {"entry_id": f"l{self.number}", "direction": direction, "amount_minor": AMOUNT, "currency": "CNY"}
        self.send(LedgerPosted, **line, payment_id=payment_id)

    def send(self, kind: Any, **fields: Any) -> None:
        self.number += 1
        self.now_ms += SECOND
        happening = event(kind, self.now_ms, self.number, **fields)
        self.last.append(happening)
        self.take(self.player.see(happening))

    def take(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case RefundIntended():
                    assert effect.refund_id not in self.intents, "an intent leaves once"
                    self.intents[effect.refund_id] = effect
                case RefundCancelled():
                    assert effect.refund_id in self.intents
                    self.cancelled.add(effect.refund_id)
                case PspQuery():
                    self.queries.append(effect)
                case CaseVersion():
                    self.cases[effect.case_id] = effect


BOOKS = Books.TestCase
BOOKS.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


class TestBooks(BOOKS):  # type: ignore[misc, valid-type]
    """Found by pytest under this name."""
