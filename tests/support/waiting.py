"""How does a test wait for something without sleeping longer than it must?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def wait_until(condition: Callable[[], Any], what: str, within_s: float = 60.0, every_s: float = 0.05) -> Any:
    """Poll until `condition` is truthy and return it."""
    deadline = time.monotonic() + within_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(every_s)
