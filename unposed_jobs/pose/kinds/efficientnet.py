"""EfficientNet-Lite0 (Tan and Le, 2019, without squeeze and swish) as it was published, in OpenVINO
or PyTorch.

Of the classifier only what it is asked for here is computed: a grid of inner values and the last
layer's mean. Batch normalisation is folded into the convolutions when the weights are read.
"""

from __future__ import annotations

import importlib.util
import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from unposed_jobs.networks import openvino_import
from unposed_jobs.pose.kinds.reading import GRID, SIDE, Classifier

WIDTH = 1280
"""Values of the last layer's mean."""

_STEM = 32
_STAGES = (  # repeats, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_GRID_BLOCK = 10
_EPSILON = 1e-3
_SCALE, _SHIFT = 1 / 128, -127 / 128

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Convolution:
    """A convolution with what followed it: `weight` (out, in / groups, k, k), `bias` (out,)."""

    weight: Floats
    bias: Floats
    stride: int
    groups: int
    limited: bool
    """Whether its values are cut to [0, 6]."""


@dataclass(frozen=True)
class Block:
    """Convolutions in a row; `added` to what came in."""

    layers: tuple[Convolution, ...]
    added: bool


class Network(Protocol):
    """Runs on (B, SIDE, SIDE, 3) uint8; a picture's values do not depend on the others'."""

    def __call__(self, squares: Pixels) -> tuple[Floats, Floats]:
        """Inner grids (B, *GRID) and means (B, WIDTH), float32."""


def classifier(weights: bytes) -> Classifier:
    """The published file's own. Raises ValueError where it has none."""
    values = _loaded(weights)
    try:
        return Classifier(values["_fc.weight"].numpy(), values["_fc.bias"].numpy())
    except KeyError as error:
        raise ValueError(f"not the weights of EfficientNet-Lite0: {error}") from None


def _loaded(weights: bytes) -> dict[str, Tensor]:
    try:
        values = torch.load(io.BytesIO(weights), weights_only=True, map_location="cpu")
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ValueError(f"not the weights of EfficientNet-Lite0: {error}") from None
    if not isinstance(values, dict):
        raise ValueError("not the weights of EfficientNet-Lite0: no table of tensors")
    return values


def create(weights: bytes, cores: int = 1) -> Network:
    """The fastest that this machine has: CUDA, else OpenVINO, else PyTorch on the CPU.

    `weights` is the published PyTorch file. Raises ValueError where it is not.
    """
    blocks = read(weights)
    if torch.cuda.is_available():
        return TorchNetwork(blocks, torch.device("cuda"))
    if importlib.util.find_spec("openvino") is not None:
        return OpenVinoNetwork(blocks, cores)
    return TorchNetwork(blocks, torch.device("cpu"))


def read(weights: bytes) -> list[Block]:
    """The blocks of the published PyTorch file, stem first, head last. Raises ValueError."""
    values = _loaded(weights)
    try:
        blocks = [Block((_folded(values, "_conv_stem", "_bn0", stride=2),), added=False)]
        channels = _STEM
        for repeats, _, stride, expansion, width in _STAGES:
            for number in range(repeats):
                name = f"_blocks.{len(blocks) - 1}."
                layers = []
                if expansion > 1:
                    layers.append(_folded(values, name + "_expand_conv", name + "_bn0"))
                layers += [
                    _folded(
                        values,
                        name + "_depthwise_conv",
                        name + "_bn1",
                        stride=1 if number else stride,
                        groups=channels * expansion,
                    ),
                    _folded(values, name + "_project_conv", name + "_bn2", limited=False),
                ]
                blocks.append(Block(tuple(layers), added=number > 0))
                channels = width
        blocks.append(Block((_folded(values, "_conv_head", "_bn1"),), added=False))
    except KeyError as error:
        raise ValueError(f"not the weights of EfficientNet-Lite0: {error}") from None
    return blocks


def _folded(
    values: dict[str, Tensor],
    convolution: str,
    norm: str,
    *,
    stride: int = 1,
    groups: int = 1,
    limited: bool = True,
) -> Convolution:
    scale = values[f"{norm}.weight"] / torch.sqrt(values[f"{norm}.running_var"] + _EPSILON)
    weight = values[f"{convolution}.weight"] * scale[:, None, None, None]
    bias = values[f"{norm}.bias"] - values[f"{norm}.running_mean"] * scale
    return Convolution(weight.numpy(), bias.numpy(), stride, groups, limited)


def _padding(side: int, layer: Convolution) -> tuple[int, int]:
    """Before and after each row and column: TensorFlow's rule, under which it was trained."""
    kernel = layer.weight.shape[-1]
    reach = (-(-side // layer.stride) - 1) * layer.stride + kernel
    total = max(reach - side, 0)
    return total // 2, total - total // 2


class OpenVinoNetwork:
    """In OpenVINO on the CPU, in float32, picture by picture."""

    def __init__(self, blocks: Sequence[Block], cores: int = 1) -> None:
        openvino = openvino_import.load()
        options = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": cores,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
        }
        compiled = openvino.Core().compile_model(_openvino_model(openvino, blocks), "CPU", options)
        self._request = compiled.create_infer_request()

    def __call__(self, squares: Pixels) -> tuple[Floats, Floats]:
        """See `Network`."""
        grids = np.empty((len(squares), *GRID), np.float32)
        means = np.empty((len(squares), WIDTH), np.float32)
        for row in range(len(squares)):
            self._request.infer({0: squares[row : row + 1]}, share_inputs=True, share_outputs=True)
            grids[row] = self._request.get_output_tensor(0).data[0]
            means[row] = self._request.get_output_tensor(1).data[0]
        return grids, means


def _openvino_model(openvino: Any, blocks: Sequence[Block]) -> Any:
    ops, constant = openvino.opset13, openvino_import.constant
    pixels = ops.parameter([1, SIDE, SIDE, 3], openvino.Type.u8)
    x = ops.convert(pixels, openvino.Type.f32)
    x = ops.transpose(
        ops.add(ops.multiply(x, np.float32(_SCALE)), np.float32(_SHIFT)), (0, 3, 1, 2)
    )
    grid, side = None, SIDE
    for number, block in enumerate(blocks):
        start = x
        for layer in block.layers:
            before, after = _padding(side, layer)
            options = ([layer.stride] * 2, [before] * 2, [after] * 2, [1, 1])
            if layer.groups > 1:
                x = ops.group_convolution(x, constant(layer.weight[:, None]), *options)
            else:
                x = ops.convolution(x, constant(layer.weight), *options)
            x = ops.add(x, layer.bias.reshape(1, -1, 1, 1))
            x = ops.clamp(x, 0.0, 6.0) if layer.limited else x
            side = -(-side // layer.stride)
        x = ops.add(x, start) if block.added else x
        grid = ops.transpose(x, (0, 2, 3, 1)) if number == _GRID_BLOCK + 1 else grid
    mean = ops.reduce_mean(x, np.array([2, 3], np.int64), keep_dims=False)
    return openvino.Model([grid, mean], [pixels], "efficientnet")


class TorchNetwork(nn.Module):
    """In PyTorch, in float32; on CUDA in batches of one size, so that equal pictures stay equal."""

    def __init__(self, blocks: Sequence[Block], device: torch.device) -> None:
        super().__init__()
        self._blocks = [
            (
                [
                    (
                        torch.from_numpy(layer.weight).to(device),
                        torch.from_numpy(layer.bias).to(device),
                        layer,
                    )
                    for layer in block.layers
                ],
                block.added,
            )
            for block in blocks
        ]
        self._device = device
        self._batch = 16 if device.type == "cuda" else 1
        if device.type == "cuda":
            # Its rounding is coarser than the CPU's.
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cuda.matmul.allow_tf32 = False

    @torch.inference_mode()
    def __call__(self, squares: Pixels) -> tuple[Floats, Floats]:
        """See `Network`."""
        grids = np.empty((len(squares), *GRID), np.float32)
        means = np.empty((len(squares), WIDTH), np.float32)
        for start in range(0, len(squares), self._batch):
            part = squares[start : start + self._batch]
            full = np.zeros((self._batch, SIDE, SIDE, 3), np.uint8)
            full[: len(part)] = part
            grid, mean = self._forward(torch.from_numpy(full).to(self._device))
            grids[start : start + len(part)] = grid.cpu().numpy()[: len(part)]
            means[start : start + len(part)] = mean.cpu().numpy()[: len(part)]
        return grids, means

    def _forward(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        x = squares.permute(0, 3, 1, 2).float() * _SCALE + _SHIFT
        grid = x
        for number, (layers, added) in enumerate(self._blocks):
            start = x
            for weight, bias, layer in layers:
                before, after = _padding(x.shape[-1], layer)
                x = functional.pad(x, (before, after, before, after))
                x = functional.conv2d(x, weight, bias, layer.stride, groups=layer.groups)
                x = functional.relu6(x) if layer.limited else x
            x = x + start if added else x
            if number == _GRID_BLOCK + 1:
                grid = x.permute(0, 2, 3, 1)
        return grid, x.mean((2, 3))
