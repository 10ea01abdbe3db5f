"""Does a restriction outlive the silence of those who should review it, and does it end?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, MINUTE, NOON, event, paid
from support.play import Player, policy

from streams.contracts.accounts import CaseAction
from streams.contracts.actions import LocksState
from streams.contracts.cases import CaseVersion
from streams.contracts.payments import PaymentRequested
from streams.core.score import Score
from streams.core.steps import Effect


def only(kind: type, effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if type(effect) is kind]


class Restricted:
    """An account that an analyst has restricted, and its case."""

    def __init__(self) -> None:
        self.player = Player(policy("[locks]\nack = 'assumed'"), lambda _: Score(0.95, "m1"))
        self.case = only(CaseVersion, self.player.see(paid(NOON, 1, kind=PaymentRequested)))[-1]
        self.act(1, "lock")

    def act(self, number: int, action: str) -> None:
        fields = {"action": action, "case_id": self.case.case_id, "actor": "ana", "role": "analyst"}
        at_ms = NOON + number * MINUTE
        effects = self.player.see(event(CaseAction, at_ms, number, expected_version=self.case.version, **fields))
        self.case = [self.case, *only(CaseVersion, effects)][-1]

    def days(self) -> tuple[int, list[Effect]]:
        effects = self.player.pass_until(NOON + 30 * DAY)
        last = only(LocksState, effects)[-1]
        assert (last.state, last.trigger) == ("active", "expired")
        return round((last.occurred_at.timestamp() * 1000 - NOON) / DAY), effects


@pytest.mark.parametrize(
    ("action", "lasts"), [("note", 3), ("confirm_fraud", 7), ("resolve", 1)], ids=["open", "fraud", "resolved"]
)
def test_it_goes_on_while_its_case_is_open_and_ends_all_the_same(action: str, lasts: int) -> None:
    restricted = Restricted()
    restricted.act(2, action)
    days, effects = restricted.days()
    assert days == lasts
    told = {line.kind for case in only(CaseVersion, effects) for line in case.evidence}
    assert ("lock_prolonged" in told) == (lasts > 1)
    assert ("lock_unreviewed" in told) == (lasts > 1)
