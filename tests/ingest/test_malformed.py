"""A thousand records that cannot be mapped: is each refused with a reason and a place, and does none raise?"""

from __future__ import annotations

from collections import Counter

import pytest
from support.foreign import GOLDEN, reader_of
from support.foreign_traffic import PLAYED, damaged, traffic

from streams.contracts.registry import REASONS, Refusal
from streams.ingest.mapping import Facts


@pytest.mark.parametrize("shape", PLAYED)
def test_a_thousand_damaged_records_are_refused(shape: str) -> None:
    reader, reasons = reader_of(GOLDEN / shape), Counter[str]()
    for record in damaged(shape, 1_000):
        _, mapped = reader.read(Facts("t", record.key, record.timestamp_ms), record.value)
        assert isinstance(mapped, Refusal), record.value
        assert mapped.reason in REASONS
        assert mapped.detail
        if mapped.reason in ("missing_field", "wrong_type", "out_of_range") and not mapped.detail.startswith("no list"):
            assert ":" in mapped.detail  # the field, then what is wrong with it
        reasons[mapped.reason] += 1
    assert len(reasons) >= 2
    assert reasons.total() == 1_000


@pytest.mark.parametrize("shape", PLAYED)
def test_undamaged_traffic_is_written(shape: str) -> None:
    reader = reader_of(GOLDEN / shape)
    for record in traffic(shape, 200):
        _, mapped = reader.read(Facts("t", record.key, record.timestamp_ms), record.value)
        assert not isinstance(mapped, Refusal), mapped
        assert len(mapped) == 1
