"""What does a condition that an analyst wrote in the policy file say about one event?

The language has numbers (features and arithmetic), words (fields of the event) and conditions over both. What is not
known is neither true nor false: a comparison with a missing value is unknown, `and`, `or` and `not` treat unknown as
Kleene's logic does, and a rule fires on true only. Conditions become closures; nothing is ever evaluated as Python.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import msgspec
from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from streams.core.addresses import plainly
from streams.core.features import FEATURES, Features
from streams.core.rules.field_values import value_problem

# Longer ones are rules that belong in Python, with a name and a test; the bound also keeps nesting shallow.
LENGTH_MAX = 500

# Fields of events that a condition may compare, as text. Numbers of an event are features already.
WORDS = (
    "account_id",
    "app_version",
    "bin",
    "card_token",
    "channel",
    "counterparty_id",
    "country",
    "currency",
    "device_id",
    "gateway_id",
    "ip",
    "issuer_id",
    "mcc",
    "merchant_id",
    "method",
    "network",
    "reason",
    "region",
    "source",
    "terminal_id",
    "user_agent",
)

_GRAMMAR = r"""
?start: either
?either: both ("or" both)*
?both: negated ("and" negated)*
?negated: "not" negated -> negation
        | comparison
?comparison: sum COMPARATOR sum -> compared
           | sum "in" "(" literal ("," literal)* ")" -> one_of
           | sum "not" "in" "(" literal ("," literal)* ")" -> none_of
           | sum
?sum: product (SIGN product)*
?product: atom (FACTOR atom)*
?atom: literal
     | "known" "(" NAME ")" -> known
     | NAME -> named
     | "(" either ")"
literal: NUMBER -> number
       | STRING -> text
