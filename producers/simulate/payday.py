"""The day before payday: half of the accounts are empty, and nothing is broken."""

from __future__ import annotations

from typing import Any

from producers.simulate.rush_hour import goes_wrong, rush
from producers.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Between the two marks of a rush hour many payments are refused for lack of money, everywhere."""

    def fate(fields: dict[str, Any], minute: int) -> str | None:
        return "51" if goes_wrong(stage, minute) else None

    rush(stage, stage.warm_up(), 17.0, fate)
