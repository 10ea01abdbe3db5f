"""Is one device, address, merchant or card range working through a list of stolen card numbers?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities import recent
from streams.core.entities.attacks import CARD_TESTING
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.policies import CardTestingDetectorPolicy
from streams.core.entities.recent import (
    ATTEMPTS_MAX,
    MEMBERS_MAX,
    Tally,
    counts,
    forget_before,
    mark,
    see,
    spread,
    tally,
)
from streams.core.entities.threat import (
    ATTACK,
    ELEVATED,
    NORMAL,
    Sighting,
    Threat,
    follow,
    in_force,
)
from streams.core.policy import Policy

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState


# One in so many payments that are no tests is told to its merchant and card range: each stands for so many.
SAMPLED = 4
_WIDE = ("merchant", "bin")  # they have honest customers
_SEVERAL = 2


class Guess(msgspec.Struct, array_like=True):
    """The newest refusal of one card for its data; 0: not named."""

    at_ms: int
    card: int
    device: int
    address: int
    place: int


class CardTesting(msgspec.Struct, array_like=True):
    """Card payments of one entity, at most about 4 KiB."""

    threat: Threat = msgspec.field(default_factory=Threat)
    cards: dict[int, int] = {}  # card -> newest payment, oldest first
    attempts: list[int] = []  # small ones only
    origins: dict[int, int] = {}  # card -> device of its newest payment, behind an address
    makers: list[int] = []  # device or address of each attempt; 0: none is named
    places: list[int] = []  # merchant of each attempt, in a card range; 0: none is named
    guesses: list[Guess] = []  # of a merchant or card range, whatever the amount, oldest first
    ordinary: list[int] = []  # when its sampled other payments were
    declined: dict[int, int] = {}  # card -> newest refusal, behind an address, oldest first


class _Guessed(NamedTuple):
    """How many cards were refused for their data, and what share of the payments that is."""

    cards: int
    share: float


def is_sampled(event_id: str) -> bool:
    """One payment in SAMPLED is told to compare with, however large it is."""
    return recent.is_sampled(event_id, SAMPLED)


def observe_card_payment(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Many cards, many small attempts that are refused, or many cards whose data were wrong, whatever the amount.

    Asks: how many distinct cards within the window, how many small attempts with what share of refusals, and how many
        cards refused for their data (wrong number or CVV, expired, closed, stolen, suspected fraud) among all payments?
    Fires when: cards >= elevated_cards / attack_cards on a device or address, or attempts >= attempts with
        declined_share refused on any entity (half of the attempts: elevated); a refusal for the card's data counts as
        an attempt of a device or address whatever its amount. New customers share an address and their cards are
        accepted: there attack_cards cards, and guessed_share of all, have to be refused. At a merchant or in a card
        range also when as many cards as attempts says are refused for their data and are guessed_share of the
        payments. An attack is a case F30, and one case: an address counts one card of each device, a merchant
        attempts_per_origin attempts of each device or address, a card range as many of each merchant, or half of
        attempts where two merchants have that many refusals each; and the case of a merchant is merged into that of the
        card range, address or device whose cards are tried there. An outage or an empty account is no refusal here.
    Blind to: attackers who rotate devices, addresses and merchants together; tests of more than small_minor at a
        merchant or in a card range that are refused without a reason (05), which an outage of the issuer looks like;
        guesses that are less than guessed_share of a large shop; a shared kiosk, and a shop whose form loses what was
        typed, look like an attacker.
    Costs: at most 64 cards, 64 attempts and 64 guesses per entity, forgotten after half an hour; one signal more for
        one in four payments to the merchant and to the card range.
    """
    settings = policy.entities.card_testing
    testing = state.testing
    if testing is None:
        testing = state.testing = CardTesting()
    oldest_ms = at_ms - settings.window_s * 1000
    forget_before(testing.cards, oldest_ms)
    forget_before(testing.declined, oldest_ms)
    guessed = signal.refusal == "bad_data"
    small = (signal.amount_minor or 0) <= settings.small_minor.get(signal.currency or "", -1)
    wide = signal.kind in _WIDE
    card = mark(signal.card_token or signal.event_id)
    if wide:
        _watch(testing, signal, card, at_ms, oldest_ms)
        if not (small or guessed):
            return []
    refused = signal.what == "payment_failed" and signal.refusal != "excused"
    if small or (guessed and not wide):
        counted = small and not signal.first  # the request of a larger one was not
        code = Tally.GOOD if not refused else Tally.REFUSED_LATER if counted else Tally.REFUSED
        tally(testing.attempts, at_ms, code, oldest_ms)
        _trace(testing, signal)
    new_card = card not in testing.cards
    # Honest people share an address, but not a device: behind an address only cards that look like tests count. A
    # number that was never a card is an attempt: whoever mistypes it five times has not used five cards.
    likely = refused or (small and signal.refusal != "excused")
    if (signal.kind == "device" or likely) and (wide or signal.card_token is not None):
        see(testing.cards, card, at_ms)
        if signal.kind == "ip" and refused:
            see(testing.declined, card, at_ms)
        if signal.kind == "ip" and signal.device_id is not None:
            testing.origins[card] = mark(signal.device_id)
            if len(testing.origins) > 2 * MEMBERS_MAX:
                testing.origins = {kept: testing.origins[kept] for kept in testing.cards if kept in testing.origins}
    if not settings.enabled:
        return []

    threat = testing.threat
    attempted = signal.first or (wide and not small)  # the request of a larger one was told to nobody there
    seen = _sighting(testing, signal, settings, new_card=new_card, refused=refused, attempted=attempted)
    if seen.level == NORMAL and (in_force(threat, at_ms) == NORMAL or not (refused or new_card)):
        return []
    return follow(state, threat, CARD_TESTING, seen, signal, at_ms, settings, policy, ctx)


