"""What a catalogue's files are understood to say: the layout, columns, counts, dropped rows.

Reads every row once, as a stream, without Spark; nothing is published.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from unposed_jobs import config, storage
from unposed_jobs.catalogue import likeness, sources, validation
from unposed_jobs.catalogue.addresses import nearest
from unposed_jobs.catalogue.schemas import HARMLESS
from unposed_jobs.config import CatalogueSettings, Settings
from unposed_jobs.errors import UnposedError


@dataclass
class Understood:
    """What one of the two lists is understood to say."""

    uri: str
    columns: dict[str, str]
    rows: int = 0
    kept: int = 0
    keys: set[str] = field(default_factory=set)
    """Products of the kept rows."""
    pictures: Counter[str] = field(default_factory=Counter)
    """Of each product how many pictures there are."""
    seen: set[int] = field(default_factory=set)
    """Digests of the pictures that were counted."""
    cohorts: Counter[str] = field(default_factory=Counter)
    rated: int = 0
    places: Counter[str] = field(default_factory=Counter)
    """Where pictures are: folders, buckets and hosts."""
    first: str = ""
    """The first address."""
    dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    """Of each reason the first row's detail."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Columns that mean something else, and an example of each."""
    notices: list[str] = field(default_factory=list)


def guess(uris: Sequence[str], path: str | None, layout: str = "") -> Settings:
    """The settings with which the files can be read: the user's own columns, else the layout of
    which the files have the most columns, else columns whose names are alike (`likeness`). Of two
    files one lists the products, one the pictures.

    Raises UnposedError where no layout fits, naming the columns there are.
    """
    if len(uris) > 2:
        raise UnposedError("name one file, or one of products and one of images")
    layouts = [layout] if layout else ["", *sorted(p.stem for p in config.LAYOUTS.glob("*.toml"))]
    orders = [(uris[0], uris[-1])] + ([(uris[1], uris[0])] if len(uris) == 2 else [])
    found: list[tuple[int, Settings]] = []
    reason = None
    for name in layouts:
        for products, images in orders:
            settings = config.load(
                path,
                catalogue__layout=name or None,
                catalogue__products=products,
                catalogue__images=images,
            )
            try:
                found.append((_fit(settings), settings))
            except UnposedError as error:
                reason = reason or error
    if not found and not layout:
        for products, images in orders:
            try:
                found.append((0, _mapped(products, images, path)))
            except UnposedError as error:
                # Names what lacks indeed, not what has another name.
                reason = error if (products, images) == orders[0] else reason
    if not found:
        known = "" if layout else "; no layout fits either (unposed catalogue layouts)"
        raise UnposedError(f"{reason}{known}")
    if not found[0][1].catalogue.layout:
        return found[0][1]
    return max(found, key=lambda item: item[0])[1]


def _mapped(products: str, images: str, path: str | None) -> Settings:
    """Settings that map columns whose names are alike; raises UnposedError where some are not."""
    plain = config.load(path, catalogue__products=products, catalogue__images=images)
    settings = config.load(
        path,
        catalogue__products=products,
        catalogue__images=images,
        catalogue__product_columns=_alike(plain, products, validation.REQUIRED_PRODUCTS),
        catalogue__image_columns=_alike(plain, images, validation.REQUIRED_IMAGES),
    )
    _fit(settings)
    return settings


def _alike(settings: Settings, uri: str, wanted: Sequence[str]) -> dict[str, str]:
    how = validation.reading(settings.catalogue)
    with contextlib.suppress(UnposedError):
        files = sources.plan(uri, settings.warehouse, how)
        return likeness.alike(sources.columns(uri, files, settings.warehouse), wanted)
    return {}


def _fit(settings: Settings) -> int:
    """How many of our columns the files have; raises UnposedError where a required one lacks."""
    return sum(len(columns) for _, _, columns in _lists(settings))


