"""Does an ingest write every record exactly once through kill -9, and lose none of what cannot be mapped?"""

from __future__ import annotations

import json
import signal
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.broker import ON_KAFKA
from support.broker_client import Cluster
from support.foreign import GOLDEN, Registry
from support.foreign_traffic import PLAYED, damaged, traffic
from support.ingesting import Deployment, Events
from support.waiting import wait_until

from streams.contracts.topics import FOREIGN

MakeDeployment = Callable[..., Deployment]
PAYMENTS = ("payments.transactions",)
BOTH = ("payments.transactions", "ledger.entries")


@pytest.fixture
def make_deployment(bootstrap: str, tmp_path: Path) -> Iterator[MakeDeployment]:
    made: list[Deployment] = []

    def make(shape: str, **options: int) -> Deployment:
        folder = tmp_path / f"d{len(made)}"
        folder.mkdir()
        deployment = Deployment(Cluster(bootstrap), folder, f"i{uuid.uuid4().hex[:8]}", shape, **options)
        deployment.create_topics()
        made.append(deployment)
        return deployment

    yield make
    for deployment in made:
        deployment.end()


@pytest.mark.timeout(600)
def test_exactly_once_through_kills(make_deployment: MakeDeployment) -> None:
    deployment, records = make_deployment("stripe"), traffic("stripe", 4_000)
    wanted, _ = deployment.expected(records)
    assert wanted.total() == 4_000

    def transaction_is_open() -> bool:
        return deployment.written(PAYMENTS, committed=False).total() > deployment.written(PAYMENTS).total()

    deployment.start(PAYWARDEN_HOLD_MS="2000")
    for start, hold_ms in ((0, "2000"), (1_000, "2000"), (2_000, "0")):
        deployment.write(records[start : start + 1_000])
        wait_until(transaction_is_open, "a transaction to be open", 120, 0.0)
        deployment.strike(PAYWARDEN_HOLD_MS=hold_ms)
    deployment.write(records[3_000:])
    wait_until(lambda: deployment.written(PAYMENTS).total() >= 4_000, "everything to be written", 240)
    assert deployment.stop() == [0]
    assert deployment.written(PAYMENTS, committed=False).total() > 4_000, "no kill landed inside a transaction"
    assert deployment.written(PAYMENTS) == wanted
    assert deployment.dead_letters() == []


@ON_KAFKA
@pytest.mark.timeout(600)
def test_five_foreign_feeds_become_events(make_deployment: MakeDeployment) -> None:
    """One process each, all on one set of canonical topics; two of them are killed in the middle."""
    with Registry(GOLDEN / "avro") as registry:
        first = make_deployment(PLAYED[0])
        feeds = [first, *(first.beside(shape) for shape in PLAYED[1:])]
        wanted = Events()
        for feed in feeds:
            feed.start(PAYWARDEN_SCHEMA_REGISTRY_URL=registry.url)
        for feed in feeds:
            records = traffic(feed.shape.name, 400)
            wanted += feed.expected(records)[0]
            feed.write(records)
        try:
            wait_until(lambda: first.written(BOTH).total() > 0, "some writing", 240)
            for feed in feeds[:2]:
                feed.strike(PAYWARDEN_SCHEMA_REGISTRY_URL=registry.url)
            wait_until(lambda: first.written(BOTH).total() >= 2_000, "everything to be written", 240)
            assert first.written(BOTH) == wanted
            assert first.dead_letters() == []
            ended = [feed.stop() for feed in feeds]
            assert ended[2:] == [[0]] * 3
            # The two that were started again may be told to stop before they have come far enough to say how they end.
            assert all(code in (0, -signal.SIGTERM) for codes in ended[:2] for code in codes)
        finally:
            for feed in feeds:
                feed.end()


