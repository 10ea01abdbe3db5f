"""What happened around a case or an account, in one line of time?

Pure: what the case says, what the store has of the account's activity, messages, locks and refused actions, each thing
once. A line of the case and the activity of the same event are one moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from streams.adapters.case_store.linked import Act
from streams.adapters.case_store.queries import Answer, Remark
from streams.console.measures import name_of
from streams.contracts.actions import LocksState
from streams.contracts.base import to_ms
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import Reason
from streams.core.outcome import Outcome

LANES: Final = ("payment", "login", "ledger", "decision", "lock", "message", "person", "case")
MOMENTS: Final = 200  # of a page, the newest
AROUND_MS: Final = 2 * 86_400_000  # what happened that long before and after a case belongs to its story
_LANE_OF: Final = {
    **dict.fromkeys(("login", "challenge", "credential", "password", "device", "session", "identity"), "login"),
    **dict.fromkeys(
        (
            "payment",
            "transfer",
            "topup",
            "withdrawal",
            "refund",
            "billpay",
            "psp",
            "card",
            "promo",
            "fee",
            "merchant",
        ),
        "payment",
    ),
    **dict.fromkeys(("user", "survey", "social", "customer", "message", "unlock"), "message"),
    **dict.fromkeys(("decision", "label"), "decision"),
    **dict.fromkeys(("action", "lock"), "lock"),
    "ledger": "ledger",
    "operator": "person",
}
_CLOCK: Final = "clock."
_SENT: Final = "message.sent"
_DONE_HERE: Final = ("decision", "lock", "message", "case")  # of messages those that were sent
_SAID_BY: Final = {"message": "user.message", "contact": "contact.taken"}  # by the action of a remark
_DECIDED: Final = frozenset({"decision.made", "payment.triaged"})
_QUIET: Final = frozenset({"evidence", "counters"})  # a version that only counts on says nothing new

_WAITING: Final = frozenset({"hold", "step_up"})  # outcomes for which a payment waits
_FINAL: Final = (".succeeded", ".captured", ".credited", ".posted", ".failed", ".returned", ".reversed")


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the page."""

    at_ms: int
    lane: str  # one of LANES
    kind: str
    event_id: str = ""
    label: str | None = None
    text: str = ""
    cause: str = ""  # of a refusal: the word for it in either language
    changed: tuple[str, ...] = ()  # of a version: what it says has changed
    amount_minor: int | None = None
    currency: str | None = None
    act: Act | None = None
    case_id: str | None = None  # of which case it is a line
    version: int | None = None
    who: str = ""  # whose words `said` are: an operator, or `customer`
    said: str = ""  # masked


class Judged(msgspec.Struct, frozen=True):
    """A decision above allow, with its reasons as they rank."""

    at_ms: int
    outcome: str
    score: float | None
    model_id: str | None
    rules: tuple[str, ...]
    subject_id: str | None
    reasons: tuple[Reason, ...]
    evidence: Mapping[str, Mapping[str, float]]  # what these rules looked at, by rule


def lane_of(kind: str) -> str:
    if kind in _DECIDED:
        return "decision"
    if kind.startswith(("user_", "customer_")):
        return "message"
    return _LANE_OF.get(kind.replace("_", ".").partition(".")[0], "case")


def whole(case: CaseVersion, versions: Iterable[CaseVersion]) -> CaseVersion:
    """A case with the lines for which its newest version had no room, from the versions that still had them.

    What is nowhere stays counted. A line of a clock stands for those before it.
    """
    if not case.evidence_dropped:
        return case
    known = {(line.event_id, line.kind) for line in case.evidence}
    older = {
        (line.event_id, line.kind): line
        for version in versions
        for line in version.evidence
        if (line.event_id, line.kind) not in known
    }
    told = [line for line in older.values() if not line.kind.startswith(_CLOCK)]
    return msgspec.structs.replace(
        case,
        evidence=tuple(sorted((*case.evidence, *told), key=lambda line: line.at)),
        evidence_dropped=max(0, case.evidence_dropped - len(older)),
    )


