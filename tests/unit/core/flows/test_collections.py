"""Does money from many senders stop a mule, and not whoever strangers send cents to, or friends their share?"""

from __future__ import annotations

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event, paid
from support.play import PHONE, Player, policy, settled

from streams.contracts.accounts import CaseAction, CustomerConfirmed, LedgerPosted
from streams.contracts.actions import ActionRequested
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.decisions import DecisionAmended, DecisionMade
from streams.contracts.payments import (
    BillpayRequested,
    Movement,
    PaymentRequested,
    TransferFailed,
    TransferRequested,
    TransferSucceeded,
)
from streams.core.steps import Effect


def owner() -> Player:
    """Who has paid 1,000.00 in the last month, some of it to mom."""
    player = settled()
    player.see(paid(NOON - 20 * DAY, "mom", 5_000, TransferRequested, counterparty_id="mom", **PHONE))
    return player


def send(player: Player, at_ms: int, each_minor: int, *, senders: int = 16, who: str = "sender") -> int:
    """Each of so many people sends so much, five seconds after the other; when the last one did."""
    for n in range(senders):
        entry = {"entry_id": f"{who}{n}-{at_ms}", "counterparty_id": f"{who}{n}", "direction": "credit"}
        more = {"amount_minor": each_minor, "currency": "EUR"}
        player.see(event(LedgerPosted, at_ms + n * 5_000, f"{who}{n}-{at_ms}", **entry, **more))
    return at_ms + senders * 5_000


def transfers(player: Player, at_ms: int, number: str, minor: int, to: str = "mom") -> list[Effect]:
    return player.see(paid(at_ms, number, minor, TransferRequested, counterparty_id=to, **PHONE))


def outcome(effects: list[Effect]) -> str:
    return next((each.outcome for each in effects if isinstance(each, DecisionMade)), "allow")


def buys(player: Player, at_ms: int) -> str:
    """What becomes of the usual payment in the usual shop."""
    effects = player.see(paid(at_ms, f"shop{at_ms}", 2_500, PaymentRequested, merchant_id="m1", **PHONE))
    return outcome(effects)


def passes(player: Player, effects: list[Effect]) -> bool:
    """Whether the movement that was seen last waits, or is taken for money that passes through."""
    rules = {hit.rule.partition("/")[0] for hit in player.prepared.hits}
    return bool(rules & {"fan-in", "pass-through"}) or outcome(effects) in ("hold", "block")


def is_paused(effects: list[Effect]) -> bool:
    return any(isinstance(each, ActionRequested) and each.action == "restrict" for each in effects)


def mule_case(effects: list[Effect]) -> CaseVersion:
    return [each for each in effects if isinstance(each, CaseVersion) and each.flow == "F31"][-1]


def acts(player: Player, at_ms: int, action: str) -> list[Effect]:
    (case,) = (each for owed in player.obligations.values() for each in owed.cases if each.flow == "F31")
    act = {"action": action, "case_id": case.case_id, "expected_version": case.version}
    return player.see(event(CaseAction, at_ms, f"{action}{at_ms}", role="analyst", actor="ana", **act))


@pytest.mark.parametrize("each_minor", [1, 100, 200])
def test_strangers_who_send_little_stop_nothing(each_minor: int):
    player = owner()
    for day in range(3):
        at_ms = send(player, NOON + day * DAY, each_minor, senders=24, who=f"day{day}-")
        effects = transfers(player, at_ms + MINUTE, f"mom{day}", 4_000)
        assert not [each for each in effects if isinstance(each, CaseVersion)]
        assert (outcome(effects), buys(player, at_ms + HOUR)) == ("allow", "allow")


def test_strangers_who_send_cents_make_no_collection_of_what_a_buyer_sends():
    player = owner()
    send(player, NOON, 30_000, senders=1, who="buyer")
    at_ms = send(player, NOON + MINUTE, 1)
    assert not passes(player, transfers(player, at_ms + HOUR, "rent", 30_000))


