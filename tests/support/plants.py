"""What must be written down nowhere, how do people write it, and does a text tell any of it?

Made up, by a seed. Passwords and the names of addresses begin with two letters that no word has, so that a long text is
searched for all of them at once.
"""

from __future__ import annotations

import random
import re
import unicodedata
from typing import Final, NamedTuple

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_LETTERS: Final = "abcdefghkmnpqrstuvwxyz"
_MARK: Final = "qx"
_NAME: Final = re.compile(rf"{_MARK}[a-z]{{7}}", re.IGNORECASE)
_ROW: Final = re.compile(r"[0-9](?:[\W_]{0,8}[0-9]){10,}+(?:[\W_]{0,8}[Xx])?")
_SIX: Final = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])")
_SIX_ALONE: Final = re.compile(r"(?<![0-9A-Za-z_])[0-9]{6}(?![0-9A-Za-z_])")
_PART: Final = 9  # digits: of a card or identity number as many are no chance any more
_BESIDE: Final = ("", "", "，", "。", "；", ",", ".", ";", ":", "：", "！", "(", "“", "、", " ", "\n")
_BEFORE: Final = ("我的", "请看", "是", "这个", "客户说", "给", "see ", "it is ", "128元,", "3/", "2026-04-01,", "订单")
_AFTER: Final = ("谢谢", "请处理", "不对", "的", "了", "怎么办", " please", " thanks", ",128元", "/27", "，3次", ";ok")
_BETWEEN: Final = (
    ",",
    "，",
    ";",
    "；",
    "、",
    "/",
    "|",
    "\n",
    ":",
    "：",
    "。",
    "和",
    "还有",
    "，",
    " ",
    " and ",
    "&",
    "->",
)


class Plant(NamedTuple):
    """Something as it is written, and what of it must appear nowhere."""

    kind: str
    text: str
    secret: str


