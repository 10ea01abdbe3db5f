"""Is money conserved whatever the order of requests, debits, failures, late successes, reversals and refunds?

A model of a payment system and its ledger plays against the core. It answers queries, carries refund intents out, or
has them refused by the bank; it holds messages back for hours and says some of them twice. The core meanwhile dies and
starts again from what it had stored. The books are the model's; what is checked is what the core made of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.happenings import MINUTE, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import PspQuery, RefundCancelled, RefundIntended
from streams.contracts.base import Event, Watermark, to_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import (
    FeeCharged,
    PaymentCaptured,
    PaymentFailed,
    PaymentPending,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
    PspStatus,
    RefundApproved,
    RefundCredited,
    RefundFailed,
    RefundSent,
)
from streams.core.cases.shelf import ENDED_MAX
from streams.core.steps import Effect

PAYMENTS = st.sampled_from(["p0", "p1"])  # the cases of three would be more than an account remembers
AMOUNT = 10_000
DEBITS_MAX = 2  # of one payment: the second is a double charge
POLICY = """
[money]
auto_refunds_per_30d = 4
"""
MONEY = frozenset(
    {
        "debited_not_confirmed",
        "double_benefit",
        "duplicate_charge",
        "amount_mismatch",
        "fee_issue",
        "orphan_debit",
        "orphan_credit",
    }
)
DONE = frozenset({"resolved", "withdrawn", "merged", "surveyed", "closed"})


class Said(NamedTuple):
    """One message that reached the core, and everything that came of it."""

    event: Event
    effects: list[Effect]


class Books(RuleBasedStateMachine):
    """Two payments of one customer. Time moves forward; messages may come long after what they tell of."""

    ORDER: Mapping[str, str] = {}

    @initialize(names=st.booleans(), rushes=st.booleans())
    def begin(self, names: bool, rushes: bool) -> None:
        self.names = names  # whether the ledger says whose refund a credit is
        self.rushes = rushes  # and whether it tells of it first, at the end at least
        self.player = Player(policy(POLICY))
        self.stored = self.player.saved()
        self.since_stored: list[Said] = []
        self.now_ms = NOON
        self.number = 0
        self.net: Counter[str] = Counter()  # what the customer is short of, per payment
        self.debits: Counter[str] = Counter()
        self.final: dict[str, str] = {}
        self.requested: set[str] = set()
        self.intents: dict[str, RefundIntended] = {}
        self.cancelled: set[str] = set()
        self.sent: set[str] = set()
        self.over: set[str] = set()  # refunds that were credited or came back
        self.cases: dict[str, CaseVersion] = {}
        self.queries: list[PspQuery] = []
        self.told: list[Event] = []
        self.holding = False
        self.held: list[Event] = []

    # -- what may happen ---------------------------------------------------------------------------------------------

    @rule(payment_id=PAYMENTS)
    def request(self, payment_id: str) -> None:
        if payment_id not in self.requested:
            self.requested.add(payment_id)
            self.say(PaymentRequested, payment_id)

    @rule(payment_id=PAYMENTS)
    def debit(self, payment_id: str) -> None:
        owes_us = "double_benefit" in self.open_cases()[payment_id]  # then a debit is accounting's
        if payment_id in self.requested and self.debits[payment_id] < DEBITS_MAX and not owes_us:
            self.debits[payment_id] += 1
            self.post(payment_id, "debit")

    @rule(payment_id=PAYMENTS)
    def fail(self, payment_id: str) -> None:
        self.end(payment_id, PaymentFailed, "failed")

    @rule(payment_id=PAYMENTS)
    def pend(self, payment_id: str) -> None:
        if payment_id in self.requested and payment_id not in self.final:
            self.say(PaymentPending, payment_id)

    @rule(payment_id=PAYMENTS)
    def succeed(self, payment_id: str) -> None:
        """Also after a failure: late success."""
        if payment_id in self.requested and self.final.get(payment_id) in (None, "failed"):
            self.final[payment_id] = "succeeded"
            self.say(PaymentSucceeded, payment_id)

    @rule(payment_id=PAYMENTS)
    def reverse(self, payment_id: str) -> None:
        """The bank undoes a failed payment by itself, also while our refund of it is under way."""
        if self.net[payment_id] > 0 and self.final.get(payment_id) == "failed":
            self.say(PaymentReversed, payment_id)
            self.post(payment_id, "credit", self.net[payment_id])

    @rule(payment_id=PAYMENTS, part=st.sampled_from([1, 2, 4]))
    def give_back(self, payment_id: str, part: int) -> None:
        """The ledger alone tells that money, or a part of it, is back."""
        if self.net[payment_id] >= AMOUNT // part and self.final.get(payment_id) == "failed":
            self.post(payment_id, "credit", AMOUNT // part)

    @rule(payment_id=PAYMENTS)
    def give_once_more(self, payment_id: str) -> None:
        """The bank gives back what is back already; what has come twice it may take again, or nobody does."""
        if self.debits[payment_id] and self.net[payment_id] == 0 and self.final.get(payment_id) == "failed":
            self.post(payment_id, "credit", AMOUNT)

    @rule(payment_id=PAYMENTS)
    def correct(self, payment_id: str) -> None:
        """The bank gives a second debit of a good payment back by itself while our refund of it is on its way.

        Not of one that another payment of its order may pay for.
        """
        leaving = [each for each in self.sent - self.over if self.intents[each].payment_id == payment_id]
        is_good_twice = self.final.get(payment_id) == "succeeded" and self.net[payment_id] == 2 * AMOUNT
        if is_good_twice and leaving and not self.ORDER:
            self.post(payment_id, "credit", AMOUNT)

    @rule(payment_id=PAYMENTS)
    def take_again(self, payment_id: str) -> None:
        """Accounting corrects what the customer has got twice; only a case tells it that there is something."""
        together = next((each for each in self.accounts() if payment_id in each), [])
        missing = self.owes(together) - sum(self.net[each] for each in together)
        if missing > 0 and "double_benefit" in self.open_cases()[payment_id]:
            self.post(payment_id, "debit", missing)

    @rule()
    def answer(self) -> None:
        """The provider answers what it was asked."""
        queries, self.queries = self.queries, []
        for query in queries:
            status = self.final.get(query.payment_id, "pending")
            self.say(PspStatus, query.payment_id, status=status, query_id=query.query_id)

    @rule()
    def send_refunds(self) -> None:
        """An intent that was not cancelled leaves; a cancelled one never does."""
        for refund_id in [each for each in self.intents if each not in self.cancelled | self.sent]:
            self.sent.add(refund_id)
            self.refund(RefundSent, refund_id)

    @rule()
    def credit_refunds(self) -> None:
        """The bank carries out what has left."""
        for refund_id in sorted(self.sent - self.over):
            self.carry_out(refund_id)
            self.refund(RefundCredited, refund_id)

    @rule(also=st.booleans())
    def rush_refunds(self, also: bool) -> None:
        """The ledger's credit overtakes the message that its refund has left, and the one that it has arrived."""
        for refund_id in [each for each in self.intents if each not in self.cancelled | self.sent]:
            self.sent.add(refund_id)
            self.carry_out(refund_id)
            self.refund(RefundSent, refund_id)
            if also:
                self.refund(RefundCredited, refund_id)

    @rule(payment_id=PAYMENTS)
    def lose(self, payment_id: str) -> None:
        """The usual way to a refund of ours: debited, failed, asked about."""
        self.request(payment_id)
        self.debit(payment_id)
        self.fail(payment_id)
        self.wait(3)
        self.answer()

    @rule(payment_id=PAYMENTS)
    def charge_twice(self, payment_id: str) -> None:
        """The usual way to another one, which the bank overtakes."""
        self.request(payment_id)
        self.debit(payment_id)
        self.succeed(payment_id)
        self.debit(payment_id)
        self.send_refunds()
        self.correct(payment_id)

    @rule()
    def refuse_refunds(self) -> None:
        """The bank sends refunds back: no money has moved, and a person has to find another way."""
        for refund_id in sorted(self.sent - self.over):
            self.over.add(refund_id)
            self.refund(RefundFailed, refund_id)

    # -- what may happen to messages and to the core -----------------------------------------------------------------

    @rule()
    def hold(self) -> None:
        """From now on nothing gets through, except requests and what a line in the air is about."""
        self.holding = True

    @precondition(lambda self: self.holding or self.held)
    @rule(order=st.randoms(use_true_random=False))
    def let_go(self, order: Any) -> None:
        """What was held back comes: the ledger in its order, payments in any, and neither waits for the other.

        Two things keep their order, because without it nobody could know what happened: the life of a refund, and the
        credits before a success. One that comes behind it looks like a merchant's refund.
        """
        self.holding = False
        held, self.held = self.held, []
        ledger = [each for each in held if isinstance(each, LedgerPosted)]
        payments = [each for each in held if not isinstance(each, LedgerPosted)]
        order.shuffle(payments)
        payments.sort(key=lambda each: isinstance(each, RefundCredited | RefundFailed))
        for happening in payments:
            behind = order.randint(0, len(ledger))
            if isinstance(happening, PaymentSucceeded):
                behind = max(behind, sum(line.occurred_at < happening.occurred_at for line in ledger))
            for line in ledger[:behind]:
                self.hear(line)
            ledger = ledger[behind:]
            self.hear(happening)
        for line in ledger:
            self.hear(line)

    @precondition(lambda self: self.told)
    @rule(which=st.integers(0, 1_000))
    def double(self, which: int) -> None:
        """Any message comes once more: a line of the ledger at any time, others when the runtime has forgotten them."""
        happening = self.told[which % len(self.told)]
        forgotten_ms = to_ms(happening.occurred_at) + self.player.policy.lateness_s * 1000
        if isinstance(happening, LedgerPosted) or self.player.clock_ms > forgotten_ms:
            self.hear(happening)

    @rule(minutes=st.sampled_from([1, 3, 40, 120]))
    def wait(self, minutes: int) -> None:
        self.now_ms += minutes * MINUTE
        if not self.holding:
            self.hear(event(Watermark, self.now_ms, f"w{self.number}", account_id="-"))

    @rule()
    def store(self) -> None:
        self.stored = self.player.saved()
        self.since_stored = []

    @rule()
    def die(self) -> None:
        """What was not stored is gone; the same messages come again, and the same must come of them."""
        self.player = Player.revived(self.stored, policy(POLICY))
        for said in self.since_stored:
            assert self.player.see(said.event) == said.effects

    # -- what must hold ----------------------------------------------------------------------------------------------

    @invariant()
    def at_most_one_refund_per_debit(self) -> None:
        per_payment = Counter(intent.payment_id for intent in self.intents.values())
        for payment_id, refunds in per_payment.items():
            assert refunds <= self.debits[payment_id], payment_id
        given = Counter[str]()
        for refund_id, intent in self.intents.items():
            given[intent.payment_id] += intent.amount_minor * (refund_id not in self.cancelled)
        for payment_id, minor in given.items():
            assert minor <= AMOUNT * self.debits[payment_id], payment_id

    @invariant()
    def no_refund_of_a_payment_that_is_known_to_be_good(self) -> None:
        if self.held:
            return  # it is not known
        for together in self.accounts():
            leaving = [
                refund_id
                for refund_id, intent in self.intents.items()
                if intent.payment_id in together and refund_id not in self.cancelled | self.sent
            ]
            if any(self.final.get(each) == "succeeded" for each in together):
                taken = AMOUNT * sum(self.debits[each] for each in together)
                assert AMOUNT * len(leaving) <= taken - self.owes(together), "one debit of a good payment stays"

    def teardown(self) -> None:
        """Everything is played to its end: then the books agree, or a case says that they do not."""
        if not hasattr(self, "player"):
            return
        for payment_id in sorted(self.requested - set(self.final)):
            self.end(payment_id, PaymentFailed, "failed")
        self.holding = False
        held, self.held = self.held, []
        for happening in held:
            self.hear(happening)
        for _ in range(6):
            self.answer()
            if self.rushes:
                self.rush_refunds(also=self.names)
            self.send_refunds()
            self.credit_refunds()
            self.wait(120)
        still_open = self.open_cases()
        for together in self.accounts():
            short, price = sum(self.net[each] for each in together), self.owes(together)
            money = set().union(*(still_open[each] & MONEY for each in together))
            if price < short <= price + self.slack(together):
                continue
            if short == price and self.is_made_up_for(together):
                assert self.asked_minor(together) == 0, f"{together}: asked for one half of what makes up for the other"
            elif short == price:
                assert not money, f"{together}: the books agree and {money} is open"
            else:
                assert money, f"{together}: {short} instead of {price}, and no case says so"
            assert all("payment_unknown" not in still_open[each] for each in together), "everybody knows the end"
            assert not any(self.is_late(each) for each in together), "every refund is here"

    # -- helpers -----------------------------------------------------------------------------------------------------

    def price(self, payment_id: str) -> int:
        """What the payment should have cost the customer; a good one that nobody has debited is the merchant's loss."""
        return min(AMOUNT, AMOUNT * self.debits[payment_id]) if self.final.get(payment_id) == "succeeded" else 0

    def accounts(self) -> list[list[str]]:
        """Payments whose money is looked at together: here each for itself."""
        return [[payment_id] for payment_id in sorted(self.requested)]

    def owes(self, together: list[str]) -> int:
        """What payments that are looked at together should have cost the customer."""
        return sum(self.price(payment_id) for payment_id in together)

    def slack(self, together: list[str]) -> int:
        """By how much more than they should these payments may have cost, because nobody can say."""
        return 0

    def is_made_up_for(self, together: list[str]) -> bool:
        """Whether what stands of a failed payment is by chance what a good one lacks: that stays two cases, or none."""
        return any(self.net[each] != self.price(each) for each in together if self.final[each] != "succeeded")

    def asked_minor(self, together: list[str]) -> int:
        """What open money cases ask back, less what they ask for."""
        asked = 0
        for case in self.cases.values():
            if case.status not in DONE and case.entities.payment_id in together and case.cause_family in MONEY:
                left_minor = (case.amount_minor or 0) - case.counters.get("returned_minor", 0)
                asked += -left_minor if case.cause_family == "double_benefit" else left_minor
        return asked

    def open_cases(self) -> defaultdict[str, set[str]]:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for case in self.cases.values():
            if case.status not in DONE and case.entities.payment_id is not None:
                found[case.entities.payment_id].add(case.cause_family)
        return found

    def is_late(self, payment_id: str) -> bool:
        """Whether a refund is looked for, by the account itself: of too many cases at once people have some."""
        mine = [case for case in self.cases.values() if case.entities.payment_id == payment_id]
        return any(
            case.cause_family == "refund_late" and case.status not in DONE and "handed over" not in case.changed
            for case in mine
        )

    def end(self, payment_id: str, kind: Any, final: str) -> None:
        if payment_id in self.requested and payment_id not in self.final:
            self.final[payment_id] = final
            self.say(kind, payment_id)

    def carry_out(self, refund_id: str) -> None:
        self.over.add(refund_id)
        intent = self.intents[refund_id]
        self.post(intent.payment_id, "credit", intent.amount_minor, **({"reference": refund_id} if self.names else {}))

    def refund(self, kind: Any, refund_id: str) -> None:
        intent = self.intents[refund_id]
        self.say(kind, intent.payment_id, refund_id=refund_id, amount_minor=intent.amount_minor)

    def say(self, kind: Any, payment_id: str, **fields: Any) -> None:
        about = {"payment_id": payment_id, "amount_minor": AMOUNT, "currency": "CNY", "method": "wallet_balance"}
        self.send(kind, **about | self.ORDER | fields)

    def post(self, payment_id: str, direction: str, amount_minor: int = AMOUNT, **more: str) -> None:
        self.net[payment_id] += amount_minor if direction == "debit" else -amount_minor
        line = {"entry_id": f"l{self.number}", "direction": direction, "amount_minor": amount_minor, "currency": "CNY"}
        self.send(LedgerPosted, **line, payment_id=payment_id, **more)

    def send(self, kind: Any, **fields: Any) -> None:
        self.number += 1
        self.now_ms += SECOND
        happening = event(kind, self.now_ms, self.number, **fields)
        if self.holding:
            self.held.append(happening)
        else:
            self.hear(happening)

    def hear(self, happening: Event) -> None:
        effects = self.player.see(happening)
        self.since_stored.append(Said(happening, effects))
        if type(happening) is not Watermark:
            self.told.append(happening)
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


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=100, stateful_step_count=40)


