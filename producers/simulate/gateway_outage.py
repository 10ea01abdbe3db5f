"""One payment gateway breaks for a while; issuers, merchants and the other gateways are well."""

from __future__ import annotations

from typing import Any

from producers.simulate.rush_hour import LOST, goes_wrong, rush
from producers.simulate.stage import GATEWAYS, Stage

BROKEN = GATEWAYS[1]


def play(stage: Stage) -> None:
    """Between the two marks of a rush hour most payments through one gateway fail or hang."""

    def fate(fields: dict[str, Any], minute: int) -> str | None:
        if fields["gateway_id"] != BROKEN or not goes_wrong(stage, minute):
            return None
        return "96" if stage.rng.random() < 0.8 else LOST

    rush(stage, stage.warm_up(), 17.0, fate)
