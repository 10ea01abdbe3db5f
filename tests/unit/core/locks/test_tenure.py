from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, NOON

from streams.core.locks.tenure import DAYS_MAX, LOCKED, REPLACED, EndedLock, Moved, Standing, Tenure

PLACE = ("lock", "login", "unknown_devices")


def soft(since_ms: int) -> Standing:
    return Standing(PLACE, "soft_lock", since_ms)


def test_what_a_turn_takes_back_has_ended_by_what_moved_the_account() -> None:
    tenure = Tenure()
    assert tenure.note((), (soft(NOON),), "guessed", NOON) == Moved(["soft_lock"], [])
    assert tenure.note((soft(NOON),), (), "false_lock", NOON + HOUR) == Moved(
        [], [EndedLock("soft_lock", "false_lock", HOUR)]
    )
    assert tenure.oldest_ms("soft_lock") is None


def test_a_longer_lock_is_the_same_and_a_stricter_one_takes_its_place() -> None:
    tenure = Tenure()
    tenure.note((), (soft(NOON),), "guessed", NOON)
    assert tenure.note((soft(NOON),), (soft(NOON + DAY),), "guessed", NOON + DAY) == Moved([], [])
    assert tenure.oldest_ms("soft_lock") == NOON + DAY - 12 * HOUR
    hard = Standing(PLACE, "hard_lock", NOON + 2 * DAY)
    moved = tenure.note((soft(NOON + DAY),), (hard,), "disabled", NOON + 2 * DAY)
    assert moved == Moved(["hard_lock"], [EndedLock("soft_lock", REPLACED, DAY)])


def test_a_lock_from_before_locks_were_counted_ends_without_harm() -> None:
    tenure = Tenure()
    assert tenure.note((soft(NOON),), (), "expired", NOON + HOUR).ended == [EndedLock("soft_lock", "expired", HOUR)]
    assert tenure.standing("soft_lock") == 0


@given(
    st.lists(
        st.tuples(st.sampled_from(LOCKED), st.integers(0, 400), st.integers(0, 400)),
        max_size=300,
    ),
)
def test_counts_are_those_of_a_plain_list_and_bounded(locks: list[tuple[str, int, int]]) -> None:
    """Begun and ended in any order: the number is exact, and the oldest is no younger than it is."""
    tenure, standing = Tenure(), Counter[tuple[str, int]]()
    for number, (state, day, removed) in enumerate(locks):
        lock = Standing((str(number), "", ""), state, day * DAY)
        tenure.note((), (lock,), "risk", day * DAY)
        standing[state, day] += 1
        if removed % 3 == 0:
            _, gone = next(key for key in standing if key[0] == state and standing[key])
            tenure.note((Standing(PLACE, state, gone * DAY),), (), "expired", gone * DAY)
            standing[state, gone] -= 1
    for state in LOCKED:
        left = [day for (each, day), count in standing.items() if each == state and count > 0]
        assert tenure.standing(state) == sum(count for (each, _), count in standing.items() if each == state)
        oldest_ms = tenure.oldest_ms(state)
        assert (oldest_ms is None) == (not left)
        assert oldest_ms is None or oldest_ms <= min(left) * DAY
        assert len(tenure.days.get(state, ())) <= DAYS_MAX
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(tenure), type=Tenure) == tenure
