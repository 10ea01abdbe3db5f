"""What has been promised and not arrived: a top-up, a payout, a refund, a bill (rules L6 to L10)?

Each promise is a row of the table: which event begins it, which one keeps or breaks it, how long it may take, and what
follows when it is late. One engine waits for all of them in event time and on the completeness of the feed that would
bring the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from streams.contracts import payments
from streams.contracts.accounts import LedgerPosted
from streams.contracts.actions import PspQuery
from streams.contracts.base import Event, to_ms
from streams.contracts.payments import Movement, Refund
from streams.core import ids
from streams.core.cases.book import Draft, add_line, open_or_join, raise_to, set_status
from streams.core.cases.timeline import kind_of
from streams.core.declines.profiles import Profile
from streams.core.local_time import hour_and_weekday
from streams.core.messages.notify import notify, zone_of
from streams.core.messages.render import instant, money
from streams.core.money.business_days import ends_ms
from streams.core.money.completeness import later_ms
from streams.core.obligations import EXPECTATIONS_BYTES, EXPECTATIONS_MAX, Case, Expectation, Line, crowded
from streams.core.turn import Turn

NEEDS = ("payments.transactions",)
_DAY_MS = 86_400_000
_UNFOLLOWED_PRIORITY = 3  # at most: nothing is late yet


class Promise(NamedTuple):
    """One row of the table."""

    kind: str
    begins: frozenset[type[Event]]
    keeps: frozenset[type[Event]]
    breaks: frozenset[type[Event]]  # it will not come; what follows is said by the failure itself
    term: Callable[[Turn, Movement], str]
    flow: str
    case_type: str
    queue: str
    priority: int
    asks: bool  # the provider is asked when it is late
    reminds: float = 0.0  # at this share of the term the customer or merchant is told that it takes long; 0: nobody


def _topup_term(turn: Turn, event: Movement) -> str:
    policy = turn.policy.money
    term = _topup_from(turn, event, policy.topup)
    hour, _ = hour_and_weekday(turn.at_ms, zone_of(turn))
    return policy.topup_after_cutoff if event.method == "bank_transfer" and hour >= policy.topup_cutoff_hour else term


def _withdrawal_term(turn: Turn, event: Movement) -> str:
    speed = getattr(event, "speed", "ordinary")
    terms = turn.policy.money.withdrawal
    for profile in _wallets(turn, event):
        if speed in profile.withdrawal:
            return profile.withdrawal[speed]
    return terms.get(speed, terms["other"])


_REFUND_TO = {"wallet_balance": "balance", "card": "credit_card"}


def refund_term(turn: Turn, event: Movement) -> str:
    """The wallet's own time, else the gateway's, which carries the refund, else the card network's."""
    profiles, terms = turn.ctx.library.profiles, turn.policy.money.refund
    place = _REFUND_TO.get(event.method, event.method)
    wallet = profiles.by_method.get(event.method)
    if wallet is not None and wallet.passes_through:
        place = "credit_card"  # the token of a card: its money goes where the card's goes
    for profile in (
        wallet,
        profiles.by_gateway.get(event.gateway_id or ""),
        profiles.by_network.get(event.network or ""),
    ):
        if profile is not None and profile.refund:
            place = "balance" if profile.kind == "wallet" and place not in profile.refund else place
            return profile.refund.get(place) or profile.refund.get("other") or terms["other"]
    return terms.get(place, terms["other"])


def _wallets(turn: Turn, event: Movement) -> list[Profile]:
    """Whose balance is loaded or paid out: the method names it, or where the method is a card, the gateway does."""
    profiles = turn.ctx.library.profiles
    asked = (profiles.by_method.get(event.method), profiles.by_gateway.get(event.gateway_id or ""))
    return [profile for profile in asked if profile is not None]


def _topup_from(turn: Turn, event: Movement, terms: Mapping[str, str]) -> str:
    """By funding method; a top-up that names only its wallet came from the card that is bound there."""
    for profile in _wallets(turn, event):
        own = profile.topup.get(event.method)
        if own is None and event.method in profile.methods:
            own = profile.topup.get("bank_card") or profile.topup.get("bank_transfer")
        if own is not None:
            return own
    return terms.get(event.method) or terms["other"]


