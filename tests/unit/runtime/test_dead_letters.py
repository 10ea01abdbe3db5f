"""Does anything that must not be kept survive in a dead letter, and does what a reader needs stay readable?"""

from __future__ import annotations

import base64
import gzip
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.contracts.registry import MAX_BYTES, TYPES
from streams.contracts.signals import DeadLetter
from streams.runtime.dead_letters import BODY_LIMIT, dead_letter, is_of
from streams.runtime.logic import Emit, Record, Refused

TRANSACTIONS = "payments.transactions"


def letter_of(
    value: bytes, key: bytes = b"a1", topic: str = TRANSACTIONS, detail: str = "not JSON"
) -> tuple[Emit, DeadLetter, bytes]:
    emit = dead_letter(Record(topic, 0, 7, 1_000, key, value), Refused("undecodable", detail))
    letter = msgspec.json.decode(emit.value or b"", type=DeadLetter)
    return emit, letter, base64.b64decode(letter.body or "")


CARD = "4111111111111111"
ENVELOPE = b'{"type":"payment.requested.v1","event_id":"e1",'


@pytest.mark.parametrize("topic", [TRANSACTIONS, "foreign/stripe.events", "paywarden.signals", "pings"])
@pytest.mark.parametrize(
    ("value", "secret"),
    [
        (b'{"password":"hunter2","a":1}', b"hunter2"),
        (b'{"password":"hunter2', b"hunter2"),  # cut off
        (b'{"password" : "ab\\"secret2", "a":1}', b"secret2"),
        (b'{"otp": 123456}', b"123456"),
        (b'{"cvv":123}', b"123"),
        (rb'{"p":"{\"password\":\"hunter2\"}"}', b"hunter2"),
        (b"{'password': 'hunter2'}", b"hunter2"),
        (b'{password:"hunter2"}', b"hunter2"),
        (b"password=hunter2&cvv=123", b"hunter2"),
        (b"<password>hunter2</password><cvv>123</cvv>", b"123"),
        (b'{"password":["hunter2"]}', b"hunter2"),
        (b'{"password":{"value":"hunter2"}}', b"hunter2"),
        (b'{"cvv":{"v":987}}', b"987"),
        (b'{"cvv":{"amount_minor":987}}', b"987"),  # a field of ours, in a place where it is none
        (b'{"user_password":"hunter2"}', b"hunter2"),
        (b'{"newPassword":"hunter2"}', b"hunter2"),
        (b'{"cardCvv":"987"}', b"987"),
        (b'{"security_code":"987","otp_code":"991823","pinCode":"4711","card_cvv":"987"}', b"987"),
        (b'{"access_token":"abcdef"}', b"abcdef"),
        (rb'{"pass\u0077ord":"hunter2"}', b"hunter2"),
        ('{"密码":"hunter2"}'.encode(), b"hunter2"),
        (rb'{"password":"\u0068unter2"}', b"unter2"),
        (b'{"a":"hunter2","a":1}', b"hunter2"),  # the same name twice
        (b'{"account_id":"hunter2 ","account_id":"a1"}', b"hunter2"),
        (b'{"4111111111111111":1}', b"4111"),
        (b'{"joe@example.com":{"x":1}}', b"joe"),
        (b'"4111 1111 1111 1111"', b"1111"),
        (b'"4111  1111  1111  1111"', b"1111"),
        (b'"4111/1111/1111/1111"', b"1111"),
        (b'"4111_1111_1111_1111"', b"1111"),
        ('"4111\u00a01111\u00a01111\u00a01111"'.encode(), b"1111"),
        (rb'"4111\u00a01111\u00a01111\u00a01111"', b"1111"),
        ('"4111\u20131111\u20131111\u20131111"'.encode(), b"1111"),
        ('{"account_id":"\uff14\uff11\uff11\uff11"}'.encode(), "\uff11".encode()),
        (b'{"pan":["4111","1111"]}', b"1111"),
        (b'{"card":4111111111111111}', b"1111"),
        (ENVELOPE + b'"amount_minor":378282246310005}', b"378282246310005"),  # a number of a card, not of units
        (ENVELOPE + b'"account_id":"4111-1111-1111-1111"}', b"1111"),
        (ENVELOPE + b'"currency":"4111111111111111"}', b"1111"),
        (ENVELOPE + b'"payment_id":"de89370400440532013000"}', b"0532013000"),
        (ENVELOPE + b'"order_id":"joe@example.com"}', b"joe"),
        (ENVELOPE + b'"source":"+1 (415) 555-2671"}', b"555"),
        (b'{"type":"4111 1111"}', b"1111"),
        ('{"password":"hunter2"}'.encode("utf-16"), "hunter2".encode("utf-16-le")),
        (gzip.compress(b'{"password":"hunter2"}', mtime=0), gzip.compress(b'{"password":"hunter2"}', mtime=0)[12:]),
        (base64.b64encode(b'{"password":"hunter2"}'), base64.b64encode(b'{"password":"hunter2"}')),
        (b"joe%40example.com", b"joe"),
        ('"jörg@exämple.example"'.encode(), b"rg@"),
        (b'"11010519491231002X"', b"0519"),
        (b"[" * 3_000 + b'"hunter2"' + b"]" * 3_000, b"hunter2"),
        (b'{"a":' * 60 + b'"hunter2"' + b"}" * 60, b"hunter2"),
        (b"x" * (BODY_LIMIT - 11) + CARD.encode(), b"4111"),
        (b'{"password":"' + b"hunter2" * (MAX_BYTES // 7) + b'"}', b"hunter2"),
    ],
)
def test_nothing_is_kept_that_no_contract_calls_harmless(value: bytes, secret: bytes, topic: str) -> None:
    emit, _, body = letter_of(value, topic=topic)
    assert secret not in body
    assert secret not in (emit.value or b"")


_TEXT = st.text(min_size=1, max_size=12)
_LEAF = st.one_of(st.none(), st.booleans(), st.integers(-(10**12), 10**12), _TEXT)
_FIELDS = sorted({field.encode_name for kind in TYPES.values() for field in msgspec.structs.fields(kind)})
_NAMES = st.one_of(st.sampled_from(_FIELDS), st.sampled_from(["password", "cvv", "x", "pan", "data"]), _TEXT)


@st.composite
def planted(draw: st.DrawFn) -> tuple[bytes, str]:
    """A record somewhere within which a secret lies, and the secret."""
    secret = draw(
        st.one_of(
            st.text("0123456789", min_size=12, max_size=19),
            st.builds("my hunter{}{}".format, st.integers(10**6, 10**7), st.sampled_from("äß!@%& ")),
            st.builds("{}@example.com".format, st.text("abcdefgh.", min_size=3, max_size=20)),
            st.builds("+49 (30) {}".format, st.integers(10_000_000, 99_999_999)),
        )
    )
    shape = draw(st.sampled_from(["text", "number", "nested", "within", "escaped", "name"]))
    node: object
    match shape:
        case "number" if secret.isdigit() and secret[0] != "0":
            node = int(secret)
        case "nested":
            node = json.dumps({"password": secret})
        case "within":
            node = f"{draw(_TEXT)} {secret} {draw(_TEXT)}"
        case "name":
            node = {secret: draw(_LEAF)}
        case _:
            node = secret
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.booleans()):
            node = [*draw(st.lists(_LEAF, max_size=2)), node]
        else:
            node = {**draw(st.dictionaries(_NAMES, _LEAF, max_size=3)), draw(_NAMES): node}
    if isinstance(node, dict) and draw(st.booleans()):
        node = {"type": draw(st.sampled_from(sorted(TYPES))), "event_id": "e1", "codes": [{"code": secret}], **node}
    raw = json.dumps(node, ensure_ascii=draw(st.booleans())).encode()
    if shape == "escaped":
        raw = raw.replace(secret.encode(), "".join(f"\\u{ord(each):04x}" for each in secret).encode())
    cut = draw(st.one_of(st.just(len(raw)), st.integers(0, len(raw))))
    match draw(st.sampled_from(["plain", "gzip", "base64"])):
        case "gzip":
            return gzip.compress(raw[:cut], mtime=0), secret
        case "base64":
            return base64.b64encode(raw[:cut]), secret
        case _:
            return raw[:cut], secret


@settings(max_examples=250, deadline=None)
@given(planted(), st.sampled_from([TRANSACTIONS, "operator.actions", "paywarden.signals", "foreign/stripe.events"]))
def test_a_secret_that_lies_anywhere_is_not_in_the_letter(case: tuple[bytes, str], topic: str) -> None:
    value, secret = case
    emit, _, body = letter_of(value, secret.encode(), topic)
    kept = body.decode() + (emit.value or b"").decode() + (emit.key or b"").decode()
    for form in (secret, json.dumps(secret)[1:-1], max(secret.split(), key=len)):
        assert form not in kept


def test_a_reader_sees_the_form_and_what_our_contracts_call_harmless() -> None:
    value = {
        "type": "payment.failed.v1",
        "event_id": "6f1c2d3e-0000-4000-8000-123456789012",
        "source": "gateway-a",
        "occurred_at": "2026-01-01T00:00:00",
        "account_id": "customer-17",
        "amount_minor": -12800,
        "currency": "CNY",
        "codes": [{"source": "iso8583", "code": "51"}, {"code": 7}],
        "merchant_id": "shop",
        "latitude": 48.2,
        "extra": {"phone": "4155552671", "ok": True, "none": None, "many": [1, 2.5]},
        "x y": "z",
    }
    wanted = value | {
        "merchant_id": "<text 4>",
        "latitude": "<number 3>",
        "codes": [{"source": "iso8583", "code": "51"}, {"code": "<number 1>"}],
        "extra": {"phone": "<digits 10>", "ok": True, "none": None, "many": ["<number 1>", "<number 2>"]},
        "<name 3>": "<text 1>",
    }
    del wanted["x y"]
    assert json.loads(letter_of(json.dumps(value).encode())[2]) == wanted


@pytest.mark.parametrize(
    ("value", "begins"),
    [
        (gzip.compress(b"{}", mtime=0), "gzip"),
        ("{}".encode("utf-16"), "UTF-16"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"\x00\x00\x00\x00\x07abc", "binary"),
        (b"<a>1</a>", "markup"),
        (b' {"a":', "object"),
        (b"[1", "array"),
        (b"a=1&b=2", "word"),
        (b"17,4711", "digit"),
    ],
)
def test_of_what_is_no_json_only_its_look_is_told(value: bytes, begins: str) -> None:
    _, letter, _ = letter_of(value)
    assert (letter.body, letter.begins, letter.size) == (None, begins, len(value))


@pytest.mark.parametrize(
    "value",
    [
        b'{"type":"payment.requested.v9"}',
        ENVELOPE + b'"amount_minor": 12800, "currency":\n"CNY"}',
    ],
)
def test_what_says_nothing_about_a_person_stays_byte_for_byte(value: bytes) -> None:
    assert letter_of(value)[2] == value


@pytest.mark.parametrize("value", [b'{"cvv":"123"}', b'{"cvv":"123"', b"cvv=123"])
def test_no_digest_is_kept_from_which_what_is_hidden_could_be_found_by_trying(value: bytes) -> None:
    other = value.replace(b"123", b"987")
    assert letter_of(value)[1].sha256 == letter_of(other)[1].sha256


def test_the_record_is_recognised_without_a_digest_of_it() -> None:
    value = b'{"cvv":"123"}'
    _, letter, _ = letter_of(value)
    assert is_of(letter, 1_000, value)
    assert not is_of(letter, 1_001, value)
    assert not is_of(letter, 1_000, b'{"pin":"123"}')
    assert not is_of(letter, 1_000, b'{"cvv":"1234"}')


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (b"customer-17", "customer-17"),
        (b"alice@example.com", "<text 17>"),
        (b"4111 1111 1111 1111", "<text 19>"),
        (b"13912345678", "<digits 11>"),
        (b"a" * 129, "<text 129>"),
        (b"a\x1b]0;own\x07", "<text 9>"),
    ],
)
def test_the_key_is_shown_only_if_it_is_an_opaque_id(key: bytes, shown: str) -> None:
    emit, letter, _ = letter_of(b"{", key=key)
    assert letter.key == shown
    assert emit.key == shown.encode()
