"""Does every command say what it does, with an example that can be copied?"""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from streams.cli.main import COMMANDS, paywarden


def commands(path: tuple[str, ...], command: click.Command) -> Iterator[tuple[str, ...]]:
    """The command and all below it, as typed."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands((*path, name), below)


PATHS = list(commands((), paywarden))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: " ".join(("paywarden", *path)))
def test_help_works_and_shows_an_example(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(paywarden, [*path, "--help"], catch_exceptions=False)
    assert shown.exit_code == 0
    _, found, examples = shown.output.partition("Example")
    assert found
    assert " ".join(("paywarden", *path)) in examples


def test_every_registered_command_is_among_them() -> None:
    assert {path[0] for path in PATHS if path} == set(COMMANDS)
