"""What of a form is written down, and when is one that was sent twice the same form?"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from streams.core.ids import digest
from streams.core.intake.masking import is_known_by_form, masked
from streams.core.personal import kind_of

_ID: Final = re.compile(r"[A-Za-z0-9_:#-]+")
_BETWEEN: Final = str.maketrans("_:#", "---")  # what may stand between the groups of a number that is written as an id
VERSION_DIGITS: Final = 9  # at most, of a case: fewer than a telephone number has


def is_personal(typed: str) -> bool:
    """Whether what stands where a reference belongs is a number or address of somebody, or tells a password."""
    is_id = _ID.fullmatch(typed) is not None  # digits of an order may be what in a sentence was a telephone
    plain = unquote(typed)
    return (
        kind_of(plain) is not None
        or kind_of(plain.translate(_BETWEEN)) is not None
        or (is_known_by_form(plain) if is_id else bool(masked(plain).kinds))
    )


def written(text: str) -> str:
    """What somebody has typed as a topic may have it: masked as the workers mask it, for it is kept and read there."""
    hidden = masked(text)
    return hidden.text if hidden.kinds else text


def filled_in(form: str, *content: object) -> str:
    """The name of a form with what was filled in: sent again with anything else in it, it asks for something else.

    What the workers mask does not count, as it is written down nowhere: the name becomes part of an id, and ids are
    kept longer than what was said.
    """
    return digest("form", form, masked(repr(content)).text)
