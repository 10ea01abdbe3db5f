"""One gateway takes payments and never answers: no failure, no error, nothing."""

from __future__ import annotations

from typing import Any

from producers.simulate.rush_hour import SILENT, goes_wrong, rush
from producers.simulate.stage import GATEWAYS, Stage

BROKEN = GATEWAYS[2]


def play(stage: Stage) -> None:
    """Between the two marks of a rush hour payments through one gateway are requested and never end."""

    def fate(fields: dict[str, Any], minute: int) -> str | None:
        return SILENT if fields["gateway_id"] == BROKEN and goes_wrong(stage, minute) else None

    rush(stage, stage.warm_up(), 17.0, fate)
