"""Does the main job run on real input: days of card payments and a month of logins, equal to the backtest?

`PAYWARDEN_EVAL_DATA` names the folder with `fdh/` and `logins/`. Without it generated days in the same format are used,
and the run says so. PAYWARDEN_SOAK=1 takes the whole week of payments instead of its first three days.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from support.broker_client import Cluster
from support.chaos import Chaos
from support.product import Product, Records, backtest, difference, state_difference

from producers.durations import DAY_MS, parse_instant
from producers.feed import Outgoing
from producers.inputs import InputOptions, demo_logins, read_inputs
from producers.simulate.catalog import scenario
from producers.sources import fdh

DAYS = 7 if os.environ.get("PAYWARDEN_SOAK") else 3
BEGINS_MS = parse_instant("2018-07-25")
DATES = InputOptions(start_ms=BEGINS_MS, end_ms=BEGINS_MS + DAYS * DAY_MS)


def real_days(folder: Path) -> list[Outgoing]:
    """Days of transactions with the labels that fall into them, and a month of logins."""
    (transactions,) = sorted((folder / "fdh").glob("transactions-*.csv.xz"))
    payments = list(read_inputs([transactions], "fdh", DATES))
    logins = list(read_inputs([folder / "logins" / "ch_08_logs_log.csv"], "logins", InputOptions()))
    return payments + logins


def generated_days(folder: Path) -> list[Outgoing]:
    """The same formats from the seeded simulator, and the login logs that the product ships."""
    path = folder / "week.csv"
    fdh.write(path, scenario("population").rows(1, BEGINS_MS))
    payments = list(read_inputs([path], "fdh", DATES))
    logins = list(read_inputs([demo_logins()[0]], "logins", InputOptions()))
    return payments + logins


def decided(records: Records) -> int:
    return sum(bag.total() for (topic, _), bag in records.items() if topic == "fraud.decisions")


def cases(records: Records) -> Counter[str]:
    opened: Counter[str] = Counter()
    for (topic, _), bag in records.items():
        if topic == "support.cases":
            for _, value in bag:
                case = msgspec.json.decode(value or b"{}")
                opened[case["case_type"]] += case["version"] == 1
    return opened


def attempts(records: Iterable[Outgoing]) -> Counter[str]:
    """Events by topic; of unknown user names apart, because they are nobody's account and get no decision."""
    counted: Counter[str] = Counter()
    for record in records:
        counted[record.topic if not record.key.startswith(b"anonymous:") else "strangers"] += 1
    return counted


@pytest.mark.connected
@pytest.mark.parametrize("bootstrap", ["kafka"], indirect=True)
@pytest.mark.timeout(2_400)
def test_days_of_payments_and_a_month_of_logins(
    bootstrap: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = os.environ.get("PAYWARDEN_EVAL_DATA")
    records = real_days(Path(given)) if given else generated_days(tmp_path)
    product = Product(Cluster(bootstrap), tmp_path, f"e{uuid.uuid4().hex[:8]}")
    product.create_topics()
    try:
        product.start("w1")
        product.start("w2")
        # On a busy machine a commit may miss its deadline; a supervisor starts the worker again.
        with Chaos(product, Counter(), seed=0).raging():
            product.replay(records, deadline_s=1_200.0)
        found = product.published()
        wanted, states = backtest(records, product.partitions, product.policy)
        counted = attempts(records)
        with capsys.disabled():
            origin = "the data of PAYWARDEN_EVAL_DATA" if given else "GENERATED days"
            print(f"\nevaluation on {origin}: {dict(counted)}")
            print(f"  published: {dict(topics(found))}")
            print(f"  cases opened: {dict(cases(found))}")
        assert difference(wanted, found) == "", product.logs()
        assert state_difference(states["accounts"], product.states("accounts")) == ""
        assert state_difference(states["entities"], product.states("entities")) == ""
        assert decided(found) == counted["payments.transactions"] + counted["auth.logins"]
        assert counted["payments.transactions"] > DAYS * 7_000
        assert sum(cases(found).values()) > 0
        assert product.end() == [0, 0]
    finally:
        product.end()


def topics(records: Records) -> Counter[str]:
    counted: Counter[str] = Counter()
    for (topic, _), bag in records.items():
        counted[topic] += bag.total()
    return counted
