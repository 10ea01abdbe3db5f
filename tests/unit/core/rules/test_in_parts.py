"""Is a takeover in many small payments to new payees seen as the one large payment that it is?"""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.happenings import DAY, HOUR, MINUTE, NOON, Account, event, login, paid

from streams.adapters.policy_file import load_policy
from streams.contracts import accounts, logins, payments
from streams.core.features import MISSING, Features
from streams.core.observations import fold
from streams.core.rules.base import Fired
from streams.core.rules.takeover import takeover

USUAL = 5_000  # minor units
TABLE = load_policy().rules.takeover


def lived_in(balance_minor: int = 0) -> Account:
    """Thirty days of one payment a day; then somebody on a new device changes the password."""
    account = Account()
    for day in range(30):
        account.see(paid(NOON - (31 - day) * DAY, f"d{day}", USUAL, merchant_id="grocer", device_id="phone"))
    if balance_minor:
        credit = {"entry_id": "e", "direction": "credit", "amount_minor": balance_minor, "currency": "EUR"}
        account.see(event(accounts.LedgerPosted, NOON - DAY, "e", **credit))
    account.see(login(NOON, "in", logins.LoginSucceeded, device_id="box"))
    account.see(login(NOON + MINUTE, "new", logins.CredentialChanged, device_id="box", reason="password"))
    return account


