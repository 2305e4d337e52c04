"""The jobs of estimates and of videos, ended at any step and run again, leave the undisturbed rows.

The jobs themselves run; only what they would work out, and read of a video, is given.
"""

from __future__ import annotations

import csv
import os

import pytest
from fault_points import deaths, kept, prepare, said, stage
from warehouse_samples import NEXT, record, settings

from unposed_jobs.config import (
    CatalogueSettings,
    InfluenceSettings,
    Settings,
    VideoSettings,
)
from unposed_jobs.distributed import frames, video_chunks
from unposed_jobs.influence import rows as influence_rows
from unposed_jobs.influence.estimates import ALL_PRODUCTS, REGRESSION, ask_term, refused
from unposed_jobs.jobs import influence, videos
from unposed_jobs.jobs.entry import Run
from unposed_jobs.warehouse import Warehouse

LONG = os.environ.get("UNPOSED_FAULTS") == "long"
VIDEOS = 6
TODAY = Run(NEXT, progress=lambda line: None)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A warehouse with two published days, and a list of videos beside it."""
    folder = tmp_path_factory.mktemp("faults") / "home"
    prepare(folder)
    warehouse = Warehouse.open(settings(folder))
    of_model = record("of-m1", NEXT, model_version="m1")
    warehouse.publish_day(warehouse.seen(NEXT), of_model, stage(warehouse, "of-m1", ["a", "b"]))
    for number in range(VIDEOS):
        (folder / f"{number}.mp4").write_bytes(b"a video" * (number + 1))
    listed = [(f"P{number}", f"{number}.mp4") for number in range(VIDEOS)]
    _csv(folder / "videos.csv", ("product_id", "video_uri"), listed)
    _csv(folder / "images.csv", ("product_id", "image_uri"), [("P1", "a.jpg")])
    products = ("product_id", "category", "average_rating", "rating_count")
    _csv(folder / "products.csv", products, [(f"P{n}", "Tops", 4.0, 10) for n in range(VIDEOS)])
    return folder


def _csv(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def made(folder, **changes) -> Settings:
    catalogue = CatalogueSettings(
        products=str(folder / "products.csv"),
        images=str(folder / "images.csv"),
        videos=str(folder / "videos.csv"),
    )
    return Settings(warehouse=settings(folder), catalogue=catalogue, **changes)


def rows(folder, *names):
    """The published rows of those tables, and the runs, without their times."""
    warehouse = Warehouse.open(settings(folder))
    found = {name: sorted(warehouse.read(name).to_pylist(), key=repr) for name in names}
    runs = sorted((run.run_id, run.state, run.error) for run in warehouse.runs())
    return found | {"runs": runs}


def tried(property_, what, steps):
    assert len(steps) > 5
    property_("tried", f"{what}: ended before each of its {len(steps)} steps\n    {said(steps)}")


@pytest.fixture
def estimates(monkeypatch):
    """Runs the job with estimates of so many asks."""

    def estimate(folder, asks):
        given = [
            refused(cohort, ask_term(ask, f"ask {ask}"), REGRESSION, f"{asks} asks")
            for cohort in (ALL_PRODUCTS, "tops")
            for ask in range(asks)
        ]
        whole = influence_rows.table(given, "rating_count", "log")
        by_method = {"regression": whole, "differences": whole.slice(0, 0)}
        with monkeypatch.context() as patch:
            patch.setattr(influence, "_terms", lambda days: [])
            patch.setattr(influence, "_by_cohort", lambda *given: by_method[given[-1]])
            for name in ("products", "histories"):
                patch.setattr(influence.outcomes, name, lambda *_: None)
            changed = made(folder, influence=InfluenceSettings(max_products=20_000 + asks))
            influence.run(None, changed, TODAY)

    return estimate


def test_estimates_that_end_at_any_step_are_the_old_or_the_new(
    prepared, estimates, record_property
):
    with kept(prepared):
        estimates(prepared, 2)
        before = rows(prepared, "influence")
        with kept(prepared):
            estimates(prepared, 3)
            after = rows(prepared, "influence")
        assert (len(before["influence"]), len(after["influence"])) == (4, 6)
        steps = []
        for death in deaths(prepared, lambda folder: estimates(folder, 3)):
            steps.append(death.step)
            if death.shown:
                found = rows(prepared, "influence")["influence"]
                assert found in (before["influence"], after["influence"]), death
            if LONG or death.number % 5 == 3:
                estimates(prepared, 3)
                assert rows(prepared, "influence") == after, death
    tried(record_property, "estimates of worth", steps)


@pytest.fixture
def night(spark, monkeypatch):
    """Runs the job of videos, each of which shows two frames, three videos at a commit."""

    def row(content):
        frame = dict.fromkeys(item.name for item in video_chunks.FRAME)
        chosen = [
            frame | {"reason": "angle", "value": value, "second": second, "certainty": 0.9}
            for second, value in enumerate(("front", "left"))
        ]
        known = {"content_sha256": content, "status": "ok", "frames": chosen}
        return tuple(known.get(item.name) for item in video_chunks.READ)

    def of_contents(job, contents):
        given = [row(one["content_sha256"]) for one in contents.collect()]
        return spark.createDataFrame(given, frames.spark_schema(video_chunks.READ))

    monkeypatch.setattr(videos, "_rows", of_contents)
    monkeypatch.setattr(videos, "reader_id", lambda settings: "a reader")
    monkeypatch.setattr(videos, "VIDEOS_A_COMMIT", 1)
    return lambda folder: videos.run(spark, made(folder, videos=VideoSettings()), TODAY)


def test_a_night_of_videos_that_ends_at_any_step_loses_none(prepared, night, record_property):
    names = ("images", "video_frames", "video_coverage")
    with kept(prepared):
        night(prepared)
        after = rows(prepared, *names)
    assert [len(after[name]) for name in names] == [VIDEOS, 2 * VIDEOS, VIDEOS]
    steps = []
    for death in deaths(prepared, night):
        steps.append(death.step)
        if death.shown:
            found = rows(prepared, *names)
            shown = {row["content_sha256"] for row in found["video_frames"]}
            assert len(found["video_frames"]) == 2 * len(shown), death
            assert {row["content_sha256"] for row in found["video_coverage"]} <= shown, death
        if LONG or death.number % 15 == 8:
            night(prepared)
            assert rows(prepared, *names) == after, death
    tried(record_property, "videos read", steps)
