"""What follows when a movement fails: what is said about it, and does anybody of ours have to act?

Every failure gets a triage. A ticket is opened only where a person of ours must do something: most failures are told to
the customer, counted for the health of whoever failed, and over.
"""

from __future__ import annotations

import msgspec

from streams.contracts.base import from_ms
from streams.contracts.cases import CustomerText
from streams.contracts.payments import (
    Code,
    Failure,
    Movement,
    PaymentPending,
    PspStatus,
    RefundFailed,
    WithdrawalReturned,
)
from streams.contracts.triage import Contact, Disclosure, PaymentTriaged, RetryAdvice
from streams.core import ids
from streams.core.cases.book import Draft, add_line, open_or_join, raised
from streams.core.cases.timeline import codes_of, kind_of
from streams.core.currencies import exponent_of
from streams.core.declines import retry
from streams.core.declines.resolve import STATED, Resolved, helper, resolve, speakers, without_zeros
from streams.core.flows import attempts, repeat_failures
from streams.core.flows.movements import SUBJECTS
from streams.core.library import limit_word, name_word, reason_word
from streams.core.locks.account_states import is_over_money
from streams.core.messages.notify import told
from streams.core.messages.render import instant, method_word, money
from streams.core.money import completeness, expectations, limits, standing
from streams.core.money.limits import Reached
from streams.core.obligations import Case, Line, PaymentState
from streams.core.steps import MerchantsFault
from streams.core.turn import Turn

DEBITED = "debited_not_confirmed"
UNKNOWN_CODE = "unknown_code"
UNEXPLAINED = "failure.unexplained"
_MERCHANT, _PAYEE = "F05", "F06"
# What these are about; no decision is, since none of them begins a movement.
_NEVER_FIRST: dict[type[Movement], str] = {RefundFailed: "refund", WithdrawalReturned: "withdrawal"}
_NO_PAYMENTS = frozenset({"topup", "withdrawal", "refund"})
# Causes that a lock of ours has at the payment system's end.
_LOCKED = frozenset({"account_blocked", "trade_frozen", "not_permitted", "suspected_fraud", "unknown_error"})
_OURS_TO_CHECK = frozenset({"trade_frozen"})


def read(turn: Turn, event: Movement) -> Resolved | None:
    """What the event's codes say; None for an event that reports no failure."""
    if not isinstance(event, Failure | RefundFailed):
        return None
    if type(event) is PspStatus and not event.codes:
        return None
    library = turn.ctx.library
    return resolve(library.table, library.profiles, event.codes, event.network)


def is_unknown(event: Movement, resolved: Resolved | None) -> bool:
    """Whether the outcome is unknown although the event may call itself a failure.

    A failure without any code is taken at its word; one with a code that asks for a query, with codes that nobody
    knows, or with one that tells of money that has moved (the order is paid already), is not.
    """
    if type(event) is PaymentPending:
        return True
    if resolved is None or type(event) in (PspStatus, RefundFailed):
        return False
    verdict = resolved.entry.retryable if resolved.entry is not None else resolved.cause.retryable
    coded = resolved.entry is not None or bool(resolved.unknown) or bool(resolved.entries)
    is_asked = verdict == "query_first" or resolved.cause.cause in STATED
    return coded and is_asked and resolved.cause.cause != DEBITED


def after_failure(turn: Turn, event: Movement, resolved: Resolved, status: int, *, joined: bool = False) -> None:
    """Counts the decline, opens or joins a case where one is needed, and publishes the triage.

    `joined`: the failure is part of an outage, and no sign of a customer who struggles.
    """
    assert isinstance(event, Failure | RefundFailed)
    library, obligations = turn.ctx.library, turn.obligations
    failed = status == PaymentState.FAILED
    counts = failed and attempts.is_news(turn, event)
    if counts or (failed and resolved.forbidden):  # whoever tells it
        instrument = retry.declined(obligations.instruments, event, turn.at_ms, never=resolved.forbidden)
    else:
        instrument = retry.known(obligations.instruments, event)
    said_by = speakers(library.profiles, event.method, event.network, event.gateway_id, event.codes)
    case = _case(turn, event, resolved)
    if failed and resolved.cause.flow == _PAYEE:
        _say_when_back(turn, event, resolved.cause.cause)
    if case is None and counts and not joined:
        case = repeat_failures.after_failure(turn, event, resolved.cause.cause)
    entry, cause = resolved.entry, resolved.cause
    if counts and event.codes and cause.flow == _MERCHANT and cause.who_acts == "merchant":
        code = f"{entry.source} {entry.code}" if entry is not None else named(event)[0]
        turn.ctx.fault = MerchantsFault(cause.cause, code)
    limit = limits.reached(turn, event, resolved) if _disclosure(event, resolved) == "plain" else None
    flow = "F17" if type(event) is RefundFailed and not cause.cause.startswith("refund_") else cause.flow
    turn.effects.append(
        PaymentTriaged(
            occurred_at=turn.at,
            triage_id=ids.triage_id(turn.ctx.account_id, turn.origin),
            event_id=event.event_id,
            account_id=turn.ctx.account_id,
            payment_id=event.payment_id,
            subject=_subject(turn, event),
            shadow=turn.shadow,
            cause=cause.cause,
            flow=flow,
            decided_by=Code(source=entry.source, code=entry.code) if entry is not None else None,
            rank=resolved.rank,
            codes=event.codes,
            unknown_codes=tuple(f"{code.source} {code.code}"[:64] for code in resolved.unknown),
            fault_party=cause.fault_party,
            who_acts=cause.who_acts,
            queue=cause.queue,
            priority=f"P{raised(turn, cause.priority, event.amount_minor, event.currency)}",  # type: ignore[arg-type]
            money_state=entry.money_state if entry is not None else cause.money_state,
            health_scope=cause.health_scope,
            disclosure=_disclosure(event, resolved),
            retry=_advice(retry.advice(resolved, instrument, said_by, turn.at_ms), limit),
            text=_text(turn, event, resolved, failed, limit),
            case_id=case.case_id if case is not None else None,
            amount_minor=event.amount_minor,
            currency=event.currency,
            table=library.digest,
            contact=_contact(turn, event, cause.who_acts),
        )
    )


