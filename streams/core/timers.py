"""Which promise of an account is due next?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, assert_never

from streams.core.cases.shelf import Ended
from streams.core.ids import digest
from streams.core.obligations import (
    Case,
    Command,
    Debit,
    EarlyVictim,
    Expectation,
    HeldLock,
    Hold,
    Membership,
    Obligations,
    Reserved,
    RightPassword,
    Suspect,
    Unknown,
)


class Ending(NamedTuple):
    """A lock that is no longer held for one of its reasons, or for any."""

    lock: HeldLock
    due_ms: int


class Talk(NamedTuple):
    """A case that waits for its customer, or for the end of the time in which the customer may come back."""

    case: Case
    due_ms: int


class Untold(NamedTuple):
    """A case whose counters have gone on without a version, until it is quiet."""

    case: Case
    due_ms: int


class Reckoning(NamedTuple):
    """A case whose payment's cases are reckoned up once nothing more is told of it."""

    case: Case
    due_ms: int


class MerchantDue(NamedTuple):
    """A case whose merchant has not answered in time, or whose settlement is held no longer."""

    case: Case
    due_ms: int


class RetryDue(NamedTuple):
    """A case whose refund is to be tried again."""

    case: Case
    due_ms: int


Waiting = (
    Ending
    | Command
    | Hold
    | Debit
    | Ended
    | Unknown
    | Expectation
    | Suspect
    | Membership
    | Talk
    | Untold
    | Reckoning
    | MerchantDue
    | RetryDue
    | Case
    | Reserved
    | EarlyVictim
    | RightPassword
)


def next_due_ms(obligations: Obligations) -> int | None:
    """When the next timer fires; called after every event, so it looks at due times only."""
    due: int | None = None
    for lock in obligations.locks:
        ends_ms = lock.looks_ms
        if ends_ms and (due is None or ends_ms < due):
            due = ends_ms
    for waiting in (
        obligations.outbox,
        obligations.holds,
        obligations.debits,
        obligations.ended,
        obligations.unknowns,
        obligations.expectations,
        obligations.reserved,
        obligations.suspects,
        obligations.memberships,
        obligations.early,
        obligations.right_passwords,
    ):
        for item in waiting:
            if due is None or item.due_ms < due:
                due = item.due_ms
    for case in obligations.cases:
        if case.talk_due_ms and (due is None or case.talk_due_ms < due):
            due = case.talk_due_ms
        if case.due_ms and (due is None or case.due_ms < due):
            due = case.due_ms
        if case.untold_ms and (due is None or case.untold_ms < due):
            due = case.untold_ms
        if case.reckons_ms and (due is None or case.reckons_ms < due):
            due = case.reckons_ms
        if case.merchant_due_ms and (due is None or case.merchant_due_ms < due):
            due = case.merchant_due_ms
        if case.retry_due_ms and (due is None or case.retry_due_ms < due):
            due = case.retry_due_ms
    return due


def first_due(obligations: Obligations, due_ms: int) -> Waiting | None:
    """The one to fire first of those due at or before `due_ms`, in the order (due time, kind, id).

    A lock expires before its command would be sent again, and a hold ends before money is judged.
    """
    return min(_due(obligations, due_ms), key=lambda ranked: ranked[:3], default=(0, 0, "", None))[3]


