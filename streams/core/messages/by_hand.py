"""What may people write that customers will read?

Customers learn from us what a message of ours never holds: a link, a request for a secret, a way to talk to us
elsewhere. A thief with an analyst's seat, or an analyst in a hurry, must not teach them otherwise. No list of words is
complete, so in doubt a sentence is refused: whoever wrote it says it in another way.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from streams.core.intake.masking import masked

_LINK: Final = re.compile(r"[a-z][a-z0-9+]*:/|www\.|(?<![a-z0-9])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}", re.IGNORECASE)
_APPS: Final = r"(?:微信|威信|薇信|weixin|wechat|wx|vx|qq|telegram|whatsapp|signal|skype)"
# Who paid by WeChat Pay may be asked about it; to write to somebody there is another matter.
_ELSEWHERE: Final = re.compile(
    rf"(?:加|添加|联系|私聊)[^，。,.?？]{{0,6}}{_APPS}"
    rf"|{_APPS}(?:号|群|[\s:：]+[a-z0-9_-]*[0-9]{{3}}|[0-9])"
    rf"|\b(?:add|message|contact|write|text|reach|call)\b[^,.?]{{0,30}}\b{_APPS}\b",
    re.IGNORECASE,
)
_SECRET: Final = re.compile(
    r"密码|口令|验证码|校验码|动态码|卡号|身份证.{0,6}(?:号|位)|[后前末][0-9一二三四五六七八九十]{1,2}位"
    r"|[0-9一二三四五六七八九十]位(?:数|的)|短信.{0,8}(?:数字|码|内容)|(?:数字|码).{0,8}短信"
    r"|(?<![a-z])(?:passwords?|passcodes?|passphrase|pin|otp|one[- ]time|cvv2?|cvc2?"
    r"|(?:verification|security|login|access|sms)[- ]codes?"
    r"|card numbers?|identity numbers?|digits?|codes? (?:we|you|from|in))(?![a-z])",
    re.IGNORECASE,
)
# The words that no blank or hyphen between their letters may hide, and that are no part of an innocent word.
_HIDDEN: Final = re.compile(
    r"密码|口令|验证码|校验码|动态码|password|passcode|verificationcode|securitycode", re.IGNORECASE
)


def asks_secret(text: str) -> bool:
    """Whether a text asks a customer for a password, a code, or the number of a card or an identity document."""
    read = _read(text)
    return _SECRET.search(read) is not None or _HIDDEN.search(re.sub(r"[\W_]+", "", read)) is not None


def refusal(text: str, what: str) -> tuple[str, str] | None:
    """(cause, sentence) if customers must not read this, which is `what`. Never repeats the text."""
    if masked(text).kinds:
        return "personal", f"{what} holds no card, identity or telephone number, address or code"
    read = _read(text)
    if _LINK.search(read) is not None:
        return "link", f"{what} holds no link: customers are told that ours never do"
    if _ELSEWHERE.search(read) is not None:
        return "elsewhere", f"{what} moves nobody to another channel: customers are told that we stay in the app"
    return None


def _read(text: str) -> str:
    """As a customer's eyes and browser read it: compatibility forms folded, what is invisible gone, one full stop."""
    folded = "".join(each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) != "Cf")
    # RFC 3490 3.1: an address may have the ideographic full stop for a dot. At the end of a sentence it is none.
    return re.sub(r"(?<=[A-Za-z0-9])[。｡](?=[A-Za-z0-9])", ".", folded)
