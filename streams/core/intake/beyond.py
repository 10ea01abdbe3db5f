"""Does a message say anything that a general answer to its subject would pass over?

A text about forgotten passwords is no answer to "forgot my password, and the link went to an address that is not
mine". What people may add has no end, so nobody lists it. What is known is how messages about the subject are made:
words that they do not use, a part about something else, a contradiction, a figure beside the subject are for a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from streams.core.intake.text_model import TextModel

STRANGE_MAX: Final = 1  # words of other subjects; a slip of the finger is forgiven
_LEAST: Final = 3  # words or Chinese characters of a part that says something; shorter ones greet and thank
_WORD: Final = re.compile(r"[a-z']+|[\u3400-\u9fff]")
_FIGURE: Final = re.compile(r"\d|[两三四五六七八九十百千万]")
_BREAK: Final = re.compile(
    r"(但是?|可是|(?<=[,;:!?，；：！？])可(?![以能否不信疑靠])|结果|却|然而|不过|居然|竟然|明明"
    r"|\b(?:but|yet|although|though|however|still|even)\b)"
    r"|[,;:!?\n，。；：！？]+|\.(?=\s|$)|\b(?:and|so|then|because|while|after|also|plus)\b|另外|而且|还有|顺便|后来"
)
# A request for help with the subject; alone the model would take it for a subject of its own.
_ASKS: Final = re.compile(
    r"^\s*(?:请问)?(?:我|那)?(?:该|要|应该)?(?:如何|怎么(?=办|弄|付|支付|处理|操作|设|换|改|解|绑|用|重|才能))"
    r"|^\s*(?:how|what|where|when) (?:do|can|should|to|now)\b|^\s*(?:can|could|should) (?:i|you)\b"
)


class Part(NamedTuple):
    """A piece of a message between two marks or joining words."""

    text: str
    is_turn: bool  # it contradicts what was said before


def goes_beyond(line: str, flow: str, model: TextModel, sure_from: float) -> bool:
    """Whether a message about `flow`, folded as the rules read it, says more than that.

    `sure_from` is the probability from which a part counts as understood.
    """
    if len(model.strange_words(line, flow)) > STRANGE_MAX:
        return True
    parts = [part for part in _all_parts(line) if _says_something(part, flow, model, sure_from)]
    if len(parts) < 2:
        return any(part.is_turn and _is_about_else(part, flow, model, sure_from) for part in parts)
    if any(_has_figure(part) for part in parts[1:]):
        return True
    told = [part for part in parts if part.is_turn or _ASKS.search(part.text) is None]
    return any(_is_about_else(part, flow, model, sure_from) for part in told)


def _is_about_else(part: Part, flow: str, model: TextModel, sure_from: float) -> bool:
    """Whether the part is surely about what has no general answer, or contradicts and is not surely about `flow`."""
    about, share = next(iter(model.guess(part.text).items()), ("", 0.0))
    if part.is_turn:
        return about != flow or share < sure_from
    return about not in model.answered and share >= sure_from


def parts_of(line: str) -> Iterator[Part]:
    """What stands between marks and joining words, where that is enough to say something."""
    return (part for part in _all_parts(line) if _is_long(part))


def _all_parts(line: str) -> Iterator[Part]:
    start, is_turn = 0, False
    for found in _BREAK.finditer(line):
        yield Part(line[start : found.start()], is_turn)
        start = found.end()
        is_turn = found[1] is not None or (is_turn and not line[: found.start()].strip())
    yield Part(line[start:], is_turn)


def _is_long(part: Part) -> bool:
    return len(_WORD.findall(part.text)) >= _LEAST


def _says_something(part: Part, flow: str, model: TextModel, sure_from: float) -> bool:
    """Whether it is long enough to, or in a word or two names the subject ("qr expired") or a sum ("but paid 300")."""
    if _is_long(part) or _WORD.search(part.text) is None:
        return _is_long(part)
    return (part.is_turn and _has_figure(part)) or model.guess(part.text).get(flow, 0.0) >= sure_from


def _has_figure(part: Part) -> bool:
    return _FIGURE.search(part.text) is not None
