"""Of all the keys that fail at once, which one is the root and which ones only share its traffic?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from streams.core.incidents.keys import PLATFORM, RANK, dimension_of, pair_of, parts_of

# A key is explained by a root when what is left of its excess is less than this share of it, or chance.
EXPLAINED = 0.3
LEFT_OVER = 10.0
# One of two keys with nearly the same excess and share is as good as the other: the likelier dimension wins.
ALIKE = 0.95
# What the platform fails more than everything known together: more than chance, and so much of what one more explains.
CHANCE = 4.0
BEYOND = 0.7
TIMES_REST = 3.0  # as much as the rest of a platform that is down


class Excess(NamedTuple):
    """Failures of one key above what is normal, in the window in question."""

    key: str
    trials: float
    excess: float

    @property
    def share(self) -> float:
        """Of the key's own traffic that fails: one minus the collateral."""
        return self.excess / self.trials if self.trials else 0.0

    @property
    def sure_share(self) -> float:
        """The same less its standard error: of many small keys one fails completely by chance."""
        share = min(1.0, self.share)
        return max(0.0, share - math.sqrt(max(share * (1.0 - share), 0.05) / max(1.0, self.trials)))


class Beside(NamedTuple):
    """What else is known when roots are looked for: what is down already, and which keys that seems to explain.

    Without it every excess that could lie on the traffic of a root is taken to lie there.
    """

    within: Callable[[str], Callable[[str], Excess]]  # of any key while the given one was suspicious
    standing: Sequence[str] = ()
    dropped: Sequence[str] = ()


def roots(
    suspects: Sequence[Excess], excess_of: Callable[[str], float], most: int = 8, beside: Beside | None = None
) -> list[str]:
    """The roots of `suspects`, the weightiest first; `excess_of` knows every watched key, suspect or not.

    Greedy (domain 3.2): the key that explains most of the excess with least collateral; what it explains is taken
    away, and so on. Excess counts once, the share three times: of m equal siblings the parent is the root only when
    nearly all of them fail.
    """
    left = [each for each in suspects if each.excess > 0.0]
    whole = {each.key: each.excess for each in left}
    found: list[Excess] = []
    while left and len(found) < most:
        root = _best(left)
        if beside is not None:
            known = [*beside.standing, *(each.key for each in found)]
            others = [each for each in (*whole, *beside.dropped) if each not in known and each != root.key]
            root = _instead(root, others, known, beside.within(root.key)) or root
            root = _whole_of(root, others, known, beside.within(root.key)) or root
        found.append(root)
        left = _without(root, [each for each in left if each.key != root.key], whole, excess_of)
    return [each.key for each in found]


def _instead(
    root: Excess, others: Sequence[str], known: Sequence[str], measured: Callable[[str], Excess]
) -> Excess | None:
    """A second thing that is down at the same time, which explains `root` better than `root` is one by itself.

    Two outages share traffic: the whole excess of the one could lie on the other, and then what neither explains alone
    (a sibling of a root, the platform) would be a root. How much lies on both is not counted but for watched pairs, so
    it is taken as if they were independent; and because they may not be (a merchant has one gateway), the platform has
    to have that much more excess than what is known explains.
    """
    if not known:
        return None
    mine, total, down = measured(root.key), measured(PLATFORM), [measured(key) for key in known]

    def excess_of(key: str) -> float:
        return measured(key).excess

    def rest_of(each: Excess) -> Excess:
        return each._replace(excess=each.excess - sum(_likely_shared(one, each, total, excess_of) for one in down))

    more, mine = total.excess - sum(each.excess for each in down), rest_of(mine)
    better = [
        each
        for each in map(rest_of, map(measured, others))
        if each.excess > LEFT_OVER
        and each.share > 2.0 * mine.share
        and _likely_shared(each, mine, total, excess_of) >= mine.excess / 2
        and more >= each.excess / 2
    ]
    return measured(_best(better).key) if better else None


def _whole_of(
    root: Excess, others: Sequence[str], known: Sequence[str], measured: Callable[[str], Excess]
) -> Excess | None:
    """The side of a pair that fails as much without the pair: a pair is suspicious later, when it has become worse.

    Where what is down already has no part in it.
    """
    pair, total, down = measured(root.key), measured(PLATFORM), [measured(key) for key in known]
    for part in (measured(key) for key in parts_of(root.key) if key in others):
        trials, excess = part.trials - pair.trials, part.excess - pair.excess
        for one in down:
            joint = pair_of(one.key, part.key)
            trials -= measured(joint).trials if joint is not None else one.trials * part.trials / max(1.0, total.trials)
            excess -= _likely_shared(one, part, total, lambda key: measured(key).excess)
        outside = Excess(part.key, trials, excess)
        if outside.excess >= LEFT_OVER / 2 and outside.share >= pair.share / 2:
            return part
    return None


