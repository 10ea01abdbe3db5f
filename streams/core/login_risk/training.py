"""Which logins does the score learn from? Those that nothing suspicious surrounds, and those that were proved.

An attacker who got in must not become familiar, so a login that a rule doubted, or that came from an address or device
under suspicion, or that leaves out the device or user agent that this customer has always named, waits for its second
factor; without one it is forgotten. The score's own doubt counts only where
somebody acts on it: where nobody is asked, nobody can answer, and a new phone would be new for ever. Its third band is
no new phone at home, and teaches nowhere unproved.
"""

from __future__ import annotations

from collections.abc import Iterable

from streams.contracts.base import Event
from streams.contracts.decisions import Hit
from streams.contracts.logins import ChallengePassed, Login, LoginSucceeded
from streams.core.features import Features
from streams.core.login_risk.context import LoginContext, context_of
from streams.core.login_risk.frequencies import Frequencies, count
from streams.core.login_risk.history import DAY_MS, LoginHistory, is_unlike, learn
from streams.core.observations import PROOF_MS, Observations
from streams.core.outcome import Outcome
from streams.core.policy import Policy
from streams.core.rules import mode_of

OWN = ("login-risk/", "dormant-login/")
_STRANGER = "login-risk/03"
_DOUBT = frozenset(outcome.label for outcome in Outcome if outcome >= Outcome.STEP_UP)


def is_doubted(hits: tuple[Hit, ...], features: Features | None, policy: Policy) -> bool:
    """Whether something suspicious surrounds a successful login."""
    if features is not None and (features.ip_level > 0.0 or features.device_level > 0.0):
        return True
    return is_asked(hits, policy)


def is_asked(hits: tuple[Hit, ...], policy: Policy) -> bool:
    """Whether a rule wants a second factor or worse, so that a login without one is nobody's we know."""
    for hit in hits:
        if hit.outcome not in _DOUBT or hit.silenced:
            continue
        own = hit.rule.startswith(OWN) and hit.rule != _STRANGER and hit.outcome != Outcome.BLOCK.label
        if not own or (not hit.shadow and mode_of(policy, hit) == "enforce"):
            return True
    return False


def is_answerable(hits: tuple[Hit, ...]) -> bool:
    """Whether somebody is asked in earnest, so that an answer can come."""
    return any(hit.outcome in _DOUBT and not hit.silenced and not hit.shadow for hit in hits)


def train(observations: Observations, event: Event, at_ms: int, known: Frequencies, *, doubted: bool) -> None:
    """Takes in a successful login or a second factor; everything else teaches nothing.

    Call it after `fold`, for events that `fold` has taken in: what is too late for a count is too late for a habit.
    """
    if not isinstance(event, LoginSucceeded | ChallengePassed):
        return
    history = observations.login_history
    if type(event) is ChallengePassed:
        if history is not None:
            _proved(history, event, at_ms, known)
        return
    if history is None:
        history = observations.login_history = LoginHistory()
    context = context_of(event)
    if (doubted or is_unlike(history, context, at_ms // DAY_MS)) and not (
        _near(at_ms, history.proved_ms)
        and history.proved == context.address[0]
        and not _differ(context.device, history.proved_device or None)
    ):
        history.doubted_ms, history.doubted = at_ms, _flat(context)
        return
    _learn(history, context, event.event_id, at_ms, known)


def vouch(history: LoginHistory, came_ms: Iterable[int], at_ms: int) -> None:
    """Learns from the login that waited, of one of those at `came_ms`: somebody known says that it was the owner.

    Everybody's frequencies do without it: they are of logins, and this one was long ago.
    """
    if history.doubted and history.doubted_ms in came_ms:
        learn(history, _unflat(history.doubted), at_ms // DAY_MS)
        history.doubted = ()


def _proved(history: LoginHistory, event: Login, at_ms: int, known: Frequencies) -> None:
    here = context_of(event)
    history.proved_ms, history.proved, history.proved_device = at_ms, here.address[0], here.device or b""
    if history.doubted and _near(at_ms, history.doubted_ms):
        doubted = _unflat(history.doubted)
        # Not the owner's second factor for a payment while somebody else is at the door, at the same address perhaps.
        same = here.address[0] == doubted.address[0] or (here.device is not None and here.device == doubted.device)
        if same and not _differ(here.device, doubted.device):
            _learn(history, doubted, event.event_id, at_ms, known)
            history.doubted = ()


def _differ(one: bytes | None, other: bytes | None) -> bool:
    """Whether both name a device, and not the same one."""
    return one is not None and other is not None and one != other


def _learn(history: LoginHistory, context: LoginContext, event_id: str, at_ms: int, known: Frequencies) -> None:
    day = at_ms // DAY_MS
    count(known, context, event_id, day, history)
    learn(history, context, day)


def _near(at_ms: int, then_ms: int) -> bool:
    return then_ms > 0 and abs(at_ms - then_ms) <= PROOF_MS


def _flat(context: LoginContext) -> tuple[bytes, ...]:
    return (*context.address, context.device or b"", context.pace or b"", *(context.agent or ()))


def _unflat(keys: tuple[bytes, ...]) -> LoginContext:
    address, system, country, device, pace, *agent = keys
    return LoginContext((address, system, country), tuple(agent) or None, device or None, pace or None)  # type: ignore[arg-type]
