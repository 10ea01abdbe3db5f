"""Do the topics exist, and do those that belong together have the same number of partitions?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from streams.contracts.topics import FOREIGN, INGEST
from streams.runtime.clients import aiokafka_kwargs
from streams.runtime.failstop import WrongPartitions
from streams.runtime.logic import Input
from streams.runtime.options import RuntimeOptions
from streams.runtime.rights import require


class TopicSpec(NamedTuple):
    """A topic to create; `name` is physical."""

    name: str
    partitions: int
    replication: int = 1
    configs: Mapping[str, str] = {}


async def partition_counts(options: RuntimeOptions, names: Iterable[str]) -> dict[str, int]:
    """Number of partitions of each topic that exists."""
    wanted = set(names)
    admin = AIOKafkaAdminClient(**aiokafka_kwargs(options))
    await admin.start()
    try:
        existing = wanted & set(await admin.list_topics())
        described = await admin.describe_topics(sorted(existing)) if existing else []
    finally:
        await admin.close()
    counts = {}
    for each in described:
        error = for_code(each["error_code"])
        if error is UnknownTopicOrPartitionError:  # deleted between the two questions
            continue
        if each["error_code"]:
            raise error(each["topic"])
        counts[each["topic"]] = len(each["partitions"])
    return counts


async def usable_partitions(options: RuntimeOptions, names: Iterable[str], operation: str = "READ") -> dict[str, int]:
    """The same for somebody who is about to use them: a topic that may not be seen is told from one that is not there.

    Raises MissingRight.
    """
    wanted = set(names)
    counts = await partition_counts(options, wanted)
    await require(options, wanted - counts.keys(), operation)
    return counts


async def create_topics(options: RuntimeOptions, specs: Iterable[TopicSpec]) -> list[str]:
    """Create what does not exist yet; returns the names of what was created. Existing topics are left as they are."""
    specs = list(specs)
    existing = await partition_counts(options, (spec.name for spec in specs))
    missing = [spec for spec in specs if spec.name not in existing]
    if not missing:
        return []
    admin = AIOKafkaAdminClient(**aiokafka_kwargs(options))
    await admin.start()
    try:
        response = await admin.create_topics(
            [
                NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=dict(spec.configs))
                for spec in missing
            ]
        )
    finally:
        await admin.close()
    created = []
    for name, code, *rest in response.topic_errors:
        error = for_code(code)
        if error is TopicAlreadyExistsError:  # another worker was faster
            continue
        if code:
            raise error(f"{name}: {rest[0] if rest else ''}")
        created.append(name)
    return created


def _remedy(missing: Iterable[str]) -> str:
    """Who makes the topics that are missing: we those of ours, with the source's file those of an ingest."""
    if any(topic.startswith(FOREIGN) for topic in missing):
        return "correct `topics` in the source's file, or have them created by their owner"
    if any(topic.startswith(INGEST) for topic in missing):
        return "run `paywarden topics create --ingest FILE`"
    return "run `paywarden topics create`"


class Layout(NamedTuple):
    """What an agent reads and writes in this cluster."""

    partitions: int
    inputs: tuple[Input, ...]  # those that exist
    spread: Mapping[str, int] = {}  # partitions of outputs that do not follow the inputs'


def layout_of(
    agent: str,
    inputs: Iterable[Input],
    companions: Iterable[str],
    counts: Mapping[str, int],
    spread: Iterable[str] = (),
) -> Layout:
    """Check that the agent can run on these topics.

    Args:
        inputs: what the agent reads; one that is not required may be missing.
        companions: changelog and outputs, which follow the partition numbers of the inputs.
        counts: partitions by logical name of the topics that exist.
        spread: outputs whose number of partitions may differ.
    """
    inputs, companions, spread = tuple(inputs), tuple(companions), tuple(spread)
    needed = [each.topic for each in inputs if each.required] + [*companions, *spread]
    missing = [topic for topic in needed if topic not in counts]
    if missing:
        listed = ", ".join(topic.removeprefix(FOREIGN) for topic in missing)
        raise WrongPartitions(f"agent {agent} needs the topics {listed}, which do not exist: {_remedy(missing)}.")
    present = tuple(each for each in inputs if each.topic in counts)
    found = {topic: counts[topic] for topic in [*(each.topic for each in present), *companions]}
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{topic}={count}" for topic, count in sorted(found.items()))
        raise WrongPartitions(
            f"agent {agent} needs the same number of partitions in all its topics, so that one key is one partition "
            f"number everywhere; found {listed}. Recreate the odd ones."
        )
    return Layout(next(iter(found.values())), present, {topic: counts[topic] for topic in spread})
