"""The tables: name, columns with their comments, partitioning and key.

The Arrow schemas here are the single source: Iceberg schemas, the checks before a commit and
the analysts' data dictionary are all derived from them.
"""

from __future__ import annotations

import pyarrow as pa

from unposed_jobs.warehouse import picture_tables, video_tables
from unposed_jobs.warehouse.columns import BUCKET as _BUCKET
from unposed_jobs.warehouse.columns import CARRIED as _CARRIED
from unposed_jobs.warehouse.columns import COHORT as _COHORT
from unposed_jobs.warehouse.columns import MODEL_VERSION as _MODEL_VERSION
from unposed_jobs.warehouse.columns import RUN_DATE as _RUN_DATE
from unposed_jobs.warehouse.columns import RUN_ID as _RUN_ID
from unposed_jobs.warehouse.columns import Table
from unposed_jobs.warehouse.columns import column as _column
from unposed_jobs.warehouse.columns import key as _key
from unposed_jobs.warehouse.influence_table import INFLUENCE

NAMESPACE = "unposed"

IMAGES = Table(
    "images",
    "Every address of a picture or video ever read, with the fingerprint it had last",
    pa.schema(
        [
            _BUCKET,
            _key("image_uri", pa.string(), "The picture's address"),
            _column("etag", pa.string(), "The tag of object store or web server; null for files"),
            _column("size", pa.int64(), "Bytes"),
            _column("last_modified", pa.timestamp("us", tz="UTC"), "As the storage reports it"),
            _column(
                "content_sha256",
                pa.string(),
                "Of the bytes, or of the row where landmarks come from a table; null where "
                "neither was read",
            ),
            _key(
                "status",
                pa.string(),
                "ok; missing: no such object, or no row in the landmark table; "
                "gone: removed from the web for good; forbidden: its host denies it; "
                "rate_limited: its host wants fewer requests; server_error: its host failed; "
                "timeout: no whole answer in time; "
                "unreachable: the storage did not answer or refused; "
                "refused: a scheme, host or network address that is not allowed; "
                "too_large: over the byte limit; not_a_picture: a page in the picture's place",
            ),
            _column("error", pa.string(), "One line: why the status is not ok"),
            _key("first_seen", pa.date32(), "The first audited day that listed the picture"),
            _key(
                "last_seen",
                pa.date32(),
                "The last audited day that listed the picture, up to a week behind: it alone is "
                "no reason to write the row again",
            ),
            _RUN_ID,
        ]
    ),
    partition=("bucket",),
    key=("image_uri",),
)

LANDMARKS = Table(
    "landmarks",
    "What an estimator found in each picture's content",
    pa.schema(
        [
            _key("estimator_id", pa.string(), "Estimator, version and weights"),
            _BUCKET,
            _key("content_sha256", pa.string(), "The picture's content; see images"),
            _key("status", pa.string(), "ok; no_person; unreadable: not a picture we can decode"),
            _column(
                "error",
                pa.string(),
                "One line: why the picture is unreadable; of a readable one, what it lacks "
                "(incomplete: ...), or that it shows several views (collage: ...), is a strip "
                "(strip: ...) or shows people that are too small (small: ...)",
            ),
            _column("width", pa.int32(), "Pixels, upright (EXIF orientation applied)"),
            _column("height", pa.int32(), "Pixels, upright"),
            _column("person_count", pa.int32(), "People found, at most the configured number"),
            _column("pose_score", pa.float32(), "Confidence that the principal person is there"),
            _column(
                "person_confidence",
                pa.float64(),
                "Probability that a person is there and placed right; null where none was found "
                "or the second look is off",
            ),
            _column(
                "found_by",
                pa.string(),
                "detector; or whole_frame: the second look at the whole picture is believed",
            ),
            _column(
                "person_probability",
                pa.float64(),
                "Probability that anybody is in the picture at all; null where the second look is "
                "off",
            ),
            _column(
                "landmarks",
                pa.list_(pa.float32()),
                "Principal person, flat. 33 points: x, y, z, visibility, presence for each "
                "(165 values); 17 points: x, y, score (51 values). x and y in [0, 1] of the "
                "upright picture from its top left, z in the unit of x, towards the camera "
                "negative",
            ),
            _column("perceptual_hash", pa.string(), "64-bit pHash, 16 hexadecimal digits"),
            _column(
                "thumbnail",
                pa.binary(),
                "32 x 32 grey values, a byte each, row by row: cropped and mirrored copies are "
                "found by it; null where landmarks come from a table",
            ),
            _column(
                "statistics",
                pa.list_(pa.float32()),
                "Plain picture statistics and, where it was judged, the probability of each kind "
                "of picture, for pictures without a person; the order is "
                "unposed_jobs.pose.statistics.COLUMNS",
            ),
            _RUN_ID,
        ]
    ),
    partition=("estimator_id", "bucket"),
    key=("estimator_id", "content_sha256"),
)

