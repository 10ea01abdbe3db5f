"""Is an erased account one that was never seen, wherever the stream is cut?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.engines import Outcome, placed, run
from support.happenings import DAY, HOUR, MINUTE, NOON, event, label, login, paid
from support.scenes import enforcing

from producers.feed import Outgoing
from streams.app import accounts_logic
from streams.contracts import logins
from streams.contracts.accounts import AccountErasure
from streams.contracts.base import Event, to_ms
from streams.contracts.registry import TOPICS_OF_TYPE, TYPES, encode
from streams.contracts.topics import LOCKS
from streams.core.observations import ERASED_MARK_MS
from streams.runtime.logic import Incoming, Record

TOPIC = {TYPES[tag]: topics[0] for tag, topics in TOPICS_OF_TYPE.items()}
ASKED = {"actor": "mei", "role": "supervisor", "second_actor": "jo", "why": "the customer asked"}
ERASED_AT = NOON + 29 * HOUR + MINUTE  # so soon after the last payment that both are handled together
END = NOON + 20 * DAY


def sent(happening: Event, *, at_ms: int | None = None) -> Outgoing:
    """As its source writes it; `at_ms` later than it happened."""
    return Outgoing(
        TOPIC[type(happening)],
        happening.account_id.encode(),
        encode(happening),
        to_ms(happening.occurred_at) if at_ms is None else at_ms,
    )


def before() -> list[Outgoing]:
    """A habit: one payment an hour, from one device, at one shop, and logins."""
    habit: dict[str, Any] = {"device_id": "phone", "merchant_id": "shop", "country": "CN"}
    paid_ = [sent(paid(NOON + n * HOUR, n, 1_000 + n, **habit)) for n in range(30)]
    seen = [sent(login(NOON + n * DAY + MINUTE, n, kind=logins.LoginSucceeded, device_id="phone")) for n in range(1)]
    return sorted(paid_ + seen, key=lambda each: each.timestamp_ms)


def erasure() -> Outgoing:
    return sent(event(AccountErasure, ERASED_AT, 1, **ASKED))


def after() -> list[Outgoing]:
    habit: dict[str, Any] = {"device_id": "phone", "merchant_id": "shop", "country": "CN"}
    return [sent(paid(ERASED_AT + n * 1_000, f"after{n}", 900_000, **habit)) for n in range(1, 4)]


def played(feed: list[Outgoing], cuts: tuple[int, ...] = (10_000,), end_ms: int = END) -> Outcome:
    return run(enforcing(), placed(feed, 1, end_ms), cuts)


def of_payments(outcome: Outcome, name: str) -> list[dict[str, Any]]:
    """Decisions about them; without the feeds that were there, which are the partition's and not the account's."""
    decided = [json.loads(value) for topic, _, _, value, _ in outcome.published if topic == "fraud.decisions" and value]
    return [{**each, "completeness": None} for each in decided if name in each["subject_id"]]


@pytest.mark.parametrize("cuts", [(10_000,), (1,), (3, 2, 5), (33, 7)])
def test_what_comes_after_is_judged_as_of_somebody_new(cuts: tuple[int, ...]) -> None:
    known = of_payments(played([*before(), *after()]), "after")
    erased = played([*before(), erasure(), *after()], cuts)
    new = of_payments(played(after()), "after")
    assert of_payments(erased, "after") == new != known
    assert erased == played([*before(), erasure(), *after()])


def test_the_receipt_and_the_tombstone_are_published_and_nothing_of_the_habit_is_kept() -> None:
    erased = played([*before(), erasure()])
    (receipt,) = [json.loads(value) for _, _, _, value, _ in erased.published if value and b"account.erased" in value]
    assert receipt["forgotten"]["payments"] == 30
    assert (LOCKS.name, 0, b"a1", None, ERASED_AT) in erased.published
    raw = erased.states[b"a1"]
    assert len(raw) < 450 < len(played(before()).states[b"a1"])


def test_what_happened_before_and_comes_late_or_twice_teaches_nothing() -> None:
    late = paid(ERASED_AT - 1_000, "late", 1_000)
    feed = [
        *before(),
        erasure(),
        sent(late, at_ms=ERASED_AT + MINUTE),
        sent(paid(NOON, 0, 1_000), at_ms=ERASED_AT + 2 * MINUTE),
        sent(label(ERASED_AT - 1, "p3", NOON + 3 * HOUR), at_ms=ERASED_AT + 3 * MINUTE),
    ]
    told, quiet = played(feed), played([*before(), erasure()])
    assert not of_payments(told, "plate")
    assert told.states == quiet.states
    assert [each for each in told.published if each[0] == "support.cases"] == [
        each for each in quiet.published if each[0] == "support.cases"
    ]


def test_the_mark_goes_when_inputs_are_gone() -> None:
    gone_ms = ERASED_AT + ERASED_MARK_MS + DAY
    assert b"a1" in played([*before(), erasure()], end_ms=gone_ms - 2 * DAY).states
    assert b"a1" not in played([*before(), erasure()], end_ms=gone_ms).states


def test_a_profile_that_its_owner_deleted_is_no_bad_record() -> None:
    logic = accounts_logic(enforcing())
    assert isinstance(logic.read(Record("account.profiles", 0, 0, NOON, b"a1", None)), Incoming)
    assert not isinstance(logic.read(Record("payments.transactions", 0, 0, NOON, b"a1", None)), Incoming)
