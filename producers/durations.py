"""How long is `1d`, and when is `2018-08-08`?"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from producers.errors import BadInput
from streams.contracts.base import to_ms

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
_UNITS: Final = {"ms": 1, "s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_DURATION: Final = re.compile(r"(\d{1,9})(ms|s|m|h|d)")


def parse_duration(text: str) -> int:
    """Milliseconds of a whole number with a unit: `500ms`, `90s`, `30m`, `1h`, `7d`; also a bare `0`."""
    if text == "0":
        return 0
    found = _DURATION.fullmatch(text)
    if found is None:
        raise BadInput(f"{text!r} is not a duration; write a whole number and ms, s, m, h or d, for example 7d.")
    return int(found[1]) * _UNITS[found[2]]


def parse_instant(text: str) -> int:
    """Milliseconds of a date or RFC 3339 time; without an offset it is UTC."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is not a date; write 2018-08-08 or 2018-08-08T12:00:00Z.") from None
    return to_ms(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
