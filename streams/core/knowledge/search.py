"""Which article answers this question, and how sure is that?

Every phrasing of every article is a small vector of words, pairs of Chinese characters and themes, each weighing what
it tells apart (inverse document frequency, Robertson and Sparck Jones as BM25 has it); the score of an article is the
cosine with its nearest phrasing, from 0 to 1. Sums run in a fixed order and are rounded, so that every machine finds
the same. A question about something that no article speaks of has no answer, however alike its other words are.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import Final, NamedTuple

from streams.core.intake.grams import plain, words_of
from streams.core.knowledge.articles import Article, packaged_articles
from streams.core.knowledge.asking import folded, themes_of

_RUN: Final = re.compile(r"[\u3400-\u9fff]+|[^\W\d_\u3400-\u9fff]+")
_ENDS: Final = ("ing", "ed", "es", "s")
# Chosen by the share of right articles on models/training/texts/questions.txt: 2, 3, 4 and 0.25, 0.5 were tried.
_THEME_WEIGHT: Final = 3.0
_CHARACTER_WEIGHT: Final = 0.5


class Found(NamedTuple):
    """An article and how near the question is to it."""

    article: Article
    score: float


class Knowledge:
    """Articles with their index. Made once, when the library is read; searching changes nothing."""

    def __init__(self, articles: Mapping[str, Article]) -> None:
        self.articles = articles
        told = "\n".join(f"{each.ref} {each.front!r} {each.wordings!r}" for each in articles.values())
        self.digest = hashlib.blake2b(told.encode(), digest_size=6).hexdigest()
        phrasings = [
            (article.front.id, _terms(phrasing))
            for article in articles.values()
            for wording in article.wordings.values()
            for phrasing in (wording.title, *wording.asked)
        ]
        self.words = frozenset(
            word
            for article in articles.values()
            for wording in article.wordings.values()
            for text in (wording.title, *wording.asked, wording.text)
            for word in words_of(text)
        )
        holds: defaultdict[str, set[str]] = defaultdict(set)
        for name, terms in phrasings:
            for term in terms:
                holds[term].add(name)
        self._many = len(articles)
        self._in = {term: len(names) for term, names in holds.items()}
        self._whose = [name for name, _ in phrasings]
        self._rows: dict[str, list[tuple[int, float]]] = {}
        for row, (_, terms) in enumerate(phrasings):
            for term, weight in self._vector(terms).items():
                self._rows.setdefault(term, []).append((row, weight))

    def search(self, text: str, on: date, limit: int = 5) -> tuple[Found, ...]:
        """The nearest articles that may be sent on this day, the nearest first; equal ones by id."""
        products: defaultdict[int, float] = defaultdict(float)
        for term, weight in self._vector(_terms(text)).items():
            for row, other in self._rows.get(term, ()):
                products[row] += weight * other
        nearest: dict[str, float] = {}
        for row, product in products.items():
            name = self._whose[row]
            nearest[name] = max(nearest.get(name, 0.0), product)
        found = [
            Found(self.articles[name], round(min(score, 1.0), 6))
            for name, score in nearest.items()
            if self.articles[name].is_valid(on)
        ]
        return tuple(sorted(found, key=lambda each: (-each.score, each.article.front.id))[:limit])

    def covers(self, text: str) -> bool:
        """Whether articles speak of everything that the question is about, and it is about something."""
        themes = themes_of(text)
        return bool(themes) and all(f"t{theme}" in self._in for theme in themes)

    def _vector(self, terms: Iterable[str]) -> dict[str, float]:
        """Weights by term, of length 1."""
        weights = {term: self._weight(term) for term in sorted(terms)}
        length = math.sqrt(math.fsum(weight * weight for weight in weights.values()))
        return {term: weight / length for term, weight in weights.items()} if length else {}

    def _weight(self, term: str) -> float:
        holding = self._in.get(term, 0)
        rare = math.log(1 + (self._many - holding + 0.5) / (holding + 0.5))
        return rare * {"t": _THEME_WEIGHT, "c": _CHARACTER_WEIGHT}.get(term[0], 1.0)


@cache
def packaged_knowledge() -> Knowledge:
    """Over the shipped articles."""
    return Knowledge(packaged_articles())


def _terms(text: str) -> frozenset[str]:
    """What a text is compared by: t themes, w words, c Chinese characters, p pairs of them."""
    line = folded(text)
    terms = {f"t{theme}" for theme in themes_of(line)}
    for run in _RUN.findall(plain(line)):
        if "\u3400" <= run[0] <= "\u9fff":
            terms.update(f"c{each}" for each in run)
            terms.update(f"p{run[at : at + 2]}" for at in range(len(run) - 1))
        else:
            terms.add(f"w{_stem(run)}")
    return frozenset(terms)


def _stem(word: str) -> str:
    """The word without its English ending: refunds, refunded and refunding are one."""
    for end in _ENDS:
        if word.endswith(end) and len(word) >= len(end) + 3:
            word = word.removesuffix(end)
            break
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    if len(word) > 3 and word.endswith("y"):
        word = f"{word[:-1]}i"
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word
