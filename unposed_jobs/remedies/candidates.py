"""What a product has that could show a missing ask: parts of its pictures, frames of its videos.

Whatever finds them hands them to the audit as one column of its products, `COLUMN`, a list of
`CANDIDATE` structs in any order. Further kinds need a name in `KINDS` and nothing else here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

CROP, FRAME, SHOOT, MAKE = KINDS = ("crop", "frame", "shoot", "make")
"""In the order in which they are preferred: the product's own picture is nearer at hand than a
video, and both than a photographer. Charts and texts, which nobody photographs, are made."""

OFFERED = (CROP, FRAME)
"""Those that a product has already."""

COLUMN = "candidates"
"""Of a batch of products; without it, or where it is null, a product has none."""

CANDIDATE = pa.struct(
    [
        pa.field("kind", pa.string()),  # CROP or FRAME
        pa.field("uri", pa.string()),  # of the picture or video
        pa.field("pose_id", pa.int32()),  # the class that the champion names it
        pa.field("certainty", pa.float64()),  # in [0, 1], that it is of that class
        # Of a crop: left, top, width, height in shares of the picture; null of others.
        pa.field("box", pa.list_(pa.float32())),
        pa.field("seconds", pa.float64()),  # of a frame, from the video's start; null of others
    ]
)


@dataclass(frozen=True)
class Candidates:
    """M candidates of a batch of products, flat."""

    product: npt.NDArray[np.int64]
    """(M,) row of the product in the batch, ascending."""
    kind: npt.NDArray[np.int64]
    """(M,) place in `KINDS`."""
    pose_ids: npt.NDArray[np.int64]
    """(M,)"""
    certainty: npt.NDArray[np.float64]
    """(M,) in [0, 1]."""
    uris: pa.Array
    boxes: pa.Array
    seconds: pa.Array

    def __len__(self) -> int:
        return len(self.product)


def flatten(batch: pa.RecordBatch) -> Candidates:
    """The candidates of a batch of products, by product, kind, address, box and time.

    Those of another kind than `KINDS`, and without a pose, are left out.
    """
    names = [field.name for field in CANDIDATE]
    if COLUMN in batch.schema.names:
        nested = batch.column(COLUMN).cast(pa.list_(CANDIDATE))
        entries = pc.list_flatten(nested)
        columns = {"product": pc.list_parent_indices(nested).cast(pa.int64())}
        columns |= {name: pc.struct_field(entries, name) for name in names}
    else:
        columns = {"product": pa.array([], pa.int64())}
        columns |= {field.name: pa.array([], field.type) for field in CANDIDATE}
    table = pa.table(columns)
    place = pc.index_in(table["kind"], value_set=pa.array(OFFERED))
    table = table.append_column("place", place.cast(pa.int64()))
    boxes = [str(box) for box in table["box"].to_pylist()]
    table = table.append_column("corner", pa.array(boxes, pa.string()))
    known = pc.and_(table["place"].is_valid(), table["pose_id"].is_valid())
    order = ("product", "place", "uri", "corner", "seconds")
    table = table.filter(known).sort_by([(name, "ascending") for name in order])
    flat = {name: _array(table[name]) for name in table.column_names}
    return Candidates(
        product=flat["product"].to_numpy(),
        kind=flat["place"].to_numpy(),
        pose_ids=flat["pose_id"].to_numpy().astype(np.int64),
        certainty=np.nan_to_num(flat["certainty"].fill_null(0.0).to_numpy()).clip(0.0, 1.0),
        uris=flat["uri"],
        boxes=flat["box"],
        seconds=flat["seconds"],
    )


def _array(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
