"""What does the store answer to another service, and how does that service act?

Reads give records as they were published. An action becomes an event like one of the pages; what became of it is asked
for by the event's id, because the core decides and not this interface.
"""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import Depends, FastAPI, Header, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from streams.adapters.case_store import linked, queries, tokens
from streams.adapters.case_store.errors import StoreUnreachable
from streams.adapters.case_store.queries import Attached, BadCursor, Filters
from streams.adapters.case_store.store import CaseStore, decode_case
from streams.adapters.case_store.tokens import ApiToken, SentAction
from streams.adapters.case_store.trail import entity_subject
from streams.console import actions, blocking, wishes
from streams.console.actions import ActionName
from streams.console.api import problems
from streams.console.api.document import described
from streams.console.api.limits import Buckets
from streams.console.api.problems import Problem, documented
from streams.console.audit import says
from streams.console.masking import masked_body, masked_in
from streams.console.references import References
from streams.console.wishes import FindingOffered
from streams.console.wording import load_texts
from streams.contracts.accounts import AskedFor, BlockedKind, BlockReason, CaseAction, EntityBlock
from streams.contracts.actions import Scope
from streams.contracts.base import EPOCH, from_ms, to_ms
from streams.contracts.cases import CaseVersion, Priority, Queue, ResolutionCode, RootCause, Status
from streams.core.entities.context import reference
from streams.core.roles import ANALYSTS
from streams.ports import Clock

log = logging.getLogger(__name__)

API: Final = "/api/v1"
_PAGE: Final = 50
_LARGEST_PAGE: Final = 200
_LARGEST_BODY: Final = 64 * 1024
_TWO_PEOPLE: Final = (
    "the account is frozen, and lifting a freeze takes two people who each sign for it: tokens belong to services, and "
    "two of them may be one person's; a supervisor opens the case in the console"
)
_CHANGED: Final = "the case has changed since the caller read it; read it again, decide, and send its new ETag"
_BLOCK: Final = "block"  # kind of the references that name what was asked for
_COMMANDS: Final = 50
_NO_ENTITY: Final = {
    "refused.address": "value: this is no address; networks and patterns belong into a list of the policy",
    "refused.personal": "value: this is somebody's number or address and no id; send the id that the events have",
}
_TEXTS: Final = load_texts()  # what a form is refused with
_HEADERS: Final = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}

_PARAMETER: Final = re.compile(r"[A-Za-z_-]{1,40}")
# No control characters: PostgreSQL has no NUL in a text, and no id of ours has any.
_ID: Final = r"^[^\x00-\x1f\x7f]+$"
AnId = Annotated[str, Path(min_length=1, max_length=128, pattern=_ID)]
AskedId = Annotated[str | None, Query(min_length=1, max_length=128, pattern=_ID)]
AskedLabel = Annotated[str | None, Query(min_length=1, max_length=64, pattern=_ID)]
Cursor = Annotated[str | None, Query(max_length=1_000, description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=_LARGEST_PAGE, description="Items of a page")]
Since = Annotated[
    AwareDatetime | None, Query(description="Event time of the newest version, RFC 3339 with an offset: it or later")
]
ABlockId = Annotated[str, Path(min_length=1, max_length=512, pattern=r"^~[A-Za-z0-9_-]+$")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=128,
        pattern="^[!-~]+$",
        description="The same key and the same request are one event, however often they are sent",
    ),
]
IfNoneMatch = Annotated[str | None, Header(description="ETags that the caller has")]
IfMatch = Annotated[
    str | None,
    Header(description="ETags of the case that the caller has seen: with another one nothing is sent, and 412 says so"),
]


