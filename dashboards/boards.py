"""Which questions do the dashboards answer, one to a row?

A board is a page for somebody: the one on duty, fraud, payments, logins, the leads of the queues, who keeps it running.
Every metric of the catalogue is on one of them (a test looks), and limits are those of alerts and promises.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from grafana_foundation_sdk.models import units

from dashboards.panels import (
    RANGE,
    RATE,
    Panel,
    Query,
    age,
    mix,
    number,
    quantiles,
    ranking,
    rate,
    series,
    total,
    value,
)
from streams import metrics as m
from streams.core.flows.names import FLOWS

# A dashboard that says F10 is for nobody but us.
NAMED: Final = {flow: f"{flow} {words}" for flow, words in FLOWS.items()}
# Where money is between two places: the flows that accounting works.
MONEY: Final = "F10|F11|F12|F13|F14|F15|F16|F17|F18|F36|F41"


class Row(NamedTuple):
    """One question and the panels that answer it."""

    question: str
    panels: tuple[Panel, ...]


class Board(NamedTuple):
    """One dashboard."""

    name: str  # paywarden-NAME is its uid and its file
    title: str
    about: str
    since: str
    rows: tuple[Row, ...]

    @property
    def uid(self) -> str:
        return f"paywarden-{self.name}"


def overview() -> Board:
    return Board(
        "overview",
        "PayWarden: overview",
        "Is it well? One row for each part; the numbers lead to the page that says more.",
        "now-1h",
        (
            Row(
                "Is anything wrong now?",
                (
                    number(
                        "Alerts that page",
                        "Firing now. Alertmanager has them; the runbook has a section for each.",
                        units.Short,
                        Query('count(ALERTS{alertstate="firing", severity="page"}) or vector(0)', "firing"),
                        red=1,
                    ),
                    number(
                        "Alerts that can wait",
                        "Firing now, to be looked at in working hours.",
                        units.Short,
                        Query('count(ALERTS{alertstate="firing", severity="ticket"}) or vector(0)', "firing"),
                        amber=1,
                    ),
                    number(
                        "Workers ready",
                        "Workers that serve partitions. None: nothing is decided.",
                        units.Short,
                        Query(f"sum({m.READY.name})", "ready"),
                        red=1,
                        good_above=True,
                        runbook="PaywardenNoWorker",
                        board="paywarden-health",
                    ),
                    number(
                        "Records that wait",
                        "Input behind the committed positions.",
                        units.Short,
                        Query("sum(paywarden:lag_records:sum)", "waiting"),
                        amber=1_000,
                        red=10_000,
                        runbook="PaywardenLag",
                        board="paywarden-health",
                    ),
                    number(
                        "Decision, 99 in 100 within",
                        "From the record of an event to the commit of its decision; the promise is 150 ms.",
                        units.Seconds,
                        Query('paywarden:event_latency_seconds:quantile5m{agent="accounts", quantile="0.99"}', "p99"),
                        amber=0.15,
                        red=0.5,
                        runbook="PaywardenLatency",
                        board="paywarden-health",
                    ),
                    number(
                        "Cannot be handled",
                        "Records set aside, of all records.",
                        units.PercentUnit,
                        Query("paywarden:dead_letters:share10m", "set aside"),
                        amber=0.0001,
                        red=0.001,
                        runbook="PaywardenDeadLetters",
                        board="paywarden-health",
                    ),
                    series(
                        "Which alerts fire?",
                        "By name; the runbook has a section of that name.",
                        units.Short,
                        Query(
                            'count by (alertname) (ALERTS{alertstate="firing", alertname=~"Paywarden.+"})',
                            "{{alertname}}",
                        ),
                        stacked=True,
                        bars=True,
                    ),
                    series(
                        "Events handled",
                        "Per second, after their commit, by topic.",
                        units.EventsPerSecond,
                        Query("sum by (topic) (paywarden:events:rate5m)", "{{topic}}"),
                        stacked=True,
                    ),
                ),
            ),
            Row(
                "Is there fraud?",
                (
                    series(
                        "Decisions other than allow",
                        "Per second, where they are acted upon.",
                        units.OpsPerSecond,
                        Query(
                            'sum by (outcome) (paywarden:decisions:rate5m{outcome!="allow", mode="enforce"})',
                            "{{outcome}}",
                        ),
                        stacked=True,
                    ),
                    number(
                        "Sent to people",
                        "Of all events, the decisions review and hold, within an hour.",
                        units.PercentUnit,
                        Query("paywarden:review:share1h", "of all"),
                        amber=0.005,
                        runbook="PaywardenAlertRate",
                        board="paywarden-fraud",
                    ),
                    number(
                        "Decided without a score",
                        "By rules alone although there is a model.",
                        units.PercentUnit,
                        Query("paywarden:score_unavailable:share5m", "of all"),
                        red=0.01,
                        runbook="PaywardenScoreUnavailable",
                        board="paywarden-fraud",
                    ),
                ),
            ),
            Row(
                "Do payments go through?",
                (
                    rate(m.TRIAGES, "party", title="Failed payments, by whose fault"),
                    number(
                        "Incidents within the time shown",
                        "Gateways, issuers, merchants that were found to be down.",
                        units.Short,
                        Query(f"sum(increase({m.INCIDENTS_OPENED.name}{RANGE}))", "opened"),
                        amber=1,
                        runbook="PaywardenIncident",
                        board="paywarden-payments",
                    ),
                ),
            ),
            Row(
                "Do the right people get in?",
                (
                    mix("Logins with the right password", "By what was decided.", m.LOGINS, "outcome"),
                    number(
                        "Attacks within the time shown",
                        "On logins and cards.",
                        units.Short,
                        Query(f"sum(increase({m.ATTACKS_OPENED.name}{RANGE}))", "opened"),
                        amber=1,
                        runbook="PaywardenAttack",
                        board="paywarden-logins",
                    ),
                    number(
                        "Locks that stand",
                        "All kinds together.",
                        units.Short,
                        Query(f"sum({m.LOCKS_STANDING.name}) or vector(0)", "standing"),
                        board="paywarden-logins",
                    ),
                ),
            ),
            Row(
                "Are people coping?",
                (
                    series(
                        "Cases that are open",
                        "In the case store, by queue.",
                        units.Short,
                        Query("sum by (queue) (paywarden:open_cases:sum)", "{{queue}}"),
                        stacked=True,
                    ),
                    number(
                        "Promises missed within an hour",
                        "First responses, next words, resolutions and legal answers that came too late.",
                        units.Short,
                        Query("sum(paywarden:deadlines_missed:increase1h)", "missed"),
                        amber=1,
                        red=6,
                        runbook="PaywardenDeadlinesMissed",
                        board="paywarden-cases",
                    ),
                    number(
                        "People signed in",
                        "In the console.",
                        units.Short,
                        Query(f"sum({m.CONSOLE_SESSIONS.name})", "signed in"),
                        board="paywarden-cases",
                    ),
                ),
            ),
            Row(
                "Does everybody get to see it?",
                (
                    number(
                        "Console, answers that are errors",
                        "Of all requests, the answers 500 and above.",
                        units.PercentUnit,
                        Query("paywarden:console_errors:share5m", "errors"),
                        red=0.05,
                        runbook="PaywardenConsoleFailing",
                        board="paywarden-health",
                    ),
                    number(
                        "Case store, behind for",
                        "Since it last had everything.",
                        units.Seconds,
                        Query(f"time() - max({m.STORE_LEVEL.name})", "behind"),
                        amber=60,
                        red=300,
                        runbook="PaywardenStoreBehind",
                        board="paywarden-health",
                    ),
                    number(
                        "Webhooks, messages that wait",
                        "Of all endpoints.",
                        units.Short,
                        Query(f"sum({m.WEBHOOK_WAITING.name})", "waiting"),
                        amber=100,
                        red=1_000,
                        runbook="PaywardenWebhooksStuck",
                        board="paywarden-health",
                    ),
                ),
            ),
        ),
    )


def fraud() -> Board:
    return Board(
        "fraud",
        "PayWarden: fraud",
        "What is decided, by which rules and scores, and were they right?",
        "now-6h",
        (
            Row(
                "What is decided?",
                (
                    series(
                        "Decisions",
                        m.DECISIONS.help,
                        units.OpsPerSecond,
                        Query("sum by (outcome, mode) (paywarden:decisions:rate5m)", "{{outcome}} {{mode}}"),
                        stacked=True,
                    ),
                    mix("Decisions, mix", "Of all decisions.", m.DECISIONS, "outcome"),
                    series(
                        "Sent to people",
                        "Review and hold, of all events, within an hour. Twice the day before is an alert.",
                        units.PercentUnit,
                        Query("paywarden:review:share1h", "now"),
                        Query("2 * paywarden:review:share1d", "twice the day before"),
                        limit=0.005,
                        runbook="PaywardenAlertRate",
                    ),
                ),
            ),
            Row(
                "Which rules say so?",
                (
                    ranking(
                        "Rules that fired most",
                        "Within the time shown, by rule and band; in observe they change nothing.",
                        units.Short,
                        Query(
                            f"topk(15, sum by (rule, mode) (increase({m.RULE_HITS.name}{RANGE})))", "{{rule}} {{mode}}"
                        ),
                    ),
                    series(
                        "Rules that fired",
                        m.RULE_HITS.help,
                        units.OpsPerSecond,
                        Query(f"topk(10, sum by (rule) (rate({m.RULE_HITS.name}{RATE})))", "{{rule}}"),
                    ),
                ),
            ),
            Row(
                "What is done about it?",
                (
                    total(m.ACTIONS),
                    series(
                        "Commands sent again",
                        "Of those sent: nobody acknowledged the first ones, so locks may not be in force.",
                        units.PercentUnit,
                        Query("paywarden:actions_resent:share10m", "sent again"),
                        limit=0.1,
                        runbook="PaywardenActionsNotAcknowledged",
                    ),
                    total(m.ACTIONS_RESENT, runbook="PaywardenActionsNotAcknowledged"),
                    total(m.EFFECTS_SUPPRESSED, title="Recorded, not sent"),
                ),
            ),
            Row(
                "Does the model answer?",
                (
                    rate(m.SCORES, title="Scores, by tenth"),
                    series(
                        "Decided without a score",
                        "Of all decisions; no model by choice is not counted here.",
                        units.PercentUnit,
                        Query("paywarden:score_unavailable:share5m", "without"),
                        limit=0.01,
                        runbook="PaywardenScoreUnavailable",
                    ),
                    rate(m.SCORE_UNAVAILABLE, title="Without a score, why", runbook="PaywardenScoreUnavailable"),
                    value(m.MODEL_READY, how="min"),
                ),
            ),
            Row(
                "Was it right?",
                (
                    value(m.MODEL_AVERAGE_PRECISION, how="avg"),
                    value(m.MODEL_CARD_PRECISION, how="avg"),
                    total(m.RANKED_ACCOUNTS, title="Accounts ranked highest, by what became known"),
                    total(m.LABELLED_SCORES, "truth", title="Labels of scored movements"),
                ),
            ),
            Row(
                "Is the world still the one that it was trained on?",
                (
                    series(
                        "Stability index",
                        m.MODEL_DRIFT.help,
                        units.Short,
                        Query(f"max by (feature) ({m.MODEL_DRIFT.name})", "{{feature}}"),
                        limit=0.25,
                        runbook="PaywardenModelDrift",
                    ),
                    series(
                        "Values that training hardly knew",
                        m.MODEL_SKEW.help,
                        units.PercentUnit,
                        Query(f"max by (feature) ({m.MODEL_SKEW.name})", "{{feature}}"),
                        limit=0.05,
                        runbook="PaywardenModelSkew",
                    ),
                ),
            ),
        ),
    )


def payments() -> Board:
    return Board(
        "payments",
        "PayWarden: payment failures and incidents",
        "Why do payments fail, is something down, and where is the money?",
        "now-6h",
        (
            Row(
                "Why do payments fail?",
                (
                    rate(m.TRIAGES, "party", title="Failed payments, by whose fault"),
                    mix("Whose fault, mix", "Of all failed or unknown payments.", m.TRIAGES, "party"),
                    rate(m.TRIAGES, "verdict", title="Failed payments, by whether to try again"),
                ),
            ),
            Row(
                "Is something down?",
                (
                    total(m.INCIDENTS_OPENED, runbook="PaywardenIncident"),
                    series(
                        "Incidents that go on",
                        "Opened less ended, since the workers started, by what is down.",
                        units.Short,
                        Query(
                            f"sum by (dimension) ({m.INCIDENTS_OPENED.name}) "
                            f"- sum by (dimension) ({m.INCIDENTS_CLOSED.name})",
                            "{{dimension}}",
                        ),
                        runbook="PaywardenIncidentStorm",
                    ),
                    total(m.INCIDENTS_CLOSED),
                    rate(m.INCIDENT_FAILURES, title="Failures that belong to an incident"),
                ),
            ),
            Row(
                "Do we understand the answers?",
                (total(m.UNKNOWN_CODES, title="Codes that no table knows", runbook="PaywardenUnknownDeclineCodes"),),
            ),
            Row(
                "Do all feeds speak?",
                (
                    age(m.FEED, "topic", how="max", title="Newest event", limit=900, runbook="PaywardenFeedAge"),
                    total(m.FEED_STALLS, title="Feeds that stopped or fell behind", runbook="PaywardenFeedAge"),
                ),
            ),
            Row(
                "Where does money wait?",
                (
                    total(
                        m.CASE_FLOWS,
                        selector=f'{{flow=~"{MONEY}"}}',
                        title="Cases about money on its way",
                        names=NAMED,
                    ),
                    series(
                        "Accounting's open cases",
                        "In the case store, by priority.",
                        units.Short,
                        Query('sum by (priority) (paywarden:open_cases:sum{queue="accounting"})', "{{priority}}"),
                        stacked=True,
                    ),
                ),
            ),
        ),
    )


def logins() -> Board:
    return Board(
        "logins",
        "PayWarden: logins and locks",
        "Who gets in, who attacks, whom do we lock, and how soon are owners back?",
        "now-6h",
        (
            Row(
                "Do people get in?",
                (
                    rate(m.LOGINS, title="Logins with the right password"),
                    series(
                        "Asked for a second factor",
                        "Of the logins with the right password, within an hour; four in a hundred are usual.",
                        units.PercentUnit,
                        Query("paywarden:challenged_logins:share1h", "challenged"),
                        limit=0.15,
                        runbook="PaywardenChallengedShare",
                    ),
                ),
            ),
            Row(
                "Who attacks?",
                (total(m.ATTACKS_OPENED, title="Attacks, by kind", runbook="PaywardenAttack"),),
            ),
            Row(
                "Whom do we lock?",
                (
                    total(m.LOCKS_BEGUN, title="Locks that began"),
                    value(m.LOCKS_STANDING, "lock", title="Locks that stand"),
                    total(m.LOCKS_CAPPED, title="Locks that became reviews", runbook="PaywardenLocksCapped"),
                ),
            ),
            Row(
                "Were the locks right?",
                (
                    series(
                        "Locks that were mistakes",
                        "Undone by people, of the locks that began within a day.",
                        units.PercentUnit,
                        Query("paywarden:false_locks:share1d", "{{lock}}"),
                        limit=0.05,
                        runbook="PaywardenFalseLocks",
                    ),
                    series(
                        "What ended locks",
                        m.LOCK_SECONDS.help,
                        units.Short,
                        Query(f"sum by (end) (increase({m.LOCK_SECONDS.name}_count{RATE}))", "{{end}}"),
                        stacked=True,
                        bars=True,
                    ),
                ),
            ),
            Row(
                "How soon is an owner back?",
                (
                    series(
                        "Nine in ten owners wait at most",
                        "From their request until no lock was left, within a day; the promise is a day.",
                        units.Seconds,
                        Query("paywarden:unlock_seconds:p90_1d", "p90"),
                        limit=86_400,
                        runbook="PaywardenSlowUnlocks",
                    ),
                    quantiles(m.UNLOCK_SECONDS, title="Until no lock was left", limit=86_400),
                    quantiles(m.LOCK_SECONDS, "lock", title="How long locks last"),
                    age(m.OLDEST_LOCK, "lock", title="Oldest lock", limit=691_200, runbook="PaywardenLockAge"),
                ),
            ),
        ),
    )


def cases() -> Board:
    return Board(
        "cases",
        "PayWarden: cases and promises",
        "How much is there to do, what is it about, and do customers get what they were promised?",
        "now-24h",
        (
            Row(
                "How much is there to do?",
                (
                    series(
                        "Cases that are open",
                        m.STORE_OPEN_CASES.help,
                        units.Short,
                        Query("sum by (queue) (paywarden:open_cases:sum)", "{{queue}}"),
                        stacked=True,
                    ),
                    series(
                        "Cases that are open, by priority",
                        m.STORE_OPEN_CASES.help,
                        units.Short,
                        Query("sum by (priority) (paywarden:open_cases:sum)", "{{priority}}"),
                        stacked=True,
                    ),
                    total(m.CASES_OPENED, "queue", title="Cases opened"),
                    total(m.CASE_VERSIONS, title="Changes of cases"),
                ),
            ),
            Row(
                "What is it about?",
                (
                    total(m.CASE_FLOWS, title="Themes: cases opened, by flow", names=NAMED),
                    ranking(
                        "Most frequent themes",
                        "Cases opened within the time shown, by flow.",
                        units.Short,
                        Query(f"topk(12, sum by (flow) (increase({m.CASE_FLOWS.name}{RANGE})))", "{{flow}}"),
                        names=NAMED,
                    ),
                    ranking(
                        "Causes of failed payments",
                        "Within the time shown, by whose fault.",
                        units.Short,
                        Query(f"sum by (party) (increase({m.TRIAGES.name}{RANGE}))", "{{party}}"),
                    ),
                ),
            ),
            Row(
                "Are promises kept?",
                (
                    series(
                        "Promises missed",
                        "Of those that came due within an hour.",
                        units.PercentUnit,
                        Query("paywarden:deadlines_missed:share1h", "{{queue}} {{promise}}"),
                        limit=1 / 3,
                        runbook="PaywardenDeadlinesMissed",
                    ),
                    total(m.CASE_DEADLINES, "promise", "result", title="Promises, kept and missed"),
                    series(
                        "Promises missed, number",
                        "Within an hour, by queue; six of one kind are an alert.",
                        units.Short,
                        Query("sum by (queue) (paywarden:deadlines_missed:increase1h)", "{{queue}}"),
                        limit=5,
                        runbook="PaywardenDeadlinesMissed",
                    ),
                ),
            ),
            Row(
                "What comes of cases?",
                (
                    total(m.CASES_CLOSED, "finding", title="Cases that ended, by finding"),
                    mix("Findings, mix", "Of the cases that ended.", m.CASES_CLOSED, "finding"),
                    total(
                        m.CASES_HANDED_OVER,
                        title="Cases that people alone follow",
                        runbook="PaywardenCasesHandedOver",
                    ),
                ),
            ),
            Row(
                "Are texts understood?",
                (
                    total(m.MESSAGES_READ, title="Texts read, by who understood them"),
                    series(
                        "Texts that a person has to read",
                        "Of all texts, within a day; one in ten is usual.",
                        units.PercentUnit,
                        Query("paywarden:texts_not_understood:share1d", "not understood"),
                        limit=0.3,
                        runbook="PaywardenTextsNotUnderstood",
                    ),
                    total(m.MESSAGES_ANSWERED, title="Texts answered at once"),
                    total(m.KNOWLEDGE_QUESTIONS, title="General questions, by what became of them"),
                    total(m.KNOWLEDGE_UNANSWERED, title="General questions without an article, by theme"),
                ),
            ),
            Row(
                "Do customers hear of us, and what do they say?",
                (
                    rate(m.NOTIFICATIONS, title="Messages to customers"),
                    total(m.CUSTOMER_DIALOGUE, title="Questions, answers, surveys"),
                    total(m.SURVEY_RATINGS, title="Ratings, 5 is content"),
                ),
            ),
            Row(
                "Who works on them?",
                (
                    value(m.CONSOLE_SESSIONS, title="People signed in"),
                    total(m.CONSOLE_ACTIONS, "operation", title="Actions of people"),
                    total(m.CONSOLE_ACTIONS, "answer", title="Actions, by what became of them"),
                ),
            ),
        ),
    )


def health() -> Board:
    return Board(
        "health",
        "PayWarden: pipeline health",
        "Do workers, case store, webhooks and console run, in time, and is nothing lost?",
        "now-1h",
        (
            Row(
                "Are workers there?",
                (
                    series(
                        "Ready",
                        m.READY.help,
                        units.Short,
                        Query(f"sum by (instance) ({m.READY.name})", "{{instance}}"),
                        runbook="PaywardenNotReady",
                    ),
                    value(m.WORKER, "clock", "mode", title="How workers take time and effects"),
                    value(m.PARTITIONS_OWNED, "agent"),
                    total(m.REBALANCES),
                    series(
                        "Restarts",
                        "Changes of the time at which processes started, within ten minutes.",
                        units.Short,
                        Query('changes(process_start_time_seconds{job=~"paywarden.*"}[10m])', "{{instance}}"),
                        limit=1,
                        runbook="PaywardenRestarts",
                    ),
                    series(
                        "Memory",
                        "Resident memory of each process.",
                        units.BytesIEC,
                        Query('process_resident_memory_bytes{job=~"paywarden.*"}', "{{instance}}"),
                    ),
                    series(
                        "Processor",
                        "Seconds per second: 1 is one core.",
                        units.Short,
                        Query(f'rate(process_cpu_seconds_total{{job=~"paywarden.*"}}{RATE})', "{{instance}}"),
                    ),
                ),
            ),
            Row(
                "Are events flowing?",
                (
                    series(
                        "Events",
                        m.EVENTS.help,
                        units.EventsPerSecond,
                        Query("sum by (agent, topic) (paywarden:events:rate5m)", "{{agent}} {{topic}}"),
                        stacked=True,
                    ),
                    rate(m.COMMITS),
                    quantiles(m.GROUP_RECORDS, "agent", title="Records per commit"),
                    rate(m.INGEST_RECORDS, title="Foreign records"),
                    total(m.INGEST_UNMAPPED, title="Foreign fields that no rule looks at"),
                ),
            ),
            Row(
                "Is anything set aside?",
                (
                    series(
                        "Dead letters, share",
                        "Of all records. The worker stops itself at the configured limit.",
                        units.PercentUnit,
                        Query("paywarden:dead_letters:share10m", "set aside"),
                        limit=0.001,
                        runbook="PaywardenDeadLetters",
                    ),
                    series(
                        "Dead letters, why",
                        m.DEAD_LETTERS.help,
                        units.Short,
                        # Most reasons never come: a line for each that did, else one at nought.
                        Query(f"sum by (reason) (increase({m.DEAD_LETTERS.name}{RATE})) or vector(0)", "{{reason}}"),
                        stacked=True,
                        bars=True,
                        runbook="PaywardenDeadLetters",
                    ),
                    series(
                        "Types that this build does not know",
                        m.UNKNOWN_TYPES.help,
                        units.Short,
                        Query(f"sum by (topic) (increase({m.UNKNOWN_TYPES.name}{RATE})) or vector(0)", "{{topic}}"),
                        bars=True,
                        runbook="PaywardenUnknownTypes",
                    ),
                    total(m.POISON, title="Events on which the core raised", runbook="PaywardenPoison"),
                    total(m.COMMIT_FAILURES, runbook="PaywardenCommitFailures"),
                    series(
                        "Seen before",
                        m.DUPLICATES.help,
                        units.OpsPerSecond,
                        Query(f"sum by (topic) (rate({m.DUPLICATES.name}{RATE}))", "{{topic}}"),
                    ),
                    total(m.PERSONAL_DATA, title="Personal data in ids"),
                    total(m.ERASURES, title="Accounts erased"),
                    total(m.EVENTS_FORGOTTEN, title="Events from before an erasure"),
                ),
            ),
            Row(
                "Are we late?",
                (
                    series(
                        "Records that wait",
                        m.LAG.help,
                        units.Short,
                        Query("paywarden:lag_records:sum", "{{agent}} {{topic}}"),
                        limit=10_000,
                        runbook="PaywardenLag",
                    ),
                    series(
                        "From event to decision",
                        m.LATENCY.help,
                        units.Seconds,
                        Query(
                            'paywarden:event_latency_seconds:quantile5m{agent="accounts"}', "{{agent}} p{{quantile}}"
                        ),
                        limit=0.5,
                        runbook="PaywardenLatency",
                    ),
                    quantiles(m.COMMIT_SECONDS, "agent", title="Commits", limit=3),
                    age(
                        m.LAST_COMMIT, "agent", "partition", title="Last commit", limit=60, runbook="PaywardenNoCommit"
                    ),
                    age(
                        m.CLOCK,
                        "agent",
                        "partition",
                        title="Event-time clock, behind",
                        limit=1_200,
                        runbook="PaywardenClockStuck",
                    ),
                    rate(m.LATE_EVENTS),
                    rate(m.TIMERS, title="Timers fired"),
                ),
            ),
            Row(
                "How large is what workers remember?",
                (
                    value(m.STATE_KEYS, "agent"),
                    value(m.STATE_BYTES, "agent"),
                    rate(m.STATE_DROPPED, title="Forgotten because idle"),
                    quantiles(m.RECOVERY_SECONDS, title="From assignment to serving"),
                    rate(m.RECOVERY_ROWS, title="Rows read to recover"),
                ),
            ),
            Row(
                "Does the case store keep up?",
                (
                    age(
                        m.STORE_LEVEL,
                        "instance",
                        how="max",
                        title="Behind for",
                        limit=300,
                        runbook="PaywardenStoreBehind",
                    ),
                    value(
                        m.STORE_LAG,
                        "instance",
                        "stored",
                        title="Records that wait for the store",
                        runbook="PaywardenStoreBehind",
                    ),
                    rate(m.STORE_RECORDS, title="Records taken in"),
                    total(m.STORE_REFUSED, title="Records not understood", runbook="PaywardenStoreRefused"),
                ),
            ),
            Row(
                "Do webhooks arrive?",
                (
                    rate(m.WEBHOOK_DELIVERED, title="Delivered"),
                    rate(m.WEBHOOK_FAILED, title="Attempts that failed"),
                    rate(m.WEBHOOK_RETRIED, title="Attempts after the first"),
                    total(m.WEBHOOK_DEAD_LETTERS, title="Given up", runbook="PaywardenWebhookDeadLetters"),
                    value(m.WEBHOOK_GIVEN_UP, "endpoint", title="Given up, kept for a replay"),
                    value(m.WEBHOOK_WAITING, "endpoint", title="Messages that wait", runbook="PaywardenWebhooksStuck"),
                    series(
                        "Oldest message that waits",
                        "How long ago it happened what the oldest message tells.",
                        units.Seconds,
                        # None where nothing waits: nought, for an endpoint that is known.
                        Query(
                            f"time() - min by (endpoint) ({m.WEBHOOK_OLDEST.name}) "
                            f"or 0 * max by (endpoint) ({m.WEBHOOK_WAITING.name})",
                            "{{endpoint}}",
                        ),
                        runbook="PaywardenWebhooksStuck",
                    ),
                    value(m.WEBHOOK_LAG, "endpoint", title="Records not read yet"),
                    quantiles(m.WEBHOOK_POST_SECONDS, "endpoint", title="How long a post takes"),
                    total(m.WEBHOOK_UNREADABLE, title="Records not understood"),
                ),
            ),
            Row(
                "Does the console answer?",
                (
                    rate(m.CONSOLE_REQUESTS, "status", title="Answers, by status"),
                    rate(m.CONSOLE_REQUESTS, "method", "route", title="Requests, by route"),
                    series(
                        "Answers that are errors",
                        "500 and above, of all answers.",
                        units.PercentUnit,
                        Query("paywarden:console_errors:share5m", "errors"),
                        limit=0.05,
                        runbook="PaywardenConsoleFailing",
                    ),
                    series(
                        "Nineteen in twenty answers begin within",
                        m.CONSOLE_SECONDS.help,
                        units.Seconds,
                        Query("paywarden:console_request_seconds:p95_5m", "{{route}}"),
                        limit=0.5,
                        runbook="PaywardenConsoleSlow",
                    ),
                    quantiles(m.CONSOLE_SECONDS, title="Time to an answer, all routes"),
                ),
            ),
        ),
    )


BOARDS: Final = (overview, fraud, payments, logins, cases, health)
