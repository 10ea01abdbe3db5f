"""One merchant changes its set-up and every payment there is refused; its neighbours are well."""

from __future__ import annotations

from typing import Any

from producers.simulate.rush_hour import goes_wrong, rush
from producers.simulate.stage import Stage

BROKEN = "merchant-1"


def play(stage: Stage) -> None:
    """Between the two marks the merchant's payments are answered "invalid merchant"."""

    def fate(fields: dict[str, Any], minute: int) -> str | None:
        return "03" if fields["merchant_id"] == BROKEN and goes_wrong(stage, minute) else None

    rush(stage, stage.warm_up(), 17.0, fate)
