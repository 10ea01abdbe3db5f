"""How often does the knowledge base find the right article, and how often does it say the wrong thing?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from streams.core.intake.reading import read
from streams.core.knowledge.answers import look_up
from streams.core.knowledge.search import Knowledge
from streams.core.policy import IntakePolicy

NONE: Final = "-"  # in place of an article: nothing should answer this


class Question(NamedTuple):
    """A question with the id of the article that answers it, or NONE."""

    article: str
    language: str
    text: str


class Outcome(NamedTuple):
    """What became of one question; `told` is an article's id or NONE."""

    question: Question
    told: str
    score: float


class Shares(NamedTuple):
    """Of the questions of one language. `right`: of those that have an article; the others: of all."""

    questions: int
    right: float
    wrong: float  # answered with another article, or although nothing should answer
    person: float


def outcome_of(question: Question, knowledge: Knowledge, policy: IntakePolicy, local: datetime) -> Outcome:
    """The message as it would be read and answered at `local`, the customer's wall clock."""
    reading = read(question.text, local, policy)
    found = look_up(reading, knowledge, local.date(), policy.article_from)
    if found is None or found.article is None:
        return Outcome(question, NONE, found.score if found is not None else 0.0)
    return Outcome(question, found.article.front.id, found.score)


def shares_of(outcomes: Iterable[Outcome]) -> Shares:
    """Over all of them; nothing for no questions."""
    all_of = list(outcomes)
    answerable = [each for each in all_of if each.question.article != NONE]
    right = sum(each.told == each.question.article for each in answerable)
    answered = sum(each.told != NONE for each in all_of)
    many = max(1, len(all_of))
    return Shares(
        len(all_of),
        right / max(1, len(answerable)),
        (answered - right) / many,
        1 - answered / many,
    )
