"""Does a policy that is published while two workers run decide exactly the events of its time, and so in a replay?

It brings a rule, a list and another champion: all three begin and end at the same event.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.models import small_model
from support.product import Product
from support.waiting import wait_until

from producers.feed import Outgoing
from streams.cli.main import paywarden
from streams.contracts.base import from_ms, to_ms
from streams.contracts.decisions import DecisionMade
from streams.contracts.payments import PaymentRequested
from streams.contracts.registry import decode, encode
from streams.contracts.topics import physical

STRICT = """
name = "strict"
mode = "enforce"
[[rule]]
name = "large"
asks = "Is this more than 100?"
events = ["payment"]
when = ["amount > 100"]
outcomes = ["block"]
reasons = ["R01"]
mode = "enforce"
[[list]]
name = "mules"
field = "counterparty_id"
outcome = "hold"
mode = "enforce"
entries = [{ value = "mule" }]
[model]
champion = "CHAMPION"
"""
ACCOUNTS = 40


def run(product: Product, *args: str) -> str:
    cluster = ["--bootstrap", product.cluster.bootstrap, "--prefix", product.prefix, "--app-id", product.name]
    result = CliRunner().invoke(paywarden, ["policy", *args, *cluster], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def payments(round_: str, at_ms: int) -> list[PaymentRequested]:
    """One of every account; every second one is large, every fifth goes to the mule."""
    return [
        PaymentRequested(
            event_id=f"{round_}-{n}",
            source="test",
            occurred_at=from_ms(at_ms + n),
            account_id=f"acct-{n}",
            payment_id=f"{round_}-{n}",
            amount_minor=20_000 if n % 2 else 500,
            currency="EUR",
            counterparty_id="mule" if n % 5 == 0 else None,
        )
        for n in range(ACCOUNTS)
    ]


def decisions(product: Product) -> dict[str, DecisionMade]:
    records = product.cluster.read(physical(product.prefix, "fraud.decisions"), partitions=product.partitions)
    found = [decode("fraud.decisions", record.value) for record in records]
    return {each.event_id: each for each in found if isinstance(each, DecisionMade)}


@pytest.mark.timeout(500)
def test_every_decision_carries_the_policy_of_its_event_time(
    product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "strict.toml"
    models = tmp_path / "models"
    old, new = small_model(models, name="old"), small_model(models, name="new", seed=1)
    file.write_text(STRICT.replace("CHAMPION", new.name))
    for worker in ("w1", "w2"):
        served = {"model_dir": str(old), "models_dir": str(models), "model_deadline_ms": "10000"}
        product.start(worker, merge="live", clock="live", log_level="INFO", **served)
    now_ms = time.time_ns() // 1_000_000
    written: list[PaymentRequested] = []

    def write(round_: str, at_ms: int) -> None:
        events = payments(round_, at_ms)
        written.extend(events)
        product.write(
            [
                Outgoing("payments.transactions", each.account_id.encode(), encode(each), to_ms(each.occurred_at))
                for each in events
            ]
        )
        wait_until(lambda: len(decisions(product)) == len(written), f"decisions of {round_}", 150)

    def heard(proposal: str, times: int) -> None:
        said = f"policy {proposal} in force"
        wait_until(lambda: product.logs().count(said) >= 2 * times, f"both workers hear of {proposal}", 30)

    write("before", now_ms)
    proposal = run(product, "publish", str(file), "--actor", "mei", "--role", "analyst", "--why", "test").split()[0]
    run(product, "approve", proposal, "--actor", "jo", "--role", "supervisor", "--why", "test")
    (change,) = json.loads(run(product, "history", "--json"))["changes"]
    heard(proposal, 1)
    effective_ms = to_ms(datetime.fromisoformat(change["effective_at"]))
    # The event's time chooses, whenever the event comes: these lie on both sides of the change.
    write("under", effective_ms - 1_000)
    write("over", effective_ms)
    run(product, "rollback", "--actor", "jo", "--role", "supervisor", "--why", "test", "--in", "60")
    heard("of the start", 1)
    back_ms = to_ms(datetime.fromisoformat(json.loads(run(product, "history", "--json"))["changes"][1]["effective_at"]))
    write("last", back_ms - 1)
    found = decisions(product)
    start_hash = found["before-0"].policy
    for event in written:
        at_ms = to_ms(event.occurred_at)
        expected = (change["policy"], new.name) if effective_ms <= at_ms < back_ms else (start_hash, old.name)
        assert (found[event.event_id].policy, found[event.event_id].model_id) == expected, event.event_id
    assert (found["over-1"].outcome, found["over-0"].outcome, found["over-2"].outcome) == ("block", "hold", "allow")
    assert {found[f"under-{n}"].outcome for n in range(ACCOUNTS)}.isdisjoint({"block", "hold"})

    # A replay under the exported history decides the same.
    policies, events, out = tmp_path / "policies.jsonl", tmp_path / "events.jsonl", tmp_path / "out"
    run(product, "history", "--out", str(policies))
    events.write_bytes(b"".join(encode(event) + b"\n" for event in sorted(written, key=lambda each: each.occurred_at)))
    options = ["--policy", str(product.policy), "--policy", str(policies), "--partitions", str(product.partitions)]
    options += ["--model", str(old), "--out", str(out)]
    monkeypatch.setenv("PAYWARDEN_MODELS_DIR", str(models))
    result = CliRunner().invoke(
        paywarden, ["backtest", str(events), "--format", "jsonl", *options], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    again = [decode("fraud.decisions", line) for line in (out / "decisions.jsonl").read_bytes().splitlines()]
    assert {each.event_id: how(each) for each in again if isinstance(each, DecisionMade)} == {
        event_id: how(each) for event_id, each in found.items()
    }


def how(decision: DecisionMade) -> tuple[object, ...]:
    return decision.policy, decision.outcome, decision.model_id, decision.score
