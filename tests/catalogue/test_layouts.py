"""Small exports in the layouts of shops, read with nothing but the layout's name."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from test_field_cases import FIELD, read, real

from unposed_jobs import config
from unposed_jobs.config import LAYOUTS
from unposed_jobs.errors import UnposedError

GOOGLE = (
    '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">'
    "<channel><title>Shop</title>"
    "<item><g:id>v1</g:id><g:item_group_id>P1</g:item_group_id><g:product_type>Tops &gt; Tées"
    "</g:product_type><g:image_link>https://h/1</g:image_link><g:size>L</g:size>"
    "<g:additional_image_link>https://h/2</g:additional_image_link>"
    "<g:additional_image_link>https://h/3</g:additional_image_link></item>"
    "<item><g:id>P2</g:id><g:product_type>Shoes</g:product_type>"
    "<g:image_link>https://h/4</g:image_link></item></channel></rss>"
)
AMAZON = [
    {
        "parent_asin": "B1",
        "title": "Tee",
        "main_category": "AMAZON FASHION",
        "average_rating": 4.1,
        "rating_number": 12,
        "images": [
            {"thumb": "https://h/t.jpg", "large": "https://h/l.jpg", "hi_res": "https://h/x.jpg"},
            {"thumb": "https://h/t2.jpg", "large": "https://h/l2.jpg", "hi_res": None},
        ],
    },
    {
        "parent_asin": "B2",
        "main_category": None,
        "average_rating": 3,
        "rating_number": 1,
        "images": [],
    },
]
EXPORTS = {
    "shopify": (
        "x.csv",
        "Handle,Title,Type,Variant SKU,Image Src,Image Position,Status\n"
        "tee,Tee,Shirts,T-S,https://h/1.jpg?v=1,1,active\n"
        "tee,,,T-M,https://h/2.jpg?v=1,2,\n"
        "tee,,,T-L,,,\n",
        [("tee", "Shirts")],
        [("tee", "https://h/1.jpg?v=1"), ("tee", "https://h/2.jpg?v=1")],
    ),
    "woocommerce": (
        "x.csv",
        "ID,Type,SKU,Name,Categories,Images,Parent\n"
        '44,variable,tee,Tee,Clothing > Tees,"https://h/1.jpg, https://h/2.jpg",\n'
        "76,variation,tee-red,Red,,https://h/3.jpg,tee\n"
        "50,variable,,Cap,Caps,https://h/4.jpg,\n"
        "51,variation,,Red,,https://h/5.jpg,id:50\n",
        [("tee", "Clothing > Tees"), ("id:50", "Caps")],
        [
            ("tee", "https://h/1.jpg"),
            ("tee", "https://h/2.jpg"),
            ("tee", "https://h/3.jpg"),
            ("id:50", "https://h/4.jpg"),
            ("id:50", "https://h/5.jpg"),
        ],
    ),
    "magento": (
        "x.csv",
        "sku,attribute_set_code,product_type,categories,base_image,additional_images\n"
        'MH01,Top,configurable,"Default Category/Men/Tops",/m/h/a.jpg,"/m/h/a.jpg,/m/h/b.jpg"\n',
        [("MH01", "Default Category/Men/Tops")],
        [("MH01", "m/h/a.jpg"), ("MH01", "m/h/b.jpg")],
    ),
    "google-merchant": (
        "x.tsv",
        "id\titem group id\tproduct type\timage link\tadditional image link\tsize\n"
        "v1\tP1\tTops\thttps://h/1.jpg\thttps://h/2.jpg,https://h/3.jpg\tL\n"
        "v2\tP1\tTops\thttps://h/1.jpg\t\tM\n"
        "P2\t\tShoes\thttps://h/4.jpg\t\t\n",
        [("P1", "Tops"), ("P1", "Tops"), ("P2", "Shoes")],
        [
            ("P1", "https://h/1.jpg"),
            ("P1", "https://h/2.jpg"),
            ("P1", "https://h/3.jpg"),
            ("P1", "https://h/1.jpg"),
            ("P2", "https://h/4.jpg"),
        ],
    ),
    "google-merchant xml": (
        "x.xml",
        GOOGLE,
        [("P1", "Tops > Tées"), ("P2", "Shoes")],
        [
            ("P1", "https://h/1"),
            ("P1", "https://h/2"),
            ("P1", "https://h/3"),
            ("P2", "https://h/4"),
        ],
    ),
    "amazon-flat-file": (
        "x.txt",
        "TemplateType=fptcustom\tVersion=2021.1\t\t\n"
        "Seller SKU\tProduct Type\tMain Image URL\tOther Image URL1\n"
        "item_sku\tfeed_product_type\tmain_image_url\tother_image_url1\n"
        "SKU1\tshirt\ta.jpg\tb.jpg\nSKU2\tshirt\tc.jpg\t\n",
        [("SKU1", "shirt"), ("SKU2", "shirt")],
        [("SKU1", "a.jpg"), ("SKU1", "b.jpg"), ("SKU2", "c.jpg")],
    ),
    "amazon-reviews": (
        "x.jsonl",
        "".join(json.dumps(item) + "\n" for item in AMAZON),
        [("B1", "AMAZON FASHION")],
        [("B1", "https://h/x.jpg"), ("B1", "https://h/l2.jpg")],
    ),
    "akeneo": (
        "x.csv",
        "sku;categories;family;groups;image;picture_2\n"
        "A1;master_tops;tops;;files/A1/image/a.jpg;files/A1/image/b.jpg\n",
        [("A1", "tops")],
        [("A1", "files/A1/image/a.jpg"), ("A1", "files/A1/image/b.jpg")],
    ),
    "bigcommerce": (
        "x.csv",
        '"Item Type","Product ID","Product Name","Category",'
        '"Product Image File - 1","Product Image File - 2"\n'
        '"Product","77","Tee","Clothing/Tops","a.jpg","b.jpg"\n"  SKU","","S","","",""\n'
        '"  Rule","","","","",""\n',
        [("77", "Clothing/Tops")],
        [("77", "a.jpg"), ("77", "b.jpg")],
    ),
    "kaggle-styles": (
        "styles.csv",
        "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,"
        "productDisplayName\n15970,Men,Apparel,Topwear,Shirts,Navy Blue,Fall,2011,Casual,Shirt\n",
        [("15970", "Apparel")],
        [("15970", "images/15970.jpg")],
    ),
    "h-and-m": (
        "articles.csv",
        "article_id,product_code,product_type_name,product_group_name,index_group_name\n"
        "0108775015,0108775,Vest top,Garment Upper body,Ladieswear\n",
        [("0108775015", "Ladieswear")],
        [("0108775015", "images/010/0108775015.jpg")],
    ),
}


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("zipped", [False, True])
def test_an_export_is_read_by_its_layout_alone(tmp_path, name, zipped):
    file, text, products, pictures = EXPORTS[name]
    path = tmp_path / (f"{file}.gz" if zipped else file)
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    if name == "magento":
        (tmp_path / "m/h").mkdir(parents=True)
        for picture in ("a.jpg", "b.jpg"):
            (tmp_path / "m/h" / picture).touch()
    (good, bad), (images, more) = read(path, path, layout=name.split()[0])
    found = [(row["product_id"], row["image_uri"].removeprefix(f"{tmp_path}/")) for row in images]
    assert found == pictures
    assert [(row["product_id"], row["category"]) for row in good] == products
    # what the job finds to be rows of variants, or nothing at all
    harmless = {"missing_category", "no_picture", "other_row"}
    assert {reason for reason, _ in bad + more} <= harmless


def test_every_layout_has_an_export():
    assert {name.split()[0] for name in EXPORTS} == {path.stem for path in LAYOUTS.glob("*.toml")}


@real
def test_real_exports_by_layout():
    folder = FIELD / "16-shop-exports"
    for name, pictures in (("shopify", 3), ("woo", 4)):
        layout = {"woo": "woocommerce"}.get(name, name)
        _, (images, _) = read(folder / f"{name}.csv", folder / f"{name}.csv", layout=layout)
        assert len(images) == pictures
    path = folder / "magento.csv"
    _, (images, _) = read(path, path, layout="magento", image_root="s3://b/p")
    assert [row["image_uri"] for row in images] == [
        f"s3://b/p/m/h/mh01-black_{shot}.jpg" for shot in ("main", "alt1", "back")
    ]


def test_settings_go_before_a_layout_and_one_file_is_both_lists(tmp_path):
    own = tmp_path / "mine.toml"
    own.write_text((LAYOUTS / "shopify.toml").read_text().replace('"Handle | URL', '"Key | URL'))
    settings = config.load(
        None,
        catalogue__layout=str(own),
        catalogue__products="x.csv",
        catalogue__product_columns={"category": "Vendor"},
    ).catalogue
    assert settings.images == "x.csv"
    assert settings.product_columns["category"] == "Vendor"
    assert settings.image_columns["product_id"] == "Key | URL handle"
    assert settings.cohort_attributes == ("category",)


@pytest.mark.parametrize(
    ("layout", "told"),
    [
        ("shopfy", "no such layout; did you mean shopify?"),
        ("nothing", "known: akeneo, amazon-flat-file"),
        ("absent.toml", "no such layout"),
    ],
)
def test_a_layout_that_is_none(layout, told):
    with pytest.raises(UnposedError, match=rf"\[catalogue\] layout {layout}: .*{told}"):
        config.load(None, catalogue__layout=layout)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("x.xml", "<rss><item><id>1</id>", "x.xml is no XML"),
        ("x.xml", "<!DOCTYPE x [<!ENTITY a 'b'>]><rss/>", "it declares entities"),
    ],
)
def test_feeds_that_cannot_be_read(tmp_path: Path, name, text, told):
    (tmp_path / name).write_text(text)
    with pytest.raises(UnposedError, match=told):
        read(tmp_path / name, None)


def test_a_line_that_is_no_record_is_malformed(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"product_id": 1, "image_uri": "/a"}\n[1]\n{"prod\n\n')
    _, (images, bad) = read(None, tmp_path / "x.jsonl")
    assert len(images) == 1
    assert [reason for reason, _ in bad] == ["malformed_line"] * 2
