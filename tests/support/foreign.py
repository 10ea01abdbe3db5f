"""What does a test need of a foreign system: its records as bytes, and a registry that knows its schemas?"""

from __future__ import annotations

import base64
import io
import json
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, timestamp_pb2

from streams.ingest.documents import Documents
from streams.ingest.logic import Reader
from streams.ingest.mapping import Mapper
from streams.ingest.source import load_source
from streams.ports import Schema

GOLDEN = Path(__file__).parents[1] / "ingest" / "golden"
SHAPES = sorted(each.name for each in GOLDEN.iterdir())
SCHEMA_ID = 7
KEY = "a key for tests"


class Sent(NamedTuple):
    """A record as the foreign system sent it."""

    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class OneSchema:
    """A registry with one schema."""

    def __init__(self, text: str) -> None:
        self._schema = Schema(text)

    def get(self, schema_id: int, *, serialized: bool) -> Schema | None:
        return self._schema if schema_id == SCHEMA_ID else None


class Registry:
    """The one schema of a golden folder behind the REST interface of a registry."""

    def __init__(self, folder: Path) -> None:
        known = registry_of(folder)
        assert known is not None
        self._schema = known.get(SCHEMA_ID, serialized=True)
        self.asked: list[str] = []

    def __enter__(self) -> Registry:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked.append(self.path)
                path = self.path.partition("?")[0]
                known = path == f"/schemas/ids/{SCHEMA_ID}"
                assert registry._schema is not None
                body = json.dumps({"schema": registry._schema.text} if known else {"error_code": 40403}).encode()
                self.send_response(200 if known else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def registry_of(folder: Path) -> OneSchema | None:
    if (folder / "schema.avsc").exists():
        return OneSchema((folder / "schema.avsc").read_text())
    if (folder / "schema.json").exists():
        return OneSchema(base64.b64encode(_proto(folder).SerializeToString()).decode())
    return None


def reader_of(folder: Path) -> Reader:
    source = load_source(folder / "source.toml")
    return Reader(Documents(source, registry_of(folder)), Mapper(source, KEY))


def sent(folder: Path) -> list[Sent]:
    """The records of a golden folder, encoded as the system would."""
    lines = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    return [
        Sent(
            line["timestamp_ms"],
            line["key"].encode() if "key" in line else None,
            _bytes_of(line, folder),
            tuple((name, value.encode()) for name, value in line.get("headers", {}).items()),
        )
        for line in lines
    ]


def _bytes_of(line: dict[str, Any], folder: Path) -> bytes | None:
    if "hex" in line:
        return bytes.fromhex(line["hex"])
    return None if line["value"] is None else encoded(line["value"], folder, line.get("message", 0))


def encoded(value: dict[str, Any], folder: Path, message: int = 0) -> bytes:
    """A value in the format of the shape; `message` is the place of the Protobuf message in its file."""
    if (folder / "schema.avsc").exists():
        return _avro(value, json.loads((folder / "schema.avsc").read_text()))
    if (folder / "schema.json").exists():
        return _protobuf(value, _proto(folder), message)
    return json.dumps(value).encode()


def _avro(value: dict[str, Any], schema: dict[str, Any]) -> bytes:
    raw = io.BytesIO()
    fastavro.schemaless_writer(raw, fastavro.parse_schema(schema), {**value, "amount": Decimal(value["amount"])})
    return b"\x00" + SCHEMA_ID.to_bytes(4, "big") + raw.getvalue()


def _proto(folder: Path) -> descriptor_pb2.FileDescriptorProto:
    return json_format.Parse((folder / "schema.json").read_text(), descriptor_pb2.FileDescriptorProto())


def _protobuf(value: dict[str, Any], proto: descriptor_pb2.FileDescriptorProto, number: int) -> bytes:
    pool = descriptor_pool.DescriptorPool()
    known = descriptor_pb2.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(known)
    pool.Add(known)
    pool.Add(proto)
    file = pool.FindFileByName(proto.name)
    message = message_factory.GetMessageClass(list(file.message_types_by_name.values())[number])()
    json_format.ParseDict(value, message)
    # A path of one index: the count 1 and the index, both zig-zag.
    return b"\x00" + SCHEMA_ID.to_bytes(4, "big") + bytes([2, 2 * number]) + message.SerializeToString()
