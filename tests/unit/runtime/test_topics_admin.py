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


@pytest.mark.parametrize(
    ("missing", "step"),
    [
        ("foreign/psp.webhooks", r"psp\.webhooks, which do not exist: correct `topics` in the source's file"),
        ("paywarden.ingest.psp.changelog", "run `paywarden topics create --ingest FILE`"),
        ("payments.transactions", "run `paywarden topics create`"),
    ],
)
def test_what_an_ingest_lacks_is_made_by_its_file_or_its_owner(missing: str, step: str) -> None:
    needed = {"foreign/psp.webhooks", "paywarden.ingest.psp.changelog", "payments.transactions"}
    counts = dict.fromkeys(needed - {missing}, 3)
    with pytest.raises(WrongPartitions, match=step):
        layout_of(
            "ingest",
            [Input("foreign/psp.webhooks", keyed=False)],
            ["paywarden.ingest.psp.changelog"],
            counts,
            ["payments.transactions"],
        )


@pytest.mark.parametrize("odd", ["payments", "labels", "changelog"])
def test_refuses_unequal_counts_and_lists_them(odd: str) -> None:
    counts = {"payments": 12, "labels": 12, "changelog": 12} | {odd: 8}
    with pytest.raises(WrongPartitions, match=f"{odd}=8"):
        layout_of("accounts", INPUTS, ["changelog"], counts)