IMAGE_POSES = Table(
    "image_poses",
    "The pose class that a model gives each picture's content",
    pa.schema(
        [
            _MODEL_VERSION,
            _BUCKET,
            _key("content_sha256", pa.string(), "The picture's content; see images"),
            _column("pose_id", pa.int32(), "The nearest class; null where unknown or unreadable"),
            _column("distance", pa.float32(), "To the nearest centroid, in the embedding's unit"),
            _key("confidence", pa.float32(), "In [0, 1]; 0 where nothing could be assigned"),
            _column(
                "near_pose_ids",
                pa.list_(pa.int32()),
                "Other classes less than 1.5 times as far as the nearest: the picture may show "
                "them; null in rows of versions that did not ask",
            ),
            _key("kind", pa.string(), "person, no_person or unreadable"),
            _column("perceptual_hash", pa.string(), "64-bit pHash, 16 hexadecimal digits"),
            _RUN_ID,
        ]
    ),
    partition=("model_version", "bucket"),
    key=("model_version", "content_sha256"),
)

VOCABULARY = Table(
    "vocabulary",
    "The pose classes of each model",
    pa.schema(
        [
            _MODEL_VERSION,
            _key("pose_id", pa.int32(), "Stable between models; never reused"),
            _key("kind", pa.string(), "person or no_person"),
            _key("name", pa.string(), "Readable, made from the class's landmarks or statistics"),
            _column("shot_code", pa.string(), "The retailer's code for the shot: FRNT, BACK, ..."),
            _key("size", pa.int64(), "Reference pictures in the class"),
            _column("spread", pa.float32(), "Median distance of its members to the centroid"),
            _column("exemplars", pa.list_(pa.string()), "Addresses of the most typical pictures"),
            _key("lineage", pa.string(), "kept, new or retired against the champion"),
            _column("ask_id", pa.int32(), "Its ask, by the least pose_id of the ask's classes"),
            _column("ask_name", pa.string(), "Of the ask: what its classes have in common"),
            _column(
                "asked",
                pa.bool_(),
                "Whether the ask may be flagged missing; false: too few products show it, or it "
                "is not found again when pictures are taken again",
            ),
            _column(
                "agreement",
                pa.float64(),
                "Share of the ask's pictures that stay in it when all is done again",
            ),
            _column(
                "correction",
                pa.string(),
                "What the shot profile of the latest audit changed about the class or its ask, and "
                "why; null: all is as it was learned",
            ),
            _RUN_ID,
        ]
    ),
    partition=(),
    key=("model_version", "pose_id"),
)

MODELS = Table(
    "models",
    "Every trained model bundle and what became of it",
    pa.schema(
        [
            _MODEL_VERSION,
            _key("status", pa.string(), "candidate, champion, retired or rejected"),
            _key("estimator_id", pa.string(), "The estimator whose landmarks it was learned from"),
            _key("artefact_uri", pa.string(), "The bundle's folder"),
            _key("checksums", pa.string(), "JSON: sha256 of each file of the bundle"),
            _key("parameters", pa.string(), "JSON: the training settings"),
            _key("metrics", pa.string(), "JSON: figures of the training and of the promotion"),
            _key("run_date", pa.date32(), "The day it was trained for"),
            _column("promoted_on", pa.date32(), "The day it became champion"),
            _column("reason", pa.string(), "Why it was promoted or rejected, in one line"),
            _RUN_ID,
        ]
    ),
    partition=(),
    key=("model_version",),
)

