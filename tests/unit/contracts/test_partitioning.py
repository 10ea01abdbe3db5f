"""Do we put keys where Kafka's clients put them?"""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.partitioning import murmur2, partition_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python reads its schemas by a deprecated function
    from aiokafka.partitioner import DefaultPartitioner
    from kafka.partitioner.default import murmur2 as murmur2_of_kafka_python


@given(st.binary(max_size=200))
def test_murmur2_equals_the_one_of_kafka_python(data: bytes) -> None:
    assert murmur2(data) == murmur2_of_kafka_python(data) & 0xFFFFFFFF


@given(st.binary(max_size=200), st.integers(1, 1000))
def test_partition_equals_the_default_of_aiokafka(key: bytes, partitions: int) -> None:
    everyone = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, everyone, everyone)


@pytest.mark.parametrize(
    ("key", "hashed"),
    [  # the vectors of Kafka's own UtilsTest, as signed numbers
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_equals_the_java_client(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed & 0xFFFFFFFF
