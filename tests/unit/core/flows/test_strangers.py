"""What follows when the right password comes from where the owner never is (login-risk/03), and how does it end?"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from support.happenings import DAY, HOUR, MINUTE, NOON, event, login, paid
from support.play import PHONE, Player, policy, settled

from streams.contracts.accounts import CustomerConfirmed, IdentityVerified, UserReport
from streams.contracts.actions import ActionRequested
from streams.contracts.base import Watermark
from streams.contracts.cases import NotificationRequested
from streams.contracts.decisions import DecisionMade
from streams.contracts.logins import ChallengePassed, ChallengeSent, CredentialChanged, LoginSucceeded
from streams.contracts.payments import (
    PaymentRequested,
    PaymentSucceeded,
    TransferRequested,
    TransferSucceeded,
    WithdrawalRequested,
)
from streams.core.obligations import Case
from streams.core.steps import Effect
from streams.core.unlearning import forget_since

# Every login by a device that is not known yet is of the third band.
BAD = '[locks]\nack = "assumed"\n[rules.login_risk]\nratios = [1e-12, 2e-12, 3e-12]\n'
RISKY = policy(BAD)
ASKING = policy(BAD.replace("2e-12, 3e-12", "2e11, 3e11"))  # ... of the first one
FAR: dict[str, Any] = {"device_id": "box", "ip": "198.51.100.9", "country": "US", "asn": 60781}
AGENT: dict[str, Any] = {"user_agent": "wallet/5.3"}
CHECK: dict[str, Any] = {"method": "face_and_document", "level": 3, "passed": True, "actor": "idv"}
CHECK["role"] = "identity_service"


@cache
def busy_site() -> bytes:
    player = settled(RISKY)
    for number in range(1_000):
        other = {"account_id": f"a{number + 2}", "device_id": f"phone-{number}", "user_agent": "wallet/5.3"}
        player.see(login(NOON - 2 * HOUR + number, number, LoginSucceeded, **other))
    return player.saved()


def entered() -> tuple[Player, Case, list[Effect]]:
    player = Player.revived(busy_site(), RISKY)
    effects = player.see(login(NOON, "in", LoginSucceeded, **FAR, **AGENT))
    (case,) = player.obligations["a1"].cases
    return player, case, effects


def again(player: Player, at_ms: int) -> list[Effect]:
    return player.see(login(at_ms, f"in-{at_ms}", LoginSucceeded, **FAR, **AGENT))


def factor(player: Player, at_ms: int, **place: Any) -> list[Effect]:
    return player.see(login(at_ms, f"ok-{at_ms}", ChallengePassed, **(FAR | place)))


def pays(player: Player, at_ms: int, **place: Any) -> list[str]:
    movement: dict[str, Any] = {"counterparty_id": "shop", "device_id": PHONE["device_id"], "ip": PHONE["ip"]}
    return decided(player.see(paid(at_ms, f"pay-{at_ms}", 4_000, TransferRequested, **(movement | place))))


def decided(effects: list[Effect]) -> list[str]:
    return [each.outcome for each in effects if type(each) is DecisionMade]


def told(effects: list[Effect]) -> list[str]:
    return [each.template for each in effects if type(each) is NotificationRequested]


def locks(player: Player) -> list[tuple[str, str]]:
    return [(held.action, held.applies_to) for held in player.obligations["a1"].locks]


def test_a_stranger_is_asked_and_money_stays_in_on_unknown_devices_alone() -> None:
    player, case, effects = entered()
    assert decided(effects) == ["step_up"]
    assert (case.flow, case.status, locks(player)) == ("F21", "classified", [("restrict", "unknown_devices")])
    assert told(effects) == ["account_locked.sign_in"]
    assert pays(player, NOON + MINUTE, device_id="box", ip=FAR["ip"]) == ["block"]
    assert pays(player, NOON + 2 * MINUTE, device_id=None, ip=None) == ["block"], "whoever logged in last"
    assert pays(player, NOON + 3 * MINUTE, device_id="other") == ["block"], "unknown in the owner's network too"
    assert pays(player, NOON + 4 * MINUTE) == ["notify"], "a new receiver, from the owner's phone"
    player.pass_until(NOON + 10 * DAY)
    assert locks(player) == []
    player.stored()


TABLET: dict[str, Any] = {"device_id": "tablet", "ip": "203.0.113.8", "country": "CN"}
OWN_CARD: dict[str, Any] = {"card_token": "card", "device_id": None, "ip": None, "counterparty_id": None}


def known_by_payments() -> Player:
    """An owner whose tablet, card, payee and shop have paid for weeks; the tablet was signed in before we listened."""
    player = Player.revived(busy_site(), RISKY)
    for day in range(10):
        at_ms = NOON - (12 - day) * DAY
        player.see(paid(at_ms, f"tab-{day}", 4_000, PaymentSucceeded, merchant_id="m1", card_token="card", **TABLET))
        player.see(paid(at_ms + HOUR, f"rent-{day}", 4_000, TransferSucceeded, counterparty_id="flat", **TABLET))
    return player


@pytest.mark.parametrize(
    ("kind", "movement"),
    [
        pytest.param(TransferRequested, TABLET | {"counterparty_id": "new"}, id="tablet"),
        pytest.param(TransferRequested, TABLET | {"ip": "198.51.100.200", "counterparty_id": "flat"}, id="on the way"),
        pytest.param(PaymentRequested, OWN_CARD | {"merchant_id": "new", "terminal_id": "t1"}, id="card at a terminal"),
        pytest.param(PaymentRequested, OWN_CARD | {"merchant_id": "m1"}, id="card subscription"),
        pytest.param(
            TransferRequested, {"counterparty_id": "flat", "device_id": None, "ip": None}, id="standing order"
        ),
    ],
)
def test_what_has_paid_since_before_the_stranger_goes_on_paying(kind: type, movement: dict[str, Any]) -> None:
    player = known_by_payments()
    player.see(login(NOON, "in", LoginSucceeded, **FAR, **AGENT))
    assert locks(player) == [("restrict", "unknown_devices")]
    (outcome,) = decided(player.see(paid(NOON + HOUR, "own", 4_000, kind, **movement)))
    assert outcome in ("allow", "notify", "review")


@pytest.mark.parametrize(
    ("kind", "movement"),
    [
        pytest.param(TransferRequested, FAR | {"counterparty_id": "flat"}, id="stranger"),
        pytest.param(TransferRequested, TABLET | {"ip": FAR["ip"], "counterparty_id": "new"}, id="stranger's address"),
        pytest.param(TransferRequested, {"counterparty_id": "new", "device_id": None, "ip": None}, id="new payee"),
        pytest.param(PaymentRequested, OWN_CARD | {"merchant_id": "new"}, id="new shop, no terminal"),
        pytest.param(PaymentRequested, OWN_CARD | {"terminal_id": "t1", "card_token": "new"}, id="new card"),
        pytest.param(WithdrawalRequested, OWN_CARD | {"card_token": "mule"}, id="to a new card"),
    ],
)
def test_the_stranger_is_not_taken_for_what_has_paid_before(kind: type, movement: dict[str, Any]) -> None:
    player = known_by_payments()
    player.see(login(NOON, "in", LoginSucceeded, **FAR, **AGENT))
    place = {key: value for key, value in movement.items() if key != "asn"}
    assert decided(player.see(paid(NOON + HOUR, "his", 4_000, kind, **place))) == ["block"]


def test_a_device_that_has_paid_on_the_day_of_the_stranger_alone_is_unknown() -> None:
    player = Player.revived(busy_site(), RISKY)
    player.see(paid(NOON - HOUR, "first", 900, PaymentSucceeded, merchant_id="m1", **TABLET))
    player.see(login(NOON, "in", LoginSucceeded, **FAR, **AGENT))
    assert pays(player, NOON + HOUR, device_id="tablet", ip=TABLET["ip"]) == ["block"]


BIG: dict[str, Any] = {"counterparty_id": "mule", "device_id": "box", "ip": FAR["ip"], "country": "US"}


@pytest.mark.parametrize("has_new_phone", [False, True])
def test_what_a_kept_out_stranger_asks_for_shuts_nobody_else_out(has_new_phone: bool) -> None:
    player = Player.revived(busy_site(), RISKY)
    if has_new_phone:
        new = {"device_id": "new", "ip": PHONE["ip"], "country": "CN"}
        player.see(login(NOON - 2 * DAY, "new", LoginSucceeded, **new, **AGENT))
        player.see(login(NOON - 2 * DAY + MINUTE, "new", ChallengePassed, **new))
    again(player, NOON)
    effects = player.see(paid(NOON + HOUR, "grab", 45_000, TransferRequested, **BIG))
    assert decided(effects) == ["block"]
    assert told(effects) == ["fraud_alert.stopped"]
    assert locks(player) == [("restrict", "unknown_devices")]
    more = player.see(paid(NOON + HOUR + MINUTE, "grab-2", 45_000, TransferRequested, **BIG))
    assert (decided(more), told(more)) == (["block"], []), "not one message for each"
    assert pays(player, NOON + 2 * HOUR, counterparty_id="friend") != ["block"]


def test_the_owners_new_password_makes_no_takeover_of_what_a_kept_out_stranger_asks_for() -> None:
    player, _, _ = entered()
    player.see(login(NOON + HOUR, "cure", CredentialChanged, reason="password", **PHONE))
    for number in range(3):
        asked = paid(NOON + HOUR + number * MINUTE, f"grab-{number}", 9_000, TransferRequested, **BIG)
        assert decided(player.see(asked)) == ["block"]
    assert locks(player) == [("restrict", "unknown_devices")]
    assert "account_takeover" not in {case.case_type for case in player.obligations["a1"].cases}
    assert pays(player, NOON + 2 * HOUR, counterparty_id="friend") != ["block"]


def test_a_strangers_own_new_password_is_a_takeover_as_ever() -> None:
    player, _, _ = entered()
    player.see(login(NOON + HOUR, "his", CredentialChanged, reason="password", **FAR))
    for number in range(3):
        player.see(paid(NOON + HOUR + number * MINUTE, f"grab-{number}", 9_000, TransferRequested, **BIG))
    assert ("restrict", "everyone") in locks(player)


def test_the_second_factor_from_there_leaves_lower_limits_and_ends_the_case() -> None:
    player, case, _ = entered()
    effects = factor(player, NOON + MINUTE)
    assert locks(player) == [("limit", "everyone")]
    assert (case.status, case.resolution) == ("closed", "challenge_passed")
    assert told(effects) == ["unlocked.limited"]
    assert pays(player, NOON + 2 * MINUTE, device_id="box", ip=FAR["ip"]) != ["block"]
    player.pass_until(NOON + 2 * DAY)
    assert locks(player) == []


def test_the_factor_that_came_first_counts_as_well() -> None:
    player = Player.revived(busy_site(), RISKY)
    factor(player, NOON - MINUTE)
    effects = again(player, NOON)
    assert (decided(effects), told(effects)) == (["step_up"], ["fraud_alert.login_limited"])
    assert (locks(player), player.obligations["a1"].cases) == ([("limit", "everyone")], [])


def test_a_factor_from_elsewhere_ends_nothing() -> None:
    player, case, _ = entered()
    factor(player, NOON + MINUTE, **PHONE)
    assert (locks(player), case.is_open) == ([("restrict", "unknown_devices")], True)


def test_a_prompt_that_was_one_too_many_ends_nothing() -> None:
    player, case, _ = entered()
    for number in range(6):
        player.see(login(NOON + (number + 1) * MINUTE, f"push-{number}", ChallengeSent, reason="push", **FAR))
    player.see(login(NOON + 8 * MINUTE, "worn", ChallengePassed, reason="push", **FAR))
    assert (locks(player), case.is_open) == ([("restrict", "unknown_devices")], True)


def test_what_has_shown_more_than_a_login_is_not_ended_by_its_factor() -> None:
    player, case, _ = entered()
    case.payment_id = "p"
    factor(player, NOON + MINUTE)
    assert (locks(player), case.is_open) == ([("restrict", "unknown_devices")], True)


def test_nobody_is_in_so_a_no_freezes_nothing_until_money_was_asked_for_there() -> None:
    player, case, _ = entered()
    no = {"answer": "no", "case_id": case.case_id, "channel": "app", "device_id": "phone"}
    assert told(player.see(event(CustomerConfirmed, NOON + HOUR, "no", **no))) == ["fraud_alert.kept_out"]
    assert (locks(player), case.finding) == ([("restrict", "unknown_devices")], "valuable_alert")
    assert pays(player, NOON + 2 * HOUR) == ["allow"]
    pays(player, NOON + 3 * HOUR, device_id="box", ip=FAR["ip"])
    player.see(event(CustomerConfirmed, NOON + 4 * HOUR, "no-2", **no))
    assert ("freeze", "everyone") in locks(player), "whoever pays is in"


@pytest.mark.parametrize(
    "where",
    [
        pytest.param({"device_id": None, "ip": None}, id="names nothing"),
        pytest.param({"device_id": "watch", "ip": "198.51.100.77"}, id="another device"),
        pytest.param({"device_id": None, "ip": "198.51.100.77"}, id="mobile data"),
    ],
)
def test_what_was_not_asked_for_there_makes_a_no_freeze_nothing(where: dict[str, Any]) -> None:
    player, case, _ = entered()
    assert pays(player, NOON + MINUTE, **where) == ["block"]
    no = {"answer": "no", "case_id": case.case_id, "channel": "app", "device_id": "phone"}
    assert told(player.see(event(CustomerConfirmed, NOON + HOUR, "no", **no))) == ["fraud_alert.kept_out"]
    assert locks(player) == [("restrict", "unknown_devices")]


@pytest.mark.parametrize("where", [{"device_id": "box", "ip": PHONE["ip"]}, {"device_id": None, "ip": FAR["ip"]}])
def test_money_asked_for_by_the_strangers_device_or_address_makes_a_no_freeze(where: dict[str, Any]) -> None:
    player, case, _ = entered()
    assert pays(player, NOON + MINUTE, **where) == ["block"]
    for number in range(200):  # whatever else has happened since
        player.see(
            login(NOON + 2 * MINUTE + number, f"far-{number}", LoginSucceeded, **(FAR | {"device_id": f"b{number}"}))
        )
    no = {"answer": "no", "case_id": case.case_id, "channel": "app", "device_id": "phone"}
    player.see(event(CustomerConfirmed, NOON + HOUR, "no", **no))
    assert ("freeze", "everyone") in locks(player)


def crowded(answers: bool) -> tuple[Player, Case]:
    """An owner on the way is asked in two countries, and then forty strangers with the password are kept out."""
    player = Player.revived(busy_site(), ASKING)
    for number, country in enumerate(("FR", "IT")):
        way = {"device_id": "phone", "ip": f"192.0.{number}.7", "country": country, "asn": 3215}
        at_ms = NOON - HOUR + number * 20 * MINUTE
        asked = player.see(login(at_ms, country, LoginSucceeded, **way, **AGENT))
        assert decided(asked) == ["step_up"]
        if answers:
            factor(player, at_ms + MINUTE, **way)
    player = Player.revived(player.saved(), RISKY)
    for number in range(40):
        box = FAR | {"device_id": f"box-{number}", "ip": f"198.51.{number}.9"}
        player.see(login(NOON + number * MINUTE, f"box-{number}", LoginSucceeded, **box, **AGENT))
    player.stored()
    return player, [case for case in player.obligations["a1"].cases if case.flow == "F21"][-1]


def denies(player: Player, case: Case, at_ms: int) -> None:
    no = {"answer": "no", "case_id": case.case_id, "channel": "app", "device_id": "phone"}
    player.see(event(CustomerConfirmed, at_ms, "no", **no))


@pytest.mark.parametrize("answers", [True, False])
def test_a_no_after_a_crowd_of_strangers_freezes_only_if_somebody_let_in_gave_no_factor(answers: bool) -> None:
    player, case = crowded(answers)
    denies(player, case, NOON + HOUR)
    assert (("freeze", "everyone") in locks(player)) != answers
    assert (pays(player, NOON + 2 * HOUR) == ["block"]) != answers


def test_what_one_of_a_crowd_asks_for_stops_nobody_elses_money() -> None:
    player, _ = crowded(answers=True)
    mule = BIG | {"device_id": "box-39", "ip": "198.51.39.9"}
    assert decided(player.see(paid(NOON + HOUR, "grab", 45_000, TransferRequested, **mule))) == ["block"]
    assert ("restrict", "everyone") not in locks(player)
    assert pays(player, NOON + 2 * HOUR, counterparty_id="friend") != ["block"]
    assert pays(player, NOON + 8 * DAY, **mule) != ["allow"], "nor does the crowd grow old"


def outnumbered(player: Player, addresses: int) -> Player:
    """Somebody has the password, and hides the login that gave no second factor behind sixteen others."""
    player.see(login(NOON, "in", LoginSucceeded, **FAR, **AGENT))
    for number in range(16):
        box = FAR | {"device_id": f"box-{number}", "ip": f"198.51.100.{9 + number % addresses}"}
        at_ms = NOON + (number + 1) * 10 * MINUTE
        player.see(login(at_ms, f"box-{number}", LoginSucceeded, **box, **AGENT))
    return Player.revived(player.saved(), policy('[locks]\nack = "assumed"\n'))


def is_home_daily(player: Player, days: range) -> None:
    for day in days:
        at_ms = NOON + day * DAY - HOUR
        player.see(login(at_ms, f"daily-{day}", LoginSucceeded, asn=100, **PHONE, **AGENT))
        assert pays(player, at_ms + MINUTE, counterparty_id="friend") in (["allow"], ["notify"])


@pytest.mark.parametrize("addresses", [1, 16])
@pytest.mark.parametrize("days", [8, 45])
@pytest.mark.parametrize("ip", [FAR["ip"], "192.0.2.77", PHONE["ip"]], ids=["there", "elsewhere", "at the owner's"])
def test_a_password_alone_is_paid_nothing_however_many_logins_follow_it(addresses: int, days: int, ip: str) -> None:
    player = outnumbered(Player.revived(busy_site(), RISKY), addresses)
    is_home_daily(player, range(1, days))
    for number, device in enumerate(("box", "box", "box-0", "box-7", "box-15")):
        where = {"device_id": device, "ip": ip, "counterparty_id": f"mule-{number}"}
        assert pays(player, NOON + days * DAY + number * MINUTE, **where) == ["step_up"]
    player.stored()


def test_behind_the_crowd_the_owner_pays_with_what_is_older_and_on_a_new_phone_after_its_code() -> None:
    player = outnumbered(known_by_payments(), 1)
    is_home_daily(player, range(1, 10))
    at_ms = NOON + 10 * DAY
    assert pays(player, at_ms, **TABLET, counterparty_id="friend") in (["allow"], ["notify"])
    assert pays(player, at_ms + MINUTE, device_id=None, ip=None, counterparty_id="flat") == ["allow"]
    assert pays(player, at_ms + 2 * MINUTE, ip="192.0.2.44", counterparty_id="friend") in (["allow"], ["notify"])
    new = {"device_id": "new-phone", "ip": "192.0.2.45"}
    player.see(login(at_ms + HOUR, "new", LoginSucceeded, **new, **AGENT))
    player.see(login(at_ms + HOUR + MINUTE, "new", ChallengePassed, **new))
    assert pays(player, at_ms + 2 * HOUR, **new, counterparty_id="friend") in (["allow"], ["notify"])


@pytest.mark.parametrize("channel", ["email", "social", "telegram"])
@pytest.mark.parametrize("denied", [False, True])
def test_an_anonymous_word_about_a_stranger_who_was_kept_out_freezes_nobody(channel: str, denied: bool) -> None:
    """Though the owner's own phone left a code untyped on the way, or the stranger has asked for money as well."""
    player, case = crowded(answers=False)
    player.see(paid(NOON + HOUR, "grab", 45_000, TransferRequested, **(BIG | {"device_id": "box-39"})))
    assert pays(player, NOON + 2 * HOUR, counterparty_id="friend", device_id="box-39", ip=FAR["ip"]) == ["block"]
    before = locks(player)
    if denied:
        said = {"answer": "no", "case_id": case.case_id, "channel": channel}
        player.see(event(CustomerConfirmed, NOON + 3 * HOUR, "no", **said))
    effects = player.see(event(UserReport, NOON + 4 * HOUR, "word", kind="stolen", channel=channel))
    assert locks(player) == before
    assert told(effects) == ["account_takeover.unverified"]
    assert [each.priority for each in player.obligations["a1"].cases if each.flow == "F23"] == [1]
    player.see(event(UserReport, NOON + 5 * HOUR, "known", kind="stolen", channel="phone"))
    assert ("freeze", "everyone") in locks(player)