class Attempts(Books):
    """The same with both payments for one order: whatever was tried, debited and given back, it is paid once."""

    ORDER: Mapping[str, str] = {"order_id": "o1", "merchant_id": "m1"}

    @rule(first=PAYMENTS)
    def try_again(self, first: str) -> None:
        """What customers do when they were debited for nothing."""
        second = "p1" if first == "p0" else "p0"
        for payment_id, ends in ((first, self.fail), (second, self.succeed)):
            self.request(payment_id)
            self.debit(payment_id)
            ends(payment_id)

    @rule(payment_id=PAYMENTS)
    def succeed(self, payment_id: str) -> None:
        if not self.failed_with_two_debits(payment_id):
            super().succeed(payment_id)

    @rule(payment_id=PAYMENTS)
    def reverse(self, payment_id: str) -> None:
        if not self.failed_with_two_debits(payment_id):
            super().reverse(payment_id)

    def failed_with_two_debits(self, payment_id: str) -> bool:
        """Of an order that another payment may pay not every end has its case yet: docs/money.md, limits."""
        return len(self.requested) > 1 and self.final.get(payment_id) == "failed" and self.debits[payment_id] > 1

    def accounts(self) -> list[list[str]]:
        return [sorted(self.requested)] if self.requested else []

    def owes(self, together: list[str]) -> int:
        return min(AMOUNT, super().owes(together))


