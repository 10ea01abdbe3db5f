"""Can every record that we ever promised to read still be read, without losing anything?

Examples are permanent: a new oddity is a new file, and none is edited or removed while its type exists.
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry

from streams.contracts import schema_writer
from streams.contracts.registry import TOPICS_OF_TYPE, TYPES, decode, encode, key_of, read
from streams.contracts.topics import TOPICS

FOLDER = Path(__file__).parent / "examples"
FILES = sorted(FOLDER.glob("*/*.json"))
VALIDATORS = {
    tag: jsonschema.Draft202012Validator(
        schema_writer.schema_of(tag),
        registry=Registry(),
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    for tag in TYPES
}


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("tag", sorted(TYPES))
def test_every_type_has_three_examples_and_a_topic(tag: str) -> None:
    assert len(list((FOLDER / tag).glob("*.json"))) >= 3
    assert TOPICS_OF_TYPE[tag]


def test_no_example_is_of_an_unknown_type() -> None:
    assert {path.parent.name for path in FILES} == set(TYPES)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_example_is_read_and_written_without_loss(path: Path) -> None:
    raw = path.read_bytes()
    tag = path.parent.name
    for topic in TOPICS_OF_TYPE[tag]:
        event = decode(topic, raw)
        assert type(event) is TYPES[tag], event
        assert decode(topic, encode(event)) == event
        if TOPICS[topic].key == "account_id":
            assert read(topic, key_of(event), raw) == event


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_example_fits_its_schema_and_so_does_what_we_write(path: Path) -> None:
    tag = path.parent.name
    raw = path.read_bytes()
    VALIDATORS[tag].validate(json.loads(raw))
    VALIDATORS[tag].validate(json.loads(encode(decode(TOPICS_OF_TYPE[tag][0], raw))))