def test_the_owners_own_phone_that_left_a_code_untyped_may_pay_and_no_letter_freezes_it() -> None:
    player = Player.revived(busy_site(), ASKING)
    asked = player.see(login(NOON, "way", LoginSucceeded, device_id="phone", ip="192.0.2.7", country="FR", **AGENT))
    assert decided(asked) == ["step_up"]
    assert pays(player, NOON + HOUR, counterparty_id="friend") == ["allow"]
    player.see(event(UserReport, NOON + 2 * HOUR, "word", kind="stolen", channel="email"))
    assert ("freeze", "everyone") not in locks(player)


def test_a_no_answers_the_case_which_rests_and_closes_after_a_quiet_day() -> None:
    player, case, _ = entered()
    no = {"answer": "no", "case_id": case.case_id, "channel": "app", "device_id": "phone"}
    player.see(event(CustomerConfirmed, NOON + HOUR, "no", **no))
    assert (case.status, case.is_open) == ("auto_answered", True)
    effects = [
        each
        for hours in range(2, 5 * 24)
        for each in player.see(event(Watermark, NOON + hours * HOUR, f"w{hours}", account_id="-"))
    ]
    assert case.status == "closed"
    assert "case.progress" not in told(effects)
    assert locks(player) == [], "the restriction has ended with its time"


