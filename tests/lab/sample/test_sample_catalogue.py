import csv
import hashlib
import io
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from unposed_jobs.catalogue import schemas
from unposed_jobs.cli import main
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.sample.cohorts import COHORTS, FRAMINGS, OBJECTS, VIEWS
from unposed_jobs.lab.sample.joints import JOINTS
from unposed_jobs.lab.sample.plan import plan_product
from unposed_jobs.lab.sample.writer import SampleSettings, write_sample

SETTINGS = SampleSettings(products=9, seed=3, size=200)


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, SETTINGS, workers=1, progress=False)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def planned(products: int, seed: int = 1):
    return [plan_product(index, products, seed, date(2026, 1, 5)) for index in range(products)]


def test_the_bytes_do_not_depend_on_the_number_of_workers(sample, tmp_path):
    write_sample(tmp_path, SETTINGS, workers=2, progress=False)
    assert digest(tmp_path) == digest(sample)


def test_another_seed_gives_other_pictures(sample, tmp_path):
    write_sample(tmp_path, SampleSettings(products=1, seed=4, size=200), 1, progress=False)
    mine, other = digest(sample), digest(tmp_path)
    assert mine["pictures/P000001/01.jpg"] != other["pictures/P000001/01.jpg"]


def test_every_listed_picture_is_there_and_has_its_truth(sample):
    images = {row["image_uri"]: row for row in rows(sample / "images.csv")}
    truth = {row["image_uri"]: row for row in rows(sample / "truth/images.csv")}
    rejects = rows(sample / "truth/rejects.csv")
    wrong = {row["image_uri"] for row in rejects if row["source"] == "images"}
    assert set(images) - wrong == set(truth)
    for uri, row in truth.items():
        assert images[uri]["product_id"] == row["product_id"]
        assert (sample / uri).is_file() == (row["defect"] != "missing")
        if row["kind"] == "person":
            assert row["view"] in VIEWS
            assert row["framing"] in FRAMINGS
            assert row["person_count"] in {"1", "2"}
        else:
            assert row["kind"] in OBJECTS
            assert (row["view"], row["framing"], row["person_count"]) == ("", "", "0")
    on_disk = {str(path.relative_to(sample)) for path in (sample / "pictures").rglob("*.jpg")}
    assert on_disk == {uri for uri, row in truth.items() if row["defect"] != "missing"}


def test_joints_are_told_of_everybody_who_can_be_seen(sample):
    joints = defaultdict(dict)
    for row in rows(sample / "truth/joints.csv"):
        joints[row["image_uri"], row["person"]][row["joint"]] = row
        place = float(row["x"]), float(row["y"])
        assert row["in_frame"] == str(int(all(0 <= value <= 1 for value in place)))
    for row in rows(sample / "truth/images.csv"):
        people = [key for key in joints if key[0] == row["image_uri"]]
        assert len(people) == (0 if row["defect"] else int(row["person_count"]))
        if row["framing"] and people:
            told = joints[people[0]]
            assert set(told) == set(JOINTS)
            shown = {name: told[name]["in_frame"] == "1" for name in JOINTS}
            assert shown["nose"] == (row["framing"] in ("full", "upper"))
            assert shown["left_knee"] == (row["framing"] in ("full", "legs"))
            assert float(told["left_shoulder"]["y"]) < float(told["left_hip"]["y"])
            if row["view"] in ("front", "back"):
                across = float(told["left_hip"]["x"]) - float(told["right_hip"]["x"])
                assert (across > 0) == (row["view"] == "front")


def test_positions_count_from_one_within_a_product(sample):
    places = defaultdict(list)
    for row in rows(sample / "images.csv"):
        if row["position"] != "99":
            places[row["product_id"]].append(int(row["position"]))
    assert all(found == list(range(1, len(found) + 1)) for found in places.values())


def test_pictures_have_their_size_and_defects_are_what_they_say(sample):
    defects = Counter()
    for row in rows(sample / "truth/images.csv"):
        path, defect = sample / row["image_uri"], row["defect"]
        defects[defect] += 1
        if defect == "text":
            assert path.read_text(encoding="utf-8").isascii()
        elif defect == "truncated":
            with Image.open(path) as image, pytest.raises(OSError, match="truncated"):
                image.load()
        elif not defect:
            with Image.open(path) as image:
                image.load()
                assert image.format == "JPEG"
                assert min(image.size) >= 0.8 * SETTINGS.size
    assert all(defects[name] >= 1 for name in ("missing", "text", "truncated"))


