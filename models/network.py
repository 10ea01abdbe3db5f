"""Of what does a network consist? Asked before anything runs it: some never end, and some read other files.

ONNX has loops, subgraphs, functions and weights that lie beside the file, where no checksum covers them. None of the
families that are trained here needs any of it. This walks over the wire format (protobuf), because a worker has
onnxruntime and not the library that writes networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

# Operators of every family in models.training.families; each answers a row from the row, in a time that is bounded.
OPERATORS: Final = frozenset({"Cast", "LinearClassifier", "Normalizer", "Scaler", "TreeEnsembleClassifier"})

# Numbers of fields in onnx.proto3 (ONNX 1.18, IR version 11).
_GRAPH, _TRAINING, _FUNCTIONS = 7, 20, 25  # of a ModelProto
_NODE, _INITIALIZER, _SPARSE_INITIALIZER = 1, 5, 15  # of a GraphProto
_OP_TYPE, _ATTRIBUTE = 4, 5  # of a NodeProto
_TENSOR, _SUBGRAPH, _TENSORS, _SUBGRAPHS, _SPARSE_TENSOR, _SPARSE_TENSORS = 5, 6, 10, 11, 22, 23  # of an AttributeProto

# Wire types of protobuf, and how many bytes those of a fixed length have.
_VARINT, _BYTES = 0, 2
_FIXED: Final = {1: 8, 5: 4}


def network_problem(onnx: bytes) -> str | None:
    """Why this network is none that training here could have made; None if it may be loaded. Never raises."""
    try:
        for number, part in _parts(memoryview(onnx)):
            if number in (_TRAINING, _FUNCTIONS):
                return "it brings functions of its own"
            if number == _GRAPH and (problem := _graph_problem(part)) is not None:
                return problem
    except (IndexError, ValueError):
        return "it is no network"
    return None


def _graph_problem(graph: memoryview) -> str | None:
    for number, part in _parts(graph):
        if number in (_INITIALIZER, _SPARSE_INITIALIZER):
            return "it has weights outside of its operators"
        if number == _NODE and (problem := _node_problem(part)) is not None:
            return problem
    return None


def _node_problem(node: memoryview) -> str | None:
    for number, part in _parts(node):
        if number == _OP_TYPE and (name := bytes(part).decode()) not in OPERATORS:
            return f"it uses the operator {name[:40]!r}"
        if number == _ATTRIBUTE:
            for kind, _ in _parts(part):
                if kind in (_TENSOR, _TENSORS, _SPARSE_TENSOR, _SPARSE_TENSORS):
                    return "it has weights outside of its operators"
                if kind in (_SUBGRAPH, _SUBGRAPHS):
                    return "it has a network within the network"
    return None


def _parts(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of every field that holds bytes: texts, messages. Raises ValueError or IndexError."""
    at, end = 0, len(message)
    while at < end:
        tag = message[at]
        at += 1
        if tag > 127:
            tag, at = _varint(message, at - 1)
        wire = tag & 7
        if wire in _FIXED:
            at += _FIXED[wire]
        elif wire == _VARINT:
            while message[at] > 127:
                at += 1
            at += 1
        elif wire == _BYTES:
            size, at = _varint(message, at)
            yield tag >> 3, message[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {wire}")
    if at != end:
        raise ValueError("it ends within a field")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, and where the next field begins."""
    value = shift = 0
    while message[at] > 127:
        value |= (message[at] & 127) << shift
        shift, at = shift + 7, at + 1
    return value | message[at] << shift, at + 1
