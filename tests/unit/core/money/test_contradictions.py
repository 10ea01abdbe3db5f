"""What follows when a payment is said to have succeeded and to have failed, and what is its customer told?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, play, policy

from streams.contracts.accounts import CaseAction, LedgerPosted
from streams.contracts.actions import PspQuery, RefundIntended
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import (
    Code,
    PaymentFailed,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
    PspStatus,
)
from streams.contracts.triage import PaymentTriaged
from streams.core.steps import Effect

SURE = policy("[unknown]\nsilent_s = 0\n")
ABOUT = {"method": "wallet_balance", "currency": "CNY", "amount_minor": 10_000, "payment_id": "p1"}
NO_MONEY = (Code(source="iso8583_1987", code="51"),)


def said(kind: type[Event], at_ms: int, number: int | str = 1, **fields: Any) -> Event:
    return paid(at_ms, number, kind=kind, **ABOUT | fields)


def failed(at_ms: int, **fields: Any) -> Event:
    return said(PaymentFailed, at_ms, codes=NO_MONEY, **fields)


def answer(status: str, at_ms: int) -> Event:
    return said(PspStatus, at_ms, f"{status}-{at_ms}", status=status)


def line(at_ms: int, payment_id: str | None = "p1", direction: str = "debit", **fields: Any) -> Event:
    about = {"direction": direction, "amount_minor": 10_000, "currency": "CNY", "payment_id": payment_id}
    name = f"{payment_id}-{direction}-{at_ms}"
    return event(LedgerPosted, at_ms, name, **about | {"entry_id": name[:20]} | fields)


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


def cases(effects: list[Effect]) -> list[tuple[str, str]]:
    return [(each.cause_family, each.status) for each in effects if isinstance(each, CaseVersion)]


def template(effects: list[Effect]) -> str:
    [text] = [each.text for each in effects if isinstance(each, PaymentTriaged)]
    return text.template


def english(effects: list[Effect]) -> str:
    [text] = [each.text for each in effects if isinstance(each, PaymentTriaged)]
    return text.en


BEGIN = [said(PaymentRequested, NOON), line(NOON + 1)]
GOOD = [*BEGIN, said(PaymentSucceeded, NOON + SECOND)]
OPENED = [("debited_not_confirmed", "classified")]


@pytest.mark.parametrize("second_word", [failed, lambda at_ms: answer("failed", at_ms)], ids=["event", "answer"])
@pytest.mark.parametrize(
    "first_word", [said(PaymentSucceeded, NOON + SECOND), answer("succeeded", NOON + SECOND)], ids=["event", "answer"]
)
def test_a_good_payment_that_fails_with_its_debit_standing_is_asked_about(
    first_word: Event, second_word: Callable[[int], Event]
) -> None:
    effects = play([*BEGIN, first_word, second_word(NOON + MINUTE), mark(NOON + HOUR)], SURE)
    assert cases(effects) == OPENED
    assert len([each for each in effects if isinstance(each, PspQuery)]) == 1


@pytest.mark.parametrize("gap_ms", [MINUTE, 2 * HOUR], ids=["soon", "after the lateness bound"])
def test_the_later_word_counts_in_whatever_order_both_arrive(gap_ms: int) -> None:
    success, failure = said(PaymentSucceeded, NOON + SECOND), failed(NOON + MINUTE)
    for first, second in ((success, failure), (failure, success)):
        player = Player(SURE)
        effects = [each for event in (*BEGIN, first, mark(NOON + gap_ms), second) for each in player.see(event)]
        effects += player.see(mark(NOON + gap_ms + HOUR))
        assert cases(effects)[:1] == OPENED
        assert {case.status for case in effects if isinstance(case, CaseVersion)}.isdisjoint({"withdrawn", "resolved"})


def test_a_failure_from_before_the_success_undoes_nothing_and_claims_nothing() -> None:
    player = Player(SURE)
    before = [each for event in (*BEGIN, said(PaymentSucceeded, NOON + 2 * SECOND)) for each in player.see(event)]
    effects = player.see(failed(NOON + SECOND))
    assert not [each for each in effects if isinstance(each, PaymentTriaged)], "nobody hears that it has failed"
    assert cases(before + effects + player.see(mark(NOON + HOUR))) == []


def test_what_a_payment_that_failed_after_all_took_goes_back_once_the_provider_confirms_it() -> None:
    player = Player(SURE)
    script = [*GOOD, failed(NOON + MINUTE), mark(NOON + 5 * MINUTE), answer("failed", NOON + 6 * MINUTE)]
    effects = [each for event in script for each in player.see(event)]
    [intent] = [each for each in effects if isinstance(each, RefundIntended)]
    assert intent.amount_minor == 10_000
    again = [answer("failed", NOON + 7 * MINUTE), failed(NOON + 8 * MINUTE), answer("failed", NOON + 9 * MINUTE)]
    after = [each for event in again for each in player.see(event)]
    assert not [each for each in after if isinstance(each, RefundIntended)]
    assert cases(player.see(line(NOON + 10 * MINUTE, direction="credit")))[-1][1] in ("withdrawn", "resolved")


@pytest.mark.parametrize(
    "more",
    [
        [line(NOON + 2, amount_minor=4_000, entry_id="second")],
        [line(NOON + 30 * SECOND, direction="credit", amount_minor=4_000)],
    ],
    ids=["two debits", "a part is back"],
)
def test_people_give_back_what_a_contradicted_payment_took_unless_it_is_one_whole_debit(more: list[Event]) -> None:
    player = Player(SURE)
    script = [*GOOD, *more, failed(NOON + MINUTE), mark(NOON + 5 * MINUTE), answer("failed", NOON + 6 * MINUTE)]
    effects = [each for event in script for each in player.see(event)]
    case = [each for each in effects if isinstance(each, CaseVersion) if each.cause_family == "debited_not_confirmed"][
        -1
    ]
    assert case.evidence[-1].text == "for a person: contradicted"
    assert not [each for each in effects if isinstance(each, RefundIntended)]
    order = {
        "case_id": case.case_id,
        "expected_version": case.version,
        "action": "refund",
        "actor": "o",
        "role": "analyst",
    }
    given = player.see(event(CaseAction, NOON + 7 * MINUTE, 1, **order))
    assert len([each for each in given if isinstance(each, RefundIntended)]) == 1


def test_a_provider_that_has_not_been_heard_since_lets_nothing_go() -> None:
    """The failure that contradicts is no answer to the question about it."""
    script = [*GOOD, answer("failed", NOON + MINUTE), mark(NOON + HOUR)]
    assert not [each for each in play(script, SURE) if isinstance(each, RefundIntended)]


def test_a_success_that_is_said_once_more_ends_the_case() -> None:
    script = [*GOOD, failed(NOON + MINUTE), mark(NOON + 5 * MINUTE), answer("succeeded", NOON + 6 * MINUTE)]
    assert cases(play(script, SURE))[-1] == ("debited_not_confirmed", "withdrawn")


def test_a_good_payment_whose_money_was_given_back_may_fail() -> None:
    script = [*GOOD, line(NOON + 30 * SECOND, direction="credit"), failed(NOON + MINUTE), mark(NOON + HOUR)]
    assert cases(play(script, SURE)) == []


NAMED = {"order_id": "o1", "entry_id": "l9"}
OTHERS = [said(PaymentRequested, NOON + n, f"n{n}", payment_id=f"n{n}", order_id=f"n{n}") for n in range(4)]


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([line(NOON, None, **NAMED)], id="of the order, before anything of the payment"),
        pytest.param([line(NOON, None, counterparty_id="m1")], id="of the payee"),
        pytest.param(
            [said(PaymentRequested, NOON, order_id="o1"), *OTHERS, line(NOON + SECOND, None, **NAMED)],
            id="of the order of a request that is forgotten",
        ),
        pytest.param(GOOD, id="of a payment that was good"),
    ],
)
def test_nobody_hears_that_they_were_not_charged_while_the_books_hold_the_debit(before: list[Event]) -> None:
    effects = play([*before, failed(NOON + 2 * SECOND, order_id="o1", merchant_id="m1")], SURE)
    assert english(effects).startswith("Your account was charged but the payment did not complete.")


@pytest.mark.parametrize(
    "debit",
    [line(NOON, None, counterparty_id="m1", amount_minor=10_050), line(NOON, None, order_id="another")],
    ids=["another amount", "another order"],
)
def test_while_a_debit_belongs_to_nobody_it_may_be_this_payments(debit: Event) -> None:
    effects = play([debit, said(PaymentRequested, NOON), failed(NOON + 2 * SECOND, merchant_id="m1")], SURE)
    assert template(effects) == "payment_failure.reason"


def test_without_a_debit_the_ledger_says_that_nothing_was_charged() -> None:
    effects = play([said(PaymentRequested, NOON), line(NOON, "another"), failed(NOON + 2 * SECOND)], SURE)
    assert template(effects) == "payment_failure.not_charged"


BEFORE = [said(PaymentRequested, NOON), line(NOON + 1, "another")]
HOLD = line(NOON + 2, kind="hold")
RELEASE = line(NOON + HOUR, "p1", "credit", kind="release")


def test_while_a_hold_stands_a_failure_says_that_it_will_be_released() -> None:
    effects = play([*BEFORE, HOLD, failed(NOON + 2 * SECOND)], SURE)
    assert template(effects) == "payment_failure.reserved"
    named = line(NOON, None, kind="hold", order_id="o1")
    assert (
        template(play([*BEFORE, named, failed(NOON + 2 * SECOND, order_id="o1")], SURE)) == "payment_failure.reserved"
    )
    nobodys = line(NOON, None, kind="hold", order_id="o2")
    assert template(play([*BEFORE, nobodys, failed(NOON + 2 * SECOND)], SURE)) == "payment_failure.reason"


@pytest.mark.parametrize(
    "release", [line(NOON + 3, "p1", "credit", kind="release"), line(NOON + 3, "p1", "debit", kind="release")]
)
def test_what_was_released_is_not_charged(release: Event) -> None:
    script = [*BEFORE, HOLD, release, HOLD, failed(NOON + 2 * SECOND)]
    assert template(play(script, SURE)) == "payment_failure.not_charged"


def test_a_hold_that_became_the_debit_is_a_debit() -> None:
    script = [*BEFORE, HOLD, line(NOON + 3), failed(NOON + 2 * SECOND)]
    assert english(play(script, SURE)).startswith("Your account was charged")


def test_a_hold_that_outlives_its_failed_payment_is_accountings() -> None:
    player = Player(SURE)
    effects = [each for event in (BEFORE[0], HOLD, failed(NOON + HOUR)) for each in player.see(event)]
    assert cases(effects + player.see(mark(NOON + HOUR + 7 * DAY - 1))) == []
    assert cases(player.see(mark(NOON + HOUR + 7 * DAY))) == [("hold_not_released", "classified")]
    late = line(NOON + 8 * DAY, "p1", "credit", kind="release")
    assert cases(player.see(late))[-1:] == [("hold_not_released", "resolved")]


@pytest.mark.parametrize(
    "end",
    [RELEASE, said(PaymentSucceeded, NOON + 2 * HOUR), line(NOON + HOUR)],
    ids=["released", "good after all", "debited"],
)
def test_a_hold_that_ends_is_nobodys(end: Event) -> None:
    effects = play([*BEFORE, HOLD, failed(NOON + 2 * SECOND), end, mark(NOON + 30 * DAY)], SURE)
    assert "hold_not_released" not in {family for family, _ in cases(effects)}


def test_a_payment_that_goes_on_may_hold_its_money() -> None:
    player = Player(SURE)
    for happening in (*BEFORE, HOLD, mark(NOON + 30 * DAY)):
        assert "hold_not_released" not in {family for family, _ in cases(player.see(happening))}
    assert player.obligations["a1"].reserved == []


@pytest.mark.parametrize("good", [False, True], ids=["failed", "refunded in full"])
def test_what_is_told_of_payments_whose_money_is_back_opens_nothing(good: bool) -> None:
    """However many of an account's debits are back by then, and also where other debits came meanwhile."""
    names = [f"p{number}" for number in range(6)]
    script: list[Event] = []
    for number, name in enumerate(names):
        at_ms, about = NOON + number * MINUTE, {"payment_id": name, "order_id": f"o-{name}", "merchant_id": f"m-{name}"}
        end = said(PaymentSucceeded, at_ms + 2, name, **about) if good else failed(at_ms + 2, number=name, **about)
        script += [said(PaymentRequested, at_ms, name, **about), line(at_ms + 1, name), end]
    script += [line(NOON + 10 * MINUTE + number, name, "credit") for number, name in enumerate(names)]
    script += [line(NOON + 11 * MINUTE + number, f"q{number}", amount_minor=50 + number) for number in range(10)]
    back = play([*script, mark(NOON + 12 * MINUTE)], SURE)
    told = [said(PaymentReversed, NOON + 13 * MINUTE, name, payment_id=name) for name in names]
    whole = play([*script, mark(NOON + 12 * MINUTE), *told, mark(NOON + DAY)], SURE)
    later = {
        (each.cause_family, each.entities.payment_id) for each in whole[len(back) :] if isinstance(each, CaseVersion)
    }
    assert not later & {("debited_not_confirmed", name) for name in names}


def test_of_a_payment_that_is_debited_once_more_that_is_not_said() -> None:
    """Its first debit is back and forgotten, the second one is forgotten as well, and stands."""
    others = [line(NOON + HOUR + number, f"q{number}", amount_minor=50 + number) for number in range(11)]
    script = [*GOOD, line(NOON + MINUTE, direction="credit"), *others, line(NOON + 2 * HOUR)]
    others = [line(NOON + 3 * HOUR + number, f"r{number}", amount_minor=70 + number) for number in range(11)]
    effects = play([*script, *others, failed(NOON + 4 * HOUR), mark(NOON + DAY)], SURE)
    assert ("debited_not_confirmed", "p1") in {
        (each.cause_family, each.entities.payment_id) for each in effects if isinstance(each, CaseVersion)
    }


def test_the_wrong_amount_of_a_silent_payment_is_not_said_to_have_failed() -> None:
    effects = play([BEGIN[0], line(NOON + 1, amount_minor=10_500), mark(NOON + HOUR)], SURE)
    last = {each.cause_family: each for each in effects if isinstance(each, CaseVersion)}
    assert last["amount_mismatch"].resolution_code == "not_confirmed"
    assert last["debited_not_confirmed"].amount_minor == 10_500
