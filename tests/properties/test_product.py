"""What holds for the whole accounts agent, whatever comes in and however it is cut, doubled, flooded or damaged?

PAYWARDEN_SOAK=1 runs the floods at full length: a million events instead of some ten thousand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from functools import cache
from itertools import pairwise
from random import Random
from time import process_time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.engines import STRICT, placed, run
from support.events import any_of
from support.malformed import malformed
from support.scenes import Scene, enforcing

from producers.feed import Barrier as StepEnd
from producers.feed import Outgoing, expand, stepped
from producers.simulate.catalog import scenario
from streams.app import accounts_logic, entities_logic
from streams.contracts import accounts, logins, payments
from streams.contracts.base import Event, Watermark, from_ms
from streams.contracts.partitioning import partition_of
from streams.contracts.registry import encode
from streams.contracts.signals import ClockTold, EntityObserved
from streams.contracts.topics import MERGED, SIGNALS
from streams.core.obligations import WORST_BYTES
from streams.runtime.logic import Record
from streams.runtime.options import PartitionOptions
from streams.runtime.partition import Partition

SOAK = bool(os.environ.get("PAYWARDEN_SOAK"))
NOON = 1_775_044_800_000
HOUR, DAY = 3_600_000, 86_400_000
KINDS = sorted(
    ((topic.name, kind) for topic in MERGED for kind in topic.types if kind is not Watermark),
    key=lambda entry: (entry[0], entry[1].__name__),
)
CURRENCIES = st.sampled_from(["CNY", "EUR", "JPY", "KWD", "XXX", "ZZZ"])


@cache
def happening(topic: str, kind: type[Event]) -> st.SearchStrategy[Outgoing]:
    """Any valid event of the kind, but of few accounts, payments and hours, so that events meet each other."""
    fields = set(kind.__struct_fields__)

    def closer(event: Any, account: str, number: int, at_ms: int, behind_ms: int, payment: str, money: str) -> Outgoing:
        changes: dict[str, Any] = {
            "account_id": account,
            "known": True,
            "event_id": f"e{number}",
            "occurred_at": from_ms(NOON + at_ms - behind_ms),
        }
        changes |= {name: payment for name in ("payment_id", "subject_id") if name in fields}
        changes |= {"currency": money} if "currency" in fields else {}
        event = msgspec.structs.replace(event, **changes)
        return Outgoing(topic, account.encode(), encode(event), NOON + at_ms)

    return st.builds(
        closer,
        any_of(kind),
        st.sampled_from(["ada", "bob", "eve", "张三"]),
        st.integers(0, 10**6),
        st.integers(0, 5 * HOUR),
        st.sampled_from([0, 0, 0, 30_000, 10 * 60_000, HOUR, 9 * DAY]),  # on time, a little late, far too late
        st.sampled_from(["p1", "p2", "p3"]),
        CURRENCIES,
    )


SOUP = st.lists(st.sampled_from(KINDS).flatmap(lambda entry: happening(*entry)), max_size=30)
CUTS = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(SOUP, st.integers(1, 3), CUTS)
def test_cutting_the_stream_differently_changes_nothing(soup: list[Outgoing], partitions: int, cuts: list[int]) -> None:
    parts = placed(soup, partitions, NOON + 2 * DAY)
    whole, cut = run(enforcing(), parts), run(enforcing(), parts, cuts)
    assert sorted(cut.published, key=repr) == sorted(whole.published, key=repr)
    assert cut.states == whole.states
    assert not any(topic == "paywarden.dead-letters" for topic, *_ in whole.published)


def test_the_event_that_wakes_a_timer_counts_as_heard_wherever_the_cut_is() -> None:
    def of(seconds: int, event: Event) -> Outgoing:
        at = from_ms(NOON + seconds * 1_000)
        event = msgspec.structs.replace(event, occurred_at=at, account_id="ada", event_id=f"e{seconds}")
        return Outgoing("payments.transactions", b"ada", encode(event), NOON + seconds * 1_000)

    envelope: dict[str, Any] = {"event_id": "", "source": "t", "occurred_at": from_ms(NOON), "account_id": ""}
    promised = payments.RefundPromised(
        **envelope,
        payment_id="p1",
        refund_id="r1",
        amount_minor=9_900,
        currency="CNY",
        promised_by=from_ms(NOON + 630_000),
    )
    topup = payments.TopupCredited(**envelope, payment_id="p2", amount_minor=100, currency="CNY")
    parts = placed([of(0, topup), of(1, promised), of(200, topup)], 1, NOON + 2 * DAY)
    whole, cut = run(enforcing(), parts), run(enforcing(), parts, [1])
    reminded = [
        json.loads(value)["occurred_at"]
        for topic, _, _, value, _ in whole.published
        if value and b"refund_dispute.waits" in value
    ]
    assert cut.published == whole.published
    assert reminded


@settings(max_examples=60, deadline=None)
@given(SOUP, st.integers(1, 3))
def test_every_event_twice_is_every_event_once(soup: list[Outgoing], partitions: int) -> None:
    once = run(enforcing(), placed(soup, partitions, NOON + 2 * DAY))
    twice = run(enforcing(), placed([each for each in soup for _ in "ab"], partitions, NOON + 2 * DAY))
    assert twice.published == once.published
    assert twice.states == once.states


def test_another_process_with_another_hash_seed_gives_the_same_bytes() -> None:
    program = (
        "from support.engines import placed, run; from support.scenes import enforcing;"
        "from producers.simulate.catalog import scenario;"
        "feed = list(scenario('account_takeover').records(3, None, {'days': 2, 'customers': 20}));"
        "print(run(enforcing(), placed(feed, 2, feed[-1].timestamp_ms + 10**7)).digest)"
    )
    digests = set()
    for seed in ("0", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.path.dirname(os.path.dirname(__file__))}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout.strip())
    assert len(digests) == 1


def hostile(number: int, draw: Random) -> tuple[str, Event]:
    """An event of one account that wants to be remembered: everything new, ids as long as they may be."""
    at_ms = NOON + number * 900
    long = f"{number:08d}".ljust(128, "x")
    envelope: dict[str, Any] = {"event_id": long, "source": "s", "occurred_at": from_ms(at_ms), "account_id": "a" * 128}
    ip = f"2001:db8::{draw.getrandbits(16):x}:{draw.getrandbits(16):x}"
    money: dict[str, Any] = {
        "payment_id": long,
        "amount_minor": draw.randrange(10**12),
        "currency": draw.choice(["CNY", "EUR", "JPY", "ZZZ"]),
        "merchant_id": long,
        "terminal_id": long,
        "counterparty_id": long,
        "order_id": long,
        "device_id": long,
        "card_token": long,
        "ip": ip,
        "country": draw.choice(["DE", "CN", "BR", "AU", "US", "FR", "IN", "JP", "KE"]),
    }
    door: dict[str, Any] = {"ip": ip, "device_id": long, "user_agent": long, "asn": draw.getrandbits(20)}
    place = {"latitude": draw.uniform(-90, 90), "longitude": draw.uniform(-180, 180)}
    match draw.randrange(12):
        case 0 | 1:
            return "payments.transactions", payments.PaymentRequested(**envelope, **money, **place)
        case 2:
            return "payments.transactions", payments.PaymentFailed(
                **envelope, **money, codes=(payments.Code(source="x" * 64, code="y" * 64),) * 3
            )
        case 3:
            return "payments.transactions", payments.TransferRequested(**envelope, **money)
        case 4:
            return "payments.transactions", payments.TopupCredited(**envelope, **money)
        case 5:
            return "ledger.entries", accounts.LedgerPosted(
                **envelope, entry_id=long, direction="debit", amount_minor=5, currency="CNY", payment_id=long
            )
        case 6 | 7:
            return "auth.logins", logins.LoginFailed(**envelope, **door, **place)
        case 8:
            return "auth.logins", logins.LoginSucceeded(**envelope, **door, **place)
        case 9:
            return "auth.logins", logins.CredentialChanged(**envelope, **door)
        case 10:
            return "support.requests", accounts.UserReport(
                **envelope, channel="c" * 64, kind=draw.choice(["unauthorised", "wrong_transfer"]), payment_id=long
            )
        case _:
            return "risk.labels", accounts.LabelRecorded(
                **envelope,
                subject_id=long,
                verdict="fraud",
                label_source="s",
                subject_occurred_at=from_ms(at_ms - 8 * DAY),
                terminal_id=long,
                merchant_id=long,
            )


@pytest.mark.timeout(3_600 if SOAK else 300)
def test_one_account_under_hostile_events_stays_small_and_does_not_slow_down() -> None:
    """An account that is full costs the same however long it has been attacked."""
    number_of_events = 1_000_000 if SOAK else 25_000
    draw = Random(5)
    logic = accounts_logic(enforcing())
    engine = Partition(logic, 0, 1, STRICT)
    engine.restored()
    offsets: Counter[str] = Counter()
    largest, seconds = 0, []
    chunk = -(-number_of_events // 12)
    for start in range(0, number_of_events, chunk):
        records: dict[str, list[Record]] = {topic.name: [] for topic in MERGED}
        for number in range(start, start + chunk):
            topic, event = hostile(number, draw)
            value = encode(event)
            records[topic].append(Record(topic, 0, offsets[topic], NOON + number * 900, b"a" * 128, value))
            offsets[topic] += 1
        end_ms = NOON + (start + chunk) * 900
        mark = encode(Watermark(event_id=f"w{start}", source="t", occurred_at=from_ms(end_ms), account_id="w"))
        for topic, some in records.items():
            some.append(Record(topic, 0, offsets[topic], end_ms, None, mark))
            offsets[topic] += 1
            engine.feed(topic, some)
        began = process_time()
        while engine.run(200, ends={}, now_ms=0):
            group = engine.group(0)
            if group is not None:
                assert not [emit for emit in group.emits if emit.topic == "paywarden.dead-letters"]
                engine.committed()
            largest = max(largest, len(logic.dump(engine.states.peek(b"a" * 128))))
        seconds.append(process_time() - began)
    assert largest <= WORST_BYTES
    # Two thirds of the account's life against the third before it: full is full. Noise of a busy machine is allowed.
    assert min(seconds[8:]) <= 2.0 * min(seconds[4:8])


@pytest.mark.timeout(3_600 if SOAK else 300)
def test_a_flood_of_random_addresses_is_forgotten_with_tombstones() -> None:
    number_of_addresses = 1_000_000 if SOAK else 100_000
    per_second = 30
    draw = Random(6)
    engine = Partition(entities_logic(enforcing(), None), 0, 1, PartitionOptions(merge="strict", clock="replay"))
    engine.restored()
    most = stored = tombstones = offset = 0
    for start in range(0, number_of_addresses, 4_000):
        records = []
        for number in range(start, start + 4_000):
            at_ms = NOON + number * 1000 // per_second
            ip = f"2001:db8:{draw.getrandbits(16):x}:{draw.getrandbits(16):x}::{draw.getrandbits(16):x}"
            signal = EntityObserved(
                at_ms=at_ms,
                partition=0,
                sequence=number + 1,
                kind="ip",
                value=ip,
                event_id=f"e{number}",
                account_id="anonymous:x",
                what="login_failed",
                known=False,
                username=f"n{number}",
            )
            records.append(Record(SIGNALS.name, 0, offset, at_ms, ip.encode(), encode(signal)))
            offset += 1
        told = encode(ClockTold(at_ms=at_ms, partition=0, sequence=0))
        records.append(Record(SIGNALS.name, 0, offset, at_ms, b"", told))
        offset += 1
        engine.feed(SIGNALS.name, records)
        while engine.run(1_000, ends={}, now_ms=at_ms):
            group = engine.group(at_ms)
            if group is not None:
                tombstones += sum(value is None for _, value in group.rows)
                engine.committed()
        most = max(most, len(engine.states))
        stored = max(stored, sum(len(raw) for _, raw in engine.states.encoded()))
    alive = 1_800 * per_second  # half an hour of them
    assert most <= 1.2 * alive
    assert stored <= 1.2 * alive * 256
    assert tombstones >= number_of_addresses - 1.2 * alive


def test_damaged_records_change_nothing_about_good_ones() -> None:
    """A thousand of them among twenty thousand: every good event decided as without them, every bad one set aside."""
    feed = list(scenario("normal_day").records(11, None, {"customers": 500, "days": 6}))
    assert len(feed) >= 20_000
    bad = list(malformed(3, 1_000, at_ms=feed[len(feed) // 2].timestamp_ms))
    draw = Random(8)
    spots = Counter(draw.randrange(len(feed) // 2, len(feed)) for _ in bad)
    clean = Scene(responder=False).play(feed)
    mixed = Scene(responder=False)
    offsets: Counter[tuple[str, int]] = Counter()
    expected: dict[tuple[str, int, int], frozenset[str]] = {}
    waiting, number = list(reversed(bad)), -1
    for item in expand(stepped(feed, mixed.step_ms), mixed.partitions):
        if isinstance(item, StepEnd):
            mixed.run.settle()
            continue
        if item.key != b"watermark":
            number += 1
            for _ in range(spots[number]):
                each = waiting.pop()
                place = 0 if each.key is None else partition_of(each.key, mixed.partitions)
                expected[each.topic, place, offsets[each.topic, place]] = each.reasons
                offsets[each.topic, place] += 1
                mixed.run.write(each.topic, place, each.key, each.value, item.timestamp_ms)
        offsets[item.topic, item.partition] += 1
        mixed.run.write(item.topic, item.partition, item.key, item.value, item.timestamp_ms)
    mixed.run.settle()
    assert mixed.decisions == clean.decisions
    assert len(clean.decisions) > 2_000
    letters = {(each["topic"], each["partition"], each["offset"]): each["reason"] for each in mixed.dead_letters}
    assert letters.keys() == expected.keys()
    assert [spot for spot, reason in letters.items() if reason not in expected[spot]] == []


def live(names: tuple[str, ...], feeds: frozenset[str], age_ms: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """What a live worker with only these feeds publishes about these scenarios, `age_ms` after they happened."""
    options = PartitionOptions(merge="live", clock="live")
    engine = Partition(accounts_logic(enforcing()), 0, 1, options)
    engine.restored()
    published: list[tuple[str, dict[str, Any]]] = []
    ends = {topic.name: True for topic in MERGED} | {"paywarden.entity-risk": True}
    records = sorted(
        (each for name in names for each in scenario(name).records(7, None, {"days": 4})),
        key=lambda each: each.timestamp_ms,
    )
    offsets: Counter[str] = Counter()

    def commit(now_ms: int) -> None:
        group = engine.group(now_ms)
        if group is not None:
            published.extend(
                (emit.topic, json.loads(emit.value)) for emit in group.emits if emit.value and emit.key is not None
            )
            engine.committed()

    for each, following in pairwise([*records, records[-1]]):
        if each.topic in feeds:
            engine.feed(
                each.topic, [Record(each.topic, 0, offsets[each.topic], each.timestamp_ms, each.key, each.value)]
            )
            offsets[each.topic] += 1
            engine.run(10, ends=ends, now_ms=each.timestamp_ms + age_ms)
        if following.timestamp_ms > each.timestamp_ms + 60_000:
            commit(each.timestamp_ms + age_ms)
    end_ms = records[-1].timestamp_ms + age_ms
    for minutes in range(1, 200, 5):
        engine.run(10, ends=ends, now_ms=end_ms + minutes * 60_000)
        engine.tick(end_ms + minutes * 60_000)
        commit(end_ms + minutes * 60_000)
    return published


REQUIRED = frozenset({"payments.transactions", "auth.logins"})


def test_with_payments_and_logins_alone_what_needs_other_feeds_is_off_and_decisions_say_so() -> None:
    published = live(("debited_but_failed", "account_takeover"), REQUIRED)
    decided = [
        event for topic, event in published if topic == "fraud.decisions" and event["type"] == "decision.made.v1"
    ]
    assert len(decided) > 100
    others = {topic.name for topic in MERGED} - REQUIRED
    assert set(decided[-1]["completeness"]["feeds_missing"]) == others
    cases = {event["flow"] for topic, event in published if topic == "support.cases"}
    assert "F10" not in cases
    # Asking the provider needs the payments alone: what became of the one that the channel itself cannot tell.
    hanging = {
        event["payment_id"]
        for _, event in published
        if event["type"] == "payment.triaged.v1" and event["flow"] == "F03"
    }
    asked = {event["payment_id"] for topic, event in published if topic == "psp.commands"}
    assert set() < asked <= hanging


def test_the_same_with_the_ledger_finds_the_money() -> None:
    published = live(("debited_but_failed",), REQUIRED | {"ledger.entries"})
    assert {event["flow"] for topic, event in published if topic == "support.cases"} >= {"F10"}
    assert [event for topic, event in published if topic == "psp.commands"]


def test_a_backfill_of_last_month_sends_no_action_and_no_message() -> None:
    everything = frozenset(topic.name for topic in MERGED)
    stories = ("account_takeover", "lockout_attack", "debited_but_failed", "repeat_failures")
    topics = Counter(topic for topic, _ in live(stories, everything, age_ms=30 * DAY))
    assert topics["fraud.decisions"] > 100
    assert topics["support.cases"] > 0
    sent = ("account.actions", "customer.notifications", "psp.commands", "account.locks")
    assert [topic for topic in sent if topics[topic]] == []
    today = Counter(topic for topic, _ in live(stories[:2], everything))
    assert today["account.actions"] > 0 < today["customer.notifications"]
