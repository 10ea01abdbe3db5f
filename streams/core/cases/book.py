"""When is something a new case, when does it join an old one, and what does a version of a case say?

Same subject and cause family within the joining window (7 days) is one case. Severity only rises. An account follows a
bounded number of cases; an open one that has to go is handed over to people with a last version that says so.
"""

from __future__ import annotations

from bisect import insort

import msgspec

from streams.contracts.base import from_ms
from streams.contracts.cases import CaseVersion, Entities, Evidence
from streams.contracts.payments import Movement
from streams.core import ids
from streams.core.cases import clocks
from streams.core.cases.review import OPERATOR
from streams.core.messages.notify import told
from streams.core.obligations import CASES_BYTES, CASES_MAX, DECORATION_MAX, Case, Line, Told
from streams.core.turn import Turn

# Strings that collect over a case's life; more would tell an analyst nothing new.
RULES_MAX = 12
REASONS_MAX = 12
ACTIONS_MAX = 6
CODES_MAX = 6
REPEATED_CONTACT = 2
HANDED_OVER = "handed_over"  # line of a case
FRAUD = "confirmed_fraud"  # finding of a case
# Lines that people miss least where there is no room: a command was carried out, time has passed.
_ROUTINE = frozenset({"acknowledged", "clock.first_response", "clock.next_update", "clock.resolution"})
_ROUTINE_WORTH, _WORTH, _PEOPLES_WORTH, _KEPT = range(4)
_ENCODER = msgspec.msgpack.Encoder()


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to say: a new case if there is none about it yet, else the next lines of the old one."""

    case_type: str
    flow: str
    family: str
    queue: str
    priority: int
    lines: tuple[Line, ...]
    payment: Movement | None = None
    payment_id: str = ""
    refund_id: str = ""  # of a case about one refund of the payment
    by_payment: bool = False  # one case per payment (money), else one per account
    amount_minor: int | None = None
    currency: str | None = None
    money_state: str = ""
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    counters: tuple[tuple[str, int], ...] = ()
    incident_id: str = ""
    cause: str = ""
    codes: tuple[str, ...] = ()
    movement: str = ""  # what kind the payment is; empty: a payment, or nobody knows


def open_or_join(turn: Turn, draft: Draft) -> Case:
    """The case that `draft` opened or joined, with the draft's lines on its timeline."""
    case = _standing(turn, draft) or _room_for(turn, draft)
    if case is None:
        case = _opened(turn, draft)
    elif not case.is_open:
        case.status, case.resolution = "reopened", ""
        case.money_state = draft.money_state or case.money_state
        if draft.by_payment and draft.amount_minor is not None:  # what it was about is over
            case.amount_minor, case.currency = draft.amount_minor, draft.currency
        turn.change(case, "reopened")
    if draft.rules:
        case.alerted_ms = max(case.alerted_ms, turn.at_ms)
    _raise(turn, case, raised(turn, draft.priority, draft.amount_minor, draft.currency))
    for line in draft.lines:
        add_line(turn, case, line)
    for name, value in draft.counters:
        if name in case.counters or len(case.counters) < 8:
            case.counters[name] = value
    if draft.incident_id and not case.incident_id:
        case.incident_id = draft.incident_id
        turn.change(case, "incident")
    case.rules = _joined(case.rules, draft.rules, RULES_MAX)
    case.reasons = _joined(case.reasons, draft.reasons, REASONS_MAX)
    case.codes = _joined(case.codes, draft.codes, CODES_MAX)
    case.cause = draft.cause or case.cause
    return case


def add_line(turn: Turn, case: Case, line: Line) -> None:
    """Puts a line on the timeline in event order. The opening line stays; above the caps the oldest others go."""
    if any(old.event_id == line.event_id and old.kind == line.kind for old in case.lines):
        return
    insort(case.lines, line, lo=min(1, len(case.lines)), key=lambda old: old.at_ms)
    case.updated_ms = max(case.updated_ms, turn.at_ms)
    turn.change(case, f"timeline: {line.kind}")
    while len(case.lines) > turn.policy.cases.evidence_max:
        _drop_line(case)
    shrink(turn)


