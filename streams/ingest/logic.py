"""How does a source run on the exactly-once runtime: which record becomes which events, and what is counted?"""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from streams.contracts.registry import Refusal, refusal
from streams.contracts.signals import DeadLetter
from streams.contracts.topics import FOREIGN
from streams.ingest.documents import Documents
from streams.ingest.mapping import Facts, Mapped, Mapper
from streams.ingest.paths import Chain, spelled, unused
from streams.metrics import INGEST_RECORDS, INGEST_UNMAPPED
from streams.ports import Unavailable
from streams.runtime.dead_letters import dead_letter
from streams.runtime.logic import Context, Emit, Incoming, Input, Record, Refused, Shown
from streams.runtime.refeed import Again, Translated

logger = logging.getLogger(__name__)

# Looking for unmapped fields walks a whole record: one in so many is enough to notice a new field within seconds.
_LOOK_EVERY: Final = 100
_MOST_REPORTED: Final = 200
_TELL_EVERY_S: Final = 60.0
_MOST_TOLD: Final = 8
# A field of ours, and where the file looks for it: what a refusal of the mapper begins with.
_FIELD: Final = re.compile(r"(?:element [0-9]+: )?([a-z_]{1,40}(?: from [^:\n]{1,120})?): ")


def group_of(app_id: str, source: str) -> str:
    """Consumer group of a source; its transactional ids begin with it."""
    return f"{app_id}.ingest.{source}"


class Reader:
    """From a record to its events, as `ingest run`, `check` and `refeed` all do it."""

    def __init__(self, documents: Documents, mapper: Mapper) -> None:
        self.source = mapper.source
        self._documents = documents
        self._mapper = mapper
        self._used = self.source.used()

    def read(self, facts: Facts, value: bytes | None) -> tuple[Any, list[Mapped] | Refusal]:
        """The document, None if there is none, and what became of it.

        Raises Unavailable. Whatever else goes wrong is a refusal: who writes to a foreign topic cannot stop a process.
        """
        try:
            return self._read(facts, value)
        except Unavailable:
            raise
        except Exception as error:
            return None, refusal("raised", f"the mapping raised {type(error).__name__} on this record")

    def _read(self, facts: Facts, value: bytes | None) -> tuple[Any, list[Mapped] | Refusal]:
        document = self._documents.read(value, facts.headers)
        if document is None:
            return None, []
        if isinstance(document, Refusal):
            return None, document
        return document, self._mapper.map(document, value or b"", facts)

    def translate(self, letter: DeadLetter, original: Again) -> Translated:
        """What an original that was set aside becomes now; see `streams.runtime.refeed`."""
        record = Record(
            letter.topic,
            letter.partition,
            letter.offset,
            original.timestamp_ms,
            original.key,
            original.value,
            original.headers,
        )
        _, mapped = self.read(_facts_of(record), record.value)
        if isinstance(mapped, Refusal):
            return Translated([dead_letter(record, Refused(*mapped))], refused=True)
        return Translated([_emit_of(each) for each in mapped], refused=False)

    def unmapped(self, document: Any) -> set[Chain]:
        """Fields of the document that no rule of the file looks at."""
        return unused(document, self._used)


def _facts_of(record: Record) -> Facts:
    return Facts(record.topic.removeprefix(FOREIGN), record.key, record.timestamp_ms, record.headers)


def _emit_of(mapped: Mapped) -> Emit:
    return Emit(mapped.topic, mapped.key, mapped.value, mapped.at_ms, headers=mapped.headers)


def _printable(name: str) -> str:
    """A foreign name for a line of the log, which it must not end or colour."""
    return "".join(each if each.isprintable() else "?" for each in name[:128])


