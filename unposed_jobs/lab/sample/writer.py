"""Writes the sample catalogue: pictures by a pool of processes, then the tables and the truth."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.sample import coco
from unposed_jobs.lab.sample.plan import (
    EXACT,
    MISSING,
    TEXT,
    TRUNCATED,
    PlannedPicture,
    PlannedProduct,
    plan_product,
)
from unposed_jobs.lab.sample.rejects import RejectedRows, rejected_rows

if TYPE_CHECKING:
    from unposed_jobs.lab.sample.shots import Studio

Joints = npt.NDArray[np.float64]
JointRow = tuple[Any, ...]
_Labels = npt.NDArray[np.uint8] | None

MARK = "sample.json"
PRODUCT_COLUMNS = (
    "product_id", "category", "subcategory", "product_type", "department", "average_rating",
    "rating_count",
)  # fmt: skip
IMAGE_COLUMNS = ("product_id", "image_uri", "position", "added_at", "removed_at")
TRUTH_IMAGE_COLUMNS = (
    "image_uri", "product_id", "view", "framing", "kind", "person_count", "duplicate_of", "defect",
)  # fmt: skip
TRUTH_JOINT_COLUMNS = ("image_uri", "person", "joint", "x", "y", "in_frame")
TRUTH_CLOTH_COLUMNS = ("product_id", "part", "pattern", "colour", "second")
TRUTH_PRODUCT_COLUMNS = (
    "product_id", "category", "subcategory", "tier", "full_set", "missing", "missing_next_day",
)  # fmt: skip


@dataclass(frozen=True)
class SampleSettings:
    """What to render: `size` is the pictures' height in pixels; the width is 0.8 to 1 of it."""

    products: int = 150
    seed: int = 1
    size: int = 640
    day: date = date(2026, 1, 5)
    parts: bool = False
    """Also write truth/parts: what each pixel shows, truth/cloth.csv, and truth/coco.json."""


@dataclass(frozen=True)
class SampleSummary:
    """What was written."""

    products: int
    images: int
    files: int
    new_next_day: int
    removed_next_day: int
    rejects: int


