"""Are the crops that close gaps right? Through the audit itself, on views that are taken away.

``python -m unposed_jobs.lab.evaluation.pictures.remedies SAMPLE``: learns a vocabulary of a
rendered catalogue, takes away all of a product's pictures of one framing, and audits what is left
with the crops as candidates. A crop is wrong where its framing is not that of the taken pictures
that fill the ask, or where its source shows another view, by truth, than those pictures and than
the catalogue's usual ones for the ask.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from PIL import Image

from unposed_jobs import config
from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import AuditRun, audit_products
from unposed_jobs.audit.products import products_batch
from unposed_jobs.config import Settings
from unposed_jobs.lab.evaluation.pictures import cases, figures
from unposed_jobs.lab.evaluation.pictures.figures import Figure, Score
from unposed_jobs.lab.evaluation.stability import JUDGED_DAY
from unposed_jobs.pictures import facts, rows, within
from unposed_jobs.pose import estimators
from unposed_jobs.pose.decoding import decode
from unposed_jobs.pose.rows import LandmarkRow
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.reference.training import train_reference
from unposed_jobs.remedies import cropping, views
from unposed_jobs.remedies.candidates import CANDIDATE, COLUMN, CROP
from unposed_jobs.report import parts

_BATCH, _TILE, _ACROSS, _SHEET = 8, 220, 10, 50
_FRAMINGS = {"upper": "upper_body"}
_BETWEEN = "\t"
_LANDMARKS = ("landmarks", "statistics")
_OFFERED = "gaps that lie within a picture: the remedy is a crop"
_WRONG = "crops that are wrong"


@dataclass(frozen=True)
class Shown:
    """A rendered picture: its row of truth/images.csv, of `landmarks`, and its crops' rows."""

    truth: dict[str, str]
    row: dict[str, Any]
    crops: list[dict[str, Any]]

    @property
    def framing(self) -> str:
        """As `pictures.within` names it."""
        return _FRAMINGS.get(self.truth["framing"], self.truth["framing"])

    @property
    def view(self) -> str:
        """As the renderer has it."""
        return self.truth["view"]

    def large_enough(self, crop: str, least: int) -> bool:
        """Whether a crop of this name has so many pixels, as far as one was made."""
        sides = [min(one["width"], one["height"]) for one in self.crops if one["crop"] == crop]
        return all(side >= least for side in sides)


@dataclass(frozen=True)
class Taken:
    """A gap that opened; `remedy` is its flag's row, `picture` one that was taken and fills it.

    `possible`: by truth it lies within a picture that is left, with pixels enough.
    """

    product: str
    picture: str
    remedy: dict[str, Any]
    possible: bool
    wrong: bool


def look(folder: Path, settings: Settings) -> list[Shown]:
    """Landmarks and crops of a rendered catalogue's pictures of one person or of none."""
    products = {row["product_id"]: row for row in _rows(folder / "products.csv")}
    truth = [
        row
        for row in _rows(folder / "truth/images.csv")
        if not row["defect"] and not row["duplicate_of"] and row["person_count"] in ("0", "1")
    ]
    estimator = estimators.create(settings.pose, outlines=True)
    reader = facts.FactsReader(settings.pose, facts.OFF)
    found = []
    for start in range(0, len(truth), _BATCH):
        batch = truth[start : start + _BATCH]
        data = [(folder / row["image_uri"]).read_bytes() for row in batch]
        pictures = [decode(one, settings.pose) for one in data]
        estimates = estimator.estimate(pictures)
        seen = reader(pictures, estimates, [""] * len(batch))
        for row, one, picture, estimate, each in zip(
            batch, data, pictures, estimates, seen, strict=True
        ):
            known = LandmarkRow.unread(one, "").seen(picture, estimate).columns()
            product = products[row["product_id"]]
            known |= {
                "product_id": row["product_id"],
                "category": product["category"],
                "subcategory": product["subcategory"],
                "popularity": 1.0,
                "image_uri": row["image_uri"],
            }
            found.append(Shown(row, known, rows.of_crops(each)))
    estimator.close()
    return found


def learn(shown: Sequence[Shown], settings: Settings) -> Bundle:
    """A model of all of these pictures."""
    return train_reference(
        table_of(shown), settings.training, run_date=JUDGED_DAY, estimator_id="judged"
    )


def table_of(shown: Sequence[Shown]) -> pa.Table:
    """Their rows of `landmarks`, with product and category."""
    names = [name for name in shown[0].row if name not in _LANDMARKS]
    columns: dict[str, Any] = {name: [one.row[name] for one in shown] for name in names}
    for name in _LANDMARKS:
        columns[name] = pa.array([one.row[name] for one in shown], pa.list_(pa.float32()))
    return pa.table(columns)


