"""More at once than an account remembers: people are told what was left out, and nothing goes wrong by itself."""

from __future__ import annotations

from typing import Any

from support.happenings import HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.payments import PaymentFailed, PaymentRequested, PaymentSucceeded, PspStatus
from streams.core.obligations import DEBITS_MAX, LATELY_BYTES, LATELY_KEPT, crowded
from streams.core.steps import Effect

WALLET: dict[str, Any] = {"method": "wallet_balance", "currency": "CNY"}
UUID = "00000000-0000-0000-0000-0000000000{:02d}"


def asked(at_ms: int, payment_id: str, kind: type[Event] = PaymentRequested, **more: Any) -> Event:
    return paid(at_ms, f"{kind.__name__}{payment_id}", 1000, kind, payment_id=payment_id, **WALLET | more)


def debit(at_ms: int, payment_id: str | None, amount_minor: int = 1000, **more: Any) -> Event:
    entry = f"l{payment_id}{amount_minor}"
    fields = {"entry_id": entry, "direction": "debit", "amount_minor": amount_minor, "currency": "CNY"}
    return event(LedgerPosted, at_ms, entry, payment_id=payment_id, **fields | more)


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


class Told:
    """Everything that one account was told, and its state."""

    def __init__(self) -> None:
        self.player = Player(policy())
        self.effects: list[Effect] = []

    def see(self, *happenings: Event) -> Told:
        for each in happenings:
            self.effects += self.player.see(each)
        self.player.stored()
        return self

    def all(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.effects if isinstance(each, kind)]

    def cases(self) -> dict[str, CaseVersion]:
        return {each.case_id: each for each in self.all(CaseVersion)}


def test_a_first_debit_behind_eight_newer_requests_is_compared() -> None:
    told = Told().see(*(asked(NOON + number * SECOND, UUID.format(number)) for number in range(9)))
    told.see(asked(NOON + 20 * SECOND, UUID.format(0), PaymentSucceeded), debit(NOON + MINUTE, UUID.format(0), 1500))
    told.see(mark(NOON + HOUR))
    mismatches = [each.amount_minor for each in told.cases().values() if each.case_type == "amount_mismatch"]
    assert mismatches == [500]


def test_what_was_debited_makes_room_first() -> None:
    told = Told()
    for number in range(12):
        at_ms = NOON + number * SECOND
        told.see(asked(at_ms, UUID.format(number)), debit(at_ms, UUID.format(number)))
    assert len(told.player.obligations["a1"].lately) <= LATELY_KEPT + 1


def test_what_could_not_be_compared_is_put_before_people() -> None:
    numbers = range(30)
    told = Told().see(*(asked(NOON + number * SECOND, UUID.format(number)) for number in numbers))
    assert not crowded(told.player.obligations["a1"].lately, 99, LATELY_BYTES)
    gone = UUID.format(14)
    assert gone not in {each.payment_id for each in told.player.obligations["a1"].lately}
    succeeded = asked(NOON + 40 * SECOND, gone, PaymentSucceeded)
    told.see(succeeded, debit(NOON + MINUTE, gone, 99_000), mark(NOON + 2 * MINUTE))
    (case,) = [each for each in told.cases().values() if each.case_type.startswith("integration")]
    assert gone in case.evidence[0].text
    assert told.all(RefundIntended) == []


def test_a_debit_that_names_an_order_which_is_forgotten_is_no_word_to_the_customer() -> None:
    told = Told().see(*(asked(NOON + n * SECOND, UUID.format(n), order_id=f"o{n}") for n in range(30)))
    told.see(*(asked(NOON + MINUTE + n * SECOND, UUID.format(n), PaymentSucceeded) for n in range(30)))
    told.see(debit(NOON + 2 * MINUTE, None, order_id="o3"), mark(NOON + HOUR))
    assert "orphan_debit" in {each.case_type for each in told.cases().values()}
    assert [each.template for each in told.all(NotificationRequested) if each.template == "debited_not_confirmed"] == []


def crowd(told: Told, most: int) -> None:
    """So many payments fail with their debit standing."""
    for number in range(most):
        at_ms = NOON + number * SECOND
        told.see(asked(at_ms, f"p{number}"), asked(at_ms, f"p{number}", PaymentFailed), debit(at_ms, f"p{number}"))


def answer(at_ms: int, payment_id: str) -> Event:
    return asked(at_ms, payment_id, PspStatus, event_id=f"{payment_id}/{at_ms}", status="failed")


def test_a_debit_that_is_judged_early_says_so_and_is_not_given_back_before_its_time() -> None:
    told = Told()
    crowd(told, DEBITS_MAX + 2)
    early = {each.entities.payment_id: each for each in told.cases().values() if each.flow == "F10"}
    assert set(early) == {"p0", "p1"}
    assert all("its time is not over" in each.evidence[0].text for each in early.values())
    told.see(answer(NOON + 20 * SECOND, "p0"))
    assert told.all(RefundIntended) == []
    case = told.cases()[early["p0"].case_id]
    assert "for a person: early" in [each.text for each in case.evidence]


def test_after_its_time_the_answer_to_one_more_question_gives_it_back() -> None:
    told = Told()
    crowd(told, DEBITS_MAX + 1)
    told.see(answer(NOON + 20 * SECOND, "p0"))
    told.see(*(asked(NOON + 30 * SECOND, f"p{number}", PaymentSucceeded) for number in range(1, DEBITS_MAX + 1)))
    told.see(mark(NOON + 4 * MINUTE), answer(NOON + 4 * MINUTE, "p0"))
    assert [each.payment_id for each in told.all(RefundIntended)] == ["p0"]


def test_one_that_the_bank_gives_back_in_time_is_not_given_back_twice() -> None:
    told = Told()
    crowd(told, DEBITS_MAX + 1)
    back = event(
        LedgerPosted,
        NOON + 30 * SECOND,
        "back",
        entry_id="back",
        direction="credit",
        payment_id="p0",
        amount_minor=1000,
        currency="CNY",
    )
    told.see(answer(NOON + 20 * SECOND, "p0"), back, mark(NOON + 4 * MINUTE), answer(NOON + 4 * MINUTE, "p0"))
    assert [each.payment_id for each in told.all(RefundIntended)] == []
    assert "withdrawn" in [each.status for each in told.cases().values() if each.entities.payment_id == "p0"]
