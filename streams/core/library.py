"""What does this deployment know about codes, wallets, networks and customer texts?

The packaged tables and articles, and over them what a deployment put into its overlay folder. Reading files is the
adapter's (`streams.adapters.overlay`); here texts become one checked value that every decision can use.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache

import msgspec

from streams.core.declines.profiles import Limit, Profiles, packaged_profiles, read_profiles
from streams.core.declines.table import DeclineTable, packaged, read_table
from streams.core.knowledge.articles import ARTICLES, Article, packaged_articles, read_articles
from streams.core.knowledge.search import Knowledge, packaged_knowledge
from streams.core.messages.render import (
    MESSAGES,
    Locale,
    Messages,
    TemplateError,
    Word,
    article_word,
    method_word,
    parse_locale,
)
from streams.core.messages.wordings import read_wordings
from streams.core.money.tariffs import Tariff, packaged_tariffs, read_tariffs
from streams.core.tables import TableError

CAUSES, CODES, TARIFFS, TEMPLATES, PROFILES = "causes.csv", "codes.csv", "tariffs.csv", "templates.toml", "profiles/"
LOCALES = "locales/"
LAYOUT = f"{CAUSES}, {CODES}, {TARIFFS}, {TEMPLATES}, {PROFILES}NAME.toml, {LOCALES}TAG.toml and {ARTICLES}ID.md"
_NAMED = re.compile(f"(?:{PROFILES}|{LOCALES})[^/]+[.]toml|{ARTICLES}[^/]+[.]md")
_TAG = re.compile("[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")  # BCP 47, as far as profiles of accounts use it
_ALWAYS = frozenset({"zh", "en"})


class Library(msgspec.Struct, frozen=True):
    """One consistent set of tables; `digest` names it on every triage."""

    table: DeclineTable
    profiles: Profiles
    messages: Messages
    digest: str
    tariffs: Mapping[str, Tariff]
    knowledge: Knowledge


@cache
def packaged_library() -> Library:
    """What is shipped."""
    return read_library({})


def read_library(texts: Mapping[str, str]) -> Library:
    """The packaged library with the overlay's `texts` (path inside the folder -> content) over it.

    Raises TableError with one sentence about the first problem found.
    """
    for name in sorted(texts):
        if name not in (CAUSES, CODES, TARIFFS, TEMPLATES) and _NAMED.fullmatch(name) is None:
            raise TableError("there is no such file in an overlay", name, f"use {LAYOUT}, or remove it")
    for name in (CAUSES, CODES, TARIFFS):
        if name in texts and not texts[name].strip():
            raise TableError("this file is empty", name, "begin it with the names of its columns, or remove it")
    table = packaged()
    if CAUSES in texts or CODES in texts:
        table = read_table(texts.get(CAUSES, ""), texts.get(CODES, ""), base=table)
    profiles = packaged_profiles()
    own = [(name, texts[name]) for name in sorted(texts) if name.startswith(PROFILES)]
    if own:
        profiles = read_profiles(own, table, profiles)
    tariffs = packaged_tariffs()
    if TARIFFS in texts:
        tariffs = read_tariffs(texts[TARIFFS], base=tariffs)
    articles, knowledge = packaged_articles(), packaged_knowledge()
    written = {name: texts[name] for name in sorted(texts) if name.startswith(ARTICLES)}
    if written:
        articles = read_articles(written, articles)
        knowledge = Knowledge(articles)
    messages = _messages(texts.get(TEMPLATES), table, tariffs, profiles, articles)
    messages = msgspec.structs.replace(messages, locales=_locales(texts, messages, articles))
    content = table.digest + knowledge.digest + "".join(f"\n{name}\n{texts[name]}" for name in sorted(texts))
    digest = hashlib.blake2b(content.encode(), digest_size=6).hexdigest()
    return Library(table, profiles, messages, digest, tariffs, knowledge)


def _locales(texts: Mapping[str, str], messages: Messages, articles: Mapping[str, Article]) -> dict[str, Locale]:
    found: dict[str, Locale] = {}
    for name in sorted(each for each in texts if each.startswith(LOCALES)):
        tag = name.removeprefix(LOCALES).removesuffix(".toml")
        if _TAG.fullmatch(tag) is None:
            raise TableError(f"{tag!r} is no language tag", name, "name the file like fr.toml or pt-BR.toml")
        if tag.partition("-")[0] in _ALWAYS:
            raise TableError("Chinese and English are in every template", name, f"put your wording into {TEMPLATES}")
        try:
            locale = parse_locale(texts[name], messages)
        except (ValueError, TemplateError) as error:  # TOML, its types, and braces that do not match are ValueErrors
            raise TableError(str(error), name, "correct that line (docs/declines.md shows a locale)") from None
        own = {article_word(each.ref): each.wordings[tag].text for each in articles.values() if tag in each.wordings}
        found[tag] = msgspec.structs.replace(locale, words=locale.words | own)
    return found


def reason_word(cause: str) -> str:
    """The name under which messages know the customer's sentence about a cause."""
    return f"cause.{cause}"


def name_word(cause: str) -> str:
    """The name under which messages know the short name of a cause."""
    return f"cause_name.{cause}"


def tariff_word(tariff: str) -> str:
    """The name under which messages know the name of a tariff."""
    return f"tariff.{tariff}"


def limit_word(profile: str, limit: Limit) -> str:
    """The name under which messages know the name of a profile's limit."""
    return f"limit.{profile}.{limit.per}.{limit.tier or ''}.{limit.channel or ''}.{limit.currency}"


def _messages(
    text: str | None,
    table: DeclineTable,
    tariffs: Mapping[str, Tariff],
    profiles: Profiles,
    articles: Mapping[str, Article],
) -> Messages:
    """Packaged and own templates; sentences of causes, names of tariffs, limits and methods, and articles are words."""
    templates, words = dict(MESSAGES.template), dict(MESSAGES.words)
    if text is not None:
        templates, words = read_wordings(text, TEMPLATES, MESSAGES)
    causes = table.causes.values()
    words |= {reason_word(cause.cause): Word(zh=cause.zh, en=cause.en) for cause in causes}
    words |= {name_word(cause.cause): Word(zh=cause.name_zh, en=cause.name_en) for cause in causes}
    words |= {tariff_word(each.tariff): Word(zh=each.name_zh, en=each.name_en) for each in tariffs.values()}
    words |= {
        method_word(method): Word(zh=profile.name.zh, en=profile.name.en)
        for profile in profiles.by_id.values()
        for method in profile.methods
    }
    words |= {
        limit_word(profile.id, limit): Word(zh=limit.name.zh, en=limit.name.en)
        for profile in profiles.by_id.values()
        for limit in profile.limits
    }
    words |= {
        article_word(each.ref): Word(zh=each.wordings["zh"].text, en=each.wordings["en"].text)
        for each in articles.values()
    }
    return Messages(template=templates, words=words)
