"""How usual is it for this customer to log in from here? (family login risk)"""

from __future__ import annotations

from streams.contracts.logins import LoginSucceeded
from streams.core.features.catalogue import MISSING
from streams.core.features.view import View
from streams.core.login_risk.context import context_of
from streams.core.login_risk.frequencies import Frequencies
from streams.core.login_risk.history import DAY_MS, is_unlike
from streams.core.login_risk.score import ratio_of


def login_risk(v: View, known: Frequencies | None) -> tuple[float, ...]:
    """login_history, login_risk."""
    history = v.obs.login_history
    if history is None or v.login is None:
        return 0.0 if history is None else history.logins(v.at_ms // DAY_MS), MISSING
    day = v.at_ms // DAY_MS
    ratio = None
    if known is not None and type(v.login) is LoginSucceeded:
        ratio = ratio_of(history, context_of(v.login), day, known)
    return history.logins(day), MISSING if ratio is None else ratio


def left_out(v: View) -> tuple[float, ...]:
    """login_unlike."""
    if v.login is None:
        return (MISSING,)
    history = v.obs.login_history
    unlike = history is not None and is_unlike(history, context_of(v.login), v.at_ms // DAY_MS)
    return (1.0 if unlike else 0.0,)
