"""Is a list of stolen cards noticed on a device, an address, at a merchant and in a card range?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from support.entities import START_MS, Entity, card, policy

from streams.contracts.base import from_ms
from streams.contracts.signals import EntityObserved, Refusal
from streams.core.entities.recent import ATTEMPTS_MAX, MEMBERS_MAX


def paid(
    kind: str, token: str, at_s: float, refused: bool = False, amount_minor: int = 100, first: bool = True, **more: Any
):
    return card(token, at_s, refused, amount_minor, kind=kind, value="subject", first=first, **more)


def test_five_cards_on_one_device_are_card_testing():
    device = Entity(policy())
    device.play(paid("device", f"card-{number}", number * 60, amount_minor=9_900) for number in range(5))
    assert [risk.level for risk in device.risks] == ["elevated", "attack"]
    assert [(case.flow, case.case_type, case.priority, case.owner) for case in device.cases] == [
        ("F30", "card_testing", "P1", "entity")
    ]
    assert device.cases[0].entities.device_id == "subject"
    assert [(action.action, action.entity) for action in device.actions] == [("block_entity", "device/subject")]


def test_one_card_used_often_is_nothing():
    device = Entity(policy())
    device.play(paid("device", "card", number * 5) for number in range(100))
    assert device.effects == []


def test_honest_cards_behind_one_address_are_nothing():
    office = Entity(policy())
    office.play(paid("ip", f"card-{number}", number, amount_minor=2_500) for number in range(60))
    assert office.effects == []
    office.play(paid("ip", f"card-{number}", 60 + number, refused=True) for number in range(5))
    assert [risk.level for risk in office.risks] == ["elevated", "attack"]


@pytest.mark.parametrize("every", [0, 8])
def test_new_customers_who_share_an_address_are_no_card_test(every: int):
    network = Entity(policy())
    for number in range(120):
        fails = every > 0 and number % every == 0
        network.play([paid("ip", f"card-{number}", number * 5, fails, device_id=f"phone-{number}")])
    assert (network.cases, network.actions) == ([], [])


@pytest.mark.parametrize("amount_minor", [100, 30_000])
def test_cards_refused_on_changing_devices_behind_one_address_are_a_card_test(amount_minor: int):
    network = Entity(policy())
    for number in range(12):
        told = {"amount_minor": amount_minor, "device_id": f"device-{number}"}
        network.play([paid("ip", f"card-{number}", number * 5, number % 4 > 0, **told)])
    assert [(action.action, action.entity) for action in network.actions] == [("block_entity", "ip/subject")]


@pytest.mark.parametrize("kind", ["merchant", "bin"])
def test_merchants_and_card_ranges_are_judged_by_refusals_and_only_challenged(kind: str):
    busy = Entity(policy())
    busy.play(paid(kind, f"card-{number}", number) for number in range(50))
    assert busy.effects == []
    attacked = Entity(policy())
    attacked.play(paid(kind, f"card-{number}", number, refused=number % 5 > 0) for number in range(12))
    assert [risk.level for risk in attacked.risks] == ["elevated", "attack"]
    assert [action.action for action in attacked.actions] == ["step_up"]


def test_a_refusal_after_its_request_is_one_attempt():
    merchant = Entity(policy())
    for number in range(9):
        merchant.play([paid("merchant", f"card-{number}", number * 2)])
        merchant.play([paid("merchant", f"card-{number}", number * 2 + 1, refused=True, first=False)])
    assert merchant.cases == []
    merchant.play([paid("merchant", "card-9", 20), paid("merchant", "card-9", 21, refused=True, first=False)])
    assert merchant.cases[0].counters["attempts"] == 10


def test_large_refused_amounts_are_not_tests():
    merchant = Entity(policy())
    merchant.play(paid("merchant", f"card-{number}", number, refused=True, amount_minor=50_000) for number in range(40))
    assert merchant.effects == []


def test_the_case_closes_when_cards_were_normal_for_a_day():
    device = Entity(policy())
    device.play(paid("device", f"card-{number}", number) for number in range(6))
    assert device.wait(86_400) == []
    assert [case.status for case in device.wait(90_000)] == ["closed"]
    assert device.cases[-1].occurred_at == from_ms(START_MS + 5_000 + 86_400_000)


def test_a_flood_of_cards_stays_small():
    device = Entity(policy())
    device.play(paid("device", f"card-{number}", number / 50, refused=True) for number in range(5_000))
    assert len(device.state.testing.cards) == MEMBERS_MAX
    assert len(device.state.testing.attempts) <= ATTEMPTS_MAX
    assert device.size < 8_192
    assert len(device.cases) <= 12


def test_a_merchant_at_whom_cards_are_tried_is_told_once_and_nobody_else_is():
    shop = Entity(policy())
    shop.play(card(f"card-{n}", n * 600, True, kind="merchant", value="shop", ip=f"203.0.113.{n}") for n in range(3))
    assert shop.notifications == []
    shop.play(
        card(f"stolen-{n}", 7_200 + n * 30, True, kind="merchant", value="shop", ip=f"198.51.100.{n % 250}")
        for n in range(300)
    )
    assert len(shop.actions) > 1
    assert [(note.account_id, note.template) for note in shop.notifications] == [
        ("merchant/shop", "card_testing.merchant")
    ]


def refused(kind: str, number: int, at_s: float, refusal: Refusal | None = "bad_data", **fields: Any) -> EntityObserved:
    """A card that was refused for an amount that is no test, by its own device from its own address."""
    named = {"device_id": f"device-{number}", "ip": f"203.0.113.{number}"}
    if kind == "bin":
        named["merchant_id"] = f"shop-{number}"
    told = named | {"amount_minor": 30_000, "refusal": refusal, "kind": kind, "value": "subject"} | fields
    return card(f"card-{number}", at_s, True, **told)


def customers(kind: str, number: int, seconds: float) -> Iterator[EntityObserved]:
    """So many honest payments, evenly."""
    for n in range(number):
        at_s = n * seconds / number
        yield card(f"honest-{n}", at_s, amount_minor=3_000, kind=kind, value="subject", event_id=f"honest-{n}")


@pytest.mark.parametrize("kind", ["merchant", "bin"])
@pytest.mark.parametrize("first", [True, False])
def test_cards_refused_for_their_data_are_an_attack_whatever_the_amount(kind: str, first: bool):
    attacked = Entity(policy())
    attacked.play(refused(kind, number, number * 5, first=first) for number in range(60))
    assert [risk.level for risk in attacked.risks] == ["elevated", "attack"]
    assert {(case.case_id, case.flow, case.priority) for case in attacked.cases} == {
        (attacked.cases[0].case_id, "F30", "P1")
    }
    assert attacked.cases[0].evidence[0].text == "10 cards refused for their data, 100 % of the payments within 600 s"
    assert attacked.cases[-1].counters["cards"] >= 40
    assert [action.action for action in attacked.actions] == ["step_up"]


@pytest.mark.parametrize("kind", ["ip", "device"])
def test_one_card_whose_code_is_guessed_from_one_place_is_an_attack(kind: str):
    place = Entity(policy())
    place.play(refused(kind, 1, number * 20, device_id=None, ip=None, first=False) for number in range(9))
    assert place.cases == []
    place.play([refused(kind, 1, 200, device_id=None, ip=None, first=False)])
    assert [case.flow for case in place.cases] == ["F30"]


def test_a_customer_who_mistypes_a_number_some_times_has_not_used_as_many_cards():
    phone = Entity(policy())
    typos = [refused("device", number, number * 30) for number in range(6)]
    phone.play(msgspec.structs.replace(typo, card_token=None) for typo in typos)
    assert phone.cases == []


@pytest.mark.parametrize("kind", ["merchant", "bin", "ip"])
@pytest.mark.parametrize("amount_minor", [100, 30_000])
def test_an_outage_of_the_issuer_and_payday_are_no_card_tests(kind: str, amount_minor: int):
    place = Entity(policy())
    place.play(refused(kind, number, number, "excused", amount_minor=amount_minor) for number in range(200))
    assert place.cases == []


@pytest.mark.parametrize("kind", ["merchant", "bin"])
def test_refusals_without_a_reason_say_nothing_about_the_data(kind: str):
    place = Entity(policy())
    place.play(refused(kind, number, number, None) for number in range(200))
    assert place.effects == []


@pytest.mark.parametrize("kind", ["merchant", "bin"])
@pytest.mark.parametrize(("payments", "typos"), [(200, 15), (5_000, 200)])
def test_a_shop_where_many_mistype_is_compared_with_its_other_payments(kind: str, payments: int, typos: int):
    shop = Entity(policy())
    mistyped = [refused(kind, number, 5 + number * 590 / typos) for number in range(typos)]
    shop.play(sorted([*customers(kind, payments, 600), *mistyped], key=lambda signal: signal.at_ms))
    assert shop.cases == []


def test_a_flood_of_guesses_at_a_busy_shop_is_an_attack():
    shop = Entity(policy())
    guesses = [refused("merchant", number, 300 + number / 2) for number in range(400)]
    shop.play(sorted([*customers("merchant", 600, 600), *guesses], key=lambda signal: signal.at_ms))
    assert len({case.case_id for case in shop.cases}) == 1


def test_one_card_tried_often_and_one_device_with_many_cards_are_not_the_shops_attack():
    shop = Entity(policy())
    shop.play(refused("merchant", 1, number, device_id=f"device-{number}", ip=None) for number in range(60))
    shop.play(refused("merchant", number, 60 + number, device_id="one") for number in range(60))
    shop.play(refused("merchant", number, 120 + number, ip="198.51.100.1") for number in range(60))
    assert shop.cases == []


def test_many_cards_of_a_range_at_one_shop_are_the_shops_attack():
    cards = Entity(policy())
    cards.play(refused("bin", number, number, merchant_id="shop") for number in range(60))
    assert cards.effects == []


def test_guesses_told_twice_late_or_in_any_order_count_once():
    guesses = [refused("merchant", number, number * 5) for number in range(9)]
    shop = Entity(policy())
    shop.play([*guesses[4:], *guesses[:4], *guesses, *reversed(guesses)])
    assert shop.cases == []
    shop.play([refused("merchant", 3, 30), refused("merchant", 9, 2)])
    assert [case.status for case in shop.cases] == ["classified"]
    assert shop.cases[0].counters["cards"] == 10


def test_a_guess_that_comes_a_day_late_is_no_part_of_an_attack():
    shop = Entity(policy())
    shop.play([refused("merchant", number, 86_400 + number) for number in range(9)])
    shop.play([refused("merchant", 9, 0)])
    assert shop.cases == []


def test_slow_guesses_leave_the_window():
    shop = Entity(policy())
    shop.play(refused("merchant", number, number * 150) for number in range(60))
    assert shop.cases == []


def test_honest_payments_do_not_keep_the_case_of_an_attacked_shop_open():
    shop = Entity(policy())
    shop.play(refused("merchant", number, number * 5) for number in range(20))
    shop.play(customers("merchant", 400, 86_000))
    assert [case.status for case in shop.wait(90_000)] == ["closed"]


def test_a_flood_of_guesses_and_customers_stays_small():
    cards = Entity(policy())
    for n in range(3_000):
        cards.play([refused("bin", n, n / 20, event_id=f"guess-{n}")])
        cards.play(
            [card(f"honest-{n}", n / 20, kind="bin", value="subject", amount_minor=9_900, event_id=f"event-{n}")]
        )
    assert cards.size < 8_192


def test_a_shop_among_many_is_part_of_the_attack_by_the_card_range():
    shop = Entity(policy())
    shop.play(paid("merchant", f"card-{number}", number * 5, refused=True) for number in range(10))
    (own,) = {case.case_id for case in shop.cases}
    shop.play([paid("merchant", "card-10", 60, refused=True, incident_id="case_of_the_range")])
    last = shop.cases[-1]
    assert (last.case_id, last.status, last.merged_into) == (own, "merged", "case_of_the_range")
    assert shop.risks[-1].case_id in (own, "case_of_the_range")


def test_a_shop_that_is_attacked_later_has_no_case_of_its_own():
    shop = Entity(policy())
    shop.play(
        paid("merchant", f"card-{number}", number * 5, refused=True, incident_id="case_of_the_range")
        for number in range(12)
    )
    assert shop.cases == []
    assert {action.case_id for action in shop.actions} == {"case_of_the_range"}


@pytest.mark.parametrize("amount_minor", [100, 30_000])
def test_an_attack_on_one_range_over_a_few_shops_is_the_ranges(amount_minor: int):
    cards = Entity(policy())
    cards.play(
        refused("bin", number, number * 5, amount_minor=amount_minor, merchant_id=f"shop-{number % 3}")
        for number in range(18)
    )
    assert [risk.level for risk in cards.risks] == ["elevated", "attack"]
    assert {case.flow for case in cards.cases} == {"F30"}


@pytest.mark.parametrize("amount_minor", [100, 30_000])
def test_cards_of_a_range_at_one_shop_are_the_shops_business_and_a_few_refusals_elsewhere_change_nothing(
    amount_minor: int,
):
    cards = Entity(policy())
    cards.play(
        refused(
            "bin",
            number,
            number * 5,
            amount_minor=amount_minor,
            merchant_id="shop" if number % 10 else f"other-{number}",
        )
        for number in range(40)
    )
    assert cards.cases == []