def timeline(
    cases: Iterable[CaseVersion] = (),
    *,
    acts: Iterable[Act] = (),
    versions: Iterable[CaseVersion] = (),
    notices: Iterable[NotificationRequested] = (),
    locks: LocksState | None = None,
    answers: Iterable[Answer] = (),
    remarks: Iterable[Remark] = (),
) -> tuple[Moment, ...]:
    """The newest MOMENTS, the oldest of them first."""
    found: dict[tuple[str, str], Moment] = {}
    for act in acts:
        found[act.event_id, ""] = Moment(
            at_ms=act.at_ms,
            lane=lane_of(act.kind),
            kind=act.kind,
            event_id=act.event_id,
            label=act.label,
            amount_minor=act.amount_minor,
            currency=act.currency,
            act=act,
        )
    for case in cases:
        for number, line in enumerate(case.evidence):
            known = found.get((line.event_id, ""))
            if known is not None and known.case_id is None and _is_same(known.kind, line.kind):
                found[line.event_id, ""] = msgspec.structs.replace(known, text=line.text, case_id=case.case_id)
                continue
            found[line.event_id, f"{case.case_id} {number}"] = Moment(
                at_ms=to_ms(line.at),
                lane=lane_of(line.kind),
                kind=line.kind,
                event_id=line.event_id,
                text="" if line.text == line.kind else line.text,
                amount_minor=line.amount_minor,
                currency=line.currency,
                case_id=case.case_id,
            )
    moments = _with_remarks(list(found.values()), remarks)
    moments += _changes(versions)
    moments += [
        Moment(
            at_ms=to_ms(each.occurred_at),
            lane="message",
            kind=_SENT,
            event_id=each.notification_id,
            label=each.template,
            case_id=each.case_id,
        )
        for each in notices
    ]
    moments += [
        Moment(at_ms=to_ms(each.since), lane="lock", kind="lock.stands", event_id=each.action_id, label=each.action)
        for each in (() if locks is None else locks.locks)
        if (each.action_id, "") not in found
    ]
    moments += [
        Moment(
            at_ms=each.at_ms, lane="person", kind="operator.refused", event_id=each.event_id, label=each.action,
            text=each.text, cause=each.cause,
        )
        for each in answers
    ]  # fmt: skip
    moments.sort(key=_place)
    return tuple(moments[-MOMENTS:])


def _place(moment: Moment) -> tuple[int, int, bool, int, int, str]:
    """Of one instant: what somebody asked for, what came of it, what was done about it here."""
    is_done_here = moment.lane in _DONE_HERE and (moment.lane != "message" or moment.kind == _SENT)
    step = 1 + _DONE_HERE.index(moment.lane) if is_done_here else 0
    is_asked = moment.kind.endswith(".requested")
    return moment.at_ms, step, not is_asked, LANES.index(moment.lane), moment.version or 0, moment.event_id


def _with_remarks(moments: list[Moment], remarks: Iterable[Remark]) -> list[Moment]:
    """Words stand on the line of their event; where the case has that line no more they have one of their own."""
    places: dict[tuple[str, str | None], int] = {}
    for place, moment in enumerate(moments):  # the event's own line comes before what followed from it
        places.setdefault((moment.event_id, moment.case_id), place)
    for each in remarks:
        at = places.get((each.event_id, each.case_id))
        if at is not None:
            moments[at] = msgspec.structs.replace(moments[at], who=each.actor, said=each.text)
            continue
        kind = _SAID_BY.get(each.action, f"operator_{each.action}")
        moments.append(
            Moment(
                at_ms=each.at_ms,
                lane=lane_of(kind),
                kind=kind,
                event_id=each.event_id,
                case_id=each.case_id,
                who=each.actor,
                said=each.text,
            )
        )
    return moments


def _is_same(kind: str, of_line: str) -> bool:
    """Whether a line of a case tells of the event itself and not of what came of it."""
    return of_line.replace("_", ".").startswith(kind.partition(".")[0]) or lane_of(of_line) == lane_of(kind)


def _changes(versions: Iterable[CaseVersion]) -> list[Moment]:
    """What each version has changed, none before an older one: an acknowledgement may carry an earlier time."""
    found: list[Moment] = []
    at_ms = 0
    for version in sorted(versions, key=lambda each: each.version):
        at_ms = max(at_ms, to_ms(version.occurred_at))
        changed = tuple(each for each in version.changed if each not in _QUIET)
        if changed:
            found.append(
                Moment(
                    at_ms=at_ms,
                    lane="case",
                    kind="case.version",
                    event_id=version.case_id,
                    label=version.status,
                    changed=changed,
                    version=version.version,
                    case_id=version.case_id,
                )
            )
    return found


