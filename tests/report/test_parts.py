"""A part of a picture by its address: shown small, kept apart from the whole, written as a file."""

import datetime
import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.report import addresses, gap_crops, parts, thumbnails

BOX = (0.5, 0.0, 0.5, 0.25)


@pytest.fixture
def picture(tmp_path):
    """Black, but for a white upper right corner."""
    values = np.zeros((200, 100, 3), np.uint8)
    values[:50, 50:] = 255
    path = tmp_path / "a#1.png"
    Image.fromarray(values).save(path)
    return path


def test_an_address_tells_the_part_and_others_are_whole():
    address = parts.address("https://shop.example/a.jpg", [0.1, 0.2, 1 / 3, 0.4])
    assert address == "https://shop.example/a.jpg#xywh=percent:10,20,33.33,40"
    uri, box = parts.split(address)
    assert uri == "https://shop.example/a.jpg"
    assert box == pytest.approx((0.1, 0.2, 0.3333, 0.4))
    for whole in ("a#1.png", "a.jpg#xywh=percent:1,2,3", "a.jpg#xywh=1,2,3,4"):
        assert parts.split(whole) == (whole, None)


def test_a_part_is_cut_and_is_never_empty(picture):
    with Image.open(picture) as image:
        values = np.asarray(image)
    assert parts.cut(values, BOX).shape == (50, 50, 3)
    assert parts.cut(values, BOX).min() == 255
    assert parts.cut(values, (1.0, 1.0, 0.0, 0.0)).shape == (1, 1, 3)
    assert parts.cut(values, None) is values


def test_a_parts_thumbnail_is_its_own_and_links_to_the_whole(picture, tmp_path):
    part = parts.address(str(picture), BOX)
    made = thumbnails.make_all(
        [str(picture), part], tmp_path / "out", PoseSettings(), contents={str(picture): "0" * 64}
    )
    whole, small = made[str(picture)], made[part]
    assert whole.path != small.path
    with Image.open(tmp_path / "out" / small.path) as image:
        assert image.size == (50, 50)
        assert min(image.getpixel((25, 25))) > 240
    assert addresses.original(part) == addresses.original(str(picture)) == picture.as_uri()


class Tables:
    """Answers what `gap_crops` asks."""

    def __init__(self, uri):
        self.uri = uri

    def query(self, sql, parameters=None):
        if "published_days" in sql:
            day = datetime.date(2026, 1, 5)
            rows = [{"day": day, "run_date": day, "run_id": "r", "model_version": "m"}]
        else:
            rows = [
                {"product_id": "A/1", "ask_name": "upper body, front", "shot_code": code,
                 "remedy_uri": self.uri, "remedy_box": list(BOX)}
                for code in ("FRNT", None)
            ]  # fmt: skip
        return pa.Table.from_pylist(rows)


def test_crops_that_close_gaps_are_files_named_by_product_and_code(picture):
    day, found = gap_crops.listed(Tables(str(picture)), None, lambda name, code: code or "")
    assert day == datetime.date(2026, 1, 5)
    assert [one.name for one in found] == ["A-1_FRNT", "A-1_upper-body-front"]
    data = gap_crops.cut(found[0], PoseSettings())
    assert isinstance(data, bytes)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (50, 50))
    (lost, _) = gap_crops.listed(Tables("/nowhere.jpg"), None, lambda name, code: "X")[1]
    assert isinstance(gap_crops.cut(lost, PoseSettings()), str)
