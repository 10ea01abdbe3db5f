"""Is every case counted under one of few causes, and under whose fault it was?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.contracts.cases import CaseVersion
from streams.core.cases.causes import CAUSES, cause_of, fault_of


def versions(said: Any) -> Iterator[CaseVersion]:
    if isinstance(said, dict):
        if str(said.get("type")).startswith("case.version"):
            yield msgspec.convert(said, CaseVersion)
        said = list(said.values())
    for each in said if isinstance(said, list) else ():
        yield from versions(each)


def told() -> Iterator[CaseVersion]:
    for path in sorted(Path("tests/golden").glob("*/expected.jsonl")):
        for line in path.read_text().splitlines():
            yield from versions(json.loads(line))


def about(**changes: Any) -> CaseVersion:
    return msgspec.structs.replace(next(told()), **changes)


def test_every_case_of_the_golden_stories_has_a_cause_that_is_counted() -> None:
    found = {cause_of(case) for case in told()}
    assert len(found) > 40
    assert found - CAUSES == set()


@pytest.mark.parametrize(
    ("case", "cause"),
    [
        ({"cause_family": "payment_failure", "root_cause": "insufficient_funds"}, "insufficient_funds"),
        ({"cause_family": "payment_failure", "root_cause": "customer"}, "payment_failure"),
        ({"cause_family": "outage", "root_cause": "failures of gateway"}, "outage"),
        ({"cause_family": "debited_not_confirmed", "root_cause": None}, "debited_not_confirmed"),
        (
            {"cause_family": "said.duplicate_charge.ord-77", "case_type": "duplicate_charge", "root_cause": None},
            "duplicate_charge",
        ),
    ],
)
def test_the_cause_is_why_it_failed_or_what_was_found_or_what_the_customer_says(
    case: dict[str, Any], cause: str
) -> None:
    assert cause_of(about(**case)) == cause


@pytest.mark.parametrize(
    ("root_cause", "fault"),
    [
        ("platform", "platform"),
        ("insufficient_funds", "customer"),
        ("network_timeout", "provider"),
        ("stolen_or_lost_card", "fraudster"),
        ("payee_restricted", "unknown"),
        ("failures of gateway", "unknown"),
        (None, "unknown"),
    ],
)
def test_whose_fault_it_was_is_what_people_say_and_else_what_the_code_says(root_cause: str | None, fault: str) -> None:
    assert fault_of(about(root_cause=root_cause)) == fault
