"""How well do we know this account, and is this its hour? (families account, time)"""

from __future__ import annotations

from streams.core.features.catalogue import MISSING
from streams.core.features.view import View
from streams.core.local_time import hour_and_weekday
from streams.core.windows import DAY, unpacked

_USUAL_SHARE = 20  # an hour with one twentieth of the activity is a usual one
_NIGHT_UNTIL = 6  # the handbook's night: hours 0 .. 6


def account(v: View) -> tuple[float, ...]:
    """account_events .. two_factor."""
    obs, at_ms = v.obs, v.at_ms
    if obs.first_ms == -1:
        return 0.0, 0.0, 0.0, MISSING, MISSING, MISSING
    observed = max(0.0, (at_ms - obs.first_ms) / DAY)
    opened = obs.opened_ms
    active = max(obs.last_spend_ms, obs.last_login_ms)
    return (
        float(obs.events),
        observed if opened is None else max(observed, (at_ms - opened) / DAY),
        observed,
        max(0.0, (at_ms - active) / DAY) if active else MISSING,
        MISSING if obs.vulnerable is None else float(obs.vulnerable),
        MISSING if obs.two_factor is None else float(obs.two_factor),
    )


def time(v: View) -> tuple[float, ...]:
    """hour .. hour_share."""
    obs = v.obs
    hour, weekday = hour_and_weekday(v.at_ms, obs.time_zone or v.basis.time_zone)
    total = obs.hours_total
    distance = share = MISSING
    if total:
        hours = unpacked(obs.hours, 24)
        share = (hours[hour - 1] + hours[hour] + hours[(hour + 1) % 24]) / total
        distance = 12.0
        for away in range(12):
            if max(hours[hour - away], hours[(hour + away) % 24]) * _USUAL_SHARE >= total:
                distance = float(away)
                break
    return float(hour), float(weekday >= 5), float(hour <= _NIGHT_UNTIL), distance, share
