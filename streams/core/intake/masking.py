"""How does a customer's text look without what must not be kept: cards, identity numbers, telephones, e-mails, codes?

`streams.core.personal` says what a card and an identity number is; here they stand in the middle of a sentence, with
blanks, dots and hyphens between the digits. In doubt a number is masked: a wrongly masked order number is asked for
again, a kept card number cannot be taken back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from streams.core.personal import is_card, is_identity

_CARD_MAX = 19  # digits (ISO/IEC 7812)
_GAP = r"[ .\-_·]{0,3}"
_RUN = re.compile(rf"(?<![0-9])[0-9](?:{_GAP}[0-9]){{10,63}}(?:{_GAP}[Xx])?(?![0-9])")
_EMAIL = re.compile(r"[^@\s,，。;；:：<>()（）]+ ?@ ?[^@\s,，。;；]+\.[A-Za-z]{2,}")
_PHONE = re.compile(
    rf"(?<![0-9A-Za-z])(?:"
    rf"(?:\+|00) ?[1-9](?:{_GAP}[0-9]){{7,14}}"  # ITU-T E.164
    rf"|(?:86{_GAP})?1{_GAP}[3-9](?:{_GAP}[0-9]){{9}}"  # mainland mobiles
    rf"|\(?0[0-9]{{2,3}}\)?{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{4}}"  # mainland landlines
    rf"|\(?[2-9][0-9]{{2}}\)?[ .\-][0-9]{{3}}[ .\-][0-9]{{4}}"  # North America
    rf")(?![0-9])"
)
_CODE_WORD = (
    r"(?:验证码|校验码|动态码|动态口令|口令|密码"
    r"|(?<![a-z])(?:codes?|otp|pin|cvv2?|cvc|password|passcode)(?![a-z]))"
)
_CODE = re.compile(
    rf"{_CODE_WORD}[^0-9\n]{{0,16}}(?<![0-9])([0-9](?:[ \-]?[0-9]){{2,7}})(?![0-9])"
    rf"|(?<![0-9.])([0-9](?:[ \-]?[0-9]){{2,7}})(?![0-9.])[^0-9\n]{{0,12}}{_CODE_WORD}",
    re.IGNORECASE,
)


class Masked(NamedTuple):
    """The text with what was found replaced by its kind in brackets."""

    text: str
    kinds: tuple[str, ...]


def masked(text: str) -> Masked:
    """What may be read, shown and kept of a text. Compatibility forms are folded first, so ４１１１ is 4111."""
    folded = "".join(each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) != "Cf")
    folded = "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in folded)
    kinds: list[str] = []

    def instead(kind: str) -> str:
        if kind not in kinds:
            kinds.append(kind)
        return f"[{kind}]"

    folded = _EMAIL.sub(lambda _: instead("email"), folded)
    folded = _RUN.sub(_number(instead), folded)
    folded = _PHONE.sub(lambda _: instead("phone"), folded)
    folded = _CODE.sub(_code(instead), folded)
    return Masked(folded, tuple(kinds))


def _number(instead: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
    def replaced(run: re.Match[str]) -> str:
        digits = "".join(each for each in run.group() if each.isalnum()).upper()
        # Twenty digits and more without a blank are somebody's order number; with blanks, several numbers in a row.
        if len(digits) > _CARD_MAX and run.group().isalnum():
            return run.group()
        if _holds(digits, 18, 18, is_identity):
            return instead("identity")
        if _holds(digits, 13, _CARD_MAX, is_card):
            return instead("card")
        return run.group()

    return replaced


def _holds(digits: str, shortest: int, longest: int, test: Callable[[str], bool]) -> bool:
    """Whether any stretch of the digits is one: two numbers may stand side by side with a blank between them."""
    if len(digits) <= longest:
        return shortest <= len(digits) and test(digits)
    return any(
        test(digits[start : start + size])
        for size in range(shortest, longest + 1)
        for start in range(len(digits) - size + 1)
    )


def _code(instead: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
    def replaced(found: re.Match[str]) -> str:
        return found.group().replace(found.group(1) or found.group(2), instead("code"))

    return replaced
