"""Is something more down than what is known to be, and what?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.core.incidents.localise import Beside, Excess, further

SHARE = 0.87  # of nine failures in ten, where three in a hundred are usual


def found(whole: float, standing: list[str], suspects: list[str], **measured: tuple[float, float]) -> list[str]:
    """`whole` failures too many of 1,800 trials; of each key, without its dimension, trials and failures too many."""
    keys = [*standing, *suspects, "merchant:m1"]
    known = {key: Excess(key, *measured.get(key.partition(":")[2], (0.0, 0.0))) for key in keys}
    known["platform:all"] = Excess("platform:all", 1_800.0, whole)
    known |= {key: Excess(key, *measured["pair"]) for key in suspects if "+" in key}

    def within(_: str) -> Callable[[str], Excess]:
        return lambda key: known.get(key, Excess(key, 0.0, 0.0))

    return further(suspects, Beside(within, standing, [*suspects, "merchant:m1"]))


TWO = ["app:v1", "issuer:i1"]  # a third and a fifth of the traffic
DOWN = {"v1": (600.0, 600 * SHARE), "i1": (360.0, 360 * SHARE)}
WITHOUT_MORE = 1_800 * SHARE * (1 - 2 / 3 * 4 / 5)
WITH_ONE_MORE = 1_800 * SHARE * (1 - 2 / 3 * 4 / 5 * 7 / 8)


def test_the_third_of_three_is_what_fails_most_beyond_the_two_that_are_known() -> None:
    suspects = ["platform:all", "region:r1", "gateway:g1"]
    measured = DOWN | {"g1": (225.0, 225 * SHARE), "r1": (400.0, 400 * SHARE * 0.55)}
    assert found(WITH_ONE_MORE, TWO, suspects, **measured) == ["gateway:g1"]


def test_a_merchant_who_has_only_what_is_down_is_not_down_itself() -> None:
    merchant = {"m2": (90.0, 90 * SHARE)}
    assert found(WITHOUT_MORE, TWO, ["merchant:m2"], **DOWN, **merchant) == []
    assert found(600 * SHARE, ["app:v1"], ["merchant:m2"], v1=DOWN["v1"], **merchant) == []


def test_of_a_pair_whose_merchant_fails_without_it_as_well_it_is_the_merchant() -> None:
    pair, measured = "merchant+method:m1+qr", DOWN | {"m1": (450.0, 450 * SHARE), "pair": (100.0, 100 * SHARE)}
    assert found(WITH_ONE_MORE, TWO, [pair], **measured) == ["merchant:m1"]


@pytest.mark.parametrize(("elsewhere", "roots"), [(0.12, ["gateway:g1"]), (0.4, [])])
def test_beside_the_platform_it_is_what_fails_several_times_as_much(elsewhere: float, roots: list[str]) -> None:
    measured = {"g1": (225.0, 225 * SHARE), "r1": (400.0, 400 * elsewhere)}
    whole = 225 * SHARE + 1_575 * elsewhere
    assert found(whole, ["platform:all"], ["region:r1", "gateway:g1"], **measured) == roots


def test_nothing_is_down_beside_nothing() -> None:
    assert found(WITH_ONE_MORE, [], ["gateway:g1"], g1=(225.0, 225 * SHARE)) == []
