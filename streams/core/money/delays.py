"""How soon was a debit without its payment found, and how soon was the money back (flow F10)?

A case tells both itself: its timeline has the debit, and a version says when it was opened and when it ended.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.contracts.cases import CaseVersion
from streams.core.money.refunds import NOT_CAPTURED
from streams.core.money.returns import ENDS

_DEBIT = "ledger_debit"  # line of a case
_RESOLVED = "status resolved"  # of a version's changes


class Delays(NamedTuple):
    """Seconds of event time since the newest debit of the case; None: this version says nothing of it."""

    found_s: float | None = None
    back_s: float | None = None


NONE = Delays()


def delays_of(case: CaseVersion) -> Delays:
    """What a version of a case tells of how long it took. Versions of observe mode tell nothing: nobody acted."""
    if case.cause_family != NOT_CAPTURED or case.shadow:
        return NONE
    debits = [line.at for line in case.evidence if line.kind == _DEBIT]
    if not debits:
        return NONE
    found = case.version == 1
    back = _RESOLVED in case.changed and case.resolution_code == ENDS[NOT_CAPTURED]
    return Delays(
        max(0.0, (case.detected_at - max(debits)).total_seconds()) if found else None,
        max(0.0, (case.occurred_at - max(debits)).total_seconds()) if back else None,
    )
