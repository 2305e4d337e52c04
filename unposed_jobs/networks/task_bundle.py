"""Makes the ``.task`` bundle that MediaPipe's PoseLandmarker wants out of two TFLite files.

A bundle is an uncompressed zip of ``pose_detector.tflite`` and
``pose_landmarks_detector.tflite``. The landmark network as the 0.10 wheels ship it has no
``TFLITE_METADATA``, and the Tasks runtime refuses it ("requires specifying NormalizationOptions
metadata"), so that entry is added here; its weights and operators are not touched.
"""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

DETECTOR = "pose_detector.tflite"
LANDMARKER = "pose_landmarks_detector.tflite"

_METADATA_ENTRY = b"TFLITE_METADATA"
_METADATA_IDENTIFIER = b"M001"
_MODEL_IDENTIFIER = b"TFL3"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LOCAL_HEADER = 30
_EXTRA_HEADER = 4
_ALIGNMENT = 64
_ALIGNMENT_EXTRA_ID = 0xD935
"""The zip extra field by which Android's tools, too, align stored files."""


def build(detector: bytes, landmarker: bytes) -> bytes:
    """Make a bundle from the two networks; equal input gives equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in ((DETECTOR, detector), (LANDMARKER, with_metadata(landmarker))):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.extra = _padding(buffer.tell() + _LOCAL_HEADER + len(name))
            archive.writestr(entry, data)
    return buffer.getvalue()


def _padding(offset: int) -> bytes:
    # The runtime reads the networks in place; unaligned tensors would be copied to the heap.
    size = -(offset + _EXTRA_HEADER) % _ALIGNMENT
    return struct.pack("<HH", _ALIGNMENT_EXTRA_ID, size) + bytes(size)


def members(bundle: bytes) -> dict[str, bytes]:
    """Take the two networks out of a bundle.

    Raises ValueError where `bundle` is not a zip or lacks one of them.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            return {name: archive.read(name) for name in (DETECTOR, LANDMARKER)}
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"not a pose landmarker bundle: {error}") from None


def with_metadata(model: bytes) -> bytes:
    """Add the input normalisation (mean 0, std 255: pixels to [0, 1]) to a TFLite model."""
    import flatbuffers
    from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
    from mediapipe.tasks.metadata import schema_py_generated as model_schema

    graph = model_schema.ModelT.InitFromObj(model_schema.Model.GetRootAsModel(model, 0))
    buffer = model_schema.BufferT()
    buffer.data = _normalisation_metadata(flatbuffers, metadata_schema)
    graph.buffers.append(buffer)
    entry = model_schema.MetadataT()
    entry.name = _METADATA_ENTRY
    entry.buffer = len(graph.buffers) - 1
    graph.metadata = [*(graph.metadata or []), entry]
    builder = flatbuffers.Builder(len(model) + 4096)
    builder.Finish(graph.Pack(builder), file_identifier=_MODEL_IDENTIFIER)
    return bytes(builder.Output())


def _normalisation_metadata(flatbuffers: Any, schema: Any) -> bytes:
    picture = schema.ImagePropertiesT()
    picture.colorSpace = schema.ColorSpaceType.RGB
    content = schema.ContentT()
    content.contentPropertiesType = schema.ContentProperties.ImageProperties
    content.contentProperties = picture
    normalisation = schema.NormalizationOptionsT()
    normalisation.mean = [0.0]
    normalisation.std = [255.0]
    unit = schema.ProcessUnitT()
    unit.optionsType = schema.ProcessUnitOptions.NormalizationOptions
    unit.options = normalisation
    tensor = schema.TensorMetadataT()
    tensor.name = "image"
    tensor.content = content
    tensor.processUnits = [unit]
    subgraph = schema.SubGraphMetadataT()
    subgraph.inputTensorMetadata = [tensor]
    root = schema.ModelMetadataT()
    root.name = "BlazePose landmarks"
    root.subgraphMetadata = [subgraph]
    builder = flatbuffers.Builder(256)
    builder.Finish(root.Pack(builder), file_identifier=_METADATA_IDENTIFIER)
    return bytes(builder.Output())
