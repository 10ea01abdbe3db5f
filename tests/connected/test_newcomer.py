"""Does the newcomer's path of docs/connect.md lead from an unknown JSON topic to decisions, by its commands alone?"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaProducer
from support.broker import ON_KAFKA
from support.broker_client import Cluster
from support.ingesting import Deployment
from support.waiting import wait_until

# The unknown system: nothing of PayWarden is used to make its records, and its words are its own.
STATES = ("BEZAHLT_PAID", "DECLINED", "CREATED")


def unknown_orders(now_ms: int, count: int) -> list[tuple[bytes, bytes, int]]:
    rows = []
    for number in range(count):
        at_ms = now_ms - (count - number) * 500
        order = {
            "msgId": f"m-{number}",
            "txn": {"ref": f"T{number:07d}", "id": f"TX-{number}", "state": STATES[number % 3]},
            "customer": {"no": f"K-{number % 40}", "ipAddress": f"198.51.100.{number % 250}"},
            "totalAmount": f"{10 + number % 90}.{number % 100:02d}",
            "currency": "EUR",
            "createdAt": at_ms,
        }
        rows.append((f"K-{number % 40}".encode(), json.dumps(order).encode(), at_ms + 5))
    return rows


@pytest.fixture
def newcomer(bootstrap: str, tmp_path: Path) -> Iterator[Deployment]:
    deployment = Deployment(Cluster(bootstrap), tmp_path, f"n{uuid.uuid4().hex[:8]}", "stripe", foreign_partitions=2)
    yield deployment
    deployment.end()


@ON_KAFKA
@pytest.mark.timeout(900)
def test_from_an_unknown_topic_to_decisions(newcomer: Deployment, tmp_path: Path) -> None:
    topic = f"{newcomer.name}-orders"
    newcomer.cluster.create([topic], 2)
    with KafkaProducer(bootstrap_servers=[newcomer.cluster.bootstrap]) as producer:
        for key, value, at_ms in unknown_orders(time.time_ns() // 1_000_000, 300):
            producer.send(topic, value, key=key, timestamp_ms=at_ms)
        producer.flush()
    file = newcomer.file = tmp_path / "orders.toml"
    newcomer.command("topics", "create", "--partitions", "4")
    file.write_text(newcomer.command("ingest", "draft", topic))
    shown = newcomer.command("ingest", "check", str(file), "--sample", "30")
    assert "30 records: 30 written, 0 skipped, 0 dead letters" in shown
    newcomer.command("topics", "create", "--ingest", str(file))
    newcomer.start()
    newcomer.start_worker()
    wait_until(lambda: newcomer.written(("fraud.decisions",)).total() > 0, "a decision", 400)
    line = newcomer.command("topics", "tail", "fraud.decisions", "--from-beginning", "--max", "1", "--json")
    decision = json.loads(line.splitlines()[0])["value"]
    assert decision["type"] == "decision.made.v1"
    assert decision["account_id"].startswith("K-")
    assert decision["shadow"] is True  # observes until a policy says otherwise
    assert newcomer.dead_letters() == []
    assert newcomer.stop() == [0, 0]
