"""Where and when is an entity observed, and what may the detectors answer with?"""

from __future__ import annotations

import msgspec

from streams.contracts.actions import ActionRequested
from streams.contracts.cases import ActionRejected, CaseVersion, NotificationRequested, RemarkRecorded
from streams.contracts.signals import EntityRisk
from streams.core.cases.shelf import SnapshotDropped
from streams.core.ids import digest
from streams.core.messages.render import MESSAGES, Messages

EntityEffect = (
    EntityRisk
    | CaseVersion
    | ActionRequested
    | ActionRejected
    | RemarkRecorded
    | NotificationRequested
    | SnapshotDropped
)


class EntityContext(msgspec.Struct, frozen=True, gc=False):
    """Everything that is neither the entity's state nor the signal."""

    partition: int
    partitions: int
    now_ms: int  # only for the age of effects
    barrier_s: int | None = None  # replay in steps: values take effect at the next multiple of this
    messages: Messages = MESSAGES

    def effective_ms(self, at_ms: int) -> int:
        """From when on decisions may use what was learnt at `at_ms`.

        In steps, everything learnt within a step takes effect together when the next one begins. How fast the agents
        run against each other then changes nothing.
        """
        if self.barrier_s is None:
            return at_ms
        step_ms = self.barrier_s * 1000
        return (at_ms // step_ms + 1) * step_ms


def reference(kind: str, value: str) -> str:
    """kind/value, or kind/hash where that would be longer than an id on the wire may be."""
    text = f"{kind}/{value}"
    return text if len(text) <= 128 else f"{kind}/{digest(value)}"
