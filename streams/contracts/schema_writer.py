"""What do the contracts look like to those who do not read Python: JSON Schema per type and one AsyncAPI document?

Everything is rendered from the structs and the table of topics; what is checked in is compared with that (`drift`) and
with the last release (`compatibility.breaking`).
"""

from __future__ import annotations

import ast
import inspect
import io
import json
import textwrap
import tokenize
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from streams.contracts.registry import TOPICS_OF_TYPE, TYPES
from streams.contracts.topics import TOPICS, Topic

FOLDER: Final = Path(__file__).parent / "schemas"
RELEASED: Final = FOLDER / "released"
ASYNCAPI: Final = "asyncapi.json"
READ_COMMITTED: Final = (
    "Read every topic with isolation.level=read_committed: records of a transaction that was aborted stay in the log, "
    "and a reader without it takes them for real."
)
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFS: Final = "#/$defs/{name}"
KEYS: Final[Mapping[str, str]] = {
    "account_id": "the account id",
    "case_id": "the case id; of a refused action without a case, the account id",
    "entity": "kind/value of the entity, or `health`; told clocks go to every partition",
    "cause": "the key of the record that was set aside",
    "state": "the key of a state row",
    "policy": "`policy`: one partition keeps all records in order",
}


@cache
def comments_of(kind: type) -> dict[str, str]:
    """What the comments of a struct say about its own fields: beside the field, or in the lines right above it."""
    source = textwrap.dedent(inspect.getsource(kind))
    comments = {
        token.start[0]: (token.string.lstrip("# ").strip(), token.line.lstrip().startswith("#"))
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found: dict[str, str] = {}
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    for node in body.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        beside = [
            comments[line][0] for line in range(node.lineno, (node.end_lineno or node.lineno) + 1) if line in comments
        ]
        above: list[str] = []
        line = node.lineno - 1
        while line in comments and comments[line][1]:
            above.insert(0, comments[line][0])
            line -= 1
        if beside or above:
            found[node.target.id] = " ".join(above + beside)
    return found


def descriptions_of(kind: type) -> dict[str, str]:
    """The comments on all fields of a struct, inherited ones too."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, msgspec.Struct) and base is not msgspec.Struct:
            found.update(comments_of(base))
    return found


def fields_of(kind: type) -> tuple[str, ...]:
    """The names of a struct's fields, in the order in which they are written."""
    return tuple(field.name for field in msgspec.structs.fields(kind))


def schema_of(tag: str) -> dict[str, Any]:
    """The JSON Schema of one type, complete in itself."""
    kind = TYPES[tag]
    _, components = msgspec.json.schema_components([kind], ref_template=_REFS)
    nested = {struct.__name__: struct for struct in nested_in(kind)}
    for name, component in components.items():
        struct = kind if name == kind.__name__ else nested[name]
        if "properties" in component:
            for field, text in descriptions_of(struct).items():
                component["properties"][field] = {**component["properties"][field], "description": text}
        else:
            for item, field in zip(component["prefixItems"], fields_of(struct), strict=True):
                item["title"] = field
                if field in (told := descriptions_of(struct)):
                    item["description"] = told[field]
    own = components.pop(kind.__name__)
    own["properties"]["type"] = {"const": tag}
    schema: dict[str, Any] = {"$schema": _DIALECT, "$id": f"urn:paywarden:{tag}", **own}
    if components:
        schema["$defs"] = dict(sorted(components.items()))
    return schema


def nested_in(kind: type) -> tuple[type, ...]:
    """All structs that occur inside fields of `kind`, each once, outermost first."""
    found: dict[type, None] = {}

    def visit(shape: msgspec.inspect.Type) -> None:
        match shape:
            case msgspec.inspect.StructType(cls=cls, fields=fields):
                if cls is not kind:
                    if cls in found:
                        return
                    found[cls] = None
                for field in fields:
                    visit(field.type)
            case msgspec.inspect.UnionType(types=types):
                for member in types:
                    visit(member)
            case msgspec.inspect.VarTupleType(item_type=item):
                visit(item)
            case msgspec.inspect.DictType(key_type=key, value_type=value):
                visit(key)
                visit(value)
            case _:  # a scalar holds nothing
                pass

    visit(msgspec.inspect.type_info(kind))
    return tuple(found)


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: channels are topics by logical name, seen from PayWarden."""
    carried = [topic for topic in TOPICS.values() if topic.types]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "PayWarden",
            "version": "1",
            "description": f"{READ_COMMITTED} A deployment may put a prefix before every topic name. "
            "The type tag is the unit of versioning; readers ignore fields they do not know.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in carried},
        "operations": {
            f"{action}-{topic.name}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": topic.about,
            }
            for topic in carried
            for action in _actions(topic)
        },
        "components": {"messages": {tag: _message(tag) for tag in sorted(TYPES)}},
    }


def _actions(topic: Topic) -> tuple[str, ...]:
    match topic.direction:
        case "input":
            return ("receive",)
        case "output":
            return ("send",)
        case "internal":
            return ("send", "receive")


def _channel(topic: Topic) -> dict[str, Any]:
    kept = topic.configs
    configuration: dict[str, Any] = {"cleanup.policy": [kept["cleanup.policy"]]}
    for name in ("retention.ms", "max.message.bytes"):
        if name in kept:
            configuration[name] = int(kept[name])
    return {
        "address": topic.name,
        "description": topic.about,
        "messages": {_tag(kind): {"$ref": f"#/components/messages/{_tag(kind)}"} for kind in topic.types},
        "bindings": {
            "kafka": {"topic": topic.name, "topicConfiguration": configuration, "bindingVersion": "0.5.0"},
        },
        "x-paywarden-direction": topic.direction,
        "x-paywarden-key": topic.key,
        "x-paywarden-owner": topic.owner,
        "x-paywarden-privileged": topic.privileged,
        "x-paywarden-required": topic.required,
    }


def _message(tag: str) -> dict[str, Any]:
    key = TOPICS[TOPICS_OF_TYPE[tag][0]].key
    return {
        "name": tag,
        "title": TYPES[tag].__name__,
        "summary": summary_of(TYPES[tag]),
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": {
                "type": {"type": "string", "const": tag},
                "traceparent": {"type": "string", "description": "W3C trace context, where the cause had one"},
            },
        },
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./{tag}.json"},
        },
        "bindings": {"kafka": {"key": {"type": "string", "description": KEYS[key]}, "bindingVersion": "0.5.0"}},
    }


def summary_of(kind: type) -> str:
    """The first line of a struct's docstring."""
    return (inspect.getdoc(kind) or "").splitlines()[0]


def _tag(kind: type) -> str:
    return str(kind.__struct_config__.tag)  # type: ignore[attr-defined]


def render() -> dict[str, str]:
    """Every generated file by its name inside the folder of schemas."""
    files = {f"{tag}.json": schema_of(tag) for tag in sorted(TYPES)}
    files[ASYNCAPI] = asyncapi()
    return {name: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for name, content in files.items()}


def stored(folder: Path) -> dict[str, str]:
    """The files that `folder` holds now; none if it does not exist."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json"))}


def write(folder: Path) -> list[str]:
    """Bring `folder` up to date, and say what was changed."""
    wanted, found = render(), stored(folder)
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name in sorted(wanted.keys() | found.keys()):
        if name not in wanted:
            (folder / name).unlink()
            changed.append(f"removed {name}")
        elif wanted[name] != found.get(name):
            (folder / name).write_text(wanted[name], encoding="utf-8")
            changed.append(f"wrote {name}")
    return changed


def drift(folder: Path) -> list[str]:
    """How `folder` differs from what the code says; empty if it does not."""
    wanted, found = render(), stored(folder)
    return [
        f"{name}: "
        + ("missing" if name not in found else "no longer generated" if name not in wanted else "out of date")
        for name in sorted(wanted.keys() | found.keys())
        if wanted.get(name) != found.get(name)
    ]
