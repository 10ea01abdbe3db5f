"""How long may something take: seconds, hours, days of the calendar, or business days of a region?

A term is written as people say it: `30m`, `2h`, `1d` (the same time tomorrow), `3bd` (the end of the third business
day). What a business day is, is asked of `streams.core.money.business_days`.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

# At most four digits, so that no term reaches beyond what a timer can be.
Term: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,4}(s|m|h|d|bd)$", max_length=6)]

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds_of(term: str) -> int | None:
    """Seconds of a term that counts no business days; None for one that does."""
    return None if term.endswith("bd") else int(term[:-1]) * _SECONDS[term[-1]]


def business_days_of(term: str) -> int:
    """How many business days the term counts; 0 for one in seconds, hours or calendar days."""
    return int(term[:-2]) if term.endswith("bd") else 0
