"""What does the cluster look like to a worker that would start now: brokers, topics, rights, group, fresh records?"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from aiokafka import ConsumerRecord, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import CoordinatorNotAvailableError, GroupAuthorizationFailedError, GroupIdNotFoundError

from streams.runtime.clients import kafka_python_kwargs
from streams.runtime.options import RuntimeOptions
from streams.runtime.reading import Span, pick, spans
from streams.runtime.topics_admin import partition_counts

# What the runtime asks of a broker, by the number of the request in Kafka's protocol and the version it needs.
NEEDED: Final = {
    22: (0, "InitProducerId", "transactions"),
    24: (0, "AddPartitionsToTxn", "transactions"),
    26: (0, "EndTxn", "transactions"),
    28: (0, "TxnOffsetCommit", "transactions"),
    1: (4, "Fetch", "read_committed"),
    11: (5, "JoinGroup", "static membership"),
}


HIDDEN: Final = "hidden"  # state of a group that this identity may not describe


class TopicFacts(NamedTuple):
    """One topic as it is."""

    partitions: int
    replicas: int
    leaderless: int  # partitions without a leader
    configs: dict[str, str]
    operations: frozenset[str] | None  # what we may do; None: the broker does not say


class GroupFacts(NamedTuple):
    """The workers' consumer group."""

    state: str
    members: int
    lag: dict[str, int]  # by physical topic, of partitions that have a committed offset


class Survey(NamedTuple):
    """Everything that the brokers told."""

    lacks: list[str]  # abilities that the brokers do not have
    topics: dict[str, TopicFacts]  # by physical name, those that exist
    group: GroupFacts
    spans: dict[TopicPartition, Span]


def ask_brokers(options: RuntimeOptions, names: Collection[str]) -> tuple[list[str], dict[str, TopicFacts], Any, Any]:
    """Abilities, topics, group and its offsets, as kafka-python's administration client gives them."""
    admin = KafkaAdminClient(**kafka_python_kwargs(options), client_id="paywarden-doctor")
    try:
        versions = {int(key): limits[1] for key, limits in admin.api_versions().items()}
        described = [each for each in admin.describe_topics(sorted(names)) if not each["error_code"]]
        wanted = [ConfigResource(ConfigResourceType.TOPIC, each["name"]) for each in described]
        configs = admin.describe_configs(wanted, config_filter="all").get("topic", {}) if wanted else {}
        topics = {each["name"]: _facts(each, configs.get(each["name"], {})) for each in described}
        try:
            group = admin.describe_groups([options.app_id]).get(options.app_id, {})
            offsets = admin.list_group_offsets({options.app_id: None}).get(options.app_id, {})
        except (CoordinatorNotAvailableError, GroupIdNotFoundError):  # a cluster in which no group ever committed
            group, offsets = {}, {}
        except GroupAuthorizationFailedError:
            group, offsets = {"group_state": HIDDEN}, {}
    finally:
        admin.close()
    return lacks(versions), topics, group, offsets


def lacks(versions: Mapping[int, int]) -> list[str]:
    """Which abilities are missing, given the newest version of each request that the broker takes."""
    missing = {about: name for key, (least, name, about) in NEEDED.items() if versions.get(key, -1) < least}
    return [f"{about} ({name})" for about, name in missing.items()]


def _facts(described: Mapping[str, Any], configs: Mapping[str, Any]) -> TopicFacts:
    partitions = described["partitions"]
    operations = described.get("authorized_operations")
    return TopicFacts(
        len(partitions),
        min((len(each["replica_nodes"]) for each in partitions), default=0),
        sum(each["leader_id"] < 0 for each in partitions),
        {name: str(each["value"]) for name, each in configs.items()},
        None if operations is None else frozenset(str(getattr(each, "name", each)) for each in operations),
    )


def survey(options: RuntimeOptions, names: Collection[str]) -> Survey:
    """Ask about these topics (physical names) and the group of `options`."""
    # aiokafka knocks first: kafka-python leaves sockets open when nobody answers.
    asyncio.run(partition_counts(options, names))
    missing, topics, group, offsets = ask_brokers(options, names)
    spanned = asyncio.run(spans(options, {name: each.partitions for name, each in topics.items()}))
    lag: dict[str, int] = {}
    for (topic, number), committed in offsets.items():
        span = spanned.get(TopicPartition(topic, number))
        if span is not None and committed.offset >= 0:
            lag[topic] = lag.get(topic, 0) + max(0, span.end - max(committed.offset, span.begin))
    facts = GroupFacts(str(group.get("group_state") or "none"), len(group.get("members") or ()), lag)
    return Survey(missing, topics, facts, spanned)


async def both_ends(
    options: RuntimeOptions, spanned: Mapping[TopicPartition, Span], each: int
) -> dict[str, list[ConsumerRecord]]:
    """The first and the last `each` records of every partition, by physical topic: a feed may have ended long ago."""
    wanted = {
        tp: {*range(begin, min(begin + each, end)), *range(max(begin, end - each), end)}
        for tp, (begin, end) in spanned.items()
    }
    picked = await pick(options, {tp: offsets for tp, offsets in wanted.items() if offsets})
    found: dict[str, list[ConsumerRecord]] = {}
    for record in picked.values():
        found.setdefault(record.topic, []).append(record)
    return found
