"""Do workers, case store, webhooks and console run, in time, and is nothing lost?"""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from dashboards.boards.board import Board, Row
from dashboards.panels import RATE, Query, age, quantiles, rate, series, total, value
from streams import metrics as m


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
                        runbook="PaywardenWebhooksLate",
                    ),
                    value(m.WEBHOOK_LAG, "endpoint", title="Records not read yet", runbook="PaywardenWebhooksLate"),
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
