"""Which parts of the payment system does a movement pass through, under which names are they watched?

A key is `dimension:value`; a pair joins two dimensions and two values with `+`. What happens to everything at once is
`platform:all`. A meter, `group@dimension:value`, watches refusals of one kind that are nobody's outage. Who sends codes
or asks for a second factor has a meter only, `authentication@challenge:provider`: its failures are no failed payments.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.contracts.payments import Movement

PLATFORM = "platform:all"
CHALLENGE = "challenge"
# What can be down, the likelier root first: where two keys explain the same failures equally well, the first wins.
DIMENSIONS = (
    CHALLENGE,
    "gateway",
    "issuer",
    "merchant",
    "network",
    "platform",
    "app",
    "region",
    "method",
    "issuer+gateway",
    "gateway+method",
    "issuer+method",
    "merchant+method",
)
RANK = {dimension: rank for rank, dimension in enumerate(DIMENSIONS)}
# A longer key is not watched: real ids have 10 to 40 characters, and the state of all keys is one record.
KEY_MAX = 96


_NOBODY = (None,) * 6


class Route(NamedTuple):
    """What a movement passes through."""

    method: str
    gateway: str | None
    issuer: str | None
    network: str | None
    merchant: str | None
    region: str | None
    app: str | None


def is_key(value: str) -> bool:
    """Whether this can name a key; what else is watched under `health` has no dimension."""
    return ":" in value


def route_of(event: Movement) -> Route | None:
    """The route of a movement; None if it names no party that could be down."""
    named = (event.gateway_id, event.issuer_id, event.network, event.merchant_id, event.region, event.app_version)
    return None if named == _NOBODY else Route(event.method, *named)


def keys_of(route: Route) -> list[str]:
    """The keys on a route."""
    method, gateway, issuer, network, merchant, region, app = route
    keys = [PLATFORM, f"method:{method}"]
    if gateway is not None:
        keys += (f"gateway:{gateway}", f"gateway+method:{_part(gateway)}+{_part(method)}")
    if issuer is not None:
        keys += (f"issuer:{issuer}", f"issuer+method:{_part(issuer)}+{_part(method)}")
        if gateway is not None:
            keys.append(f"issuer+gateway:{_part(issuer)}+{_part(gateway)}")
    if network is not None:
        keys.append(f"network:{network}")
    if merchant is not None:
        keys += (f"merchant:{merchant}", f"merchant+method:{_part(merchant)}+{_part(method)}")
    if region is not None:
        keys.append(f"region:{region}")
    if app is not None:
        keys.append(f"app:{app}")
    return [key for key in keys if len(key) <= KEY_MAX]


def dimension_of(key: str) -> str:
    """`issuer+gateway` of `issuer+gateway:i1+g1`; of a meter, that of the key it belongs to."""
    return key.partition(":")[0].rpartition("@")[2]


def group_of(key: str) -> str:
    """The group of a meter; empty for a key that counts failures."""
    return key.partition(":")[0].rpartition("@")[0]


def meter(group: str, key: str) -> str:
    """The meter of `group` beside `key`."""
    return f"{group}@{key}"


def parts_of(key: str) -> tuple[str, ...]:
    """The two keys that a pair joins; nothing for a key that is no pair."""
    dimension, _, value = key.partition(":")
    first, plus, second = dimension.partition("+")
    if not plus:
        return ()
    left, _, right = value.partition("+")
    return (f"{first}:{_whole(left)}", f"{second}:{_whole(right)}")


def challenge_key(provider: str | None) -> str | None:
    """The meter of who asks for a second factor; None if nobody is named, or at too great a length."""
    key = meter("authentication", f"{CHALLENGE}:{provider}")
    return key if provider is not None and len(key) <= KEY_MAX else None


def pair_of(one: str, other: str) -> str | None:
    """The pair that joins two keys, if such pairs are watched."""
    for left, right in ((one, other), (other, one)):
        dimension = f"{dimension_of(left)}+{dimension_of(right)}"
        if dimension in RANK:
            return f"{dimension}:{_part(left.partition(':')[2])}+{_part(right.partition(':')[2])}"
    return None


def parent_of(key: str) -> str | None:
    """Whose habits a key without a history of its own is assumed to share."""
    group = group_of(key)
    if group:
        return None
    if key == PLATFORM:
        return None
    parts = parts_of(key)
    return parts[0] if parts else PLATFORM


def _part(value: str) -> str:
    """`value` without the sign that joins the two of a pair."""
    return value.replace("%", "%25").replace("+", "%2B") if "+" in value or "%" in value else value


def _whole(part: str) -> str:
    return part.replace("%2B", "+").replace("%25", "%")
