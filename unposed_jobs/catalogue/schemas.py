"""The rows of a catalogue, as every source is brought to them."""

from __future__ import annotations

import pyarrow as pa

FILE = "__source_file"
ROW = "__source_row"
PART = "__source_part"
"""Beside the columns of a source, whose names they must not meet."""
_PLACE = [
    pa.field(FILE, pa.int32()),  # which of the planned files, in their order
    pa.field(ROW, pa.int64()),  # in that file, from 1; a CSV's header is row 1
]

PRODUCTS = pa.schema(
    [
        pa.field("product_id", pa.string()),
        pa.field("category", pa.string()),
        pa.field("subcategory", pa.string()),
        pa.field("product_type", pa.string()),
        pa.field("average_rating", pa.float64()),
        pa.field("rating_count", pa.int64()),
        pa.field("attributes", pa.map_(pa.string(), pa.string())),
        pa.field("signals", pa.map_(pa.string(), pa.float64())),
        pa.field("carried", pa.string()),
    ]
)
"""One product. average_rating in [0, 5], null where unrated; rating_count 0 where unknown.
`attributes` and `signals` hold the further columns that `cohort_attributes` and
`popularity_signals` name, null where the source has no value. `carried` are the values of the
columns that `carry` names, in their order, as one text (`packing`); null where they were not asked
for."""

IMAGES = pa.schema(
    [
        pa.field("product_id", pa.string()),
        pa.field("image_uri", pa.string()),
        pa.field("position", pa.int32()),
        pa.field("etag", pa.string()),
        pa.field("size", pa.int64()),
        pa.field("last_modified", pa.timestamp("us", tz="UTC")),
        pa.field("added_at", pa.date32()),
        pa.field("removed_at", pa.date32()),
    ]
)
"""One picture of a product. image_uri is absolute; position counts from 1 where the source has
none; the picture is shown from added_at until the day before removed_at (null: open)."""

LANDMARKS = pa.schema(
    [
        pa.field("image_uri", pa.string()),
        pa.field("content_sha256", pa.string()),
        pa.field("status", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("person_count", pa.int32()),
        pa.field("pose_score", pa.float32()),
        pa.field("landmarks", pa.list_(pa.float32())),
    ]
)
"""A picture's landmarks from elsewhere, as the table `landmarks` has them; status ok or
no_person. content_sha256 is a digest of the row itself: no picture was read."""

ACCEPTED_PRODUCTS = pa.schema([*PRODUCTS, *_PLACE])
ACCEPTED_IMAGES = pa.schema([*IMAGES, *_PLACE, pa.field(PART, pa.int32())])
"""With `PART`: which of the pictures that its row names, from 1."""
ACCEPTED_LANDMARKS = pa.schema([*LANDMARKS, *_PLACE])

REJECTS = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("row_key", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("row", pa.string()),
        *_PLACE,
    ]
)
"""A source row that was set aside: the columns of the table `catalogue_rejects`, and its place."""

REASONS = {
    "empty_row": "no cell of the row has a value",
    "other_row": "a row that [catalogue] only_rows leaves out",
    "malformed_line": "the line does not have the header's fields, or a quote is not closed",
    "missing_key": "product_id or image_uri is empty",
    "missing_category": "category is empty",
    "wrong_points": "another number of landmark values than the table's other rows",
    "bad_number": "text, infinity, NaN or a value out of range where a number belongs",
    "bad_date": "not a date, or not a time",
    "bad_uri": "an address that no storage could have",
    "removed_before_added": "removed_at lies before added_at",
    "duplicate_key": "a product, or a picture's landmarks, listed twice with different values; "
    "the first is kept",
    "unknown_product": "the picture's product is not in the products source, or was set aside",
    "continuation_row": "a further row of a product, whose category stands in another one",
    "no_picture": "a row of a source of products and pictures that names no picture",
    "ignored_value": "a value of an optional column that is none; the row itself is kept",
    "unlisted_picture": "landmarks of a picture that no accepted row of the images source lists",
    "repeated_row": "the same product, landmarks, or picture of a product, once more; one is kept",
}
"""Why a row is set aside, in the order in which the reasons are checked."""

HARMLESS = frozenset(
    {
        "empty_row",
        "other_row",
        "continuation_row",
        "no_picture",
        "ignored_value",
        "repeated_row",
        "unlisted_picture",
    }
)
"""Reasons by which nothing is lost, and which do not count against the error budget: shops list one
picture under several views (front, search, default), spreadsheets keep emptied rows, exports have
rows for variants, and a pose model runs on more pictures than one catalogue lists."""

COUNTED = frozenset({"empty_row", "other_row", "continuation_row"})
"""Reasons whose rows are counted in `runs` and not kept: nothing that anyone should mend."""