def further(suspects: Sequence[str], beside: Beside) -> list[str]:
    """One more thing that is down, where everything suspicious could lie on the traffic of what is known to be down.

    It could: how much lies on both is counted of watched pairs only. Where the platform fails more than all that is
    known together, as if they were independent, something else is down: what fails most beyond its share of them, and
    enough of that in the platform as well, since a merchant who has one gateway is down with it. Beside the platform it
    is what fails several times as much as the rest of it.
    """
    if list(beside.standing) == [PLATFORM]:
        return _beyond_platform(suspects, beside)
    found = []
    for key in suspects if beside.standing else ():
        measured = beside.within(key)
        mine, total, down = measured(key), measured(PLATFORM), [measured(each) for each in beside.standing]
        if key == PLATFORM or not total.trials:
            continue

        def excess_of(other: str, measured: Callable[[str], Excess] = measured) -> float:
            return measured(other).excess

        more = total.excess - sum(each.excess for each in down)
        for number, one in enumerate(down):
            more += sum(_likely_shared(one, each, total, excess_of) for each in down[:number])
        rest = mine._replace(excess=mine.excess - sum(_likely_shared(each, mine, total, excess_of) for each in down))
        chance = CHANCE * math.sqrt(0.05 * total.trials)
        if rest.excess > LEFT_OVER and rest.share >= EXPLAINED and more >= max(chance, BEYOND * rest.excess):
            found.append(rest)
    if not found:
        return []
    root = _best(found)
    measured = beside.within(root.key)
    return [(_whole_of(measured(root.key), beside.dropped, beside.standing, measured) or root).key]


def _beyond_platform(suspects: Sequence[str], beside: Beside) -> list[str]:
    found = []
    for key in suspects:
        measured = beside.within(key)
        mine, total = measured(key), measured(PLATFORM)
        trials = total.trials - mine.trials
        if trials <= 0.0:
            continue
        elsewhere = max(0.0, total.excess - mine.excess) / trials
        rest = mine._replace(excess=mine.excess - elsewhere * mine.trials)
        many = mine.sure_share >= TIMES_REST * elsewhere
        if rest.excess > 2.0 * LEFT_OVER and rest.share >= EXPLAINED and many:
            found.append(rest)
    return [_best(found).key] if found else []


def unexplained(
    suspects: Sequence[Excess], standing: Sequence[Excess], excess_of: Callable[[str], float]
) -> list[Excess]:
    """The suspects that what is already known to be wrong does not account for, with what is left of their excess."""
    left = [each for each in suspects if each.excess > 0.0]
    whole = {each.key: each.excess for each in left}
    for root in standing:
        left = _without(root, left, whole, excess_of)
    return left


def explains(root: Excess, other: Excess, excess_of: Callable[[str], float]) -> bool:
    """Whether what is wrong with `root` is enough to account for `other`."""
    return not unexplained((other,), (root,), excess_of)


def _without(
    root: Excess, suspects: Sequence[Excess], whole: dict[str, float], excess_of: Callable[[str], float]
) -> list[Excess]:
    left = []
    for each in suspects:
        rest = each.excess - shared(root, each, excess_of)
        if rest > max(EXPLAINED * whole[each.key], LEFT_OVER):
            left.append(each._replace(excess=rest))
    return left


def shared(root: Excess, other: Excess, excess_of: Callable[[str], float]) -> float:
    """How much of the excess of `other` lies on the traffic of `root`."""
    dimension, of_root = dimension_of(other.key), dimension_of(root.key)
    if root.key == PLATFORM or other.key == PLATFORM or root.key in parts_of(other.key):
        return min(root.excess, other.excess)
    if dimension == of_root:
        return 0.0  # two gateways have no payment in common
    mine, others = set(parts_of(root.key)), set(parts_of(other.key))
    clash = {dimension_of(part): part for part in mine or {root.key}}
    for part in others or {other.key}:
        if clash.get(dimension_of(part), part) != part:
            return 0.0  # they disagree about the gateway
    pair = pair_of(root.key, other.key)
    if pair is not None:
        return min(other.excess, max(0.0, excess_of(pair)))
    return min(root.excess, other.excess)


def _likely_shared(root: Excess, other: Excess, total: Excess, excess_of: Callable[[str], float]) -> float:
    """The same as if they were independent, where no pair of them is watched."""
    most = shared(root, other, excess_of)
    nested = PLATFORM in (root.key, other.key) or root.key in parts_of(other.key) or other.key in parts_of(root.key)
    if nested or not most or pair_of(root.key, other.key) is not None or not total.trials:
        return most
    return min(most, root.excess * other.trials / total.trials)


def _best(suspects: Sequence[Excess]) -> Excess:
    worst = max(max(each.sure_share for each in suspects), 0.01)

    def weight(each: Excess) -> float:
        return each.excess * (each.sure_share / worst) ** 3

    best = max(weight(each) for each in suspects)
    alike = [each for each in suspects if weight(each) >= ALIKE * best]
    return min(alike, key=lambda each: (RANK.get(dimension_of(each.key), len(RANK)), -weight(each), each.key))
