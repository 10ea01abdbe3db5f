"""What has the business decided: thresholds, costs, caps, clocks and modes, as one checked and hashed value?

A policy is a TOML file, parsed as a whole and swapped as a whole. `policy.default.toml` holds every key with its
reason; another file needs to name only what it changes. Nothing here reads files: `streams.adapters.policy_file` does.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from streams.contracts.base import Currency, Label, Share, to_ms
from streams.contracts.cases import Queue
from streams.core.currencies import RateTable, convert, rates_at
from streams.core.entities.policies import EntitiesPolicy
from streams.core.expected_cost import CostsPolicy
from streams.core.money.business_days import Calendar
from streams.core.money.term import Term
from streams.core.outcome import Outcome
from streams.core.personal import FIELDS, KEPT, kind_of
from streams.core.policy_ranges import range_problems
from streams.core.rules.declared import RULES_MAX, DeclaredRule
from streams.core.rules.lists import LISTS_MAX, PREFIX, SNOOZES_MAX, List, Snooze
from streams.core.rules.policies import RulesPolicy
from streams.core.rules.program import compiled
from streams.core.rules.registry import RULES
from streams.core.sections import Amounts, Count, Mode, OutcomeLabel, Seconds, Section, fields_of

# The shape of an IANA name; whether the zone exists is checked where files may be read (adapters.policy_file).
TimeZone = Annotated[str, Meta(pattern=r"^[A-Za-z_]+(/[A-Za-z0-9_+-]+)*$")]

# Of one text: a published one is smaller (contracts.policies). Of its tables and arrays: the deepest key has five.
TEXT_MAX = 10_000_000
DEPTH_MAX = 16


class PolicyError(Exception):
    """The policy file is not usable: `problem` says what, `where` names the key, `remedy` what to do.

    Operator action: correct the named key. The policy in force stays in force; a worker that starts with a wrong
    policy stops with exit code 78.
    """

    def __init__(self, problem: str, where: str, remedy: str) -> None:
        super().__init__(f"policy key {where}: {problem}; {remedy}." if where else f"policy: {problem}; {remedy}.")
        self.problem = problem
        self.where = where
        self.remedy = remedy


class LegalClock(Section, frozen=True, kw_only=True):
    """An answer that the law wants by a date: shown beside our own promise on every case that it concerns."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    currency: Currency
    flows: tuple[str, ...]
    movements: tuple[str, ...] = ()  # payment, transfer, topup, withdrawal, refund, promise, bill; none: all
    starts: Literal["case", "transaction"] = "case"  # when the case was opened, or when the money moved
    term: Term


class RefundAbusePolicy(Section, frozen=True, kw_only=True):
    """From when on an account's refunds look like abuse (F33)."""

    window_s: Count
    refunds: Count  # fewer refunded payments are no habit
    usual_share: Share  # of payments that are refunded at all, with customers like these
    times_usual: Annotated[float, Meta(gt=0)]
    to_another_card: Count  # refunds to a card that did not pay
    without_sale: Count  # refunds of payments that nobody has told of


class BrokenPromisePolicy(Section, frozen=True, kw_only=True):
    """What is asked of a merchant that did not send the refund that it promised, and what is kept back of it (F16)."""

    answer: Term  # until then it may send the refund or answer; the wallet's own time to decide begins behind it
    hold_settlement: bool
    held_most: Term  # the hold ends with the dispute, and not later than this


