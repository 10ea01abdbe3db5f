"""How does whoever runs the integration hear of input that is wrong, without a case for every event that is?"""

from __future__ import annotations

from streams.core.cases.book import Draft, open_or_join
from streams.core.obligations import Line
from streams.core.turn import Turn


def sample(turn: Turn, source: str, code: str, *, case_type: str, flow: str, line: Line) -> None:
    """Opens a case with `line` as the example of what `code` of `source` stands for: one per partition and week."""
    if not turn.ctx.samples.take(source, code, turn.at_ms):
        return
    open_or_join(
        turn, Draft(case_type=case_type, flow=flow, family=case_type, queue="technical", priority=3, lines=(line,))
    )
