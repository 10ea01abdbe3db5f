"""Does a scrape show what was counted, and can no event make it grow without bound?"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams import metrics as catalogue
from streams.adapters.prometheus import PrometheusMetrics


# Prometheus shows labels in alphabetical order: so are the tuples here.
def shown(metrics: PrometheusMetrics) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


@pytest.fixture
def metrics() -> PrometheusMetrics:
    return PrometheusMetrics()


def test_a_counter_adds_up(metrics: PrometheusMetrics) -> None:
    metrics.add(catalogue.DECISIONS, 2, "block", "enforce")
    metrics.add(catalogue.DECISIONS, 3, "block", "enforce")
    assert shown(metrics)["paywarden_decisions_total", ("enforce", "block")] == 5


def test_a_counter_with_closed_labels_is_zero_before_it_is_needed(metrics: PrometheusMetrics) -> None:
    assert shown(metrics)["paywarden_commit_failures_total", ("accounts",)] == 0


def test_a_whole_group_is_observed_at_once(metrics: PrometheusMetrics) -> None:
    metrics.observe(catalogue.LATENCY, 0.1, "accounts", count=200)
    metrics.observe(catalogue.LATENCY, 1_000, "accounts")
    page = shown(metrics)
    assert page["paywarden_event_latency_seconds_bucket", ("accounts", "0.05")] == 0
    assert page["paywarden_event_latency_seconds_bucket", ("accounts", "0.1")] == 200
    assert page["paywarden_event_latency_seconds_bucket", ("accounts", "60.0")] == 200
    assert page["paywarden_event_latency_seconds_count", ("accounts",)] == 201
    assert page["paywarden_event_latency_seconds_sum", ("accounts",)] == pytest.approx(1_020)


def test_the_partition_that_left_takes_its_series_with_it(metrics: PrometheusMetrics) -> None:
    metrics.set(catalogue.STATE_KEYS, 7, "accounts", "3")
    metrics.forget(catalogue.STATE_KEYS, "accounts", "3")
    metrics.forget(catalogue.STATE_KEYS, "accounts", "3")
    assert ("paywarden_state_keys", ("accounts", "3")) not in shown(metrics)


def test_a_value_outside_its_label_set_is_shown_as_other(metrics: PrometheusMetrics) -> None:
    metrics.add(catalogue.RULE_HITS, 1, "4111 1111 1111 1111", "enforce")
    metrics.add(catalogue.RULE_HITS, 1, "card-testing/02", "enforce")
    page = shown(metrics)
    assert page["paywarden_rule_hits_total", ("enforce", "other")] == 1
    assert page["paywarden_rule_hits_total", ("enforce", "card-testing/02")] == 1


def test_series_stay_bounded_under_ever_new_values(metrics: PrometheusMetrics) -> None:
    for number in range(1_000):
        metrics.add(catalogue.RULE_HITS, 1, f"rule-{number}/01", "enforce")
    hits = {key: value for key, value in shown(metrics).items() if key[0] == "paywarden_rule_hits_total"}
    assert len(hits) == 257
    assert sum(hits.values()) == 1_000


def test_a_wrong_number_of_labels_is_refused(metrics: PrometheusMetrics) -> None:
    with pytest.raises(ValueError, match="paywarden_decisions_total has the labels"):
        metrics.add(catalogue.DECISIONS, 1, "block")


def test_two_recorders_do_not_share_a_registry() -> None:
    one, other = PrometheusMetrics(), PrometheusMetrics()
    one.set(catalogue.READY, 1)
    assert ("paywarden_ready", ()) not in shown(other)


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads take turns a thousand times more often than they usually do."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("eager_threads")
def test_a_scrape_from_another_thread_meets_a_growing_catalogue(metrics: PrometheusMetrics) -> None:
    failed: list[RuntimeError] = []
    done = threading.Event()

    def scrape() -> None:
        try:
            while not done.is_set():
                for _ in metrics.collect():
                    pass
        except RuntimeError as error:
            failed.append(error)

    scraper = threading.Thread(target=scrape)
    scraper.start()
    for number in range(4_096):
        metrics.set(catalogue.STATE_KEYS, 1, "accounts", str(number))
    done.set()
    scraper.join()
    assert not failed
