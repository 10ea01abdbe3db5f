"""Who may do what on the brokers: the rights of every role, as a table, and in the words of three tools?

A role is a program with an identity of its own. Only `deployment` creates topics. READ and WRITE of a topic, and READ
of a group, include DESCRIBE (KIP-11), so it is not listed.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from streams.contracts.topics import (
    CASES_SNAPSHOT,
    DEAD_LETTERS,
    LOCKS,
    POLICIES,
    TOPICS,
    Topic,
    changelog_of,
    ingest_changelog,
    physical,
)
from streams.ingest.logic import group_of
from streams.ingest.source import Source
from streams.runtime.rights import Wanted
from streams.runtime.topics_admin import TopicSpec
from streams.settings import Settings

Kind = Literal["topic", "group", "transactionalId", "cluster"]
Format = Literal["kafka-cli", "strimzi", "terraform"]

_OPERATIONS: Final = {"READ": "Read", "WRITE": "Write", "CREATE": "Create", "DESCRIBE": "Describe",
                      "DESCRIBE_CONFIGS": "DescribeConfigs", "ALTER_CONFIGS": "AlterConfigs"}  # fmt: skip


class Right(NamedTuple):
    """One permission."""

    kind: Kind
    name: str
    operation: str
    prefixed: bool = False

    @property
    def sentence(self) -> str:
        """As a worker names it when it is missing."""
        return f"{self.operation} {self.kind} {self.name}"


class Role(NamedTuple):
    """A program with an identity of its own."""

    name: str
    about: str
    rights: tuple[Right, ...]


class Probes(NamedTuple):
    """What to ask the brokers to learn whether somebody has the rights of a role; `lacking_rights` takes them."""

    topics: dict[str, frozenset[str]]
    groups: dict[str, Wanted]
    transactional_ids: dict[str, Wanted]


def probes_of(role: Role) -> Probes:
    """Of a prefix one name under it stands for all."""
    probes = Probes({}, {}, {})
    for right in role.rights:
        name = f"{right.name}0" if right.prefixed else right.name
        match right.kind:
            case "topic":
                probes.topics[name] = probes.topics.get(name, frozenset()) | {right.operation}
            case "group":
                probes.groups[name] = Wanted(right.operation, right.sentence)
            case "transactionalId":
                probes.transactional_ids[name] = Wanted(right.operation, right.sentence)
    return probes


def roles(settings: Settings, sources: Sequence[Source] = ()) -> tuple[Role, ...]:
    """Every role of this deployment: ours first, then the systems around us, then whoever deploys."""
    return (_worker(settings), *(_ingest(settings, source) for source in sources), _operator(settings, sources),
            *_owners(settings), _subscriber(settings), _deployment(settings, sources))  # fmt: skip


def _worker(settings: Settings) -> Role:
    def name(topic: str) -> str:
        return physical(settings.names, topic)

    read = [each.name for each in TOPICS.values() if each.direction != "output"]
    rights = [Right("topic", name(each), "READ") for each in read]
    rights += [Right("topic", name(each.name), "WRITE") for each in TOPICS.values() if _is_ours(each)]
    rights.append(Right("group", settings.app_id, "READ"))
    rights += [
        Right("transactionalId", f"{settings.app_id}.{agent}.", "WRITE", prefixed=True)
        for agent in ("accounts", "entities")
    ]
    return Role("worker", "`paywarden worker`: both agents", tuple(rights))


def _ingest(settings: Settings, source: Source) -> Role:
    changelog = physical(settings.names, ingest_changelog(source.name).name)
    written = sorted({plan.topic for plan in source.plans.values()} | {"paywarden.dead-letters"})
    group = group_of(settings.app_id, source.name)
    rights = [Right("topic", each, "READ") for each in (*source.topics, changelog)]
    rights += [Right("topic", physical(settings.names, each), "WRITE") for each in written]
    rights += [
        Right("topic", changelog, "WRITE"),
        Right("group", group, "READ"),
        Right("transactionalId", f"{group}.", "WRITE", prefixed=True),
    ]
    return Role(f"ingest-{source.name}", f"`paywarden ingest run` of {source.name}", tuple(rights))


def _operator(settings: Settings, sources: Sequence[Source]) -> Role:
    rights = [
        Right("topic", physical(settings.names, each.name), operation)
        for each in TOPICS.values()
        for operation in ("READ", "DESCRIBE_CONFIGS")
    ]
    rights += [
        Right("topic", physical(settings.names, each.name), "WRITE")
        for each in TOPICS.values()
        if each.direction == "input" and not each.privileged
    ]
    rights += [Right("topic", topic, "READ") for source in sources for topic in source.topics]
    rights += [
        Right("topic", physical(settings.names, DEAD_LETTERS.name), "WRITE"),
        Right("group", settings.app_id, "DESCRIBE"),
        Right("group", f"{settings.app_id}.dead-letters.", "READ", prefixed=True),
        Right("transactionalId", f"{settings.app_id}.dead-letters", "WRITE"),
    ]
    return Role(
        "operator",
        "doctor --role operator, topics, explain, dead-letters: reads everything, feeds dead letters again",
        tuple(rights),
    )


def _is_ours(topic: Topic) -> bool:
    """Do the agents write it?"""
    return "agent" in topic.owner


def _owners(settings: Settings) -> Iterator[Role]:
    """Whoever writes what the agents do not write; the payment system also reads what it is asked to do."""
    by_owner: dict[str, list[Topic]] = {}
    for topic in TOPICS.values():
        if not _is_ours(topic):
            by_owner.setdefault(topic.owner, []).append(topic)
    for owner, topics in by_owner.items():
        rights = [Right("topic", physical(settings.names, each.name), "WRITE") for each in topics]
        name = owner.replace(" ", "-")
        if owner == "payment system":
            rights += [
                Right("topic", physical(settings.names, each), "READ")
                for each in ("account.actions", "account.locks", "psp.commands")
            ]
            rights.append(Right("group", f"{name}.", "READ", prefixed=True))
        if owner == "console":  # `policy` reads what was published, `erase` sees that it is true
            changelog = changelog_of("accounts").name
            rights += [
                Right("topic", physical(settings.names, each), "READ")
                for each in (POLICIES.name, "support.cases", CASES_SNAPSHOT.name, LOCKS.name, changelog)
            ]
        yield Role(name, f"writes {', '.join(each.name for each in topics)}", tuple(rights))


def _subscriber(settings: Settings) -> Role:
    topics = [each for each in TOPICS.values() if each.direction == "output" and each.key != "cause"]
    rights = [Right("topic", physical(settings.names, each.name), "READ") for each in topics]
    return Role(
        "subscriber",
        "reads decisions, cases, locks, notifications",
        (*rights, Right("group", "subscriber.", "READ", prefixed=True)),
    )


def _deployment(settings: Settings, sources: Sequence[Source]) -> Role:
    topics = [physical(settings.names, each) for each in TOPICS]
    topics += [physical(settings.names, ingest_changelog(each.name).name) for each in sources]
    rights = [Right("topic", each, operation) for each in topics for operation in ("CREATE", "DESCRIBE")]
    rights += [Right("topic", topic, "DESCRIBE") for source in sources for topic in source.topics]
    return Role("deployment", "`paywarden topics create`", tuple(rights))


# -- in the words of three tools ---------------------------------------------------------------------------------------


def principal_of(settings: Settings, role: Role, given: Mapping[str, str]) -> str:
    """The identity of a role, without `User:`; by default the app id and the role's name."""
    return given.get(role.name, f"{settings.app_id}-{role.name}")


