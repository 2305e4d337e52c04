from __future__ import annotations

from pathlib import Path

import pytest

from unposed_jobs import cli, config

SHOP = (
    "Handle,Title,Type,Image Src,Image Position\n"
    "tee,Tee,Shirts,a.jpg,1\ntee,,,B.jpg,2\ntee,,,,\ncap,Cap,Caps,,\n"
)


def test_an_export_is_understood_and_its_settings_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("shop.csv").write_text(SHOP)
    Path("a.jpg").write_bytes(b"12345")
    assert cli.main(["catalogue", "check", "shop.csv"]) == 0
    said = capsys.readouterr().out
    assert "missing_category" not in said  # A further row of a product is no fault.
    for told in (
        "layout: shopify",
        "column product_id = Handle",
        "categories 2: Shirts 1, Caps 1",
        "continuation_row 2",
        "no_picture 2 (skipped, no harm)",
        "products without a picture: 1",
        f"first picture: {tmp_path}/a.jpg: 5 bytes",
        "wrote unposed.toml",
    ):
        assert told in said
    settings = config.load("unposed.toml").catalogue
    assert (settings.products, settings.images) == ("shop.csv", "shop.csv")
    assert settings.layout == "shopify"
    assert cli.main(["catalogue", "check", "shop.csv"]) == 0
    assert "unposed.toml is there already and stays" in capsys.readouterr().out


def test_hosts_with_pictures_are_named_and_left_for_a_person_to_allow(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    rows = (
        "https://cdn.shop.example/a.jpg",
        "//cdn.shop.example/b.jpg",
        "http://x.example:81/c.jpg",
    )
    Path("shop.csv").write_text(
        "Handle,Title,Type,Image Src\n" + "".join(f"p{n},P,T,{u}\n" for n, u in enumerate(rows))
    )
    assert cli.main(["catalogue", "check", "shop.csv"]) == 0
    assert "does not allow: cdn.shop.example, x.example:81" in capsys.readouterr().out
    written = Path("unposed.toml").read_text()
    assert config.load("unposed.toml").storage.http_hosts == ()
    Path("unposed.toml").write_text(written.replace("# http_hosts", "http_hosts"))
    assert config.load("unposed.toml").storage.http_hosts == ("cdn.shop.example", "x.example:81")


def test_two_files_in_any_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("p.csv").write_text("product_id,category,average_rating,rating_count\nP1,A,,\n")
    Path("i.csv").write_text("product_id,image_uri,size\nP1,Front.JPG,XL\nP1,,\n")
    Path("front.jpg").touch()
    assert cli.main(["catalogue", "check", "i.csv", "p.csv", "--write", "mine.toml"]) == 0
    said = capsys.readouterr().out
    for told in (
        "layout: none",
        'column size means something else (such as "XL")',
        "missing_key 1 (set aside), such as i.csv row 3: image_uri is empty",
        "there is 'front.jpg', written otherwise",
    ):
        assert told in said
    settings = config.load("mine.toml").catalogue
    assert (settings.products, settings.images) == ("p.csv", "i.csv")
    assert settings.image_columns == {"size": ""}
    assert settings.cohort_attributes == ("category",)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["x.csv"], "no layout fits either"),
        (["x.csv", "--layout", "shopify"], "has no column Handle"),
        (["x.csv"] * 3, "name one file, or one of products and one of images"),
        (["absent.csv"], "no file"),
    ],
)
def test_files_that_are_not_understood(tmp_path, monkeypatch, capsys, files, told):
    monkeypatch.chdir(tmp_path)
    Path("x.csv").write_text("a,b\n1,2\n")
    assert cli.main(["catalogue", "check", *files]) != 0
    assert told in capsys.readouterr().err


def test_layouts_are_listed(capsys):
    assert cli.main(["catalogue", "layouts"]) == 0
    said = capsys.readouterr().out
    assert "shopify            Shopify" in said
    assert len(said.splitlines()) == len(list(config.LAYOUTS.glob("*.toml"))) + 1


def test_a_list_of_ones_own_is_mapped_by_the_likeness_of_names(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("p.csv").write_text("SKU;Product Category\nP1;Tops\n")
    Path("i.csv").write_text("sku,Image URL\nP1,a.jpg\n")
    Path("a.jpg").write_bytes(b"12345")
    assert cli.main(["catalogue", "check", "p.csv", "i.csv"]) == 0
    said = capsys.readouterr().out
    assert "column category = Product Category" in said
    assert "no column of ratings: all products are equally popular" in said
    written = config.load("unposed.toml").catalogue
    assert written.product_columns["average_rating"] == ""
    assert written.image_columns == {"product_id": "sku", "image_uri": "Image URL"}
    # What was written is read as it was understood.
    assert cli.main(["catalogue", "check", "p.csv", "i.csv"]) == 0
    assert "rows 1, kept 1" in capsys.readouterr().out


def test_what_lacks_is_named_without_what_has_another_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("p.csv").write_text("SKU,Title\nP1,Tops\n")
    Path("i.csv").write_text("sku,Image URL\nP1,a.jpg\n")
    assert cli.main(["catalogue", "check", "p.csv", "i.csv"]) != 0
    assert "p.csv has no column category; it has: SKU, Title" in capsys.readouterr().err