_CREDITED = frozenset({payments.RefundCredited})
PROMISES: dict[str, Promise] = {
    row.kind: row
    for row in (
        Promise(
            "topup",
            frozenset({payments.TopupRequested, payments.TopupConfirmed}),
            frozenset({payments.TopupCredited}),
            frozenset({payments.TopupFailed}),
            _topup_term,
            "F13",
            "topup_not_credited",
            "accounting",
            2,
            True,
        ),
        Promise(
            "withdrawal",
            frozenset({payments.WithdrawalRequested}),
            frozenset({payments.WithdrawalCredited}),
            frozenset({payments.WithdrawalReturned, payments.WithdrawalFailed}),
            _withdrawal_term,
            "F14",
            "withdrawal_delay",
            "accounting",
            2,  # P3 until the promise is broken, which is when this case opens
            True,
            0.5,
        ),
        Promise(
            "refund",
            frozenset({payments.RefundApproved, payments.RefundSent}),
            _CREDITED,
            frozenset({payments.RefundFailed}),
            refund_term,
            "F15",
            "refund_late",
            "accounting",
            3,
            True,
        ),
        Promise(
            "promise",
            frozenset({payments.RefundPromised, payments.RefundApproved}),
            frozenset({payments.RefundSent, payments.RefundCredited}),
            frozenset({payments.RefundFailed}),
            lambda turn, event: turn.policy.money.refund_promise,
            "F16",
            "refund_dispute",
            "policy",
            2,
            False,
            2 / 7,
        ),
        Promise(
            "bill",
            frozenset({payments.BillpayDebited}),
            frozenset({payments.BillpayPosted}),
            frozenset({payments.BillpayFailed}),
            lambda turn, event: turn.policy.money.bill,
            "F36",
            "bill_not_posted",
            "accounting",
            2,
            True,
        ),
    )
}
# A refund that merely waits is the customer's request (F15); whoever has it as a case needs no second one.
TOUCHED = frozenset().union(*(row.begins | row.keeps | row.breaks for row in PROMISES.values()))


def moved(turn: Turn, event: Movement) -> None:
    """Begins, keeps or breaks every promise that the event is about."""
    kind = type(event)
    if kind not in TOUCHED:
        return
    for row in PROMISES.values():
        if kind in row.keeps or kind in row.breaks:
            _ended(turn, row, event, kept=kind in row.keeps)
        elif kind in row.begins:
            _begun(turn, row, event)


def due(turn: Turn, waiting: Expectation) -> None:
    """Half of the time is over, or all of it. While the feed is behind, nothing is said."""
    row = PROMISES[waiting.kind]
    first_ms = _first_ms(row, waiting.since_ms, waiting.owed_ms)
    postponed_ms = later_ms(turn, first_ms if waiting.stage == 0 else waiting.owed_ms, NEEDS)
    if waiting.stage == 0 and row.reminds:
        if postponed_ms:
            waiting.due_ms = min(postponed_ms, waiting.owed_ms)
            waiting.stage = int(waiting.due_ms >= waiting.owed_ms)
            return
        waiting.stage, waiting.due_ms = 1, waiting.owed_ms
        _tell(turn, row, waiting, f"{row.case_type}.slow", None)
        return
    if postponed_ms:
        waiting.due_ms = postponed_ms
        return
    _late(turn, row, waiting)


def _first_ms(row: Promise, since_ms: int, owed_ms: int) -> int:
    """When to look first: at the reminder, if the promise has one."""
    return since_ms + int((owed_ms - since_ms) * row.reminds) if row.reminds else owed_ms


def credited(turn: Turn, event: LedgerPosted, payment_id: str) -> None:
    """The ledger has credited a payment: a refund of exactly that amount has arrived, whoever else may yet say so."""
    money_of = (payment_id, event.amount_minor, event.currency)
    for row in (PROMISES["refund"], PROMISES["promise"]):
        for waiting in tuple(turn.obligations.expectations):
            if waiting.kind == row.kind and (waiting.payment_id, waiting.amount_minor, waiting.currency) == money_of:
                turn.obligations.expectations.remove(waiting)
        case = _case(turn, row, payment_id)
        if case is None or (case.payment_id, case.amount_minor, case.currency) != money_of:
            continue
        line = Line(turn.at_ms, "ledger_credit", turn.cause, "money arrived", event.amount_minor, event.currency)
        add_line(turn, case, line)
        if case.is_open:
            _close(turn, row, case, line, kept=True)


def _begun(turn: Turn, row: Promise, event: Movement) -> None:
    subject = _subject(event)
    known = _find(turn, row, subject)
    if known is not None:
        return
    owed_ms = ends_ms(turn.at_ms, row.term(turn, event), turn.policy.money.calendar_of(event.currency))
    promised_by = getattr(event, "promised_by", None)
    if promised_by is not None:
        owed_ms = max(to_ms(promised_by), turn.at_ms)
    bill_due_at = getattr(event, "bill_due_at", None)
    if bill_due_at is not None:
        owed_ms = min(owed_ms, max(to_ms(bill_due_at) - _DAY_MS, turn.at_ms))
    waiting = Expectation(
        row.kind,
        subject if subject != event.payment_id else "",
        event.payment_id,
        turn.cause,
        turn.at_ms,
        owed_ms,
        _first_ms(row, turn.at_ms, owed_ms),
        event.amount_minor,
        event.currency,
    )
    turn.obligations.expectations.append(waiting)
    _make_room(turn)


