"""When is a customer advised to make the account safer, without being asked (F29)?

Right after strangers have guessed at the password, when the owner is in on a known device and has no second factor:
then the advice means something. Once a week at most, and within the cap on all advice.
"""

from __future__ import annotations

from streams.core.messages.notify import notify
from streams.core.steps import Prepared
from streams.core.turn import Turn


def after_login(turn: Turn, prepared: Prepared) -> None:
    """A login that nothing speaks against."""
    features = prepared.features
    if features is None or features.two_factor != 0.0 or features.login_known != 1.0:
        return
    if features.stranger_failures_1d <= 0.0:
        return
    obligations, again_ms = turn.obligations, turn.policy.notifications.advised_again_s * 1000
    if obligations.advised_ms and turn.at_ms - obligations.advised_ms < again_ms:
        return
    if notify(turn, "advice.two_factor", {}):
        obligations.advised_ms = turn.at_ms