class MoneyPolicy(Section, frozen=True, kw_only=True):
    """Currencies, dated rates, and how long a debit may be without its payment (rule L1, domain 4.2)."""

    home_currency: Currency | None = None  # of accounts whose profile names none; None: that of their first movement
    rates: tuple[RateTable, ...]
    debit_without_payment_s: dict[str, Seconds]  # by payment method, with the key `other` for the rest
    near_limits: tuple[Count, ...]  # major units of the home currency; amounts just below one count as structuring
    auto_refund_minor: Amounts
    auto_refunds_per_30d: int
    approved_refund_minor: (
        Amounts  # up to this amount with one person's approval; above with a supervisor's and a second
    )
    duplicate_window_s: Count  # rule L4: same payee and amount within this time is a probable duplicate
    repeat_ok_mccs: tuple[str, ...]  # where paying twice in minutes is ordinary
    repeat_ok_merchants: tuple[str, ...]
    amount_check_s: Count  # rule L5: after a debit
    overcharge_share: Share  # rule L5: of an order, by which its payment may ask for more and be put right by itself
    undercharges: bool  # rule L5: whether a debit below its payment's amount is told
    orphan_s: Seconds  # rule L2: a line of the ledger that names a payment, order or payee; 0: such lines are ordinary
    fx_tolerance: Share  # of an order in another currency
    query_schedule_s: tuple[Count, ...]  # when the provider is asked about an unknown outcome, from its start on
    topup: dict[str, Term]  # by funding method, with the key `other`; a profile's own terms go before
    topup_cutoff_hour: Annotated[int, Meta(ge=0, le=24)]  # of the customer's day; bank transfers after it take longer
    topup_after_cutoff: Term
    withdrawal: dict[str, Term]  # by speed, with the key `other`
    refund: dict[str, Term]  # by where it goes, with the key `other`
    refund_window: dict[str, Term]  # from a payment to a request for its refund; by merchant, with the key `other`
    refund_abuse: RefundAbusePolicy
    refund_promise: Term  # from a promise or approval to the refund's departure
    broken_promise: BrokenPromisePolicy
    bill: Term
    promo_grant: Term  # from a claim to the grant
    hold: Term  # from a payment's failure to the release of what was reserved for it
    # By region of the payment, with the key `other` for the rest: what can be paid with there (F37).
    methods: dict[Label, Annotated[tuple[Label, ...], Meta(max_length=12)]]
    calendars: dict[str, Calendar]  # by currency, with the key `other`: whose business days count
    legal: tuple[LegalClock, ...]

    def grace_s(self, method: str) -> int:
        """Seconds that a debit by `method` may wait for its payment."""
        graces = self.debit_without_payment_s
        return graces[method] if method in graces else graces["other"]

    def methods_of(self, region: str | None) -> tuple[str, ...]:
        """What can be paid with in this region; nothing where nobody has said."""
        everywhere = self.methods.get("other", ())
        return everywhere if region is None else self.methods.get(region, everywhere)

    def calendar_of(self, currency: str) -> str:
        """Whose business days count for an amount of this currency."""
        return self.calendars.get(currency) or self.calendars["other"]


class OutcomePolicy(Section, frozen=True, kw_only=True):
    """What follows from an outcome."""

    case_from: OutcomeLabel
    notify_from: OutcomeLabel
    restrict_from: OutcomeLabel
    missing_feature: OutcomeLabel  # what a rule counts as that could not answer


class HoldsPolicy(Section, frozen=True, kw_only=True):
    """How long a hold or step-up lasts and what it becomes when nobody answers."""

    hold_s: Count
    hold_expiry: OutcomeLabel
    step_up_s: Count
    step_up_expiry: OutcomeLabel


class ScoreThresholds(Section, frozen=True, kw_only=True):
    """Smallest score of each outcome; an outcome without a number is never caused by the score alone."""

    notify: Share | None = None
    step_up: Share | None = None
    review: Share | None = None
    hold: Share | None = None
    block: Share | None = None

    def outcome_of(self, score: float) -> Outcome:
        """The strictest outcome whose threshold the score reaches."""
        if self.block is not None and score >= self.block:
            return Outcome.BLOCK
        if self.hold is not None and score >= self.hold:
            return Outcome.HOLD
        if self.review is not None and score >= self.review:
            return Outcome.REVIEW
        if self.step_up is not None and score >= self.step_up:
            return Outcome.STEP_UP
        if self.notify is not None and score >= self.notify:
            return Outcome.NOTIFY
        return Outcome.ALLOW


class ModelPolicy(Section, frozen=True, kw_only=True):
    """How a score becomes an outcome, and what happens without one."""

    payment: ScoreThresholds
    login: ScoreThresholds
    missing_score: Literal["rules_only", "review"]
    champion: Annotated[str, Meta(pattern=r"^([a-z0-9][a-z0-9-]{0,79})?$")]  # id; empty: the one that was configured
    decides: Literal["thresholds", "cost"]  # about payments; logins move no money and have thresholds only
    costs: CostsPolicy


