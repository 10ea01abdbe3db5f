"""Does a person read what a rule has measured, in a unit that says something?"""

from __future__ import annotations

import pytest

from streams.console.measures import figure, known, name_of, spelled, unit_of
from streams.core.features.catalogue import FEATURES


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("device_age_days", 2.31e-05, "2 s"),
        ("device_age_days", 3.2, "3 d"),
        ("since_credential_change_s", 60.0, "60 s"),
        ("since_credential_change_s", 1_500.0, "25 min"),
        ("since_login_s", 40_000.0, "11 h"),
        ("since_login_s", 0.2, "< 1 s"),
        ("terminal_fraud_rate_7d", 0.0314, "3.14 %"),
        ("amount", 1_333.95, "1,333.95"),
        ("usual", 12.5, "12.50"),
        ("times_large", 4.25, "4.25 ×"),
        ("travel_km", 9_512.4, "9,512 km"),
        ("payers_1d", 7.0, "7"),
        ("of_a_newer_release", 0.00002, "< 0.001"),
    ],
)
def test_a_measure_has_its_unit(name: str, value: float, shown: str) -> None:
    assert figure(value, unit_of(name)) == shown


def test_what_was_observed_is_the_first_number_of_its_rule() -> None:
    evidence = {"a/01": {"amount": 4.0, "usual": 2.0}, "b/01": {"device_age_days": 0.5, "balance_share": -1.0}}
    assert name_of(evidence, 0.5) == "device_age_days"
    assert name_of(evidence, 2.0) == "", "the usual value is no observed one"
    assert known(evidence["b/01"]) == [("device_age_days", 0.5)], "nobody knew the balance"


def test_a_name_says_its_unit_once() -> None:
    assert spelled("device_age_days") == "device age"
    assert spelled("since_login_s") == "since login"
    assert all(spelled(each.name) for each in FEATURES)
