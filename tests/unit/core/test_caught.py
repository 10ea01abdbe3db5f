"""Which confirmed fraud was stopped in time, and what was it worth?"""

from __future__ import annotations

from typing import Any

from support.happenings import DAY, MINUTE, NOON, event, label, paid
from support.scenes import Scene, enforcing

from producers.feed import outgoing
from streams.contracts.accounts import LabelRecorded
from streams.contracts.base import Event
from streams.contracts.payments import PaymentRequested
from streams.core.score import Score
from streams.metrics import CONFIRMED_FRAUD_USD_CENTS, CONFIRMED_FRAUDS

USD = {"currency": "USD"}


class Sure:
    """Blocks what is above 50.00, lets go what is below."""

    model_id = "sure-1"

    def score(self, batch: Any) -> Any:
        return [Score(0.999 if each.event.amount_minor > 5000 else 0.001, self.model_id) for each in batch]


def counted(*events: tuple[str, Event], policy: str = "", until: int = DAY) -> tuple[dict[str, int], dict[str, int]]:
    """By outcome: how many frauds, and their value in cents."""
    scene = Scene(enforcing(policy), partitions=1, step_ms=MINUTE, scorer=Sure())
    counts = scene.play([outgoing(*each) for each in events], until).run.counts
    of = {(metric, labels[0]): number for (metric, labels), number in counts.items() if labels}
    numbers = {outcome: number for (metric, outcome), number in of.items() if metric is CONFIRMED_FRAUDS}
    cents = {outcome: number for (metric, outcome), number in of.items() if metric is CONFIRMED_FRAUD_USD_CENTS}
    return numbers, cents


def asked(number: int, minor: int, **more: Any) -> tuple[str, Event]:
    return "payments.transactions", paid(NOON + number * MINUTE, number, minor, PaymentRequested, **USD | more)


def fraud(number: int, day: int = 5, **more: Any) -> tuple[str, Event]:
    told = label(NOON + day * DAY + number * MINUTE, f"p{number}", NOON)
    return "risk.labels", event(LabelRecorded, NOON + day * DAY, f"{number}-{day}", **_fields(told), **more)


def _fields(told: Event) -> dict[str, Any]:
    return {name: getattr(told, name) for name in ("subject_id", "subject_occurred_at", "label_source", "verdict")}


def test_fraud_counts_by_what_was_done_about_it_and_by_what_it_was_worth() -> None:
    numbers, cents = counted(asked(1, 9_000), asked(2, 4_000), fraud(1), fraud(2))
    assert sum(numbers.values()) == 2
    assert numbers["allow"] == 1
    assert cents["allow"] == 4_000
    (stopped,) = set(numbers) - {"allow"}
    assert stopped in ("hold", "block", "step_up")
    assert cents[stopped] == 9_000


def test_what_is_called_fraud_twice_is_one() -> None:
    numbers, cents = counted(asked(2, 4_000), fraud(2), fraud(2, 6), fraud(2, 7))
    assert (numbers, cents) == ({"allow": 1}, {"allow": 4_000})


def test_what_was_only_observed_was_let_go() -> None:
    numbers, _ = counted(asked(1, 9_000), fraud(1), policy='mode = "observe"\n')
    assert numbers == {"allow": 1}


def test_a_label_that_names_its_value_is_believed_and_one_of_nothing_known_counts_nowhere() -> None:
    numbers, cents = counted(fraud(7, amount_minor=710, currency="CNY"), fraud(8), fraud(9, amount_minor=710))
    assert (numbers, cents) == ({"allow": 1}, {"allow": 100})
