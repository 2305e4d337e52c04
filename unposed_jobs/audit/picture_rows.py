"""What became of each picture, as rows of product_images, by column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.pictures import TROUBLES, Pictures
from unposed_jobs.audit.rows import places, stamp, table_of
from unposed_jobs.audit.states import AuditRun
from unposed_jobs.config import AuditSettings
from unposed_jobs.storage import STATUSES
from unposed_jobs.warehouse.tables import PRODUCT_IMAGES

_SHOWN, _UNCLEAR, _HIDDEN, _REPEAT = range(4)
STATUS_WORDS = ("shown", "unclear", "hidden", "repeat", *STATUSES, "unreadable", "not_read")
"""The troubles of `audit.pictures.TROUBLES` come last, in their order."""
_REASONS = (
    None,
    "its pose is less sure than [audit] min_confidence",
    "it is like no known pose",
    "the shot profile hides its pose",
    "it has the bytes or the look of repeat_of",
    "it is cropped or mirrored from repeat_of",
    *TROUBLES,
)


def product_images_rows(
    batch: pa.RecordBatch,
    pictures: Pictures,
    expectations: Expectations,
    *,
    settings: AuditSettings,
    run: AuditRun,
) -> pa.Table:
    """One row of product_images for each picture: by product as in `batch`, then as shown."""
    pose = _place(pictures.pose_ids, expectations.pose_ids)
    readable = pictures.trouble < 0
    named = readable & (pose >= 0)
    hidden = named & np.append(expectations.hidden, False)[pose]
    ask = np.where(named & ~hidden, _asks_of(expectations)[pose], -1)
    sure = pictures.recognised(settings.min_confidence)
    tests = [~readable, pictures.duplicate, ~sure, hidden]
    status = np.select(
        tests, [_REPEAT + 1 + pictures.trouble, _REPEAT, _UNCLEAR, _HIDDEN], _SHOWN
    ).astype(np.int64)
    why = np.select(
        tests,
        [6 + pictures.trouble, 4 + pictures.altered, 1 + (pictures.pose_ids < 0), 3],
        0,
    ).astype(np.int64)
    known = pictures.known
    columns = {
        **stamp(batch, run, pa.array(pictures.product), ("product_id",)),
        **{name: known[name].combine_chunks() for name in _AS_KNOWN},
        "status": pa.array(STATUS_WORDS, pa.string()).take(pa.array(status)),
        "reason": pc.coalesce(
            known["error"].combine_chunks(), pa.array(_REASONS, pa.string()).take(pa.array(why))
        ),
        "kind": pc.if_else(pa.array(readable), known["kind"].combine_chunks(), None),
        "pose_id": pa.array(expectations.pose_ids).take(places(named, pose)),
        "pose_name": pa.array(expectations.pose_names, pa.string()).take(places(named, pose)),
        "confidence": pa.array(pictures.confidence, mask=~readable),
        "ask_id": pa.array(expectations.ask_ids).take(places(ask >= 0, ask)),
        "ask_name": pa.array(expectations.names, pa.string()).take(places(ask >= 0, ask)),
        "repeat_of": pictures.uris.take(places(pictures.duplicate, pictures.repeats)),
        "repeat_kind": pa.array(["exact", "altered"]).take(
            places(pictures.duplicate, pictures.altered.astype(np.int64))
        ),
    }
    return table_of(columns, PRODUCT_IMAGES.schema)


_AS_KNOWN = ("image_uri", "position", "content_sha256", "person_count")


def _place(pose_ids: npt.NDArray[np.int64], known: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Where each id stands among the `known` ones, ascending; -1 where it does not."""
    place = np.searchsorted(known, pose_ids)
    there = np.append(known, -1)[place] == pose_ids
    return np.where(there & (pose_ids >= 0), place, -1)


def _asks_of(expectations: Expectations) -> npt.NDArray[np.int64]:
    """(P + 1,) place of the ask that each class belongs to; the last, -1, for none."""
    asks = np.full(len(expectations.pose_ids) + 1, -1, dtype=np.int64)
    for place, members in enumerate(expectations.members):
        asks[:-1][np.isin(expectations.pose_ids, members)] = place
    return asks
