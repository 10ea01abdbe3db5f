"""What is an article of the knowledge base, and what makes a file of one unfit to be sent to a customer?

One file per article: facts between two lines of `+++` (TOML), then a section per language with its title, the text
that is sent, and lines that begin with `?`: the question as customers ask it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from streams.core.intake.masking import masked
from streams.core.intake.topics import TOPICS, Topic
from streams.core.tables import TableError

ARTICLES: Final = "articles/"
ALWAYS: Final = ("zh", "en")
ARTICLES_MOST: Final = 500  # the index is small and a search stays below a millisecond
WORDING_MOST: Final = 600  # characters of what is sent, as of every message
TITLE_MOST: Final = 80
ASKED_MOST: Final = 40  # phrasings of one language

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SECTION: Final = re.compile(r"# ([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*): (\S.*)")
_FENCE: Final = "+++"
# A sentence that somebody could hold against the company. What is owed to whom is decided by cases, never by a text.
_PROMISE: Final = re.compile(
    r"(保证|承诺|一定会|必定|肯定|负责).{0,8}(退|赔|到账|返还|补偿|垫付)|我们(会|将|可以)?(退款|赔|补偿|垫付)|全额(退|赔)|包赔"
    r"|\bwe('ll| will| shall)? (refund|compensate|reimburse|pay you|credit|cover)|\bguarantee"
    r"|\byou('ll| will) (get|receive|have) (your|the|all|back) ?(money|refund|amount)?.{0,12}\bback\b",
    re.IGNORECASE,
)


class Wording(msgspec.Struct, frozen=True):
    """An article in one language."""

    title: str
    text: str
    asked: tuple[str, ...]


class Front(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The facts of an article, as its file has them."""

    id: Annotated[str, Meta(max_length=40)]
    version: Annotated[int, Meta(ge=1, le=9_999)]
    flows: Annotated[tuple[str, ...], Meta(min_length=1)]
    languages: tuple[str, ...]
    valid_from: date
    valid_until: date | None = None  # the first day on which it is not sent any more
    links: tuple[str, ...] = ()


class Article(msgspec.Struct, frozen=True):
    """A checked article. `ref` names what was sent: id, version, and whether the deployment wrote it."""

    front: Front
    wordings: Mapping[str, Wording]
    own: bool

    @property
    def ref(self) -> str:
        """`refund-time@2`; `refund-time@2+own` from an overlay, whose versions are counted by somebody else."""
        return f"{self.front.id}@{self.front.version}{'+own' if self.own else ''}"

    def is_valid(self, on: date) -> bool:
        """Whether it may be sent on this day."""
        return self.front.valid_from <= on and (self.front.valid_until is None or on < self.front.valid_until)


def may_answer(topic: Topic) -> bool:
    """Whether a text may answer a general question about this flow: never where a thief may be at work."""
    return topic.priority > 1 and (topic.queue != "security" or topic.priority > 2)


@cache
def packaged_articles() -> Mapping[str, Article]:
    """What is shipped, by id."""
    home = files(__package__).joinpath("articles")
    texts = {f"{ARTICLES}{each.name}": each.read_text("utf-8") for each in home.iterdir() if each.name.endswith(".md")}
    return _linked({}, _read(texts, own=False))


def read_articles(texts: Mapping[str, str], base: Mapping[str, Article]) -> Mapping[str, Article]:
    """`base` with the deployment's own articles (file name -> content) over it; raises TableError."""
    return _linked(base, _read(texts, own=True))


def _read(texts: Mapping[str, str], *, own: bool) -> dict[str, Article]:
    found = [read_article(name, texts[name], own=own) for name in sorted(texts)]
    return {each.front.id: each for each in found}


def _linked(base: Mapping[str, Article], own: Mapping[str, Article]) -> Mapping[str, Article]:
    """Both together, by id. Links lead somewhere, and no two articles claim the same question."""
    merged = dict(sorted({**base, **own}.items()))
    if len(merged) > ARTICLES_MOST:
        raise TableError(f"there are {len(merged)} articles", ARTICLES, f"keep at most {ARTICLES_MOST}")
    claimed: dict[str, str] = {}
    for name, article in merged.items():
        for link in article.front.links:
            if link not in merged or link == name:
                raise TableError(f"there is no other article {link!r}", _file(name), "correct its links")
        for question in (each for wording in article.wordings.values() for each in wording.asked):
            other = claimed.setdefault(question.casefold(), name)
            if other != name:
                raise TableError(f"{question!r} is also a question of {other}", _file(name), "keep it in one of them")
    return merged


