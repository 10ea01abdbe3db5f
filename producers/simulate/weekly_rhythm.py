"""Banks do their end-of-day every night at three: failures that are normal at their hour, on thin traffic."""

from __future__ import annotations

from typing import Any

from producers.simulate.rush_hour import goes_wrong, rush
from producers.simulate.stage import GATEWAYS, Stage

BROKEN = GATEWAYS[0]


def play(stage: Stage) -> None:
    """Every night an hour of end-of-day answers; on the last day, at noon, the same share of failures is an outage."""
    stage.profiles(stage.start_ms)
    days = stage.number("days")

    def night(fields: dict[str, Any], minute: int) -> str | None:
        return "90" if stage.rng.random() < stage.parameters["night_share"] else None

    def noon(fields: dict[str, Any], minute: int) -> str | None:
        return "96" if fields["gateway_id"] == BROKEN and goes_wrong(stage, minute) else None

    for day in range(days):
        stage.live(day, 1)
        rush(stage, day, 3.0, night, stage.number("night_per_minute"))
        rush(stage, day, 12.0, noon if day == days - 1 else lambda fields, minute: None)