class LadderStep(Section, frozen=True, kw_only=True):
    """From this many failures in a row the door stays closed for `wait_s`."""

    failures: Count
    wait_s: Count


class LockCaps(Section, frozen=True, kw_only=True):
    """How many accounts may be locked in a window before locks become reviews and one incident."""

    window_s: Count
    per_rule: Count
    total: Count
    partition_share: Share  # part of a cap that one partition may use up on its own; 0 means 1 / partitions

    def of_partition(self, cap: int, partitions: int) -> int:
        """The hard cap of one partition: at least 1, so that a small cap still locks."""
        share = self.partition_share or 1.0 / partitions
        return max(1, int(cap * share))


Setting = Literal["password", "phone", "email", "second_factor", "payee", "settings"]


class LocksPolicy(Section, frozen=True, kw_only=True):
    """The failed-login ladder, the lock saga and the limit of the damage a bad rule can do."""

    ladder: tuple[LadderStep, ...]
    ladder_forgets_s: Count  # failures older than this do not count any more
    soft_lock_scope: Literal["login", "money_out", "all"]
    soft_lock_applies_to: Literal["unknown_devices", "everyone"]
    strangers_failures: Count  # failures from unknown devices in strangers_window_s: challenge first
    strangers_window_s: Count
    disable_at_failures: Count  # the credential is disabled: reset and identity check
    hard_lock_soft_locks: Count  # soft locks within hard_lock_window_s without a known device
    hard_lock_window_s: Count
    restrict_s: Count  # money-out off, reviewed before it ends
    mule_pause_s: Count  # payouts of a suspected mule are paused for so long at most, however often it is suspected
    mule_pause_minor: Amounts  # what many have sent together is too little to pause all payouts for, below that
    cooling_s: Count  # low limits after a freeze
    cooloff_s: Count  # low limits after a restriction or a disabled password
    limited_settings: tuple[Setting, ...]  # whose change on a known device lowers limits for cooloff_s, too
    # Accounts so old, with so many payments (half as many count after 30 days), have freeze caps of their own.
    established_days: Count
    established_payments: Annotated[float, Meta(ge=0)]
    forgets_s: Count  # what was learned so long before a theft is forgotten, where nothing says when it began
    verified_channels: tuple[str, ...]  # in which it is known who speaks; in lower case
    unverified_channels: tuple[str, ...]  # in which it is not; like any channel in neither list, but not counted as new
    # What follows then, until the owner has said so elsewhere; where the account bears it out it is frozen at once.
    unverified_report: Literal["restrict", "review"]
    unfreeze_identity_s: Seconds  # a freeze ends only so soon after an identity check; 0: nobody checks identities
    ack: Literal["required", "assumed"]
    ack_timeout_s: Count  # no acknowledgement until then: a P1 case
    resend_s: Count
    caps: LockCaps


class PriorityPolicy(Section, frozen=True, kw_only=True):
    """The promises of one priority (domain 1.3)."""

    first_response_s: Count
    next_update_s: Count
    resolution_s: Count
    first_response_by: Literal["anyone", "person"]  # whether a message that goes by itself is a response
    business_time: bool  # the clocks run in business hours only


class BusinessHours(Section, frozen=True, kw_only=True):
    """When people work, on the business days and the local clock of a region."""

    opens_hour: int
    hours_open: Count  # at most until midnight


class SurveyPolicy(Section, frozen=True, kw_only=True):
    """Who is asked how content they are, and what a low answer does (F44)."""

    after_s: Count  # after the case was resolved
    closes_s: Count  # without an answer
    again_s: Count  # one customer is asked about one case in this time
    low_score: Annotated[int, Meta(ge=0, le=5)]  # up to it the case is opened again, once; 0: never
    senior: Annotated[str, Meta(max_length=64)]  # whom it is then handed to; empty: the supervisors of its queue
    queues: tuple[Queue, ...]  # whose cases are asked about
    not_flows: tuple[str, ...]  # and which of these never


