"""What document do the bytes of a foreign record hold: JSON, Avro or Protobuf, plain or in an envelope?

Avro and Protobuf records carry the framing of Confluent's schema registry (a zero byte, the schema's id in four bytes,
for Protobuf the path to the message), or the source's file names a schema and the bytes are bare.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import fastavro
import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.message import DecodeError

from streams.contracts.registry import MAX_BYTES, Refusal, refusal
from streams.ingest.source import Source, SourceError
from streams.ingest.values import Exact
from streams.ports import Schema, Schemas

_HEADER: Final = 5  # zero byte and schema id
_CLOUD_EVENTS: Final = ("1.0", "0.3")  # both name their attributes alike
_decode_json: Final = msgspec.json.Decoder(float_hook=Exact).decode

Headers = Sequence[tuple[str, bytes | None]]  # Kafka lets a header have no value


class UnknownSchema(Exception):
    """The registry has no such schema, or it is not what the source's format needs."""


class Documents:
    """Decodes the records of one source. Raises SourceError if its schema file cannot be used."""

    def __init__(self, source: Source, schemas: Schemas | None = None) -> None:
        self._envelope = source.envelope
        self._decode: Callable[[bytes], Any]
        match source.format:
            case "json":
                self._decode = _decode_json
            case "avro":
                self._decode = _Avro(source, schemas).decode
            case "protobuf":
                self._decode = _Protobuf(source, schemas).decode

    def read(self, raw: bytes | None, headers: Headers = ()) -> dict[str, Any] | Refusal | None:
        """The document, or why there is none; None for a deletion, which carries no event.

        Never raises for bad data.
        """
        if raw is None and self._envelope == "debezium":
            return None  # follows a deletion, for the compaction of the topic
        if not raw:
            return refusal("empty", "no value")
        if len(raw) > MAX_BYTES:
            return refusal("too_large", f"{len(raw)} bytes, at most {MAX_BYTES} are read")
        try:
            document = self._decode(raw)
            return self._unwrapped(document, headers)
        except UnicodeDecodeError as error:
            return refusal("bad_utf8", f"invalid UTF-8: {error.reason}")
        except RecursionError:
            return refusal("too_deep", "nested too deeply")
        except (msgspec.DecodeError, UnknownSchema, _Undecodable) as error:
            return refusal("undecodable", str(error))

    def _unwrapped(self, document: Any, headers: Headers) -> dict[str, Any] | Refusal:
        if not isinstance(document, dict):
            return refusal("not_an_event", "not an object with fields")
        match self._envelope:
            case "debezium":
                return _debezium(document)
            case "cloudevents":
                return self._cloud_event(document, headers)
            case _:
                return document

    def _cloud_event(self, document: dict[str, Any], headers: Headers) -> dict[str, Any] | Refusal:
        """Binary mode has the attributes in headers `ce_...` and the data as value; structured mode all in one."""
        attributes = {
            name[3:]: value.decode(errors="replace")
            for name, value in headers
            if value is not None and name.lower().startswith("ce_")
        }
        version = attributes.get("specversion", document.get("specversion"))
        if version is not None and version not in _CLOUD_EVENTS:
            return refusal("not_an_event", f"a CloudEvent of another version than {' or '.join(_CLOUD_EVENTS)}")
        if "specversion" in attributes:
            return {**attributes, "data": document}
        if version is None:
            return refusal("not_an_event", "no CloudEvent: neither `specversion` in it nor `ce_specversion` beside it")
        if "data_base64" in document:
            try:
                inner = base64.b64decode(document["data_base64"], validate=True)
            except (binascii.Error, ValueError, TypeError):
                return refusal("undecodable", "data_base64 is not base64")
            rest = {name: value for name, value in document.items() if name != "data_base64"}
            return {**rest, "data": self._decode(inner)}
        return document


def _debezium(document: dict[str, Any]) -> dict[str, Any] | Refusal:
    """The row change with `before`, `after`, `op`, `source`; with or without the schema around it."""
    payload = document.get("payload", document)
    if not isinstance(payload, dict) or "op" not in payload:
        return refusal("not_an_event", "no row change: `op` is missing")
    return payload


class _Undecodable(Exception):
    """Bytes that are not what the schema says. The text never repeats them."""


def _framed(raw: bytes) -> tuple[int, bytes]:
    if len(raw) < _HEADER or raw[0] != 0:
        raise _Undecodable("no schema id: the value does not begin with the framing of the schema registry")
    return int.from_bytes(raw[1:_HEADER], "big"), raw[_HEADER:]


def _registered(schemas: Schemas | None, schema_id: int, *, serialized: bool) -> Schema:
    if schemas is None:
        raise UnknownSchema(f"schema {schema_id} is not known: PAYWARDEN_SCHEMA_REGISTRY_URL is not set")
    found = schemas.get(schema_id, serialized=serialized)
    if found is None:
        raise UnknownSchema(f"the registry has no schema {schema_id}")
    return found


