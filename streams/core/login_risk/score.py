"""How much more likely is this login if it is anybody's than if it is the owner's?

The likelihood ratio of Freeman et al. (NDSS 2016), with the hierarchy, weights and smoothing of Wiefling et al. (2022):

    S = product over factors of p(value) / p(value | user), times (1 / users) / (logins of the user / all logins)

p(value) is a weighted sum over the levels of a factor, of all trusted logins; p(value | user) the same of the user's
own, unsmoothed. A value whose every level is new to the user counts as four times as likely to be somebody else's.
Address and user agent are theirs. The round-trip time, where an event names one, is a third factor of the same form
with a single level. Two more say how telling it is that a device or address is new: of an owner as often as of this
owner so far, of anybody else nearly always. The sum over levels hardly notices whether the very address is known,
because the network's share of all logins outweighs it; these do.

What a login leaves out is chosen by whoever logs in. So a login without a device or user agent of somebody who names
them counts as one that is as rare as it is for this customer, and as an unknown device where it never was.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul
from typing import Final

from streams.core.familiar import tallied
from streams.core.login_risk.context import LoginContext
from streams.core.login_risk.frequencies import Frequencies
from streams.core.login_risk.history import LoginHistory, Shares, always_names, faded, shares, withheld

ADDRESS_WEIGHTS: Final = (0.6, 0.3, 0.1)  # address, system, country
AGENT_WEIGHTS: Final = (  # whole string, browser, operating system, kind of device
    0.5386653840551359,
    0.2680451498625666,
    0.18818295100109536,
    0.0051065150812021525,
)
NEW_TO_USER: Final = 4.0
PRIOR_LOGINS: Final = 4.0
# At least so many logins are new in a way, whatever a young site has seen: who comes weekly replaces a phone after some
# hundred logins.
LEAST_NEW: Final = 0.01
# Of those who are not the owner so many hold a device of the owner (family, thieves of phones), or come from an address
# of the owner (office, carrier, home). A login proves no more than that by coming from one of them.
OWNERS_DEVICE: Final = 0.001
OWNERS_ADDRESS: Final = 0.01
SITE_LOGINS: Final = 1_000  # before so many logins nobody can tell what is common on this site


def ratio_of(
    history: LoginHistory, context: LoginContext, day: int, known: Frequencies, *, excused: bool = False
) -> float | None:
    """S, above 0; None without an earlier login of the user or while the site is hardly known.

    `excused`: why the device is new is known (`streams.core.login_risk.releases`), so it is taken for the owner's.
    """
    mine = shares(history.addresses, context.address)
    if mine is None or known.logins < SITE_LOGINS or not known.users:
        return None
    fade = faded(day - history.day)
    logins = mine.weight * fade
    counts = known.address_counts(context.address)
    ratio = _over(_anybody(counts, known.logins, ADDRESS_WEIGHTS, known.general_addresses), mine, ADDRESS_WEIGHTS)
    anybodys = (known.new_addresses + 1) / (known.returning + 2)
    ratio *= _newness(mine.of[0], history.new_addresses * fade, logins, anybodys, OWNERS_ADDRESS)
    if context.agent is not None and (mine := shares(history.agents, context.agent)) is not None:
        agent_counts = known.agent_counts(context.agent)
        ratio *= _over(
            _anybody(agent_counts, known.with_agent, AGENT_WEIGHTS, known.general_agents), mine, AGENT_WEIGHTS
        )
    mine = shares(history.devices, (context.device,)) if context.device is not None else None
    if mine is not None:
        share = 1.0 if excused and mine.of[0] == 0.0 else mine.of[0]
        anybodys = (known.new_devices + 1) / (known.with_device + 2)
        ratio *= _newness(share, history.new_devices * fade, mine.weight * fade, anybodys, OWNERS_DEVICE)
    if context.device is None or context.agent is None:
        ratio *= _leaving_out(history, context, day, known, logins)
    if context.pace is not None and (mine := shares(history.paces, (context.pace,))) is not None:
        ratio *= _over(_smoothed(tallied(known.paces, context.pace), known.with_pace, 1), mine, (1.0,))
    return ratio * known.logins / known.users / logins


def _leaving_out(history: LoginHistory, context: LoginContext, day: int, known: Frequencies, logins: float) -> float:
    """The larger of two: who names neither device nor user agent has one reason for both."""
    fade = faded(day - history.day)
    left_out, always = withheld(history, context), always_names(history, day)
    factor = 1.0
    if left_out.device:
        anybodys = (known.bare_devices + 1) / (known.with_device + known.bare_devices + 2)
        factor = 1.0 / _usual(history.bare_devices * fade, logins, anybodys)
        if always.device:
            anybodys = (known.new_devices + 1) / (known.with_device + 2)
            factor = max(factor, 1.0 / _usual(history.new_devices * fade, logins, anybodys))
    if left_out.agent:
        anybodys = (known.bare_agents + 1) / (known.with_agent + known.bare_agents + 2)
        own = 1.0 / _usual(history.bare_agents * fade, logins, anybodys)
        factor = max(factor, own, NEW_TO_USER if always.agent else 1.0)
    return factor


def _newness(share: float, new: float, logins: float, anybodys: float, held: float) -> float:
    """Of those who are not the owner, `held` come from what the owner is known by; owners come with new ones as usual.

    How usual is the owner's own share of new ones, to which PRIOR_LOGINS with everybody's share are added: whoever
    clears cookies every day is not asked every day.
    """
    usual = _usual(new, logins, anybodys)
    return held / (share * (1.0 - usual)) if share > 0.0 else 1.0 / usual


def _usual(own: float, logins: float, anybodys: float) -> float:
    return (own + PRIOR_LOGINS * max(anybodys, LEAST_NEW)) / (logins + PRIOR_LOGINS)


def _over(anybody: float, mine: Shares, weights: Sequence[float]) -> float:
    """p(value) / p(value | user)."""
    user = sum(map(mul, weights, mine.of))
    return anybody / user if user > 0.0 else NEW_TO_USER


def _anybody(counts: Sequence[int], logins: int, weights: Sequence[float], general: int) -> float:
    """p(value) of a factor with several levels, of which only the first is smoothed.

    `general`: how many different values the other levels have; one more stands for what was never seen.
    """
    first = counts[0]
    likelihood = weights[0] * _smoothed(first, logins, general + 1)
    if first:  # a value that was seen has one value at each other level, and is smoothed among its own logins too
        likelihood *= first / (first + len(counts))
    if logins:
        likelihood += sum(map(mul, weights[1:], counts[1:])) / logins
    return likelihood


def _smoothed(number: int, logins: int, unseen: int) -> float:
    """Share of a value that was seen `number` times, leaving room for `unseen` others."""
    return number / (logins + unseen) if number else 1.0 / (logins + unseen)
