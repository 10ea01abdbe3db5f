"""Do many accounts that claim promotions from one device open a case, and does one family not?"""

from __future__ import annotations

from support.entities import Entity, claim, policy

from streams.contracts.signals import EntityObserved

DAY_S = 86_400


def claims(accounts: int, every_s: float = 60) -> list[EntityObserved]:
    return [claim(f"a{number}", number * every_s) for number in range(accounts)]


def test_many_accounts_on_one_device_are_a_case_of_policy_and_the_device_is_blocked() -> None:
    device = Entity(policy())
    device.play(claims(5))
    assert device.effects == []
    device.play([claim("a5", 300)])
    (case,) = device.cases
    assert (case.flow, case.queue, case.priority, case.owner) == ("F32", "policy", "P3", "entity")
    assert case.counters["accounts"] == 6
    assert [(each.action, each.entity, each.account_id) for each in device.actions] == [
        ("block_entity", "device/shared", "device/shared")
    ]
    assert [each.level for each in device.risks] == ["attack"]


def test_one_account_that_claims_all_there_is_abuses_nothing() -> None:
    device = Entity(policy())
    device.play(claim("ada", number) for number in range(200))
    assert device.effects == []


def test_accounts_that_come_one_a_day_are_no_cluster() -> None:
    device = Entity(policy())
    device.play(claims(30, every_s=DAY_S / 4))
    assert device.cases == []


def test_the_case_closes_when_nobody_claims_any_more_and_an_observing_policy_blocks_nothing() -> None:
    device = Entity(policy())
    device.play(claims(8))
    device.wait(10 * DAY_S)
    assert [each.status for each in device.cases][-1] == "closed"
    watched = Entity(policy('entities.promo_abuse.mode = "observe"'))
    watched.play(claims(8))
    assert ([each.shadow for each in watched.cases], watched.actions) == ([True], [])


def test_a_flood_of_accounts_is_remembered_in_a_bounded_size() -> None:
    device = Entity(policy())
    device.play(claims(2_000, every_s=1))
    assert device.size < 3_000
