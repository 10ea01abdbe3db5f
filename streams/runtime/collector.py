"""How often may Python look for garbage cycles in a process that holds a hundred thousand states?"""

from __future__ import annotations

import gc

# Events, effects and states hold no cycles: reference counts free them, and only clients and tracebacks leave a few.
# By default Python looks after every 700 new containers, and a batch of records is thousands: with 5,000 accounts that
# was a quarter of all CPU time, and each full look at every list of every state is a pause that latency pays for.
_YOUNG = 50_000
_MIDDLE = 20
_OLD = 100  # a full look, at most once in a hundred million new containers


def look_rarely() -> None:
    """Call once when the process begins its work."""
    gc.collect()
    gc.freeze()  # modules and models live for ever
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
