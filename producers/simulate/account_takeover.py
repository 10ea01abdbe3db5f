"""Somebody else gets in, changes the phone number, and sends the balance to strangers."""

from __future__ import annotations

from producers.durations import MINUTE_MS, SECOND_MS
from producers.simulate.stage import Context, Stage
from streams.contracts.accounts import IdentityVerified, UserReport


def play(stage: Stage) -> None:
    """Two wrong passwords and a right one from a new device far away, new credentials, three transfers, a report.

    Where `check_minutes` says so, the owner then passes the check that the end of a freeze needs.
    """
    day = stage.warm_up()
    victim = stage.regular()
    attacker = Context(stage.device(), stage.address(), "BR", -23.55, -46.63)
    at_ms = stage.day(day, 3.2)
    stage.login(victim.account_id, attacker, at_ms, "wrong_password")
    stage.login(victim.account_id, attacker, at_ms + 15 * SECOND_MS, "wrong_password")
    stage.login(victim.account_id, attacker, at_ms + 40 * SECOND_MS)
    stage.change_credential(victim.account_id, attacker, at_ms + 2 * MINUTE_MS, "phone")
    stage.change_credential(victim.account_id, attacker, at_ms + 3 * MINUTE_MS, "password")
    stage.bind_device(victim.account_id, attacker, at_ms + 4 * MINUTE_MS)
    for number in range(stage.number("transfers")):
        transfer_ms = at_ms + (6 + 4 * number) * MINUTE_MS
        stage.transfer(victim, attacker, transfer_ms, 9 * victim.mean_minor, f"{stage.tag}-mule-{number}")
    stage.say(
        "support.requests",
        UserReport(
            **stage.envelope(victim.account_id, at_ms + 45 * MINUTE_MS),
            channel="phone",
            language=victim.language,
            kind="stolen",
        ),
    )
    if check_minutes := stage.number("check_minutes"):
        stage.say(
            "identity.results",
            IdentityVerified(
                **stage.envelope(victim.account_id, at_ms + check_minutes * MINUTE_MS),
                method="face_and_document",
                level=3,
                passed=True,
                actor="identity-service",
                role="identity_service",
            ),
        )