class Plants:
    """Makes plants and knows all that it has made."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.names: set[str] = set()
        self.numbers: set[str] = set()
        self.codes: set[str] = set()
        self._lengths: set[int] = set()

    def one(self) -> Plant:
        """A secret of any kind, with what people write right beside it."""
        plant = getattr(self, f"_{self.chance.choice(KINDS)}")()
        if plant.kind in ("password", "email"):
            self.names.add(plant.secret)
        elif plant.kind == "code":
            self.codes.add(plant.secret)
        else:
            self.numbers.add(plant.secret)
            self._lengths.add(len(plant.secret))
        return plant

    def beside(self, text: str) -> str:
        """With punctuation, words or numbers before and behind it, mostly without a blank."""
        pick = self.chance.choice
        before = pick(_BEFORE) + pick(_BESIDE) if self.chance.random() < 0.5 else pick(_BESIDE)
        after = pick(_BESIDE) + pick(_AFTER) if self.chance.random() < 0.5 else pick(_BESIDE)
        return f"{before}{text}{after}"

    def told_in(self, text: str) -> set[str]:
        """Of all that was made, what the text tells, whatever stands between digits."""
        text = _folded(text)
        found = self.names & {each.lower() for each in _NAME.findall(text)}
        found |= self.codes & set(_SIX_ALONE.findall(text))
        for row in _ROW.finditer(text):
            bare = _bare(row.group())
            for length in self._lengths:
                found |= self.numbers & {bare[at : at + length] for at in range(len(bare) - length + 1)}
        return found

    def sentence(self, frame: str, most: int = 2) -> tuple[str, list[Plant]]:
        """A sentence with one to `most` of them in it."""
        chance = self.chance
        plants = [self.one() for _ in range(chance.randint(1, most))]
        shown = [_wide(each.text) if chance.random() < 0.1 else each.text for each in plants]
        said = self.beside(chance.choice(_BETWEEN).join(shown))
        form = chance.choice(("{0}{1}", "{0} {1}", "{0}，{1}", "{1}{0}", "{1}。{0}"))
        if any(_folded(one[-1:] + two[:1]).isascii() for one, two in ((frame, said), (said, frame))):
            # Whoever writes so puts blanks between words; "an error" and "code: 51" are one in the same sentence.
            form = chance.choice(("{0}. {1}", "{0}\n{1}", "{1} {0}"))
        return form.format(frame, said), plants

    def _card(self) -> Plant:
        chance = self.chance
        digits = chance.choice("3456") + "".join(chance.choices("0123456789", k=chance.choice((14, 15, 17)) - 1))
        total = sum(
            int(each) * 2 - 9 * (int(each) > 4) if at % 2 == 0 else int(each) for at, each in enumerate(digits[::-1])
        )
        card = digits + str(-total % 10)
        gap = chance.choice(("", "", " ", "-", ".", "\n", "\t", "，", " / ", "|", "    ", "—"))
        return Plant("card", gap.join(card[at : at + 4] for at in range(0, len(card), 4)), card)

    def _identity(self) -> Plant:
        chance = self.chance
        day = f"{chance.randint(1950, 2009)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
        body = f"{chance.randint(110000, 659999)}{day}{chance.randint(0, 999):03d}"
        whole = body + "10X98765432"[sum(int(a) * b for a, b in zip(body, _WEIGHTS, strict=True)) % 11]
        return Plant("identity", chance.choice((whole, f"{whole[:6]} {whole[6:14]}\n{whole[14:]}")), whole)

    def _phone(self) -> Plant:
        chance = self.chance
        phone = f"1{chance.choice('3456789')}{chance.randint(0, 10**9 - 1):09d}"
        parts = phone[:3], phone[3:7], phone[7:]
        said = (phone, f"+86{phone}", f"+86 {phone}", f"tel{phone}", "-".join(parts), "\n".join(parts), "—".join(parts))
        return Plant("phone", chance.choice(said), phone)

    def _email(self) -> Plant:
        name = self._name()
        host = f"mail{self.chance.randint(1, 99)}"
        said = (f"{name}@{host}.example", f"{name}＠{host}。com", f"{name}@{host}.com.cn", f"{name}(at){host}.com")
        return Plant("email", self.chance.choice(said), name)

    def _password(self) -> Plant:
        name = self._name()
        shape = f"{name}{self.chance.randint(10, 99)}"
        said = (
            "密码是{}",
            "my password is {}",
            "pwd: {}",
            "密码{}",
            "password {}",
            "口令：{}",
            "密码改成了{}",
            "pwd:{}",
        )
        return Plant("password", self.chance.choice(said).format(shape), name)

    def _code(self) -> Plant:
        code = f"{self.chance.randint(100000, 999999)}"
        said = (
            "验证码{}",
            "code: {}",
            "my otp is {}",
            "{} 是验证码",
            "验证码\n{}",
            "短信里的数字是{}",
            "otp:{}",
            "{}是验证码",
        )
        return Plant("code", self.chance.choice(said).format(code), code)

    def _name(self) -> str:
        return _MARK + "".join(self.chance.choices(_LETTERS, k=7))


KINDS: Final = ("card", "identity", "phone", "email", "password", "code")


def tells(said: str, plant: Plant) -> bool:
    """Whether a text tells a secret, or a good part of a long number, also with gaps."""
    said = _folded(said)
    if plant.kind == "code":  # six digits stand in many a time of day: those only as a word
        return plant.secret in _SIX.findall(said)
    if plant.kind in ("password", "email"):
        return plant.secret in said.lower()
    rows = [_bare(each.group()) for each in re.finditer(rf"[0-9](?:[\W_]*[0-9]){{{_PART - 1},}}[\W_]*[Xx]?", said)]
    size = len(plant.secret) if plant.kind == "phone" else _PART
    parts = {plant.secret[at : at + size] for at in range(len(plant.secret) - size + 1)}
    return any(part in row for row in rows for part in parts)


def _folded(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def _wide(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) if each.isascii() and each.isdigit() else each for each in text)
