from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, paid
from support.play import Player, play, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import PspQuery
from streams.contracts.base import Event, Watermark
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import (
    PaymentFailed,
    PaymentPending,
    PaymentRequested,
    PaymentReversed,
    PaymentSucceeded,
    TransferRequested,
    WithdrawalRequested,
)
from streams.core.steps import Effect

WALLET = {"method": "wallet_balance"}
SURE = "[unknown]\nsilent_s = 0\n"  # silence is another rule's


def posted(at_ms: int, payment_id: str = "p1", direction: str = "debit", **fields: Any) -> Event:
    line = {"entry_id": "l1", "direction": direction, "amount_minor": 1000, "currency": "EUR", "payment_id": payment_id}
    return event(LedgerPosted, at_ms, f"{payment_id}-{direction}", **line | fields)


def mark(at_ms: int) -> Event:
    return event(Watermark, at_ms, at_ms, account_id="-")


def cases(effects: list[Effect]) -> list[tuple[str, int, str]]:
    return [(case.case_type, case.version, case.status) for case in effects if isinstance(case, CaseVersion)]


OPENED = [("debited_not_confirmed", 1, "classified")]


@pytest.mark.parametrize("kind", [PaymentRequested, PaymentFailed, PaymentPending, TransferRequested])
def test_a_debit_without_success_becomes_a_case(kind: type[Event]) -> None:
    effects = play([paid(NOON, 1, kind=kind, **WALLET), posted(NOON), mark(NOON + 2 * MINUTE)], policy(SURE))
    assert cases(effects) == OPENED
    queries = [effect for effect in effects if isinstance(effect, PspQuery)]
    # A payment that somebody called pending is being asked about on its own schedule; no need to ask once more.
    assert len(queries) == (4 if kind is PaymentPending else 1)
    assert len({query.query_id for query in queries}) == len(queries)


@pytest.mark.parametrize(
    ("method", "grace_ms"), [("wallet_balance", 2 * MINUTE), ("card", 30 * MINUTE), ("anything", 30 * MINUTE)]
)
def test_the_grace_is_that_of_the_method(method: str, grace_ms: int) -> None:
    events = [paid(NOON, 1, kind=PaymentRequested, method=method), posted(NOON)]
    assert cases(play([*events, mark(NOON + grace_ms - 1)], policy(SURE))) == []
    assert cases(play([*events, mark(NOON + grace_ms)], policy(SURE))) == OPENED


@pytest.mark.parametrize(
    "explanation",
    [
        paid(NOON + SECOND, 2, kind=PaymentSucceeded, payment_id="p1"),
        paid(NOON + SECOND, 2, kind=PaymentReversed, payment_id="p1"),
        posted(NOON + SECOND, direction="credit"),
    ],
    ids=["success", "reversal", "credit"],
)
def test_an_explanation_in_time_says_nothing(explanation: Event) -> None:
    events = [paid(NOON, 1, kind=PaymentRequested, **WALLET), posted(NOON), explanation, mark(NOON + DAY)]
    assert cases(play(events, policy(SURE))) == []


@pytest.mark.parametrize("kind", [PaymentSucceeded, PaymentReversed])
def test_an_end_before_the_debit_is_an_explanation_too(kind: type[Event]) -> None:
    events = [paid(NOON, 1, kind=kind), posted(NOON + SECOND), mark(NOON + DAY)]
    assert cases(play(events, policy(SURE))) == []


@pytest.mark.parametrize(("after_ms", "status"), [(10 * MINUTE, "withdrawn"), (2 * HOUR, "resolved")])
def test_success_after_the_case_ends_it(after_ms: int, status: str) -> None:
    events = [
        paid(NOON, 1, kind=PaymentRequested, **WALLET),
        posted(NOON),
        mark(NOON + 2 * MINUTE),
        paid(NOON + after_ms, 2, kind=PaymentSucceeded, payment_id="p1"),
    ]
    assert cases(play(events, policy(SURE))) == [*OPENED, ("debited_not_confirmed", 2, status)]