def _file(name: str) -> str:
    return f"{ARTICLES}{name}.md"


def read_article(name: str, text: str, *, own: bool) -> Article:
    """One article from its file. Raises TableError with one sentence about the first thing that is wrong."""
    begin, _, rest = text.lstrip("\ufeff").partition("\n")
    facts, fence, body = rest.partition(f"\n{_FENCE}\n")
    if begin.strip() != _FENCE or not fence:
        raise TableError("it does not begin with facts between two lines of +++", name, "see docs/knowledge.md")
    try:
        front = msgspec.convert(tomllib.loads(facts), Front)
    except (ValueError, msgspec.ValidationError) as error:
        raise TableError(f"its facts cannot be read: {error}", name, "correct that line between the +++") from None
    _check_front(name, front)
    wordings = _wordings(name, body)
    if set(wordings) != set(front.languages):
        raise TableError(
            f"it has sections for {', '.join(wordings) or 'no language'} and says {', '.join(front.languages)}",
            name,
            "make `languages` and the sections `# TAG: title` the same",
        )
    for tag, wording in wordings.items():
        _check_wording(f"{name}, {tag}", wording)
    return Article(front, wordings, own)


def _check_front(name: str, front: Front) -> None:
    if _NAME.fullmatch(front.id) is None or name != _file(front.id):
        raise TableError(
            f"its id is {front.id!r}", name, "use small letters, digits and hyphens, and name the file ID.md"
        )
    for language in ALWAYS:
        if language not in front.languages:
            raise TableError(f"it is not written in {language!r}", name, "every article needs zh and en")
    for flow in front.flows:
        if flow not in TOPICS or not may_answer(TOPICS[flow]):
            answerable = ", ".join(each for each in TOPICS if may_answer(TOPICS[each]))
            raise TableError(f"no article may answer flow {flow!r}", name, f"use {answerable}")
    if front.valid_until is not None and front.valid_until <= front.valid_from:
        raise TableError("valid_until is not after valid_from", name, "correct one of the two days")


def _wordings(name: str, body: str) -> dict[str, Wording]:
    found: dict[str, Wording] = {}
    tag, title, asked = "", "", list[str]()
    lines: list[str] = []

    def end() -> None:
        if tag:
            found[tag] = Wording(title, "\n".join(lines).strip(), tuple(asked))

    for number, line in enumerate(body.splitlines(), start=1):
        section = _SECTION.fullmatch(line.rstrip())
        if section is not None:
            end()
            tag, title = section.groups()
            if tag in found:
                raise TableError(f"it has two sections {tag!r}", name, "join them")
            lines, asked = [], []
        elif line.startswith("# "):
            raise TableError(f"line {number} of its text is no section: {line[:40]!r}", name, "write `# TAG: title`")
        elif line.startswith("? "):
            asked.append(line[2:].strip())
        elif tag:
            lines.append(line.rstrip())
        elif line.strip():
            raise TableError(f"{line[:40]!r} stands before the first section", name, "begin with `# zh: title`")
    end()
    return found


def _check_wording(where: str, wording: Wording) -> None:
    if not wording.text:
        raise TableError("it says nothing", where, "write the answer below its title")
    for what, size, most in (("title", len(wording.title), TITLE_MOST), ("text", len(wording.text), WORDING_MOST)):
        if size > most:
            raise TableError(f"its {what} has {size} characters", where, f"keep it within {most}")
    if not 1 <= len(wording.asked) <= ASKED_MOST:
        raise TableError(
            f"it has {len(wording.asked)} questions", where, f"write 1 to {ASKED_MOST} lines `? as customers ask it`"
        )
    for part in (wording.title, wording.text, *wording.asked):
        if kinds := masked(part).kinds:
            raise TableError(f"there is a number or address in it ({', '.join(kinds)})", where, "name a place instead")
    promise = _PROMISE.search(wording.text)
    if promise is not None:
        raise TableError(f"it promises money: {promise.group()!r}", where, "say where the customer can see or ask")