def _say_when_back(turn: Turn, event: Movement, cause: str) -> None:
    """Money that left for a wrong payee: its customer tries once more when it is back (F06)."""
    for debit in turn.obligations.debits:
        if debit.payment_id == event.payment_id:
            debit.tells = cause


def _contact(turn: Turn, event: Failure | RefundFailed, who_acts: str) -> Contact | None:
    profiles = turn.ctx.library.profiles
    profile = helper(profiles, event.method, event.network, event.gateway_id, event.codes, who_acts)
    if profile is None:
        return None
    return Contact(
        profile=profile.id,
        name_zh=profile.name.zh,
        name_en=profile.name.en,
        page=profile.support.page,
        phone=profile.support.phone,
    )


def _disclosure(event: Movement, resolved: Resolved) -> Disclosure:
    """The owner of a balance, signed in, may hear what a card's holder may not."""
    tier = resolved.cause.disclosure
    return "plain" if tier == "category" and event.method == "wallet_balance" else tier


def _advice(advice: RetryAdvice, limit: Reached | None) -> RetryAdvice:
    """Not before the limit lets the next payment through; one that only a person can lift is nothing to retry at."""
    if limit is None or advice.because == "budget_used" or advice.verdict not in ("after_fix", "later"):
        return advice
    not_before = from_ms(limit.resets_ms) if limit.resets_ms else None
    if not_before is None or (advice.until is not None and advice.until < not_before):
        return msgspec.structs.replace(advice, not_before=not_before, until=None, attempts_left=0)
    return msgspec.structs.replace(advice, not_before=not_before)


def _limit_text(turn: Turn, limit: Reached, *, charge: str) -> CustomerText:
    parameters = {"charged": charge}
    template = f"payment_failure.limit.{limit.per}"
    if limit.resets_ms:
        template, parameters["reset_at"] = "payment_failure.limit", instant(limit.resets_ms)
        parameters["limit"] = f"limit.{limit.per}"
    if limit.stated is not None:
        template = f"{template}.named"
        parameters["limit"] = limit_word(limit.profile, limit.stated)
        amount_minor = limit.stated.amount * 10 ** exponent_of(limit.stated.currency)
        parameters["amount"] = money(amount_minor, limit.stated.currency)
    return told(turn, template, parameters)


def _subject(turn: Turn, event: Movement) -> str:
    """What has failed. A provider's answer does not say; whoever waits for the movement knows."""
    if type(event) is PspStatus:
        return expectations.movement_of(turn, event.payment_id) or "payment"
    return _NEVER_FIRST.get(type(event)) or SUBJECTS.get(type(event), "payment")


def _text(turn: Turn, event: Movement, resolved: Resolved, failed: bool, limit: Reached | None) -> CustomerText:
    """The cause's sentence. Whether money moved is the ledger's to say, never a code's."""
    subject = _subject(turn, event)
    if subject in _NO_PAYMENTS and not resolved.cause.cause.startswith("refund_"):
        return _movement_text(turn, event, resolved, subject, failed, limit)
    reason, template = reason_word(resolved.cause.cause), "payment_failure.reason"
    claimed = resolved.entry.money_state if resolved.entry is not None else resolved.cause.money_state
    books = standing.books_of(turn, event, failed=failed)
    free = failed and claimed == "not_moved" and books == standing.NOTHING and completeness.ledger_is_heard(turn)
    held = failed and claimed == "not_moved" and books == standing.RESERVED
    if free:
        attempts.told(turn, event.payment_id)
    charge = "charge.none" if free else "charge.reserved" if held else "charge.unsaid"
    if books == standing.DEBITED:
        reason = reason_word(DEBITED)
    elif failed and isinstance(event, Failure) and not event.codes:
        reason = UNEXPLAINED  # taken at its word: nobody asks the provider, so nobody may say so
    elif limit is not None:
        return _limit_text(turn, limit, charge=charge)
    elif methods := _working(turn, event, resolved):
        names = ",".join(method_word(each) for each in methods)
        return told(turn, "payment_failure.unsupported", {"reason": reason, "methods": names, "charged": charge})
    elif held:
        template = "payment_failure.reserved"
    elif free:
        template = "payment_failure.not_charged"
    return told(turn, template, {"reason": reason})


