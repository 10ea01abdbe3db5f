"""What does the engine need from outside: time, scores, schemas, and a place to count?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from streams.core.score import Score, ScoreUnavailable
from streams.metrics import Counter, Gauge, Histogram

PreparedT = TypeVar("PreparedT", contravariant=True)


class Clock(Protocol):
    """The only way to ask what time it is. Tests own one that is moved by hand."""

    def now_ms(self) -> int:
        """Wall clock, milliseconds since 1970-01-01T00:00:00Z."""

    def monotonic_s(self) -> float:
        """Seconds that never run backwards, for durations and deadlines."""


class Scorer(Protocol[PreparedT]):
    """The only step that knows a model."""

    model_id: str

    def score(self, batch: Sequence[PreparedT]) -> Sequence[Score | ScoreUnavailable]:
        """One answer per prepared event, in the same order. Never raises: a model that fails is `ScoreUnavailable`."""


class Place(NamedTuple):
    """Where an address is, as far as is known."""

    country: str | None = None  # ISO 3166-1 alpha-2
    asn: int | None = None


NOWHERE = Place()


class Places(Protocol):
    """Where addresses are. The same answer for the same address as long as a process lives."""

    def __call__(self, ip: str, /) -> Place: ...


class Schema(NamedTuple):
    """One schema of a registry. Of Protobuf `text` is the base64 of its FileDescriptorProto."""

    text: str
    references: tuple[Schema, ...] = ()  # what it imports, before those that import it
    name: str = ""  # under which it is imported


class Unavailable(Exception):
    """Infrastructure that a record needs does not answer: the process ends and the record waits."""


class Schemas(Protocol):
    """Where the schemas of Avro and Protobuf records come from."""

    def get(self, schema_id: int, *, serialized: bool) -> Schema | None:
        """None if there is no such id. Raises Unavailable."""


class Metrics(Protocol):
    """Where the catalogue of `streams.metrics` is recorded. Labels are positional, in the order of the metric's row.

    Callers count after commit and once per group, with an amount: nothing here may cost more than a dictionary update.
    """

    def add(self, metric: Counter, amount: float = 1, /, *labels: str) -> None: ...

    def set(self, metric: Gauge, value: float, /, *labels: str) -> None: ...

    def observe(self, metric: Histogram, value: float, /, *labels: str, count: int = 1) -> None:
        """Record `value`, `count` times over."""

    def forget(self, metric: Gauge, /, *labels: str) -> None:
        """Drop a series, for example of a partition that went to another worker."""
