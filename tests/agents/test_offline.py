"""Does a run over files go on behind an event on which the core raises, although it keeps no states to go back to?"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from support.tally import PARTITIONS, Ping, TallyLogic, key_in

from streams.agents.offline import OfflineRun, run_over
from streams.contracts.partitioning import partition_of
from streams.runtime.options import PartitionOptions

T0 = 1_700_000_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three pings of one key; the core raises on the second."""
    path = tmp_path / "pings.jsonl"
    key = key_in(0)
    pings = [Ping(key, f"e{at}", T0 + at, poison="decide" if at == 1 else "") for at in range(3)]
    path.write_bytes(b"\n".join(msgspec.json.encode(each) for each in pings))
    return path


def attempt(path: Path, options: PartitionOptions, attempts: list[bool]) -> list[str]:
    attempts.append(options.durable)
    topics: list[str] = []
    run = OfflineRun(
        TallyLogic(),
        TallyLogic(),
        PARTITIONS,
        lambda published: topics.append(published.emit.topic),
        options=options,
        partition_of_key=partition_of,
    )
    end = Ping(key_in(0), "", T0 + 10, watermark=True)
    for line in (*path.read_bytes().splitlines(), msgspec.json.encode(end)):
        run.write("pings", 0, key_in(0).encode(), line, T0)
    run.write("pongs", 0, key_in(0).encode(), msgspec.json.encode(end), T0)
    run.settle()
    return topics


def test_it_begins_again_with_a_way_back_and_only_the_poison_is_lost(file: Path):
    attempts: list[bool] = []
    assert run_over(lambda options: attempt(file, options, attempts)) == [
        "out",
        "paywarden.dead-letters",
        "out",
    ]
    assert attempts == [False, True]
