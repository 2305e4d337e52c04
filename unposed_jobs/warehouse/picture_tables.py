"""The tables of what pictures are like: their facts, parts and colours, and marketplaces' rules."""

from __future__ import annotations

import pyarrow as pa

from unposed_jobs.warehouse.columns import (
    BUCKET,
    COHORT,
    MODEL_VERSION,
    RUN_DATE,
    RUN_ID,
    Table,
    column,
    key,
)

_TEXTS = pa.list_(pa.string())
_SHARE = "Share of the frame, in [0, 1]"
_CONTENT = key("content_sha256", pa.string(), "The picture's content; see images")
_FACTS_VERSION = key(
    "facts_version",
    pa.string(),
    "The code, networks and settings that the facts are by, and a digest of the estimator",
)
_CROP = key(
    "crop",
    pa.string(),
    "head, upper_garment, lower_garment, dress, shoes, left_hand, right_hand, full; of shots: "
    "upper_body, chest, legs",
)

PICTURE_FACTS = Table(
    "picture_facts",
    "What each picture's content is like",
    pa.schema(
        [
            _FACTS_VERSION,
            BUCKET,
            _CONTENT,
            column("error", pa.string(), "One line: why there are no facts; null: there are"),
            column("about", pa.string(), "The part of the product that its colours are of"),
            column("file_bytes", pa.int64(), "Of the file"),
            column("file_format", pa.string(), "JPEG, PNG, WEBP, ..."),
            column("width", pa.int32(), "Pixels, upright"),
            column("height", pa.int32(), "Pixels, upright"),
            column("shortest_side", pa.int32(), "Pixels"),
            column("longest_side", pa.int32(), "Pixels"),
            column("aspect_ratio", pa.float64(), "Width over height"),
            column(
                "image_class",
                pa.string(),
                "model: a face is seen; worn: a person without; product_only",
            ),
            column("class_probability", pa.float64(), "Of the image class, in [0, 1]"),
            column("class_by_rule", pa.string(), "A face, else a person, else the product"),
            column("face_score", pa.float64(), "Of the likeliest face, in [0, 1]"),
            column("person_count", pa.int32(), "People found, at most the configured number"),
            column("person_probability", pa.float64(), "That anybody is there; null: not judged"),
            column("kind", pa.string(), "Of a picture without a person: flat lay, fabric, ..."),
            column("view", pa.string(), "Of a person: front, back or side"),
            column("footwear", pa.float64(), "Probability of shoes, in [0, 1]"),
            column("text_boxes", pa.int32(), "Lines of writing, or like it; null: not looked"),
            column("words", pa.int32(), "Lines that surely are words; null: not looked"),
            column("text_share", pa.float64(), f"Of words. {_SHARE}"),
            column("text_on_product", pa.float64(), "Share of the words that lies on the product"),
            column("mask_source", pa.string(), "outline, second_outline, ground or none"),
            column("white_share", pa.float64(), "Of the background, pure white, in [0, 1]"),
            column("plain_share", pa.float64(), "Of the background, of its own colour, in [0, 1]"),
            column("background", pa.string(), "The background's colour, #rrggbb"),
            column("product_share", pa.float64(), f"Of person or product. {_SHARE}"),
            column("fill", pa.float64(), "The longer of the product's sides over the frame's"),
            column("off_centre_x", pa.float64(), "Of the product's middle, right is positive"),
            column("off_centre_y", pa.float64(), "Of the product's middle, down is positive"),
            column("cut_off", _TEXTS, "The sides of the frame that the product touches"),
            column("edge_width", pa.float64(), "Blur of the sharpest edges, pixels; 0: no edge"),
            column("brightness", pa.float64(), "Of the product, in [0, 1]"),
            column("shadowed_share", pa.float64(), "Of the product, all but black, in [0, 1]"),
            column("burnt_share", pa.float64(), "Of the product, all but white, in [0, 1]"),
            column("colours", _TEXTS, "Of the product, #rrggbb, the largest first"),
            column("colour_names", _TEXTS, "The nearest standard names (CSS), in that order"),
            column("colour_shares", pa.list_(pa.float64()), "Of the product, in that order"),
            column("mask", pa.binary(), "PNG of 128 pixels: 255 is the product; null: no mask"),
            RUN_ID,
        ]
    ),
    partition=("facts_version", "bucket"),
    key=("facts_version", "content_sha256"),
)

