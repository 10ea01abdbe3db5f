"""Which order, amount, time, payee, card and page does a message name?

It is read from the masked text, and a detail is kept only in a form that says nothing about a person: an order number
that is no telephone number, four last digits, a payee's first letter. Times are told in the customer's own zone.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import msgspec

from streams.core.currencies import WRITTEN, exponent_of, plain_number
from streams.core.intake.pages import page_in
from streams.core.personal import kind_of

NAMES: Final = ("order", "amount", "time", "payee", "last4")
ORDER_MAX: Final = 40
_AMOUNT_MAX: Final = 10**13

_ORDER = re.compile(
    r"(?:订单|单号|交易号|流水号|order|transaction|reference|ref)\s*(?:号|编号|number|no\.?|id|#)?\s*(?:是|为|is|[:：#])?\s*"
    r"([A-Za-z0-9][A-Za-z0-9_\-]{5,39})(?![A-Za-z0-9_\-])",
    re.IGNORECASE,
)
_BARE_ORDER = re.compile(r"(?<![A-Za-z0-9])([A-Z]{1,6}[0-9_\-]{6,34}|[0-9]{16,32})(?![A-Za-z0-9])")
_NUMBER = rf"({WRITTEN})(?![.,]?[0-9])"
_BEFORE = re.compile(
    rf"(HK\$|US\$|CNY|RMB|USD|EUR|GBP|JPY|HKD|[¥￥$€£])\s?{_NUMBER}\s?([万千]|[kKwW](?![A-Za-z]))?",
    re.IGNORECASE,
)
_AFTER = re.compile(
    rf"(?<![0-9A-Za-z])(?<![0-9][.]){_NUMBER}\s?([万千]|[kKwW](?![A-Za-z]))?\s?"
    r"(元|块钱|块|人民币|美元|美金|欧元|英镑|日元|港币|CNY|RMB|yuan|USD|dollars?|bucks|EUR|euros?|GBP|pounds?|JPY|yen|HKD)",
    re.IGNORECASE,
)
# Chinese leaves the unit out of large amounts, and only there: what follows is no thing that is counted or measured.
_BARE = re.compile(
    rf"(?<![0-9A-Za-z.]){_NUMBER}\s?([万千]|[kKwW](?![A-Za-z0-9]))"
    r"(?!多?[次个人里公克瓦步分积粉台件米条年名位单笔字像])(?!\s?(?:电视|屏|视频|画质|显示))",
)
_CJK = re.compile(r"[\u3400-\u9fff]")
_POWERS: Final = {"万": 4, "w": 4, "千": 3, "k": 3}
_CURRENCIES = {
    "CNY": ("cny", "rmb", "¥", "￥", "元", "块钱", "块", "人民币", "yuan"),
    "USD": ("usd", "$", "us$", "美元", "美金", "dollar", "dollars", "bucks"),
    "EUR": ("eur", "€", "欧元", "euro", "euros"),
    "GBP": ("gbp", "£", "英镑", "pound", "pounds"),
    "JPY": ("jpy", "日元", "yen"),
    "HKD": ("hkd", "hk$", "港币"),
}
_CURRENCY: Final = {name: currency for currency, names in _CURRENCIES.items() for name in names}
_LAST4 = re.compile(
    r"(?:尾号|末四位|后四位|(?<![a-z])(?:ending(?: in| with)?|last (?:four|4)(?: digits)?|ends in))"
    r"\s*(?:是|为|are|is|[:：])?\s*"
    r"([0-9]{4})(?![0-9])",
    re.IGNORECASE,
)
_PAYEE = re.compile(
    r"(?:转给了?|付给了?|打给了?|收款人(?:是|为|[:：])?)\s*([\u4e00-\u9fff]{2,4})"
    r"|(?:payee|recipient|sent (?:it |money )?to|paid|transfer(?:red)?(?: money)? to|at)(?: is|:)? "
    r"([A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+)?)"
)
_NOBODY = re.compile(r"别人|陌生|错|他人|对方|朋友|Nov|Dec|Oct|Sep|Aug|Jul|Jun|May|Apr|Mar|Feb|Jan")
_DATE = re.compile(r"(?<![0-9])(20[0-9]{2})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?(?![0-9])")
_DAY = re.compile(r"(?<![0-9])([0-9]{1,2})月([0-9]{1,2})[日号]")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Whole names and their short forms alone: "declined 2 times" names no day of December, "maybe 5" none of May.
_MONTH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?"
)
_EN_DAY = re.compile(
    rf"\b(?:({_MONTH})\.? ([0-9]{{1,2}})(?:st|nd|rd|th)?|([0-9]{{1,2}})(?:st|nd|rd|th)? (?:of )?({_MONTH}))\b",
    re.IGNORECASE,
)
_AGO = (
    (re.compile("前天|day before yesterday", re.IGNORECASE), 2),
    (re.compile("昨|yesterday|last ni(ght|te)", re.IGNORECASE), 1),
    (re.compile("今天|今早|今晚|刚才|刚刚|today|this morning|tonight|just now", re.IGNORECASE), 0),
)
# A clock without a day is one of today where it says since when: outages are told so.
_SINCE = re.compile(
    r"\bsince (?:about |around |roughly )?(?:[0-9]{1,2}:[0-9]{2}|[0-9]{1,2} ?[ap]m)\b|\bright now\b"
    r"|[从自](?:今天)?(?:凌晨|早上|上午|中午|下午|晚上)?\s?(?:[0-9]{1,2}(?:[:：][0-9]{2}|点)|[一二三四五六七八九十两]{1,3}点)(?!.{0,6}到)",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(?<![0-9])([01]?[0-9]|2[0-3])[:：]([0-5][0-9])(?![0-9])")
_HOUR = re.compile(
    r"(上午|早上|下午|晚上|中午)?\s?([0-9]{1,2}|(?<=[午上])[一二两]|[三四五六七八九]|十[一二]?)点|\b([0-9]{1,2})\s?(am|pm)\b",
    re.IGNORECASE,
)
_SPOKEN: Final = {word: hour for hour, word in enumerate((*"一二三四五六七八九十", "十一", "十二"), 1)} | {"两": 2}


class Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a message names; empty where it names nothing."""

    order: str = ""
    amount_minor: int | None = None
    currency: str = ""
    time: str = ""  # local, to the day or the minute: 2026-11-02 or 2026-11-02T15:00
    payee: str = ""  # first letter and a star
    last4: str = ""
    page: str = ""  # `streams.core.intake.pages`: an address that nobody opens by mistake

    def has(self, name: str) -> bool:
        """Whether the detail of `NAMES` is there."""
        return self.amount_minor is not None if name == "amount" else bool(getattr(self, name))


