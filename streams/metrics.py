"""Which metrics exist, what does each one mean, and which label values may it take?

A metric exists because it has a row here: dashboards, alerts, `docs/metrics.md` and the adapter read this list.
Times of day are exported as timestamps, not ages: a worker that hangs cannot keep its own age fresh.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args, get_type_hints

from streams.contracts.accounts import BlockedKind, CaseAction
from streams.contracts.actions import ActionKind
from streams.contracts.cases import Finding, Priority, Queue, ResolutionCode, RootCause
from streams.contracts.registry import REASONS
from streams.contracts.topics import ENTITY_RISK, MERGED, SIGNALS, TOPICS
from streams.contracts.triage import FaultParty, RetryVerdict
from streams.core.cases.causes import CAUSES
from streams.core.currencies import WITH_MINOR_UNIT
from streams.core.declines.table import packaged
from streams.core.features.catalogue import FEATURE_NAMES
from streams.core.flows.names import FLOWS
from streams.core.incidents.keys import DIMENSIONS
from streams.core.knowledge.asking import NOTHING_KNOWN, THEMES
from streams.core.learning import BANDS_FROM
from streams.core.locks.tenure import ENDS, LOCKED
from streams.core.personal import FIELDS, Kind
from streams.core.risk import ATTACKS

Question = Literal["flow", "late", "sane", "people", "shown"]


@dataclass(frozen=True, slots=True, eq=False)  # a row is itself: compared and hashed by identity
class Metric:
    """One row: `question` is the row of the dashboard that it belongs to."""

    name: str
    help: str
    question: Question
    labels: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return type(self).__name__.lower()


@dataclass(frozen=True, slots=True, eq=False)
class Counter(Metric):
    """Only ever grows."""


@dataclass(frozen=True, slots=True, eq=False)
class Gauge(Metric):
    """A value of now."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Histogram(Metric):
    """How a value is spread; each bucket bound sits where a promise or a decision is."""

    buckets: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """A label whose values are all known here."""

    values: frozenset[str]

    def admits(self, value: str) -> bool:
        return value in self.values


@dataclass(frozen=True, slots=True)
class Shape:
    """A label whose values come from the deployment or the policy; never from an event. `most` bounds the series."""

    pattern: re.Pattern[str]
    most: int

    def admits(self, value: str) -> bool:
        return self.pattern.fullmatch(value) is not None


OTHER: Final = (
    "other"  # what a value outside its label's set is recorded as: a metric must never be a way to run out of memory
)


def _values(*values: str) -> Values:
    return Values(frozenset(values))


BY_ITSELF: Final = "by_itself"  # of a case that ended with a word of a rule, of which there are many

BANDS: Final = tuple(f"0.{tenth}" for tenth in range(10))

