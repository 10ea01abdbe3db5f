"""How far apart are two places, and how fast would somebody have to travel?"""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

EARTH_KM = 6371.0088  # mean radius
FASTEST_KMH = 100_000.0
_HOUR_MS = 3_600_000


def great_circle_km(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
    """The shortest way over the earth."""
    a, b = radians(latitude), radians(to_latitude)
    across = sin((b - a) / 2.0) ** 2 + cos(a) * cos(b) * sin(radians(to_longitude - longitude) / 2.0) ** 2
    return 2.0 * EARTH_KM * asin(sqrt(min(1.0, across)))


def speed_kmh(km: float, elapsed_ms: int) -> float:
    """The speed needed; the fastest there is where no time has passed."""
    if elapsed_ms <= 0:
        return FASTEST_KMH if km > 0.0 else 0.0
    return min(FASTEST_KMH, km * _HOUR_MS / elapsed_ms)
