"""How do tests get any value that a contract allows: hypothesis strategies from the structs themselves?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect as shapes

from streams.contracts.base import Event
from streams.contracts.registry import ANONYMOUS, TYPES

_INT64 = 2**63 - 1
_MOST_ITEMS = 4  # longer lists add time, not shapes

_offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_instants = st.builds(
    lambda at, zone: at.astimezone(zone),
    st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    st.just(UTC) | _offsets,
)
_known_accounts = st.text(min_size=1, max_size=128).filter(lambda text: text >= " " and not text.startswith(ANONYMOUS))
_accounts = st.one_of(
    st.fixed_dictionaries({"account_id": _known_accounts, "known": st.just(True)}),
    st.fixed_dictionaries({"account_id": st.text(max_size=100).map(ANONYMOUS.__add__), "known": st.just(False)}),
)


@cache  # building a strategy costs more than drawing from it
def any_of(kind: type) -> st.SearchStrategy[Any]:
    """Every valid value of the struct `kind`."""
    shape = shapes.type_info(kind)
    assert isinstance(shape, shapes.StructType)
    fields = {field.name: _values(field.type) for field in shape.fields}
    if issubclass(kind, Event):
        del fields["account_id"], fields["known"]
        return st.builds(lambda own, account: kind(**own, **account), st.fixed_dictionaries(fields), _accounts)
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


def any_struct() -> st.SearchStrategy[Any]:
    """Every valid value of every type that travels on a topic."""
    return st.sampled_from(sorted(TYPES)).flatmap(lambda tag: any_of(TYPES[tag]))


def _values(shape: shapes.Type) -> st.SearchStrategy[Any]:
    match shape:
        case shapes.Metadata(type=inner, extra_json_schema=extra):
            words = (extra or {}).get("enum")
            return st.sampled_from(words) if words else _values(inner)
        case shapes.UnionType(types=types):
            return st.one_of([_values(member) for member in types])
        case shapes.NoneType():
            return st.none()
        case shapes.LiteralType(values=words):
            return st.sampled_from(words)
        case shapes.StrType():
            if shape.pattern:
                return st.from_regex(shape.pattern.removesuffix("$") + r"\Z")
            return st.text(min_size=shape.min_length or 0, max_size=min(shape.max_length or 300, 300))
        case shapes.IntType():
            highest = shape.le if shape.le is not None else _INT64 if shape.lt is None else shape.lt - 1
            return st.integers(-_INT64 if shape.ge is None else shape.ge, highest)
        case shapes.FloatType():
            return st.floats(shape.ge, shape.le, allow_nan=False, allow_infinity=False)
        case shapes.BoolType():
            return st.booleans()
        case shapes.DateTimeType():
            return _instants
        case shapes.VarTupleType(item_type=item):
            return st.lists(_values(item), max_size=_MOST_ITEMS).map(tuple)
        case shapes.DictType(key_type=key, value_type=value):
            return st.dictionaries(_values(key), _values(value), max_size=_MOST_ITEMS)
        case shapes.StructType(cls=cls):
            return any_of(cls)
        case _:
            raise TypeError(f"no strategy for {shape}")
