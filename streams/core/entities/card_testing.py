"""Is one device, address, merchant or card range working through a list of stolen card numbers?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities.attacks import CARD_TESTING
from streams.core.entities.context import EntityContext, EntityEffect
from streams.core.entities.policies import CardTestingDetectorPolicy
from streams.core.entities.recent import MEMBERS_MAX, Tally, counts, forget_before, mark, see, spread, tally
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


class CardTesting(msgspec.Struct, array_like=True):
    """Card payments of one entity, at most about 1.5 KiB."""

    threat: Threat = msgspec.field(default_factory=Threat)
    cards: dict[int, int] = {}  # card -> newest payment, oldest first
    attempts: list[int] = []  # small ones only
    origins: dict[int, int] = {}  # card -> device of its newest payment, behind an address
    makers: list[int] = []  # device or address of each attempt; 0: none is named
    places: list[int] = []  # merchant of each attempt, in a card range; 0: none is named


def observe_card_payment(
    state: EntityState, signal: EntityObserved, at_ms: int, policy: Policy, ctx: EntityContext
) -> list[EntityEffect]:
    """Many cards, or many small attempts that are refused.

    Asks: how many distinct cards within the window, and how many small attempts with what share of refusals?
    Fires when: cards >= elevated_cards / attack_cards on a device or address, or attempts >= attempts with
        declined_share refused on any entity (half of the attempts: elevated). An attack is a case F30, and one case:
        an address counts one card of each device, a merchant attempts_per_origin attempts of each device or address,
        a card range as many of each merchant.
    Blind to: attackers who rotate devices, addresses and merchants together; tests of more than small_minor at a
        merchant or in a card range, which an outage of the issuer looks like; a shared kiosk looks like an attacker.
    Costs: at most 64 cards and 64 attempts per entity, forgotten after half an hour.
    """
    settings = policy.entities.card_testing
    testing = state.testing
    if testing is None:
        testing = state.testing = CardTesting()
    oldest_ms = at_ms - settings.window_s * 1000
    forget_before(testing.cards, oldest_ms)
    refused = signal.what == "payment_failed"
    small = (signal.amount_minor or 0) <= settings.small_minor.get(signal.currency or "", -1)
    if small:
        code = Tally.GOOD if not refused else Tally.REFUSED if signal.first else Tally.REFUSED_LATER
        tally(testing.attempts, at_ms, code, oldest_ms)
        _trace(testing, signal)
    card = mark(signal.card_token or signal.event_id)
    new_card = card not in testing.cards
    # Honest people share an address, but not a device: behind an address only cards that look like tests count.
    if signal.kind == "device" or small or refused:
        see(testing.cards, card, at_ms)
        if signal.kind == "ip" and signal.device_id is not None:
            testing.origins[card] = mark(signal.device_id)
            if len(testing.origins) > 2 * MEMBERS_MAX:
                testing.origins = {kept: testing.origins[kept] for kept in testing.cards if kept in testing.origins}
    if not settings.enabled:
        return []

    threat = testing.threat
    cards = spread(testing.cards, testing.origins, 1) if testing.origins else len(testing.cards)
    attempts, refusals = counts(testing.attempts)
    if 2 * attempts >= settings.attempts and (any(testing.makers) or any(testing.places)):
        attempts, refusals = _spread_counts(testing, settings.attempts_per_origin)
    level = _level(signal.kind, cards, attempts, refusals, settings)
    if level == NORMAL and (in_force(threat, at_ms) == NORMAL or not (refused or new_card)):
        return []

    seen = Sighting(
        level,
        max(cards / (2 * settings.attack_cards), attempts / (2 * settings.attempts)),
        f"{cards} cards, {refusals} of {attempts} small attempts refused within {settings.window_s} s",
        cards,
        max(attempts, cards),
        refusals,
        new_card,
        refused,
        attempted=signal.first,
        # A merchant or card range has honest customers.
        spares=signal.kind in ("merchant", "bin"),
    )
    return follow(state, threat, CARD_TESTING, seen, signal, at_ms, settings, policy, ctx)


def _trace(testing: CardTesting, signal: EntityObserved) -> None:
    """Notes who made the newest attempt and where, in step with `attempts`."""
    maker = signal.device_id if signal.device_id is not None else signal.ip
    wide = signal.kind != "device"
    testing.makers.append(mark(maker) if wide and maker is not None else 0)
    testing.places.append(mark(signal.merchant_id) if wide and signal.merchant_id is not None else 0)
    kept = len(testing.attempts)
    del testing.makers[: max(0, len(testing.makers) - kept)]
    del testing.places[: max(0, len(testing.places) - kept)]


def _spread_counts(testing: CardTesting, most: int) -> tuple[int, int]:
    """(attempts, refusals), of which one maker and one place contribute at most `most` each."""
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
    capped = [
        (made, refused) if not place else (min(made, most), min(refused, most))
        for place, (made, refused) in by_place.items()
    ]
    return sum(made for made, _ in capped), sum(refused for _, refused in capped)


def _level(kind: str, cards: int, attempts: int, refusals: int, settings: CardTestingDetectorPolicy) -> int:
    level = NORMAL
    if kind in ("device", "ip"):
        level = ATTACK if cards >= settings.attack_cards else ELEVATED if cards >= settings.elevated_cards else NORMAL
    if refusals >= settings.declined_share * attempts:
        if attempts >= settings.attempts:
            return ATTACK
        if 2 * attempts >= settings.attempts:
            return max(level, ELEVATED)
    return level
