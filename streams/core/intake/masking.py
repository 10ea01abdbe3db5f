"""How does a customer's text look without what must not be kept: cards, identity numbers, telephones, e-mails, codes?

`streams.core.personal` says what a card and an identity number is; here they stand in the middle of a sentence, with
blanks, line ends, dots and hyphens between the digits. In doubt a number is masked: a wrongly masked order number is
asked for again, a kept card number cannot be taken back. A password is known by the word before it; one that is an
everyday word in a sentence ("my password is sunflower") stays, as "my password is wrong" must.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from streams.core.personal import is_card, is_identity

_CARD_MAX = 19  # digits (ISO/IEC 7812)
_GAP = r"[\s.\-_·]{0,3}"
_RUN = re.compile(rf"(?<![0-9])[0-9](?:{_GAP}[0-9]){{10,63}}(?:{_GAP}[Xx])?(?![0-9])")
# As cards have them printed, whatever somebody puts between the groups.
_GROUPS = re.compile(
    r"(?<![0-9])[0-9]{4}\W{1,3}(?:[0-9]{4}\W{1,3}[0-9]{4}\W{1,3}[0-9]{1,7}|[0-9]{6}\W{1,3}[0-9]{5})(?![0-9])"
)
_EMAIL = re.compile(
    r"[^@\s,，。;；:：<>()（）]+ ?(?:@|[(\[（]at[)\]）]) ?[^@\s,，。;；]+(?: ?\. ?[A-Za-z\u4e00-\u9fff]{2,})+",
    re.IGNORECASE,
)
_PHONE = re.compile(
    rf"(?<![0-9A-Za-z])(?:"
    rf"(?:\+|00) ?[1-9](?:{_GAP}[0-9]){{7,14}}"  # ITU-T E.164
    rf"|(?:86{_GAP})?1{_GAP}[3-9](?:(?:{_GAP}|/)[0-9]){{9}}"  # mainland mobiles
    rf"|\(?0[0-9]{{2,3}}\)?{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{4}}"  # mainland landlines
    rf"|\(?[2-9][0-9]{{2}}\)?[ .\-][0-9]{{3}}[ .\-][0-9]{{4}}"  # North America
    rf")(?![0-9])"
)
# Resident numbers of before 1999 have fifteen digits and no check character; social security numbers of the US nine.
_OLD_IDENTITY = re.compile(
    r"(?<![0-9])(?:[1-8][0-9]{7}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}|[0-9]{3}-[0-9]{2}-[0-9]{4})(?![0-9])"
)
_PASSPORT = re.compile(r"((?:护照|passport)[^0-9]{0,16}?)([A-Z]{0,2}[0-9]{7,9})(?![0-9])", re.IGNORECASE)
_SPOKEN_DIGIT = "[零〇一二三四五六七八九幺两]"
_SPOKEN = re.compile(rf"{_SPOKEN_DIGIT}{{11,}}")
_CODE_WORD = (
    r"(?:验证码|校验码|动态码|动态口令|安全码|短信码|口令|密码|(?:短信|背面)[^0-9]{0,8}(?:码|数字|[三四六]位)|收到短信"
    r"|(?<![a-z])(?:(?:verification|security|confirmation) numbers?|codes?|otp|pin|cvv2?|cvc2?|password|passcode"
    r"|digits? (?:on|from|in)|(?:texted|sms))(?![a-z]))"
)
_CODE = re.compile(
    rf"{_CODE_WORD}[^0-9]{{0,16}}(?<![0-9])([0-9](?:[ \-]?[0-9]){{2,7}})(?![0-9])"
    rf"|(?<![0-9.])([0-9](?:[ \-]?[0-9]){{2,7}})(?![0-9.])[^0-9]{{0,12}}{_CODE_WORD}"
    rf"|{_CODE_WORD}[^0-9]{{0,8}}?({_SPOKEN_DIGIT}{{4,8}})",
    re.IGNORECASE,
)
_PASSWORD_WORD = r"(?:密码|口令|(?<![a-z])(?:pass(?:word|code|phrase|wd)?|pwd)(?![a-z]))"
_PASSWORD = re.compile(
    rf"{_PASSWORD_WORD}\s*(?:[:：=]\s*(?:is\s+|是)?|(?:is|was|are|[是为])\s*[:：]?\s*)"
    rf"((?:(?!{_PASSWORD_WORD})[^\s,;，。；、\u4e00-\u9fff\[\]]){{4,64}})",
    re.IGNORECASE,
)
_NO_WORD = re.compile(r"[0-9!#$%&*+=?@^_~]|[a-z][A-Z]")


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
    for numbers in (_RUN, _GROUPS):
        folded = numbers.sub(_number(instead), folded)
    folded = _OLD_IDENTITY.sub(lambda _: instead("identity"), folded)
    folded = _PASSPORT.sub(lambda found: found[1] + instead("identity"), folded)
    folded = _PHONE.sub(lambda _: instead("phone"), folded)
    folded = _SPOKEN.sub(lambda _: instead("number"), folded)
    folded = _PASSWORD.sub(_password(instead), folded)
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
        if _holds(digits.rstrip("X"), 13, _CARD_MAX, is_card):  # "4111 .. x 2": how many of them
            return instead("card")
        return run.group()

    return replaced


def _password(instead: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
    def replaced(found: re.Match[str]) -> str:
        whole, said = found.group(), found.group(1)
        before = whole[: -len(said)]
        # "pwd: sunflower" says it; "Login password: choose .." begins a sentence.
        alone = re.match(r"\s*(?:$|[\n，。；,;])", found.string[found.end() :]) is not None
        if _NO_WORD.search(said) is None and not (alone and re.search(r"[:：=]", before)):
            return whole
        return before + instead("code")

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
        return found.group().replace(next(filter(None, found.groups())), instead("code"))

    return replaced
