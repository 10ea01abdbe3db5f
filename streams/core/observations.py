"""What has been seen of one account, in a size that no input can exceed?

`fold` is the only writer; features read. Counts, windows, "first", "last" and "largest" do not depend on the order in
which events of the lateness bound arrive (as long as no cap is reached), so late events need no special story. Nothing
here knows what was decided: that is the other type, obligations.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from math import exp2, log1p
from typing import Any

import msgspec

from streams.contracts import accounts, logins, payments
from streams.contracts.base import Event, Watermark, to_ms
from streams.core.currencies import RateTable, convert, exponent_of
from streams.core.distance import great_circle_km, speed_kmh
from streams.core.familiar import (
    Familiar,
    Key,
    Keys,
    Tally,
    contains,
    entry_of,
    key_of,
    meet,
    movement_key,
    network_key,
    number_key,
    place_of,
    remember,
    tallied,
    without_movement,
)
from streams.core.identity import OWNERS_LEVEL, level_shown
from streams.core.local_time import hour_and_weekday, is_zone
from streams.core.login_risk.history import LoginHistory, always_names
from streams.core.unlearning import keys_in, learn, learned_s
from streams.core.unmet import (
    CONTEXT,
    DEVICES,
    IPS,
    RECEIVERS,
    Attempt,
    Attempts,
    each,
    named,
    shop_of,
    with_attempt,
    without_attempt,
)
from streams.core.windows import (
    DAY,
    FARTHEST,
    HOUR,
    Ring,
    Times,
    later,
    mark,
    mark_with,
    moved,
    one_more,
    opened,
    packed,
    unpacked,
    without,
)

# Caps bound the stored size: 11 KiB if everything is full of large values, 1 KiB typically. They are engineering, not
# policy: a cap only decides how much history a burst may erase.
SPEND_CAP = 240  # of 30 days: eight a day
TIMES_CAP = 48  # refusals, refunds, inflows, spikes, logins: no rule asks for more than this in their windows
_GUESSES_CAP = 8  # an app that still has an old password tries that one alone
FAILURES_CAP = 104  # a credential is disabled at 100 failures in a row (NIST SP 800-63B-4), so more must be visible
MERCHANTS_CAP = 48
PAYEES_CAP = 24
PAYERS_CAP = 64  # a club that collects from the same members each month; beyond it who comes back is new
IPS_CAP = 24
NETWORKS_CAP = 16
CARDS_CAP = 16
DEVICES_CAP = 12
COUNTRIES_CAP = 8
SEEN_CAP = 64  # movements whose later events must not count again; the life of a payment rarely spans 64 others
_REFUSED_CAP = 16  # the payment system, the gateway and the provider tell of one refusal within minutes
_INFLOW_CAP = 32  # of a day
_STRANGE_CAP = 32  # of a day
_GATHERED_CAP = 32  # of a day
_GONE_CAP = 32  # of a day
_GONE_SEEN_CAP = 16  # the steps of one movement that was carried out are told within minutes
TRIFLE = 100  # what is less than one part in so many of what first senders sent is no part of a collection
_INFLOW_SEEN_CAP = 16  # the ledger and the channel tell of the same money within minutes

_LATENESS_MARGIN = HOUR  # windows keep this much more than their length, so that late questions are exact
_SPEND_HORIZON = 30 * DAY + _LATENESS_MARGIN
_WEEK_HORIZON = 7 * DAY + _LATENESS_MARGIN
_DAY_HORIZON = DAY + _LATENESS_MARGIN
_MONTH_HORIZON = 30 * DAY + _LATENESS_MARGIN
_LABEL_HORIZON = 45 * DAY
# Relative times reach 49.7 days; when that is over the base moves to just before what the longest horizon asks for.
# A first base of one day before the first event leaves room for late ones.
_BASE_STAYS_BEHIND = _LABEL_HORIZON + HOUR
_FIRST_BASE_BEHIND = DAY
# An account that was erased and never seen again leaves a mark for as long as inputs are kept: what is delivered late
# or twice would teach what was forgotten.
ERASED_MARK_MS = 30 * DAY
# A state nobody touched for this long is dropped: longer than any window, habit or dormancy rule looks back.
FORGET_AFTER_MS = 400 * DAY
PROOF_MS = 900_000  # how long a second factor belongs to a login, before and after it
UNANSWERED_MS = 7 * 86_400_000  # how long who gave none may still be in: sessions end, and owners come back
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
    placeless_systems: frozenset[int] = frozenset()  # where they end says nothing about where their people are


DEFAULT_BASIS = Basis()


class Observations(msgspec.Struct, array_like=True, gc=False):
    """Everything remembered of one account. Fields are only ever added at the end; times named `*_ms` are absolute.

    What holds many values is a container of `windows` or `familiar`: bytes that are stored as they are. A new field of
    type `Times` also gets its name into `_WINDOWED`, or its own line in `_reach`.
    """

    base_ms: int = 0  # `Times` are relative to this
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
    unpriced: Times = b""
    spikes: Times = b""
    seen: Keys = b""  # keys of movements that were counted
    # amount habit: decayed weight, sum and sum of squares of log(1 + minor units), as of habit_ms
    habit_weight: float = 0.0
    habit_sum: float = 0.0
    habit_squares: float = 0.0
    habit_ms: int = 0
    hours: bytes = b""  # activity by local hour: nothing, or 24 packed numbers
    hours_total: int = 0
    # refusals and what went well
    declines: Times = b""
    last_success_ms: int = 0
    refunds: Times = b""
    # money in
    inflow: Ring = msgspec.field(default_factory=Ring)
    inflow_seen: Keys = b""
    last_inflow_ms: int = 0
    balance_minor: int | None = None  # net of ledger postings since first seen
    # who and where
    devices: Familiar = b""
    trusted: Tally = b""  # devices that logged in, were bound or passed a challenge
    ips: Familiar = b""
    networks: Tally = b""  # of movements, and only those that no login came from
    countries: Familiar = b""
    merchants: Familiar = b""
    payees: Familiar = b""
    payers: Familiar = b""
    cards: Familiar = b""
    # the door
    logins: Times = b""  # successful ones
    logins_total: int = 0
    login_networks: Tally = b""
    login_countries: Tally = b""
    agents: Tally = b""
    systems: Tally = b""  # autonomous systems
    known_failures: Times = b""
    stranger_failures: Times = b""
    stranger_ips: Keys = b""  # beside stranger_failures
    known_success_ms: int = 0  # last successful login from a known context, and from another
    stranger_success_ms: int = 0
    challenges: Times = b""
    challenge_failures: Times = b""
    credential_ms: int = 0
    reset_ms: int = 0
    device_bound_ms: int = 0
    card_bound_ms: int = 0
    # place of the last successful login
    place_ms: int = 0
    latitude: float = 0.0
    longitude: float = 0.0
    place_device: bytes = b""  # key
    # what labels have proved: time of the fraudulent movement and its key
    frauds: Times = b""
    fraud_keys: Keys = b""
    # how the last successful login on another device than the one before got there, until somebody proves themselves
    journey_ms: int = 0
    journey_km: float = 0.0
    journey_kmh: float = 0.0
    last_decline_ms: int = 0
    erased_ms: int = 0  # what happened until then is nobody's business any more
    # where trusted logins came from; `streams.core.login_risk.training` changes it, because trust is not observed
    login_history: LoginHistory | None = None
    # a success that was asked for a second factor makes its device and network known only when the factor is given
    doubted_ms: int = 0
    doubted_from: tuple[Key, ...] = ()  # keys of address, network and, where one is named, device
    proved_ms: int = 0  # the last second factor, for systems that ask for it before they tell of the login
    proved_from: Key = b""
    # failures before are over although no login followed: by a proof of identity, a second factor, a new password
    known_cleared_ms: int = 0
    stranger_cleared_ms: int = 0
    # what was met for the first time lately, to be forgotten if it was a thief's (`streams.core.unlearning`)
    learned: bytes = b""
    learned_lost_s: int = 0  # newest of what there was no room for
    proved_device: Key = b""  # of the last second factor; empty: it named none
    # what went, or was to go, where no money of this account had gone a day before
    strange: Ring = msgspec.field(default_factory=Ring)
    # changes of credentials until then were the owner's: by a proof of identity, or an analyst's word
    credential_cleared_ms: int = 0
    attempts: Attempts = b""  # movements that may never go, with what they make known if they do
    credential_from: tuple[Key, ...] = ()  # of the change of `credential_ms`, as `doubted_from`
    doubted_country: Key = b""  # beside `doubted_from`; empty: it named none
    refused: Keys = b""  # movements that were refused, and not asked for since
    wrong_guesses: Keys = b""  # passwords, each with the known device that gave it
    # what came from senders who had sent nothing a day before
    gathered: Ring = msgspec.field(default_factory=Ring)
    explained_ms: int = 0  # what came in until then is no mule's money, as a person has found
    checked_device: Key = b""  # on which the owner passed the newest check of face and document; empty: it named none
    # after a theft: devices that somebody else may hold, and when that was found
    lost: bytes = b""
    lost_ms: int = 0
    # outgoing movements that were carried out, by when that was told first
    gone: Ring = msgspec.field(default_factory=Ring)
    gone_seen: Keys = b""
    forgotten: Familiar = b""  # devices that are known no more since somebody reported a theft, as in `devices`

    @property
    def last_login_ms(self) -> int:
        """The last successful login; 0 for none."""
        return max(self.known_success_ms, self.stranger_success_ms)


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
    if observations.erased_ms and observations.first_ms == -1:
        return observations.erased_ms + ERASED_MARK_MS
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
_REQUESTS = frozenset(
    (
        payments.PaymentRequested,
        payments.TransferRequested,
        payments.WithdrawalRequested,
        payments.BillpayRequested,
        payments.TopupRequested,
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
# Money has left: an authorisation only reserves it.
_CARRIED_OUT = _SUCCESSES - _MONEY_IN - {payments.PaymentAuthorized}


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


def seen_key(movement: int, payment_id: str) -> bytes:
    """Key of a movement in `seen`; top-ups apart, because a credit for one is money in and for others a refund."""
    return movement_key("\x00" + payment_id if movement == TOPUP else payment_id)


def goes_to_a_stranger(obs: Observations, event: payments.Movement, movement: int, at_ms: int) -> bool:
    """Whether money is to go where none of this account had gone a day before.

    To a payee, else a merchant or biller, else the card of a withdrawal. Who names none of them, on a device that the
    account has met within a day, sends it nobody knows where.
    """
    after_s = (at_ms - DAY) // 1000
    shop = shop_of(event)
    if event.counterparty_id is not None:
        known, name = obs.payees, event.counterparty_id
    elif shop is not None:
        known, name = obs.merchants, shop
    elif movement == WITHDRAWAL and event.card_token is not None:
        known, name = obs.cards, event.card_token
    elif event.device_id is not None:
        known, name = obs.devices, event.device_id
    else:
        return False
    entry = entry_of(known, key_of(name))
    return entry is None or entry[0] > after_s


def address_mark(ip: str) -> bytes:
    """Key of an address beside `stranger_failures`: 4 bytes, which tell 104 addresses apart but once in 800,000."""
    return key_of(ip)[:4]


def habit_at(observations: Observations, at_ms: int) -> tuple[float, float, float]:
    """(weight, mean, variance) of the log amounts; weight 0 where there is no habit to speak of."""
    weight = observations.habit_weight
    if weight <= 0.0:
        return 0.0, 0.0, 0.0
    mean = observations.habit_sum / weight
    variance = observations.habit_squares / weight - mean * mean
    return weight * _decay(at_ms - observations.habit_ms), mean, max(variance, 0.0)


def is_established(observations: Observations, at_ms: int, days: int, payments_made: float) -> bool:
    """Whether the account is so many days old and pays: what somebody who opens accounts to abuse them has to fake.

    `payments_made` counts what was not refused, each half as much after 30 days.
    """
    since_ms = observations.first_ms if observations.first_ms >= 0 else at_ms
    if observations.opened_ms is not None:
        since_ms = min(since_ms, observations.opened_ms)
    return at_ms - since_ms >= days * DAY and habit_at(observations, at_ms)[0] >= payments_made


def known_since_ms(observations: Observations, device_id: str | None) -> int:
    """When the account first met a device that has logged in, was bound or passed a challenge, in ms; 0: never."""
    if device_id is None or not tallied(observations.trusted, key_of(device_id)):
        return 0
    entry = entry_of(observations.devices, key_of(device_id))
    return 0 if entry is None else entry[0] * 1000


def is_lost(observations: Observations, event: payments.Movement | logins.Login) -> bool:
    """Whether its device may be the one that was stolen: nobody has shown since then that it is the owner's."""
    if not observations.lost or event.device_id is None:
        return False
    device = key_of(event.device_id)
    return device in keys_in(observations.lost) and not tallied(observations.trusted, device)


