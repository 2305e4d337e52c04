"""Builds the gallery: a folder of static pages that opens from a disk, a server or a bucket."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from unposed_jobs import storage
from unposed_jobs.catalogue import places
from unposed_jobs.config import Settings
from unposed_jobs.errors import UnposedError
from unposed_jobs.report import cards, facts, listing, pages, search, thumbnails, videos, worth
from unposed_jobs.report.facts import Tables
from unposed_jobs.report.model import Gallery

MARKER = ".unposed-gallery"
"""Only a folder that has this file is ever replaced."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


def build(
    warehouse: Tables,
    settings: Settings,
    run_date: datetime.date,
    out: str | Path,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
    catalogue: listing.Listing | None = None,
) -> Path:
    """Write the gallery of a published day to the folder `out`; returns its first page.

    Cards are made for the `limit` products that matter most (default: ``[gallery] products``);
    figures and search cover all. The pages are written into a folder next to `out`, which is then
    renamed, so a reader never meets half a gallery, and an earlier gallery's thumbnails are taken
    over. `catalogue` has how popular products are; by default it is read where the settings say.

    Raises UnposedError where the day is not published, or `out` holds something else.
    """
    limit = settings.gallery.products if limit is None else limit
    if limit < 1:
        raise UnposedError("--limit must be at least 1")
    storage.configure(places.allowed(settings))
    target = Path(out).absolute()
    refuse_foreign(target)
    tell: Progress = progress or (lambda what, done, of: None)
    gallery, contents = collect(
        warehouse,
        settings,
        run_date,
        limit=limit,
        tell=tell,
        catalogue=catalogue or listing.from_settings(settings),
    )
    with replacing(target) as folder:
        previous = target if target.is_dir() else None
        made = thumbnails.make_all(
            pages.pictures_shown(gallery),
            folder,
            settings.pose,
            contents=contents,
            link=settings.gallery.web_pictures == "link",
            previous=previous,
            progress=lambda done, of: tell("thumbnails", done, of),
        )
        if gallery.figures.products > min(len(gallery.products), pages.PER_FILE):
            anchors = pages.anchors(gallery)
            parts = search.write(
                warehouse, run_date, folder, columns=gallery.columns, anchors=anchors
            )
            gallery = dataclasses.replace(gallery, search_parts=parts)
        videos.write(gallery.products, folder)
        pages.write(gallery, made, folder, settings, lambda done, of: tell("pages", done, of))
        (folder / MARKER).write_text(f"{run_date} {gallery.run_id}\n", encoding="utf-8")
    return target / "index.html"


def collect(
    warehouse: Tables,
    settings: Settings,
    run_date: datetime.date,
    *,
    limit: int,
    tell: Progress,
    catalogue: listing.Listing,
) -> tuple[Gallery, dict[str, str]]:
    """Everything on the pages, and the content digests of the pictures on them."""
    day = facts.published_day(warehouse, run_date)
    before = facts.previous_day(warehouse, run_date)
    tell("figures", 0, 3)
    figures = facts.figures(warehouse, run_date)
    asks, retired = facts.vocabulary(warehouse, day)
    rejects, reject_counts = facts.rejects(warehouse, run_date)
    tell("figures", 1, 3)
    notes = []
    try:
        popularity = catalogue.popularity()
    except UnposedError as error:
        popularity = listing.POPULARITY.empty_table()
        notes.append(f"Products are ordered by what is missing alone: {error}")
    audited = cards.choose(warehouse, day, popularity, limit)
    tell("figures", 2, 3)
    title, columns = shown_columns(settings)
    products, contents = cards.gather(warehouse, day, audited, title=title, columns=columns)
    tell("figures", 3, 3)
    gallery = Gallery(
        run_date=run_date,
        run_id=day.run_id,
        model_version=day.model_version,
        figures=figures,
        previous=facts.figures(warehouse, before) if before else None,
        previous_date=before,
        categories=facts.categories(warehouse, run_date),
        most_missing=facts.most_missing(asks, figures.products),
        asks=asks,
        retired=retired,
        products=products,
        unassessable=facts.unjudged(warehouse, run_date, "unassessable"),
        unclear=facts.unjudged(warehouse, run_date, "unclear"),
        rejects=rejects,
        reject_counts=reject_counts,
        columns=columns,
        choices=facts.choices(warehouse, run_date, [name for name in columns if name != title]),
        notes=tuple(notes),
        worths=worth.worths(warehouse, run_date),
    )
    return gallery, contents


def shown_columns(settings: Settings) -> tuple[str, tuple[str, ...]]:
    """The carried column that heads a card ("" for none), and all that are shown, it first.

    Raises UnposedError for one that is not carried.
    """
    carry, gallery = settings.catalogue.carry, settings.gallery
    for name in gallery.columns:
        if name not in carry:
            raise UnposedError(
                f"[gallery] columns: {name} is not carried; [catalogue] carry has: "
                f"{', '.join(carry) or 'nothing'}"
            )
    title = gallery.title if gallery.title in carry else ""
    further = [name for name in gallery.columns or carry if name != title]
    return title, (title, *further) if title else tuple(further)


def refuse_foreign(target: Path) -> None:
    """Raise UnposedError where `target` holds something that `replacing` may not remove."""
    if not target.exists():
        return
    if not target.is_dir():
        raise UnposedError(f"{target} is a file; give --out a folder")
    if any(target.iterdir()) and not (target / MARKER).is_file():
        raise UnposedError(
            f"{target} holds something that is no gallery; give --out another folder"
        )


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A new folder next to the target, which takes its place when all went well."""
    mark = uuid.uuid4().hex[:12]
    folder, old = (target.with_name(f".{target.name}-{mark}-{end}") for end in ("new", "old"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except OSError as error:
        raise UnposedError(f"cannot write {target}: {error.strerror}") from None
    try:
        yield folder
        if target.exists():
            target.replace(old)
        try:
            folder.replace(target)
        except OSError:
            if old.exists():
                old.replace(target)
            raise
    finally:
        for leftover in (folder, old):
            shutil.rmtree(leftover, ignore_errors=True)
