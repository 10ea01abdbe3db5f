"""What has been seen of one account, in a size that no input can exceed?

`fold` is the only writer; features read. Counts, windows, "first", "last" and "largest" do not depend on the order in
which events of the lateness bound arrive (as long as no cap is reached), so late events need no special story. Nothing
here knows what was decided: that is the other type, obligations.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from math import exp2, log1p
from typing import Any

import msgspec

from streams.contracts import accounts, logins, payments
from streams.contracts.base import Event, Watermark, to_ms
from streams.core.currencies import RateTable, convert, exponent_of
from streams.core.distance import great_circle_km, speed_kmh
from streams.core.familiar import Familiar, key_of, meet, movement_key, network_key
from streams.core.local_time import hour_and_weekday, is_zone
from streams.core.windows import DAY, HOUR, Ring, mark, mark_with

# Caps bound the stored size: 12 KiB if everything is full of large values, 1 to 2 KiB typically. They are engineering,
# not policy: a cap only decides how much history a burst may erase.
SPEND_CAP = 400  # of 30 days: thirteen a day
_SPEND_CAP_HUGE = 160  # where amounts take nine bytes each: 43 million major units in the ring
TIMES_CAP = 48  # refusals, refunds, inflows, spikes, logins: no rule asks for more than this in their windows
FAILURES_CAP = 104  # a credential is disabled at 100 failures in a row (NIST SP 800-63B-4), so more must be visible
MERCHANTS_CAP = 48
PAYEES_CAP = 24
PAYERS_CAP = 24
IPS_CAP = 24
NETWORKS_CAP = 16
CARDS_CAP = 16
DEVICES_CAP = 12
COUNTRIES_CAP = 8
SEEN_CAP = 64  # movements whose later events must not count again; the life of a payment rarely spans 64 others
_INFLOW_CAP = 32  # of a day
_INFLOW_SEEN_CAP = 16  # the ledger and the channel tell of the same money within minutes

_LATENESS_MARGIN = HOUR  # windows keep this much more than their length, so that late questions are exact
_SPEND_HORIZON = 30 * DAY + _LATENESS_MARGIN
_WEEK_HORIZON = 7 * DAY + _LATENESS_MARGIN
_DAY_HORIZON = DAY + _LATENESS_MARGIN
_MONTH_HORIZON = 30 * DAY + _LATENESS_MARGIN
_LABEL_HORIZON = 45 * DAY
# Relative times are stored in 5 bytes up to 2**32 ms (49.7 days); then the base moves to 30 days ago.
_BASE_MOVES_AFTER = 2**32 - 1
# A state nobody touched for this long is dropped: longer than any window, habit or dormancy rule looks back.
FORGET_AFTER_MS = 400 * DAY
HABIT_HALF_LIFE_S = 30 * 86_400.0
SPIKE_RATIO = 3.0
# Hours are halved when there are this many: a year of habit at three payments a day, then the recent half counts more.
_HOURS_HALVED_AT = 1024
# Above every real amount; conversion by a rate may not leave the range that a 64-bit total of a full ring can hold.
_LARGEST_MINOR = 10**15


class Basis(msgspec.Struct, frozen=True, gc=False):
    """What the policy contributes to observations: defaults where the account's profile says nothing."""

    time_zone: str = "UTC"
    home_currency: str | None = None  # None: the currency of the account's first movement
    rates: RateTable | None = None
    limits: tuple[int, ...] = (1000, 5000, 10000, 50000)  # major units; amounts just below them count as near-limit
    ladder_forgets_s: int = 86_400
    lateness_s: int = 900


DEFAULT_BASIS = Basis()