def network_since_ms(observations: Observations, event: logins.Login | payments.Movement) -> int:
    """When logins first came from its network, in ms, where that stands for a device; 0: it does not, or none did."""
    if observations.trusted or event.device_id is not None:
        return 0
    return login_network_ms(observations, event)


def login_network_ms(observations: Observations, event: logins.Login | payments.Movement) -> int:
    """When logins first came from its network, in ms; 0: none that was not doubted did."""
    if event.ip is None:
        return 0
    network = network_key(event.ip)
    if not tallied(observations.login_networks, network):
        return 0
    return max(1, learned_s(observations, "login_networks", network) * 1000)


def is_known_context(observations: Observations, login: logins.Login) -> bool:
    """Whether a successful login came from this device before; on an account that never named one, from this network.

    Whoever is known by devices is not known without one: a neighbour in the owner's network is a stranger, or leaving
    the device out would be enough to lock the owner out.
    """
    if login.device_id is not None:
        return tallied(observations.trusted, key_of(login.device_id)) > 0
    return not observations.trusted and tallied(observations.login_networks, network_key(login.ip)) > 0


def is_known_place(observations: Observations, card: payments.Card) -> bool:
    """Whether logins came from the device that added or removed a card; where none says, from its network.

    Where nothing is named, or no login was ever seen, nothing speaks of a stranger.
    """
    if card.device_id is not None and observations.trusted:
        return tallied(observations.trusted, key_of(card.device_id)) > 0
    if card.ip is None or not observations.login_networks:
        return True
    return tallied(observations.login_networks, network_key(card.ip)) > 0


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
        accounts.CaseAction,
        accounts.ContactTaken,
        accounts.AccountErasure,
        accounts.EntityBlock,
        accounts.IncidentAction,
        accounts.ActionAcknowledged,
        Watermark,
    )
)


