"""Many customers write in public about one thing."""

from __future__ import annotations

from typing import Final

from producers.durations import MINUTE_MS
from producers.simulate.stage import Stage
from streams.contracts.accounts import SocialMention

_TOPIC: Final = "support.requests"
COMPLAINTS: Final = {
    "zh-Hans": ("同一笔订单被扣了两次款", "买一杯咖啡，扣了我两次钱", "重复扣款了，没人管吗"),
    "en": ("I was charged twice for one order", "Charged twice for a coffee, again", "They charged me twice"),
}
PRAISE: Final = "Thanks for the quick help today"
_HEARD: Final = 20_000  # readers of the one post that goes round


def play(stage: Stage) -> None:
    """In the evening post after post tells of a double charge, the last one to many readers; some others say thanks."""
    rng = stage.rng
    began_ms = stage.day(stage.warm_up(), 20.0)
    number, minutes = stage.number("posts"), stage.number("minutes")
    for each in range(number):
        person = stage.people[each % len(stage.people)]
        language = rng.choice(tuple(COMPLAINTS))
        reach = _HEARD if each == number - 1 else rng.randrange(20, 900)
        at_ms = began_ms + each * minutes * MINUTE_MS // number
        _post(stage, person.account_id, at_ms, rng.choice(COMPLAINTS[language]), language, reach)
    for each in range(number // 4):
        person = stage.people[-1 - each % len(stage.people)]
        _post(stage, person.account_id, began_ms + each * MINUTE_MS, PRAISE, "en", rng.randrange(20, 900))


def _post(stage: Stage, account_id: str, at_ms: int, text: str, language: str, reach: int) -> None:
    said = stage.envelope(account_id, at_ms)
    stage.say(_TOPIC, SocialMention(**said, channel="social", text=text, language=language, reach=reach))