CANDIDATE_FLAGS = Table(
    "candidate_flags",
    "The flags that a model turns, held against the champion of its day on a sample of products: "
    "some thousand at most of each model",
    pa.schema(
        [
            _MODEL_VERSION,
            _key("product_id", pa.string(), "The retailer's key"),
            _column("category", pa.string(), "The product's category on that day"),
            _column("subcategory", pa.string(), "The product's subcategory on that day"),
            _key("ask_id", pa.int32(), "See vocabulary"),
            _key("ask_name", pa.string(), "As the model calls it; else as the champion did"),
            _key("state_before", pa.string(), "By the champion: missing, present or not asked"),
            _key("state_after", pa.string(), "By the model: missing, present or not asked"),
            _column(
                "image_uri",
                pa.string(),
                "A picture that fills the ask by the one and not by the other; null where none "
                "decides, but what the cohort is asked for",
            ),
            _column("pose_before", pa.int32(), "What the champion reads in it; null: no class"),
            _column("pose_after", pa.int32(), "What the model reads in it; null: no class"),
            _RUN_ID,
        ]
    ),
    partition=(),
    key=("model_version", "product_id", "ask_id"),
)

POSE_FLAGS = Table(
    "pose_flags",
    "For each audited day: each product against each ask: a class of pictures, or several that "
    "stand for one another",
    pa.schema(
        [
            _RUN_DATE,
            _key("product_id", pa.string(), "The retailer's key"),
            *_COHORT,
            _key("pose_id", pa.int32(), "The class by which the cohort usually shows the ask"),
            _key("pose_name", pa.string(), "Of that class, as in the vocabulary"),
            _column("ask_id", pa.int32(), "See vocabulary"),
            _column("ask_name", pa.string(), "As in the vocabulary"),
            _column("members", pa.list_(pa.int32()), "The ask's classes, pose ids, ascending"),
            _column("shot_code", pa.string(), "Of the class, as in the vocabulary"),
            _key(
                "state",
                pa.string(),
                "present; missing; not_applicable: its cohort is not asked for it; waived: "
                "somebody says that this product need not show it; unknown: too little of the "
                "product could be read to say",
            ),
            _column("rank", pa.int32(), "Among the product's missing asks, 1 matters most"),
            _column("score", pa.float64(), "The ranking's score in the cohort; association only"),
            _column("confidence", pa.float32(), "In [0, 1], of the state"),
            _column("evidence_image", pa.string(), "The picture that fills a present ask"),
            _column(
                "example_images",
                pa.list_(pa.string()),
                "Pictures of popular products of the cohort that show a missing ask",
            ),
            _column(
                "remedy",
                pa.string(),
                "What closes a missing ask, never null there: crop: a part of a picture that the "
                "product has; frame: of a video that it has; shoot: a new picture; make: a chart "
                "or text, which nobody photographs. Days of before this column had these words "
                "hold the line that is in advice",
            ),
            _column("remedy_uri", pa.string(), "The picture or video; null: a new picture"),
            _column(
                "remedy_box",
                pa.list_(pa.float32()),
                "Of a crop: left, top, width, height, in [0, 1] of the upright picture",
            ),
            _column("remedy_seconds", pa.float64(), "Of a frame: from the video's start"),
            _column(
                "remedy_certainty",
                pa.float64(),
                "In [0, 1], that the crop or frame shows the ask; null: a new picture",
            ),
            _column("advice", pa.string(), "What to do about a missing ask, in one line"),
            _column(
                "shown_by",
                pa.string(),
                "Who says that the evidence shows it; null: the model does; see [[shows]] of the "
                "shot profile",
            ),
            _column("waived_by", pa.string(), "Who waives it; see the shot profile"),
            _column("waived_reason", pa.string(), "Why it is waived"),
            _column("waived_until", pa.date32(), "The last day it is waived; null: for good"),
            _MODEL_VERSION,
            _RUN_ID,
        ]
    ),
    partition=("run_date",),
    key=("run_date", "product_id", "pose_id"),
)