LABELS: Final[dict[str, Values | Shape]] = {
    "agent": _values("accounts", "entities", "ingest"),
    "topic": _values(*(topic.name for topic in (*MERGED, ENTITY_RISK, SIGNALS))),  # what an agent reads
    "partition": Shape(re.compile("[0-9]{1,5}"), 4096),
    "rule": Shape(re.compile("[a-z0-9-]{1,40}/([0-9]{2}|x00|err)"), 256),
    "outcome": _values("allow", "notify", "step_up", "review", "hold", "block"),
    "mode": _values("observe", "enforce"),
    "field": Values(FIELDS),
    "kind": Values(frozenset(get_args(Kind))),
    "clock": _values("live", "replay"),
    "reason": Values(frozenset(REASONS)),
    "band": _values(*BANDS),
    "cause": _values("no_model", "missing", "timeout", "failed", "corrupt", "wrong_features"),
    "why": _values("observe", "too_old", "capped"),
    "action": Values(frozenset(get_args(ActionKind))),
    "queue": Values(frozenset(get_args(Queue))),
    "priority": Values(frozenset(get_args(Priority))),
    "finding": Values(frozenset(get_args(Finding))),
    "resolution": _values(*get_args(ResolutionCode), BY_ITSELF),
    "root_cause": Values(frozenset(get_args(RootCause))),
    "case_cause": Values(CAUSES),
    "effect": _values("action", "notification", "query", "refund"),
    "cap": _values("partition", "total"),
    "fate": _values("amended", "counted"),
    "dropped": _values("idle"),
    "became": _values("written", "skipped"),
    "party": Values(frozenset(get_args(FaultParty))),
    "verdict": Values(frozenset(get_args(RetryVerdict))),
    "source": Values(frozenset({*packaged().sources, "none"})),
    "currency": Values(WITH_MINOR_UNIT),
    "dimension": Values(frozenset(DIMENSIONS)),
    "score_from": _values(*map(str, BANDS_FROM)),
    "truth": _values("fraud", "legit"),
    "feature": _values("score", *FEATURE_NAMES),
    "lock": _values(*LOCKED),
    "end": Values(ENDS),
    "attack": Values(ATTACKS),
    "entity": _values(*get_args(BlockedKind)),
    "request": _values("blocked", "lifted", "refused"),
    "step": _values(
        "asked", "reminded", "answered", "closed_unanswered", "taken_up_again", "surveyed", "survey_unanswered"
    ),
    "rating": _values("1", "2", "3", "4", "5"),
    "promise": _values("first_response", "next_update", "resolution", "legal"),
    "result": _values("kept", "missed"),
    "flow": _values(*FLOWS),
    "reader": _values("rule", "model", "person"),
    "reply": _values("answered", "unanswered", "not_helped"),
    "theme": _values(*THEMES, NOTHING_KNOWN),
    # Of the processes beside the workers. The case store reads what goes in as well as what comes out.
    "stored": _values(*(topic.name for topic in TOPICS.values() if topic.direction in ("input", "output"))),
    "endpoint": Shape(re.compile("[a-z0-9][a-z0-9-]{0,62}"), 256),
    "method": _values("GET", "POST"),
    "route": Shape(re.compile(r"none|/[a-z0-9_./{}-]{0,80}"), 512),  # as the code writes it, never as somebody asks it
    "status": Shape(re.compile("[1-5][0-9]{2}"), 512),
    # And what people do by a form of its own, be it with one case or with fifty.
    "operation": Values(
        frozenset(get_args(get_type_hints(CaseAction)["action"])) | {"claim", "bulk", "handover", "contact"}
    ),
    "answer": _values("sent", "refused", "failed"),
}

