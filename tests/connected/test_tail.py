"""Does an operator see the records that were asked for, and no others?"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner
from support.broker_client import Line
from support.product import Product
from support.stores import START_MS, case

from streams.cli.main import paywarden
from streams.contracts.base import from_ms
from streams.contracts.cases import ActionRejected
from streams.contracts.registry import encode
from streams.contracts.topics import physical

CASES = "support.cases"


def write(product: Product, *lines: tuple[str, bytes | None], ending: str = "") -> None:
    given = [Line(key.encode(), value, START_MS) for key, value in lines]
    product.cluster.write(physical(product.prefix, CASES), given, partitions=product.partitions, ending=ending)


def refused(case_id: str) -> bytes:
    return encode(
        ActionRejected(
            occurred_at=from_ms(START_MS),
            event_id="opr_1",
            account_id="ada",
            case_id=case_id,
            action="note",
            cause="version_conflict",
            text="the case changed meanwhile",
        )
    )


@pytest.mark.timeout(120)
def test_the_tail_of_a_topic_is_what_was_asked_for(product: Product) -> None:
    place = ("--bootstrap", product.cluster.bootstrap, "--prefix", product.prefix, "--json")

    def seen(*words: str) -> list[tuple[str, Any]]:
        result = CliRunner().invoke(paywarden, ["topics", "tail", CASES, "--from-beginning", *words, *place])
        assert result.exit_code == 0, (result.output, result.exception)
        found = [json.loads(line) for line in result.stdout.splitlines()]
        return sorted((each["key"], (each["value"] or {}).get("version", 0)) for each in found)

    for version in (1, 2):
        write(product, *((name, encode(case(name, version))) for name in ("case_a", "case_b")))
    write(product, ("case_a", refused("case_a")), ("case_b", None), ("case_c", b"no json"))
    write(product, ("case_d", encode(case("case_d", 9))), ending="abort")
    everything = [("case_a", 0), ("case_a", 1), ("case_a", 2), ("case_b", 0), ("case_b", 1), ("case_b", 2)]
    assert seen() == [*everything, ("case_c", 0)]
    assert seen("--key", "case_b") == everything[3:]
    assert seen("--type", "case.version.v1") == [each for each in everything if each[1]]
    assert seen("--type", "case.version.v1", "--type", "action.rejected.v1", "--key", "case_a") == everything[:3]
    assert seen("--type", "action.rejected.v1", "--max", "1") == [("case_a", 0)]
    assert seen("--key", "case") == []
    assert ("case_d", 9) in seen("--uncommitted", "--key", "case_d")

    command = [sys.executable, "-m", "streams.cli", "topics", "tail", CASES, "--from-beginning", "--follow"]
    command += ["--key", "case_b", "--type", "case.version.v1", "--max", "3", *place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        lines = [json.loads(program.stdout.readline()) for _ in range(2)]
        write(product, ("case_a", encode(case("case_a", 3))), ("case_b", encode(case("case_b", 3))))
        lines += [json.loads(line) for line in program.stdout]
        assert program.wait(60) == 0
    assert [each["value"]["version"] for each in lines] == [1, 2, 3]
