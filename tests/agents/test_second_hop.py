"""Does what the entities agent learnt in one step change decisions in the next step, everywhere, and never before?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from support.entities import START_MS, policy

from streams.agents.accounts import AccountsLogic, risk_key
from streams.agents.entities import EntitiesLogic
from streams.agents.offline import OfflineRun, Published
from streams.contracts.accounts import LabelRecorded
from streams.contracts.base import Event, Watermark, from_ms
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import LoginFailed
from streams.contracts.partitioning import partition_of
from streams.contracts.payments import PaymentFailed
from streams.contracts.registry import encode
from streams.core.policy import PolicySchedule
from streams.core.score import ScoreUnavailable
from streams.core.steps import Prepared

STEP_S = 3_600
PARTITIONS = 3
START_S = START_MS // 1000


class NoModel:
    def score(self, batch: Sequence[Prepared]) -> list[ScoreUnavailable]:
        return [ScoreUnavailable("no_model") for _ in batch]


class Steps:
    """Both agents in memory, one step of event time after the other."""

    def __init__(self) -> None:
        policies = PolicySchedule.of((policy(),))
        self.published: list[Published] = []
        self.accounts = AccountsLogic(policies, NoModel())
        self.run = OfflineRun(
            self.accounts,
            EntitiesLogic(policies, STEP_S),
            PARTITIONS,
            self.published.append,
            partition_of_key=partition_of,
        )

    def play(self, step: int, topic: str, events: Sequence[Event]) -> None:
        """Writes the events of a step and goes on to its end."""
        for event in events:
            key = event.account_id.encode()
            at_ms = int(event.occurred_at.timestamp() * 1000)
            self.run.write(topic, partition_of(key, PARTITIONS), key, encode(event), at_ms)
        end_s = START_S + (step + 1) * STEP_S
        mark = encode(
            Watermark(event_id=f"mark-{step}", source="test", occurred_at=from_ms(end_s * 1000), account_id="-")
        )
        for inputs in self.accounts.inputs:
            if inputs.waits:
                for number in range(PARTITIONS):
                    self.run.write(inputs.topic, number, None, mark, end_s * 1000)
        self.run.settle()

    def hits(self, event_id: str) -> list[str]:
        for record in self.published:
            if record.emit.topic == "fraud.decisions" and record.emit.value is not None:
                decision = msgspec.json.decode(record.emit.value, type=DecisionMade)
                if decision.event_id == event_id:
                    return [hit.rule for hit in decision.hits]
        raise AssertionError(f"nothing was decided about {event_id}")


def login(user: str, at_s: int) -> LoginFailed:
    return LoginFailed(
        event_id=f"{user}-{at_s}",
        source="test",
        occurred_at=from_ms((START_S + at_s) * 1000),
        account_id=user,
        username=user,
        ip="203.0.113.7",
    )


def test_a_spray_of_one_step_is_known_in_the_next_one_on_every_partition():
    steps = Steps()
    steps.play(0, "auth.logins", [login(f"user-{number}", 10 + number) for number in range(9)])
    assert all(
        "hostile-address" not in rule for number in range(9) for rule in steps.hits(f"user-{number}-{10 + number}")
    )
    cases = [
        record for record in steps.published if record.agent == "entities" and record.emit.topic == "support.cases"
    ]
    assert len(cases) == 2  # opened at 4 attempts, told again at 8

    late = [login(f"other-{number}", STEP_S + number) for number in range(6)]
    steps.play(1, "auth.logins", late)
    assert len({partition_of(event.account_id.encode(), PARTITIONS) for event in late}) == PARTITIONS
    for event in late:
        assert "hostile-address/02" in steps.hits(event.event_id)


def test_labels_of_one_step_are_counted_from_the_next_one_on():
    steps = Steps()
    labels = [
        LabelRecorded(
            event_id=f"label-{number}",
            source="test",
            occurred_at=from_ms((START_S + 60 + number) * 1000),
            account_id=f"user-{number}",
            subject_id=f"payment-{number}",
            verdict="fraud" if number == 0 else "legit",
            label_source="test",
            subject_occurred_at=from_ms((START_S + 60 + number - 7 * 86_400) * 1000),
            terminal_id="terminal",
        )
        for number in range(9)
    ]
    steps.play(0, "risk.labels", labels)
    for partition in steps.run.accounts:
        known = partition.states.peek(risk_key("terminal", "terminal"))
        assert known.fact((START_S + STEP_S) * 1000 - 1) is None
        fact = known.fact((START_S + STEP_S) * 1000)
        assert (fact.labels_1d, fact.frauds_1d) == (9, 1)


def test_trials_of_all_partitions_meet_in_one_place():
    steps = Steps()
    steps.play(
        0,
        "payments.transactions",
        [
            PaymentFailed(
                event_id=f"payment-{number}",
                source="test",
                occurred_at=from_ms((START_S + 10 + number % 3) * 1000),
                account_id=f"user-{number}",
                payment_id=f"payment-{number}",
                amount_minor=1_000,
                currency="EUR",
                gateway_id="g1",
            )
            for number in range(12)
        ],
    )
    counted = [state for owner in steps.run.entities if (state := owner.states.peek(b"health")) is not None]
    assert len(counted) == 1
    assert counted[0].health.keys["gateway:g1"].slots[0][1:3] == (12, 12)