class ActionRequest(BaseModel):
    """What to do with a case, and which version the decision was made on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    action: ActionName
    expected_version: int = Field(ge=0, le=2**63 - 1, description="Another version by then: the action is refused")
    text: str = Field(
        "",
        max_length=4_000,
        description="A note; of `ask` the question, 160 characters, as it is for every language; `zh` and `en` take its"
        " place. Personal data has no place in it",
    )
    scope: Scope | None = Field(None, description="`lock`: absent is money out; `unlock`: absent is every lock")
    hours: int | None = Field(None, ge=1, le=720, description="`lock`: absent is as long as the policy restricts")
    asks_for: list[AskedFor] | None = Field(None, max_length=10, description="`ask`: what the customer is asked for")
    zh: str | None = Field(None, min_length=1, max_length=160, description="`ask`: the question in Chinese")
    en: str | None = Field(
        None,
        min_length=1,
        max_length=160,
        description="`ask`: the same in English. One of them is enough for a customer known to read it",
    )
    finding: FindingOffered | None = Field(None, description="`resolve`: what it turned out to be")
    resolution: ResolutionCode | None = Field(None, description="`resolve`: how it ended")
    root_cause: RootCause | None = Field(None, description="`resolve`: whose it was")
    other_case_id: str | None = Field(
        None, min_length=1, max_length=128, pattern=_ID, description="`merge`: into which case; `link`: with which"
    )

    def wanted(self) -> dict[str, Any]:
        """What is wanted beyond the text."""
        more = self.model_dump(exclude={"action", "expected_version", "text"}, exclude_none=True)
        return dict(sorted(more.items()))


class BlockRequest(BaseModel):
    """What to block until when, or what to block no more. Whole ids: whoever sends one has it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: BlockedKind
    value: str = Field(min_length=1, max_length=128, pattern=_ID)
    wanted: Literal["block", "lift"] = "block"
    hours: int = Field(24, ge=1, le=8_760, description="Of a block. What is more than the policy lets is refused")
    reason: BlockReason