PRODUCT_AUDIT = Table(
    "product_audit",
    "For each audited day: one row for each product, also where nothing is missing",
    pa.schema(
        [
            _RUN_DATE,
            _key("product_id", pa.string(), "The retailer's key"),
            *_COHORT,
            _CARRIED,
            _column(
                "average_rating",
                pa.float64(),
                "As the catalogue had it on that day; null where unrated, and in rows of versions "
                "that did not keep it",
            ),
            _column("rating_count", pa.int64(), "The same, of the number of ratings"),
            _column(
                "videos",
                pa.list_(pa.string()),
                "Addresses of its videos, in the catalogue's order; null where it has none",
            ),
            _key("pictures", pa.int32(), "Listed on that day"),
            _key("usable", pa.int32(), "Readable and not a repeat of another"),
            _key("unreadable", pa.int32(), "Missing, unreachable or not decodable"),
            _key("duplicates", pa.int32(), "Repeats of another picture of the product"),
            _column(
                "altered_duplicates",
                pa.int32(),
                "Those of the duplicates that are cropped or mirrored copies",
            ),
            _key("with_person", pa.int32(), "Usable ones that show a person"),
            _key("is_target", pa.bool_(), "Fewer than p pictures: the paper's target"),
            _column(
                "poses_present",
                pa.list_(pa.int32()),
                "Pose ids of the classes that its pictures surely show, ascending",
            ),
            _key("missing_count", pa.int32(), "Asks flagged missing"),
            _column("top_missing", pa.list_(pa.string()), "Names of the first three missing asks"),
            _column("completeness", pa.float64(), "Present share of the cohort's asks"),
            _key(
                "status",
                pa.string(),
                "complete; gaps: something is missing; unclear: nothing is missing for certain, "
                "but an unclear picture decides; unassessable: too little could be read to say",
            ),
            _column(
                "reason",
                pa.string(),
                "Why a product could not be assessed, or not wholly, in one line",
            ),
            _MODEL_VERSION,
            _RUN_ID,
        ]
    ),
    partition=("run_date",),
    key=("run_date", "product_id"),
)

PRODUCT_IMAGES = Table(
    "product_images",
    "For each audited day: each picture of each product, and what became of it",
    pa.schema(
        [
            _RUN_DATE,
            _key("product_id", pa.string(), "The retailer's key"),
            _key("image_uri", pa.string(), "The picture's address"),
            _column(
                "position", pa.int32(), "As the catalogue orders the pictures; least comes first"
            ),
            _column("content_sha256", pa.string(), "The picture's content; see images"),
            _key(
                "status",
                pa.string(),
                "shown: it counts for its pose; unclear: its pose is not sure enough, or none; "
                "hidden: the shot profile hides its pose; repeat: see repeat_of; unreadable: not "
                "a picture we can decode; not_read: not read yet; else as in images: missing, "
                "gone, forbidden, ...",
            ),
            _column(
                "reason",
                pa.string(),
                "One line: why it does not count; of one that does, what it lacks (incomplete: "
                "...)",
            ),
            _column("kind", pa.string(), "person or no_person; null where it could not be read"),
            _column("pose_id", pa.int32(), "The nearest class; null where it is like none"),
            _column("pose_name", pa.string(), "Of that class, as in the vocabulary"),
            _column("confidence", pa.float32(), "In [0, 1], that the pose is right"),
            _column("ask_id", pa.int32(), "The ask that its pose belongs to; see vocabulary"),
            _column("ask_name", pa.string(), "Of that ask, as in the vocabulary"),
            _column("person_count", pa.int32(), "People found, at most the configured number"),
            _column("repeat_of", pa.string(), "Address of the product's picture that it repeats"),
            _column(
                "repeat_kind", pa.string(), "exact, or altered: a cropped or mirrored copy of it"
            ),
            _MODEL_VERSION,
            _RUN_ID,
        ]
    ),
    partition=("run_date",),
    key=("run_date", "product_id", "image_uri"),
)

CATALOGUE_REJECTS = Table(
    "catalogue_rejects",
    "For each audited day: source rows that were set aside, with the reason",
    pa.schema(
        [
            _RUN_DATE,
            _key("source", pa.string(), "products, images, videos or landmarks"),
            _column("row_key", pa.string(), "product_id, or product_id and image_uri"),
            _key("reason", pa.string(), "A word; unposed_jobs.catalogue.schemas.REASONS explains"),
            _column("detail", pa.string(), "One line"),
            _column("row", pa.string(), "JSON: the row as it was read"),
            _RUN_ID,
        ]
    ),
    partition=("run_date",),
    key=(),
)