def write_sample(
    out: Path, settings: SampleSettings, workers: int | None = None, progress: bool = True
) -> SampleSummary:
    """Render the catalogue into `out`; the same settings give the same bytes, whatever `workers`.

    A folder that holds an earlier sample is replaced; one that holds anything else is refused.
    Raises UnposedError for settings that make no sense or a folder that cannot be written.
    """
    if settings.products < 1:
        raise UnposedError("--products must be at least 1")
    if not 160 <= settings.size <= 4096:
        raise UnposedError("--size must be between 160 and 4096 pixels")
    if workers is not None and workers < 1:
        raise UnposedError("--workers must be at least 1")
    _prepare(out, settings)
    jobs = [(str(out), index, settings) for index in range(settings.products)]
    workers = min(workers or _cores(), settings.products)
    products: list[PlannedProduct] = []
    joint_rows: list[JointRow] = []
    try:
        with _bar(len(jobs), progress) as advance, _results(jobs, workers) as results:
            for product, rows in results:
                products.append(product)
                joint_rows += rows
                advance()
        bad = rejected_rows(products, settings.seed)
        _tables(out, settings, products, bad)
        _csv(out / "truth/joints.csv", TRUTH_JOINT_COLUMNS, joint_rows)
    except OSError as error:
        raise _unwritable(out, error) from None
    tomorrow = settings.day + timedelta(days=1)
    pictures = [picture for product in products for picture in product.pictures]
    return SampleSummary(
        products=len(products),
        images=len(pictures),
        files=sum(picture.defect != MISSING for picture in pictures),
        new_next_day=sum(picture.added_at == tomorrow for picture in pictures),
        removed_next_day=sum(picture.removed_at == tomorrow for picture in pictures),
        rejects=len(bad.truth),
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _prepare(out: Path, settings: SampleSettings) -> None:
    """An empty folder with our mark; what an earlier run left is removed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            if not (out / MARK).is_file():
                raise UnposedError(f"{out} is not empty and holds no sample; choose another --out")
            for name in ("pictures", "truth"):
                shutil.rmtree(out / name, ignore_errors=True)
            for name in ("products.csv", "images.csv"):
                (out / name).unlink(missing_ok=True)
        description = {
            "what": "a catalogue rendered by unposed sample-catalogue",
            **asdict(settings),
        }
        (out / MARK).write_text(
            json.dumps(description, default=str, indent=2) + "\n", encoding="utf-8"
        )
        (out / "truth").mkdir()
    except OSError as error:
        raise _unwritable(out, error) from None


def _unwritable(out: Path, error: OSError) -> UnposedError:
    return UnposedError(
        f"cannot write to {out}: {error.strerror}; free space or choose another --out"
    )


@contextmanager
def _results(jobs: list[tuple[str, int, SampleSettings]], workers: int) -> Iterator[Any]:
    """The planned products in order with their joints, their pictures written."""
    if workers == 1:
        yield map(_render_product, jobs)
        return
    from unposed_jobs.lab.sample.scene import warm_up

    warm_up()  # compile here, once: the processes load what is kept on disk
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            yield pool.map(_render_product, jobs, chunksize=1)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _bar(total: int, wanted: bool) -> Iterator[Any]:
    console = Console(stderr=True)
    columns = ("rendering", BarColumn(), MofNCompleteColumn(), "products", TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not (wanted and console.is_terminal)) as bar:
        task = bar.add_task("rendering", total=total)
        yield lambda: bar.advance(task)


def _render_product(
    job: tuple[str, int, SampleSettings],
) -> tuple[PlannedProduct, list[JointRow]]:
    """Plan one product and write its pictures; runs in a worker. Its rows of truth/joints.csv."""
    from unposed_jobs.lab.sample.shots import Studio

    folder, index, settings = job
    product = plan_product(index, settings.products, settings.seed, settings.day)
    rng = np.random.default_rng([settings.seed, 3, index])
    studio = Studio(rng, product.garment, product.womenswear, settings.size)
    root = Path(folder)
    (root / f"pictures/{product.product_id}").mkdir(parents=True, exist_ok=True)
    files: dict[int, tuple[bytes, Joints]] = {}
    rows: list[JointRow] = []
    quality = int(rng.integers(84, 94))
    for picture in product.pictures:
        data, people, labels = _file(studio, picture, files, quality, settings.parts)
        files[picture.number] = data, people
        uri = product.uri(picture.number)
        if picture.defect != MISSING:
            (root / uri).write_bytes(data)
        if settings.parts and labels is not None:
            _write_labels(root, uri, labels)
        rows += _joint_rows(uri, people)
    return product, rows


def _write_labels(root: Path, uri: str, labels: npt.NDArray[np.uint8]) -> None:
    path = root / "truth/parts" / Path(uri).relative_to("pictures").with_suffix(".png")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels).save(path)


def _file(
    studio: Studio,
    picture: PlannedPicture,
    files: dict[int, tuple[bytes, Joints]],
    quality: int,
    labelled: bool,
) -> tuple[bytes, Joints, _Labels]:
    """The picture's bytes, the joints of the people who can be seen in it, and its labels."""
    nobody = np.empty((0, 0, 2))
    if picture.defect == MISSING:
        return b"", nobody, None
    if picture.defect == TEXT:
        return b"This file is named as a picture, but it is text.\n" * 20, nobody, None
    if picture.copy_of is not None:
        original, people = files[picture.copy_of]
        again = original if picture.copy_kind == EXACT else _reencoded(original)
        return again, people, None
    taken = studio.take(picture.shot, picture.people, picture.number, labelled=labelled)
    data = _jpeg(taken.image, quality)
    if picture.defect == TRUNCATED:
        return data[: len(data) * 2 // 5], nobody, None
    return data, taken.joints, taken.labels


def _joint_rows(uri: str, people: Joints) -> list[JointRow]:
    from unposed_jobs.lab.sample.joints import JOINTS

    return [
        (uri, number, name, f"{x:.5f}", f"{y:.5f}", int(0 <= x <= 1 and 0 <= y <= 1))
        for number, person in enumerate(people, start=1)
        for name, (x, y) in zip(JOINTS, person.tolist(), strict=True)
    ]


def _jpeg(image: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def _reencoded(data: bytes) -> bytes:
    """The same picture an eighth larger and compressed more: other bytes, the same content."""
    with Image.open(io.BytesIO(data)) as image:
        size = (image.width * 9 // 8, image.height * 9 // 8)
        return _jpeg(image.resize(size, Image.Resampling.BICUBIC), 70)


def _tables(
    out: Path, settings: SampleSettings, products: list[PlannedProduct], bad: RejectedRows
) -> None:
    tomorrow = settings.day + timedelta(days=1)
    product_rows: list[tuple[Any, ...]] = []
    image_rows: list[tuple[Any, ...]] = []
    truth_images: list[tuple[Any, ...]] = []
    truth_products: list[tuple[Any, ...]] = []
    for product in products:
        cohort = product.cohort
        product_rows.append((
            product.product_id, cohort.category, cohort.subcategory, product.garment.style,
            "women" if product.womenswear else "men", product.average_rating, product.rating_count,
        ))  # fmt: skip
        truth_products.append((
            product.product_id, cohort.category, cohort.subcategory, product.tier,
            ";".join(cohort.full_set), ";".join(product.lacking(settings.day)),
            ";".join(product.lacking(tomorrow)),
        ))  # fmt: skip
        for picture in product.pictures:
            uri, shot = product.uri(picture.number), picture.shot
            image_rows.append((
                product.product_id, uri, picture.number, picture.added_at, picture.removed_at or "",
            ))  # fmt: skip
            original = "" if picture.copy_of is None else product.uri(picture.copy_of)
            truth_images.append((
                uri, product.product_id, shot.view, shot.framing, shot.kind, picture.people,
                original, picture.defect,
            ))  # fmt: skip
    _csv(out / "products.csv", PRODUCT_COLUMNS, product_rows + bad.products)
    _csv(out / "images.csv", IMAGE_COLUMNS, image_rows + bad.images)
    _csv(out / "truth/images.csv", TRUTH_IMAGE_COLUMNS, truth_images)
    _csv(out / "truth/products.csv", TRUTH_PRODUCT_COLUMNS, truth_products)
    if settings.parts:
        _csv(out / "truth/cloth.csv", TRUTH_CLOTH_COLUMNS, [_cloth(one) for one in products])
        coco.write(out)
    _csv(out / "truth/rejects.csv", ("source", "product_id", "image_uri", "reason"), bad.truth)


def _cloth(product: PlannedProduct) -> tuple[Any, ...]:
    from unposed_jobs.lab.sample.parts import garment_part

    garment = product.garment
    colours = ("#{:02x}{:02x}{:02x}".format(*one) for one in (garment.colour, garment.second))
    return (product.product_id, garment_part(garment.kind), garment.pattern, *colours)


def _csv(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
