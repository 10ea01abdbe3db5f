"""Which numbers describe an event for rules and models, in which order, and what does each one mean?

The struct is the contract: a field's annotation is its row of the catalogue, so a feature cannot exist undocumented.
Everything is computed from before the event plus the event's own fields. Counts and sums include the event itself,
as the handbook's windows do; habits ("usual", "new", "since") do not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, NamedTuple, get_type_hints

import msgspec

MISSING = -1.0  # no feature is negative, so trees, rules and people can all tell "unknown" from a value
VERSION = 1  # raise it when a feature keeps its name and changes its meaning


class About(NamedTuple):
    """One annotation: family, unit, meaning, and the value where there is nothing to say (None: never missing)."""

    family: str
    unit: str
    meaning: str
    missing: float | None = None


class Features(msgspec.Struct, frozen=True, gc=False):
    """The feature vector of one event. Field order is the order of every model's input; it only grows at the end."""

    # --- the event itself
    kind: Annotated[
        float, About("event", "code", "0 other, 1 payment, 2 transfer, 3 withdrawal, 4 top-up, 5 bill, 6 login")
    ]
    failed: Annotated[float, About("event", "flag", "the event itself is a refusal, or a failed login or challenge")]
    amount: Annotated[
        float, About("event", "home currency", "amount, major units; missing without amount or rate", MISSING)
    ]
    round_amount: Annotated[
        float, About("event", "code", "2 multiple of 100 major units, 1 multiple of 10, else 0", MISSING)
    ]
    near_limit: Annotated[float, About("event", "flag", "amount is in the last tenth below one of the limits", MISSING)]
    # --- the account
    account_events: Annotated[float, About("account", "events", "earlier movements and successful logins")]
    account_age_days: Annotated[
        float, About("account", "days", "since the profile says it was opened, else since first seen")
    ]
    observed_days: Annotated[float, About("account", "days", "since we first saw an event of this account")]
    idle_days: Annotated[
        float, About("account", "days", "since the last outgoing movement or successful login", MISSING)
    ]
    vulnerable: Annotated[float, About("account", "flag", "the profile marks the holder as vulnerable", MISSING)]
    two_factor: Annotated[float, About("account", "flag", "the profile says a second factor is set", MISSING)]
    # --- time, in the account's time zone
    hour: Annotated[float, About("time", "hours", "local hour of day, 0 to 23")]
    weekend: Annotated[float, About("time", "flag", "local Saturday or Sunday")]
    night: Annotated[float, About("time", "flag", "local 00:00:00 to 06:59:59")]
    hour_distance: Annotated[
        float,
        About("time", "hours", "circular distance to the nearest hour with a twentieth of earlier activity", MISSING),
    ]
    hour_share: Annotated[
        float, About("time", "share", "earlier activity within one hour of this one's local hour", MISSING)
    ]
    # --- outgoing movements: payments, transfers, withdrawals, bills; each counted once, at its first event
    spend_count_1m: Annotated[float, About("spend", "events", "outgoing movements in 1 minute, this one included")]
    spend_count_5m: Annotated[float, About("spend", "events", "outgoing movements in 5 minutes, this one included")]
    spend_count_1h: Annotated[float, About("spend", "events", "outgoing movements in 1 hour, this one included")]
    spend_count_1d: Annotated[float, About("spend", "events", "outgoing movements in 1 day, this one included")]
    spend_count_7d: Annotated[float, About("spend", "events", "outgoing movements in 7 days, this one included")]
    spend_count_30d: Annotated[float, About("spend", "events", "outgoing movements in 30 days, this one included")]
    spend_sum_1h: Annotated[float, About("spend", "home currency", "outgoing amount in 1 hour, this one included")]
    spend_sum_1d: Annotated[float, About("spend", "home currency", "outgoing amount in 1 day, this one included")]
    spend_sum_7d: Annotated[float, About("spend", "home currency", "outgoing amount in 7 days, this one included")]
    spend_sum_30d: Annotated[float, About("spend", "home currency", "outgoing amount in 30 days, this one included")]
    spend_mean_1d: Annotated[
        float, About("spend", "home currency", "mean outgoing amount in 1 day, this one included", MISSING)
    ]
    spend_mean_7d: Annotated[
        float, About("spend", "home currency", "mean outgoing amount in 7 days, this one included", MISSING)
    ]
    spend_mean_30d: Annotated[
        float, About("spend", "home currency", "mean outgoing amount in 30 days, this one included", MISSING)
    ]
    spend_max_30d: Annotated[
        float, About("spend", "home currency", "largest earlier outgoing amount in 30 days", MISSING)
    ]
    since_spend_s: Annotated[float, About("spend", "seconds", "since the last outgoing movement", MISSING)]
    spend_truncated: Annotated[
        float, About("spend", "flag", "more than 240 movements in 30 days: long windows undercount")
    ]
    unpriced_1d: Annotated[float, About("spend", "events", "earlier movements in 1 day in currencies without a rate")]
    # --- this amount against the customer's habit (all from before the event)
    amount_to_mean_7d: Annotated[float, About("habit", "ratio", "amount over the earlier mean of 7 days", MISSING)]
    amount_to_mean_30d: Annotated[float, About("habit", "ratio", "amount over the earlier mean of 30 days", MISSING)]
    amount_to_max_30d: Annotated[
        float, About("habit", "ratio", "amount over the largest earlier amount of 30 days", MISSING)
    ]
    amount_to_usual: Annotated[
        float,
        About("habit", "ratio", "amount over the usual one: geometric mean, half of its weight from 30 days", MISSING),
    ]
    amount_z: Annotated[
        float,
        About("habit", "deviations", "standard deviations above the usual log amount, 0 if below, at most 20", MISSING),
    ]
    same_amount_1d: Annotated[
        float, About("habit", "events", "equal amounts among the last 32 of 1 day, this one included", MISSING)
    ]
    smallest_1h: Annotated[
        float, About("habit", "home currency", "smallest earlier amount among the last 32 of 1 hour", MISSING)
    ]
    near_limits_1d: Annotated[
        float, About("habit", "events", "near-limit amounts among the last 32 of 1 day, this one included", MISSING)
    ]
    spikes_7d: Annotated[float, About("habit", "events", "earlier amounts above 3 times the usual one in 7 days")]
    # --- refusals of outgoing movements
    declines_30m: Annotated[float, About("declines", "events", "refusals in 30 minutes, this one included")]
    declines_1d: Annotated[float, About("declines", "events", "refusals in 1 day, this one included")]
    declines_7d: Annotated[float, About("declines", "events", "refusals in 7 days, this one included")]
    decline_share_1d: Annotated[float, About("declines", "share", "refusals over outgoing movements of 1 day", MISSING)]
    declines_row: Annotated[float, About("declines", "events", "refusals since the last success, this one included")]
    since_decline_s: Annotated[float, About("declines", "seconds", "since the last refusal", MISSING)]
    # --- is this new for the account?
    device_new: Annotated[float, About("novelty", "flag", "device never seen here", MISSING)]
    device_age_days: Annotated[float, About("novelty", "days", "since this device was first seen; 0 if new", MISSING)]
    device_trusted: Annotated[
        float, About("novelty", "flag", "the device logged in, was bound or passed a challenge before", MISSING)
    ]
    ip_new: Annotated[float, About("novelty", "flag", "IP address never seen here", MISSING)]
    network_new: Annotated[
        float,
        About("novelty", "flag", "IPv4 /24 or IPv6 /48 never seen here; of a login: never logged in from", MISSING),
    ]
    country_new: Annotated[float, About("novelty", "flag", "country never seen here", MISSING)]
    merchant_new: Annotated[
        float, About("novelty", "flag", "merchant, else terminal, else biller, never paid", MISSING)
    ]
    merchant_age_days: Annotated[
        float, About("novelty", "days", "since this merchant was first paid; 0 if new", MISSING)
    ]
    merchant_uses: Annotated[float, About("novelty", "events", "earlier payments here, at most 65,535", MISSING)]
    payee_new: Annotated[float, About("novelty", "flag", "payee never paid here", MISSING)]
    payee_age_days: Annotated[float, About("novelty", "days", "since this payee was first paid; 0 if new", MISSING)]
    payee_uses: Annotated[float, About("novelty", "events", "earlier ones to this payee, at most 65,535", MISSING)]
    card_new: Annotated[float, About("novelty", "flag", "card never used here", MISSING)]
    card_age_days: Annotated[float, About("novelty", "days", "since this card was first seen; 0 if new", MISSING)]
    # --- how many different ones? (this event's included)
    merchants_1h: Annotated[float, About("diversity", "merchants", "different merchants in 1 hour, at most 48")]
    merchants_1d: Annotated[float, About("diversity", "merchants", "different merchants in 1 day, at most 48")]
    payees_1d: Annotated[float, About("diversity", "payees", "different payees in 1 day, at most 24")]
    payers_1d: Annotated[float, About("diversity", "payers", "different senders of money in 1 day, at most 64")]
    cards_1d: Annotated[float, About("diversity", "cards", "different cards in 1 day, at most 16")]
    devices_7d: Annotated[float, About("diversity", "devices", "different devices in 7 days, at most 12")]
    ips_1d: Annotated[float, About("diversity", "addresses", "different IP addresses in 1 day, at most 24")]
    countries_7d: Annotated[float, About("diversity", "countries", "different countries in 7 days, at most 8")]
    # --- since something sensitive happened
    since_credential_change_s: Annotated[
        float, About("credentials", "seconds", "since a credential was changed", MISSING)
    ]
    since_password_reset_s: Annotated[
        float, About("credentials", "seconds", "since a password reset was asked for", MISSING)
    ]
    since_device_bound_s: Annotated[float, About("credentials", "seconds", "since a device was bound", MISSING)]
    since_card_bound_s: Annotated[float, About("credentials", "seconds", "since a card was bound", MISSING)]
    since_login_s: Annotated[float, About("credentials", "seconds", "since the last successful login", MISSING)]
    since_topup_s: Annotated[float, About("credentials", "seconds", "since the last money came in", MISSING)]
    # --- money in and out
    inflow_30m: Annotated[float, About("flow", "home currency", "money in during 30 minutes")]
    inflow_1d: Annotated[float, About("flow", "home currency", "money in during 1 day")]
    pass_through_30m: Annotated[
        float, About("flow", "ratio", "money out over money in during 30 minutes, this one included", MISSING)
    ]
    balance_share: Annotated[
        float, About("flow", "share", "amount over the balance estimated from ledger postings, at most 1", MISSING)
    ]
    refunds_30d: Annotated[float, About("flow", "events", "refunds asked for in 30 days")]
    # --- logins
    login_known: Annotated[
        float,
        About("logins", "flag", "device of an earlier successful login, or network if none was ever named", MISSING),
    ]
    logins_1d: Annotated[float, About("logins", "events", "successful logins in 1 day, this one included")]
    login_failures_10m: Annotated[float, About("logins", "events", "failed logins in 10 minutes, this one included")]
    login_failures_1h: Annotated[float, About("logins", "events", "failed logins in 1 hour, this one included")]
    login_failures_1d: Annotated[float, About("logins", "events", "failed logins in 1 day, this one included")]
    stranger_failures_1d: Annotated[
        float, About("logins", "events", "failed logins from unknown devices in 1 day, this one included")
    ]
    failures_row_known: Annotated[
        float,
        About("logins", "events", "failures from known devices within 1 day since a success there, this one included"),
    ]
    failures_row_unknown: Annotated[
        float,
        About(
            "logins", "events", "failures from unknown devices within 1 day since a success there, this one included"
        ),
    ]
    failures_row: Annotated[
        float, About("logins", "events", "failures since any success, however old, this one included; at most 256")
    ]
    failing_ips_1h: Annotated[
        float,
        About("logins", "addresses", "different addresses of unknown devices' failures in 1 hour, this one included"),
    ]
    challenges_1h: Annotated[float, About("logins", "events", "second factors asked for in 1 hour, this one included")]
    challenge_failures_1h: Annotated[
        float, About("logins", "events", "failed second factors in 1 hour, this one included")
    ]
    agent_new: Annotated[float, About("logins", "flag", "user agent never seen in a successful login", MISSING)]
    asn_new: Annotated[float, About("logins", "flag", "autonomous system never seen in a successful login", MISSING)]
    login_familiarity: Annotated[
        float,
        About("logins", "share", "mean share of successful logins with this network, system, agent, country", MISSING),
    ]
    # --- where
    travel_km: Annotated[float, About("travel", "km", "great circle from the last successful login", MISSING)]
    travel_kmh: Annotated[
        float, About("travel", "km/h", "speed needed from the last successful login, at most 100,000", MISSING)
    ]
    travel_other_device: Annotated[float, About("travel", "flag", "another device than at the last login", MISSING)]
    # --- what has been proved about earlier movements of this account (labels that have arrived)
    own_frauds_7d: Annotated[float, About("labels", "events", "frauds of this account in (t - 14 d, t] known by now")]
    own_frauds_30d: Annotated[float, About("labels", "events", "frauds of this account in (t - 37 d, t] known by now")]
    # --- entity risk (section 2: age is stamped, a decision never waits for it)
    ip_level: Annotated[float, About("risk", "level", "of the IP address: 0 normal, 1 elevated, 2 attack", MISSING)]
    ip_score: Annotated[float, About("risk", "score", "of the IP address", MISSING)]
    device_level: Annotated[float, About("risk", "level", "of the device", MISSING)]
    device_score: Annotated[float, About("risk", "score", "of the device", MISSING)]
    bin_level: Annotated[float, About("risk", "level", "of the card range", MISSING)]
    merchant_level: Annotated[float, About("risk", "level", "of the merchant", MISSING)]
    merchant_score: Annotated[float, About("risk", "score", "of the merchant", MISSING)]
    merchant_fraud_rate_30d: Annotated[
        float, About("risk", "share", "frauds among the merchant's labels, 7 days late", MISSING)
    ]
    terminal_level: Annotated[float, About("risk", "level", "of the terminal", MISSING)]
    terminal_score: Annotated[float, About("risk", "score", "of the terminal", MISSING)]
    terminal_labels_1d: Annotated[
        float, About("risk", "events", "labels of (t - 8 d, t - 7 d] at the terminal", MISSING)
    ]
    terminal_labels_7d: Annotated[
        float, About("risk", "events", "labels of (t - 14 d, t - 7 d] at the terminal", MISSING)
    ]
    terminal_labels_30d: Annotated[
        float, About("risk", "events", "labels of (t - 37 d, t - 7 d] at the terminal", MISSING)
    ]
    terminal_fraud_rate_1d: Annotated[
        float, About("risk", "share", "frauds among the labels of 1 day; 0 without labels", MISSING)
    ]
    terminal_fraud_rate_7d: Annotated[
        float, About("risk", "share", "frauds among the labels of 7 days; 0 without labels", MISSING)
    ]
    terminal_fraud_rate_30d: Annotated[
        float, About("risk", "share", "frauds among the labels of 30 days; 0 without labels", MISSING)
    ]
    risk_age_s: Annotated[float, About("risk", "seconds", "age of the oldest entity fact that was used", MISSING)]
    site_level: Annotated[float, About("risk", "level", "of logins on the whole site", MISSING)]
    # the levels above are the highest of everything that an entity is held for; these are of one thing each
    ip_guessing: Annotated[float, About("risk", "level", "of the IP address, for guessing passwords", MISSING)]
    ip_testing: Annotated[float, About("risk", "level", "of the IP address, for testing cards", MISSING)]
    device_guessing: Annotated[float, About("risk", "level", "of the device, for guessing passwords", MISSING)]
    device_testing: Annotated[float, About("risk", "level", "of the device, for testing cards", MISSING)]
    merchant_testing: Annotated[float, About("risk", "level", "of the merchant, where cards are tested", MISSING)]
    merchant_labelled: Annotated[float, About("risk", "level", "of the merchant, for proved frauds", MISSING)]
    # --- how the last login got to where it was
    journey_km: Annotated[
        float, About("journey", "km", "to the last login on another device of 1 day, unless challenged since", MISSING)
    ]
    journey_kmh: Annotated[float, About("journey", "km/h", "speed needed for it, at most 100,000", MISSING)]

    # --- the latest amounts, against their median (of the last 64 movements of 30 days, at least 5)
    amount_to_median: Annotated[
        float, About("pattern", "ratio", "amount over the median of the latest amounts", MISSING)
    ]
    amount_deviations: Annotated[
        float,
        About(
            "pattern", "deviations", "above the median, in spreads between the quartiles; 0 below, at most 50", MISSING
        ),
    ]
    large_7d: Annotated[float, About("pattern", "events", "earlier amounts above 3 times the median in 7 days")]
    large_14d: Annotated[float, About("pattern", "events", "earlier amounts above 3 times the median in 14 days")]
    large_share_14d: Annotated[
        float, About("pattern", "share", "of the earlier amounts of 14 days above 3 times the median", MISSING)
    ]
    since_large_days: Annotated[
        float, About("pattern", "days", "since the last amount above 3 times the median", MISSING)
    ]
    largest_to_median_7d: Annotated[
        float, About("pattern", "ratio", "largest earlier amount of 7 days over the median", MISSING)
    ]
    spend_pace_1d: Annotated[
        float, About("pattern", "ratio", "earlier movements of 1 day over the daily mean of 30 days", MISSING)
    ]
    mean_7d_to_30d: Annotated[
        float, About("pattern", "ratio", "mean earlier amount of 7 days over that of 30 days", MISSING)
    ]
    merchant_spread_7d: Annotated[
        float, About("pattern", "share", "different merchants or terminals per earlier movement of 7 days", MISSING)
    ]
    # --- what has been proved about this account, in more detail than the counts above
    own_large_frauds_30d: Annotated[
        float, About("proved", "events", "proved frauds of 37 days above 3 times the median")
    ]
    since_own_fraud_days: Annotated[float, About("proved", "days", "since the latest proved fraud of 37 days", MISSING)]
    own_fraud_span_days: Annotated[float, About("proved", "days", "since the first proved fraud of 37 days", MISSING)]
    # --- labels of the terminal, else the merchant, up to 7 days ago; missing without a fraud among them
    place_rate_7d: Annotated[
        float, About("place", "share", "frauds among the labels of 7 days, 4 labels at one per cent added", MISSING)
    ]
    place_rate_30d: Annotated[
        float, About("place", "share", "frauds among the labels of 30 days, 4 labels at one per cent added", MISSING)
    ]
    place_rate_decayed: Annotated[
        float, About("place", "share", "the same with counts that halve every 7 days", MISSING)
    ]
    place_plain_decayed: Annotated[
        float, About("place", "share", "the same of frauds that their amount does not explain", MISSING)
    ]
    place_since_fraud_days: Annotated[
        float, About("place", "days", "since the latest labelled fraud happened", MISSING)
    ]
    place_clean_after: Annotated[float, About("place", "events", "legitimate labels after that fraud", MISSING)]
    place_fraud_run: Annotated[float, About("place", "events", "frauds in a row that end with that fraud", MISSING)]
    place_run_days: Annotated[float, About("place", "days", "since the first of the frauds in a row happened", MISSING)]
    place_plain_7d: Annotated[
        float, About("place", "events", "frauds of 7 days that their amount does not explain", MISSING)
    ]
    place_plain_30d: Annotated[
        float, About("place", "events", "frauds of 30 days that their amount does not explain", MISSING)
    ]
    place_plain_run: Annotated[
        float, About("place", "events", "frauds in a row that their amount does not explain", MISSING)
    ]
    place_since_plain_days: Annotated[
        float, About("place", "days", "since the latest fraud that its amount does not explain", MISSING)
    ]
    place_plain_span_days: Annotated[
        float, About("place", "days", "since the first fraud that its amount does not explain", MISSING)
    ]
    # --- from where this customer logs in, against everybody else
    login_history: Annotated[
        float, About("login risk", "events", "earlier trusted logins, each counting half as much after 90 days")
    ]
    login_risk: Annotated[
        float,
        About(
            "login risk",
            "ratio",
            "of a successful login: how much likelier it is if it is anybody's than if it is the owner's",
            MISSING,
        ),
    ]
    # --- entity risk again, of the parts of all traffic that a login belongs to
    slice_guessing: Annotated[
        float,
        About("slices", "level", "highest of a login's network, system, user agent, for guessing passwords", MISSING),
    ]
    # --- what the device of a login says that is not named, or new
    login_unlike: Annotated[
        float,
        About("device", "flag", "a login without the device or user agent that the account always named", MISSING),
    ]
    login_excused: Annotated[
        float,
        About("device", "flag", "a login at home by a version that has given everybody a new device", MISSING),
    ]
    # --- what goes to people and places that were never paid before
    first_payees_sum_1d: Annotated[
        float,
        About(
            "parts",
            "home currency",
            "of money to a payee, merchant or card first met within 1 day: all such of 1 day, this one included",
            MISSING,
        ),
    ]
    # --- whose device a movement may come from that names none
    acting_device_age_days: Annotated[
        float,
        About(
            "acting",
            "days",
            "of a movement without a device: since the newest device that was met or changed credentials within a day "
            "was first seen, the network of a change without one; 0 within 7 days of a doubted login that nobody "
            "answered. At home only the change counts if a device or network known before them made it",
            MISSING,
        ),
    ]
    # --- what is collected from people who never sent anything before
    first_payers_1d: Annotated[
        float,
        About(
            "gathered",
            "payers",
            "senders first met within 1 day who sent more than a hundredth of what all such sent, at most 32",
        ),
    ]
    first_payers_sum_1d: Annotated[
        float, About("gathered", "home currency", "money of 1 day from senders first met within 1 day")
    ]
    gone_sum_1d: Annotated[
        float,
        About(
            "gathered",
            "home currency",
            "what is to leave now, with what was carried out in 1 day; not what was only asked for, held or refused",
        ),
    ]


