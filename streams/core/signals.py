"""What does an event of one account tell about the IP, device, card range, merchant, terminal or site behind it?

Volume is the constraint: an event that no detector could use sends nothing. A payment is told only if it carries a
card, and to its merchant and card range only if it is small enough to be a test or was refused for its card's data, or
as one of the ordinary payments that those are compared with; a payment that names nothing but a terminal is silent, its
label is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, cast, get_args

from streams.contracts.accounts import EntityBlock, IncidentAction, LabelRecorded, SocialMention
from streams.contracts.base import Event, to_ms
from streams.contracts.logins import ChallengePassed, ChallengeSent, Login, LoginFailed, LoginSucceeded
from streams.contracts.payments import BillpayFailed, Movement, PaymentFailed, PromoClaimed, PspStatus, TopupFailed
from streams.contracts.signals import (
    CaseActed,
    EntityBlockAsked,
    EntityKind,
    EntityObserved,
    FeedsTold,
    HealthBucket,
    Refusal,
    SignalEvent,
)
from streams.core.addresses import plainly
from streams.core.cases.remarks import said_of
from streams.core.entities import merchant_refunds, recent
from streams.core.entities.card_testing import is_sampled
from streams.core.entities.policies import EntitiesPolicy
from streams.core.entities.slice_burst import SAMPLED
from streams.core.familiar import network_of
from streams.core.ids import digest
from streams.core.incidents.keys import is_key
from streams.core.intake.masking import masked
from streams.core.intake.posts import SEVERE, TOPIC_KIND, values_of
from streams.core.intake.topics import Topic
from streams.core.risk import BLOCK_KIND, LOCKS, RELEASE, SITE, SITE_KIND, is_wider, slices_of
from streams.core.steps import MerchantsFault, Prepared, Trade

# Every health key has the same routing key: the root of an outage can only be found where all of them are seen.
HEALTH_ROUTE = b"health"


class Door(NamedTuple):
    """Who stands at the door, as far as the account can tell."""

    familiar: bool = False  # the account was entered from this device or network before
    warm: bool = False  # it was entered before at all
    strange: bool = False  # neither device nor network was ever seen there
    incident: str = ""  # case of the attack that the attempt is a part of
    attacked: str = ""  # kind of the entity that this attack is on
    apart: bool = False  # strange, to an account with a history, and by more than a network: no second factor vouches
    nagged: bool = False  # the answer to one prompt too many


OUTSIDE = Door()


def door_of(prepared: Prepared) -> Door:
    """What the features of a login say about who stands there; of a card payment, which attack it is a part of."""
    features = prepared.features
    if features is None or features.login_known < 0.0:
        return Door(incident=prepared.incident, attacked=prepared.incident_kind) if prepared.incident else OUTSIDE
    known, warm = features.login_known == 1.0, features.login_familiarity >= 0.0
    strange = not known and features.network_new == 1.0 and features.device_new != 0.0
    named = features.device_new == 1.0 or features.login_unlike == 1.0
    apart = strange and warm and named and not prepared.is_proved
    return Door(known, warm, strange, prepared.incident, prepared.incident_kind, apart, prepared.nagged)


What = Literal[
    "login_succeeded",
    "login_failed",
    "payment",
    "payment_failed",
    "label",
    "challenge_sent",
    "challenge_passed",
    "devices_reset",
    "promo_claimed",
    "posted",
    "sale",
    "refund",
    "refund_without_sale",
    "merchants_fault",
]

_REFUSED = (PaymentFailed, TopupFailed, BillpayFailed)
_LONGEST_IP = 45  # textual IPv6 with a mapped IPv4 address; anything longer is not an address


def routing_key(signal: EntityObserved | EntityBlockAsked | CaseActed | HealthBucket | FeedsTold) -> bytes:
    """The Kafka key of a signal; it decides the partition, and is not always the key of the state."""
    if isinstance(signal, EntityBlockAsked):
        return state_key(signal)
    if isinstance(signal, CaseActed):
        return HEALTH_ROUTE if signal.kind == SITE_KIND else state_key(signal)
    if not isinstance(signal, EntityObserved) or signal.kind == SITE_KIND:
        return HEALTH_ROUTE
    return f"{signal.kind}/{signal.value}".encode()


def state_key(signal: EntityObserved | EntityBlockAsked | CaseActed | HealthBucket | FeedsTold) -> bytes:
    """The key of the entity's state in its partition."""
    if isinstance(signal, EntityBlockAsked):
        return f"{BLOCK_KIND}/{signal.kind}/{signal.value}".encode()
    if isinstance(signal, CaseActed) and signal.kind == SITE_KIND and is_key(signal.value):
        return HEALTH_ROUTE  # an outage: all of them are one state
    if isinstance(signal, HealthBucket | FeedsTold):
        return HEALTH_ROUTE  # what is silent is judged by whether its feed is
    return f"{signal.kind}/{signal.value}".encode()


