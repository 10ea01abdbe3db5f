"""Which thresholds does each detector across accounts have? The tables `entities.*` of the policy file."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

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


class CardTestingDetectorPolicy(AttackPolicy, frozen=True, kw_only=True):
    """One device, address, merchant or BIN working through a list of cards."""

    window_s: Count
    elevated_cards: Count
    attack_cards: Count
    attempts: Count
    declined_share: Share
    small_minor: Amounts
    attempts_per_origin: Count  # more of one device or address are its own business and not the merchant's or BIN's


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


class HealthPolicy(Section, frozen=True, kw_only=True):
    """Failure shares of gateways, issuers, networks, methods, regions and releases."""

    bucket_s: Count
    window_s: Count
    baseline_s: Count
    min_attempts: Count
    min_users: Count
    failed_share: Share  # never an incident below this share
    times_baseline: Factor
    close_after_s: Count
    keys_max: Count  # health keys that are counted; the least recently used one makes room


class FeedsPolicy(Section, frozen=True, kw_only=True):
    """When a feed that is silent or behind, while the others go on, is an incident."""

    enabled: bool
    tell_s: Annotated[int, Meta(ge=1, le=3_600)]
    stalled_s: Annotated[int, Meta(ge=60, le=86_400)]
    times_usual: Factor  # events of the other feeds since its last one, in multiples of what is usual between two
    warm_tellings: Count  # tellings with something new before its habits are known
    close_after_s: Count  # level with the others for this long: closed


class EntitiesPolicy(Section, frozen=True, kw_only=True):
    """Thresholds of the detectors that look across accounts."""

    password_spray: PasswordSprayPolicy
    site_attack: SiteAttackPolicy
    card_testing: CardTestingDetectorPolicy
    risky_terminal: RiskyTerminalDetectorPolicy
    health: HealthPolicy
    forget_s: Count  # an entity with regular users is forgotten when quiet for this long
    forget_success_s: Count  # ... one where somebody logged in only once
    forget_quiet_s: Count  # ... one where nothing ever succeeded: what a flood of random addresses leaves behind
    feeds: FeedsPolicy
