"""Which damage do records come with, and what is each kind called when it is set aside?

Seeded: the same seed gives the same bytes. Every record has the form (kind, topic, key, value, expected reasons), where
any of the expected reasons is right.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from streams.contracts.base import from_ms
from streams.contracts.payments import Code, PaymentFailed
from streams.contracts.registry import MAX_BYTES, encode

PAYMENTS = "payments.transactions"
LEDGER = "ledger.entries"
LOGINS = "auth.logins"
# So that 1,000 records weigh 40 MB, not 130. A producer needs a max_request_size above 5 MiB to send them at all.
HEAVY = {"five_megabytes": 4, "just_over_the_limit": 8}


class Malformed(NamedTuple):
    """One damaged record and the reasons that may be given for it."""

    kind: str
    topic: str
    key: bytes | None
    value: bytes | None
    reasons: frozenset[str]


class Sound(NamedTuple):
    """A good payment before it is damaged."""

    account: str
    value: bytes
    draw: random.Random

    @property
    def key(self) -> bytes:
        return self.account.encode()

    def swap(self, old: bytes, new: bytes) -> bytes:
        """The value with the one occurrence of `old` replaced; a kind that no longer does anything is a mistake."""
        assert self.value.count(old) == 1, (old, self.value)
        return self.value.replace(old, new)


Damage = Callable[[Sound], tuple[bytes | None, bytes | None]]  # to key and value


class Kind(NamedTuple):
    """One kind of damage: what it makes of a sound payment, and what it may be called."""

    damage: Damage
    reasons: frozenset[str]
    topic: str = PAYMENTS


def _same_key(value: Callable[[Sound], bytes | None]) -> Damage:
    return lambda sound: (sound.key, value(sound))


def _tag(kind: bytes) -> Callable[[Sound], bytes]:
    return lambda sound: sound.swap(b'"payment.failed.v1"', b'"' + kind + b'"')


def _truncated(sound: Sound) -> bytes:
    return sound.value[: sound.draw.randrange(1, len(sound.value) - 1)]


def _noise(sound: Sound) -> bytes:
    return b"\xff" + sound.draw.randbytes(sound.draw.randrange(1, 400))


def _amount(text: bytes) -> Damage:
    return _same_key(lambda sound: sound.swap(b'"amount_minor":777,', b'"amount_minor":' + text + b","))


def _time(text: bytes) -> Damage:
    def damage(sound: Sound) -> bytes:
        start = sound.value.index(b'"occurred_at":') + len(b'"occurred_at":')
        return sound.value[:start] + text + sound.value[sound.value.index(b",", start) :]

    return _same_key(damage)


def _account(text: bytes, key: bytes) -> Damage:
    return lambda sound: (key, sound.swap(b'"account_id":"' + sound.key + b'"', b'"account_id":' + text))


_LEDGER_LINE = (
    b'{"type":"ledger.posted.v1","event_id":"e","source":"ledger","occurred_at":"2024-01-01T00:00:00Z",'
    b'"account_id":"%s","entry_id":"l","direction":"sideways","amount_minor":1,"currency":"EUR"}'
)


def _kind(damage: Damage, *reasons: str, topic: str = PAYMENTS) -> Kind:
    return Kind(damage, frozenset(reasons), topic)


KINDS: dict[str, Kind] = {
    "truncated": _kind(_same_key(_truncated), "undecodable"),
    "text_that_is_no_json": _kind(_same_key(lambda _: b"payment of 12.50 EUR, thanks"), "undecodable"),
    "noise": _kind(_same_key(_noise), "undecodable"),
    "gzip": _kind(_same_key(lambda sound: gzip.compress(sound.value, mtime=0)), "undecodable"),
    "schema_registry_frame": _kind(_same_key(lambda sound: b"\0\0\0\0\7" + sound.value), "undecodable"),
    "utf16": _kind(_same_key(lambda sound: sound.value.decode().encode("utf-16")), "undecodable"),
    "byte_order_mark": _kind(_same_key(lambda sound: b"\xef\xbb\xbf" + sound.value), "undecodable"),
    "trailing_garbage": _kind(_same_key(lambda sound: sound.value + b"}"), "undecodable"),
    "two_objects": _kind(_same_key(lambda sound: sound.value + b"\n" + sound.value), "undecodable"),
    "lone_surrogate": _kind(
        _same_key(lambda sound: sound.swap(b'"no money"', b'"\\ud800 no money"')),
        "undecodable",
        "bad_utf8",
    ),
    "bad_utf8_in_a_text": _kind(_same_key(lambda sound: sound.swap(b"no money", b"no \xc3\x28")), "bad_utf8"),
    "nan": _kind(_amount(b"NaN"), "undecodable"),
    "infinity": _kind(_amount(b"-Infinity"), "undecodable"),
    "huge_integer": _kind(_amount(b"9" * 400), "out_of_range"),
    "beyond_64_bits": _kind(_amount(b"9223372036854775808"), "out_of_range"),
    "huge_exponent": _kind(_amount(b"1e999"), "out_of_range"),
    "negative_amount": _kind(_amount(b"-1"), "out_of_range"),
    "amount_as_text": _kind(_amount(b'"777"'), "wrong_type"),
    "amount_as_fraction": _kind(_amount(b"7.77"), "wrong_type"),
    "amount_as_object": _kind(_amount(b'{"value":777}'), "wrong_type"),
    "missing_amount": _kind(_same_key(lambda sound: sound.swap(b'"amount_minor":777,', b"")), "missing_field"),
    "missing_account": _kind(
        lambda sound: (sound.key, sound.swap(b'"account_id":"' + sound.key + b'",', b"")),
        "missing_field",
    ),
    "missing_type": _kind(
        _same_key(lambda sound: sound.swap(b'"type":"payment.failed.v1",', b"")),
        "not_an_event",
    ),
    "type_as_list": _kind(
        _same_key(lambda sound: sound.swap(b'"payment.failed.v1"', b'["payment.failed.v1"]')), "not_an_event"
    ),
    "unknown_tag": _kind(_same_key(_tag(b"payment.teleported.v3")), "unknown_type"),
    "type_of_another_topic": _kind(_same_key(_tag(b"login.failed.v1")), "wrong_topic"),
    "privileged_elsewhere": _kind(_same_key(_tag(b"case.action.v1")), "privileged"),
    "json_null": _kind(_same_key(lambda _: b"null"), "not_an_event"),
    "json_list": _kind(_same_key(lambda sound: b"[" + sound.value + b"]"), "not_an_event"),
    "empty": _kind(_same_key(lambda _: b""), "empty"),
    "null": _kind(_same_key(lambda _: None), "empty"),
    "five_megabytes": _kind(
        _same_key(lambda sound: sound.swap(b"no money", b"x" * (5 * 1024 * 1024))),
        "too_large",
    ),
    "just_over_the_limit": _kind(
        _same_key(lambda sound: sound.value + b" " * (MAX_BYTES + 1 - len(sound.value))),
        "too_large",
    ),
    "deep_nesting": _kind(
        _same_key(lambda sound: sound.swap(b'"no money"', b"[" * 100_000 + b"]" * 100_000)),
        "too_deep",
        "wrong_type",
    ),
    "deep_nesting_in_an_unknown_field": _kind(
        _same_key(lambda sound: sound.value[:-1] + b',"x":' + b'{"x":' * 50_000 + b"1" + b"}" * 50_001),
        "too_deep",
    ),
    "no_key": _kind(lambda sound: (None, sound.value), "key_missing"),
    "key_of_another_account": _kind(lambda sound: (sound.key + b"0", sound.value), "key_mismatch"),
    "key_as_json": _kind(lambda sound: (b'"' + sound.key + b'"', sound.value), "key_mismatch"),
    "account_given_twice": _kind(
        _same_key(lambda sound: sound.value[:-1] + b',"account_id":"somebody-else"}'),
        "key_mismatch",
    ),
    "empty_account": _kind(_account(b'""', b""), "out_of_range"),
    "account_too_long": _kind(_account(b'"' + b"a" * 129 + b'"', b"a" * 129), "out_of_range"),
    "account_like_a_state_row": _kind(_account(b'"\\u0000position"', b"\0position"), "bad_account"),
    "anonymous_but_known": _kind(_account(b'"anonymous:k3"', b"anonymous:k3"), "bad_account"),
    "currency_in_small_letters": _kind(_same_key(lambda sound: sound.swap(b'"EUR"', b'"eur"')), "out_of_range"),
    "too_many_codes": _kind(
        _same_key(lambda sound: sound.swap(b'"codes":[', b'"codes":[' + b'{"source":"x","code":"05"},' * 16)),
        "out_of_range",
    ),
    "word_outside_the_vocabulary": _kind(
        lambda sound: (sound.key, _LEDGER_LINE % sound.key),
        "wrong_type",
        topic=LEDGER,
    ),
    "wrong_shape_on_another_topic": _kind(
        _same_key(_tag(b"login.failed.v1")),
        "missing_field",
        topic=LOGINS,
    ),
    "naive_time": _kind(_time(b'"2024-01-01T00:00:00"'), "bad_time"),
    "time_as_number": _kind(_time(b"1704067200"), "bad_time"),
    "thirteenth_month": _kind(_time(b'"2024-13-01T00:00:00Z"'), "bad_time"),
    "year_1": _kind(_time(b'"0001-01-01T00:00:00Z"'), "bad_time"),
    "year_9999": _kind(_time(b'"9999-12-31T23:59:59Z"'), "bad_time"),
    # Well-formed, and only the record's own time tells that it is wrong: the partition refuses it, not the decoder.
    "dated_2099": _kind(_time(b'"2099-01-01T00:00:00Z"'), "future"),
}


def malformed(seed: int, count: int, *, at_ms: int, accounts: int = 50) -> Iterator[Malformed]:
    """`count` damaged records of all kinds in turn, of accounts `bad-0` ..., dated around `at_ms`."""
    draw = random.Random(seed)
    kinds = list(KINDS)
    left = dict(HEAVY)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        if kind in left:
            left[kind] -= 1
            if left[kind] < 0:
                kind = "noise"
        damage, reasons, topic = KINDS[kind]
        key, value = damage(_sound(draw, number, at_ms, accounts))
        yield Malformed(kind, topic, key, value, reasons)


def _sound(draw: random.Random, number: int, at_ms: int, accounts: int) -> Sound:
    account = f"bad-{draw.randrange(accounts)}"
    payment = PaymentFailed(
        event_id=f"malformed-{number}",
        source="tests",
        occurred_at=from_ms(at_ms + draw.randrange(1000)),
        account_id=account,
        payment_id=f"malformed-payment-{number}",
        amount_minor=777,
        currency="EUR",
        codes=(Code(source="iso8583_1987", code="51"),),
        message="no money",
    )
    return Sound(account, encode(payment), draw)