def candidates_of(
    shown: Sequence[Shown], model: Bundle, least: int
) -> dict[str, list[dict[str, Any]]]:
    """What `remedies.candidates` takes, by picture; crops of `least` pixels or more."""
    pairs = [
        (one, crop)
        for one in shown
        for crop in one.crops
        if crop["framing"] in within.LARGER.get(crop["crop"], ())
        and crop["coverage"] >= within.WHOLE
        and min(crop["width"], crop["height"]) >= least
    ]
    if not pairs:
        return {}
    table = table_of([one for one, _ in pairs])
    table = table.append_column(
        "box", pa.array([crop["box"] for _, crop in pairs], pa.list_(pa.float32()))
    )
    for name in ("width", "height"):
        sizes = pa.array([crop[name] for _, crop in pairs], pa.int32())
        table = table.append_column(f"crop_{name}", sizes)
    named = model.assign(cropping.cropped(table))
    sided = [(one, one.crops[0]["view"]) for one in shown if one.crops]
    own = model.assign(table_of([one for one, _ in sided]))["pose_id"].to_pylist()
    usual = views.usual(
        (pose_id, side, 1)
        for pose_id, (_, side) in zip(own, sided, strict=True)
        if pose_id is not None
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for (one, crop), pose_id, certainty in zip(
        pairs, named["pose_id"].to_pylist(), named["confidence"].to_pylist(), strict=True
    ):
        if (pose_id, crop["view"]) not in usual:
            continue
        found.setdefault(one.truth["image_uri"], []).append(
            {
                "kind": CROP,
                "uri": f"{one.truth['image_uri']}{_BETWEEN}{crop['crop']}",
                "pose_id": pose_id,
                "certainty": certainty,
                "box": crop["box"],
                "seconds": None,
            }
        )
    return found


def taken_away(shown: Sequence[Shown], model: Bundle, settings: Settings) -> list[Taken]:
    """The gaps that open where all of a product's pictures of one framing are taken away.

    Such a gap is an ask that was present before; which of the taken pictures fill it, the audit
    itself says, with each of them put back alone.
    """
    least = settings.facts.least_crop
    by_product: dict[str, list[Shown]] = {}
    for one in shown:
        by_product.setdefault(one.truth["product_id"], []).append(one)
    variants: dict[str, list[Shown]] = dict(by_product.items())
    for product, own in by_product.items():
        for framing in within.LARGER:
            rest = [one for one in own if one.framing != framing]
            taken = [one for one in own if one.framing == framing]
            if not rest or not taken:
                continue
            variants[_BETWEEN.join((product, framing))] = rest
            for one in taken:
                variants[_BETWEEN.join((product, framing, one.truth["image_uri"]))] = [*rest, one]
    offered = candidates_of(shown, model, least)
    rows: dict[str, dict[int, dict[str, Any]]] = {}
    for row in _audited(variants, offered, model, settings):
        rows.setdefault(row["product_id"], {})[row["ask_id"]] = row
    filled = _filled(rows, by_product)
    usual = views.usual(
        (ask, one.view, 1) for asks in filled.values() for ask, fill in asks.items() for one in fill
    )
    found = []
    for name, asks in filled.items():
        for ask, fill in asks.items():
            sides = {one.view for one in fill} | {side for of, side in usual if of == ask}
            found.append(_taken(rows[name][ask], fill[0], sides, variants[name], least))
    return found


def _filled(
    rows: dict[str, dict[int, dict[str, Any]]], by_product: dict[str, list[Shown]]
) -> dict[str, dict[int, list[Shown]]]:
    """Of each variant without a framing, each gap with the taken pictures that fill it."""
    found: dict[str, dict[int, list[Shown]]] = {}
    for name, asks in rows.items():
        product, _, framing = name.partition(_BETWEEN)
        if not framing or _BETWEEN in framing:
            continue
        for ask, row in asks.items():
            if row["state"] != "missing" or rows[product][ask]["state"] != "present":
                continue
            fill = [
                one
                for one in by_product[product]
                if one.framing == framing
                and rows[_BETWEEN.join((name, one.truth["image_uri"]))][ask]["state"] == "present"
            ]
            if fill:
                found.setdefault(name, {})[ask] = fill
    return found


def _taken(
    row: dict[str, Any], taken: Shown, sides: set[str], rest: Sequence[Shown], least: int
) -> Taken:
    """A gap that picture `taken` fills, of a product of which `rest` is left; `row` is its flag.

    `sides` are views, by truth, that the ask shows.
    """
    framing = taken.framing
    possible = any(
        other.framing in within.LARGER[framing]
        and other.view in sides
        and other.large_enough(framing, least)
        for other in rest
    )
    wrong = False
    if row["remedy"] == CROP:
        source, _, crop = row["remedy_uri"].partition(_BETWEEN)
        (view,) = {one.view for one in rest if one.truth["image_uri"] == source}
        wrong = view not in sides or crop != framing
    product = row["product_id"].partition(_BETWEEN)[0]
    return Taken(product, taken.truth["image_uri"], row, possible, wrong)


def _audited(
    variants: dict[str, list[Shown]],
    offered: dict[str, list[dict[str, Any]]],
    model: Bundle,
    settings: Settings,
) -> list[dict[str, Any]]:
    listed = [(name, one) for name, own in variants.items() for one in own]
    table = table_of([one for _, one in listed])
    place = table.column_names.index("product_id")
    table = table.set_column(place, "product_id", pa.array([name for name, _ in listed]))
    batch = products_batch(table, model.assign(table), model.attributes)
    held = [
        [
            candidate
            for one in variants[name]
            for candidate in offered.get(one.truth["image_uri"], ())
        ]
        for name in batch.column("product_id").to_pylist()
    ]
    batch = batch.append_column(COLUMN, pa.array(held, pa.list_(CANDIDATE)))
    run = AuditRun(JUDGED_DAY, "judged", model.model_version)
    expectations = Expectations.from_bundle(model)
    return audit_products(batch, expectations, settings.audit, run).pose_flags.to_pylist()


def draw(path: Path, folder: Path, taken: Sequence[Taken]) -> None:
    """At most fifty crops on a sheet, each above what was taken away; wrong ones have a red rim."""
    tiles = []
    chosen = [one for one in taken if one.remedy["remedy"] == CROP][:_SHEET]
    for one in chosen:
        source = one.remedy["remedy_uri"].partition(_BETWEEN)[0]
        left, top, width, height = one.remedy["remedy_box"]
        crop = parts.cut(_read(folder / source), (left, top, width, height))
        tile = np.vstack([_fitted(crop), _fitted(_read(folder / one.picture))])
        cv2.rectangle(tile, (0, 0), (_TILE - 1, 2 * _TILE - 1), _ink(one.wrong), 3)
        tiles.append(tile)
    tiles += [np.full((2 * _TILE, _TILE, 3), 255, np.uint8)] * (-len(tiles) % _ACROSS)
    lines = [np.hstack(tiles[at : at + _ACROSS]) for at in range(0, len(tiles), _ACROSS)]
    if lines:
        Image.fromarray(np.vstack(lines)).save(path)


def _ink(wrong: bool) -> tuple[int, int, int]:
    return (210, 20, 20) if wrong else (235, 235, 235)


def _read(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _fitted(picture: Any) -> Any:
    height, width = picture.shape[:2]
    scale = _TILE / max(height, width)
    size = (max(1, int(width * scale)), max(1, int(height * scale)))
    tile = np.full((_TILE, _TILE, 3), 255, np.uint8)
    tile[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return tile


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def measured(taken: Sequence[Taken]) -> list[Figure]:
    """How often a crop was the remedy where one was possible, and how often it was wrong."""
    offered = [one for one in taken if one.remedy["remedy"] == CROP]
    possible = [one for one in taken if one.possible]
    scores = [
        *(Score(_OFFERED, one.product, float(one.remedy["remedy"] == CROP)) for one in possible),
        *(Score(_WRONG, one.product, float(one.wrong)) for one in offered),
    ]
    found = (
        figures.summed(_OFFERED, scores, wanted=(">=", 0.9)),
        figures.summed(_WRONG, scores, wanted=("<=", 0.03)),
    )
    return [one for one in found if one is not None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the two shares with their intervals over products."""
    parser = argparse.ArgumentParser(prog="python -m unposed_jobs.lab.evaluation.pictures.remedies")
    parser.add_argument("sample", type=Path)
    parser.add_argument("--sheet", type=Path, help="also draw crops, a PNG")
    parser.add_argument("--json", type=Path, help="also write the figures")
    parser.add_argument("--least", type=int, help="pixels of a crop ([facts] least_crop)")
    given = parser.parse_args(arguments)
    settings = config.load()
    if given.least:
        settings = replace(settings, facts=replace(settings.facts, least_crop=given.least))
    shown = look(given.sample, settings)
    print(f"{len(shown)} pictures; learning", file=sys.stderr)
    taken = taken_away(shown, learn(shown, settings), settings)
    found = measured(taken)
    for one in found:
        print(f"{one.name} ({one.wanted}): {one.value} of {one.count}")
    if given.json is not None:
        notes = [
            *cases.told_of(given.sample),
            f"{len(taken)} gaps, each of all of a product's pictures of one framing taken away; "
            f"crops of {settings.facts.least_crop} pixels and more",
        ]
        figures.write(given.json, notes, found)
    if given.sheet is not None:
        draw(given.sheet, given.sample, taken)
    return 0


if __name__ == "__main__":
    sys.exit(main())
