"""A `tflite.Graph` as an OpenVINO model: bytes in, any batch size, weights in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from unposed_jobs.networks import openvino_import
from unposed_jobs.networks.tflite import Graph, Operator, same_padding
from unposed_jobs.networks.tflite_schema import schema

openvino = openvino_import.load()
opset13 = openvino.opset13

_NHWC, _NCHW = (0, 2, 3, 1), (0, 3, 1, 2)


def build(graph: Graph, batch: int, scale: float, shift: float) -> Any:
    """The `openvino.Model`: (batch, H, W, 3) uint8 in, the graph's outputs in NHWC order out.

    A pixel enters the network as ``pixel * scale + shift``. Raises ValueError for an operator
    that BlazePose's files do not have.
    """
    _, *shape = graph.shapes[graph.inputs[0]]
    pixels = opset13.parameter([batch, *shape], openvino.Type.u8)
    x = opset13.convert(pixels, openvino.Type.f32)
    x = opset13.add(opset13.multiply(x, np.float32(scale)), np.float32(shift))
    nodes: dict[int, Any] = {graph.inputs[0]: opset13.transpose(x, _NCHW)}
    for operator in graph.operators:
        if operator.kind not in _BUILDERS:
            raise ValueError(f"operator {operator.kind} is not supported")
        inputs = [nodes[n] for n in operator.inputs if n in nodes]
        nodes[operator.outputs[0]] = _BUILDERS[operator.kind](inputs, operator, graph)
    return openvino.Model([_nhwc(nodes[number]) for number in graph.outputs], [pixels], "blazepose")


def _nhwc(node: Any) -> Any:
    return opset13.transpose(node, _NHWC) if len(node.get_output_shape(0)) == 4 else node


def _convolution(inputs: list[Any], operator: Operator, graph: Graph) -> Any:
    options = operator.options
    weight, bias = (graph.constants[number] for number in operator.inputs[1:3])
    depthwise = operator.kind == "DEPTHWISE_CONV_2D"
    strides = [int(options["strideH"]), int(options["strideW"])]
    if (options["dilationHFactor"], options["dilationWFactor"]) != (1, 1):
        raise ValueError("dilated convolutions are not supported")
    low, high = same_padding(operator, graph, weight.shape[1:3], strides)
    if depthwise:
        kernel = weight.transpose(3, 0, 1, 2)[:, :, None]
        x = opset13.group_convolution(
            inputs[0], openvino_import.constant(kernel), strides, low, high, [1, 1]
        )
    else:
        kernel = weight.transpose(0, 3, 1, 2)
        x = opset13.convolution(
            inputs[0], openvino_import.constant(kernel), strides, low, high, [1, 1]
        )
    return _activated(opset13.add(x, bias.reshape(1, -1, 1, 1)), options)


def _pad(inputs: list[Any], operator: Operator, graph: Graph) -> Any:
    border = graph.constants[operator.inputs[1]][list(_NCHW)]
    low, high = border[:, 0].astype(np.int64), border[:, 1].astype(np.int64)
    return opset13.pad(inputs[0], low, high, "constant", np.float32(0))


def _add(inputs: list[Any], operator: Operator, graph: Graph) -> Any:
    return _activated(opset13.add(*inputs), operator.options)


def _resize(inputs: list[Any], operator: Operator, graph: Graph) -> Any:
    if operator.options["alignCorners"] or not operator.options["halfPixelCenters"]:
        raise ValueError("RESIZE_BILINEAR without half-pixel centres is not supported")
    size = graph.constants[operator.inputs[1]].astype(np.int64)
    resized = opset13.interpolate(
        inputs[0],
        size,
        mode="linear_onnx",
        shape_calculation_mode="sizes",
        axes=np.array([2, 3], np.int64),
        coordinate_transformation_mode="half_pixel",
    )
    return _activated(resized, operator.options)


def _max_pool(inputs: list[Any], operator: Operator, graph: Graph) -> Any:
    options = operator.options
    kernel = [int(options["filterHeight"]), int(options["filterWidth"])]
    strides = [int(options["strideH"]), int(options["strideW"])]
    low, high = same_padding(operator, graph, kernel, strides)
    pooled = opset13.max_pool(inputs[0], strides, [1, 1], low, high, kernel).output(0)
    return _activated(pooled, options)


def _reshape(inputs: list[Any], operator: Operator, graph: Graph) -> Any:
    shape = [0, *graph.shapes[operator.outputs[0]][1:]]
    return opset13.reshape(_nhwc(inputs[0]), np.array(shape, np.int64), special_zero=True)


def _concatenation(inputs: list[Any], operator: Operator, graph: Graph) -> Any:
    rank = len(graph.shapes[operator.outputs[0]])
    axis = int(operator.options["axis"]) % rank
    return _activated(
        opset13.concat(inputs, _NHWC.index(axis) if rank == 4 else axis), operator.options
    )


def _depth_to_space(inputs: list[Any], operator: Operator, graph: Graph) -> Any:
    return opset13.depth_to_space(inputs[0], "blocks_first", int(operator.options["blockSize"]))


def _logistic(inputs: list[Any], operator: Operator, graph: Graph) -> Any:
    return opset13.sigmoid(inputs[0])


def _activated(node: Any, options: dict[str, Any]) -> Any:
    function = options.get("fusedActivationFunction", 0)
    if function == schema.ActivationFunctionType.NONE:
        return node
    if function == schema.ActivationFunctionType.RELU:
        return opset13.relu(node)
    if function == schema.ActivationFunctionType.RELU6:
        return opset13.clamp(node, 0.0, 6.0)
    raise ValueError(f"activation {function} is not supported")


_BUILDERS: dict[str, Callable[[list[Any], Operator, Graph], Any]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "PAD": _pad,
    "ADD": _add,
    "RESIZE_BILINEAR": _resize,
    "MAX_POOL_2D": _max_pool,
    "RESHAPE": _reshape,
    "CONCATENATION": _concatenation,
    "DEPTH_TO_SPACE": _depth_to_space,
    "LOGISTIC": _logistic,
}
