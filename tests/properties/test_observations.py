"""Are observations exact, bounded, independent of the order of late events, and the same after being stored?"""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, Account, event, label, login, paid

from streams.contracts import accounts, logins, payments
from streams.contracts.base import Event, from_ms, to_ms
from streams.core.features import FEATURES, features_of
from streams.core.observations import Basis, Observations, decode, encode, fold, forget_after_ms
from streams.core.risk import RiskFact

WINDOWS = {"1m": MINUTE, "5m": 5 * MINUTE, "1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
EUROS = Basis(home_currency="EUR")
MOVEMENTS = (
    payments.PaymentRequested,
    payments.PaymentSucceeded,
    payments.PaymentFailed,
    payments.TransferSucceeded,
    payments.WithdrawalRequested,
    payments.TopupCredited,
)
DOOR = (
    logins.LoginSucceeded,
    logins.LoginFailed,
    logins.LoginFailed,
    logins.ChallengeSent,
    logins.ChallengePassed,
    logins.ChallengeFailed,
    logins.CredentialChanged,
    logins.DeviceBound,
    logins.SessionUsed,
)

# Small steps make ties and bursts, large ones let every window expire.
steps = st.one_of(st.just(0), st.integers(0, 1000), st.integers(0, 2 * HOUR), st.integers(0, 4 * DAY))
minors = st.one_of(st.sampled_from([0, 1, 1000]), st.integers(0, 10**6))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(steps, st.integers(0, 15 * MINUTE), minors), min_size=1, max_size=60), st.data())
def test_windows_equal_their_batch_definition(happened, data):
    """(t - w, t] over what has arrived, for every window; ties and late events included."""
    account = Account(EUROS)
    arrived: list[tuple[int, int]] = []
    clock = NOON
    for number, (step, lateness, minor) in enumerate(happened):
        clock += step
        at = clock - lateness if data.draw(st.booleans()) else clock
        features = account.see(paid(at, number, minor))
        arrived.append((at, minor))
        for name, length in WINDOWS.items():
            inside = [amount for then, amount in arrived if at - length < then <= at]
            assert getattr(features, f"spend_count_{name}") == len(inside)
            if name in ("1h", "1d", "7d", "30d"):
                assert getattr(features, f"spend_sum_{name}") == sum(inside) / 100
            if name in ("1d", "7d", "30d"):
                assert abs(getattr(features, f"spend_mean_{name}") - sum(inside) / len(inside) / 100) <= 1e-9
        earlier = [amount for then, amount in arrived[:-1] if at - 30 * DAY < then <= at]
        assert features.spend_max_30d == (max(earlier) / 100 if earlier else -1.0)


def _any_event(chance: random.Random, number: int, at: int, wild: bool = False) -> Event:
    """Something of any family, from small pools of values; `wild` draws every value anew."""

    def one(name: str, pool: int) -> str:
        return f"{name}{number if wild else chance.randrange(pool)}"

    place = {
        "latitude": chance.uniform(-90, 90),
        "longitude": chance.uniform(-180, 180),
        "country": chance.choice(["DE", "CN", "US"]),
    }
    context = {
        "device_id": one("d", 5),
        "ip": f"2001:db8:{number % 65536:x}::1" if wild else f"192.0.{chance.randrange(4)}.1",
        **place,
    }
    draw = chance.random()
    if draw < 0.45:
        kind = chance.choice(MOVEMENTS)
        more = {"merchant_id": one("m", 20), "counterparty_id": one("y", 9), "card_token": one("c", 4)}
        currency = chance.choice(["EUR", "EUR", "EUR", "XAU"])
        minor = chance.choice([0, chance.randrange(10**4), 10**15 if wild else 499_900])
        return paid(
            at,
            number if chance.random() < 0.8 else max(0, number - 1),
            minor,
            kind=kind,
            currency=currency,
            **context | more,
        )
    if draw < 0.85:
        kind = chance.choice(DOOR)
        return login(at, number, kind, user_agent=one("u", 4), asn=number if wild else chance.randrange(5), **context)
    if draw < 0.90:
        posted = {
            "entry_id": one("e", 99),
            "direction": chance.choice(["debit", "credit"]),
            "amount_minor": 500,
            "currency": "EUR",
        }
        return event(accounts.LedgerPosted, at, number, counterparty_id=one("f", 9), **posted)
    if draw < 0.94:
        return label(at, one("p", 50), at - chance.randrange(20 * DAY), chance.choice(["fraud", "legit"]))
    if draw < 0.97:
        return paid(at, number, kind=payments.RefundRequested, refund_id=one("r", 30))
    currency = chance.choice(["EUR", "USD", None])
    opened = from_ms(at - chance.randrange(DAY * 900))
    return event(
        accounts.AccountProfile, at, number, home_currency=currency, time_zone="Asia/Shanghai", opened_at=opened
    )


