"""A new release of the app builds its requests wrongly; older releases are well."""

from __future__ import annotations

from typing import Any

from producers.simulate.rush_hour import goes_wrong, rush
from producers.simulate.stage import Stage

OLD, NEW = ("5.0.3", "5.1.0"), "5.2.0"


def play(stage: Stage) -> None:
    """A third of the customers have the new release; between the marks its payments are mostly "format error"."""

    def fate(fields: dict[str, Any], minute: int) -> str | None:
        fields["app_version"] = stage.rng.choice((*OLD, NEW))
        return "30" if fields["app_version"] == NEW and goes_wrong(stage, minute) else None

    rush(stage, stage.warm_up(), 17.0, fate)
