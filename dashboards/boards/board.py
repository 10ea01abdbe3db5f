"""What is a dashboard? Questions, one to a row, and the panels that answer them."""

from __future__ import annotations

from typing import Final, NamedTuple

from dashboards.panels import Panel
from streams.core.flows.names import FLOWS

# A dashboard that says F10 is for nobody but us.
NAMED: Final = {flow: f"{flow} {words}" for flow, words in FLOWS.items()}
# Where money is between two places: the flows that accounting works.
MONEY: Final = "F10|F11|F12|F13|F14|F15|F16|F17|F18|F36|F41"


class Row(NamedTuple):
    """One question and the panels that answer it."""

    question: str
    panels: tuple[Panel, ...]


class Board(NamedTuple):
    """One dashboard."""

    name: str  # paywarden-NAME is its uid and its file
    title: str
    about: str
    since: str
    rows: tuple[Row, ...]

    @property
    def uid(self) -> str:
        return f"paywarden-{self.name}"
