"""The two networks on whatever runs them fastest: OpenVINO or PyTorch on the CPU, CUDA.

All take bytes and give float32, and the landmarks agree within the parity gate. What may not be
cut down was measured against MediaPipe on real photos (share of visible landmarks within 2 % of
the torso): detector in half precision 90 %, in bfloat16 45 %; landmark network in half precision
99.2 %, in float32 99.9 %, where the gate wants 99.5 %. So both are float32, without TF32.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import sysconfig
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unposed_jobs.networks import rewriting, task_bundle, tflite
from unposed_jobs.networks.threads import threads
from unposed_jobs.networks.torch_graph import Network

_log = logging.getLogger(__name__)

DETECTOR_OUTPUTS = (0, 1)
LANDMARKER_OUTPUTS = (0, 1, 3)
"""Landmarks, pose score, heat maps. The segmentation mask, which costs time of its own, and the
world landmarks are cut off."""
_OUTLINE_OUTPUTS = (*LANDMARKER_OUTPUTS, 2)
"""With the mask, of the network that `Engine.outline` runs."""

INSIDE = (8, 8, 144)
"""The landmark network's coarsest values from which both heat maps and landmarks are made: what is
where, before it becomes points."""

_DETECTOR_SHAPES = ((224, 224, 3), (2254, 12), (2254, 1))
_LANDMARKER_SHAPES = ((256, 256, 3), (195,), (1,), (64, 64, 39))
_OUTLINE_SHAPES = (*_LANDMARKER_SHAPES, (256, 256, 1))

SIGNED = (2 / 255, -1.0)
"""Scale and shift that bring pixels to [-1, 1]."""
_UNIT = (1 / 255, 0.0)
_CPU_BATCHES = (2, 1)
"""Larger ones leave the cache and are slower: each core takes its own small ones."""
_TORCH_BATCHES = (1, 2)
_CUDA_BATCHES = (8, 64)


class Engine:
    """Runs the networks on (B, H, W, 3) uint8 tensors of its device, for any B from 1."""

    def __init__(
        self, detector: _Network, landmarker: _Network, outliner: _Network | None = None
    ) -> None:
        self.device = detector.device
        self._detector, self._landmarker, self._outliner = detector, landmarker, outliner

    def detect(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        """Letterboxed pictures, 224 x 224: raw boxes (B, 2254, 12), logits (B, 2254, 1)."""
        boxes, logits = self._detector(squares)
        return boxes, logits

    def locate(self, squares: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """People, 256 x 256: raw landmarks (B, 195), scores (B, 1), heat (B, 64, 64, 39)."""
        landmarks, scores, heat = self._landmarker(squares)[:3]
        return landmarks, scores, heat

    def inspect(self, squares: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As `locate`, and the network's inner values (B, *INSIDE). Raises ValueError where the
        landmark network has none of this shape; the full one has.
        """
        landmarks, scores, heat, inside = self._landmarker(squares)
        return landmarks, scores, heat, inside

    def outline(self, squares: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As `locate`, and logits of each pixel being the person's (B, 256, 256, 1).

        Raises ValueError where the engine was made without outlines.
        """
        if self._outliner is None:
            raise ValueError("this engine was made without outlines")
        landmarks, scores, heat, mask = self._outliner(squares)
        return landmarks, scores, heat, mask


def create(bundle: bytes, *, outlines: bool = False) -> Engine:
    """The fastest engine that this machine has, for the networks of a ``.task`` bundle.

    CUDA where PyTorch finds it, else OpenVINO where it is installed, else PyTorch. On the CPU it
    takes ``OMP_NUM_THREADS`` threads, which Spark sets to a task's cores, and 1 by default.
    `outlines`: it can give a person's mask, too.

    Raises ValueError where the bundle is none, or holds other networks than BlazePose.
    """
    detector, landmarker = graphs(bundle)
    landmarker = _with_inner_output(landmarker)
    outliner = _outliner(bundle) if outlines else None
    if _on_openvino():
        return OpenVinoEngine(detector, landmarker, threads(), outliner)
    return TorchEngine(detector, landmarker, _device(), outliner)


def network(graph: tflite.Graph, scaling: tuple[float, float]) -> _Network:
    """One network by itself, on what `create` would take.

    It takes (B, H, W, 3) uint8 tensors of its `device`, whose pixels enter as ``pixel * scale +
    shift``, and gives the graph's outputs. Raises ValueError for an operator that is not supported.
    """
    if _on_openvino():
        return OpenVinoNetwork(graph, scaling, threads())
    return TorchNetwork(graph, scaling, _device())


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _on_openvino() -> bool:
    return not torch.cuda.is_available() and importlib.util.find_spec("openvino") is not None


def graphs(bundle: bytes) -> tuple[tflite.Graph, tflite.Graph]:
    """Detector and landmark network of a ``.task`` bundle, cut to what is needed.

    Raises ValueError where the bundle is none, or holds other networks than BlazePose.
    """
    files = task_bundle.members(bundle)
    detector = _cut(files, task_bundle.DETECTOR, DETECTOR_OUTPUTS, _DETECTOR_SHAPES)
    return detector, _cut(files, task_bundle.LANDMARKER, LANDMARKER_OUTPUTS, _LANDMARKER_SHAPES)


def _outliner(bundle: bytes) -> tflite.Graph:
    """The landmark network of a ``.task`` bundle with its mask; raises as `graphs` does."""
    files = task_bundle.members(bundle)
    return _cut(files, task_bundle.LANDMARKER, _OUTLINE_OUTPUTS, _OUTLINE_SHAPES)


def _cut(
    files: dict[str, bytes],
    name: str,
    outputs: tuple[int, ...],
    shapes: tuple[tuple[int, ...], ...],
) -> tflite.Graph:
    graph = tflite.prune(tflite.read(files[name]), outputs)
    sizes = tuple(graph.shapes[number][1:] for number in graph.inputs + graph.outputs)
    if sizes != shapes:
        raise ValueError(f"{name} has other inputs and outputs than BlazePose: {sizes}")
    return rewriting.convolve_before_resizing(graph)


def _with_inner_output(landmarker: tflite.Graph) -> tflite.Graph:
    """The landmark network with one output more, where it has such: the last of its inner values
    of this shape.
    """
    made = [operator.outputs[0] for operator in landmarker.operators]
    found = [number for number in made if landmarker.shapes[number][1:] == INSIDE]
    return replace(landmarker, outputs=(*landmarker.outputs, *found[-1:]))


def can_compile() -> bool:
    """Whether PyTorch could compile the networks for a GPU: it needs a C compiler, and Python.h."""
    compilers = (os.environ.get("CC", "cc"), "gcc", "clang")
    header = Path(sysconfig.get_path("include"), "Python.h")
    return header.is_file() and any(shutil.which(name) for name in compilers)


class OpenVinoEngine(Engine):
    """Both networks in OpenVINO on the CPU, in float32."""

    def __init__(
        self,
        detector: tflite.Graph,
        landmarker: tflite.Graph,
        cores: int = 1,
        outliner: tflite.Graph | None = None,
    ) -> None:
        super().__init__(
            OpenVinoNetwork(detector, SIGNED, cores),
            OpenVinoNetwork(landmarker, _UNIT, cores),
            OpenVinoNetwork(outliner, _UNIT, cores) if outliner else None,
        )


class OpenVinoNetwork:
    """A network in OpenVINO on the CPU, in float32.

    Compiled for each size of batch when one first comes: a quarter of a second each, which a
    worker that only does the second look, or sees pictures one by one, need not spend.
    """

    def __init__(self, graph: tflite.Graph, scaling: tuple[float, float], cores: int) -> None:
        from unposed_jobs.networks import openvino_graph

        self.device = torch.device("cpu")
        self._openvino = openvino_graph.openvino
        self._core = self._openvino.Core()
        self._build = partial(openvino_graph.build, graph, scale=scaling[0], shift=scaling[1])
        self._cores = cores
        self._requests: dict[int, Any] = {}
        self._shapes = [graph.shapes[number][1:] for number in graph.outputs]

    def __call__(self, squares: Tensor) -> list[Tensor]:
        """See `network`."""
        pixels = squares.numpy()
        results = [np.empty((len(pixels), *shape), np.float32) for shape in self._shapes]

        def keep(request: Any, where: slice) -> None:
            for number, result in enumerate(results):
                result[where] = request.get_output_tensor(number).data

        start = 0
        for batch in _CPU_BATCHES:
            end = len(pixels) - (len(pixels) - start) % batch
            if end == start:
                continue
            requests = self._compiled(batch)
            if self._cores > 1:
                requests.set_callback(keep)
            for first in range(start, end, batch):
                where = slice(first, first + batch)
                if self._cores > 1:
                    requests.start_async({0: pixels[where]}, where, share_inputs=True)
                else:
                    requests.infer({0: pixels[where]}, share_inputs=True, share_outputs=True)
                    keep(requests, where)
            start = end
        if self._cores > 1:
            for requests in self._requests.values():
                requests.wait_all()
        return [torch.from_numpy(result) for result in results]

    def _compiled(self, batch: int) -> Any:
        if batch not in self._requests:
            options = {
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": self._cores,
                "NUM_STREAMS": self._cores,
                # Pinning would tie every process of a machine to the same cores.
                "ENABLE_CPU_PINNING": False,
            }
            compiled = self._core.compile_model(self._build(batch), "CPU", options)
            # On one core a queue would only be a second thread to wait for.
            self._requests[batch] = (
                self._openvino.AsyncInferQueue(compiled, self._cores)
                if self._cores > 1
                else compiled.create_infer_request()
            )
        return self._requests[batch]


class TorchEngine(Engine):
    """Both networks in PyTorch, in float32; on CUDA compiled."""

    def __init__(
        self,
        detector: tflite.Graph,
        landmarker: tflite.Graph,
        device: torch.device,
        outliner: tflite.Graph | None = None,
    ) -> None:
        super().__init__(
            TorchNetwork(detector, SIGNED, device),
            TorchNetwork(landmarker, _UNIT, device),
            TorchNetwork(outliner, _UNIT, device) if outliner else None,
        )


class TorchNetwork:
    """A network in PyTorch, in float32; on CUDA compiled."""

    def __init__(
        self, graph: tflite.Graph, scaling: tuple[float, float], device: torch.device
    ) -> None:
        self.device = device
        self._network = Network(graph).eval().to(device)
        self._scale, self._shift = scaling
        # CUDA graphs want fixed shapes: a batch is cut into these sizes and the last is padded.
        # On the CPU larger ones leave the cache: eight at once take twice as long each as two.
        self._batches = _CUDA_BATCHES if device.type == "cuda" else _TORCH_BATCHES
        self._run: Any = self._forward
        if device.type == "cuda":
            # With TF32 they would lose the digits that the points need.
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cuda.matmul.allow_tf32 = False
            torch.backends.cudnn.benchmark = True
            if can_compile():
                # Fused and replayed as CUDA graphs. Tuning every kernel as well would take each
                # worker minutes, for networks that wait for the decoders.
                self._run = torch.compile(self._forward, mode="reduce-overhead", dynamic=False)
            else:
                _log.warning(
                    "no C compiler or no Python.h: the networks run uncompiled and slower; "
                    "install gcc and python3-dev"
                )

    def _computed(self, squares: Tensor) -> tuple[Tensor, ...]:
        try:
            return tuple(self._run(squares))
        except torch._dynamo.exc.TorchDynamoException as error:
            # A RuntimeError, which would pass for the pictures' own fault.
            reason = " ".join(str(error).split("\n")[:2])
            _log.warning("a network runs uncompiled and slower, it cannot be compiled: %s", reason)
            self._run = self._forward
            return self._forward(squares)

    def _forward(self, squares: Tensor) -> tuple[Tensor, ...]:
        pixels = squares.permute(0, 3, 1, 2).float() * self._scale + self._shift
        outputs: tuple[Tensor, ...] = self._network(
            pixels.contiguous(memory_format=torch.channels_last)
        )
        return outputs

    @torch.inference_mode()
    def __call__(self, squares: Tensor) -> list[Tensor]:
        """See `network`."""
        parts: list[tuple[Tensor, ...]] = []
        start = 0
        while start < len(squares):
            left = len(squares) - start
            batch = next((size for size in self._batches if size >= left), self._batches[-1])
            part = squares[start : start + batch]
            size = len(part)
            if size < batch:
                part = torch.cat([part, part[-1:].expand(batch - size, -1, -1, -1)])
            # The next replay of the graph overwrites its outputs.
            parts.append(tuple(output[:size].clone() for output in self._computed(part)))
            start += size
        return [torch.cat(outputs) for outputs in zip(*parts, strict=True)]


_Network = OpenVinoNetwork | TorchNetwork
