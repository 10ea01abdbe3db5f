"""What does the traffic of a foreign system look like: thousands of records after its shape, some of them damaged?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from support.foreign import GOLDEN, Sent, encoded, sent

_DAMAGE = (b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"a":' * 3000, b'"text"', b"12", b'{"id": NaN}')


def traffic(shape: str, count: int) -> list[Sent]:
    """`count` good records: the first of the golden ones, each with ids and a time of its own."""
    first = sent(GOLDEN / shape)[0]
    template = json.loads((GOLDEN / shape / "records.jsonl").read_text().splitlines()[0])["value"]
    return [
        Sent(first.timestamp_ms + number, f"k{number}".encode(), _renumbered(shape, template, number), first.headers)
        for number in range(count)
    ]


def _renumbered(shape: str, template: dict[str, Any], number: int) -> bytes:
    text = json.dumps(template)
    for old, new in _IDS[shape]:
        assert json.dumps(old) in text, (shape, old)
        text = text.replace(json.dumps(old), json.dumps(new(number)))
    return encoded(json.loads(text), GOLDEN / shape)


def _uuid(number: int) -> str:
    return f"7f1f4a58-8f5e-4a7e-9d3e-{number:012x}"


_IDS = {
    "stripe": (("evt_1", lambda n: f"evt_{n}"), ("pi_1", lambda n: f"pi_{n}"), ("cus_9", lambda n: f"cus_{n % 53}")),
    "alipay": (
        ("ac05099524730693a8b330c5ecf72da978", lambda n: f"n{n}"),
        ("2025120122001400010000000001", lambda n: f"20251201{n:020d}"),
        ("2088102122524333", lambda n: f"2088{n % 53:012d}"),
    ),
    "debezium": ((1007, lambda n: n + 10_000), ("C-55", lambda n: f"C-{n % 53}"), ("p-1", lambda n: f"p-{n}")),
    "avro": (
        ("7f1f4a58-8f5e-4a7e-9d3e-0a4ed2b7a001", _uuid),
        ("TR-1", lambda n: f"TR-{n}"),
        ("acc-1", lambda n: f"acc-{n % 53}"),
    ),
    "iso8583": (
        ("000123", lambda n: f"{n % 1_000_000:06d}"),
        ("533500000123", lambda n: f"5335{n:08d}"),
        ("ACC-1", lambda n: f"ACC-{n % 53}"),
    ),
}
PLAYED = tuple(_IDS)


def damaged(shape: str, count: int, seed: int = 7) -> Iterator[Sent]:
    """`count` records that cannot be mapped: rubbish, cut off, a field missing, of another type or out of range."""
    random = Random(seed)
    good = traffic(shape, count)
    for number, record in enumerate(good):
        assert record.value is not None
        yield record._replace(value=_damage(record.value, number, random))


def _damage(value: bytes, number: int, random: Random) -> bytes:
    if number % 4 == 0:
        return _DAMAGE[number // 4 % len(_DAMAGE)] or b" "
    if number % 4 == 1:  # cut off
        return value[: random.randrange(1, len(value) - 1)]
    if value[:1] != b"{":  # Avro: a schema that nobody knows, or well-formed with a currency that is none
        return b"\x00\x00\x00\x00\x63" + value[5:] if number % 4 == 2 else value.replace(b"KWD", b"kwd")
    document = json.loads(value)
    holder, name = next(_amounts(document))
    if number % 4 == 2:
        del holder[name]
    else:
        holder[name] = random.choice([[], {}, True, "1e999", "-12", "1.2.3", "9" * 25])
    return json.dumps(document).encode()


def _amounts(holder: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for name, value in holder.items():
        if name in ("amount", "total_amount", "4") and not isinstance(value, dict):
            yield holder, name
        elif isinstance(value, dict):
            yield from _amounts(value)
