"""Does a payment system that waits get the decision, in time or its own default, and the locks of an account?"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.broker_client import Line
from support.examples import java, load
from support.product import Product
from support.waiting import wait_until

from streams.contracts.decisions import DecisionMade
from streams.contracts.registry import decode
from streams.contracts.topics import physical

gate = load("gate/gate.py")

BLOCKS = """
mode = "{mode}"
[locks]
ack = "assumed"
[[rule]]
name = "large"
asks = "Is this more than 10, or than 100?"
events = ["payment"]
when = ["amount > 10", "amount > 100"]
outcomes = ["hold", "block"]
reasons = ["R01"]
mode = "inherit"
"""
LARGE, MIDDLING, SMALL = 20_000, 5_000, 500


def by_python(product: Product, *asked: str) -> list[dict[str, Any]]:
    """What gate.py makes of payments `method:amount_minor` of jvm-customer, in the words of Gate.java."""

    async def ask() -> list[dict[str, Any]]:
        defaults = {"card": gate.Default("allow", 60.0), "*": gate.Default("hold", 2.0)}
        lines = []
        async with gate.Gate(product.cluster.bootstrap, prefix=product.prefix, defaults=defaults) as opened:
            for each in asked:
                method, _, amount = each.partition(":")
                payment = gate.payment_of(f"python-{method}-{amount}", "jvm-customer", int(amount), method)
                answer = asdict(await opened.ask(payment))
                del answer["waited_s"]
                locks = opened.locks("jvm-customer")
                lines.append({"payment_id": payment["payment_id"], **answer, "locks": locks, "late": opened.late})
        return lines

    return asyncio.run(ask())


def by_jvm(product: Product, *asked: str) -> list[dict[str, Any]]:
    return java("gate/Gate.java", product.cluster.bootstrap, product.prefix, *asked)


Asks = Callable[..., list[dict[str, Any]]]
BOTH = pytest.mark.parametrize("gate_of", [by_python, by_jvm])


def start(product: Product, mode: str) -> None:
    product.policy.write_text(BLOCKS.format(mode=mode))
    product.start("w1", merge="live", clock="live", log_level="INFO")
    wait_until(lambda: "ready after" in product.logs(), "the worker", 60.0)


def decided(product: Product) -> dict[str, DecisionMade]:
    records = product.cluster.read(physical(product.prefix, "fraud.decisions"), partitions=product.partitions)
    found = [decode("fraud.decisions", record.value) for record in records]
    return {each.subject_id: each for each in found if isinstance(each, DecisionMade)}


def asked(product: Product, payments: list[dict[str, Any]], deadline_s: float) -> list[Any]:
    async def ask() -> list[Any]:
        defaults = {"*": gate.Default("hold", deadline_s)}
        async with gate.Gate(product.cluster.bootstrap, prefix=product.prefix, defaults=defaults) as opened:
            return list(await asyncio.gather(*(opened.ask(payment) for payment in payments)))

    return asyncio.run(ask())


@pytest.mark.timeout(240)
def test_answers_are_the_decisions(product: Product) -> None:
    start(product, "enforce")
    payments = [
        gate.payment_of(f"pay-{number}", f"account-{number}", LARGE if number % 3 == 0 else SMALL)
        for number in range(60)
    ]
    answers = asked(product, [*payments, *payments[:5]], 60.0)  # five are sent twice: one decision answers both
    assert {answer.by for answer in answers} == {"decision"}
    assert [answer.outcome == "block" for answer in answers[:60]] == [number % 3 == 0 for number in range(60)]
    assert answers[60:] != []
    made = decided(product)
    assert len(made) == 60
    told = zip([*payments, *payments[:5]], answers, strict=True)
    assert all(made[payment["payment_id"]].decision_id == answer.decision_id for payment, answer in told)


@pytest.mark.timeout(240)
def test_without_a_worker_the_default_comes_in_time_and_the_decision_later(product: Product) -> None:
    """A payment is published once; what was decided when nobody waited any more is counted, and known at a retry."""
    start(product, "enforce")
    product.workers["w1"].send_signal(signal.SIGSTOP)

    async def ask() -> None:
        defaults = {"*": gate.Default("hold", 60.0), "card": gate.Default("allow", 0.4)}
        async with gate.Gate(product.cluster.bootstrap, prefix=product.prefix, defaults=defaults) as opened:
            payment = gate.payment_of("late-1", "account-1", LARGE)
            began_s = time.monotonic()
            answer = await opened.ask(payment)
            assert (answer.outcome, answer.by) == ("allow", "default")
            assert time.monotonic() - began_s < 5.0  # far from the 60 s of the others, on the busiest machine
            product.workers["w1"].send_signal(signal.SIGCONT)
            async with asyncio.timeout(60.0):
                while not opened.late:
                    await asyncio.sleep(0.05)
            again = await opened.ask(payment)
            assert (again.outcome, again.by) == ("block", "decision")

    asyncio.run(ask())


def locks_state(account_id: str, version: int, *statuses: str) -> bytes:
    locks = [
        {"action_id": f"act_{n}", "action": "lock", "scope": "login", "status": status, "reason_class": "fraud",
         "since": "2026-01-01T00:00:00Z"}
        for n, status in enumerate(statuses)
    ]  # fmt: skip
    return json.dumps(
        {"type": "locks.state.v1", "occurred_at": "2026-01-01T00:00:00Z", "account_id": account_id,
         "version": version, "locks": locks}
    ).encode()  # fmt: skip


@pytest.mark.timeout(240)
def test_locks_are_known_before_the_first_question_and_follow(product: Product) -> None:
    topic = physical(product.prefix, "account.locks")

    def write(account_id: str, value: bytes | None) -> None:
        product.cluster.write(topic, [Line(account_id.encode(), value, 1_000)], partitions=product.partitions)

    write("one", locks_state("one", 1, "effective"))
    write("two", locks_state("two", 1, "effective"))
    write("two", locks_state("two", 2))  # released
    write("gone", locks_state("gone", 1, "effective"))
    write("gone", None)

    async def ask() -> None:
        defaults = {"*": gate.Default("hold", 1.0)}
        async with gate.Gate(product.cluster.bootstrap, prefix=product.prefix, defaults=defaults) as opened:
            locked = {name: len(opened.locks(name)) for name in ("one", "two", "gone", "nobody")}
            assert locked == {"one": 1, "two": 0, "gone": 0, "nobody": 0}
            await asyncio.to_thread(write, "two", locks_state("two", 3, "commanded", "lifting"))
            async with asyncio.timeout(30.0):
                while len(opened.locks("two")) != 1:
                    await asyncio.sleep(0.05)

    asyncio.run(ask())


@BOTH
@pytest.mark.timeout(240)
def test_both_gates_give_the_answers_that_were_decided(product: Product, gate_of: Asks) -> None:
    start(product, "enforce")
    large, middling, small = gate_of(product, f"card:{LARGE}", f"card:{MIDDLING}", f"card:{SMALL}")
    assert [each["outcome"] for each in (large, middling, small)] == ["block", "hold", "allow"]
    made = decided(product)
    assert len(made) == 3
    for answer in (large, middling, small):
        decision = made[answer["payment_id"]]
        assert (answer["by"], answer["decision_id"], answer["observed"]) == ("decision", decision.decision_id, None)
        assert answer["expiry_outcome"] == decision.expiry_outcome
        assert (answer["expires_at"] and datetime.fromisoformat(answer["expires_at"])) == decision.expires_at
    assert middling["expires_at"] is not None


@BOTH
@pytest.mark.timeout(240)
def test_both_gates_let_go_when_a_lock_ends(product: Product, gate_of: Asks) -> None:
    def lock(action_id: str, status: str, ends_in: timedelta | None = None) -> dict[str, Any]:
        ends = {} if ends_in is None else {"expires_at": (datetime.now(UTC) + ends_in).isoformat()}
        return {"action_id": action_id, "action": "lock", "scope": "login", "status": status, "reason_class": "fraud",
                "since": "2026-01-01T00:00:00Z"} | ends  # fmt: skip

    hour = timedelta(hours=1)
    locks = [
        lock("until_lifted", "effective"), lock("expired", "effective", -hour), lock("expires", "effective", hour),
        lock("commanded", "commanded"), lock("unconfirmed", "unconfirmed"), lock("lifting", "lifting"),
        lock("released", "released"),
    ]  # fmt: skip
    state = json.loads(locks_state("jvm-customer", 1)) | {"locks": locks}
    product.cluster.write(
        physical(product.prefix, "account.locks"),
        [Line(b"jvm-customer", json.dumps(state).encode(), 1_000)],
        partitions=product.partitions,
    )
    (answer,) = gate_of(product, f"transfer:{SMALL}")  # nobody decides: this is about the locks
    assert (answer["outcome"], answer["by"]) == ("hold", "default")
    assert [each["action_id"] for each in answer["locks"]] == ["until_lifted", "expires", "commanded", "unconfirmed"]


@BOTH
@pytest.mark.timeout(240)
def test_both_gates_count_decisions_that_come_too_late(product: Product, gate_of: Asks) -> None:
    """The transfer goes by default while the worker stands still; when the card payment waits, it goes on."""
    start(product, "enforce")
    product.workers["w1"].send_signal(signal.SIGSTOP)
    payments = physical(product.prefix, "payments.transactions")
    with ThreadPoolExecutor(1) as other:
        asked = other.submit(gate_of, product, f"transfer:{LARGE}", f"card:{LARGE}")
        wait_until(
            lambda: asked.done() or len(product.cluster.read(payments, partitions=product.partitions)) == 2,
            "the second payment",
            120.0,
        )
        product.workers["w1"].send_signal(signal.SIGCONT)
        first, second = asked.result()
    assert (first["outcome"], first["by"], first["late"]) == ("hold", "default", 0)
    assert (second["outcome"], second["by"], second["late"]) == ("block", "decision", 1)


@BOTH
@pytest.mark.timeout(240)
def test_both_gates_stop_nobody_while_it_is_observed(product: Product, gate_of: Asks) -> None:
    start(product, "observe")
    (answer,) = gate_of(product, f"card:{LARGE}")
    assert (answer["outcome"], answer["by"], answer["observed"]) == ("allow", "observed", "block")


def test_a_gate_without_a_general_default_is_refused() -> None:
    with pytest.raises(ValueError, match=r"under '\*'"):
        gate.Gate("127.0.0.1:1", defaults={"card": gate.Default("allow", 1.0)})


def test_the_measurement_measures(product: Product) -> None:
    start(product, "enforce")
    found = asyncio.run(gate.measure(product.cluster.bootstrap, product.prefix, 40, 40.0))
    assert (found["payments"], found["by_default"]) == (40, 0)
    assert 0 < found["p50_ms"] <= found["p99_ms"]
