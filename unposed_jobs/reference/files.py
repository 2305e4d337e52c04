"""The bundle's files to bytes and back: safetensors, npy, JSON and Parquet, none of them code."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy

from unposed_jobs import storage
from unposed_jobs.errors import UnposedError
from unposed_jobs.warehouse import tables

Arrays = dict[str, npt.NDArray[Any]]

LIBRARIES = ("faiss-cpu", "lightgbm", "numpy", "torch", "unposed")
VOCABULARY = pa.schema(
    [
        pa.field(column.name, column.type)
        for column in tables.VOCABULARY.schema
        if column.name not in ("model_version", "run_id", "correction")
    ]
)
"""The columns of the table `vocabulary` that a bundle knows."""


def versions() -> dict[str, str]:
    """Of the libraries that decide what is learned."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


def json_bytes(value: Any) -> bytes:
    """Sorted and indented, so that equal values give equal bytes."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode()


def json_rows(table: pa.Table) -> bytes:
    """A small table as a list of objects."""
    return json_bytes(table.to_pylist())


def read_vocabulary(rows: bytes, exemplars: bytes) -> pa.Table:
    """The vocabulary, with its exemplars put back."""
    pictures = json.loads(exemplars)
    return pa.Table.from_pylist(
        [row | {"exemplars": pictures[str(row["pose_id"])]} for row in json.loads(rows)],
        schema=VOCABULARY,
    )


def parquet(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def read_parquet(data: bytes) -> pa.Table:
    """The inverse of `parquet`."""
    return pq.read_table(pa.BufferReader(data))


def tensors(arrays: Arrays) -> bytes:
    """Arrays by name, as safetensors."""
    return safetensors.numpy.save({name: np.ascontiguousarray(a) for name, a in arrays.items()})


def read_tensors(data: bytes) -> Arrays:
    """The inverse of `tensors`."""
    return safetensors.numpy.load(data)


def clusters(prefix: str, state: Arrays) -> dict[str, bytes]:
    """Two files: the centroids as npy, the rest as safetensors."""
    sink = io.BytesIO()
    np.save(sink, state["centroids"], allow_pickle=False)
    rest = {name: array for name, array in state.items() if name != "centroids"}
    centroids, other = _cluster_names(prefix)
    return {centroids: sink.getvalue(), other: tensors(rest)}


def read_clusters(prefix: str, data: dict[str, bytes]) -> Arrays:
    """The inverse of `clusters`, from a bundle's files by name."""
    centroids, other = _cluster_names(prefix)
    array = np.load(io.BytesIO(data[centroids]), allow_pickle=False)
    return {"centroids": array} | read_tensors(data[other])


def _cluster_names(prefix: str) -> tuple[str, str]:
    if prefix:
        return f"{prefix}_centroids.npy", f"{prefix}.safetensors"
    return "centroids.npy", "clusters.safetensors"


def checked(uri: str, name: str, digest: str) -> bytes:
    """A file of the bundle, if it is the one that was written. Raises UnposedError."""
    if "/" in name or "\\" in name:
        raise UnposedError(f"the manifest at {uri} names {name!r}, which is no file of a bundle")
    try:
        data = storage.read_bytes(storage.join(uri, name))
    except storage.StorageError as error:
        raise UnposedError(
            f"the model at {uri} has lost {name}: {error}; restore it or run: unposed train"
        ) from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise UnposedError(
            f"{name} of the model at {uri} is not the file that was written (its sha256 differs); "
            "restore the bundle or run: unposed train"
        )
    return data
