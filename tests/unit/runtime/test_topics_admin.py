"""Can an agent run on the topics that it finds?"""

from __future__ import annotations

import pytest

from streams.runtime.failstop import WrongPartitions
from streams.runtime.logic import Input
from streams.runtime.topics_admin import layout_of

INPUTS = (Input("payments"), Input("labels", required=False))


def test_an_input_that_is_not_required_may_be_missing() -> None:
    layout = layout_of("accounts", INPUTS, ["changelog"], {"payments": 12, "changelog": 12})
    assert layout.partitions == 12
    assert [each.topic for each in layout.inputs] == ["payments"]


def test_names_what_is_missing() -> None:
    with pytest.raises(WrongPartitions, match=r"changelog.*paywarden topics create"):
        layout_of("accounts", INPUTS, ["changelog"], {"payments": 12})


@pytest.mark.parametrize("odd", ["payments", "labels", "changelog"])
def test_refuses_unequal_counts_and_lists_them(odd: str) -> None:
    counts = {"payments": 12, "labels": 12, "changelog": 12} | {odd: 8}
    with pytest.raises(WrongPartitions, match=f"{odd}=8"):
        layout_of("accounts", INPUTS, ["changelog"], counts)