def put_line(turn: Turn, case: Case, line: Line) -> None:
    """Puts a line of our own on the timeline, in the place of an older one of its kind.

    Nobody has touched the case: that its time passes must not keep it joinable.
    """
    case.lines[1:] = [old for old in case.lines[1:] if old.kind != line.kind]
    insort(case.lines, line, lo=min(1, len(case.lines)), key=lambda old: old.at_ms)
    while len(case.lines) > turn.policy.cases.evidence_max:
        _drop_line(case)
    shrink(turn)


def set_status(turn: Turn, case: Case, status: str, resolution: str = "") -> None:
    """Moves the case to another status."""
    if case.status != status:
        case.status, case.resolution = status, resolution or case.resolution
        if not case.is_open:
            case.waits_told.clear()  # if it is opened again its customer hears of what comes then
        case.updated_ms = max(case.updated_ms, turn.at_ms)
        turn.change(case, f"status {status}")


def set_finding(turn: Turn, case: Case, finding: str) -> None:
    """Records what the case turned out to be about."""
    obligations = turn.obligations
    if case.finding != finding:
        case.finding = finding
        if finding == FRAUD:
            obligations.fraud_ms = turn.at_ms
        elif all(each.finding != FRAUD for each in obligations.cases):
            obligations.fraud_ms = 0
        turn.change(case, f"finding {finding}")


def hand_over(turn: Turn, case: Case) -> None:
    """Stops following an open case: from its last version on it is people's, and so is the money that it is about.

    What has left already (a refund on its way, a lock, a hold) goes on and ends by itself; what only waits for an
    answer would be given back on a case that nobody here knows any more.
    """
    obligations = turn.obligations
    obligations.cases.remove(case)
    if not case.is_open:
        return  # it lives on in its topic
    text = "more open cases than the account can follow: from here on people alone see to this one"
    case.lines.append(Line(turn.at_ms, HANDED_OVER, turn.cause, text))
    for owed in tuple(obligations.owed):
        if owed.payment_id == case.payment_id and owed.family == case.family and owed.status == "owed":
            obligations.owed.remove(owed)
            text = "what was debited has not been given back: that is people's to decide"
            case.lines.append(Line(turn.at_ms, "refund_withheld", turn.cause, text, owed.amount_minor, owed.currency))
    while len(case.lines) > turn.policy.cases.evidence_max:
        _drop_line(case)
    case.updated_ms = max(case.updated_ms, turn.at_ms)
    turn.change(case, "handed over")
    turn.ctx.handed_over.append(case.queue)


def add_action(turn: Turn, case: Case, action_id: str, what: str) -> None:
    """Notes a command that was given for this case."""
    if action_id not in case.actions:
        case.actions = [*case.actions[-ACTIONS_MAX + 1 :], action_id]
        turn.change(case, f"action {what}")


def raise_to(turn: Turn, case: Case, priority: int) -> None:
    """Raises the case to at least this priority (1 is the highest)."""
    _raise(turn, case, priority)