class Observations(msgspec.Struct, array_like=True, gc=False):
    """Everything remembered of one account. Fields are only ever added at the end; times named `*_ms` are absolute."""

    base_ms: int = 0  # lists of times are relative to this
    newest_ms: int = 0  # newest movement or door event
    touched_ms: int = 0  # newest event of any kind
    first_ms: int = -1  # nothing seen yet
    events: int = 0  # movements and successful logins
    too_late: int = 0  # events beyond the lateness bound: counted, not folded
    # profile
    profile_ms: int = 0
    time_zone: str | None = None
    opened_ms: int | None = None
    vulnerable: bool | None = None
    two_factor: bool | None = None
    home_currency: str | None = None
    # outgoing movements
    spend: Ring = msgspec.field(default_factory=Ring)
    peak_minor: int = -1  # largest amount of 30 days
    peak_ms: int = 0
    last_spend_ms: int = 0
    last_active_ms: int = 0  # outgoing movement or successful login
    unpriced: list[int] = msgspec.field(default_factory=list)
    spikes: list[int] = msgspec.field(default_factory=list)
    seen: list[int] = msgspec.field(default_factory=list)  # keys of movements that were counted
    # amount habit: decayed weight, sum and sum of squares of log(1 + minor units), as of habit_ms
    habit_weight: float = 0.0
    habit_sum: float = 0.0
    habit_squares: float = 0.0
    habit_ms: int = 0
    hours: list[int] = msgspec.field(default_factory=list)  # activity by local hour; empty or 24 long
    hours_total: int = 0
    # refusals and what went well
    declines: list[int] = msgspec.field(default_factory=list)
    last_success_ms: int = 0
    refunds: list[int] = msgspec.field(default_factory=list)
    # money in
    inflow: Ring = msgspec.field(default_factory=Ring)
    inflow_seen: list[int] = msgspec.field(default_factory=list)
    last_inflow_ms: int = 0
    balance_minor: int | None = None  # net of ledger postings since first seen
    # who and where
    devices: Familiar = msgspec.field(default_factory=dict)
    trusted: Familiar = msgspec.field(default_factory=dict)  # devices that logged in, were bound or passed a challenge
    ips: Familiar = msgspec.field(default_factory=dict)
    networks: Familiar = msgspec.field(default_factory=dict)
    countries: Familiar = msgspec.field(default_factory=dict)
    merchants: Familiar = msgspec.field(default_factory=dict)
    payees: Familiar = msgspec.field(default_factory=dict)
    payers: Familiar = msgspec.field(default_factory=dict)
    cards: Familiar = msgspec.field(default_factory=dict)
    # the door
    logins: list[int] = msgspec.field(default_factory=list)  # successful ones
    logins_total: int = 0
    last_login_ms: int = 0
    login_networks: Familiar = msgspec.field(default_factory=dict)
    login_countries: Familiar = msgspec.field(default_factory=dict)
    agents: Familiar = msgspec.field(default_factory=dict)
    systems: Familiar = msgspec.field(default_factory=dict)  # autonomous systems
    known_failures: list[int] = msgspec.field(default_factory=list)
    stranger_failures: list[int] = msgspec.field(default_factory=list)
    stranger_ips: list[int] = msgspec.field(default_factory=list)  # 32-bit keys beside stranger_failures
    known_success_ms: int = 0
    stranger_success_ms: int = 0
    challenges: list[int] = msgspec.field(default_factory=list)
    challenge_failures: list[int] = msgspec.field(default_factory=list)
    credential_ms: int = 0
    reset_ms: int = 0
    device_bound_ms: int = 0
    card_bound_ms: int = 0
    # place of the last successful login
    place_ms: int = 0
    latitude: float = 0.0
    longitude: float = 0.0
    place_device: int = 0
    # what labels have proved: time of the fraudulent movement and its 32-bit key
    frauds: list[int] = msgspec.field(default_factory=list)
    fraud_keys: list[int] = msgspec.field(default_factory=list)
    # how the last successful login on another device than the one before got there, until somebody proves themselves
    journey_ms: int = 0
    journey_km: float = 0.0
    journey_kmh: float = 0.0


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Observations)


def encode(observations: Observations) -> bytes:
    """The stored form. The caller adds the format number."""
    return _ENCODER.encode(observations)


def decode(raw: bytes) -> Observations:
    """The state that `encode` stored; `decode(encode(x))` goes on exactly like `x`."""
    return _DECODER.decode(raw)


def forget_after_ms(observations: Observations) -> int:
    """From when on an idle account's observations may be dropped."""
    return observations.touched_ms + FORGET_AFTER_MS


# --- what an event is to the observations ---------------------------------------------------------------------------

