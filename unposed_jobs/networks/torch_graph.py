"""BlazePose's networks in PyTorch, for any batch size, with the layout and padding of TFLite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from unposed_jobs.networks.tflite import Graph, Operator, same_padding
from unposed_jobs.networks.tflite_schema import schema

_ACTIVATIONS: dict[int, Callable[[Tensor], Tensor]] = {
    schema.ActivationFunctionType.NONE: lambda x: x,
    schema.ActivationFunctionType.RELU: functional.relu_,
    schema.ActivationFunctionType.RELU6: functional.relu6,
}


class Network(nn.Module):
    """Runs a `tflite.Graph`: (B, 3, H, W) channels-last in, the graph's outputs in NHWC order out.

    Raises ValueError, when made, for an operator that BlazePose's files do not have.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self._inputs, self._outputs = graph.inputs, graph.outputs
        self._steps = nn.ModuleList(_step(operator, graph) for operator in graph.operators)
        last_use = {n: i for i, step in enumerate(graph.operators) for n in step.inputs}
        self._plan = [
            (
                tuple(n for n in operator.inputs if n >= 0 and n not in graph.constants),
                operator.outputs[0],
                tuple(
                    n
                    for n in set(operator.inputs)
                    if last_use[n] == i and n not in graph.outputs and n not in graph.constants
                ),
            )
            for i, operator in enumerate(graph.operators)
        ]

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        """All outputs, each of the network's precision."""
        values = {self._inputs[0]: picture}
        for step, (inputs, output, done) in zip(self._steps, self._plan, strict=True):
            values[output] = step(*(values[number] for number in inputs))
            for number in done:
                values.pop(number, None)
        return tuple(_as_nhwc(values[number]) for number in self._outputs)


def _as_nhwc(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


class _Convolution(nn.Module):
    """CONV_2D and DEPTHWISE_CONV_2D with bias and activation."""

    def __init__(self, operator: Operator, graph: Graph) -> None:
        super().__init__()
        options = operator.options
        weight = torch.from_numpy(graph.constants[operator.inputs[1]].copy())
        depthwise = operator.kind == "DEPTHWISE_CONV_2D"
        weight = weight.permute(3, 0, 1, 2) if depthwise else weight.permute(0, 3, 1, 2)
        bias = torch.from_numpy(graph.constants[operator.inputs[2]].copy())
        self.stride = (int(options["strideH"]), int(options["strideW"]))
        if (options["dilationHFactor"], options["dilationWFactor"]) != (1, 1):
            raise ValueError("dilated convolutions are not supported")
        self.groups = graph.shapes[operator.inputs[0]][3] if depthwise else 1
        self.weight = nn.Parameter(
            weight.contiguous(memory_format=torch.channels_last), requires_grad=False
        )
        self.bias = nn.Parameter(bias, requires_grad=False)
        self.activation = _activation(options)
        low, high = same_padding(operator, graph, weight.shape[2:], self.stride)
        self.padding = (low[0], low[1]) if low == high else (0, 0)
        self.border = None if low == high else (low[1], high[1], low[0], high[0])

    def forward(self, x: Tensor) -> Tensor:
        if self.border is not None:
            x = functional.pad(x, self.border)
        x = functional.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, groups=self.groups
        )
        return self.activation(x)


class _Pad(nn.Module):
    def __init__(self, operator: Operator, graph: Graph) -> None:
        super().__init__()
        _, (top, bottom), (left, right), (front, back) = graph.constants[operator.inputs[1]]
        self.border = tuple(map(int, (left, right, top, bottom, front, back)))

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, self.border)


class _Add(nn.Module):
    def __init__(self, operator: Operator, graph: Graph) -> None:
        super().__init__()
        self.activation = _activation(operator.options)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.activation(a + b)


class _Resize(nn.Module):
    """RESIZE_BILINEAR; TFLite's half-pixel centres are PyTorch's default."""

    def __init__(self, operator: Operator, graph: Graph) -> None:
        super().__init__()
        height, width = map(int, graph.constants[operator.inputs[1]])
        self.size = (height, width)
        if operator.options["alignCorners"] or not operator.options["halfPixelCenters"]:
            raise ValueError("RESIZE_BILINEAR without half-pixel centres is not supported")
        self.activation = _activation(operator.options)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(
            functional.interpolate(x, self.size, mode="bilinear", align_corners=False)
        )


class _MaxPool(nn.Module):
    def __init__(self, operator: Operator, graph: Graph) -> None:
        super().__init__()
        options = operator.options
        self.kernel = (int(options["filterHeight"]), int(options["filterWidth"]))
        self.stride = (int(options["strideH"]), int(options["strideW"]))
        self.activation = _activation(options)
        if same_padding(operator, graph, self.kernel, self.stride) != ([0, 0], [0, 0]):
            raise ValueError("MAX_POOL_2D past the edge is not supported")

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(functional.max_pool2d(x, self.kernel, self.stride))


class _Reshape(nn.Module):
    """RESHAPE after the batch dimension, of the NHWC values."""

    def __init__(self, operator: Operator, graph: Graph) -> None:
        super().__init__()
        self.shape = graph.shapes[operator.outputs[0]][1:]

    def forward(self, x: Tensor) -> Tensor:
        return _as_nhwc(x).reshape(x.shape[0], *self.shape)


class _Concatenation(nn.Module):
    def __init__(self, operator: Operator, graph: Graph) -> None:
        super().__init__()
        rank = len(graph.shapes[operator.outputs[0]])
        axis = int(operator.options["axis"]) % rank
        self.axis = {1: 2, 2: 3, 3: 1}[axis] if rank == 4 else axis
        self.activation = _activation(operator.options)

    def forward(self, *parts: Tensor) -> Tensor:
        return self.activation(torch.cat(parts, dim=self.axis))


class _DepthToSpace(nn.Module):
    """DEPTH_TO_SPACE; in TFLite the block's position is the slower part of the depth."""

    def __init__(self, operator: Operator, graph: Graph) -> None:
        super().__init__()
        self.block = int(operator.options["blockSize"])

    def forward(self, x: Tensor) -> Tensor:
        batch, depth, height, width = x.shape
        block = self.block
        parts = x.reshape(batch, block, block, depth // block**2, height, width)
        return parts.permute(0, 3, 4, 1, 5, 2).reshape(
            batch, depth // block**2, height * block, width * block
        )


class _Logistic(nn.Module):
    def __init__(self, operator: Operator, graph: Graph) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)


_STEPS: dict[str, Any] = {
    "CONV_2D": _Convolution,
    "DEPTHWISE_CONV_2D": _Convolution,
    "PAD": _Pad,
    "ADD": _Add,
    "RESIZE_BILINEAR": _Resize,
    "MAX_POOL_2D": _MaxPool,
    "RESHAPE": _Reshape,
    "CONCATENATION": _Concatenation,
    "DEPTH_TO_SPACE": _DepthToSpace,
    "LOGISTIC": _Logistic,
}


def _step(operator: Operator, graph: Graph) -> nn.Module:
    if operator.kind not in _STEPS:
        raise ValueError(f"operator {operator.kind} is not supported")
    step: nn.Module = _STEPS[operator.kind](operator, graph)
    return step


def _activation(options: dict[str, Any]) -> Callable[[Tensor], Tensor]:
    function = _ACTIVATIONS.get(options.get("fusedActivationFunction", 0))
    if function is None:
        raise ValueError(f"activation {options['fusedActivationFunction']} is not supported")
    return function
