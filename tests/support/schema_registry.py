"""A schema registry in this process: the part of Confluent's REST interface that PayWarden speaks, and its moods."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class Registry:
    """What it knows: versions by subject, in order; levels by subject."""

    def __init__(self, user: tuple[str, str] | None) -> None:
        self.url = ""
        self.versions: dict[str, list[str]] = {}
        self.levels: dict[str, str] = {}
        self.incompatible: set[str] = set()  # subjects whose next version is refused
        self.failures = 0  # so many of the next requests are answered with 503
        self.asked: list[str] = []
        self._ids: dict[str, int] = {}
        self._token = None if user is None else base64.b64encode(":".join(user).encode()).decode()

    def answer(self, method: str, path: str, token: str | None, body: Any) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        if self.failures:
            self.failures -= 1
            return 503, {"error_code": 50301, "message": "busy"}
        if self._token is not None and token != f"Basic {self._token}":
            return 401, {"error_code": 401, "message": "Unauthorized"}
        match method, [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]:
            case "POST", ["subjects", subject]:
                known = self.versions.get(subject, [])
                if body["schema"] not in known:
                    return 404, {"error_code": 40403, "message": "Schema not found"}
                return 200, {"version": known.index(body["schema"]) + 1, "id": self._ids[body["schema"]]}
            case "POST", ["compatibility", "subjects", subject, "versions", "latest"]:
                if subject not in self.versions:
                    return 404, {"error_code": 40401, "message": "Subject not found"}
                refused = subject in self.incompatible and self.levels.get(subject) != "NONE"
                return 200, {"is_compatible": not refused, "messages": ["a field was taken away"] if refused else []}
            case "POST", ["subjects", subject, "versions"]:
                if body["schemaType"] != "JSON" or "$schema" not in json.loads(body["schema"]):
                    return 422, {"error_code": 42201, "message": "Invalid schema"}
                self.versions.setdefault(subject, []).append(body["schema"])
                return 200, {"id": self._ids.setdefault(body["schema"], len(self._ids) + 1)}
            case "PUT", ["config", subject]:
                self.levels[subject] = body["compatibility"]
                return 200, body
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}


@contextmanager
def registry(user: tuple[str, str] | None = None) -> Iterator[Registry]:
    """A registry that listens until the end of the block."""
    known = Registry(user)

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            code, answer = known.answer(
                self.command, self.path, self.headers.get("Authorization"), json.loads(body) if body else None
            )
            raw = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = _any

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    known.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