def _lists(settings: Settings) -> Iterator[tuple[str, list[sources.SourceFile], dict[str, str]]]:
    catalogue = settings.catalogue
    how = validation.reading(catalogue)
    for uri, columns_of in (
        (catalogue.products, validation.product_columns),
        (catalogue.images, validation.image_columns),
    ):
        files = sources.plan(uri, settings.warehouse, how)
        names = sources.columns(uri, files, settings.warehouse)
        columns = columns_of(names, catalogue, uri)
        several = validation.picture_columns(names, catalogue)
        if columns_of is validation.image_columns and several:
            columns |= {"image_uri": ", ".join(several)}
        yield uri, files, columns


def check(settings: Settings, rooted: CatalogueSettings) -> tuple[Understood, Understood]:
    """Read the products and the images; `rooted` are the settings with the pictures' folder."""
    found = []
    checks: tuple[Callable[..., Any], ...] = (validation.products, validation.images)
    for (uri, files, columns), validate in zip(_lists(settings), checks, strict=True):
        source = Understood(uri, columns)
        source.notices = list(dict.fromkeys(file.notice for file in files if file.notice))
        catalogue, lacking = rooted, Counter[str]()
        for batch in (batch for file in files for batch in sources.read(file)):
            if catalogue is rooted:
                source.left_out = validation.other_meanings(batch, rooted)
                catalogue = validation.unmapped(rooted, source.left_out)
            accepted, rejects = validate(batch, catalogue, uri)
            _count(source, accepted, rejects, lacking)
        further = sum(rows for key, rows in lacking.items() if key in source.keys)
        if further:
            source.dropped["continuation_row"] += further
            source.dropped["missing_category"] -= further
            source.dropped = +source.dropped  # Without reasons of no row.
        found.append(source)
    return found[0], found[1]


def _count(
    source: Understood, accepted: pa.RecordBatch, rejects: pa.RecordBatch, lacking: Counter[str]
) -> None:
    source.kept += accepted.num_rows
    source.keys.update(accepted.column("product_id").to_pylist())
    for key, reason, detail in zip(
        *(rejects.column(name).to_pylist() for name in ("row_key", "reason", "detail")), strict=True
    ):
        source.dropped[reason] += 1
        source.examples.setdefault(reason, detail)
        if reason == "missing_category" and key:
            lacking[key] += 1
    source.rows = source.kept + sum(
        n for name, n in source.dropped.items() if name != "ignored_value"
    )
    if "image_uri" in accepted.schema.names:
        uris = accepted.column("image_uri").to_pylist()
        for picture in zip(accepted.column("product_id").to_pylist(), uris, strict=True):
            if (digest := hash(picture)) not in source.seen:
                source.seen.add(digest)
                source.pictures[picture[0]] += 1
        source.first = source.first or next(iter(uris), "")
        source.places.update(_place(uri) for uri in uris)
        return
    source.cohorts.update(
        value or "(no category)" for value in accepted.column("category").to_pylist()
    )
    source.rated += accepted.num_rows - accepted.column("average_rating").null_count


def _place(uri: str) -> str:
    if storage.scheme(uri) == "file":
        return "files of this machine"
    return storage.shown("/".join(uri.split("/", 3)[:3]))


def opened(uri: str) -> str:
    """Whether a picture can be opened: its size, or why not and what is near."""
    if not uri:
        return "there is none"
    try:
        return f"{storage.shown(uri)}: {storage.pictures.stat(uri).size} bytes"
    except storage.StorageError as error:
        return f"{error.status}: {error}{nearest(uri, {}) if error.status == 'missing' else ''}"


