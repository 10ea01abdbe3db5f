"""A stranger keeps failing on a victim's name in order to lock the victim out."""

from __future__ import annotations

from producers.durations import MINUTE_MS, SECOND_MS
from producers.simulate.stage import Context, Stage


def play(stage: Stage) -> None:
    """`failures` wrong passwords from changing addresses; in the middle the owner logs in as always and pays."""
    day = stage.warm_up()
    victim = stage.regular()
    at_ms = stage.day(day, 12.0)
    failures = stage.number("failures")
    for number in range(failures):
        at_ms += stage.rng.randrange(20, 70) * SECOND_MS
        stranger = Context(stage.device(), stage.address(), "VN", 10.82, 106.63)
        stage.login(victim.account_id, stranger, at_ms, "wrong_password")
        if number == failures // 2:
            owner = stage.home(victim)
            stage.login(victim.account_id, owner, at_ms + 5 * SECOND_MS)
            fields = stage.movement(victim, owner, victim.mean_minor, victim.terminals[0])
            stage.pay(victim, owner, at_ms + 10 * SECOND_MS, fields)
    owner = stage.home(victim)
    stage.login(victim.account_id, owner, at_ms + 2 * MINUTE_MS)
