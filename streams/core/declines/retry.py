"""How often was this instrument declined, and may it be tried again, from when, how often?

Networks count declined attempts of one card and charge or refuse those above their caps (profiles). An account
remembers the minutes of the last declines of its few instruments; a success forgets them, because the networks' counts
are of one payment that does not succeed. Counted per instrument, not per amount or merchant, so never too late. What a
network never wants to see again is pushed out last by other cards.
"""

from __future__ import annotations

from bisect import insort
from hashlib import blake2b

import msgspec

from streams.contracts.base import from_ms
from streams.contracts.payments import Movement
from streams.contracts.triage import RetryAdvice
from streams.core.declines.profiles import CAP_MOST, CAP_WINDOW_MOST_S, Profile
from streams.core.declines.resolve import Resolved

MINUTE_MS = 60_000
INSTRUMENTS_MAX = 4  # one more forgets the one that was declined longest ago, those of the never-list last
_TRIABLE = frozenset({"after_fix", "later", "query_first", "step_up"})


class Instrument(msgspec.Struct, array_like=True, gc=False):
    """Declines of one card or other means of payment, oldest first."""

    key: int
    minutes: list[int]
    never: bool = False  # a network rule said so; every further attempt costs


def instrument_key(event: Movement) -> int:
    """48 bits of the card's token, or of the method where there is no card."""
    named = event.card_token or f"{event.method}/{event.issuer_id or ''}"
    return int.from_bytes(blake2b(named.encode(), digest_size=6).digest(), "big")


def declined(instruments: list[Instrument], event: Movement, at_ms: int, *, never: bool) -> Instrument:
    """Counts one decline of the event's instrument."""
    key = instrument_key(event)
    found = next((each for each in instruments if each.key == key), None)
    if found is None:
        if len(instruments) >= INSTRUMENTS_MAX:
            instruments.remove(min(instruments, key=lambda each: (each.never, each.minutes[-1])))
        found = Instrument(key, [])
        instruments.append(found)
    minute = at_ms // MINUTE_MS
    insort(found.minutes, minute)
    oldest = found.minutes[-1] - CAP_WINDOW_MOST_S // 60
    found.minutes = [each for each in found.minutes if each > oldest][-CAP_MOST - 1 :]
    found.never = found.never or never
    return found


def known(instruments: list[Instrument], event: Movement) -> Instrument:
    """What is remembered of the event's instrument, without one more decline."""
    key = instrument_key(event)
    return next((each for each in instruments if each.key == key), Instrument(key, []))


def succeeded(instruments: list[Instrument], event: Movement) -> None:
    """The instrument works: the networks' counts begin anew."""
    key = instrument_key(event)
    instruments[:] = [each for each in instruments if each.key != key]


def advice(resolved: Resolved, instrument: Instrument, speakers: tuple[Profile, ...], at_ms: int) -> RetryAdvice:
    """The code's advice within what is left of every cap. `instrument` has counted this decline already."""
    entry, cause = resolved.entry, resolved.cause
    verdict = entry.retryable if entry is not None else cause.retryable
    earliest_s = entry.earliest_retry_s if entry is not None else cause.earliest_retry_s
    retries = entry.max_retries if entry is not None else cause.max_retries
    because = entry.basis if entry is not None else "policy_default"
    if verdict == "n/a":
        return RetryAdvice(verdict=verdict, because=because)
    if instrument.never or resolved.forbidden:
        return RetryAdvice(verdict="never", because="never_list")
    if verdict == "never":
        return RetryAdvice(verdict=verdict, because=because)
    assert verdict in _TRIABLE
    not_before_ms = at_ms + (earliest_s or 0) * 1000
    window_s = cause.retry_window_s
    made = max(_since(instrument, at_ms, window_s), 1) if window_s is not None else 1
    left = max(retries - (made - 1), 0)
    used_up = retries > 0 and left == 0
    for cap in (cap for profile in speakers for cap in profile.retry):
        spent = _since(instrument, at_ms, cap.window_s) - (cap.counts == "reattempts")
        free = max(cap.attempts - spent, 0)
        left = min(left, free)
        if free == 0:
            used_up = True
            leaves = instrument.minutes[-cap.attempts] * MINUTE_MS + cap.window_s * 1000
            not_before_ms = max(not_before_ms, leaves)
    return RetryAdvice(
        verdict=verdict,
        not_before=from_ms(not_before_ms) if earliest_s is not None or used_up else None,
        until=from_ms(at_ms + window_s * 1000) if window_s is not None and left else None,
        attempts_left=left,
        because="budget_used" if used_up else because,
    )


def _since(instrument: Instrument, at_ms: int, window_s: int) -> int:
    oldest = (at_ms - window_s * 1000) // MINUTE_MS
    return sum(minute > oldest for minute in instrument.minutes)
