"""What does a JMESPath expression find in a foreign record, and which fields of the record does nobody look at?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import REVERSE_TYPES_MAP, TYPES_MAP

Chain: TypeAlias = tuple[str, ...]  # names from the root down; ANY stands for an element of a list or any name

ANY: Final = "[]"
# Numbers that jmespath knows no type of, by the names of their classes: its functions would refuse them.
REVERSE_TYPES_MAP["number"] += ("Exact", "Decimal")
TYPES_MAP |= dict.fromkeys(("Exact", "Decimal"), "number")

RECORD: Final = "_record"  # what Kafka knows about the record: key, topic, timestamp_ms, headers
ROOT: Final = "_root"  # the whole document, where `each` takes it apart
# A field of a record is worth a line to an operator, the ten-thousandth of them is not.
_MOST_LEAVES: Final = 2_000
_DEEPEST: Final = 32


class BadPath(ValueError):
    """An expression is not JMESPath. The message is the library's first line."""


class Path:
    """One compiled expression."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        try:
            parsed = jmespath.compile(expression)
        except JMESPathError as error:
            raise BadPath(str(error).splitlines()[0]) from None
        self.chains: tuple[Chain, ...] = tuple(dict.fromkeys(_collect(parsed.parsed)))
        self.roots = frozenset(chain[0] for chain in self.chains if chain)
        plain = _plain(parsed.parsed)
        self._find: Callable[[Any], Any] = parsed.search if plain is None else _walk(plain)

    def find(self, document: Any) -> Any:
        """The value, or None where there is none or a function of the expression does not fit it."""
        try:
            return self._find(document)
        except (JMESPathError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return None  # jmespath checks what it gives to its functions only in part

    def __repr__(self) -> str:
        return f"Path({self.expression!r})"


def _plain(node: dict[str, Any]) -> Chain | None:
    """The names of an expression that only goes down: most are, and walking them is ten times as fast."""
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] == "subexpression":
        parts = [_plain(child) for child in node["children"]]
        if all(part is not None for part in parts):
            return tuple(name for part in parts if part for name in part)
    return None


def _walk(chain: Chain) -> Callable[[Any], Any]:
    def find(document: Any) -> Any:
        for name in chain:
            if not isinstance(document, dict):
                return None
            document = document.get(name)
        return document

    return find


def _collect(node: dict[str, Any]) -> Iterator[Chain]:
    found: list[Chain] = []
    found += _ends(node, ((),), found)
    return iter(found)


def _ends(
    node: dict[str, Any], starts: tuple[Chain, ...], aside: list[Chain], *, listed: bool = False
) -> tuple[Chain, ...]:
    """Where `node` leads from `starts`; what it looks at on the way, without leading there, goes `aside`.

    Args:
        listed: `node` gets a list that the expression made of what lies at `starts`, so that taking an element of it
            leads no deeper into the record.
    """
    children = node.get("children", [])
    match node["type"]:
        case "field":
            return tuple((*start, node["value"]) for start in starts)
        case "subexpression" | "index_expression" | "pipe":
            for child in children:
                starts = _ends(child, starts, aside, listed=listed)
                listed = _makes_a_list(child, listed)
            return starts
        case "index" | "slice":
            return starts if listed else _inside(starts)
        case "flatten":
            ends = _ends(children[0], starts, aside, listed=listed)
            # Of a list that the expression made the elements may be lists or not.
            return (*ends, *_inside(ends)) if _makes_a_list(children[0], listed) else _inside(ends)
        case "projection" | "value_projection" | "filter_projection":
            ends = _ends(children[0], starts, aside, listed=listed)
            inside = ends if _makes_a_list(children[0], listed) else _inside(ends)
            if node["type"] == "filter_projection":
                aside += _ends(children[2], inside, aside)
            return _ends(children[1], inside, aside)
        case "identity" | "current":
            return starts
        case "literal":
            return ()
        case _:  # or, and, not, comparator, functions, lists and objects: every branch is looked at
            return tuple(end for child in children for end in _ends(child, starts, aside, listed=listed))


def _inside(chains: tuple[Chain, ...]) -> tuple[Chain, ...]:
    return tuple((*chain, ANY) for chain in chains)


def _makes_a_list(node: dict[str, Any], listed: bool) -> bool:
    """Is the value a list that is not in the record, but made of what was found?"""
    match node["type"]:
        case "projection" | "value_projection" | "filter_projection" | "flatten" | "slice" | "multi_select_list":
            return True
        case "identity" | "current":
            return listed
        case "subexpression" | "index_expression" | "pipe":
            for child in node["children"]:
                listed = _makes_a_list(child, listed)
            return listed
        case "or_expression" | "and_expression" | "function_expression":
            return any(_makes_a_list(child, listed) for child in node["children"])
        case _:
            return False


def leaves(document: Any) -> set[Chain]:
    """Every field of the document that holds a value; elements of lists count as one."""
    found: set[Chain] = set()
    stack: list[tuple[Chain, Any]] = [((), document)]
    while stack and len(found) < _MOST_LEAVES:
        chain, value = stack.pop()
        if len(chain) >= _DEEPEST:
            found.add(chain)
        elif isinstance(value, dict):
            stack += (((*chain, str(name)), inner) for name, inner in value.items())
        elif isinstance(value, list | tuple):
            stack += (((*chain, ANY), inner) for inner in value[:100])
        elif value is not None and chain:
            found.add(chain)
    return found


def unused(document: Any, used: Iterable[Chain]) -> set[Chain]:
    """The leaves that no chain of `used` leads to or over."""
    used = tuple(used)
    return {leaf for leaf in leaves(document) if not any(_covers(chain, leaf) for chain in used)}


def _covers(chain: Chain, leaf: Chain) -> bool:
    return len(chain) <= len(leaf) and all(mine in (theirs, ANY) for mine, theirs in zip(chain, leaf, strict=False))


def spelled(chain: Chain) -> str:
    """A chain as an expression: `items[].price`."""
    text = ""
    for name in chain:
        text += "[]" if name == ANY else ("." if text else "") + name
    return text
