"""Which places are held for an attack on logins, and which case is it?

A victim of the first minutes is judged before anybody knows of the attack. Accounts cannot be looked up by place, so
the partition remembers the places, and each such account looks a few times whether its own is one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from streams.contracts.base import to_ms
from streams.contracts.logins import Login
from streams.contracts.signals import EntityRisk
from streams.core.incidents.outages import mark_of
from streams.core.risk import GUESSING, SITE_KIND, slices_of

PLACES_MAX = 512


class AttackedPlace(NamedTuple):
    """An address, device or part of the traffic, the case of its attack, and when that counts."""

    kind: str
    value: str
    incident_id: str
    from_ms: int
    until_ms: int
    typology: str = ""


class AttackedPlaces(msgspec.Struct, array_like=True):
    """The newest places by their mark, oldest first; part of the partition's state."""

    by_mark: dict[int, AttackedPlace] = {}

    def apply(self, risk: EntityRisk) -> None:
        """Takes over what the entities agent says; told again, it is held for longer."""
        mark, from_ms = place_mark(risk.kind, risk.value), to_ms(risk.effective_at)
        known = self.by_mark.pop(mark, None)
        if known is not None and known.incident_id == risk.case_id:
            from_ms = known.from_ms
        self.by_mark[mark] = AttackedPlace(
            risk.kind, risk.value, risk.case_id or "", from_ms, to_ms(risk.expires_at), risk.typology or ""
        )
        if len(self.by_mark) > PLACES_MAX:
            del self.by_mark[next(iter(self.by_mark))]

    def held(self, marks: Iterable[int], at_ms: int) -> list[AttackedPlace]:
        """Which of the places are held at `at_ms`, in the order of `marks`."""
        places = (self.by_mark[mark] for mark in marks if mark in self.by_mark)
        return [place for place in places if place.from_ms <= at_ms < place.until_ms]


def is_attacked_place(risk: EntityRisk) -> bool:
    """Whether it is an attack on logins that has a case and a place; the whole site is none: everybody is there."""
    return risk.case_id is not None and risk.typology in GUESSING and risk.kind != SITE_KIND


def marks_of(login: Login) -> list[int]:
    """The places that a login came from, the widest first: an attack on something wider takes in narrower ones."""
    places = [("ip", login.ip), *slices_of(login)]
    if login.device_id is not None:
        places.insert(0, ("device", login.device_id))
    return [place_mark(kind, value) for kind, value in reversed(places)]


def place_mark(kind: str, value: str) -> int:
    """32 bits that stand for a place."""
    return mark_of(f"{kind}/{value}")
