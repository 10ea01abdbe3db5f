"""Is the device, merchant, payee, address or card new here, and how many are there? (families novelty, diversity)"""

from __future__ import annotations

from streams.core.familiar import Tally, different, entry_of, key_of, network_key, tallied
from streams.core.features.catalogue import MISSING
from streams.core.features.view import View
from streams.core.observations import TOPUP

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
            merchant = movement.merchant_id or movement.terminal_id
            payee = movement.counterparty_id
    elif v.login is not None:
        login = v.login
        device, ip, country = login.device_id, login.ip, login.country
    else:
        device = ip = country = None
    hour_ago, day_ago, week_ago = at_s - 3600, at_s - _DAY_S, at_s - 7 * _DAY_S

    device_new = device_age = device_trusted = MISSING
    devices_7d = different(obs.devices, week_ago)
    if device is not None:
        key = key_of(device)
        entry = entry_of(obs.devices, key)
        device_new, device_age = _new_and_age(entry, at_s)
        device_trusted = 1.0 if tallied(obs.trusted, key) else 0.0
        if entry is None or entry[1] <= week_ago:
            devices_7d += 1

    ip_new = network_new = MISSING
    ips_1d = different(obs.ips, day_ago)
    if ip is not None:
        entry = entry_of(obs.ips, key_of(ip))
        ip_new = 1.0 if entry is None else 0.0
        network_new = 0.0 if entry is not None or tallied(obs.networks, network_key(ip)) else 1.0
        if entry is None or entry[1] <= day_ago:
            ips_1d += 1

    country_new = MISSING
    countries_7d = different(obs.countries, week_ago)
    if country is not None:
        entry = entry_of(obs.countries, key_of(country))
        country_new = 1.0 if entry is None else 0.0
        if entry is None or entry[1] <= week_ago:
            countries_7d += 1

    merchant_new = merchant_age = merchant_uses = MISSING
    merchants_1h = merchants_1d = 0
    merchants = obs.merchants
    if merchants:
        merchants_1d = different(merchants, day_ago)
        merchants_1h = different(merchants, hour_ago) if merchants_1d else 0
    if merchant is not None:
        entry = entry_of(merchants, key_of(merchant))
        merchant_new, merchant_age = _new_and_age(entry, at_s)
        merchant_uses = 0.0 if entry is None else float(entry[2])
        if entry is None or entry[1] <= hour_ago:
            merchants_1h += 1
            if entry is None or entry[1] <= day_ago:
                merchants_1d += 1

    payee_new = payee_age = payee_uses = MISSING
    payees_1d = different(obs.payees, day_ago)
    if payee is not None:
        entry = entry_of(obs.payees, key_of(payee))
        payee_new, payee_age = _new_and_age(entry, at_s)
        payee_uses = 0.0 if entry is None else float(entry[2])
        if entry is None or entry[1] <= day_ago:
            payees_1d += 1

    card_new = card_age = MISSING
    cards_1d = different(obs.cards, day_ago)
    if card is not None:
        entry = entry_of(obs.cards, key_of(card))
        card_new, card_age = _new_and_age(entry, at_s)
        if entry is None or entry[1] <= day_ago:
            cards_1d += 1

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
        float(different(obs.payers, day_ago)),
        float(cards_1d),
        float(devices_7d),
        float(ips_1d),
        float(countries_7d),
    )


def _new_and_age(entry: tuple[int, int, int] | None, at_s: int) -> tuple[float, float]:
    if entry is None:
        return 1.0, 0.0
    age = at_s - entry[0]
    return 0.0, age / _DAY_S if age > 0 else 0.0


def share_of(known: Tally, key: bytes, total: int) -> float:
    """Which share of `total` events had this value; forgotten values count as never seen."""
    return min(1.0, tallied(known, key) / total)
