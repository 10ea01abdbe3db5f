"""Whatever is planted into a customer's message, none of it is published or kept.

PAYWARDEN_SOAK=1 plants into 100,000 messages instead of some hundred.
"""

from __future__ import annotations

import os
import random
import re
import unicodedata

import msgspec
import pytest
from support.happenings import MINUTE, NOON, event
from support.play import Player, policy

from models.training.texts.writing import written
from streams.contracts.accounts import UserMessage
from streams.core.redaction import kept_of

SOAK = bool(os.environ.get("PAYWARDEN_SOAK"))
MESSAGES = 100_000 if SOAK else 1_200
_CODE_DIGITS = 6
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def _card(chance: random.Random) -> str:
    digits = chance.choice("3456") + "".join(chance.choices("0123456789", k=chance.choice((14, 15, 17)) - 1))
    total = sum(
        int(each) * 2 - 9 * (int(each) > 4) if at % 2 == 0 else int(each) for at, each in enumerate(digits[::-1])
    )
    return digits + str(-total % 10)


def _identity(chance: random.Random) -> str:
    day = f"{chance.randint(1950, 2009)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
    body = f"{chance.randint(110000, 659999)}{day}{chance.randint(0, 999):03d}"
    return body + "10X98765432"[sum(int(a) * b for a, b in zip(body, _WEIGHTS, strict=True)) % 11]


def _phone(chance: random.Random) -> str:
    return f"1{chance.choice('3456789')}{chance.randint(0, 10**9 - 1):09d}"


def _email(chance: random.Random) -> str:
    return f"{''.join(chance.choices('abcdefghkmnpqrstuvwxyz', k=9))}@mail{chance.randint(1, 99)}.example"


def _planted(chance: random.Random) -> tuple[str, str]:
    """What is written, and the digits or letters of it that must appear nowhere."""
    kind = chance.randrange(6)
    if kind == 0:
        card = _card(chance)
        gap = chance.choice(("", " ", "-", ".", "\n", "\t", "，", " / ", "|"))
        return gap.join(card[at : at + 4] for at in range(0, len(card), 4)), card
    if kind == 1:
        identity = _identity(chance)
        return chance.choice((identity, f"{identity[:6]} {identity[6:14]}\n{identity[14:]}")), identity
    if kind == 2:
        phone = _phone(chance)
        parts = phone[:3], phone[3:7], phone[7:]
        return chance.choice((phone, f"+86{phone}", f"+86 {phone}", "-".join(parts), "\n".join(parts))), phone
    if kind == 3:
        email = _email(chance)
        return email, email
    if kind == 4:
        password = "".join(chance.choices("abcdefghkmnpqrstuvwxyz", k=9)) + str(chance.randint(10, 99))
        return chance.choice((f"密码是{password}", f"my password is {password}", f"pwd: {password}")), password
    code = f"{chance.randint(100000, 999999)}"
    said = (
        f"验证码{code}",
        f"code: {code}",
        f"my otp is {code}",
        f"{code} 是验证码",
        f"验证码\n{code}",
        f"短信里的数字是{code}",
    )
    return chance.choice(said), code


def _wide(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) if each.isdigit() else each for each in text)


@pytest.mark.timeout(3_600 if SOAK else 300)
def test_messages_with_planted_values_leave_none_of_them_anywhere() -> None:
    chance = random.Random(20260401)
    frames = [each.text for each in written(1)]
    player = Player(policy())
    for number in range(MESSAGES):
        plants = [_planted(chance) for _ in range(chance.choice((1, 1, 2)))]
        shown = [_wide(text) if chance.random() < 0.1 else text for text, _ in plants]
        before = chance.choice((" ", ", ", "，", " 订单号 ", " order ", " 尾号", " ending in ", " 转给", "："))
        text = before.join((chance.choice(frames), *shown)) + chance.choice(("", "。", " 谢谢", " 128元"))
        at_ms = NOON + number * MINUTE // 10
        account_id = f"a{number % 40}"
        wrote = event(UserMessage, at_ms, f"e{number}", channel="chat", text=text, account_id=account_id)
        effects = player.see(wrote)
        said = msgspec.json.encode(effects).decode() + repr(msgspec.to_builtins(player.obligations[account_id]))
        dead, _, _ = kept_of("support.requests", msgspec.json.encode(wrote))
        said = unicodedata.normalize("NFKC", said + (dead or b"").decode())
        for _, secret in plants:
            assert not _tells(said, secret), f"{text!r} tells {secret}"


def _tells(said: str, secret: str) -> bool:
    """Also with gaps, of a text in NFKC. Six digits stand in many a time of day: those only as a word."""
    if len(secret) == _CODE_DIGITS:
        return re.search(rf"(?<!\d){secret}(?!\d)", said) is not None
    return _bare(secret) in _bare(said)


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def test_what_is_told_is_noticed() -> None:
    assert _tells('{"text": "4111-1111 1111.1111"}', "4111111111111111")
    assert _tells("to qxkabcdef@mail3.example", "qxkabcdef@mail3.example")
    assert _tells("code:775068,", "775068")
    assert not _tells('{"at": 1775068000000}', "775068")
