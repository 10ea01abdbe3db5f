"""Are right passwords by ever new devices at one address noticed, and an office on its first morning left in peace?"""

from __future__ import annotations

from support.entities import Entity, login, passed, policy


def stranger(user: str, at_s: float, **fields: object):
    return login(user, at_s, ok=True, **({"warm": True, "strange": True, "device_id": f"new-{user}"} | fields))


def colleague(user: str, at_s: float):
    return login(user, at_s, ok=True, warm=True, familiar=True, device_id=f"own-{user}")


def levels(entity: Entity) -> list[str]:
    return [risk.level for risk in entity.risks]


def test_from_the_fifth_stranger_on_everybody_is_asked_and_no_case_opens_yet():
    address = Entity(policy())
    address.play(stranger(f"victim-{number}", number * 120) for number in range(4))
    assert address.effects == []
    address.play([stranger("victim-4", 480)])
    assert levels(address) == ["elevated"]
    assert address.cases == []


def test_strangers_who_were_asked_and_never_answer_are_an_attack_and_all_are_told():
    address = Entity(policy())
    address.play(stranger(f"victim-{number}", number * 60, flagged=number >= 5) for number in range(20))
    assert {(case.case_type, case.flow, case.priority, case.rules) for case in address.cases} == {
        ("credential_attack", "F26", "P1", ("credential-burst/02",))
    }
    assert len({case.case_id for case in address.cases}) == 1
    assert {(action.action, action.entity) for action in address.actions} == {("step_up", "ip/203.0.113.7")}
    assert sorted(note.account_id for note in address.notifications) == sorted(f"victim-{each}" for each in range(20))


def test_strangers_that_other_rules_doubt_from_the_first_on_are_an_attack_at_the_fifth():
    address = Entity(policy())
    address.play(stranger(f"victim-{number}", number * 60, flagged=True) for number in range(5))
    assert len(address.cases) == 1


def test_colleagues_who_answer_on_their_first_morning_are_no_attack_and_nobody_is_told():
    office = Entity(policy())
    for number in range(60):
        at_s = number * 50
        office.play([stranger(f"clerk-{number}", at_s, flagged=number >= 5)])
        if number >= 5:
            office.play([passed(f"clerk-{number}", at_s + 20)])
    assert set(levels(office)) <= {"elevated"}
    assert (office.cases, office.notifications) == ([], [])


def test_new_phones_behind_a_busy_address_are_no_burst():
    carrier = Entity(policy())
    for number in range(30):
        carrier.play([colleague(f"subscriber-{number}", number * 60)])
        if number % 3 == 0:
            carrier.play([stranger(f"new-{number}", number * 60 + 1, flagged=True)])
    assert carrier.effects == []


def test_many_accounts_of_one_device_are_that_devices_own_case():
    address = Entity(policy())
    address.play(stranger(f"victim-{number}", number * 60, device_id="thief", flagged=True) for number in range(20))
    assert address.effects == []


def test_an_answer_before_the_login_counts_too():
    office = Entity(policy())
    for number in range(20):
        clerk, at_s = f"clerk-{number}", number * 60
        office.play([passed(clerk, at_s), stranger(clerk, at_s + 5, flagged=True)])
    assert office.effects == []


def test_strangers_more_than_the_window_apart_do_not_add_up():
    address = Entity(policy())
    address.play(stranger(f"guest-{number}", number * 1_000, flagged=True) for number in range(40))
    assert address.effects == []
