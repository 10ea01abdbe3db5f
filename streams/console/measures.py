"""How does a person read what a rule has measured?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streams.core.features.catalogue import FEATURES, MISSING

_DAY_S: Final = 86_400.0
_UNITS: Final = {each.name: each.unit for each in FEATURES}
# What rules work out of features, under names of their own.
_WORKED_OUT: Final = {
    "usual": "home currency",
    "level": "level",
    "times_large": "ratio",
    "smallest_1h": "home currency",
}
_STEPS: Final = ((2 * _DAY_S, _DAY_S, "d"), (7_200.0, 3_600.0, "h"), (120.0, 60.0, "min"), (1.0, 1.0, "s"))


def unit_of(name: str) -> str:
    """The unit of what a rule calls `name`; empty if it is none of ours."""
    return _WORKED_OUT.get(name) or _UNITS.get(name, "")


def name_of(evidence: Mapping[str, Mapping[str, float]], observed: float | None) -> str:
    """What was measured for a reason: the first number of a rule's evidence is what was observed for its reason."""
    for measured in evidence.values():
        name, value = next(iter(measured.items()), ("", None))
        if value == observed:
            return name
    return ""


def known(measured: Mapping[str, float]) -> list[tuple[str, float]]:
    """What a rule looked at, without what nobody knew."""
    return [(name, value) for name, value in measured.items() if value != MISSING]


def figure(value: float | None, unit: str = "") -> str:
    """A measure as a person reads it: 2 s, 3 d, 95 %, 4.2 ×, 4,500, 0.82; at most three digits behind the point."""
    if value is None:
        return ""
    if unit in ("seconds", "days"):
        return lasting(value * (_DAY_S if unit == "days" else 1.0))
    if unit == "share":
        return f"{_plain(100 * value)} %"
    if unit == "ratio":
        return f"{_plain(value)} ×"
    if unit == "home currency":
        return f"{value:,.2f}"
    return f"{_plain(value)} {unit}" if unit in ("km", "km/h") else _plain(value)


def lasting(seconds: float) -> str:
    """How long: 40 s, 12 min, 5 h, 3 d; the same both ways."""
    for least, size, unit in _STEPS:
        if abs(seconds) >= least:
            return f"{seconds / size:,.0f} {unit}"
    return "0 s" if seconds == 0 else "< 1 s"


def spelled(name: str) -> str:
    """The name of a measure without its unit."""
    unit = unit_of(name)
    end = {"days": "_days", "seconds": "_s"}.get(unit, "")
    return name.removesuffix(end).replace("_", " ")


def _plain(value: float) -> str:
    if value == int(value) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    if abs(value) < 0.001:
        return "< 0.001" if value > 0 else "> -0.001"
    return f"{value:.3g}"