def says_yes(player: Player, case: Case, at_ms: int, **where: Any) -> list[Effect]:
    word = {"answer": "yes", "case_id": case.case_id, "channel": "app", "device_id": "phone"} | where
    return player.see(event(CustomerConfirmed, at_ms, f"yes-{at_ms}", **word))


@pytest.mark.parametrize("after_ms", [HOUR, 2 * DAY], ids=["soon", "prolonged and escalated"])
def test_a_yes_on_the_owners_known_phone_ends_it_as_the_factor_does(after_ms: int) -> None:
    player, case, _ = entered()
    player.pass_until(NOON + after_ms)
    effects = says_yes(player, case, NOON + after_ms)
    assert told(effects) == ["unlocked.limited"]
    assert (locks(player), case.status) == ([("limit", "everyone")], "closed")
    assert case.resolution == "customer_confirmed"
    new = {"device_id": "box", "ip": FAR["ip"]}
    assert pays(player, NOON + after_ms + MINUTE, **new) in (["allow"], ["notify"])
    later = player.pass_until(NOON + 30 * DAY)
    assert told(later) == []
    assert (locks(player), case.status) == ([], "closed")


@pytest.mark.parametrize(
    "where",
    [{"device_id": "box"}, {"device_id": None}, {"channel": "phone", "device_id": None}, {"channel": "email"}],
    ids=str,
)
def test_a_yes_of_whoever_came_in_or_of_anybody_ends_nothing(where: dict[str, Any]) -> None:
    player, case, _ = entered()
    says_yes(player, case, NOON + HOUR, **where)
    assert (locks(player), case.is_open) == ([("restrict", "unknown_devices")], True)
    assert pays(player, NOON + 2 * HOUR, device_id="box", ip=FAR["ip"]) == ["block"]


