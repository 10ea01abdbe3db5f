"""Which article answers this question, and what do customers ask that none answers?"""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from streams.adapters.case_store import queries
from streams.adapters.case_store.store import decode_case
from streams.console.desk import At, Desk, Who, missing
from streams.contracts.base import from_ms
from streams.core.knowledge.articles import Article
from streams.core.knowledge.search import Found
from streams.core.knowledge.unanswered import Unanswered, gaps_of

router = APIRouter()

_FOUND: Final = 8
# Cases that the list of gaps is made of, the newest; `paywarden knowledge unanswered` reads all of them.
_CASES: Final = 2_000


@router.get("/knowledge")
def knowledge(request: Request, desk: At, session: Who, q: str = "", article: str = "") -> HTMLResponse:
    asked, base = q.strip()[:200], desk.library.knowledge
    today = from_ms(desk.clock.now_ms()).date()
    chosen = base.articles.get(article)
    if article and chosen is None:
        missing()
    found: tuple[Found, ...] = base.search(asked, today, _FOUND) if asked else ()
    articles: tuple[Article, ...] = () if asked or chosen else tuple(base.articles.values())
    shown: dict[str, Any] = {} if asked or chosen else {"told": _gaps(desk)}
    return desk.page(
        request,
        "knowledge.html",
        session,
        asks=asked,
        found=found,
        chosen=chosen,
        articles=articles,
        today=today,
        all=len(base.articles),
        **{"told": None, **shown},
    )


def _gaps(desk: Desk) -> Unanswered:
    with desk.store.reading() as connection:
        return gaps_of(map(decode_case, queries.newest_bodies(connection, _CASES)))
