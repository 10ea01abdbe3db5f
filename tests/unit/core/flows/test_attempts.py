"""Does a movement that nobody vouched for make its device, network, country, card or receiver known?"""

from __future__ import annotations

from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, SECOND, event, login, paid
from support.play import PHONE, Player, policy, settled

from streams.contracts.accounts import CaseAction, CustomerConfirmed
from streams.contracts.base import Event
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengePassed, LoginSucceeded
from streams.contracts.payments import (
    BillpayRequested,
    PaymentRequested,
    TransferRequested,
    TransferSucceeded,
    WithdrawalRequested,
)
from streams.core.features import Features
from streams.core.locks.account_states import state_of
from streams.core.observations import decode, encode

AWAY: dict[str, Any] = {"device_id": "box", "ip": "198.51.100.9", "country": "US"}


def unanswered(player: Player) -> Player:
    player.see(login(NOON - 3 * MINUTE, "in", LoginSucceeded, asn=777, user_agent="Firefox", **AWAY))
    return player


def verdict(player: Player, movement: Event) -> str:
    made = [each for each in player.see(movement) if type(each) is DecisionMade]
    return made[-1].outcome


def asked(at_ms: int, number: int, amount: int = 4_000, **more: Any) -> Event:
    return paid(at_ms, f"out-{number}", amount, TransferRequested, counterparty_id=f"mule-{number}", **AWAY, **more)


def looked(player: Player, at_ms: int) -> Features:
    """What the account thinks of the place, asked with a payment that is too small for any rule but those."""
    player.see(paid(at_ms, f"look-{at_ms}", 100, PaymentRequested, merchant_id="m1", **AWAY))
    assert player.prepared.features is not None
    return player.prepared.features


def is_new(player: Player, at_ms: int) -> tuple[float, ...]:
    features = looked(player, at_ms)
    return features.device_new, features.ip_new, features.network_new, features.country_new


PASSES = login(NOON + 30 * SECOND, "otp", ChallengePassed, **AWAY)
LEAVES = paid(NOON + MINUTE, "out-0", 4_000, TransferSucceeded, counterparty_id="mule-0", merchant_id="shop-0")


def receivers_new(player: Player) -> tuple[float, ...]:
    """Whether payee and shop of the first attempt are new to the account at home."""
    at_home = paid(NOON + HOUR, "see", 100, TransferRequested, counterparty_id="mule-0", merchant_id="shop-0", **PHONE)
    player.see(at_home)
    assert player.prepared.features is not None
    return player.prepared.features.payee_new, player.prepared.features.merchant_new


def test_who_was_to_get_money_that_nobody_answered_for_is_as_new_as_before() -> None:
    player = settled()
    assert verdict(player, asked(NOON, 0, merchant_id="shop-0")) == "step_up"
    assert receivers_new(player) == (1.0, 1.0)


@pytest.mark.parametrize("then", [[PASSES], [LEAVES], [PASSES, LEAVES], [LEAVES, PASSES]])
@pytest.mark.parametrize("first", [True, False], ids=["request first", "request last"])
def test_who_gets_it_is_known_when_it_was_answered_for_or_has_gone(then: list[Event], first: bool) -> None:
    player, request = settled(), asked(NOON, 0, merchant_id="shop-0")
    for each in [request, *then] if first else [*then, request]:
        player.see(each)
    assert receivers_new(player) == (0.0, 0.0)


def test_receivers_that_were_only_tried_still_count_as_different_ones() -> None:
    player = settled()
    for number in range(20):
        player.see(asked(NOON + number * MINUTE, number, 100, merchant_id=f"shop-{number}"))
    receivers_new(player)
    features = player.prepared.features
    assert features is not None
    assert (features.payees_1d, features.merchants_1d, features.merchants_1h) == (17.0, 17.0, 17.0)


@pytest.mark.parametrize("gap_ms", [MINUTE, 70 * MINUTE], ids=["at once", "when the first has expired"])
@pytest.mark.parametrize("came_in", [True, False], ids=["after a login", "no login seen"])
def test_who_does_not_answer_for_one_payment_is_asked_for_the_next(came_in, gap_ms) -> None:
    player = unanswered(settled()) if came_in else settled()
    outcomes = [verdict(player, asked(NOON + number * gap_ms, number)) for number in range(4)]
    assert outcomes == ["step_up"] * 4
    assert is_new(player, NOON + DAY) == (1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (WithdrawalRequested, {"card_token": "mules-card"}),
        (TransferRequested, {}),
        (TransferRequested, {"counterparty_id": "mule"}),
        (BillpayRequested, {"biller_id": "strangers-bill"}),
        (PaymentRequested, {"merchant_id": "gift-cards"}),
    ],
    ids=["card", "nobody", "payee", "biller", "shop"],
)
@pytest.mark.parametrize("ahead", [0, 1, 100], ids=["at once", "a cent ahead", "one ahead"])
def test_no_small_payment_ahead_lets_a_large_one_go_in_doubt(kind, named, ahead) -> None:
    """Shops and billers too: gift cards are money."""
    player = unanswered(settled())
    if ahead:
        assert verdict(player, paid(NOON, "ahead", ahead, kind, **AWAY, **named)) == "step_up"
    assert verdict(player, paid(NOON + MINUTE, "out", 55_000, kind, **AWAY, **named)) == "hold"
    assert state_of(player.obligations["a1"].locks) == "restricted"


