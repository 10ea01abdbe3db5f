"""Which thresholds does each detector across accounts have? The tables `entities.*` of the policy file."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from streams.contracts.accounts import BlockedKind
from streams.contracts.base import Share
from streams.core.sections import Amounts, Count, Mode, Seconds, Section

Factor = Annotated[float, Meta(gt=1.0)]


class DetectorPolicy(Section, frozen=True, kw_only=True):
    """What every detector's table has."""

    enabled: bool
    mode: Literal["inherit", "observe", "enforce"]  # inherit: the mode of the policy

    def enforced(self, mode: Mode) -> bool:
        """True if containment is sent, given the mode of the whole policy; its `observe` always wins."""
        return mode == "enforce" and self.mode != "observe"


class AttackPolicy(DetectorPolicy, frozen=True, kw_only=True):
    """What every detector has that opens a case about an attack."""

    expires_s: Count
    containment: Literal["none", "step_up", "block_entity"]
    containment_s: Count
    quiet_s: Count  # the case closes after this long without another attempt


class PasswordSprayPolicy(AttackPolicy, frozen=True, kw_only=True):
    """One address or device trying many user names."""

    window_s: Count
    elevated_usernames: Count
    attack_usernames: Count
    names_per_device: Count  # behind an address; more names of one device are the business of that device
    pace_s: Count  # faster than people change places
    slips_per_regular: Seconds  # names that are nobody's and do not count, for every user at home there
    failed_share: Share
    established_share: Share  # of the users at home there: raises both thresholds, for offices and carrier NAT


class SiteAttackPolicy(AttackPolicy, frozen=True, kw_only=True):
    """Many user names failing on the whole site, whatever the address."""

    window_s: Count
    elevated_usernames: Count
    attack_usernames: Count
    names_per_address: Count  # more names of one address do not count: that attack is the address's own case
    slow_window_s: Count  # a slow attack is looked for in this window
    slow_elevated_usernames: Count
    slow_attack_usernames: Count
    slow_expires_s: Count
    sigmas: Factor  # above the usual count of its own baseline, in standard deviations; an attack needs twice as many
    baseline_s: Count
    warm_s: Seconds  # before this much history the baseline is a guess, and the detector stays silent
    containment: Literal["none", "step_up"]  # a block would hit everybody


class SliceAttackPolicy(SiteAttackPolicy, frozen=True, kw_only=True):
    """Many user names failing through one network, autonomous system or user agent. The slow window is a day."""


class CardTestingDetectorPolicy(AttackPolicy, frozen=True, kw_only=True):
    """One device, address, merchant or BIN working through a list of cards."""

    window_s: Count
    elevated_cards: Count
    attack_cards: Count
    attempts: Count
    declined_share: Share
    small_minor: Amounts
    attempts_per_origin: Count  # more of one device or address are its own business and not the merchant's or BIN's
    guessed_share: Share  # of a merchant's or BIN's payments: refused for the card's data; of an address's cards


class RiskyTerminalDetectorPolicy(Section, frozen=True, kw_only=True):
    """Frauds at one terminal or merchant, known only after the label delay."""

    enabled: bool
    delay_s: Count
    ring_days: Annotated[int, Meta(ge=1, le=128)]
    notable_frauds: Seconds  # frauds in the ring from which on it is published; 0: every terminal with labels
    elevated_frauds: Count
    elevated_rate: Share
    attack_frauds: Count
    attack_rate: Share
    level_days: Count  # the levels look at subjects of this many days back from the newest labelled one
    prior_labels: Count  # legitimate labels added to the rate: one fraud among two labels proves little
    explained_ratio: Factor  # a fraud of so many times the payer's median speaks of a stolen card, not of the place
    publish_every_s: Seconds
    expires_s: Count


Odds = Annotated[float, Meta(gt=1.0, le=20.0)]
Failed = Annotated[float, Meta(gt=0.0, lt=1.0)]


