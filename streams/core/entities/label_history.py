"""How do the labels of a terminal or merchant follow each other: one fraud among many payments, or one after another?

A compromised terminal makes every payment a fraud until it is repaired, a stolen card only its own. So the run of
frauds without a legitimate label in between, its age, and whether amounts explain the frauds say more than a rate.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import exp2
from typing import Protocol

from streams.core.risk import LabelHistory

DAY_S = 86_400
HALF_LIFE_S = 7 * DAY_S
_LOOKED_AT = 64  # entries of the ring, newest first: two months of a terminal, or of a merchant's days


class Ring(Protocol):
    """Labels by the second of their subject, with running totals of all, of frauds, and of frauds without reason."""

    delay_s: int
    seconds: list[int]
    labels: list[int]
    frauds: list[int]
    plain: list[int]


def history_of(ring: Ring, at_s: int) -> LabelHistory | None:
    """What the labels of subjects up to `delay_s` before `at_s` tell; None without a fraud among them."""
    seconds, labels, frauds, plain = ring.seconds, ring.labels, ring.frauds, ring.plain
    end_s = at_s - ring.delay_s
    newest = bisect_right(seconds, end_s)
    if not newest or not frauds[newest - 1]:
        return None
    since_fraud = run_s = -1
    clean_after = run = run_plain = 0
    decayed_labels = decayed_frauds = decayed_plain = 0.0
    running = True
    for index in range(newest - 1, max(-1, newest - 1 - _LOOKED_AT), -1):
        before = index - 1
        labelled, bad, bare = labels[index], frauds[index], plain[index]
        if before >= 0:
            labelled -= labels[before]
            bad -= frauds[before]
            bare -= plain[before]
        weight = exp2((seconds[index] - end_s) / HALF_LIFE_S)
        decayed_labels += weight * labelled
        decayed_frauds += weight * bad
        decayed_plain += weight * bare
        if not running:
            continue
        if bad:
            if since_fraud < 0:
                since_fraud = at_s - seconds[index]
            run += bad
            run_plain += bare
            run_s = at_s - seconds[index]
            running = labelled == bad
        elif since_fraud < 0:
            clean_after += labelled
        else:
            running = False
    all_plain = plain[newest - 1]
    since_plain = first_plain = -1
    plain_7d = plain_30d = 0
    if all_plain:
        since_plain = at_s - seconds[bisect_left(plain, all_plain, 0, newest)]
        first_plain = at_s - seconds[bisect_right(plain, 0, 0, newest)]
        plain_7d = all_plain - _before(seconds, plain, end_s - 7 * DAY_S, newest)
        plain_30d = all_plain - _before(seconds, plain, end_s - 30 * DAY_S, newest)
    return LabelHistory(
        since_fraud,
        clean_after,
        run,
        run_s,
        run_plain,
        plain_7d,
        plain_30d,
        since_plain,
        first_plain,
        decayed_frauds,
        decayed_plain,
        decayed_labels,
    )


def _before(seconds: list[int], totals: list[int], at_s: int, newest: int) -> int:
    """The running total up to and including `at_s`."""
    index = bisect_right(seconds, at_s, 0, newest)
    return totals[index - 1] if index else 0
