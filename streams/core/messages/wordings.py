"""What are a deployment's own wordings of packaged messages, and may they be sent?"""

from __future__ import annotations

import tomllib

import msgspec

from streams.core.messages.render import ISSUER, Messages, ParameterKind, Template, Word, fields_of, unfit
from streams.core.refused import wrong
from streams.core.tables import TableError


class _Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message in an overlay: its texts. Whoever copies the packaged one has the rest, which may not differ."""

    zh: str
    en: str
    flow: str | None = None
    kind: str | None = None
    parameters: dict[str, ParameterKind] | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    template: dict[str, _Wording] = {}
    words: dict[str, Word] = {}


def read_wordings(text: str, name: str, packaged: Messages) -> tuple[dict[str, Template], dict[str, Word]]:
    """The packaged messages and words with the texts of an overlay's file. Raises TableError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"this is not TOML: {error}", name, "correct that line") from None
    if not any(raw.values()):
        remedy = 'write [template."NAME"] or [words."NAME"] with zh and en, or remove the file'
        raise TableError("this file words nothing", name, remedy)
    _check_shape(raw, name)
    file = msgspec.convert(raw, _File)
    templates, words = dict(packaged.template), dict(packaged.words)
    for each, wording in file.template.items():
        where = f"{name}, template {each}"
        shipped = packaged.template.get(each)
        if shipped is None:
            raise TableError("there is no message of that name", where, "use the name of a packaged message")
        _check_facts(shipped, wording, where)
        for language in ("zh", "en"):
            _check_text(getattr(wording, language), language, where, set(shipped.parameters))
        templates[each] = msgspec.structs.replace(shipped, zh=wording.zh, en=wording.en)
    for each, word in file.words.items():
        where = f"{name}, word {each}"
        if each not in packaged.words and not each.startswith(ISSUER):
            raise TableError("there is no word of that name", where, "use the name of a packaged word")
        for language in ("zh", "en"):
            _check_text(getattr(word, language), language, where, set())
        words[each] = word
    return templates, words


def _check_shape(raw: dict[str, object], name: str) -> None:
    """Each message by itself, so that what is wrong can be told with its name."""
    for section in raw:
        if section not in ("template", "words"):
            raise TableError(f"there is no section [{section}]", name, 'write [template."NAME"] or [words."NAME"]')
    kinds = (("template", "template", _Wording), ("words", "word", Word))
    for section, noun, shape in kinds:
        entries = raw.get(section, {})
        if not isinstance(entries, dict):
            raise TableError(f"{section} is no section", name, f'write [{section}."NAME"]')
        for each, entry in entries.items():
            where = f"{name}, {noun} {each}"
            if not isinstance(entry, dict):
                raise TableError("its texts are missing", where, 'write zh = "..." and en = "..." below its name')
            if any(isinstance(part, dict) for key, part in entry.items() if key != "parameters"):
                raise TableError("a name with dots needs quotation marks", where, f'write [{section}."NAME.WITH.DOTS"]')
            try:
                msgspec.convert(entry, shape)
            except msgspec.ValidationError as error:
                remedy = "it has zh and en, both texts"
                raise TableError(wrong(error, entry, shape), where, remedy) from None


def _check_facts(shipped: Template, wording: _Wording, where: str) -> None:
    """Which flow a message belongs to and whether it is capped is code's; only its words are a deployment's."""
    for fact in ("flow", "kind"):
        said, known = getattr(wording, fact), getattr(shipped, fact)
        if said not in (None, known):
            raise TableError(f"its {fact} is {known}, not {said}", where, f"remove the key {fact}")
    if wording.parameters not in (None, shipped.parameters):
        given = ", ".join(f"{key} = {kind}" for key, kind in shipped.parameters.items()) or "none"
        raise TableError(f"its parameters are {given}", where, "remove the key parameters")


def _check_text(text: str, language: str, where: str, parameters: set[str]) -> None:
    if problem := unfit(text):
        raise TableError(f"the {language} text {problem}", where, "write it as a customer should read it")
    try:
        used = fields_of(text)
    except ValueError as error:
        raise TableError(
            f"the {language} text has braces that do not match ({error})", where, "write {NAME} of a parameter"
        ) from None
    known = ", ".join(f"{{{each}}}" for each in sorted(parameters)) or "no parameter"
    if surplus := sorted(used - parameters):
        raise TableError(f"the {language} text uses {{{surplus[0]}}}, which it is not given", where, f"it has {known}")
    if lacking := sorted(parameters - used):
        raise TableError(f"the {language} text does not use {{{lacking[0]}}}", where, f"it has to use {known}")
