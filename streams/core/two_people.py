"""Do two people act, where one must not decide alone: lifting a freeze, large refunds, erasure, policies?"""

from __future__ import annotations

import unicodedata

from streams.core.roles import SUPERVISORS

# Small Cyrillic and Greek letters that look like Latin ones, after Unicode's confusables (UTS #39) and taken broadly:
# a false match asks for one more person, a missed one lets somebody act twice.
_ALIKE = str.maketrans(
    "\u0430\u0431\u0432\u0441\u0501\u0435\u0261\u04bb\u0456\u0458\u043a\u04cf\u043c\u043f\u043e\u0440"
    "\u051b\u0433\u0455\u0442\u0446\u0475\u051d\u0445\u0443"
    "\u03b1\u03b2\u03b5\u03b3\u03b7\u03b9\u03ba\u03bd\u03bf\u03c1\u03c3\u03c4\u03c5\u03c7\u0131",
    "a6bcdeghijklmnopqrstuvwxyabeynikvopotuxi",
)


def is_somebody_else(second: str | None, actor: str) -> bool:
    """Whether two people act. A name that only looks different is the same person."""
    return second is not None and _person(second) not in ("", _person(actor))


def is_agreed(second: str | None, second_role: str | None, actor: str) -> bool:
    """Whether somebody else agrees who may. Where no role is said, whoever sends the event has looked at it."""
    return is_somebody_else(second, actor) and (second_role is None or second_role in SUPERVISORS)


def _person(actor: str) -> str:
    """The actor without what only looks different: case, width, spaces, dots, accents, other scripts, the invisible."""
    plain = unicodedata.normalize("NFKD", actor).casefold()
    seen = "".join(each for each in plain if unicodedata.category(each)[0] in "LMN" and not _is_nothing(each))
    return unicodedata.normalize("NFKD", seen).translate(_ALIKE)


def _is_nothing(mark: str) -> bool:
    """Accents, and marks and letters that are not drawn (Unicode's Default_Ignorable_Code_Point)."""
    return unicodedata.combining(mark) >= _ACCENTS or mark in _UNSEEN


# Combining classes of marks below and above a letter; vowel signs of Indian and Thai scripts lie below and stay.
_ACCENTS = 200
_UNSEEN = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
