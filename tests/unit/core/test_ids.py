from __future__ import annotations

from base64 import b32encode
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from streams.core import ids


@given(st.text(max_size=50))
def test_the_digest_is_plain_base32_of_blake2b(part: str) -> None:
    raw = blake2b(part.encode(), digest_size=16).digest()
    assert ids.digest(part) == b32encode(raw).decode().rstrip("=").lower()


def test_a_decision_names_its_partition() -> None:
    assert ids.decision_id(7, "a1", "e1").startswith("dec_0007_")
    assert len(ids.decision_id(7, "a1", "e1")) == len("dec_0007_") + 26


def test_the_same_cause_gives_the_same_id_and_another_cause_another() -> None:
    assert ids.case_id("ladder", "a1", "", "e1") == ids.case_id("ladder", "a1", "", "e1")
    everything = {
        ids.case_id("ladder", "a1", "", "e1"),
        ids.case_id("ladder", "a1", "", "e2"),
        ids.case_id("ladder", "a1", "e1", ""),
        ids.case_id("ladder", "a1e", "", "1"),
        ids.incident_id("ladder", "a1", "e1"),
        ids.action_id("ladder", "a1", "e1"),
        ids.action_id("ladder", "a1", "e1", "freeze"),
        ids.notification_id("ladder", "a1", "e1"),
        ids.notification_id("ladder", "a1", "e1", "100.00 EUR"),
        ids.query_id("a1", "p1", "e1", "1"),
        ids.query_id("a1", "p1", "e1", "2"),
        ids.origin_of("s1", "e1"),
        ids.origin_of("s2", "e1"),
    }
    assert len(everything) == 13
