"""How does a command end when no broker answers?"""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from streams.cli.main import paywarden


@pytest.mark.parametrize("words", [("topics", "list"), ("doctor",), ("dead-letters", "list"), ("state", "inspect")])
def test_no_broker_is_exit_code_70(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(paywarden, words, env={"PAYWARDEN_BOOTSTRAP": "127.0.0.1:1"})
    assert result.exit_code == 70
    assert "no answer from 127.0.0.1:1. " in " ".join(result.output.split())
    assert "AddressFamily" not in result.output


def test_a_topic_that_is_not_ours_is_exit_code_64() -> None:
    assert CliRunner().invoke(paywarden, ["topics", "tail", "nonsense"]).exit_code == 64
