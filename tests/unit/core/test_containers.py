"""Do the packed containers say what lists and dicts of plain numbers would say?"""

from __future__ import annotations

import random
from bisect import insort
from hashlib import blake2b

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core import familiar, windows
from streams.core.obligations import PAYMENTS_MAX, Obligations, PaymentState, payment_key
from streams.core.windows import FARTHEST, Ring

CAP, HORIZON = 12, 1_000
steps = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300)), max_size=60)
amounts = st.sampled_from([0, 1, 255, 65_535, 65_536, 2**32 - 1, 2**32, 10**15])


def _kept(entries: list, newest: int) -> list:
    """What a horizon and then a cap leave of a sorted list of (time, ...)."""
    return [entry for entry in entries if entry[0] > newest - HORIZON][-CAP:]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300), amounts), max_size=60))
def test_a_ring_is_a_sorted_list_of_amounts(happened):
    ring, model, clock, lost = Ring(), [], 0, None
    for number, (step, late, amount) in enumerate(happened):
        clock += step
        at = max(0, clock - late)
        insort(model, (at, number, amount), key=lambda entry: entry[:2])
        unexpired = [entry for entry in model if entry[0] > model[-1][0] - HORIZON]
        if len(unexpired) > CAP:
            lost = unexpired[-CAP - 1][0]
        model = unexpired[-CAP:]
        ring.add(at, amount, CAP, HORIZON)
        assert windows.opened(ring.times).tolist() == [entry[0] for entry in model]
        assert list(ring.amounts) == [entry[2] for entry in model]
        assert ring.total == sum(entry[2] for entry in model)
        assert ring.lost == lost
        inside = [(entry[2], entry[0]) for entry in model if clock - 500 < entry[0] <= clock - 50]
        assert ring.total_in(clock - 500, clock - 50) == sum(amount for amount, _ in inside)
        assert ring.largest(clock - 500, clock - 50) == (max(inside) if inside else (-1, 0))


def test_a_ring_takes_six_bytes_an_entry_again_once_its_large_amount_is_gone():
    ring = Ring()
    for number in range(10):
        ring.add(number, 100, CAP, HORIZON)
    assert len(ring.times) + len(ring.packed) == 60
    ring.add(10, 2**40, CAP, HORIZON)
    assert len(ring.times) + len(ring.packed) == 132
    for number in range(11, 11 + CAP):
        ring.add(number, 100, CAP, HORIZON)
    assert len(ring.times) + len(ring.packed) == 6 * CAP


@settings(max_examples=60, deadline=None)
@given(steps, st.one_of(st.none(), st.just(HORIZON)))
def test_marks_are_a_sorted_list_with_keys_beside_it(happened, horizon):
    times, marked, keys, model, clock = b"", b"", b"", [], 0
    for number, (step, late) in enumerate(happened):
        clock += step
        at, key = max(0, clock - late), number.to_bytes(3)
        insort(model, (at, number, key), key=lambda entry: entry[:2])
        model = _kept(model, model[-1][0]) if horizon else model[-CAP:]
        times = windows.mark(times, at, CAP, horizon)
        marked, keys = windows.mark_with(marked, keys, at, key, CAP, horizon)
        assert times == marked
        assert windows.opened(times).tolist() == [entry[0] for entry in model]
        assert keys == b"".join(entry[2] for entry in model)
        inside = [entry for entry in model if clock - 500 < entry[0] <= clock - 50]
        assert windows.count(windows.opened(times), clock - 500, clock - 50) == len(inside)
        after = [entry for entry in model if entry[0] > clock - 200]
        left, left_keys = windows.later(times, keys, clock - 200)
        assert (len(left) // 4, left_keys) == (len(after), b"".join(entry[2] for entry in after))
    if model:
        rest = [*model[:-1]]
        left, left_keys = windows.without(times, keys, len(model) - 1)
        assert (windows.opened(left).tolist(), left_keys) == (
            [entry[0] for entry in rest],
            b"".join(entry[2] for entry in rest),
        )


def test_times_outside_their_range_count_as_at_its_end():
    times = windows.mark(windows.mark(b"", -5, CAP), 2**40, CAP)
    assert windows.opened(times).tolist() == [0, FARTHEST]
    assert windows.opened(windows.moved(times, 7)).tolist() == [0, FARTHEST - 7]
    assert windows.opened(windows.moved(times, -7)).tolist() == [7, FARTHEST]
    assert windows.count(windows.opened(b""), 0, 9) == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 23), max_size=400), st.integers(0, 65_535))
