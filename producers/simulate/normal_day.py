"""What does a day without any attack look like?"""

from __future__ import annotations

from producers.simulate.stage import Stage


def play(stage: Stage) -> None:
    """`days` ordinary days and nothing else: whatever is locked or blocked here is a false alarm."""
    stage.warm_up()
