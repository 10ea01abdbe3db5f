"""How does a text look without what must not be kept: cards, identity numbers, telephones, e-mails, codes, passwords?

One rule for every text of a person: customers' messages, notes, reasons, names, references, statements. A number is
known by what it is (check digit and issuer of a card, birthday and check character of an identity number, the form of a
telephone number) whatever stands between its digits and beside it, or by the word near it (`code`, `passport`, `call`).
What is no such number, because it is a date, a time or an amount, or named as an order, is set aside first.

In doubt a number is masked: a wrongly masked order number is asked for again, a kept card number cannot be taken back.
It is a net and no proof: what is told in riddles, in another language or over several messages goes through, and so
does a password that is an everyday word in a sentence ("my password is sunflower"), as "my password is wrong" must.
The work grows with the length of the text and no faster, for whoever wrote it may mean harm.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from streams.core.intake.folding import folded, simplified
from streams.core.personal import holds_card, identities_in


def _any_of(words: str) -> str:
    """Chinese words, also with a blank between their characters."""
    return "|".join(r"\s?".join(word) for word in words.split("|"))


_PASSES: Final = 4  # what was masked may have stood between a word and its code
_ORDER_DIGITS: Final = 20  # so many without a blank are somebody's order number: no card has as many

# --- dates, times, amounts and addresses: no part of any other number -------------------------------------------------

_AMOUNT: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3})++(?:\.[0-9]{1,3})?|[0-9]{1,10}(?:\.[0-9]{1,3}|,[0-9]{1,2})?)"
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_PLAIN: Final = re.compile(
    r"(?<![0-9])(?<![0-9][-/.])"
    r"(?:20[0-9]{2}[-/.年][01]?[0-9][-/.月][0-3]?[0-9]|[0-3]?[0-9][-/.][01]?[0-9][-/.]20[0-9]{2})(?![0-9])(?![-/.][0-9])"
    rf"|(?<![0-9.])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9.])|(?<![0-9a-f:])(?=[0-9:]*[a-f])(?:[0-9a-f]{{0,4}}:){{3,7}}[0-9a-f]{{1,4}}"
    r"|(?<![0-9:])(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?(?![0-9:])"
    rf"|(?:HK\$|US\$|(?<![A-Za-z])(?:CNY|RMB|USD|EUR|GBP|JPY|HKD)|[¥￥$€£])\s?{_AMOUNT}(?![0-9])"
    rf"|(?<![0-9A-Za-z])(?<![0-9][ \-.,]){_AMOUNT}\s?万?\s?"
    r"(?:[元块]|人民币|[美欧日港][元金币]|英镑|(?:CNY|RMB|yuan|USD|dollars?|bucks|EUR|euros?|GBP|pounds?|JPY|yen|HKD)(?![a-z]))"
    r"|(?<![0-9A-Za-z.,])(?:[0-9]{1,3}(?:,[0-9]{3})++(?:\.[0-9]{2})?|[0-9]{1,7}[.,][0-9]{2})(?![0-9])(?![.,][0-9])",
    re.IGNORECASE,
)

# --- numbers that are known by themselves -----------------------------------------------------------------------------

_RUN: Final = re.compile(r"(?<![0-9])[0-9](?:[\W_]{0,4}[0-9]){12,}+(?:[\W_]{0,4}[Xx](?![A-Za-z]))?")
_DIGITS: Final = re.compile(r"[0-9]+")
# As cards have them printed, whatever somebody puts between the groups.
_PRINTED: Final = tuple(
    re.compile(rf"(?<![0-9])[0-9]{{4}}[\W_]{{1,4}}(?:{rest})(?![0-9])")
    for rest in (
        r"[0-9]{4}[\W_]{1,4}[0-9]{4}[\W_]{1,4}[0-9]{1,7}|[0-9]{6}[\W_]{1,4}[0-9]{5}",
        r"(?:[0-9]{4}[\W_]{1,4}){3}[0-9]{1,3}",
    )
)
# Resident numbers of before 1999 have fifteen digits and no check character; social security numbers of the US nine.
_OLD_IDENTITY: Final = re.compile(
    r"(?<![0-9])(?:[1-8][0-9]{7}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}|[0-9]{3}-[0-9]{2}-[0-9]{4})(?![0-9])"
)
_GAP: Final = r"[\s.\-_·()/\u2010-\u2015\u2212]{0,3}"
_PHONE: Final = re.compile(
    rf"(?<![0-9])(?:(?:(?:\+|00)?86{_GAP})?1{_GAP}[3-9](?:{_GAP}[0-9]){{9}}"  # mainland mobiles
    rf"|(?<![A-Za-z])(?:(?:\+|00) ?[1-9](?:{_GAP}[0-9]){{7,14}}"  # ITU-T E.164
    r"|\(?0[0-9]{2,3}\)?[\s.\-]{0,3}[0-9]{3,4}[\s.\-]{0,3}[0-9]{4}"  # mainland landlines
    r"|\(?[2-9][0-9]{2}\)?[ .\-][0-9]{3}[ .\-][0-9]{4}"  # North America
    r"|\([2-9][0-9]{2}\)[0-9]{3}[ .\-]?[0-9]{4}))(?![0-9])"
)
_SPOKEN_DIGIT: Final = "[零〇一二三四五六七八九幺两壹贰叁肆伍陆柒捌玖]"
_SPOKEN: Final = re.compile(rf"(?:[0-9]|{_SPOKEN_DIGIT})(?:[\W_]{{0,2}}(?:[0-9]|{_SPOKEN_DIGIT})){{10,}}+")
_LEAST_SPOKEN: Final = 3
_NUMBER_WORD: Final = "(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)"
_SAID: Final = re.compile(rf"(?<![a-z]){_NUMBER_WORD}(?:[\W_]{{1,3}}{_NUMBER_WORD}){{6,}}+(?![a-z])", re.IGNORECASE)
_ACCOUNT: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}(?![A-Za-z0-9])")  # ISO 13616
_ACCOUNT_SIZES: Final = {
    country: int(size)
    for size, countries in (
        each.split(":")
        for each in [
            "15:NO",
            "16:BE",
            "18:DK,FI,FO,GL,NL,SD",
            "19:MK,SI",
            "20:AT,BA,EE,KZ,LT,LU,XK",
            "21:CH,HR,LI,LV",
            "22:BG,BH,CR,DE,GB,GE,IE,ME,RS,VA",
            "23:AE,GI,IL,IQ,OM,TL",
            "24:AD,CZ,ES,MD,PK,RO,SA,SE,SK,TN,VG",
            "25:LY,PT,ST",
            "26:IS,TR",
            "27:BI,DJ,FR,GR,IT,MC,MR,SM",
            "28:AL,AZ,BY,CY,DO,GT,HU,LB,NI,PL,SV",
            "29:BR,EG,PS,QA,UA",
            "30:JO,KW,MU,YE",
            "31:MT,SC",
            "32:LC",
            "33:RU",
        ]
    )
    for country in countries.split(",")
}  # characters
_SOCIAL_SECURITY: Final = re.compile(r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}")
# What signs in, by the form that its issuers give it; the last but one is ours.
_KEY: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:eyJ[\w-]{8,}+(?:\.[\w-]++)*+|(?:sk|pk|rk)_(?:live|test)_\w{8,}+|gh[pousr]_\w{16,}+"
    r"|xox[abprs]-[\w-]{10,}+|AKIA[A-Z0-9]{12,}+|pwt_[\w-]{8,}+|-----BEGIN [A-Z ]+-----[\w+/=\s]*+)"
)

# --- numbers and words that are known by the word near them -----------------------------------------------------------

# One slip of the finger and the check digit is wrong; beside the word it is a card all the same, by its issuer.
_CARD_NUMBER: Final = re.compile(
    r"(?:卡号?|(?<![a-z])cards?(?: ?(?:numbers?|no\.?|#))?(?![a-z]))[^0-9\n]{0,12}"
    r"((?:2[2-7]|[3-6][0-9])(?:[ \-]{0,3}[0-9]){11,17})(?![0-9])",
    re.IGNORECASE,
)
_MESSENGER_ID: Final = re.compile(
    r"(?:微信|(?<![a-z])(?:we ?chat|weixin|vx|wx|qq|telegram|whats ?app|line)(?![a-z]))"
    r"(?:(?:\s*(?:号|帐号|账号|id|[:：=]))+\s*(?:是|为|is )?\s*([a-z0-9][\w\-]{4,31})"
    r"|\s{0,3}(?:是|为|is )?\s{0,3}((?=[a-z_\-]{1,24}[0-9])[a-z][\w\-]{5,19}))(?![\w\-])",
    re.IGNORECASE | re.ASCII,
)
_QQ: Final = re.compile(
    r"(?<![a-z])qq\s{0,3}(?:号码?|number)?\s{0,2}(?:是|为|is|[:：=])?\s{0,2}([1-9][0-9]{4,10})(?![0-9]|\s?[元块万次个人]|\.[0-9])",
    re.IGNORECASE,
)
_INSURANCE: Final = re.compile(  # of the United Kingdom
    r"(?<![a-z])(?:national insurance|nino|ni (?:no|number))[^0-9\n]{0,12}?"
    r"(?<![a-z])([a-z]{2} ?(?:[0-9]{2} ?){3}[a-d])(?![a-z0-9])",
    re.IGNORECASE,
)
_JOINED_CODE: Final = re.compile(r"(?<![a-z])(?:cvv|cvc|csc|pin|otp)([0-9]{3,8})(?![0-9a-z])", re.IGNORECASE)
_MONTH_NAME: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_BIRTHDAY: Final = re.compile(
    r"(?:生日|出生|(?<![a-z])(?:birth ?(?:day|date)?|date of birth|d\.?o\.?b\.?|born)(?![a-z]))[^0-9\n]{0,10}?"
    r"((?:19|20)[0-9]{2}[-/.年 ]{0,2}[01]?[0-9][-/.月 ]{0,2}[0-3]?[0-9](?:日|号)?"
    r"|[0-3]?[0-9][-/. ][01]?[0-9][-/. ](?:19|20)?[0-9]{2}"
    rf"|[0-3]?[0-9](?:st|nd|rd|th)? (?:of )?{_MONTH_NAME},? (?:19|20)[0-9]{{2}}"
    rf"|{_MONTH_NAME} [0-3]?[0-9](?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}})(?![0-9])",
    re.IGNORECASE,
)

_DOCUMENT: Final = re.compile(
    _any_of("身份证|证件|护照|通行证|台胞证|驾照|驾驶证|社保|居住证")
    + r"|(?<![a-z])(?:passport|ssn|social security|national id|(?:id|identity) (?:card|number|no)"
    r"|driv(?:er'?s?|ing) licen[cs]e)",
    re.IGNORECASE,
)
_DOCUMENT_NUMBER: Final = re.compile(
    r"(?<![0-9A-Z])[A-Z]{0,3}[0-9](?:[ \-]?[0-9]){2,17}(?:[ \-]?X(?![A-Z]))?(?![0-9])", re.I
)
_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}")
_CALL: Final = re.compile(
    r"电话|手机|致电|拨打|(?<![a-z])(?:call|phone|tel(?:ephone)?|mobile|cell|ring|dial|reach me|my number)(?![a-z])",
    re.IGNORECASE,
)
_DIALLED: Final = re.compile(r"(?<![0-9])\+?[0-9](?:[ .\-()/\u2010-\u2015]{0,3}[0-9]){6,14}(?![0-9])")
_DAY_FIRST: Final = re.compile(r"20[0-9]{2}(?:0[1-9]|1[0-2])")

_PASSWORD_WORD: Final = (
    f"(?:{_any_of('密码|口令|暗号')}"
    r"|(?<![a-z0-9])(?:pass(?:words?|code|phrase|wd|wort|(?=\s{0,2}[:：=]))|pwd?|secret)(?![a-z]))"
)
_PASSWORD: Final = re.compile(_PASSWORD_WORD, re.IGNORECASE)
_OTHER_CODES: Final = "".join(
    f"(?<!{each} )"
    for each in (
        "error",
        "decline",
        "status",
        "response",
        "reason",
        "currency",
        "country",
        "promo",
        "coupon",
        "discount",
    )
)
_SECRET: Final = re.compile(
    rf"{_PASSWORD_WORD}|{_any_of('验证码|校验码|动态码|安全码|短信码|识别码|令牌|密钥|秘钥')}|背面[^0-9]{{0,8}}?(?:码|数字|[三四六]位)"
    r"|短信[^0-9]{0,8}?(?:码|数字|[三四六]位)|后[三3]位"
    rf"|(?<![a-z0-9])(?:(?:verification|security|confirmation) (?:numbers?|digits?)|{_OTHER_CODES}codes?|otp|pin"
    r"|cvv2?|cvc2?|csc|(?:session|login|sign-?in)[ _-]?ids?|tokens?|keys?|digits? (?:on|from|in)"
    r"|(?:six|eight|6|8) digits (?:were|are|is|was))(?![a-z])",
    re.IGNORECASE,
)
_BY_TEXT: Final = re.compile(r"短信|简讯|(?<![a-z])(?:text messages?|by text|texted|sms)(?![a-z])", re.IGNORECASE)
_FEW_DIGITS: Final = r"(?<![0-9A-Za-z.])[0-9](?:[ \-]?[0-9]){2,7}(?![0-9A-Za-z]|\.[0-9]++(?![A-Za-z]))"
_NO_TOKEN: Final = r"\s\"'“”‘’「」『』<>(){}（）\[\],，;；。、：？！\u3400-\u9fff"
_CANDIDATE: Final = re.compile(rf"{_FEW_DIGITS}|(?<![^{_NO_TOKEN}])[^{_NO_TOKEN}]{{3,64}}(?![^{_NO_TOKEN}])")
_FEW: Final = re.compile(_FEW_DIGITS)
_EDGES: Final = ".:=!?*#->→~|/&"
_SPOKEN_CODE: Final = re.compile(
    rf"[^0-9]{{0,16}}?({_SPOKEN_DIGIT}(?:[\W_]?{_SPOKEN_DIGIT}){{3,7}}"
    rf"|(?<![A-Za-z]){_NUMBER_WORD}(?:[\W_]{{1,3}}{_NUMBER_WORD}){{2,7}}(?![A-Za-z]))",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"[^\"“「『'‘0-9]{0,12}(?:[\"“「『]|(?<![A-Za-z])['‘])([!#-&(-~]{3,64})[\"”」』'’]")
_SAYS: Final = re.compile(
    r"\s*(?:[:：=]\s*(?:is\s+|是)?|-+>\s*|=+>\s*|→\s*|(?:is|was|are)\s*[:：]?\s+|(?:[是为]|(?:改|设置?|换|变)[成为]?了?)\s*[:：]?\s*)"
    r"([^\s,;，。；、\u4e00-\u9fff\[\]]{4,64})",
    re.IGNORECASE,
)
_NO_WORD: Final = re.compile(r"[0-9!#$%&*+=?@^_~]|[a-z][A-Z]")
_ENDS: Final = re.compile(r"\s*(?:$|[\n，。；,;])")
# What is counted, measured or has a name of its own is no code, whatever word is near.
_NAMED: Final = re.compile(
    r"(?:订单|单号|交易|流水|版本|金额|尾号|末四位|(?<![a-z])(?:orders?|transactions?|ref(?:erence)?|payments?|amounts?|versions?"
    r"|ios|android|iphone|app|last (?:four|4)|end(?:ing|s))(?![a-z]))[^0-9]{0,12}\Z",
    re.IGNORECASE,
)
_COUNTED: Final = re.compile(
    r"\s?(?:[年月日号天次笔个元块%万点]|小时|分钟|(?:times|days|hours|minutes|payments|am|pm)(?![a-z]))", re.IGNORECASE
)
_MEASURE: Final = re.compile(
    r"[v#]?[0-9][0-9.,:/\-]*(?:[ap]\.?m|h|hrs?|hours?|min|mins|minutes?|s|secs?|d|days?|x|st|nd|rd|th|k|m|[gm]b|fa|ds|times"
    r"|cny|rmb|usd|eur|gbp|jpy|hkd|%)?|iphone[0-9]+|ios[0-9.]+|android[0-9.]+",
    re.IGNORECASE,
)
# Of what looks like a measure or a name: 3/482913, order:482913, 482913.205118; no date, time or amount ends so.
_INNER_CODE: Final = re.compile(
    r"(?:(?<![0-9A-Za-z_.,\-])|(?<=[^0-9,\-]\.)|(?<=[0-9]{8}\.))[0-9]{6}\Z|(?<![0-9])[0-9]{6}\.[0-9]{6}\Z"
)
_OF_OURS: Final = re.compile(r"[a-z]{2,6}_(?:[0-9]{4}_)?[a-z2-7]{26}|(?:https?|s3|gs|upload)://.*")  # an id or address
_LONG_REACH, _REACH, _SHORT_REACH = 32, 24, 20  # characters between a word and what it speaks of
_BACK_REACH, _SHORT_BACK_REACH = 20, 12
_AT_ONCE: Final = 2
_LETTER: Final = re.compile("[A-Za-z]")
_LAST_DIGITS: Final = 4
_CODE_DIGITS: Final = 6  # as most codes have them
_CODE_SIZES: Final = (4, 6, 8)  # digits; hotlines and senders of text messages have five
_LONGEST_TOKEN: Final = 64
_AFTER_ANOTHER: Final = 8  # characters from one that was masked to the next

# --- e-mail addresses, which end before a word for a secret -----------------------------------------------------------

_LOCAL: Final = r"[^@\s,，。;；:：<>()（）]"
_LABEL: Final = r"(?:[^\W\u3400-\u9fff]|-)+"
# Ends of addresses that are known where a blank or a comma is the dot: any other word is the sentence's next one.
_TOP: Final = (
    r"(?: ?[.,] ?(?:(?:com|cn|net|org|edu|gov|io|co|cc|me|info|biz|eu|uk|de|fr|es|it|in|us|jp|hk|tw|sg|example)"
    r"(?![A-Za-z0-9])|中国|公司|网络|网址))+"
)
_AT: Final = re.compile(r" ?(?:@|[(\[（]at[)\]）])", re.IGNORECASE)
_OWN_NAME: Final = re.compile(r"(?<=[\u3400-\u9fff、])[!-~]+\Z")
_MORE: Final = rf"(?:\.(?!{_SECRET.pattern}){_LABEL})*"
_EMAIL: Final = re.compile(
    rf"(?<!{_LOCAL}){_LOCAL}++ ?(?:@|[(\[（]at[)\]）]) ?(?:{_LABEL}|[\u3400-\u9fff]+)"
    rf"(?:(?:\.{_LABEL})*?{_TOP}|\.{_LABEL}){_MORE}"
    r"|(?<![\w.+-])[\w.+-]++ at [\w-]++ dot [a-z]{2,}"
    # "bought at amazon.com" names no mailbox: one has a dot or a line within, or the word for it in front.
    r"|(?<![\w.+-])(?:(?=[\w+-]+[._])|(?<=mail )|(?<=mail: )|(?<=邮箱)|(?<=邮箱 )|(?<=mail is ))"
    rf"[\w.+-]++ at [\w-]++{_TOP}",
    re.IGNORECASE,
)


# The same with words in brackets, of whatever kind, for its signs.
_NAME_PART: Final = r"(?:[^\W\u3400-\u9fff]|[.+\-])"
_SPELT_AT: Final = r"\s{0,2}[\[({<（【]\s{0,2}(?:at|@)\s{0,2}[\])}>）】]\s{0,2}"
_SPELT_DOT: Final = r"\s{0,2}[\[({<（【]\s{0,2}(?:dot|\.|点)\s{0,2}[\])}>）】]\s{0,2}"
_SPELT_EMAIL: Final = re.compile(
    rf"(?<!{_NAME_PART}){_NAME_PART}++(?:{_SPELT_DOT}{_NAME_PART}++){{0,3}}"
    rf"(?:{_SPELT_AT}{_LABEL}(?:(?:{_SPELT_DOT}|\.|\s+dot\s+){_LABEL}){{1,5}}"
    rf"|(?:\s?@\s?|\s+at\s+){_LABEL}(?:\.{_LABEL}){{0,3}}(?:{_SPELT_DOT}{_LABEL}){{1,5}})",
    re.IGNORECASE,
)


# What stands in the place of something that was hidden.
HIDDEN: Final = re.compile(r"\[(card|identity|phone|email|code|number)\]")


class Masked(NamedTuple):
    """The text with what was found replaced by its kind in brackets."""

    text: str
    kinds: tuple[str, ...]


class _Span(NamedTuple):
    start: int
    end: int
    kind: str


def masked(text: str) -> Masked:
    """What may be read, shown and kept of a text, folded (`streams.core.intake.folding`)."""
    clean = folded(text)
    kinds: dict[str, None] = {}
    for _ in range(_PASSES):
        before = clean
        for stage in _STAGES:
            plain = simplified(clean)
            spans = _joined([span for find in stage for span in find(plain)])
            kinds |= dict.fromkeys(each.kind for each in spans)
            clean = _without(clean, spans)
        if clean == before:
            break
    return Masked(clean, tuple(kinds))


def hidden_in(told: Masked) -> tuple[str, ...]:
    """The kinds of what was hidden in it, here or on its way here: the console masks what it writes."""
    return tuple(dict.fromkeys((*told.kinds, *HIDDEN.findall(told.text))))


def _joined(spans: list[_Span]) -> list[_Span]:
    """Spans that overlap as one, of the kind that was found first: whose part is hidden would be told by the rest."""
    joined: list[_Span] = []
    rank = 0
    for number, span in sorted(enumerate(spans), key=lambda each: (each[1].start, each[0])):
        if joined and span.start < joined[-1].end:
            last = joined[-1]
            kind = span.kind if number < rank else last.kind
            joined[-1], rank = _Span(last.start, max(last.end, span.end), kind), min(rank, number)
        else:
            joined.append(span)
            rank = number
    return joined


def _without(text: str, spans: list[_Span]) -> str:
    told, at = [], 0
    for span in spans:
        told += [text[at : span.start], f"[{span.kind}]"]
        at = span.end
    return "".join([*told, text[at:]])


def _all(pattern: re.Pattern[str], kind: str) -> Callable[[str], Iterator[_Span]]:
    return lambda text: (_Span(*found.span(), kind) for found in pattern.finditer(text))


def _emails(text: str) -> Iterator[_Span]:
    """Addresses, also where the next one begins without a blank behind one."""
    at = 0
    while (found := _EMAIL.search(text[at:] if at else text)) is not None:
        start, end = at + found.start(), at + found.end()
        # "the code is this, and mine is a@b" in Chinese has no blank: an address is one of letters that it ends with.
        sign = _AT.search(text, start, end)
        own = None if sign is None else _OWN_NAME.search(text, start, sign.start())
        yield _Span(start if own is None else own.start(), end, "email")
        at = end


def _numbers(text: str) -> Iterator[_Span]:
    """Cards and identity numbers: rows of digits that hold one."""
    runs = list(_RUN.finditer(text))
    plain = [found.span() for found in _PLAIN.finditer(text)] if runs else []
    for run in runs:
        said = run.group().upper()
        bare = "".join(each for each in said if each.isalnum())
        if identities_in(bare):
            yield _Span(*run.span(), "identity")
        elif any(_is_card(found.group()) for form in _PRINTED for found in form.finditer(said)):
            yield _Span(*run.span(), "card")
        else:
            for groups in _parts(text, *run.span(), plain):
                if holds_card([each.group() for each in groups]):
                    yield _Span(groups[0].start(), groups[-1].end(), "card")


def _is_card(printed: str) -> bool:
    return holds_card(["".join(_DIGITS.findall(printed))])


def _parts(text: str, first: int, last: int, plain: list[tuple[int, int]]) -> Iterator[list[re.Match[str]]]:
    """The groups of digits between dates, times, amounts and order numbers."""
    part: list[re.Match[str]] = []
    for group in _DIGITS.finditer(text, first, last):
        at = bisect(plain, (group.start(), len(text)))
        is_plain = at > 0 and group.end() <= plain[at - 1][1]
        if not is_plain and len(group.group()) < _ORDER_DIGITS:
            part.append(group)
        elif part:
            yield part
            part = []
    if part:
        yield part


def _accounts(text: str) -> Iterator[_Span]:
    """Numbers of bank accounts (IBAN) whose check digits are right."""
    for found in _ACCOUNT.finditer(text):
        if _is_account(found.group().replace(" ", "")):
            yield _Span(*found.span(), "number")


def _is_account(bare: str) -> bool:
    return int("".join(str(int(each, 36)) for each in bare[4:] + bare[:4])) % 97 == 1


def is_known_by_form(typed: str) -> bool:
    """Whether what is typed as an id is the number of a bank account (IBAN) or of social security.

    In a sentence any country's account is hidden; one id in a hundred has its check digits by chance, so here the
    country and the length have to be right as well.
    """
    bare = re.sub(r"[^0-9A-Z]", "", typed.upper())
    is_account = _ACCOUNT.fullmatch(bare) is not None and _ACCOUNT_SIZES.get(bare[:2]) == len(bare)
    return (is_account and _is_account(bare)) or _SOCIAL_SECURITY.fullmatch(typed) is not None


def _behind(pattern: re.Pattern[str], kind: str) -> Callable[[str], Iterator[_Span]]:
    """What the pattern has in brackets, behind its word, unless it is named as something else."""

    def find(text: str) -> Iterator[_Span]:
        for found in pattern.finditer(text):
            start, end = found.span(found.lastindex or 0)
            if _NAMED.search(text, found.start(), start) is None:
                yield _Span(start, end, kind)

    return find


def _documents(text: str) -> Iterator[_Span]:
    """Numbers, or their last digits, near the word for an identity document."""
    for word in _DOCUMENT.finditer(text):
        number = _DOCUMENT_NUMBER.search(text, word.end(), word.end() + _REACH + _ORDER_DIGITS)
        if number is None or number.start() - word.end() > _REACH:
            continue
        between = text[word.end() : number.start()]
        is_year = _YEAR.fullmatch(number.group()) is not None and "位" not in between and "digit" not in between
        if not is_year and _NAMED.search(between) is None and not _is_plain(text, *number.span()):
            yield _Span(*number.span(), "identity")


def _calls(text: str) -> Iterator[_Span]:
    """Telephone numbers of all countries near the word for one."""
    for word in _CALL.finditer(text):
        number = _DIALLED.search(text, word.end(), word.end() + _SHORT_BACK_REACH + 3 * _LONGEST_TOKEN)
        if number is None or re.search("[0-9\n]", text[word.end() : number.start()]):
            continue
        between = text[word.end() : number.start()]
        if len(between) > _SHORT_BACK_REACH or _NAMED.search(between) or _DAY_FIRST.match(number.group()):
            continue
        if not _is_plain(text, *number.span()):
            yield _Span(*number.span(), "phone")


def _spoken(text: str) -> Iterator[_Span]:
    for found in _SPOKEN.finditer(text):
        if len(re.findall(_SPOKEN_DIGIT, found.group())) >= _LEAST_SPOKEN:
            yield _Span(*found.span(), "number")


def _passwords(text: str) -> Iterator[_Span]:
    """What is said to be a password, or stands in quotes behind the word."""
    for word in _PASSWORD.finditer(text):
        quoted = _QUOTED.match(text, word.end())
        if quoted is not None:
            yield _Span(*quoted.span(1), "code")
            continue
        said = _SAYS.match(text, word.end())
        token = _CANDIDATE.search(text, word.end(), word.end() + _AT_ONCE + _LONGEST_TOKEN) if said is None else None
        if token is not None and _LETTER.search(token.group()):
            span = _told(text, token, token.start() - word.end(), _AT_ONCE, _AT_ONCE)
            if span is not None:
                yield span
        if said is None or _PASSWORD.match(said.group(1)) or _is_plain(text, *said.span(1)):
            continue
        # "pwd: sunflower" says it; "Login password: choose .." begins a sentence.
        names = re.search("[:：=>→]", text[word.end() : said.start(1)]) is not None
        if _NO_WORD.search(said.group(1)) or (names and _ENDS.match(text, said.end())):
            yield _Span(*said.span(1), "code")


def _codes(text: str) -> Iterator[_Span]:
    """What has a digit and is near the word for a secret, whatever stands between."""
    for word in _SECRET.finditer(text):
        spoken = _SPOKEN_CODE.match(text, word.end())
        if spoken is not None:
            yield _Span(*spoken.span(1), "code")
        for token in _CANDIDATE.finditer(text, word.end(), word.end() + _LONG_REACH + _LONGEST_TOKEN):
            between = text[word.end() : token.start()]
            if "]" in between and len(between.rpartition("]")[2]) > _AFTER_ANOTHER:
                break
            span = _told(text, token, len(between), _LONG_REACH, _REACH)
            if span is not None:
                yield span
                break
        before = list(_CANDIDATE.finditer(text, max(0, word.start() - _BACK_REACH - _LONGEST_TOKEN), word.start()))
        if before:
            span = _told(text, before[-1], word.start() - before[-1].end(), _BACK_REACH, _SHORT_BACK_REACH)
            if span is not None:
                yield span


def _told(text: str, token: re.Match[str], far: int, long: int, mixed: int) -> _Span | None:
    """The token as a secret, or what of it is one, if it is near enough for its kind."""
    found = token.group()
    start = token.start() + len(found) - len(found.lstrip(_EDGES))
    end = token.end() - (len(found) - len(found.rstrip(_EDGES)))
    said = text[start:end]
    digits = sum(each.isdigit() for each in said)
    if not digits:
        return None
    is_plain = _is_plain(text, start, end)
    named = _NAMED.search(text, max(0, start - _REACH), start)
    if named is not None and _PASSWORD.search(text, named.start(), start) is not None:
        named = None  # the password of an order, and what was refused: the nearer word says what it is
    if _FEW.fullmatch(said):
        # Nobody counts a hundred thousand of anything beside the word.
        is_counted = digits != _CODE_DIGITS and _COUNTED.match(text, end) is not None
        reach = long if digits > 3 and named is None else _SHORT_REACH
        # Beside the word, six digits are a code whatever else they are called; four may be the last of a card.
        is_last = named is not None and digits == _LAST_DIGITS
        return None if is_plain or is_counted or is_last or far > reach else _Span(start, end, "code")
    if far > mixed:
        return None
    if is_plain or named is not None or any(each.fullmatch(said) for each in (_MEASURE, _OF_OURS)):
        inner = _INNER_CODE.search(said)
        is_code = inner is not None and not _is_plain(text, start + inner.start(), start + inner.end())
        return _Span(start + inner.start(), start + inner.end(), "code") if inner and is_code else None
    return _Span(start, end, "code") if len(said) > 3 else None


def _texted(text: str) -> Iterator[_Span]:
    """Digits as one-time codes have them, near the word for the message that brings one."""
    for word in _BY_TEXT.finditer(text):
        for first, last in ((max(0, word.start() - _BACK_REACH), word.start()), (word.end(), word.end() + _REACH)):
            for found in _FEW.finditer(text, first, last):
                far = min(abs(word.start() - found.end()), abs(found.start() - word.end()))
                if sum(each.isdigit() for each in found.group()) not in _CODE_SIZES or far > _SHORT_BACK_REACH:
                    continue
                is_other = _NAMED.search(text, max(0, found.start() - _REACH), found.start()) is not None
                is_other |= _COUNTED.match(text, found.end()) is not None or _is_plain(text, *found.span())
                if not is_other and _YEAR.fullmatch(found.group()) is None:
                    yield _Span(*found.span(), "code")


def _is_plain(text: str, start: int, end: int) -> bool:
    """Whether it is a date, a time or an amount, or a part of one. What has letters may have an amount behind it."""
    around = _PLAIN.finditer(text, max(0, start - _REACH), end + _REACH)
    least = start + 1 if _LETTER.search(text, start, end) else end
    return any(found.start() < least and start < found.end() for found in around)


# What is found in one stage is looked for in the same text, as what one finds may begin within what another one has.
_STAGES: Final = (
    (
        _emails,
        _all(_SPELT_EMAIL, "email"),
        _all(_KEY, "code"),
        _accounts,
        _numbers,
        _behind(_CARD_NUMBER, "card"),
        _behind(_BIRTHDAY, "identity"),
        _behind(_MESSENGER_ID, "number"),
        _behind(_QQ, "number"),
        _behind(_INSURANCE, "identity"),
        _behind(_JOINED_CODE, "code"),
        _all(_OLD_IDENTITY, "identity"),
        _all(_PHONE, "phone"),
        _passwords,
    ),
    (_documents,),
    (_calls,),
    (_spoken,),
    (_all(_SAID, "number"),),
    (_codes,),
    (_texted,),
)
