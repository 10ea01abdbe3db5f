"""Is the device, merchant, payee, address or card new here, and how many are there? (families novelty, diversity)"""

from __future__ import annotations

from streams.core.familiar import Familiar, Tally, different, entry_of, key_of, network_key, newest_first, tallied
from streams.core.features.catalogue import MISSING
from streams.core.features.view import View
from streams.core.observations import (
    CARDS_CAP,
    COUNTRIES_CAP,
    DEVICES_CAP,
    IPS_CAP,
    LOGIN,
    MERCHANTS_CAP,
    PAYEES_CAP,
    TOPUP,
    UNANSWERED_MS,
    Observations,
)
from streams.core.unlearning import learned_s
from streams.core.unmet import (
    CARDS,
    COUNTRIES,
    DEVICES,
    IPS,
    MERCHANTS,
    PAYEES,
    different_too,
    newest_device,
    shop_of,
)

_DAY_S = 86_400


def novelty_and_diversity(v: View) -> tuple[float, ...]:
    """device_new .. countries_7d."""
    obs = v.obs
    at_s = v.at_ms // 1000
    movement = v.movement
    merchant = payee = card = None
    if movement is not None:
        device, ip, country = movement.device_id, movement.ip, movement.country
        card = movement.card_token
        if v.kind != TOPUP:
            merchant = shop_of(movement)
            payee = movement.counterparty_id
    elif v.login is not None:
        login = v.login
        device, ip, country = login.device_id, login.ip, login.country
    else:
        device = ip = country = None
    hour_ago, day_ago, week_ago = at_s - 3600, at_s - _DAY_S, at_s - 7 * _DAY_S

    device_new = device_age = device_trusted = MISSING
    key = key_of(device) if device is not None else None
    entry, devices_7d = _met(obs.devices, key, week_ago)
    if key is not None:
        device_new, device_age = _new_and_age(entry, at_s)
        device_trusted = 1.0 if tallied(obs.trusted, key) else 0.0
    elif v.kind == LOGIN and obs.trusted:  # who is known by devices and names none is on one never seen
        device_new, device_age, device_trusted = 1.0, 0.0, 0.0

    ip_new = network_new = MISSING
    entry, ips_1d = _met(obs.ips, key_of(ip) if ip is not None else None, day_ago)
    if ip is not None:
        ip_new = 1.0 if entry is None else 0.0
        network_new = 0.0 if _knows_network(obs, network_key(ip), entry is not None, v.login is not None) else 1.0

    country_new = MISSING
    entry, countries_7d = _met(obs.countries, key_of(country) if country is not None else None, week_ago)
    if country is not None:
        country_new = 1.0 if entry is None else 0.0

    merchant_new = merchant_age = merchant_uses = MISSING
    entry, merchants_1d = _met(obs.merchants, key_of(merchant) if merchant is not None else None, day_ago)
    merchants_1h = different(obs.merchants, hour_ago) if merchants_1d else 0
    if merchant is not None:
        merchant_new, merchant_age = _new_and_age(entry, at_s)
        merchant_uses = 0.0 if entry is None else float(entry[2])
        if entry is None or entry[1] <= hour_ago:
            merchants_1h += 1

    payee_new = payee_age = payee_uses = MISSING
    entry, payees_1d = _met(obs.payees, key_of(payee) if payee is not None else None, day_ago)
    if payee is not None:
        payee_new, payee_age = _new_and_age(entry, at_s)
        payee_uses = 0.0 if entry is None else float(entry[2])

    card_new = card_age = MISSING
    entry, cards_1d = _met(obs.cards, key_of(card) if card is not None else None, day_ago)
    if card is not None:
        card_new, card_age = _new_and_age(entry, at_s)

    if obs.attempts:
        tried = obs.attempts
        devices_7d = min(DEVICES_CAP, devices_7d + different_too(tried, DEVICES, obs.devices, device, week_ago))
        ips_1d = min(IPS_CAP, ips_1d + different_too(tried, IPS, obs.ips, ip, day_ago))
        countries_7d = min(
            COUNTRIES_CAP, countries_7d + different_too(tried, COUNTRIES, obs.countries, country, week_ago)
        )
        cards_1d = min(CARDS_CAP, cards_1d + different_too(tried, CARDS, obs.cards, card, day_ago))
        shops = tried, MERCHANTS, obs.merchants, merchant
        merchants_1h = min(MERCHANTS_CAP, merchants_1h + different_too(*shops, hour_ago))
        merchants_1d = min(MERCHANTS_CAP, merchants_1d + different_too(*shops, day_ago))
        payees_1d = min(PAYEES_CAP, payees_1d + different_too(tried, PAYEES, obs.payees, payee, day_ago))

    return (
        device_new,
        device_age,
        device_trusted,
        ip_new,
        network_new,
        country_new,
        merchant_new,
        merchant_age,
        merchant_uses,
        payee_new,
        payee_age,
        payee_uses,
        card_new,
        card_age,
        float(merchants_1h),
        float(merchants_1d),
        float(payees_1d),
        float(different(obs.payers, day_ago)) if obs.payers else 0.0,
        float(cards_1d),
        float(devices_7d),
        float(ips_1d),
        float(countries_7d),
    )


