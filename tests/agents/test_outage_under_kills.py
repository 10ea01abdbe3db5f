"""Is an outage the same single incident when the worker of the entities agent is killed again and again in it?"""

from __future__ import annotations

from collections import Counter
from random import Random

import msgspec
import pytest
from support.happenings import NOON
from support.scenes import enforcing

from streams.app import entities_logic
from streams.contracts.cases import CaseVersion
from streams.contracts.registry import encode
from streams.contracts.signals import ClockTold, HealthBucket, Trial
from streams.contracts.topics import SIGNALS
from streams.core.incidents.keys import Route, keys_of
from streams.runtime.logic import Record
from streams.runtime.options import PartitionOptions
from streams.runtime.partition import Partition

BUCKET_MS = 5_000
BEGINS, ENDS, LAST = 120, 150, 360  # buckets
CASES = "support.cases"


def signals() -> list[Record]:
    """Half an hour of four gateways and four issuers; one gateway fails for two and a half minutes."""
    rng, told = Random(3), []
    for number in range(LAST):
        counts: dict[str, list[int]] = {}
        for _ in range(24):
            gateway, issuer = rng.randrange(4), rng.randrange(4)
            down = gateway == 1 and BEGINS <= number < ENDS
            failed = rng.random() < (0.95 if down else 0.02)
            for key in keys_of(Route("card", f"g{gateway}", f"i{issuer}", None, None, None, None)):
                count = counts.setdefault(key, [0, 0, 0])
                count[0] += 1
                if failed:
                    count[1] += 1
                    count[2] |= 1 << rng.randrange(63)
        bucket_ms = NOON + number * BUCKET_MS
        trials = tuple(
            Trial(key=key, attempts=n, failures=f, users=n, failing=who) for key, (n, f, who) in counts.items()
        )
        end_ms = bucket_ms + BUCKET_MS
        told.append(
            HealthBucket(at_ms=end_ms - 1, partition=0, sequence=number + 1, bucket_ms=bucket_ms, trials=trials)
        )
        told.append(ClockTold(at_ms=end_ms, partition=0, sequence=0))
    return [Record(SIGNALS.name, 0, n, each.at_ms, b"health", encode(each)) for n, each in enumerate(told)]


def cases(chance: Random | None) -> tuple[list[CaseVersion], int]:
    """Every committed version of a case, and how often the worker died. Without `chance` it never does."""
    records, changelog = signals(), dict[bytes, bytes | None]()
    published: list[CaseVersion] = []
    deaths, read = 0, -1
    while read < len(records) - 1:
        engine = Partition(entities_logic(enforcing(), None), 0, 1, PartitionOptions())
        for key, raw in changelog.items():
            engine.restore(key, raw)
        engine.restored()
        at = engine.positions.get(SIGNALS.name, -1) + 1
        lives = len(records) if chance is None else chance.randint(1, 60)
        while at < len(records):
            fetch = 5 if chance is None else chance.randint(1, 9)
            engine.feed(SIGNALS.name, records[at : at + fetch])
            at, lives = min(at + fetch, len(records)), lives - fetch
            now_ms = records[at - 1].timestamp_ms + 1_000  # a worker keeps up
            engine.run(1_000, ends={}, now_ms=now_ms)
            engine.run(1_000, ends={}, now_ms=now_ms + 1_000)
            if lives < 0 and at < len(records):
                deaths += 1  # what is handled and not committed is lost
                break
            if (chance is None or chance.random() < 0.5 or at >= len(records)) and (
                group := engine.group(now_ms + 1_000)
            ):
                published += [
                    msgspec.json.decode(emit.value, type=CaseVersion)
                    for emit in group.emits
                    if emit.topic == CASES and emit.value is not None
                ]
                changelog.update(group.rows)
                engine.committed()
        read = at - 1
        if at < len(records):
            read = engine.positions.get(SIGNALS.name, -1)
    return published, deaths


@pytest.mark.parametrize("seed", range(4))
def test_an_outage_is_one_incident_however_often_its_worker_dies(seed: int) -> None:
    calm, _ = cases(None)
    assert {case.subject for case in calm} == {"gateway:g1"}
    assert [case.sub_status for case in calm if case.changed[0].startswith("state")] == ["recovering", "closed"]
    killed, deaths = cases(Random(seed))
    assert deaths > 5
    assert killed == calm
    assert max(Counter((case.case_id, case.version) for case in killed).values()) == 1