class FeatureSpec(NamedTuple):
    """One row of the catalogue."""

    name: str
    family: str
    unit: str
    meaning: str
    missing: float | None


def _specs() -> tuple[FeatureSpec, ...]:
    hints = get_type_hints(Features, include_extras=True)
    return tuple(FeatureSpec(name, *hints[name].__metadata__[0]) for name in Features.__struct_fields__)


FEATURES: tuple[FeatureSpec, ...] = _specs()
FEATURE_NAMES: tuple[str, ...] = Features.__struct_fields__
# A model names the set it was trained on and refuses any other: same names, order, missing values and version.
FEATURE_SET: str = hashlib.blake2b(
    repr((VERSION, [(spec.name, spec.missing) for spec in FEATURES])).encode(), digest_size=6
).hexdigest()


def feature_set_of(names: Sequence[str]) -> str:
    """The fingerprint of the features that a model reads, in the order in which it reads them.

    Equal as long as each of them keeps its unit, missing value and the version; features that others read, and new
    ones, do not change it. Raises KeyError with the first name that is in no row of the catalogue.
    """
    rows = [_BY_NAME[name] for name in names]
    return hashlib.blake2b(
        repr((VERSION, [(spec.name, spec.unit, spec.missing) for spec in rows])).encode(), digest_size=6
    ).hexdigest()


_BY_NAME = {spec.name: spec for spec in FEATURES}
