"""Which of a deployment's own rows will hardly ever match, because a spreadsheet or a typing mistake changed them?"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from streams.contracts.payments import Code
from streams.core.declines.profiles import Profiles
from streams.core.declines.resolve import without_zeros
from streams.core.declines.table import DeclineTable

_ALIKE = 0.8  # of two sources, as difflib measures it: a letter too many, too few, or two that changed places


def doubtful_rows(table: DeclineTable, profiles: Profiles) -> Iterator[str]:
    """One sentence about each such row, with its line."""
    known = {source for (source, _), line in table.lines.items() if not line.own} | set(profiles.by_source)
    for (source, code), line in table.lines.items():
        if not line.own:
            continue
        place = f"codes.csv line {line.number}: {source} {code}"
        padded = without_zeros(table, profiles, Code(source=source, code=code), None)
        if padded and not table.lines[source, padded].own:
            yield f"{place} is no packaged code, and {padded} is: have its leading zeros been lost?"
        meant = () if source in known else get_close_matches(source, known, 1, _ALIKE)
        if meant:
            yield f"{place} is of a source that nothing else names: is {meant[0]} meant?"