OTHER, PAYMENT, TRANSFER, WITHDRAWAL, TOPUP, BILL, LOGIN = range(7)
OUTGOING = frozenset((PAYMENT, TRANSFER, WITHDRAWAL, BILL))

# Every event of a movement's life may be the first that we see of it. Events of money on its way back are no movement.
MOVEMENTS: dict[type[Event], int] = {
    payments.PaymentRequested: PAYMENT,
    payments.PaymentAuthorized: PAYMENT,
    payments.PaymentCaptured: PAYMENT,
    payments.PaymentSucceeded: PAYMENT,
    payments.PaymentFailed: PAYMENT,
    payments.PaymentPending: PAYMENT,
    payments.TransferRequested: TRANSFER,
    payments.TransferSucceeded: TRANSFER,
    payments.TransferFailed: TRANSFER,
    payments.WithdrawalRequested: WITHDRAWAL,
    payments.WithdrawalSent: WITHDRAWAL,
    payments.WithdrawalCredited: WITHDRAWAL,
    payments.WithdrawalFailed: WITHDRAWAL,
    payments.BillpayRequested: BILL,
    payments.BillpayDebited: BILL,
    payments.BillpayPosted: BILL,
    payments.BillpayFailed: BILL,
    payments.TopupRequested: TOPUP,
    payments.TopupConfirmed: TOPUP,
    payments.TopupCredited: TOPUP,
    payments.TopupFailed: TOPUP,
}
REFUSALS = frozenset(
    (
        payments.PaymentFailed,
        payments.TransferFailed,
        payments.WithdrawalFailed,
        payments.BillpayFailed,
        payments.TopupFailed,
    )
)
_SUCCESSES = frozenset(
    (
        payments.PaymentAuthorized,
        payments.PaymentCaptured,
        payments.PaymentSucceeded,
        payments.TransferSucceeded,
        payments.WithdrawalSent,
        payments.WithdrawalCredited,
        payments.BillpayPosted,
        payments.TopupConfirmed,
        payments.TopupCredited,
    )
)
_MONEY_IN = frozenset((payments.TopupConfirmed, payments.TopupCredited))


def priced(amount_minor: int, currency: str, home: str, basis: Basis) -> int:
    """`amount_minor` in minor units of `home`, or -1 where no rate says so."""
    if currency == home:
        return amount_minor
    if basis.rates is None:
        return -1
    converted = convert(amount_minor, currency, home, basis.rates)
    return -1 if converted is None else min(converted, _LARGEST_MINOR)


def scale_of(home: str) -> int:
    """Minor units of one major unit."""
    return int(10 ** exponent_of(home))


_KEY = 0xFFFFFFFF


def seen_key(movement: int, payment_id: str) -> int:
    """Key of a movement in `seen`; top-ups apart, because a credit for one is money in and for others a refund."""
    key = movement_key(payment_id)
    return key | 1 << 32 if movement == TOPUP else key


def habit_at(observations: Observations, at_ms: int) -> tuple[float, float, float]:
    """(weight, mean, variance) of the log amounts; weight 0 where there is no habit to speak of."""
    weight = observations.habit_weight
    if weight <= 0.0:
        return 0.0, 0.0, 0.0
    mean = observations.habit_sum / weight
    variance = observations.habit_squares / weight - mean * mean
    return weight * _decay(at_ms - observations.habit_ms), mean, max(variance, 0.0)


def is_known_context(observations: Observations, login: logins.Login) -> bool:
    """Whether a successful login came from this device before; where no device is named, from this network."""
    if login.device_id is not None:
        return key_of(login.device_id) in observations.trusted
    return network_key(login.ip) in observations.login_networks


def _decay(elapsed_ms: int) -> float:
    if elapsed_ms <= 0:
        return 1.0
    return exp2(-min(elapsed_ms / (1000.0 * HABIT_HALF_LIFE_S), 1000.0))