def test_a_payment_beside_a_small_part_of_what_friends_sent_is_not_asked_about():
    player = owner()
    at_ms = send(player, NOON, 2_000)
    assert outcome(transfers(player, at_ms + MINUTE, "bus", 1_200)) == "allow"


def test_friends_who_pay_for_a_dinner_have_that_one_payment_wait_and_nothing_else():
    player = owner()
    at_ms = send(player, NOON, 2_000)
    effects = transfers(player, at_ms + MINUTE, "dinner", 32_000, "restaurant")
    assert (outcome(effects), is_paused(effects)) == ("hold", False)
    assert [each.template for each in effects if isinstance(each, NotificationRequested)] == ["mule_account.held"]
    assert "R06" not in {reason.code for each in effects if isinstance(each, DecisionMade) for reason in each.reasons}
    assert buys(player, at_ms + 2 * MINUTE) == "allow"
    effects = player.pass_until(at_ms + 3 * HOUR)
    assert next(each.template for each in effects if isinstance(each, NotificationRequested)) == "fraud_alert.stopped"


def test_what_an_analyst_has_found_legitimate_raises_nothing_again_until_others_send():
    player = owner()
    at_ms = send(player, NOON, 2_000)
    transfers(player, at_ms + MINUTE, "dinner", 32_000, "restaurant")
    effects = acts(player, at_ms + 2 * MINUTE, "confirm_legit")
    assert [each.outcome for each in effects if isinstance(each, DecisionAmended)] == ["allow"]
    assert mule_case(effects).status == "auto_answered", "nobody hears for a month that work goes on"
    for number in range(3):
        again = transfers(player, at_ms + (3 + number) * HOUR, f"again{number}", 4_000)
        assert not passes(player, again)
    at_ms = send(player, at_ms + 8 * HOUR, 6_000, who="other")
    effects = transfers(player, at_ms + MINUTE, "on", 90_000, "boss")
    assert outcome(effects) == "hold"
    assert (mule_case(effects).finding, mule_case(effects).status) == ("unset", "classified")


def test_what_a_person_has_unlocked_is_not_paused_again_by_the_same_money():
    player = owner()
    at_ms = send(player, NOON, 10_000)
    effects = transfers(player, at_ms + MINUTE, "out", 150_000, "boss")
    assert (outcome(effects), is_paused(effects), buys(player, at_ms + 2 * MINUTE)) == ("hold", True, "block")
    acts(player, at_ms + 3 * MINUTE, "unlock")
    effects = transfers(player, at_ms + 4 * MINUTE, "again", 4_000)
    assert (passes(player, effects), is_paused(effects)) == (False, False)
    assert buys(player, at_ms + 5 * MINUTE) in ("allow", "review")


def test_a_mule_hides_nothing_behind_cents_and_sends_nothing_on_in_parts():
    player = owner()
    at_ms = send(player, NOON, 10_000)
    at_ms = send(player, at_ms, 1, senders=40, who="cent")
    for number in range(4):
        effects = transfers(player, at_ms + HOUR + number * HOUR, f"part{number}", 40_000, f"boss{number % 2}")
        assert outcome(effects) in ("hold", "block")


@pytest.mark.parametrize("kind", [TransferRequested, PaymentRequested, BillpayRequested])
@pytest.mark.parametrize("fails", [False, True])
def test_whoever_asks_for_more_than_came_in_has_spent_nothing(kind: type[Movement], fails: bool):
    player = owner()
    at_ms = send(player, NOON, 8_000, senders=20)
    player.see(paid(at_ms + MINUTE, "large", 330_000, kind, counterparty_id="boss0", **PHONE))
    if fails:
        player.see(paid(at_ms + 2 * MINUTE, "large", 330_000, TransferFailed, counterparty_id="boss0", **PHONE))
    for number in range(4):
        effects = transfers(player, at_ms + (3 + number) * MINUTE, f"part{number}", 40_000, f"boss{number % 2}")
        assert outcome(effects) in ("hold", "block")