def render(
    form: Format,
    settings: Settings,
    specs: Sequence[TopicSpec],
    sources: Sequence[Source],
    principals: Mapping[str, str],
) -> str:
    """Topics and rights of the whole deployment, for one tool."""
    named = [(role, principal_of(settings, role, principals)) for role in roles(settings, sources)]
    writers: dict[Format, Callable[[Sequence[TopicSpec], Sequence[tuple[Role, str]]], str]] = {
        "kafka-cli": _kafka_cli,
        "strimzi": _strimzi,
        "terraform": _terraform,
    }
    return writers[form](specs, named)


def _kafka_cli(specs: Sequence[TopicSpec], named: Sequence[tuple[Role, str]]) -> str:
    lines = [
        "#!/usr/bin/env bash",
        "# BOOTSTRAP: brokers. CONFIG: properties file of an administrator.",
        "set -euo pipefail",
        ': "${BOOTSTRAP:?}" "${CONFIG:?}"',
        'reach=(--bootstrap-server "$BOOTSTRAP" --command-config "$CONFIG")',
        'topic() { kafka-topics.sh "${reach[@]}" --create --if-not-exists "$@"; }',
        'acl() { kafka-acls.sh "${reach[@]}" --add --force "$@"; }',
        "",
    ]
    for spec in specs:
        words = ["topic", "--topic", spec.name, "--partitions", str(spec.partitions)]
        words += ["--replication-factor", str(spec.replication)]
        words += [word for key, value in spec.configs.items() for word in ("--config", f"{key}={value}")]
        lines.append(shlex.join(words))
    for role, principal in named:
        lines += ["", f"# {role.name}: {role.about}"]
        for right in role.rights:
            words = ["acl", "--allow-principal", f"User:{principal}", "--operation", _OPERATIONS[right.operation]]
            words += ["--" + {"transactionalId": "transactional-id"}.get(right.kind, right.kind), right.name]
            words += ["--resource-pattern-type", "prefixed"] if right.prefixed else []
            lines.append(shlex.join(words))
    return "\n".join(lines) + "\n"


