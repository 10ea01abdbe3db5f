"""Which of the 46 flows of the domain does a missing feed, or a field that nobody fills, switch off?"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import msgspec


class Flow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of flow_feeds.toml."""

    id: str
    name: str
    feeds: tuple[str, ...]
    fields: tuple[str, ...] = ()  # topic:field
    watched: bool = False  # this release opens cases of it, or triages failures as its own


class FlowState(NamedTuple):
    """Whether a flow can be seen, and what it lacks."""

    flow: Flow
    feeds_missing: tuple[str, ...]  # without these it is off
    fields_missing: tuple[str, ...]  # without these it sees less

    @property
    def off(self) -> bool:
        return bool(self.feeds_missing)


@cache
def flows() -> tuple[Flow, ...]:
    """The table, F01 to F46."""
    text = (files("streams.adapters") / "flow_feeds.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["flow"], tuple[Flow, ...])


def flow_states(feeds: Collection[str], fields: Collection[str] | None = None) -> list[FlowState]:
    """Every flow against the feeds that have records, and the fields (`topic:field`) that some record filled.

    Without `fields`, or for a feed that is missing, fields are not judged.
    """
    states = []
    for flow in flows():
        missing = tuple(feed for feed in flow.feeds if feed not in feeds)
        unfilled = (
            ()
            if fields is None
            else tuple(each for each in flow.fields if each.partition(":")[0] in feeds and each not in fields)
        )
        states.append(FlowState(flow, missing, unfilled))
    return states
