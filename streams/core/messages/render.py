"""How does a template become the two texts that a customer may read?"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from streams.contracts.base import from_ms
from streams.contracts.cases import CustomerText
from streams.core.currencies import exponent_of
from streams.core.local_time import is_zone
from streams.core.refused import wrong

# name, names: of what has a word here or in an overlay, or else stands for itself; said: by an operator, in Chinese too
# where `in_chinese` of the parameter says it.
ParameterKind = Literal["money", "instant", "word", "id", "count", "words", "article", "name", "names", "said"]
ARTICLE = "answer.article"  # the message that sends one
GONE = "article.gone"  # in the place of an article that this deployment has no more, or has written anew


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message: its parameters and their kinds, and the text in each language."""

    flow: str
    kind: Literal["security", "money", "advice", "service"]
    parameters: dict[str, ParameterKind]
    zh: str
    en: str


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A word that messages may use, in each language."""

    zh: str
    en: str


# What phones open by themselves: addresses of pages, with or without a scheme, of mail, and telephone numbers.
_LINK = re.compile(
    r"://|\bwww\.|@|(?<![a-z0-9{.-])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?![a-z0-9])"
    r"|(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)|(?<!\d)(?!\d{4}-\d\d-\d\d(?!\d))\+?\d(?:[ ()-]{0,2}\d){6,}",
    re.IGNORECASE,
)
WORDING_MOST = 600  # with its parameters it stays below what a message may have


class Locale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one more language says: as much of the templates and words as it has, and how it writes an instant."""

    instant: str  # of the fields day, month and time
    months: tuple[str, ...]
    template: dict[str, str]
    words: dict[str, str] = {}


class Messages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All templates and words."""

    template: dict[str, Template]
    words: dict[str, Word]
    locales: dict[str, Locale] = {}  # by BCP 47 tag, each a file of its own


class TemplateError(Exception):
    """The message file contradicts itself.

    Operator action: correct the named template; nothing starts with messages that could be sent half filled in.
    """


def in_chinese(parameter: str) -> str:
    """The parameter in which Chinese readers are told what an operator says to others in `parameter`."""
    return f"{parameter}_zh"


def fields_of(text: str) -> set[str]:
    """The parameters that a text uses; whatever is more than a name in braces counts under another name."""
    parts = ((field, spec or conversion) for _, field, spec, conversion in string.Formatter().parse(text))
    return {f"{field}:{more}" if more or not field else field for field, more in parts if field is not None}


def unfit(text: str) -> str:
    """Why nobody should be sent this wording; empty: it may be.

    A link is the customer's only way to tell ours from a thief's: messages name official support, by a parameter.
    """
    if not text.strip():
        return "is empty"
    if len(text) > WORDING_MOST:
        return f"has {len(text)} characters, and the most is {WORDING_MOST}"
    if not text.isprintable():
        return "has line breaks or characters that nobody can see"
    if _LINK.search(text):
        return "has a link, an address or a telephone number"
    return ""


def parse_messages(text: str) -> Messages:
    """Reads a message file. Every parameter must be used in both texts, and nothing else may be."""
    messages = msgspec.convert(tomllib.loads(text), Messages)
    if messages.locales:
        raise TemplateError("it has locales: each of them is a file of its own, locales/TAG.toml")
    for name, template in messages.template.items():
        for language in ("zh", "en"):
            used = fields_of(getattr(template, language))
            if used != set(template.parameters):
                raise TemplateError(
                    f"template {name}, {language}: uses {sorted(used)}, has {sorted(template.parameters)}"
                )
    return messages


def money(amount_minor: int, currency: str) -> str:
    """`CNY 1,280.50`: the ISO code first, as many decimals as ISO 4217 gives the currency."""
    exponent = exponent_of(currency)
    major, minor = divmod(amount_minor, 10**exponent)
    return f"{currency} {major:,}.{minor:0{exponent}d}" if exponent else f"{currency} {major:,}"


def instant(at_ms: int) -> str:
    """How an instant travels in a message's parameters; `render` shows it in the customer's time zone."""
    return from_ms(at_ms // 1000 * 1000).isoformat().replace("+00:00", "Z")


# Part of the code, like a table in a module: read once at import from inside the package.
MESSAGES = parse_messages(files(__package__).joinpath("templates.toml").read_text(encoding="utf-8"))


def method_word(method: str) -> str:
    """The name under which messages know a way of paying, if they do."""
    return f"method.{method}"


ISSUER = "issuer."


def issuer_word(issuer: str) -> str:
    """The name under which messages know a bank. None is packaged: a deployment names those of its customers."""
    return f"{ISSUER}{issuer}"


def code_word(code: str) -> str:
    """The same of a code. Only that of no answer has a word; others are known as they are to whom they concern."""
    return f"code.{code}"


def article_word(ref: str) -> str:
    """The name under which messages know the text of an article; `ref` is its id and version."""
    return f"article.{ref}"


def parse_locale(text: str, messages: Messages) -> Locale:
    """Reads a locale's file. It may leave templates and words out; what it has must fit the packaged ones."""
    raw = tomllib.loads(text)
    try:
        locale = msgspec.convert(raw, Locale)
    except msgspec.ValidationError as error:
        raise TemplateError(wrong(error, raw, Locale)) from None
    if fields_of(locale.instant) != {"day", "month", "time"}:
        raise TemplateError("instant has to use {day}, {month} and {time}")
    if len(locale.months) != len(_MONTHS):
        raise TemplateError(f"months has {len(locale.months)} names, not 12")
    for name, wording in locale.template.items():
        if problem := unfit(wording):
            raise TemplateError(f"template {name} {problem}")
        known = messages.template.get(name)
        if known is None:
            raise TemplateError(f"there is no message {name}")
        if fields_of(wording) != set(known.parameters):
            raise TemplateError(f"template {name}: uses {sorted(fields_of(wording))}, has {sorted(known.parameters)}")
    if unknown := sorted(set(locale.words) - set(messages.words)):
        raise TemplateError(f"there is no word {unknown[0]}")
    for name, word in locale.words.items():
        if problem := unfit(word):
            raise TemplateError(f"word {name} {problem}")
    return locale


