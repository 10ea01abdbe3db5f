"""What do the tests of the producers need that no other test does: an embedded broker with the topics on it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
from support.broker import start_embedded

with warnings.catch_warnings():
    # kafka-python 3.0 reads its protocol with an API that Python 3.11 calls deprecated and 3.13 no longer does.
    warnings.simplefilter("ignore", DeprecationWarning)
    import producers.barrier
    import producers.writer  # noqa: F401

from kafka.admin import KafkaAdminClient, NewTopic

from streams.contracts.topics import TOPICS

PARTITIONS = 3


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an embedded broker."""
    process = start_embedded(tmp_path_factory.mktemp("producers-broker"))
    yield process.bootstrap
    process.stop()


@pytest.fixture
def prefix(broker: str, request: pytest.FixtureRequest) -> str:
    """The prefix of a set of topics of the test's own."""
    chosen = f"{request.node.name[:60].replace('[', '-').replace(']', '')}."
    admin = KafkaAdminClient(bootstrap_servers=broker)
    # Without a limit: the events of these tests are older than any retention, and a broker cleans up when it likes.
    admin.create_topics(
        [NewTopic(chosen + topic.name, PARTITIONS, 1, topic_configs=topic.replay_configs) for topic in TOPICS.values()]
    )
    admin.close()
    return chosen
