"""Does a cluster hold exactly what the pure feed says, and does a barrier wait for exactly what is unhandled?"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict

import msgspec
import pytest
from click.testing import CliRunner
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.structs import OffsetAndMetadata
from support.command import paywarden

from producers.barrier import AgentsAtEnd, AgentsBehind
from producers.durations import HOUR_MS
from producers.feed import Placed, expand, stepped
from producers.responder import Responder
from producers.simulate.catalog import scenario
from producers.writer import KafkaWriter, NotReady, Pace
from streams.cli.replay import replay
from streams.cli.simulate import simulate
from streams.contracts.actions import ActionRequested
from streams.contracts.base import from_ms
from streams.contracts.registry import decode, encode
from streams.contracts.signals import ClockTold
from streams.contracts.topics import MERGED, TOPICS, inputs_of

PARTITIONS = 3
AT = 1_767_614_400_000
SMALL = {"customers": 8.0, "terminals": 20.0, "radius": 30.0, "days": 1.0}
pytestmark = pytest.mark.embedded


def contents(broker: str, prefix: str, topics: list[str]) -> dict[tuple[str, int], list[tuple[bytes, bytes, int]]]:
    """Everything in these topics: key, value and timestamp by partition."""
    partitions = [TopicPartition(prefix + name, number) for name in topics for number in range(PARTITIONS)]
    consumer = KafkaConsumer(
        bootstrap_servers=broker, isolation_level="read_committed", auto_offset_reset="earliest", group_id=None
    )
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    found = defaultdict(list)
    ends = {partition: consumer.end_offsets([partition])[partition] for partition in partitions}
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        for partition, records in consumer.poll(timeout_ms=200).items():
            for record in records:
                found[partition.topic.removeprefix(prefix), partition.partition].append(
                    (record.key, record.value, record.timestamp)
                )
    consumer.close()
    return dict(found)


def test_the_cluster_holds_what_the_feed_says_in_its_order(broker: str, prefix: str) -> None:
    def feed() -> list[object]:
        return list(expand(stepped(scenario("normal_day").records(7, None, SMALL), HOUR_MS), PARTITIONS))

    with KafkaWriter(broker, prefix=prefix) as writer:
        assert writer.partitions() == PARTITIONS
        written = writer.write(feed(), pace=Pace(None))  # type: ignore[arg-type]
    expected = defaultdict(list)
    for item in feed():
        if isinstance(item, Placed):
            expected[item.topic, item.partition].append((item.key, item.value, item.timestamp_ms))
    assert contents(broker, prefix, [topic.name for topic in MERGED]) == dict(expected)
    assert written.records + written.watermarks == sum(map(len, expected.values()))


def test_missing_topics_are_named_with_the_command_that_creates_them(broker: str) -> None:
    with KafkaWriter(broker, prefix="nowhere.") as writer, pytest.raises(NotReady, match="paywarden topics create"):
        writer.partitions()


# A process of its own: when there is no broker, kafka-python leaves sockets open that fail later tests.
@pytest.mark.parametrize(("address", "code", "says"), [("127.0.0.1:1", 70, "No broker"), ("here:x", 78, "host:port")])
def test_no_broker_is_not_a_mistake_in_the_configuration(address: str, code: int, says: str) -> None:
    program = "from streams.cli.main import main; main()"
    command = [sys.executable, "-W", "ignore", "-c", program, "simulate", "repeat_failures", "--bootstrap", address]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == code, ended.stderr
    [sentence] = ended.stderr.splitlines()
    assert says in sentence


def test_events_older_than_the_retention_are_refused_before_the_first_is_written(broker: str, prefix: str) -> None:
    kept = f"kept.{prefix}"
    admin = KafkaAdminClient(bootstrap_servers=broker)
    admin.create_topics(
        [NewTopic(kept + topic.name, PARTITIONS, 1, topic_configs=topic.configs) for topic in TOPICS.values()]
    )
    admin.close()
    settings = [f"--set={name}={value}" for name, value in SMALL.items()]
    old = [*settings, "repeat_failures", "--start", "2018-04-01", "--json", "--bootstrap", broker, "--prefix"]
    refused = paywarden("simulate", *old, kept)
    assert refused.exit_code == 78
    assert f"Topic {kept}risk.labels keeps records for 90 days" in refused.stderr
    assert "of 2018-04-01 00:00" in refused.stderr
    assert "topics create --replay" in refused.stderr
    assert contents(broker, kept, [topic.name for topic in MERGED]) == {}
    assert paywarden("simulate", *old, prefix).exit_code == 0
    shifted = [*old, kept, "--shift", "now", "--speed", "10000000"]
    assert paywarden("simulate", *shifted).exit_code == 0


def test_a_barrier_sees_past_control_records_and_names_who_is_behind(broker: str, prefix: str) -> None:
    signals = TopicPartition(f"{prefix}paywarden.signals", 0)
    producer = KafkaProducer(bootstrap_servers=broker, transactional_id=f"{prefix}test")
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(signals.topic, b"1", key=b"k", partition=0)
    for source in range(PARTITIONS):
        told = encode(ClockTold(at_ms=AT, partition=source, sequence=0))
        producer.send(signals.topic, told, partition=0, headers=[("type", b"clock.told.v1")])
    producer.commit_transaction()
    producer.begin_transaction()
    producer.send(signals.topic, b"aborted", key=b"k", partition=0)
    producer.flush()
    producer.abort_transaction()
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=broker, group_id=f"{prefix}app", enable_auto_commit=False)
    names = [prefix + topic.name for agent in ("accounts", "entities") for topic in inputs_of(agent)]  # type: ignore[arg-type]
    consumer.assign([TopicPartition(name, number) for name in names for number in range(PARTITIONS)])

    with AgentsAtEnd(broker, f"{prefix}app", prefix=prefix, deadline_s=0.6, quiet_s=0.05) as agents:
        with pytest.raises(AgentsBehind, match=r"paywarden\.signals\[0\] by"):
            agents.wait(AT)
        consumer.commit({signals: OffsetAndMetadata(1 + PARTITIONS, "", -1)})
        agents.wait(AT)
        with pytest.raises(AgentsBehind, match="told a clock"):
            agents.wait(AT + 1)
    consumer.close(autocommit=False)

    plain = KafkaProducer(bootstrap_servers=broker)
    plain.send(f"{prefix}psp.commands", b"unanswered", key=b"k", partition=1).get(10)
    plain.close()
    with (
        AgentsAtEnd(
            broker, f"{prefix}app", prefix=prefix, responder_group="nobody", deadline_s=0.3, quiet_s=0.05
        ) as agents,
        pytest.raises(AgentsBehind, match=r"psp\.commands\[1\] by 1"),
    ):
        agents.wait(AT)


def test_simulate_to_a_file_and_replay_of_it_write_the_same_records(broker: str, prefix: str, tmp_path: object) -> None:
    runner = CliRunner()
    settings = [f"--set={name}={value}" for name, value in SMALL.items()]
    out = f"{tmp_path}/story.jsonl"
    made = runner.invoke(simulate, ["repeat_failures", "--out", out, *settings], catch_exceptions=False)
    assert made.exit_code == 0, made.output
    target = ["--bootstrap", broker, "--prefix", prefix, "--json"]
    played = runner.invoke(replay, [out, "--format", "jsonl", *target], catch_exceptions=False)
    assert played.exit_code == 0, played.output
    records = list(scenario("repeat_failures").records(7, None, SMALL))
    told = msgspec.json.decode(played.stdout)
    assert (told["records"], told["barriers"]) == (len(records), 0), "nobody waited"
    found = contents(broker, prefix, ["payments.transactions"])
    values = {value for rows in found.values() for key, value, _ in rows if key != b"watermark"}
    assert values == {record.value for record in records if record.topic == "payments.transactions"}


def test_the_responder_answers_on_the_cluster(broker: str, prefix: str) -> None:
    action = ActionRequested(
        occurred_at=from_ms(AT), action_id="act_1", account_id="a1", action="lock", reason_class="security"
    )
    responder = Responder(broker, prefix=prefix, group_id=f"{prefix}responder")
    responder.start()
    producer = KafkaProducer(bootstrap_servers=broker)
    producer.send(f"{prefix}account.actions", encode(action), key=b"a1").get(10)
    producer.close()
    assert responder.answered_one.wait(20)
    assert responder.stop() == 1
    [(key, value, timestamp_ms)] = [
        row for rows in contents(broker, prefix, ["account.action-acks"]).values() for row in rows
    ]
    assert (key, timestamp_ms) == (b"a1", AT + 2_000)
    assert decode("account.action-acks", value).action_id == "act_1"


def test_usage_mistakes_end_with_the_documented_codes(tmp_path: object) -> None:
    assert paywarden("replay", "nothing.csv", "--format", "fdh").exit_code == 64
    assert paywarden("simulate", "nothing", "--out", f"{tmp_path}/x").exit_code == 64
    assert paywarden("simulate", "normal_day", "--shift", "now").exit_code == 2
    assert paywarden("simulate", "population", "--format", "fdh").exit_code == 2
