"""A small catalogue as ten shops would export it: the columns, codes and quirks of each."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Product:
    """What a shop knows of a product; `pictures` are files."""

    number: int
    title: str
    category: str
    subcategory: str
    rating: float
    reviews: int
    pictures: tuple[Path, ...]


def products_of(catalogue: Path) -> list[Product]:
    """The products of a rendered sample, with the pictures that there are."""
    pictures: dict[str, list[Path]] = {}
    with (catalogue / "images.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = catalogue / row["image_uri"]
            found = pictures.setdefault(row["product_id"], [])
            if path.is_file() and path not in found:
                found.append(path)
    with (catalogue / "products.csv").open(encoding="utf-8") as file:
        rows = {row["product_id"]: row for row in csv.DictReader(file)}
    return [
        Product(
            1000 + number,
            f"{row['subcategory']} {number}",
            row["category"],
            row["subcategory"],
            float(row["average_rating"] or 0),
            int(row["rating_count"] or 0),
            tuple(pictures[key]),
        )
        for number, (key, row) in enumerate(rows.items())
        if row["category"]
        and pictures.get(key)
        and row["average_rating"].replace(".", "").isdigit()
    ]


def _placed(product: Product, folder: Path, name: str) -> list[str]:
    """Link a product's pictures below the export's folder; their names, from there."""
    found = []
    for number, path in enumerate(product.pictures, 1):
        target = folder / name.format(p=product, n=number, x="" if number == 1 else f"_{number}")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, target)
        found.append(target.relative_to(folder).as_posix())
    return found


def _written(path: Path, rows: Iterable[Sequence[Any]], delimiter: str = ",", **dialect) -> Path:
    with path.open("w", newline="", encoding=dialect.pop("encoding", "utf-8")) as file:
        csv.writer(file, delimiter=delimiter, **dialect).writerows(rows)
    return path


def shopify(products: list[Product], folder: Path) -> Path:
    """A row for each picture and variant; only the first tells of the product."""
    rows: list[Sequence[Any]] = [
        [
            *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags"),
            *("Published", "Option1 Name", "Option1 Value", "Variant SKU", "Variant Grams"),
            *("Variant Price", "Image Src", "Image Position", "Image Alt Text", "Status"),
        ]
    ]
    for product in products:
        handle = product.title.lower().replace(" ", "-")
        for number, name in enumerate(_placed(product, folder, "files/{p.number}-{n}.jpg"), 1):
            told = ["", "", "", "", "", "", "", "", "", ""]
            if number == 1:
                body = f'<p class="a">{product.title},\n"new"</p>'
                told = [product.title, body, "Us", "Apparel > Tops", product.category]
                told += ["new, sale", "true", "Size", "S", f"{handle}-s"]
            price = ["250", "29.90"] if number == 1 else ["", ""]
            rows.append([handle, *told, *price, f"{name}?v=1699", number, "", "active"])
        rows.append([handle, *[""] * 7, "", "M", f"{handle}-m", 250, 29.9, "", "", "", ""])
    return _written(folder / "products_export_1.csv", rows)


def woocommerce(products: list[Product], folder: Path) -> Path:
    """All pictures in one cell; variations name their parent."""
    rows: list[Sequence[Any]] = [
        [
            *("ID", "Type", "SKU", "Name", "Published", "Is featured?", "Description"),
            *("Categories", "Tags", "Images", "Parent", "Position", "Attribute 1 name"),
        ]
    ]
    for product in products:
        names = _placed(product, folder, "wp-content/uploads/2026/01/{p.number}{x}.jpg")
        sku, kind = f"W-{product.number}", f"{product.category} > {product.subcategory}"
        rows.append(
            [
                *(product.number, "variable", sku, product.title, 1, 0, "<b>x</b>\\n", kind, "new"),
                *(", ".join(names), "", 0, "Size"),
            ]
        )
        rows.append(
            [
                *(product.number + 5000, "variation", f"{sku}-S", product.title, 1, 0, "", "", ""),
                *("", sku, 1, "Size"),
            ]
        )
    return _written(folder / "wc-product-export.csv", rows, encoding="utf-8-sig")


def magento(products: list[Product], folder: Path) -> Path:
    """Addresses begin with a slash and are below the media folder."""
    rows: list[Sequence[Any]] = [
        [
            *("sku", "store_view_code", "attribute_set_code", "product_type", "categories"),
            *("name", "price", "base_image", "base_image_label", "small_image"),
            *("created_at", "additional_images", "additional_attributes"),
        ]
    ]
    for product in products:
        names = _placed(product, folder, "m/h/mh{p.number}{x}.jpg")
        first, *others = [f"/{name}" for name in names]
        rows.append(
            [
                *(f"MH{product.number}", "", "Top", "configurable"),
                *(f"Default Category/{product.category},Default Category/New", product.title, 29.0),
                *(first, "", first, "1/5/26, 10:00 AM", ",".join(others), "color=Red,size=L"),
            ]
        )
        rows.append(
            [
                *(
                    f"MH{product.number}",
                    "de",
                    "",
                    "",
                    "",
                    product.title,
                    "",
                    "",
                    "",
                    "",
                    "",
                    "",
                    "",
                ),
            ]
        )
    return _written(folder / "catalog_product.csv", rows)


def google_text(products: list[Product], folder: Path) -> Path:
    """Tabs; variants share a group; `size` is one of clothes."""
    rows: list[Sequence[Any]] = [
        [
            *("id", "title", "description", "link", "image_link", "additional_image_link"),
            *("availability", "price", "product_type", "item_group_id", "size", "color"),
        ]
    ]
    for product in products:
        names = _placed(product, folder, "i/{p.number}-{n}.jpg")
        for size in ("S", "M"):
            rows.append(
                [
                    *(
                        f"{product.number}{size}",
                        product.title,
                        "x",
                        "https://shop.example/p",
                        names[0],
                    ),
                    *(",".join(names[1:]), "in_stock", "29.90 EUR"),
                    *(f"{product.category} > {product.subcategory}", product.number, size, "red"),
                ]
            )
    return _written(folder / "feed.txt", rows, "\t", quoting=csv.QUOTE_NONE, escapechar="\\")


def google_xml(products: list[Product], folder: Path) -> Path:
    """RSS 2.0 with Google's names."""
    items = []
    for product in products:
        first, *others = _placed(product, folder, "i/{p.number}-{n}.jpg")
        more = "".join(
            f"<g:additional_image_link>{name}</g:additional_image_link>" for name in others
        )
        kind = escape(f"{product.category} > {product.subcategory}")
        items.append(
            f"<item><g:id>{product.number}</g:id><title>{escape(product.title)}</title>"
            f"<g:product_type>{kind}</g:product_type><g:image_link>{first}</g:image_link>{more}"
            "<g:size>L</g:size></item>"
        )
    path = folder / "feed.xml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" '
        'xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>'
        f"{''.join(items)}</channel></rss>",
        encoding="utf-8",
    )
    return path


