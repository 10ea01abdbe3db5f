"""Which requests are recorded, and as what?

What a route leaves in the trail is written here, in one table: an answer goes out after its row is stored. A route that
is not in the table is refused by a test.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import Request
from starlette.responses import Response
from starlette.types import Scope

from streams.adapters.case_store import trail
from streams.adapters.case_store.store import CaseStore
from streams.adapters.case_store.trail import Entry, account_subject
from streams.console.callers import place_of
from streams.core.intake.masking import masked
from streams.ports import Clock

# None: nothing that a person would be told of (lists show masked ids only).
KINDS: Final[Mapping[tuple[str, str], str | None]] = {
    ("GET", "/"): None,
    ("GET", "/healthz"): None,
    ("GET", "/login"): None,
    ("POST", "/login"): "sign_in",
    ("GET", "/oidc/start"): None,
    ("GET", "/oidc/callback"): "sign_in",
    ("POST", "/logout"): "sign_out",
    ("POST", "/language"): None,
    ("GET", "/queue"): None,
    ("POST", "/claim"): "claim",
    ("POST", "/bulk"): "bulk_preview",
    ("POST", "/bulk/resolve"): "bulk_action",
    ("GET", "/bulk/{batch}"): "bulk_view",
    ("GET", "/handover"): "handover_view",
    ("POST", "/handover"): "handover",
    ("POST", "/views"): "view_kept",
    ("POST", "/views/remove"): "view_removed",
    ("GET", "/contacts"): "contact_search",
    ("GET", "/contacts/new"): "contact_form",
    ("POST", "/contacts"): "contact",
    ("GET", "/contacts/{event_id}"): None,
    ("GET", "/cases/{case_id}"): "case_view",
    ("POST", "/cases/{case_id}/actions"): "action",
    ("POST", "/cases/{case_id}/question"): "question_preview",
    ("POST", "/cases/{case_id}/handling"): "action",
    ("POST", "/cases/{case_id}/reveal"): "reveal",
    ("POST", "/cases/{case_id}/attachments"): "attachment",
    ("POST", "/cases/{case_id}/attachments/{sha256}"): "attachment_view",
    ("GET", "/incidents"): None,
    ("GET", "/locks"): None,
    ("GET", "/account"): "account_view",
    ("POST", "/account/reveal"): "reveal",
    ("POST", "/account/cases"): "action",
    ("GET", "/entity"): "entity_view",
    ("POST", "/entity/reveal"): "reveal",
    ("POST", "/entity/block"): "entity_block",
    ("GET", "/merchant"): None,
    ("GET", "/knowledge"): None,
    ("GET", "/search"): "search",
    ("GET", "/audit"): "audit_view",
    ("GET", "/audit/export"): "export",
    ("GET", "/settings"): None,
    ("POST", "/settings/password"): "password_change",
    ("POST", "/settings/sessions"): "sessions_ended",
    ("POST", "/settings/keys"): None,
    ("GET", "/events"): None,
    ("GET", "/api/v1/cases"): "api_read",
    ("GET", "/api/v1/incidents"): "api_read",
    ("GET", "/api/v1/notifications"): "api_read",
    ("GET", "/api/v1/cases/{case_id}"): "api_read",
    ("GET", "/api/v1/cases/{case_id}/versions"): "api_read",
    ("GET", "/api/v1/cases/{case_id}/versions/{version}"): "api_read",
    ("GET", "/api/v1/cases/{case_id}/attachments"): "attachment_view",
    ("GET", "/api/v1/accounts/{account_id}/locks"): "api_read",
    ("POST", "/api/v1/cases/{case_id}/actions"): "action",
    ("GET", "/api/v1/actions/{event_id}"): None,
    ("POST", "/api/v1/blocks"): "entity_block",
    ("GET", "/api/v1/blocks/{block_id}"): None,
}
# What a row can be about, as a list to choose from.
RECORDED: Final = tuple(sorted({kind for kind in KINDS.values() if kind is not None}))
_WRITTEN: Final = "paywarden.audit.written"
_MINUTE_MS: Final = 60_000
_ROWS: Final = 60
_PLACES: Final = 10_000  # beyond, the oldest are forgotten
_ONLY_UNMASKED: Final = "api_read"
# What is an action without a word for it in its request.
_ACTIONS: Final[Mapping[str, str]] = {
    "claim": "claim",
    "bulk_action": "bulk",
    "handover": "handover",
    "contact": "contact",
    "attachment": "attach",
}


def says(request: Request, *, actor: str = "", role: str = "", detail: str = "", subject: str = "") -> None:
    """What a handler knows about its request, for the row."""
    known: dict[str, str] = request.scope.setdefault("paywarden.audit", {})
    known |= {
        name: value
        for name, value in (("actor", actor), ("role", role), ("detail", detail), ("subject", subject))
        if value
    }


def await_row(request: Request) -> None:
    """Returns when the row of this request is in the trail: an answer that is streamed begins before it is."""
    request.scope[_WRITTEN].wait()


def route_of(scope: Scope) -> str:
    """The path of the route that answers, as the code writes it; empty where none does."""
    path = getattr(scope.get("route"), "path", "")
    return f"/api/v1{path}" if path and scope["path"].startswith("/api/v1/") else path


def action_of(scope: Scope) -> str | None:
    """The name of the action that a request asked for, as it was asked; None if the request is no action."""
    kind = KINDS.get((scope["method"], route_of(scope)))
    if kind != "action":
        return None if kind is None else _ACTIONS.get(kind)
    said: dict[str, str] = scope.get("paywarden.audit", {})
    return said.get("detail", "").partition(" ")[0]


class Strangers:
    """Refused sign-ins, of which at most one a minute and place, and _ROWS a minute in all, is a row of the trail.

    Rows are kept for ever, and whoever asks decides how often. Every request is counted in the metrics.
    """

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()  # -> minute of its row, since then
        self._minute = 0
        self._rows = 0

    def row(self, place: str, actor: str, now_ms: int) -> int | None:
        """How many have had no row since the last one of this place and name; None if this one has none, too."""
        minute = now_ms // _MINUTE_MS
        if minute != self._minute:
            self._minute, self._rows = minute, 0
        last, since = self._last.pop((place, actor), (-1, 0))
        is_row = last != minute and self._rows < _ROWS
        self._last[place, actor] = (minute, 0) if is_row else (last, since + 1)
        while len(self._last) > _PLACES:
            self._last.popitem(last=False)
        self._rows += is_row
        return since if is_row else None


class Audit:
    """Writes the row of a request."""

    def __init__(self, store: CaseStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._strangers = Strangers()

    async def __call__(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.scope["paywarden.audit"] = {}
        written = request.scope[_WRITTEN] = threading.Event()
        try:
            response = await call_next(request)
            entry = self._entry(request, response.status_code)
            if entry is not None:
                await asyncio.to_thread(self._append, entry)
        finally:
            written.set()
        return response

    def _entry(self, request: Request, status: int) -> Entry | None:
        kind = KINDS.get((request.method, route_of(request.scope)))
        known: dict[str, str] = request.scope["paywarden.audit"]
        if kind is None or (kind == _ONLY_UNMASKED and "detail" not in known):
            return None
        if not known.get("actor") and kind != "sign_in":
            return None  # nobody: the answer was the sign-in page or 401, and told nothing
        if kind == "sign_in" and status >= 400:  # anybody can make one, as often as they like
            more = self._strangers.row(place_of(request), known.get("actor", ""), self._clock.now_ms())
            if more is None:
                return None
            known["detail"] = f"{more} more before" if more else ""
        given = request.scope.get("path_params", {})
        typed = str(given.get("case_id", ""))
        subject = known.get("subject") or (typed if status < 400 else masked(typed).text)  # it may be no case
        if "account_id" in given:
            subject = account_subject(str(given["account_id"]))
        return Entry(
            at_ms=self._clock.now_ms(),
            actor=known.get("actor", ""),
            role=known.get("role", ""),
            kind=kind,
            subject=subject,
            outcome=status,
            detail=known.get("detail", ""),
        )

    def _append(self, entry: Entry) -> None:
        with self._store.writing() as connection:
            trail.append(connection, entry)
