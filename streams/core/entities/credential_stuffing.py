"""Does somebody work through a list of names of another site, of which many are nobody's here?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from streams.contracts.signals import EntityObserved
from streams.core.entities.policies import StuffingPolicy
from streams.core.entities.recent import mark, see, spread
from streams.core.entities.threat import ATTACK, ELEVATED, NORMAL, Sighting, Threat, in_force

if TYPE_CHECKING:
    from streams.core.entities.state import EntityState

# Enough to tell from how many places they come; how many they are is counted.
NAMES_MAX = 16
# What nobody has measured yet: one stranger's attempt in twenty is on a name that does not exist.
_PRIOR_UNKNOWN, _PRIOR_TRIED = 1.0, 20.0


class Unknown(msgspec.Struct, array_like=True):
    """Attempts of strangers on names that exist and that do not, at most about 1 KiB."""

    window: int = 0  # number of the window that is being counted
    tried: int = 0  # attempts in it
    names: dict[int, int] = {}  # names in it that are nobody's -> when
    origins: dict[int, int] = {}  # ... -> address or network of the newest attempt
    usual_tried: float = 0.0  # per window, mean over baseline_s
    usual_unknown: float = 0.0  # distinct names per window
    clean: bool = True  # nothing was seen in that window
    windows: int = 0  # in the means
    different: int = 0  # different names that are nobody's, also when there are more than are remembered


def look(
    state: EntityState, threat: Threat, signal: EntityObserved, at_ms: int, settings: StuffingPolicy
) -> Sighting | None:
    """Names that are nobody's among what strangers try, on the whole site or in one autonomous system.

    Asks: how many different names that do not exist did strangers try in this window, at most names_per_address of
        each narrower entity, and what share of their attempts is that, against what is usual?
    Fires when: names >= the floor and >= usual + sigmas of its noise, and the share >= times_usual of the usual one:
        elevated, with attack_usernames names an attack, case F26. On a busy site this sees what the count of all names
        does not, because mistyped names are rare.
    Blind to: lists of names that all exist here; a login service that does not say known = false; the first hour
        (warm_s) of the site or system, and what went on from then on: that is usual there.
    Costs: at most 16 names per site and system, and a few numbers.
    """
    unknown = state.unknown
    window = at_ms // (settings.window_s * 1000)
    if unknown is None:
        unknown = state.unknown = Unknown(window=window)
    _turn_over(unknown, window, settings)
    unknown.tried += 1
    if signal.known:
        return None
    name = mark(signal.username or signal.account_id)
    new = name not in unknown.names
    unknown.different += new
    see(unknown.names, name, at_ms, NAMES_MAX)
    origin = signal.origin or signal.ip
    unknown.origins[name] = name if origin is None else mark(origin)
    if len(unknown.origins) > 2 * NAMES_MAX:
        unknown.origins = {kept: unknown.origins[kept] for kept in unknown.names}
    if not settings.enabled or unknown.windows * settings.window_s < settings.warm_s:
        return None
    counted = spread(unknown.names, unknown.origins, settings.names_per_address)
    number = unknown.different * counted // len(unknown.names)
    usual_share = (unknown.usual_unknown + _PRIOR_UNKNOWN) / (unknown.usual_tried + _PRIOR_TRIED)
    noise = unknown.usual_unknown + settings.sigmas * math.sqrt(unknown.usual_unknown)
    unusual = number >= noise and number >= min(1.0, settings.times_usual * usual_share) * unknown.tried
    level = NORMAL
    if unusual and number >= settings.elevated_usernames:
        level = ATTACK if number >= settings.attack_usernames else ELEVATED
        # A lasting change of traffic must become the new normal.
        unknown.clean = in_force(threat, at_ms) != NORMAL and at_ms - threat.since_ms > settings.baseline_s * 1000
    if level == NORMAL and (in_force(threat, at_ms) == NORMAL or 2 * number < settings.elevated_usernames):
        return None
    return Sighting(
        level,
        number / (2 * settings.attack_usernames),
        f"strangers tried {number} names that are nobody's, of {unknown.tried} attempts, within {settings.window_s} s",
        number,
        unknown.tried,
        number,
        new,
        failed=True,
    )


def _turn_over(unknown: Unknown, window: int, settings: StuffingPolicy) -> None:
    """Folds a finished window into what is usual, unless it was an attack; silent ones count as zero."""
    passed = window - unknown.window
    if passed <= 0:
        return
    most = max(1, settings.baseline_s // settings.window_s)
    if unknown.clean:
        unknown.windows = min(unknown.windows + 1, most)
        unknown.usual_tried += (unknown.tried - unknown.usual_tried) / unknown.windows
        unknown.usual_unknown += (unknown.different - unknown.usual_unknown) / unknown.windows
    # Silent windows count as zero while the means are young; later, a silent week would only make the site forget.
    silent = min(passed - 1, most - unknown.windows)
    if silent:
        young = unknown.windows / (unknown.windows + silent)
        unknown.usual_tried *= young
        unknown.usual_unknown *= young
        unknown.windows += silent
    unknown.window, unknown.tried, unknown.different, unknown.clean = window, 0, 0, True
    unknown.names, unknown.origins = {}, {}