# --- are events flowing? ----------------------------------------------------------------------------------------------
EVENTS: Final = Counter(
    "paywarden_events_total", "Input records handled, counted after their commit.", "flow", ("agent", "topic")
)
DUPLICATES: Final = Counter(
    "paywarden_duplicates_total",
    "Events seen before and skipped, by (topic, source, event_id).",
    "flow",
    ("agent", "topic"),
)
DEAD_LETTERS: Final = Counter(
    "paywarden_dead_letters_total", "Records set aside, by reason.", "flow", ("agent", "topic", "reason")
)
UNKNOWN_TYPES: Final = Counter(
    "paywarden_unknown_types_total",
    "Dead letters of a type that this build does not know: a newer producer, outside the limit.",
    "flow",
    ("agent", "topic"),
)
PERSONAL_DATA: Final = Counter(
    "paywarden_personal_data_total",
    "Ids of events that held a card number, identity number, telephone number or e-mail address.",
    "flow",
    ("field", "kind"),
)
POISON: Final = Counter(
    "paywarden_poison_total",
    "Events on which the core raised; their group was run again without them.",
    "flow",
    ("agent",),
)
COMMITS: Final = Counter("paywarden_commits_total", "Groups committed, one Kafka transaction each.", "flow", ("agent",))
COMMIT_FAILURES: Final = Counter(
    "paywarden_commit_failures_total", "Commits that failed; the process ends with exit code 70.", "flow", ("agent",)
)
LAST_COMMIT: Final = Gauge(
    "paywarden_last_commit_timestamp_seconds", "When a partition last committed.", "flow", ("agent", "partition")
)
GROUP_RECORDS: Final = Histogram(
    "paywarden_group_records",
    "Input records per commit.",
    "flow",
    ("agent",),
    buckets=(1, 10, 50, 200, 1_000, 5_000),  # 200: one fetched batch; 5 000: a full group
)
LAG: Final = Gauge(
    "paywarden_lag_records",
    "Records between the committed position and the end of an input.",
    "flow",
    ("agent", "topic", "partition"),
)
INGEST_RECORDS: Final = Counter(
    "paywarden_ingest_records_total",
    "Foreign records by what became of them: written as events, or skipped, because their source's file says so.",
    "flow",
    ("became",),
)
INGEST_UNMAPPED: Final = Counter(
    "paywarden_ingest_unmapped_fields_total",
    "Fields of foreign records that no rule looks at, each counted once per process; the log names them.",
    "flow",
)
REBALANCES: Final = Counter("paywarden_rebalances_total", "Assignments of partitions to this worker.", "flow")
PARTITIONS_OWNED: Final = Gauge("paywarden_partitions_owned", "Partitions that this worker serves.", "flow", ("agent",))
READY: Final = Gauge("paywarden_ready", "1 when the worker serves its partitions, else 0; the same as /readyz.", "flow")
WORKER: Final = Gauge(
    "paywarden_worker_info", "Always 1: how this worker takes time and effects.", "flow", ("clock", "mode")
)
RECOVERY_SECONDS: Final = Histogram(
    "paywarden_recovery_seconds",
    "From the assignment of a partition to serving it again.",
    "flow",
    ("agent",),
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300),  # the promise is "within seconds"
)
RECOVERY_ROWS: Final = Counter(
    "paywarden_recovery_rows_total", "Changelog rows read to recover state.", "flow", ("agent",)
)
STATE_KEYS: Final = Gauge("paywarden_state_keys", "Keys in the state of a partition.", "flow", ("agent", "partition"))
STATE_BYTES: Final = Gauge(
    "paywarden_state_bytes", "Encoded size of the state of a partition.", "flow", ("agent", "partition")
)
STATE_DROPPED: Final = Counter(
    "paywarden_state_dropped_total",
    "States removed with a tombstone: idle for long, or above the cap of their kind.",
    "flow",
    ("agent", "dropped"),
)

# --- are we late? -----------------------------------------------------------------------------------------------------
LATENCY: Final = Histogram(
    "paywarden_event_latency_seconds",
    "From the record timestamp of an event to the commit of its decision.",
    "late",
    ("agent",),
    buckets=(0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10, 60),  # straddles the promised 150 ms
)
COMMIT_SECONDS: Final = Histogram(
    "paywarden_commit_seconds",
    "Duration of a commit: outputs, states and position in one transaction.",
    "late",
    ("agent",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3),  # 3 s: half of the smallest member timeout
)
CLOCK: Final = Gauge(
    "paywarden_clock_timestamp_seconds", "Event-time clock of a partition.", "late", ("agent", "partition")
)
FEED: Final = Gauge(
    "paywarden_feed_timestamp_seconds",
    "Newest event time of an input topic in a partition.",
    "late",
    ("agent", "topic", "partition"),
)
LATE_EVENTS: Final = Counter(
    "paywarden_late_events_total",
    "Events behind the clock: folded in within the lateness bound (amended), beyond it only counted.",
    "late",
    ("agent", "fate"),
)
FEED_STALLS: Final = Counter(
    "paywarden_feed_stalls_total", "Incidents about a feed that stopped or fell behind.", "late", ("topic",)
)
TIMERS: Final = Counter("paywarden_timers_fired_total", "Timers fired in event time.", "late", ("agent",))

