"""Why do payments fail, is something down, and where is the money?"""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from dashboards.boards.board import MONEY, NAMED, Board, Row
from dashboards.panels import Query, age, mix, quantiles, rate, series, total
from streams import metrics as m


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
                (
                    total(m.UNKNOWN_CODES, title="Codes that no table knows", runbook="PaywardenUnknownDeclineCodes"),
                    total(m.FEES_UNJUDGED, title="Fees that could not be judged"),
                    total(m.UNRATED_AMOUNTS, title="Amounts in a currency without a rate"),
                ),
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
                    series(
                        "Debited, not confirmed",
                        m.STORE_DEBITED.help,
                        units.Short,
                        Query(f"max by (currency) ({m.STORE_DEBITED.name}) or vector(0)", "{{currency}}"),
                    ),
                    series(
                        "Debited, not confirmed: the oldest",
                        "How long the oldest of accounting's open cases of flow F10 is open.",
                        units.Seconds,
                        Query(f"time() - min({m.STORE_OLDEST_DEBITED.name}) or vector(0)", "oldest"),
                    ),
                    quantiles(m.DEBIT_FOUND_SECONDS, title="Until a debit without its payment is found"),
                    quantiles(m.DEBIT_BACK_SECONDS, title="Until such a debit is back"),
                ),
            ),
        ),
    )
