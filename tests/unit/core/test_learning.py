"""Do scores and labels meet, however late, and is average precision what everybody else calls so?"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score
from support.happenings import DAY, MINUTE, NOON, event, label, paid
from support.scenes import Scene

from producers.feed import Barrier, expand, outgoing, stepped
from producers.sources import fdh
from streams.adapters.policy_file import load_schedule
from streams.adapters.prometheus import PrometheusMetrics
from streams.agents.offline import OfflineRun
from streams.app import accounts_logic, entities_logic
from streams.contracts.accounts import CaseAction
from streams.contracts.partitioning import partition_of
from streams.contracts.payments import PaymentRequested
from streams.core.learning import BANDS_FROM, average_precision, band_of
from streams.core.obligations import PaymentState
from streams.core.score import Score, ScoreUnavailable
from streams.metrics import LABELLED_SCORES, MODEL_AVERAGE_PRECISION, MODEL_CARD_PRECISION, RANKED_ACCOUNTS

DAY_S = 86_400


@given(st.lists(st.tuples(st.integers(1, len(BANDS_FROM)), st.booleans()), min_size=1, max_size=60))
def test_it_is_scikit_learns_for_scores_that_tie_by_band(told: list[tuple[int, bool]]) -> None:
    frauds, payments = (
        Counter(band for band, bad in told if bad),
        Counter(band for band, _ in told),
    )
    bands = range(1, len(BANDS_FROM) + 1)
    found = average_precision([frauds[band] for band in bands], [payments[band] for band in bands])
    if not frauds:
        assert found is None
        return
    wanted = average_precision_score(np.array([bad for _, bad in told]), np.array([band for band, _ in told]))
    assert found == pytest.approx(wanted)


@given(st.floats(0, 1), st.integers(0, 3), st.integers(0, 7200))
def test_a_payment_remembers_its_band_beside_everything_else(score: float, status: int, grace_s: int) -> None:
    before = PaymentState.of(status, grace_s)
    after = before.scored(band_of(score))
    assert before.band == 0
    assert (after.status, after.grace_s) == (before.status, before.grace_s)
    assert BANDS_FROM[after.band - 1] <= score
    assert after < 1 << 16
    assert after.after(PaymentState.FAILED).band == after.band


class Sure:
    """Says 0.97 about what costs more than 50, 0.003 about most others, and nothing about what costs 7."""

    model_id = "sure-1"

    def score(self, batch):
        amounts = [each.event.amount_minor for each in batch]
        return [
            ScoreUnavailable("timeout") if amount == 700 else Score(0.97 if amount > 5000 else 0.003, self.model_id)
            for amount in amounts
        ]


def test_labels_that_arrive_judge_the_scores_of_back_then() -> None:
    amounts = [(1000, False), (9000, True), (1000, False), (700, True), (8000, False), (1500, True)]
    rows = [
        fdh.Row(str(number), "7", str(number % 2), amount, number * DAY_S, bad, int(bad))
        for number, (amount, bad) in enumerate(amounts)
    ]
    policies = load_schedule()
    logics = accounts_logic(policies, Sure(), barrier_s=DAY_S), entities_logic(policies, DAY_S)
    run = OfflineRun(*logics, 2, lambda published: None, partition_of_key=partition_of)
    for item in expand(stepped(fdh.records(rows), DAY_S * 1000, 0), 2):
        if isinstance(item, Barrier):
            run.settle()
        else:
            run.write(item.topic, item.partition, item.key, item.value, item.timestamp_ms)
    run.settle()
    counted = {labels: number for (metric, labels), number in run.counts.items() if metric is LABELLED_SCORES}
    assert counted == {("0.96", "fraud"): 1, ("0.96", "legit"): 1, ("0.002", "legit"): 2, ("0.002", "fraud"): 1}
    metrics = PrometheusMetrics()
    for labels, number in counted.items():
        metrics.add(LABELLED_SCORES, number, *labels)
    line = next(
        line for line in metrics.exposition().decode().splitlines() if line.startswith(MODEL_AVERAGE_PRECISION.name)
    )
    assert float(line.split()[1]) == pytest.approx(1 / 2 * 1 / 2 + 2 / 5 * 1 / 2)
    # Judged are the days 0 to 4. On day 1 the fraud came first, so the account leaves the days after.
    ranked = {labels: number for (metric, labels), number in run.counts.items() if metric is RANKED_ACCOUNTS}
    assert ranked == {("fraud",): 1, ("legit",): 1}
    for labels, number in ranked.items():
        metrics.add(RANKED_ACCOUNTS, number, *labels)
    assert f"{MODEL_CARD_PRECISION.name} 0.5" in metrics.exposition().decode()


@pytest.mark.parametrize(("action", "verdict"), [("confirm_fraud", "fraud"), ("confirm_legit", "legit")])
def test_what_an_analyst_finds_judges_the_score_once_before_any_chargeback(action: str, verdict: str) -> None:
    feed = [outgoing("payments.transactions", paid(NOON, 1, 9_000, PaymentRequested))]
    (case,) = Scene(partitions=1, scorer=Sure()).play(feed).cases
    for number in (1, 2):
        about = {"case_id": case.case_id, "expected_version": number, "actor": "ana", "role": "analyst"}
        feed.append(
            outgoing("operator.actions", event(CaseAction, NOON + number * MINUTE, number, action=action, **about))
        )
    feed.append(outgoing("risk.labels", label(NOON + 20 * DAY, "p1", NOON, verdict)))
    counts = Scene(partitions=1, step_ms=DAY, scorer=Sure()).play(feed, DAY).run.counts
    counted = {labels: number for (metric, labels), number in counts.items() if metric is LABELLED_SCORES}
    assert counted == {("0.96", verdict): 1}