# --- are we deciding sanely? ------------------------------------------------------------------------------------------
DECISIONS: Final = Counter(
    "paywarden_decisions_total", "Decisions published, after commit.", "sane", ("outcome", "mode")
)
RULE_HITS: Final = Counter("paywarden_rule_hits_total", "Rules that fired, by band.", "sane", ("rule", "mode"))
SCORES: Final = Counter(
    "paywarden_scores_total",
    "Model scores of decided events by tenth: band 0.3 is 0.3 <= score < 0.4, band 0.9 ends with 1.",
    "sane",
    ("band",),
)
SCORE_UNAVAILABLE: Final = Counter(
    "paywarden_score_unavailable_total", "Events decided by rules only, and why.", "sane", ("cause",)
)
MODEL_READY: Final = Gauge(
    "paywarden_model_ready",
    "1 when the models that decide now and by policies to come are loaded, else 0: rules alone; absent without one.",
    "sane",
)
LABELLED_SCORES: Final = Counter(
    "paywarden_labelled_scores_total",
    "Labels of scored movements as they arrive, by verdict and the smallest score of the band that the score was in.",
    "sane",
    ("score_from", "truth"),
)
CONFIRMED_FRAUDS: Final = Counter(
    "paywarden_confirmed_frauds_total",
    "Movements that a label or a finding calls fraud, once each, by what was done about them when they came.",
    "sane",
    ("outcome",),
)
CONFIRMED_FRAUD_USD_CENTS: Final = Counter(
    "paywarden_confirmed_fraud_usd_cents_total",
    "Their value in US cents, of those whose amount is known, by what was done about them when they came.",
    "sane",
    ("outcome",),
)
MODEL_AVERAGE_PRECISION: Final = Gauge(
    "paywarden_model_average_precision",
    "Of scores against the labels that arrived since the worker started; absent before the first fraud.",
    "sane",
)
RANKED_ACCOUNTS: Final = Counter(
    "paywarden_ranked_accounts_total",
    "The day's accounts of highest score, as many as people can look at, by what labels of eight days say of them.",
    "sane",
    ("truth",),
)
MODEL_CARD_PRECISION: Final = Gauge(
    "paywarden_model_card_precision",
    "Share of compromised ones among those accounts, of days judged since the worker started; absent before the first.",
    "sane",
)
MODEL_SKEW: Final = Gauge(
    "paywarden_model_skew",
    "Share of a feature's values that training hardly knew: outside its range, or missing more often than there.",
    "sane",
    ("feature",),
)
MODEL_DRIFT: Final = Gauge(
    "paywarden_model_psi",
    "Population stability index of the champion's score and features against its training; above 0.25 they differ.",
    "sane",
    ("feature",),
)
ACTIONS: Final = Counter(
    "paywarden_actions_total", "Lock and other commands to the payment system, by kind.", "sane", ("action", "mode")
)
LOCKS_CAPPED: Final = Counter(
    "paywarden_locks_capped_total", "Locks turned into reviews because the cap was reached.", "sane", ("cap",)
)
CHANNELS_UNLISTED: Final = Counter(
    "paywarden_channels_unlisted_total",
    "Customers' reports and answers through a channel that the policy lists neither as verified nor as unverified.",
    "sane",
)
LOGINS: Final = Counter(
    "paywarden_logins_total", "Logins with the right password, by what was decided.", "sane", ("outcome", "mode")
)
LOCKS_BEGUN: Final = Counter(
    "paywarden_locks_begun_total", "Locks that began, by what they make of the account.", "sane", ("lock",)
)
LOCK_SECONDS: Final = Histogram(
    "paywarden_lock_seconds",
    "How long a lock lasted in event time, by what ended it; `false_lock`: people found that it was a mistake.",
    "sane",
    ("lock", "end"),
    buckets=(60, 300, 900, 3_600, 14_400, 86_400, 259_200, 604_800),  # steps of the ladder, reviews, a week
)
LOCKS_STANDING: Final = Gauge(
    "paywarden_locks_standing", "Locks that stand, by what they make of the account.", "sane", ("lock", "partition")
)
OLDEST_LOCK: Final = Gauge(
    "paywarden_oldest_lock_timestamp_seconds",
    "The day on which the oldest standing lock began, UTC.",
    "sane",
    ("lock", "partition"),
)
ACTIONS_RESENT: Final = Counter(
    "paywarden_actions_resent_total", "Commands sent again because nobody acknowledged them.", "sane"
)
EFFECTS_SUPPRESSED: Final = Counter(
    "paywarden_effects_suppressed_total",
    "Effects recorded but not sent: observe mode, or an event older than max_effect_age.",
    "sane",
    ("effect", "why"),
)

