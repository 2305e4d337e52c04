"""A folder of somebody's own pictures."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unposed_jobs.cli import main
from unposed_jobs.errors import UnposedError
from unposed_jobs.pictures import folder, rows


@pytest.fixture
def settings(pose_weights, tmp_path) -> list[str]:
    path = tmp_path / "unposed.toml"
    path.write_text(f'[pose]\nweights = "{pose_weights.weights}"\n')
    return ["--config", str(path)]


def test_folders_and_numbered_files_are_products(shop) -> None:
    found = folder.pictures(shop)
    assert [(one.name, one.product) for one in found] == [
        ("ABC_1.jpg", "ABC"),
        ("ABC_2.jpg", "ABC"),
        ("Shirt 12/2.jpg", "Shirt 12"),
        ("Shirt 12/10.png", "Shirt 12"),
    ]


@pytest.mark.parametrize(
    ("stem", "product"),
    [
        ("ABC-01", "ABC"),
        ("ABC_PT01", "ABC"),
        ("ABC_front", "ABC"),
        ("ABC12345678", "ABC12345678"),
        ("01", "own"),
    ],
)
def test_the_number_is_no_part_of_a_product_s_name(tmp_path, stem, product) -> None:
    own = tmp_path / "own"
    own.mkdir()
    path = own / f"{stem}.jpg"
    path.write_bytes(b"")
    assert folder.pictures(own)[0].product == product
    assert folder.pictures(path)[0].product == product


def test_a_folder_without_pictures(tmp_path) -> None:
    with pytest.raises(UnposedError, match="no pictures in"):
        folder.pictures(tmp_path)
    with pytest.raises(UnposedError, match="no folder"):
        folder.pictures(tmp_path / "absent")


def test_facts_are_told_for_each_picture(shop, settings, tmp_path, capsys) -> None:
    swatches = tmp_path / "swatches"
    status = main(["facts", str(shop), "--format", "json", "--swatches", str(swatches), *settings])
    out, err = capsys.readouterr()
    rows = {row["picture"]: row for row in map(json.loads, out.splitlines())}
    assert status == 1
    assert err.startswith("ABC_2.jpg: not_a_picture")
    assert rows["ABC_2.jpg"]["error"].startswith("not_a_picture")
    person, laid = rows["Shirt 12/2.jpg"], rows["Shirt 12/10.png"]
    assert (person["image_class"], person["view"], person["mask_source"]) == (
        "model", "front", "outline",
    )  # fmt: skip
    assert (laid["image_class"], laid["kind"], laid["file_format"]) == (
        "product_only", "flat_lay", "PNG",
    )  # fmt: skip
    assert {crop["name"] for crop in person["crops"]} >= {"head", "upper_garment", "shoes"}
    assert person["words"] == 0
    assert len(list((swatches / "Shirt 12").glob("*.png"))) >= 2


def test_crops_are_written(shop, settings, tmp_path, capsys) -> None:
    out = tmp_path / "crops"
    asked = ["crops", str(shop / "Shirt 12"), "--out", str(out), "--least", "30"]
    assert main([*asked, "--only", "upper_garment", "shoes", *settings]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "2-shoes.jpg", "2-upper_garment.jpg",
    ]  # fmt: skip
    assert "1 pictures without a person" in capsys.readouterr().out
    assert main([*asked, "--only", "ear", *settings]) == 2


def test_cut_outs_are_written(shop, settings, tmp_path, capsys) -> None:
    out = tmp_path / "cut"
    assert main(["cutout", str(shop / "Shirt 12"), "--out", str(out), *settings]) == 0
    alpha = np.asarray(Image.open(out / "10.png"))[..., 3]
    assert alpha[len(alpha) // 2, alpha.shape[1] // 2] == 255
    framed = tmp_path / "framed"
    asked = ["cutout", str(shop / "Shirt 12"), "--out", str(framed), "--for", "zalando"]
    assert main([*asked, *settings]) == 0
    with Image.open(framed / "2.jpg") as image:
        assert image.width / image.height == pytest.approx(1801 / 2600, abs=0.01)
        assert min(image.getpixel((0, 0))) > 245
    assert "a larger original is needed" in capsys.readouterr().out


def test_a_marketplace_says_what_is_to_be_mended(shop, settings, capsys) -> None:
    asked = ["ready", str(shop / "Shirt 12"), "--for", "zalando", "google-merchant"]
    assert main([*asked, "--format", "json", *settings]) == 1
    told = {(row["market"]): row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert told["google-merchant"]["ready"]
    assert not told["zalando"]["ready"]
    rules = {(one["rule"], one["picture"]) for one in told["zalando"]["failing"]}
    assert {("width", "2.jpg"), ("file_format", "10.png")} <= rules
    assert all(one["source"] and one["remedy"] for one in told["zalando"]["failing"])
    assert main(["ready", str(shop / "Shirt 12"), "--for", "nobody", *settings]) == 2


def test_the_folder_may_stand_after_a_flags_names(shop, settings, tmp_path, capsys) -> None:
    folder = str(shop / "Shirt 12")
    assert main(["ready", "--for", "google-merchant", "catalogue", folder, *settings]) in (0, 1)
    assert "Google Merchant: 1 of 1" in capsys.readouterr().out
    out = tmp_path / "crops"
    assert main(["crops", "--out", str(out), "--only", "full", folder, *settings]) == 0
    assert "crops in" in capsys.readouterr().out
    assert main(["ready", "--for", "zalando", *settings]) == 2
    assert "no folder of pictures; run: unposed ready --for" in capsys.readouterr().err


def test_two_files_of_one_name_make_two() -> None:
    from unposed_jobs.cli import _pictures

    used: set[Path] = set()
    names = [_pictures.apart(Path("x/a.png"), used).name for _ in range(3)]
    assert names == ["a.png", "a-2.png", "a-3.png"]


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
def test_a_files_format_is_known_without_reading_it(name) -> None:
    target = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(target, name)
    assert rows.file_format(target.getvalue()) == name
    assert rows.file_format(b"<html>") == ""
