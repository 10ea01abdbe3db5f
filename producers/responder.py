"""How does the stand-in for the payment system answer on a cluster?"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from kafka import KafkaConsumer

from producers.answers import COMMANDS, DELAY_MS, replies
from producers.writer import KafkaWriter
from streams.contracts.topics import Naming, logical, physical

# Look, then pause: not every broker lets a fetch wait for data, and every transaction ends with a marker that would
# wake us anyway. A command is answered up to this much later.
_PAUSE_S: Final = 0.04
_POLL_MS: Final = 10


class Responder(threading.Thread):
    """Answers commands until `stop`; an error ends the thread and is raised by `stop`.

    Commands are read committed, and offsets are committed after the answers are safe: an answer may be sent twice after
    a crash, with the same id.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        prefix: Naming = "",
        security: Mapping[str, Any] | None = None,
        group_id: str = "paywarden-responder",
        delay_ms: int = DELAY_MS,
    ) -> None:
        super().__init__(name="responder", daemon=True)
        self.answered = 0
        self.answered_one = threading.Event()  # at least one answer is safe
        self._prefix = prefix
        self._delay_ms = delay_ms
        self._ending = threading.Event()
        self._error: Exception | None = None
        self._writer = KafkaWriter(bootstrap, prefix=prefix, security=security, linger_ms=0)
        self._consumer = KafkaConsumer(
            *(physical(prefix, name) for name in COMMANDS),
            bootstrap_servers=bootstrap.split(","),
            client_id="paywarden-responder",
            group_id=group_id,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **(security or {}),
        )

    def run(self) -> None:
        try:
            partitions = self._writer.partitions()
            while not self._ending.is_set():
                self._round(partitions)
        except Exception as error:  # the thread has no caller; `stop` hands it on
            self._error = error
        finally:
            self._consumer.close(autocommit=False)
            self._writer.close(flush=self._error is None)

    def stop(self, timeout_s: float = 10.0) -> int:
        """Ends the thread and returns how many records it wrote."""
        self._ending.set()
        self.join(timeout_s)
        if self._error is not None:
            raise self._error
        return self.answered

    def _round(self, partitions: int) -> None:
        polled = self._consumer.poll(timeout_ms=_POLL_MS)
        if not polled:
            self._ending.wait(_PAUSE_S)
            return
        for partition, records in polled.items():
            topic = logical(self._prefix, partition.topic)
            for record in records:
                for reply in replies(topic, record.value, self._delay_ms):
                    self._writer.send_keyed(reply, partitions)
                    self.answered += 1
        self._writer.flush()
        self._consumer.commit()
        if self.answered:
            self.answered_one.set()
