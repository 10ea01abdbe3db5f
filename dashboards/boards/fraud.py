"""What is decided, by which rules and scores, and were they right?"""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from dashboards.boards.board import Board, Row
from dashboards.panels import RANGE, RATE, Query, mix, ranking, rate, series, total, value
from streams import metrics as m


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
                    series(
                        "Fraud value detected",
                        "Of the value of fraud confirmed in 30 days, what was blocked, held or asked a second factor.",
                        units.PercentUnit,
                        Query("paywarden:fraud_value_detected:share30d", "detected"),
                        most=1,
                    ),
                    total(m.CONFIRMED_FRAUDS, title="Confirmed fraud, by what was done about it"),
                    total(m.CONFIRMED_FRAUD_USD_CENTS, title="Confirmed fraud in US cents, by what was done about it"),
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
