"""Does a question say anything besides what it asks, that an article would pass over?

"How long does a refund take? Mine is 20 days late" is no general question. What comes before one may be its reason
("I have a new number, where do I change it"), as long as it is told in words that articles use; what is said after
it is about this customer.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final

from streams.core.intake import graver
from streams.core.intake.beyond import parts_of
from streams.core.intake.grams import words_of
from streams.core.knowledge.asking import asks, folded

# Words that no article has: of the whole message, and of a reason given before the question.
_STRANGE_MAX: Final = 3
_STRANGE_REASON_MAX: Final = 1
_FIGURE: Final = re.compile(r"\d|[两三四五六七八九十百千万]")


def adds_to_question(text: str, words: Set[str]) -> bool:
    """Whether a person has to read it; `words` are those of the articles."""
    line = folded(text)
    if graver.tells_of_others(line) or graver.tells_of_robbery(line) or graver.tells_of_debit(line):
        return True
    if _strange(line, words) > _STRANGE_MAX:
        return True
    is_asked = False
    for part in parts_of(line):
        if asks(part.text):
            is_asked = True
        elif is_asked or part.is_turn or _FIGURE.search(part.text) or _strange(part.text, words) > _STRANGE_REASON_MAX:
            return True
    return False


def _strange(line: str, words: Set[str]) -> int:
    return sum(word not in words for word in words_of(line))
