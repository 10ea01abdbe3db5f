"""What is debited and not back, as the processes beside the workers show it."""

from __future__ import annotations

from typing import Any

from support.metrics import RecordingMetrics
from support.services import CASES, Service
from support.stores import START_MS, case, load, record

from streams.console.sink import count_debited
from streams.contracts.base import from_ms
from streams.metrics import STORE_DEBITED, STORE_OLDEST_DEBITED


def debited(case_id: str, version: int = 1, **fields: Any) -> Any:
    about = {"cause_family": "debited_not_confirmed", "queue": "accounting", "amount_minor": 12_050, "currency": "EUR"}
    return record(CASES, case(case_id, version, **(about | fields)))


def test_open_debits_are_shown_by_currency_with_the_age_of_the_oldest(service: Service) -> None:
    metrics = RecordingMetrics()
    older = from_ms(START_MS - 60_000)
    load(
        service.store,
        [
            debited("case_1"),
            debited("case_2", status="waiting_customer", created_at=older),
            debited("case_3", amount_minor=900, currency="JPY"),
            debited("case_4", status="resolved", amount_minor=1),
            debited("case_5", cause_family="duplicate_charge", amount_minor=1),
            debited("case_6", shadow=True, amount_minor=1),
        ],
    )
    count_debited(service.store, metrics)
    shown = {labels: value for (gauge, labels), value in metrics.gauges.items() if gauge is STORE_DEBITED}
    assert shown == {("EUR",): 241.0, ("JPY",): 900.0}
    assert metrics.gauges[STORE_OLDEST_DEBITED, ()] == (START_MS - 60_000) / 1000


def test_nothing_is_shown_once_all_of_it_is_back(service: Service) -> None:
    metrics = RecordingMetrics()
    load(service.store, [debited("case_1")])
    count_debited(service.store, metrics)
    load(service.store, [debited("case_1", 2, status="resolved")])
    count_debited(service.store, metrics)
    assert not metrics.gauges
