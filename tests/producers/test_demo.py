"""Is the demo's programme a function of its seed, in order of time, and valid?"""

from __future__ import annotations

from itertools import islice, takewhile

from producers import demo
from producers.simulate.stage import GOES_WELL
from streams.contracts.base import to_ms
from streams.contracts.payments import PaymentRequested
from streams.contracts.registry import Refusal, decode

ANCHOR_MS = 1_790_000_000_000
DAY_MS = 86_400_000


def first_minute(seed: int = 7, speed: float = 1.0) -> list[demo.Outgoing]:
    records = demo.live(demo.strangers(seed), seed, ANCHOR_MS, speed)
    return list(takewhile(lambda record: record.timestamp_ms < ANCHOR_MS + 60_000, records))


def test_the_same_seed_tells_the_same_and_another_one_something_else() -> None:
    assert first_minute() == first_minute()
    assert {record.key for record in first_minute(8) if b"takeover" in record.key}.isdisjoint(
        record.key for record in first_minute() if b"takeover" in record.key
    )


def test_what_happens_live_is_in_order_valid_and_never_before_it_begins() -> None:
    records = first_minute()
    times = [record.timestamp_ms for record in records]
    assert times == sorted(times)
    assert times[0] >= ANCHOR_MS
    assert not [record for record in records if isinstance(decode(record.topic, record.value), Refusal)]
    # Never ahead of the record: a worker refuses events from the future.
    assert not [
        record for record in records if to_ms(decode(record.topic, record.value).occurred_at) > record.timestamp_ms
    ]


def test_history_ends_before_today_and_concerns_the_people_of_the_stories() -> None:
    past = list(demo.history(7, ANCHOR_MS))
    times = [record.timestamp_ms for record in past]
    assert times == sorted(times)
    assert times[-1] < ANCHOR_MS // DAY_MS * DAY_MS
    known = {record.key for record in past}
    takeover = {record.key for record in first_minute() if record.key.startswith(b"account-takeover")}
    assert takeover <= known


def test_no_event_id_is_told_twice() -> None:
    ids = [decode(record.topic, record.value).event_id for record in [*demo.history(7, ANCHOR_MS), *first_minute()]]
    assert len(ids) == len(set(ids))


def test_every_story_begins_when_the_playbill_says() -> None:
    records = first_minute()
    for act, scene in zip(demo.PROGRAMME, demo.scenes(ANCHOR_MS), strict=False):
        if scene.begins_ms < ANCHOR_MS + 55_000:
            tag = act.scenario.replace("_", "-").encode()
            first = next(record for record in records if tag in record.value)
            assert scene.begins_ms <= first.timestamp_ms < scene.begins_ms + 1_000


def test_twice_as_fast_is_twice_as_early() -> None:
    slow, fast = (list(islice(demo.scenes(ANCHOR_MS, speed), 12)) for speed in (1.0, 2.0))
    assert [(scene.begins_ms - ANCHOR_MS) // 2 for scene in slow] == [scene.begins_ms - ANCHOR_MS for scene in fast]


def test_later_rounds_play_only_what_needs_no_history() -> None:
    titles = [scene.title for scene in islice(demo.scenes(ANCHOR_MS), 60)]
    assert titles.count("Account takeover with cash-out") == demo.ROUNDS_WITH_HISTORY
    assert titles.count("Password spray from one address") > demo.ROUNDS_WITH_HISTORY


def test_a_payment_that_is_held_waits_for_an_answer() -> None:
    """Nobody carries it out or debits it meanwhile, so that somebody at the console can let it go or block it."""
    end_ms = ANCHOR_MS + 50_000
    records = list(takewhile(lambda record: record.timestamp_ms < end_ms, demo.live(demo.strangers(7), 7, ANCHOR_MS)))
    told = [decode(record.topic, record.value) for record in records if GOES_WELL.encode() in record.value]
    assert [type(event) for event in told] == [PaymentRequested]
