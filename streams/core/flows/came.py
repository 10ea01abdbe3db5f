"""Who came in lately, and what was changed: whom does a second factor vouch for, and what if there are too many?

The trail is short, and anybody who logs in fills it: the thief, and the owner too. What has to make room there is kept
here without words, so that no traffic ends a doubt. Of one kind from one place the first and the last say what those
between them say. Where that is still too much, the oldest loses its place: no second factor vouches for it then,
and whoever the account did not know before may be it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from streams.core.obligations import CAME_MAX, Trace
from streams.core.unlearning import HORIZON_S

LOGIN: Final = "login.succeeded"
SESSION: Final = "session.used"
BOUND: Final = "device.bound"
CHANGE: Final = "credential.changed"
FACTOR: Final = "challenge.passed"  # given by somebody who was in before anybody was doubted
ANSWERABLE: Final = frozenset({LOGIN, SESSION, BOUND})
NOWHERE: Final = -1  # no address has this hash


def is_same_place(one: Trace, other: Trace) -> bool:
    """By device, or by address where one names none; a session is copied with its device, so there by address."""
    named = one.device and other.device and SESSION not in (one.kind, other.kind)
    return one.device == other.device if named else one.address == other.address != NOWHERE


def answers(factor: Trace, login: Trace) -> bool:
    """Whether a second factor was given by whoever logged in.

    Where the account always names its device, a factor that names one is not of a login that does not: at an address
    that many share, that is somebody else.
    """
    return is_same_place(factor, login) and not (login.unnamed and factor.device)


def unproved(entries: list[Trace]) -> list[Trace]:
    """Logins that were asked for a second factor, for which none vouches: they prove nothing by growing old.

    Nor by losing their place.
    """
    return [each for each in unvouched(entries) if each.kind == LOGIN and each.asked and not each.answered]


def unvouched(entries: list[Trace]) -> list[Trace]:
    """Whoever is doubted of these, and no second factor from there says that it is the owner."""
    proofs = proofs_of(entries)
    return [each for each in entries if each.doubted and not any(vouches_for(proof, each) for proof in proofs)]


def proofs_of(entries: list[Trace]) -> list[Trace]:
    """Those with a second factor that reached the owner.

    Not one that was given after somebody unvouched changed where it is sent.
    """
    answered = [each for each in entries if each.answered]
    turned = [each.at_ms for each in entries if _turns_factor(each) and not any(vouches_for(p, each) for p in answered)]
    return [each for each in answered if not turned or each.answered_ms <= min(turned)]


def _turns_factor(trace: Trace) -> bool:
    return trace.doubted and trace.kind == CHANGE and not trace.factor_stays


def vouches_for(proof: Trace, trace: Trace) -> bool:
    """Whether the second factor that was given for `proof` is as good for `trace`; a card's change names no place."""
    if proof.address == NOWHERE:
        return proof is trace
    in_time = trace.kind in ANSWERABLE or trace.factor_stays or proof.answered_ms <= trace.at_ms
    return in_time and (not trace.address or answers(proof, trace))


def kept(entries: list[Trace], at_ms: int, settled_ms: int) -> list[Trace]:
    """These in the order of time, without those that are too old or say nothing of their own.

    Doubts until `settled_ms` are over: they are told apart from those after it, and go where there is too little room.
    """
    lasting = unproved([each for each in entries if each.at_ms > settled_ms])
    recent = [_wordless(each) for each in entries if at_ms - each.at_ms <= HORIZON_S * 1000 or each in lasting]
    ends = _ends(sorted(recent, key=lambda each: each.at_ms), settled_ms)
    while len(ends) > CAME_MAX:
        # Where none has a place to lose, the first one is of a doubt that is over.
        oldest = next((number for number, each in enumerate(ends) if each.address != NOWHERE), 0)
        gone = ends.pop(oldest)
        if gone.at_ms > settled_ms and gone.kind != FACTOR:
            ends.insert(oldest, _placeless(gone))
        ends = _ends(ends, settled_ms)
    return ends


def _ends(entries: list[Trace], settled_ms: int) -> list[Trace]:
    """The first and the last of each kind and place."""
    first: dict[Hashable, Trace] = {}
    last: dict[Hashable, Trace] = {}
    for each in entries:
        place = each.address if each.kind == SESSION else each.device or each.address
        whose = each.doubted, each.answered, each.asked, each.factor_stays, each.stopped, each.spends, each.unnamed
        said = (place, each.kind, whose, each.at_ms > settled_ms)
        first.setdefault(said, each)
        last[said] = each
    ends = {id(each) for each in (*first.values(), *last.values())}
    return [each for each in entries if id(each) in ends]


def _wordless(trace: Trace) -> Trace:
    return Trace(
        trace.at_ms,
        trace.kind,
        "",
        "",
        doubted=trace.doubted,
        device=trace.device,
        address=trace.address,
        answered=trace.answered,
        asked=trace.asked,
        answered_ms=trace.answered_ms,
        factor_stays=trace.factor_stays,
        stopped=trace.stopped,
        spends=trace.spends,
        unnamed=trace.unnamed,
    )


def _placeless(trace: Trace) -> Trace:
    """Few of them are different, so that they always fit.

    The owner's own answered login would else be a doubt without an answer as soon as enough strangers came after it.
    """
    answered = trace.doubted and trace.answered
    kind = trace.kind if trace.doubted and not answered and trace.kind in (SESSION, CHANGE) else LOGIN
    stopped = trace.stopped and not trace.answered
    return Trace(
        trace.at_ms,
        kind,
        "",
        "",
        doubted=trace.doubted,
        address=NOWHERE,
        answered=answered,
        asked=trace.doubted and kind != CHANGE,
        answered_ms=trace.answered_ms if answered else 0,
        stopped=stopped,
        spends=stopped and trace.spends,
    )
