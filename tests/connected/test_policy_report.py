"""Does `paywarden policy report` read what is on the topics, from the date that was asked for?"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from click.testing import CliRunner
from support.broker_client import Cluster, Line

from streams.cli.main import paywarden
from streams.contracts.base import from_ms
from streams.contracts.decisions import DecisionMade, Hit
from streams.contracts.registry import encode

NOW_MS = 1_780_000_000_000
DAY_MS = 86_400_000


def decision(number: int, at_ms: int) -> Line:
    made = DecisionMade(
        occurred_at=from_ms(at_ms),
        decision_id=f"dec_{number}",
        event_id=f"event-{number}",
        account_id=f"account-{number}",
        subject="payment",
        subject_id=f"payment-{number}",
        outcome="review",
        shadow=True,
        hits=(Hit(rule="velocity/02", outcome="review"),) if number % 2 else (),
        policy="hash",
        feature_set="1",
        amount_minor=1_000,
        currency="EUR",
    )
    return Line(made.account_id.encode(), encode(made), at_ms)


@pytest.mark.timeout(120)
def test_the_report_of_a_cluster(bootstrap: str) -> None:
    name = f"r{uuid.uuid4().hex[:8]}"
    cluster = Cluster(bootstrap)

    def report(*words: str, exit_code: int = 0) -> Any:
        options = ["--bootstrap", bootstrap, "--prefix", f"{name}.", "--app-id", name]
        result = CliRunner().invoke(paywarden, ["policy", "report", *words, *options])
        assert result.exit_code == exit_code, (result.output, result.exception)
        return result.output

    assert "paywarden topics create" in report(exit_code=78)
    keep = {"retention.ms": "-1"}
    cluster.create([f"{name}.fraud.decisions", f"{name}.risk.labels"], 2, keep)
    assert "no decision yet" in report()
    cluster.write(
        f"{name}.fraud.decisions",
        [decision(number, NOW_MS - (5 - number // 2) * DAY_MS) for number in range(10)],
        partitions=2,
    )
    label = {
        "type": "label.recorded.v1", "event_id": "l1", "source": "test", "occurred_at": "2026-06-01T00:00:00Z",
        "account_id": "account-9", "subject_id": "payment-9", "verdict": "fraud", "label_source": "chargeback",
        "subject_occurred_at": "2026-05-27T00:00:00Z",
    }  # fmt: skip
    cluster.write(f"{name}.risk.labels", [Line(b"account-9", json.dumps(label).encode(), NOW_MS)], partitions=2)

    found = json.loads(report("--json"))
    (velocity,) = found["rules"]
    assert (found["decisions"], found["observed"], velocity["changed"], velocity["fraud"]) == (10, 10, 5, 1)
    since = from_ms(NOW_MS - 2 * DAY_MS - 1).isoformat()
    (lately,) = json.loads(report("--since", since, "--json"))["rules"]
    assert (lately["hits"], lately["stopped_minor"]) == (2, {"EUR": 2_000})
    shown = report()
    assert "velocity" in shown
    assert "10 decisions" in shown
    assert json.loads(report("--rule", "velocity", "--json"))["rules"] == [velocity]