def render(
    template: str,
    parameters: Mapping[str, str],
    time_zone: str,
    messages: Messages = MESSAGES,
    language: str = "",
) -> CustomerText:
    """All texts of a message. Missing or surplus parameters are a programming error and raise KeyError."""
    wanted = messages.template[template]
    own_words = {in_chinese(name) for name, kind in wanted.parameters.items() if kind == "said"}
    if wanted.parameters.keys() != parameters.keys() - own_words:
        raise KeyError(f"template {template} needs {sorted(wanted.parameters)}, not {sorted(parameters)}")
    zh: dict[str, str] = {}
    en: dict[str, str] = {}
    for name, kind in wanted.parameters.items():
        value = parameters[name]
        match kind:
            case "word" | "words" | "article" | "name" | "names":
                words = [_word(kind, each, messages) for each in _word_names(kind, value)]
                zh[name], en[name] = "、".join(each.zh for each in words), ", ".join(each.en for each in words)
            case "instant":
                local, zone = _local(value, time_zone)
                zh[name] = f"{local.month}月{local.day}日{local:%H:%M}{zone}"
                en[name] = f"{local:%H:%M}{zone} on {local.day} {_MONTHS[local.month - 1]}"
            case "said":
                zh[name], en[name] = parameters.get(in_chinese(name), value), value
            case "money" | "id" | "count":
                zh[name] = en[name] = value
    own = _own(template, parameters, time_zone, messages, language) if messages.locales else {}
    return CustomerText(template=template, zh=wanted.zh.format_map(zh), en=wanted.en.format_map(en), texts=own)


def _word_names(kind: ParameterKind, value: str) -> list[str]:
    """The words that a parameter names."""
    if kind == "article":
        return [article_word(value)]
    return value.split(",") if kind in ("words", "names") else [value]


def _word(kind: ParameterKind, name: str, messages: Messages) -> Word:
    if kind == "article":
        return messages.words.get(name, messages.words[GONE])
    if kind in ("name", "names") and name not in messages.words:
        itself = name.partition(".")[2]
        return Word(zh=itself, en=itself)
    return messages.words[name]


def _own(
    template: str, parameters: Mapping[str, str], time_zone: str, messages: Messages, language: str
) -> dict[str, str]:
    """The text in the customer's language; none where its locale lacks the template or one of the words."""
    tag = next((tag for tag in (language, language.partition("-")[0]) if tag in messages.locales), None)
    if tag is None:
        return {}
    locale, kinds = messages.locales[tag], messages.template[template].parameters
    said = dict(parameters)
    for name, kind in kinds.items():
        value = parameters[name]
        match kind:
            case "word" | "words" | "article" | "name" | "names":
                words = _word_names(kind, value)
                if any(each in messages.words and each not in locale.words for each in words):
                    return {}
                said[name] = ", ".join(locale.words.get(each) or _word(kind, each, messages).en for each in words)
            case "instant":
                local, zone = _local(value, time_zone)
                month = locale.months[local.month - 1]
                said[name] = locale.instant.format(day=local.day, month=month, time=f"{local:%H:%M}{zone}")
            case _:
                pass
    return {tag: locale.template[template].format_map(said)} if template in locale.template else {}


def _local(value: str, time_zone: str) -> tuple[datetime, str]:
    """The instant at the customer's, and what has to be added to it."""
    local = datetime.fromisoformat(value).astimezone(_zone(time_zone))
    # Without a zone of the customer's the reader has to be told which one it is.
    return local, "" if local.utcoffset() else " UTC"


# Not strftime's %b: that follows the locale of the machine, and a replay elsewhere must give the same text.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    """The zone, or UTC for a name that does not exist: a typing error in a profile must not stop a message."""
    return ZoneInfo(name if is_zone(name) else "UTC")