PICTURE_CROPS = Table(
    "picture_crops",
    "Where garments, head, shoes and hands are in each picture of a person, and the shots within",
    pa.schema(
        [
            _FACTS_VERSION,
            BUCKET,
            _CONTENT,
            _CROP,
            key(
                "box",
                pa.list_(pa.float32()),
                "Left, top, width, height, in [0, 1] of the upright picture",
            ),
            key("width", pa.int32(), "Pixels of the crop"),
            key("height", pa.int32(), "Pixels of the crop"),
            key("coverage", pa.float64(), "Share of what the rule wants that is in the frame"),
            column(
                "framing", pa.string(), "Of the picture: full, upper_body, chest, legs or other"
            ),
            column("view", pa.string(), "Of the picture: front, back, left, right, three_quarter"),
            RUN_ID,
        ]
    ),
    partition=("facts_version", "bucket"),
    key=("facts_version", "content_sha256", "crop"),
)

CROP_POSES = Table(
    "crop_poses",
    "The pose class that a model gives each shot that lies within a picture",
    pa.schema(
        [
            MODEL_VERSION,
            BUCKET,
            _FACTS_VERSION,
            _CONTENT,
            _CROP,
            column("pose_id", pa.int32(), "The nearest class; null where it is like none"),
            key("confidence", pa.float32(), "In [0, 1]; 0 where nothing could be assigned"),
            RUN_ID,
        ]
    ),
    partition=("model_version", "bucket"),
    key=("model_version", "facts_version", "content_sha256", "crop"),
)

PRODUCT_COLOURS = Table(
    "product_colours",
    "For each audited day: each product's colours, and whether its pictures agree in them",
    pa.schema(
        [
            RUN_DATE,
            key("product_id", pa.string(), "The retailer's key"),
            *COHORT,
            key("pictures", pa.int32(), "Pictures that tell a colour"),
            column("colours", _TEXTS, "#rrggbb of its most typical picture, the largest first"),
            column("colour_names", _TEXTS, "The nearest standard names (CSS), in that order"),
            column("colour_shares", pa.list_(pa.float64()), "Of the product, in that order"),
            column("image_uri", pa.string(), "The most typical picture"),
            column(
                "apart",
                pa.float64(),
                "How far the farthest picture's colours are from the others', in CIELAB with "
                "lightness counted less; "
                "null with fewer than two",
            ),
            column("apart_image_uri", pa.string(), "The farthest picture"),
            key("disagree", pa.bool_(), "They are farther apart than [facts] colours_apart"),
            RUN_ID,
        ]
    ),
    partition=("run_date",),
    key=("run_date", "product_id"),
)

READY_FOR = Table(
    "ready_for",
    "For each audited day: whether a marketplace would accept each product's pictures. The lists "
    "have an entry for each failing rule and picture; the view failing_rules has a row",
    pa.schema(
        [
            RUN_DATE,
            key("product_id", pa.string(), "The retailer's key"),
            *COHORT,
            key("marketplace", pa.string(), "One of [facts] marketplaces"),
            key("ready", pa.bool_(), "No rule that must hold fails"),
            key("judged", pa.int32(), "Pictures that were judged"),
            key("unjudged", pa.int32(), "Listed pictures without facts: unreadable, or not yet"),
            column("rules", _TEXTS, "Of the marketplace's file"),
            column("levels", _TEXTS, "must or advice"),
            column("images", _TEXTS, "The picture; empty: it is about all of them"),
            column("found", _TEXTS, "What was measured"),
            column("wanted", _TEXTS, "The rule's limits in words"),
            column(
                "remedies",
                _TEXTS,
                "crop; cut_out; re-export: the original in another size or file; shoot; leave_out",
            ),
            RUN_ID,
        ]
    ),
    partition=("run_date",),
    key=("run_date", "product_id", "marketplace"),
)

OF_CONTENTS = (PICTURE_FACTS, PICTURE_CROPS, CROP_POSES)
"""Added to, never written anew."""
OF_DAYS = (PRODUCT_COLOURS, READY_FOR)
"""Published with their day."""
