"""How likely is fraud, for a batch of feature vectors, according to one model?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.artifact import Artifact, Manifest, ModelError, read_artifact

if TYPE_CHECKING:
    import numpy as np

    from streams.core.features import Features

# The trainer's probabilities and ours may differ by this much: float32 inside ONNX, float64 in scikit-learn.
PARITY = 1e-5
OUTPUT = "probabilities"


class Model:
    """A loaded model that has shown that it answers as it did where it was trained. One batch is one call."""

    def __init__(self, artifact: Artifact, folder: Path) -> None:
        """Raises ModelError: onnxruntime is missing, cannot load the file, or answers otherwise than the trainer."""
        try:
            import numpy
            import onnxruntime
        except ImportError as error:
            # A broken installation of numpy raises without a name.
            problem = f"{error.name} is not installed" if error.name else f"its libraries do not load ({error})"
            raise ModelError("missing", folder, problem, "install the extra: pip install 'paywarden[serve]'") from None
        self.manifest: Manifest = artifact.manifest
        self._numpy = numpy
        options = onnxruntime.SessionOptions()
        # A batch is small and the worker's other threads have work: one thread, no spinning.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(artifact.onnx, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # whatever a parser of a foreign file may raise; the checksum says whose file it is
            problem = f"onnxruntime cannot load it ({str(error).splitlines()[0][:120]})"
            raise ModelError("corrupt", folder, problem, "write it with a version that this release reads") from None
        self._input = self._session.get_inputs()[0].name
        raw, calibrated = zip(*self.manifest.calibration, strict=True) if self.manifest.calibration else ((), ())
        self._raw, self._calibrated = numpy.array(raw), numpy.array(calibrated)
        self.row: Callable[[Features], tuple[float, ...]] = attrgetter(*self.manifest.features)
        self._check(artifact, folder)

    def _check(self, artifact: Artifact, folder: Path) -> None:
        parity = artifact.parity
        width = self._session.get_inputs()[0].shape[-1]
        if width != len(self.manifest.features):
            problem = f"the network reads {width} columns and the manifest names {len(self.manifest.features)}"
            raise ModelError("wrong_features", folder, problem, "train the model again")
        try:
            found = self.raw(parity.rows)
            worst = float(self._numpy.abs(found - self._numpy.array(parity.probabilities)).max(initial=0.0))
        except Exception as error:
            problem = f"it fails on its own parity rows ({str(error).splitlines()[0][:120]})"
            raise ModelError("corrupt", folder, problem, "train the model again") from None
        if not worst <= PARITY:  # not a number is no parity either
            problem = f"it answers otherwise than its trainer, by {worst:.1e}"
            raise ModelError("corrupt", folder, problem, "train the model again with these libraries")

    def raw(self, rows: Sequence[tuple[float, ...]], options: Any = None) -> np.ndarray:
        """The probabilities as the trainer's model gives them, before calibration; shape (rows,)."""
        matrix = self._numpy.asarray(rows, dtype=self._numpy.float32)
        found = self._session.run([OUTPUT], {self._input: matrix}, options)[0]
        return found[:, 1].astype(self._numpy.float64)  # type: ignore[no-any-return]

    def score(self, rows: Sequence[tuple[float, ...]], options: Any = None) -> list[float]:
        """Calibrated probabilities, rounded to 6 decimals: batch size changes the bits behind them."""
        found = self.raw(rows, options)
        if self._raw.size:
            found = self._numpy.interp(found, self._raw, self._calibrated)
        scores: list[float] = found.round(6).tolist()
        if not all(map(math.isfinite, scores)):
            raise ValueError("the model answered with something that is no number")
        return scores


def load_model(folder: Path) -> Model:
    """The model in `folder`, checked; raises ModelError, whatever is wrong with it."""
    try:
        return Model(read_artifact(folder), folder)
    except ModelError:
        raise
    except Exception as error:  # a file from elsewhere must not be a worker's end in a way that nobody thought of
        problem = f"it cannot be used ({type(error).__name__}: {(str(error).splitlines() or [''])[0][:120]})"
        raise ModelError("corrupt", folder, problem, "train the model again with this release") from error