def judged(acts: Iterable[Act], case: CaseVersion | None = None, limit: int = 3) -> tuple[Judged, ...]:
    """Decisions about what a case is about, or any, the strictest first and of equal ones the newest."""
    events = None if case is None else {line.event_id for line in case.evidence}
    made = [
        act
        for act in acts
        if act.kind == "decision.made"
        and act.detail.reasons
        and (
            case is None
            or (events is not None and (act.detail.event_id in events or act.event_id in events))
            or (act.subject_id is not None and act.subject_id == case.entities.payment_id)
        )
    ]
    made.sort(key=lambda act: (-Outcome.parse(act.label or "allow"), -act.at_ms, act.event_id))
    return tuple(
        Judged(
            act.at_ms,
            act.label or "",
            act.detail.score,
            act.detail.model_id,
            act.detail.rules,
            act.subject_id,
            act.detail.reasons,
            act.detail.evidence,
        )
        for act in made[:limit]
    )


def may_hold(acts: Sequence[Act], case: CaseVersion) -> bool:
    """Whether a payment may wait because of this case, as far as its account's activity shows; the core knows.

    A decision to hold has ended when a later one amends it, or when its payment has gone on all the same. Of an account
    with more activity than is looked at nobody can say.
    """
    if len(acts) >= MOMENTS:
        return True
    events = {line.event_id for line in case.evidence}
    ended = {act.event_id.rpartition(":")[0] for act in acts if act.kind == "decision.amended"}
    gone_on = {act.subject_id for act in acts if act.kind.endswith(_FINAL)}
    return any(
        act.kind == "decision.made"
        and act.label in _WAITING
        and act.subject_id != act.detail.event_id  # a login waits for a second factor, and nobody can let it go
        and act.event_id not in ended
        and act.subject_id not in gone_on
        and (case.evidence_dropped or act.detail.event_id in events)
        for act in acts
    )


class Habit(msgspec.Struct, frozen=True):
    """What is usual for a customer, as far as the activity that is kept shows it."""

    payments: int
    amounts: tuple[tuple[str, int, int], ...]  # currency, median and largest amount of what succeeded
    hours: tuple[int, ...]  # of 24, UTC: how many payments and logins
    countries: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[Reason, str], ...]  # of each reason the newest with a usual value, and what was measured


def habit(acts: Sequence[Act], cases: Iterable[CaseVersion] = ()) -> Habit:
    """From an account's activity, the newest first, without what may be a thief's.

    Left out: payments that were held back or blocked and not let go since, logins for which more was asked, and what
    stands in a case of `cases` that was found to be a fraud.
    """
    doubted = _doubted(acts, cases)
    amounts: dict[str, list[int]] = {}
    hours = [0] * 24
    countries: dict[str, int] = {}
    reasons: dict[str, tuple[Reason, str]] = {}
    payments = 0
    for act in acts:
        if act.kind.endswith(".succeeded") and doubted.isdisjoint((act.event_id, act.subject_id)):
            hours[act.at_ms // 3_600_000 % 24] += 1
            if act.country:
                countries[act.country] = countries.get(act.country, 0) + 1
            if act.amount_minor is not None and act.currency:
                payments += 1
                amounts.setdefault(act.currency, []).append(act.amount_minor)
        for each in act.detail.reasons:
            if each.usual is not None:
                reasons.setdefault(each.code, (each, name_of(act.detail.evidence, each.observed)))
    typical = tuple(
        (currency, sorted(values)[len(values) // 2], max(values)) for currency, values in sorted(amounts.items())
    )
    ranked = tuple(sorted(countries.items(), key=lambda each: (-each[1], each[0])))
    return Habit(payments, typical, tuple(hours), ranked, tuple(reasons[code] for code in sorted(reasons)))


def _doubted(acts: Sequence[Act], cases: Iterable[CaseVersion]) -> frozenset[str]:
    """Ids of events and payments that were stopped, or belong to a fraud."""
    frauds = [case for case in cases if case.finding == "confirmed_fraud"]
    found = {line.event_id for case in frauds for line in case.evidence}
    found |= {case.entities.payment_id for case in frauds if case.entities.payment_id is not None}
    amended: dict[str, Outcome] = {}  # by decision: the newest word is the last one
    for act in acts:
        if act.kind == "decision.amended":
            amended.setdefault(act.event_id.rpartition(":")[0], Outcome.parse(act.label or "allow"))
        elif act.kind == "decision.made":
            outcome = amended.get(act.event_id, Outcome.parse(act.label or "allow"))
            is_payment = act.subject_id is not None and act.subject_id != act.detail.event_id
            if outcome >= (Outcome.HOLD if is_payment else Outcome.STEP_UP):
                found |= {each for each in (act.detail.event_id, act.subject_id) if each is not None}
    return frozenset(found)