def _strimzi(specs: Sequence[TopicSpec], named: Sequence[tuple[Role, str]]) -> str:
    """JSON documents, which are YAML too; the label CLUSTER stands for the name of the Kafka resource."""
    labels = {"strimzi.io/cluster": "CLUSTER"}
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": "kafka.strimzi.io/v1beta2",
            "kind": "KafkaTopic",
            "metadata": {"name": _resource(spec.name), "labels": labels},
            "spec": {
                "topicName": spec.name,
                "partitions": spec.partitions,
                "replicas": spec.replication,
                "config": dict(spec.configs),
            },
        }
        for spec in specs
    ]
    for role, principal in named:
        acls = [
            {
                "resource": {
                    "type": right.kind,
                    "name": right.name,
                    "patternType": "prefix" if right.prefixed else "literal",
                },
                "operations": [_OPERATIONS[right.operation]],
            }
            for right in role.rights
        ]
        documents.append(
            {
                "apiVersion": "kafka.strimzi.io/v1beta2",
                "kind": "KafkaUser",
                "metadata": {"name": principal, "labels": labels},
                "spec": {
                    "authentication": {"type": "scram-sha-512"},
                    "authorization": {"type": "simple", "acls": acls},
                },
            }
        )
    return "---\n" + "\n---\n".join(json.dumps(each, indent=2) for each in documents) + "\n"


def _resource(name: str) -> str:
    """A name for Kubernetes: lower case, digits, dashes, dots."""
    return re.sub(r"[^a-z0-9.-]", "-", name.lower()).strip("-.")


def _terraform(specs: Sequence[TopicSpec], named: Sequence[tuple[Role, str]]) -> str:
    """A .tf.json file for the provider Mongey/kafka."""
    topics = {
        _identifier(spec.name): {
            "name": spec.name,
            "partitions": spec.partitions,
            "replication_factor": spec.replication,
            "config": dict(spec.configs),
        }
        for spec in specs
    }
    kinds = {"topic": "Topic", "group": "Group", "transactionalId": "TransactionalID", "cluster": "Cluster"}
    acls = {
        _identifier(f"{role.name}_{right.operation}_{right.kind}_{right.name}"): {
            "acl_principal": f"User:{principal}",
            "acl_host": "*",
            "acl_operation": _OPERATIONS[right.operation],
            "acl_permission_type": "Allow",
            "resource_type": kinds[right.kind],
            "resource_name": right.name,
            "resource_pattern_type_filter": "Prefixed" if right.prefixed else "Literal",
        }
        for role, principal in named
        for right in role.rights
    }
    document = {
        "terraform": {"required_providers": {"kafka": {"source": "Mongey/kafka"}}},
        "resource": {"kafka_topic": topics, "kafka_acl": acls},
    }
    return json.dumps(document, indent=2) + "\n"


def _identifier(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)
