"""Is the metric catalogue closed, named by its habit, and bounded?"""

from __future__ import annotations

import re

import pytest

from streams import metrics as catalogue
from streams.metrics import LABELS, METRICS, Counter, Histogram, Metric

# An identifier as a label would give one series per customer.
IDS = {"account", "account_id", "card", "merchant", "event_id", "payment_id", "ip", "device", "case_id"}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
class TestEveryMetric:
    def test_is_named_by_thing_and_unit(self, metric: Metric) -> None:
        assert re.fullmatch("paywarden_[a-z]+(_[a-z]+)*", metric.name)
        assert metric.name.endswith("_total") == isinstance(metric, Counter)
        assert not re.search("_(ms|millis|minutes|hours|kb|mb)(_|$)", metric.name)

    def test_says_what_it_means(self, metric: Metric) -> None:
        assert metric.help.endswith(".")

    def test_has_labels_from_closed_sets_only(self, metric: Metric) -> None:
        assert set(metric.labels) <= LABELS.keys()
        assert not set(metric.labels) & IDS

    def test_has_buckets_in_order(self, metric: Metric) -> None:
        if isinstance(metric, Histogram):
            assert list(metric.buckets) == sorted(set(metric.buckets))


def test_every_constant_is_in_the_catalogue_once() -> None:
    constants = [value for value in vars(catalogue).values() if isinstance(value, Metric)]
    assert sorted(metric.name for metric in constants) == sorted(metric.name for metric in METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_every_label_is_used() -> None:
    assert {label for metric in METRICS for label in metric.labels} == LABELS.keys()


@pytest.mark.parametrize(("score", "band"), [(0.0, "0.0"), (0.299999, "0.2"), (0.9, "0.9"), (1.0, "0.9")])
def test_a_score_has_a_band(score: float, band: str) -> None:
    assert catalogue.band_of(score) == band