class _Avro:
    def __init__(self, source: Source, schemas: Schemas | None) -> None:
        self._schemas = schemas
        self._known: dict[int, Any] = {}
        self._bare: Any = None
        if source.schema_file:
            try:
                self._bare = fastavro.schema.load_schema(source.schema_file)
            except Exception as error:  # whatever is wrong with the file, it is the file that must change
                raise SourceError(f"{source.schema_file} is no Avro schema ({error}); correct schema_file.") from None

    def decode(self, raw: bytes) -> Any:
        schema, body = self._bare, raw
        if schema is None:
            schema_id, body = _framed(raw)
            schema = self._known.get(schema_id) or self._fetch(schema_id)
        try:
            return fastavro.schemaless_reader(io.BytesIO(body), schema, None)
        except (UnicodeDecodeError, RecursionError):
            raise
        except Exception as error:  # fastavro raises what the bytes provoke: EOFError, IndexError, ValueError, ...
            raise _Undecodable(f"not what its Avro schema says ({type(error).__name__})") from None

    def _fetch(self, schema_id: int) -> Any:
        found = _registered(self._schemas, schema_id, serialized=False)
        named: dict[str, Any] = {}
        try:
            for each in found.references:
                fastavro.parse_schema(msgspec.json.decode(each.text), named_schemas=named)
            schema = fastavro.parse_schema(msgspec.json.decode(found.text), named_schemas=named)
        except Exception as error:
            raise UnknownSchema(
                f"schema {schema_id} of the registry is no Avro schema ({type(error).__name__})"
            ) from None
        self._known[schema_id] = schema
        return schema


class _Protobuf:
    def __init__(self, source: Source, schemas: Schemas | None) -> None:
        self._schemas = schemas
        self._message = source.message
        self._known: dict[int, FileDescriptor] = {}
        self._bare: Descriptor | None = None
        if source.schema_file:
            self._bare = _message_of(source)

    def decode(self, raw: bytes) -> Any:
        if self._bare is not None:
            return _as_document(self._bare, raw)
        schema_id, body = _framed(raw)
        file = self._known.get(schema_id) or self._fetch(schema_id)
        path, body = _message_path(body)
        return _as_document(_descend(file, path), body)

    def _fetch(self, schema_id: int) -> FileDescriptor:
        found = _registered(self._schemas, schema_id, serialized=True)
        pool = descriptor_pool.DescriptorPool()
        try:
            name = ""
            for number, each in enumerate((*found.references, found)):
                proto = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(each.text))
                proto.name = each.name or proto.name or f"schema-{schema_id}-{number}.proto"
                _add_well_known(pool, proto)
                pool.Add(proto)
                name = proto.name
            file = pool.FindFileByName(name)
        except Exception as error:
            raise UnknownSchema(
                f"schema {schema_id} of the registry is no Protobuf schema ({type(error).__name__})"
            ) from None
        self._known[schema_id] = file
        return file


def _add_well_known(pool: descriptor_pool.DescriptorPool, proto: descriptor_pb2.FileDescriptorProto) -> None:
    """What every Protobuf installation has, such as google/protobuf/timestamp.proto, no registry repeats."""
    for name in proto.dependency:
        try:
            pool.FindFileByName(name)
        except KeyError:
            if name.startswith("google/protobuf/"):
                known = descriptor_pb2.FileDescriptorProto()
                _well_known()[name].CopyToProto(known)
                _add_well_known(pool, known)
                pool.Add(known)


def _well_known() -> Mapping[str, Any]:
    from google.protobuf import any_pb2, duration_pb2, empty_pb2, struct_pb2, timestamp_pb2, wrappers_pb2

    modules = (any_pb2, duration_pb2, empty_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
    return {module.DESCRIPTOR.name: module.DESCRIPTOR for module in modules}


def _message_of(source: Source) -> Descriptor:
    """The message `source.message` of a descriptor set (`protoc --include_imports --descriptor_set_out`)."""
    pool = descriptor_pool.DescriptorPool()
    try:
        for proto in descriptor_pb2.FileDescriptorSet.FromString(Path(source.schema_file).read_bytes()).file:
            _add_well_known(pool, proto)
            pool.Add(proto)
        return pool.FindMessageTypeByName(source.message)
    except KeyError:
        raise SourceError(
            f"{source.schema_file} has no message {source.message!r}; set message to its full name, package included."
        ) from None
    except (OSError, DecodeError, TypeError) as error:
        raise SourceError(
            f"{source.schema_file} is no descriptor set ({type(error).__name__}); write it with `protoc "
            "--include_imports --descriptor_set_out=FILE`."
        ) from None


def _message_path(body: bytes) -> tuple[list[int], bytes]:
    """The indexes that lead to the message: a zig-zag count and indexes, a single 0 for the first message."""
    count, at = _varint(body, 0)
    path = []
    for _ in range(min(count, 32)):
        index, at = _varint(body, at)
        path.append(index)
    return path or [0], body[at:]


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(body) and shift < 35:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
    raise _Undecodable("the path to its Protobuf message is cut off")


def _descend(file: FileDescriptor, path: Sequence[int]) -> Descriptor:
    messages = list(file.message_types_by_name.values())
    try:
        if min(path) < 0:
            raise IndexError
        found = messages[path[0]]
        for index in path[1:]:
            found = found.nested_types[index]
    except IndexError:
        raise _Undecodable("its schema has no message at that path") from None
    return found


def _as_document(descriptor: Descriptor, body: bytes) -> Any:
    message = message_factory.GetMessageClass(descriptor)()
    try:
        message.ParseFromString(body)
        return json_format.MessageToDict(
            message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
    except UnicodeDecodeError:
        raise
    except Exception as error:  # DecodeError, or what a damaged Timestamp or Any provokes
        raise _Undecodable(f"not what its Protobuf schema says ({type(error).__name__})") from None
