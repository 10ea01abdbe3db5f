"""How long may something take: seconds, hours, days of the calendar, or business days of a region?

A term is written as people say it: `30m`, `2h`, `1d` (24 hours), `1cd` (the end of the next calendar day), `3bd` (the
end of the third business day). When a day ends and which one is a business day, `streams.core.money.business_days`
says.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

# At most four digits, so that no term reaches beyond what a timer can be.
Term: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,4}(s|m|h|d|cd|bd)$", max_length=6)]

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds_of(term: str) -> int | None:
    """Seconds of a term that ends at any time of day; None for one that ends with a day."""
    return None if term.endswith(("cd", "bd")) else int(term[:-1]) * _SECONDS[term[-1]]


def business_days_of(term: str) -> int:
    """How many business days the term counts; 0 for any other one."""
    return int(term[:-2]) if term.endswith("bd") else 0


def calendar_days_of(term: str) -> int | None:
    """How many days after the one on which it begins the term ends; None for one that counts no calendar days."""
    return int(term[:-2]) if term.endswith("cd") else None
