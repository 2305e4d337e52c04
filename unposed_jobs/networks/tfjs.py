"""Reads a TensorFlow.js graph model into the graph that this project's engines run.

Of TensorFlow's operators those that MoveNet's convolutional part has, one to one: what they are
called, the order of a kernel's axes and the padding are TFLite's afterwards.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.networks.tflite import Graph, Operator
from unposed_jobs.networks.tflite_schema import schema

Array = npt.NDArray[Any]

_NONE = schema.ActivationFunctionType.NONE
_ACTIVATIONS = {
    (): _NONE,
    ("BiasAdd",): _NONE,
    ("BiasAdd", "Relu"): schema.ActivationFunctionType.RELU,
    ("BiasAdd", "Relu6"): schema.ActivationFunctionType.RELU6,
}
_PADDINGS = {"SAME": schema.Padding.SAME, "VALID": schema.Padding.VALID}
_CONVOLUTIONS = {
    "Conv2D": "CONV_2D",
    "_FusedConv2D": "CONV_2D",
    "DepthwiseConv2dNative": "DEPTHWISE_CONV_2D",
    "FusedDepthwiseConv2dNative": "DEPTHWISE_CONV_2D",
}


class Model:
    """A graph model: its nodes by name, and its constants.

    Of a file's half-precision values the constants are float32.
    """

    def __init__(self, graph: bytes, values: bytes) -> None:
        """`graph` is the ``model.json``, `values` its only file of weights.

        Raises ValueError where they are no such model, or do not belong together.
        """
        try:
            read = json.loads(graph)
            self.nodes: dict[str, dict[str, Any]] = {
                node["name"]: node for node in read["modelTopology"]["node"]
            }
            (manifest,) = read["weightsManifest"]
            self.constants = dict(_constants(manifest["weights"], values))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a TensorFlow.js graph model: {error!r}") from None

    def convolutional(self, source: str, outputs: Sequence[str]) -> Graph:
        """The part between the value `source` (batch, height, width, channels) and the `outputs`.

        The shapes' batch is 1. Raises ValueError for a value that is not there, or an operator
        that MoveNet has not.
        """
        shapes = self._input_shape()
        names = [source, *self._needed(source, outputs)]
        numbers = {name: number for number, name in enumerate(names)}
        made = _Graph({0: shapes})
        for name in names[1:]:
            node = self.nodes[name]
            made.add(node["op"], numbers[name], self._inputs(node, numbers), _attributes(node))
        return Graph(
            (0,),
            tuple(numbers[name] for name in outputs),
            made.shapes,
            made.constants,
            tuple(made.operators),
        )

    def _input_shape(self) -> tuple[int, ...]:
        for node in self.nodes.values():
            if node["op"] == "Placeholder":
                return tuple(int(dim["size"]) for dim in node["attr"]["shape"]["shape"]["dim"])
        raise ValueError("the graph has no input")

    def _needed(self, source: str, outputs: Sequence[str]) -> list[str]:
        """Names of the nodes from `source`, without it, to the outputs, in running order."""
        order: list[str] = []
        open_: list[tuple[str, bool]] = [(name, False) for name in reversed(outputs)]
        done = {source, *self.constants}
        while open_:
            name, ready = open_.pop()
            if name in done:
                continue
            if name not in self.nodes:
                raise ValueError(f"the graph has no value {name}")
            if ready:
                done.add(name)
                order.append(name)
                continue
            open_.append((name, True))
            inputs = self.nodes[name].get("input", [])
            open_ += [(one, False) for one in reversed(inputs)]
        return order

    def _inputs(self, node: dict[str, Any], numbers: dict[str, int]) -> list[int | Array]:
        return [
            self.constants[name] if name in self.constants else numbers[name]
            for name in node["input"]
        ]


class _Graph:
    """Operators as TFLite has them, and the shapes of what they make."""

    def __init__(self, shapes: dict[int, tuple[int, ...]]) -> None:
        self.shapes = shapes
        self.constants: dict[int, Array] = {}
        self.operators: list[Operator] = []

    def add(
        self, kind: str, output: int, inputs: list[int | Array], attributes: dict[str, Any]
    ) -> None:
        """One more operator. Raises ValueError for one that is not supported."""
        if kind in _CONVOLUTIONS:
            self._convolution(_CONVOLUTIONS[kind], output, inputs, attributes)
        elif kind == "AddV2" and all(isinstance(one, int) for one in inputs):
            self._append("ADD", output, inputs, {}, self.shapes[_number(inputs[0])])
        elif kind == "ResizeBilinear" and not isinstance(inputs[1], int):
            size = tuple(int(value) for value in inputs[1])
            first = self.shapes[_number(inputs[0])]
            options = {
                "alignCorners": attributes.get("align_corners", False),
                "halfPixelCenters": attributes.get("half_pixel_centers", False),
            }
            self._append("RESIZE_BILINEAR", output, inputs, options, (1, *size, first[3]))
        else:
            raise ValueError(f"operator {kind} is not supported")

    def _convolution(
        self, kind: str, output: int, inputs: list[int | Array], attributes: dict[str, Any]
    ) -> None:
        source, weights = _number(inputs[0]), np.asarray(inputs[1])
        rows, columns, entering, leaving = weights.shape
        if kind == "DEPTHWISE_CONV_2D":
            if leaving != 1:
                raise ValueError("depthwise convolutions to several channels are not supported")
            leaving = entering
            kernel = weights.reshape(1, rows, columns, entering)
        else:
            kernel = weights.transpose(3, 0, 1, 2)
        fused = tuple(attributes.get("fused_ops", ()))
        if fused not in _ACTIVATIONS or attributes.get("data_format", "NHWC") != "NHWC":
            raise ValueError(f"convolutions with {fused} are not supported")
        bias = np.asarray(inputs[2]) if fused else np.zeros(leaving, np.float32)
        _, down, across, _ = attributes["strides"]
        _, high, wide, _ = attributes.get("dilations", [1, 1, 1, 1])
        options = {
            "strideH": down,
            "strideW": across,
            "dilationHFactor": high,
            "dilationWFactor": wide,
            "padding": _PADDINGS[attributes["padding"]],
            "fusedActivationFunction": _ACTIVATIONS[fused],
        }
        # A window that starts in the picture has its end in it too, unless the edge is padded.
        lost = (0, 0) if attributes["padding"] == "SAME" else (rows - 1, columns - 1)
        sides = [
            -(-(size - less) // stride)
            for size, less, stride in zip(
                self.shapes[source][1:3], lost, (down, across), strict=True
            )
        ]
        shape = (1, *sides, leaving)
        self._append(kind, output, [source, np.ascontiguousarray(kernel), bias], options, shape)

    def _append(
        self,
        kind: str,
        output: int,
        inputs: list[int | Array],
        options: dict[str, Any],
        shape: tuple[int, ...],
    ) -> None:
        numbers = tuple(one if isinstance(one, int) else self._constant(one) for one in inputs)
        self.shapes[output] = shape
        options = {"fusedActivationFunction": _NONE} | options
        self.operators.append(Operator(kind, numbers, (output,), options))

    def _constant(self, values: Array) -> int:
        # The values have the numbers from 0 on, and -1 is an input that is not given.
        number = -2 - len(self.constants)
        self.constants[number] = values
        return number


def _number(value: int | Array) -> int:
    if not isinstance(value, int):
        raise ValueError("an operator on constants alone is not supported")
    return value


def _constants(weights: Sequence[dict[str, Any]], values: bytes) -> Iterator[tuple[str, Array]]:
    start = 0
    for entry in weights:
        kind = np.dtype(entry.get("quantization", entry)["dtype"]).newbyteorder("<")
        if kind not in ("<f2", "<f4", "<i4"):
            raise ValueError(f"weights of type {kind} are not supported")
        shape = tuple(entry["shape"])
        count = int(np.prod(shape, dtype=np.int64))
        found = np.frombuffer(values, kind, count, start).reshape(shape)
        yield entry["name"], found.astype(entry["dtype"])
        start += count * kind.itemsize
    if start != len(values):
        raise ValueError(f"{len(values)} bytes of weights where {start} are listed")


def _attributes(node: dict[str, Any]) -> dict[str, Any]:
    return {name: _attribute(value) for name, value in node.get("attr", {}).items()}


def _attribute(value: dict[str, Any]) -> Any:
    if "list" in value:
        texts, numbers = (value["list"].get(kind) for kind in ("s", "i"))
        if texts is not None:
            return [base64.b64decode(text).decode() for text in texts]
        return [int(number) for number in numbers or ()]
    if "s" in value:
        return base64.b64decode(value["s"]).decode()
    return next(iter(value.values()), None)
