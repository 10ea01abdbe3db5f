"""Is a list that is worked through in a week noticed, and is a busy carrier none?"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.entities import Entity, login, policy

from streams.core.entities import sketch
from streams.core.entities.pipeline import forgets_ms
from streams.core.entities.recent import mark

DAY_S = 86_400
SLICE = {"kind": "slice", "value": "64500 curl/8"}


def attempt(user: str, at_s: float, ok: bool = False):
    return login(user, at_s, ok, origin="10.0.0.0/24", **SLICE)


def test_five_hundred_names_in_a_week_each_once_are_one_case():
    part = Entity(policy())
    part.play(attempt(f"victim-{turn}", turn * 1_000) for turn in range(600))
    assert part.risks[0].level == "elevated"
    assert {risk.level for risk in part.risks} == {"elevated", "attack"}
    assert {(case.flow, case.cause_family) for case in part.cases} == {("F26", "low_and_slow")}
    assert len({case.case_id for case in part.cases}) == 1
    assert 490 <= part.cases[0].counters["usernames"] <= 510
    assert {action.action for action in part.actions} == {"step_up"}
    assert part.size < 16_384
    assert part.wait(600 * 1_000 + 3 * DAY_S)[-1].status == "closed"


def test_people_try_again_and_get_in():
    again, entered = Entity(policy()), Entity(policy())
    for turn in range(700):
        again.play([attempt(f"person-{turn}", turn * 800), attempt(f"person-{turn}", turn * 800 + 20)])
        entered.play([attempt(f"person-{turn}", turn * 800)])
        if turn % 5 == 0:
            entered.play([attempt(f"guest-{turn}", turn * 800 + 20, ok=True)])
    assert (again.effects, entered.effects) == ([], [])


def test_what_is_older_than_a_week_does_not_count():
    part = Entity(policy())
    part.play(attempt(f"victim-{turn}", turn * 3_000) for turn in range(1_000))
    assert part.effects == [], "some two hundred a week"


def test_a_flood_stays_small_and_a_slice_of_few_names_is_forgotten_soon():
    once, flood = Entity(policy()), Entity(policy())
    once.play([attempt("a", 0)])
    flood.play(attempt(f"victim-{turn}", turn * 60, turn % 3 == 0) for turn in range(10_080))
    assert once.size < 160
    assert forgets_ms(once.state) - once.state.newest_ms == 1_800_000
    assert flood.size < 16_384


@given(st.integers(0, 6_000), st.integers(1, 7), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_estimate_is_near_the_truth_and_exact_while_there_is_room(number: int, days: int, dice) -> None:
    parts: list[list[int]] = [[] for _ in range(days)]
    for member in range(number):
        for part in dice.sample(parts, dice.randint(1, days)):
            sketch.keep(part, mark(f"member-{member}-{number}"), 128)
    found = sketch.different(parts, 128)
    if all(len(part) < 128 for part in parts):
        assert found == number
    assert abs(found - number) <= 0.4 * number  # four standard deviations
    assert all(part == sorted(set(part)) and len(part) <= 128 for part in parts)


def test_a_program_never_seen_before_is_no_excuse():
    """Of a user agent that is new to the site nothing is usual, so its own share of failures has to tell."""
    part = Entity(policy())
    part.play(attempt(f"n{number}", number * 90) for number in range(19))
    assert part.cases == []
    part.play(attempt(f"n{number}", number * 90) for number in range(19, 30))
    case = part.cases[-1]
    assert (case.flow, case.rules, case.subject) == ("F26", ("slice-spray/02",), "slice/64500 curl/8")
    assert part.risks[0].level == "elevated"
    assert {action.action for action in part.actions} == {"step_up"}


def test_where_people_get_in_many_may_mistype():
    part = Entity(policy())
    for number in range(200):
        part.play([attempt(f"n{number}", number * 15), attempt(f"n{number}", number * 15 + 5, ok=True)])
    assert part.effects == []
