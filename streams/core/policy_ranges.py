"""Is every number of a policy one that somebody can have meant, and do numbers that belong together agree?

Types refuse what cannot be read; this refuses what can be read and makes no sense: thresholds that everything reaches,
bands of which one can never be reached, deadlines in the wrong order. A mistake here locks people or lets money go.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from streams.core.obligations import CASES_MAX, FAILURES_MAX, NOTICES_MAX
from streams.core.observations import FAILURES_CAP
from streams.core.sections import Section, fields_of

if TYPE_CHECKING:
    from streams.core.policy import Policy

_DAY_S = 86_400
_YEAR_S = 366 * _DAY_S
_NOT_ZERO = 1e-6


class Range(NamedTuple):
    """Keys whose path ends like this hold numbers from `least` to `most`."""

    path: re.Pattern[str]
    least: float
    most: float
    unit: str = ""


def _range(path: str, least: float, most: float, unit: str = "") -> Range:
    return Range(re.compile(rf"(?:^|\.)(?:{path})$"), least, most, unit)


# The first that fits counts. Lower bounds are the smallest value that still tells something from everything.
RANGES = (
    _range("lateness_s", 1, _DAY_S, "seconds"),
    _range("max_effect_age_s", 1, 7 * _DAY_S, "seconds"),
    _range("locks\\.caps\\.partition_share", 0, 1),  # 0: one of all partitions
    _range("notable_frauds", 0, 10_000),
    _range("publish_every_s|warm_s|silent_s|orphan_s|unfreeze_identity_s", 0, _YEAR_S, "seconds"),
    _range("query_schedule_s", 1, _DAY_S, "seconds"),
    _range("cases\\.open_max", 1, CASES_MAX),
    _range("cases\\.evidence_max", 2, 200),
    _range("cases\\.survey\\.low_score", 0, 5),
    _range("cases\\.progress_messages_max", 0, 100),
    _range("opens_hour", 0, 23),
    _range("hours_open", 1, 24),
    _range("reopens_max|auto_refunds_per_30d", 0, 1_000),
    _range("weekly_cap", 1, NOTICES_MAX),
    _range("repeat_failures\\.count", 2, FAILURES_MAX),
    _range("debit_without_payment_s", 1, 120 * 60, "seconds"),  # what the state of a payment can hold
    _range("disable_at_failures", 1, 100),  # NIST SP 800-63B-4 allows no more
    _range("strangers_failures", 1, FAILURES_CAP, "failures, as many as an account remembers"),
    # As long as a person may lock: what keeps an owner in for longer is a verdict, and no lock.
    _range("locks\\.(?:restrict|mule_pause|cooling|cooloff)_s", 1, 30 * _DAY_S, "seconds (30 days)"),
    _range("ladder\\.\\d+\\.failures", 1, 100),
    _range("ladder\\.\\d+\\.wait_s", 1, _DAY_S, "seconds"),
    _range("warm_days|\\w*_days", 0, 3_660, "days"),
    _range("warm_events|warm_tellings", 0, 1_000_000),
    _range("hours", 0.5, 12, "hours from the usual one"),
    _range("topup_cutoff_hour", 0, 24),
    _range("km", 1, 20_040, "km"),  # half of the earth's circumference
    _range("kmh", 1, 100_000, "km/h"),
    _range("\\w*_minor", 1, 10**13, "minor units"),
    _range("per_unit", 1e-9, 1e9),
    _range("(?:\\w*_)?(?:share|rate)(?:_\\d+[dh])?", _NOT_ZERO, 1),
    _range("stops", 0, 1),
    _range("reviews_per_day", 1, 1_000_000),
    _range("login_risk\\.ratios", 1e-12, 1e12),
    _range("model\\.\\w+\\.\\w+", _NOT_ZERO, 1),  # a score that everything reaches is no threshold
    _range("\\w+_s", 1, 10 * _YEAR_S, "seconds"),
    _range(".*", _NOT_ZERO, 10**9),
)
# Pairs in which the second may not be below the first.
_RISING = (
    ("locks.caps.per_rule", "locks.caps.total"),
    ("locks.resend_s", "locks.ack_timeout_s"),
    ("entities.password_spray.elevated_usernames", "entities.password_spray.attack_usernames"),
    ("cases.survey.after_s", "cases.reopen_window_s"),
    ("entities.site_attack.elevated_usernames", "entities.site_attack.attack_usernames"),
    ("entities.slice_attack.elevated_usernames", "entities.slice_attack.attack_usernames"),
    ("entities.credential_stuffing.elevated_usernames", "entities.credential_stuffing.attack_usernames"),
    ("entities.guess_attack.elevated_usernames", "entities.guess_attack.attack_usernames"),
    ("entities.low_and_slow.elevated_usernames", "entities.low_and_slow.attack_usernames"),
    ("entities.site_attack.window_s", "entities.site_attack.baseline_s"),
    ("entities.social_topic.authors", "entities.social_topic.posts"),
    ("entities.card_testing.elevated_cards", "entities.card_testing.attack_cards"),
    ("entities.risky_terminal.elevated_frauds", "entities.risky_terminal.attack_frauds"),
    ("entities.risky_terminal.elevated_rate", "entities.risky_terminal.attack_rate"),
    ("entities.health.bucket_s", "entities.health.window_s"),
    ("entities.health.window_s", "entities.health.look_back_s"),
    ("entities.health.streak", "entities.health.streak_any"),
    ("entities.feeds.stalled_s", "lateness_s"),
    ("entities.forget_quiet_s", "entities.forget_success_s"),
    ("entities.forget_success_s", "entities.forget_s"),
    *((f"cases.{name}.first_response_s", f"cases.{name}.resolution_s") for name in ("P1", "P2", "P3", "P4")),
    *(
        (f"cases.{first}.{promise}", f"cases.{second}.{promise}")
        for first, second in (("P1", "P2"), ("P2", "P3"), ("P3", "P4"))
        for promise in ("first_response_s", "next_update_s", "resolution_s")
    ),
)
# Rows that rise from one to the next.
_ROWS = ("money.near_limits", "money.query_schedule_s", "cases.waiting_reminders_s")


def range_problems(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """(problem, key, remedy) of every number that makes no sense, tables in the order of the policy."""
    values = dict(_numbers(policy, ""))
    for path, value in values.items():
        plain = re.sub(r"\[.*\]$", "", path)
        fits = next(each for each in RANGES if each.path.search(plain))
        if not math.isfinite(value) or not fits.least <= value <= fits.most:
            unit = f" {fits.unit}" if fits.unit else ""
            most = f"{fits.most:,.17g}"
            remedy = (
                f"give one above 0, at most {most}" if fits.least == _NOT_ZERO else f"give {fits.least:g} to {most}"
            )
            yield f"{value:,.12g} is no sensible value", path, remedy + unit
    for first, second in _RISING:
        if values[second] < values[first]:
            yield (
                f"{values[second]:,.12g} is less than {first} ({values[first]:,.12g})",
                second,
                "let it be at least as much",
            )
    for row in _ROWS:
        numbers = [values[path] for path in values if path.startswith(f"{row}[")]
        if any(later <= earlier for earlier, later in pairwise(numbers)):
            yield "values do not rise", row, "order them, each once"
    probe = policy.rules.probe
    for currency, small in probe.small_minor.items():
        if probe.large_minor.get(currency, small + 1) <= small:
            yield (
                f"{currency} is not above small_minor",
                "rules.probe.large_minor",
                "a probe is smaller than what follows",
            )


def _numbers(value: Any, path: str) -> Iterator[tuple[str, float]]:
    """Every number with the path of its key; of rows and amount tables with the place in brackets."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return
    if isinstance(value, Section):
        for info in fields_of(type(value)):
            # Declared rules, lists and rates check themselves: their tables have shapes of their own.
            if not path and info.encode_name in ("rule", "list", "snooze"):
                continue
            yield from _numbers(getattr(value, info.name), f"{path}.{info.encode_name}" if path else info.encode_name)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _numbers(each, f"{path}[{key}]")
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            yield from _numbers(each, f"{path}.{index}" if isinstance(each, msgspec.Struct) else f"{path}[{index}]")
    elif isinstance(value, msgspec.Struct):
        for info in fields_of(type(value)):
            yield from _numbers(getattr(value, info.name), f"{path}.{info.encode_name}")
    elif isinstance(value, int | float):
        yield path, value
