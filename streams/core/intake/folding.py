"""How does a text look to the person who reads it, whatever characters it is made of?

Full-width forms, digits in circles and keycaps, invisible characters and traditional characters are ways to write the
same words. Whoever looks for words or numbers in a text looks for them in the folded one.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Characters without a shape of their own that are no format characters (Default_Ignorable_Code_Point of Unicode).
_SHAPELESS: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_STOP: Final = re.compile(r"(?<=[A-Za-z0-9])[。｡․](?=[A-Za-z0-9])")
# Of the words that are looked for, not of the language.
_SIMPLE: Final = str.maketrans(
    "帐碼驗證號護動態轉帳賬戶資錢掃維簡訊發給請匯載裝遠電熱線撥聯繫係數後內圖開鑰銀識個幾兩臨輸歷誰嗎麼們過沒訴對來騙網"
    "鏈鏡點條結說讀寫詢問題嘗試麻煩馬務儘盡幫還這裡裏會應別無絕從進勿讓傳換變設為異復遲見顯屏幕餘額壹貳參肆伍陸柒捌玖",
    "账码验证号护动态转帐账户资钱扫维简讯发给请汇载装远电热线拨联系系数后内图开钥银识个几两临输历谁吗么们过没诉对来骗网"
    "链镜点条结说读写询问题尝试麻烦马务尽尽帮还这里里会应别无绝从进勿让传换变设为异复迟见显屏幕余额壹贰叁肆伍陆柒捌玖",
)


def folded(text: str) -> str:
    """The text with compatibility forms, digits of all kinds and stops within a name as plain ASCII has them."""
    if text.isascii():
        return text
    whole = unicodedata.normalize("NFKC", text)
    whole = "".join(each for each in whole if unicodedata.category(each) not in ("Cf", "Me"))
    whole = _SHAPELESS.sub("", whole)
    whole = "".join(str(unicodedata.digit(each)) if each.isdigit() else each for each in whole)
    # RFC 3490 3.1: an address may have the ideographic full stop for a dot. At the end of a sentence it is none.
    return _STOP.sub(".", whole)


def simplified(text: str) -> str:
    """The text with simplified characters in the words that are looked for; every character stays at its place."""
    return text.translate(_SIMPLE)