def _sighting(
    testing: CardTesting,
    signal: EntityObserved,
    settings: CardTestingDetectorPolicy,
    *,
    new_card: bool,
    refused: bool,
    attempted: bool,
) -> Sighting:
    cards = spread(testing.cards, testing.origins, 1) if testing.origins else len(testing.cards)
    attempts, refusals = counts(testing.attempts)
    if 2 * attempts >= settings.attempts and (any(testing.makers) or any(testing.places)):
        attempts, refusals = _spread_counts(testing, settings)
    level = max(_cards_level(testing, signal.kind, cards, settings), _attempts_level(attempts, refusals, settings))
    text = f"{cards} cards, {refusals} of {attempts} small attempts refused within {settings.window_s} s"
    guessed = _guessed(testing, settings)
    if (guessed_level := _guessed_level(guessed, settings)) > level:
        level, cards, attempts, refusals = guessed_level, guessed.cards, guessed.cards, guessed.cards
        percent = round(100 * guessed.share)
        text = f"{cards} cards refused for their data, {percent} % of the payments within {settings.window_s} s"
    return Sighting(
        level,
        max(cards / (2 * settings.attack_cards), attempts / (2 * settings.attempts)),
        text,
        cards,
        max(attempts, cards),
        refusals,
        new_card,
        refused,
        attempted=attempted,
        spares=signal.kind in _WIDE,
    )


def _watch(testing: CardTesting, signal: EntityObserved, card: int, at_ms: int, oldest_ms: int) -> None:
    """Notes a refusal for the card's data, or the ordinary payment that it is compared with."""
    testing.guesses = [guess for guess in testing.guesses if guess.at_ms > oldest_ms]
    testing.ordinary = [seen_ms for seen_ms in testing.ordinary if seen_ms > oldest_ms]
    if signal.refusal == "bad_data":
        named = (signal.device_id, signal.ip, signal.merchant_id)
        others = [guess for guess in testing.guesses if guess.card != card]
        testing.guesses = [*others, Guess(at_ms, card, *(mark(name) if name else 0 for name in named))][-MEMBERS_MAX:]
    elif signal.first and is_sampled(signal.event_id):
        testing.ordinary = [*testing.ordinary, at_ms][-ATTEMPTS_MAX:]


def _guessed(testing: CardTesting, settings: CardTestingDetectorPolicy) -> _Guessed:
    """Cards refused for their data, of which one device, address or merchant contributes few."""
    guesses, ordinary = testing.guesses, testing.ordinary
    if len(ordinary) == ATTEMPTS_MAX:  # a large shop: what came before its samples cannot be compared with them
        guesses = [guess for guess in guesses if guess.at_ms >= ordinary[0]]
    for origin in ("device", "address"):
        guesses = _at_most(settings.attempts_per_origin, guesses, origin)
    by_shop = Counter(guess.place for guess in guesses if guess.place)
    guesses = _at_most(_most_per_shop(by_shop.values(), settings), guesses, "place")
    cards = len(guesses)
    return _Guessed(cards, cards / max(1, cards + SAMPLED * len(ordinary)))