def amazon_flat_file(products: list[Product], folder: Path) -> Path:
    """Two lines before the one that names the columns."""
    most = max(len(product.pictures) for product in products)
    others = [f"other_image_url{n}" for n in range(1, most)]
    names = ["feed_product_type", "item_sku", "item_name", "main_image_url", *others, "size_name"]
    rows: list[Sequence[Any]] = [
        ["TemplateType=fptcustom", "Version=2021.1014", *[""] * (len(names) - 2)],
        [name.replace("_", " ").title() for name in names],
        names,
    ]
    for product in products:
        pictures = _placed(product, folder, "{p.number}.{n}.jpg")
        pictures += [""] * (most - len(pictures))
        rows.append([product.category, f"A{product.number}", product.title, *pictures, "M"])
    return _written(folder / "inventory.txt", rows, "\t", encoding="cp1252")


def amazon_reviews(products: list[Product], folder: Path) -> Path:
    """A product a line, its pictures as objects of several sizes."""
    path = folder / "meta_Fashion.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for product in products:
            names = _placed(product, folder, "{p.number}/{n}.jpg")
            images = [
                {"thumb": f"{name}?s=40", "large": name, "variant": "MAIN", "hi_res": None}
                for name in names
            ]
            told = {
                "main_category": product.category,
                "title": product.title,
                "average_rating": product.rating,
                "rating_number": product.reviews,
                "features": ["x, y"],
                "price": None,
                "images": images,
                "videos": [],
                "details": {"Department": "womens"},
                "parent_asin": f"B{product.number}",
            }
            file.write(json.dumps(told) + "\n")
    return path


