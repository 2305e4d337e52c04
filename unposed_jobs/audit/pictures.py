"""A batch's pictures, flat: one row each, in the order they are shown, with what they count as."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.audit.duplicates import altered_pictures, repeated_pictures
from unposed_jobs.storage import STATUSES

PICTURE = pa.struct(
    [
        pa.field("image_uri", pa.string()),
        pa.field("position", pa.int32()),
        pa.field("image_status", pa.string()),  # images.status; null: not looked at yet
        pa.field("landmark_status", pa.string()),  # landmarks.status; null: not extracted
        pa.field("pose_id", pa.int32()),  # image_poses.pose_id; null: no known pose
        pa.field("confidence", pa.float32()),  # image_poses.confidence, in [0, 1]
        # image_poses.near_pose_ids; null: named before there were any
        pa.field("near_pose_ids", pa.list_(pa.int32())),
        pa.field("kind", pa.string()),  # image_poses.kind
        pa.field("perceptual_hash", pa.string()),
        pa.field("thumbnail", pa.binary()),  # landmarks.thumbnail; null: cannot be compared by it
        pa.field("content_sha256", pa.string()),
        pa.field("person_count", pa.int32()),
        pa.field("error", pa.string()),  # of images or landmarks; null: nothing is wrong with it
    ]
)
"""One picture of a product as the audit wants it."""

TROUBLES = (*(status.replace("_", " ") for status in STATUSES), "not decodable", "not read yet")
"""Why a picture is unreadable; `Pictures.trouble` indexes into it."""


@dataclass(frozen=True)
class Pictures:
    """N pictures of a batch of n products."""

    products: int
    product: npt.NDArray[np.int64]
    """(N,) row of the product in the batch, ascending."""
    uris: pa.Array
    known: pa.Table
    """(N,) the fields of `PICTURE`, as they came."""
    pose_ids: npt.NDArray[np.int64]
    """(N,) -1 where the picture has no pose."""
    confidence: npt.NDArray[np.float32]
    """(N,) in [0, 1]."""
    trouble: npt.NDArray[np.int8]
    """(N,) index into TROUBLES, -1 where the picture is readable."""
    repeats: npt.NDArray[np.int64]
    """(N,) readable and a repeat of another picture of the product, exact or altered: the row of
    that one; else -1."""
    altered: npt.NDArray[np.bool_]
    """(N,) those of the duplicates that are cropped or mirrored."""
    with_person: npt.NDArray[np.bool_]
    """(N,) usable and a person was found."""
    near: npt.NDArray[np.int64]
    """(M, 2) row of a picture and a further pose that it may show."""

    @property
    def duplicate(self) -> npt.NDArray[np.bool_]:
        """(N,) a repeat of another picture of the product."""
        return self.repeats >= 0

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """(N,) readable and not a repeat."""
        return (self.trouble < 0) & ~self.duplicate

    def recognised(self, min_confidence: float) -> npt.NDArray[np.bool_]:
        """(N,) usable and surely of one pose."""
        certain = self.confidence >= np.float32(min_confidence)
        return self.usable & (self.pose_ids >= 0) & certain

    def count(self, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """(n,) how many of a product's pictures are in a (N,) mask."""
        return np.bincount(self.product[which], minlength=self.products)


def flatten(batch: pa.RecordBatch, duplicate_distance: int) -> Pictures:
    """Unroll the `pictures` column of a batch of products, sorted by product, position, address.

    A null list is an empty one; an entry without an address is no picture (the outer join of a
    product without any). Raises ValueError for a missing field.
    """
    nested = batch.column("pictures")
    product = pc.list_parent_indices(nested).cast(pa.int64())
    entries = pc.list_flatten(nested)
    fields = {"product": product}
    for field in PICTURE:
        if entries.type.get_field_index(field.name) < 0:
            raise ValueError(f"the pictures have no field {field.name}")
        fields[field.name] = pc.struct_field(entries, field.name).cast(field.type)
    table = pa.table(fields)
    table = table.filter(table["image_uri"].is_valid())
    table = table.sort_by(
        [("product", "ascending"), ("position", "ascending"), ("image_uri", "ascending")]
    ).combine_chunks()
    flat = {name: _array(table[name]) for name in table.column_names}

    trouble = _trouble(flat["image_status"], flat["landmark_status"])
    rows = flat["product"].to_numpy()
    offsets = np.searchsorted(rows, np.arange(batch.num_rows + 1))
    repeats = repeated_pictures(
        offsets,
        flat["content_sha256"],
        flat["perceptual_hash"],
        duplicate_distance,
        considered=trouble < 0,
    )
    confidence = np.nan_to_num(flat["confidence"].fill_null(0.0).to_numpy()).clip(0.0, 1.0)
    pose_ids = flat["pose_id"].fill_null(-1).to_numpy().astype(np.int64)
    copied = altered_pictures(
        rows, flat["thumbnail"], pose_ids, confidence, considered=(trouble < 0) & (repeats < 0)
    )
    repeats = np.where(copied >= 0, copied, repeats)
    person = _mask(pc.equal(flat["landmark_status"], "ok"))
    return Pictures(
        products=batch.num_rows,
        product=rows,
        uris=flat["image_uri"],
        known=table,
        pose_ids=pose_ids,
        confidence=confidence.astype(np.float32),
        trouble=trouble,
        repeats=repeats,
        altered=copied >= 0,
        with_person=person & (trouble < 0) & (repeats < 0),
        near=np.column_stack(
            [
                pc.list_parent_indices(flat["near_pose_ids"]).to_numpy(),
                pc.list_flatten(flat["near_pose_ids"]).to_numpy(zero_copy_only=False),
            ]
        ).astype(np.int64),
    )


def _trouble(image_status: pa.Array, landmark_status: pa.Array) -> npt.NDArray[np.int8]:
    undecodable, unread = len(STATUSES), len(STATUSES) + 1
    trouble = np.full(len(image_status), unread, dtype=np.int8)
    read = _mask(pc.equal(image_status, "ok"))
    trouble[read & _mask(pc.is_in(landmark_status, pa.array(["ok", "no_person"])))] = -1
    trouble[read & _mask(pc.equal(landmark_status, "unreadable"))] = undecodable
    for index, status in enumerate(STATUSES):
        trouble[_mask(pc.equal(image_status, status))] = index
    return trouble


def _array(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _mask(values: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)