def order_of(signal: SignalEvent) -> tuple[int, int, int]:
    """The order in which signals are handled, whatever the order of arrival."""
    return (signal.at_ms, signal.partition, signal.sequence)


def signals_of(
    event: Event,
    at_ms: int,
    *,
    flagged: bool,
    first: bool,
    partition: int,
    next_sequence: Callable[[], int],
    policy: EntitiesPolicy,
    door: Door = OUTSIDE,
    times_usual: float | None = None,
    told: bool = False,
    answerable: bool = False,
    refusal: Refusal | None = None,
    about: Topic | None = None,
    case_id: str = "",
    trade: Trade | None = None,
    fault: MerchantsFault | None = None,
) -> list[EntityObserved | EntityBlockAsked | CaseActed]:
    """The signals of one decided event, none for most.

    `at_ms` is the event's time, or the partition's clock if the event is late: a signal is never older than the clock
    that its partition has told. `first` is False for a later event of a payment that was told before. `told`: the owner
    has heard from the account's side that the password of this login was right; `answerable`: or will, if no second
    factor comes. `refusal`: what the codes of a failed
    card payment say about the card. `about`: what a public post tells of, and `case_id` the account's case of it.
    `trade`: what a movement was for its merchant, and `fault` why it failed, if that is the merchant's to mend.
    """
    match event:
        case EntityBlock():
            return [_of_block(event, at_ms, partition, next_sequence)]
        case IncidentAction():
            return _of_incident(event, at_ms, partition, next_sequence)
        case LoginFailed() | LoginSucceeded():
            return _of_login(event, at_ms, flagged, partition, next_sequence, door, told, answerable)
        case ChallengeSent():
            return _of_challenge(event, at_ms, partition, next_sequence, door)
        case ChallengePassed() if len(event.ip) <= _LONGEST_IP and not door.nagged:
            return [_observed(event, at_ms, partition, next_sequence(), ("ip", event.ip), "challenge_passed")]
        case LabelRecorded():
            return _of_label(event, at_ms, partition, next_sequence, times_usual)
        case PromoClaimed():
            return _of_claim(event, at_ms, partition, next_sequence)
        case SocialMention() if about is not None:
            return _of_post(event, about, case_id, at_ms, partition, next_sequence, door)
        case PspStatus():
            return []
        case Movement():
            merchants = [
                *(_of_trade(event, trade, at_ms, partition, next_sequence) if trade is not None else []),
                *(_of_fault(event, fault, at_ms, partition, next_sequence) if fault is not None else []),
            ]
            if event.method != "card":
                return merchants
            card = _of_card_payment(event, at_ms, flagged, first, partition, next_sequence, policy, refusal, door)
            return [*card, *merchants]
        case _:
            return []


def lock_signal(
    event_id: str, account_id: str, rule: str, at_ms: int, partition: int, next_sequence: Callable[[], int]
) -> EntityObserved:
    """An account was locked by a rule: counted over all partitions."""
    return EntityObserved(
        at_ms=at_ms,
        partition=partition,
        sequence=next_sequence(),
        kind=SITE_KIND,
        value=LOCKS,
        event_id=event_id,
        account_id=account_id,
        what="lock",
        rule=rule,
    )


def release_signal(
    event: Event, release: str, at_ms: int, partition: int, next_sequence: Callable[[], int]
) -> EntityObserved:
    """Customers who come home with this version have new devices: one case, whichever partitions see it."""
    return _observed(event, at_ms, partition, next_sequence(), (SITE_KIND, f"{RELEASE}/{release}"), "devices_reset")


def _of_block(event: EntityBlock, at_ms: int, partition: int, next_sequence: Callable[[], int]) -> EntityBlockAsked:
    return EntityBlockAsked(
        at_ms=at_ms,
        partition=partition,
        sequence=next_sequence(),
        kind=event.kind,
        value=plainly(event.value) if event.kind == "ip" else event.value,
        event_id=event.event_id,
        wanted=event.wanted,
        until_ms=0 if event.expires_at is None else to_ms(event.expires_at),
        reason=event.reason,
        accounts=event.accounts,
        actor=event.actor,
        role=event.role,
        second_actor=event.second_actor,
        case_id=event.case_id,
        second_role=event.second_role,
    )


def _of_incident(
    event: IncidentAction, at_ms: int, partition: int, next_sequence: Callable[[], int]
) -> list[EntityObserved | EntityBlockAsked | CaseActed]:
    kind, _, value = event.entity.partition("/")
    if kind not in get_args(EntityKind) or not value:
        return []
    return [
        CaseActed(
            at_ms=at_ms,
            partition=partition,
            sequence=next_sequence(),
            kind=cast(EntityKind, kind),
            value=value,
            event_id=event.event_id,
            case_id=event.case_id,
            action=event.action,
            expected_version=event.expected_version,
            actor=event.actor,
            role=event.role,
            assignee=event.assignee,
            text=None if event.text is None else said_of(event.text)[0],
            root_cause=event.root_cause,
            zh=_statement(event.zh),
            en=_statement(event.en),
            finding=event.finding,
        )
    ]


