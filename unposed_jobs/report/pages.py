"""Writes the pages: jinja2 templates with autoescape, one stylesheet, one small script."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from unposed_jobs.catalogue.schemas import REASONS
from unposed_jobs.config import Settings
from unposed_jobs.report import addresses
from unposed_jobs.report.model import Gallery, Picture, Product
from unposed_jobs.report.thumbnails import Thumbnail

PER_PAGE = 48
"""Products that the script shows at once."""
PER_FILE = 1200
"""Products in one HTML file, lest a big catalogue's page becomes too heavy."""
PICTURES_A_CARD = 16
EXAMPLES_SHOWN = 4
TEMPLATES = Path(__file__).parent / "templates"
ASSETS = ("gallery.css", "gallery.js")
STATUSES = {
    "complete": "Complete",
    "gaps": "Has gaps",
    "unclear": "Unclear",
    "unassessable": "Could not be assessed",
}


def pictures_shown(gallery: Gallery, *, every: bool = False) -> Iterator[str]:
    """The address of each picture that gets a thumbnail; some come more than once. With `every`
    also of those that could not be read.
    """
    for pose in (*(pose for ask in gallery.asks for pose in ask.poses), *gallery.retired):
        yield from pose.exemplars
    for product in gallery.products:
        for picture in product.pictures[:PICTURES_A_CARD]:
            if every or picture.state != "unreadable":
                yield picture.uri
        for missing in product.missing:
            yield from missing.examples[:EXAMPLES_SHOWN]
            if missing.crop:
                yield missing.crop


def product_files(count: int) -> list[str]:
    """Names of the HTML files that `count` products fill; at least one."""
    return ["products.html"] + [
        f"products-{number}.html" for number in range(2, -(-count // PER_FILE) + 1)
    ]


def anchors(gallery: Gallery) -> dict[str, str]:
    """The address of each product's card, from the gallery's folder."""
    files = product_files(len(gallery.products))
    return {
        product.product_id: f"{files[index // PER_FILE]}#product-{index + 1}"
        for index, product in enumerate(gallery.products)
    }


def write(
    gallery: Gallery,
    thumbnails: Mapping[str, Thumbnail],
    folder: Path,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write all pages and their assets into `folder`."""
    templates = environment()
    files = product_files(len(gallery.products))
    shared = {
        "gallery": gallery,
        "picture_hosts": addresses.hosts(pictures_shown(gallery, every=True)),
        "thumbnails": thumbnails,
        "settings": settings,
        "files": files,
        "anchors": anchors(gallery),
        "statuses": STATUSES,
        "asks": {ask.ask_id: ask for ask in gallery.asks},
        "examples_shown": EXAMPLES_SHOWN,
        "pictures_a_card": PICTURES_A_CARD,
        "per_page": PER_PAGE,
    }
    pages: list[tuple[str, str, dict[str, Any]]] = [
        ("index.html", "index.html", {}),
        ("vocabulary.html", "vocabulary.html", {}),
        ("attention.html", "attention.html", {"reasons": REASONS}),
    ]
    for part, name in enumerate(files):
        first = part * PER_FILE
        products = gallery.products[first : first + PER_FILE]
        pages.append(
            (
                name,
                "products.html",
                {
                    "part": part,
                    "first": first,
                    "count": len(products),
                    "groups": _groups(products),
                },
            )
        )
    for done, (name, template, values) in enumerate(pages, start=1):
        stream = templates.get_template(template).stream(**shared, **values, page=name)
        stream.enable_buffering(256)
        stream.dump(str(folder / name), encoding="utf-8")
        if progress is not None:
            progress(done, len(pages))
    copy_assets(folder)


def copy_assets(folder: Path) -> None:
    """Write the stylesheet and the script into the pages' folder."""
    for asset in ASSETS:
        shutil.copyfile(TEMPLATES / asset, folder / asset)


def environment() -> jinja2.Environment:
    """The templates with autoescape, and the filters they use."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = "{:,}".format
    environment.filters["percent"] = _percent
    environment.filters["day"] = lambda value: f"{value.day} {value:%B %Y}"
    environment.filters["share"] = lambda value: f"{min(max(value, 0.0), 1.0):.4f}"
    environment.filters["certainty"] = _certainty
    environment.globals["alt"] = _alt
    environment.globals["original"] = addresses.original
    environment.globals["searched"] = _searched
    return environment


def _percent(value: float | None) -> str:
    """Whole percent; 100 % means all, and 0 % means none."""
    if value is None:
        return "–"
    rounded = round(value * 100)
    if rounded == 100 and value < 1:
        rounded = 99
    if rounded == 0 and value > 0:
        return "< 1\u202f%"
    return f"{rounded}\u202f%"


def _certainty(confidence: float) -> str:
    return "sure" if confidence >= 0.75 else "fairly sure" if confidence >= 0.5 else "not so sure"


def _alt(picture: Picture, product: Product) -> str:
    described = {
        "shown": picture.label,
        "unclear": f"pose unclear ({picture.label})",
        "repeat": "repeat of an earlier picture",
        "unreadable": f"picture {picture.label}",
    }[picture.state]
    return f"{product.title or product.product_id}: {described}"


def _searched(product: Product) -> str:
    """The text that the search matches."""
    values = (value for _, value in product.carried)
    return " ".join((product.product_id, product.title or "", *values)).lower()


def _groups(products: Sequence[Product]) -> list[Sequence[Product]]:
    return [products[start : start + PER_PAGE] for start in range(0, len(products), PER_PAGE)]
