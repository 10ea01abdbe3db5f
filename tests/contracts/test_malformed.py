"""Is every known kind of damage set aside under the name that it should have?"""

from __future__ import annotations

from collections import Counter

import pytest
from support.malformed import HEAVY, KINDS, Malformed, malformed

from streams.contracts.registry import REASONS, Refusal, read

AT_MS = 1_717_200_000_000
ONE_OF_EACH = {record.kind: record for record in malformed(7, len(KINDS), at_ms=AT_MS)}


def test_there_are_many_kinds_and_their_reasons_exist() -> None:
    assert len(KINDS) >= 20
    assert all(kind.reasons <= REASONS.keys() for kind in KINDS.values())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "dated_2099"])
def test_damage_is_named(kind: str) -> None:
    record = ONE_OF_EACH[kind]
    refused = read(record.topic, record.key, record.value)
    assert isinstance(refused, Refusal), refused
    assert refused.reason in record.reasons
    assert len(refused.detail) <= 256


def test_only_the_record_s_own_time_tells_that_2099_is_wrong() -> None:
    record = ONE_OF_EACH["dated_2099"]
    assert read(record.topic, record.key, record.value).occurred_at.year == 2099


def test_the_same_seed_gives_the_same_records() -> None:
    def some(seed: int) -> list[Malformed]:
        return list(malformed(seed, 150, at_ms=AT_MS))

    assert some(3) == some(3)
    assert some(3) != some(4)


def test_huge_records_are_few() -> None:
    kinds = Counter(record.kind for record in malformed(1, 1000, at_ms=AT_MS))
    assert kinds.keys() == KINDS.keys()
    assert {kind: kinds[kind] for kind in HEAVY} == HEAVY