# Types that leave no trace here, on purpose: money on its way back, what others say or decide, what is only priced.
UNOBSERVED = frozenset(
    (
        payments.PaymentReversed,
        payments.PspStatus,
        payments.TransferReversed,
        payments.WithdrawalReturned,
        payments.RefundApproved,
        payments.RefundPromised,
        payments.RefundSent,
        payments.RefundCredited,
        payments.RefundFailed,
        payments.CardUnbound,
        payments.PromoGranted,
        payments.PromoClaimed,
        payments.FeeCharged,
        payments.MerchantReplied,
        logins.SessionUsed,  # whoever stole a session would make himself familiar with it
        accounts.ProjectionLagged,
        accounts.UserMessage,
        accounts.UserReport,
        accounts.UnlockRequested,
        accounts.CustomerConfirmed,
        accounts.SurveyAnswered,
        accounts.SocialMention,
        accounts.MerchantApplication,
        accounts.IdentityVerified,
        accounts.CaseAction,
        accounts.ActionAcknowledged,
        Watermark,
    )
)


# --- folding --------------------------------------------------------------------------------------------------------


def fold(
    observations: Observations, event: Event, at_ms: int, late: bool = False, basis: Basis = DEFAULT_BASIS
) -> None:
    """Remember `event`. Changes `observations`, which the caller owns.

    `late` is the runtime's word that the event is beyond the lateness bound of its partition's clock; it is then only
    counted, unless for this account nothing newer has happened: a quiet account has lost nothing.
    """
    handler = _HANDLERS.get(type(event))
    if handler is None or not event.known:
        return
    if late and at_ms < observations.newest_ms - basis.lateness_s * 1000 and handler not in _TIMELESS:
        observations.too_late += 1
        return
    if at_ms > observations.touched_ms:
        observations.touched_ms = at_ms
    if observations.first_ms == -1:
        observations.base_ms = observations.first_ms = at_ms
    elif at_ms < observations.first_ms:
        observations.first_ms = at_ms
    elif at_ms - observations.base_ms > _BASE_MOVES_AFTER:
        _move_base(observations, at_ms - 30 * DAY - observations.base_ms)
    handler(observations, event, at_ms, basis)


def _move_base(observations: Observations, by: int) -> None:
    observations.base_ms += by
    observations.spend.moved(by)
    observations.inflow.moved(by)
    for name in _TIME_LISTS:
        times = getattr(observations, name)
        if times:
            setattr(observations, name, [at - by for at in times])


_TIME_LISTS = (
    "unpriced",
    "spikes",
    "declines",
    "refunds",
    "logins",
    "known_failures",
    "stranger_failures",
    "challenges",
    "challenge_failures",
    "frauds",
)


def _movement(obs: Observations, event: payments.Movement, at_ms: int, basis: Basis) -> None:
    kind = type(event)
    refused = kind in REFUSALS
    if refused:
        mark(obs.declines, at_ms - obs.base_ms, TIMES_CAP, _WEEK_HORIZON)
    elif kind in _SUCCESSES and at_ms > obs.last_success_ms:
        obs.last_success_ms = at_ms
    movement = MOVEMENTS[kind]
    key = seen_key(movement, event.payment_id)
    if kind in _MONEY_IN:
        _money_in(obs, key & _KEY, event.amount_minor, event.currency, at_ms, basis)
    seen = obs.seen
    if key in seen:
        if at_ms > obs.newest_ms:
            obs.newest_ms = at_ms
        return
    seen.append(key)
    if len(seen) > SEEN_CAP:
        del seen[0]
    if movement != TOPUP:
        _spend(obs, event.amount_minor, event.currency, at_ms, refused, basis)
    _meet_context(obs, event, movement, at_ms)
    _active(obs, at_ms, basis)