def name_of(account_id: str, waiting: Waiting) -> str:
    """What a timer is called where an event would have its id: what fired, of whom, and when it was due."""
    match waiting:
        case Ending():
            name = f"lock/{waiting.lock.action_id}"
        case Command():
            name = f"command/{waiting.action_id}"
        case Hold():
            name = f"hold/{waiting.decision_id}"
        case Debit():
            name = f"debit/{digest(account_id, waiting.payment_id, waiting.entry, str(waiting.line))}"
        case Ended():
            name = f"ended/{waiting.case_id}"
        case Unknown():
            name = f"unknown/{digest(account_id, waiting.payment_id, waiting.entry)}"
        case Expectation():
            name = f"{waiting.kind}/{digest(account_id, waiting.payment_id, waiting.subject, waiting.entry)}"
        case Reserved():
            name = f"reserved/{digest(account_id, waiting.payment_id, waiting.entry)}"
        case Suspect():
            name = f"suspect/{digest(account_id, str(waiting.payment), str(waiting.event))}"
        case Membership():
            name = f"incident/{digest(account_id, waiting.incident_id)}"
        case EarlyVictim():
            name = f"early/{waiting.case_id}"
        case RightPassword():
            name = f"right_password/{digest(account_id, waiting.incident)}"
        case Talk():
            name = f"talk/{waiting.case.case_id}"
        case Untold():
            name = f"untold/{waiting.case.case_id}"
        case Reckoning():
            name = f"reckoning/{waiting.case.case_id}"
        case MerchantDue():
            name = f"merchant/{waiting.case.case_id}"
        case RetryDue():
            name = f"retry/{waiting.case.case_id}"
        case Case():
            name = f"clock/{waiting.case_id}"
        case _:
            assert_never(waiting)
    return f"timer/{name}/{waiting.due_ms}"


def _due(obligations: Obligations, due_ms: int) -> Iterator[tuple[int, int, str, Waiting | None]]:
    for lock in obligations.locks:
        if 0 < (ends_ms := lock.looks_ms) <= due_ms:
            yield ends_ms, 0, lock.action_id, Ending(lock, ends_ms)
    for command in obligations.outbox:
        if command.due_ms <= due_ms:
            yield command.due_ms, 1, command.action_id, command
    for hold in obligations.holds:
        if hold.due_ms <= due_ms:
            yield hold.due_ms, 2, hold.payment_id, hold
    for debit in obligations.debits:
        if debit.due_ms <= due_ms:
            yield debit.due_ms, 3, debit.entry, debit
    for ended in obligations.ended:
        if ended.due_ms <= due_ms:
            yield ended.due_ms, 4, ended.case_id, ended
    for unknown in obligations.unknowns:
        if unknown.due_ms <= due_ms:
            yield unknown.due_ms, 5, unknown.entry, unknown
    for expected in obligations.expectations:
        if expected.due_ms <= due_ms:
            yield expected.due_ms, 6, f"{expected.entry}/{expected.kind}", expected
    for reserved in obligations.reserved:
        if reserved.due_ms <= due_ms:
            yield reserved.due_ms, 11, reserved.entry, reserved
    for suspect in obligations.suspects:
        if suspect.due_ms <= due_ms:
            yield suspect.due_ms, 7, str(suspect.event), suspect
    for membership in obligations.memberships:
        if membership.due_ms <= due_ms:
            yield membership.due_ms, 8, membership.incident_id, membership
    for early in obligations.early:
        if early.due_ms <= due_ms:
            yield early.due_ms, 14, early.case_id, early
    for given in obligations.right_passwords:
        if given.due_ms <= due_ms:
            yield given.due_ms, 17, given.incident, given
    for case in obligations.cases:
        if 0 < case.talk_due_ms <= due_ms:
            yield case.talk_due_ms, 10, case.case_id, Talk(case, case.talk_due_ms)
        if 0 < case.due_ms <= due_ms:
            yield case.due_ms, 9, case.case_id, case
        if 0 < case.untold_ms <= due_ms:
            yield case.untold_ms, 12, case.case_id, Untold(case, case.untold_ms)
        if 0 < case.reckons_ms <= due_ms:
            yield case.reckons_ms, 13, case.case_id, Reckoning(case, case.reckons_ms)
        if 0 < case.merchant_due_ms <= due_ms:
            yield case.merchant_due_ms, 15, case.case_id, MerchantDue(case, case.merchant_due_ms)
        if 0 < case.retry_due_ms <= due_ms:
            yield case.retry_due_ms, 16, case.case_id, RetryDue(case, case.retry_due_ms)
