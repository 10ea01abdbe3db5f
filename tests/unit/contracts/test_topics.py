"""Is the table of topics consistent with itself and with the order of merging?"""

from __future__ import annotations

import pytest

from streams.contracts.base import Event, Watermark
from streams.contracts.registry import TOPICS_OF_TYPE, TYPES
from streams.contracts.topics import TOPICS, Names, changelog_of, inputs_of, logical, physical


def test_inputs_merge_labels_first_and_entity_risk_is_exempt() -> None:
    names = [topic.name for topic in inputs_of("accounts")]
    assert names == [
        "risk.labels",
        "account.profiles",
        "identity.results",
        "operator.actions",
        "account.action-acks",
        "auth.logins",
        "payments.transactions",
        "ledger.entries",
        "support.requests",
        "paywarden.entity-risk",
    ]
    assert [topic.rank for topic in inputs_of("accounts")] == [*range(9), None]
    assert [topic.name for topic in inputs_of("entities")] == ["paywarden.signals"]


def test_only_payments_and_logins_are_required() -> None:
    assert {topic.name for topic in inputs_of("accounts") if topic.required} == {"payments.transactions", "auth.logins"}


def test_inputs_carry_events_and_watermarks_and_outputs_do_not() -> None:
    for topic in TOPICS.values():
        assert (Watermark in topic.types) is (topic.direction == "input")
        assert all(issubclass(kind, Event) is (topic.direction == "input") for kind in topic.types)


def test_privileged_types_have_a_topic_of_their_own() -> None:
    assert {topic.name for topic in TOPICS.values() if topic.privileged} == {
        "operator.actions",
        "identity.results",
        "paywarden.policies",
    }
    for tag, names in TOPICS_OF_TYPE.items():
        if TYPES[tag] is not Watermark and any(TOPICS[name].privileged for name in names):
            assert len(names) == 1


def test_changelogs_are_compacted_in_small_lz4_segments() -> None:
    for topic in (changelog_of("accounts"), changelog_of("entities")):
        assert topic.configs == {
            "cleanup.policy": "compact",
            "max.compaction.lag.ms": "604800000",
            "message.timestamp.type": "CreateTime",
            "segment.bytes": "67108864",
            "min.cleanable.dirty.ratio": "0.1",
            "compression.type": "lz4",
        }


def test_history_is_not_eaten_by_retention_on_arrival() -> None:
    for topic in TOPICS.values():
        assert topic.compacted or topic.replay_configs["retention.ms"] == "-1"


def test_a_prefix_precedes_every_physical_name() -> None:
    for name in TOPICS:
        assert physical("", name) == name
        assert logical("demo.", physical("demo.", name)) == name
    with pytest.raises(ValueError, match="not a topic name"):
        physical("demo/", "risk.labels")
    with pytest.raises(ValueError, match="prefix"):
        logical("demo.", "risk.labels")


def test_a_topic_may_have_a_name_of_its_own() -> None:
    names = Names("prod.", {"payments.transactions": "core-banking.tx.v2"})
    assert physical(names, "payments.transactions") == "core-banking.tx.v2"
    assert physical(names, "auth.logins") == "prod.auth.logins"
    for name in TOPICS:
        assert logical(names, physical(names, name)) == name
