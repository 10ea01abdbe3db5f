"""What is wrong with a value in a file that a deployment wrote, in words that whoever wrote it can act on?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

_TYPES = {
    "int": "a whole number",
    "float": "a number with a decimal point",
    "bool": "true or false",
    "str": "a text",
    "object": "a table",
    "array": "a list",
    "null": "nothing",
}
# Parts of the patterns of contracts and profiles, and what they ask for.
_PATTERNS = (
    ("(s|m|h|d|bd)", "a number and s, m, h, d or bd (business days), like 30m"),
    ("[A-Z]{3}", "three capital letters, like CNY"),
    ("https://", "an address that begins with https://, without spaces or a user name"),
    ("F[0-4]", "a flow, like F07, or empty"),
    ("x00", "a text of visible characters in one line"),
    ("[0-9-]", "a telephone number: digits and hyphens, perhaps after a +"),
)
_EXPECTED = re.compile(r"Expected `(?P<type>[^`]+)`(?P<more>.*)")


def wrong(error: msgspec.ValidationError, raw: Mapping[str, Any], shape: Any, noun: str = "key") -> str:
    """One clause about the first value of `raw` that is no `shape`, with the name of its key (or column: `noun`)."""
    what, _, path = str(error).partition(" - at `$")
    steps = re.findall(r"\.([^.\[\]]+)|(\[\.\.\.\])|\[(\d+)\]", path.rstrip("`"))
    names = [name or any_key or str(int(index) + 1) for name, any_key, index in steps]
    if "[...]" in names:
        at = names.index("[...]")
        names[at] = _culprit(str(error), raw, shape, names[:at])
    if lacking := re.fullmatch(r"Object missing required field `(.+)`", what):
        problem = f"the {noun} {'.'.join([*names, lacking[1]])} is {'empty' if noun == 'column' else 'missing'}"
    elif surplus := re.fullmatch(r"Object contains unknown field `(.+)`", what):
        problem = f"there is no {noun} {'.'.join([*names, surplus[1]])}"
    elif noun == "column" and what.endswith("got `null`"):
        problem = f"the column {'.'.join(names)} is empty"
    else:
        problem = f"{noun} {'.'.join(names)}: {_said(what)}" if names else _said(what)
    return problem


def _culprit(said: str, raw: Any, shape: Any, names: list[str]) -> str:
    """Which key of the table at `names` it is: the one that is refused alone."""
    table = raw
    for name in names:
        table = table.get(name) if isinstance(table, Mapping) else None
    for key in table if isinstance(table, Mapping) and len(names) == 1 else ():
        try:
            msgspec.convert({**raw, names[0]: {key: table[key]}}, shape)
        except msgspec.ValidationError as error:
            if str(error) == said:
                return str(key)
    return "..."


def _said(what: str) -> str:
    if enum := re.fullmatch(r"Invalid enum value (.+)", what):
        return f"{enum[1]} is none of the words that it may be"
    expected = _EXPECTED.fullmatch(what)
    if expected is None:
        return what[:1].lower() + what[1:]
    wanted = " or ".join(_TYPES.get(each.strip(), each.strip()) for each in expected["type"].split("|"))
    more = expected["more"]
    if " matching regex " in more:
        return f"it should be {next((text for part, text in _PATTERNS if part in more), 'written otherwise')}"
    if got := re.fullmatch(r", got `(.+)`", more):
        return f"it should be {wanted}, and is {_TYPES.get(got[1], got[1])}"
    if length := re.fullmatch(r" of length (>=|<=) (\d+)", more):
        return f"it should have at {'least' if length[1] == '>=' else 'most'} {length[2]} characters"
    if bound := re.fullmatch(r" (>=|<=) (.+)", more):
        return f"it should be {wanted} of at {'least' if bound[1] == '>=' else 'most'} {bound[2]}"
    return f"it should be {wanted}{more}"
