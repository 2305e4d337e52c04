"""An exported top-down model: its file, checked, and its session in ONNX Runtime."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from unposed_jobs import storage
from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose.coco17.heads import Floats, decode_heat_maps, decode_simcc
from unposed_jobs.pose.topology import COCO17

MAX_BYTES = 2**31 - 1
"""No ONNX file is larger: it is one protocol buffer."""

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_POINTS = len(COCO17)
_EXPECTED = (
    f"one output of heat maps (batch, {_POINTS}, rows, columns), or simcc_x and simcc_y "
    f"(batch, {_POINTS}, positions)"
)


def read(settings: PoseSettings) -> tuple[str, bytes, str]:
    """Name, bytes and sha256 of the model of ``onnx:PATH``; an ``s3://`` address is a path, too.

    Raises UnposedError where it cannot be read, or is not the one that the settings ask for.
    """
    path = settings.estimator.partition(":")[2]
    try:
        data = storage.read_bytes(path, max_bytes=MAX_BYTES)
    except storage.StorageError as error:
        raise UnposedError(f"cannot read the model: {error}; check [pose] estimator") from None
    digest = hashlib.sha256(data).hexdigest()
    wanted = settings.onnx_sha256.strip().lower()
    if wanted and digest != wanted:
        raise UnposedError(
            f"the model {storage.shown(path)} has sha256 {digest}, not the one of [pose] "
            "onnx_sha256: fetch the model again, or correct the setting"
        )
    return PurePosixPath(path).stem, data, digest


class Model:
    """Crops of people to key points. Heat maps or SimCC, whichever the outputs are.

    `size` is the input's (width, height); `largest_batch` the most people in one run.
    """

    def __init__(self, name: str, data: bytes, settings: PoseSettings) -> None:
        """Start a session and try it. Raises UnposedError for whatever makes it useless here."""
        self._name = name
        self._codec = settings.onnx_heat_maps
        self._session = _session(name, data, settings.onnx_device)
        if len(self._session.get_inputs()) != 1:
            raise self._refused("has not one input but several", "export it without them")
        wanted = self._session.get_inputs()[0]
        self._input = wanted.name
        if wanted.type not in _TYPES:
            raise self._refused(f"wants {wanted.type} as its input", "export it in float32")
        self._type = _TYPES[wanted.type]
        self.size = self._input_size(wanted.shape, settings)
        fixed = wanted.shape[0]
        self.largest_batch = fixed if isinstance(fixed, int) else settings.onnx_batch_size
        self._batch = fixed if isinstance(fixed, int) else None
        self._outputs = self._output_names()
        self._try()

    def __call__(self, inputs: Floats) -> Floats:
        """Key points (P, 17, 3) of inputs (P, 3, height, width), P from 1 to `largest_batch`.

        x, y in [0, 1] of the input's region, and the score. Raises RuntimeError where the
        runtime fails.
        """
        found = self._run(inputs)
        if len(found) == 1:
            return decode_heat_maps(found[0], self._codec)
        return decode_simcc(*found)

    @property
    def unbiased(self) -> bool:
        """Whether the model counts pixels as UDP does, see `crops`."""
        return len(self._outputs) == 1 and self._codec == "udp"

    def _run(self, inputs: Floats) -> list[Floats]:
        people = len(inputs)
        if self._batch is not None and people < self._batch:
            inputs = np.concatenate([inputs, np.repeat(inputs[-1:], self._batch - people, axis=0)])
        try:
            found = self._session.run(self._outputs, {self._input: inputs.astype(self._type)})
        except Exception as error:  # The runtime's errors have no other ancestor.
            raise RuntimeError(_reason(error)) from None
        return [np.asarray(output[:people], np.float32) for output in found]

    def _input_size(self, shape: list[Any], settings: PoseSettings) -> tuple[int, int]:
        if len(shape) != 4 or (isinstance(shape[1], int) and shape[1] != 3):
            raise self._refused(
                f"wants an input of shape {_shown(shape)}",
                "export it for pictures of shape (batch, 3, height, width)",
            )
        given = settings.onnx_input_size
        open_size = not (isinstance(shape[2], int) and isinstance(shape[3], int))
        if open_size and not given:
            raise self._refused(
                "leaves the size of its input open",
                "set [pose] onnx_input_size = [width, height], as in its training",
            )
        width, height = (given[0], given[1]) if given else (shape[3], shape[2])
        for own, other in ((shape[3], width), (shape[2], height)):
            if isinstance(own, int) and own != other:
                raise self._refused(
                    f"is for inputs of {shape[3]} x {shape[2]}, not {width} x {height}",
                    "leave [pose] onnx_input_size out, or set it so",
                )
        return width, height

    def _output_names(self) -> list[str]:
        names = [output.name for output in self._session.get_outputs()]
        named = [name for name in ("simcc_x", "simcc_y") if name in names]
        if len(named) == 2:
            return named
        if len(names) > 2:
            raise self._refused(
                f"has the outputs {', '.join(names)}", f"export it with {_EXPECTED}"
            )
        return names

    def _try(self) -> None:
        width, height = self.size
        people = min(2, self.largest_batch)
        try:
            found = self._run(np.zeros((people, 3, height, width), np.float32))
        except RuntimeError as error:
            raise self._refused(
                f"fails on {people} inputs of {width} x {height} ({error})",
                "export it with an open batch, or with the size of [pose] onnx_input_size",
            ) from None
        shapes = [output.shape for output in found]
        rank = 4 if len(shapes) == 1 else 3
        if any(len(shape) != rank or shape[0] != people for shape in shapes):
            listed = " and ".join(_shown(shape) for shape in shapes)
            raise self._refused(f"gives {listed}", f"export it with {_EXPECTED}")
        if any(shape[1] != _POINTS for shape in shapes):
            raise self._refused(
                f"gives {shapes[0][1]} key points, not COCO's {_POINTS}",
                "export a model that was trained on COCO's key points",
            )

    def _refused(self, reason: str, remedy: str) -> UnposedError:
        return UnposedError(f"the model {self._name} {reason}; {remedy}")


def _session(name: str, data: bytes, device: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise UnposedError(
            f"cannot import onnxruntime ({_reason(error)}); install the packages of "
            "requirements.lock, or for CUDA onnxruntime-gpu in its place"
        ) from None
    from unposed_jobs.networks.threads import threads

    provider = _PROVIDERS[device]
    if provider not in onnxruntime.get_available_providers():
        raise _no_cuda("this onnxruntime was built without it")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    providers: list[Any] = [provider]
    if device == "cuda":
        # With TF32 the same picture would have other key points than on the CPU. By default every
        # number of people would have all algorithms tried before it is computed.
        how = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
        providers = [(provider, how), _PROVIDERS["cpu"]]
    try:
        session = onnxruntime.InferenceSession(data, options, providers=providers)
    except Exception as error:  # The runtime's errors have no other ancestor.
        raise UnposedError(
            f"ONNX Runtime refuses the model {name}: {_reason(error)}; export it again, whole and "
            "in one file"
        ) from None
    if session.get_providers()[0] != provider:
        raise _no_cuda("it did not start on this machine")
    return session


def _no_cuda(reason: str) -> UnposedError:
    return UnposedError(
        f'[pose] onnx_device = "cuda", but ONNX Runtime has no CUDA: {reason}; install '
        'onnxruntime-gpu in place of onnxruntime on a machine with a GPU, or set "cpu"'
    )


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]


def _shown(shape: Any) -> str:
    return f"({', '.join(str(side) for side in shape)})"
