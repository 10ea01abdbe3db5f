"""How does what others wrote get onto an operator's terminal without doing anything there?

Ids, codes and values come from producers and their customers. Shown as they are they could be read as markup, which
ends a command in a traceback, or as control sequences: a title, a colour, text that hides or reverses other text.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

# C0 except tab and newline, DEL and C1; the marks, embeddings, overrides and isolates of bidirectional text (UAX #9);
# line and paragraph separators; halves of surrogate pairs, which no terminal can be sent.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NO_READER = 128 + 13  # as a shell shows SIGPIPE
_SHOWN = "\ufffd"  # one column wide, and plainly not what the id should look like


def harmless(text: str) -> str:
    """`text` with a replacement character for each that would do something on a terminal."""
    return _UNSAFE.sub(_SHOWN, text)


def terminal(*, stderr: bool = False) -> Console:
    """Where every command prints tables and sentences. Markup is never read: style what is ours with `Text`."""
    return _Terminal(stderr=stderr, markup=False, emoji=False)


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """A sentence, or lines, that may hold data."""
    with _to_its_reader(err=err):
        click.echo(harmless(text), err=err, nl=nl)


def say_json(raw: bytes | str, *, nl: bool = True) -> None:
    """One JSON value. What would do something on a terminal is escaped, which means the same to whoever parses it."""
    text = raw if isinstance(raw, str) else raw.decode()
    # Valid JSON has control characters only as blanks, and the others only within texts.
    with _to_its_reader(err=False):
        click.echo(_UNSAFE.sub(lambda found: "" if found[0] == "\r" else f"\\u{ord(found[0]):04x}", text), nl=nl)


@contextmanager
def _to_its_reader(*, err: bool) -> Iterator[None]:
    """`| head -1` has read enough: the command ends without a word, as by the signal, and no broker broke."""
    try:
        yield
    except BrokenPipeError:
        with suppress(OSError):  # what is still buffered goes nowhere, or the interpreter would complain at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if err else sys.stdout).fileno())
        raise click.exceptions.Exit(_NO_READER) from None


class _Terminal(Console):
    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(harmless(text), **how)  # before it is measured

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)
