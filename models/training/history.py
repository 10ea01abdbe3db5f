"""What did the stream know about each payment when it was decided, and what turned out later?

The matrix is written by the agents themselves: a `Recorder` takes the place of the model and notes every feature
vector that the pipeline would have had scored. There is no second implementation of any feature.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from streams.contracts.accounts import LabelRecorded
from streams.contracts.base import Event, to_ms
from streams.contracts.payments import Movement
from streams.contracts.registry import Refusal
from streams.core.features import FEATURE_NAMES, FEATURE_SET
from streams.core.score import ScoreUnavailable
from streams.core.steps import Prepared

FORMAT = 2  # of the file; the first one held the last verdict about a movement only
UNKNOWN, LEGIT, FRAUD = -1, 0, 1
# The columns of movements and of verdicts, and of which kinds numpy may say they are.
_MOVEMENTS = {"subjects": "U", "accounts": "iu", "at_ms": "iu", "seen_ms": "iu"}
_VERDICTS = {"labelled": "iu", "verdicts": "iu", "known_ms": "iu"}


class HistoryError(Exception):
    """A stored history cannot be used: the message says why and what to do."""


@dataclass(frozen=True)
class History:
    """One row per scored movement, in order of time; and every verdict about them, in order of arrival.

    A verdict that says what was known already is left out; one that differs from the one before corrects it.
    """

    matrix: np.ndarray  # float32, (rows, features)
    names: tuple[str, ...]
    subjects: np.ndarray  # the movements' ids, text
    accounts: np.ndarray  # whole numbers that stand for accounts
    at_ms: np.ndarray
    seen_ms: np.ndarray  # when the movement arrived; later than `at_ms` if it came late
    labelled: np.ndarray  # per verdict the row that it is about
    verdicts: np.ndarray  # LEGIT or FRAUD
    known_ms: np.ndarray  # when the verdict arrived, whatever date the label bears

    def columns(self, names: Sequence[str]) -> np.ndarray:
        """The columns of these features, in this order."""
        at = {name: index for index, name in enumerate(self.names)}
        return self.matrix[:, [at[name] for name in names]]

    def verdicts_at(self, at_ms: int) -> np.ndarray:
        """Per movement what was known just before `at_ms`: UNKNOWN, LEGIT or FRAUD."""
        found = np.full(len(self.at_ms), UNKNOWN, dtype=np.int8)
        arrived = self.known_ms < at_ms
        found[self.labelled[arrived]] = self.verdicts[arrived]  # of several about one row the last one stays
        return found

    def newest_ms(self, before_ms: int) -> int:
        """When the last movement or verdict before `before_ms` arrived; -1 without any."""
        return max(int(part[part < before_ms].max(initial=-1)) for part in (self.seen_ms, self.known_ms))

    def until(self, until_ms: int) -> History:
        """What had arrived before `until_ms`: the history that would be here if nothing had come after."""
        seen = self.seen_ms < until_ms
        count = int(seen.sum())
        rows = slice(count) if seen[:count].all() else seen  # the whole matrix is copied only for what came late
        arrived = (self.known_ms < until_ms) & seen[self.labelled]
        return History(
            self.matrix[rows],
            self.names,
            self.subjects[rows],
            self.accounts[rows],
            self.at_ms[rows],
            self.seen_ms[rows],
            (np.cumsum(seen) - 1)[self.labelled[arrived]],
            self.verdicts[arrived],
            self.known_ms[arrived],
        )

    def digest(self) -> str:
        """SHA-256 over features, times and verdicts."""
        found = hashlib.sha256(",".join(self.names).encode())
        for part in (self.matrix, self.at_ms, self.seen_ms, self.labelled, self.verdicts, self.known_ms):
            found.update(np.ascontiguousarray(part).tobytes())
        return found.hexdigest()

    def save(self, path: Path) -> None:
        """Writes the history, with the feature set that it was made by."""
        np.savez_compressed(
            path,
            matrix=self.matrix,
            names=np.array(self.names),
            feature_set=np.array(FEATURE_SET),
            format=np.array(FORMAT),
            **{name: getattr(self, name) for name in (*_MOVEMENTS, *_VERDICTS)},
        )


def load_history(path: Path) -> History:
    """Reads what `save` wrote. Raises HistoryError: unreadable, damaged, or of other features than this release has."""
    again = "name what `paywarden features` wrote, or run it again"
    try:
        if not zipfile.is_zipfile(path):
            problem = "is not a history" if path.exists() else "does not exist"
            raise HistoryError(f"{path} {problem}, or is cut off; {again}.")
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["feature_set"]) != FEATURE_SET:
                raise HistoryError(f"{path} was made by a release with other features; run `paywarden features` again.")
            if "format" not in stored or int(stored["format"]) != FORMAT:
                raise HistoryError(
                    f"{path} was made by a release that kept verdicts otherwise; run `paywarden features` again."
                )
            names = tuple(map(str, stored["names"]))
            found = {name: stored[name] for name in ("matrix", *_MOVEMENTS, *_VERDICTS)}
    except OSError as error:
        raise HistoryError(f"{path} cannot be read ({error.strerror or error}); {again}.") from None
    except (TypeError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        # Never numpy's own words: they advise to read pickles, which run whatever somebody put into them.
        raise HistoryError(f"{path} is not a history, or a damaged one; {again}.") from None
    rows = len(found["at_ms"]) if found["at_ms"].ndim else 0
    if names != FEATURE_NAMES or found["matrix"].shape != (rows, len(names)):
        shape = " x ".join(map(str, found["matrix"].shape))
        raise HistoryError(
            f"{path} is damaged: it has {shape} values for {rows} movements and {len(names)} features; {again}."
        )
    labels = found["verdicts"].size
    for columns, length, what in ((_MOVEMENTS, rows, "movements"), (_VERDICTS, labels, "verdicts")):
        for name, kinds in columns.items():
            if found[name].shape != (length,) or found[name].dtype.kind not in kinds:
                raise HistoryError(f"{path} is damaged: its column {name} does not belong to {length} {what}; {again}.")
    if labels and not (found["labelled"].min() >= 0 and found["labelled"].max() < rows):
        raise HistoryError(f"{path} is damaged: it has verdicts about movements that are not in it; {again}.")
    if not np.isin(found["verdicts"], (LEGIT, FRAUD)).all() or (np.diff(found["known_ms"]) < 0).any():
        raise HistoryError(f"{path} is damaged: its verdicts are neither 0 nor 1, or out of order; {again}.")
    return History(names=names, **found)


class Recorder:
    """Takes the place of the model: notes what it is asked about and answers nothing."""

    model_id = "recorder"

    def __init__(self, subjects: frozenset[str]) -> None:
        self._wanted = subjects
        self._chunks: list[np.ndarray] = []
        self._subjects: list[str] = []
        self._accounts: dict[str, int] = {}
        self._account = array("q")
        self._at_ms = array("q")
        self._seen_ms = array("q")
        self._late: dict[str, int] = {}  # event id -> when it arrived, of events that came later than they happened
        self._heard: set[str] = set()  # event ids of labels
        self._verdicts: dict[str, tuple[tuple[int, int], ...]] = {}  # movement -> its verdicts and their arrival

    def score(self, batch: Sequence[Prepared]) -> Sequence[ScoreUnavailable]:
        """Notes the movements of the batch."""
        rows = []
        for each in batch:
            event = each.event
            if each.subject in self._wanted and each.features is not None and isinstance(event, Movement):
                rows.append(msgspec.structs.astuple(each.features))
                self._subjects.append(event.payment_id)
                self._account.append(self._accounts.setdefault(event.account_id, len(self._accounts)))
                self._at_ms.append(each.at_ms)
                self._seen_ms.append(self._late.pop(event.event_id, each.at_ms))
        if rows:
            self._chunks.append(np.array(rows, dtype=np.float32))
        return [_RECORDED] * len(batch)

    def arrived(self, event: Event | Refusal, record_ms: int) -> None:
        """Notes when an event reached the stream, before it is handled: the time of its record, never the event's.

        A verdict counts from then on, and a later one about the same movement corrects it from its own arrival on.
        """
        if isinstance(event, LabelRecorded):
            if event.event_id in self._heard:
                return  # told twice: it does not correct what corrected it
            self._heard.add(event.event_id)
            verdict = FRAUD if event.verdict == "fraud" else LEGIT
            before = self._verdicts.get(event.subject_id, ())
            if not before or before[-1][0] != verdict:
                self._verdicts[event.subject_id] = (*before, (verdict, record_ms))
        elif isinstance(event, Movement) and record_ms > to_ms(event.occurred_at):
            self._late.setdefault(event.event_id, record_ms)

    def settled(self) -> None:
        """Everything that arrived so far was handled."""
        self._late.clear()

    def history(self) -> History:
        """Everything noted, in order of time and then of arrival; call it once, it gives up what it had."""
        at_ms = np.array(self._at_ms, dtype=np.int64)
        order = np.argsort(at_ms, kind="stable")
        labelled, verdicts, known_ms = array("q"), array("b"), array("q")
        for row, index in enumerate(order.tolist()):
            for verdict, record_ms in self._verdicts.get(self._subjects[index], ()):
                labelled.append(row)
                verdicts.append(verdict)
                known_ms.append(record_ms)
        arrival = np.argsort(np.array(known_ms, dtype=np.int64), kind="stable")
        return History(
            self._ordered(order),
            FEATURE_NAMES,
            np.array(self._subjects, dtype=np.str_)[order],
            np.array(self._account, dtype=np.int64)[order],
            at_ms[order],
            np.array(self._seen_ms, dtype=np.int64)[order],
            np.array(labelled, dtype=np.int64)[arrival],
            np.array(verdicts, dtype=np.int8)[arrival],
            np.array(known_ms, dtype=np.int64)[arrival],
        )

    def _ordered(self, order: np.ndarray) -> np.ndarray:
        """The noted vectors in this order; each chunk is given up as it is copied, so all are in memory once."""
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        matrix = np.empty((len(order), len(FEATURE_NAMES)), np.float32)
        end = len(order)
        while self._chunks:
            chunk = self._chunks.pop()
            matrix[place[end - len(chunk) : end]] = chunk
            end -= len(chunk)
        return matrix


_RECORDED = ScoreUnavailable("no_model")