ERASURES: Final = Counter("paywarden_accounts_erased_total", "Accounts whose memory was erased on request.", "sane")
EVENTS_FORGOTTEN: Final = Counter(
    "paywarden_events_before_erasure_total",
    "Events that came after the erasure of their account and happened before it: not folded, not decided about.",
    "sane",
)

TRIAGES: Final = Counter(
    "paywarden_triages_total",
    "Failed or unknown payments triaged, by party at fault and retry verdict.",
    "sane",
    ("party", "verdict"),
)
UNKNOWN_CODES: Final = Counter(
    "paywarden_decline_codes_unknown_total",
    "Codes of failed payments that no table knows, by source; `none`: a failure without any code, `psp.status`: an "
    "answer to a query with a status that is none.",
    "sane",
    ("source",),
)
FEES_UNJUDGED: Final = Counter(
    "paywarden_fees_unjudged_total",
    "Fees not compared with a tariff: nobody told what they were taken on (no_base), or there is no rate (no_rate).",
    "sane",
    ("why",),
)
UNRATED_AMOUNTS: Final = Counter(
    "paywarden_amounts_unrated_total",
    "Movements and fees in a currency without a rate: weighed against no limit and no priority. `other`: no currency "
    "of ISO 4217.",
    "sane",
    ("currency",),
)

# --- are people coping? -----------------------------------------------------------------------------------------------
CASES_OPENED: Final = Counter("paywarden_cases_opened_total", "Cases opened.", "people", ("queue", "priority"))
CASES_CLOSED: Final = Counter(
    "paywarden_cases_closed_total", "Cases that reached an end, by what was found.", "people", ("queue", "finding")
)
CASES_RESOLVED: Final = Counter(
    "paywarden_cases_resolved_total",
    "Cases that were resolved, by what they were and how they ended.",
    "people",
    ("finding", "resolution"),
)
CASES_REOPENED: Final = Counter(
    "paywarden_cases_reopened_total",
    "Cases that went on after their end: by people, by their customer's word or rating, or because it came back.",
    "people",
    ("queue",),
)
CASES_MOVED: Final = Counter(
    "paywarden_cases_moved_total",
    "Cases that people passed to another queue, by that queue: they were opened in a wrong one.",
    "people",
    ("queue",),
)
FIRST_RESPONSE_SECONDS: Final = Histogram(
    "paywarden_first_response_seconds",
    "From when the clock of a case began (opened, reopened, raised) to its first response, in event time.",
    "people",
    ("queue",),
    buckets=(10, 60, 300, 900, 3_600, 14_400, 28_800, 86_400, 259_200),  # promises: 5 min, 15 min, 1 h, 8 h
)
DEBIT_FOUND_SECONDS: Final = Histogram(
    "paywarden_debit_found_seconds",
    "From a debit whose payment is not confirmed to its case (flow F10), in event time.",
    "people",
    buckets=(10, 30, 120, 600, 1_800, 7_200, 86_400),  # the graces: 2 min of a wallet, 30 min of a bank
)
DEBIT_BACK_SECONDS: Final = Histogram(
    "paywarden_debit_back_seconds",
    "From a debit whose payment is not confirmed until the ledger has told that it is back (flow F10), in event time.",
    "people",
    buckets=(
        10,
        60,
        600,
        3_600,
        14_400,
        86_400,
        172_800,
        432_000,
        864_000,
    ),  # one day and five are what law and banks say
)
CASE_CAUSES: Final = Counter(
    "paywarden_case_root_causes_total",
    "Cases that were resolved, by whose fault it was: as who resolved it said, else as the code of the failure has it.",
    "people",
    ("queue", "root_cause"),
)
CASE_VERSIONS: Final = Counter("paywarden_case_versions_total", "Versions of cases published.", "people", ("queue",))
CASES_HANDED_OVER: Final = Counter(
    "paywarden_cases_handed_over_total",
    "Open cases that people alone follow from then on, because their account had more than it can remember.",
    "people",
    ("queue",),
)
CUSTOMER_DIALOGUE: Final = Counter(
    "paywarden_customer_dialogue_total",
    "What passed between cases and their customers: questions, reminders, answers, silent ends, surveys.",
    "people",
    ("step",),
)
SURVEY_RATINGS: Final = Counter(
    "paywarden_survey_ratings_total", "How content customers were with a case, from 1 to 5.", "people", ("rating",)
)
KNOWLEDGE_QUESTIONS: Final = Counter(
    "paywarden_knowledge_questions_total",
    "General questions of customers: answered by an article, not answered, or asked again because it did not help.",
    "people",
    ("reply",),
)
KNOWLEDGE_UNANSWERED: Final = Counter(
    "paywarden_knowledge_unanswered_total",
    "What general questions were about that no article answered; one question may have several themes.",
    "people",
    ("theme",),
)
CASE_DEADLINES: Final = Counter(
    "paywarden_case_deadlines_total",
    "Promises of cases that were kept or missed: first response, next word to the customer, resolution, legal answer.",
    "people",
    ("promise", "queue", "result"),
)
NOTIFICATIONS: Final = Counter("paywarden_notifications_total", "Messages to customers requested.", "people", ("mode",))
ATTACKS_OPENED: Final = Counter(
    "paywarden_attacks_opened_total", "Incidents opened about an attack, by its kind.", "people", ("attack",)
)
ENTITY_BLOCKS: Final = Counter(
    "paywarden_entity_blocks_total",
    "Requests of people to block an entity or to lift that, and what came of them.",
    "people",
    ("entity", "request"),
)
UNLOCK_SECONDS: Final = Histogram(
    "paywarden_unlock_seconds",
    "From an owner's request until no lock was left, in event time.",
    "people",
    buckets=(300, 900, 3_600, 14_400, 43_200, 86_400, 259_200),  # 86 400: the promise of an appeal, P2
)
INCIDENTS_OPENED: Final = Counter(
    "paywarden_incidents_opened_total",
    "Incidents opened, by what is down: gateway, issuer, merchant, ...",
    "people",
    ("dimension",),
)
INCIDENTS_CLOSED: Final = Counter(
    "paywarden_incidents_closed_total", "Incidents that ended by themselves.", "people", ("dimension",)
)
INCIDENT_FAILURES: Final = Counter(
    "paywarden_incident_failures_total",
    "Failed payments that were found to belong to an incident and got no ticket of their own.",
    "people",
)

