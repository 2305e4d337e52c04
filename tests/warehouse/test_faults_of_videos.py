"""A night of videos, ended at any step and run again, leaves the undisturbed rows.

The job itself runs; only what the executors would see in the videos is given.
"""

from __future__ import annotations

import dataclasses
import os
from collections import Counter

import pytest
from fault_points import deaths, kept, prepare, said
from warehouse_samples import NEXT, settings

from unposed_jobs import config
from unposed_jobs.distributed import frames, video_chunks
from unposed_jobs.jobs import videos
from unposed_jobs.jobs.entry import Run
from unposed_jobs.warehouse import Warehouse

LONG = os.environ.get("UNPOSED_FAULTS") == "long"
TONIGHT = Run(NEXT, progress=lambda line: None)
VIDEOS = 3
FRAME = {"reason": "angle", "second": 1.0, "certainty": 0.9}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A warehouse with published days, and beside it a catalogue's lists and its videos."""
    base = tmp_path_factory.mktemp("faults")
    prepare(base / "home")
    for number in range(VIDEOS):
        (base / f"{number}.mp4").write_text(f"video {number}")
    (base / "products.csv").write_text(
        "product_id,category,average_rating,rating_count\nP1,Tops,4,10\n"
    )
    (base / "images.csv").write_text("product_id,image_uri\nP1,a.jpg\n")
    listed = [f"P1,{number}.mp4\n" for number in range(VIDEOS)]
    (base / "videos.csv").write_text("".join(["product_id,video_uri\n", *listed]))
    return base / "home"


def seen(job, contents):
    """Of each content two frames: what `videos._rows` would be."""
    rows = [
        {
            "content_sha256": row["content_sha256"],
            "status": "ok",
            "frames": [FRAME | {"value": value} for value in ("front", "back")],
        }
        for row in contents.collect()
    ]
    schema = frames.spark_schema(video_chunks.READ)
    values = [tuple(row.get(name) for name in video_chunks.READ.names) for row in rows]
    return job.spark.createDataFrame(values, schema)


@pytest.fixture
def night(prepared, spark, pose_weights, monkeypatch):
    """Reads the night's videos, each in a commit of its own."""
    base = prepared.parent
    monkeypatch.setattr(videos, "_rows", seen)
    monkeypatch.setattr(videos, "VIDEOS_A_COMMIT", 1)
    loaded = config.load(
        None,
        **{f"catalogue__{name}": f"{base}/{name}.csv" for name in ("products", "images", "videos")},
        pose__weights=pose_weights.weights,
        pose__second_look=False,
    )
    loaded = dataclasses.replace(loaded, warehouse=settings(prepared))
    return lambda folder: videos.run(spark, loaded, TONIGHT)


def state(folder):
    """The rows of videos, whoever wrote them, and the runs, without their times."""
    warehouse = Warehouse.open(settings(folder))
    found = {
        name: sorted(
            warehouse.read(name, published=False).drop_columns(["run_id"]).to_pylist(), key=repr
        )
        for name in ("images", "video_coverage", "video_frames")
    }
    runs = sorted((run.run_id, run.job, run.state) for run in warehouse.runs())
    return found | {"runs": runs}


def test_a_night_that_ends_at_any_step_loses_and_doubles_nothing(prepared, night, record_property):
    with kept(prepared):
        night(prepared)
        after = state(prepared)
    assert [len(after[name]) for name in ("images", "video_coverage", "video_frames")] == [3, 3, 6]
    steps = []
    for death in deaths(prepared, night):
        steps.append(death.step)
        if death.shown:
            found = state(prepared)
            frames_of = Counter(row["content_sha256"] for row in found["video_frames"])
            done = {row["content_sha256"] for row in found["video_coverage"]}
            # Frames come before the row that says that a video is done.
            assert done <= set(frames_of), death
            assert set(frames_of.values()) <= {2}, death
        if LONG or death.number % 20 == 13:
            night(prepared)
            assert state(prepared) == after, death
    assert len(steps) > 8
    record_property(
        "tried",
        f"videos: ended before each of its {len(steps)} steps; rows lost or doubled: 0"
        f"\n    {said(steps)}",
    )
