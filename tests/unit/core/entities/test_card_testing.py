"""Is a list of stolen cards noticed on a device, an address, at a merchant and in a card range?"""

from __future__ import annotations

import pytest
from support.entities import START_MS, Entity, card, policy

from streams.contracts.base import from_ms
from streams.core.entities.recent import ATTEMPTS_MAX, MEMBERS_MAX


def paid(kind: str, token: str, at_s: float, refused: bool = False, amount_minor: int = 100, first: bool = True):
    return card(token, at_s, refused, amount_minor, kind=kind, value="subject", first=first)


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
    office.play(paid("ip", f"card-{number}", 60 + number) for number in range(5))
    assert [risk.level for risk in office.risks] == ["elevated", "attack"]


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
