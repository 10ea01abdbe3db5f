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
    from onnx import TensorProto, helper
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    with _whole_flags():
        network = convert_sklearn(
            classifier,
            initial_types=[("features", FloatTensorType([None, width]))],
            name="model",  # else a name by chance, and with it another checksum each time
            target_opset={"": 17, "ai.onnx.ml": 3},
        )
    # The last node makes a dictionary of each row, and the implied class is nobody's question. An option would leave
    # them out too, but looks at every tree for a minute.
    graph = network.graph
    (as_dictionaries,) = (node for node in graph.node if node.op_type == "ZipMap")
    graph.node.remove(as_dictionaries)
    probabilities = as_dictionaries.input[0]
    for node in graph.node:
        node.output[:] = [OUTPUT if name == probabilities else name for name in node.output]
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 2]))
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