@ON_KAFKA
@pytest.mark.timeout(600)
def test_a_thousand_that_cannot_be_mapped_are_all_among_the_dead_letters(make_deployment: MakeDeployment) -> None:
    deployment = make_deployment("stripe")
    good, bad = traffic("stripe", 5_000), list(damaged("stripe", 1_000))
    records = [bad[number // 6] if number % 6 == 0 else good[number - number // 6 - 1] for number in range(6_000)]
    wanted, refused = deployment.expected(records)
    assert refused.total() == 1_000
    deployment.write(records)
    deployment.start(PAYWARDEN_DEAD_LETTER_SHARE="0.5")
    wait_until(lambda: len(deployment.dead_letters()) >= 1_000, "everything to be written", 240)
    wait_until(lambda: deployment.written(PAYMENTS).total() >= wanted.total(), "everything to be written", 240)
    deployment.strike(PAYWARDEN_DEAD_LETTER_SHARE="0.5")
    later = traffic("stripe", 5_010)[5_000:]
    deployment.write(later)
    wanted += deployment.expected(later)[0]
    wait_until(lambda: deployment.written(PAYMENTS).total() >= wanted.total(), "the heir to go on", 240)
    assert deployment.written(PAYMENTS) == wanted
    letters = deployment.dead_letters()
    assert Counter(each["size"] for each in letters) == Counter(len(value) for value in refused.elements())
    assert len({(each["partition"], each["offset"]) for each in letters}) == len(letters), "each of them once"
    assert {each["topic"] for each in letters} == {FOREIGN + deployment.topic}
    assert any("amount_minor" in str(each["detail"]) for each in letters)
    assert deployment.stop() == [0]


@ON_KAFKA
@pytest.mark.timeout(600)
def test_two_deployments_on_one_broker_do_not_touch_one_another(make_deployment: MakeDeployment) -> None:
    one, two = make_deployment("stripe"), make_deployment("stripe", partitions=2)
    mine, theirs = traffic("stripe", 600), traffic("stripe", 900)[600:]
    one.write(mine)
    two.write(theirs)
    one.start()
    two.start()
    for deployment, records in ((one, mine), (two, theirs)):
        wanted, _ = deployment.expected(records)
        wait_until(
            lambda: deployment.written(PAYMENTS).total() >= len(records),  # noqa: B023
            "everything to be written",
            240,
        )
        assert deployment.written(PAYMENTS) == wanted
    groups = [group for each in (one, two) for group in each.cluster.group_offsets(f"{each.name}.ingest.stripe")]
    assert {topic for topic, _ in groups} <= {one.topic, two.topic}
    assert one.stop() == two.stop() == [0]


@ON_KAFKA
@pytest.mark.timeout(600)
def test_dead_letters_are_mapped_again_after_the_file_is_mended(make_deployment: MakeDeployment) -> None:
    deployment = make_deployment("stripe")
    good, records = deployment.file.read_text(), traffic("stripe", 60)
    deployment.write([*records, *damaged("stripe", 4)])
    deployment.file.write_text(good.replace('"payment_intent.created" = "payment.requested.v1"', ""))
    deployment.start(PAYWARDEN_DEAD_LETTER_SHARE="1")
    wait_until(lambda: len(deployment.dead_letters()) == 64, "the letters", 240)
    assert deployment.stop() == [0]
    assert "64 skipped: it is a foreign record" in deployment.command("dead-letters", "replay")
    deployment.file.write_text(good)
    assert "60 records written, 4 skipped" in deployment.command("ingest", "refeed", str(deployment.file))
    assert deployment.written(PAYMENTS) == deployment.expected(records)[0]
    letters = len(deployment.dead_letters())
    assert 64 <= letters <= 68  # of the four that still cannot be mapped those stay that no mended record comes after
    for _ in range(2):  # asking in vain adds nothing
        said = deployment.command("ingest", "refeed", str(deployment.file))
        assert "0 records written" in said
        assert "4 skipped: it still cannot be mapped" in said
    assert len(deployment.dead_letters()) == letters
    assert deployment.written(PAYMENTS) == deployment.expected(records)[0]


@ON_KAFKA
@pytest.mark.timeout(300)
def test_check_shows_before_and_after(make_deployment: MakeDeployment) -> None:
    deployment = make_deployment("stripe")
    deployment.write([*traffic("stripe", 30), *damaged("stripe", 3)])
    lines = deployment.command(
        "ingest", "check", str(deployment.file), "--sample", "100", "--json", code=78
    ).splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 33
    assert sum(1 for row in rows if row["events"]) == 30
    assert sum(1 for row in rows if row["refused"]) == 3
    shown = deployment.command("ingest", "check", str(deployment.file), "--sample", "5", code=78)
    assert "amount_minor" in shown
    assert "dead letters" in shown


@pytest.mark.timeout(300)
def test_an_ingest_without_its_topics_says_what_to_do(make_deployment: MakeDeployment) -> None:
    deployment = make_deployment("stripe")
    deployment.environment["PAYWARDEN_TOPIC_PREFIX"] = "nowhere."
    said = deployment.command("ingest", "run", str(deployment.file), code=78)
    assert "paywarden topics create --ingest FILE" in said
    assert "worker" not in said.splitlines()[-1]