def test_a_payment_that_was_stopped_is_stopped_when_it_is_asked_for_again():
    player = owner()
    at_ms = send(player, NOON, 2_000)
    for number in range(3):
        again_ms = at_ms + MINUTE + number * 3 * HOUR
        assert outcome(transfers(player, again_ms, f"dinner{number}", 32_000, "restaurant")) == "hold"
        player.pass_until(again_ms + 2 * HOUR + MINUTE)


def test_what_friends_sent_beside_much_that_was_really_spent_is_no_collection():
    player = owner()
    at_ms = send(player, NOON, 2_000)
    for kind in (TransferRequested, TransferSucceeded):  # told twice, it has left once
        player.see(paid(at_ms + MINUTE, "flat", 40_000, kind, counterparty_id="mom", **PHONE))
    assert passes(player, transfers(player, at_ms + HOUR, "part", 20_000, "shop"))
    player.see(paid(at_ms + 2 * HOUR, "more", 50_000, TransferSucceeded, counterparty_id="mom", **PHONE))
    assert not passes(player, transfers(player, at_ms + 3 * HOUR, "part2", 2_000, "shop"))


@pytest.mark.parametrize("about", ["payment_id", "case_id"])
@pytest.mark.parametrize("hours", [1, 3])
def test_an_owner_who_did_not_ask_for_the_held_payment_is_heard(about: str, hours: int):
    player = owner()
    at_ms = send(player, NOON, 2_000)
    case = mule_case(transfers(player, at_ms + MINUTE, "dinner", 34_000, "restaurant"))
    player.pass_until(at_ms + hours * HOUR)
    no = {"answer": "no", "channel": "app", about: "pdinner" if about == "payment_id" else case.case_id}
    effects = player.see(event(CustomerConfirmed, at_ms + hours * HOUR, "no", device_id=PHONE["device_id"], **no))
    assert "freeze" in {each.action for each in effects if isinstance(each, ActionRequested)}
    found = {each.flow: each.finding for each in effects if isinstance(each, CaseVersion)}
    assert found.pop("F31", "unset") == "unset", "whose money it is has nobody said"
    assert set(found.values()) == {"confirmed_fraud"}
    again = transfers(player, at_ms + (hours + 1) * HOUR, "again", 34_000, "restaurant")
    assert outcome(again) == "block"


@pytest.mark.parametrize(("each_minor", "minor"), [(1_000, 15_000), (550, 4_000)])
def test_little_from_many_stops_nothing_else_on_an_account_that_is_little_used(each_minor: int, minor: int):
    player = Player(policy())
    for day in range(-10, 0):
        player.see(paid(NOON + day * DAY, f"shop{day}", 800, PaymentRequested, merchant_id="m1", **PHONE))
    at_ms = send(player, NOON, each_minor, senders=17)
    effects = transfers(player, at_ms + HOUR, "present", minor)
    assert (outcome(effects), is_paused(effects)) == ("hold", False)
    assert buys(player, at_ms + 2 * HOUR) in ("allow", "notify", "review")


def test_a_club_whose_members_pay_every_month_collects_from_nobody_new():
    player = owner()
    for month in range(3):
        at_ms = send(player, NOON + month * 28 * DAY, 2_000, senders=40, who="member")
        is_taken = passes(player, transfers(player, at_ms + HOUR, f"hall{month}", 50_000, "hall"))
    assert not is_taken


def test_a_crowd_that_sends_cents_first_makes_no_sender_familiar():
    player = owner()
    at_ms = send(player, NOON - 3 * DAY, 1, senders=80, who="cent")
    at_ms = send(player, NOON, 8_000, senders=20)
    assert outcome(transfers(player, at_ms + MINUTE, "out", 40_000, "boss")) == "hold"
