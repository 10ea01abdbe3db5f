"""What does the handbook's population do, with the kinds of fraud that the parameters switch on?"""

from __future__ import annotations

from producers.simulate.handbook import Frauds
from producers.simulate.stage import Stage


def play(stage: Stage) -> None:
    """`days` days of everybody; the truth about every payment follows `label_days` later."""
    stage.profiles(stage.start_ms)
    stage.live(0, stage.number("days"), frauds_of(stage), label_days=stage.number("label_days"))


def frauds_of(stage: Stage) -> Frauds:
    """The plan of fraud that the parameters ask for."""
    return Frauds(
        large_amounts=stage.parameters["large_amounts"] != 0,
        terminals_per_day=stage.number("terminals_per_day"),
        cards_per_day=stage.number("cards_per_day"),
    )
