"""Is it well? One row for each part; the numbers lead to the page that says more."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from dashboards.boards.board import Board, Row
from dashboards.panels import RANGE, Query, mix, number, rate, series
from streams import metrics as m


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
