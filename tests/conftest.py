"""What holds for every test: our helpers importable, no unexpected ERROR logged."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import providers

TESTS = Path(__file__).parent

# `from support.metrics import RecordingMetrics`: helpers are a package of tests/, never a conftest.
sys.path.insert(0, str(TESTS))
sys.path.insert(1, str(TESTS.parent))  # and `dashboards`, which is no part of the distribution

# A busy machine must not turn red what is right: speed is measured by benchmarks. Every run of one tree tries the same
# examples, so a red run is the change's own; `make explore` tries new ones. Explaining a failure traces every line, and
# before Python 3.12 that takes longer than a test may.
settings.register_profile(
    "paywarden",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
settings.register_profile("explore", settings.get_profile("paywarden"), derandomize=False, print_blob=True)
settings.load_profile("explore" if os.environ.get("PAYWARDEN_EXPLORE") else "paywarden")
if not os.environ.get("PAYWARDEN_EXPLORE"):
    # Hypothesis draws numbers and words from the source of the modules that happen to be imported, so what else runs
    # beside a test would choose its examples. It has no setting for that.
    providers._get_local_constants = lambda: providers._local_constants


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected files of golden tests")
    parser.addoption("--update-generated", action="store_true", help="rewrite generated documents and dashboards")


# They log what they are about to try again as an error: a coordinator that is not there yet, say.
CLIENTS = ("aiokafka", "kafka")


@pytest.hookimpl(trylast=True)  # after whoever shuffles
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What may take longest begins first: no process is idle at the end while another one has minutes to go.

    One process alone keeps the order of files, and what a file has opened is closed before the next one begins.
    """
    if hasattr(config, "workerinput"):  # one of several processes of xdist
        items.sort(key=_allowed_s, reverse=True)


def _allowed_s(item: pytest.Item) -> float:
    allowed = item.get_closest_marker("timeout")
    return float(allowed.args[0]) if allowed is not None else 0.0


@pytest.fixture(autouse=True)
def no_unexpected_errors_logged(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """An ERROR line means somebody must act. A test that provokes one says so with @pytest.mark.logs_errors."""
    yield
    if request.node.get_closest_marker("logs_errors"):
        return
    errors = [
        record.getMessage()
        for phase in ("setup", "call")
        for record in caplog.get_records(phase)  # type: ignore[arg-type]
        if record.levelno >= logging.ERROR and record.name.partition(".")[0] not in CLIENTS
    ]
    if errors:
        pytest.fail("logged as ERROR, and nobody expected it:\n" + "\n".join(errors), pytrace=False)
