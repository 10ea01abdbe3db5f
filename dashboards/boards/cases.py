"""How much is there to do, what is it about, and do customers get what they were promised?"""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from dashboards.boards.board import NAMED, Board, Row
from dashboards.panels import RANGE, Query, mix, ranking, rate, series, total, value
from streams import metrics as m


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
                    series(
                        "Cases with the supervisors",
                        m.STORE_ESCALATED.help,
                        units.Short,
                        Query("max by (queue) (paywarden_store_escalated_cases)", "{{queue}}"),
                        stacked=True,
                        runbook="PaywardenCasesEscalated",
                    ),
                    total(m.CASES_OPENED, "queue", title="Cases opened"),
                    series(
                        "Opened in the right queue",
                        "Of the cases opened within a day, those that nobody has passed to another queue.",
                        units.PercentUnit,
                        Query("paywarden:right_queue:share1d", "right"),
                        most=1,
                    ),
                    total(m.CASES_MOVED, title="Cases passed to another queue"),
                    total(m.CASE_VERSIONS, title="Changes of cases"),
                ),
            ),
            Row(
                "What goes wrong, and whose fault is it?",
                (
                    total(m.CASE_THEMES, title="Themes: cases opened, by cause"),
                    ranking(
                        "Themes of the week, by cause",
                        "Cases opened within seven days, by what was found to be the cause.",
                        units.Short,
                        Query(f"topk(15, sum by (case_cause) (increase({m.CASE_THEMES.name}[7d])))", "{{case_cause}}"),
                    ),
                    ranking(
                        "Root causes of the week",
                        "Cases resolved within seven days, by whose fault it was.",
                        units.Short,
                        Query(f"sum by (root_cause) (increase({m.CASE_CAUSES.name}[7d]))", "{{root_cause}}"),
                    ),
                    total(m.CASE_FLOWS, title="Cases opened, by flow", names=NAMED),
                    ranking(
                        "Most frequent flows",
                        "Cases opened within the time shown.",
                        units.Short,
                        Query(f"topk(12, sum by (flow) (increase({m.CASE_FLOWS.name}{RANGE})))", "{{flow}}"),
                        names=NAMED,
                    ),
                    ranking(
                        "Failed payments, by whose fault",
                        "Within the time shown.",
                        units.Short,
                        Query(f"sum by (party) (increase({m.TRIAGES.name}{RANGE}))", "{{party}}"),
                    ),
                ),
            ),
            Row(
                "Are promises kept?",
                (
                    series(
                        "First response",
                        m.FIRST_RESPONSE_SECONDS.help,
                        units.Seconds,
                        Query("paywarden:first_response_seconds:quantile1d", "p{{quantile}} {{queue}}"),
                    ),
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
                    total(m.CASES_RESOLVED, "finding", "resolution", title="Cases that were resolved, by outcome"),
                    total(m.CASE_CAUSES, "root_cause", title="Cases that were resolved, by root cause"),
                    series(
                        "Reopened",
                        "Of the cases resolved within a day.",
                        units.PercentUnit,
                        Query("paywarden:reopened:share1d", "{{queue}}"),
                    ),
                    total(m.CASES_REOPENED, title="Cases that went on after their end"),
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
