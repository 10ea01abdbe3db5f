"""Is a spray from one address noticed, contained without hurting victims, and closed when it is over?"""

from __future__ import annotations

import pytest
from support.entities import START_MS, Entity, login, policy

from streams.contracts.base import from_ms
from streams.core.entities.pipeline import forgets_ms
from streams.core.entities.recent import MEMBERS_MAX
from streams.core.entities.threat import VICTIMS_MAX


def test_one_user_who_mistypes_is_nobody():
    ip = Entity(policy())
    ip.play(login("anna", second) for second in range(0, 180, 20))
    assert ip.effects == []


def test_two_names_make_the_address_elevated_and_four_open_one_case():
    ip = Entity(policy())
    ip.play([login("a", 0), login("b", 5)])
    assert [(risk.level, risk.typology, risk.version) for risk in ip.risks] == [("elevated", "password_spray", 1)]
    assert ip.cases == []

    ip.play([login("c", 10), login("d", 15), login("e", 16)])
    assert [risk.level for risk in ip.risks] == ["elevated", "attack"]
    assert [(case.case_type, case.flow, case.priority, case.owner, case.version) for case in ip.cases] == [
        ("credential_attack", "F26", "P1", "entity", 1)
    ]
    assert ip.cases[0].subject == "ip/203.0.113.7"
    assert ip.cases[0].counters["usernames"] == 4
    assert ip.risks[-1].effective_at == from_ms(START_MS + 15_000)


def test_names_spread_over_more_than_the_window_do_not_add_up():
    ip = Entity(policy())
    ip.play(login(f"user-{number}", number * 601) for number in range(20))
    assert ip.effects == []


def test_the_case_grows_with_attempts_but_not_with_every_attempt():
    ip = Entity(policy())
    ip.play(login(f"user-{number}", number) for number in range(512))
    versions = [case.version for case in ip.cases]
    assert versions == list(range(1, len(versions) + 1))
    assert len(versions) <= 9  # 4, 8, 16 .. 512
    assert len({case.case_id for case in ip.cases}) == 1
    assert ip.cases[-1].counters["attempts"] == 512


def test_successes_of_the_attacker_are_listed_even_those_before_the_attack_was_recognised():
    ip = Entity(policy())
    ip.play([login("a", 0), login("lucky", 2, ok=True), login("b", 5), login("c", 10), login("d", 15)])
    assert ip.cases[0].counters["accounts_exposed"] == 1
    ip.play([login("unlucky", 20, ok=True)])
    newest = ip.cases[-1]
    assert newest.changed == ("accounts_exposed",)
    assert [line.text for line in newest.evidence if line.kind == "account_exposed"] == [
        "right password for lucky",
        "right password for unlucky",
    ]


def test_containment_aims_at_the_address_with_an_end_and_never_at_a_victim():
    ip = Entity(policy())
    ip.play(login(f"user-{number}", number, ok=number % 6 == 5) for number in range(60))
    assert {(action.action, action.entity, action.scope) for action in ip.actions} == {
        ("block_entity", "ip/203.0.113.7", "login")
    }
    assert len(ip.actions) == 1
    assert ip.actions[0].expires_at == from_ms(START_MS + 3_000 + 3_600_000)
    assert ip.actions[0].case_id == ip.cases[0].case_id
    assert ip.cases[-1].actions == (ip.actions[0].action_id,)


def test_containment_is_asked_for_again_while_the_attack_goes_on():
    ip = Entity(policy())
    ip.play(login(f"user-{number}", number * 60) for number in range(90))
    assert len(ip.actions) == 2
    assert len({action.action_id for action in ip.actions}) == 2


def test_a_backfill_and_the_mode_observe_record_but_send_nothing():
    late = Entity(policy())
    late.now_ms = START_MS + 86_400_000
    late.play(login(f"user-{number}", number) for number in range(8))
    assert late.cases
    assert late.actions == []

    observed = Entity(policy('[entities.password_spray]\nmode = "observe"'))
    observed.play(login(f"user-{number}", number) for number in range(8))
    assert {case.shadow for case in observed.cases} == {True}
    assert observed.actions == []


def test_an_office_needs_more_names_and_is_challenged_instead_of_blocked():
    office = Entity(policy())
    for day in range(2):
        office.play(login(f"clerk-{number}", day * 86_400 + number * 900, ok=True) for number in range(16))
    day = 2 * 86_400
    # Two clerks and two visitors mistype: 16 regular users raise the threshold from 2 to 6.
    office.play(
        [login("clerk-1", day), login("clerk-2", day + 1), login("guest-1", day + 2), login("guest-2", day + 3)]
    )
    assert office.effects == []
    office.play(login(f"victim-{number}", day + 10 + number) for number in range(10))
    assert [(risk.level, risk.shared) for risk in office.risks] == [("elevated", False), ("attack", True)]
    assert [action.action for action in office.actions] == ["step_up"]


