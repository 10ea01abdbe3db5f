"""Is the streamed score what the formula says, computed anew from the whole history for every login?

The batch below is written from the formula, with lists and loops and nothing of ours but the constants of domain 5.1:
no caps, no hashes, no running totals. It parses user agents by itself, with the same library.
"""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest
import ua_parser

from streams.contracts.base import from_ms
from streams.contracts.logins import ChallengePassed, LoginSucceeded
from streams.core.features import MISSING, features_of
from streams.core.login_risk import score
from streams.core.login_risk.frequencies import Frequencies
from streams.core.login_risk.training import train
from streams.core.observations import Observations
from streams.core.risk import no_risk

DAY_MS = 86_400_000
START_MS = 20_610 * DAY_MS  # the first day of an epoch of 90 days
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"


class Past(NamedTuple):
    """One trusted login, as the batch remembers it."""

    user: str
    day: int
    ip: tuple[object, ...]  # address, system, country
    agent: tuple[object, ...] | None  # string, browser, system, kind
    device: str | None
    pace: int | None
    new_device: bool | None  # None: no device was named before
    new_address: bool | None


def levels_of_agent(text):
    parsed = ua_parser.parse(text)
    browser = parsed.user_agent and (parsed.user_agent.family, parsed.user_agent.major)
    system = parsed.os and (parsed.os.family, parsed.os.major)
    kind = "phone" if parsed.os and parsed.os.family in ("iOS", "Android") else "computer"
    return text, browser, system, kind


