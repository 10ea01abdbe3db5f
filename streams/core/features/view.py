"""What do all feature families need to know about the event at hand, worked out once?"""

from __future__ import annotations

import msgspec

from streams.contracts.base import Event
from streams.contracts.logins import ChallengeFailed, Login, LoginFailed, LoginSucceeded
from streams.contracts.payments import Movement
from streams.core import observations as seen
from streams.core.familiar import contains
from streams.core.observations import Basis, Observations


class View(msgspec.Struct, frozen=True, gc=False):
    """An event beside what was observed before it."""

    obs: Observations
    basis: Basis
    at_ms: int
    at: int  # relative to the observations' base
    kind: int
    failed: bool
    movement: Movement | None
    login: Login | None
    counted: bool  # an outgoing movement that no earlier event has counted: the windows include it
    minor: int  # amount in minor units of the home currency; -1 without amount or rate
    scale: int  # minor units of a major unit
    refused: bool = False  # a refusal that nobody has told of: the windows do not include it


_FAILED = seen.REFUSALS | {LoginFailed, ChallengeFailed}


def view_of(obs: Observations, event: Event, at_ms: int, basis: Basis) -> View:
    """The event as the families see it."""
    at = at_ms - obs.base_ms if obs.first_ms != -1 else 0
    failed = type(event) in _FAILED
    if isinstance(event, Movement):
        kind = seen.MOVEMENTS.get(type(event), seen.OTHER)
        home = obs.home_currency or basis.home_currency or event.currency
        minor = (
            event.amount_minor
            if event.currency == home
            else seen.priced(event.amount_minor, event.currency, home, basis)
        )
        counted = kind in seen.OUTGOING and not contains(obs.seen, seen.seen_key(kind, event.payment_id))
        refused = failed and not contains(obs.refused, seen.seen_key(kind, event.payment_id))
        return View(obs, basis, at_ms, at, kind, failed, event, None, counted, minor, seen.scale_of(home), refused)
    scale = seen.scale_of(obs.home_currency or basis.home_currency or "")
    if isinstance(event, Login):
        kind = seen.LOGIN if isinstance(event, (LoginSucceeded, LoginFailed)) else seen.OTHER
        return View(obs, basis, at_ms, at, kind, failed, None, event, False, -1, scale)
    return View(obs, basis, at_ms, at, seen.OTHER, failed, None, None, False, -1, scale)
