"""Pictures that are there and cannot be decoded count against the error budget, every night."""

from __future__ import annotations

import dataclasses
import io
from datetime import date

import pytest
from PIL import Image
from poisoned_decoder import environment
from poisoned_decoder import jpeg as poisoned

from unposed_jobs import config
from unposed_jobs.errors import ErrorBudgetExceededError
from unposed_jobs.jobs import extract
from unposed_jobs.jobs.entry import Run
from unposed_jobs.warehouse import Warehouse

DAY = date(2026, 1, 5)


def jpeg(colour: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (64, 96), colour).save(target, "JPEG")
    return target.getvalue()


@pytest.fixture
def shop(tmp_path, pose_weights, monkeypatch):
    """Write a catalogue of the pictures, and return its settings."""
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path))

    def made(pictures: dict[str, bytes]) -> config.Settings:
        (tmp_path / "site").mkdir(exist_ok=True)
        (tmp_path / "products.csv").write_text(
            "product_id,category,average_rating,rating_count\np1,Tops,4.5,10\n"
        )
        rows = "".join(f"p1,{name}\n" for name in pictures)
        (tmp_path / "images.csv").write_text(f"product_id,image_uri\n{rows}")
        for name, data in pictures.items():
            (tmp_path / name).write_bytes(data)
        return config.load(
            catalogue__products=str(tmp_path / "products.csv"),
            catalogue__images=str(tmp_path / "images.csv"),
            warehouse__buckets=2,
            pose__second_look=False,
            pose__picture_kinds=False,
            facts__nightly=False,
        )

    return made


def test_the_budget_counts_what_cannot_be_decoded_on_the_next_try_too(spark, shop):
    page = b"<!DOCTYPE html><html>404</html>"
    pictures = {
        "a.jpg": page,
        "b.jpg": page,
        "c.jpg": b"\xff\x0a" + bytes(40),
        "d.jpg": jpeg("red"),
    }
    settings = shop(pictures)
    with pytest.raises(ErrorBudgetExceededError, match="3 of 4 pictures") as told:
        extract.run(spark, settings, Run(DAY, progress=lambda line: None))
    assert "not_a_picture HTML 1" in str(told.value)
    assert "unread_format JPEG XL 1" in str(told.value)
    with pytest.raises(ErrorBudgetExceededError, match="3 of 4 pictures"):
        extract.run(spark, settings, Run(DAY, progress=lambda line: None))
    for name in ("a.jpg", "b.jpg"):
        pictures[name] = jpeg((name[0] == "a" and "blue") or "green")
    figures = extract.run(spark, shop(pictures), Run(DAY, progress=lambda line: None))
    assert (figures["unreadable_pictures"], figures["extracted"]) == (1, 2)


def test_a_picture_short_of_its_end_is_read_and_noted(spark, shop):
    settings = shop({"a.jpg": jpeg("red")[:-2], "b.jpg": jpeg("blue")})
    figures = extract.run(spark, settings, Run(DAY, progress=lambda line: None))
    assert (figures["no_person"], figures["incomplete"], figures["errors"]) == (2, 1, {})
    rows = Warehouse.open(settings.warehouse).read("landmarks").to_pylist()
    notes = sorted((row["error"] or "").partition(":")[0] for row in rows)
    assert notes == ["", "incomplete"]


def test_a_picture_that_ends_its_worker_costs_itself_only(spark, shop, tmp_path):
    """A worker crashes and one hangs; both chunks are done by others, the two pictures are told."""
    colours = ["red", "green", "blue", "yellow", "black", "white"]
    pictures = {f"{colour}.jpg": jpeg(colour) for colour in colours}
    pictures |= {"crash.jpg": poisoned("grey", "CRASH"), "hang.jpg": poisoned("pink", "HANG")}
    settings = shop(pictures)
    pose = dataclasses.replace(settings.pose, decode_seconds=5.0)
    settings = dataclasses.replace(settings, pose=pose)
    defect = environment(tmp_path / "site")
    spark.sparkContext.environment.update(defect)
    try:
        figures = extract.run(spark, settings, Run(DAY, progress=lambda line: None))
    finally:
        for name in defect:
            spark.sparkContext.environment.pop(name)
    assert (figures["extracted"], figures["no_person"]) == (8, 6)
    rows = Warehouse.open(settings.warehouse).read("landmarks").to_pylist()
    assert sorted(row["error"] for row in rows if row["status"] == "unreadable") == [
        "crashed: the decoder ended by SIGSEGV",
        "hung: not decoded within 5 s",
    ]
