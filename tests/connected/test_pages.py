"""Do the pages of a worker say when it is ready, when it hangs, and what it counts?"""

from __future__ import annotations

import msgspec
from support.toy_bench import Bench
from support.waiting import wait_until


def test_ready_once_its_partitions_are_restored(bench: Bench) -> None:
    bench.create_topics()
    worker = bench.start(ready=False)
    status, body = wait_until(lambda: answered(worker.page("/readyz")), "a page", every_s=0.01)
    assert status == 503, "ready before anything was assigned"
    assert not msgspec.json.decode(body)["ready"]
    assert worker.page("/healthz")[0] == 200  # joining is not hanging
    worker.wait_until_ready()
    facts = msgspec.json.decode(worker.page("/readyz")[1])
    assert facts["toy"]["partitions"] == [0, 1, 2, 3]


def answered(page: tuple[int, bytes]) -> tuple[int, bytes] | None:
    return page if page[0] else None


def test_not_alive_when_input_waits_and_nothing_commits(bench: Bench) -> None:
    bench.create_topics()
    worker = bench.start(hold_s=8.0, stalled_s=1.0, partition_merge="live")
    assert worker.page("/healthz")[0] == 200
    bench.write_events(0, 100)
    wait_until(lambda: worker.page("/healthz")[0] == 503, "the commit that hangs is noticed")
    assert b"nothing was committed" in worker.page("/healthz")[1]
    wait_until(lambda: worker.page("/healthz")[0] == 200, "alive again after the commit")


def test_metrics_count_what_was_committed(bench: Bench) -> None:
    bench.create_topics()
    bench.write_events(0, 300)
    worker = bench.start()
    wait_until(lambda: bench.counted() == 300, "outputs")
    status, body = worker.page("/metrics")
    assert status == 200
    samples = dict(line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#"))
    events = sum(float(value) for name, value in samples.items() if name.startswith("paywarden_events_total"))
    assert events >= 300
    assert any(name.startswith("paywarden_commits_total") for name in samples)
    assert any(name.startswith("paywarden_commit_seconds_bucket") for name in samples)
    wait_until(lambda: b"paywarden_lag_records" in worker.page("/metrics")[1], "the lag gauge")
