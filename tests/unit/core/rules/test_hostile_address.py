"""Who is kept out at an address that guesses passwords, and who is only asked?"""

from __future__ import annotations

import pytest
from support.features import calm
from support.happenings import NOON, login

from streams.adapters.policy_file import load_policy
from streams.core.rules.base import Fired
from streams.core.rules.hostile_address import hostile_address

TABLE = load_policy().rules.hostile_address
ATTACK, ELEVATED = 2.0, 1.0


@pytest.mark.parametrize(
    ("level", "login_known", "network_new", "band"),
    [
        (ATTACK, 0.0, 1.0, 2),  # the right password of somebody who was never here
        (ATTACK, 0.0, 0.0, 1),  # the new phone of a household behind that address
        (ATTACK, 1.0, 0.0, 1),
        (ELEVATED, 0.0, 1.0, 1),
    ],
)
def test_whoever_is_at_home_there_is_asked_and_not_kept_out(
    level: float, login_known: float, network_new: float, band: int
) -> None:
    seen = calm(ip_guessing=level, login_known=login_known, network_new=network_new)
    found = hostile_address(login(NOON, 1), NOON, seen, TABLE)
    assert isinstance(found, Fired)
    assert found.band == band
