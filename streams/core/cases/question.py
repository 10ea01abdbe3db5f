"""What is a customer asked in an analyst's own words, and in which language is it read?

A question has two texts, as every message has; whoever reads Chinese gets the Chinese one and everybody else the
English one. One text is enough where the case knows that its customer reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from streams.contracts.accounts import CaseAction
from streams.core.cases import dialogue
from streams.core.messages import by_hand
from streams.core.messages.render import in_chinese

QUESTION_MAX: Final = 160  # characters of one text: the account remembers it until it is answered


class Question(NamedTuple):
    """One question in both languages; empty: not asked in that one."""

    zh: str
    en: str

    @property
    def texts(self) -> tuple[str, ...]:
        """What there is of it, each text once."""
        return tuple(dict.fromkeys(each for each in self if each))

    @classmethod
    def of(cls, zh: str, en: str, alone: str) -> Question:
        """Without one in a language of its own `alone` goes to every reader, as programs send it that write one."""
        return cls(zh, en) if zh or en else cls(alone, alone)


def question_of(event: CaseAction) -> Question:
    """What the event asks."""
    return Question.of(_line(event.zh), _line(event.en), _line(event.text))


def refusal(question: Question, language: str) -> tuple[str, str] | None:
    """(cause, sentence) if this must not be asked of a customer who reads `language`. Never repeats a text."""
    for text in question.texts:
        if (refused := text_refusal(text)) is not None:
            return refused
    if not question.texts or all(question):
        return None
    reads = language.partition("-")[0]
    if reads != ("zh" if question.zh else "en"):
        return "language", "one text is enough only for a customer who is known to read it: write it in both languages"
    return None


def text_refusal(text: str) -> tuple[str, str] | None:
    """(cause, sentence) if no customer may be asked this. Never repeats the text."""
    if len(text) > QUESTION_MAX:
        return "too_long", f"a question has {QUESTION_MAX} characters at most"
    return by_hand.refusal(text, "a question")


def message_of(case_id: str, asks_for: Iterable[str], question: Question) -> tuple[str, dict[str, str]]:
    """The template and the parameters of the message that asks."""
    fields = ",".join(f"ask.{name}" for name in dict.fromkeys(asks_for))
    parameters = {"case_id": case_id} | _said(question)
    if fields or not question.texts:
        parameters["fields"] = fields or dialogue.QUESTION
    if not question.texts:
        return "case.question", parameters
    return "case.question.both" if fields else "case.question.own", parameters


def _said(question: Question) -> dict[str, str]:
    """The parameters of a question: the Chinese text has one of its own only where it is another."""
    if not question.texts:
        return {}
    main = question.en or question.zh
    own = {} if question.zh in ("", main) else {in_chinese(dialogue.OWN_WORDS): question.zh}
    return {dialogue.OWN_WORDS: main} | own


def _line(text: str | None) -> str:
    return " ".join((text or "").split())