def acting_device(v: View) -> tuple[float, ...]:
    """acting_device_age_days: of a movement that names no device, for whom it may have been.

    Else nobody would be on a new device who leaves it out. Whoever changed credentials within a day is one; so is a
    device that was met within a day, and a login that was doubted and not answered, unless the movement comes from
    where the owner is: whoever has a leaked password, or a new tablet of the family, must not lock the owner out.
    """
    obs, movement = v.obs, v.movement
    if movement is None or movement.device_id is not None:
        return (MISSING,)
    at_s = v.at_ms // 1000
    here = b"" if movement.ip is None else network_key(movement.ip)
    is_doubted = bool(obs.doubted_from) and 0 <= v.at_ms - obs.doubted_ms <= UNANSWERED_MS
    changer_s = _changer_since_s(v.obs, is_doubted) if 0 <= v.at_ms - obs.credential_ms <= _DAY_S * 1000 else None
    firsts = [] if changer_s is None or _is_elsewhere(obs, here, changer_s) else [changer_s]
    if is_doubted and not _is_owners(obs, here, changer_s, obs.doubted_ms // 1000):
        firsts.append(at_s)
    newest_s = newest_first(obs.devices, at_s - _DAY_S)
    if obs.attempts:
        attempted_s = newest_device(obs.attempts, obs.devices, at_s - _DAY_S)
        newest_s = max((first for first in (newest_s, attempted_s) if first is not None), default=None)
    if newest_s is not None and not _is_owners(obs, here, changer_s, newest_s):
        firsts.append(newest_s)
    since_s = max(firsts, default=0)  # 0: a network known for longer than anybody remembers
    return (max(0.0, (at_s - since_s) / _DAY_S),) if since_s else (MISSING,)


def _is_owners(obs: Observations, here: bytes, changer_s: int | None, stranger_s: int) -> bool:
    """Whether somebody known before the stranger came changed the credentials, and the movement comes from there."""
    if changer_s is None or changer_s >= stranger_s or not here:
        return False
    home_s = _network_since_s(obs, here)
    return here == obs.credential_from[1] or (home_s is not None and home_s < stranger_s)


def _is_elsewhere(obs: Observations, here: bytes, changer_s: int) -> bool:
    """Whether a change is known by its network alone, and the movement comes from another one, known before it."""
    if len(obs.credential_from) != 2 or not here or here == obs.credential_from[1]:
        return False
    home_s = _network_since_s(obs, here)
    return home_s is not None and home_s < changer_s


def _changer_since_s(obs: Observations, is_doubted: bool) -> int | None:
    """Since when the device that changed the credentials is known, or the network where it named none."""
    if not obs.credential_from:
        return None  # a state from before this was noted
    changed_s = obs.credential_ms // 1000
    _, network, *devices = obs.credential_from
    if devices and obs.devices:
        entry = entry_of(obs.devices, devices[0])
        return changed_s if entry is None else entry[0]
    if is_doubted and network == obs.doubted_from[1]:
        return changed_s
    since_s = _network_since_s(obs, network)
    return changed_s if since_s is None and (obs.login_networks or obs.networks) else since_s


def _network_since_s(obs: Observations, network: bytes) -> int | None:
    """Since when somebody has come from there, 0: for long; None: nobody has. With logins, only they count."""
    name = "login_networks" if obs.login_networks else "networks"
    return learned_s(obs, name, network) if tallied(getattr(obs, name), network) else None


def _met(known: Familiar, key: bytes | None, after_s: int) -> tuple[tuple[int, int, int] | None, int]:
    """What is known of the event's own value, and how many different ones there were since `after_s` with it."""
    if not known:
        return None, 0 if key is None else 1
    number = different(known, after_s)
    if key is None:
        return None, number
    entry = entry_of(known, key)
    return entry, number + 1 if entry is None or entry[1] <= after_s else number


def _knows_network(obs: Observations, network: bytes, met: bool, at_the_door: bool) -> bool:
    """Whoever only paid from somewhere has shown no password there: a login is at home where logins came from."""
    if tallied(obs.login_networks, network):
        return True
    return not at_the_door and (met or tallied(obs.networks, network) > 0)


def _new_and_age(entry: tuple[int, int, int] | None, at_s: int) -> tuple[float, float]:
    if entry is None:
        return 1.0, 0.0
    age = at_s - entry[0]
    return 0.0, age / _DAY_S if age > 0 else 0.0


def share_of(known: Tally, key: bytes, total: int) -> float:
    """Which share of `total` events had this value; forgotten values count as never seen."""
    return min(1.0, tallied(known, key) / total)
