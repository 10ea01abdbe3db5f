"""Does this customer's failed payment belong to an outage (F04)? Then no ticket, one message now, one when it works.

A second factor that fails (F08) belongs to an outage of whoever sends codes or asks for it, in the same way.

A failure may be older than the knowledge that there is an outage: it waits for a while, without a ticket of its own
where none is due, and joins when the outage is known. A payment that only hangs fails by its silence.
"""

from __future__ import annotations

from functools import lru_cache

from streams.contracts.logins import ChallengeFailed
from streams.contracts.payments import Failure as FailedMovement
from streams.contracts.payments import Movement
from streams.core.cases.book import add_line
from streams.core.entities.health import join
from streams.core.flows import repeat_failures
from streams.core.incidents.causes import Group, group_of_codes
from streams.core.incidents.keys import CHALLENGE, challenge_key, dimension_of, keys_of, route_of
from streams.core.incidents.outages import Outage, mark_of
from streams.core.messages.notify import notify
from streams.core.messages.render import issuer_word, method_word
from streams.core.obligations import (
    MEMBER_PAYMENTS_MAX,
    MEMBERSHIPS_MAX,
    SUSPECTS_MAX,
    Case,
    Line,
    Membership,
    Suspect,
    Unknown,
    payment_key,
)
from streams.core.turn import Turn

# When a failure looks whether it belongs to an outage by now: soon, because most outages are noticed within two
# buckets; once more for slow ones; and at the end of the policy's look_back_s.
_LOOKS_S = (15, 60)
_JOINED = "joined_incident"
_TROUBLE = "F08"  # flow of the customer's own case about second factors that fail
SILENCE = "none"  # the code of a payment that nobody has answered
_MARK_BYTES = 4


def after_failure(turn: Turn, event: Movement) -> bool:
    """Joins the failure to its outage; False if there is none (yet)."""
    codes = event.codes if isinstance(event, FailedMovement) else ()
    marks = [_mark_of(key) for key in _failing(turn, event, group_of_codes(codes, event.network, turn.ctx.library))]
    if not marks:
        return False
    suspect = Suspect(
        turn.at_ms,
        turn.at_ms + _LOOKS_S[0] * 1000,
        payment_key(event.payment_id),
        mark_of(event.event_id),
        event.amount_minor,
        event.currency,
        f"{codes[0].source}/{codes[0].code}"[:64] if codes else SILENCE,
        marks,
        event.method,
    )
    return _considered(turn, suspect)


def after_challenge(turn: Turn, event: ChallengeFailed) -> bool:
    """The same of a second factor at the door; strangers fail where all works."""
    key = challenge_key(event.challenge_provider_id)
    if key is None or not turn.at_home:
        return False
    mark = mark_of(event.event_id)
    code = f"{CHALLENGE}/{event.reason or SILENCE}"[:64]
    due_ms = turn.at_ms + _LOOKS_S[0] * 1000
    return _considered(turn, Suspect(turn.at_ms, due_ms, mark, mark, 0, "", code, [_mark_of(key)]))


def marks_of(event: Movement) -> bytes:
    """The keys of the event's route, as a payment that nobody has answered yet remembers them."""
    route = route_of(event)
    if route is None:
        return b""
    return b"".join(_mark_of(key).to_bytes(_MARK_BYTES) for key in keys_of(route))


def after_silence(turn: Turn, unknown: Unknown) -> None:
    """Nobody has answered for as long as the health of a route gives it: that counts like a failure of all its keys."""
    silent_ms = unknown.since_ms + turn.policy.entities.health.hung_s * 1000
    if not unknown.marks or turn.at_ms < silent_ms:
        return
    packed, unknown.marks = unknown.marks, b""
    if unknown.amount_minor is None or unknown.currency is None:
        return
    marks = [int.from_bytes(packed[at : at + _MARK_BYTES]) for at in range(0, len(packed), _MARK_BYTES)]
    suspect = Suspect(
        silent_ms,
        turn.at_ms + _LOOKS_S[0] * 1000,
        payment_key(unknown.payment_id),
        mark_of(unknown.entry),
        unknown.amount_minor,
        unknown.currency,
        SILENCE,
        marks,
    )
    _considered(turn, suspect)


def is_hit(turn: Turn, payment_id: str) -> bool:
    """Whether the payment is part of an outage that goes on."""
    key = payment_key(payment_id)
    for membership in turn.obligations.memberships:
        outage = turn.ctx.outages.get(membership.incident_id)
        clock_ms = turn.ctx.clock_ms
        if key in membership.payments and outage is not None and outage.is_known(clock_ms):
            return not outage.is_over(clock_ms)
    return False


def look_again(turn: Turn, suspect: Suspect) -> None:
    """At the suspect's timer: join, wait on, or give up."""
    suspects = turn.obligations.suspects
    suspects.remove(suspect)
    outage = turn.ctx.outages.find(suspect.marks, suspect.at_ms, turn.ctx.clock_ms)
    if outage is not None:
        _join(turn, outage, suspect)
        return
    look_back_s = turn.policy.entities.health.look_back_s
    for wait_s in (*_LOOKS_S, look_back_s):
        due_ms = suspect.at_ms + wait_s * 1000
        if turn.at_ms < due_ms <= suspect.at_ms + look_back_s * 1000:
            suspect.due_ms = due_ms
            suspects.append(suspect)
            return


