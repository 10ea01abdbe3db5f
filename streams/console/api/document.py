"""What does the OpenAPI document say of records? What the contracts say, rendered from the same structs."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from streams.console.api import problems
from streams.contracts.actions import LocksState
from streams.contracts.cases import CaseVersion, NotificationRequested
from streams.contracts.schema_writer import descriptions_of, nested_in

_RECORDS: Final = (CaseVersion, LocksState, NotificationRequested)
_REFS: Final = "#/components/schemas/{name}"
_ABOUT: Final = (
    "Cases, locks, incidents and messages as PayWarden published them, and actions of operators. Pages go by event "
    "time: a caller that repeats its last page from 15 minutes before sees what came late. Tokens of any role without "
    "`--unmasked` are given ids of accounts, cards, devices, addresses and payees shortened wherever they stand, in "
    "evidence, messages and refusals too (of one with six characters or fewer nothing is left), and in texts a card, "
    "telephone, identity number, e-mail address or code is replaced by its kind in brackets. Unknown fields may come "
    "at any time. A query parameter that an address does not list, or one that is given twice, is answered 422."
)


def described(api: FastAPI) -> None:
    """Gives `api` the document with the contracts' schemas in it."""

    def document() -> dict[str, Any]:
        if api.openapi_schema is None:
            made = get_openapi(
                title=api.title, version=api.version, description=_ABOUT, routes=api.routes, servers=api.servers
            )
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            schemas.update(_records())
            made["components"]["schemas"] = dict(sorted(schemas.items()))
            api.openapi_schema = made
        return api.openapi_schema

    api.openapi = document  # type: ignore[method-assign]


def rendered(api: FastAPI) -> str:
    """docs/openapi.json."""
    return json.dumps(api.openapi(), indent=2, ensure_ascii=False) + "\n"


def _records() -> dict[str, Any]:
    _, found = msgspec.json.schema_components(_RECORDS, ref_template=_REFS)
    structs = {each.__name__: each for kind in _RECORDS for each in (kind, *nested_in(kind))}
    for name, schema in found.items():
        for field, text in descriptions_of(structs[name]).items():
            schema["properties"][field] = {**schema["properties"][field], "description": text}
    return {
        **found,
        "CasePage": _page("CaseVersion"),
        "NotificationPage": _page("NotificationRequested"),
        "AttachmentPage": _page("Attachment"),
        "Attachment": _FILE,
        "SentAction": _SENT,
        "SentBlock": _SENT_BLOCK,
        "Problem": dict(problems.SCHEMA),
    }


def _page(name: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["items", "next_cursor"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": _REFS.format(name=name)}},
            "next_cursor": {"type": ["string", "null"], "description": "Null on the last page"},
        },
    }


_SENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["event_id", "case_id", "action", "expected_version", "actor", "state"],
    "properties": {
        "event_id": {"type": "string", "description": "Of the event on operator.actions"},
        "case_id": {"type": "string"},
        "action": {"type": "string"},
        "expected_version": {"type": "integer"},
        "actor": {"type": "string"},
        "state": {"enum": ["pending", "accepted", "refused"]},
        "cause": {"type": "string", "description": "Of a refusal, as action.rejected.v1 names it"},
        "detail": {"type": "string", "description": "Of a refusal: why"},
    },
}

_SENT_BLOCK: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["block_id", "event_id", "kind", "wanted", "state"],
    "properties": {
        "block_id": {"type": "string", "description": "Names the request; tells nobody what is blocked"},
        "event_id": {"type": "string", "description": "Of the event on operator.actions"},
        "kind": {"type": "string"},
        "wanted": {"enum": ["block", "lift"]},
        "state": {"enum": ["pending", "accepted", "refused"]},
        "cause": {"type": "string", "description": "Of a refusal, as action.rejected.v1 names it"},
        "detail": {"type": "string", "description": "Of a refusal: why"},
    },
}

_FILE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["sha256", "reference", "kind", "media_type", "size_bytes", "actor", "role", "recorded_at"],
    "properties": {
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Of the file, to compare it with"},
        "reference": {"type": ["string", "null"], "description": "Where it lies; null for a token that only reads"},
        "kind": {"type": "string"},
        "media_type": {"type": ["string", "null"]},
        "size_bytes": {"type": ["integer", "null"]},
        "actor": {"type": "string", "description": "Who brought it: an operator, or `customer`"},
        "role": {"type": "string"},
        "recorded_at": {"type": "string", "format": "date-time"},
    },
}
