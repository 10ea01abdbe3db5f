"""How often is a broker asked that has nothing new?"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any


def keep_pace(fetcher: Any, wait_s: float) -> None:
    """Let `fetcher`, of a consumer that has started, wait `wait_s` where it was told nothing.

    Not every broker waits by itself: the embedded one was asked 600 times a second, with half a core.
    """
    ask = fetcher._proc_fetch_request

    async def paced(*request: Any) -> bool:
        began_s = time.monotonic()
        found: bool = await ask(*request)
        left_s = began_s + wait_s - time.monotonic()
        if not found and left_s > 0.0:
            with contextlib.suppress(asyncio.CancelledError):  # as `ask` does: whoever closes awaits what it cancelled
                await asyncio.sleep(left_s)
        return found

    fetcher._proc_fetch_request = paced
