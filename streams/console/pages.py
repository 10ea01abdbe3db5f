"""How does what the store knows become a page, in the reader's language, with ids masked?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, get_args

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from streams.adapters.case_store.people import Session
from streams.console import measures
from streams.console.masking import ENTITY_PAGES, PERSONAL, exposed_in, masked, masked_in
from streams.console.timeline import LANES
from streams.console.wording import Wording, load_texts, spelled
from streams.contracts.actions import LocksState
from streams.contracts.base import from_ms, to_ms
from streams.contracts.cases import NotificationRequested, Priority, Queue
from streams.core.cases.attachments import doubt_of
from streams.core.cases.review import LOSS
from streams.core.messages.render import MESSAGES, money
from streams.ports import Clock

LANGUAGES: Final = ("zh", "en")
_SURVEY: Final = "case.survey"
# Of the counters of a case without a customer, the one that says how large it is.
HOW_MANY: Final = ("users", "usernames", "cards", "accounts", "posts", "attempts")
# What a single key does: its texts are `key.NAME`.
_KEYS: Final = {
    "j": "down",
    "k": "up",
    "Enter": "open",
    "x": "tick",
    "r": "resolve",
    "n": "next",
    "a": "actions",
    "c": "contact",
    "/": "search",
    "?": "help",
}
# What a state looks like at a glance; the word is always there too.
_CHIPS: Final = {
    **dict.fromkeys(("resolved", "surveyed", "closed", "valuable_alert", "false_alarm", "released", "active"), "good"),
    **dict.fromkeys(("waiting_customer", "waiting_third_party", "outage", "challenged", "recovering"), "warn"),
    **dict.fromkeys(("confirmed_fraud", "freeze", "lock", "frozen", "locked"), "bad"),
    **dict.fromkeys(("block", "block_entity", "moved"), "bad"),
    **dict.fromkeys(("hold", "review", "step_up", "unknown"), "warn"),
    **dict.fromkeys(("assigned", "in_progress", "reopened"), "now"),
}
decode_notice = msgspec.json.Decoder(NotificationRequested).decode
decode_locks = msgspec.json.Decoder(LocksState).decode


class Pages:
    """The templates, with what they may use."""

    def __init__(self, clock: Clock, named: Callable[[str, str], str], *, oidc: bool = False) -> None:
        """`named`: how an address names a thing, by kind and value."""
        self._clock = clock
        self._texts = load_texts()
        self._wording = Wording()
        self.written = self._wording.written
        self._environment = Environment(
            loader=PackageLoader("streams.console", "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "masked": masked,
            "masked_in": masked_in,
            "exposed_in": exposed_in,
            "named": lambda value, kind: "" if value is None else named(kind, value),
            "instant": lambda ms: "" if ms is None else f"{from_ms(ms):%Y-%m-%d %H:%M:%S}",
            "day": lambda ms: f"{from_ms(ms):%Y-%m-%d}",
            "clock": lambda ms: f"{from_ms(ms):%H:%M:%S}",
            "iso": lambda ms: from_ms(ms).isoformat(),
            "figure": measures.figure,
            "known": measures.known,
            "minute": lambda ms: "" if ms is None else f"{from_ms(ms):%Y-%m-%d %H:%M}",
            "moment": lambda at: "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}",
            "spell": spelled,
            "with_capital": lambda text: text[:1].upper() + text[1:],
            "chip": lambda value: _CHIPS.get(value, ""),
            "notice": decode_notice,
            "locks_state": decode_locks,
            "ms": to_ms,
            "span": span,
        }
        self._environment.tests["known_text"] = self._texts.__contains__
        self._environment.globals |= {
            "money": lambda amount, currency: "" if amount is None or currency is None else money(amount, currency),
            "dollars": lambda cents: f"{cents / 100:,.2f}",
            "OIDC": oidc,
            "notice_kind": _notice_kind,
            "doubt_of": doubt_of,
            "HOW_MANY": HOW_MANY,
            "LOSS": LOSS,
            "LANES": LANES,
            "KEYS": _KEYS,
            "PERSONAL": PERSONAL,
            "ENTITY_PAGES": ENTITY_PAGES,
            "reason": self._wording.reason,
            "measure_named": measures.name_of,
            "unit_of": measures.unit_of,
            "measure": self._wording.measure,
            "QUEUES": get_args(Queue),
            "PRIORITIES": get_args(Priority),
        }

    def warm(self) -> None:
        """Reads every template now: whoever asks first need not wait for it."""
        for name in self._environment.list_templates():
            self._environment.get_template(name)

    def render(
        self,
        name: str,
        language: str,
        session: Session | None,
        *,
        filling: int = 0,
        silent_ms: int | None = None,
        escalated: int = 0,
        again: str = "/queue",
        keys: bool = True,
        **values: Any,
    ) -> str:
        """The page `name` for somebody.

        `filling`: records that the store has not read yet; `silent_ms`: since when nothing was decided; `escalated`:
        cases for supervisors; `again`: where it is; `keys`: whether single keys do something.
        """

        def text(key: str) -> str:
            return self._texts[key][language]

        def word(group: str, value: str | None) -> str:
            return self._wording.word(group, value, language)

        def changed(what: str) -> str:
            return self._wording.changed(what, language)

        def lined(text: str, cause: str = "") -> str:
            if cause and language != "en":
                return self._wording.word("refusal", cause, language)
            return self._wording.line(text, language)

        given = {
            "problem": None,
            "filling": filling,
            "silent_ms": silent_ms,
            "escalated": escalated,
            "again": again,
            "keys": keys,
            **values,
        }
        given.setdefault("now_ms", self._clock.now_ms())
        return self._environment.get_template(name).render(
            t=text, w=word, changed=changed, lined=lined, language=language, session=session, **given
        )


def span(ms: int | None, text: Callable[[str], str]) -> str:
    """A time that is left (3 d, 4 h, 12 min) or over (overdue 5 min, from its first moment on: overdue 1 min).

    `text`: the words of the reader's language by their key.
    """
    if ms is None:
        return ""
    if ms < 0:
        return f"{text('time.over')} {span(-ms + 59_999, text)}"
    minutes = ms // 60_000
    for unit, size in (("d", 1_440), ("h", 60)):
        if minutes >= 2 * size:
            return f"{minutes // size} {text(f'time.{unit}')}"
    return f"{minutes} {text('time.min')}"


def _notice_kind(template: str) -> str:
    """What sort of message it is, as a customer would say: a survey is sent like advice, and is none."""
    if template == _SURVEY:
        return "survey"
    return MESSAGES.template[template].kind if template in MESSAGES.template else "service"