def test_a_second_factor_makes_known_where_the_payment_came_from() -> None:
    player = settled()
    assert verdict(player, asked(NOON, 0)) == "step_up"
    player.see(login(NOON + 30 * SECOND, "otp", ChallengePassed, **AWAY))
    assert is_new(player, NOON + MINUTE) == (0.0, 0.0, 0.0, 0.0)
    assert verdict(player, asked(NOON + 2 * MINUTE, 1)) == "allow"


def test_a_second_factor_of_somebody_else_makes_nothing_known_of_it() -> None:
    player = settled()
    player.see(asked(NOON, 0))
    player.see(login(NOON + 30 * SECOND, "otp", ChallengePassed, **PHONE))
    assert is_new(player, NOON + MINUTE)[0] == 1.0


def test_what_was_carried_out_is_known() -> None:
    player = settled()
    player.see(asked(NOON, 0))
    player.see(paid(NOON + MINUTE, "out-0", 4_000, TransferSucceeded, counterparty_id="mule-0"))
    assert is_new(player, NOON + 2 * MINUTE) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("who", ["owner", "analyst"])
def test_what_somebody_known_lets_go_is_known(who) -> None:
    player = settled()
    player.see(asked(NOON, 0, 100))
    again = paid(NOON + MINUTE, "big", 55_000, TransferRequested, counterparty_id="mule-0", **AWAY)
    assert verdict(player, again) == "hold"
    assert is_new(player, NOON + 2 * MINUTE)[0] == 1.0
    if who == "owner":
        word = {"channel": "app", "answer": "yes", "payment_id": "pbig", "device_id": "phone"}
        player.see(event(CustomerConfirmed, NOON + 3 * MINUTE, "yes", **word))
    else:
        case = player.obligations["a1"].cases[-1]
        act = {"action": "release", "case_id": case.case_id, "expected_version": case.version}
        player.see(event(CaseAction, NOON + 3 * MINUTE, "act", role="analyst", actor="ana", **act))
    assert is_new(player, NOON + 4 * MINUTE) == (0.0, 0.0, 0.0, 0.0)


def test_the_order_in_which_its_words_arrive_decides_nothing() -> None:
    """The second factor first, or the success first, or everything twice: the account knows the same."""
    request, answer = asked(NOON, 0), login(NOON + 30 * SECOND, "otp", ChallengePassed, **AWAY)
    gone = paid(NOON + MINUTE, "out-0", 4_000, TransferSucceeded, counterparty_id="mule-0", **AWAY)
    for words in (
        [request, answer],
        [answer, request],
        [request, gone],
        [gone, request],
        [request, request, gone, gone],
    ):
        player = settled()
        for word in words:
            player.see(word)
        assert is_new(player, NOON + 2 * MINUTE) == (0.0, 0.0, 0.0, 0.0)
        assert player.observations["a1"].attempts == b""


def test_attempts_still_count_as_different_ones() -> None:
    player = settled()
    for number in range(40):
        player.see(asked(NOON + number * MINUTE, number, card_token=f"card-{number}"))
    features = looked(player, NOON + HOUR)
    assert (features.devices_7d, features.countries_7d, features.ips_1d) == (1.0, 1.0, 1.0)
    assert features.cards_1d == 16.0
    stored = player.observations["a1"]
    assert len(stored.attempts) <= 16 * 44
    assert decode(encode(stored)) == stored


def test_under_a_policy_that_only_observes_nobody_is_asked_and_everything_is_met() -> None:
    player = settled(policy('mode = "observe"\n'))
    player.see(asked(NOON, 0))
    assert is_new(player, NOON + MINUTE) == (0.0, 0.0, 0.0, 0.0)


def test_the_owner_is_met_elsewhere_while_a_stranger_does_not_answer() -> None:
    """A stranger's try with the right password costs the owner nothing: her phone and her home vouch for her."""
    player = unanswered(settled())
    hotel = {"ip": "192.0.2.77", "country": "FR"}
    player.see(paid(NOON, "abroad", 100, PaymentRequested, merchant_id="m1", device_id="phone", **hotel))
    player.see(paid(NOON + MINUTE, "again", 100, PaymentRequested, merchant_id="m1", device_id="phone", **hotel))
    assert player.prepared.features.ip_new == 0.0
    home = {"ip": "203.0.113.7", "country": "CN", "device_id": "tablet"}
    player.see(paid(NOON + 2 * MINUTE, "tablet", 100, PaymentRequested, merchant_id="m1", **home))
    player.see(paid(NOON + 3 * MINUTE, "tablet-2", 100, PaymentRequested, merchant_id="m1", **home))
    assert player.prepared.features.device_new == 0.0
