"""Who is at the door, from where, and what has just been changed there? (credentials, logins, travel, labels)"""

from __future__ import annotations

from streams.contracts.logins import ChallengeFailed, ChallengeSent, LoginFailed, LoginSucceeded
from streams.core.distance import great_circle_km, speed_kmh
from streams.core.familiar import key_of, network_key, number_key, tallied
from streams.core.features.catalogue import MISSING
from streams.core.features.familiarity import share_of
from streams.core.features.view import View
from streams.core.observations import FAILURES_CAP, address_mark, is_known_context, is_new_guess
from streams.core.windows import DAY, HOUR, MINUTE, count, opened


def credentials(v: View) -> tuple[float, ...]:
    """since_credential_change_s .. since_topup_s."""
    obs, at_ms = v.obs, v.at_ms
    return (
        _since(obs.credential_ms, at_ms),
        _since(obs.reset_ms, at_ms),
        _since(obs.device_bound_ms, at_ms),
        _since(obs.card_bound_ms, at_ms),
        _since(obs.last_login_ms, at_ms),
        _since(obs.last_inflow_ms, at_ms),
    )


def _since(then_ms: int, at_ms: int) -> float:
    if not then_ms:
        return MISSING
    return (at_ms - then_ms) / 1000.0 if at_ms > then_ms else 0.0


def logins(v: View) -> tuple[float, ...]:
    """login_known .. login_familiarity."""
    obs, at, login = v.obs, v.at, v.login
    day, hour = at - DAY, at - HOUR
    successes = count(opened(obs.logins), day, at) if obs.logins else 0
    challenges = count(opened(obs.challenges), hour, at) if obs.challenges else 0
    challenge_failures = count(opened(obs.challenge_failures), hour, at) if obs.challenge_failures else 0
    known = agent_new = asn_new = familiarity = MISSING
    failed_known = failed_stranger = 0
    if login is not None:
        is_known = is_known_context(obs, login)
        known = 1.0 if is_known else 0.0
        kind = type(login)
        if isinstance(login, LoginFailed) and is_new_guess(obs, login):
            failed_known, failed_stranger = (1, 0) if is_known else (0, 1)
        elif kind is LoginSucceeded:
            successes += 1
        elif kind is ChallengeSent:
            challenges += 1
        elif kind is ChallengeFailed:
            challenge_failures += 1
        if login.user_agent is not None:
            agent_new = 0.0 if tallied(obs.agents, key_of(login.user_agent)) else 1.0
        if login.asn is not None:
            asn_new = 0.0 if tallied(obs.systems, number_key(login.asn)) else 1.0
        total = obs.logins_total
        if total:
            shares = [share_of(obs.login_networks, network_key(login.ip), total)]
            if login.asn is not None:
                shares.append(share_of(obs.systems, number_key(login.asn), total))
            if login.user_agent is not None:
                shares.append(share_of(obs.agents, key_of(login.user_agent), total))
            if login.country is not None:
                shares.append(share_of(obs.login_countries, key_of(login.country), total))
            familiarity = sum(shares) / len(shares)
    ours, strangers = opened(obs.known_failures), opened(obs.stranger_failures)
    last_10m = last_1h = last_1d = failed_known + failed_stranger
    row = row_known = row_stranger = stranger_1d = ips = 0
    if ours or strangers:
        base, forgets = obs.base_ms, at - v.basis.ladder_forgets_s * 1000
        known_success = max(obs.known_success_ms, obs.known_cleared_ms) - base
        stranger_success = max(obs.stranger_success_ms, obs.stranger_cleared_ms) - base
        any_success = max(obs.last_login_ms, min(obs.known_cleared_ms, obs.stranger_cleared_ms)) - base
        if ours:
            last_10m += count(ours, at - 10 * MINUTE, at)
            last_1h += count(ours, hour, at)
            last_1d += count(ours, day, at)
            row_known = count(ours, max(known_success, forgets), at)
            row = count(ours, any_success, at)
        if strangers:
            stranger_1d = count(strangers, day, at)
            last_1d += stranger_1d
            in_hour = count(strangers, hour, at)
            last_1h += in_hour
            last_10m += count(strangers, at - 10 * MINUTE, at)
            row_stranger = count(strangers, max(stranger_success, forgets), at)
            row += count(strangers, any_success, at)
            ips = in_hour
    if ips or failed_stranger:
        ips = _different_ips(v, ips, failed_stranger)
    return (
        known,
        float(successes),
        float(last_10m),
        float(last_1h),
        float(last_1d),
        float(stranger_1d + failed_stranger),
        float(row_known + failed_known),
        float(row_stranger + failed_stranger),
        float(min(row + failed_known + failed_stranger, 2 * FAILURES_CAP)),
        float(ips),
        float(challenges),
        float(challenge_failures),
        agent_new,
        asn_new,
        familiarity,
    )


def _different_ips(v: View, in_hour: int, own: int) -> int:
    marks = v.obs.stranger_ips
    end = count(opened(v.obs.stranger_failures), -1, v.at)
    found = {marks[4 * index : 4 * index + 4] for index in range(end - in_hour, end)}
    if own and v.login is not None:
        found.add(address_mark(v.login.ip))
    return len(found)


def travel(v: View) -> tuple[float, ...]:
    """travel_km .. travel_other_device."""
    obs = v.obs
    here = v.movement if v.movement is not None else v.login
    if not obs.place_ms or here is None or here.latitude is None or here.longitude is None:
        return MISSING, MISSING, MISSING
    km = great_circle_km(obs.latitude, obs.longitude, here.latitude, here.longitude)
    speed = speed_kmh(km, abs(v.at_ms - obs.place_ms))
    other = MISSING
    if here.device_id is not None and obs.place_device:
        other = 0.0 if key_of(here.device_id) == obs.place_device else 1.0
    return km, speed, other


def journey(v: View) -> tuple[float, ...]:
    """journey_km, journey_kmh."""
    obs = v.obs
    if not obs.journey_ms or v.at_ms - obs.journey_ms > DAY:
        return MISSING, MISSING
    return obs.journey_km, obs.journey_kmh


def labels(v: View) -> tuple[float, ...]:
    """own_frauds_7d, own_frauds_30d."""
    if not v.obs.frauds:
        return 0.0, 0.0
    times = opened(v.obs.frauds)
    return float(count(times, v.at - 14 * DAY, v.at)), float(count(times, v.at - 37 * DAY, v.at))
