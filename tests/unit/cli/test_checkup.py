"""Does the doctor call things by their right name: good, worth a note, worth a warning, to be mended?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from streams.adapters.flow_feeds import flow_states
from streams.cli.checkup import (
    Check,
    Found,
    Sample,
    broker_checks,
    feed_checks,
    group_check,
    ingest_checks,
    rights_check,
    sample_checks,
    sample_of,
    topic_checks,
)
from streams.cli.rights import probes_of, roles
from streams.contracts.base import from_ms
from streams.contracts.logins import LoginSucceeded
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import encode
from streams.contracts.topics import MERGED, TOPICS
from streams.ingest.source import load_source
from streams.runtime.survey import GroupFacts, Survey, TopicFacts, lacks
from streams.settings import Settings

NOW_MS = 1_800_000_000_000
LIVE = Settings(topic_prefix="t.")
LOGINS, PAYMENTS = "auth.logins", "payments.transactions"


def cluster(change: Callable[[str, TopicFacts], TopicFacts | None] = lambda _, facts: facts) -> Survey:
    """A complete cluster, in which `change` alters or removes topics."""
    topics = {}
    for topic in TOPICS.values():
        facts = change(topic.name, TopicFacts(4, 1, 0, dict(topic.configs), None))
        if facts is not None:
            topics["t." + topic.name] = facts
    return Survey([], topics, GroupFacts("Stable", 1, {}), {})


def worst(checks: Iterable[Check]) -> dict[str, str]:
    order = ["good", "note", "warn", "bad"]
    found: dict[str, str] = {}
    for check in checks:
        found[check.name] = max(found.get(check.name, "good"), check.status, key=order.index)
    return found


def altered(name: str, **changes: object) -> Callable[[str, TopicFacts], TopicFacts]:
    return lambda topic, facts: facts._replace(**changes) if topic == name else facts  # type: ignore[arg-type]


def configured(name: str, **configs: str) -> Callable[[str, TopicFacts], TopicFacts]:
    return lambda topic, facts: (
        facts._replace(configs={**facts.configs, **{key.replace("_", "."): value for key, value in configs.items()}})
        if topic == name
        else facts
    )


def test_a_complete_cluster_is_good() -> None:
    found = worst(topic_checks(cluster(), LIVE))
    assert found == {"topics": "good", "co-partitioning": "good", "topic settings": "good"}


def test_an_empty_cluster_says_what_to_do() -> None:
    (check,) = topic_checks(cluster(lambda *_: None), LIVE)
    assert (check.status, check.next_step) == ("bad", "paywarden topics create")


@pytest.mark.parametrize(
    ("missing", "status"), [("ledger.entries", "warn"), (LOGINS, "bad"), ("paywarden.accounts.changelog", "bad")]
)
def test_a_missing_topic(missing: str, status: str) -> None:
    found = worst(topic_checks(cluster(lambda name, facts: None if name == missing else facts), LIVE))
    assert found["topics"] == status


def test_unequal_partitions() -> None:
    checks = list(topic_checks(cluster(altered(PAYMENTS, partitions=5)), LIVE))
    assert worst(checks)["co-partitioning"] == "bad"
    assert any("payments.transactions=5" in check.says for check in checks)


@pytest.mark.parametrize(
    ("change", "name", "status"),
    [
        (configured(PAYMENTS, message_timestamp_type="LogAppendTime"), "topic settings", "bad"),
        (configured("account.locks", cleanup_policy="delete"), "topic settings", "bad"),
        (configured(LOGINS, cleanup_policy="compact"), "topic settings", "bad"),
        (configured(LOGINS, retention_ms="3600000"), "retention", "warn"),
        (configured(LOGINS, max_message_bytes="1048576"), "topic settings", "warn"),
        (altered(LOGINS, leaderless=2), "leaders", "bad"),
    ],
)
def test_settings_that_matter(change: Callable[[str, TopicFacts], TopicFacts], name: str, status: str) -> None:
    assert worst(topic_checks(cluster(change), LIVE))[name] == status


def test_rights_are_those_of_the_role() -> None:
    worker = next(role for role in roles(LIVE) if role.name == "worker")
    probes = probes_of(worker)
    assert probes.topics["t.paywarden.policies"] == {"READ"}  # read by workers, written by the console
    assert probes.topics["t.fraud.decisions"] == {"WRITE"}
    assert probes.groups == {"paywarden": ("READ", "READ group paywarden")}
    assert list(probes.transactional_ids.values()) == [
        ("WRITE", "WRITE transactionalId paywarden.accounts."),
        ("WRITE", "WRITE transactionalId paywarden.entities."),
    ]
    good = rights_check(worker, (), "user 'w'", told=True)
    assert good.status == "good"
    bad = rights_check(worker, ["WRITE topic t.fraud.decisions"], "user 'w'", told=True)
    assert bad.status == "bad"
    assert bad.says == "user 'w' may not WRITE topic t.fraud.decisions, which the role worker needs"
    assert "topics export" in bad.next_step
    many = rights_check(worker, [f"READ topic t{number}" for number in range(40)], "user 'w'", told=True)
    assert "28 more rights" in many.says
    assert rights_check(worker, (), "this client", told=False).status == "note"


def test_a_topic_that_may_not_be_seen_is_not_missing() -> None:
    lost = cluster(lambda name, facts: None if name == "fraud.decisions" else facts)
    found = next(each for each in topic_checks(lost, LIVE, {"t.fraud.decisions"}) if each.name == "topics")
    assert found.status == "note"
    assert "missing" not in found.says


def test_settings_that_may_not_be_read_are_not_called_right() -> None:
    found = worst(topic_checks(cluster(lambda _, facts: facts._replace(configs={})), LIVE))
    assert found["topic settings"] == "note"


def test_an_ingest_needs_its_topics() -> None:
    source = load_source(Path(__file__).parents[2] / "ingest" / "golden" / "stripe" / "source.toml")
    whole = cluster()
    foreign, positions = source.topics[0], "t.paywarden.ingest.stripe.changelog"
    there = TopicFacts(3, 1, 0, {}, None)

    def checks(topics: dict[str, TopicFacts], hidden: tuple[str, ...] = ()) -> list[Check]:
        return list(
            ingest_checks(whole._replace(topics={**whole.topics, **topics}), source, LIVE.names, "s.toml", hidden)
        )

    assert [each.status for each in checks({foreign: there, positions: there})] == ["good"]
    lost = checks({foreign: there})
    assert [each.next_step for each in lost] == ["paywarden topics create --ingest s.toml"]
    assert positions in lost[0].says
    assert "correct `topics`" in checks({positions: there})[0].next_step
    assert checks({positions: there}, (foreign,)) == []  # the line about rights says so
    assert "not the same number" in checks({foreign: there, positions: there._replace(partitions=2)})[0].says


@pytest.mark.parametrize("retention", ["-1", str(400 * 86_400_000)])
def test_keeping_longer_is_fine(retention: str) -> None:
    assert "retention" not in worst(topic_checks(cluster(configured(LOGINS, retention_ms=retention)), LIVE))


def test_a_replay_needs_topics_without_a_limit() -> None:
    replaying = Settings(topic_prefix="t.", clock="replay")
    assert worst(topic_checks(cluster(), replaying))["retention"] == "warn"


def test_a_broker_without_transactions() -> None:
    assert lacks({1: 13, 11: 9}) == ["transactions (TxnOffsetCommit)"]
    assert worst(broker_checks(cluster()._replace(lacks=["transactions"]))) == {"brokers": "bad"}
    assert worst(broker_checks(cluster())) == {"brokers": "good"}


def login(account: str, at_ms: int = NOW_MS, partition: int | None = None, timestamp_ms: int | None = None) -> Found:
    event = LoginSucceeded(
        event_id=f"{account}-{at_ms}", source="test", occurred_at=from_ms(at_ms), account_id=account, ip="192.0.2.1"
    )
    number = partition_of(account.encode(), 4) if partition is None else partition
    return Found(number, account.encode(), encode(event), at_ms if timestamp_ms is None else timestamp_ms)


def test_a_sample_of_good_records() -> None:
    sample = sample_of(LOGINS, [login(f"a{number}") for number in range(20)], 4)
    assert (sample.records, sample.strays, sample.refused) == (20, 0, Counter())
    assert "ip" in sample.fields
    assert "device_id" not in sample.fields
    found = worst(sample_checks({LOGINS: sample}, LIVE, NOW_MS))
    assert found == {"partitioner": "good", "records": "good", "clocks": "good", "ids": "good"}


def test_another_partitioner_is_found() -> None:
    strays = [login(f"a{number}", partition=(partition_of(b"a%d" % number, 4) + 1) % 4) for number in range(20)]
    sample = sample_of(LOGINS, strays, 4)
    assert sample.strays == 20
    assert worst(sample_checks({LOGINS: sample}, LIVE, NOW_MS))["partitioner"] == "bad"


def test_records_that_would_be_dead_letters() -> None:
    sample = sample_of(LOGINS, [login("a"), login("b")._replace(value=b"no json")], 4)
    assert sample.refused == {"undecodable": 1}
    assert worst(sample_checks({LOGINS: sample}, LIVE, NOW_MS))["records"] == "warn"


@pytest.mark.parametrize(
    ("record", "status"),
    [
        (login("a", NOW_MS + 400_000), "bad"),
        (login("a", NOW_MS, timestamp_ms=NOW_MS - 400_000), "bad"),
        (login("a", NOW_MS - 86_400_000), "warn"),
        (login("a", NOW_MS - 60_000), "good"),
    ],
    ids=["in the future", "ahead of its record", "a day old", "fresh"],
)
def test_clocks(record: Found, status: str) -> None:
    sample = sample_of(LOGINS, [record], 4)
    assert worst(sample_checks({LOGINS: sample}, LIVE, NOW_MS))["clocks"] == status


def test_empty_inputs_are_no_verdict() -> None:
    assert worst(sample_checks({LOGINS: Sample()}, LIVE, NOW_MS)) == {"samples": "note"}


def test_silent_feeds_name_what_they_switch_off() -> None:
    feeds = {PAYMENTS, LOGINS}
    checks = list(feed_checks(flow_states(feeds), feeds, ["ledger.entries"]))
    ledger = next(check for check in checks if "ledger.entries" in check.says)
    assert ledger.status == "warn"
    assert "does not exist" in ledger.says
    assert "F10" in ledger.says
    assert worst(feed_checks(flow_states({topic.name for topic in MERGED}), [t.name for t in MERGED], []))["feeds"] == (
        "good"
    )


@pytest.mark.parametrize(
    ("group", "status"),
    [
        (GroupFacts("Stable", 2, {"t." + LOGINS: 0}), "good"),
        (GroupFacts("Empty", 0, {}), "note"),
        (GroupFacts("Empty", 0, {"t." + LOGINS: 5}), "warn"),
        (GroupFacts("PreparingRebalance", 2, {}), "warn"),
    ],
)
def test_workers(group: GroupFacts, status: str) -> None:
    assert group_check(group, "t.").status == status


def test_personal_data_in_ids_is_named_by_field_and_the_public_key_is_mentioned() -> None:
    event = LoginSucceeded(
        event_id="e1",
        source="test",
        occurred_at=from_ms(NOW_MS),
        account_id="anna@example.com",
        ip="203.0.113.7",
        session_id="4111111111111111",
    )
    key = event.account_id.encode()
    sample = sample_of(LOGINS, [Found(partition_of(key, 4), key, encode(event), NOW_MS)], 4)
    checks = [check for check in sample_checks({LOGINS: sample}, LIVE, NOW_MS) if check.name == "ids"]
    assert [check.status for check in checks] == ["warn"] * 3
    says = " ".join(check.says for check in checks)
    assert "account_id" in says
    assert "session_id" in says
    assert "public key" in says
    assert "4111" not in says