def report(products: Understood, images: Understood, settings: Settings) -> list[str]:
    """What was understood, line by line."""
    layout = settings.catalogue.layout
    lines = [f"layout: {layout or 'none: the columns have the names of unposed, or are mapped'}"]
    if settings.catalogue.product_columns.get("average_rating") == "":
        lines.append("no column of ratings: all products are equally popular")
    for name, source in (("products", products), ("images", images)):
        lines.append(f"{name}: {storage.shown(source.uri)}")
        lines += [f"  note: {notice}" for notice in source.notices]
        lines += [f"  column {ours} = {theirs}" for ours, theirs in source.columns.items()]
        lines += [
            f'  column {column} means something else (such as "{example}") and is left out'
            for column, example in source.left_out.items()
        ]
        lines.append(f"  rows {source.rows}, kept {source.kept}, products {len(source.keys)}")
        if source.cohorts:
            common = ", ".join(f"{key} {n}" for key, n in source.cohorts.most_common(5))
            lines.append(f"  categories {len(source.cohorts)}: {common}")
            lines.append(f"  rated rows {source.rated}")
        lines += [f"  pictures {n}: {place}" for place, n in source.places.most_common(5)]
        for reason, count in source.dropped.most_common():
            harm = "skipped, no harm" if reason in HARMLESS else "set aside"
            example = f", such as {source.examples[reason]}" if reason in source.examples else ""
            lines.append(f"  {reason} {count} ({harm}){example}")
    unknown = len(images.keys - products.keys)
    if unknown:
        lines.append(f"products with pictures that are not among the products: {unknown}")
    lines.append(f"products without a picture: {len(products.keys - images.keys)}")
    lines.append(f"first picture: {opened(images.first)}")
    if hosts := unasked(settings, images):
        lines.append(
            f"pictures are on {len(hosts)} hosts that [storage] http_hosts does not allow: "
            f"{', '.join(hosts[:5])}"
        )
    return lines


def unasked(settings: Settings, images: Understood) -> list[str]:
    """The hosts with pictures that the settings do not allow, the commonest first."""
    found = []
    for place, _ in images.places.most_common():
        if storage.scheme(place) in ("http", "https"):
            try:
                storage.hosts.allowed(place, settings.storage)
            except storage.StorageError:
                found.append(place.partition("//")[2])
    return list(dict.fromkeys(found))


def as_toml(
    settings: Settings, products: Understood, images: Understood, min_pictures: int = 0
) -> str:
    """The settings to run with, as a file; `min_pictures`, where training needs another."""
    given = settings.catalogue
    lines = ["[catalogue]", f"products = {_quoted(given.products)}"]
    lines.append(f"images = {_quoted(given.images)}")
    if given.layout:
        lines.append(f"layout = {_quoted(given.layout)}")
    elif "subcategory" not in products.columns and "subcategory" in given.cohort_attributes:
        lines.append('cohort_attributes = ["category"]')
    for section, mapping in _mappings(given, products, images).items():
        if mapping:
            named = [f"{ours} = {_quoted(theirs)}" for ours, theirs in mapping.items()]
            lines += ["", f"[catalogue.{section}]", *named]
    if min_pictures:
        lines += [
            "",
            "[training]",
            "# Too few products have more.",
            f"min_pictures = {min_pictures}",
        ]
    if hosts := unasked(settings, images):
        # Who asks which hosts is for a person to say.
        listed = ", ".join(_quoted(host) for host in hosts)
        lines += ["", "[storage]", "# Without its #, pictures of these hosts are read:"]
        lines.append(f"# http_hosts = [{listed}]")
    return "\n".join(lines) + "\n"


def _mappings(
    given: CatalogueSettings, products: Understood, images: Understood
) -> dict[str, dict[str, str]]:
    """What a file of settings says of columns; a layout's own mapping is not repeated."""
    found: dict[str, dict[str, str]] = {"product_columns": {}, "image_columns": {}}
    if not given.layout:
        found["product_columns"] |= given.product_columns
        found["image_columns"] |= given.image_columns
    for section, source in (("product_columns", products), ("image_columns", images)):
        for name in source.left_out:
            if (name == "product_type") == (section == "product_columns"):
                found[section][name] = ""
    return found


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
