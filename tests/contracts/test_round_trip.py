"""Is every value that a contract allows read back exactly as it was written?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.events import any_of, any_struct

from streams.contracts.base import EPOCH, from_ms, to_ms
from streams.contracts.registry import MAX_BYTES, TOPICS_OF_TYPE, TYPES, Refusal, decode, encode, headers_of, key_of

relaxed = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("tag", sorted(TYPES))
@relaxed
@given(data=st.data())
def test_what_is_written_is_read(tag: str, data: st.DataObject) -> None:
    event = data.draw(any_of(TYPES[tag]))
    raw = encode(event)
    assert len(raw) < MAX_BYTES
    for topic in TOPICS_OF_TYPE[tag]:
        assert decode(topic, raw) == event
    assert dict(headers_of(event))["type"] == tag.encode()
    key = key_of(event)
    assert key is None or key


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(event=any_struct(), data=st.data())
def test_a_damaged_record_never_raises(event: Any, data: st.DataObject) -> None:
    raw = encode(event)
    topic = TOPICS_OF_TYPE[type(event).__struct_config__.tag][0]
    at = data.draw(st.integers(0, len(raw) - 1))
    cut = data.draw(st.integers(0, 20))
    noise = data.draw(
        st.binary(max_size=6) | st.sampled_from([b"null", b"NaN", b"1e999", b"[", b'"', b"\\ud800", b"-"])
    )
    result = decode(topic, raw[:at] + noise + raw[at + cut :])
    if not isinstance(result, Refusal):
        encode(result)


@given(at_ms=st.integers(0, 7_258_118_399_999))
def test_milliseconds_survive_the_calendar(at_ms: int) -> None:
    assert to_ms(from_ms(at_ms)) == at_ms
    assert from_ms(0) == EPOCH