class CasesPolicy(Section, frozen=True, kw_only=True):
    """Deadlines, joining and size of cases."""

    P1: PriorityPolicy
    P2: PriorityPolicy
    P3: PriorityPolicy
    P4: PriorityPolicy
    raise_minor: Amounts  # one priority higher from this amount on
    raise_social_reach: Count  # of one post, or of all posts within social_window_s
    social_window_s: Count
    dedupe_window_s: Count
    evidence_max: Count
    waiting_reminders_s: tuple[Count, ...]
    waiting_close_s: Count
    reopen_window_s: Count
    reopens_max: int
    open_max: Count  # open cases of one account; more are joined to the newest one of the same queue
    answered_close_s: Count  # an answer that nobody asks about again has helped
    survey: SurveyPolicy
    progress_messages_max: int  # of one case that only say that work goes on, one at each next_update_s
    business_hours: BusinessHours
    supervisors: dict[Queue, Label]  # whom an overdue case is assigned to, by its queue
    resolution_terms: dict[str, Term]  # by flow: where the resolution has a term of its own
    trail_s: Count  # so long what happens after a suspicious login is remembered, for the case of a takeover

    def priority(self, name: str) -> PriorityPolicy:
        """The promises of P1 .. P4."""
        match name:
            case "P1":
                return self.P1
            case "P2":
                return self.P2
            case "P3":
                return self.P3
            case _:
                return self.P4


class NotificationsPolicy(Section, frozen=True, kw_only=True):
    """How much and how late a customer may be written to."""

    not_after_s: Count
    weekly_cap: Count
    stopped_again_s: Count  # a thief tries in bursts: the owner hears of stopped payments of one case this often
    asked_again_s: Count  # ... and is asked about questionable ones this often
    advised_again_s: Count  # unasked advice on safety (F29)
    # Local hours of the customer in which nothing is said that can wait; the same hour twice: none.
    quiet_from_hour: Annotated[int, Meta(ge=0, le=23)]
    quiet_until_hour: Annotated[int, Meta(ge=0, le=23)]


# The program, where there are several, and numbers with dots: "8.4.1", "ios/8.4.1".
AppVersion = Annotated[str, Meta(pattern=r"^([A-Za-z][A-Za-z0-9_.-]{0,31}/)?[0-9]+(\.[0-9]+){0,3}$")]


class AdvicePolicy(Section, frozen=True, kw_only=True):
    """What makes an account unsafe enough to tell its owner unasked (F29)."""

    payments_30d: Count  # who pays so often in 30 days is advised to set a second factor without an attack, too
    minimum_app_versions: Annotated[tuple[AppVersion, ...], Meta(max_length=32)]  # one for each program
    vulnerable_app_versions: Annotated[tuple[AppVersion, ...], Meta(max_length=256)]  # nobody may go on with these


class UnknownPolicy(Section, frozen=True, kw_only=True):
    """When an outcome counts as unknown, and when the customer hears of it (F03)."""

    silent_s: Seconds  # after a request without any answer; 0: silence is never counted
    tell_after_s: Count
    answer_s: Count  # how long the answer to the last query may take
    ledger_fresh_s: Count  # "not charged" is said only if the ledger was heard of within this time
    operator_queries_max: Count  # so often people may have the provider asked about one payment


class RepeatFailuresPolicy(Section, frozen=True, kw_only=True):
    """When failed attempts of one customer become one case (F09)."""

    count: Count
    window_s: Count


class PrivacyPolicy(Section, frozen=True, kw_only=True):
    """What is done about personal data that a producer put where an id belongs."""

    plain_ids: tuple[str, ...]  # fields whose values are ours and harmless, even where they look like card numbers


class IntakePolicy(Section, frozen=True, kw_only=True):
    """How sure the reading of a customer's message has to be."""

    understood_from: Share  # below it a person reads the message
    answered_from: Share  # from here on a simple question is answered at once
    article_from: Share  # from this score on an article answers a general question


