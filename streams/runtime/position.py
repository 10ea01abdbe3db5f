"""What does a partition write beside its states, so that the next owner knows where it stands?"""

from __future__ import annotations

import msgspec

from streams.runtime.states import FORMAT, StateFromTheFuture

POSITION_KEY = b"\x00position"  # keys of states never begin with NUL
SHARED_KEY = b"\x00shared"
UNFINISHED_KEY = b"\x00unfinished"  # somebody makes the state that belongs here, and is not done
UNFINISHED = b"\x01"


class ForeignPartitionCount(Exception):
    """The position was written when the inputs had another number of partitions.

    Operator action: restore the old partition count, or run `paywarden state rebuild`, which replays the inputs.
    """


class Position(msgspec.Struct, array_like=True):
    """Where a partition stands; committed with every group. Fields are only ever appended."""

    format: int
    partitions: int
    clock_ms: int
    sequence: int
    offsets: dict[str, int]  # last offset handled of each input
    feeds: dict[str, int]
    high: int = -1
    frontier_ms: int = 0
    clocks: tuple[int, ...] = ()


encode_position = msgspec.msgpack.Encoder().encode
_decode_position = msgspec.msgpack.Decoder(Position).decode


def read_position(raw: bytes) -> Position:
    """Decode a position row; raises `StateFromTheFuture` for a newer format."""
    position = _decode_position(raw)
    if position.format > FORMAT:
        raise StateFromTheFuture(f"position has format {position.format}, this release reads up to {FORMAT}")
    return position
