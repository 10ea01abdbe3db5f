"""One bank cannot be reached for a while, through whatever gateway one tries."""

from __future__ import annotations

from typing import Any

from producers.simulate.rush_hour import goes_wrong, rush
from producers.simulate.stage import ISSUERS, Stage

BROKEN = ISSUERS[1][0]


def play(stage: Stage) -> None:
    """Between the two marks of a rush hour most payments with cards of one bank are answered "issuer unavailable"."""

    def fate(fields: dict[str, Any], minute: int) -> str | None:
        return "91" if fields["issuer_id"] == BROKEN and goes_wrong(stage, minute) else None

    rush(stage, stage.warm_up(), 17.0, fate)
