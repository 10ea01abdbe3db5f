"""Of what came back beyond all debits nothing is said before every line has been heard that could explain it."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from support.happenings import HOUR, MINUTE, NOON, SECOND, event
from support.play import Player, policy

from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import RefundIntended
from streams.contracts.base import Watermark
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import PaymentFailed, PaymentRequested, TransferFailed, TransferRequested

MONEY: dict[str, Any] = {"payment_id": "p1", "amount_minor": 10_000, "currency": "CNY", "method": "wallet_balance"}
# A fee beside its price, and both taken back; or a price in two parts.
LINES = {
    "fee": [("debit", 10_000), ("debit", 10), ("credit", 10), ("credit", 10_000)],
    "parts": [("debit", 6_000), ("debit", 4_000), ("credit", 4_000), ("credit", 6_000)],
}


@pytest.mark.parametrize("kinds", [(PaymentRequested, PaymentFailed), (TransferRequested, TransferFailed)])
@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_lines_that_undo_each_other_are_nothing_in_whatever_order_they_come(
    kinds: tuple[Any, Any], lines: list[tuple[str, int]]
) -> None:
    requested, failed = kinds
    for order in permutations(range(4)):
        player, intents, cases = Player(policy()), 0, dict[str, CaseVersion]()
        heard = [event(requested, NOON, "asked", **MONEY), event(failed, NOON + SECOND, "failed", **MONEY)]
        for number in order:
            direction, minor = lines[number]
            line = {"payment_id": "p1", "currency": "CNY", "direction": direction, "amount_minor": minor}
            at_ms = NOON + (2 + number) * SECOND
            heard.append(event(LedgerPosted, at_ms, f"l{number}", entry_id=f"l{number}", **line))
        heard += [event(Watermark, NOON + each * 10 * MINUTE, f"w{each}", account_id="-") for each in range(1, 30)]
        for effect in (each for happening in heard for each in player.see(happening)):
            intents += isinstance(effect, RefundIntended)
            if isinstance(effect, CaseVersion):
                cases[effect.case_id] = effect
        still_open = [case.cause_family for case in cases.values() if case.status == "classified"]
        assert (intents, still_open) == (0, []), order


def test_a_debit_that_comes_within_the_minute_explains_a_credit_that_was_here_first() -> None:
    player, line = Player(policy()), {"payment_id": "p1", "currency": "CNY", "amount_minor": 10_000}
    found: list[str] = []
    for happening in (
        event(PaymentRequested, NOON, "asked", **MONEY),
        event(PaymentFailed, NOON + SECOND, "failed", **MONEY),
        event(LedgerPosted, NOON + 2 * SECOND, "d1", entry_id="d1", direction="debit", **line),
        event(LedgerPosted, NOON + 4 * SECOND, "c1", entry_id="c1", direction="credit", **line),
        event(LedgerPosted, NOON + 5 * SECOND, "c2", entry_id="c2", direction="credit", **line),
        event(LedgerPosted, NOON + 3 * SECOND, "d2", entry_id="d2", direction="debit", **line),
        *(event(Watermark, NOON + each * HOUR, f"w{each}", account_id="-") for each in range(1, 4)),
    ):
        found += [each.cause_family for each in player.see(happening) if isinstance(each, CaseVersion)]
    assert found == []