class HealthPolicy(DetectorPolicy, frozen=True, kw_only=True):
    """Incidents: failures, silence and slowness of gateways, issuers, networks, merchants, releases (domain 3.2)."""

    bucket_s: Annotated[int, Meta(ge=1, le=60)]
    window_s: Annotated[int, Meta(ge=60, le=3600)]
    hung_s: Annotated[int, Meta(ge=10, le=3600)]  # a payment without an answer for this long is a failed trial
    keys_max: Annotated[int, Meta(ge=1, le=4000)]  # keys that are kept; the lightest makes room for a heavier one
    # what is normal
    prior_share: Failed  # failures of a platform that nothing is known of
    prior_trials: Annotated[int, Meta(ge=1, le=10_000)]  # a: how many trials the parent's share counts as
    floor_share: Failed  # nothing is better than this
    cold_share: Failed  # ... nor than this before warm_trials
    warm_trials: Count
    profile_per_day: Count  # a key with fewer attempts a day has no hours of its own
    change_per_day: Annotated[float, Meta(gt=0.0, le=1.0)]  # by how much the normal may move in a day
    # when is it an incident
    odds_ratio: Odds  # the shift that the CUSUM is tuned for
    false_alarm_days: Annotated[float, Meta(ge=0.1, le=365.0)]  # one false alarm of all keys in this time
    min_attempts: Count
    min_users: Count
    tail_log10: Annotated[float, Meta(ge=2.0, le=30.0)]  # a chance of less than 10^-this is no chance
    times_baseline: Factor
    above_baseline: Failed  # and at least this much more than normal
    streak: Count  # failures in a row, of min_users customers
    streak_any: Count  # ... of whomever
    # silence and slowness
    silent_attempts: Count  # least expected attempts of the window for a silence to mean something
    silent_share: Share  # of the expected attempts that may still arrive
    slow_sigmas: Factor
    slow_windows: Count
    # when is it over
    recovered_trials: Count
    close_after_s: Count
    deserted_s: Count  # nobody tried for this long: closed, because nobody can tell, unless it is missed
    reopen_s: Count
    # how loud
    degraded_s: Count  # fluctuating for this long without confirmation: a case of low priority
    page_users: Count  # P1 from here on
    page_share: Share  # ... or from this share of the platform's attempts on
    update_s: Count  # at most one version of the case in this time, unless its state or priority changes
    look_back_s: Count  # how long a failure waits to be found part of an incident
    recheck_s: Count  # how often a waiting customer's account looks whether it is over


class FeedsPolicy(Section, frozen=True, kw_only=True):
    """When a feed that is silent or behind, while the others go on, is an incident."""

    enabled: bool
    tell_s: Annotated[int, Meta(ge=1, le=3_600)]
    stalled_s: Annotated[int, Meta(ge=60, le=86_400)]
    times_usual: Factor  # events of the other feeds since its last one, in multiples of what is usual between two
    warm_tellings: Count  # tellings with something new before its habits are known
    close_after_s: Count  # level with the others for this long: closed


class BruteForcePolicy(AttackPolicy, frozen=True, kw_only=True):
    """Many passwords tried on one account."""

    window_s: Count
    guesses: Annotated[int, Meta(ge=2, le=32)]  # from one device or address
    guesses_per_device: Count  # behind an address; more of one device are the business of that device
    addresses: Count  # as many guesses from at most so many addresses are an incident of the account
    account_window_s: Count
    account_guesses: Annotated[int, Meta(ge=2, le=32)]  # from everywhere ...
    account_addresses: Annotated[int, Meta(ge=2, le=32)]  # ... and from at least so many addresses
    containment: Literal["none", "step_up"]  # an owner who forgot the password is at home at the address


class CredentialBurstPolicy(AttackPolicy, frozen=True, kw_only=True):
    """Many accounts entered from one place, or through one network or user agent, with right passwords."""

    window_s: Count
    accounts: Count  # of one device, or of strangers on devices of their own at one address
    accounts_per_address: Annotated[int, Meta(ge=1, le=16)]  # of one address, at accounts that never named a device
    accounts_per_slice: Annotated[int, Meta(ge=1, le=16)]  # of one network or user agent
    accounts_per_origin: Count  # of each address in a network, of each network behind a user agent
    strange_share: Share  # of all who get in there, in a slice or at an address
    containment: Literal["none", "step_up"]  # a second factor tells, a block would hit a new tablet in a shop


class OtpAbusePolicy(AttackPolicy, frozen=True, kw_only=True):
    """One device asking for second factors without end."""

    window_s: Count
    sent: Annotated[int, Meta(ge=1, le=64)]
    accounts: Annotated[int, Meta(ge=1, le=64)]
    times_per_address: Count  # so many times as many from one address where no device is named