class _Bounded:
    """Refuses a body that is too large before anything reads it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("POST", "PUT", "PATCH"):
            headers = dict(scope["headers"])
            said = headers.get(b"content-length", b"")
            refusal = None
            if not said.isdigit():
                refusal = Problem(411, "send Content-Length; a chunked body is not read")
            elif len(said) > 18 or int(said) > _LARGEST_BODY:
                refusal = Problem(413, f"a body has {_LARGEST_BODY} bytes at most")
            if refusal is not None:
                await problems.answer(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def build_api(
    store: CaseStore,
    send: Callable[[CaseAction | EntityBlock, int], Awaitable[None]],
    clock: Clock,
    references: Callable[[], References],
) -> FastAPI:
    """The interface over an open store, with error answers of its own: mounted below the pages."""
    api = FastAPI(
        title="PayWarden",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,  # to the host that the request names
        servers=[{"url": API}],
        root_path_in_servers=False,
    )
    api.add_middleware(_Bounded)
    described(api)
    buckets = Buckets()
    bearer = HTTPBearer(auto_error=False, scheme_name="token", description="`paywarden console tokens add`")

    def caller(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> ApiToken:
        found = None
        now_ms = clock.now_ms()
        if given is not None:
            with store.reading() as connection:
                found = tokens.token(connection, given.credentials, now_ms)
        if found is None:
            raise Problem(
                401, "send `Authorization: Bearer TOKEN` with a token that is valid", WWW_Authenticate="Bearer"
            )
        wait_s = buckets.take(found.name, found.per_minute, now_ms)
        if wait_s:
            raise Problem(429, f"this token has {found.per_minute} requests a minute", Retry_After=str(wait_s))
        says(request, actor=actor_of(found), role=found.role, detail="unmasked" if found.unmasked else "")
        _asks_as_described(request)
        return found

    Caller = Annotated[ApiToken, Depends(caller)]

    @api.exception_handler(Problem)
    async def problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return problems.answer(error)

    @api.exception_handler(HTTPException)
    async def of_the_framework(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        # A 400 of the framework is a body that its reader could not read, such as one of a thousand brackets.
        documented = error.status_code in problems.TITLES and error.status_code != 400
        answer = problems.answer(Problem(error.status_code if documented else 422, str(error.detail)))
        answer.headers.update(error.headers or {})
        return answer

    @api.exception_handler(RequestValidationError)
    async def not_as_described(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]  # without its value, which may be somebody's
        where = ".".join(str(part) for part in first["loc"])
        return problems.answer(Problem(422, f"{where}: {first['msg']}"))

    @api.exception_handler(BadCursor)
    async def bad_cursor(_: Request, error: Exception) -> Response:
        return problems.answer(Problem(400, str(error)))

    @api.exception_handler(StoreUnreachable)
    async def no_store(_: Request, error: Exception) -> Response:
        log.warning("a request could not be answered: %s", error)
        return problems.answer(Problem(503, "the case store does not answer; try again", Retry_After="5"))

    @api.get("/cases", **_read("A page of cases in their newest versions, by event time", "CasePage", 400))
    def cases(
        who: Caller,
        limit: Limit = _PAGE,
        cursor: Cursor = None,
        updated_since: Since = None,
        queue: Annotated[Queue | None, Query()] = None,
        priority: Annotated[Priority | None, Query()] = None,
        status: Annotated[Status | None, Query()] = None,
        type: AskedLabel = None,  # noqa: A002 - a parameter of the address
        flow: AskedLabel = None,
        account: AskedId = None,
        incident: AskedId = None,
        assignee: AskedId = None,
    ) -> Response:
        if account is not None:
            _may_name_accounts(who)
        wanted = Filters(
            queue=queue,
            priority=priority,
            status=status,
            case_type=type,
            flow=flow,
            account_id=account,
            incident_id=incident,
            assignee=assignee,
            stage=None,
        )
        with store.reading() as connection:
            bodies, more = queries.changed(connection, wanted, _ms(updated_since), limit, cursor)
        return _page(who, bodies, more)

    @api.get("/incidents", **_read("Incidents and attacks: cases that belong to no account", "CasePage", 400))
    def incidents(
        who: Caller,
        limit: Limit = _PAGE,
        cursor: Cursor = None,
        updated_since: Since = None,
        status: Annotated[Status | None, Query()] = None,
        type: AskedLabel = None,  # noqa: A002 - a parameter of the address
    ) -> Response:
        wanted = Filters(owner="entity", status=status, case_type=type, stage=None)
        with store.reading() as connection:
            bodies, more = queries.changed(connection, wanted, _ms(updated_since), limit, cursor)
        return _page(who, bodies, more)

    @api.get("/cases/{case_id}", **_read("A case in its newest version", "CaseVersion", 404, etag=True))
    def case(who: Caller, case_id: AnId, if_none_match: IfNoneMatch = None) -> Response:
        with store.reading() as connection:
            return _tagged(who, queries.case_body(connection, case_id), if_none_match)

    @api.get("/cases/{case_id}/versions", **_read("Versions of a case, the oldest first", "CasePage", 400, 404))
    def versions(who: Caller, case_id: AnId, limit: Limit = _PAGE, cursor: Cursor = None) -> Response:
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
            raise BadCursor("this cursor is none that a page gave out; begin again without it")
        with store.reading() as connection:
            if queries.case_body(connection, case_id) is None:
                raise _missing()
            found = queries.versions(connection, case_id, after=int(cursor or -1), limit=limit + 1)
        more = str(found[limit - 1].version) if len(found) > limit else None
        return _page(who, [each.body for each in found[:limit]], more)

    @api.get("/cases/{case_id}/versions/{version}", **_read("One version of a case", "CaseVersion", 404, etag=True))
    def one_version(
        who: Caller,
        case_id: AnId,
        version: Annotated[int, Path(ge=0, le=2**63 - 1)],
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        with store.reading() as connection:
            return _tagged(who, queries.version(connection, case_id, version), if_none_match)

    @api.get(
        "/cases/{case_id}/attachments",
        **_read("Files of a case, the oldest first; each such answer is on record", "AttachmentPage", 404),
    )
    def attachments(request: Request, who: Caller, case_id: AnId) -> Response:
        with store.reading() as connection:
            if queries.case_body(connection, case_id) is None:
                raise _missing()
            found = queries.attachments(connection, case_id)
        says(request, detail=f"{len(found)} files")
        items = [_file(each, shows=who.role in ANALYSTS) for each in found]
        return _json(msgspec.json.encode({"items": items, "next_cursor": None}))

    @api.get("/accounts/{account_id}/locks", **_read("All locks of an account", "LocksState", 403, 404, etag=True))
    def locks(who: Caller, account_id: AnId, if_none_match: IfNoneMatch = None) -> Response:
        _may_name_accounts(who)
        with store.reading() as connection:
            return _tagged(who, queries.lock_state(connection, account_id), if_none_match)

    @api.get("/notifications", **_read("Messages to customers, by event time", "NotificationPage", 400))
    def notifications(
        who: Caller,
        limit: Limit = _PAGE,
        cursor: Cursor = None,
        since: Since = None,
        account: AskedId = None,
        case: AskedId = None,
    ) -> Response:
        if account is not None:
            _may_name_accounts(who)
        with store.reading() as connection:
            bodies, more = queries.notifications(
                connection, _ms(since), limit, cursor, account_id=account, case_id=case
            )
        return _page(who, bodies, more)

    @api.post(
        "/cases/{case_id}/actions",
        status_code=202,
        response_class=JSONResponse,
        response_model=None,
        responses={
            202: _content("It was sent; the resource in Location tells what became of it", "SentAction"),
            **documented(401, 403, 404, 409, 411, 412, 413, 422, 429, 503),
        },
    )
    async def act(
        request: Request,
        who: Caller,
        case_id: AnId,
        asked: ActionRequest,
        idempotency_key: IdempotencyKey = None,
        if_match: IfMatch = None,
    ) -> Response:
        says(request, detail=asked.action)
        body = await asyncio.to_thread(_body_of, store, case_id)
        if body is None:
            raise _missing()
        seen = if_match is None or _names(if_match, _tag_of(who, body), weakly=False)
        found, now_ms = decode_case(body), clock.now_ms()
        if asked.action == "unlock" and await asyncio.to_thread(_is_frozen, store, found.entities.account_id):
            raise Problem(403, _TWO_PEOPLE)
        more = await asyncio.to_thread(_more_of, store, asked, found)
        try:
            event = actions.action_of(
                found,
                asked.action,
                actor=actor_of(who),
                role=who.role,
                second=None,
                text=asked.text,
                version=asked.expected_version,
                at_ms=now_ms,
                form=idempotency_key or "",  # what is asked for counts anyway
                **more,
            )
        except actions.Refused as error:
            if str(error) == actions.NOT_ALLOWED:
                raise Problem(403, f"a token with role {who.role} acts on no case of this kind") from None
            if not seen:
                raise Problem(412, _CHANGED) from None
            raise Problem(409, f"{asked.action} is not possible while the case is {found.status}") from None
        if not seen and not await asyncio.to_thread(_was_sent, store, event.event_id):
            raise Problem(412, _CHANGED)
        sent = SentAction(event.event_id, found.case_id, event.action, event.expected_version, event.actor, now_ms)
        says(request, detail=f"{event.action} {event.event_id}")
        await asyncio.to_thread(_note, store, sent)
        await _sends(send, event, now_ms)
        where = f"{API}/actions/{event.event_id}"
        return JSONResponse(_sent(sent, "pending", ""), 202, {**_HEADERS, "Location": where})

    @api.post(
        "/blocks",
        status_code=202,
        response_class=JSONResponse,
        response_model=None,
        responses={
            202: _content("It was sent; the resource in Location tells what became of it", "SentBlock"),
            **documented(401, 403, 411, 413, 422, 429, 503),
        },
    )
    async def block(
        request: Request, who: Caller, asked: BlockRequest, idempotency_key: IdempotencyKey = None
    ) -> Response:
        says(request, subject=entity_subject(asked.kind, asked.value), detail=asked.wanted)
        if who.role not in ANALYSTS:
            raise Problem(403, f"a token with role {who.role} blocks nothing")
        now_ms = clock.now_ms()
        try:
            value = blocking.asked_for(asked.kind, asked.value)
            event = blocking.block_of(
                asked.kind,
                value,
                wanted=asked.wanted,
                hours=asked.hours,
                reason=asked.reason,
                accounts=await asyncio.to_thread(_used_by, store, asked.kind, value),
                actor=actor_of(who),
                role=who.role,
                second=None,
                at_ms=now_ms,
                form=f"{idempotency_key or ''}\x1f{asked.hours}\x1f{asked.reason}",
            )
        except actions.Refused as error:
            raise Problem(422, _NO_ENTITY.get(str(error), "value: this names nothing that can be blocked")) from None
        says(request, subject=entity_subject(asked.kind, value), detail=f"{asked.wanted} {event.event_id}")
        await _sends(send, event, now_ms)
        block_id = references().of(_BLOCK, "\x1f".join((event.event_id, asked.wanted, asked.kind, value)))
        said = {"block_id": block_id, "event_id": event.event_id, "kind": asked.kind, "wanted": asked.wanted}
        where = f"{API}/blocks/{block_id}"
        return JSONResponse({**said, "state": "pending"}, 202, {**_HEADERS, "Location": where})

    @api.get("/blocks/{block_id}", **_read("What became of a block: pending, accepted, refused", "SentBlock", 404))
    def sent_block(who: Caller, block_id: ABlockId) -> Response:
        opened = references().opened(_BLOCK, block_id)
        if opened is None:
            raise _missing()
        event_id, wanted, kind, value = opened.split("\x1f", 3)
        with store.reading() as connection:
            commands = linked.commands(connection, reference(kind, value), _COMMANDS)
            outcome = blocking.outcome_of(connection, event_id, kind, value, commands)
            refusal = queries.answer(connection, event_id)
        state = {"waiting": "pending", "done": "accepted", "refused": "refused"}[outcome.state]
        said = {"block_id": block_id, "event_id": event_id, "kind": kind, "wanted": wanted, "state": state}
        if refusal is not None and state == "refused":
            why = refusal.text if who.unmasked else masked_in(refusal.text, (value,))
            said |= {"cause": refusal.cause, "detail": why}
        return JSONResponse(said, headers=_HEADERS)

    @api.get("/actions/{event_id}", **_read("What became of an action: pending, accepted, refused", "SentAction", 404))
    def action(who: Caller, event_id: AnId) -> Response:
        with store.reading() as connection:
            sent = tokens.sent_action(connection, event_id)
            if sent is None:
                raise _missing()
            refusal = queries.answer(connection, event_id)
            after = queries.version(connection, sent.case_id, sent.expected_version + 1)
            newest = queries.case_body(connection, sent.case_id)
        if refusal is not None:
            why = refusal.text if who.unmasked else masked_in(refusal.text, (refusal.account_id,))
            return JSONResponse(_sent(sent, "refused", why, refusal.cause), headers=_HEADERS)
        # The line of the action is in the version that it made; of a long history the newest may have lost it.
        is_done = any(
            line.event_id == event_id for body in (after, newest) if body for line in decode_case(body).evidence
        )
        return JSONResponse(_sent(sent, "accepted" if is_done else "pending", ""), headers=_HEADERS)

    return api


def actor_of(who: ApiToken) -> str:
    """As whom a token acts; no name of a person has a slash."""
    return f"api/{who.name}"


def _sent(sent: SentAction, state: str, why: str, cause: str = "") -> dict[str, Any]:
    said = {
        "event_id": sent.event_id,
        "case_id": sent.case_id,
        "action": sent.action,
        "expected_version": sent.expected_version,
        "actor": sent.actor,
        "state": state,
    }
    return said | ({"cause": cause, "detail": why} if cause else {})


def _file(attached: Attached, *, shows: bool) -> dict[str, Any]:
    """A file as it is answered. Where it lies is told, as in the console, to whoever may act on the case."""
    return {
        "sha256": attached.sha256,
        "reference": attached.reference if shows else None,
        "kind": attached.kind,
        "media_type": attached.media_type,
        "size_bytes": attached.size_bytes,
        "actor": attached.actor,
        "role": attached.role,
        "recorded_at": from_ms(attached.at_ms),
    }


async def _sends(
    send: Callable[[CaseAction | EntityBlock, int], Awaitable[None]], event: CaseAction | EntityBlock, now_ms: int
) -> None:
    try:
        await send(event, now_ms)
    except Exception as error:
        log.warning("an action could not be sent (%s)", type(error).__name__)
        raise Problem(503, "the broker does not answer; send the same request again", Retry_After="5") from None


def _more_of(store: CaseStore, asked: ActionRequest, case: CaseVersion) -> dict[str, Any]:
    """The fields of the event that this action has of its own, as a form has them. Answers 422."""
    try:
        form = wishes.form_of(asked.action, asked.text, asked.wanted())
        found = wishes.fields_of(asked.action, form, case)
    except wishes.FieldTooMany as error:
        raise Problem(422, f"body.{error}: {asked.action} takes no such field") from None
    except actions.Refused as error:
        said = next((name for name in ("zh", "en") if getattr(asked, name) is not None), "text")
        field = said if asked.action == "ask" else "other_case_id"
        raise Problem(422, f"body.{field}: {_TEXTS[str(error)]['en']}") from None
    other = found.get("other_case_id")
    if other is not None and _body_of(store, other) is None:
        raise Problem(422, f"body.other_case_id: {_TEXTS['refused.other_case']['en']}")
    return found


def _used_by(store: CaseStore, kind: str, value: str) -> int:
    with store.reading() as connection:
        return blocking.used_by(connection, kind, value)


def _was_sent(store: CaseStore, event_id: str) -> bool:
    """Whether this is a request sent again: what it did itself is no reason to refuse it."""
    with store.reading() as connection:
        return tokens.sent_action(connection, event_id) is not None


def _note(store: CaseStore, sent: SentAction) -> None:
    with store.writing() as connection:
        tokens.note_sent(connection, sent)


def _body_of(store: CaseStore, case_id: str) -> bytes | None:
    with store.reading() as connection:
        return queries.case_body(connection, case_id)


def _is_frozen(store: CaseStore, account_id: str | None) -> bool:
    with store.reading() as connection:
        return "freeze" in queries.measures(connection, account_id)


def _may_name_accounts(who: ApiToken) -> None:
    if not who.unmasked:
        raise Problem(403, "this token sees masked ids only, so it cannot ask for an account (tokens add --unmasked)")


def _missing() -> Problem:
    return Problem(404, "nothing with this id is known here; it may never have been, or have been erased")


def _ms(since: datetime | None) -> int:
    # Years before 1970 and far ones are instants too; the database has 64 bits.
    return 0 if since is None else max(0, to_ms(since)) if since > EPOCH else 0


def _page(who: ApiToken, bodies: Iterable[bytes], more: str | None) -> Response:
    shown = b",".join(body if who.unmasked else masked_body(body) for body in bodies)
    return _json(b'{"items":[%s],"next_cursor":%s}' % (shown, msgspec.json.encode(more)))


def _tagged(who: ApiToken, body: bytes | None, known: str | None) -> Response:
    """The record, or 304 for a caller that has it."""
    if body is None:
        raise _missing()
    tag = _tag_of(who, body)
    if known is not None and _names(known, tag, weakly=True):
        return Response(status_code=304, headers={**_HEADERS, "ETag": tag})
    return _json(body if who.unmasked else masked_body(body), ETag=tag)


def _tag_of(who: ApiToken, body: bytes) -> str:
    """The version, and of what is masked says so."""
    return f'"{_version_of(body).version}{"" if who.unmasked else "-masked"}"'


def _names(header: str, tag: str, *, weakly: bool) -> bool:
    """Whether one of the tags in a header is this one (RFC 9110, 8.8.3.2: a weak one changes nothing)."""
    named = {each.strip() for each in header.split(",")}
    return tag in ({each.removeprefix("W/") for each in named} if weakly else named) or "*" in named


def _asks_as_described(request: Request) -> None:
    """Refuses what would be left out of the answer unseen: a parameter that is none, or one of two values."""
    known = {each.alias for each in request.scope["route"].dependant.query_params}
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in known:
            takes = f"this address takes {', '.join(sorted(known))}" if known else "this address takes none"
            raise Problem(422, f"query.{_shown(name)}: there is no such parameter; {takes}")
        if times > 1:
            raise Problem(422, f"query.{name}: given {times} times; a parameter has one value")


def _shown(name: str) -> str:
    """What somebody called a parameter, which may be anything."""
    return name if _PARAMETER.fullmatch(name) else "…"


class _Versioned(msgspec.Struct):
    version: int


_version_of: Final = msgspec.json.Decoder(_Versioned).decode


def _json(content: bytes, **headers: str) -> Response:
    return Response(content, media_type="application/json", headers={**_HEADERS, **headers})


def _content(about: str, name: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": about, "content": {"application/json": {"schema": schema}}}


def _read(about: str, name: str, *refusals: int, etag: bool = False) -> dict[str, Any]:
    """What a route that reads says in the document."""
    good = _content(about, name)
    answers: dict[int | str, Any] = {200: good}
    if etag:
        good["headers"] = {"ETag": {"description": "The version", "schema": {"type": "string"}}}
        answers[304] = {"description": "The caller has this version"}
    return {
        "summary": about,
        "response_class": Response,
        "response_model": None,
        "responses": answers | documented(401, 403, 422, 429, 503, *refusals),
    }
