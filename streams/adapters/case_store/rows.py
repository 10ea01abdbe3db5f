"""Which rows does a record of our topics become?

Pure: the same records give the same rows, whatever was read before them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from streams.adapters.case_store import activity
from streams.adapters.case_store.activity import activity_row
from streams.adapters.case_store.tables import DONE, WAITING, WORK
from streams.contracts.accounts import AccountProfile
from streams.contracts.actions import LocksState
from streams.contracts.base import Watermark, to_ms
from streams.contracts.cases import (
    AccountErased,
    ActionRejected,
    AttachmentRecorded,
    CaseVersion,
    NotificationRequested,
    RemarkRecorded,
)
from streams.contracts.registry import Refusal, decode
from streams.contracts.topics import CASES_SNAPSHOT, LOCKS
from streams.core.cases.review import LOSS, OPERATOR, band_of, due_ms, first_response_due_ms, is_urgent
from streams.core.obligations import FINISHED
from streams.core.personal import kind_of

# In this order: what was deleted should be known before what it was about is read again.
TOPICS_READ: Final = (CASES_SNAPSHOT.name, "support.cases", LOCKS.name, "customer.notifications", "account.profiles")
TOPICS_OF_ACTIVITY: Final = activity.TOPICS
DAY_MS: Final = 86_400_000
_NUL: Final = b"\\u0000"  # as JSON has it


class Record(NamedTuple):
    """What lies at one place of a topic."""

    topic: str  # logical name
    partition: int
    offset: int
    key: bytes
    value: bytes | None
    at_ms: int  # the record's timestamp


class Refused(NamedTuple):
    """A record that was not understood."""

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str


class Batch(msgspec.Struct):
    """What some records say, each thing once."""

    versions: dict[tuple[str, int], tuple[CaseVersion, bytes]] = {}
    locks: dict[str, tuple[LocksState, bytes]] = {}
    notifications: dict[str, tuple[NotificationRequested, bytes]] = {}
    rejections: dict[str, ActionRejected] = {}
    receipts: dict[str, tuple[AccountErased, bytes]] = {}
    activity: dict[tuple[str, int, str], dict[str, Any]] = {}  # account, event time, id of the event
    profiles: dict[str, AccountProfile] = {}
    attachments: dict[tuple[str, str], AttachmentRecorded] = {}
    remarks: dict[tuple[str, str], RemarkRecorded] = {}
    gone: dict[tuple[str, str], int] = {}  # kind, id -> up to which event time
    refused: list[Refused] = []


def batch_of(records: Iterable[Record]) -> Batch:
    """The content of `records`, in any order."""
    batch = Batch()
    for record in records:
        _take(batch, record)
    return batch


def _take(batch: Batch, record: Record) -> None:
    if record.value is None:
        kind = {CASES_SNAPSHOT.name: "case", LOCKS.name: "locks", "account.profiles": "profile"}.get(record.topic)
        if kind is not None:
            _forget(batch, kind, record.key.decode(errors="replace"), record.at_ms)
            return
    raw = record.value or b""
    said = decode(record.topic, record.value)
    match said:
        case CaseVersion():
            batch.versions.setdefault((said.case_id, said.version), (said, raw))
        case LocksState():
            known = batch.locks.get(said.account_id)
            if known is None or said.version > known[0].version:
                batch.locks[said.account_id] = (said, raw)
        case NotificationRequested():
            batch.notifications.setdefault(said.notification_id, (said, raw))
        case ActionRejected():
            batch.rejections.setdefault(said.event_id, said)
        case AttachmentRecorded():
            batch.attachments.setdefault((said.case_id, said.sha256), said)
        case RemarkRecorded():
            batch.remarks.setdefault((said.case_id, said.event_id), said)
        case AccountErased():
            batch.receipts.setdefault(said.event_id, (said, raw))
            at_ms = to_ms(said.occurred_at)
            _forget(batch, "account", said.account_id, at_ms)
            for case_id in said.case_ids:
                _forget(batch, "case", case_id, at_ms)
        case AccountProfile():
            newest = batch.profiles.get(said.account_id)
            if newest is None or said.occurred_at >= newest.occurred_at:
                batch.profiles[said.account_id] = said
        case Watermark():
            pass
        case Refusal(reason=reason, detail=detail):
            if record.topic in TOPICS_OF_ACTIVITY:
                return  # the worker has set it aside with its reason
            batch.refused.append(Refused(record.topic, record.partition, record.offset, reason, detail))
        case _ if record.topic in TOPICS_OF_ACTIVITY:
            row = activity_row(said)
            if row is not None:
                batch.activity.setdefault((row["account_id"], row["at_ms"], row["event_id"]), storable(row, raw))
        case _:
            raise AssertionError(f"{type(said).__name__} is read from {record.topic} and has no row")


def _forget(batch: Batch, kind: str, what: str, at_ms: int) -> None:
    batch.gone[kind, what] = max(at_ms, batch.gone.get((kind, what), at_ms))


def case_row(case: CaseVersion, body: bytes) -> dict[str, Any]:
    """The columns of a case beside its body, without its number."""
    worked = [to_ms(line.at) for line in case.evidence if line.kind.startswith(OPERATOR)]
    sla = case.sla
    return storable(
        {
            "case_id": case.case_id,
            "version": case.version,
            "at_ms": to_ms(case.occurred_at),
            "owner": case.owner,
            "shadow": case.shadow,
            "queue": case.queue,
            "priority": case.priority,
            "status": case.status,
            "sub_status": case.sub_status,
            "finding": case.finding,
            "case_type": case.case_type,
            "flow": case.flow,
            "cause_family": case.cause_family,
            "subject": case.subject,
            "account_id": case.entities.account_id,
            "payment_id": case.entities.payment_id,
            "incident_id": case.incident_id,
            "parent_id": case.parent_id,
            "assignee": case.assignee,
            "amount_minor": case.amount_minor,
            "currency": case.currency,
            "money_state": case.money_state,
            "created_ms": to_ms(case.created_at),
            "first_response_due_ms": first_response_due_ms(case),
            "next_update_due_ms": None if sla is None else to_ms(sla.next_update_due),
            "resolution_due_ms": None if sla is None else to_ms(sla.resolution_due),
            "stage": _stage(case),
            "less_urgent": not is_urgent(case),
            "loss_rank": -case.counters.get(LOSS, 0),
            "loss_band": -band_of(case.counters.get(LOSS, 0)),
            "due_ms": due_ms(case),
            "worked_day": max(worked) // DAY_MS if worked else None,
        },
        body,
    )


def _stage(case: CaseVersion) -> int:
    if case.shadow or case.status in FINISHED:
        return DONE
    # What was answered by itself waits for another word of its customer's, and is nobody's work before that.
    return WAITING if case.status.startswith("waiting") or case.status == "auto_answered" else WORK


def version_row(case: CaseVersion, body: bytes) -> dict[str, Any]:
    return storable(
        {
            "case_id": case.case_id,
            "version": case.version,
            "at_ms": to_ms(case.occurred_at),
            "body": body,
        },
        body,
    )


def lock_state_row(state: LocksState, body: bytes) -> dict[str, Any]:
    return storable(
        {
            "account_id": state.account_id,
            "version": state.version,
            "at_ms": to_ms(state.occurred_at),
            "state": state.state,
            "body": body,
        },
        body,
    )


def lock_rows(state: LocksState) -> list[dict[str, Any]]:
    """One row per lock; the last of those with the same id."""
    rows = {
        lock.action_id: storable(
            {
                "account_id": state.account_id,
                "action_id": lock.action_id,
                "action": lock.action,
                "scope": lock.scope,
                "status": lock.status,
                "reason_class": lock.reason_class,
                "since_ms": to_ms(lock.since),
                "expires_ms": _optional_ms(lock.expires_at),
            }
        )
        for lock in state.locks
    }
    return list(rows.values())


def notification_row(notice: NotificationRequested, body: bytes) -> dict[str, Any]:
    return storable(
        {
            "notification_id": notice.notification_id,
            "account_id": notice.account_id,
            "case_id": notice.case_id,
            "at_ms": to_ms(notice.occurred_at),
            "template": notice.template,
            "body": body,
        },
        body,
    )


def rejection_row(answer: ActionRejected) -> dict[str, Any]:
    return storable(
        {
            "event_id": answer.event_id,
            "account_id": answer.account_id,
            "case_id": answer.case_id,
            "at_ms": to_ms(answer.occurred_at),
            "action": answer.action,
            "cause": answer.cause,
            "text": answer.text,
        }
    )


def attachment_row(said: AttachmentRecorded) -> dict[str, Any]:
    names = (
        "case_id",
        "sha256",
        "account_id",
        "event_id",
        "reference",
        "kind",
        "media_type",
        "size_bytes",
        "actor",
        "role",
    )
    return storable({name: getattr(said, name) for name in names} | {"at_ms": to_ms(said.occurred_at)})


def remark_row(said: RemarkRecorded) -> dict[str, Any]:
    names = ("case_id", "event_id", "account_id", "action", "actor", "role", "text")
    return storable({name: getattr(said, name) for name in names} | {"at_ms": to_ms(said.occurred_at)})


def contact_rows(profile: AccountProfile) -> list[dict[str, Any]]:
    """One row per reference, and at least one. What is an address after all, and no reference, is not kept."""
    found = sorted({each for each in profile.contact_channels if kind_of(each) is None}) or [""]
    at_ms = to_ms(profile.occurred_at)
    return [storable({"account_id": profile.account_id, "reference": each, "at_ms": at_ms}) for each in found]


def receipt_row(receipt: AccountErased, body: bytes) -> dict[str, Any]:
    return storable(
        {
            "event_id": receipt.event_id,
            "account_id": receipt.account_id,
            "at_ms": to_ms(receipt.occurred_at),
            "body": body,
        },
        body,
    )


def storable(row: dict[str, Any], body: bytes = _NUL) -> dict[str, Any]:
    """Columns as both databases take them: PostgreSQL has no character NUL. The body keeps it and tells."""
    if _NUL not in body:
        return row
    return {name: without_nul(value) if type(value) is str else value for name, value in row.items()}


def without_nul(written: str) -> str:
    return written.replace("\x00", "\ufffd")


def _optional_ms(instant: datetime | None) -> int | None:
    return None if instant is None else to_ms(instant)