def ask_again(turn: Turn, membership: Membership) -> None:
    """At the membership's timer: is the outage over? Then the customer hears it, once."""
    policy = turn.policy.entities.health
    outage = turn.ctx.outages.get(membership.incident_id)
    if outage is None or turn.ctx.clock_ms >= outage.expires_ms:
        turn.obligations.memberships.remove(membership)
        return
    membership.due_ms = turn.at_ms + policy.recheck_s * 1000
    if not outage.is_over(turn.ctx.clock_ms):
        return
    if not membership.ended:
        membership.ended = True
        if membership.told:
            _tell(turn, outage, "retired" if outage.retired else "over")
        # Kept until the incident cannot come back, so that nobody hears of it twice.
        membership.due_ms = outage.closed_ms + policy.reopen_s * 1000
    if membership.due_ms <= turn.at_ms or turn.at_ms >= outage.closed_ms + policy.reopen_s * 1000:
        turn.obligations.memberships.remove(membership)


def link_cases(turn: Turn) -> None:
    """Cases about payments of an outage say so: money cases stay separate, and linked."""
    memberships = turn.obligations.memberships
    if not memberships:
        return
    for case, _ in turn.changed.values():
        if case.payment_id and not case.incident_id:
            payment = payment_key(case.payment_id)
            for membership in memberships:
                if payment in membership.payments:
                    case.incident_id = membership.incident_id


def _failing(turn: Turn, event: Movement, group: Group) -> list[str]:
    """The keys on which a failure of this group counts."""
    if group == "authentication":
        key = challenge_key(event.challenge_provider_id)
        return [] if key is None or not turn.at_home else [key]
    route = route_of(event)
    if route is None or group not in ("channel", "merchant"):
        return []
    return [key for key in keys_of(route) if group == "channel" or key.startswith("merchant")]


def _considered(turn: Turn, suspect: Suspect) -> bool:
    outage = turn.ctx.outages.find(suspect.marks, suspect.at_ms, turn.ctx.clock_ms)
    if outage is not None:
        _join(turn, outage, suspect)
        return True
    suspects = turn.obligations.suspects
    suspects.append(suspect)
    if len(suspects) > SUSPECTS_MAX:
        del suspects[0]
    return False


@lru_cache(maxsize=8192)
def _mark_of(key: str) -> int:
    """Most payments go through few gateways, issuers and methods."""
    return mark_of(key)


def _join(turn: Turn, outage: Outage, suspect: Suspect) -> None:
    obligations = turn.obligations
    membership = next((each for each in obligations.memberships if each.incident_id == outage.incident_id), None)
    policy = turn.policy.entities.health
    new = membership is None
    if membership is None:
        membership = Membership(outage.incident_id, turn.at_ms + policy.recheck_s * 1000)
        obligations.memberships.append(membership)
        if len(obligations.memberships) > MEMBERSHIPS_MAX:
            del obligations.memberships[0]
    if not membership.told and outage.is_down(turn.ctx.clock_ms):
        # Not for what fails as usual while it recovers; if it comes back, they hear of it then.
        membership.told, membership.ended = True, False
        membership.due_ms = turn.at_ms + policy.recheck_s * 1000
        _tell(turn, outage, "began", suspect.method)
    if suspect.payment not in membership.payments:  # else it is told once more, by somebody else or after its silence
        membership.payments = [*membership.payments, suspect.payment][-MEMBER_PAYMENTS_MAX:]
        join(
            turn.ctx.health,
            outage.incident_id,
            turn.ctx.clock_ms,
            policy,
            new_user=new,
            amount_minor=suspect.amount_minor,
            currency=suspect.currency,
            code=suspect.code,
        )
    repeat_failures.explained(turn, suspect.payment, suspect.event, outage.incident_id)
    for case in tuple(obligations.cases):
        is_its = case.payment_id and payment_key(case.payment_id) == suspect.payment
        if case.is_open and (is_its or (case.flow == _TROUBLE and dimension_of(outage.root) == CHALLENGE)):
            _link(turn, case, outage)


def _link(turn: Turn, case: Case, outage: Outage) -> None:
    if not case.incident_id:
        case.incident_id = outage.incident_id
        text = f"part of {outage.incident_id} ({dimension_of(outage.root)})"
        add_line(turn, case, Line(turn.at_ms, _JOINED, turn.cause, text))


def _tell(turn: Turn, outage: Outage, what: str, method: str = "") -> None:
    """Says where it is broken, as far as customers may know: their bank, the merchant, or their way of paying."""
    dimension = dimension_of(outage.root)
    words = turn.ctx.library.messages.words
    if dimension == CHALLENGE:
        notify(turn, f"incident.verification.{what}", {})
    elif dimension.startswith("merchant"):
        notify(turn, f"incident.merchant.{what}", {})
    elif dimension == "issuer":
        bank = issuer_word(outage.root.partition(":")[2])
        notify(turn, f"incident.bank.{what}", {"bank": bank if bank in words else issuer_word("any")})
    elif what == "began":
        channel = method_word(method)
        notify(turn, "incident.channel.began", {"channel": channel if channel in words else method_word("any")})
    else:
        notify(turn, f"incident.channel.{what}", {})
