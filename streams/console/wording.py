"""What do a contract's words say in the reader's language?

A value that nobody has given words to is shown as it is written, with blanks, so that a record of a newer release can
be read; `knows` tells those apart, and a test asks it about everything that this release can say.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from streams.adapters.case_store.words import holds, words_of
from streams.console import measures
from streams.core.declines.table import packaged
from streams.core.intake.topics import TOPICS
from streams.core.messages.render import MESSAGES
from streams.core.reasons import REASONS

Words = Mapping[str, Mapping[str, str]]

_SAID: Final = "said."  # begins the cause of what a customer says, and nobody else has said yet
_INSTANT: Final = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z")
_SECONDS: Final = re.compile(r"\b(\d+) s\b")
_SECONDS_ZH: Final = re.compile(r"(\d+) 秒")
_UNITS_ZH: Final = {"d": "天", "h": "小时", "min": "分钟", "s": "秒"}
_OF: Final = re.compile(r"(\w+) of ([\w+]+)")  # as an incident names its cause: what is up, and with which dimension
_TYPE: Final = re.compile(r"[a-z]+_[a-z_]+(?:\.[a-z_]+)?")
# What a version says has changed: a pattern, the text of it, and the groups of words of what the pattern finds.
_CHANGES: Final[tuple[tuple[re.Pattern[str], str, tuple[str, ...]], ...]] = tuple(
    (re.compile(pattern), key, groups)
    for pattern, key, groups in (
        (r"status (\w+)", "changed.status", ("status",)),
        (r"state (\w+)", "changed.status", ("status",)),
        (r"finding (\w+)", "changed.finding", ("finding",)),
        (r"action (\w+)", "changed.action", ("measure",)),
        (r"message (\S+)", "changed.message", ("template",)),
        (r"timeline: (\S+)", "changed.timeline", ("kind",)),
        (r"clock (\w+) (\d+%)", "changed.clock", ("clock", "")),
        (r"priority (P\d) to (P\d)", "changed.priority", ("", "")),
        (r"priority (P\d)", "changed.priority_is", ("",)),
        (r"queue (\w+) to (\w+)", "changed.queue", ("queue", "queue")),
        (r"root cause (.+)", "changed.root_cause", ("root_cause",)),
        (r"satisfaction (\d)", "changed.satisfaction", ("",)),
        (r"attachment (.+)", "changed.attachment", ("none",)),
    )
)
# Reasons of a classification are no reasons of a decision: what was understood, and which article is near.
_READINGS: Final = (
    (re.compile(r"perhaps_(F\d\d)"), "reading.perhaps"),
    (re.compile(r"about_(F\d\d)"), "reading.about"),
    (re.compile(r"asks_(.+)"), "reading.asks"),
    (re.compile(r"article_(.+)"), "reading.article"),
    (re.compile(r"nearest_(.+)"), "reading.nearest"),
    (re.compile(r"(money)_missing"), "reading.missing"),
)


def _lasting(found: re.Match[str]) -> str:
    return measures.lasting(int(found[1]))


def _lasting_zh(found: re.Match[str]) -> str:
    count, _, unit = measures.lasting(int(found[1])).partition(" ")
    return f"{count} {_UNITS_ZH[unit]}"


@cache
def load_texts(name: str = "texts.toml") -> dict[str, dict[str, str]]:
    """Every text of the interface by key and language; of `words.toml`, words of the contracts by group and word."""
    raw = tomllib.loads((resources.files("streams.console") / name).read_text(encoding="utf-8"))
    return {key: dict(value) for key, value in raw.items()}


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str, tuple[str, ...]], ...]:
    """The texts of lines of `lines.toml`, in its order: pattern, how it is told in Chinese, groups of words."""
    raw = tomllib.loads((resources.files("streams.console") / "lines.toml").read_text(encoding="utf-8"))
    return tuple((re.compile(pattern), each["zh"], tuple(each["of"])) for pattern, each in raw.items())


def spelled(word: str | None) -> str:
    return "" if word is None else str(word).replace("_", " ")


class Wording:
    """The words of contracts, by group and value. Languages are `zh` and `en`."""

    def __init__(self) -> None:
        self._words: Words = load_texts("words.toml")
        self._lines = _patterns()
        self._causes = packaged().causes  # the unified causes have names of their own
        written = {key.partition(".")[2] for key in self._words if key.startswith(("type.", "cause."))} - {"said"}
        self._names = [
            (" ".join(words_of(name)), words_of(value))
            for value in sorted(written | self._causes.keys())
            for name in {self._known(group, value, each) for group in ("type", "cause") for each in ("zh", "en")}
            if name is not None
        ]

    def word(self, group: str, value: str | None, language: str) -> str:
        return self._known(group, value, language) or spelled(value)

    def knows(self, group: str, value: str) -> bool:
        """Whether somebody has said in both languages what it is called."""
        return all(self._known(group, value, language) for language in ("zh", "en"))

    def changed(self, what: str, language: str) -> str:
        """One of the things that a version says have changed."""
        for pattern, key, groups in _CHANGES:
            found = pattern.fullmatch(what)
            if found is not None:
                shown = (
                    self.word(group, value, language) if group else value
                    for group, value in zip(groups, found.groups(), strict=True)
                )
                return self._words[key][language].format(*shown)
        return self.word("changed", what, language)

    def measure(self, name: str, language: str) -> str:
        """What a rule looked at, as people call it: `since_login_s` is `since login`, with a unit behind its number."""
        spelled_out = measures.spelled(name)
        if language != "zh":
            return spelled_out
        return "".join(self._known("measured", each, "zh") or each for each in spelled_out.split())

    def line(self, text: str, language: str) -> str:
        """The text of a line of a timeline; what nobody has given Chinese words to is shown as it is written.

        Moments in it are shown as everywhere on the pages, to the minute, and how long something lasts with its unit.
        """
        text = _INSTANT.sub(r"\1 \2", text)
        if language != "zh":
            return _SECONDS.sub(_lasting, "; ".join(self._named(each) for each in text.split("; ")))
        whole = self._line(text)
        told = "；".join(self._line(each) or each for each in text.split("; ")) if whole is None else whole
        return _SECONDS_ZH.sub(_lasting_zh, told)

    def _named(self, part: str) -> str:
        """A part of a line, in English: as it is written, unless it is nothing but the type of a case."""
        return (self._type(part, "en") if _TYPE.fullmatch(part) else None) or part

    def _line(self, text: str) -> str | None:
        for pattern, told, groups in self._lines:
            found = pattern.fullmatch(text)
            if found is None:
                continue
            if not found.groups():
                return told.format(whole=self._of_line(groups[0] if groups else "", text))
            return told.format(*map(self._of_line, groups, found.groups(default="")))
        return None

    def _of_line(self, group: str, value: str) -> str:
        """One part of a line, in Chinese; of several between commas each."""
        match group:
            case "":
                return value
            case "line":
                return self.line(value, "zh")
            case "type":
                return self._type(value, "zh") or value
            case "operator":
                return self.word("kind", f"operator_{value}", "zh")
            case "clock" | "scope":
                return self.word(group, value.replace(" ", "_"), "zh")
            case "checks":
                return re.sub(r"\w+", lambda each: self._known(group, each[0], "zh") or each[0], value)
            case _:
                return "、".join(self._known(group, each, "zh") or each for each in value.split(", "))

    def written(self, phrase: list[str]) -> list[list[str]]:
        """The words of types and causes of cases that pages call so, or in whose name the phrase is."""
        found = {tuple(words) for name, words in self._names if holds(name, (phrase,))}
        return [list(words) for words in sorted(found)]

    def reason(self, code: str, language: str) -> str:
        """R01 with what it says; what was read in a message; a code of a newer release alone."""
        known = REASONS.get(code)
        if known is not None:
            return f"{code} {known.zh if language == 'zh' else known.en}"
        for pattern, key in _READINGS:
            found = pattern.fullmatch(code)
            if found is not None:
                topic = TOPICS.get(found[1])
                named = spelled(found[1]) if topic is None else self.word("type", topic.case_type, language)
                return self._words[key][language].format(named)
        return code

    def _known(self, group: str, value: str | None, language: str) -> str | None:
        if value is None:
            return None
        known = self._words.get(f"{group}.{value}")
        if known is not None:
            return known[language]
        if group in ("cause", "root_cause"):  # whose it was, or what a machine found to be the cause
            if f"cause.{value}" in self._words:
                return self._words[f"cause.{value}"][language]
            return self._cause(value, language)
        if group in ("template", "resolution") and value in MESSAGES.template:
            named = self._type(value, language) if group == "template" else None
            if named is not None:
                return named
            return self._words[f"message.{MESSAGES.template[value].kind}"][language]
        return None

    def _cause(self, value: str, language: str) -> str | None:
        """Causes are names of the table of codes, types of cases, what a customer says, or failures of something."""
        cause = self._causes.get(value)
        if cause is not None:
            return cause.name_zh if language == "zh" else cause.name_en
        if value.startswith(_SAID):
            about = self._type(value.removeprefix(_SAID), language)
            return None if about is None else self._words["cause.said"][language].format(about)
        part = _OF.fullmatch(value)
        return self._type(value, language) if part is None else self._of(part[1], part[2], language)

    def _of(self, what: str, dimension: str, language: str) -> str | None:
        """Failures of a gateway, slowness of an issuer behind a gateway."""
        parts = [self._known("dimension", each, language) for each in dimension.split("+")]
        said = self._known("up", what, language)
        if said is None or None in parts:
            return None
        joined = ("＋" if language == "zh" else " + ").join(filter(None, parts))
        return f"{joined}{said}" if language == "zh" else f"{said} of {joined}"

    def _type(self, value: str, language: str) -> str | None:
        """The longest beginning of `value`, up to a dot, that is a type of cases; behind it stands an id of a thing."""
        while value:
            known = self._words.get(f"type.{value}")
            if known is not None:
                return known[language]
            value = value.rpartition(".")[0]
        return None