def test_a_yes_to_one_of_two_strangers_ends_nothing() -> None:
    player, case, _ = entered()
    other = FAR | {"device_id": "box-2", "ip": "192.0.2.200"}
    player.see(login(NOON + MINUTE, "other", LoginSucceeded, **other, **AGENT))
    says_yes(player, case, NOON + HOUR)
    assert (locks(player), case.is_open) == ([("restrict", "unknown_devices")], True)


COPY: dict[str, Any] = FAR | {"device_id": PHONE["device_id"]}


def copied() -> tuple[Player, Case]:
    """The stranger names the owner's phone a minute later, and changes what the owner is known by."""
    player, case, _ = entered()
    player.see(login(NOON + MINUTE, "copy", LoginSucceeded, **COPY, **AGENT))
    for reason in ("password", "phone"):
        player.see(login(NOON + 2 * MINUTE, f"new-{reason}", CredentialChanged, reason=reason, **COPY))
    return player, case


@pytest.mark.parametrize("days", [0, 4, 8])
def test_the_owners_device_id_from_the_strangers_address_is_the_stranger(days: int) -> None:
    player, _ = copied()
    at_ms = NOON + days * DAY + HOUR
    player.pass_until(at_ms)
    for number in range(3):
        (outcome,) = pays(player, at_ms + number * MINUTE, ip=FAR["ip"], counterparty_id=f"mule-{number}")
        assert outcome in ("step_up", "hold", "block")


