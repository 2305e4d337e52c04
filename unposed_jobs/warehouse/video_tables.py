"""The tables of videos: what each content shows, and the frames that are kept of it."""

from __future__ import annotations

import pyarrow as pa

from unposed_jobs.warehouse.columns import BUCKET, MODEL_VERSION, RUN_ID, Table, column, key

_READER_ID = key(
    "reader_id", pa.string(), "All that decides what is read of a video: estimator, heads, settings"
)

COVERAGE = Table(
    "video_coverage",
    "What each video's content shows: whether it could be read, and from which angles it was taken",
    pa.schema(
        [
            _READER_ID,
            BUCKET,
            key("content_sha256", pa.string(), "The video's content; see images"),
            key(
                "status",
                pa.string(),
                "ok; no_person; unreadable: not a video we can decode; too_long and too_large: "
                "over the bounds of [videos]",
            ),
            column("error", pa.string(), "One line: why it was not read"),
            column("width", pa.int32(), "Pixels"),
            column("height", pa.int32(), "Pixels"),
            column("frame_rate", pa.float64(), "Frames a second"),
            column("seconds", pa.float64(), "How long it is"),
            column("frames_looked_at", pa.int32(), "Frames that went through the networks"),
            column("frames_with_person", pa.int32(), "Those of them that show somebody"),
            column("angles_filled", pa.int32(), "Of eight angles, those that a frame fills"),
            column(
                "coverage",
                pa.list_(pa.float32()),
                "72 values, for each 5 degrees from 0 (facing the camera; 90: the person's right "
                "side, 180: the back): seconds for which the body was seen within 22.5 degrees of "
                "that angle, each frame counted by its certainty",
            ),
            RUN_ID,
        ]
    ),
    partition=("reader_id", "bucket"),
    key=("reader_id", "content_sha256"),
)

FRAMES = Table(
    "video_frames",
    "The frames that are worth keeping of each video's content: the best of each of eight angles, "
    "and the surest of each attribute",
    pa.schema(
        [
            _READER_ID,
            BUCKET,
            key("content_sha256", pa.string(), "The video's content; see images"),
            key("reason", pa.string(), "angle, or the name of an attribute"),
            key(
                "value",
                pa.string(),
                "Of angle: front, front_right, right, back_right, back, back_left, left or "
                "front_left, by the person's own sides; else the attribute's likeliest value",
            ),
            key("second", pa.float64(), "From the video's start"),
            key(
                "certainty",
                pa.float64(),
                "In [0, 1]. Of angle: the probability that the body stands within 22.5 degrees of "
                "it; of an attribute one less the entropy of its values over the most there can be",
            ),
            column(
                "angle",
                pa.float64(),
                "Degrees from -180 to 180, by the frame and its neighbours: 0 faces the camera, "
                "90 shows the person's right side; null where nobody stands",
            ),
            column("concentration", pa.float64(), "Of the frame's own von Mises distribution"),
            column("sharpness", pa.float64(), "In [0, 1], of what sharp frames of the video have"),
            column("person_confidence", pa.float64(), "As in landmarks"),
            column("landmarks", pa.list_(pa.float32()), "As in landmarks, of the frame"),
            column("preview", pa.binary(), "A JPEG, its longer side 240 pixels"),
            RUN_ID,
        ]
    ),
    partition=("reader_id", "bucket"),
    key=("reader_id", "content_sha256", "reason", "value"),
)

FRAME_POSES = Table(
    "frame_poses",
    "The pose class that a model gives each kept frame of a video's content",
    pa.schema(
        [
            MODEL_VERSION,
            BUCKET,
            _READER_ID,
            key("content_sha256", pa.string(), "The video's content; see images"),
            key("second", pa.float64(), "From the video's start; see video_frames"),
            column("pose_id", pa.int32(), "The nearest class; null where it is like none"),
            key("confidence", pa.float32(), "In [0, 1]; 0 where nothing could be assigned"),
            RUN_ID,
        ]
    ),
    partition=("model_version", "bucket"),
    key=("model_version", "reader_id", "content_sha256", "second"),
)

OF_CONTENTS = (COVERAGE, FRAMES, FRAME_POSES)
"""A row, or several, for each content that a reader has read."""