def akeneo(products: list[Product], folder: Path) -> Path:
    """Semicolons; each picture an attribute of its own."""
    most = max(len(product.pictures) for product in products)
    names = [f"picture_{n}" for n in range(2, most + 1)]
    rows: list[Sequence[Any]] = [
        ["sku", "categories", "enabled", "family", "groups", "image", *names, "name-en_US"]
    ]
    for product in products:
        pictures = _placed(product, folder, "files/A{p.number}/image{x}/a{n}.jpg")
        pictures += [""] * (most - len(pictures))
        rows.append(
            [
                *(
                    f"A{product.number}",
                    "master",
                    1,
                    product.category,
                    "",
                    *pictures,
                    product.title,
                ),
            ]
        )
    return _written(folder / "products.csv", rows, ";")


def bigcommerce(products: list[Product], folder: Path) -> Path:
    """SKUs and rules stand below their product; a set of columns for each picture."""
    most = max(len(product.pictures) for product in products)
    several = [f"Product Image {what} - {n}" for n in range(1, most + 1) for what in ("ID", "File")]
    names = ["Item Type", "Product ID", "Product Name", "Product Type", "Category", *several]
    rows: list[Sequence[Any]] = [names]
    for product in products:
        found = _placed(product, folder, "product_images/{p.number}__{n}.jpg")
        cells = [cell for n, name in enumerate(found, 1) for cell in (n, name)]
        cells += [""] * (len(several) - len(cells))
        rows.append(["Product", product.number, product.title, "P", product.category, *cells])
        rows.append(["  SKU", "", f"[S]Size={product.number}", "", "", *[""] * len(several)])
    return _written(folder / "products-bulk.csv", rows, quoting=csv.QUOTE_ALL)


def kaggle_styles(products: list[Product], folder: Path) -> Path:
    """One picture of each product, which its id names; titles with commas that nobody quoted."""
    rows: list[Sequence[Any]] = [
        [
            *("id", "gender", "masterCategory", "subCategory", "articleType", "baseColour"),
            *("season", "year", "usage", "productDisplayName"),
        ]
    ]
    for number, (product, picture) in enumerate(_each(products), 1):
        (folder / "images").mkdir(exist_ok=True)
        os.link(picture, folder / f"images/{number}.jpg")
        rows.append(
            [
                *(number, "Women", product.category, product.subcategory, product.subcategory),
                *("NA" if number % 9 == 0 else "Red", "Fall", 2011, "Casual", product.title),
            ]
        )
    return _written(folder / "styles.csv", rows)


def h_and_m(products: list[Product], folder: Path) -> Path:
    """Ids of ten digits, whose first three name the folder."""
    rows: list[Sequence[Any]] = [
        [
            *("article_id", "product_code", "prod_name", "product_type_no", "product_type_name"),
            *("product_group_name", "index_group_name", "detail_desc"),
        ]
    ]
    for number, (product, picture) in enumerate(_each(products), 1):
        article = f"{108775000 + 997 * number:010d}"
        path = folder / "images" / article[:3] / f"{article}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(picture, path)
        rows.append(
            [
                *(
                    article,
                    article[:7],
                    product.title,
                    253,
                    product.subcategory,
                    product.subcategory,
                ),
                *(product.category, 'A "fine", piece'),
            ]
        )
    return _written(folder / "articles.csv", rows)


def _each(products: list[Product]) -> Iterable[tuple[Product, Path]]:
    return ((product, picture) for product in products for picture in product.pictures)


EXPORTS: dict[str, Callable[[list[Product], Path], Path]] = {
    "shopify": shopify,
    "woocommerce": woocommerce,
    "magento": magento,
    "google-merchant": google_text,
    "google-merchant xml": google_xml,
    "amazon-flat-file": amazon_flat_file,
    "amazon-reviews": amazon_reviews,
    "akeneo": akeneo,
    "bigcommerce": bigcommerce,
    "kaggle-styles": kaggle_styles,
    "h-and-m": h_and_m,
}
"""Each writes the export of products and their pictures into a folder, and gives its file."""