def test_the_owner_goes_on_elsewhere_and_by_a_factor_there_too() -> None:
    player, _, _ = entered()
    assert pays(player, NOON + MINUTE, ip=FAR["ip"], counterparty_id="friend") == ["block"]
    assert pays(player, NOON + 2 * MINUTE, ip="192.0.2.44") in (["allow"], ["notify"]), "on the way"
    factor(player, NOON + 3 * MINUTE, device_id=PHONE["device_id"])
    assert pays(player, NOON + 4 * MINUTE, ip=FAR["ip"], counterparty_id="friend") in (["allow"], ["notify"])
    assert pays(player, NOON + 5 * MINUTE, device_id="box", ip=FAR["ip"]) == ["block"]


def test_a_stranger_in_the_owners_own_network_makes_nobody_else_a_stranger() -> None:
    player = Player.revived(busy_site(), RISKY)
    player.see(login(NOON, "in", LoginSucceeded, **(FAR | {"ip": PHONE["ip"]}), **AGENT))
    assert locks(player) == [("restrict", "unknown_devices")]
    assert pays(player, NOON + MINUTE) in (["allow"], ["notify"])
    assert pays(player, NOON + 2 * MINUTE, device_id="box") == ["block"]


HOTEL: dict[str, Any] = {"ip": "198.51.100.50", "country": "CN", "asn": 777}
BARE: dict[str, Any] = HOTEL | {"user_agent": "Firefox"}
NEW: dict[str, Any] = HOTEL | {"device_id": "new-phone"}
AT_HOTEL: dict[str, Any] = {"ip": HOTEL["ip"]}


