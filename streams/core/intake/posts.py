"""What is a public post about, and which posts are about one thing?

The words are read like those of a message and kept nowhere. Posts are about one thing if they tell of the same flow
and, where they name a merchant, of the same one: one that names a merchant is told to the topic of that merchant and to
that of the flow, which adds it to those that name none.
"""

from __future__ import annotations

from typing import Final, Literal

from streams.contracts.accounts import SocialMention
from streams.contracts.base import from_ms
from streams.core.ids import digest
from streams.core.intake.reading import read
from streams.core.intake.topics import Topic
from streams.core.policy import IntakePolicy

TOPIC_KIND: Final[Literal["topic"]] = "topic"
SEVERE: Final = 2  # a post about something of this priority or higher is urgent itself
_LONGEST_VALUE: Final = 120
_OF_ALL_KINDS: Final = frozenset({"F42", "F44"})  # general questions, praise and blame are about no one thing


def topic_of(event: SocialMention, at_ms: int, policy: IntakePolicy) -> Topic | None:
    """What the post is about; None if nothing is said, or nothing that is understood."""
    if not event.text or not event.text.strip():
        return None
    reading = read(event.text, from_ms(at_ms), policy, event.language)
    return reading.topic if reading.understood else None


def values_of(topic: Topic | None, merchant_id: str | None) -> tuple[str, ...]:
    """What posts about the same are known under: the type of their cases, before it with the merchant that is named."""
    if topic is None or topic.flow in _OF_ALL_KINDS:
        return ()
    if merchant_id is None:
        return (topic.case_type,)
    value = f"{topic.case_type}/{merchant_id}"
    return (value if len(value) <= _LONGEST_VALUE else f"{topic.case_type}/{digest(merchant_id)}", topic.case_type)