def version_of(turn: Turn, case: Case, changed: list[str]) -> CaseVersion:
    """The next version: what changed, and the whole case."""
    case.known = (case.known or case.version) if _is_no_news(turn, changed) else case.version + 1
    case.version += 1
    case.untold_ms = 0
    obligations, told_of = turn.obligations, case.told or Told()
    return CaseVersion(
        occurred_at=turn.at,
        case_id=case.case_id,
        version=case.version,
        changed=tuple(changed),
        case_type=case.case_type,
        flow=case.flow,
        cause_family=case.family,
        shadow=case.shadow,
        queue=case.queue,  # type: ignore[arg-type]
        priority=f"P{case.priority}",  # type: ignore[arg-type]
        status=case.status,  # type: ignore[arg-type]
        sub_status="escalated" if case.is_open and clocks.is_escalated(case) else None,
        finding=case.finding,  # type: ignore[arg-type]
        category="security" if case.queue == "security" else case.queue,
        confidence=case.sure / 1000,
        subject=f"payment/{case.payment_id}" if case.by_payment else f"account/{turn.ctx.account_id}",
        entities=Entities(
            account_id=turn.ctx.account_id,
            payment_id=case.payment_id or None,
            order_id=case.order_id or None,
            merchant_id=case.merchant_id or None,
            device_id=case.device_id or None,
            payee_id=told_of.payee_id or None,
        ),
        amount_minor=case.amount_minor,
        currency=case.currency,
        money_state=case.money_state or None,
        language=obligations.holder.language,
        channel=case.channel or None,
        rules=tuple(case.rules),
        codes=tuple(case.codes),
        reason_codes=tuple(case.reasons),
        evidence=tuple(
            Evidence(
                at=from_ms(line.at_ms),
                kind=line.kind,
                event_id=line.event_id,
                text=line.text,
                amount_minor=line.amount_minor,
                currency=line.currency,
            )
            for line in case.lines
        ),
        evidence_dropped=case.dropped,
        counters=dict(case.counters),
        actions=tuple(case.actions),
        messages=(told(turn, case.template, case.parameters),) if case.template else (),
        incident_id=case.incident_id or None,
        parent_id=case.parent_id or None,
        merged_into=case.merged_into or None,
        assignee=case.assignee or None,
        sla=clocks.sla_of(case, turn.policy, turn.at_ms),
        resolution_code=case.resolution or None,
        root_cause=case.cause or None,
        csat=case.csat or None,
        created_at=from_ms(case.opened_ms),
        detected_at=from_ms(case.detected_ms),
        happened_at=from_ms(told_of.happened_ms) if told_of.happened_ms else None,
    )


def _is_no_news(turn: Turn, changed: list[str]) -> bool:
    """Whether somebody who has read the version before may act as if it were this one."""
    return turn.only_time or (turn.carried_out and not any(each.startswith("status ") for each in changed))


def _standing(turn: Turn, draft: Draft) -> Case | None:
    """The case that this belongs to: same family and subject, touched within the joining window."""
    since_ms = turn.at_ms - turn.policy.cases.dedupe_window_s * 1000
    for case in reversed(_followed(turn)):
        if case.family != draft.family or case.shadow != turn.shadow:
            continue
        if case.by_payment and (case.payment_id, case.refund_id) != (draft.payment_id, draft.refund_id):
            continue
        # There is one case about the money of a payment however late the next line is.
        return case if case.by_payment or case.updated_ms >= since_ms else None
    return None


def _room_for(turn: Turn, draft: Draft) -> Case | None:
    """Makes room for one more case, or names the open case that takes this one in.

    Only what is about the account joins another case, and only one of the same queue: the money of one payment on the
    case of another would be closed with it, and a queue that does not see a case cannot work it.
    """
    cases = _followed(turn)
    most = min(turn.policy.cases.open_max, CASES_MAX)
    if len(cases) < most:
        return None
    stale_ms = turn.at_ms - turn.policy.cases.dedupe_window_s * 1000
    if not draft.by_payment and not any(not case.is_open or case.updated_ms < stale_ms for case in cases):
        same_queue = [case for case in cases if case.queue == draft.queue and case.shadow == turn.shadow]
        if same_queue:
            return max(same_queue, key=lambda case: case.updated_ms)
    hand_over(turn, _first_to_go(turn))
    return None


def _first_to_go(turn: Turn) -> Case:
    """What is over before what is open; then what no lock or hold stands on and nobody has touched for long."""
    obligations = turn.obligations
    bound = {reason.case_id for held in obligations.locks for reason in held.reasons}
    bound |= {hold.case_id for hold in obligations.holds}
    stale_ms = turn.at_ms - turn.policy.cases.dedupe_window_s * 1000
    return min(
        _followed(turn),
        key=lambda case: (
            case.is_open,
            case.case_id in bound,
            case.updated_ms >= stale_ms,
            -case.priority,
            case.by_payment,  # of two that are equal the money is followed to its end
            case.updated_ms,
        ),
    )