def _statement(text: str | None) -> str | None:
    """The words as they are, or with what is hidden in them: the case of the entity refuses that too."""
    hidden = None if text is None else masked(text)
    return text if hidden is None or not hidden.kinds else hidden.text[:256]


def _of_login(
    event: Login,
    at_ms: int,
    flagged: bool,
    partition: int,
    next_sequence: Callable[[], int],
    door: Door,
    told_owner: bool,
    answerable: bool,
) -> list[EntityObserved | EntityBlockAsked | CaseActed]:
    failed = isinstance(event, LoginFailed)
    targets: list[tuple[EntityKind, str]] = []
    if len(event.ip) <= _LONGEST_IP:
        targets.append(("ip", event.ip))
    if event.device_id is not None:
        targets.append(("device", event.device_id))
    if not door.familiar and (failed or flagged or door.warm):
        # Only strangers: one key would otherwise see every login of the site. At an account without a history everybody
        # is a stranger, so a success there tells nothing.
        targets.append((SITE_KIND, SITE))
    if not door.familiar and event.known and (failed or flagged):
        targets.append(("account", event.account_id))
    what: What = "login_failed" if failed else "login_succeeded"
    username = event.username if event.known or event.username is None else digest("username", event.username)
    told: list[EntityObserved | EntityBlockAsked | CaseActed] = [
        _observed(
            event,
            at_ms,
            partition,
            next_sequence(),
            (kind, value),
            what,
            # A name that is nobody's account is often a password in the wrong field: only its hash is told.
            username=username,
            device_id=event.device_id if kind in ("ip", "account") else None,
            ip=event.ip if kind == SITE_KIND else None,
            flagged=flagged,
            familiar=door.familiar,
            incident_id=_wider_incident(door, kind),
            origin=event.ip if kind == "account" else None,
            guess=event.guess_hash,
            warm=door.warm,
            told=told_owner,
            answerable=answerable,
            strange=door.apart and kind == "ip" and not failed,
        )
        for kind, value in targets
    ]
    if len(event.ip) > _LONGEST_IP:
        return told
    network = network_of(event.ip)
    system = network if event.asn is None else str(event.asn)
    narrower = {"network": event.ip, "agent": system, "fingerprint": system}
    came_in = not failed and event.known and door.warm and (door.strange or recent.is_sampled(event.event_id, SAMPLED))
    for kind, value in slices_of(event):
        # Of who gets in the slice asks how many do, networks and programs how many of them are at home.
        tried = not door.familiar and (kind == "slice" or failed or flagged)
        counts = came_in and kind in ("network", "agent")
        if not tried and not counts:
            continue
        told.append(
            _observed(
                event,
                at_ms,
                partition,
                next_sequence(),
                (kind, value),
                what,
                username=username,
                flagged=flagged,
                incident_id=_wider_incident(door, kind),
                origin=narrower.get(kind, network),
                ip=event.ip if counts else None,
                familiar=counts and not door.strange,
                warm=counts,
                told=told_owner,
                answerable=answerable,
            )
        )
    return told


def _of_challenge(
    event: ChallengeSent, at_ms: int, partition: int, next_sequence: Callable[[], int], door: Door
) -> list[EntityObserved | EntityBlockAsked | CaseActed]:
    """A code costs money and patience, whoever asks for it; the device tells, or without one the address."""
    target: tuple[EntityKind, str] = ("ip", event.ip) if event.device_id is None else ("device", event.device_id)
    if len(target[1]) > _LONGEST_IP and target[0] == "ip":
        return []
    incident = _wider_incident(door, target[0])
    return [_observed(event, at_ms, partition, next_sequence(), target, "challenge_sent", incident_id=incident)]


def _wider_incident(door: Door, kind: EntityKind) -> str | None:
    """The attack that an attack on this entity would only be a part of."""
    return door.incident if door.incident and is_wider(door.attacked, kind) else None


