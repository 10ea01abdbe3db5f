"""Do schemas, AsyncAPI document and page say what the code says, and does nothing break the last release?"""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from streams.contracts import compatibility, contract_docs, schema_writer
from streams.contracts.registry import REASONS, TYPES
from streams.contracts.topics import TOPICS

ROOT = Path(__file__).parents[2]
WRITTEN = schema_writer.render()


def test_what_is_checked_in_is_what_the_code_says() -> None:
    assert schema_writer.drift(schema_writer.FOLDER) == [], "run `paywarden contracts write` and review the difference"


def test_nothing_breaks_the_last_release() -> None:
    released = schema_writer.stored(schema_writer.RELEASED)
    assert released
    assert compatibility.breaking(released, WRITTEN) == []


def test_the_page_is_what_the_code_says() -> None:
    page = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
    assert page == contract_docs.render_docs(), "run `paywarden contracts write` and review the difference"


def test_the_page_names_every_topic_type_and_reason_and_read_committed_first() -> None:
    page = contract_docs.render_docs()
    for name in (*TOPICS, *TYPES, *REASONS):
        assert f"`{name}`" in page
    assert page.index("read_committed") < page.index("## ")


@pytest.mark.parametrize("tag", sorted(TYPES))
def test_every_schema_is_valid(tag: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema_writer.schema_of(tag))


def test_every_reference_of_the_asyncapi_document_resolves() -> None:
    document = json.loads(WRITTEN[schema_writer.ASYNCAPI])
    references = re.findall(r'"\$ref": "([^"]+)"', WRITTEN[schema_writer.ASYNCAPI])
    assert references
    for reference in references:
        if reference.startswith("./"):
            assert reference.removeprefix("./") in WRITTEN
            continue
        node = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node


def test_the_asyncapi_document_has_every_topic_that_carries_types() -> None:
    document = json.loads(WRITTEN[schema_writer.ASYNCAPI])
    assert set(document["channels"]) == {topic.name for topic in TOPICS.values() if topic.types}
    assert set(document["components"]["messages"]) == set(TYPES)
    for name in ("payments.transactions", "fraud.decisions"):
        wanted = "receive" if TOPICS[name].direction == "input" else "send"
        assert document["operations"][f"{wanted}-{name}"]["channel"] == {"$ref": f"#/channels/{name}"}


def test_comments_beside_fields_reach_the_schema() -> None:
    fields = schema_writer.schema_of("payment.requested.v1")["properties"]
    assert fields["card_token"]["description"] == "never a card number"
    assert fields["known"]["description"].startswith("False for an attempt that belongs to no account")


def test_older_spellings_are_named_once() -> None:
    names = [name for row in contract_docs.OLDER_SPELLINGS for name in row.split(", ")]
    assert len(names) == len(set(names))


def test_older_spellings_lead_to_types_that_exist() -> None:
    for now in contract_docs.OLDER_SPELLINGS.values():
        assert all(tag in TYPES for tag in re.findall(r"`([a-z.]+\.v1)`", now))


def test_writing_removes_what_is_no_longer_generated(tmp_path: Path) -> None:
    (tmp_path / "gone.v1.json").write_text("{}", encoding="utf-8")
    assert len(schema_writer.drift(tmp_path)) == len(WRITTEN) + 1
    assert "removed gone.v1.json" in schema_writer.write(tmp_path)
    assert schema_writer.drift(tmp_path) == []
    assert schema_writer.write(tmp_path) == []