COMPARATOR: "<=" | ">=" | "!=" | "<" | ">" | "="
SIGN: "+" | "-"
FACTOR: "*" | "/"
NAME: /[a-z][a-z0-9_]*/
NUMBER: /-?\d+(\.\d+)?/
STRING: /"[^"\\]{0,128}"/ | /'[^'\\]{0,128}'/
%ignore /[ \t\r\n]+/
"""

# (event, features) -> float, str, bool, or None for what is not known.
Reading: TypeAlias = Callable[[Any, Features], Any]
_MISSING = {spec.name: spec.missing for spec in FEATURES}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_NUMBER, _WORD, _CONDITION = "a number", "a text", "a condition"


class ExpressionError(ValueError):
    """The condition cannot be used: the message completes the sentence "this condition is wrong: ..."."""


class Condition(NamedTuple):
    """A condition ready to be asked, and the features that it looks at, in order of appearance."""

    holds: Reading
    features: tuple[str, ...]

    def evidence(self, features: Features) -> dict[str, float]:
        """What the features said that were known."""
        values = ((name, float(getattr(features, name))) for name in self.features)
        return {name: value for name, value in values if value != _MISSING[name]}


def _address(event: Any, _features: Features) -> str | None:
    ip = getattr(event, "ip", None)
    return None if ip is None else plainly(ip)


class _Part(NamedTuple):
    kind: str
    read: Reading
    features: tuple[str, ...] = ()
    word: str = ""  # the field of the event, if it is one and nothing else
    literal: str | None = None  # the text, if it is one that stands there


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)


def parse_condition(text: str) -> Condition:
    """Reads a condition such as `mcc = "5947" and night = 1 and amount_to_usual > 3`.

    Raises ExpressionError with what is wrong and where.
    """
    if len(text) > LENGTH_MAX:
        raise ExpressionError(f"it has {len(text)} characters, at most {LENGTH_MAX} are read")
    try:
        part: _Part = _Build().transform(_parser().parse(text))
    except UnexpectedInput as error:
        raise ExpressionError(_misread(error, text)) from None
    except VisitError as error:
        if isinstance(error.orig_exc, ExpressionError):
            raise error.orig_exc from None
        raise
    if part.kind != _CONDITION:
        raise ExpressionError(f"it is {part.kind}, not a condition: compare it with something")
    return Condition(part.read, tuple(dict.fromkeys(part.features)))


def _misread(error: UnexpectedInput, text: str) -> str:
    match error:
        case UnexpectedToken(token=Token(type="$END")):
            return "it ends too early"
        case UnexpectedToken(token=token):
            return f"{str(token)!r} at character {token.column} is not expected there"
        case UnexpectedCharacters():
            return f"{text[error.column - 1 :][:1]!r} at character {error.column} means nothing here"
        case _:
            return "it cannot be read"


def _wanted(part: _Part, kind: str, where: str) -> _Part:
    if part.kind != kind:
        raise ExpressionError(f"{where} needs {kind} and got {part.kind}")
    return part


def _see_that_it_can_be(field: _Part, text: _Part) -> None:
    """No event has "cn" for a country, so whoever asks for it meant something else."""
    if not field.word or text.literal is None:
        return
    if field.word == "ip" and "/" in text.literal:
        raise ExpressionError("a condition compares whole addresses; networks belong on a [[list]]")
    if (problem := value_problem(field.word, text.literal)) is not None:
        raise ExpressionError(problem)


@v_args(inline=True)
class _Build(Transformer[Token, _Part]):
    """From the leaves up: every node of the tree becomes a closure with the kind of value that it gives."""

    def number(self, token: Token) -> _Part:
        value = float(token)
        if not math.isfinite(value):
            raise ExpressionError(f"a number of {len(token)} digits is larger than any amount")
        return _Part(_NUMBER, lambda _event, _features: value)

    def text(self, token: Token) -> _Part:
        value = plainly(str(token)[1:-1])
        return _Part(_WORD, lambda _event, _features: value, literal=value)

    def named(self, token: Token) -> _Part:
        name = str(token)
        if name in _MISSING:
            missing = _MISSING[name]
            read = operator.attrgetter(name)
            if missing is None:
                return _Part(_NUMBER, lambda _event, features: read(features), (name,))

            def value_or_unknown(_event: Any, features: Features) -> float | None:
                value: float = read(features)
                return None if value == missing else value

            return _Part(_NUMBER, value_or_unknown, (name,))
        if name == "ip":
            return _Part(_WORD, _address, word=name)
        if name in WORDS:
            return _Part(_WORD, lambda event, _features: getattr(event, name, None), word=name)
        raise ExpressionError(
            f"there is neither a feature nor a field {name!r}; docs/features.md lists the features, "
            f"fields are {', '.join(WORDS)}"
        )

    def known(self, token: Token) -> _Part:
        part = self.named(token)
        return _Part(_CONDITION, lambda event, features: part.read(event, features) is not None, part.features)

    def sum(self, first: _Part, *rest: Any) -> _Part:
        return self._calculated(first, rest)

    def product(self, first: _Part, *rest: Any) -> _Part:
        return self._calculated(first, rest)

    def _calculated(self, part: _Part, rest: tuple[Any, ...]) -> _Part:
        for sign, right in zip(rest[::2], rest[1::2], strict=True):
            _wanted(part, _NUMBER, f"{str(sign)!r}")
            _wanted(right, _NUMBER, f"{str(sign)!r}")
            part = _Part(_NUMBER, _arithmetic(str(sign), part.read, right.read), part.features + right.features)
        return part

    def compared(self, left: _Part, comparator: Token, right: _Part) -> _Part:
        if left.kind != right.kind or left.kind == _CONDITION:
            raise ExpressionError(f"{str(comparator)!r} compares {left.kind} with {right.kind}")
        if left.kind == _WORD and comparator not in ("=", "!="):
            raise ExpressionError(f"{str(comparator)!r} compares texts; only = and != do")
        _see_that_it_can_be(left, right)
        _see_that_it_can_be(right, left)
        compare, read_left, read_right = _COMPARE[str(comparator)], left.read, right.read

        def holds(event: Any, features: Features) -> bool | None:
            a, b = read_left(event, features), read_right(event, features)
            return None if a is None or b is None else compare(a, b)

        return _Part(_CONDITION, holds, left.features + right.features)

    def one_of(self, value: _Part, *choices: _Part) -> _Part:
        if value.kind == _CONDITION or any(choice.kind != value.kind for choice in choices):
            raise ExpressionError(f"'in' looks for {value.kind} among values of another kind")
        for choice in choices:
            _see_that_it_can_be(value, choice)
        among = frozenset(choice.read(None, _NO_FEATURES) for choice in choices)
        read = value.read

        def holds(event: Any, features: Features) -> bool | None:
            found = read(event, features)
            return None if found is None else found in among

        return _Part(_CONDITION, holds, value.features)

    def none_of(self, value: _Part, *choices: _Part) -> _Part:
        return self.negation(self.one_of(value, *choices))

    def negation(self, part: _Part) -> _Part:
        read = _wanted(part, _CONDITION, "'not'").read

        def holds(event: Any, features: Features) -> bool | None:
            answer = read(event, features)
            return None if answer is None else not answer

        return _Part(_CONDITION, holds, part.features)

    def both(self, *parts: _Part) -> _Part:
        return self._joined("'and'", parts, False)

    def either(self, *parts: _Part) -> _Part:
        return self._joined("'or'", parts, True)

    def _joined(self, where: str, parts: tuple[_Part, ...], deciding: bool) -> _Part:
        """One part with the deciding value decides; else unknown if any is unknown."""
        reads = tuple(_wanted(part, _CONDITION, where).read for part in parts)

        def holds(event: Any, features: Features) -> bool | None:
            answer: bool | None = not deciding
            for read in reads:
                told: bool | None = read(event, features)
                if told is deciding:
                    return deciding
                if told is None:
                    answer = None
            return answer

        return _Part(_CONDITION, holds, tuple(name for part in parts for name in part.features))


# Literals read nothing, but a closure wants something to look at.
_NO_FEATURES = msgspec.convert(dict.fromkeys(Features.__struct_fields__, 0.0), Features)


def _arithmetic(sign: str, read_left: Reading, read_right: Reading) -> Reading:
    def calculated(event: Any, features: Features) -> float | None:
        a, b = read_left(event, features), read_right(event, features)
        if a is None or b is None:
            return None
        match sign:
            case "+":
                found = float(a + b)
            case "-":
                found = float(a - b)
            case "*":
                found = float(a * b)
            case _:
                found = float(a / b) if b != 0.0 else math.inf  # nothing is so many times as much as nothing
        return found if math.isfinite(found) else None

    return calculated
