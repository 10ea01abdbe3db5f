"""Does a record have the same bytes whether a value is the default or only equals it?

msgspec leaves a field out when its value *is* the default. A text that was restored with a state equals the default and
is another object, so a restart would change bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.contracts.base import Written
from streams.contracts.registry import TYPES, encode

FOLDER = Path(__file__).parent / "examples"
OUTPUTS = sorted(tag for tag, kind in TYPES.items() if issubclass(kind, Written))


def structs_of(value: Any) -> Iterator[msgspec.Struct]:
    """The struct and all structs within it."""
    if isinstance(value, msgspec.Struct):
        yield value
        for name in value.__struct_fields__:
            yield from structs_of(getattr(value, name))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from structs_of(each)
    elif isinstance(value, dict):
        yield from structs_of(list(value.values()))


def with_copied_texts(value: Any) -> Any:
    """Equal to `value`, with every text another object; as after a restore."""
    if isinstance(value, str):
        return "".join([*value])
    if isinstance(value, tuple | list):
        return type(value)(with_copied_texts(each) for each in value)
    if isinstance(value, dict):
        return {with_copied_texts(key): with_copied_texts(each) for key, each in value.items()}
    if isinstance(value, msgspec.Struct):
        return type(value)(**{name: with_copied_texts(getattr(value, name)) for name in value.__struct_fields__})
    return value


@pytest.mark.parametrize("tag", OUTPUTS)
def test_a_value_that_equals_the_default_is_left_out_like_the_default(tag: str) -> None:
    for path in sorted((FOLDER / tag).glob("*.json")):
        event = msgspec.json.decode(path.read_bytes(), type=TYPES[tag])
        assert encode(with_copied_texts(event)) == encode(event), path.name


@pytest.mark.parametrize("tag", OUTPUTS)
def test_no_default_is_of_a_kind_that_copies_badly(tag: str) -> None:
    """Small numbers, True, False, None and () exist once; texts, fractions and structs are looked after."""
    kinds = {TYPES[tag]}
    for path in (FOLDER / tag).glob("*.json"):
        kinds |= {type(each) for each in structs_of(msgspec.json.decode(path.read_bytes(), type=TYPES[tag]))}
    for kind in kinds:
        if not kind.__struct_config__.omit_defaults:
            continue
        for field in msgspec.structs.fields(kind):
            default = field.default
            once = default in (msgspec.NODEFAULT, None, ()) or isinstance(default, bool)
            small = isinstance(default, int) and -5 <= default <= 256
            looked_after = isinstance(default, str | float | msgspec.Struct) and issubclass(kind, Written)
            assert once or small or looked_after, f"{kind.__name__}.{field.name}"


def test_a_decision_always_says_which_model_it_is_of() -> None:
    for path in sorted((FOLDER / "decision.made.v1").glob("*.json")):
        event = msgspec.json.decode(path.read_bytes(), type=TYPES["decision.made.v1"])
        assert b'"model_id":' in encode(event), path.name