@pytest.mark.parametrize("after_ms", [MINUTE, HOUR])
@pytest.mark.parametrize("owner_first", [False, True])
@pytest.mark.parametrize("has_new_phone", [False, True])
def test_the_owners_factor_in_a_shared_network_vouches_for_nobody_who_names_no_device(
    after_ms: int, owner_first: bool, has_new_phone: bool
) -> None:
    player = Player.revived(busy_site(), RISKY)
    own = NEW if has_new_phone else NEW | {"device_id": PHONE["device_id"]}

    def owner(at_ms: int) -> None:
        if has_new_phone:
            player.see(login(at_ms, "own", LoginSucceeded, **own, **AGENT))
        else:
            place = {"ip": HOTEL["ip"], "device_id": PHONE["device_id"]}
            player.see(paid(at_ms, "coffee", 400, PaymentSucceeded, merchant_id="m1", **place))
        player.see(login(at_ms + 1_000, "own", ChallengePassed, **own))

    if owner_first:
        owner(NOON - after_ms)
    effects = player.see(login(NOON, "bare", LoginSucceeded, **BARE))
    assert decided(effects) == ["step_up"]
    if not owner_first:
        owner(NOON + after_ms)
    for number in range(3):
        at_ms = NOON + 2 * HOUR + number * MINUTE
        (outcome,) = pays(player, at_ms, device_id=None, counterparty_id=f"mule-{number}", **AT_HOTEL)
        assert outcome in ("step_up", "hold", "block")
    device = {"device_id": own["device_id"]}
    assert pays(player, NOON + 3 * HOUR, **device, **AT_HOTEL) in (["allow"], ["notify"])


