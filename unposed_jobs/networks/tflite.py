"""Reads a TFLite file into a small graph: constants as arrays, operators by name.

Half-precision weights lie behind DEQUANTIZE and sparse ones behind DENSIFY in BlazePose's files;
both are worked out while reading, so that the graph holds computing operators alone.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.networks.tflite_schema import schema

Array = npt.NDArray[Any]

_TYPES: dict[int, np.dtype[Any]] = {
    schema.TensorType.FLOAT32: np.dtype("<f4"),
    schema.TensorType.FLOAT16: np.dtype("<f2"),
    schema.TensorType.INT32: np.dtype("<i4"),
    schema.TensorType.INT64: np.dtype("<i8"),
    schema.TensorType.UINT8: np.dtype("u1"),
    schema.TensorType.INT8: np.dtype("i1"),
}
_OPERATORS = {
    code: name
    for name, code in vars(schema.BuiltinOperator).items()
    if not name.startswith("_") and isinstance(code, int)
}


@dataclass(frozen=True)
class Operator:
    """One step: `kind` as TFLite names it; tensors by number, -1 for an input not given."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """A network. Shapes are NHWC as the file has them; `operators` are in running order."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shapes: dict[int, tuple[int, ...]]
    constants: dict[int, Array]
    operators: tuple[Operator, ...]


def read(model: bytes) -> Graph:
    """Read a TFLite model's only subgraph.

    Raises ValueError where `model` is no TFLite file, or has a tensor type or a sparsity that no
    BlazePose file has.
    """
    if model[4:8] != b"TFL3":
        raise ValueError("not a TFLite model")
    try:
        parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))
    except (struct.error, IndexError, TypeError) as error:
        raise ValueError(f"damaged TFLite model: {error}") from None
    graph = parsed.subgraphs[0]
    constants = {
        number: array
        for number, tensor in enumerate(graph.tensors)
        if (array := _constant(tensor, parsed.buffers[tensor.buffer].data)) is not None
    }
    operators = []
    for raw in graph.operators:
        operator = _operator(raw, parsed.operatorCodes)
        if operator.kind in {"DEQUANTIZE", "DENSIFY"} and operator.inputs[0] in constants:
            constants[operator.outputs[0]] = constants[operator.inputs[0]]
        else:
            operators.append(operator)
    shapes = {n: tuple(map(int, tensor.shape)) for n, tensor in enumerate(graph.tensors)}
    return _tidy(
        Graph(
            tuple(map(int, graph.inputs)),
            tuple(map(int, graph.outputs)),
            shapes,
            constants,
            tuple(operators),
        )
    )


def prune(graph: Graph, outputs: Sequence[int]) -> Graph:
    """Keep the outputs at these positions, in this order, and what they need.

    An operator that only another output needs, such as a segmentation head, is never run.

    Raises ValueError where there is no such output.
    """
    if max(outputs) >= len(graph.outputs):
        raise ValueError(f"{len(graph.outputs)} outputs where {max(outputs) + 1} are needed")
    return _tidy(
        Graph(
            graph.inputs,
            tuple(graph.outputs[position] for position in outputs),
            graph.shapes,
            graph.constants,
            graph.operators,
        )
    )


def same_padding(
    operator: Operator, graph: Graph, kernel: Sequence[int], strides: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Rows and columns to add before and after a windowed operator's input.

    TensorFlow's SAME padding: where the number is odd, the larger half goes to the end.
    """
    if operator.options["padding"] != schema.Padding.SAME:
        return [0, 0], [0, 0]
    _, height, width, _ = graph.shapes[operator.inputs[0]]
    total = [
        max((-(-size // stride) - 1) * stride + int(window) - size, 0)
        for size, window, stride in zip((height, width), kernel, strides, strict=True)
    ]
    before = [pixels // 2 for pixels in total]
    return before, [pixels - half for pixels, half in zip(total, before, strict=True)]


def _tidy(graph: Graph) -> Graph:
    needed = set(graph.outputs)
    kept: list[Operator] = []
    for operator in reversed(graph.operators):
        if needed.intersection(operator.outputs):
            kept.append(operator)
            needed.update(operator.inputs)
    return Graph(
        graph.inputs,
        graph.outputs,
        {number: shape for number, shape in graph.shapes.items() if number in needed},
        {
            number: array.astype(np.float32) if array.dtype == np.float16 else array
            for number, array in graph.constants.items()
            if number in needed
        },
        tuple(reversed(kept)),
    )


def _operator(raw: Any, codes: Sequence[Any]) -> Operator:
    code = codes[raw.opcodeIndex]
    # Files of before 127 operators keep the number in the older, one-byte field.
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return Operator(
        _OPERATORS[number],
        tuple(map(int, raw.inputs)),
        tuple(map(int, raw.outputs)),
        dict(vars(raw.builtinOptions)) if raw.builtinOptions is not None else {},
    )


def _constant(tensor: Any, data: Any) -> Array | None:
    if data is None or not len(data):
        return None
    if tensor.type not in _TYPES:
        raise ValueError(f"tensor {tensor.name!r} has an unknown type {tensor.type}")
    values = np.frombuffer(bytes(data), _TYPES[tensor.type])
    shape = tuple(map(int, tensor.shape))
    return values.reshape(shape) if tensor.sparsity is None else _dense(values, shape, tensor)


def _dense(values: Array, shape: tuple[int, ...], tensor: Any) -> Array:
    """Spread sparse values over zeros.

    TFLite walks the dimensions in `traversalOrder`; a number past the last dimension is the inner
    part of one that `blockMap` names. Each level is either dense (all indices) or compressed
    (CSR: the indices that are there). The walk below opens one level at a time for all nodes.
    """
    sparsity = tensor.sparsity
    order = [int(level) for level in sparsity.traversalOrder]
    blocks = [int(d) for d in sparsity.blockMap] if sparsity.blockMap is not None else []
    rank = len(shape)
    index = np.zeros((rank + len(blocks), 1), np.int64)
    sizes = np.ones(rank + len(blocks), np.int64)
    for level, meta in zip(order, sparsity.dimMetadata, strict=True):
        nodes = index.shape[1]
        if meta.format == schema.DimensionType.DENSE:
            size = int(meta.denseSize)
            sizes[level] = size
            parents = np.repeat(np.arange(nodes), size)
            opened = np.tile(np.arange(size), nodes)
        else:
            segments = np.asarray(meta.arraySegments.values, np.int64)
            opened = np.asarray(meta.arrayIndices.values, np.int64)
            parents = np.repeat(np.arange(nodes), np.diff(segments))
        index = index[:, parents]
        index[level] = opened
    position = index[:rank].copy()
    for block, dimension in enumerate(blocks):
        position[dimension] = index[dimension] * sizes[rank + block] + index[rank + block]
    if position.shape[1] != len(values):
        raise ValueError(f"tensor {tensor.name!r}: {len(values)} values for another sparsity")
    array = np.zeros(shape, values.dtype)
    array[tuple(position)] = values
    return array