CASE_FLOWS: Final = Counter(
    "paywarden_case_flows_total", "Cases opened, by what they are about: the flow.", "people", ("flow",)
)
CASE_THEMES: Final = Counter(
    "paywarden_case_themes_total",
    "Cases opened, by cause: why the payment failed, else what was found, else what the customer says.",
    "people",
    ("case_cause",),
)
MESSAGES_READ: Final = Counter(
    "paywarden_messages_read_total",
    "Texts of customers that were read, by who understood them: a rule, the text model, or nobody, so that people do.",
    "people",
    ("reader",),
)
MESSAGES_ANSWERED: Final = Counter(
    "paywarden_messages_answered_total", "Texts of customers that were answered at once.", "people"
)

# --- does everybody get to see it? The processes beside the workers: case store, webhooks, console --------------------
STORE_RECORDS: Final = Counter(
    "paywarden_store_records_total", "Records that the case store took in.", "shown", ("stored",)
)
STORE_REFUSED: Final = Counter(
    "paywarden_store_refused_total",
    "Records that the case store did not understand; its table `refused` has them.",
    "shown",
)
STORE_LAG: Final = Gauge(
    "paywarden_store_lag_records",
    "Records between the position of the case store and the end of a topic.",
    "shown",
    ("stored", "partition"),
)
STORE_LEVEL: Final = Gauge(
    "paywarden_store_level_timestamp_seconds",
    "When the case store last had everything that the brokers told it of, in every partition.",
    "shown",
)
STORE_OPEN_CASES: Final = Gauge(
    "paywarden_store_open_cases",
    "Cases in the case store that are not resolved or ended; those of observe mode are left out.",
    "shown",
    ("queue", "priority"),
)
STORE_DEBITED: Final = Gauge(
    "paywarden_store_debited_not_confirmed_amount",
    "Debited without a confirmed payment and not back: accounting's open cases of flow F10, in units of the currency.",
    "shown",
    ("currency",),
)
STORE_OLDEST_DEBITED: Final = Gauge(
    "paywarden_store_oldest_debited_timestamp_seconds",
    "When the oldest of accounting's open cases of flow F10 was opened; absent when there is none.",
    "shown",
)
STORE_ESCALATED: Final = Gauge(
    "paywarden_store_escalated_cases",
    "Cases in the case store that are with the supervisors and that none of them has taken.",
    "shown",
    ("queue",),
)
WEBHOOK_DELIVERED: Final = Counter(
    "paywarden_webhook_delivered_total", "Messages that an endpoint took.", "shown", ("endpoint",)
)
WEBHOOK_FAILED: Final = Counter(
    "paywarden_webhook_failed_total",
    "Attempts that an endpoint did not take, and tries to read a secret file that is not as it has to be.",
    "shown",
    ("endpoint",),
)
WEBHOOK_RETRIED: Final = Counter(
    "paywarden_webhook_retried_total", "Attempts after the first one of a message.", "shown", ("endpoint",)
)
WEBHOOK_DEAD_LETTERS: Final = Counter(
    "paywarden_webhook_dead_letters_total", "Messages given up after the last attempt.", "shown", ("endpoint",)
)
WEBHOOK_UNREADABLE: Final = Counter(
    "paywarden_webhook_unreadable_total", "Records that were not understood and not posted.", "shown", ("endpoint",)
)
WEBHOOK_POST_SECONDS: Final = Histogram(
    "paywarden_webhook_post_seconds",
    "How long an attempt took, whatever became of it.",
    "shown",
    ("endpoint",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),  # 10 s: the default limit; 60 s: the longest
)
WEBHOOK_WAITING: Final = Gauge(
    "paywarden_webhook_waiting", "Messages in the queue of an endpoint.", "shown", ("endpoint",)
)
WEBHOOK_OLDEST: Final = Gauge(
    "paywarden_webhook_oldest_timestamp_seconds",
    "Event time of the oldest message in the queue of an endpoint; absent when nothing waits.",
    "shown",
    ("endpoint",),
)
WEBHOOK_GIVEN_UP: Final = Gauge(
    "paywarden_webhook_given_up", "Dead letters of an endpoint that are kept for a replay.", "shown", ("endpoint",)
)
WEBHOOK_LAG: Final = Gauge(
    "paywarden_webhook_lag_records",
    "Records that an endpoint has not read yet, as last told by the brokers; a full queue reads nothing.",
    "shown",
    ("endpoint",),
)
CONSOLE_REQUESTS: Final = Counter(
    "paywarden_console_requests_total",
    "Requests answered by pages and interface, by route as the code writes it.",
    "shown",
    ("method", "route", "status"),
)
CONSOLE_SECONDS: Final = Histogram(
    "paywarden_console_request_seconds",
    "From a request to the beginning of its answer.",
    "shown",
    ("route",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 10),  # 200 ms: the promise for the queue page
)
CONSOLE_SESSIONS: Final = Gauge("paywarden_console_sessions", "People who are signed in.", "shown")
CONSOLE_ACTIONS: Final = Counter(
    "paywarden_console_actions_total",
    "Actions of people on cases, and by a form of its own (claim, bulk, handover, contact): "
    "sent to the workers, refused here, or failed to be sent.",
    "shown",
    ("operation", "answer"),
)

