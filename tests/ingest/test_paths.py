"""Is walking a plain path the same as JMESPath, and is no mapped field reported as unmapped?"""

from __future__ import annotations

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest.paths import BadPath, Path, leaves, spelled, unused

NAMES = st.sampled_from(["a", "b", "c"])
DOCUMENTS = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=12,
)
EXPRESSIONS = (
    "a",
    "a.b",
    "a.b.c",
    "a[0]",
    "a[].b",
    "a[*].b.c",
    "a || b",
    "a.b || c[0].a",
    "a[?b == `1`].c",
    "join('-', [a, b])",
    "a.*.b",
    "a | b",
    "length(a)",
)


@given(DOCUMENTS, st.sampled_from(EXPRESSIONS))
def test_finds_what_the_library_finds(document: Any, expression: str) -> None:
    try:
        expected = jmespath.search(expression, document)
    except jmespath.exceptions.JMESPathError:
        expected = None
    assert Path(expression).find(document) == expected


@pytest.mark.parametrize(
    ("expression", "chains"),
    [
        ("a.b", {"a.b"}),
        ("a[0].b", {"a[].b"}),
        ("a[].b.c", {"a[].b.c"}),
        ("a || b.c", {"a", "b.c"}),
        ("a[?b == 'x'].c | [0]", {"a[].b", "a[].c"}),
        ("a[?b == 'x'] | [0].v", {"a[].b", "a[].v"}),
        ("(a[].b)[0]", {"a[].b"}),
        ("a[*][0].v", {"a[][].v"}),
        ("a[1:3].v | [0]", {"a[].v"}),
        ("a[].b[].c", {"a[].b.c", "a[].b[].c"}),
        ("[a, b] | [0]", {"a", "b"}),
        ("sort_by(a, &n)[0].v", {"a[].v", "n[].v"}),
        ("join('-', [a, b.c])", {"a", "b.c"}),
        ('de."7"', {"de.7"}),
    ],
)
def test_knows_which_fields_an_expression_looks_at(expression: str, chains: set[str]) -> None:
    assert {spelled(chain) for chain in Path(expression).chains} == chains


def test_reports_what_nobody_looks_at() -> None:
    document = {"a": {"b": 1, "x": 2}, "list": [{"p": 1, "q": 2}], "empty": {}, "none": None}
    used = [chain for each in ("a.b", "list[].p") for chain in Path(each).chains]
    assert {spelled(chain) for chain in unused(document, used)} == {"a.x", "list[].q"}


def test_an_element_of_a_filtered_list_is_looked_at() -> None:
    document = {"valores": [{"tipo": "BRUTO", "v": "1.00"}, {"tipo": "TAXA", "v": "0.10"}]}
    assert unused(document, Path("valores[?tipo=='BRUTO'] | [0].v").chains) == set()


def test_a_huge_document_has_a_bounded_number_of_leaves() -> None:
    assert len(leaves({f"k{n}": {f"i{m}": m for m in range(50)} for n in range(1_000)})) < 2_500
    deep: Any = 1
    for _ in range(10_000):
        deep = {"d": deep}
    assert len(leaves(deep)) == 1


def test_what_is_no_jmespath_is_refused() -> None:
    with pytest.raises(BadPath):
        Path("a..b")
