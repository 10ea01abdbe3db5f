"""What is known about the address, device, card range, merchant, terminal and site of the event? (family risk)"""

from __future__ import annotations

from streams.core.features.catalogue import MISSING
from streams.core.features.view import View
from streams.core.risk import SITE, SITE_KIND, RiskFact, RiskView, slices_of


def risk(v: View, look: RiskView) -> tuple[tuple[float, ...], RiskFact | None]:
    """ip_level .. merchant_labelled; and what is known of the terminal, else the merchant."""
    at_ms = v.at_ms
    ip = device = card_range = merchant = terminal = site = None
    movement = v.movement
    if movement is not None:
        if movement.ip is not None:
            ip = look("ip", movement.ip, at_ms)
        if movement.device_id is not None:
            device = look("device", movement.device_id, at_ms)
        if movement.bin is not None:
            card_range = look("bin", movement.bin, at_ms)
        if movement.merchant_id is not None:
            merchant = look("merchant", movement.merchant_id, at_ms)
        if movement.terminal_id is not None:
            terminal = look("terminal", movement.terminal_id, at_ms)
    elif v.login is not None:
        ip = look("ip", v.login.ip, at_ms)
        if v.login.device_id is not None:
            device = look("device", v.login.device_id, at_ms)
        site = look(SITE_KIND, SITE, at_ms)
    age = -1
    for fact in (ip, device, card_range, merchant, terminal, site):
        if fact is not None and fact.age_s > age:
            age = fact.age_s
    if age < 0:
        return _NOTHING, None
    values = (
        *_level_and_score(ip),
        *_level_and_score(device),
        MISSING if card_range is None else float(card_range.level),
        *_level_and_score(merchant),
        MISSING if merchant is None else _rate(merchant.frauds_30d, merchant.labels_30d),
        *_level_and_score(terminal),
        *_terminal(terminal),
        float(age),
        MISSING if site is None else float(site.level),
        MISSING if ip is None else float(ip.guessing),
        MISSING if ip is None else float(ip.testing),
        MISSING if device is None else float(device.guessing),
        MISSING if device is None else float(device.testing),
        MISSING if merchant is None else float(merchant.testing),
        MISSING if merchant is None else float(merchant.labelled),
    )
    return values, merchant if terminal is None else terminal


def slices(v: View, look: RiskView) -> tuple[float, ...]:
    """slice_guessing."""
    if v.login is None:
        return (MISSING,)
    facts = [look(kind, value, v.at_ms) for kind, value in slices_of(v.login)]
    return (max((float(fact.guessing) for fact in facts if fact is not None), default=MISSING),)


_NOTHING = (MISSING,) * 24


def _level_and_score(fact: RiskFact | None) -> tuple[float, float]:
    return (MISSING, MISSING) if fact is None else (float(fact.level), fact.score)


def _terminal(fact: RiskFact | None) -> tuple[float, ...]:
    if fact is None:
        return (MISSING,) * 6
    return (
        float(fact.labels_1d),
        float(fact.labels_7d),
        float(fact.labels_30d),
        _rate(fact.frauds_1d, fact.labels_1d),
        _rate(fact.frauds_7d, fact.labels_7d),
        _rate(fact.frauds_30d, fact.labels_30d),
    )


def _rate(frauds: int, labels: int) -> float:
    return frauds / labels if labels else 0.0