@pytest.mark.parametrize(("at_home", "action"), [(1, "block_entity"), (3, "block_entity"), (4, "step_up")])
def test_an_account_or_two_of_the_attackers_own_do_not_soften_the_containment(at_home, action):
    ip = Entity(policy())
    for day in range(2):
        ip.play(login(f"own-{number}", day * 86_400 + number * 900, ok=True) for number in range(at_home))
    ip.play(login(f"victim-{number}", 2 * 86_400 + number * 15) for number in range(20))
    assert [each.action for each in ip.actions] == [action]
    assert {risk.shared for risk in ip.risks if risk.level == "attack"} == {action == "step_up"}


def test_regular_users_of_the_address_are_never_called_exposed():
    ip = Entity(policy())
    ip.play([login("owner", 0, ok=True), login("owner", 86_400, ok=True)])
    ip.play(login(f"user-{number}", 90_000 + number) for number in range(6))
    ip.play([login("owner", 90_010, ok=True)])
    assert ip.cases[-1].counters["accounts_exposed"] == 0


def test_the_level_is_told_again_only_when_half_of_its_time_is_gone():
    ip = Entity(policy())
    ip.play(login(f"user-{number % 50}", number * 10) for number in range(720))  # two hours
    assert 4 <= len(ip.risks) <= 8
    for earlier, later in zip(ip.risks, ip.risks[1:], strict=False):
        assert later.effective_at < earlier.expires_at, "no gap while the attack goes on"
        assert later.version == earlier.version + 1


def test_the_case_closes_when_it_was_quiet_for_an_hour():
    ip = Entity(policy())
    ip.play(login(f"user-{number}", number) for number in range(8))
    assert ip.wait(3_600) == []
    assert [case.status for case in ip.wait(7_200)] == ["closed"]
    assert ip.cases[-1].resolution_code == "quiet"
    assert ip.cases[-1].occurred_at == from_ms(START_MS + 7_000 + 3_600_000)
    assert ip.cases[-1].version == ip.cases[-2].version + 1

    ip.play(login(f"again-{number}", 9_000 + number) for number in range(8))
    assert ip.cases[-1].case_id != ip.cases[0].case_id


def test_an_address_without_success_is_forgotten_after_half_an_hour():
    settings = policy()
    ip = Entity(settings)
    ip.play([login("a", 0)])
    assert forgets_ms(ip.state) == START_MS + 1_800_000
    ip.play([login("a", 1, ok=True)])
    assert forgets_ms(ip.state) == START_MS + 1_000 + 259_200_000


def test_an_open_case_or_a_published_level_is_not_forgotten():
    settings = policy()
    ip = Entity(settings)
    ip.play(login(f"user-{number}", number) for number in range(8))
    assert forgets_ms(ip.state) is None
    ip.wait(8_000)
    assert forgets_ms(ip.state) is None, "the snapshot of its case has to go some day"
    ip.wait(91 * 86_400)
    assert forgets_ms(ip.state) is not None
    elevated = Entity(settings)
    elevated.play([login("a", 0), login("b", 1)])
    assert forgets_ms(elevated.state) == START_MS + 1_000 + 3_600_000 + 1


def test_a_flood_of_names_from_one_address_stays_small():
    ip = Entity(policy())
    ip.play(login(f"{number:0120d}", number / 100, ok=number % 3 == 0) for number in range(3_000))
    assert len(ip.state.spray.failed) == MEMBERS_MAX
    assert ip.size < 16_384
    case = ip.wait(20_000)[-1]
    assert case.counters["accounts_exposed"] > 950
    assert len(case.evidence) == VICTIMS_MAX + 3  # attack, containment, closed


def test_a_full_timeline_keeps_how_it_began():
    ip = Entity(policy("[cases]\nevidence_max = 5"))
    ip.play(login(f"user-{number}", number, ok=number % 3 == 0) for number in range(60))
    newest = ip.cases[-1]
    assert [line.kind for line in newest.evidence] == ["attack", *["account_exposed"] * 4]
    assert newest.evidence_dropped == newest.counters["accounts_exposed"] + 2 - 5


def test_a_switched_off_detector_is_silent():
    ip = Entity(policy("[entities.password_spray]\nenabled = false"))
    ip.play(login(f"user-{number}", number) for number in range(50))
    assert ip.effects == []


def test_in_a_replay_in_steps_the_level_counts_from_the_next_step_on():
    ip = Entity(policy(), barrier_s=86_400)
    ip.play([login("a", 100), login("b", 101)])
    assert ip.risks[0].effective_at == from_ms(START_MS + 86_400_000)
    assert ip.risks[0].expires_at == from_ms(START_MS + 86_400_000 + 3_600_000)