def checked(player: Player, at_ms: int, **fields: Any) -> None:
    player.see(event(IdentityVerified, at_ms, f"check-{at_ms}", **CHECK, **fields))
    assert ("restrict", "unknown_devices") not in locks(player)


def test_a_device_that_a_check_has_named_is_asked_and_not_restricted_again() -> None:
    player, _, _ = entered()
    checked(player, NOON + HOUR, device_id="box")
    for hour in (2, 4, 26):
        effects = again(player, NOON + hour * HOUR)
        assert decided(effects) == ["step_up"]
        assert locks(player) == [("limit", "everyone")]
        assert "account_locked.sign_in" not in told(effects)


@pytest.mark.parametrize("device_id", [None, "phone"])
def test_a_check_that_names_another_device_or_none_says_nothing_of_this_one(device_id: str | None) -> None:
    player, _, _ = entered()
    checked(player, NOON + HOUR, device_id=device_id)
    again(player, NOON + 2 * HOUR)
    assert ("restrict", "unknown_devices") in locks(player)


def test_after_a_theft_nothing_that_was_given_before_vouches_for_the_place() -> None:
    player, _, _ = entered()
    factor(player, NOON + MINUTE)
    player.obligations["a1"].unfrozen_ms = NOON + HOUR
    forget_since(player.observations["a1"], NOON - MINUTE)
    again(player, NOON + 2 * HOUR)
    assert ("restrict", "unknown_devices") in locks(player)


def test_where_ratios_take_everybody_for_a_stranger_few_are_restricted_and_nobody_is_kept_out() -> None:
    capped = policy(BAD, "[locks.caps]\nper_rule = 4\ntotal = 6\n")
    player = Player.revived(busy_site(), capped)
    effects: list[Effect] = []
    for number in range(20):
        place = {"account_id": f"a{number + 2}", **FAR, "device_id": f"box-{number}", "ip": f"198.51.100.{number}"}
        effects += player.see(login(NOON + number * MINUTE, f"in-{number}", LoginSucceeded, **place, **AGENT))
    assert decided(effects) == ["step_up"] * 20
    assert sum(type(each) is ActionRequested for each in effects) == 4
    assert sum(len(player.obligations[f"a{number + 2}"].cases) for number in range(20)) >= 20, "people look"
