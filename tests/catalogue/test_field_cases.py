"""Small inputs that real catalogues look like, read as the jobs read them, without Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from unposed_jobs import config
from unposed_jobs.catalogue import sources, validation
from unposed_jobs.distributed import source_frames
from unposed_jobs.errors import UnposedError

FIELD = Path(__file__).parents[2] / "../shared/data/field"
real = pytest.mark.skipif(not FIELD.is_dir(), reason="the folder ../shared/data/field is not here")


def read(products=None, images=None, toml=None, **more):
    """Accepted rows and (reason, detail) of the others, of the products and of the images."""
    settings = config.load(
        toml,
        **{f"catalogue__{name}": value for name, value in more.items()},
        catalogue__products=str(products) if products else None,
        catalogue__images=str(images) if images else None,
    )
    catalogue, found = settings.catalogue, []
    for uri, columns, check in (
        (products, validation.product_columns, validation.products),
        (images, validation.image_columns, validation.images),
    ):
        good, bad = [], []
        if uri:
            files = source_frames.sources_of(str(uri), catalogue, settings, columns)
            rooted = source_frames.with_image_root(catalogue) if images else catalogue
            meant = source_frames.as_meant(files, rooted, str(uri))
            for file in files:
                for batch in sources.read(file):
                    accepted, rejects = check(batch, meant, file.uri)
                    good += accepted.to_pylist()
                    bad += [(row["reason"], row["detail"]) for row in rejects.to_pylist()]
        found.append((good, bad))
    return found


def pictures(rows, root):
    return [(row["product_id"], row["image_uri"].removeprefix(f"{root}/")) for row in rows]


@real
def test_a_size_that_is_no_size():
    folder = FIELD / "01-size-column"
    feed = folder / "gfeed.tsv"
    (_, _), (images, bad) = read(feed, feed, folder / "g.toml")
    assert (len(images), bad) == (3, [])
    assert {row["size"] for row in images} == {None}


@real
def test_ids_of_type_uuid():
    folder = FIELD / "02-uuid-parquet"
    (products, bad), (images, more) = read(
        folder / "uuid_products.parquet", folder / "uuid_images.parquet"
    )
    assert bad + more == []
    assert {row["product_id"] for row in images} == {row["product_id"] for row in products}
    assert all(len(row["product_id"]) == 36 for row in products)


@real
@pytest.mark.parametrize("name", ["04-postgres-time", "06-blank-rows", "07-missing-words"])
def test_times_emptied_rows_and_words(name):
    folder = FIELD / name
    (products, bad), (images, more) = read(folder / "products.csv", folder / "images.csv")
    assert [row["product_id"] for row in products] == ["P1", "P2", "P3"]
    assert {reason for reason, _ in bad + more} <= {"empty_row"}
    assert len(images) == 3
    if name == "04-postgres-time":
        assert {str(row["added_at"]) for row in images} == {"2024-05-09"}
    if name == "07-missing-words":
        assert [row["category"] for row in products] == ["Tops", None, None]
        assert [row["average_rating"] for row in products] == [4.5, None, None]
        assert {row["subcategory"] for row in products} == {None}


@real
def test_several_pictures_in_a_cell():
    folder = FIELD / "08-list-cell"
    _, (images, bad) = read(folder / "products.csv", folder / "images.csv")
    assert bad == []
    assert pictures(images, folder / "pictures") == [
        ("P1", "front.jpg"),
        ("P1", "back.jpg"),
        ("P2", "back.jpg"),
        ("P2", "side.jpg"),
        ("P3", "side.jpg"),
        ("P3", "front.jpg"),
    ]
    assert all(Path(row["image_uri"]).is_file() for row in images)


@real
def test_addresses_like_those_of_the_web():
    folder = FIELD / "10-url-like-paths"
    _, (images, bad) = read(folder / "products.csv", folder / "images.csv")
    assert bad == []
    assert pictures(images, folder.absolute() / "pictures") == [
        ("P1", "red dress.jpg"),
        ("P2", "back.jpg"),
        ("P3", "side.jpg"),
        ("P3", "https://cdn.shop.example/side.jpg"),
    ]


@real
def test_exports_of_shops_with_columns_mapped():
    folder = FIELD / "16-shop-exports"
    shop = folder / "shopify.csv"
    (products, bad), (images, more) = read(shop, shop, folder / "shopify.toml")
    assert [row["product_id"] for row in products] == ["linen-shirt", "midi-dress"]
    assert {reason for reason, _ in bad} == {"missing_category"}  # the job: continuation_row
    assert {reason for reason, _ in more} == {"no_picture"}
    assert len(images) == 3
    magento = folder / "magento.csv"
    _, (images, _) = read(None, magento, folder / "magento.toml")
    assert [row["image_uri"] for row in images] == [
        "s3://shop/media/catalog/product/m/h/mh01-black_main.jpg"
    ]
    woo = folder / "woo.csv"
    _, (images, _) = read(woo, woo, folder / "woo.toml")
    assert len(images) == 4


@real
def test_quotes_after_a_backslash():
    folder = FIELD / "18-backslash-quotes"
    (products, bad), _ = read(folder / "products.csv", cohort_attributes=["category", "title"])
    assert bad == []
    assert [dict(row["attributes"])["title"] for row in products] == [
        'Heel 5" red, suede',
        "Plain tee",
        'Heel 5"',
        "Other, tee",
        'a "nice" tee',
        "tee",
    ]


@real
def test_lines_before_the_header():
    folder = FIELD / "19-lines-before-header"
    (products, bad), _ = read(folder / "titled.csv")
    assert ([row["product_id"] for row in products], bad) == (["P1"], [])
    with pytest.raises(UnposedError, match=r"\[catalogue\] header_line = 3"):
        read(folder / "flat.txt")
    named = {"product_id": "item_sku", "image_uri": "main_image_url"}
    _, (images, _) = read(None, folder / "flat.txt", header_line=3, image_columns=named)
    assert pictures(images, folder.absolute()) == [("SKU1", "a.jpg")]
    _, (images, _) = read(None, folder / "flat.txt", image_columns=named)
    assert len(images) == 1


@real
@pytest.mark.parametrize("name", ["images.csv", "images-extra-comma.csv"])
def test_short_rows_and_empty_cells_too_many(name):
    folder = FIELD / "22-short-rows"
    (products, bad), (images, more) = read(folder / "products.csv", folder / name)
    assert (len(products), len(images), bad + more) == (15, 60, [])


@pytest.mark.parametrize(
    ("written", "there"),
    [
        ("red%20dress.jpg", "red dress.jpg"),
        ("a.jpg?v=17&width=800", "a.jpg"),
        ("a.jpg#large", "a.jpg"),
        ("b%20c.jpg?v=1", "b c.jpg"),
        ("100%25.jpg", "100%.jpg"),
        ("50%20off.jpg", "50%20off.jpg"),
        ("what?.jpg", "what?.jpg"),
        ("x\\y\\a.jpg", "x/y/a.jpg"),
        ("C:\\shop\\x\\a.jpg", "x/a.jpg"),
        ("\\\\server\\share\\x\\a.jpg", "x/a.jpg"),
        ("/media/x/a.jpg", "media/x/a.jpg"),
        ("caf\u0065\u0301.jpg", "caf\u00e9.jpg"),
        ("caf\u00e9.jpg", "cafe\u0301.jpg"),
        ("caf%C3%A9.jpg", "caf\u00e9.jpg"),
        ("a b.jpg", "a b.jpg"),
    ],
)
def test_an_address_is_found_as_it_is_meant(tmp_path, written, there):
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).touch()
    (tmp_path / "images.csv").write_text(f"product_id,image_uri\nP1,{written}\n")
    _, (images, bad) = read(None, tmp_path / "images.csv")
    assert (pictures(images, tmp_path), bad) == ([("P1", there)], [])


@pytest.mark.parametrize(
    ("root", "written", "expected"),
    [
        ("s3://b/r", "/m/h/a.jpg", "s3://b/r/m/h/a.jpg"),
        ("s3://b/r", "m\\a.jpg?v=1", "s3://b/r/m/a.jpg"),
        ("https://h/r", "/m/a.jpg?v=1", "https://h/r/m/a.jpg?v=1"),
        ("/r", "//cdn.shop.example:8443/a.jpg?v=1", "https://cdn.shop.example:8443/a.jpg?v=1"),
        ("/r", "https:\\/\\/h\\/a.jpg", "https://h/a.jpg"),
        ("/r", "//no-host/a.jpg", "//no-host/a.jpg"),
        ("/r/s", "..%2F..%2Fetc%2Fpasswd", "/r/s/..%2F..%2Fetc%2Fpasswd"),
    ],
)
def test_addresses_told_without_looking(tmp_path, root, written, expected):
    (tmp_path / "images.csv").write_text(f"product_id,image_uri\nP1,{written}\n")
    _, (images, _) = read(None, tmp_path / "images.csv", image_root=root)
    assert [row["image_uri"] for row in images] == [expected]


def test_a_grouped_sheet(tmp_path):
    (tmp_path / "x.csv").write_text(
        "Catalogue of spring,,\n,,\nproduct_id,image_uri,note\nP1,a.jpg,\n,b.jpg\n,,\nP2,c.jpg,,,\n"
    )
    _, (images, bad) = read(None, tmp_path / "x.csv", fill_down=["product_id"])
    assert pictures(images, tmp_path) == [("P1", "a.jpg"), ("P1", "b.jpg"), ("P2", "c.jpg")]
    assert {reason for reason, _ in bad} == {"missing_key"}