def _spend(obs: Observations, amount_minor: int, currency: str, at_ms: int, refused: bool, basis: Basis) -> None:
    if at_ms > obs.last_spend_ms:
        obs.last_spend_ms = at_ms
        obs.last_active_ms = max(obs.last_active_ms, at_ms)
    home = _adopted_home(obs, currency, basis)
    at = at_ms - obs.base_ms
    minor = amount_minor if currency == home else priced(amount_minor, currency, home, basis)
    if minor < 0:
        mark(obs.unpriced, at, TIMES_CAP, _MONTH_HORIZON)
        return
    ring = obs.spend
    huge = bool(ring.totals) and ring.totals[-1] > 0xFFFFFFFF
    ring.add(at, minor, _SPEND_CAP_HUGE if huge else SPEND_CAP, _SPEND_HORIZON)
    if obs.peak_ms <= at_ms - 30 * DAY and obs.peak_minor >= 0:
        end = len(ring.times)
        obs.peak_minor, peak = ring.largest(bisect_right(ring.times, at - 30 * DAY), end)
        obs.peak_ms = peak + obs.base_ms
    elif minor > obs.peak_minor or (minor == obs.peak_minor and at_ms > obs.peak_ms):
        obs.peak_minor, obs.peak_ms = minor, at_ms
    if refused:
        return  # a refused amount is an attempt, not a habit
    value = log1p(minor)
    weight = 1.0
    if at_ms >= obs.habit_ms:
        fade = _decay(at_ms - obs.habit_ms)
        if obs.habit_weight > 0.0 and value > obs.habit_sum / obs.habit_weight + _SPIKE_LOG:
            mark(obs.spikes, at, TIMES_CAP, _MONTH_HORIZON)
        obs.habit_weight *= fade
        obs.habit_sum *= fade
        obs.habit_squares *= fade
        obs.habit_ms = at_ms
    else:
        weight = _decay(obs.habit_ms - at_ms)
    obs.habit_weight += weight
    obs.habit_sum += weight * value
    obs.habit_squares += weight * value * value


_SPIKE_LOG = log1p(SPIKE_RATIO - 1.0)


def _adopted_home(obs: Observations, currency: str, basis: Basis) -> str:
    """The home currency; an account without one takes that of its first money event, so that sums never mix."""
    home = obs.home_currency
    if home is None:
        home = obs.home_currency = basis.home_currency or currency
    return home


def _meet_context(obs: Observations, event: payments.Movement, movement: int, at_ms: int) -> None:
    at_s = at_ms // 1000
    late = at_ms < obs.newest_ms
    if event.device_id is not None:
        meet(obs.devices, key_of(event.device_id), at_s, DEVICES_CAP, late)
    if event.ip is not None:
        meet(obs.ips, key_of(event.ip), at_s, IPS_CAP, late)
        meet(obs.networks, network_key(event.ip), at_s, NETWORKS_CAP, late)
    if event.country is not None:
        meet(obs.countries, key_of(event.country), at_s, COUNTRIES_CAP, late)
    if event.card_token is not None:
        meet(obs.cards, key_of(event.card_token), at_s, CARDS_CAP, late)
    if movement == TOPUP:
        return
    merchant = event.merchant_id or event.terminal_id
    if merchant is not None:
        meet(obs.merchants, key_of(merchant), at_s, MERCHANTS_CAP, late)
    if event.counterparty_id is not None:
        meet(obs.payees, key_of(event.counterparty_id), at_s, PAYEES_CAP, late)


