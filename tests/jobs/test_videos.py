"""A catalogue's videos, good and hostile, into the tables, and to the remedies of gaps."""

from __future__ import annotations

import csv
import dataclasses
from datetime import date
from types import SimpleNamespace

import cv2
import numpy as np
import pyarrow as pa
import pytest

from unposed_jobs import config
from unposed_jobs.distributed import frames, video_chunks
from unposed_jobs.errors import NothingToDoError, UnposedError
from unposed_jobs.jobs import video_remedies, videos
from unposed_jobs.jobs.context import Context
from unposed_jobs.jobs.entry import Run
from unposed_jobs.orientation import circle
from unposed_jobs.remedies.candidates import COLUMN, FRAME
from unposed_jobs.warehouse import Warehouse

DAY = date(2026, 1, 5)
HOSTILE = ("truncated.mp4", "notes.mp4", "nowhere.mp4", "hours.webm", "wide.mp4")


def quiet(**rest):
    return Run(DAY, progress=lambda line: None, **rest)


def turning(path):
    """Somebody who turns from the front to the right side, at 5 frames a second."""
    pytest.importorskip("numba")
    from unposed_jobs.lab.sample.turntables import random_turntable

    table = random_turntable(3, 1, 240)
    write(path, [np.asarray(table.picture(angle, 1)) for angle in np.linspace(0, 90, 7)], 5.0)


def write(path, frames, rate, code="mp4v"):
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, (width, height))
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[:, :, ::-1]))
    writer.release()