# --- folding --------------------------------------------------------------------------------------------------------


def fold(
    observations: Observations,
    event: Event,
    at_ms: int,
    late: bool = False,
    basis: Basis = DEFAULT_BASIS,
    *,
    asked: bool = False,
    answerable: bool = False,
    guessed: bool = False,
    worn_down: bool = False,
    stopped: bool = False,
    attempted: bool = False,
) -> None:
    """Remember `event`. Changes `observations`, which the caller owns.

    `asked`: the event is a login that somebody doubts, so it must prove itself before anything of it is known. So must
    one that names no device where the owner is known by devices. `answerable`: it was asked in earnest, so that its
    place stays as new as it is until the answer comes: else whoever comes a second time would be asked no more.
    `guessed`: it is asked in earnest because there were guesses from the same network, which is all it is known by.
    `worn_down`: a second factor that was given to one prompt too many says nothing about who is there.
    `attempted`: a rule wants a second factor for this movement in earnest, or worse, so that where it comes from and
    who was to get the money stay as new as they were until it is released or carried out: else a retry would be a
    payment by and to somebody known. `stopped`: it is held or blocked, which no second factor ends.

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
        observations.base_ms, observations.first_ms = at_ms - _FIRST_BASE_BEHIND, at_ms
    elif at_ms < observations.first_ms:
        observations.first_ms = at_ms
    if not 0 <= at_ms - observations.base_ms <= FARTHEST:
        _reach(observations, at_ms)
    if worn_down:
        return
    unnamed = bool(observations.trusted) and isinstance(event, logins.Login) and event.device_id is None
    if (
        (asked or unnamed)
        and type(event) is logins.LoginSucceeded
        and not (is_proved(observations, event, at_ms) or (is_known_context(observations, event) and not guessed))
    ):
        _came_in(observations, event, at_ms, basis, unmet=unnamed or answerable)
        observations.doubted_ms, observations.doubted_from = at_ms, _where(event)
        observations.doubted_country = b"" if event.country is None else key_of(event.country)
        return
    if isinstance(event, payments.Movement) and handler is _movement:
        _movement(observations, event, at_ms, basis, stopped=stopped, attempted=attempted)
        return
    handler(observations, event, at_ms, basis)


def is_proved(obs: Observations, event: logins.Login, at_ms: int) -> bool:
    """Whether a second factor was given from there just before a login, for systems that tell of them in that order."""
    proved = _where(event)[2:], (obs.proved_device,) if obs.proved_device else ()
    if not proved[0] and proved[1] and _names_always(obs, at_ms):
        return False
    return _near(at_ms, obs.proved_ms) and obs.proved_from == key_of(event.ip) and _agree(*proved)


def _names_always(obs: Observations, at_ms: int) -> bool:
    """Whether its owner names the device with each login: a login without one is somebody else's."""
    return obs.login_history is not None and always_names(obs.login_history, at_ms // DAY).device


def _agree(one: tuple[Key, ...], other: tuple[Key, ...]) -> bool:
    """Whether two devices may be the same: at an address that many share, only where not both name another one."""
    return not one or not other or one == other


def _near(at_ms: int, then_ms: int) -> bool:
    return then_ms > 0 and abs(at_ms - then_ms) <= PROOF_MS


def _where(event: logins.Login) -> tuple[Key, ...]:
    device = () if event.device_id is None else (key_of(event.device_id),)
    return (key_of(event.ip), network_key(event.ip), *device)


def _reach(obs: Observations, at_ms: int) -> None:
    """Move the base so that `at_ms` can be told from it, unless it is older than anything that is ever asked for."""
    by = at_ms - _BASE_STAYS_BEHIND - obs.base_ms
    if at_ms < obs.base_ms:
        by = max(at_ms, obs.touched_ms - FARTHEST) - obs.base_ms
    if by > 0:
        # What only windows ask for is over. Failures and refusals "since the last success" are not, however old: they
        # go on counting until there is one.
        for name in _WINDOWED:
            setattr(obs, name, later(getattr(obs, name), b"", by - 1)[0])
        obs.frauds, obs.fraud_keys = later(obs.frauds, obs.fraud_keys, by - 1)
        obs.declines, _ = later(obs.declines, b"", min(by - 1, obs.last_success_ms - obs.base_ms))
        over = min(by - 1, obs.last_login_ms - obs.base_ms)
        obs.known_failures, _ = later(obs.known_failures, b"", over)
        obs.stranger_failures, obs.stranger_ips = later(obs.stranger_failures, obs.stranger_ips, over)
    obs.base_ms += by
    obs.spend.moved(by)
    obs.inflow.moved(by)
    obs.strange.moved(by)
    obs.gathered.moved(by)
    obs.gone.moved(by)
    for name in (*_WINDOWED, "frauds", "declines", "known_failures", "stranger_failures"):
        setattr(obs, name, moved(getattr(obs, name), by))


# Fields of type `Times` that are asked for windows of at most `_BASE_STAYS_BEHIND` and nothing else.
_WINDOWED = ("unpriced", "spikes", "refunds", "logins", "challenges", "challenge_failures")


def _movement(
    obs: Observations,
    event: payments.Movement,
    at_ms: int,
    basis: Basis,
    *,
    stopped: bool = False,
    attempted: bool = False,
) -> None:
    kind = type(event)
    refused = kind in REFUSALS
    movement = MOVEMENTS[kind]
    key = seen_key(movement, event.payment_id)
    if refused:
        _refusal(obs, key, at_ms)
    elif kind in _SUCCESSES and at_ms > obs.last_success_ms:
        obs.last_success_ms = at_ms
    elif kind in _REQUESTS and obs.refused and at_ms > obs.last_decline_ms:
        obs.refused = without_movement(obs.refused, key)  # its next refusal is another one
    if kind in _MONEY_IN:
        _money_in(obs, movement_key(event.payment_id), event.amount_minor, event.currency, at_ms, basis)
    if kind in _CARRIED_OUT:
        _money_out(obs, key, event, at_ms, basis)
    if contains(obs.seen, key):
        if kind in _SUCCESSES:
            _goes(obs, key, at_ms)
            _meet_receivers(obs, named(event, pays=movement != TOPUP), at_ms, again=False)
        if at_ms > obs.newest_ms:
            obs.newest_ms = at_ms
        return
    obs.seen = remember(obs.seen, key, SEEN_CAP)
    if movement != TOPUP:
        is_strange = goes_to_a_stranger(obs, event, movement, at_ms)
        minor = _spend(obs, event.amount_minor, event.currency, at_ms, refused, basis)
        if is_strange and minor >= 0:
            obs.strange.add(at_ms - obs.base_ms, minor, _STRANGE_CAP, _DAY_HORIZON)
    keys = named(event, pays=movement != TOPUP and not refused)
    if kind in _SUCCESSES or not (attempted or stopped or _is_from_doubted(obs, keys, at_ms)):
        _meet(obs, keys, at_ms)
    else:
        attempt = Attempt(key, at_ms // 1000, not stopped, keys)
        if _is_answered(attempt, obs.proved_ms, obs.proved_from, obs.proved_device):
            _meet(obs, keys, at_ms)
        else:
            obs.attempts = with_attempt(obs.attempts, attempt)
            _meet_context(obs, keys, at_ms, unmet=True)
    _active(obs, at_ms, basis)


def _refusal(obs: Observations, key: bytes, at_ms: int) -> None:
    """One refusal is one, whoever tells of it and however often."""
    if contains(obs.refused, key):
        return
    obs.refused = remember(obs.refused, key, _REFUSED_CAP)
    obs.declines = mark(obs.declines, at_ms - obs.base_ms, TIMES_CAP, _WEEK_HORIZON)
    obs.last_decline_ms = max(obs.last_decline_ms, at_ms)


class Whence(enum.IntEnum):
    """Where a movement comes from."""

    UNTOLD = 0  # the account never named a device: nobody can tell
    DEVICE = 1  # a device that has logged in
    HOME = 2  # a network that logins came from, or neither is named and somebody known logged in last
    ELSEWHERE = 3


def whence(obs: Observations, event: payments.Movement) -> Whence:
    """Where a movement comes from, of an account that is known by devices."""
    return _whence(obs, named(event, pays=False)) if obs.trusted else Whence.UNTOLD


def _whence(obs: Observations, keys: tuple[Key, ...]) -> Whence:
    """No device or network of somebody in doubt is at home; on an account without devices the network alone tells."""
    device, _, network = keys[:3]
    if device and tallied(obs.trusted, device):
        return Whence.DEVICE
    in_doubt = obs.doubted_from[1:] if obs.trusted else ()
    if device in in_doubt or network in in_doubt:
        return Whence.ELSEWHERE
    if not device and not network:
        return Whence.HOME if obs.known_success_ms > obs.doubted_ms else Whence.ELSEWHERE
    return Whence.HOME if network and tallied(obs.login_networks, network) else Whence.ELSEWHERE


def _is_from_doubted(obs: Observations, keys: tuple[Key, ...], at_ms: int) -> bool:
    """Whether a movement may be of somebody who came in lately and gave no second factor.

    Whatever is decided about it then, nobody has shown anything but a password.
    """
    if not obs.doubted_from or not 0 <= at_ms - obs.doubted_ms <= UNANSWERED_MS:
        return False
    return _whence(obs, keys) is Whence.ELSEWHERE


def _is_answered(attempt: Attempt, proved_ms: int, address: Key, device: Key) -> bool:
    """Whether a second factor was given for it: soon after, by its device, or from its address where one names none."""
    if not attempt.answerable or not 0 <= proved_ms - attempt.at_s * 1000 <= PROOF_MS:
        return False
    own = attempt.keys[DEVICES]
    return own == device if own and device else attempt.keys[IPS] == address


def let_go(obs: Observations, payment_id: str, at_ms: int) -> None:
    """Somebody who is known has let a movement go: where it came from, and who gets it, is known from now on."""
    for movement in (OTHER, TOPUP):
        _goes(obs, seen_key(movement, payment_id), at_ms)


def _goes(obs: Observations, movement: bytes, at_ms: int) -> None:
    for attempt in each(obs.attempts):
        if attempt.movement == movement:
            obs.attempts = without_attempt(obs.attempts, attempt)
            _meet(obs, attempt.keys, at_ms)


def _spend(obs: Observations, amount_minor: int, currency: str, at_ms: int, refused: bool, basis: Basis) -> int:
    """The amount in the home currency, or -1 where no rate says so."""
    if at_ms > obs.last_spend_ms:
        obs.last_spend_ms = at_ms
    home = _adopted_home(obs, currency, basis)
    at = at_ms - obs.base_ms
    minor = amount_minor if currency == home else priced(amount_minor, currency, home, basis)
    if minor < 0:
        obs.unpriced = mark(obs.unpriced, at, TIMES_CAP, _MONTH_HORIZON)
        return -1
    obs.spend.add(at, minor, SPEND_CAP, _SPEND_HORIZON)
    if obs.peak_ms <= at_ms - 30 * DAY and obs.peak_minor >= 0:
        obs.peak_minor, peak = obs.spend.largest(at - 30 * DAY, FARTHEST)
        obs.peak_ms = peak + obs.base_ms
    elif minor > obs.peak_minor or (minor == obs.peak_minor and at_ms > obs.peak_ms):
        obs.peak_minor, obs.peak_ms = minor, at_ms
    if refused:
        return minor  # a refused amount is an attempt, not a habit
    value = log1p(minor)
    weight = 1.0
    if at_ms >= obs.habit_ms:
        fade = _decay(at_ms - obs.habit_ms)
        if obs.habit_weight > 0.0 and value > obs.habit_sum / obs.habit_weight + _SPIKE_LOG:
            obs.spikes = mark(obs.spikes, at, TIMES_CAP, _MONTH_HORIZON)
        obs.habit_weight *= fade
        obs.habit_sum *= fade
        obs.habit_squares *= fade
        obs.habit_ms = at_ms
    else:
        weight = _decay(obs.habit_ms - at_ms)
    obs.habit_weight += weight
    obs.habit_sum += weight * value
    obs.habit_squares += weight * value * value
    return minor


_SPIKE_LOG = log1p(SPIKE_RATIO - 1.0)


def _adopted_home(obs: Observations, currency: str, basis: Basis) -> str:
    """The home currency; an account without one takes that of its first money event, so that sums never mix."""
    home = obs.home_currency
    if home is None:
        home = obs.home_currency = basis.home_currency or currency
    return home


_CONTEXT_CAPS = (DEVICES_CAP, IPS_CAP, NETWORKS_CAP, COUNTRIES_CAP, CARDS_CAP)
_RECEIVER_CAPS = (MERCHANTS_CAP, PAYEES_CAP)


def _meet(obs: Observations, keys: tuple[Key, ...], at_ms: int) -> None:
    """Where a movement came from, and who gets the money, is known from now on."""
    _meet_context(obs, keys, at_ms)
    _meet_receivers(obs, keys, at_ms)


def _meet_context(obs: Observations, keys: tuple[Key, ...], at_ms: int, *, unmet: bool = False) -> None:
    """Where a movement came from is known from now on; `unmet`: only what is known already was seen once more."""
    late = at_ms < obs.newest_ms
    for name, key, cap in zip(CONTEXT, keys[: len(CONTEXT)], _CONTEXT_CAPS, strict=True):
        if not key:
            continue
        if name == "networks":
            if not tallied(obs.login_networks, key) and (not unmet or tallied(obs.networks, key)):
                learn(obs, name, key, cap, at_ms)
            continue
        known, at_s = getattr(obs, name), at_ms // 1000
        if unmet:
            entry = entry_of(known, key)
            if entry is None:
                continue
            at_s = max(at_s, entry[0])
        setattr(obs, name, meet(known, key, at_s, cap, late))


def _meet_receivers(obs: Observations, keys: tuple[Key, ...], at_ms: int, *, again: bool = True) -> None:
    """Who gets the money is known from now on; `again`: and is counted once more if they are already."""
    late = at_ms < obs.newest_ms
    for name, key, cap in zip(RECEIVERS, keys[len(CONTEXT) :], _RECEIVER_CAPS, strict=True):
        known = getattr(obs, name)
        if key and (again or entry_of(known, key) is None):
            setattr(obs, name, meet(known, key, at_ms // 1000, cap, late))


def _active(obs: Observations, at_ms: int, basis: Basis) -> None:
    obs.events += 1
    if at_ms > obs.newest_ms:
        obs.newest_ms = at_ms
    hour, _ = hour_and_weekday(at_ms, obs.time_zone or basis.time_zone)
    obs.hours = one_more(obs.hours or bytes(24), 24, hour)
    obs.hours_total += 1
    if obs.hours_total >= _HOURS_HALVED_AT:
        halves = [activity // 2 for activity in unpacked(obs.hours, 24)]
        obs.hours, obs.hours_total = packed(halves), sum(halves)


def _money_in(obs: Observations, key: bytes, amount_minor: int, currency: str, at_ms: int, basis: Basis) -> int:
    """Count money that came in once, whether the ledger or the channel tells first: how much; -1 if it is nothing."""
    if contains(obs.inflow_seen, key):
        return -1
    obs.inflow_seen = remember(obs.inflow_seen, key, _INFLOW_SEEN_CAP)
    minor = priced(amount_minor, currency, _adopted_home(obs, currency, basis), basis)
    if minor >= 0:
        obs.inflow.add(at_ms - obs.base_ms, minor, _INFLOW_CAP, _DAY_HORIZON)
    if at_ms > obs.last_inflow_ms:
        obs.last_inflow_ms = at_ms
    return minor


def _money_out(obs: Observations, key: bytes, event: payments.Movement, at_ms: int, basis: Basis) -> None:
    """Count money that left once, however many steps tell of it."""
    if contains(obs.gone_seen, key):
        return
    obs.gone_seen = remember(obs.gone_seen, key, _GONE_SEEN_CAP)
    minor = priced(event.amount_minor, event.currency, _adopted_home(obs, event.currency, basis), basis)
    if minor >= 0:
        obs.gone.add(at_ms - obs.base_ms, minor, _GONE_CAP, _DAY_HORIZON)


def _gather(obs: Observations, minor: int, at_ms: int) -> None:
    """Remembers what a first sender sent. A rain of cents pushes nothing out that is worth more."""
    if len(obs.gathered.times) < _GATHERED_CAP * 4 or minor * TRIFLE >= obs.gathered.total:
        obs.gathered.add(at_ms - obs.base_ms, minor, _GATHERED_CAP, _DAY_HORIZON)


def _refund(obs: Observations, event: payments.Refund, at_ms: int, _: Basis) -> None:
    key = movement_key(f"{event.payment_id}\x1f{event.refund_id}")  # merchants number refunds each for themselves
    if not contains(obs.seen, key):
        obs.seen = remember(obs.seen, key, SEEN_CAP)
        obs.refunds = mark(obs.refunds, at_ms - obs.base_ms, TIMES_CAP, _MONTH_HORIZON)


def _card_bound(obs: Observations, event: payments.CardBound, at_ms: int, _: Basis) -> None:
    obs.card_bound_ms = max(obs.card_bound_ms, at_ms)
    obs.cards = meet(obs.cards, key_of(event.card_token), at_ms // 1000, CARDS_CAP, at_ms < obs.newest_ms)
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
    is_first = False
    if event.counterparty_id is not None:
        late, sender = at_ms < obs.newest_ms, key_of(event.counterparty_id)
        met = entry_of(obs.payers, sender)
        is_first = met is None or met[0] > (at_ms - DAY) // 1000
        obs.payers = meet(obs.payers, sender, at_ms // 1000, PAYERS_CAP, late)
        obs.newest_ms = max(obs.newest_ms, at_ms)
    key = movement_key(event.entry_id if event.payment_id is None else event.payment_id)
    if event.payment_id is not None and contains(obs.seen, key):
        return  # the credit of an outgoing movement is its refund, not new money
    came = _money_in(obs, key, event.amount_minor, event.currency, at_ms, basis)
    if is_first and came > 0:
        _gather(obs, came, at_ms)


def _login_succeeded(obs: Observations, event: logins.LoginSucceeded, at_ms: int, basis: Basis) -> None:
    if is_known_context(obs, event):
        obs.known_success_ms = max(obs.known_success_ms, at_ms)
    else:
        obs.stranger_success_ms = max(obs.stranger_success_ms, at_ms)
    _trust(obs, at_ms, *_where(event))
    _came_in(obs, event, at_ms, basis)


def _trust(obs: Observations, at_ms: int, _: Key, network: Key, device: Key = b"") -> None:
    """Whoever comes from there again is known."""
    learn(obs, "login_networks", network, NETWORKS_CAP, at_ms)
    if device:
        learn(obs, "trusted", device, DEVICES_CAP, at_ms)


def _came_in(obs: Observations, event: logins.LoginSucceeded, at_ms: int, basis: Basis, *, unmet: bool = False) -> None:
    """A login counts; where it came from does too, unless it still has to prove itself (`unmet`)."""
    obs.logins = mark(obs.logins, at_ms - obs.base_ms, TIMES_CAP, _DAY_HORIZON)
    device = b"" if event.device_id is None else key_of(event.device_id)
    is_placed = at_ms >= obs.place_ms and event.asn not in basis.placeless_systems
    if is_placed and event.latitude is not None and event.longitude is not None:
        if obs.place_ms and device != obs.place_device:
            obs.journey_ms = at_ms
            obs.journey_km = great_circle_km(obs.latitude, obs.longitude, event.latitude, event.longitude)
            obs.journey_kmh = speed_kmh(obs.journey_km, at_ms - obs.place_ms)
        if not unmet:
            obs.place_ms, obs.place_device = at_ms, device
            obs.latitude, obs.longitude = event.latitude, event.longitude
    if not unmet:
        obs.logins_total += 1
        _meet_place(obs, event, device, at_ms)
    _active(obs, at_ms, basis)


def _meet_place(obs: Observations, event: logins.Login, device: Key, at_ms: int) -> None:
    at_s = at_ms // 1000
    late = at_ms < obs.newest_ms
    if device:
        obs.devices = meet(obs.devices, device, at_s, DEVICES_CAP, late)
    obs.ips = meet(obs.ips, key_of(event.ip), at_s, IPS_CAP, late)
    if event.country is not None:
        country = key_of(event.country)
        obs.countries = meet(obs.countries, country, at_s, COUNTRIES_CAP, late)
        learn(obs, "login_countries", country, COUNTRIES_CAP, at_ms)
    if event.user_agent is not None:
        learn(obs, "agents", key_of(event.user_agent), DEVICES_CAP, at_ms)
    if event.asn is not None:
        learn(obs, "systems", number_key(event.asn), DEVICES_CAP, at_ms)


def is_guess(login: logins.LoginFailed) -> bool:
    """Whether a password was tried; what a lock refused says nothing about who knocks."""
    return login.reason != "account_locked"


def is_new_guess(obs: Observations, login: logins.LoginFailed) -> bool:
    """Whether it counts: a guess that this known device has not given before.

    An app that goes on with an old password learns nothing by that, and would keep its owner's other devices out.
    """
    again = obs.wrong_guesses and is_known_context(obs, login) and contains(obs.wrong_guesses, _guess_key(login))
    return is_guess(login) and not again


def _guess_key(login: logins.LoginFailed) -> bytes:
    return movement_key(f"{login.device_id}/{login.guess_hash}")


def _login_failed(obs: Observations, event: logins.LoginFailed, at_ms: int, _: Basis) -> None:
    if not is_new_guess(obs, event):
        return
    at = at_ms - obs.base_ms
    if is_known_context(obs, event):
        obs.known_failures = mark(obs.known_failures, at, FAILURES_CAP)
        if event.device_id is not None and event.guess_hash is not None:
            obs.wrong_guesses = remember(obs.wrong_guesses, _guess_key(event), _GUESSES_CAP)
        return
    key = address_mark(event.ip)
    obs.stranger_failures, obs.stranger_ips = mark_with(obs.stranger_failures, obs.stranger_ips, at, key, FAILURES_CAP)


def guesses_of(obs: Observations, login: logins.LoginFailed) -> int:
    """Failures of this side of the door since something cleared them, however old, with `login` itself; 0: it is none.

    The ladder forgets after a while, and lets somebody who keeps to its waits guess a thousand times in a month. What
    disables a password does not forget (NIST SP 800-63B-4, 3.2.2). At most FAILURES_CAP and one are remembered.
    """
    if not is_new_guess(obs, login):
        return 0
    if is_known_context(obs, login):
        marks, cleared_ms = obs.known_failures, max(obs.known_success_ms, obs.known_cleared_ms)
    else:
        marks, cleared_ms = obs.stranger_failures, max(obs.stranger_success_ms, obs.stranger_cleared_ms)
    return sum(each > cleared_ms - obs.base_ms for each in opened(marks)) + 1


def _challenge_sent(obs: Observations, _: logins.ChallengeSent, at_ms: int, __: Basis) -> None:
    obs.challenges = mark(obs.challenges, at_ms - obs.base_ms, TIMES_CAP, _DAY_HORIZON)


def _challenge_failed(obs: Observations, _: logins.ChallengeFailed, at_ms: int, __: Basis) -> None:
    obs.challenge_failures = mark(obs.challenge_failures, at_ms - obs.base_ms, TIMES_CAP, _DAY_HORIZON)


def _device_proved(obs: Observations, event: logins.Login, at_ms: int, _: Basis) -> None:
    if type(event) is logins.DeviceBound:
        obs.device_bound_ms = max(obs.device_bound_ms, at_ms)
    else:
        obs.journey_ms = 0
        _proved(obs, event, at_ms)
    if event.device_id is None:
        return
    device = key_of(event.device_id)
    if type(event) is logins.DeviceBound and (device in obs.doubted_from[2:] or _is_in_doubt(obs, event, at_ms)):
        return  # whoever is in binds what they please: it is known when the second factor comes that was asked for
    obs.devices = meet(obs.devices, device, at_ms // 1000, DEVICES_CAP, at_ms < obs.newest_ms)
    learn(obs, "trusted", device, DEVICES_CAP, at_ms)
    obs.newest_ms = max(obs.newest_ms, at_ms)


def _is_in_doubt(obs: Observations, event: logins.Login, at_ms: int) -> bool:
    """Somebody came in lately and gave no second factor, and this does not come from home: it may be the same.

    Home is a network here, because a device that is bound is new.
    """
    unanswered = bool(obs.doubted_from) and abs(at_ms - obs.doubted_ms) <= UNANSWERED_MS
    return unanswered and not tallied(obs.login_networks, network_key(event.ip))


def _proved(obs: Observations, event: logins.Login, at_ms: int) -> None:
    """A second factor was given: by a login that waited for it, if it comes from there."""
    device = b"" if event.device_id is None else key_of(event.device_id)
    obs.proved_ms, obs.proved_from, obs.proved_device = at_ms, key_of(event.ip), device
    for attempt in each(obs.attempts):
        if _is_answered(attempt, at_ms, obs.proved_from, device):
            _goes(obs, attempt.movement, at_ms)
    obs.known_cleared_ms = max(obs.known_cleared_ms, at_ms)
    address, doubted = (obs.doubted_from or (b"",))[0], obs.doubted_from[2:]
    is_named = bool(device) and (bool(doubted) or _names_always(obs, at_ms))
    here = doubted == (device,) if is_named else address == obs.proved_from
    if obs.doubted_from and _near(at_ms, obs.doubted_ms) and here:
        _meet_place(obs, event, device, at_ms)
        _answered(obs, at_ms)


def _answered(obs: Observations, at_ms: int) -> None:
    """The login in doubt was the owner's: where it came from is known from now on."""
    address, _, *devices = obs.doubted_from
    _trust(obs, at_ms, *obs.doubted_from)
    obs.logins_total += 1
    obs.stranger_success_ms = max(obs.stranger_success_ms, obs.doubted_ms)
    at_s, late = at_ms // 1000, at_ms < obs.newest_ms
    obs.ips = meet(obs.ips, address, at_s, IPS_CAP, late)
    if devices:
        obs.devices = meet(obs.devices, devices[0], at_s, DEVICES_CAP, late)
    if obs.doubted_country:
        obs.countries = meet(obs.countries, obs.doubted_country, at_s, COUNTRIES_CAP, late)
        learn(obs, "login_countries", obs.doubted_country, COUNTRIES_CAP, at_ms)
    obs.doubted_from, obs.doubted_country = (), b""


def vouch(obs: Observations, came_ms: Iterable[int], at_ms: int) -> None:
    """Somebody known says that those who came in at `came_ms` were the owner: as good as a second factor from there."""
    if obs.doubted_from and obs.doubted_ms in came_ms:
        _answered(obs, at_ms)


def _credential_changed(obs: Observations, event: logins.CredentialChanged, at_ms: int, _: Basis) -> None:
    change = at_ms, _where(event)
    # What is delivered after the word that covers it is covered.
    if at_ms > obs.credential_cleared_ms and change > (obs.credential_ms, obs.credential_from):
        obs.credential_ms, obs.credential_from = change
    if event.reason == "password":  # nobody has guessed at the new one yet
        obs.known_cleared_ms = max(obs.known_cleared_ms, at_ms)


def trust_word(obs: Observations, at_ms: int, pardoned: Iterable[str], owners_ms: int) -> None:
    """A person has looked: failures of these sides of the door until `at_ms` are nobody's guesses.

    Nor are changes of credentials until `owners_ms` a stranger's, as after a check of face and document; 0: they are as
    they were.
    """
    for side in pardoned:
        if side != "unknown_devices":
            obs.known_cleared_ms = max(obs.known_cleared_ms, at_ms)
        if side != "known_devices":
            obs.stranger_cleared_ms = max(obs.stranger_cleared_ms, at_ms)
    _clear_credentials(obs, owners_ms)


def explain(obs: Observations, until_ms: int) -> None:
    """A person has found that what came in until then only looked like a mule's: it raises nothing again."""
    obs.explained_ms = max(obs.explained_ms, until_ms)


def _clear_credentials(obs: Observations, until_ms: int) -> None:
    obs.credential_cleared_ms = max(obs.credential_cleared_ms, until_ms)
    if obs.credential_ms <= until_ms:
        obs.credential_ms, obs.credential_from = 0, ()


def _identity_verified(obs: Observations, event: accounts.IdentityVerified, at_ms: int, _: Basis) -> None:
    if event.passed and level_shown(event):
        obs.known_cleared_ms = max(obs.known_cleared_ms, at_ms)
        obs.stranger_cleared_ms = max(obs.stranger_cleared_ms, at_ms)
    if event.passed and level_shown(event) >= OWNERS_LEVEL:
        obs.checked_device = key_of(event.device_id) if event.device_id is not None else b""
        obs.lost = b"".join(key for key in keys_in(obs.lost) if key != obs.checked_device)


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
        obs.spend = Ring(lost=opened(obs.spend.times)[-1])
        obs.peak_minor, obs.peak_ms = -1, 0
        obs.habit_weight = obs.habit_sum = obs.habit_squares = 0.0
        obs.spikes = b""
    obs.inflow, obs.gathered, obs.gone = Ring(), Ring(), Ring()
    obs.balance_minor = None
    obs.home_currency = currency


def _label(obs: Observations, event: accounts.LabelRecorded, at_ms: int, __: Basis) -> None:
    key = movement_key(event.subject_id)
    known = place_of(obs.fraud_keys, key)
    if known >= 0:
        if event.verdict == "legit":
            obs.frauds, obs.fraud_keys = without(obs.frauds, obs.fraud_keys, known)
    elif event.verdict == "fraud":
        subject_ms = min(to_ms(event.subject_occurred_at), at_ms)  # nothing is proved before it happens
        if subject_ms < obs.base_ms:
            _reach(obs, subject_ms)
        at = subject_ms - obs.base_ms
        obs.frauds, obs.fraud_keys = mark_with(obs.frauds, obs.fraud_keys, at, key, TIMES_CAP, _LABEL_HORIZON)


_Handler = Callable[[Observations, Any, int, Basis], None]
_HANDLERS: dict[type[Event], _Handler] = {
    **dict.fromkeys(MOVEMENTS, _movement),
    payments.RefundRequested: _refund,
    payments.CardBound: _card_bound,
    accounts.LedgerPosted: _ledger,
    accounts.AccountProfile: _profile,
    accounts.LabelRecorded: _label,
    accounts.IdentityVerified: _identity_verified,
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
