"""Is one device that has codes sent without end noticed, and is that no second case of an attack it already has?"""

from __future__ import annotations

from support.entities import Entity, asked, login, policy

BOT = {"kind": "device", "value": "bot"}


def test_twenty_codes_or_eight_accounts_within_an_hour_are_one_case():
    one, many = Entity(policy()), Entity(policy())
    one.play(asked("anna", turn * 60, **BOT) for turn in range(19))
    assert one.effects == []
    one.play([asked("anna", 1_200, **BOT)])
    many.play(asked(f"victim-{turn}", turn * 60, **BOT) for turn in range(12))
    for device in (one, many):
        assert {(case.case_type, case.flow, case.rules) for case in device.cases} == {
            ("credential_attack", "F26", ("otp-abuse/02",))
        }
        assert len({case.case_id for case in device.cases}) == 1
        assert [action.action for action in device.actions] == ["block_entity"]
        assert device.notifications == []


def test_an_address_needs_three_times_as_many():
    ip = Entity(policy())
    ip.play(asked(f"victim-{turn}", turn * 60, kind="ip", value="203.0.113.7") for turn in range(23))
    assert ip.effects == []


def test_codes_more_than_an_hour_apart_do_not_add_up():
    device = Entity(policy())
    device.play(asked("anna", turn * 200, **BOT) for turn in range(200))
    assert device.effects == []


def test_codes_that_a_known_attack_brings_about_are_no_second_case():
    device = Entity(policy())
    for turn in range(30):
        device.play(
            [
                login(f"victim-{turn}", turn * 20, **BOT),
                asked(f"victim-{turn}", turn * 20 + 5, **BOT),
            ]
        )
    assert len({case.case_id for case in device.cases}) == 1
    assert {case.cause_family for case in device.cases} == {"password_spray"}