RUNS = Table(
    "runs",
    "What was run and what is published",
    pa.schema(
        [
            _key("run_id", pa.string(), "A digest of everything that decides the rows"),
            _key(
                "job",
                pa.string(),
                "extract, facts, videos, train, promote, influence, audit, gallery, maintain or "
                "clear",
            ),
            _key("run_date", pa.date32(), "The day the run is for"),
            _key(
                "state",
                pa.string(),
                "published: of a day's audits the one that readers see; superseded: an audit that "
                "was published until another one of its day was, or the day was cleared; refused: "
                "by a check, a budget or a write conflict; failed; skipped: the day "
                "has no data; dry_run",
            ),
            _column("model_version", pa.string(), "The model used or made"),
            _key("attempts", pa.int32(), "How often this very run was published or refused"),
            _key("started_at", pa.timestamp("us", tz="UTC"), "Of the last attempt"),
            _key("finished_at", pa.timestamp("us", tz="UTC"), "Of the last attempt"),
            _column("rows", pa.string(), "JSON: rows written, by table"),
            _column("figures", pa.string(), "JSON: counts by status, pictures a second, ..."),
            _column("snapshots", pa.string(), "JSON: the Iceberg snapshot id, by table"),
            _column("error", pa.string(), "One line: why it was refused or failed"),
        ]
    ),
    partition=(),
    key=("run_id",),
)

CHECK_RESULTS = Table(
    "check_results",
    "What each check before publishing found, for every audit that was tried",
    pa.schema(
        [
            _RUN_DATE,
            _key("rule", pa.string(), "The check; docs/operations.md describes each"),
            _key(
                "outcome",
                pa.string(),
                "passed; warned; failed: nothing was published; accepted: failed, see reason; "
                "skipped: nothing to compare with",
            ),
            _key("rows", pa.int64(), "Rows at fault, or that changed"),
            _key("detail", pa.string(), "What was found, in one line"),
            _column("measured", pa.float64(), "The change as a share"),
            _column("bound", pa.float64(), "Above it the check fails or warns; see [checks]"),
            _column("compared_with", pa.date32(), "The published day that it was compared with"),
            _column("reason", pa.string(), "Who accepted the failure, and why"),
            _RUN_ID,
        ]
    ),
    partition=("run_date",),
    key=("run_date", "run_id", "rule"),
)

DECISIONS = Table(
    "decisions",
    "For each audit: what people had decided in the application by then, and the audit went by",
    pa.schema(
        [
            _RUN_DATE,
            _key("decision_id", pa.int64(), "In the store of decisions"),
            _key(
                "kind",
                pa.string(),
                "rename, merge, hide, waive, not_applicable, or shows: a picture shows an ask",
            ),
            _column("pose_id", pa.int32(), "The class that it is about; see vocabulary"),
            _column("ask_ids", pa.list_(pa.int32()), "The asks that it is about; see vocabulary"),
            _column("product_id", pa.string(), "The product that it is about"),
            _column("category", pa.string(), "Of what does not apply"),
            _column("subcategory", pa.string(), "Of what does not apply; null: the whole category"),
            _column("image_uri", pa.string(), "The picture that shows the ask"),
            _column("content_sha256", pa.string(), "Of the picture, when it was looked at"),
            _column("name", pa.string(), "What a pose or ask is called from then on"),
            _column("until", pa.date32(), "The last day of a waiver; null: for good"),
            _column("reason", pa.string(), "Why"),
            _key("decided_by", pa.string(), "Who"),
            _key("decided_at", pa.timestamp("us", tz="UTC"), "When"),
            _RUN_ID,
        ]
    ),
    partition=("run_date",),
    key=("run_date", "run_id", "decision_id"),
)

TABLES = {
    table.name: table
    for table in (
        IMAGES,
        LANDMARKS,
        IMAGE_POSES,
        *picture_tables.OF_CONTENTS,
        *video_tables.OF_CONTENTS,
        VOCABULARY,
        MODELS,
        CANDIDATE_FLAGS,
        POSE_FLAGS,
        PRODUCT_AUDIT,
        PRODUCT_IMAGES,
        *picture_tables.OF_DAYS,
        CATALOGUE_REJECTS,
        CHECK_RESULTS,
        DECISIONS,
        INFLUENCE,
        RUNS,
    )
}
DAY_TABLES = (
    POSE_FLAGS,
    PRODUCT_AUDIT,
    PRODUCT_IMAGES,
    *picture_tables.OF_DAYS,
    CATALOGUE_REJECTS,
)
"""The tables whose rows of one day are published together, by one commit to `runs`."""
