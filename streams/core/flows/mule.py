"""What follows when other people's money only passes through an account (F31)?

Who has lent an account to somebody is its owner all the same, and says so when asked. So nothing that proves who one is
helps here: no "yes, that was me", no identity check. The payout is held, the owner is asked where the money comes from,
and the case ends when an analyst has said what it is; if it is what it looked like, when the report is filed. Money out
is paused as well, but not where many have sent no more than the account pays in a month of its own: anybody can have
that sent to anybody, and each payout of it is held for itself.
"""

from __future__ import annotations

from typing import Final

from streams.contracts.accounts import Attachment
from streams.contracts.base import Event
from streams.contracts.decisions import Hit
from streams.contracts.payments import Movement
from streams.core.cases.book import add_line, set_finding, set_status
from streams.core.cases.clocks import is_escalated
from streams.core.cases.escalation import hand_to_supervisors
from streams.core.features import Features
from streams.core.locks.saga import PAUSE_OVER, is_held_for, lock
from streams.core.messages.notify import notify
from streams.core.obligations import Case, Line
from streams.core.outcome import Outcome
from streams.core.rules.base import minor_of_home
from streams.core.turn import Turn

CASE: Final = "mule_account"
FLOW: Final = "F31"
# Three views of one thing, so no two of them are independent of each other.
RULES: Final = frozenset({"pass-through", "fan-in", "fan-out"})
REPORT: Final = "aml_report"  # kind of the attachment: the reference of the report to the authority
_REPORTS: Final = "reports"  # counter of the case


def is_seen(hits: list[Hit], least: Outcome) -> bool:
    """Whether a rule about money that passes through is among the hits, from this outcome on."""
    return any(hit.rule.rpartition("/")[0] in RULES and Outcome.parse(hit.outcome) >= least for hit in hits)


def is_pause_due(turn: Turn, case: Case, passes: set[str], event: Event, features: Features | None) -> bool:
    """Whether more is in doubt than the payout that is held.

    Money that is gone within minutes; a sum that matters (`locks.mule_pause_minor`) and outweighs what the account pays
    in a month: who pays little would be stopped by a few coins from anybody; or it goes on, after a pause that nobody
    has lifted.
    """
    if passes != {"fan-in"} or features is None or case.payouts_paused_ms or not isinstance(event, Movement):
        return True
    least = turn.policy.locks.mule_pause_minor.get(event.currency)
    if least is not None and minor_of_home(event, features, features.first_payers_sum_1d) < least:
        return False
    return features.first_payers_sum_1d >= features.spend_sum_30d - features.spend_sum_1d


def suspected(turn: Turn, case: Case) -> None:
    """New money passes through after an analyst's word, which was about other money: the question is open again."""
    if case.finding == "false_alarm":
        case.payouts_paused_ms = 0
        set_finding(turn, case, "unset")
        if case.status == "auto_answered":
            set_status(turn, case, "classified")


def explained(turn: Turn, *cases: Case | None) -> None:
    """A person has looked: what these cases tell of raises nothing again. What came in since then, nobody has seen."""
    for case in cases:
        if case is not None and is_mule(case):
            turn.ctx.explained_ms = max(turn.ctx.explained_ms, case.alerted_ms)


def pause_payouts(turn: Turn, case: Case, rule: str) -> None:
    """Nothing leaves while it is looked into, and the owner is asked where the money comes from.

    For `locks.mule_pause_s` of one case at most: who goes on receiving money is suspected again and again, and a pause
    without end would be a verdict that nobody has given. Then the supervisors have it, and money may leave.
    """
    left_s = turn.policy.locks.mule_pause_s
    if case.payouts_paused_ms:
        left_s -= (turn.at_ms - case.payouts_paused_ms) // 1000
    if left_s <= 0:
        if not any(line.kind == PAUSE_OVER for line in case.lines):
            text = "payouts are not paused again: they were for as long as may be without a decision"
            add_line(turn, case, Line(turn.at_ms, PAUSE_OVER, turn.cause, text))
            if not is_escalated(case):
                hand_to_supervisors(turn, case, "its pause of payouts has ended undecided")
        return
    scope, applies_to = "money_out", "everyone"
    paused = lock(
        turn,
        "restrict",
        scope=scope,
        applies_to=applies_to,
        lasts_s=min(turn.policy.locks.restrict_s, left_s),
        reason_class="verification_needed",
        rule=rule,
        case=case,
    )
    # Money out may be paused for another case already: then it stays so for this one when the other has ended.
    if paused or (not case.payouts_paused_ms and is_held_for(turn, case, "restrict", scope, applies_to)):
        case.payouts_paused_ms = case.payouts_paused_ms or turn.at_ms
        notify(turn, CASE, {"case_id": case.case_id}, case)


def is_mule(case: Case | None) -> bool:
    """Whether the case asks where money comes from."""
    return case is not None and case.case_type == CASE


def attached(case: Case, attachment: Attachment) -> None:
    """Counts a report that was filed."""
    if is_mule(case) and attachment.kind == REPORT:
        case.counters[_REPORTS] = case.counters.get(_REPORTS, 0) + 1


def unfinished(case: Case) -> tuple[str, str] | None:
    """(cause, sentence) while the case may not be resolved: an analyst decides, and what is confirmed is reported."""
    if not is_mule(case):
        return None
    if case.finding not in ("confirmed_fraud", "false_alarm"):
        return "undecided", "say first what it is: confirm_fraud or confirm_legit"
    if case.finding == "confirmed_fraud" and not case.counters.get(_REPORTS):
        return "not_reported", f"file the report first and attach its reference, as a file of kind {REPORT}"
    return None
