"""May a text of the knowledge base answer this message, which one, and what is asked if none may?

Only a general question is answered: not what tells of something that has happened, nor what a thief may have to do
with, nor what says more than it asks (`beyond.py`). The reading of the message and the search have to agree, and below
the policy's line a person reads.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from streams.core.intake.reading import Reading
from streams.core.intake.topics import TOPICS, Topic
from streams.core.knowledge.articles import Article, may_answer
from streams.core.knowledge.asking import NOTHING_KNOWN, asks, happened, themes_of
from streams.core.knowledge.beyond import adds_to_question
from streams.core.knowledge.search import Knowledge

INQUIRY: Final = TOPICS["F42"]
DOUBT: Final = TOPICS["F40"]
ASKS, NEAREST, ANSWERED = (
    "asks_",
    "nearest_",
    "article_",
)  # how reasons of a case begin that say what came of a question
_THEMES_MOST: Final = 6
# Chosen together with the policy's line on models/training/texts/questions.txt (docs/knowledge.md).
_APART: Final = 0.05  # of two articles that are nearly as near the wrong one is sent too often
_SURE: Final = 0.7  # from here on the search is believed against the reading, which knows reports better than questions


class LookedUp(NamedTuple):
    """What came of a question: the article that answers it, or what it asks about."""

    article: Article | None
    score: float
    themes: tuple[str, ...]
    nearest: str  # id of the article that came closest

    @property
    def reasons(self) -> tuple[str, ...]:
        """As a case carries it: names of articles and themes, no word of the customer's."""
        if self.article is not None:
            return (f"{ANSWERED}{self.article.ref}",)
        nearest = (f"{NEAREST}{self.nearest}",) if self.nearest else ()
        return (*(f"{ASKS}{theme}" for theme in self.themes[:_THEMES_MOST]), *nearest)


def look_up(reading: Reading, knowledge: Knowledge, on: date, line: float) -> LookedUp | None:
    """None: this is no general question. `on`: the customer's day; `line`: the score from which on is answered."""
    if not _is_question(reading):
        return None
    found = knowledge.search(reading.said, on, limit=2)
    themes = themes_of(reading.said) or (NOTHING_KNOWN,)
    if not found:
        return LookedUp(None, 0.0, themes, "")
    (article, score), *others = found
    fits = (
        score >= line
        and all(score - other.score >= _APART for other in others)
        and knowledge.covers(reading.said)
        and ((score >= _SURE and not _is_doubt(reading)) or _agrees(reading, article))
        and not adds_to_question(reading.said, knowledge.words)
    )
    return LookedUp(article if fits else None, score, themes, article.front.id)


def _is_question(reading: Reading) -> bool:
    if reading.wants_person or reading.details.page or happened(reading.said, reading.details):
        return False  # a page that is named is what the question is about, and no article knows it
    if reading.answer and reading.by.startswith("rule "):
        return False  # a wording that can hardly mean anything else has an answer of its own
    if not may_answer(reading.topic):
        return False
    return asks(reading.said) or _is_inquiry(reading)


def _is_inquiry(reading: Reading) -> bool:
    return reading.understood and reading.topic.flow == INQUIRY.flow


def _is_doubt(reading: Reading) -> bool:
    """Whether it asks if something is a trick: an article about the password in question would sound like a yes."""
    return reading.understood and reading.topic.flow == DOUBT.flow


def _agrees(reading: Reading, article: Article) -> bool:
    """Whether the message was read as one of the flows that the article is about, or as nothing sure."""
    flows = set(article.front.flows)
    if reading.understood:
        return reading.topic.flow in flows
    return not flows.isdisjoint({INQUIRY.flow, *(flow for flow, _ in reading.guesses)})


def topic_of(looked_up: LookedUp | None, reading: Reading) -> Topic:
    """What its case is about: what no reading was sure of and an article answers is an inquiry."""
    answered = looked_up is not None and looked_up.article is not None
    return INQUIRY if answered and not reading.understood else reading.topic


def sureness(looked_up: LookedUp | None, reading: Reading) -> float:
    """How sure the reading or, where that was not, the search is of what the case is about."""
    if looked_up is not None and looked_up.article is not None and not reading.understood:
        return looked_up.score
    return reading.confidence
