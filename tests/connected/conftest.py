"""Two brokers, one suite: connected tests run on the embedded broker and on Apache Kafka, long ones on Kafka only."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.broker import BrokerProcess, kafka_is_installed, start_embedded, start_kafka
from support.broker_client import Cluster
from support.product import Product
from support.toy_bench import Bench


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("embedded", marks=pytest.mark.embedded),
        pytest.param("kafka", marks=pytest.mark.connected),
    ],
)
def bootstrap(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running broker."""
    if request.param == "kafka" and (given := os.environ.get("PAYWARDEN_TEST_BOOTSTRAP")):
        yield given
        return
    broker: BrokerProcess
    if request.param == "embedded":
        broker = start_embedded(tmp_path_factory.mktemp("embedded"))
    elif kafka_is_installed():
        broker = start_kafka(tmp_path_factory.mktemp("kafka"))
    elif os.environ.get("PAYWARDEN_REQUIRE_BROKER") == "1":
        pytest.fail("PAYWARDEN_REQUIRE_BROKER=1, but there is no Apache Kafka: run .ci/kafka-libs")
    else:
        pytest.skip("no Apache Kafka here: run .ci/kafka-libs, or set PAYWARDEN_TEST_BOOTSTRAP")
    yield broker.bootstrap
    broker.stop()


@pytest.fixture
def is_embedded(request: pytest.FixtureRequest) -> bool:
    """The embedded broker evicts a silent dynamic member only after 60 s."""
    return "embedded" in request.node.callspec.id


@pytest.fixture
def bench(bootstrap: str, tmp_path: Path) -> Iterator[Bench]:
    """Topics, writers and workers of one test, under names of its own."""
    bench = Bench(Cluster(bootstrap), tmp_path, f"t{uuid.uuid4().hex[:8]}")
    yield bench
    bench.end()


@pytest.fixture
def product(bootstrap: str, tmp_path: Path) -> Iterator[Product]:
    """Topics, feeds and workers of the whole product, under names of their own."""
    product = Product(Cluster(bootstrap), tmp_path, f"p{uuid.uuid4().hex[:8]}")
    product.create_topics()
    yield product
    product.end()
    print(product.logs())  # shown beside a test that failed