def _of_card_payment(
    event: Movement,
    at_ms: int,
    flagged: bool,
    first: bool,
    partition: int,
    next_sequence: Callable[[], int],
    policy: EntitiesPolicy,
    refusal: Refusal | None,
    door: Door,
) -> list[EntityObserved | EntityBlockAsked | CaseActed]:
    refused = isinstance(event, _REFUSED)
    if not first and (not refused or refusal == "excused"):
        return []
    guessed = refusal == "bad_data"
    if event.card_token is None and not guessed:  # a number that does not exist has no token
        return []
    targets: list[tuple[EntityKind, str]] = []
    if event.device_id is not None:
        targets.append(("device", event.device_id))
    address = event.ip if event.ip and len(event.ip) <= _LONGEST_IP else None
    if address is not None:
        targets.append(("ip", address))
    small = event.amount_minor <= policy.card_testing.small_minor.get(event.currency, -1)
    if small or guessed or (first and is_sampled(event.event_id)):
        if event.merchant_id is not None:
            targets.append(("merchant", event.merchant_id))
        if event.bin is not None:
            targets.append(("bin", event.bin))
    what: What = "payment_failed" if refused else "payment"
    return [
        _observed(
            event,
            at_ms,
            partition,
            next_sequence(),
            (kind, value),
            what,
            card_token=event.card_token,
            device_id=event.device_id if kind != "device" else None,
            ip=address if kind in ("merchant", "bin") else None,
            merchant_id=event.merchant_id if kind == "bin" else None,
            amount_minor=event.amount_minor,
            currency=event.currency,
            flagged=flagged,
            first=first,
            refusal=refusal,
            incident_id=_wider_incident(door, kind),
        )
        for kind, value in targets
    ]


def _of_trade(
    event: Movement,
    trade: Trade,
    at_ms: int,
    partition: int,
    next_sequence: Callable[[], int],
) -> list[EntityObserved | EntityBlockAsked | CaseActed]:
    is_told = trade != "sale" or recent.is_sampled(event.payment_id, merchant_refunds.SAMPLED)
    if event.merchant_id is None or not is_told:
        return []
    return [_observed(event, at_ms, partition, next_sequence(), ("merchant", event.merchant_id), trade)]


def _of_fault(
    event: Movement, fault: MerchantsFault, at_ms: int, partition: int, next_sequence: Callable[[], int]
) -> list[EntityObserved | EntityBlockAsked | CaseActed]:
    if event.merchant_id is None:
        return []
    return [
        _observed(
            event,
            at_ms,
            partition,
            next_sequence(),
            ("merchant", event.merchant_id),
            "merchants_fault",
            payment_id=event.payment_id,
            cause=fault.cause,
            code=fault.code,
        )
    ]


def _of_claim(
    event: PromoClaimed, at_ms: int, partition: int, next_sequence: Callable[[], int]
) -> list[EntityObserved | EntityBlockAsked | CaseActed]:
    if event.device_id is None:
        return []
    return [_observed(event, at_ms, partition, next_sequence(), ("device", event.device_id), "promo_claimed")]


def _of_post(
    event: SocialMention,
    about: Topic,
    case_id: str,
    at_ms: int,
    partition: int,
    next_sequence: Callable[[], int],
    door: Door,
) -> list[EntityObserved | EntityBlockAsked | CaseActed]:
    return [
        _observed(
            event,
            at_ms,
            partition,
            next_sequence(),
            (TOPIC_KIND, value),
            "posted",
            merchant_id=event.merchant_id,
            reach=event.reach,
            urgent=about.priority <= SEVERE,
            case_id=case_id or None,
            incident_id=door.incident or None,
        )
        for value in values_of(about, event.merchant_id)
    ]


def _of_label(
    event: LabelRecorded, at_ms: int, partition: int, next_sequence: Callable[[], int], times_usual: float | None
) -> list[EntityObserved | EntityBlockAsked | CaseActed]:
    subject_at_ms = to_ms(event.subject_occurred_at)
    if subject_at_ms < 0:
        return []
    fraud = event.verdict == "fraud"
    targets: list[tuple[EntityKind, str]] = []
    # Legitimate labels count too: without them a busy terminal with two frauds looks like a stolen one.
    if event.terminal_id is not None:
        targets.append(("terminal", event.terminal_id))
    if event.merchant_id is not None:
        targets.append(("merchant", event.merchant_id))
    if fraud and event.device_id is not None:
        targets.append(("device", event.device_id))
    return [
        _observed(
            event,
            at_ms,
            partition,
            next_sequence(),
            (kind, value),
            "label",
            amount_minor=event.amount_minor,
            fraud=fraud,
            subject_at_ms=subject_at_ms,
            times_usual=None if times_usual is None else round(times_usual, 3),
        )
        for kind, value in targets
    ]


def _observed(
    event: Event, at_ms: int, partition: int, sequence: int, entity: tuple[EntityKind, str], what: What, **seen: Any
) -> EntityObserved:
    """One signal about one entity; `seen` is what only this kind of event tells."""
    kind, value = entity
    return EntityObserved(
        at_ms=at_ms,
        partition=partition,
        sequence=sequence,
        kind=kind,
        value=value,
        event_id=event.event_id,
        account_id=event.account_id,
        what=what,
        known=event.known,
        **seen,
    )
