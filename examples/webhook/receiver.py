"""A receiver of PayWarden's webhooks with Python's standard library: what to check, and in which order.

python receiver.py SECRET_FILE [PORT]
"""

from __future__ import annotations

import hmac
import json
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

OLDEST_S = 300  # a signed message that somebody recorded is worth nothing later
LARGEST = 1_000_000


def is_genuine(secret: bytes, header: str, body: bytes, now_s: float) -> bool:
    """Whether `body` was signed with `secret` within the last five minutes."""
    parts = [part.split("=", 1) for part in header.split(",") if "=" in part]
    times = [value for name, value in parts if name == "t"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit() or abs(now_s - int(times[0])) > OLDEST_S:
        return False
    wanted = hmac.new(secret, times[0].encode() + b"." + body, sha256).hexdigest()
    return any(hmac.compare_digest(wanted.encode(), value.encode()) for name, value in parts if name == "v1")


def receiver(secret: bytes, handle: Callable[[str, dict], None], port: int = 0) -> ThreadingHTTPServer:
    """A server that calls `handle(key, record)` once per key. Keep the keys in your database, with what you do."""
    seen: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > LARGEST:
                return self.answer(413)
            body = self.rfile.read(int(length))
            if not is_genuine(secret, self.headers.get("PayWarden-Signature", ""), body, time.time()):
                return self.answer(401)
            key = self.headers["Idempotency-Key"]
            if key not in seen:
                handle(key, json.loads(body))  # if this raises the message comes again
                seen.add(key)
            return self.answer(204)

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: a log would name cases."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    server = receiver(
        Path(sys.argv[1]).read_bytes().split()[0],
        lambda key, record: print(key, record["type"]),
        int(sys.argv[2]) if len(sys.argv) > 2 else 8_099,
    )
    server.serve_forever()