def details_of(text: str, local: datetime) -> Details:
    """The details of a masked text that was written at `local`, the customer's wall clock."""
    amount_minor, currency = _amount(text)
    last4, payee = _LAST4.search(text), _PAYEE.search(text)
    name = (payee.group(1) or payee.group(2)) if payee is not None else ""
    return Details(
        order=_order(text),
        amount_minor=amount_minor,
        currency=currency,
        time=_time(text, local),
        payee=f"{name[0]}*" if name and _NOBODY.search(name) is None else "",
        last4=last4.group(1) if last4 is not None else "",
        page=page_in(text),
    )


def _order(text: str) -> str:
    for pattern in (_ORDER, _BARE_ORDER):
        for found in pattern.finditer(text):
            order = found.group(1)
            if any(each.isdigit() for each in order) and kind_of(order) is None:
                return order
    return ""


def _amount(text: str) -> tuple[int | None, str]:
    before, after = _BEFORE.search(text), _AFTER.search(text)
    if before is not None and (after is None or before.start() <= after.start()):
        sign, number, power = before.groups()
    elif after is not None:
        number, power, sign = after.groups()
    elif _CJK.search(text) is not None and (bare := _BARE.search(text)) is not None:
        (number, power), sign = bare.groups(), "元"
    else:
        return None, ""
    currency = _CURRENCY[sign.lower()]
    major, _, fraction = plain_number(number).partition(".")
    exponent = exponent_of(currency)
    exponent += _POWERS[power.lower()] if power else 0
    if len(fraction) > exponent:
        return None, ""
    minor = int(major + fraction.ljust(exponent, "0"))
    return (minor, currency) if 0 < minor < _AMOUNT_MAX else (None, "")


def _time(text: str, local: datetime) -> str:
    day, clock = _day(text, local), _clock(text)
    if day is None and _SINCE.search(text) is not None:
        is_ahead = clock is not None and clock > (local.hour, local.minute)
        day = local - timedelta(days=int(is_ahead))
    if day is None:
        return ""
    return day.strftime("%Y-%m-%d") + (f"T{clock[0]:02d}:{clock[1]:02d}" if clock is not None else "")


def _day(text: str, local: datetime) -> datetime | None:
    try:
        if (found := _DATE.search(text)) is not None:
            return local.replace(year=int(found.group(1)), month=int(found.group(2)), day=int(found.group(3)))
        if (found := _DAY.search(text)) is not None:
            return _past(local, int(found.group(1)), int(found.group(2)))
        if (found := _EN_DAY.search(text)) is not None:
            month = _MONTHS.index((found.group(1) or found.group(4)).lower()[:3]) + 1
            return _past(local, month, int(found.group(2) or found.group(3)))
    except ValueError:  # the 31st of June
        return None
    return next((local - timedelta(days=days) for words, days in _AGO if words.search(text) is not None), None)


def _past(local: datetime, month: int, day: int) -> datetime:
    """The last such day: who writes in January about December means last year's."""
    this_year = local.replace(month=month, day=day)
    return this_year if this_year <= local else this_year.replace(year=local.year - 1)


def _clock(text: str) -> tuple[int, int] | None:
    if (found := _CLOCK.search(text)) is not None:
        return int(found.group(1)), int(found.group(2))
    if (found := _HOUR.search(text)) is None:
        return None
    part, told = (found.group(1) or found.group(4) or "").lower(), found.group(2) or found.group(3)
    hour = _SPOKEN.get(told) or int(told)
    if part in ("下午", "晚上", "pm") and hour < 12:
        hour += 12
    if part == "am" and hour == 12:
        hour = 0
    return (hour, 0) if hour < 24 else None
