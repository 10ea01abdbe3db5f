"""How does a refusal look to a program? As RFC 9457 has it: application/problem+json with a type that is stable."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi.responses import JSONResponse

MEDIA_TYPE: Final = "application/problem+json"
# What each answer that is none means; the document lists them, and an answer has no other.
TITLES: Final[Mapping[int, str]] = {
    400: "The cursor is none that a page gave out",
    401: "A valid token is needed",
    403: "The token may not do this",
    404: "There is no such thing",
    405: "This address has no such method",
    409: "The case is not in a state for this action",
    411: "The length of the body is not said",
    412: "The case has another version than the caller has seen",
    413: "The body is too large",
    422: "The request is not as the document describes it",
    429: "Too many requests",
    503: "Something behind the interface does not answer",
}


class Problem(Exception):
    """An answer that is a refusal. `detail` is one sentence for whoever wrote the calling program."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def answer(problem: Problem) -> JSONResponse:
    """The refusal as a response."""
    status = problem.status
    body = {
        "type": f"urn:paywarden:problem:{HTTPStatus(status).phrase.lower().replace(' ', '-')}",
        "title": TITLES[status],
        "status": status,
        "detail": problem.detail,
    }
    return JSONResponse(body, status, problem.headers, MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These refusals, for the document."""
    return {
        status: {"description": TITLES[status], "content": {MEDIA_TYPE: {"schema": _reference("Problem")}}}
        for status in sorted(statuses)
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "A name that does not change"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong with this request, and what to do"},
    },
}
