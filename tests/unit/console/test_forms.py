"""What is typed where a reference belongs."""

from __future__ import annotations

import pytest

from streams.console.forms import is_personal


@pytest.mark.parametrize(
    "typed",
    [
        "DE89370400440532013000",
        "de89370400440532013000",
        "GB29NWBK60161331926819",
        "DE89-3704-0044-0532-0130-00",
        "078-05-1120",
    ],
)
def test_a_number_of_an_account_or_of_social_security_is_no_reference(typed: str) -> None:
    assert is_personal(typed)


def test_an_id_whose_check_digits_fit_by_chance_is_one() -> None:
    assert not [each for n in range(300) if is_personal(each := f"TX20261129{n:06d}")]
    assert not [each for n in range(300) if is_personal(each := f"DE20261129{n:06d}")]


@pytest.mark.parametrize("typed", ["A20261129001", "order-7745612210", "000-12-3456", "#10023456"])
def test_a_reference_is_one(typed: str) -> None:
    assert not is_personal(typed)
