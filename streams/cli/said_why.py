"""Why does somebody do it? Asked for by one option, and masked like all that people type: the record is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from streams.console.forms import written

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def said_why(command: CommandT) -> CommandT:
    """Adds `--why`."""
    return click.option(
        "--why",
        required=True,
        callback=lambda _context, _option, text: written(text),
        help="The reason, for the history; numbers and addresses of people are left out of it.",
    )(command)
