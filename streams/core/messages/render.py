"""How does a template become the two texts that a customer may read?"""

from __future__ import annotations

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

ParameterKind = Literal["money", "instant", "word", "id", "count", "words"]


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


class Messages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All templates and words."""

    template: dict[str, Template]
    words: dict[str, Word]


class TemplateError(Exception):
    """The message file contradicts itself.

    Operator action: correct the named template; nothing starts with messages that could be sent half filled in.
    """


def parse_messages(text: str) -> Messages:
    """Reads a message file. Every parameter must be used in both texts, and nothing else may be."""
    messages = msgspec.convert(tomllib.loads(text), Messages)
    for name, template in messages.template.items():
        for language in ("zh", "en"):
            used = {field for _, field, _, _ in string.Formatter().parse(getattr(template, language)) if field}
            if used != set(template.parameters):
                raise TemplateError(
                    f"template {name}, {language}: uses {sorted(used)}, has {sorted(template.parameters)}"
                )
    return messages


# Part of the code, like a table in a module: read once at import from inside the package.
MESSAGES = parse_messages(files(__package__).joinpath("templates.toml").read_text(encoding="utf-8"))


def money(amount_minor: int, currency: str) -> str:
    """`CNY 1,280.50`: the ISO code first, as many decimals as ISO 4217 gives the currency."""
    exponent = exponent_of(currency)
    major, minor = divmod(amount_minor, 10**exponent)
    return f"{currency} {major:,}.{minor:0{exponent}d}" if exponent else f"{currency} {major:,}"


def instant(at_ms: int) -> str:
    """How an instant travels in a message's parameters; `render` shows it in the customer's time zone."""
    return from_ms(at_ms // 1000 * 1000).isoformat().replace("+00:00", "Z")


def render(template: str, parameters: Mapping[str, str], time_zone: str, messages: Messages = MESSAGES) -> CustomerText:
    """Both texts of a message. Missing or surplus parameters are a programming error and raise KeyError."""
    wanted = messages.template[template]
    if wanted.parameters.keys() != parameters.keys():
        raise KeyError(f"template {template} needs {sorted(wanted.parameters)}, not {sorted(parameters)}")
    zh: dict[str, str] = {}
    en: dict[str, str] = {}
    for name, value in parameters.items():
        match wanted.parameters[name]:
            case "word":
                zh[name], en[name] = messages.words[value].zh, messages.words[value].en
            case "words":
                named = [messages.words[each] for each in value.split(",")]
                zh[name], en[name] = "、".join(each.zh for each in named), ", ".join(each.en for each in named)
            case "instant":
                local = datetime.fromisoformat(value).astimezone(_zone(time_zone))
                # Without a zone of the customer's the reader has to be told which one it is.
                zone = "" if local.utcoffset() else " UTC"
                zh[name] = f"{local.month}月{local.day}日{local:%H:%M}{zone}"
                en[name] = f"{local:%H:%M}{zone} on {local.day} {_MONTHS[local.month - 1]}"
            case "money" | "id" | "count":
                zh[name] = en[name] = value
    return CustomerText(template=template, zh=wanted.zh.format_map(zh), en=wanted.en.format_map(en))


# Not strftime's %b: that follows the locale of the machine, and a replay elsewhere must give the same text.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    """The zone, or UTC for a name that does not exist: a typing error in a profile must not stop a message."""
    return ZoneInfo(name if is_zone(name) else "UTC")
