"""Does a worker that its group never takes in say so, instead of looking alive and reading nothing?"""

from __future__ import annotations

from support.toy_bench import Bench


def test_a_worker_that_waits_for_a_dead_member_too_long_ends_and_says_why(bench: Bench) -> None:
    bench.create_topics()
    bench.start("dead", static=False, member_timeout_s=60.0).kill()  # the group waits for it so long
    waiting = bench.start("waiting", static=False, ready=False, join_s=2.0)
    assert waiting.wait_for_exit(120) == 70, waiting.said()[-3000:]
    assert "has not taken this worker in within 2 s, so it reads nothing" in waiting.said().splitlines()[-1]