class Policy(Section, frozen=True, kw_only=True):
    """The whole of what the business decides. Every decision carries its hash."""

    name: str
    effective_at: datetime
    mode: Mode
    max_effect_age_s: Count
    lateness_s: Count
    default_time_zone: TimeZone
    money: MoneyPolicy
    rules: RulesPolicy
    outcome: OutcomePolicy
    holds: HoldsPolicy
    model: ModelPolicy
    locks: LocksPolicy
    cases: CasesPolicy
    notifications: NotificationsPolicy
    advice: AdvicePolicy
    repeat_failures: RepeatFailuresPolicy
    unknown: UnknownPolicy
    entities: EntitiesPolicy
    declared: Annotated[tuple[DeclaredRule, ...], Meta(max_length=RULES_MAX)] = msgspec.field(default=(), name="rule")
    lists: Annotated[tuple[List, ...], Meta(max_length=LISTS_MAX)] = msgspec.field(default=(), name="list")
    snoozes: Annotated[tuple[Snooze, ...], Meta(max_length=SNOOZES_MAX)] = msgspec.field(default=(), name="snooze")
    privacy: PrivacyPolicy
    intake: IntakePolicy
    policy_hash: str = ""  # set by parse_policy, refused in a file

    def to_home(self, amount_minor: int, currency: str, home: str, at_ms: int) -> int | None:
        """The amount in minor units of `home` at the rate in force at `at_ms`; None without a rate."""
        if currency == home:
            return amount_minor
        return convert(amount_minor, currency, home, rates_at(self.money.rates, at_ms))

    def has_rate(self, currency: str, at_ms: int) -> bool:
        """Whether amounts of this currency can be weighed at `at_ms`."""
        return currency in rates_at(self.money.rates, at_ms).per_unit


class PolicySchedule(msgspec.Struct):
    """Several policies, oldest first; the time of the event selects, so every worker and every replay agree.

    While workers run, `become` adds what was published meanwhile; nobody else changes it.
    """

    policies: tuple[Policy, ...]
    starts_ms: tuple[int, ...]

    @classmethod
    def of(cls, policies: tuple[Policy, ...]) -> PolicySchedule:
        """Orders the policies; two with the same `effective_at` would leave the choice to chance and are refused."""
        ordered = tuple(sorted(policies, key=lambda policy: policy.effective_at))
        starts = tuple(to_ms(policy.effective_at) for policy in ordered)
        if not ordered:
            raise PolicyError("no policy was given", "", "name at least one policy file")
        if len(set(starts)) < len(starts):
            raise PolicyError(
                "two policies have the same date", "effective_at", "give every policy of a schedule its own date"
            )
        return cls(ordered, starts)

    def become(self, other: PolicySchedule) -> None:
        """Be `other` from now on, for everybody who holds this object."""
        self.policies, self.starts_ms = other.policies, other.starts_ms

    def at(self, at_ms: int) -> Policy:
        """The policy in force at `at_ms`; the oldest one for anything earlier."""
        if len(self.policies) == 1:
            return self.policies[0]
        return self.policies[max(0, bisect_right(self.starts_ms, at_ms) - 1)]


def parse_policy(*texts: str, effective_at: datetime | None = None) -> Policy:
    """Reads TOML texts, later ones over earlier ones, table by table; arrays are replaced as a whole.

    `effective_at` takes the place of the date in the text, and leaves the hash as it is: the text is the same.

    Raises PolicyError with one sentence about the first problem found, and nothing else: a text may come from a topic,
    where an exception would end every worker that reads it.
    """
    try:
        return _parsed(texts, effective_at)
    except PolicyError:
        raise
    except Exception as error:
        raise PolicyError(
            f"it cannot be read ({type(error).__name__}: {str(error)[:200]})", "", "correct or remove what it is about"
        ) from error


def _parsed(texts: tuple[str, ...], effective_at: datetime | None) -> Policy:
    merged: dict[str, Any] = {}
    for text in texts:
        _merge(merged, _table(text))
    if "policy_hash" in merged:
        raise PolicyError("the hash is computed, never given", "policy_hash", "remove this key")
    try:
        policy = msgspec.convert(merged, Policy)
    except msgspec.ValidationError as error:
        raise _explained(str(error)) from None
    _check(policy)
    policy = msgspec.structs.replace(policy, policy_hash=_hash(policy))
    return _with_amounts(policy if effective_at is None else msgspec.structs.replace(policy, effective_at=effective_at))


def _table(text: str) -> dict[str, Any]:
    """The text as TOML. That it is too deep is found by counting, so that no reader's own stack decides about it."""
    if len(text) > TEXT_MAX:
        raise PolicyError(
            f"it has {len(text):,} characters, at most {TEXT_MAX:,} are read", "", "shorten its lists or put them apart"
        )
    too_deep = PolicyError(f"it is nested more than {DEPTH_MAX} deep", "", "no key of a policy is nested so deep")
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise too_deep from None
    except ValueError as error:  # besides TOMLDecodeError whole numbers of thousands of digits
        raise PolicyError(f"this is not TOML ({error})", "", "correct the syntax at that place") from None
    level: list[Any] = [table]
    for _ in range(DEPTH_MAX):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    if level:
        raise too_deep
    return table