def _history(seed: int, length: int, wild: bool = False) -> list[tuple[Event, int]]:
    chance = random.Random(seed)
    clock, history = NOON, []
    for number in range(length):
        clock += chance.choice([0, 10, 30_000, HOUR, 3 * DAY, 40 * DAY if number % 97 == 0 else MINUTE])
        at = clock - chance.randrange(15 * MINUTE) if chance.random() < 0.2 else clock
        happening = _any_event(chance, number, at, wild)
        history.append((happening, at))
    return history


def _risk(kind: str, value: str, at_ms: int) -> RiskFact | None:
    return RiskFact(level=1, score=0.5, labels_30d=3, frauds_30d=1) if value.endswith("1") else None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 150))
def test_a_stored_state_goes_on_like_the_one_in_memory(seed, cut):
    """Features are pure and finite; fold after decode of encode gives the same features and the same bytes."""
    memory, stored = Observations(), Observations()
    for number, (happening, at) in enumerate(_history(seed, 150)):
        if number == cut or number % 37 == 0:
            stored = decode(encode(stored))
        untouched = encode(memory)
        features = features_of(memory, happening, at, _risk)
        assert encode(memory) == untouched
        assert features == features_of(stored, happening, at, _risk)
        for spec, value in zip(FEATURES, msgspec.structs.astuple(features), strict=True):
            assert type(value) is float, spec
            assert math.isfinite(value), spec
            assert value >= 0.0 or value == spec.missing, spec
        fold(memory, happening, at)
        fold(stored, happening, at)
    assert encode(memory) == encode(stored)
    assert forget_after_ms(memory) > memory.newest_ms


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 14 * MINUTE), minors, st.integers(0, 3)), min_size=2, max_size=12), st.randoms()
)
def test_arrival_order_within_the_lateness_bound_does_not_matter(happened, shuffle):
    """Everything but spikes, which compare with what was usual at the time of arrival."""
    known = login(NOON - DAY, "known", logins.LoginSucceeded, device_id="phone")
    events: list[Event] = []
    for number, (offset, minor, what) in enumerate(happened):
        at = NOON + offset
        match what:
            case 0:
                events.append(paid(at, number, minor, merchant_id=f"m{number % 3}", device_id="phone"))
            case 1:
                events.append(paid(at, number, minor, kind=payments.TransferFailed, counterparty_id=f"y{number % 4}"))
            case 2:
                events.append(login(at, number, logins.LoginFailed, device_id=("phone", "bot")[number % 2]))
            case _:
                events.append(login(at, number, logins.LoginSucceeded, device_id="phone", country="DE"))
    shuffled = events.copy()
    shuffle.shuffle(shuffled)
    vectors = []
    for order in (sorted(events, key=lambda one: one.occurred_at), shuffled):
        account = Account(EUROS)
        for happening in (known, *order):
            account.see(happening)
        probes = (paid(NOON + HOUR, "end", 777, merchant_id="m1"), login(NOON + HOUR, "end", device_id="bot"))
        vectors.append([msgspec.structs.asdict(account.look(probe)) | {"spikes_7d": 0.0} for probe in probes])
    for ordered, other in zip(*vectors, strict=True):
        assert ordered == pytest.approx(other, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("pace_ms", [0, 7_000])
def test_50_000_hostile_events_leave_a_small_state(pace_ms):
    """Every value new, amounts as large as the contract allows: caps hold, and the architecture's 16 KiB is far."""
    chance = random.Random(pace_ms)
    observations = Observations()
    largest = 0
    for number in range(50_000):
        at = NOON + number * pace_ms
        happening = _any_event(chance, number, at, wild=True)
        if number % 50 == 0:
            features = features_of(observations, happening, at, _risk)
            assert all(map(math.isfinite, msgspec.structs.astuple(features)))
        fold(observations, happening, to_ms(happening.occurred_at), attempted=number % 3 == 0)
        if number % 1000 == 0:
            largest = max(largest, len(encode(observations)))
    assert largest <= 12 * 1024


def test_a_history_of_years_stays_finite_and_small():
    account = Account(EUROS)
    for number in range(400):
        account.see(paid(NOON + number * 45 * DAY, number, 1000, device_id="d"))
    assert len(encode(account.observations)) <= 1024
    features = account.look(paid(NOON + 400 * 45 * DAY + 80 * 365 * DAY, "x", 1000))
    assert features.amount_to_usual == pytest.approx(1.0, rel=1e-3)


def test_rows_of_older_and_newer_releases_are_read():
    """Fields are only added at the end: an older row has fewer, a newer one more of them."""
    account = Account(EUROS)
    for happening, _ in _history(5, 60):
        account.see(happening)
    row = msgspec.msgpack.decode(encode(account.observations), strict=False)
    fields = Observations.__struct_fields__
    older = decode(msgspec.msgpack.encode(row[: fields.index("devices")]))
    assert older.spend == account.observations.spend
    assert older.devices == b""
    assert decode(msgspec.msgpack.encode([*row, "something new"])) == account.observations
    assert decode(msgspec.msgpack.encode([])) == Observations()
