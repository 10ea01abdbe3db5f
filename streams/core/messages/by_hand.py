"""What may people write that customers will read?

Customers learn from us what a message of ours never holds: a link, a request for a secret or for money, a way to talk
to us elsewhere. A thief with an analyst's seat, or an analyst in a hurry, must not teach them otherwise. A link is
whatever a phone would open, whatever it is called. Of words no list is complete, so the list is wide and what is
allowed is narrow: a sentence with such a word passes if it asks what has happened between the customer and somebody
else ("Did you give anyone your password?"), warns, or says that codes come late. In doubt a sentence is refused:
whoever wrote it says it in another way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from streams.core.intake.folding import folded, simplified
from streams.core.intake.masking import HIDDEN, masked

# --- what a phone opens -----------------------------------------------------------------------------------------------

_TOP: Final = r"(?:com|cn|net|org|xyz|info|biz|io|cc|vip|top|site|shop|club|app|online|link|me|ly)"
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+]*:/|h(?:tt|xx)ps?\b|www\.|xn--|::[0-9a-f]*\]?", re.IGNORECASE)
# A dot that is written in another way: evil(.)com, evil [dot] com, evil点com, evil. com
_WRITTEN_DOT: Final = re.compile(
    rf"\s*[(\[{{<【（]\s*(?:\.|dot|点)\s*[)\]}}>】）]\s*(?=\w)|\s+dot\s+(?={_TOP}\b)|\s*点\s*(?={_TOP}(?![a-z]))"
    r"|\s+\.\s*(?=(?:com|cn|net|org|xyz|info|vip|top)(?![a-z]))|\.\s+(?=(?:com|cn|net|org|xyz|info|vip)(?![A-Za-z]))"
    r"|。(?=(?:中国|公司|网络|网址|com|cn)(?!\w))",
    re.IGNORECASE,
)
_PATH: Final = re.compile(rf"(?<![a-z])[a-z]+ {_TOP}/\w", re.IGNORECASE)
_DOTTED: Final = re.compile(r"[\w-]+(?:\.[\w-]+)+")
_OPENED: Final = re.compile(
    r"[a-z]{2,}\Z|.*[^\W\d_a-z].*", re.IGNORECASE | re.DOTALL
)  # a last label: letters of any script
_ADDRESS_PARTS: Final = 4
# To be told to scan something, not to be asked whether one has paid so.
_CODE_TO_SCAN_US: Final = re.compile(
    r"(?:请(?!问)|麻烦|用[^，。]{0,6}|去|可以?|重新|^|[，。,！])\s*[^，。?？]{0,6}扫(?!码(?:支付|付)的)(?![^，。]{0,12}(?:吗|过))"
    r"|(?<!you )(?<![a-z])scan(?![a-z])",
    re.IGNORECASE,
)

# --- where else one can be talked to ----------------------------------------------------------------------------------

_PAYING_APPS: Final = r"(?:微信|weixin|wechat|qq)"
# Who paid by WeChat Pay may be asked about it; every other word about such an app is about talking there.
_PAYS: Final = re.compile(
    rf"(?:paid|pay|paying|payment)[^.?!]{{0,20}} (?:by|with|via|through|using|on) {_PAYING_APPS}"
    r"(?! ?(?:id|group|[0-9]))"
    rf"|{_PAYING_APPS}\s*(?:支付|付|钱包|零钱|转账|红包|pay\b|payment|wallet)",
    re.IGNORECASE,
)
_ELSEWHERE: Final = re.compile(
    rf"{_PAYING_APPS}|威信|薇信|扣扣|q号|(?<![a-z])v信|电报群|纸飞机|钉钉|飞书|公众号|小红书|抖音"
    r"|(?<![a-z])(?:wx|vx|telegram|tele gram|whatsapp|skype|viber|instagram|facebook|messenger"
    r"|discord|snapchat|tiktok)(?![a-z])"
    r"|(?<![a-z])(?:t me|tg|line|signal)\W{0,2}(?:id|app|/|:)|on signal\b|(?<![a-z])dm us\b|@"
    r"|(?:加|添加|搜索?|➕|\+)\s*(?:我|一下|下|个|客服|我们|的)*\s*(?:v(?![a-z])|微(?!波|小)|薇|威|wx|群|好友|q(?![a-z]))"
    r"|(?<![a-z])(?:e-?mail|call|ring|phone|text|dial|reach) (?:us|me|our|at|to|the hotline|this number)(?![a-z])"
    r"|(?<![a-z])hotline|热线|拨打|致电|打\s*[0-9]{3}|(?<![a-z])(?:call|dial|ring)\W+[0-9(+]|发(?:送)?邮件",
    re.IGNORECASE,
)

# --- what nobody is asked for -----------------------------------------------------------------------------------------


def _spelt(*words: str) -> str:
    """The words, also with blanks or hyphens between their letters."""
    return "|".join(r"[\W_]{0,2}".join(each) for each in words)


_NO_SECRET_CODE: Final = "".join(
    f"(?<!{each} )"
    for each in (
        "error",
        "currency",
        "country",
        "promo",
        "discount",
        "status",
        "decline",
        "postal",
        "zip",
        "merchant",
        "qr",
        "bar",
    )
)
_ORNAMENT: Final = re.compile(r"(?<=[\u4e00-\u9fff])[^\w\s，。,.;；:：!?！？、+@(（)）]+(?=[\u4e00-\u9fff])")
_TEXTS: Final = r"(?:短信|简讯|讯息|信息|消息|通知)"
_SECRET: Final = re.compile(
    r"密码|口令|验证码|校验码|动态码|安全码|识别码|令牌|卡号|密保|安全问题|(?:证件|护照|驾照|社保)[^，。]{0,4}号|身份证.{0,6}(?:号|位)"
    r"|[后前末][0-9一二三四五六七八九十两几]{1,2}位|[0-9一二三四五六七八九十]位(?:数|的)|[0-9一二三四五六七八九十两几]个数字"
    r"|卡[^，。]{0,6}(?:数字|号码)|背面|有效期|卡片?正面"
    rf"|{_TEXTS}.{{0,8}}(?:数字|号码|码|内容|截图|转发|转给|发给|发我|发来|发过|发一)|(?:数字|码|截图|转发|截屏).{{0,10}}{_TEXTS}"
    rf"|(?:收到|新的)的?{_TEXTS}.{{0,6}}(?:发|给|读|念)"
    r"|(?<![a-z])(?:mi[\W_]?ma|yan[\W_]?zheng[\W_]?ma|yzm|kou[\W_]?ling)(?![a-z])"
    rf"|(?<![a-z])(?:{_spelt('pin', 'otp', 'cvv', 'cvc', 'csc', 'ssn')}"
    rf"|{_spelt('password', 'passwords', 'passcode', 'passcodes')})2?(?![a-z])"
    rf"|(?<![a-z])(?:passphrase|one[- ]time|{_NO_SECRET_CODE}codes?|tokens?|credentials|pass ?word|digits?"
    r"|(?:full |your )?card (?:numbers?|no\b)|numbers? (?:on|at) (?:the|your) (?:front|back|card)|expiry"
    r"|expiration date"
    r"|(?:identity|passport|licen[cs]e|id(?: card)?|social security) numbers?|passport no|social security|national id"
    r"|maiden name|security (?:questions?|answers?|words?|numbers?)|secret (?:words?|questions?|answers?)"
    r"|(?:type|enter|use)[^.?!]{0,12} to (?:log|sign)[ -]?in)(?![a-z])"
    r"|(?<![a-z])(?:forward|screenshot|copy|paste|read out|send|show)(?![a-z])[^.?!]{0,40}"
    r"(?<![a-z])(?:text messages?|sms|texts?|messages?|notifications?)(?![a-z])"
    r"|(?<![a-z])(?:what|numbers?|says?)(?![a-z])[^.?!]{0,30}"
    r"(?<![a-z])(?:text messages?|sms|messages?|notifications?)(?![a-z])",
    re.IGNORECASE,
)
# The words that no blank or hyphen between their letters may hide, and that are no part of an innocent word.
_HIDDEN: Final = re.compile(
    r"密码|口令|验证码|校验码|动态码|安全码|password|passcode|verificationcode|securitycode", re.IGNORECASE
)
_LEET: Final = str.maketrans("01345$@7", "oleassat")
_MONEY: Final = re.compile(
    r"安全账户|(?:请(?!问)|务必|立即|马上|尽快|需要|必须)[^，。?？]{0,14}(?:转(?:账|入|到|给|出|移)|汇款|汇到|打款|打到|存入)"
    r"|(?<![a-z])(?:safe|secure|protected|holding) account"
    r"|(?<![a-z])(?:transfer|send|wire|move|deposit)(?![a-z])[^.?!]{0,40}(?:money|funds|balance|savings|[$€£¥] ?[0-9])"
    r"|(?:安装|下载)|向日葵|远程|共享.{0,4}屏幕|屏幕.{0,4}共享|投屏"
    r"|(?<![a-z])(?:install|download|anydesk|teamviewer|todesk|rustdesk|remote (?:control|access|desktop)"
    r"|shar(?:e|ing)[^.?!]{0,12}screen|screen[ -]?shar\w*)(?![a-z])",
    re.IGNORECASE,
)

# --- what may be said nevertheless ------------------------------------------------------------------------------------

_SENTENCE: Final = re.compile(r"[^.?!。？！\n]*[.?!。？！\n]?")
_ASKS_WHAT_HAPPENED: Final = (
    re.compile(
        r"\s*(?:did|do|does|has|have|had|was|were|is|are) (?!us\b|we\b|our\b)(?=.*\b(?:anyone|anybody|someone|somebody"
        r"|anywhere|(?:any)?other|another|else|strangers?|callers?|web ?sites?|they|them)\b)[^.?!]*\?",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?=.*(?:有没有|是否|曾|过|有人|吗))(?=.*(?:别人|他人|任何人|其他人|对方|陌生人|旁人|谁|有人|别的网|其他网|骗子|冒充))"
        r"[^。！]*[?？吗]\s*"
    ),
)
_TOLD_TO_US: Final = re.compile(
    r"我|咱|这里|这边|什么|多少|哪|几|请(?!问)|可以|能否|能不能|方便|回复|[0-9]{3}"
    r"|(?<![a-z])(?:us|me|we|our|here|what|which|whose|reply|answer|please|tell|write)(?![a-z])",
    re.IGNORECASE,
)
_WARNS: Final = re.compile(
    r"(?:不会|不要|切勿|请勿|绝不|从不|从未|勿)[^，。;；但只除]{0,24}\s*"
    r"|(?:[^.?!,;:]{0,24}\b)?(?:never|nor|do not|don't|not ask|nobody|no one)\b"
    r"(?:(?!\b(?:but|except|unless|only|until)\b)[^.?!;:])*",
    re.IGNORECASE,
)
_TROUBLE: Final = re.compile(
    r"延迟|延误|未送达|收不到|没收到|未收到|无法(?:发送|接收|收到)|恢复|较慢|变慢|异常|稍后"
    r"|(?<![a-z])(?:late|later|delay(?:s|ed)?|slow(?:ly)?|fail(?:s|ed|ing)?"
    r"|restored|recovered|not arriv\w+|unavailable)(?![a-z])",
    re.IGNORECASE,
)
_HANDS_OVER: Final = re.compile(
    r"发(?:给|来|我|到|过来|一下)|告诉|告知|提供|回复|转发|截图|报给|念|输入|填|是什么|多少|需要您|给我"
    r"|(?<![a-z])(?:send|give|tell|reply|provide|forward|share|enter|type|write|read|need|us|me|what|which|answer)(?![a-z])",
    re.IGNORECASE,
)


def asks_secret(text: str) -> bool:
    """Whether a text asks a customer for a password, a code, or the number of a card or an identity document."""
    return _asks(text, _is_secret, _is_warning, _is_trouble)


def refusal(text: str, what: str) -> tuple[str, str] | None:
    """(cause, sentence) if customers must not read this, which is `what`. Never repeats the text."""
    if asks_secret(text):
        return "secret", f"{what} asks nobody for a password, a code, a card number or an identity number"
    if masked(text).kinds or HIDDEN.search(text):
        return "personal", f"{what} holds no card, identity or telephone number, address or code"
    if _links(text):
        return "link", f"{what} holds no link and nothing to scan: customers are told that ours never do"
    if _asks(text, lambda said: _ELSEWHERE.search(_PAYS.sub(" ", said)) is not None):
        return "elsewhere", f"{what} moves nobody to another channel: customers are told that we stay in the app"
    if _asks(text, lambda said: _MONEY.search(said) is not None, _is_warning):
        return "money", f"{what} has nobody move money, install something or share a screen"
    return None


def _asks(text: str, holds: Callable[[str], bool], *allowed: Callable[[str], bool]) -> bool:
    """Whether it holds such a word, but for sentences that may have it."""
    read = _read(text)
    sentences = [each for each in _SENTENCE.findall(read) if each.strip()]
    harmless = [holds(each) and (_is_of_the_past(each) or any(may(each) for may in allowed)) for each in sentences]
    rest = "".join(each for each, is_harmless in zip(sentences, harmless, strict=True) if not is_harmless)
    if not any(harmless):
        return holds(read)
    # "Did you give it to anyone? What was it?" asks for it after all.
    asks_on = any(_is_of_the_past(each) and holds(each) for each in sentences) and _TOLD_TO_US.search(rest) is not None
    return holds(rest) or (asks_on and holds(read))


def _is_of_the_past(sentence: str) -> bool:
    return any(each.fullmatch(sentence) for each in _ASKS_WHAT_HAPPENED) and _TOLD_TO_US.search(sentence) is None


def _is_secret(text: str) -> bool:
    said = (text, text.translate(_LEET))
    return any(_SECRET.search(each) or _HIDDEN.search(re.sub(r"[\W_]+", "", each)) for each in said)


def _is_warning(sentence: str) -> bool:
    """Every clause with such a word says that it is not done."""
    clauses = re.split(r"[，,;；]", sentence.rstrip(".。!！ \n"))
    return not sentence.rstrip().endswith(("?", "？")) and all(
        _WARNS.fullmatch(each.strip().removeprefix("我们").removeprefix("请您").removeprefix("也")) is not None
        or not (_is_secret(each) or _MONEY.search(each))
        for each in clauses
    )


def _is_trouble(sentence: str) -> bool:
    return _TROUBLE.search(sentence) is not None and _HANDS_OVER.search(sentence) is None


def _links(text: str) -> bool:
    read = _WRITTEN_DOT.sub(".", _read(text))
    if any(each.search(read) is not None for each in (_SCHEME, _PATH, _CODE_TO_SCAN_US)):
        return True
    return any(_is_opened(found.group(), read[found.end() :]) for found in _DOTTED.finditer(read))


def _is_opened(name: str, after: str) -> bool:
    """Whether a phone opens a name with dots: one of a host or address, and no number, amount or abbreviation."""
    labels = name.split(".")
    if all(each.isdigit() for each in labels):
        return len(labels) == _ADDRESS_PARTS or re.match(r"/[a-z]", after, re.IGNORECASE) is not None
    if labels[0].isdigit() and len(labels) == 2 and len(labels[0]) < 3 and not labels[1].isascii():  # 1.请问
        return False
    last = labels[-1]
    return not last[0].isdigit() and _OPENED.match(last) is not None


def _read(text: str) -> str:
    """As a customer's eyes and browser read it, in simplified characters without ornaments between them."""
    return _ORNAMENT.sub("", simplified(folded(text)))