def _merge(into: dict[str, Any], table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        present = into.get(key)
        if isinstance(value, dict) and isinstance(present, dict):
            _merge(present, value)
        else:
            into[key] = value


_UNKNOWN = re.compile(r"unknown field `(?P<field>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<field>[^`]*)`")
_PATH = re.compile(r" - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`$")


def _explained(message: str) -> PolicyError:
    path = _PATH.search(message)
    where = path["path"] if path else ""
    what = message[: path.start()] if path else message
    if unknown := _UNKNOWN.search(what):
        return PolicyError("there is no such key", _join(where, unknown["field"]), "remove it or correct its spelling")
    if missing := _MISSING.search(what):
        return PolicyError(
            "this key is missing", _join(where, missing["field"]), "add it (policy.default.toml shows every key)"
        )
    return PolicyError(what[:1].lower() + what[1:], where, "give a value of that kind")


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field


def _check(policy: Policy) -> None:
    """What types cannot say."""
    if policy.effective_at.tzinfo is None:
        raise PolicyError("a time without an offset", "effective_at", "write it like 2026-01-01T00:00:00Z")
    _check_money(policy.money)
    for field in policy.privacy.plain_ids:
        if field not in FIELDS:
            raise PolicyError(
                f"no event has a field {field!r} that is looked at",
                "privacy.plain_ids",
                "name a field like merchant_id",
            )
    _check_ladder(policy.locks.ladder)
    _check_channels(policy.locks)
    for subject in ("payment", "login"):
        thresholds = getattr(policy.model, subject)
        given = [value for value in msgspec.structs.astuple(thresholds) if value is not None]
        if given != sorted(given):
            raise PolicyError(
                "a stricter outcome has a lower score", f"model.{subject}", "let thresholds rise with strictness"
            )
    for problem, key, remedy in policy.model.costs.problems():
        raise PolicyError(problem, f"model.costs.{key}", remedy)
    for info in fields_of(type(policy.rules)):
        for problem, key, remedy in getattr(policy.rules, info.name).problems():
            raise PolicyError(problem, f"rules.{info.name}.{key}", remedy)
    _check_declared(policy)
    for problem, key, remedy in range_problems(policy):
        raise PolicyError(problem, key, remedy)
    _check_compiles(policy)


def _check_declared(policy: Policy) -> None:
    """Declared rules, lists and snoozes: each on its own, and that every name means one thing."""
    slugs = {rule.slug for rule in RULES}
    for declared in policy.declared:
        where = f"rule.{declared.name}"
        if declared.name in slugs or declared.name.startswith(PREFIX):
            raise PolicyError("this name is taken", where, f"use another one, not beginning with {PREFIX!r}")
        slugs.add(declared.name)
        for problem, key, remedy in declared.problems():
            raise PolicyError(problem, f"{where}.{key}", remedy)
    names = [each.name for each in policy.lists]
    for each in policy.lists:
        if names.count(each.name) > 1:
            raise PolicyError("two lists have this name", f"list.{each.name}", "put their entries into one")
        plain = (*KEPT, *policy.privacy.plain_ids)
        if each.field not in plain and any(kind_of(entry.value) for entry in each.entries):
            raise PolicyError(
                "a value looks like a card, identity or telephone number; events carry a pseudonym there",
                f"list.{each.name}.entries",
                f"list the pseudonym that cases show, or add {each.field!r} to privacy.plain_ids",
            )
        for problem, key, remedy in each.problems():
            raise PolicyError(problem, f"list.{each.name}.{key}", remedy)
    for snooze in policy.snoozes:
        if snooze.rule not in slugs:
            raise PolicyError(
                f"there is no rule {snooze.rule!r}", "snooze.rule", "name one of docs/rules.md or a [[rule]]"
            )
        for problem, key, remedy in snooze.problems():
            raise PolicyError(problem, f"snooze.{snooze.rule}.{key}", remedy)


def _check_compiles(policy: Policy) -> None:
    """Whatever the checks above forgot: what cannot be made ready to be asked would fail at every single event."""
    try:
        compiled(policy)
    except Exception as error:
        raise PolicyError(
            f"a worker cannot put it to use ({type(error).__name__}: {error})", _failing(policy), "correct or remove it"
        ) from error


def _failing(policy: Policy) -> str:
    """The first rule, list or snooze that cannot be compiled on its own."""
    for kind, field in (("rule", "declared"), ("list", "lists"), ("snooze", "snoozes")):
        for part in getattr(policy, field):
            alone: dict[str, Any] = {"declared": (), "lists": (), "snoozes": (), field: (part,)}
            try:
                compiled(msgspec.structs.replace(policy, **alone))
            except Exception:
                return f"{kind}.{part.rule if isinstance(part, Snooze) else part.name}"
    return ""


def _check_money(money: MoneyPolicy) -> None:
    if "other" not in money.debit_without_payment_s:
        raise PolicyError(
            "there is no key `other`", "money.debit_without_payment_s", "say how long unlisted methods may take"
        )
    for name in ("topup", "withdrawal", "refund", "refund_window", "calendars"):
        if "other" not in getattr(money, name):
            raise PolicyError("there is no key `other`", f"money.{name}", "say what holds for everything unlisted")
    if not money.rates:
        raise PolicyError("no rates are given", "money.rates", "give at least one dated table")
    dates = [table.effective_at for table in money.rates]
    if any(date.tzinfo is None for date in dates) or dates != sorted(set(dates)):
        raise PolicyError("dates do not rise", "money.rates", "order the tables by effective_at, in UTC")
    if money.home_currency is not None and any(money.home_currency not in table.per_unit for table in money.rates):
        raise PolicyError(
            f"a table lacks the home currency {money.home_currency}", "money.rates", "add its rate to every table"
        )


def _check_ladder(ladder: tuple[LadderStep, ...]) -> None:
    failures = [step.failures for step in ladder]
    waits = [step.wait_s for step in ladder]
    if not ladder or failures != sorted(set(failures)) or waits != sorted(waits):
        raise PolicyError("steps do not rise", "locks.ladder", "order them by failures, with waits that never shrink")


def _check_channels(locks: LocksPolicy) -> None:
    for key in ("verified_channels", "unverified_channels"):
        for channel in getattr(locks, key):
            if channel != channel.strip() or not channel:
                remedy = "write the name that events have, or leave it out"
                raise PolicyError(f"{channel!r} is empty or has spaces around it", f"locks.{key}", remedy)
            if channel != channel.lower():
                remedy = f"write {channel.lower()!r}: channels of events are compared in lower case"
                raise PolicyError(f"{channel!r} is not in lower case", f"locks.{key}", remedy)
    for channel in locks.verified_channels:
        if channel in locks.unverified_channels:
            remedy = "keep it in one of them"
            raise PolicyError(f"{channel!r} is in unverified_channels too", "locks.verified_channels", remedy)


def _hash(policy: Policy) -> str:
    """Twelve hex digits over the canonical form: key order, comments and layout of the file do not matter."""
    canonical = msgspec.json.encode(policy, order="sorted")
    return hashlib.blake2b(canonical, digest_size=6).hexdigest()


def _with_amounts(policy: Policy) -> Policy:
    """Every amount table completed for every currency that has a rate, so that a lookup is one dict access."""
    rates = rates_at(policy.money.rates, to_ms(policy.effective_at))
    completed: Policy = _completed(policy, rates)
    return completed


def _completed(section: Any, rates: RateTable) -> Any:
    changes: dict[str, Any] = {}
    for info in fields_of(section.__class__):
        value = getattr(section, info.name)
        if isinstance(value, Section):
            changes[info.name] = _completed(value, rates)
        elif info.name.endswith("_minor"):
            changes[info.name] = _every_currency(value, rates)
    return msgspec.structs.replace(section, **changes) if changes else section


def _every_currency(amounts: Amounts, rates: RateTable) -> Amounts:
    first = next(iter(amounts), None)
    if first is None:
        return amounts
    converted = {
        currency: amount
        for currency in rates.per_unit
        if (amount := convert(amounts[first], first, currency, rates)) is not None
    }
    return converted | amounts