def _active(obs: Observations, at_ms: int, basis: Basis) -> None:
    obs.events += 1
    if at_ms > obs.newest_ms:
        obs.newest_ms = at_ms
    hour, _ = hour_and_weekday(at_ms, obs.time_zone or basis.time_zone)
    hours = obs.hours
    if not hours:
        obs.hours = hours = [0] * 24
    hours[hour] += 1
    obs.hours_total += 1
    if obs.hours_total >= _HOURS_HALVED_AT:
        obs.hours = [activity // 2 for activity in hours]
        obs.hours_total = sum(obs.hours)


def _money_in(obs: Observations, key: int, amount_minor: int, currency: str, at_ms: int, basis: Basis) -> None:
    """Count money that came in once, whether the ledger or the channel tells first."""
    if key in obs.inflow_seen:
        return
    obs.inflow_seen.append(key)
    if len(obs.inflow_seen) > _INFLOW_SEEN_CAP:
        del obs.inflow_seen[0]
    minor = priced(amount_minor, currency, _adopted_home(obs, currency, basis), basis)
    if minor >= 0:
        obs.inflow.add(at_ms - obs.base_ms, minor, _INFLOW_CAP, _DAY_HORIZON)
    if at_ms > obs.last_inflow_ms:
        obs.last_inflow_ms = at_ms


def _refund(obs: Observations, event: payments.Refund, at_ms: int, _: Basis) -> None:
    key = movement_key(event.refund_id)
    if key not in obs.seen:
        obs.seen.append(key)
        if len(obs.seen) > SEEN_CAP:
            del obs.seen[0]
        mark(obs.refunds, at_ms - obs.base_ms, TIMES_CAP, _MONTH_HORIZON)


def _card_bound(obs: Observations, event: payments.CardBound, at_ms: int, _: Basis) -> None:
    obs.card_bound_ms = max(obs.card_bound_ms, at_ms)
    meet(obs.cards, key_of(event.card_token), at_ms // 1000, CARDS_CAP, at_ms < obs.newest_ms)
    obs.newest_ms = max(obs.newest_ms, at_ms)


def _ledger(obs: Observations, event: accounts.LedgerPosted, at_ms: int, basis: Basis) -> None:
    if event.kind != "posting":
        return
    minor = priced(event.amount_minor, event.currency, _adopted_home(obs, event.currency, basis), basis)
    if minor >= 0:
        signed = minor if event.direction == "credit" else -minor
        obs.balance_minor = max(-_LARGEST_MINOR, min(_LARGEST_MINOR, (obs.balance_minor or 0) + signed))
    if event.direction == "debit":
        return
    if event.counterparty_id is not None:
        late = at_ms < obs.newest_ms
        meet(obs.payers, key_of(event.counterparty_id), at_ms // 1000, PAYERS_CAP, late)
        obs.newest_ms = max(obs.newest_ms, at_ms)
    if event.payment_id is None:
        _money_in(obs, movement_key(event.entry_id), event.amount_minor, event.currency, at_ms, basis)
        return
    key = movement_key(event.payment_id)
    if key not in obs.seen:  # the credit of an outgoing movement is its refund, not new money
        _money_in(obs, key, event.amount_minor, event.currency, at_ms, basis)


def _login_succeeded(obs: Observations, event: logins.LoginSucceeded, at_ms: int, basis: Basis) -> None:
    at_s = at_ms // 1000
    late = at_ms < obs.newest_ms
    if is_known_context(obs, event):
        obs.known_success_ms = max(obs.known_success_ms, at_ms)
    else:
        obs.stranger_success_ms = max(obs.stranger_success_ms, at_ms)
    mark(obs.logins, at_ms - obs.base_ms, TIMES_CAP, _DAY_HORIZON)
    obs.logins_total += 1
    obs.last_login_ms = max(obs.last_login_ms, at_ms)
    obs.last_active_ms = max(obs.last_active_ms, at_ms)
    device = 0
    if event.device_id is not None:
        device = key_of(event.device_id)
        meet(obs.devices, device, at_s, DEVICES_CAP, late)
        meet(obs.trusted, device, at_s, DEVICES_CAP, late)
    network = network_key(event.ip)
    meet(obs.ips, key_of(event.ip), at_s, IPS_CAP, late)
    meet(obs.networks, network, at_s, NETWORKS_CAP, late)
    meet(obs.login_networks, network, at_s, NETWORKS_CAP, late)
    if event.country is not None:
        country = key_of(event.country)
        meet(obs.countries, country, at_s, COUNTRIES_CAP, late)
        meet(obs.login_countries, country, at_s, COUNTRIES_CAP, late)
    if event.user_agent is not None:
        meet(obs.agents, key_of(event.user_agent), at_s, DEVICES_CAP, late)
    if event.asn is not None:
        meet(obs.systems, event.asn, at_s, DEVICES_CAP, late)
    if event.latitude is not None and event.longitude is not None and at_ms >= obs.place_ms:
        if obs.place_ms and device != obs.place_device:
            obs.journey_ms = at_ms
            obs.journey_km = great_circle_km(obs.latitude, obs.longitude, event.latitude, event.longitude)
            obs.journey_kmh = speed_kmh(obs.journey_km, at_ms - obs.place_ms)
        obs.place_ms, obs.place_device = at_ms, device
        obs.latitude, obs.longitude = event.latitude, event.longitude
    _active(obs, at_ms, basis)


def _login_failed(obs: Observations, event: logins.LoginFailed, at_ms: int, _: Basis) -> None:
    at = at_ms - obs.base_ms
    if is_known_context(obs, event):
        mark(obs.known_failures, at, FAILURES_CAP)
        return
    times, ips = obs.stranger_failures, obs.stranger_ips
    mark_with(times, ips, at, key_of(event.ip) & 0xFFFFFFFF, FAILURES_CAP)


def _challenge_sent(obs: Observations, _: logins.ChallengeSent, at_ms: int, __: Basis) -> None:
    mark(obs.challenges, at_ms - obs.base_ms, TIMES_CAP, _DAY_HORIZON)


def _challenge_failed(obs: Observations, _: logins.ChallengeFailed, at_ms: int, __: Basis) -> None:
    mark(obs.challenge_failures, at_ms - obs.base_ms, TIMES_CAP, _DAY_HORIZON)


def _device_proved(obs: Observations, event: logins.Login, at_ms: int, _: Basis) -> None:
    if type(event) is logins.DeviceBound:
        obs.device_bound_ms = max(obs.device_bound_ms, at_ms)
    else:
        obs.journey_ms = 0
    if event.device_id is None:
        return
    late = at_ms < obs.newest_ms
    for known in (obs.devices, obs.trusted):
        meet(known, key_of(event.device_id), at_ms // 1000, DEVICES_CAP, late)
    obs.newest_ms = max(obs.newest_ms, at_ms)


def _credential_changed(obs: Observations, _: logins.CredentialChanged, at_ms: int, __: Basis) -> None:
    obs.credential_ms = max(obs.credential_ms, at_ms)


def _reset_requested(obs: Observations, _: logins.PasswordResetRequested, at_ms: int, __: Basis) -> None:
    obs.reset_ms = max(obs.reset_ms, at_ms)


def _profile(obs: Observations, event: accounts.AccountProfile, at_ms: int, _: Basis) -> None:
    if at_ms < obs.profile_ms:
        return
    obs.profile_ms = at_ms
    obs.time_zone = event.time_zone if event.time_zone is not None and is_zone(event.time_zone) else None
    obs.opened_ms = None if event.opened_at is None else to_ms(event.opened_at)
    obs.vulnerable, obs.two_factor = event.vulnerable, event.two_factor
    if event.home_currency is not None and event.home_currency != obs.home_currency:
        _change_home(obs, event.home_currency)


def _change_home(obs: Observations, currency: str) -> None:
    """Amounts of two currencies never mix: a changed home currency starts windows and habit anew, and says so."""
    if obs.home_currency is not None and obs.spend.times:
        lost = obs.spend.times[-1]
        obs.spend = Ring(lost=lost)
        obs.peak_minor, obs.peak_ms = -1, 0
        obs.habit_weight = obs.habit_sum = obs.habit_squares = 0.0
        obs.spikes.clear()
    obs.inflow = Ring()
    obs.balance_minor = None
    obs.home_currency = currency


def _label(obs: Observations, event: accounts.LabelRecorded, _: int, __: Basis) -> None:
    key = movement_key(event.subject_id)
    if key in obs.fraud_keys:
        if event.verdict == "legit":
            index = obs.fraud_keys.index(key)
            del obs.frauds[index], obs.fraud_keys[index]
    elif event.verdict == "fraud":
        at = to_ms(event.subject_occurred_at) - obs.base_ms
        mark_with(obs.frauds, obs.fraud_keys, at, key, TIMES_CAP, _LABEL_HORIZON)


_Handler = Callable[[Observations, Any, int, Basis], None]
_HANDLERS: dict[type[Event], _Handler] = {
    **dict.fromkeys(MOVEMENTS, _movement),
    payments.RefundRequested: _refund,
    payments.CardBound: _card_bound,
    accounts.LedgerPosted: _ledger,
    accounts.AccountProfile: _profile,
    accounts.LabelRecorded: _label,
    logins.LoginSucceeded: _login_succeeded,
    logins.LoginFailed: _login_failed,
    logins.ChallengeSent: _challenge_sent,
    logins.ChallengePassed: _device_proved,
    logins.ChallengeFailed: _challenge_failed,
    logins.DeviceBound: _device_proved,
    logins.CredentialChanged: _credential_changed,
    logins.PasswordResetRequested: _reset_requested,
}
OBSERVED: frozenset[type[Event]] = frozenset(_HANDLERS)
# Labels and profiles speak about the past by nature; their own time decides nothing here.
_TIMELESS = (_profile, _label)
