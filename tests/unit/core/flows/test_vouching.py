"""Whose "yes, that was me" releases a payment, while somebody may be in who is not the owner?"""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import Player, policy

from streams.contracts.accounts import CustomerConfirmed, IdentityVerified
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.logins import ChallengePassed, CredentialChanged, LoginSucceeded
from streams.contracts.payments import TransferRequested
from streams.core.outcome import Outcome
from streams.core.steps import Effect

PHONE: dict[str, Any] = {"device_id": "phone", "ip": "203.0.113.7", "country": "CN"}
THIEF: dict[str, Any] = {"device_id": "box", "ip": "198.51.100.9", "country": "US"}
ASSUMED = policy('[locks]\nack = "assumed"\n')


def at_home(player: Player) -> None:
    """Twenty days of logins and payments of 50 euros, on one phone."""
    for day in range(20):
        at_ms = NOON - (40 - day) * DAY
        player.see(login(at_ms, f"home-{day}", LoginSucceeded, asn=100, user_agent="wallet/5.3", **PHONE))
        player.see(paid(at_ms + HOUR, f"home-{day}", 5000, merchant_id="m1", **PHONE))


def came_in(player: Player) -> None:
    """The right password from nowhere, a stolen second factor, and a new password."""
    player.see(login(NOON, "in", LoginSucceeded, asn=999, user_agent="Firefox", **THIEF))
    player.see(login(NOON + MINUTE, "sms", ChallengePassed, reason="sms", **THIEF))
    player.see(login(NOON + 2 * MINUTE, "new", CredentialChanged, reason="password", **THIEF))


def asked(player: Player, at_ms: int, number: int, amount_minor: int = 9000, **where: Any) -> tuple[str, Outcome]:
    """A transfer to somebody new: its id, and what was decided about it."""
    transfer = paid(at_ms, f"t{number}", amount_minor, TransferRequested, counterparty_id=f"payee{number}", **where)
    made = [each for each in player.see(transfer) if type(each) is DecisionMade]
    return transfer.payment_id, Outcome.parse(made[-1].outcome)


def yes(player: Player, at_ms: int, payment_id: str, device_id: str | None) -> list[Effect]:
    said = {"channel": "app", "answer": "yes", "payment_id": payment_id, "device_id": device_id}
    return player.see(event(CustomerConfirmed, at_ms, f"yes-{at_ms}", **said))


def released(effects: list[Effect]) -> bool:
    return any(type(each) is DecisionAmended and each.outcome == "allow" for each in effects)


def test_a_thief_who_says_yes_to_every_part_gets_nothing_and_the_case_stays() -> None:
    player = Player(ASSUMED)
    at_home(player)
    came_in(player)
    for number in range(40):
        at_ms = NOON + 5 * MINUTE + number * 10 * MINUTE
        payment_id, outcome = asked(player, at_ms, number, **THIEF)
        assert outcome >= Outcome.HOLD
        assert not released(yes(player, at_ms + MINUTE, payment_id, "box"))
    assert all(case.finding == "unset" for case in player.obligations["a1"].cases if case.family == "fraud_alert")


def test_who_says_yes_there_is_told_what_to_do() -> None:
    player = Player(ASSUMED)
    at_home(player)
    came_in(player)
    payment_id, _ = asked(player, NOON + HOUR, 1, **THIEF)
    effects = yes(player, NOON + HOUR + MINUTE, payment_id, None)
    assert [each.template for each in effects if type(each) is NotificationRequested] == ["fraud_alert.unvouched"]
    case = [each for each in effects if type(each) is CaseVersion][-1]
    assert "nothing is released" in (case.evidence[-1].text or "")


@settings(max_examples=25, deadline=None)
@given(
    thief_is_in=st.booleans(),
    pays_on=st.sampled_from(["phone", "box", None]),
    says_on=st.sampled_from(["phone", "box", "other", None]),
    proof=st.sampled_from([None, "before", "passed", "passed_then_failed"]),
)
@example(thief_is_in=True, pays_on="box", says_on="box", proof="before")
@example(thief_is_in=True, pays_on="box", says_on="phone", proof=None)
@example(thief_is_in=True, pays_on="box", says_on="box", proof="passed_then_failed")
def test_a_yes_counts_where_a_device_or_a_face_is_older_than_the_doubt(
    thief_is_in: bool, pays_on: str | None, says_on: str | None, proof: str | None
) -> None:
    """The payment is small after a tiny one, so that it is held on any device; only who vouches for it differs."""
    player = Player(ASSUMED)
    at_home(player)
    if proof == "before":
        player.see(identity(NOON - HOUR, passed=True))
    if thief_is_in:
        came_in(player)
    if proof is not None and proof != "before":
        player.see(identity(NOON + 5 * MINUTE, passed=True))
    if proof == "passed_then_failed":
        player.see(identity(NOON + 6 * MINUTE, passed=False))
    where = {**PHONE, "device_id": pays_on}
    asked(player, NOON + 10 * MINUTE, 1, 1, **where)
    payment_id, outcome = asked(player, NOON + 20 * MINUTE, 2, 300_000, **where)
    if outcome is not Outcome.HOLD:
        assert outcome is Outcome.BLOCK  # the payment of a takeover: no answer releases it
        return
    vouched = not thief_is_in or "phone" in (pays_on, says_on) or proof == "passed"
    assert released(yes(player, NOON + 21 * MINUTE, payment_id, says_on)) == vouched


def identity(at_ms: int, *, passed: bool) -> Any:
    checked = {"method": "face_and_document", "level": 3, "actor": "idv", "role": "identity_service"}
    return event(IdentityVerified, at_ms, f"identity-{at_ms}", passed=passed, **checked)


def test_a_yes_after_a_week_without_doubt_counts_again() -> None:
    player = Player(ASSUMED)
    at_home(player)
    came_in(player)
    after = NOON + 8 * DAY
    asked(player, after, 1, 1, **PHONE)
    payment_id, outcome = asked(player, after + 10 * MINUTE, 2, 300_000, **{**PHONE, "device_id": None})
    assert outcome is Outcome.HOLD
    assert released(yes(player, after + 11 * MINUTE, payment_id, None))