class StuffingPolicy(AttackPolicy, frozen=True, kw_only=True):
    """Names that do not exist among what strangers try, on the site and per autonomous system."""

    window_s: Count
    elevated_usernames: Count
    attack_usernames: Count
    names_per_address: Count  # more names of one narrower entity do not count
    times_usual: Factor  # of the usual share of such names
    sigmas: Factor
    baseline_s: Count
    warm_s: Seconds  # before this much history nothing is known to be unusual
    containment: Literal["none", "step_up"]  # a block would hit everybody


class LowAndSlowPolicy(AttackPolicy, frozen=True, kw_only=True):
    """One user agent in one autonomous system trying every name once, over days."""

    days: Annotated[int, Meta(ge=1, le=7)]
    elevated_usernames: Count
    attack_usernames: Count
    attempts_per_name: Factor
    entered_share: Share
    containment: Literal["none", "step_up"]  # honest people share the slice


class PromoAbusePolicy(AttackPolicy, frozen=True, kw_only=True):
    """Many accounts claiming promotions from one device."""

    window_s: Count
    accounts: Annotated[int, Meta(ge=2, le=64)]


class MerchantRefundsPolicy(AttackPolicy, frozen=True, kw_only=True):
    """A merchant that gives back more than others do, or what it never sold."""

    half_life_s: Count  # after it a sale and a refund count half
    refunds: Count
    usual_share: Share  # of refunds among sales, at merchants in general
    times_usual: Factor
    sigmas: Factor
    without_sale: Count
    unsold_share: Share  # of the sales: so many successes may be told to nobody
    warm_s: Seconds  # before this much history a refund may be of a sale that nobody heard of
    rest_s: Seconds  # after people have found it a false alarm
    times_worse: Factor  # than it was then, to be a case meanwhile
    containment: Literal["none"]  # its honest customers want their money back


class MerchantFaultsPolicy(Section, frozen=True, kw_only=True):
    """What merchants hear of single payments that fail by their own set-up."""

    enabled: bool
    every_s: Count  # no more than one message about one cause in this time


class SocialTopicPolicy(DetectorPolicy, frozen=True, kw_only=True):
    """Many customers writing in public about one topic."""

    window_s: Count
    posts: Annotated[int, Meta(ge=2, le=64)]
    authors: Annotated[int, Meta(ge=2, le=64)]  # one customer who posts without end is a case of the customer's own
    urgent_reach: Count  # readers of all posts from which on the case is P1
    quiet_s: Count  # the case closes after this long without another post


class BlockPolicy(Section, frozen=True, kw_only=True):
    """What an operator may block, for how long, and what one person may not block alone."""

    outcome: Literal["step_up", "review", "hold", "block"]  # of whatever names a blocked entity
    longest_s: Seconds  # what has to stay longer belongs on a list of the policy, which two people publish
    alone_s: Count  # longer: a supervisor and a second person
    accounts_alone: Count  # used by more accounts than this: a supervisor and a second person
    kinds_with_two: tuple[BlockedKind, ...]  # always a supervisor and a second person


class EntitiesPolicy(Section, frozen=True, kw_only=True):
    """Thresholds of the detectors that look across accounts."""

    password_spray: PasswordSprayPolicy
    site_attack: SiteAttackPolicy
    slice_attack: SliceAttackPolicy
    card_testing: CardTestingDetectorPolicy
    risky_terminal: RiskyTerminalDetectorPolicy
    health: HealthPolicy
    forget_s: Count  # an entity with regular users is forgotten when quiet for this long
    forget_success_s: Count  # ... one where somebody logged in only once
    forget_quiet_s: Count  # ... one where nothing ever succeeded: what a flood of random addresses leaves behind
    feeds: FeedsPolicy
    brute_force: BruteForcePolicy
    credential_burst: CredentialBurstPolicy
    otp_abuse: OtpAbusePolicy
    credential_stuffing: StuffingPolicy
    guess_attack: SliceAttackPolicy
    low_and_slow: LowAndSlowPolicy
    block: BlockPolicy
    promo_abuse: PromoAbusePolicy
    merchant_refunds: MerchantRefundsPolicy
    social_topic: SocialTopicPolicy
    merchant_faults: MerchantFaultsPolicy
