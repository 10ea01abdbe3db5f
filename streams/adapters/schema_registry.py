"""Which schema belongs to an id, and does a registry know ours? Speaks Confluent's REST interface."""

from __future__ import annotations

import base64
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from streams.ports import Schema, Unavailable

# Three attempts bridge the restart of a registry behind a load balancer; a longer failure ends the process, which a
# supervisor restarts.
_ATTEMPTS: Final = 3
_TIMEOUT_S: Final = 5.0
_DEEPEST: Final = 16
# That there is no such id is believed for so long, and of so many ids: an id may be given out tomorrow, and whoever
# writes records can name any number of them.
_ABSENT_S: Final = 5.0
_ABSENT_MOST: Final = 1_000


class RegistryFailed(Unavailable):
    """The registry does not answer, or refuses.

    Operator action: look at it, or correct PAYWARDEN_SCHEMA_REGISTRY_URL.
    """


class SchemaRegistry:
    """A registry; schemas are kept, because an id never changes its meaning.

    Args:
        seconds: a monotonic clock.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str = "",
        password: str = "",
        context: ssl.SSLContext | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Accept": "application/vnd.schemaregistry.v1+json"}
        if username:
            token = base64.b64encode(f"{username}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"
        self._context = context
        self._seconds = seconds
        self._known: dict[tuple[int, bool], Schema] = {}
        self._absent: dict[tuple[int, bool], float] = {}  # until when an id is not asked for again

    def get(self, schema_id: int, *, serialized: bool) -> Schema | None:
        """The schema, or None if the registry has no such id. `serialized`: a Protobuf one as base64 descriptor.

        Raises RegistryFailed.
        """
        at = schema_id, serialized
        found = self._known.get(at)
        if found is not None or self._absent.get(at, 0.0) > self._seconds():
            return found
        path = f"/schemas/ids/{schema_id}"
        answer = self._ask(path, serialized)
        if answer is None:
            if len(self._absent) >= _ABSENT_MOST:
                del self._absent[next(iter(self._absent))]
            self._absent[at] = self._seconds() + _ABSENT_S
            return None
        try:
            found = self._found(answer, "", serialized)
        except (KeyError, TypeError, AttributeError):
            raise RegistryFailed(f"{self._url} answered {path} with something that is no schema") from None
        self._known[at] = found
        return found

    def known_version(self, subject: str, schema: str) -> int | None:
        """The version under which `subject` has this JSON Schema, or None. Raises RegistryFailed."""
        answer = self._ask(f"/subjects/{quote(subject, safe='')}", body=_json_schema(schema))
        return None if answer is None else int(answer["version"])

    def incompatible(self, subject: str, schema: str) -> list[str]:
        """Why the registry would refuse this as the next version of `subject`; empty if it would not."""
        path = f"/compatibility/subjects/{quote(subject, safe='')}/versions/latest?verbose=true"
        answer = self._ask(path, body=_json_schema(schema))
        if answer is None or answer["is_compatible"]:
            return []
        return [str(each) for each in answer.get("messages", ())] or ["not compatible with the latest version"]

    def register(self, subject: str, schema: str) -> int:
        """Make this the newest version of `subject`; returns the schema's id. Raises RegistryFailed."""
        answer = self._ask(f"/subjects/{quote(subject, safe='')}/versions", body=_json_schema(schema))
        if answer is None:
            raise RegistryFailed(f"{self._url} knows no way to register schemas (404)")
        return int(answer["id"])

    def set_compatibility(self, subject: str, level: str) -> None:
        """What later versions of `subject` have to hold. Raises RegistryFailed."""
        self._ask(f"/config/{quote(subject, safe='')}", body={"compatibility": level}, method="PUT")

    def _found(self, answer: dict[str, Any], name: str, serialized: bool, depth: int = 0) -> Schema:
        references: dict[str, Schema] = {}
        for each in answer.get("references", ()) if depth < _DEEPEST else ():
            inner = self._ask(f"/subjects/{quote(each['subject'], safe='')}/versions/{each['version']}", serialized)
            if inner is None:
                raise RegistryFailed(
                    f"{self._url}: the schema {each['subject']} {each['version']} is referred to and gone"
                )
            found = self._found(inner, each["name"], serialized, depth + 1)
            references |= {one.name: one for one in (*found.references, found)}
        text = answer["schema"]
        if not isinstance(text, str):
            raise TypeError("a schema is a text")
        return Schema(text, tuple(references.values()), name)

    def _ask(
        self, path: str, serialized: bool = False, *, body: dict[str, Any] | None = None, method: str | None = None
    ) -> dict[str, Any] | None:
        """The answer, or None where there is nothing (404). With a `body` it is a POST, unless there is a `method`."""
        request = urllib.request.Request(
            self._url + path + ("?format=serialized" if serialized else ""), headers=self._headers, method=method
        )
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        for attempt in range(_ATTEMPTS):
            try:
                with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=self._context) as answer:
                    found: dict[str, Any] = json.load(answer)
                    return found
            except urllib.error.HTTPError as error:
                with error:
                    if error.code == 404:
                        return None
                    if error.code < 500 or attempt == _ATTEMPTS - 1:
                        why = _message(error) or error.reason
                        raise RegistryFailed(f"{self._url} answered {error.code} ({why}) to {path}") from None
            except (OSError, ValueError) as error:
                if attempt == _ATTEMPTS - 1:
                    raise RegistryFailed(f"{self._url} does not answer ({error})") from None
            time.sleep(0.2 * 2**attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")


def _json_schema(schema: str) -> dict[str, Any]:
    return {"schemaType": "JSON", "schema": schema}


def _message(error: urllib.error.HTTPError) -> str:
    """What the registry says about it, cut to a line."""
    try:
        return str(json.load(error)["message"]).splitlines()[0][:300]
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