def test_repeated_pictures_are_the_same_bytes_or_the_same_content(sample):
    seen = {"exact": 0, "reencoded": 0}
    for row in rows(sample / "truth/images.csv"):
        if not row["duplicate_of"]:
            continue
        original = (sample / row["duplicate_of"]).read_bytes()
        copy = (sample / row["image_uri"]).read_bytes()
        if copy == original:
            seen["exact"] += 1
            continue
        seen["reencoded"] += 1
        with Image.open(io.BytesIO(original)) as first, Image.open(io.BytesIO(copy)) as second:
            assert first.size != second.size
            small = [image.convert("L").resize((8, 8)).tobytes() for image in (first, second)]
        assert max(abs(a - b) for a, b in zip(*small, strict=True)) <= 8
    assert min(seen.values()) >= 1


def test_truth_of_products_is_what_their_pictures_lack(sample):
    shown = defaultdict(set)
    truth = {row["image_uri"]: row for row in rows(sample / "truth/images.csv")}
    for row in rows(sample / "images.csv"):
        told = truth.get(row["image_uri"])
        if told is None or told["defect"] or row["added_at"] > "2026-01-05":
            continue
        name = told["kind"] if told["kind"] != "person" else f"{told['view']}/{told['framing']}"
        shown[row["product_id"]].add(name)
    for row in rows(sample / "truth/products.csv"):
        full = row["full_set"].split(";")
        lacking = [name for name in full if name not in shown[row["product_id"]]]
        assert row["missing"] == ";".join(lacking)


def test_the_demo_size_has_what_the_audit_needs():
    products = planned(150)
    pictures = [picture for product in products for picture in product.pictures]
    assert 800 <= len(pictures) <= 1000
    per_cohort = Counter(p.cohort.subcategory for p in products if len(p.pictures) > 9)
    assert len(per_cohort) == len(COHORTS)
    assert min(per_cohort.values()) >= 5
    ordinary = [product for product in products if product.tier == "ordinary"]
    assert len(ordinary) > 75
    assert all(len(product.pictures) < 5 for product in ordinary)
    kinds = {picture.shot.kind for picture in pictures}
    assert kinds == {"person", *OBJECTS}
    assert {p.shot.view for p in pictures if p.shot.view} == set(VIEWS)
    assert {p.shot.framing for p in pictures if p.shot.framing} == set(FRAMINGS)
    assert any(picture.people == 2 for picture in pictures)
    assert {picture.copy_kind for picture in pictures} >= {"exact", "reencoded"}
    assert len({product.garment.style for product in products}) > 12


def test_the_next_day_brings_few_pictures_and_takes_fewer():
    tomorrow = date(2026, 1, 6)
    for size in (14, 150):
        pictures = [picture for product in planned(size) for picture in product.pictures]
        new = sum(picture.added_at == tomorrow for picture in pictures)
        gone = sum(picture.removed_at == tomorrow for picture in pictures)
        assert 1 <= new <= max(0.04 * len(pictures), 3)
        assert 1 <= gone <= max(0.02 * len(pictures), 2)
        assert all(p.removed_at is None or p.removed_at > p.added_at for p in pictures)


def test_important_shots_go_with_better_ratings():
    products = planned(600)
    with_all, without = [], []
    for product in products:
        first = product.cohort.full_set[:3]
        have = sum(name in product.shots_on(date(2026, 1, 5)) for name in first)
        (with_all if have == 3 else without).append(product.average_rating)
    assert sum(with_all) / len(with_all) > sum(without) / len(without) + 0.2
    counts = sorted(product.rating_count for product in products)
    assert counts[-1] > 20 * counts[len(counts) // 2]  # a long tail
    assert all(0 < product.average_rating <= 5 for product in products)


def test_bad_rows_are_few_and_told(tmp_path):
    from unposed_jobs.lab.sample.rejects import rejected_rows

    products = planned(150)
    bad = rejected_rows(products, 1)
    assert {row[-1] for row in bad.truth} == {
        "missing_key", "missing_category", "duplicate_key", "bad_number", "unknown_product",
    }  # fmt: skip
    assert {row[-1] for row in bad.truth} <= set(schemas.REASONS)
    assert len(bad.products) <= 0.04 * len(products)
    assert not rejected_rows(planned(6), 1).products  # too few to bear one


def test_the_command_refuses_what_makes_no_sense(tmp_path, capsys):
    (tmp_path / "precious.txt").write_text("mine")
    assert main(["sample-catalogue", "--out", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err
    assert (tmp_path / "precious.txt").read_text() == "mine"
    for wrong in (SampleSettings(products=0), SampleSettings(size=10)):
        with pytest.raises(UnposedError, match="must be"):
            write_sample(tmp_path / "new", wrong)
    assert not (tmp_path / "new").exists()


def test_the_command_replaces_an_earlier_sample(tmp_path, capsys):
    arguments = ["sample-catalogue", "--out", str(tmp_path), "--size", "160", "--workers", "1"]
    assert main([*arguments, "--products", "2"]) == 0
    assert main([*arguments, "--products", "1"]) == 0
    assert "1 products" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["P000001"]
