"""Does a worker write down what nobody should have written: in its log, in a topic, or in what it remembers?

PAYWARDEN_SOAK=1 plants into 20,000 records instead of some hundred.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from support.broker import ON_KAFKA
from support.happenings import NOON, SECOND, event
from support.plants import Plants
from support.product import Product

from models.training.texts.writing import written
from producers.feed import Outgoing, outgoing
from streams.contracts import accounts
from streams.contracts.payments import PaymentFailed, RefundRequested

SOAK: Final = bool(os.environ.get("PAYWARDEN_SOAK"))
RECORDS: Final = 20_000 if SOAK else 300
ACCOUNTS: Final = 20
_ESCAPE: Final = re.compile(r"\\[nrt]")  # of JSON: "4111\n1111" has a letter between its digits
REQUESTS, PAYMENTS, ACTIONS = "support.requests", "payments.transactions", "operator.actions"


class Writers:
    """People and programs that write what they should not; every seventh record cannot be handled either."""

    def __init__(self) -> None:
        self.plants = Plants(20260402)
        self.frames = [each.text for each in written(1)]

    def records(self) -> Iterator[Outgoing]:
        for number in range(RECORDS):
            at_ms = NOON + number * 10 * SECOND
            yield self._broken(number, at_ms) if number % 7 == 6 else self._sound(number, at_ms)

    def _sound(self, number: int, at_ms: int) -> Outgoing:
        text, _ = self.plants.sentence(self.plants.chance.choice(self.frames))
        topic, kind, fields = self.plants.chance.choice(_KINDS)
        filled = {name: value(text) if callable(value) else value for name, value in fields.items()}
        return outgoing(topic, event(kind, at_ms, f"e{number}", account_id=f"a{number % ACCOUNTS}", **filled))

    def _broken(self, number: int, at_ms: int) -> Outgoing:
        """Cut off, of the wrong type, of no type, no JSON at all, from the future."""
        sound = self._sound(number, at_ms)
        value = (
            sound.value[:-9],
            sound.value.replace(b'"occurred_at":', b'"occurred_at":7,"was":'),
            sound.value.replace(b'"type":"', b'"type":"un'),
            self.plants.sentence("")[0].encode(),
            sound.value.replace(b'"occurred_at":"2026', b'"occurred_at":"2031'),
        )[number % 5]
        return sound._replace(value=value)


def _short(text: str) -> str:
    return text[:256]


_KINDS: Final[tuple[tuple[str, Any, dict[str, Any]], ...]] = (
    *(((REQUESTS, accounts.UserMessage, {"channel": "chat", "text": str}),) * 4),
    (REQUESTS, accounts.SocialMention, {"channel": "social", "text": str, "reach": 20_000}),
    (REQUESTS, accounts.UserReport, {"channel": "app", "kind": "unauthorised", "text": str}),
    (
        ACTIONS,
        accounts.ContactTaken,
        {"actor": "mei", "role": "analyst", "disposition": "follow_up", "channel": "phone", "text": str},
    ),
    (
        PAYMENTS,
        PaymentFailed,
        {"payment_id": "p1", "amount_minor": 1_000, "currency": "CNY", "message": _short},
    ),
    (
        PAYMENTS,
        RefundRequested,
        {"payment_id": "p1", "refund_id": "r1", "amount_minor": 1_000, "currency": "CNY", "reason": _short},
    ),
)


@ON_KAFKA
@pytest.mark.timeout(3_600 if SOAK else 300)
def test_what_is_planted_is_in_no_log_topic_or_state_of_a_worker(product: Product) -> None:
    writers = Writers()
    records = list(writers.records())
    product.start("w1", log_level="DEBUG")
    product.replay(records, deadline_s=3_000 if SOAK else 120)
    found = product.published()
    assert product.end() == [0]
    lines = (product.folder / "w1.log").read_text()
    assert "ready after" in lines
    assert not (told := writers.plants.told_in(lines)), f"the log tells {told}"
    assert sum(bag.total() for (topic, _), bag in found.items() if topic == "support.cases") > 20
    assert sum(bag.total() for (topic, _), bag in found.items() if topic == "paywarden.dead-letters") > RECORDS / 10
    for (topic, _), bag in found.items():
        for key, value in bag:
            plain = _ESCAPE.sub(" ", (key + b" " + (value or b"")).decode(errors="replace"))
            assert not (told := writers.plants.told_in(plain)), f"{topic} tells {told}: {plain[:2_000]}"
    for state in product.states("accounts").values():
        assert not (told := writers.plants.told_in(state.decode(errors="replace"))), f"a state keeps {told}"
