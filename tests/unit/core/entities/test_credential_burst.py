"""Is one place that enters one account after the other noticed, although every password is right?"""

from __future__ import annotations

from support.entities import Entity, login, policy


def entered(user: str, at_s: float, **fields: object):
    return login(user, at_s, ok=True, **({"warm": True, "kind": "device", "value": "tablet"} | fields))


def test_five_accounts_entered_for_the_first_time_from_one_device_are_one_case_and_all_are_told():
    device = Entity(policy())
    device.play(entered(f"victim-{number}", number * 300) for number in range(8))
    assert {(case.case_type, case.flow, case.priority, case.rules) for case in device.cases} == {
        ("credential_attack", "F26", "P1", ("credential-burst/02",))
    }
    assert len({case.case_id for case in device.cases}) == 1
    assert sorted(note.account_id for note in device.notifications) == [f"victim-{number}" for number in range(8)]
    assert device.cases[-1].counters["accounts_exposed"] == 8
    assert {(action.action, action.entity) for action in device.actions} == {("step_up", "device/tablet")}


def test_a_family_at_one_tablet_is_no_burst():
    device = Entity(policy())
    for evening in range(6):
        device.play(entered(f"member-{number}", evening * 86_400 + number * 600) for number in range(4))
    assert device.effects == []


def test_new_accounts_and_known_devices_are_no_burst():
    device = Entity(policy())
    device.play(entered(f"new-{number}", number * 60, warm=False) for number in range(20))
    device.play(entered(f"known-{number}", 2_000 + number * 60, familiar=True) for number in range(20))
    assert device.effects == []


def test_colleagues_with_computers_of_their_own_are_no_burst_and_without_any_name_sixteen_are():
    office, site = Entity(policy()), Entity(policy())
    office.play(
        entered(f"clerk-{number}", number * 60, kind="ip", value="203.0.113.7", device_id=f"desk-{number}")
        for number in range(50)
    )
    assert office.effects == []
    site.play(entered(f"victim-{number}", number * 60, kind="ip", value="203.0.113.7") for number in range(16))
    assert len(site.cases) == 1
    assert site.cases[0].counters["accounts_exposed"] == 16


def test_accounts_more_than_the_window_apart_do_not_add_up():
    device = Entity(policy())
    device.play(entered(f"guest-{number}", number * 1_000) for number in range(40))
    assert device.effects == []
