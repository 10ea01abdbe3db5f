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
from streams.contracts.base import to_ms
from streams.contracts.payments import Movement
from streams.core.features import FEATURE_NAMES, FEATURE_SET
from streams.core.score import ScoreUnavailable
from streams.core.steps import Prepared

UNKNOWN, LEGIT, FRAUD = -1, 0, 1
# The columns beside the matrix, and of which kinds numpy may say they are.
_COLUMNS = {"subjects": "U", "accounts": "iu", "at_ms": "iu", "verdicts": "iu", "known_ms": "iu"}
_NOT_YET = np.iinfo(np.int64).max


class HistoryError(Exception):
    """A stored history cannot be used: the message says why and what to do."""


@dataclass(frozen=True)
class History:
    """One row per scored movement, in order of time."""

    matrix: np.ndarray  # float32, (rows, features)
    names: tuple[str, ...]
    subjects: np.ndarray  # the movements' ids, text
    accounts: np.ndarray  # whole numbers that stand for accounts
    at_ms: np.ndarray
    verdicts: np.ndarray  # UNKNOWN, LEGIT or FRAUD
    known_ms: np.ndarray  # when the verdict arrived

    def columns(self, names: Sequence[str]) -> np.ndarray:
        """The columns of these features, in this order."""
        at = {name: index for index, name in enumerate(self.names)}
        return self.matrix[:, [at[name] for name in names]]

    def digest(self) -> str:
        """SHA-256 over features, times and verdicts."""
        found = hashlib.sha256(",".join(self.names).encode())
        for part in (self.matrix, self.at_ms, self.verdicts, self.known_ms):
            found.update(np.ascontiguousarray(part).tobytes())
        return found.hexdigest()

    def save(self, path: Path) -> None:
        """Writes the history, with the feature set that it was made by."""
        np.savez_compressed(
            path,
            matrix=self.matrix,
            names=np.array(self.names),
            subjects=self.subjects,
            accounts=self.accounts,
            at_ms=self.at_ms,
            verdicts=self.verdicts,
            known_ms=self.known_ms,
            feature_set=np.array(FEATURE_SET),
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
            names = tuple(map(str, stored["names"]))
            found = {name: stored[name] for name in ("matrix", *_COLUMNS)}
    except OSError as error:
        raise HistoryError(f"{path} cannot be read ({error.strerror or error}); {again}.") from None
    except (ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        # Never numpy's own words: they advise to read pickles, which run whatever somebody put into them.
        raise HistoryError(f"{path} is not a history, or a damaged one; {again}.") from None
    rows = len(found["at_ms"]) if found["at_ms"].ndim else 0
    if names != FEATURE_NAMES or found["matrix"].shape != (rows, len(names)):
        shape = " x ".join(map(str, found["matrix"].shape))
        raise HistoryError(
            f"{path} is damaged: it has {shape} values for {rows} movements and {len(names)} features; {again}."
        )
    for name, kinds in _COLUMNS.items():
        if found[name].shape != (rows,) or found[name].dtype.kind not in kinds:
            raise HistoryError(f"{path} is damaged: its column {name} does not belong to {rows} movements; {again}.")
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
        self._verdicts: dict[str, tuple[int, int]] = {}

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
        if rows:
            self._chunks.append(np.array(rows, dtype=np.float32))
        return [_RECORDED] * len(batch)

    def learnt(self, label: LabelRecorded) -> None:
        """Notes a verdict when it arrives; a later one about the same movement corrects it."""
        self._verdicts[label.subject_id] = (FRAUD if label.verdict == "fraud" else LEGIT, to_ms(label.occurred_at))

    def history(self) -> History:
        """Everything noted, in order of time and then of arrival; call it once, it gives up what it had."""
        at_ms = np.array(self._at_ms, dtype=np.int64)
        order = np.argsort(at_ms, kind="stable")
        found = [self._verdicts.get(subject, (UNKNOWN, _NOT_YET)) for subject in self._subjects]
        verdicts = np.array([verdict for verdict, _ in found], dtype=np.int8)
        known_ms = np.array([known for _, known in found], dtype=np.int64)
        return History(
            self._ordered(order),
            FEATURE_NAMES,
            np.array(self._subjects, dtype=np.str_)[order],
            np.array(self._account, dtype=np.int64)[order],
            at_ms[order],
            verdicts[order],
            known_ms[order],
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