def past_of(event, day, history):
    mine = [past for past in history if past.user == event.account_id and past.device is not None]
    new = None if event.device_id is None or not mine else event.device_id not in {past.device for past in mine}
    before = {past.ip[0] for past in history if past.user == event.account_id}
    return Past(
        event.account_id,
        day,
        (event.ip, event.asn, event.country),
        None if event.user_agent is None else levels_of_agent(event.user_agent),
        event.device_id,
        None if event.rtt_ms is None else int(event.rtt_ms // 10),
        new,
        event.ip not in before if before else None,
    )


def share(logins, day, wanted):
    """Share of the logins that have it, each counting half as much after 90 days."""
    weigh = [2 ** -((day - past.day) / 90) for past in logins]
    return sum(weight for past, weight in zip(logins, weigh, strict=True) if wanted(past)) / sum(weigh)


def factor(field, weights, now, everybody, mine, day):
    """p(x) / p(x | user) of a factor with a hierarchy, x being the value at each of its levels."""
    values = getattr(now, field)
    everybody = [past for past in everybody if getattr(past, field) is not None]
    mine = [past for past in mine if getattr(past, field) is not None]
    if values is None or not mine:
        return 1.0
    anybody = user = 0.0
    for level, weight in enumerate(weights):
        seen = [past for past in everybody if getattr(past, field)[level] == values[level]]
        if level == 0:
            general = range(1, len(weights))
            unseen = 1 + sum(len({getattr(past, field)[at] for past in everybody}) for at in general)
            if seen:
                inside = 1 + sum(len({getattr(past, field)[at] for past in seen}) for at in general)
                likelihood = len(seen) / len(everybody) * (1 - unseen / (len(everybody) + unseen))
                likelihood *= 1 - inside / (len(seen) + inside)
            else:
                likelihood = 1 / (len(everybody) + unseen)
        else:
            likelihood = len(seen) / len(everybody)
        anybody += weight * likelihood
        user += weight * share(mine, day, lambda past, level=level: getattr(past, field)[level] == values[level])
    return 4.0 if user == 0.0 else anybody / user


def pace_factor(now, everybody, mine, day):
    everybody = [past for past in everybody if past.pace is not None]
    mine = [past for past in mine if past.pace is not None]
    if now.pace is None or not mine:
        return 1.0
    seen = sum(past.pace == now.pace for past in everybody)
    anybody = seen / len(everybody) * (1 - 1 / (len(everybody) + 1)) if seen else 1 / (len(everybody) + 1)
    user = share(mine, day, lambda past: past.pace == now.pace)
    return 4.0 if user == 0.0 else anybody / user


def newness(own, new, mine, everybody, held, day):
    """How telling it is that something is known or new; `new` says of a past login whether it was new then."""
    told = [past for past in everybody if new(past) is not None]
    anybody = max((sum(new(past) for past in told) + 1) / (len(told) + 2), 0.01)
    weigh = [2 ** -((day - past.day) / 90) for past in mine]
    was_new = sum(weight for past, weight in zip(mine, weigh, strict=True) if new(past))
    usual = (was_new + 4 * anybody) / (sum(weigh) + 4)
    return 1 / usual if own == 0.0 else held / (own * (1 - usual))


def device_factor(now, everybody, mine, day):
    mine = [past for past in mine if past.device is not None]
    if now.device is None or not mine:
        return 1.0
    own = share(mine, day, lambda past: past.device == now.device)
    return newness(own, lambda past: past.new_device, mine, everybody, 0.001, day)


def usual(was, mine, anybody, day):
    """The customer's own share, smoothed by four logins of everybody's."""
    weigh = [2 ** -((day - past.day) / 90) for past in mine]
    own = sum(weight for past, weight in zip(mine, weigh, strict=True) if was(past))
    return (own + 4 * max(anybody, 0.01)) / (sum(weigh) + 4), own


def left_out_factor(now, everybody, mine, day):
    """What a login leaves out that the customer has named before; of two the more telling one."""
    found = [1.0]
    for field in ("device", "agent"):
        if getattr(now, field) is not None or all(getattr(past, field) is None for past in mine):
            continue
        named = bare = 0
        for at, past in enumerate(everybody):
            if field == "agent" and past.agent is not None:
                named += 1
            before = [other for other in everybody[:at] if other.user == past.user]
            if any(getattr(other, field) is not None for other in before):
                named += field == "device" and past.device is not None
                bare += getattr(past, field) is None
        share_of_bare, own = usual(
            lambda past, field=field: getattr(past, field) is None, mine, (bare + 1) / (named + bare + 2), day
        )
        found.append(1 / share_of_bare)
        if own < 0.5 and field == "device":
            told = [past.new_device for past in everybody if past.new_device is not None]
            new, _ = usual(lambda past: bool(past.new_device), mine, (sum(told) + 1) / (len(told) + 2), day)
            found.append(1 / new)
        elif own < 0.5:
            found.append(4.0)
    return max(found)


def address_factor(now, everybody, mine, day):
    own = share(mine, day, lambda past: past.ip[0] == now.ip[0])
    return newness(own, lambda past: past.new_address, mine, everybody, 0.01, day)


def batch_score(now, everybody, day):
    mine = [past for past in everybody if past.user == now.user]
    if not mine:
        return None
    result = factor("ip", (0.6, 0.3, 0.1), now, everybody, mine, day)
    weights = (0.5386653840551359, 0.2680451498625666, 0.18818295100109536, 0.0051065150812021525)
    result *= factor("agent", weights, now, everybody, mine, day)
    result *= device_factor(now, everybody, mine, day)
    result *= left_out_factor(now, everybody, mine, day)
    result *= address_factor(now, everybody, mine, day)
    result *= pace_factor(now, everybody, mine, day)
    users = len({past.user for past in everybody})
    logins_of_user = sum(2 ** -((day - past.day) / 90) for past in mine)
    return result * (1 / users) / (logins_of_user / len(everybody))


def some_logins(chance, number):
    """Few users, each with some places and devices, below every cap; some events name less than others."""
    for index in range(number):
        user = chance.randrange(12)
        place = user + chance.choice((0, 0, 1, chance.randrange(8)))
        agent = chance.choice((PHONE, CHROME, FIREFOX)).format(chance.choice((5, 6)) + user % 3)
        yield LoginSucceeded(
            event_id=f"event-{index}",
            source="test",
            occurred_at=from_ms(START_MS + index * 80 * DAY_MS // number),
            account_id=f"user-{user}",
            ip=f"203.0.113.{place}",
            asn=64_500 + place % 5,
            country=("DE", "FR", "US")[place % 3],
            user_agent=None if index % 11 == 0 else agent,
            device_id=None if index % 7 == 0 else f"device-{user}-{chance.choice((0, 0, 0, 1, 2))}",
            rtt_ms=None if index % 5 == 0 else 10.0 * (user + chance.randrange(3)) + 3.0,
        )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_streamed_score_is_the_formula_over_the_whole_history(seed, monkeypatch):
    monkeypatch.setattr(score, "SITE_LOGINS", 1)
    frequencies = Frequencies()
    accounts: dict[str, Observations] = {}
    history: list[Past] = []
    compared = 0
    for event in some_logins(random.Random(seed), 400):
        at_ms = (event.occurred_at.timestamp()) * 1000
        day = int(at_ms // DAY_MS)
        account = accounts.setdefault(event.account_id, Observations())
        now = past_of(event, day, history)
        wanted = batch_score(now, history, day)
        told = features_of(account, event, int(at_ms), no_risk, frequencies=frequencies).login_risk
        if wanted is None:
            assert told == MISSING
        else:
            assert told == pytest.approx(wanted, rel=1e-4)
            compared += 1
        proof = ChallengePassed(
            event_id=f"{event.event_id}-proof",
            source="test",
            occurred_at=event.occurred_at,
            account_id=event.account_id,
            ip=event.ip,
        )
        train(account, proof, int(at_ms), frequencies, doubted=False)  # without it what leaves something out waits
        train(account, event, int(at_ms), frequencies, doubted=False)
        history.append(now)
    assert compared > 350


def test_no_score_before_the_site_is_known():
    account, frequencies = Observations(), Frequencies()
    for event in some_logins(random.Random(4), 60):
        at_ms = int(event.occurred_at.timestamp() * 1000)
        assert features_of(account, event, at_ms, no_risk, frequencies=frequencies).login_risk == MISSING
        train(account, event, at_ms, frequencies, doubted=False)
