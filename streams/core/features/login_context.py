"""How usual is it for this customer to log in from here? (family login risk)"""

from __future__ import annotations

from streams.contracts.logins import LoginSucceeded
from streams.core.features.catalogue import MISSING
from streams.core.features.view import View
from streams.core.login_risk.context import context_of
from streams.core.login_risk.frequencies import Frequencies
from streams.core.login_risk.history import DAY_MS, LoginHistory, is_unlike
from streams.core.login_risk.releases import comes_home, is_excused
from streams.core.login_risk.score import ratio_of


def login_risk(v: View, known: Frequencies | None) -> tuple[float, ...]:
    """login_history, login_risk."""
    history = v.obs.login_history
    day = v.at_ms // DAY_MS
    if history is None or v.login is None:
        return 0.0 if history is None else history.logins(day), MISSING
    ratio = None
    if known is not None and type(v.login) is LoginSucceeded:
        ratio = ratio_of(history, context_of(v.login), day, known, excused=_is_excused(v, v.login, history, known))
    return history.logins(day), MISSING if ratio is None else ratio


def devices(v: View, known: Frequencies | None) -> tuple[float, ...]:
    """login_unlike, login_excused."""
    if v.login is None:
        return MISSING, MISSING
    history = v.obs.login_history
    if history is None:
        return 0.0, 0.0
    unlike = is_unlike(history, context_of(v.login), v.at_ms // DAY_MS)
    excused = known is not None and type(v.login) is LoginSucceeded and _is_excused(v, v.login, history, known)
    return 1.0 if unlike else 0.0, 1.0 if excused else 0.0


def _is_excused(v: View, login: LoginSucceeded, history: LoginHistory, known: Frequencies) -> bool:
    return is_excused(known.releases, login, v.at_ms) and comes_home(
        login, context_of(login), history, v.obs.login_networks
    )
