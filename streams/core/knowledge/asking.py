"""What does a question ask about, in general terms, and is it one at all, or the report of something that went wrong?

`themes.txt` lists what customers of a wallet ask about and how that is said in both languages, also subjects that no
article has yet: what is asked and cannot be answered is told by these names, never by the customer's words. `signs.txt`
lists forms of a question, and signs that something has happened to this customer: no text about how things usually are
is an answer to that.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from streams.core.intake.details import Details
from streams.core.intake.grams import READ_MAX
from streams.core.intake.reading import folded as small

NOTHING_KNOWN: Final = "nothing_known"


def _lines(name: str) -> list[tuple[str, str]]:
    lines = files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines()
    return [(head, rest) for head, _, rest in (line.partition(" ") for line in lines)]


_THEMES: Final = tuple((name, re.compile(pattern)) for name, pattern in _lines("themes.txt"))
THEMES: Final = tuple(name for name, _ in _THEMES)

_SIGNS: Final = {
    sign: re.compile("|".join(pattern for name, pattern in _lines("signs.txt") if name == sign))
    for sign in ("asks", "happened")
}
_WHY: Final = "why"  # the theme: other questions why are about something that happened


def folded(text: str) -> str:
    """As the patterns of this package read it: compatibility forms folded, small letters, no mark at the end."""
    line = small(text[:READ_MAX])
    return line.strip().rstrip("?!.,;。，！；… ")


def themes_of(text: str) -> tuple[str, ...]:
    """What a text speaks of, in the order of the list."""
    line = folded(text)
    return tuple(name for name, pattern in _THEMES if pattern.search(line) is not None)


def happened(text: str, details: Details) -> bool:
    """Whether it tells of a payment, a loss or a failure of its writer's own."""
    if details.order or details.last4 or details.payee or details.time:
        return True
    return _SIGNS["happened"].search(folded(text)) is not None


def asks(text: str) -> bool:
    """Whether it has the form of a question."""
    return _SIGNS["asks"].search(folded(text)) is not None or _WHY in themes_of(text)