def part(
    account: Account, number: int, amount_minor: int, payee: str | None = None, device: str = "box"
) -> tuple[Features, int]:
    """What the rule is told of one part, and the band in which it fires."""
    at_ms = NOON + HOUR + number * MINUTE
    to = payee or f"mule{number}"
    about = {"counterparty_id": to} | ({"device_id": device} if device else {})
    asked = paid(at_ms, f"t{number}", amount_minor, payments.TransferRequested, **about)
    features = account.see(asked)
    found = takeover(asked, at_ms, features, TABLE)
    return features, found.band if isinstance(found, Fired) else 0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(USUAL // 5, 29 * USUAL // 10), min_size=2, max_size=8))
def test_parts_are_worth_what_they_come_to(amounts: list[int]) -> None:
    """Three times the usual amount is a takeover; four leave room for the habit that the parts themselves make."""
    account = lived_in()
    seen = [part(account, number, amount) for number, amount in enumerate(amounts)]
    total = sum(amounts)
    assert seen[-1][0].first_payees_sum_1d == pytest.approx(total / 100)
    assume(not 2 * USUAL < total < 4 * USUAL)
    assert seen[-1][1] == (3 if total >= 4 * USUAL else 2)


@pytest.mark.parametrize("posted", [True, False])
def test_parts_of_the_balance_count_whether_they_have_left_or_wait(posted: bool) -> None:
    account = lived_in(balance_minor=20_000)
    bands = []
    for number in range(8):
        bands.append(part(account, number, 2_000)[1])  # a tenth of what was there, less than half of the usual
        if posted:
            debit = {"entry_id": f"e{number}", "direction": "debit", "amount_minor": 2_000, "currency": "EUR"}
            account.see(event(accounts.LedgerPosted, NOON + HOUR + number * MINUTE + 1, f"e{number}", **debit))
    assert bands[:4] == [2] * 4
    assert bands[-1] == 3


def test_who_was_paid_before_is_no_part() -> None:
    account = lived_in()
    account.see(paid(NOON - 3 * DAY, "friend", USUAL, payments.TransferRequested, counterparty_id="friend"))
    features, band = part(account, 1, 2 * USUAL, "friend")
    assert (features.first_payees_sum_1d, band) == (MISSING, 1)
    assert part(account, 2, USUAL)[1] == 2


def test_who_was_paid_a_moment_ago_is_a_part_like_any_other() -> None:
    """A cent ahead, or the same payment again and again, makes nobody familiar."""
    account = lived_in()
    sums = [part(account, number, USUAL, "mule")[0].first_payees_sum_1d for number in range(4)]
    assert sums == pytest.approx([(number + 1) * USUAL / 100 for number in range(4)])
    assert part(account, 5, USUAL // 5, "mule")[1] == 3


@pytest.mark.parametrize(
    ("kind", "named", "band"),
    [
        (payments.WithdrawalRequested, {"card_token": "card-of-nobody"}, 3),
        (payments.WithdrawalRequested, {"card_token": "owners-card"}, 1),
        (payments.WithdrawalRequested, {}, 3),
        (payments.BillpayRequested, {}, 3),
        (payments.BillpayRequested, {"biller_id": "new"}, 3),
        (payments.BillpayRequested, {"biller_id": "water"}, 1),
        (payments.PaymentRequested, {}, 3),
        (payments.TransferRequested, {}, 3),
        (payments.TopupRequested, {}, 1),
        (payments.TopupRequested, {"card_token": "card-of-nobody"}, 1),
    ],
)
def test_money_that_goes_nobody_knows_where_goes_to_somebody_new(kind, named, band) -> None:
    account = lived_in()
    own = (
        (payments.PaymentRequested, {"card_token": "owners-card"}),
        (payments.BillpayRequested, {"biller_id": "water"}),
    )
    for number, (of, where) in enumerate(own):
        account.see(paid(NOON - 3 * DAY, f"own{number}", USUAL, of, device_id="phone", **where))
    bound = {"card_token": "card-of-nobody", "bin": "400000"}
    account.see(event(payments.CardBound, NOON + 2 * MINUTE, "bound", **bound))
    asked = paid(NOON + HOUR, "out", 10 * USUAL, kind, device_id="box", **named)
    found = takeover(asked, NOON + HOUR, account.look(asked), TABLE)
    assert isinstance(found, Fired)
    assert found.band == band


def test_without_a_name_only_a_device_met_today_counts_towards_the_sum() -> None:
    """A site that names no shops must not have its customers' ordinary day taken for parts of one theft."""
    account = lived_in()
    for number in range(3):
        account.see(paid(NOON - HOUR, f"own{number}", USUAL, device_id="phone"))
    assert part(account, 1, USUAL)[0].first_payees_sum_1d == pytest.approx(USUAL / 100)


def test_what_was_paid_a_day_ago_is_over() -> None:
    account = lived_in()
    part(account, 0, USUAL)
    later = paid(NOON + HOUR + DAY, "later", USUAL, payments.TransferRequested, counterparty_id="new")
    assert account.look(later).first_payees_sum_1d == pytest.approx(USUAL / 100)


def test_shops_count_as_people_do_in_any_order() -> None:
    shops = [
        paid(NOON + HOUR + number, f"s{number}", 3_000 + number, merchant_id=f"shop{number}", device_id="box")
        for number in range(3)
    ]
    last = paid(NOON + 2 * HOUR, "last", 1_000, merchant_id="another", device_id="box")
    sums = []
    for order in (shops, shops[::-1]):
        account = lived_in()
        for each in order:
            account.see(each)
        sums.append(account.look(last).first_payees_sum_1d)
    assert sums[0] == sums[1] == pytest.approx((3 * 3_000 + 3 + 1_000) / 100)


def test_who_names_no_device_is_taken_for_the_newest_that_has_acted() -> None:
    account = lived_in()
    features, band = part(account, 1, 4 * USUAL, device="")
    assert (features.device_age_days, band) == (MISSING, 3)
    assert features.acting_device_age_days == pytest.approx(HOUR / DAY, rel=0.1)


def test_a_login_that_nobody_answered_for_is_a_new_device_as_well() -> None:
    account = lived_in()
    account.observations.doubted_ms, account.observations.doubted_from = NOON + 2 * MINUTE, (b"place", b"net", b"other")
    features, band = part(account, 1, 4 * USUAL, device="")
    assert (features.acting_device_age_days, band) == (0.0, 3)


HOME, ABROAD, CAFE = "203.0.113.7", "198.51.100.9", "192.0.2.5"


def acted(
    stranger: str,
    changer: str,
    changed_from: str,
    paid_from: str,
    *,
    days: int = 20,
    owner: str = "phone",
    gap: int = 0,
) -> int:
    """The band of a payment that names no device, of an owner who is at home for a month.

    Something of a `stranger`, then after `gap` a change of the password, and an hour later the payment.
    """
    account = Account()
    named = {"device_id": owner} if owner else {}
    for day in range(days):
        at_ms = NOON - (31 - day) * DAY
        account.see(login(at_ms, f"h{day}", logins.LoginSucceeded, ip=HOME, **named))
        account.see(paid(at_ms + HOUR, f"d{day}", USUAL, merchant_id="grocer", ip=HOME, **named))
    came = login(NOON, "in", logins.LoginSucceeded, ip=ABROAD, **({"device_id": "box"} if owner else {}))
    if stranger == "doubted":
        fold(account.observations, came, NOON, asked=True, answerable=True)
    elif stranger == "answered":
        account.see(came)
    elif stranger == "unnamed":
        account.see(login(NOON, "in", logins.LoginSucceeded, ip=ABROAD))
        account.see(login(NOON + MINUTE, "sms", logins.ChallengePassed, ip=ABROAD))
    elif stranger == "tablet":
        account.see(login(NOON, "in", logins.LoginSucceeded, ip=HOME, device_id="tablet"))
    changed_ms = NOON + 3 * MINUTE + gap
    by = {"device_id": changer} if changer else {}
    account.see(login(changed_ms, "new", logins.CredentialChanged, ip=changed_from, reason="password", **by))
    where = {"ip": paid_from} if paid_from else {}
    asked = paid(changed_ms + HOUR, "t", 5 * USUAL, payments.TransferRequested, counterparty_id="new", **where)
    found = takeover(asked, changed_ms + HOUR, account.see(asked), TABLE)
    return found.band if isinstance(found, Fired) else 0


@pytest.mark.parametrize("stranger", ["doubted", "answered", "tablet"])
def test_neither_a_stranger_nor_the_familys_tablet_makes_a_thief_of_the_owner_at_home(stranger: str) -> None:
    """Whoever has a leaked password could lock the careful owner out, who changes it as we advise."""
    assert acted(stranger, "phone", HOME, HOME) == 0
    assert acted(stranger, "phone", CAFE, CAFE) == 0, "on the known phone, wherever that is"
    assert acted(stranger, "", HOME, HOME) == 0, "on a page that tells of no device, from the usual network"


@pytest.mark.parametrize("stranger", ["doubted", "answered"])
@pytest.mark.parametrize("paid_from", [ABROAD, CAFE, ""])
def test_from_elsewhere_it_may_be_the_stranger_whoever_changed_what(stranger: str, paid_from: str) -> None:
    assert acted(stranger, "phone", HOME, paid_from) == 3
    assert acted(stranger, "box", ABROAD, paid_from) == 3


@pytest.mark.parametrize("days", [1, 2, 4])
def test_who_changes_credentials_has_acted_as_who_logs_in_has(days: int) -> None:
    assert acted("doubted", "box", ABROAD, ABROAD, gap=days * DAY) == 3
    assert acted("", "box", ABROAD, ABROAD, gap=days * DAY) == 3
    assert acted("doubted", "phone", HOME, HOME, gap=days * DAY) == 0


@pytest.mark.parametrize("owner", ["phone", ""], ids=["known by a phone", "never names a device"])
@pytest.mark.parametrize("stranger", ["", "unnamed"], ids=["no login heard", "second factor answered"])
def test_leaving_the_device_out_of_everything_is_no_way_around(owner: str, stranger: str) -> None:
    """The network stands for it: nobody has come from there, or only since today."""
    for paid_from in (ABROAD, CAFE, ""):
        assert acted(stranger, "", ABROAD, paid_from, owner=owner) == 3
    assert acted("", "", HOME, HOME, owner=owner) == 0
    assert acted("", "", HOME, CAFE, owner=owner) == 0
    assert acted("", "", CAFE, HOME, owner=owner) == 0, "a traveller is back at home"


def test_without_a_device_for_a_day_nothing_is_said_of_one() -> None:
    account = Account()
    account.see(paid(NOON - 30 * DAY, "d", USUAL, merchant_id="grocer", device_id="phone"))
    features, band = part(account, 1, 4 * USUAL, device="")
    assert (features.acting_device_age_days, band) == (MISSING, 0)
