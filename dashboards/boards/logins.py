"""Who gets in, who attacks, whom do we lock, and how soon are owners back?"""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from dashboards.boards.board import Board, Row
from dashboards.panels import RATE, Query, age, quantiles, rate, series, total, value
from streams import metrics as m


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
                (
                    total(m.ATTACKS_OPENED, title="Attacks, by kind", runbook="PaywardenAttack"),
                    total(m.ENTITY_BLOCKS, title="Blocked by people, lifted, refused"),
                ),
            ),
            Row(
                "Whom do we lock?",
                (
                    total(m.LOCKS_BEGUN, title="Locks that began"),
                    value(m.LOCKS_STANDING, "lock", title="Locks that stand"),
                    total(m.LOCKS_CAPPED, title="Locks that became reviews", runbook="PaywardenLocksCapped"),
                    total(m.CHANNELS_UNLISTED, title="Words through channels that the policy does not list"),
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