def _followed(turn: Turn) -> list[Case]:
    """The account's cases without those that are only looked at."""
    cases, recalled = turn.obligations.cases, turn.recalled
    return [case for case in cases if not any(case is each for each in recalled)] if recalled else cases


def _opened(turn: Turn, draft: Draft) -> Case:
    case = Case(
        case_id=ids.case_id(
            draft.family, turn.ctx.account_id, draft.payment_id if draft.by_payment else "", turn.origin
        ),
        case_type=draft.case_type,
        flow=draft.flow,
        family=draft.family,
        queue=draft.queue,
        priority=raised(turn, draft.priority, draft.amount_minor, draft.currency),
        payment_id=draft.payment_id,
        by_payment=draft.by_payment,
        opened_ms=turn.at_ms,
        detected_ms=turn.at_ms,
        updated_ms=turn.at_ms,
        clock_ms=turn.at_ms,
        shadow=turn.shadow,
        amount_minor=draft.amount_minor,
        currency=draft.currency,
        money_state=draft.money_state,
        refund_id=draft.refund_id,
        movement=draft.movement,
    )
    if draft.payment is not None:
        _decorate(case, draft.payment)
    turn.obligations.cases.append(case)
    turn.change(case, "opened")
    return case


def is_about(case: Case, payment: Movement) -> None:
    """A case that was about an account alone is about this payment now."""
    case.payment_id, case.amount_minor, case.currency = payment.payment_id, payment.amount_minor, payment.currency
    _decorate(case, payment)


def _decorate(case: Case, payment: Movement) -> None:
    case.merchant_id, case.device_id = decoration(payment.merchant_id), decoration(payment.device_id)
    case.order_id = decoration(payment.order_id)


def decoration(reference: str | None) -> str:
    """An id that only decorates, as an account keeps it: nothing where it is too long."""
    return reference if reference is not None and len(reference) <= DECORATION_MAX else ""


def raised(turn: Turn, priority: int, amount_minor: int | None, currency: str | None) -> int:
    """The priority, one higher for a large amount, a vulnerable customer or a second contact (domain 1.3)."""
    large = False
    if amount_minor is not None and currency is not None:
        threshold = turn.policy.cases.raise_minor.get(currency)
        large = threshold is not None and amount_minor >= threshold
    since_ms = turn.at_ms - turn.policy.cases.dedupe_window_s * 1000
    again = sum(contact_ms > since_ms for contact_ms in turn.obligations.contacts) >= REPEATED_CONTACT
    return max(1, priority - (large or again or turn.obligations.holder.vulnerable))


def _raise(turn: Turn, case: Case, priority: int) -> None:
    if priority < case.priority:
        turn.change(case, f"priority P{case.priority} to P{priority}")
        case.priority = priority
        clocks.restart(case, turn.at_ms)


def _joined(old: list[str], new: tuple[str, ...], most: int) -> list[str]:
    added = [item for item in new if item not in old]
    return [*old, *added][:most] if added else old


def shrink(turn: Turn) -> None:
    """Keeps what the account remembers of its cases within its bytes; the topic has every version."""
    while len(_ENCODER.encode(cases := _followed(turn))) > CASES_BYTES:
        case = min(cases, key=lambda case: (_least_worth(case), -len(case.lines)))
        if len(case.lines) > 1:
            _drop_line(case)
        else:
            hand_over(turn, _first_to_go(turn))


def _drop_line(case: Case) -> None:
    """The oldest of the lines that people miss least; how a case began is always told."""
    del case.lines[min(range(1, len(case.lines)), key=lambda at: _worth(case, at))]
    case.dropped += 1


def _least_worth(case: Case) -> int:
    return min((_worth(case, at) for at in range(1, len(case.lines))), default=_KEPT)


def _worth(case: Case, at: int) -> int:
    """Routine goes first, and last what people did: who let a payment go is told for as long as there is room.

    The newest line stays as long: each has to be in the version that tells it, from which pages know it for ever.
    """
    kind = case.lines[at].kind
    if at == len(case.lines) - 1 or kind.startswith(OPERATOR):
        return _PEOPLES_WORTH
    return _ROUTINE_WORTH if kind in _ROUTINE else _WORTH
