"""Does every role get what it needs and nothing else, and do the three tools get the same rights?"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from streams.cli.rights import Right, Role, render, roles
from streams.cli.topics import topic_specs
from streams.contracts.topics import TOPICS
from streams.ingest.source import load_source
from streams.settings import Settings

SETTINGS = Settings(topic_prefix="bank.", app_id="bank", topic_names={"auth.logins": "iam.logins"})
SOURCE = load_source(Path(__file__).parents[2] / "ingest" / "golden" / "stripe" / "source.toml")


def role(name: str) -> Role:
    return next(each for each in roles(SETTINGS, [SOURCE]) if each.name == name)


def test_only_the_deployment_creates() -> None:
    creating = {each.name for each in roles(SETTINGS, [SOURCE]) for right in each.rights if right.operation == "CREATE"}
    assert creating == {"deployment"}


def test_privileged_topics_have_one_writer_each() -> None:
    for topic in TOPICS.values():
        if topic.privileged:
            writing = [
                each.name
                for each in roles(SETTINGS, [SOURCE])
                if Right("topic", f"bank.{topic.name}", "WRITE") in each.rights
            ]
            assert writing == [topic.owner.replace(" ", "-")]


def test_a_worker_reads_inputs_and_writes_outputs() -> None:
    rights = set(role("worker").rights)
    assert Right("topic", "iam.logins", "READ") in rights
    assert Right("topic", "bank.fraud.decisions", "WRITE") in rights
    assert Right("topic", "bank.paywarden.accounts.changelog", "READ") in rights
    assert Right("group", "bank", "READ") in rights
    assert Right("transactionalId", "bank.accounts.", "WRITE", prefixed=True) in rights
    assert not any(right.operation == "WRITE" and "payments" in right.name for right in rights)


def test_an_ingest_writes_only_what_its_file_names() -> None:
    rights = role("ingest-stripe").rights
    assert {right.name for right in rights if right.operation == "WRITE" and right.kind == "topic"} == {
        "bank.payments.transactions",
        "bank.paywarden.dead-letters",
        "bank.paywarden.ingest.stripe.changelog",
    }
    assert Right("topic", "psp.webhooks", "READ") in rights
    assert Right("group", "bank.ingest.stripe", "READ") in rights


def test_the_three_tools_get_the_same_rights() -> None:
    specs = topic_specs(SETTINGS)
    principals = {"worker": "pw"}
    shell = render("kafka-cli", SETTINGS, specs, [SOURCE], principals)
    from_shell = set()
    for line in shell.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["acl"]:
            given = dict(zip(words[1::2], words[2::2], strict=True))
            kind = next(each for each in ("topic", "group", "transactional-id") if f"--{each}" in given)
            prefixed = given.get("--resource-pattern-type") == "prefixed"
            from_shell.add((given["--allow-principal"], given["--operation"], kind, given[f"--{kind}"], prefixed))
    document = json.loads(render("terraform", SETTINGS, specs, [SOURCE], principals))
    kinds = {"Topic": "topic", "Group": "group", "TransactionalID": "transactional-id"}
    from_terraform = {
        (
            each["acl_principal"],
            each["acl_operation"],
            kinds[each["resource_type"]],
            each["resource_name"],
            each["resource_pattern_type_filter"] == "Prefixed",
        )
        for each in document["resource"]["kafka_acl"].values()
    }
    from_strimzi, topics = set(), []
    for text in render("strimzi", SETTINGS, specs, [SOURCE], principals).split("---\n"):
        if not text.strip():
            continue
        each = json.loads(text)
        assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", each["metadata"]["name"])
        if each["kind"] == "KafkaTopic":
            topics.append(each["spec"]["topicName"])
            continue
        for acl in each["spec"]["authorization"]["acls"]:
            kind = {"transactionalId": "transactional-id"}.get(acl["resource"]["type"], acl["resource"]["type"])
            for operation in acl["operations"]:
                from_strimzi.add(
                    (
                        f"User:{each['metadata']['name']}",
                        operation,
                        kind,
                        acl["resource"]["name"],
                        acl["resource"]["patternType"] == "prefix",
                    )
                )
    assert from_shell == from_terraform == from_strimzi
    assert len(from_shell) == sum(len(each.rights) for each in roles(SETTINGS, [SOURCE]))
    assert ("User:pw", "Read", "group", "bank", False) in from_shell
    wanted = {spec.name for spec in specs}
    assert set(topics) == wanted == {each["name"] for each in document["resource"]["kafka_topic"].values()}
    created = [words for line in shell.splitlines() if (words := shlex.split(line, comments=True))[:1] == ["topic"]]
    assert wanted == {words[words.index("--topic") + 1] for words in created}


@pytest.mark.parametrize("form", ["kafka-cli", "strimzi", "terraform"])
def test_no_secret_is_printed(form: str) -> None:
    settings = Settings(sasl_password="hunter2", sasl_username="root")  # type: ignore[arg-type]
    assert "hunter2" not in render(form, settings, topic_specs(settings), [], {})  # type: ignore[arg-type]
