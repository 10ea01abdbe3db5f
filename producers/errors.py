"""What can be wrong with what a producer was given?"""

from __future__ import annotations

from pathlib import Path


class BadInput(ValueError):
    """A file or parameter that cannot be used; the message is one sentence with the place and the way out."""


def bad_line(path: Path, line: int, problem: str, remedy: str) -> BadInput:
    """A refusal of one line of a file."""
    return BadInput(f"{path}, line {line}: {problem}; {remedy}.")