@pytest.fixture(scope="module")
def shop(spark, tmp_path_factory, pose_weights):
    """Two products with the same video, and one with all that is wrong; read once."""
    folder = tmp_path_factory.mktemp("shop")
    turning(folder / "turn.mp4")
    whole = (folder / "turn.mp4").read_bytes()
    (folder / "again.mp4").write_bytes(whole)
    (folder / "truncated.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.mp4").write_text("this is a list of notes")
    plain = [np.full((16, 16, 3), 90, np.uint8)]
    write(folder / "hours.webm", plain * 400, 1.0, "VP80")
    write(folder / "wide.mp4", [np.full((32, 4400, 3), 90, np.uint8)], 5.0)
    listed = [("P1", "turn.mp4"), ("P2", "again.mp4"), *(("P3", name) for name in HOSTILE)]
    write_csv(folder / "videos.csv", ("product_id", "Video"), listed)
    write_csv(folder / "images.csv", ("product_id", "image_uri"), [("P1", "a.jpg")])
    write_csv(
        folder / "products.csv",
        ("product_id", "category", "subcategory", "average_rating", "rating_count"),
        [(name, "Tops", "T-shirts", 4.0, 10) for name in ("P1", "P2", "P3")],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNPOSED_HOME", str(folder / "home"))
        settings = config.load(
            catalogue__products=str(folder / "products.csv"),
            catalogue__images=str(folder / "images.csv"),
            catalogue__videos=str(folder / "videos.csv"),
            catalogue__videos_columns={"video_uri": "Video"},
            pose__weights=pose_weights.weights,
            pose__second_look=False,
            extraction__max_missing=0.5,
            videos__max_pixels=100_000,
            videos__max_unreadable=0.9,
            warehouse__buckets=2,
        )
    figures = videos.run(spark, settings, quiet())
    warehouse = Warehouse.open(settings.warehouse)
    return SimpleNamespace(settings=settings, figures=figures, warehouse=warehouse, folder=folder)


def write_csv(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def by_name(shop):
    images = shop.warehouse.read("images").to_pylist()
    read = {row["content_sha256"]: row for row in shop.warehouse.read("video_coverage").to_pylist()}
    return {
        row["image_uri"].rsplit("/", 1)[-1]: (row, read.get(row["content_sha256"]))
        for row in images
    }


def test_every_video_has_a_status_and_a_hostile_one_costs_itself_only(shop):
    rows = by_name(shop)
    found = {
        name: state["status"] if read is None else read["status"]
        for name, (state, read) in rows.items()
    }
    assert found == {
        "turn.mp4": "ok",
        "again.mp4": "ok",
        "truncated.mp4": "unreadable",
        "notes.mp4": "unreadable",
        "nowhere.mp4": "missing",
        "hours.webm": "too_long",
        "wide.mp4": "too_large",
    }
    assert all(read["error"] for _, read in rows.values() if read and read["status"] != "ok")
    assert shop.figures["read"] == {"ok": 1, "unreadable": 2, "too_long": 1, "too_large": 1}


def test_frames_are_kept_once_for_a_content_with_their_angle(shop):
    coverage = by_name(shop)["turn.mp4"][1]
    assert coverage["height"] == 240
    assert coverage["frames_with_person"] >= 6
    assert len(coverage["coverage"]) == circle.CELLS
    frames = shop.warehouse.read("video_frames").to_pylist()
    assert {row["content_sha256"] for row in frames} == {coverage["content_sha256"]}
    angles = {row["value"]: row for row in frames if row["reason"] == "angle"}
    assert {"front", "right"} <= set(angles) <= {"front", "front_right", "right"}
    assert len(angles) == coverage["angles_filled"]
    assert angles["front"]["second"] < angles["right"]["second"]
    assert abs(angles["front"]["angle"]) < 22.5
    assert all(row["certainty"] >= 0.8 for row in angles.values())
    assert all(row["preview"][:2] == b"\xff\xd8" for row in frames)
    assert {"garment", "sleeve", "view"} <= {row["reason"] for row in frames}


def test_the_same_night_again_decodes_nothing_and_adds_no_row(shop, spark):
    before = [shop.warehouse.read(name).num_rows for name in ("video_coverage", "video_frames")]
    figures = videos.run(spark, shop.settings, quiet())
    assert figures["read"] == {}
    after = [shop.warehouse.read(name).num_rows for name in ("video_coverage", "video_frames")]
    assert after == before


def test_frames_of_a_run_that_was_lost_before_its_coverage_are_not_doubled(shop, spark):
    job = Context(spark, shop.settings, quiet(), shop.warehouse)
    known = shop.warehouse.read("video_frames")
    shared = ["reader_id", "bucket", "content_sha256", "run_id"]
    row = {
        "content_sha256": known["content_sha256"][0].as_py(),
        "status": "ok",
        "frames": known.drop_columns(shared).to_pylist(),
    }
    rows = spark.createDataFrame(
        [tuple(row.get(item.name) for item in video_chunks.READ)],
        frames.spark_schema(video_chunks.READ),
    )
    videos._commit(job, "videos-again", videos.reader_id(shop.settings), rows)
    assert shop.warehouse.read("video_frames").num_rows == known.num_rows


def test_the_kept_frames_of_each_product_are_candidates_for_its_gaps(shop, spark):
    # Within the test, as workers cannot import its module.
    class EveryFrameIsPoseFour:
        """A model in whose eyes every frame shows one class."""

        def __init__(self, uri):
            assert uri == "the champion"

        def assign(self, table):
            count = len(table)
            return pa.table(
                {
                    "pose_id": pa.array([4] * count, pa.int32()),
                    "confidence": pa.array([0.75] * count, pa.float32()),
                }
            )

    job = Context(spark, shop.settings, quiet(), shop.warehouse)
    model = SimpleNamespace(artefact_uri="the champion", model_version="model-4")
    uris = {row["image_uri"] for row in shop.warehouse.read("images").to_pylist()}
    turn = next(uri for uri in uris if uri.endswith("turn.mp4"))
    listed = spark.createDataFrame(
        [("P1", turn), ("P4", "elsewhere.mp4")], "product_id string, video_uri string"
    )
    found = video_remedies.candidates(job, listed, model, EveryFrameIsPoseFour).collect()
    assert [row["product_id"] for row in found] == ["P1"]
    candidates = found[0][COLUMN]
    assert len({row["seconds"] for row in candidates}) == len(candidates) >= 2
    assert {(row["kind"], row["uri"], row["pose_id"], row["box"]) for row in candidates} == {
        (FRAME, turn, 4, None)
    }
    kept = shop.warehouse.read("frame_poses").to_pylist()
    assert {row["second"] for row in kept} == {row["seconds"] for row in candidates}
    assert {(row["model_version"], row["pose_id"]) for row in kept} == {("model-4", 4)}

    def never(uri):
        raise AssertionError("what is named is not named again")

    # Of another model every frame is new; a dry run keeps nothing.
    again = video_remedies.candidates(job, listed, model, never).collect()
    assert [sorted(row[COLUMN]) for row in again] == [sorted(candidates)]
    other = SimpleNamespace(artefact_uri="the champion", model_version="model-5")
    dry = Context(spark, shop.settings, quiet(dry_run=True), shop.warehouse)
    assert len(video_remedies.candidates(dry, listed, other, EveryFrameIsPoseFour).collect()) == 1
    assert shop.warehouse.read("frame_poses").num_rows == len(kept)


def test_a_catalogue_without_videos_is_skipped(shop, spark):
    none = dataclasses.replace(
        shop.settings, catalogue=dataclasses.replace(shop.settings.catalogue, videos="")
    )
    with pytest.raises(NothingToDoError):
        videos.run(spark, none, quiet())


def test_an_estimator_without_depth_is_refused_with_the_remedy(shop):
    settings = dataclasses.replace(
        shop.settings, pose=dataclasses.replace(shop.settings.pose, estimator="movenet-thunder")
    )
    with pytest.raises(UnposedError, match="blazepose-full"):
        videos.check(settings)