def _at_most(most: int, guesses: list[Guess], origin: str) -> list[Guess]:
    """The guesses, of which one origin contributes at most `most`; one without origin stands for itself."""
    found: Counter[int] = Counter()
    kept: list[Guess] = []
    for guess in guesses:
        named: int = getattr(guess, origin)
        found[named] += 1
        if not named or found[named] <= most:
            kept.append(guess)
    return kept


def _guessed_level(guessed: _Guessed, settings: CardTestingDetectorPolicy) -> int:
    if guessed.share < settings.guessed_share:
        return NORMAL
    if guessed.cards >= settings.attempts:
        return ATTACK
    return ELEVATED if 2 * guessed.cards >= settings.attempts else NORMAL


def _trace(testing: CardTesting, signal: EntityObserved) -> None:
    """Notes who made the newest attempt and where, in step with `attempts`."""
    maker = signal.device_id if signal.device_id is not None else signal.ip
    wide = signal.kind != "device"
    testing.makers.append(mark(maker) if wide and maker is not None else 0)
    testing.places.append(mark(signal.merchant_id) if wide and signal.merchant_id is not None else 0)
    kept = len(testing.attempts)
    del testing.makers[: max(0, len(testing.makers) - kept)]
    del testing.places[: max(0, len(testing.places) - kept)]


def _most_per_shop(attempts: Iterable[int], settings: CardTestingDetectorPolicy) -> int:
    """How many attempts of one merchant count in a card range, given those of each.

    Few, for they may be that merchant's own business, as a form that loses what was typed is. Where several merchants
    have half an attack each it is the range whose cards are tried, and one attack.
    """
    half = (settings.attempts + 1) // 2
    several = sum(count >= half for count in attempts) >= _SEVERAL
    return max(settings.attempts_per_origin, half) if several else settings.attempts_per_origin


def _spread_counts(testing: CardTesting, settings: CardTestingDetectorPolicy) -> tuple[int, int]:
    """(attempts, refusals), of which one maker and one place contribute few."""
    most = settings.attempts_per_origin
    by_origin: dict[tuple[int, int], list[int]] = {}
    entries = zip(testing.attempts, testing.makers, testing.places, strict=True)
    for number, (entry, maker, place) in enumerate(entries):
        # An attempt that names nobody stands for itself.
        by_origin.setdefault((maker or -1 - number, place), []).append(entry)
    by_place: dict[int, tuple[int, int]] = {}
    for (_, place), attempts in by_origin.items():
        made, refused = (min(count, most) for count in counts(attempts))
        before = by_place.get(place, (0, 0))
        by_place[place] = (before[0] + made, before[1] + refused)
    per_shop = _most_per_shop((refused for place, (_, refused) in by_place.items() if place), settings)
    capped = [
        (made, refused) if not place else (min(made, per_shop), min(refused, per_shop))
        for place, (made, refused) in by_place.items()
    ]
    return sum(made for made, _ in capped), sum(refused for _, refused in capped)


def _cards_level(testing: CardTesting, kind: str, cards: int, settings: CardTestingDetectorPolicy) -> int:
    """One person's device has few cards; an address has as many as new customers, and most of theirs are accepted."""
    if kind in _WIDE or cards < settings.elevated_cards:
        return NORMAL
    if kind == "device":
        return ATTACK if cards >= settings.attack_cards else ELEVATED
    declined = spread(testing.cards.keys() & testing.declined.keys(), testing.origins, 1)
    is_attack = declined >= max(settings.attack_cards, settings.guessed_share * cards)
    return ATTACK if is_attack else ELEVATED


def _attempts_level(attempts: int, refusals: int, settings: CardTestingDetectorPolicy) -> int:
    if refusals < settings.declined_share * attempts:
        return NORMAL
    if attempts >= settings.attempts:
        return ATTACK
    return ELEVATED if 2 * attempts >= settings.attempts else NORMAL