class RefusalLog:
    """Says once a minute how many records became dead letters, by reason and field; the first at once.

    Args:
        seconds: a monotonic clock.
    """

    def __init__(self, name: str, seconds: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._seconds = seconds
        self._counts: Counter[str] = Counter()
        self._next_s = 0.0

    def note(self, refused: Refusal) -> None:
        """Count one; details name fields and paths of the file, never values."""
        field = _FIELD.match(refused.detail)
        self._counts[f"{refused.reason}, {field[1]}" if field else refused.reason] += 1

    def tell(self) -> None:
        """Write the line if it is due and there is anything to say."""
        if not self._counts or self._seconds() < self._next_s:
            return
        self._next_s = self._seconds() + _TELL_EVERY_S
        most = self._counts.most_common(_MOST_TOLD)
        listed = "; ".join(f"{count:,} x {what}" for what, count in most)
        rest = self._counts.total() - sum(count for _, count in most)
        logger.warning(
            "%s: %s dead letters: %s%s. `paywarden ingest check` shows such records; mend the file, then "
            "`paywarden ingest refeed`.",
            self._name, f"{self._counts.total():,}", listed, f"; {rest:,} others" if rest else "",
        )  # fmt: skip
        self._counts.clear()


class IngestLogic:
    """The ingest agent of one source; see `streams.runtime.logic.Logic` for what each method promises.

    It keeps no state: the position is all that a restart needs. Duplicates are the accounts agent's business, which
    knows an event by (topic, source, event_id).
    """

    name = "ingest"
    by_source = False

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._reported: set[Chain] = set()
        self._refusals = RefusalLog(reader.source.name)
        self.inputs = tuple(Input(FOREIGN + topic, keyed=False) for topic in reader.source.topics)

    def read(self, record: Record) -> Incoming | Refused:
        document, mapped = self._reader.read(_facts_of(record), record.value)
        if isinstance(mapped, Refusal):
            self._refusals.note(mapped)
            self._refusals.tell()
            return Refused(*mapped)
        if record.offset % _LOOK_EVERY == 0:
            self._refusals.tell()
        fresh = self._fresh(document) if document is not None and record.offset % _LOOK_EVERY == 0 else 0
        at_ms = max((each.at_ms for each in mapped), default=0)
        return Incoming((mapped, fresh), None, at_ms, moves_clock=False)

    def _fresh(self, document: Any) -> int:
        """How many unmapped fields are seen for the first time; each is logged once, its value never."""
        fresh = self._reader.unmapped(document) - self._reported if len(self._reported) < _MOST_REPORTED else set()
        for chain in sorted(fresh):
            self._reported.add(chain)
            logger.info("%s: no rule looks at %s", self._reader.source.name, _printable(spelled(chain)))
        return len(fresh)

    def new(self, key: bytes) -> None:
        return None

    def load(self, key: bytes, raw: bytes) -> None:
        return None

    def dump(self, state: None) -> bytes:
        return b""

    def new_shared(self) -> None:
        return None

    def load_shared(self, raw: bytes) -> None:
        return None

    def dump_shared(self, shared: None) -> bytes:
        return b""

    def due_ms(self, state: None) -> None:
        return None

    def forgets_ms(self, state: None) -> None:
        return None

    def prepare(
        self, state: None, incoming: Incoming, peek: Callable[[bytes], Any], late: bool, topic: str, shared: Any
    ) -> tuple[list[Mapped], int]:
        prepared: tuple[list[Mapped], int] = incoming.event
        return prepared

    def score(self, prepared: Sequence[Any]) -> Sequence[None]:
        return [None] * len(prepared)

    def decide(self, state: None, prepared: tuple[list[Mapped], int], score: None, context: Context) -> Iterable[Emit]:
        mapped, fresh = prepared
        context.count(INGEST_RECORDS, "written" if mapped else "skipped")
        if fresh:
            context.count(INGEST_UNMAPPED, by=fresh)
        return [_emit_of(each) for each in mapped]

    def sweep(self, state: None, event: Any, context: Context) -> None:
        return None

    def fire(self, key: bytes, state: None, due_ms: int, context: Context) -> Iterable[Emit]:
        return ()

    def advance(self, from_ms: int, to_ms: int, context: Context) -> Iterable[Emit]:
        return ()

    def gauges(self, shared: Any) -> Iterable[Shown]:
        return ()

    def told(self, clock_ms: int, context: Context) -> Iterable[Emit]:
        return ()
