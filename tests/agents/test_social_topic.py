"""Are public posts of accounts on every partition one case, each counted once, in whatever order they come?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from support.entities import START_MS
from support.scenes import Scene, enforcing

from producers.feed import outgoing
from streams.contracts.accounts import SocialMention
from streams.contracts.base import Event, from_ms
from streams.contracts.cases import CaseVersion
from streams.contracts.partitioning import partition_of

MINUTE_MS = 60_000
DAY_MS = 86_400_000
PARTITIONS = 3


def post(author: str, at_ms: int, **fields: object) -> SocialMention:
    about = {"channel": "social", "reach": 100, "text": "I was charged twice", "language": "en"}
    return msgspec.convert(
        {
            "type": "social.mention.v1",
            "event_id": f"{author}-{at_ms}",
            "source": "test",
            "occurred_at": from_ms(START_MS + at_ms),
            "account_id": author,
        }
        | about
        | fields,
        SocialMention,
    )


def played(events: Sequence[Event], settle_ms: int = 0) -> list[CaseVersion]:
    scene = Scene(enforcing(), partitions=PARTITIONS, step_ms=10 * MINUTE_MS, responder=False)
    scene.play((outgoing("support.requests", event) for event in events), settle_ms)
    return [each for each in scene.told() if isinstance(each, CaseVersion)]


def of_topic(versions: list[CaseVersion]) -> list[CaseVersion]:
    return [each for each in versions if each.owner == "entity" and each.flow == "F43"]


CROWD = [post(f"a{number}", number * MINUTE_MS) for number in range(14)]


def test_posts_of_accounts_everywhere_are_one_case() -> None:
    assert len({partition_of(each.account_id.encode(), PARTITIONS) for each in CROWD}) == PARTITIONS
    *_, closed = told = of_topic(played(CROWD, 2 * DAY_MS))
    assert len({each.case_id for each in told}) == 1
    assert (told[0].subject, told[0].counters["posts"]) == ("topic/duplicate_charge", 10)
    assert (closed.status, closed.counters) == ("closed", {"posts": 14, "reach": 1_400, "authors": 14})


def test_an_event_that_comes_twice_is_one_post() -> None:
    twice = [each for event in CROWD[:9] for each in (event, event)]
    assert of_topic(played(twice, DAY_MS)) == []
    assert of_topic(played([*CROWD, *CROWD[:5]], 2 * DAY_MS))[-1].counters["posts"] == 14


def test_posts_out_of_order_within_the_bound_count_as_those_in_order() -> None:
    swapped = [each for pair in zip(CROWD[1::2], CROWD[::2], strict=True) for each in pair]
    assert of_topic(played(swapped, 2 * DAY_MS))[-1].counters == of_topic(played(CROWD, 2 * DAY_MS))[-1].counters


def test_posts_of_yesterday_that_are_heard_today_are_no_crowd() -> None:
    today = [post(f"a{number}", DAY_MS) for number in range(14)]  # brings every partition's clock to today
    nothing = [msgspec.structs.replace(each, text=None) for each in today]
    yesterday = [msgspec.structs.replace(each, event_id=f"late-{each.event_id}") for each in CROWD]
    assert of_topic(played([*nothing, *yesterday], 2 * DAY_MS)) == []


def test_posts_of_people_who_are_no_customers_count_as_well() -> None:
    strangers = [
        post(f"anonymous:{number}", number * MINUTE_MS, known=False, account_id=f"anonymous:{number:032x}")
        for number in range(10)
    ]
    (opened,) = of_topic(played(strangers))
    assert opened.counters["authors"] == 10


@pytest.mark.parametrize("text", ["the best app ever, thanks", "qwxz vbnk", None])
def test_posts_of_which_nobody_knows_what_they_tell_have_no_topic(text: str | None) -> None:
    assert of_topic(played([msgspec.structs.replace(each, text=text) for each in CROWD])) == []


def test_the_case_of_a_single_post_and_that_of_its_topic_name_each_other() -> None:
    loud = post("loud", 30 * MINUTE_MS, reach=30_000)
    versions = played([*CROWD, loud])
    topic = of_topic(versions)[-1]
    single = next(each for each in versions if each.subject == "account/loud")
    assert single.incident_id == topic.case_id
    assert single.case_id in {line.event_id for line in topic.evidence if line.kind == "linked"}


def test_posts_that_name_a_merchant_and_those_that_name_none_are_each_in_one_case() -> None:
    mixed = [post(f"a{n}", n * MINUTE_MS, **({"merchant_id": "shop-1"} if n % 2 else {})) for n in range(30)]
    told = of_topic(played(mixed, 2 * DAY_MS))
    assert {each.subject for each in told} == {"topic/duplicate_charge"}
    assert told[-1].counters == {"posts": 30, "reach": 3_000, "authors": 30}


def test_a_merchant_whom_a_crowd_names_has_a_case_of_its_own_also_beside_others() -> None:
    of_shop = [post(f"s{n}", n * MINUTE_MS, merchant_id="shop-1") for n in range(20)]
    others = [post(f"a{n}", (30 + n) * MINUTE_MS) for n in range(12)]
    told = of_topic(played([*of_shop, *others], 2 * DAY_MS))
    posts = {each.subject: each.counters["posts"] for each in told}
    assert posts == {"topic/duplicate_charge/shop-1": 20, "topic/duplicate_charge": 12}


def test_strangers_who_name_a_merchant_are_each_in_one_case() -> None:
    mixed = [
        post(f"x{n}", n * MINUTE_MS, known=False, account_id=f"anonymous:{n:032x}",
             **({"merchant_id": "shop-1"} if n % 2 else {}))
        for n in range(30)
    ]  # fmt: skip
    told = of_topic(played(mixed, 2 * DAY_MS))
    assert {each.subject for each in told} == {"topic/duplicate_charge"}
    assert told[-1].counters["posts"] == 30