def _make_room(turn: Turn) -> None:
    """What has the longest time left is handed to people: it is not late, so the customer hears nothing of it.

    A refund goes with all that is promised of it, as one that may be late; that its merchant breaks a promise would be
    said too early. Checks that wait for a minute among the promises (of charges, of credits) are none of ours and stay.
    """
    expectations = turn.obligations.expectations
    while crowded(expectations, EXPECTATIONS_MAX, EXPECTATIONS_BYTES):
        left = max(
            (each for each in expectations if each.kind in PROMISES), key=lambda each: (each.owed_ms, each.entry)
        )
        if left.kind == "promise":
            left.kind = "refund"
        row, name = PROMISES[left.kind], _name(left)
        turn.obligations.expectations = expectations = [
            each for each in expectations if each is not left and (not left.subject or each.subject != left.subject)
        ]
        text = f"{name}: one promise too many to follow, due {instant(left.owed_ms)}; it is people's now"
        _open(turn, row, left, text, max(row.priority, _UNFOLLOWED_PRIORITY))
        turn.ctx.handed_over.append(row.queue)


def _ended(turn: Turn, row: Promise, event: Movement, *, kept: bool) -> None:
    subject = _subject(event)
    waiting = _find(turn, row, subject)
    if waiting is not None:
        turn.obligations.expectations.remove(waiting)
    case = _case(turn, row, event.payment_id)
    if case is None:
        return
    line = Line(turn.at_ms, kind_of(event), turn.cause, kind_of(event), event.amount_minor, event.currency)
    add_line(turn, case, line)
    if case.is_open:
        _close(turn, row, case, line, kept=kept)


def _close(turn: Turn, row: Promise, case: Case, line: Line, *, kept: bool) -> None:
    withdrawn = kept and turn.at_ms <= case.opened_ms + turn.policy.lateness_s * 1000
    template = f"{row.case_type}.{'done' if kept else 'failed'}"
    case.money_state = "arrived" if kept else "returned"
    if case.template and line.amount_minor is not None and line.currency is not None:
        about = {"amount": money(line.amount_minor, line.currency), "time": instant(case.lines[0].at_ms)}
        notify(turn, template, about, case)
    set_status(turn, case, "withdrawn" if withdrawn else "resolved", template)


def _late(turn: Turn, row: Promise, waiting: Expectation) -> None:
    turn.obligations.expectations.remove(waiting)
    case = _open(turn, row, waiting, f"{_name(waiting)}: not there in time", row.priority)
    if row.asks and turn.may("query"):
        turn.effects.append(
            PspQuery(
                occurred_at=turn.at,
                query_id=ids.action_id(case.case_id, turn.ctx.account_id, waiting.entry, "psp_query"),
                account_id=turn.ctx.account_id,
                payment_id=waiting.payment_id,
                amount_minor=waiting.amount_minor,
                currency=waiting.currency,
            )
        )
    _tell(turn, row, waiting, row.case_type, case)


def _name(waiting: Expectation) -> str:
    return f"{waiting.kind} {(waiting.subject or waiting.payment_id)[:40]}"


def _open(turn: Turn, row: Promise, waiting: Expectation, text: str, priority: int) -> Case:
    case = open_or_join(
        turn,
        Draft(
            case_type=row.case_type,
            flow=row.flow,
            family=row.case_type,
            queue=row.queue,
            priority=priority,
            lines=(
                Line(
                    waiting.since_ms,
                    f"{row.kind}_promised",
                    waiting.entry,
                    text[:160],
                    waiting.amount_minor,
                    waiting.currency,
                ),
            ),
            payment_id=waiting.payment_id,
            by_payment=True,
            amount_minor=waiting.amount_minor,
            currency=waiting.currency,
            money_state="in_transit",
        ),
    )
    raise_to(turn, case, priority)
    return case


def _tell(turn: Turn, row: Promise, waiting: Expectation, template: str, case: Case | None) -> None:
    priority = case.priority if case is not None else row.priority
    answer_ms = turn.at_ms + turn.policy.cases.priority(f"P{priority}").resolution_s * 1000
    about = {
        "amount": money(waiting.amount_minor, waiting.currency),
        "time": instant(waiting.since_ms),
        "eta": instant(waiting.owed_ms if case is None else answer_ms),
    }
    notify(turn, template, about, case)


def _subject(event: Movement) -> str:
    return event.refund_id if isinstance(event, Refund) else event.payment_id


def _find(turn: Turn, row: Promise, subject: str) -> Expectation | None:
    for waiting in turn.obligations.expectations:
        if waiting.kind == row.kind and (waiting.subject or waiting.payment_id) == subject:
            return waiting
    return None


def _case(turn: Turn, row: Promise, payment_id: str) -> Case | None:
    for case in turn.obligations.cases:
        if case.family == row.case_type and case.payment_id == payment_id:
            return case
    return None
