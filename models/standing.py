"""How did a model come through the gate? Beside its manifest, for people and for `paywarden models list`.

Nothing is decided by it: whoever promotes a model has it compared again.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

GATE_FILE = "gate.json"


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What one of the two made of the payments that were compared."""

    model: str
    average_precision: float
    card_precision_100: float
    brier: float
    alert_share: float
    parity_difference: float


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate and the champion of then on the same payments, which neither had seen."""

    standing: Literal["candidate"] = "candidate"
    since: datetime
    until: datetime
    payments: int
    frauds: int
    champion: Judged
    candidate: Judged


_decode = msgspec.json.Decoder(Gate).decode


def gate_of(folder: Path) -> Gate | None:
    """How the model in `folder` came through the gate; None if it never did or nobody can read how."""
    try:
        return _decode((folder / GATE_FILE).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