METRICS: Final[tuple[Metric, ...]] = (
    EVENTS,
    DUPLICATES,
    DEAD_LETTERS,
    UNKNOWN_TYPES,
    POISON,
    COMMITS,
    COMMIT_FAILURES,
    LAST_COMMIT,
    GROUP_RECORDS,
    LAG,
    INGEST_RECORDS,
    INGEST_UNMAPPED,
    REBALANCES,
    PARTITIONS_OWNED,
    READY,
    WORKER,
    RECOVERY_SECONDS,
    RECOVERY_ROWS,
    STATE_KEYS,
    STATE_BYTES,
    STATE_DROPPED,
    LATENCY,
    COMMIT_SECONDS,
    CLOCK,
    FEED,
    LATE_EVENTS,
    TIMERS,
    DECISIONS,
    RULE_HITS,
    SCORES,
    SCORE_UNAVAILABLE,
    MODEL_READY,
    LABELLED_SCORES,
    CONFIRMED_FRAUDS,
    CONFIRMED_FRAUD_USD_CENTS,
    MODEL_AVERAGE_PRECISION,
    RANKED_ACCOUNTS,
    MODEL_CARD_PRECISION,
    MODEL_DRIFT,
    MODEL_SKEW,
    ACTIONS,
    LOCKS_CAPPED,
    CHANNELS_UNLISTED,
    ACTIONS_RESENT,
    EFFECTS_SUPPRESSED,
    ERASURES,
    EVENTS_FORGOTTEN,
    TRIAGES,
    UNKNOWN_CODES,
    FEES_UNJUDGED,
    UNRATED_AMOUNTS,
    CASES_OPENED,
    CASES_CLOSED,
    CASES_RESOLVED,
    CASES_REOPENED,
    CASES_MOVED,
    FIRST_RESPONSE_SECONDS,
    DEBIT_FOUND_SECONDS,
    DEBIT_BACK_SECONDS,
    CASE_CAUSES,
    CASE_VERSIONS,
    NOTIFICATIONS,
    FEED_STALLS,
    PERSONAL_DATA,
    INCIDENTS_OPENED,
    INCIDENTS_CLOSED,
    INCIDENT_FAILURES,
    LOGINS,
    LOCKS_BEGUN,
    LOCK_SECONDS,
    LOCKS_STANDING,
    OLDEST_LOCK,
    ATTACKS_OPENED,
    ENTITY_BLOCKS,
    UNLOCK_SECONDS,
    CASES_HANDED_OVER,
    CUSTOMER_DIALOGUE,
    SURVEY_RATINGS,
    CASE_DEADLINES,
    CASE_FLOWS,
    CASE_THEMES,
    MESSAGES_READ,
    MESSAGES_ANSWERED,
    KNOWLEDGE_QUESTIONS,
    KNOWLEDGE_UNANSWERED,
    STORE_RECORDS,
    STORE_REFUSED,
    STORE_LAG,
    STORE_LEVEL,
    STORE_OPEN_CASES,
    STORE_ESCALATED,
    STORE_DEBITED,
    STORE_OLDEST_DEBITED,
    WEBHOOK_DELIVERED,
    WEBHOOK_FAILED,
    WEBHOOK_RETRIED,
    WEBHOOK_DEAD_LETTERS,
    WEBHOOK_UNREADABLE,
    WEBHOOK_POST_SECONDS,
    WEBHOOK_WAITING,
    WEBHOOK_OLDEST,
    WEBHOOK_GIVEN_UP,
    WEBHOOK_LAG,
    CONSOLE_REQUESTS,
    CONSOLE_SECONDS,
    CONSOLE_SESSIONS,
    CONSOLE_ACTIONS,
)


def _of(*families: str) -> tuple[Metric, ...]:
    return tuple(each for each in METRICS if each.name.startswith(tuple(f"paywarden_{family}_" for family in families)))


# What one process shows. A counter of another process would stand at zero there and look like health.
OF_STORE: Final = _of("store")
OF_CONSOLE: Final = _of("store", "console")  # it follows the topics itself
OF_WEBHOOKS: Final = _of("webhook")
OF_WORKERS: Final = tuple(each for each in METRICS if each not in {*OF_CONSOLE, *OF_WEBHOOKS})


def band_of(score: float) -> str:
    """The label of a score in `SCORES`."""
    return BANDS[min(int(score * 10), 9)]


class Silent:
    """The `Metrics` of runs that nobody scrapes: backtest, state rebuild."""

    def add(self, metric: Counter, amount: float = 1, /, *labels: str) -> None:
        del metric, amount, labels

    def set(self, metric: Gauge, value: float, /, *labels: str) -> None:
        del metric, value, labels

    def observe(self, metric: Histogram, value: float, /, *labels: str, count: int = 1) -> None:
        del metric, value, labels, count

    def forget(self, metric: Gauge, /, *labels: str) -> None:
        del metric, labels