def _working(turn: Turn, event: Movement, resolved: Resolved) -> list[str]:
    """What can be paid with where this way of paying is not supported (F37); nothing of other failures."""
    if resolved.cause.flow != "F37" or _disclosure(event, resolved) == "generic":
        return []
    return [method for method in turn.policy.money.methods_of(event.region) if method != event.method]


def _movement_text(
    turn: Turn, event: Movement, resolved: Resolved, subject: str, failed: bool, limit: Reached | None
) -> CustomerText:
    """Of what is no payment: the cause's name, because its sentence speaks of a payment and of paying otherwise."""
    about = {"what": f"movement.{subject}"}
    if subject != "refund" and (not failed or resolved.cause.cause == DEBITED):
        return told(turn, "movement_failure.unknown", about)
    if subject != "refund":
        attempts.told(turn, event.payment_id)
    about["money"] = "money.refund" if subject == "refund" else _money_of(turn, event, resolved, subject)
    if limit is not None and limit.resets_ms:
        about |= {"limit": f"limit.{limit.per}", "reset_at": instant(limit.resets_ms)}
        return told(turn, "movement_failure.limit", about)
    codes = event.codes if isinstance(event, Failure | RefundFailed) else ()
    if not codes or _disclosure(event, resolved) == "generic":
        return told(turn, "movement_failure.unexplained", about)
    return told(turn, "movement_failure", about | {"reason": name_word(resolved.cause.cause)})


def _money_of(turn: Turn, event: Movement, resolved: Resolved, subject: str) -> str:
    """The word that says where the money of a failed top-up or payout is."""
    if expectations.is_taken(turn, event):
        return f"money.{subject}"
    claimed = resolved.entry.money_state if resolved.entry is not None else resolved.cause.money_state
    books = standing.books_of(turn, event, failed=True) if claimed == "not_moved" else standing.UNSURE
    if books == standing.NOTHING and completeness.ledger_is_heard(turn):
        return "charge.none"
    return "charge.reserved" if books == standing.RESERVED else "charge.unsaid"


def _case(turn: Turn, event: Movement, resolved: Resolved) -> Case | None:
    """The case that this failure belongs to, if it belongs to one."""
    lock_case = _lock_case(turn, resolved)
    if lock_case is not None:
        add_line(turn, lock_case, _line(turn, event, resolved))
        return lock_case
    for case in turn.obligations.cases:
        if case.is_open and case.payment_id == event.payment_id and case.family != repeat_failures.FAMILY:
            return case  # the timeline has the line already
    if resolved.cause.cause in _OURS_TO_CHECK:
        return open_or_join(
            turn, _draft(turn, event, resolved, "trade_frozen", "account_locked.risk", "F21", "security", 2)
        )
    sampled = [code for code in resolved.unknown if turn.ctx.samples.take(code.source, code.code, turn.at_ms)]
    if sampled:
        draft = _draft(turn, event, resolved, UNKNOWN_CODE, "integration.unknown_code", "F03", "technical", 3)
        case = open_or_join(turn, draft)
        library = turn.ctx.library
        for code in sampled:
            padded = without_zeros(library.table, library.profiles, code, event.network)
            if padded:
                text = f"{code.source} {code.code}: {padded} is known; have its leading zeros been lost?"
                add_line(turn, case, Line(turn.at_ms, "code_hint", turn.cause, text[:160]))
        return case
    return None


def _lock_case(turn: Turn, resolved: Resolved) -> Case | None:
    """The case of a lock of ours that stops money, when the code fits: the failure is our own doing."""
    if resolved.cause.cause not in _LOCKED:
        return None
    for held in turn.obligations.locks:
        if is_over_money(held) and held.applies_to == "everyone":
            return turn.obligations.case(held.case_id)
    return None


def _draft(
    turn: Turn, event: Movement, resolved: Resolved, family: str, case_type: str, flow: str, queue: str, priority: int
) -> Draft:
    return Draft(
        case_type=case_type,
        flow=flow,
        family=family,
        queue=queue,
        priority=priority,
        lines=(_line(turn, event, resolved),),
        payment=event,
        payment_id=event.payment_id,
        amount_minor=event.amount_minor,
        currency=event.currency,
        cause=resolved.cause.cause,
        codes=named(event),
    )


def named(event: Movement) -> tuple[str, ...]:
    """The codes as people look them up."""
    return tuple(f"{code.source} {code.code}"[:64] for code in getattr(event, "codes", ()))


def _line(turn: Turn, event: Movement, resolved: Resolved) -> Line:
    assert isinstance(event, Failure | RefundFailed)
    text = f"{resolved.cause.cause}: {codes_of(event)}"[:120]
    return Line(turn.at_ms, kind_of(event), turn.cause, text, event.amount_minor, event.currency)