def test_a_debit_of_an_unknown_payment_has_a_timer_of_its_own() -> None:
    assert cases(play([posted(NOON), mark(NOON + 5 * MINUTE - 1)], policy(SURE))) == []
    assert ("debited_not_confirmed", 1, "classified") in cases(
        play([posted(NOON), mark(NOON + 5 * MINUTE)], policy(SURE))
    )


def test_withdrawals_have_rules_of_their_own() -> None:
    events = [paid(NOON, 1, kind=WithdrawalRequested, **WALLET), posted(NOON), mark(NOON + DAY)]
    for order in (events, [posted(NOON), *events]):
        assert {case_type for case_type, _, _ in cases(play(order, policy(SURE)))} == {"withdrawal_delay"}


@pytest.mark.parametrize("fields", [{"kind": "hold"}, {"kind": "release"}, {"payment_id": None}])
def test_holds_and_fees_are_no_debits(fields: dict[str, Any]) -> None:
    assert cases(play([posted(NOON, **fields), mark(NOON + DAY)], policy(SURE))) == []


def test_the_case_opens_soon_after_a_feed_has_caught_up() -> None:
    player = Player(policy(SURE))
    effects = player.see(paid(NOON, 1, kind=PaymentRequested, **WALLET)) + player.see(posted(NOON))
    effects += player.see(posted(NOON + 10 * MINUTE, "p2"))  # payments stand still
    assert cases(effects) == []
    effects += player.see(paid(NOON + 11 * MINUTE, 3, kind=PaymentRequested, **WALLET))
    effects += player.see(mark(NOON + 12 * MINUTE))
    assert cases(effects) == OPENED


def test_too_many_open_debits_are_judged_rather_than_forgotten() -> None:
    events = [posted(NOON + number, f"p{number}") for number in range(8)]
    opened = [case_type for case_type, _, _ in cases(play(events, policy(SURE)))]
    assert opened.count("debited_not_confirmed") == 2


def test_a_debit_waits_while_a_feed_is_called_stalled_and_is_judged_when_that_is_over() -> None:
    player = Player(policy(SURE))
    player.stalled["payments.transactions"] = (NOON + MINUTE, NOON + HOUR)
    effects = [
        each for event in (paid(NOON, 1, kind=PaymentRequested, **WALLET), posted(NOON)) for each in player.see(event)
    ]
    assert cases(effects + player.see(mark(NOON + HOUR - 1))) == []
    assert cases(player.see(mark(NOON + HOUR + 10 * MINUTE))) == OPENED


def test_a_debit_that_is_due_as_a_stall_is_prolonged_goes_on_waiting() -> None:
    player = Player(policy(SURE))
    player.stalled["payments.transactions"] = (NOON + SECOND, NOON + 2 * MINUTE)  # the wallet's grace ends with it
    for each in (paid(NOON, 1, kind=PaymentRequested, **WALLET), posted(NOON)):
        player.see(each)
    assert cases(player.see(mark(NOON + 2 * MINUTE))) == []
    player.stalled["payments.transactions"] = (NOON + SECOND, NOON + HOUR)
    assert cases(player.see(mark(NOON + HOUR))) == []
    assert cases(player.see(mark(NOON + HOUR + 10 * MINUTE))) == OPENED


def test_a_success_that_was_behind_the_stall_leaves_nothing_to_judge() -> None:
    player = Player(policy(SURE))
    player.stalled["payments.transactions"] = (NOON + MINUTE, NOON + HOUR)
    for each in (paid(NOON, 1, kind=PaymentRequested, **WALLET), posted(NOON), mark(NOON + HOUR - MINUTE)):
        player.see(each)
    late = player.see(paid(NOON + SECOND, 2, kind=PaymentSucceeded, payment_id="p1"))
    assert cases(late + player.see(mark(NOON + DAY))) == []