def test_packed_numbers_widen_as_they_grow(hours, start):
    model = [start] * 24
    raw = windows.packed(model)
    for hour in hours:
        model[hour] += 1
        raw = windows.one_more(raw, 24, hour)
    assert list(windows.unpacked(raw, 24)) == model
    assert len(raw) in (24, 48, 96)


def _awkward(number: int) -> bytes:
    """Five bytes that often occur across the fields of other entries."""
    return bytes([0, number & 1, 0, number >> 1 & 1, number >> 2 & 1])


@pytest.mark.parametrize("seed", range(8))
def test_familiar_and_tally_are_dicts_ordered_by_last_seen(seed):
    chance = random.Random(seed)
    known, shares, model, counts, newest = b"", b"", {}, {}, 0
    for _ in range(200):
        key = (
            _awkward(chance.randrange(8))
            if seed % 2
            else blake2b(bytes([chance.randrange(30)]), digest_size=5).digest()
        )
        at_s = max(0, newest - chance.randrange(9)) if chance.random() < 0.2 else newest + chance.randrange(3)
        late = at_s < newest
        newest = max(newest, at_s)
        first, last, uses = model.pop(key, (at_s, at_s, 0))
        model[key] = (min(first, at_s), max(last, at_s), uses + 1)
        if late:
            model = dict(sorted(model.items(), key=lambda item: (item[1][1], item[0])))
        if len(model) > CAP:
            del model[next(iter(model))]
        counts[key] = counts.pop(key, 0) + 1
        if len(counts) > CAP:
            del counts[next(iter(counts))]
        known = familiar.meet(known, key, at_s, CAP, late)
        shares = familiar.tally(shares, key, CAP)
        probe = _awkward(chance.randrange(8))
        assert {each: familiar.entry_of(known, each) for each in model} == model
        assert (familiar.entry_of(known, probe) is None) == (probe not in model)
        assert {each: familiar.tallied(shares, each) for each in counts} == counts
        assert familiar.tallied(shares, probe) == counts.get(probe, 0)
        after_s = newest - chance.randrange(9)
        assert familiar.different(known, after_s) == sum(last > after_s for _, last, _ in model.values())
        assert len(known) == 15 * len(model)
        assert len(shares) == 9 * len(counts)


def test_the_most_that_is_counted_of_one_value():
    known = b""
    for _ in range(65_600):
        known = familiar.meet(known, b"12345", 1, CAP, late=False)
    assert familiar.entry_of(known, b"12345") == (1, 1, 65_535)
    assert familiar.entry_of(familiar.meet(b"", b"12345", -9, CAP, late=False), b"12345") == (0, 0, 1)


def test_keys_are_told_apart_by_their_place():
    keys = b""
    for key in (b"\x00\x00\x00\x01", b"\x00\x00\x01\x00", b"abcd"):
        assert not familiar.contains(keys, key)
        keys = familiar.remember(keys, key, 3)
    assert familiar.place_of(keys, b"abcd") == 2
    assert familiar.place_of(keys, b"\x01\x00\x00\x01") == -1
    assert not familiar.contains(familiar.remember(keys, b"efgh", 3), b"\x00\x00\x00\x01")


def test_payments_are_remembered_until_64_others_came():
    owed = Obligations()
    for number in range(PAYMENTS_MAX + 1):
        key = payment_key(f"p{number}")
        assert owed.recall(key) is None
        owed.remember(key, PaymentState.of(PaymentState.SEEN, number * 30), number * 86_400_000)
    assert owed.recall(payment_key("p0")) is None
    assert len(owed.payments) == 7 * PAYMENTS_MAX
    for number in range(1, PAYMENTS_MAX + 1):
        state = owed.recall(payment_key(f"p{number}"))
        assert (state.status, state.grace_s) == (PaymentState.SEEN, number * 30)
    owed.remember(payment_key("p7"), state.after(PaymentState.SUCCEEDED), 0)
    assert owed.recall(payment_key("p7")).status == PaymentState.SUCCEEDED
    assert len(owed.payments) == 7 * PAYMENTS_MAX
    assert owed.forgets_ms() == (PAYMENTS_MAX + 31) * 86_400_000
