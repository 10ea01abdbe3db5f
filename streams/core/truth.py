"""What does the truth about a payment say of the score that the payment had?

It comes as a label, or as the finding of a case: what an analyst confirms, or the customer's yes or no, is known weeks
before a chargeback. The first word about a payment counts, whoever says it, so that a finding and the label that
somebody writes because of it are one.
"""

from __future__ import annotations

from typing import Literal

from streams.core import caught, ranking
from streams.core.obligations import Case, payment_key
from streams.core.turn import Turn

Verdict = Literal["fraud", "legit"]
_VERDICTS: dict[str, Verdict] = {"confirmed_fraud": "fraud", "false_alarm": "legit"}


def learn(turn: Turn, payment_id: str, verdict: Verdict, subject_ms: int, value: tuple[int, str] | None = None) -> None:
    """Counts what the score foretold and what was done, and tells the ranking of the day of `subject_ms` of a fraud.

    `value`: amount and currency, where whoever says it says that too.
    """
    obligations = turn.obligations
    key = payment_key(payment_id)
    known = obligations.recall(key)
    if known is not None and known.band:
        turn.ctx.foretold.append((known.band, verdict))
        obligations.remember(key, known.scored(0), turn.at_ms)
    if verdict == "fraud":
        caught.is_fraud(turn, payment_id, value)
    if obligations.ranked and verdict == "fraud":
        room = ranking.room_of(turn.policy.model.costs.reviews_per_day, turn.ctx.partitions)
        obligations.ranked = ranking.proved(turn.ctx.ranking, obligations.ranked, subject_ms, room)


def learn_from(turn: Turn, case: Case) -> None:
    """The same of what a case is about, its payment and those that it holds, once it has a finding that says so."""
    verdict = _VERDICTS.get(case.finding)
    if verdict is None:
        return
    held = (hold.payment_id for hold in turn.obligations.holds if hold.case_id == case.case_id)
    for payment_id in dict.fromkeys(filter(None, (case.payment_id, *held))):
        learn(turn, payment_id, verdict, case.opened_ms, caught.value_in(turn, case, payment_id))
