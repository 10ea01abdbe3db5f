"""How would the Fraud Detection Handbook's population pay by card?

Written anew from the book's description of its simulator (chapter 3): customers live on a square of 100 by 100, pay at
terminals near them, a Poisson number of times a day, mostly around noon, amounts around a personal mean. Three kinds of
fraud: amounts above 220; terminals that are compromised for 28 days; cards that are compromised for 14 days, a third of
whose payments is five times as high.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

import msgspec

from producers.sources.fdh import Row

SIDE: Final = 100.0
DAY_S: Final = 86_400
LARGE_MINOR: Final = 220_00
TERMINAL_DAYS: Final = 28
CARD_DAYS: Final = 14
CARD_FACTOR: Final = 5
CARD_SHARE: Final = 1 / 3


class Customer(NamedTuple):
    """One holder of one card: where, how much, how often."""

    number: int
    x: float
    y: float
    mean_minor: float
    deviation_minor: float
    per_day: float
    terminals: tuple[int, ...]


class Frauds(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the three kinds happen, and how many new victims each day has."""

    large_amounts: bool = True
    terminals_per_day: int = 2
    cards_per_day: int = 3


NO_FRAUDS: Final = Frauds(large_amounts=False, terminals_per_day=0, cards_per_day=0)


def customers(rng: Random, *, count: int, terminals: int, radius: float) -> tuple[Customer, ...]:
    """People on the square, each with the terminals within `radius`; who has none near walks to the nearest."""
    places = [(rng.uniform(0, SIDE), rng.uniform(0, SIDE)) for _ in range(terminals)]
    cells: dict[tuple[int, int], list[int]] = {}
    for number, (x, y) in enumerate(places):
        cells.setdefault((int(x // radius), int(y // radius)), []).append(number)
    people = []
    for number in range(count):
        x, y = rng.uniform(0, SIDE), rng.uniform(0, SIDE)
        mean = rng.uniform(5_00, 100_00)
        near = tuple(sorted(_near(places, cells, x, y, radius)))
        if not near:
            near = (min(range(terminals), key=lambda other: math.dist(places[other], (x, y))),)
        people.append(Customer(number, x, y, mean, mean / 2, rng.uniform(0, 4), near))
    return tuple(people)


def rows(
    rng: Random, people: tuple[Customer, ...], *, terminals: int, first_second: int, days: int, frauds: Frauds
) -> Iterator[Row]:
    """All payments of `days` days in order of time; ids count from 0."""
    bad_terminals: dict[int, int] = {}  # terminal -> first day on which it is honest again
    bad_cards: dict[int, int] = {}
    transaction = 0
    for day in range(days):
        for number in rng.sample(range(terminals), min(frauds.terminals_per_day, terminals)):
            bad_terminals[number] = day + TERMINAL_DAYS
        for number in rng.sample(range(len(people)), min(frauds.cards_per_day, len(people))):
            bad_cards[number] = day + CARD_DAYS
        today: list[tuple[int, int, int, int]] = []
        for person in people:
            for _ in range(_poisson(rng, person.per_day)):
                # Around noon with a spread of five and a half hours; what falls outside the day does not happen.
                second = int(rng.gauss(DAY_S / 2, 20_000))
                amount = rng.gauss(person.mean_minor, person.deviation_minor)
                if amount < 0:
                    amount = rng.uniform(0, 2 * person.mean_minor)
                terminal = rng.choice(person.terminals)
                if 0 < second < DAY_S:
                    today.append((second, person.number, terminal, round(amount)))
        today.sort()
        for second, customer, terminal, minor in today:
            scenario = 0
            if frauds.large_amounts and minor > LARGE_MINOR:
                scenario = 1
            if bad_terminals.get(terminal, 0) > day:
                scenario = 2
            if bad_cards.get(customer, 0) > day and rng.random() < CARD_SHARE:
                scenario, minor = 3, minor * CARD_FACTOR
            at = first_second + day * DAY_S + second
            yield Row(str(transaction), str(customer), str(terminal), minor, at, scenario > 0, scenario)
            transaction += 1


def _near(
    places: list[tuple[float, float]], cells: dict[tuple[int, int], list[int]], x: float, y: float, radius: float
) -> Iterator[int]:
    column, line = int(x // radius), int(y // radius)
    for cell in ((column + dx, line + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)):
        for number in cells.get(cell, ()):
            if math.dist(places[number], (x, y)) < radius:
                yield number


def _poisson(rng: Random, mean: float) -> int:
    """Knuth's product of uniforms: exact, and fast for means as small as ours."""
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
