"""Does anything that must not be kept survive in a dead letter, and does the rest stay readable?"""

from __future__ import annotations

import base64

import msgspec
import pytest

from streams.contracts.signals import DeadLetter
from streams.runtime.dead_letters import dead_letter
from streams.runtime.logic import Emit, Record, Refused


def letter_of(value: bytes, key: bytes = b"a1") -> tuple[Emit, DeadLetter, bytes]:
    emit = dead_letter(Record("pings", 0, 7, 1_000, key, value), Refused("undecodable", "not JSON"))
    letter = msgspec.json.decode(emit.value or b"", type=DeadLetter)
    return emit, letter, base64.b64decode(letter.body or "")


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        (b'{"password":"hunter2","a":1}', b"hunter2"),
        (b'{"password":"hunter2', b"hunter2"),  # cut off
        (b'{"password" : "ab\\"secret2", "a":1}', b"secret2"),
        (b'{"Password":"hunter2"}', b"hunter2"),
        (b'{"passwd":"hunter2"}', b"hunter2"),
        (b'{"otp": 123456}', b"123456"),
        (b'{"pin":1234,"a":1}', b"1234"),
        (b'{"cvv":"123"}', b"123"),
        (b'{"cvc":123}', b"123"),
        (b'{"card":"4111111111111111"}', b"4111111111111111"),
        (b'{"card":"4111 1111 1111 1111"}', b"4111 1111"),
        (b'{"id":"card.4111111111111111"}', b"4111111111111111"),
        (b'{"id":"4111.1111.1111.1111"}', b"4111.1111"),
        (b'{"iban":"DE89 3704 0044 0532 0130 00"}', b"0532"),
        (b'{"mail":"alice@example.com"}', b"alice"),
        (b'{"mail":"alice\\u0040example.com"}', b"alice"),
        (b'{"card":"\\u0034\\u0031\\u0031\\u0031"}', b"u0034"),
    ],
)
def test_secrets_and_numbers_of_people_are_masked(value: bytes, secret: bytes) -> None:
    _, letter, body = letter_of(value)
    assert secret not in body
    assert len(body) == len(value) == letter.size, "in place, so that a reader still sees the form"


@pytest.mark.parametrize("value", [b'{"amount_minor":12800,"currency":"CNY"}', b'{"type":"pin.changed","spin":"left"}'])
def test_what_says_nothing_about_a_person_stays(value: bytes) -> None:
    assert letter_of(value)[2] == value


def test_the_key_is_masked_wherever_it_goes() -> None:
    emit, letter, _ = letter_of(b"{", key=b"alice@example.com")
    assert b"alice" not in emit.key
    assert "alice" not in (letter.key or "")
