"""Which records does the core never see, and when are there so many of them that the worker must stop?"""

from __future__ import annotations

from collections.abc import Collection, Container

from streams.contracts.partitioning import partition_of
from streams.runtime.dead_letters import Counted, Limit
from streams.runtime.logic import Incoming, Record, Refused
from streams.runtime.options import PartitionOptions

WRONG_PARTITION = "wrong_partition"


class Screen:
    """Checks what only the runtime can know of a record: its time against the clocks, its place against its key."""

    def __init__(self, options: PartitionOptions, number: int, partitions: int, keyed: Collection[str]) -> None:
        self._options = options
        self._number = number
        self._partitions = partitions
        self._keyed = keyed
        self._dead_letters = Limit(options.dead_letter_share, options.dead_letter_window)
        self._strays = Limit(options.stray_share, options.stray_window)

    def read(self, record: Record, result: Incoming | Refused) -> Incoming | Refused:
        """What a record is taken for when it is read, before any order or clock believes the time that it tells."""
        if type(result) is Incoming and result.at_ms > record.timestamp_ms + self._options.future_ms:
            return Refused("future", f"event time {result.at_ms} is ahead of record time {record.timestamp_ms}")
        return result

    def refusal(
        self, record: Record, result: Incoming | Refused, now_ms: int, known: Container[bytes | None]
    ) -> Refused | None:
        """Why this record is a dead letter, or None."""
        if type(result) is Refused:
            return result
        assert type(result) is Incoming
        if self._options.clock == "live" and result.at_ms > now_ms + self._options.future_ms:
            return Refused("future", f"event time {result.at_ms} is ahead of its arrival")
        if (
            result.event is not None
            and record.topic in self._keyed
            and record.key is not None
            and result.key not in known  # a known key was checked when it came first
            and partition_of(record.key, self._partitions) != self._number
        ):
            return Refused(WRONG_PARTITION, "the murmur2 hash of the key names another partition")
        return None

    def count(self, seen: int, refused: int, strays: int) -> None:
        """Of the last `seen` records so many count as dead letters, and so many lay on a wrong partition."""
        self._dead_letters.count(seen, refused)
        self._strays.count(seen, strays)

    def mark(self) -> tuple[Counted, Counted]:
        """What was counted so far, for `roll_back`."""
        return self._dead_letters.counted, self._strays.counted

    def roll_back(self, mark: tuple[Counted, Counted]) -> None:
        """What is handled again is counted again."""
        self._dead_letters.counted, self._strays.counted = mark

    def stop_sentence(self, who: str) -> str | None:
        """Why the worker must stop after its commit, or None; `who` names the partition."""
        options = self._options
        if self._strays.exceeded:
            return (
                f"{who}: more than {options.stray_share:.0%} of the last records lie on another partition than the "
                "murmur2 hash of their key: a producer uses another partitioner. Set partitioner=murmur2_random "
                "(librdkafka) or the Java-compatible hash partitioner (Sarama) there, then feed the dead letters again "
                "with `paywarden dead-letters replay`."
            )
        if self._dead_letters.exceeded:
            return (
                f"{who}: more than {options.dead_letter_share:.0%} of the last records, at most "
                f"{options.dead_letter_window}, could not be handled, which is a deployment mistake and not bad data. "
                "Look at `paywarden dead-letters list`, mend the producer or deploy the matching release, then feed "
                f"them again with `{options.feed_again}`."
            )
        return None
