"""How does a trained classifier become ONNX, and does the ONNX answer as the classifier does?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import numpy as np

from models.serving.model import OUTPUT

# What a reader may want to have at hand if it ever answers differently.
_LIBRARIES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")


def to_onnx(classifier: Any, width: int) -> bytes:
    """The fitted classifier as an ONNX network from (rows, width) float32 to (rows, 2) probabilities."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    with _whole_flags():
        network = convert_sklearn(
            classifier,
            initial_types=[("features", FloatTensorType([None, width]))],
            options={id(classifier): {"zipmap": False}},
            name="model",  # else a name by chance, and with it another checksum each time
            target_opset={"": 17, "ai.onnx.ml": 3},
        )
    # The class that the probabilities imply is nobody's question.
    kept = [output for output in network.graph.output if output.name == OUTPUT]
    del network.graph.output[:]
    network.graph.output.extend(kept)
    return bytes(network.SerializeToString())


@contextmanager
def _whole_flags() -> Iterator[None]:
    """skl2onnx 1.20 writes a flag of histogram boosting as a bool, where ONNX has whole numbers only."""
    from skl2onnx.common import tree_ensemble

    add_node = tree_ensemble.add_node

    def with_whole_flag(*given: Any, nodes_missing_value_tracks_true: Any = 0, **named: Any) -> None:
        add_node(*given, nodes_missing_value_tracks_true=int(nodes_missing_value_tracks_true), **named)

    tree_ensemble.add_node = with_whole_flag
    try:
        yield
    finally:
        tree_ensemble.add_node = add_node


def probabilities_of(onnx: bytes, rows: np.ndarray) -> np.ndarray:
    """What onnxruntime makes of float32 rows: the raw probabilities of fraud."""
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    found = session.run([OUTPUT], {session.get_inputs()[0].name: rows.astype(np.float32)})[0]
    return np.asarray(found[:, 1], dtype=np.float64)


def libraries() -> dict[str, str]:
    """Versions of everything that a model's bytes depend on."""
    return {name: version(name) for name in _LIBRARIES}
