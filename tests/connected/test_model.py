"""Do workers score through Kafka what a backtest scores, and how far off are they at full speed?"""

from __future__ import annotations

import random
import urllib.request
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from support.broker import ON_KAFKA
from support.chaos import Chaos
from support.models import small_model
from support.product import Product
from support.waiting import wait_until

from producers.sources import fdh
from streams.adapters.embedded_broker import free_port
from streams.cli.backtest import backtest
from streams.cli.replay import replay
from streams.contracts.topics import physical

DAY_S = 86_400
DAYS = 12
GIVEN = ("--format", "fdh", "--label-delay", "2d", "--label-release", "day-end")
SCORED = tuple[float, int | None]  # the score, and the age in seconds of the oldest entity risk that it knew


def payments_of(customers: int, path: Path) -> Path:
    """Twelve days in the handbook's format; a fifth of the terminals are compromised for eight of them."""
    chance = random.Random(3)
    drawn = []
    for customer in range(customers):
        mean, second = chance.uniform(10, 60), 0.0
        while (second := second + chance.expovariate(3.0) * DAY_S) < DAYS * DAY_S:
            terminal = chance.randrange(30)
            bad = terminal % 5 == 0 and 1 <= second / DAY_S < 9
            drawn.append((int(second), customer, terminal, max(100, int(chance.gauss(mean, mean / 3) * 100)), bad))
    rows = [
        fdh.Row(str(number), str(customer), str(terminal), amount, second, bad, int(bad) * 2)
        for number, (second, customer, terminal, amount, bad) in enumerate(sorted(drawn))
    ]
    fdh.write(path, rows)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models"), places=True)


@pytest.fixture
def serving(product: Product, model: Path) -> Iterator[Product]:
    """Two workers with the model and the longest deadline: being late is another test's question.

    On a busy machine a commit may miss its deadline; a supervisor starts the worker again.
    """
    ports = {worker: free_port() for worker in ("w1", "w2")}
    for worker, port in ports.items():
        product.start(worker, model_dir=str(model), model_deadline_ms="10000", web_port=str(port))
    with Chaos(product, Counter(), seed=0).raging():
        for port in ports.values():
            wait_until(partial(ready, port), "a worker is ready", within_s=120)
        yield product


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except OSError:  # not listening yet, or 503: not ready yet
        return False


def fed(product: Product, payments: Path, *more: str) -> None:
    """What `paywarden replay` writes of the file."""
    arguments = [str(payments), *GIVEN, "--bootstrap", product.cluster.bootstrap, "--prefix", product.prefix]
    result = CliRunner().invoke(replay, [*arguments, "--app-id", product.name, "--json", *more], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def scores(decisions: Iterator[dict[str, Any]]) -> dict[str, SCORED]:
    return {
        each["subject_id"]: (each["score"], each.get("completeness", {}).get("entity_risk_age_s"))
        for each in decisions
        if each["type"] == "decision.made.v1"
    }


def served(product: Product) -> dict[str, SCORED]:
    name = physical(product.prefix, "fraud.decisions")
    records = product.cluster.read(name, partitions=product.partitions)
    return scores(msgspec.json.decode(record.value or b"") for record in records)


def expected(payments: Path, model: Path, product: Product, out: Path) -> dict[str, SCORED]:
    arguments = [str(payments), *GIVEN, "--barrier", "1d", "--partitions", str(product.partitions), "--no-responder"]
    arguments += ["--policy", str(product.policy), "--model", str(model), "--out", str(out)]
    result = CliRunner().invoke(backtest, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return scores(map(msgspec.json.decode, (out / "decisions.jsonl").read_bytes().splitlines()))


@ON_KAFKA
@pytest.mark.timeout(900)
def test_with_barriers_workers_score_what_the_backtest_scores(serving: Product, model: Path, tmp_path: Path) -> None:
    payments = payments_of(60, tmp_path / "payments.csv")
    fed(serving, payments, "--barrier", "1d", "--barrier-timeout", "10m")
    wanted, found = expected(payments, model, serving, tmp_path / "out"), served(serving)
    assert found.keys() == wanted.keys()
    assert max(abs(found[each][0] - wanted[each][0]) for each in wanted) <= 1e-6
    assert {each: age for each, (_, age) in found.items()} == {each: age for each, (_, age) in wanted.items()}
    knew = [each for each, (_, age) in wanted.items() if age is not None]
    assert len(knew) > 100, "labels have made places risky"
    high = sum(score > 0.5 for score, _ in wanted.values())
    assert 0.02 < high / len(wanted) < 0.5, "the model tells payments apart, or equal scores prove nothing"


@ON_KAFKA
@pytest.mark.timeout(900)
@pytest.mark.parametrize("pace", [(), ("--speed", "43200")], ids=["full speed", "half a day per second"])
def test_without_barriers_what_differs_is_what_entity_risk_was_known(
    pace: tuple[str, ...], serving: Product, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody waits: risk comes when the second hop has told it. Every decision says how old what it used was."""
    payments = payments_of(300, tmp_path / "payments.csv")
    fed(serving, payments, "--settle", "1h", *pace)
    wanted = expected(payments, model, serving, tmp_path / "out")
    wait_until(lambda: len(served(serving)) >= len(wanted), "every payment is decided", within_s=600, every_s=2)
    found = served(serving)
    assert found.keys() == wanted.keys()
    apart = [abs(found[each][0] - wanted[each][0]) for each in wanted]
    ages = sorted(age for _, age in found.values() if age is not None)
    by_barrier = sorted(age for _, age in wanted.values() if age is not None)
    unlike = sum(each > 1e-6 for each in apart)
    told = (
        f"{' '.join(pace) or 'full speed'}: {len(wanted):,} payments, {unlike:,} scores differ "
        f"({unlike / len(wanted):.1%}), by {sum(apart) / len(apart):.4f} on average and {max(apart):.3f} at most; age "
        f"of entity risk: {len(ages):,} decisions, median {_hours(ages)} h, at most {_hours(ages[-1:])} h; "
        f"with barriers {len(by_barrier):,}, median {_hours(by_barrier)} h"
    )
    with capsys.disabled():
        print(f"\n{told}")
    same = [each for each in wanted if found[each][1] is None and wanted[each][1] is None]
    assert max(abs(found[each][0] - wanted[each][0]) for each in same) <= 1e-6, "without entity risk nothing differs"


def _hours(ages: list[int]) -> str:
    return f"{median(ages) / 3600:.1f}" if ages else "-"