TestAttempts = Attempts.TestCase
TestAttempts.settings = settings(max_examples=100, stateful_step_count=40)


# More than an account follows, and no more than it has places for what it handed over: an unknown outcome and a debit
# of each.
MANY = tuple(f"p{number}" for number in range(ENDED_MAX // 2))


class Many(Books):
    """More payments than an account follows: cases are handed over to people, and still end when the books agree."""

    @rule(which=st.sets(st.sampled_from(MANY), min_size=6), outcome=st.sampled_from(["fail", "pend"]))
    def break_many(self, which: set[str], outcome: str) -> None:
        """One merchant where nothing goes through."""
        for payment_id in sorted(which):
            self.request(payment_id)
            self.debit(payment_id)
            (self.fail if outcome == "fail" else self.pend)(payment_id)

    @rule(which=st.sets(st.sampled_from(MANY), min_size=3), part=st.sampled_from([1, 1, 2]))
    def give_many_back(self, which: set[str], part: int) -> None:
        """People have seen to it, wherever they keep the cases."""
        for payment_id in sorted(which):
            self.give_back(payment_id, part)

    @rule(which=st.sets(st.sampled_from(MANY), min_size=3), how=st.sampled_from(["succeed", "reverse"]))
    def end_many(self, which: set[str], how: str) -> None:
        for payment_id in sorted(which):
            (self.succeed if how == "succeed" else self.reverse)(payment_id)

    @rule(payment_id=st.sampled_from(MANY))
    def debit(self, payment_id: str) -> None:
        """Once: which debits were there is remembered of fewer payments than these."""
        if not self.debits[payment_id]:
            super().debit(payment_id)

    @rule()
    def hold(self) -> None:
        """Nothing is held back: what comes before its debit is remembered of two payments."""

    def teardown(self) -> None:
        """Whatever is still missing at the end people give back, and no case stays."""
        if hasattr(self, "player"):
            super().teardown()
            for payment_id in sorted(self.requested):
                missing = self.net[payment_id] - self.price(payment_id)
                if missing:
                    self.post(payment_id, "credit" if missing > 0 else "debit", abs(missing))
            super().teardown()
            assert not set().union(*self.open_cases().values()) & MONEY


TestMany = Many.TestCase
TestMany.settings = settings(max_examples=40, stateful_step_count=20)


MERCHANTS = {"approved": RefundApproved, "sent": RefundSent, "credited": RefundCredited}
FEE, ALLOWED = 50, 10  # what is taken on a payment, and what its tariff lets be taken
TOO_MUCH = 3_000


class Beside(Books):
    """Fees above their tariff, debits above the amount and refunds of the merchant's, all of one payment."""

    @initialize()
    def count(self) -> None:
        self.fees: Counter[str] = Counter()  # that the ledger has booked by themselves
        self.inside: Counter[str] = Counter()
        self.refunded: Counter[str] = Counter()
        self.more: Counter[str] = Counter()

    @rule(payment_id=PAYMENTS, is_booked=st.booleans(), line_first=st.booleans(), fails=st.booleans())
    def take_a_fee(self, payment_id: str, is_booked: bool, line_first: bool, fails: bool) -> None:
        """Booked by itself or a part of the debit; the payment may fail between the word of it and the ledger's."""
        self.request(payment_id)
        if self.fees[payment_id] or self.inside[payment_id] or self.holding:
            return
        self.inside[payment_id] += not is_booked
        about = {"fee_id": f"f{self.number}", "amount_minor": FEE, "currency": "CNY", "payment_id": payment_id}
        if is_booked and line_first:
            self.book_fee(payment_id)
        self.send(FeeCharged, **about, tariff_id="alipay_withdrawal")
        if fails:
            self.fail(payment_id)
        if is_booked and not line_first:
            self.book_fee(payment_id)

    @rule(payment_id=PAYMENTS)
    def buy(self, payment_id: str) -> None:
        """What most payments are."""
        self.request(payment_id)
        if not self.debits[payment_id]:
            self.debit(payment_id)
        if payment_id not in self.final:
            self.succeed(payment_id)

    def book_fee(self, payment_id: str) -> None:
        self.fees[payment_id] += 1
        self.post(payment_id, "debit", FEE)

    @rule(payment_id=PAYMENTS, waits=st.booleans())
    def overcharge(self, payment_id: str, waits: bool) -> None:
        """One debit above the amount; without an order's amount people decide what becomes of it."""
        self.request(payment_id)
        if not self.debits[payment_id]:
            self.debits[payment_id] += 1
            self.more[payment_id] = TOO_MUCH
            self.post(payment_id, "debit", AMOUNT + TOO_MUCH)
            if waits:
                self.wait(3)

    @rule(
        payment_id=PAYMENTS,
        minor=st.sampled_from([AMOUNT // 2, AMOUNT - 1, AMOUNT]),
        named=st.booleans(),
        order=st.permutations(["approved", "sent", "credit", "credited"]),
        words=st.sets(st.sampled_from(["approved", "sent", "credited"]), min_size=1),
    )
    def refund_by_merchant(self, payment_id: str, minor: int, named: bool, order: list[str], words: set[str]) -> None:
        """Of a good payment, told in any order; the ledger may say whose it is."""
        self.buy(payment_id)
        left_minor = AMOUNT - self.refunded[payment_id]
        stands = self.final.get(payment_id) == "succeeded" and self.net[payment_id] >= self.price(payment_id)
        busy = self.open_cases()[payment_id] & {"double_benefit", "duplicate_charge"}
        if self.holding or not self.debits[payment_id] or not stands or minor > left_minor or busy:
            return
        refund_id = f"m{self.number}"
        about = {"amount_minor": minor, "refund_id": refund_id}
        self.refunded[payment_id] += minor
        for word in order:
            if word == "credit":
                self.post(payment_id, "credit", minor, **({"reference": refund_id} if named else {}))
            elif word in words:
                self.say(MERCHANTS[word], payment_id, **about)

    def price(self, payment_id: str) -> int:
        if self.final.get(payment_id) != "succeeded":
            return 0
        too_much = (FEE - ALLOWED) * self.inside[payment_id] * bool(self.debits[payment_id])
        return super().price(payment_id) + ALLOWED * self.fees[payment_id] - too_much - self.refunded[payment_id]

    def slack(self, together: list[str]) -> int:
        """A fee that was too high is in what was refunded, if that was more than the rest."""
        return sum(
            max(0, self.refunded[each] + FEE - ALLOWED - AMOUNT) * self.inside[each]
            for each in together
            if self.final.get(each) == "succeeded"
        )

    @rule(payment_id=PAYMENTS)
    def debit(self, payment_id: str) -> None:
        """Of a payment that is refunded in full a second debit looks like the first."""
        if not self.refunded[payment_id]:
            super().debit(payment_id)

    @invariant()
    def at_most_one_refund_per_debit(self) -> None:
        """One of each debit, and two of each fee of a failed payment; together never more than was debited."""
        per_payment = Counter(intent.payment_id for intent in self.intents.values())
        given = Counter[str]()
        for refund_id, intent in self.intents.items():
            given[intent.payment_id] += intent.amount_minor * (refund_id not in self.cancelled)
        for payment_id, refunds in per_payment.items():
            assert refunds <= self.debits[payment_id] + 2 * self.fees[payment_id] + self.inside[payment_id], payment_id
            assert given[payment_id] <= self.taken(payment_id), payment_id

    @invariant()
    def no_refund_of_a_payment_that_is_known_to_be_good(self) -> None:
        for payment_id in self.requested if not self.held else ():
            leaving_minor = sum(
                intent.amount_minor
                for refund_id, intent in self.intents.items()
                if intent.payment_id == payment_id and refund_id not in self.cancelled | self.sent
            )
            if self.final.get(payment_id) == "succeeded":
                stands_minor = self.net[payment_id] + self.twice_minor(payment_id)  # accounting takes it again
                assert leaving_minor <= max(0, stands_minor - self.price(payment_id)), payment_id

    def twice_minor(self, payment_id: str) -> int:
        """What an open case says that the customer has twice."""
        mine = [case for case in self.cases.values() if case.entities.payment_id == payment_id]
        twice = [case for case in mine if case.cause_family == "double_benefit" and case.status not in DONE]
        return sum(case.amount_minor or 0 for case in twice)

    def taken(self, payment_id: str) -> int:
        return AMOUNT * self.debits[payment_id] + self.more[payment_id] + FEE * self.fees[payment_id]


TestBeside = Beside.TestCase
TestBeside.settings = settings(max_examples=60, stateful_step_count=25)


FIRST: dict[str, Any] = {"payment_id": "p0"}
SIX = {f"p{number}" for number in range(6)}
TAKES_A_FEE = ("take_a_fee", {**FIRST, "is_booked": True, "line_first": False, "fails": False})
MERCHANT_REFUNDS = {"minor": AMOUNT, "named": False, "words": {"approved"}}
FOUND: dict[str, tuple[type[Books], list[tuple[str, dict[str, Any]]]]] = {
    "the bank and we give a debit back beside a fee": (
        Beside,
        [("charge_twice", FIRST), TAKES_A_FEE, ("credit_refunds", {})],
    ),
    "a fee is no part of what is taken again": (
        Beside,
        [("charge_twice", FIRST), ("credit_refunds", {}), TAKES_A_FEE, ("wait", {"minutes": 1})],
    ),
    "what is twice once more is no success's": (
        Beside,
        [
            ("charge_twice", FIRST),
            ("refund_by_merchant", {**FIRST, **MERCHANT_REFUNDS, "order": ["credit", "approved", "sent", "credited"]}),
        ],
    ),
    "a debit that has made room is given back once more": (
        Many,
        [
            ("break_many", {"outcome": "fail", "which": SIX}),
            ("give_many_back", {"part": 1, "which": SIX - {"p5"}}),
            ("give_once_more", FIRST),
        ],
    ),
    "and so is one whose case people have": (
        Many,
        [
            ("break_many", {"outcome": "fail", "which": SIX}),
            ("wait", {"minutes": 3}),
            ("answer", {}),
            ("rush_refunds", {"also": False}),
            ("give_many_back", {"part": 1, "which": {"p0", "p1", "p2"}}),
            ("give_once_more", FIRST),
        ],
    ),
}


@pytest.mark.parametrize("found", FOUND)
def test_what_was_found_once_is_not_found_again(found: str) -> None:
    machine, happenings = FOUND[found]
    books = machine()
    books.begin(names=False, rushes=False)
    if isinstance(books, Beside):
        books.count()
    for name, about in happenings:
        getattr(books, name)(**about)
        books.at_most_one_refund_per_debit()
        books.no_refund_of_a_payment_that_is_known_to_be_good()
    books.teardown()


LATE_S = st.sampled_from([0, 0, 2, 50, 130, 400])  # how long after its time a message is heard


@settings(max_examples=100)
@given(
    parts=st.lists(
        st.tuples(st.sampled_from([1_000, 6_000, 12_000]), LATE_S, LATE_S, LATE_S, LATE_S), min_size=2, max_size=3
    ),
    gap_s=st.sampled_from([45, 1_800]),
    asked_s=st.sampled_from([None, 0, 1, 3, 44]),
    both_tell=st.booleans(),
)
def test_shipments_are_none_too_many_however_late_each_message_is(
    parts: list[tuple[int, int, int, int, int]], gap_s: int, asked_s: int | None, both_tell: bool
) -> None:
    """What is debited, captured and called good comes to what was asked for: no money moves and no case stays.

    What was asked for is heard at its time, or so much later than the first part is debited; captures are told by one
    or two sources.
    """
    about = {"payment_id": "p0", "currency": "CNY", "method": "wallet_balance"}
    whole_minor = sum(minor for minor, *_ in parts)
    heard_ms = NOON if asked_s is None else NOON + (gap_s + asked_s) * SECOND
    heard = [(heard_ms, 0, event(PaymentRequested, NOON, "asked", amount_minor=whole_minor, **about))]
    for number, (minor, *late_s) in enumerate(parts):
        at_ms = NOON + (number + 1) * gap_s * SECOND
        line = {"entry_id": f"l{number}", "direction": "debit", "payment_id": "p0", "currency": "CNY"}
        told = [
            event(LedgerPosted, at_ms, number, amount_minor=minor, **line),
            event(PaymentCaptured, at_ms + SECOND, number, amount_minor=minor, **about),
            event(PaymentSucceeded, at_ms + 2 * SECOND, number, amount_minor=minor, **about),
        ]
        if both_tell:
            told.append(
                event(PaymentCaptured, at_ms + SECOND, f"g{number}", source="gateway", amount_minor=minor, **about)
            )
        heard += [
            (to_ms(each.occurred_at) + late * SECOND, 4 * number + place + 1, each)
            for place, (each, late) in enumerate(zip(told, late_s, strict=False))
        ]
    player = Player(policy(POLICY))
    effects = [effect for *_, happening in sorted(heard, key=lambda each: each[:2]) for effect in player.see(happening)]
    effects += player.see(event(Watermark, NOON + 600 * MINUTE, "end", account_id="-"))
    assert [each for each in effects if isinstance(each, RefundIntended)] == []
    last = {each.case_id: each for each in effects if isinstance(each, CaseVersion)}
    assert {case.cause_family for case in last.values() if case.status not in DONE} & MONEY == set()
