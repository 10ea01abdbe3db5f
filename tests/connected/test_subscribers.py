"""Does a subscriber's own table hold every case in its newest version, whatever was written before it came?"""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest
from support.broker_client import Line
from support.examples import java, load
from support.product import Product

from streams.contracts.topics import physical
from streams.runtime.options import RuntimeOptions
from streams.runtime.rebuild import members_of

subscriber = load("subscriber/cases.py")
SNAPSHOT, CASES = "support.cases.snapshot", "support.cases"


@pytest.fixture
def product(product: Product, bootstrap: str) -> Product:
    # A new cluster has no coordinator of groups until it has made the topic of their offsets.
    asyncio.run(members_of(RuntimeOptions(bootstrap=bootstrap, app_id=product.name)))
    return product


def case(case_id: str, version: int, **fields: str) -> bytes:
    return json.dumps(
        {"type": "case.version.v1", "case_id": case_id, "version": version, "queue": "security", **fields}
    ).encode()


def write(product: Product, topic: str, *records: tuple[str, bytes | None], ending: str = "") -> None:
    product.cluster.write(
        physical(product.prefix, topic),
        [Line(key.encode(), value, 1_764_547_200_000) for key, value in records],
        partitions=product.partitions,
        ending=ending,
    )


@pytest.mark.timeout(120)
def test_the_table_is_whole_and_follows(product: Product) -> None:
    write(product, SNAPSHOT, ("a", case("a", 1)), ("b", case("b", 1)), ("a", case("a", 2, status="resolved")))
    write(product, SNAPSHOT, ("b", None))
    write(product, SNAPSHOT, ("never", case("never", 1)), ending="abort")  # of a worker that died: it never was

    async def read() -> list[object]:
        cases, consumer = await subscriber.open_table(product.cluster.bootstrap, product.prefix)
        try:
            assert {key: (each["version"], each.get("status")) for key, each in cases.by_id.items()} == {
                "a": (2, "resolved")
            }
            later = [
                ("a", case("a", 2)),  # again
                ("a", case("a", 5)),  # three versions were missed: compaction took them
                ("a", case("a", 4)),  # an old one from elsewhere
                ("a", b'{"type":"case.version.v9","version":"of another shape"}'),
                ("a", None),
            ]
            await asyncio.to_thread(write, product, SNAPSHOT, *later)
            changes: list[object] = []
            async with asyncio.timeout(60.0):
                async for change in subscriber.follow(cases, consumer):
                    changes.append(tuple(change))
                    if len(changes) == 2:
                        break
            assert cases.by_id == {}
            return changes
        finally:
            await consumer.stop()

    assert asyncio.run(read()) == [("a", 5, "gap", 2), ("a", 0, "gone", 0)]


@pytest.mark.timeout(120)
def test_every_version_comes_once_it_was_handled(product: Product) -> None:
    """A subscriber that dies while it handles a record gets it again, and nothing that it had handled."""
    write(product, CASES, *(("a", case("a", version)) for version in range(1, 6)))

    async def read(most: int, *, dies: bool) -> list[int]:
        versions: list[int] = []
        async with asyncio.timeout(60.0):
            found = subscriber.every_version(product.cluster.bootstrap, f"subscriber.{product.name}", product.prefix)
            async for record in found:
                versions.append(json.loads(record.value)["version"])
                if len(versions) == most and dies:
                    break
                if versions[-1] == 5:
                    break
            await found.aclose()
        return versions

    assert asyncio.run(read(3, dies=True)) == [1, 2, 3]
    assert asyncio.run(read(9, dies=False)) == [3, 4, 5]


@pytest.mark.timeout(240)
def test_python_and_java_hold_the_same_table(product: Product) -> None:
    written = {}
    for number in range(40):
        case_id = f"case_{number}"
        versions = range(1, 2 + number % 4)
        write(product, SNAPSHOT, *((case_id, case(case_id, version)) for version in versions))
        written[case_id] = versions[-1]

    async def read() -> dict[str, int]:
        cases, consumer = await subscriber.open_table(product.cluster.bootstrap, product.prefix)
        await consumer.stop()
        return {key: each["version"] for key, each in cases.by_id.items()}

    assert asyncio.run(read()) == written
    lines = java("subscriber/Cases.java", product.cluster.bootstrap, product.prefix)
    assert {line["case_id"]: line["version"] for line in lines} == written


def test_the_order_of_records_does_not_matter() -> None:
    records = [(b"a", case("a", version, status=f"s{version}")) for version in (1, 2, 3)]
    for order in itertools.permutations(records):
        cases = subscriber.Cases()
        for key, value in order:
            cases.take(key, value)
        assert cases.by_id["a"]["status"] == "s3"
