"""Which wordings can hardly mean anything else, and what is a message about that has one? (`rules.txt`)"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Final, NamedTuple

ASKS_FOR_PERSON: Final = "-"  # in place of a flow
_DEED: Final = "!"  # behind the name of a rule
_GOES_ON: Final = "    "
_WORDS = re.compile(r"<([A-Z_]+)>")


class Rule(NamedTuple):
    name: str
    flow: str
    pattern: re.Pattern[str]
    is_deed: bool  # it tells what has been done to somebody, so no other rule's question is what is meant


def _whole_lines(text: str) -> Iterator[str]:
    """Without comments, and with what is indented behind the line that it goes on with."""
    line = ""
    for each in text.splitlines():
        if each.startswith(_GOES_ON):
            line += each.removeprefix(_GOES_ON)
        elif each and not each.startswith("#"):
            if line:
                yield line
            line = each
    yield line


def _read(text: str) -> Iterator[Rule]:
    words: dict[str, str] = {}
    for line in _whole_lines(text):
        if line.startswith("@"):
            name, _, pattern = line.removeprefix("@").partition(" ")
            words[name] = _spelt_out(pattern, words)
            continue
        name, flow, pattern = line.split(" ", 2)
        whole = re.compile(_spelt_out(pattern, words), re.DOTALL)
        yield Rule(name.rstrip(_DEED), flow, whole, name.endswith(_DEED))


def _spelt_out(pattern: str, words: dict[str, str]) -> str:
    return _WORDS.sub(lambda found: words[found[1]], pattern)


RULES: Final = tuple(_read(files(__package__).joinpath("rules.txt").read_text("utf-8")))


def rule_for(line: str) -> Rule | None:
    """The one rule that speaks about a line, folded: the first deed; else none if several name different flows."""
    found = [rule for rule in RULES if rule.pattern.search(line) is not None]
    deed = next((rule for rule in found if rule.is_deed), None)
    if deed is not None:
        return deed
    return found[0] if len({rule.flow for rule in found}) == 1 else None
