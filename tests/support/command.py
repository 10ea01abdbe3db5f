"""What does a command of `paywarden` print, and how does it end?"""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import NamedTuple

import pytest

from streams.cli.main import main


class Ended(NamedTuple):
    """One run of the command line in this process."""

    exit_code: int
    stdout: str
    stderr: str


def paywarden(*arguments: str) -> Ended:
    """Runs `paywarden ARGUMENTS`, errors included as a user sees them."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(arguments)
    return Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())
