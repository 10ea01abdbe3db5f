"""Do two people act, where one must not decide alone: lifting a freeze, large refunds, erasure, policies?"""

from __future__ import annotations

import unicodedata


def is_somebody_else(second: str | None, actor: str) -> bool:
    """Whether two people act. A name that only looks different is the same person."""
    return second is not None and _person(second) not in ("", _person(actor))


def _person(actor: str) -> str:
    """The actor without what only looks different: case, width, spaces and characters that nobody sees."""
    plain = unicodedata.normalize("NFKC", actor).casefold()
    return "".join(each for each in plain if unicodedata.category(each)[0] not in "CZ")
